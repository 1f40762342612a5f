/*
 * exports.h - which address an entry point is found at.
 */
#ifndef SIM_EXPORTS_H
#define SIM_EXPORTS_H

struct sim_row;

/* X(symbol, target): SIMCUDA_RESOLVER=alias finds `symbol` at the address of
 * `target`. Pairs of one C signature: ABIs that differ in name alone, and one
 * per-thread twin, chosen because freeing in the order of the legacy stream
 * only makes a program wait longer. */
#define SIM_ALIASES(X)                                           \
    X(cuMemHostRegister, cuMemHostRegister_v2)                   \
    X(cuIpcOpenMemHandle, cuIpcOpenMemHandle_v2)                 \
    X(cuDevicePrimaryCtxRelease, cuDevicePrimaryCtxRelease_v2)   \
    X(cuDevicePrimaryCtxReset, cuDevicePrimaryCtxReset_v2)       \
    X(cuMemFreeAsync_ptsz, cuMemFreeAsync)

/* The address that cuGetProcAddress answers for this row, by the variant that
 * SIMCUDA_RESOLVER names. NULL only for the variant dlsym, when that finds
 * nothing. */
void *sim_export_address(const struct sim_row *row);

/* For each row of sim_rows a few instructions that jump to its address. */
extern void *const sim_thunks[];

#endif
