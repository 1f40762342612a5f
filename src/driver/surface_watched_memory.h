/*
 * surface_watched_memory.h - rows of memory and of copies from and to arrays.
 * Part of surface_watched.h; not included elsewhere.
 *
 * Columns are those of surface.h. Parameters that several rows share are named
 * once.
 */
#ifndef CSH_DRIVER_SURFACE_WATCHED_MEMORY_H
#define CSH_DRIVER_SURFACE_WATCHED_MEMORY_H

#define CSH_ARGS_MEM_MAP_ARRAY_ASYNC                                          \
    (CUarrayMapInfo_v1 *map_info_list, unsigned int count, CUstream stream),  \
    (map_info_list, count, stream)

#define CSH_ARGS_MEM_PREFETCH_ASYNC                                           \
    (CUdeviceptr_v2 dev_ptr, size_t count, CUdevice_v1 dst_device,            \
     CUstream stream),                                                        \
    (dev_ptr, count, dst_device, stream)

#define CSH_ARGS_MEMCPY_ATO_A                                                 \
    (CUarray dst_array, size_t dst_offset, CUarray src_array,                 \
     size_t src_offset, size_t byte_count),                                   \
    (dst_array, dst_offset, src_array, src_offset, byte_count)

#define CSH_ARGS_MEMCPY_ATO_H_ASYNC                                           \
    (void *dst_host, CUarray src_array, size_t src_offset,                    \
     size_t byte_count, CUstream stream),                                     \
    (dst_host, src_array, src_offset, byte_count, stream)

#define CSH_ARGS_MEMCPY_ATO_H                                                 \
    (void *dst_host, CUarray src_array, size_t src_offset,                    \
     size_t byte_count),                                                      \
    (dst_host, src_array, src_offset, byte_count)

#define CSH_ARGS_MEMCPY_DTO_A                                                 \
    (CUarray dst_array, size_t dst_offset, CUdeviceptr_v2 src_device,         \
     size_t byte_count),                                                      \
    (dst_array, dst_offset, src_device, byte_count)

#define CSH_ARGS_MEMCPY_HTO_A_ASYNC                                           \
    (CUarray dst_array, size_t dst_offset, const void *src_host,              \
     size_t byte_count, CUstream stream),                                     \
    (dst_array, dst_offset, src_host, byte_count, stream)

#define CSH_ARGS_MEMCPY_HTO_A                                                 \
    (CUarray dst_array, size_t dst_offset, const void *src_host,              \
     size_t byte_count),                                                      \
    (dst_array, dst_offset, src_host, byte_count)

#define CSH_ARGS_STREAM_ATTACH_MEM_ASYNC                                      \
    (CUstream stream, CUdeviceptr_v2 dptr, size_t length,                     \
     unsigned int flags),                                                     \
    (stream, dptr, length, flags)

