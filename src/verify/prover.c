/*
 * prover.c - the prover of one context: its device code, its lanes, and when
 * not to prove.
 *
 * Owns the module, the page that the lanes' control words lie in, and the
 * lanes. Everything that may allocate or synchronise in the driver happens in
 * create and destroy; a proof records, waits, launches and queries.
 *
 * Threads: proofs of several threads run side by side, one a lane; a lane is
 * tried, never waited for. The back-off is two relaxed atomics: a thread that
 * sees them late makes one attempt more. No locks.
 */
#include "verify/prover.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/lock.h"
#include "base/log.h"
#include "verify/batch.h"
#include "verify/fingerprint_ptx.h"
#include "verify/lane.h"

struct csh_prover {
    const struct csh_prover_calls *calls;
    const struct csh_fingerprint_key *key;
    const struct csh_prover_clock *clock;
    CUmodule module;
    CUfunction kernel;
    void *control; /* of all lanes */
    _Atomic uint64_t backoff_ns, not_before_ns;
    struct csh_lane lane[CSH_PROVER_LANES];
    struct csh_batch *batch; /* NULL: no batches */
};

/* ---- time -------------------------------------------------------------- */

static const struct csh_prover_clock csh_clock = {csh_clock_now_ns,
                                                  csh_clock_nap_ns};

void csh_prover_set_clock(struct csh_prover *prover,
                          const struct csh_prover_clock *clock)
{
    prover->clock = clock;
}

/* ---- capture mode ------------------------------------------------------ */

/* A capture of another thread in GLOBAL mode forbids some of our calls, and
 * they would end it, unless this thread is RELAXED (cuda.h,
 * cuThreadExchangeStreamCaptureMode). *mode_p takes the mode to go back to. */
static bool csh_relax_capture(const struct csh_prover_calls *calls,
                              CUstreamCaptureMode *mode_p)
{
    *mode_p = CU_STREAM_CAPTURE_MODE_RELAXED;
    csh_lock_assert_none();
    return calls->cuThreadExchangeStreamCaptureMode(mode_p) == CUDA_SUCCESS;
}

static void csh_restore_capture(const struct csh_prover_calls *calls,
                                CUstreamCaptureMode mode)
{
    csh_lock_assert_none();
    calls->cuThreadExchangeStreamCaptureMode(&mode);
}

/* ---- making and ending ------------------------------------------------- */

static bool csh_prover_load(struct csh_prover *prover)
{
    const struct csh_prover_calls *calls = prover->calls;

    csh_lock_assert_none();
    if (calls->cuModuleLoadData(&prover->module, csh_fingerprint_ptx) !=
        CUDA_SUCCESS) {
        prover->module = NULL;
        return false;
    }
    return calls->cuModuleGetFunction(&prover->kernel, prover->module,
                                      CSH_PROOF_KERNEL_NAME) == CUDA_SUCCESS;
}

static bool csh_prover_open_lanes(struct csh_prover *prover)
{
    const struct csh_prover_calls *calls = prover->calls;
    CUdeviceptr device                   = 0;
    size_t i, offset;

    csh_lock_assert_none();
    if (calls->cuMemHostAlloc(
            &prover->control, CSH_PROVER_LANES * CSH_LANE_CONTROL_BYTES,
            CU_MEMHOSTALLOC_PORTABLE | CU_MEMHOSTALLOC_DEVICEMAP) !=
        CUDA_SUCCESS) {
        prover->control = NULL;
        return false;
    }
    if (calls->cuMemHostGetDevicePointer_v2(&device, prover->control, 0) !=
        CUDA_SUCCESS) {
        return false;
    }
    for (i = 0; i < CSH_PROVER_LANES; ++i) {
        offset = i * CSH_LANE_CONTROL_BYTES;
        prover->lane[i].control = (struct csh_proof_control *)(void *)(
            (char *)prover->control + offset);
        prover->lane[i].control_device = device + offset;
        if (!csh_lane_open(&prover->lane[i], calls)) {
            return false;
        }
    }
    return true;
}

