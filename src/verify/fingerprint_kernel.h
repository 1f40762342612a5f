/*
 * fingerprint_kernel.h - the fingerprint on the device, and the words by
 * which a launch is watched and cancelled.
 *
 * One text, compiled three ways: by clang's or NVIDIA's CUDA compiler for
 * the device (make_ptx.sh), and as host C, which tests and the simulated
 * driver run under the kernel's name. So there are no CUDA headers here and
 * no C++.
 *
 * WORK. A thread block has 256 threads, eight warps. A warp takes a tile of
 * fingerprint.h, thread j of it column j: a warp's loads are side by side
 * and no value crosses threads until the end. The warps of the grid stride
 * over the tiles, the last tile first, so that each thread evaluates its
 * polynomial by Horner's rule; its sum is multiplied at the end by the power
 * of kappa that belongs to its first block. Sums of thread blocks add up.
 *
 * CANCELLATION. The control page is mapped pinned host memory. A thread
 * block may read the range only while the host still waits for it, and the
 * host may give up at any moment. Both sides first write their own word,
 * then fence, then read the other's (Dekker's protocol):
 *
 *     block: slot.state = RUNNING; fence; if (cancel) state = DECLINED, end
 *     host:  cancel = 1;           fence; wait while slot.state == RUNNING
 *
 * Sequentially consistent fences forbid that both reads miss both writes
 * (the store-buffering test): of the two, the later one in the fences' order
 * sees what the other wrote. So a block whose slot the host finds PENDING
 * will see the cancel word before it reads the range, and a block that began
 * first is waited for; its work is bounded and depends on nobody. Why the
 * fences reach that far: __threadfence_system() is fence.sc.sys of the PTX
 * memory model (membar.sys before it), whose scope includes the host; the
 * block's read of the cancel word crosses PCIe behind its posted write to
 * the slot, and PCI Express ordering lets no read request pass an earlier
 * posted write, so the write has reached the memory when the read is
 * answered. Naturally aligned loads and stores of up to 16 bytes to mapped
 * host memory are atomic at system scope (libcu++, "Atomicity"). The host's
 * fence is the strongest that the processor has. The slot's sums are written
 * before its state by the same fence, and read after it.
 *
 * Why not one compare-and-swap per side: device atomics on mapped host
 * memory "are not atomic from the point of view of the host or other
 * devices" (CUDA C++ Programming Guide, "Mapped memory"); over PCIe that
 * holds unless the device says hostNativeAtomicSupported. Words with one
 * writer each need no such promise: cancel is written by the host only, and
 * a slot by its thread block only (the host clears it between launches,
 * when no block of the lane is left).
 */
#ifndef CSH_VERIFY_FINGERPRINT_KERNEL_H
#define CSH_VERIFY_FINGERPRINT_KERNEL_H

#include <stdint.h>

#include "verify/field.h"
#include "verify/fingerprint.h"

#define CSH_PROOF_BLOCK_THREADS 256u
#define CSH_PROOF_BLOCK_WARPS 8u
/* Two thread blocks for each of the 132 processors of an H100 or H200 hold
 * enough loads in flight for their memory; smaller devices, MIG slices and
 * green contexts take them in turn. */
#define CSH_PROOF_MAX_BLOCKS 264u

#define CSH_PROOF_KERNEL_NAME "csh_fingerprint_kernel"

/* enum would have a type of the compiler's choice; these cross the bus. */
#define CSH_SLOT_PENDING 0u
#define CSH_SLOT_RUNNING 1u
#define CSH_SLOT_DONE 2u
#define CSH_SLOT_DECLINED 3u

struct csh_proof_slot {
    uint32_t state; /* CSH_SLOT_* */
    uint32_t unused;
    uint64_t sum[CSH_FINGERPRINT_LANES]; /* valid once state is DONE */
    uint64_t filler;
};

/* Mapped pinned host memory; the cancel word has a cache line of its own. */
struct csh_proof_control {
    uint32_t cancel;
    uint32_t unused[15];
    struct csh_proof_slot slot[CSH_PROOF_MAX_BLOCKS];
};

/* The key as a kernel takes it: within its parameter, so in constant space,
 * where all threads of a warp read one word at a time. */
struct csh_kernel_key {
    uint32_t nh[CSH_FINGERPRINT_KEY_WORDS];
    uint64_t kappa[CSH_FINGERPRINT_LANES];
    uint64_t step[CSH_FINGERPRINT_LANES]; /* kappa^(64 * warps of the grid) */
};