#define CSH_SURFACE_WATCHED_MEMORY_12000(X)                                   \
    X(cuDeviceGraphMemTrim, "cuDeviceGraphMemTrim", 11040, PLAIN,             \
      PFN_cuDeviceGraphMemTrim_v11040, WATCHED,                               \
      (CUdevice device),                                                      \
      (device))                                                               \
    X(cuDeviceSetGraphMemAttribute, "cuDeviceSetGraphMemAttribute", 11040,    \
      PLAIN, PFN_cuDeviceSetGraphMemAttribute_v11040, WATCHED,                \
      (CUdevice device, CUgraphMem_attribute attr, void *value),              \
      (device, attr, value))                                                  \
    X(cuDeviceSetMemPool, "cuDeviceSetMemPool", 11020, PLAIN,                 \
      PFN_cuDeviceSetMemPool_v11020, WATCHED,                                 \
      (CUdevice_v1 dev, CUmemoryPool pool),                                   \
      (dev, pool))                                                            \
    X(cuLibraryGetGlobal, "cuLibraryGetGlobal", 12000, PLAIN,                 \
      PFN_cuLibraryGetGlobal_v12000, WATCHED,                                 \
      (CUdeviceptr *dptr, size_t *bytes, CUlibrary library,                   \
       const char *name),                                                     \
      (dptr, bytes, library, name))                                           \
    X(cuLibraryGetManaged, "cuLibraryGetManaged", 12000, PLAIN,               \
      PFN_cuLibraryGetManaged_v12000, WATCHED,                                \
      (CUdeviceptr *dptr, size_t *bytes, CUlibrary library,                   \
       const char *name),                                                     \
      (dptr, bytes, library, name))                                           \
    X(cuMemAddressFree, "cuMemAddressFree", 10020, PLAIN,                     \
      PFN_cuMemAddressFree_v10020, WATCHED,                                   \
      (CUdeviceptr_v2 ptr, size_t size),                                      \
      (ptr, size))                                                            \
    X(cuMemAddressReserve, "cuMemAddressReserve", 10020, PLAIN,               \
      PFN_cuMemAddressReserve_v10020, WATCHED,                                \
      (CUdeviceptr_v2 *ptr, size_t size, size_t alignment,                    \
       CUdeviceptr_v2 addr, unsigned long long flags),                        \
      (ptr, size, alignment, addr, flags))                                    \
    X(cuMemAdvise, "cuMemAdvise", 8000, PLAIN, PFN_cuMemAdvise_v8000,         \
      WATCHED,                                                                \
      (CUdeviceptr_v2 dev_ptr, size_t count, CUmem_advise advice,             \
       CUdevice_v1 device),                                                   \
      (dev_ptr, count, advice, device))                                       \
    X(cuMemAllocHost_v2, "cuMemAllocHost", 3020, PLAIN,                       \
      PFN_cuMemAllocHost_v3020, WATCHED,                                      \
      (void **pp, size_t bytesize),                                           \
      (pp, bytesize))                                                         \
    X(cuMemFreeHost, "cuMemFreeHost", 2000, PLAIN, PFN_cuMemFreeHost_v2000,   \
      WATCHED,                                                                \
      (void *p),                                                              \
      (p))                                                                    \
    X(cuMemHostAlloc, "cuMemHostAlloc", 2020, PLAIN,                          \
      PFN_cuMemHostAlloc_v2020, WATCHED,                                      \
      (void **pp, size_t bytesize, unsigned int flags),                       \
      (pp, bytesize, flags))                                                  \
    X(cuMemHostUnregister, "cuMemHostUnregister", 4000, PLAIN,                \
      PFN_cuMemHostUnregister_v4000, WATCHED,                                 \
      (void *p),                                                              \
      (p))                                                                    \
    X(cuMemMapArrayAsync, "cuMemMapArrayAsync", 11010, PLAIN,                 \
      PFN_cuMemMapArrayAsync_v11010, WATCHED, CSH_ARGS_MEM_MAP_ARRAY_ASYNC)   \
    X(cuMemMapArrayAsync_ptsz, "cuMemMapArrayAsync", 11010, PER_THREAD,       \
      PFN_cuMemMapArrayAsync_v11010_ptsz, WATCHED,                            \
      CSH_ARGS_MEM_MAP_ARRAY_ASYNC)                                           \
    X(cuMemPoolCreate, "cuMemPoolCreate", 11020, PLAIN,                       \
      PFN_cuMemPoolCreate_v11020, WATCHED,                                    \
      (CUmemoryPool *pool, const CUmemPoolProps_v1 *pool_props),              \
      (pool, pool_props))                                                     \
    X(cuMemPoolDestroy, "cuMemPoolDestroy", 11020, PLAIN,                     \
      PFN_cuMemPoolDestroy_v11020, WATCHED,                                   \
      (CUmemoryPool pool),                                                    \
      (pool))                                                                 \
    X(cuMemPoolSetAttribute, "cuMemPoolSetAttribute", 11020, PLAIN,           \
      PFN_cuMemPoolSetAttribute_v11020, WATCHED,                              \
      (CUmemoryPool pool, CUmemPool_attribute attr, void *value),             \
      (pool, attr, value))                                                    \
    X(cuMemPoolTrimTo, "cuMemPoolTrimTo", 11020, PLAIN,                       \
      PFN_cuMemPoolTrimTo_v11020, WATCHED,                                    \
      (CUmemoryPool pool, size_t min_bytes_to_keep),                          \
      (pool, min_bytes_to_keep))                                              \
    X(cuMemPrefetchAsync, "cuMemPrefetchAsync", 8000, PLAIN,                  \
      PFN_cuMemPrefetchAsync_v8000, WATCHED, CSH_ARGS_MEM_PREFETCH_ASYNC)     \
    X(cuMemPrefetchAsync_ptsz, "cuMemPrefetchAsync", 8000, PER_THREAD,        \
      PFN_cuMemPrefetchAsync_v8000_ptsz, WATCHED,                             \
      CSH_ARGS_MEM_PREFETCH_ASYNC)                                            \
    X(cuMemRetainAllocationHandle, "cuMemRetainAllocationHandle", 11000,      \
      PLAIN, PFN_cuMemRetainAllocationHandle_v11000, OPENED,                  \
      (CUmemGenericAllocationHandle_v1 *handle, void *addr),                  \
      (handle, addr))                                                         \
    X(cuMemcpyAtoA_v2, "cuMemcpyAtoA", 3020, PLAIN, PFN_cuMemcpyAtoA_v3020,   \
      WATCHED, CSH_ARGS_MEMCPY_ATO_A)                                         \
    X(cuMemcpyAtoA_v2_ptds, "cuMemcpyAtoA", 7000, PER_THREAD,                 \
      PFN_cuMemcpyAtoA_v7000_ptds, WATCHED, CSH_ARGS_MEMCPY_ATO_A)            \
    X(cuMemcpyAtoHAsync_v2, "cuMemcpyAtoHAsync", 3020, PLAIN,                 \
      PFN_cuMemcpyAtoHAsync_v3020, WATCHED, CSH_ARGS_MEMCPY_ATO_H_ASYNC)      \
    X(cuMemcpyAtoHAsync_v2_ptsz, "cuMemcpyAtoHAsync", 7000, PER_THREAD,       \
      PFN_cuMemcpyAtoHAsync_v7000_ptsz, WATCHED,                              \
      CSH_ARGS_MEMCPY_ATO_H_ASYNC)                                            \
    X(cuMemcpyAtoH_v2, "cuMemcpyAtoH", 3020, PLAIN, PFN_cuMemcpyAtoH_v3020,   \
      WATCHED, CSH_ARGS_MEMCPY_ATO_H)                                         \
    X(cuMemcpyAtoH_v2_ptds, "cuMemcpyAtoH", 7000, PER_THREAD,                 \
      PFN_cuMemcpyAtoH_v7000_ptds, WATCHED, CSH_ARGS_MEMCPY_ATO_H)            \
    X(cuMemcpyDtoA_v2, "cuMemcpyDtoA", 3020, PLAIN, PFN_cuMemcpyDtoA_v3020,   \
      WATCHED, CSH_ARGS_MEMCPY_DTO_A)                                         \
    X(cuMemcpyDtoA_v2_ptds, "cuMemcpyDtoA", 7000, PER_THREAD,                 \
      PFN_cuMemcpyDtoA_v7000_ptds, WATCHED, CSH_ARGS_MEMCPY_DTO_A)            \
    X(cuMemcpyHtoAAsync_v2, "cuMemcpyHtoAAsync", 3020, PLAIN,                 \
      PFN_cuMemcpyHtoAAsync_v3020, WATCHED, CSH_ARGS_MEMCPY_HTO_A_ASYNC)      \
    X(cuMemcpyHtoAAsync_v2_ptsz, "cuMemcpyHtoAAsync", 7000, PER_THREAD,       \
      PFN_cuMemcpyHtoAAsync_v7000_ptsz, WATCHED,                              \
      CSH_ARGS_MEMCPY_HTO_A_ASYNC)                                            \
    X(cuMemcpyHtoA_v2, "cuMemcpyHtoA", 3020, PLAIN, PFN_cuMemcpyHtoA_v3020,   \
      WATCHED, CSH_ARGS_MEMCPY_HTO_A)                                         \
    X(cuMemcpyHtoA_v2_ptds, "cuMemcpyHtoA", 7000, PER_THREAD,                 \
      PFN_cuMemcpyHtoA_v7000_ptds, WATCHED, CSH_ARGS_MEMCPY_HTO_A)            \
    X(cuModuleGetGlobal_v2, "cuModuleGetGlobal", 3020, PLAIN,                 \
      PFN_cuModuleGetGlobal_v3020, WATCHED,                                   \
      (CUdeviceptr_v2 *dptr, size_t *bytes, CUmodule hmod,                    \
       const char *name),                                                     \
      (dptr, bytes, hmod, name))                                              \
    X(cuStreamAttachMemAsync, "cuStreamAttachMemAsync", 6000, PLAIN,          \
      PFN_cuStreamAttachMemAsync_v6000, WATCHED,                              \
      CSH_ARGS_STREAM_ATTACH_MEM_ASYNC)                                       \
    X(cuStreamAttachMemAsync_ptsz, "cuStreamAttachMemAsync", 7000,            \
      PER_THREAD, PFN_cuStreamAttachMemAsync_v7000_ptsz, WATCHED,             \
      CSH_ARGS_STREAM_ATTACH_MEM_ASYNC)

