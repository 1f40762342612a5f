/*
 * kernel_table.h - the kernels that the simulated device can run, by name.
 *
 * X(name, waits, sizes of the parameters in bytes): void sim_kernel_<name>(
 * const struct sim_grid *, void **params) runs the whole grid on the host, in
 * stream order. waits: it may run until the program does something, so only
 * the compute engine's own thread runs it.
 *
 * A kernel written for a real device and compiled as host C is one more row:
 * its function loops over blocks and threads and gets at memory through
 * sim_kernel_memory().
 */
#ifndef SIM_KERNEL_TABLE_H
#define SIM_KERNEL_TABLE_H

#include "verify/fingerprint_batch.h"

#define SIM_KERNELS(X)                                                     \
    /* dst[0 .. count) = value */                                          \
    X(fill_u32, false, 8 /* dst */, 4 /* value */, 8 /* count */)          \
    /* dst[0 .. count) ^= value */                                         \
    X(xor_u32, false, 8 /* dst */, 4 /* value */, 8 /* count */)           \
    /* y[i] += a * x[i], i in [0, count) */                                \
    X(axpy_f32, false, 8 /* y */, 8 /* x */, 4 /* a */, 8 /* count */)     \
    /* *out += sum of the mixed words of src; kernels.c defines it */      \
    X(digest_u64, false, 8 /* out */, 8 /* src */, 8 /* bytes */)          \
    /* runs, and owns the device, until *flag == value */                  \
    X(wait_u32, true, 8 /* flag */, 4 /* value */)                         \
    /* the shim's own, from its device source compiled as C */             \
    X(csh_fingerprint_kernel, false, sizeof(struct csh_fingerprint_job))   \
    X(csh_fingerprint_batch_kernel, false, sizeof(struct csh_batch_job))

struct sim_grid;

#define SIM_X(name_, waits_, ...)                        \
    void sim_kernel_##name_(const struct sim_grid *grid, \
                            void **params);
SIM_KERNELS(SIM_X)
#undef SIM_X

#endif
