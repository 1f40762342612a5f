/*
 * batch.c - cuts ranges into pieces, launches, and puts the sums together.
 *
 * Owns the table of pieces, of a fixed size, made once with the control page
 * of the batch's lane; the host writes it while the lane has nothing under
 * way. The launch waits for no event: whoever asks has made sure that nothing
 * of the program's is queued.
 *
 * Threads: one at a time, who has taken the lane; csh_lane_call_off from any.
 * No locks.
 */
#include "verify/batch.h"

#include <stdlib.h>
#include <string.h>

#include "base/lock.h"
#include "verify/field.h"

#define CSH_BATCH_TABLE_BYTES \
    (CSH_BATCH_MAX_PIECES * sizeof(struct csh_batch_piece))

static uint64_t csh_pieces_of(uint64_t n)
{
    return (n + CSH_BATCH_PIECE_BYTES - 1) / CSH_BATCH_PIECE_BYTES;
}

/* ---- making and ending -------------------------------------------------- */

static bool csh_batch_allocate(struct csh_batch *batch,
                               const struct csh_prover_calls *calls)
{
    CUdeviceptr device = 0;

    csh_lock_assert_none();
    if (calls->cuMemHostAlloc(
            &batch->memory, CSH_LANE_CONTROL_BYTES + CSH_BATCH_TABLE_BYTES,
            CU_MEMHOSTALLOC_PORTABLE | CU_MEMHOSTALLOC_DEVICEMAP) !=
        CUDA_SUCCESS) {
        batch->memory = NULL;
        return false;
    }
    if (calls->cuMemHostGetDevicePointer_v2(&device, batch->memory, 0) !=
        CUDA_SUCCESS) {
        return false;
    }
    batch->lane.control        = batch->memory;
    batch->lane.control_device = device;
    batch->pieces              = (struct csh_batch_piece *)(void *)(
        (char *)batch->memory + CSH_LANE_CONTROL_BYTES);
    batch->pieces_device = device + CSH_LANE_CONTROL_BYTES;
    return true;
}

static CUresult csh_batch_launch(struct csh_batch *batch,
                                 const struct csh_proof_task *task,
                                 uint64_t n_pieces, uint32_t grid)
{
    struct csh_batch_job job;
    void *params[] = {&job};
    CUresult result;

    csh_lane_key(task, 1, &job.key);
    job.origin   = (const unsigned char *)(uintptr_t)task->src;
    job.pieces   = (struct csh_batch_piece *)(uintptr_t)batch->pieces_device;
    job.n_pieces = n_pieces;
    job.control  =
        (struct csh_proof_control *)(uintptr_t)batch->lane.control_device;
    csh_lock_assert_none();
    result = task->calls->cuLaunchKernel(
        batch->kernel, grid, 1, 1, CSH_PROOF_BLOCK_THREADS, 1, 1, 0,
        batch->lane.stream, params, NULL);
    explicit_bzero(&job, sizeof(job));
    return result;
}

/* As csh_prover_load_eagerly: a first launch must not have to load. */
static bool csh_batch_load_eagerly(struct csh_batch *batch,
                                   const struct csh_proof_task *task)
{
    csh_lock_assert_none();
    if (task->calls->cuFuncLoad != NULL) {
        return task->calls->cuFuncLoad(batch->kernel) == CUDA_SUCCESS;
    }
    memset(batch->pieces, 0, sizeof(*batch->pieces));
    csh_lane_clear(&batch->lane, 1, 1);
    batch->lane.is_draining = true;
    return csh_batch_launch(batch, task, 1, 1) == CUDA_SUCCESS;
}

struct csh_batch *csh_batch_open(const struct csh_prover_calls *calls,
                                 CUmodule module,
                                 const struct csh_proof_task *task)
{
    struct csh_batch *batch = calloc(1, sizeof(*batch));

    if (batch == NULL) {
        return NULL;
    }
    csh_lock_assert_none();
    if ((calls->cuModuleGetFunction(&batch->kernel, module,
                                    CSH_BATCH_KERNEL_NAME) !=
         CUDA_SUCCESS) ||
        !csh_batch_allocate(batch, calls) ||
        !csh_lane_open(&batch->lane, calls) ||
        !csh_batch_load_eagerly(batch, task)) {
        csh_batch_close(batch, calls);
        return NULL;
    }
    return batch;
}

void csh_batch_close(struct csh_batch *batch,
                     const struct csh_prover_calls *calls)
{
    if (batch != NULL) {
        csh_lane_close(&batch->lane, calls);
        csh_lock_assert_none();
        if (batch->memory != NULL) {
            calls->cuMemFreeHost(batch->memory);
        }
        csh_batch_forget(batch);
    }
}

