/*
 * memory.h - entries that map, share and split memory, and weights at any
 * address: what app_memory.c has beside program.h.
 */
#ifndef CYCLE_MEMORY_H
#define CYCLE_MEMORY_H

#include "program.h"

#define MIB ((size_t)1 << 20)
#define WEIGHT (2 * MIB) /* the granularity of mappings */

#define MEMORY_CALLS(X)                                                    \
    X(cuMemAddressReserve, PFN_cuMemAddressReserve_v10020)                 \
    X(cuMemAddressFree, PFN_cuMemAddressFree_v10020)                       \
    X(cuMemCreate, PFN_cuMemCreate_v10020)                                 \
    X(cuMemRelease, PFN_cuMemRelease_v10020)                               \
    X(cuMemMap, PFN_cuMemMap_v10020)                                       \
    X(cuMemUnmap, PFN_cuMemUnmap_v10020)                                   \
    X(cuMemSetAccess, PFN_cuMemSetAccess_v10020)                           \
    X(cuIpcGetMemHandle, PFN_cuIpcGetMemHandle_v4010)                      \
    X(cuIpcOpenMemHandle_v2, PFN_cuIpcOpenMemHandle_v11000)                \
    X(cuIpcCloseMemHandle, PFN_cuIpcCloseMemHandle_v4010)                  \
    X(cuMemAllocManaged, PFN_cuMemAllocManaged_v6000)                      \
    X(cuMemcpyBatchAsync_v2, PFN_cuMemcpyBatchAsync_v13000)                \
    X(cuDeviceGetCount, PFN_cuDeviceGetCount_v2000)                        \
    X(cuCtxPopCurrent_v2, PFN_cuCtxPopCurrent_v4000)                       \
    X(cuCtxPushCurrent_v2, PFN_cuCtxPushCurrent_v4000)                     \
    X(cuCtxEnablePeerAccess, PFN_cuCtxEnablePeerAccess_v4000)              \
    X(cuDeviceGetDevResource, PFN_cuDeviceGetDevResource_v12040)           \
    X(cuDevResourceGenerateDesc, PFN_cuDevResourceGenerateDesc_v12040)     \
    X(cuGreenCtxCreate, PFN_cuGreenCtxCreate_v12040)                       \
    X(cuGreenCtxStreamCreate, PFN_cuGreenCtxStreamCreate_v12050)           \
    X(cuGreenCtxDestroy, PFN_cuGreenCtxDestroy_v12040)                     \
    X(cuCtxFromGreenCtx, PFN_cuCtxFromGreenCtx_v12040)

struct memory_driver {
#define MEMORY_X(symbol_, pfn_) pfn_ symbol_;
    MEMORY_CALLS(MEMORY_X)
#undef MEMORY_X
};

extern struct memory_driver mem;

/* Fills the table. */
void find_calls(void);

/* Memory gets bytes of seed: uploaded and offloaded once. */
void learn(CUdeviceptr device, size_t bytes, uint32_t seed, CUstream stream);

/* Offloads into new memory; wanted is how many bytes reach the driver under
 * the shim. */
void offload_expecting(CUdeviceptr device, size_t bytes, uint32_t seed,
                       uint64_t wanted, CUstream stream);

/* Offloads memory of seed whose first word has become value; all bytes must
 * reach the driver. */
void changed_expecting(CUdeviceptr device, size_t bytes, uint32_t seed,
                       uint32_t value, CUstream stream);

/* Physical memory of device 0; addresses; both together, with access for
 * device 0. */
CUmemGenericAllocationHandle created(size_t bytes);
CUdeviceptr reserved(size_t bytes);
void set_access(CUdeviceptr at, size_t bytes, CUmemAccess_flags flags);
void map(CUdeviceptr at, size_t bytes, CUmemGenericAllocationHandle handle);
CUdeviceptr mapped(size_t bytes);

#endif
