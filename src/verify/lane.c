/*
 * lane.c - launch, watch, cancel.
 *
 * Owns the host's half of the control page. States of a launch, as its slots
 * show them: all PENDING; some RUNNING; all DONE. The watch ends when all are
 * DONE, or with a cancellation, after which every slot is DONE, DECLINED, or
 * PENDING for ever as far as the range is concerned: a thread block that
 * starts late sees the cancel word and touches its slot only.
 *
 * Threads: a lane is used by one thread at a time (is_taken); the device
 * writes the slots meanwhile. No locks.
 */
#include "verify/lane.h"

#include <string.h>

#include "base/lock.h"
#include "verify/field.h"

/* Most proofs of a tensor take tens of microseconds: so long the page is
 * watched without a pause and without a call. */
#define CSH_WATCH_SPIN_NS UINT64_C(100000)
#define CSH_WATCH_SLEEP_NS UINT64_C(50000)

/* An error that a query returns so many times in a row is the context's own;
 * no thread block runs in it any more. */
#define CSH_FATAL_ERRORS 3

enum csh_watch {
    CSH_WATCH_DONE,       /* every thread block is */
    CSH_WATCH_QUEUED,     /* time is up, the program's stream is not there */
    CSH_WATCH_STARVED,    /* time is up, and it was the kernel's */
    CSH_WATCH_CALLED_OFF, /* by another thread */
    CSH_WATCH_FAILED,
};

static const struct csh_prover_calls *
csh_driver(const struct csh_proof_task *task)
{
    csh_lock_assert_none();
    return task->calls;
}

static void csh_relax(void)
{
#if defined(__x86_64__)
    __asm__ volatile("pause" ::: "memory");
#elif defined(__aarch64__)
    __asm__ volatile("yield" ::: "memory");
#endif
}

/* Orders this processor's stores before its later loads also as a device
 * sees them; the compiler's fence need only reach other processors. */
static void csh_fence_system(void)
{
#if defined(__x86_64__)
    __asm__ volatile("mfence" ::: "memory");
#elif defined(__aarch64__)
    __asm__ volatile("dsb sy" ::: "memory");
#else
    __sync_synchronize();
#endif
}

static uint32_t csh_slot_state(const struct csh_lane *lane, uint32_t i)
{
    return __atomic_load_n(&lane->control->slot[i].state, __ATOMIC_SEQ_CST);
}

bool csh_lane_open(struct csh_lane *lane,
                   const struct csh_prover_calls *calls)
{
    csh_lock_assert_none();
    if (calls->cuStreamCreate(&lane->stream, CU_STREAM_NON_BLOCKING) !=
        CUDA_SUCCESS) {
        lane->stream = NULL;
        return false;
    }
    if (calls->cuEventCreate(&lane->event, CU_EVENT_DISABLE_TIMING) !=
        CUDA_SUCCESS) {
        calls->cuStreamDestroy_v2(lane->stream);
        lane->stream = NULL;
        return false;
    }
    return true;
}

void csh_lane_close(struct csh_lane *lane,
                    const struct csh_prover_calls *calls)
{
    csh_lock_assert_none();
    if (lane->stream != NULL) {
        calls->cuEventDestroy_v2(lane->event);
        calls->cuStreamDestroy_v2(lane->stream);
        lane->stream = NULL;
    }
}

bool csh_lane_try_take(struct csh_lane *lane,
                       const struct csh_prover_calls *calls)
{
    if (atomic_load_explicit(&lane->is_taken, memory_order_relaxed) ||
        atomic_exchange(&lane->is_taken, true)) {
        return false;
    }
    if (lane->is_draining) {
        csh_lock_assert_none();
        if (calls->cuStreamQuery(lane->stream) != CUDA_SUCCESS) {
            csh_lane_release(lane);
            return false;
        }
        lane->is_draining = false;
    }
    return true;
}

void csh_lane_release(struct csh_lane *lane)
{
    atomic_store(&lane->is_taken, false);
}

/* One warp a tile as long as there are thread blocks for it. */
static uint32_t csh_grid_of(uint64_t n)
{
    uint64_t tiles  = (n + CSH_FINGERPRINT_TILE_BYTES - 1) /
                      CSH_FINGERPRINT_TILE_BYTES;
    uint64_t blocks = (tiles + CSH_PROOF_BLOCK_WARPS - 1) /
                      CSH_PROOF_BLOCK_WARPS;

    return (blocks < CSH_PROOF_MAX_BLOCKS) ? (uint32_t)blocks :
                                             CSH_PROOF_MAX_BLOCKS;
}