#if CUDA_VERSION >= 12020

#define CSH_ARGS_MEM_PREFETCH_ASYNC_12020                                     \
    (CUdeviceptr_v2 dev_ptr, size_t count, CUmemLocation_v1 location,         \
     unsigned int flags, CUstream stream),                                    \
    (dev_ptr, count, location, flags, stream)

#define CSH_SURFACE_WATCHED_MEMORY_12020(X)                                   \
    X(cuMemAdvise_v2, "cuMemAdvise", 12020, PLAIN, PFN_cuMemAdvise_v12020,    \
      WATCHED,                                                                \
      (CUdeviceptr_v2 dev_ptr, size_t count, CUmem_advise advice,             \
       CUmemLocation_v1 location),                                            \
      (dev_ptr, count, advice, location))                                     \
    X(cuMemPrefetchAsync_v2, "cuMemPrefetchAsync", 12020, PLAIN,              \
      PFN_cuMemPrefetchAsync_v12020, WATCHED,                                 \
      CSH_ARGS_MEM_PREFETCH_ASYNC_12020)                                      \
    X(cuMemPrefetchAsync_v2_ptsz, "cuMemPrefetchAsync", 12020, PER_THREAD,    \
      PFN_cuMemPrefetchAsync_v12020_ptsz, WATCHED,                            \
      CSH_ARGS_MEM_PREFETCH_ASYNC_12020)