void csh_batch_forget(struct csh_batch *batch)
{
    free(batch);
}

/* ---- one batch ---------------------------------------------------------- */

/* Ranges that have no room in the table are left out: BUSY. The others are
 * marked for csh_batch_conclude. Returns the number of pieces. */
static uint64_t csh_batch_fill(struct csh_batch *batch, CUdeviceptr origin,
                               struct csh_prover_item *items, size_t n_items)
{
    struct csh_batch_piece *piece = batch->pieces;
    uint64_t room                 = CSH_BATCH_MAX_PIECES, at;
    size_t i;

    for (i = 0; i < n_items; ++i) {
        items[i].proof = CSH_PROOF_BUSY;
        if ((items[i].n == 0) || (csh_pieces_of(items[i].n) > room)) {
            continue;
        }
        items[i].proof = CSH_PROOF_EQUAL;
        room -= csh_pieces_of(items[i].n);
        for (at = 0; at < items[i].n; at += CSH_BATCH_PIECE_BYTES) {
            piece->offset = items[i].src + at - origin;
            piece->n      = items[i].n - at;
            if (piece->n > CSH_BATCH_PIECE_BYTES) {
                piece->n = CSH_BATCH_PIECE_BYTES;
            }
            ++piece;
        }
    }
    return CSH_BATCH_MAX_PIECES - room;
}

/* The fingerprint of a range from the sums of its pieces: tile 0 of piece k
 * is tile 128 k of the range (fingerprint.h, outer sum). */
static void csh_batch_join(const struct csh_batch_piece *piece, uint64_t n,
                           const uint64_t step[CSH_FINGERPRINT_LANES],
                           struct csh_fingerprint *print_p)
{
    uint64_t sum[CSH_FINGERPRINT_LANES] = {0, 0}, weight, k;
    unsigned lane;

    for (lane = 0; lane < CSH_FINGERPRINT_LANES; ++lane) {
        weight = 1;
        for (k = 0; k < csh_pieces_of(n); ++k) {
            sum[lane] = csh_field_add(
                sum[lane], csh_field_mul(piece[k].sum[lane], weight));
            weight = csh_field_mul(weight, step[lane]);
        }
    }
    csh_fingerprint_finish(sum, n, print_p);
}

static void csh_batch_conclude(const struct csh_batch *batch,
                               const struct csh_proof_task *task,
                               struct csh_prover_item *items, size_t n_items)
{
    const struct csh_batch_piece *piece = batch->pieces;
    uint64_t step[CSH_FINGERPRINT_LANES];
    struct csh_fingerprint print;
    unsigned lane;
    size_t i;

    for (lane = 0; lane < CSH_FINGERPRINT_LANES; ++lane) {
        step[lane] = csh_field_power(
            task->key->power[lane][CSH_FINGERPRINT_TILE_POWERS - 1],
            CSH_BATCH_PIECE_BYTES / CSH_FINGERPRINT_TILE_BYTES);
    }
    for (i = 0; i < n_items; ++i) {
        if (items[i].proof == CSH_PROOF_BUSY) {
            continue;
        }
        csh_batch_join(piece, items[i].n, step, &print);
        piece += csh_pieces_of(items[i].n);
        if (!csh_fingerprint_equal(&print, &items[i].expected)) {
            items[i].proof = CSH_PROOF_DIFFERENT;
        }
    }
}

static void csh_batch_know_nothing(struct csh_prover_item *items,
                                   size_t n_items)
{
    size_t i;

    for (i = 0; i < n_items; ++i) {
        items[i].proof = CSH_PROOF_BUSY;
    }
}

enum csh_proof csh_batch_fingerprint(struct csh_batch *batch,
                                     const struct csh_proof_task *task,
                                     struct csh_prover_item *items,
                                     size_t n_items)
{
    uint64_t n_pieces = csh_batch_fill(batch, task->src, items, n_items);
    uint32_t grid     = CSH_PROOF_MAX_BLOCKS;
    enum csh_proof proof;
    CUresult result;

    if (n_pieces == 0) {
        return CSH_PROOF_BUSY;
    }
    if (n_pieces < grid) {
        grid = (uint32_t)n_pieces;
    }
    batch->lane.is_draining = true;
    result = csh_batch_launch(batch, task, n_pieces, grid);
    proof  = csh_lane_see_through(&batch->lane, task, grid, result, true);
    if (proof == CSH_PROOF_EQUAL) {
        csh_batch_conclude(batch, task, items, n_items);
    } else {
        csh_batch_know_nothing(items, n_items);
    }
    return proof;
}