void csh_lane_clear(struct csh_lane *lane, uint32_t grid, uint32_t cancel)
{
    uint32_t i;

    for (i = 0; i < grid; ++i) {
        __atomic_store_n(&lane->control->slot[i].state, CSH_SLOT_PENDING,
                         __ATOMIC_RELAXED);
    }
    __atomic_store_n(&lane->control->cancel, cancel, __ATOMIC_RELEASE);
}

void csh_lane_key(const struct csh_proof_task *task, uint32_t n_blocks,
                  struct csh_kernel_key *key_p)
{
    unsigned i;

    memcpy(key_p->nh, task->key->nh, sizeof(key_p->nh));
    for (i = 0; i < CSH_FINGERPRINT_LANES; ++i) {
        key_p->kappa[i] = task->key->kappa[i];
        key_p->step[i]  = csh_field_power(
            task->key->power[i][CSH_FINGERPRINT_TILE_POWERS - 1],
            (uint64_t)n_blocks * CSH_PROOF_BLOCK_WARPS);
    }
}

/* The copy of the key on this stack is wiped; the driver has its own. */
static CUresult csh_launch(struct csh_lane *lane,
                           const struct csh_proof_task *task, uint32_t grid)
{
    struct csh_fingerprint_job job;
    void *params[] = {&job};
    CUresult result;

    csh_lane_key(task, grid, &job.key);
    job.src     = (const unsigned char *)(uintptr_t)task->src;
    job.n       = task->n;
    job.control =
        (struct csh_proof_control *)(uintptr_t)lane->control_device;
    result = csh_driver(task)->cuLaunchKernel(
        task->kernel, grid, 1, 1, CSH_PROOF_BLOCK_THREADS, 1, 1, 0,
        lane->stream, params, NULL);
    explicit_bzero(&job, sizeof(job));
    return result;
}

bool csh_lane_launch_declining(struct csh_lane *lane,
                               const struct csh_proof_task *task)
{
    csh_lane_clear(lane, 1, 1);
    lane->is_draining = true;
    return csh_launch(lane, task, 1) == CUDA_SUCCESS;
}

/* Behind the program's work, in the order of the stream that it named. The
 * record is an action in that stream, and one in the legacy stream first
 * waits for all blocking streams, as a copy there would (driver API manual,
 * "Stream synchronization behavior"). */
static CUresult csh_queue(struct csh_lane *lane,
                          const struct csh_proof_task *task, uint32_t grid)
{
    CUstream named = task->stream.handle;
    CUresult result;

    csh_lane_clear(lane, grid, 0);
    if (task->stream.flavour == CSH_PER_THREAD) {
        result = csh_driver(task)->cuEventRecord_ptsz(lane->event, named);
    } else {
        result = csh_driver(task)->cuEventRecord(lane->event, named);
    }
    if (result == CUDA_SUCCESS) {
        result = csh_driver(task)->cuStreamWaitEvent(lane->stream,
                                                     lane->event, 0);
    }
    if (result == CUDA_SUCCESS) {
        result = csh_launch(lane, task, grid);
    }
    return result;
}

/* The first slot from `from` on that is not DONE, or grid. */
static uint32_t csh_first_undone(const struct csh_lane *lane, uint32_t grid,
                                 uint32_t from)
{
    while ((from < grid) && (csh_slot_state(lane, from) == CSH_SLOT_DONE)) {
        ++from;
    }
    return from;
}

/* Has the kernel been let go: has all happened that it waits for? */
static CUresult csh_is_let_go(const struct csh_lane *lane,
                              const struct csh_proof_task *task, uint32_t at)
{
    if ((at > 0) || (csh_slot_state(lane, 0) != CSH_SLOT_PENDING)) {
        return CUDA_SUCCESS;
    }
    return csh_driver(task)->cuEventQuery(lane->event);
}

/* The stream's state, and SUCCESS only with all slots done. */
static CUresult csh_look(const struct csh_lane *lane,
                         const struct csh_proof_task *task, uint32_t grid,
                         uint32_t at)
{
    CUresult result = csh_driver(task)->cuStreamQuery(lane->stream);

    if ((result == CUDA_SUCCESS) &&
        (csh_first_undone(lane, grid, at) < grid)) {
        return CUDA_ERROR_UNKNOWN; /* it ended without having run */
    }
    return result;
}

static bool csh_is_called_off(const struct csh_lane *lane)
{
    return __atomic_load_n(&lane->control->cancel, __ATOMIC_RELAXED) != 0;
}

