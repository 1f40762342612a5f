/*
 * fingerprint_device.h - what fingerprint_kernel.h and fingerprint_batch.h
 * need on the device only: the entry points and the few names that clang
 * without CUDA's headers lacks.
 */
#ifndef CSH_VERIFY_FINGERPRINT_DEVICE_H
#define CSH_VERIFY_FINGERPRINT_DEVICE_H

#if defined(__CUDA__) || defined(__CUDACC__)

#include "verify/fingerprint_batch.h"
#include "verify/fingerprint_kernel.h"

#if defined(__clang__)
#define CSH_DEVICE_THREAD ((uint32_t)__nvvm_read_ptx_sreg_tid_x())
#define CSH_DEVICE_BLOCK ((uint32_t)__nvvm_read_ptx_sreg_ctaid_x())
#define CSH_DEVICE_BLOCKS ((uint32_t)__nvvm_read_ptx_sreg_nctaid_x())
#define CSH_DEVICE_BARRIER() __syncthreads()
#define CSH_DEVICE_FENCE() __nvvm_membar_sys()
#define CSH_DEVICE_SHARED __attribute__((shared))
#define CSH_DEVICE_KERNEL(threads_) \
    __attribute__((global, launch_bounds(threads_, 2)))
#else
#define CSH_DEVICE_THREAD threadIdx.x
#define CSH_DEVICE_BLOCK blockIdx.x
#define CSH_DEVICE_BLOCKS gridDim.x
#define CSH_DEVICE_BARRIER() __syncthreads()
#define CSH_DEVICE_FENCE() __threadfence_system()
#define CSH_DEVICE_SHARED __shared__
#define CSH_DEVICE_KERNEL(threads_) __global__ __launch_bounds__(threads_, 2)
#endif

extern "C" CSH_DEVICE_KERNEL(CSH_PROOF_BLOCK_THREADS) void
csh_fingerprint_kernel(const struct csh_fingerprint_job job)
{
    CSH_DEVICE_SHARED static uint64_t
        sum[CSH_FINGERPRINT_LANES][CSH_PROOF_BLOCK_THREADS];
    CSH_DEVICE_SHARED static int go;
    const uint32_t thread       = CSH_DEVICE_THREAD;
    struct csh_proof_slot *slot = &job.control->slot[CSH_DEVICE_BLOCK];
    uint64_t mine[CSH_FINGERPRINT_LANES];

    if (thread == 0) {
        CSH_KERNEL_BEGIN(&job, slot, CSH_DEVICE_FENCE(), go);
    }
    CSH_DEVICE_BARRIER();
    if (!go) {
        return;
    }
    csh_kernel_thread(&job.key, job.src, job.n, CSH_DEVICE_BLOCK,
                      CSH_DEVICE_BLOCKS, thread, mine);
    sum[0][thread] = mine[0];
    sum[1][thread] = mine[1];
    CSH_DEVICE_BARRIER();
    if (thread < 32) {
        csh_kernel_fold(sum, thread);
    }
    CSH_DEVICE_BARRIER();
    if (thread == 0) {
        CSH_KERNEL_END(slot, sum, CSH_DEVICE_FENCE());
    }
}

/* The barriers also keep what is shared from being overwritten too early:
 * thread 0 gets to the next piece behind two that all threads pass after they
 * have read `go`, `offset` and `n`. */
extern "C" CSH_DEVICE_KERNEL(CSH_PROOF_BLOCK_THREADS) void
csh_fingerprint_batch_kernel(const struct csh_batch_job job)
{
    CSH_DEVICE_SHARED static uint64_t
        sum[CSH_FINGERPRINT_LANES][CSH_PROOF_BLOCK_THREADS];
    CSH_DEVICE_SHARED static uint64_t offset, n;
    CSH_DEVICE_SHARED static int go;
    const uint32_t thread       = CSH_DEVICE_THREAD;
    struct csh_proof_slot *slot = &job.control->slot[CSH_DEVICE_BLOCK];
    struct csh_batch_piece *piece;
    uint64_t mine[CSH_FINGERPRINT_LANES];
    uint64_t i;

    if (thread == 0) {
        CSH_KERNEL_BEGIN(&job, slot, CSH_DEVICE_FENCE(), go);
    }
    CSH_KERNEL_NO_UNROLL
    for (i = CSH_DEVICE_BLOCK; i < job.n_pieces; i += CSH_DEVICE_BLOCKS) {
        piece = &job.pieces[i];
        if (thread == 0) {
            if (i != CSH_DEVICE_BLOCK) {
                CSH_BATCH_GO_ON(&job, slot, go);
            }
            offset = piece->offset;
            n      = piece->n;
        }
        CSH_DEVICE_BARRIER();
        if (!go) {
            return;
        }
        csh_kernel_thread(&job.key, job.origin + offset, n, 0, 1, thread,
                          mine);
        sum[0][thread] = mine[0];
        sum[1][thread] = mine[1];
        CSH_DEVICE_BARRIER();
        if (thread < 32) {
            csh_kernel_fold(sum, thread);
        }
        CSH_DEVICE_BARRIER();
        if (thread == 0) {
            piece->sum[0] = csh_kernel_add_up(sum[0], 32, 1);
            piece->sum[1] = csh_kernel_add_up(sum[1], 32, 1);
        }
    }
    if (thread == 0) {
        CSH_DEVICE_FENCE();
        CSH_KERNEL_STORE(&slot->state, CSH_SLOT_DONE);
    }
}

#endif

#endif