/* The kernel's only parameter, by value. The addresses are the device's. */
struct csh_fingerprint_job {
    struct csh_kernel_key key;
    const unsigned char *src;
    uint64_t n; /* bytes, 1 to CSH_FINGERPRINT_MAX_BYTES */
    struct csh_proof_control *control;
};

#if defined(__CUDA__) || defined(__CUDACC__)
#define CSH_KERNEL_UNROLL _Pragma("unroll")
#define CSH_KERNEL_NO_UNROLL _Pragma("unroll 1")
#define CSH_KERNEL_FN static __attribute__((device, always_inline)) inline
#define CSH_KERNEL_STORE(p_, value_) (*(volatile uint32_t *)(p_) = (value_))
#define CSH_KERNEL_LOAD(p_) (*(const volatile uint32_t *)(p_))
#else
#define CSH_KERNEL_UNROLL
#define CSH_KERNEL_NO_UNROLL
#define CSH_KERNEL_FN static inline __attribute__((unused))
#define CSH_KERNEL_STORE(p_, value_) \
    __atomic_store_n((p_), (value_), __ATOMIC_SEQ_CST)
#define CSH_KERNEL_LOAD(p_) __atomic_load_n((p_), __ATOMIC_SEQ_CST)
#endif

/* One 16-byte load where the address allows it. */
struct csh_unit {
    uint32_t w[4];
} __attribute__((aligned(16), may_alias));

typedef uint32_t csh_kernel_word __attribute__((may_alias));

CSH_KERNEL_FN void csh_kernel_nh(const struct csh_kernel_key *keys,
                                 uint32_t row, const struct csh_unit *unit,
                                 uint64_t h[CSH_FINGERPRINT_LANES])
{
    const uint32_t *k = keys->nh + 4 * row;
    const uint32_t *w = unit->w;

    h[0] += (uint64_t)(uint32_t)(w[0] + k[0]) * (uint32_t)(w[1] + k[1]);
    h[0] += (uint64_t)(uint32_t)(w[2] + k[2]) * (uint32_t)(w[3] + k[3]);
    h[1] += (uint64_t)(uint32_t)(w[0] + k[4]) * (uint32_t)(w[1] + k[5]);
    h[1] += (uint64_t)(uint32_t)(w[2] + k[6]) * (uint32_t)(w[3] + k[7]);
}

/* A column of a whole tile, 16-byte aligned: eight loads are under way
 * before the first of them is used. */
CSH_KERNEL_FN void csh_kernel_column(const struct csh_kernel_key *keys,
                                     const unsigned char *first,
                                     uint64_t h[CSH_FINGERPRINT_LANES])
{
    const struct csh_unit *units = (const struct csh_unit *)(const void *)first;
    struct csh_unit unit[8];
    uint32_t row, i;

    CSH_KERNEL_UNROLL
    for (row = 0; row < CSH_FINGERPRINT_ROWS; row += 8) {
        CSH_KERNEL_UNROLL
        for (i = 0; i < 8; ++i) {
            unit[i] = units[(row + i) * CSH_FINGERPRINT_COLUMNS];
        }
        CSH_KERNEL_UNROLL
        for (i = 0; i < 8; ++i) {
            csh_kernel_nh(keys, row + i, &unit[i], h);
        }
    }
}

/* The 16 bytes at p, at any alignment, from the aligned words that hold
 * them: up to three bytes on either side are read too. */
CSH_KERNEL_FN void csh_kernel_unit_shifted(const unsigned char *p,
                                           struct csh_unit *unit)
{
    uint32_t shift = 8 * (uint32_t)((uintptr_t)p & 3);
    const csh_kernel_word *w =
        (const csh_kernel_word *)(const void *)(p - shift / 8);
    uint32_t i, low, high;

    low = w[0];
    CSH_KERNEL_UNROLL
    for (i = 0; i < 4; ++i) {
        high       = ((i < 3) || (shift != 0)) ? w[i + 1] : 0;
        unit->w[i] = (uint32_t)((((uint64_t)high << 32) | low) >> shift);
        low        = high;
    }
}

/* The n bytes (1 to 16) at p, then zero bytes. */
CSH_KERNEL_FN void csh_kernel_unit_bytes(const unsigned char *p, uint32_t n,
                                         struct csh_unit *unit)
{
    uint32_t i;

    unit->w[0] = unit->w[1] = unit->w[2] = unit->w[3] = 0;
    CSH_KERNEL_UNROLL
    for (i = 0; i < CSH_FINGERPRINT_UNIT_BYTES; ++i) {
        if (i < n) {
            unit->w[i / 4] |= (uint32_t)p[i] << (8 * (i % 4));
        }
    }
}

