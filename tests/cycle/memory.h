/*
 * memory.h - entries that map, share and split memory, and weights at any
 * address: what app_memory.c has beside program.h. Included once by a program.
 */
#ifndef CYCLE_MEMORY_H
#define CYCLE_MEMORY_H

#include "program.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

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

static struct {
#define MEMORY_X(symbol_, pfn_) pfn_ symbol_;
    MEMORY_CALLS(MEMORY_X)
#undef MEMORY_X
} mem;

static inline void find_calls(void)
{
    void *library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);

    CHECK(library != NULL);
#define MEMORY_X(symbol_, pfn_)                       \
    mem.symbol_ = (pfn_)dlsym(library, #symbol_);     \
    CHECK(mem.symbol_ != NULL);
    MEMORY_CALLS(MEMORY_X)
#undef MEMORY_X
}

/* Memory gets bytes of seed: uploaded and offloaded once. Whether the offload
 * moves them depends on where the allocator put the source: at the address of
 * an earlier offload it is a modified weight, and captured as it goes up. */
static inline void learn(CUdeviceptr device, size_t bytes, uint32_t seed,
                         CUstream stream)
{
    void *src = fresh(bytes), *host = fresh(bytes);

    fill(src, bytes, seed);
    REACHES(h2d, bytes, bytes, upload(device, src, bytes, stream));
    offload(host, device, bytes, stream);
    CHECK(holds(host, bytes, seed));
    free(src);
    free(host);
}

/* Offloads into new memory; wanted is how many bytes reach the driver under
 * the shim. */
static inline void offload_expecting(CUdeviceptr device, size_t bytes,
                                     uint32_t seed, uint64_t wanted,
                                     CUstream stream)
{
    void *host = fresh(bytes);

    REACHES(d2h, wanted, bytes, offload(host, device, bytes, stream));
    CHECK(holds(host, bytes, seed));
    free(host);
}

/* Offloads memory of seed whose first word has become value; all bytes must
 * reach the driver. */
static inline void changed_expecting(CUdeviceptr device, size_t bytes,
                                     uint32_t seed, uint32_t value,
                                     CUstream stream)
{
    uint32_t *host = fresh(bytes), *plain = fresh(bytes);

    fill(plain, bytes, seed);
    plain[0] = value;
    REACHES(d2h, bytes, bytes, offload(host, device, bytes, stream));
    CHECK_EQUAL(memcmp(host, plain, bytes), 0);
    free(host);
    free(plain);
}

/* Physical memory of device 0; addresses; both together, with access for
 * device 0. */
static inline CUmemGenericAllocationHandle created(size_t bytes)
{
    CUmemAllocationProp prop = {
        .type = CU_MEM_ALLOCATION_TYPE_PINNED,
        .location = {.type = CU_MEM_LOCATION_TYPE_DEVICE},
    };
    CUmemGenericAllocationHandle handle;

    OK(mem.cuMemCreate(&handle, bytes, &prop, 0));
    return handle;
}

static inline CUdeviceptr reserved(size_t bytes)
{
    CUdeviceptr address;

    OK(mem.cuMemAddressReserve(&address, bytes, 0, 0, 0));
    return address;
}

static inline void set_access(CUdeviceptr at, size_t bytes,
                              CUmemAccess_flags flags)
{
    CUmemAccessDesc access = {.location = {.type = CU_MEM_LOCATION_TYPE_DEVICE},
                              .flags = flags};

    OK(mem.cuMemSetAccess(at, bytes, &access, 1));
}

static inline void map(CUdeviceptr at, size_t bytes,
                       CUmemGenericAllocationHandle handle)
{
    OK(mem.cuMemMap(at, bytes, 0, handle, 0));
    set_access(at, bytes, CU_MEM_ACCESS_FLAGS_PROT_READWRITE);
}

static inline CUdeviceptr mapped(size_t bytes)
{
    CUdeviceptr at = reserved(bytes);
    CUmemGenericAllocationHandle handle = created(bytes);

    map(at, bytes, handle);
    OK(mem.cuMemRelease(handle));
    return at;
}

#endif
