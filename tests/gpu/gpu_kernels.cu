/*
 * gpu_kernels.cu - device code of tests/gpu besides examples/swap_kernels.cu,
 * and written as that is. gpu_kernels.ptx is made from this file by
 * make_kernels.sh and kept beside it.
 */
typedef unsigned int u32;
typedef unsigned long long u64;

#define KERNEL extern "C" __attribute__((global)) void

/* Runs until *flag == value; one thread of each block looks, so that the link
 * is left to others. */
KERNEL wait_u32(u64 flag, u32 value)
{
    if (__nvvm_read_ptx_sreg_tid_x() == 0) {
        while (*(volatile u32 *)flag != value) {
        }
    }
    asm volatile("bar.sync 0;" ::: "memory");
}

struct pair {
    u64 low, high;
} __attribute__((aligned(16)));

/* Reads `bytes`, a multiple of 16, at an address that is one, once; *out
 * changes unless all of it is 0. The grid is any. */
KERNEL read_u64(u64 out, u64 src, u64 bytes)
{
    const struct pair *pairs = (const struct pair *)src;
    u64 first = (u64)__nvvm_read_ptx_sreg_ctaid_x() *
                    __nvvm_read_ptx_sreg_ntid_x() +
                __nvvm_read_ptx_sreg_tid_x();
    u64 step = (u64)__nvvm_read_ptx_sreg_nctaid_x() *
               __nvvm_read_ptx_sreg_ntid_x();
    u64 sum = 0;

#pragma unroll 4
    for (u64 i = first; i < bytes / 16; i += step) {
        sum |= pairs[i].low | pairs[i].high;
    }
    if (sum != 0) {
        *(volatile u64 *)out = sum;
    }
}

typedef u64 both __attribute__((ext_vector_type(2)));

/* dst = src, `bytes` and both addresses being multiples of 16. */
KERNEL copy_u64(u64 dst, u64 src, u64 bytes)
{
    const both *from = (const both *)src;
    both *to = (both *)dst;
    u64 first = (u64)__nvvm_read_ptx_sreg_ctaid_x() *
                    __nvvm_read_ptx_sreg_ntid_x() +
                __nvvm_read_ptx_sreg_tid_x();
    u64 step = (u64)__nvvm_read_ptx_sreg_nctaid_x() *
               __nvvm_read_ptx_sreg_ntid_x();

#pragma unroll 4
    for (u64 i = first; i < bytes / 16; i += step) {
        to[i] = from[i];
    }
}