/* Of no range yet. */
static struct csh_proof_task csh_prover_task(const struct csh_prover *prover)
{
    return (struct csh_proof_task){.calls  = prover->calls,
                                   .clock  = prover->clock,
                                   .key    = prover->key,
                                   .kernel = prover->kernel,
                                   .n      = 1};
}

/* Loading may be lazy, and a first launch may then wait for the device: that
 * belongs here and not into a proof. Older drivers have no call for it. */
static bool csh_prover_load_eagerly(struct csh_prover *prover)
{
    struct csh_proof_task task = csh_prover_task(prover);

    csh_lock_assert_none();
    if (prover->calls->cuFuncLoad != NULL) {
        return prover->calls->cuFuncLoad(prover->kernel) == CUDA_SUCCESS;
    }
    return csh_lane_launch_declining(&prover->lane[0], &task);
}

static void csh_prover_close(struct csh_prover *prover)
{
    const struct csh_prover_calls *calls = prover->calls;
    size_t i;

    csh_batch_close(prover->batch, calls);
    for (i = 0; i < CSH_PROVER_LANES; ++i) {
        csh_lane_close(&prover->lane[i], calls);
    }
    csh_lock_assert_none();
    if (prover->control != NULL) {
        calls->cuMemFreeHost(prover->control);
    }
    if (prover->module != NULL) {
        calls->cuModuleUnload(prover->module);
    }
    free(prover);
}

struct csh_prover *csh_prover_create(const struct csh_prover_calls *calls,
                                     const struct csh_fingerprint_key *key)
{
    struct csh_prover *prover;
    CUstreamCaptureMode mode;

    prover = calloc(1, sizeof(*prover));
    if (prover == NULL) {
        return NULL;
    }
    prover->calls = calls;
    prover->key   = key;
    prover->clock = &csh_clock;
    if (!csh_relax_capture(calls, &mode)) {
        free(prover);
        return NULL;
    }
    if (!csh_prover_load(prover) || !csh_prover_open_lanes(prover) ||
        !csh_prover_load_eagerly(prover)) {
        csh_prover_close(prover);
        prover = NULL;
    }
    csh_restore_capture(calls, mode);
    return prover;
}

void csh_prover_destroy(struct csh_prover *prover)
{
    const struct csh_prover_calls *calls;
    CUstreamCaptureMode mode;
    bool is_relaxed;

    if (prover != NULL) {
        calls      = prover->calls;
        is_relaxed = csh_relax_capture(calls, &mode);
        csh_prover_close(prover);
        if (is_relaxed) {
            csh_restore_capture(calls, mode);
        }
    }
}

void csh_prover_forget(struct csh_prover *prover)
{
    if (prover != NULL) {
        csh_batch_forget(prover->batch);
        free(prover);
    }
}

/* ---- when not to prove ------------------------------------------------- */

bool csh_prover_may_prove(const struct csh_prover *prover)
{
    uint64_t not_before = atomic_load_explicit(&prover->not_before_ns,
                                               memory_order_relaxed);

    return (not_before == 0) || (prover->clock->now_ns() >= not_before);
}

static void csh_prover_back_off(struct csh_prover *prover)
{
    uint64_t backoff = atomic_load_explicit(&prover->backoff_ns,
                                            memory_order_relaxed);

    backoff = (backoff == 0) ? CSH_PROVER_BACKOFF_NS : 2 * backoff;
    if (backoff > CSH_PROVER_BACKOFF_LIMIT_NS) {
        backoff = CSH_PROVER_BACKOFF_LIMIT_NS;
    }
    atomic_store_explicit(&prover->backoff_ns, backoff,
                          memory_order_relaxed);
    atomic_store_explicit(&prover->not_before_ns,
                          prover->clock->now_ns() + backoff,
                          memory_order_relaxed);
    csh_info("verify", "a fingerprint kernel did not get to run in time, no "
             "proofs in this context for %u s",
             (unsigned)(backoff / UINT64_C(1000000000)));
}

/* ---- proving ----------------------------------------------------------- */

static struct csh_lane *csh_prover_take_lane(struct csh_prover *prover)
{
    size_t i;