/* A column at any alignment and of any length. Units at either end of the
 * range are read byte by byte, so nothing outside of it ever is. */
CSH_KERNEL_FN void
csh_kernel_column_slowly(const struct csh_kernel_key *keys,
                         const unsigned char *src, uint64_t n, uint64_t offset,
                         uint64_t h[CSH_FINGERPRINT_LANES])
{
    struct csh_unit unit;
    uint64_t left;
    uint32_t row;

    CSH_KERNEL_NO_UNROLL
    for (row = 0; (row < CSH_FINGERPRINT_ROWS) && (offset < n); ++row) {
        left = n - offset;
        if ((offset != 0) && (left >= CSH_FINGERPRINT_UNIT_BYTES + 3)) {
            csh_kernel_unit_shifted(src + offset, &unit);
        } else {
            csh_kernel_unit_bytes(src + offset,
                                  (left < CSH_FINGERPRINT_UNIT_BYTES) ?
                                      (uint32_t)left :
                                      CSH_FINGERPRINT_UNIT_BYTES,
                                  &unit);
        }
        csh_kernel_nh(keys, row, &unit, h);
        offset += CSH_FINGERPRINT_ROW_BYTES;
    }
}

/* One step of Horner's rule: sum * step + low32(h) + high32(h) * kappa. */
CSH_KERNEL_FN uint64_t csh_kernel_join(uint64_t sum, uint64_t step,
                                       uint64_t kappa, uint64_t h)
{
    return csh_field_reduce(csh_field_mul(sum, step) +
                            csh_field_mul(h >> 32, kappa) + (uint32_t)h);
}

/* All of one thread's columns. src is where the range can be read. */
CSH_KERNEL_FN void csh_kernel_thread(const struct csh_kernel_key *keys,
                                     const unsigned char *src, uint64_t n,
                                     uint32_t block, uint32_t n_blocks,
                                     uint32_t thread,
                                     uint64_t sum[CSH_FINGERPRINT_LANES])
{
    uint32_t column  = thread % CSH_FINGERPRINT_COLUMNS;
    uint32_t first   = block * CSH_PROOF_BLOCK_WARPS +
                       thread / CSH_FINGERPRINT_COLUMNS;
    uint32_t stride  = n_blocks * CSH_PROOF_BLOCK_WARPS;
    uint32_t n_whole = (uint32_t)(n / CSH_FINGERPRINT_TILE_BYTES);
    uint32_t n_tiles = n_whole + (n % CSH_FINGERPRINT_TILE_BYTES != 0);
    int aligned      = ((uintptr_t)src % CSH_FINGERPRINT_UNIT_BYTES) == 0;
    uint64_t h[CSH_FINGERPRINT_LANES], offset;
    uint32_t lane, rounds, tile;

    sum[0] = sum[1] = 0;
    rounds = (first < n_tiles) ? (n_tiles - 1 - first) / stride + 1 : 0;
    tile   = first + rounds * stride;
    CSH_KERNEL_NO_UNROLL
    while (rounds-- > 0) {
        tile -= stride;
        offset = (uint64_t)tile * CSH_FINGERPRINT_TILE_BYTES +
                 column * CSH_FINGERPRINT_UNIT_BYTES;
        h[0] = h[1] = 0;
        if (aligned && (tile < n_whole)) {
            csh_kernel_column(keys, src + offset, h);
        } else {
            csh_kernel_column_slowly(keys, src, n, offset, h);
        }
        CSH_KERNEL_UNROLL
        for (lane = 0; lane < CSH_FINGERPRINT_LANES; ++lane) {
            sum[lane] = csh_kernel_join(sum[lane], keys->step[lane],
                                        keys->kappa[lane], h[lane]);
        }
    }
    CSH_KERNEL_UNROLL
    for (lane = 0; lane < CSH_FINGERPRINT_LANES; ++lane) {
        sum[lane] = csh_field_mul(
            sum[lane],
            csh_field_power(keys->kappa[lane],
                            (uint64_t)first * CSH_FINGERPRINT_TILE_POWERS +
                                2 * column + 1));
    }
}

/* Adds n values of a stride apart, at most 32: eight summands below 2^61
 * fit into 64 bits. */
