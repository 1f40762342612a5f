/*
 * fingerprint_batch.h - the fingerprints of many ranges by one launch.
 *
 * Part of the device source: fingerprint_kernel.h says how it is compiled and
 * holds the arithmetic, the control page and the protocol.
 *
 * WORK. Ranges are cut into pieces of whole tiles, so that no thread block has
 * more to read at a stretch than one piece. A thread block takes the pieces
 * whose number is its own modulo the size of the grid, and treats each as a
 * range by itself: the sum over its columns, with its first tile as tile 0. The
 * host puts the pieces of a range together by the powers of kappa that lie
 * between them (batch.c), which gives the sum of the range.
 *
 * CANCELLATION is that of fingerprint_kernel.h: a thread block says RUNNING
 * before its first piece and something else after its last read. It looks at
 * the cancel word again before each further piece, only to end sooner.
 */
#ifndef CSH_VERIFY_FINGERPRINT_BATCH_H
#define CSH_VERIFY_FINGERPRINT_BATCH_H

#include "verify/fingerprint_kernel.h"

/* 128 tiles: 16 for each warp, enough to hide what a piece costs besides. */
#define CSH_BATCH_PIECE_BYTES (128u * CSH_FINGERPRINT_TILE_BYTES)
#define CSH_BATCH_MAX_PIECES 4096u

#define CSH_BATCH_KERNEL_NAME "csh_fingerprint_batch_kernel"

/* In mapped pinned host memory. The host writes the first two words before
 * the launch, the thread block that has the piece the others before it says
 * DONE. */
struct csh_batch_piece {
    uint64_t offset; /* of its first byte from the origin, modulo 2^64 */
    uint64_t n;      /* bytes, 1 to CSH_BATCH_PIECE_BYTES */
    uint64_t sum[CSH_FINGERPRINT_LANES];
};

/* key.step is that of a grid of one thread block. The origin is any device
 * address: of a pointer that is not a parameter's, the compiler would not know
 * that it is one into global memory. */
struct csh_batch_job {
    struct csh_kernel_key key;
    const unsigned char *origin;
    struct csh_batch_piece *pieces;
    uint64_t n_pieces; /* at least as many as there are thread blocks */
    struct csh_proof_control *control;
};

/* Thread 0, before a further piece: nothing of the thread block's reads now.
 * Without a fence it may see the cancel word late, which costs a piece. */
#define CSH_BATCH_GO_ON(job_, slot_, go_)                          \
    do {                                                           \
        (go_) = (CSH_KERNEL_LOAD(&(job_)->control->cancel) == 0);  \
        if (!(go_)) {                                              \
            CSH_KERNEL_STORE(&(slot_)->state, CSH_SLOT_DECLINED);  \
        }                                                          \
    } while (0)

#if !defined(__CUDA__) && !defined(__CUDACC__)

/* One piece, by one thread block. False: it faulted. */
CSH_KERNEL_FN int csh_batch_piece_host(const struct csh_batch_job *job,
                                       struct csh_batch_piece *piece,
                                       csh_kernel_resolve_fn *resolve,
                                       void *context)
{
    uint64_t sum[CSH_FINGERPRINT_LANES][CSH_PROOF_BLOCK_THREADS];
    uint64_t mine[CSH_FINGERPRINT_LANES];
    const unsigned char *src;
    uint32_t thread;

    src = (const unsigned char *)resolve(
        context, (uint64_t)(uintptr_t)job->origin + piece->offset, piece->n);
    if (src == 0) {
        return 0;
    }
    for (thread = 0; thread < CSH_PROOF_BLOCK_THREADS; ++thread) {
        csh_kernel_thread(&job->key, src, piece->n, 0, 1, thread, mine);
        sum[0][thread] = mine[0];
        sum[1][thread] = mine[1];
    }
    for (thread = 0; thread < 32; ++thread) {
        csh_kernel_fold(sum, thread);
    }
    piece->sum[0] = csh_kernel_add_up(sum[0], 32, 1);
    piece->sum[1] = csh_kernel_add_up(sum[1], 32, 1);
    return 1;
}

/* Thread block `block` of a grid of n_blocks. False: it faulted. */
CSH_KERNEL_FN int csh_batch_block_host(const struct csh_batch_job *launched,
                                       uint32_t block, uint32_t n_blocks,
                                       csh_kernel_resolve_fn *resolve,
                                       void *context)
{
    struct csh_batch_job job = *launched;
    struct csh_proof_slot *slot;
    uint64_t i;
    int go;

    job.control = (struct csh_proof_control *)resolve(
        context, (uint64_t)(uintptr_t)launched->control,
        sizeof(*job.control));
    job.pieces = (struct csh_batch_piece *)resolve(
        context, (uint64_t)(uintptr_t)launched->pieces,
        job.n_pieces * sizeof(*job.pieces));
    if ((job.control == 0) || (job.pieces == 0)) {
        return 0;
    }
    slot = &job.control->slot[block];
    CSH_KERNEL_BEGIN(&job, slot, (void)0, go);
    for (i = block; go && (i < job.n_pieces); i += n_blocks) {
        if (i != block) {
            CSH_BATCH_GO_ON(&job, slot, go);
        }
        if (go && !csh_batch_piece_host(&job, &job.pieces[i], resolve,
                                        context)) {
            return 0;
        }
    }
    if (go) {
        CSH_KERNEL_STORE(&slot->state, CSH_SLOT_DONE);
    }
    return 1;
}

/* The whole grid, one thread block after the other. */
CSH_KERNEL_FN int csh_batch_kernel_host(uint32_t n_blocks,
                                        const struct csh_batch_job *job,
                                        csh_kernel_resolve_fn *resolve,
                                        void *context)
{
    uint32_t block;

    for (block = 0; block < n_blocks; ++block) {
        if (!csh_batch_block_host(job, block, n_blocks, resolve, context)) {
            return 0;
        }
    }
    return 1;
}

#endif

#endif