    for (i = 0; i < CSH_PROVER_LANES; ++i) {
        if (csh_lane_try_take(&prover->lane[i], prover->calls)) {
            return &prover->lane[i];
        }
    }
    return NULL;
}

static enum csh_proof csh_prover_compare(struct csh_prover *prover,
                                         struct csh_lane *lane,
                                         const struct csh_proof_task *task,
                                         const struct csh_fingerprint *expected)
{
    struct csh_fingerprint print;
    enum csh_proof proof = csh_lane_fingerprint(lane, task, &print);

    if (proof == CSH_PROOF_TIMEOUT) {
        csh_prover_back_off(prover);
    } else if (proof == CSH_PROOF_EQUAL) {
        atomic_store_explicit(&prover->backoff_ns, 0, memory_order_relaxed);
        if (!csh_fingerprint_equal(&print, expected)) {
            proof = CSH_PROOF_DIFFERENT;
        }
    }
    return proof;
}

enum csh_proof csh_prover_prove(struct csh_prover *prover,
                                const struct csh_stream *stream,
                                CUdeviceptr src, size_t n,
                                const struct csh_fingerprint *expected,
                                uint64_t timeout_ns)
{
    const struct csh_proof_task task = {prover->calls, prover->clock,
                                        prover->key, prover->kernel, *stream,
                                        src, n, timeout_ns};
    enum csh_proof proof = CSH_PROOF_BUSY;
    CUstreamCaptureMode mode;
    struct csh_lane *lane;

    if ((n == 0) || (n > CSH_FINGERPRINT_MAX_BYTES) ||
        !csh_relax_capture(prover->calls, &mode)) {
        return CSH_PROOF_ERROR;
    }
    lane = csh_prover_take_lane(prover);
    if (lane != NULL) {
        proof = csh_prover_compare(prover, lane, &task, expected);
        csh_lane_release(lane);
    }
    csh_restore_capture(prover->calls, mode);
    return proof;
}

/* ---- batches ------------------------------------------------------------ */

void csh_prover_enable_batches(struct csh_prover *prover)
{
    const struct csh_proof_task task = csh_prover_task(prover);
    CUstreamCaptureMode mode;

    if ((prover->batch == NULL) && csh_relax_capture(prover->calls, &mode)) {
        prover->batch = csh_batch_open(prover->calls, prover->module, &task);
        csh_restore_capture(prover->calls, mode);
    }
}

bool csh_prover_batch_begin(struct csh_prover *prover)
{
    CUstreamCaptureMode mode;
    bool is_taken;

    if ((prover->batch == NULL) ||
        !csh_relax_capture(prover->calls, &mode)) {
        return false;
    }
    is_taken = csh_lane_try_take(&prover->batch->lane, prover->calls);
    if (is_taken) {
        csh_lane_clear(&prover->batch->lane, CSH_PROOF_MAX_BLOCKS, 0);
    }
    csh_restore_capture(prover->calls, mode);
    return is_taken;
}

enum csh_proof csh_prover_batch_prove(struct csh_prover *prover,
                                      struct csh_prover_item *items,
                                      size_t n_items, uint64_t timeout_ns)
{
    struct csh_proof_task task = csh_prover_task(prover);
    CUstreamCaptureMode mode;
    enum csh_proof proof;

    if ((n_items == 0) || !csh_relax_capture(prover->calls, &mode)) {
        return CSH_PROOF_ERROR;
    }
    task.src        = items[0].src;
    task.timeout_ns = timeout_ns;
    proof = csh_batch_fingerprint(prover->batch, &task, items, n_items);
    csh_restore_capture(prover->calls, mode);
    if (proof == CSH_PROOF_TIMEOUT) {
        csh_prover_back_off(prover);
    } else if (proof == CSH_PROOF_EQUAL) {
        atomic_store_explicit(&prover->backoff_ns, 0, memory_order_relaxed);
    }
    return proof;
}

bool csh_prover_batch_call_off(struct csh_prover *prover)
{
    return csh_lane_call_off(&prover->batch->lane);
}

void csh_prover_batch_end(struct csh_prover *prover)
{
    csh_lane_release(&prover->batch->lane);
}
