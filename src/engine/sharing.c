/*
 * sharing.c - see sharing.h.
 *
 * Owns the state, one atomic word:
 *
 *   OFF      nothing is shared
 *   INLINE   there is no thread: who finds that it is time writes
 *   QUIET    there is a thread, and nothing has changed since the last write
 *   DUE      something has, and the thread knows
 *
 * INLINE becomes QUIET when the thread is made; QUIET becomes DUE by whoever
 * changes something first, and QUIET again before the figures are gathered, so
 * that no change is missed. Who writes holds is_writing; nobody waits for it.
 */
#include "engine/sharing.h"

#include <errno.h>
#include <stdbool.h>

#include "base/clock.h"
#include "base/options.h"
#include "engine/background.h"
#include "engine/residency.h"
#include "report/live.h"
#include "weights/registry.h"

#define LEAST_GAP_NS UINT64_C(100000000)
#define MOST_GAP_NS UINT64_C(1000000000)
#define NAP_NS UINT64_C(1000000)
/* A write that takes so long is followed by so much more time without one. */
#define REST 200

_Atomic int csh_sharing_state = CSH_SHARING_OFF;
static _Atomic uint64_t next_ns;
static atomic_flag is_writing = ATOMIC_FLAG_INIT;

static uint64_t gap_after(uint64_t cost_ns)
{
    uint64_t gap = cost_ns * REST;

    gap = (gap < LEAST_GAP_NS) ? LEAST_GAP_NS : gap;
    return (gap > MOST_GAP_NS) ? MOST_GAP_NS : gap;
}

/* False: another thread is at it. */
static bool write_figures(void)
{
    uint64_t begun = csh_clock_now_ns(), ended;

    if (atomic_flag_test_and_set(&is_writing)) {
        return false;
    }
    csh_registry_look_by(csh_residency_look);
    if (!csh_live_write(begun)) {
        atomic_store(&csh_sharing_state, CSH_SHARING_OFF);
    }
    ended = csh_clock_now_ns();
    atomic_store(&next_ns, ended + gap_after(ended - begun));
    atomic_flag_clear(&is_writing);
    return true;
}

void csh_sharing_start(void)
{
    if (csh_options()->live && csh_statistics_are_on() && csh_live_open()) {
        atomic_store(&csh_sharing_state, CSH_SHARING_INLINE);
        (void)write_figures();
    }
}

static bool become(int from, int to)
{
    return atomic_compare_exchange_strong(&csh_sharing_state, &from, to);
}

void csh_sharing_note_slowly(size_t bytes, uint64_t now_ns)
{
    int saved_errno = errno;

    if ((bytes >= csh_options()->min_bytes) &&
        (atomic_load(&csh_sharing_state) == CSH_SHARING_INLINE) &&
        csh_background_can_publish()) {
        (void)become(CSH_SHARING_INLINE, CSH_SHARING_QUIET);
    }
    if (become(CSH_SHARING_QUIET, CSH_SHARING_DUE)) {
        csh_background_wake();
    } else if ((atomic_load(&csh_sharing_state) == CSH_SHARING_INLINE) &&
               (now_ns >= atomic_load(&next_ns))) {
        (void)write_figures();
    }
    errno = saved_errno;
}

uint64_t csh_sharing_serve(void)
{
    uint64_t now, next = atomic_load(&next_ns);

    if (atomic_load(&csh_sharing_state) != CSH_SHARING_DUE) {
        return UINT64_MAX;
    }
    now = csh_clock_now_ns();
    if (now < next) {
        return next - now;
    }
    if (!become(CSH_SHARING_DUE, CSH_SHARING_QUIET) || write_figures()) {
        return 0;
    }
    (void)become(CSH_SHARING_QUIET, CSH_SHARING_DUE);
    return NAP_NS;
}