#else
#define CSH_SURFACE_WATCHED_MEMORY_12020(X)
#endif

#if CUDA_VERSION >= 13000

#define CSH_ARGS_MEM_PREFETCH_BATCH_ASYNC                                     \
    (CUdeviceptr_v2 *dptrs, size_t *sizes, size_t count,                      \
     CUmemLocation_v1 *prefetch_locs, size_t *prefetch_loc_idxs,              \
     size_t num_prefetch_locs, unsigned long long flags, CUstream stream),    \
    (dptrs, sizes, count, prefetch_locs, prefetch_loc_idxs,                   \
     num_prefetch_locs, flags, stream)

#define CSH_SURFACE_WATCHED_MEMORY_13000(X)                                   \
    X(cuMemPrefetchBatchAsync, "cuMemPrefetchBatchAsync", 13000, PLAIN,       \
      PFN_cuMemPrefetchBatchAsync_v13000, WATCHED,                            \
      CSH_ARGS_MEM_PREFETCH_BATCH_ASYNC)                                      \
    X(cuMemPrefetchBatchAsync_ptsz, "cuMemPrefetchBatchAsync", 13000,         \
      PER_THREAD, PFN_cuMemPrefetchBatchAsync_v13000_ptsz, WATCHED,           \
      CSH_ARGS_MEM_PREFETCH_BATCH_ASYNC)                                      \
    X(cuMemSetMemPool, "cuMemSetMemPool", 13000, PLAIN,                       \
      PFN_cuMemSetMemPool_v13000, WATCHED,                                    \
      (CUmemLocation *location, CUmemAllocationType type,                     \
       CUmemoryPool pool),                                                    \
      (location, type, pool))

#else
#define CSH_SURFACE_WATCHED_MEMORY_13000(X)
#endif

#define CSH_SURFACE_WATCHED_MEMORY(X)                                         \
    CSH_SURFACE_WATCHED_MEMORY_12000(X)                                       \
    CSH_SURFACE_WATCHED_MEMORY_12020(X)                                       \
    CSH_SURFACE_WATCHED_MEMORY_13000(X)

#endif
