/*
 * kernel_fingerprint.c - the shim's fingerprint kernels under their own names:
 * their device source, compiled as host C, with memory found as for any kernel
 * of the simulated device. Owns nothing; runs with the lock held or without
 * it, as kernels.c says of all.
 */
#include "sim.h"

#include "kernel_table.h"

static void *resolve(void *context, uint64_t device, uint64_t n)
{
    (void)context;
    /* It writes to the control page alone, which the host shares. */
    return (void *)(uintptr_t)sim_kernel_source(device, n);
}

void sim_kernel_csh_fingerprint_kernel(const struct sim_grid *grid,
                                       void **params)
{
    const struct csh_fingerprint_job *job = params[0];

    csh_fingerprint_kernel_host(grid->grid[0], job, resolve, NULL);
}

void sim_kernel_csh_fingerprint_batch_kernel(const struct sim_grid *grid,
                                             void **params)
{
    const struct csh_batch_job *job = params[0];

    csh_batch_kernel_host(grid->grid[0], job, resolve, NULL);
}