CSH_KERNEL_FN uint64_t csh_kernel_add_up(const uint64_t *value, uint32_t n,
                                         uint32_t stride)
{
    uint64_t sum = 0, part;
    uint32_t i, j;

    for (i = 0; i < n; i += 8) {
        part = 0;
        CSH_KERNEL_UNROLL
        for (j = i; j < i + 8; ++j) {
            part += value[j * stride];
        }
        sum = csh_field_add(sum, csh_field_reduce(part));
    }
    return sum;
}

/* The three steps of a thread block besides the work; the caller puts the
 * barriers between them. Here: thread 0, before anything is read. */
#define CSH_KERNEL_BEGIN(job_, slot_, fence_, go_)                     \
    do {                                                               \
        CSH_KERNEL_STORE(&(slot_)->state, CSH_SLOT_RUNNING);           \
        fence_;                                                        \
        (go_) = (CSH_KERNEL_LOAD(&(job_)->control->cancel) == 0);      \
        if (!(go_)) {                                                  \
            CSH_KERNEL_STORE(&(slot_)->state, CSH_SLOT_DECLINED);      \
        }                                                              \
    } while (0)

/* Threads 0 to 31: 256 sums a lane become 32, in place. */
CSH_KERNEL_FN void
csh_kernel_fold(uint64_t sum[CSH_FINGERPRINT_LANES][CSH_PROOF_BLOCK_THREADS],
                uint32_t thread)
{
    uint32_t lane;

    CSH_KERNEL_UNROLL
    for (lane = 0; lane < CSH_FINGERPRINT_LANES; ++lane) {
        sum[lane][thread] = csh_kernel_add_up(&sum[lane][thread],
                                              CSH_PROOF_BLOCK_WARPS, 32);
    }
}

/* Thread 0, at the end. */
#define CSH_KERNEL_END(slot_, sum_, fence_)                            \
    do {                                                               \
        (slot_)->sum[0] = csh_kernel_add_up((sum_)[0], 32, 1);         \
        (slot_)->sum[1] = csh_kernel_add_up((sum_)[1], 32, 1);         \
        fence_;                                                        \
        CSH_KERNEL_STORE(&(slot_)->state, CSH_SLOT_DONE);              \
    } while (0)

#if defined(__CUDA__) || defined(__CUDACC__)
#include "verify/fingerprint_device.h"
#else

/* Where the host build finds device memory. Returns the host address of the
 * n bytes at a device address, or NULL if the kernel would fault there. */
typedef void *csh_kernel_resolve_fn(void *context, uint64_t device,
                                    uint64_t n);

/* Thread block `block` of a grid of n_blocks. False: it faulted. */
CSH_KERNEL_FN int csh_fingerprint_block_host(
    const struct csh_fingerprint_job *launched, uint32_t block,
    uint32_t n_blocks, csh_kernel_resolve_fn *resolve, void *context)
{
    uint64_t sum[CSH_FINGERPRINT_LANES][CSH_PROOF_BLOCK_THREADS];
    struct csh_fingerprint_job job = *launched;
    uint64_t mine[CSH_FINGERPRINT_LANES];
    struct csh_proof_slot *slot;
    const unsigned char *src;
    uint32_t thread;
    int go;

    job.control = (struct csh_proof_control *)resolve(
        context, (uint64_t)(uintptr_t)launched->control,
        sizeof(*job.control));
    if (job.control == 0) {
        return 0;
    }
    slot = &job.control->slot[block];
    CSH_KERNEL_BEGIN(&job, slot, (void)0, go);
    if (!go) {
        return 1;
    }
    src = (const unsigned char *)resolve(
        context, (uint64_t)(uintptr_t)launched->src, job.n);
    if (src == 0) {
        return 0;
    }
    for (thread = 0; thread < CSH_PROOF_BLOCK_THREADS; ++thread) {
        csh_kernel_thread(&job.key, src, job.n, block, n_blocks, thread,
                          mine);
        sum[0][thread] = mine[0];
        sum[1][thread] = mine[1];
    }
    for (thread = 0; thread < 32; ++thread) {
        csh_kernel_fold(sum, thread);
    }
    CSH_KERNEL_END(slot, sum, (void)0);
    return 1;
}

/* The whole grid, one thread block after the other. */
CSH_KERNEL_FN int csh_fingerprint_kernel_host(
    uint32_t n_blocks, const struct csh_fingerprint_job *job,
    csh_kernel_resolve_fn *resolve, void *context)
{
    uint32_t block;

    for (block = 0; block < n_blocks; ++block) {
        if (!csh_fingerprint_block_host(job, block, n_blocks, resolve,
                                        context)) {
            return 0;
        }
    }
    return 1;
}

#endif

#endif
