/*
 * phase.c - dormant, active, off.
 *
 * Owns the phase word and the mark that tells a forked child from its parent:
 * the child is inert. It is made at the first use of CUDA, so a child forked
 * before that starts its own life.
 *
 * States: dormant -> active -> off, or dormant -> off; never back. One atomic
 * word, written by compare-and-swap; any thread. The losers of the race for
 * the first use forward their calls until the winner is done.
 */
#include "engine/phase.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>

#include "base/cancellation.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/options.h"
#include "base/process.h"
#include "engine/calls.h"
#include "engine/declared.h"
#include "engine/host.h"
#include "engine/naming.h"
#include "engine/placing.h"
#include "engine/relief.h"
#include "engine/residency.h"
#include "engine/sharing.h"
#include "engine/trace_points.h"
#include "engine/trust.h"
#include "report/at_exit.h"

enum phase { PHASE_DORMANT, PHASE_STARTING, PHASE_ACTIVE, PHASE_OFF };

static _Atomic int phase = PHASE_DORMANT;
static _Atomic bool refuses;
static struct csh_process_mark own_process;

static int start(void)
{
    const struct csh_options *options;

    csh_process_mark_make(&own_process);
    if (csh_declared_elsewhere()) {
        return PHASE_OFF;
    }
    csh_options_load();
    options = csh_options();
    if (options->strict && !csh_options_are_valid()) {
        atomic_store(&refuses, true);
        return PHASE_OFF;
    }
    if (options->mode == CSH_MODE_OFF) {
        return PHASE_OFF;
    }
    if (!csh_calls_bind()) {
        csh_warn("engine", "the driver lacks an entry the shim needs; "
                           "everything is forwarded");
        return PHASE_OFF;
    }
    if (!csh_residency_start()) {
        return PHASE_OFF;
    }
    csh_statistics_enable(options->stats != CSH_STATS_OFF);
    csh_host_start();
    csh_naming_start();
    csh_relief_start();
    csh_placing_start();
    csh_trust_start();
    csh_trace_points_start(options);
    csh_report_enable(true);
    csh_sharing_start();
    return PHASE_ACTIVE;
}

bool csh_phase_is_active(void)
{
    return atomic_load_explicit(&phase, memory_order_acquire) ==
               PHASE_ACTIVE &&
           csh_process_is_marked(&own_process);
}

bool csh_phase_is_starting(void)
{
    return atomic_load_explicit(&phase, memory_order_acquire) ==
           PHASE_STARTING;
}

bool csh_phase_is_over(void)
{
    int now = atomic_load_explicit(&phase, memory_order_acquire);

    return now == PHASE_OFF || csh_declared_elsewhere() ||
           (now == PHASE_ACTIVE && !csh_process_is_marked(&own_process));
}

bool csh_phase_wait_started(void)
{
    int naps = 2000; /* 200 ms: some starts look at many model files */

    while (csh_phase_is_starting() && naps-- > 0) {
        csh_clock_nap_ns(UINT64_C(100000));
    }
    return csh_phase_is_active();
}

bool csh_phase_begin(void)
{
    int expected = PHASE_DORMANT, next;
    int saved_errno, cancellation;

    if (CSH_LIKELY(atomic_load_explicit(&phase, memory_order_acquire) !=
                   PHASE_DORMANT)) {
        return csh_phase_is_active();
    }
    if (!atomic_compare_exchange_strong(&phase, &expected,
                                        PHASE_STARTING)) {
        return csh_phase_is_active();
    }
    saved_errno = errno;
    cancellation = csh_cancellation_put_off();
    next = start();
    expected = PHASE_STARTING;
    /* Another thread may have met the end of the driver meanwhile. */
    atomic_compare_exchange_strong(&phase, &expected, next);
    csh_cancellation_allow(cancellation);
    errno = saved_errno;
    return csh_phase_is_active();
}

bool csh_phase_refuses(void)
{
    return atomic_load_explicit(&refuses, memory_order_relaxed);
}

/* cuda.h says of each of these that the process is left in an inconsistent
 * state and further CUDA work returns the same error. */
static bool is_final(CUresult result)
{
    switch (result) {
    case CUDA_ERROR_DEINITIALIZED:
    case CUDA_ERROR_ECC_UNCORRECTABLE:
    case CUDA_ERROR_ILLEGAL_ADDRESS:
    case CUDA_ERROR_LAUNCH_TIMEOUT:
    case CUDA_ERROR_ASSERT:
    case CUDA_ERROR_HARDWARE_STACK_ERROR:
    case CUDA_ERROR_ILLEGAL_INSTRUCTION:
    case CUDA_ERROR_MISALIGNED_ADDRESS:
    case CUDA_ERROR_INVALID_ADDRESS_SPACE:
    case CUDA_ERROR_INVALID_PC:
    case CUDA_ERROR_LAUNCH_FAILED:
    case CUDA_ERROR_EXTERNAL_DEVICE:
        return true;
    default:
        return false;
    }
}

CUresult csh_phase_note(CUresult result)
{
    if (CSH_UNLIKELY(is_final(result)) &&
        atomic_exchange(&phase, PHASE_OFF) == PHASE_ACTIVE) {
        csh_info("engine", "driver error %d is final: everything is "
                           "forwarded from here on", (int)result);
    }
    return result;
}