static enum csh_watch csh_watch(const struct csh_lane *lane,
                                const struct csh_proof_task *task,
                                uint32_t grid, bool is_let_go)
{
    uint64_t begun   = task->clock->now_ns();
    uint64_t waiting = begun, now = begun;
    unsigned n_looks = 0;
    uint32_t at      = 0;
    CUresult result;

    for (;; now = task->clock->now_ns()) {
        at = csh_first_undone(lane, grid, at);
        if (at == grid) {
            return CSH_WATCH_DONE;
        }
        if (csh_is_called_off(lane)) {
            return CSH_WATCH_CALLED_OFF;
        }
        /* One look at once, for errors that came with the launch. */
        if ((n_looks != 0) && (now - begun < CSH_WATCH_SPIN_NS)) {
            csh_relax();
            continue;
        }
        if (n_looks++ > 1) {
            task->clock->sleep_ns(CSH_WATCH_SLEEP_NS);
        }
        result = csh_look(lane, task, grid, at);
        if ((result == CUDA_ERROR_NOT_READY) && !is_let_go) {
            result    = csh_is_let_go(lane, task, at);
            is_let_go = (result == CUDA_SUCCESS);
            waiting   = is_let_go ? now : waiting;
        }
        if ((result != CUDA_SUCCESS) && (result != CUDA_ERROR_NOT_READY)) {
            return CSH_WATCH_FAILED;
        }
        if (now - waiting >= task->timeout_ns) {
            return is_let_go ? CSH_WATCH_STARVED : CSH_WATCH_QUEUED;
        }
    }
}

/* After this no thread block reads the range, now or later. */
static void csh_cancel(const struct csh_lane *lane,
                       const struct csh_proof_task *task, uint32_t grid)
{
    unsigned n_errors = 0;
    CUresult result;
    uint32_t i;

    __atomic_store_n(&lane->control->cancel, 1, __ATOMIC_SEQ_CST);
    csh_fence_system();
    for (i = 0; i < grid; ++i) {
        while (csh_slot_state(lane, i) == CSH_SLOT_RUNNING) {
            result = csh_driver(task)->cuStreamQuery(lane->stream);
            if (result == CUDA_SUCCESS) {
                return;
            }
            n_errors = (result == CUDA_ERROR_NOT_READY) ? 0 : n_errors + 1;
            if (n_errors == CSH_FATAL_ERRORS) {
                return;
            }
            task->clock->sleep_ns(CSH_WATCH_SLEEP_NS);
        }
    }
}

static void csh_sum_up(const struct csh_lane *lane,
                       const struct csh_proof_task *task, uint32_t grid,
                       struct csh_fingerprint *print_p)
{
    uint64_t sum[CSH_FINGERPRINT_LANES] = {0, 0};
    uint32_t i;

    for (i = 0; i < grid; ++i) {
        const struct csh_proof_slot *slot = &lane->control->slot[i];

        sum[0] = csh_field_add(sum[0], slot->sum[0]);
        sum[1] = csh_field_add(sum[1], slot->sum[1]);
    }
    csh_fingerprint_finish(sum, task->n, print_p);
}

bool csh_lane_call_off(struct csh_lane *lane)
{
    uint32_t i;

    __atomic_store_n(&lane->control->cancel, 1, __ATOMIC_SEQ_CST);
    csh_fence_system();
    for (i = 0; i < CSH_PROOF_MAX_BLOCKS; ++i) {
        if (csh_slot_state(lane, i) == CSH_SLOT_RUNNING) {
            return true;
        }
    }
    return false;
}

enum csh_proof csh_lane_see_through(struct csh_lane *lane,
                                    const struct csh_proof_task *task,
                                    uint32_t grid, CUresult launched,
                                    bool is_let_go)
{
    enum csh_watch watch = CSH_WATCH_FAILED;

    if (launched == CUDA_SUCCESS) {
        watch = csh_watch(lane, task, grid, is_let_go);
    }
    if (watch != CSH_WATCH_DONE) {
        csh_cancel(lane, task, grid);
        if (watch == CSH_WATCH_FAILED) {
            return CSH_PROOF_ERROR;
        }
        if (csh_first_undone(lane, grid, 0) < grid) {
            return (watch == CSH_WATCH_STARVED) ? CSH_PROOF_TIMEOUT :
                                                  CSH_PROOF_BUSY;
        }
    }
    /* Every thread block's last word has been read: none of them writes to
     * the page again, whether or not the stream calls itself idle yet. */
    lane->is_draining = false;
    return CSH_PROOF_EQUAL;
}

enum csh_proof csh_lane_fingerprint(struct csh_lane *lane,
                                    const struct csh_proof_task *task,
                                    struct csh_fingerprint *print_p)
{
    uint32_t grid = csh_grid_of(task->n);
    enum csh_proof proof;
    CUresult result;

    lane->is_draining = true;
    result = csh_queue(lane, task, grid);
    proof  = csh_lane_see_through(lane, task, grid, result, false);
    if (proof == CSH_PROOF_EQUAL) {
        csh_sum_up(lane, task, grid, print_p);
    }
    return proof;
}
