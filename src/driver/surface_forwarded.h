/*
 * surface_forwarded.h - rows of the launches and of the calls by which memory
 * gets a second way in. Part of surface.h; not included elsewhere.
 *
 * Their wrappers only forward. Columns are those of surface.h; the last two
 * are the parameters and the arguments, named once where several rows share
 * them.
 */
#ifndef CSH_DRIVER_SURFACE_FORWARDED_H
#define CSH_DRIVER_SURFACE_FORWARDED_H

/* The handle's memory lives on while it is mapped: cuMemUnmap is what ends a
 * range. */
#define CSH_SURFACE_RELEASES_FORWARDED(X)                                     \
    X(cuMemRelease, "cuMemRelease", 10020, PLAIN,                             \
      PFN_cuMemRelease_v10020, RELEASE,                                       \
      (CUmemGenericAllocationHandle handle),                                  \
      (handle))

/* Memory that another process, device or interface can write from now on. */
#define CSH_ARGS_IPC_OPEN                                                     \
    (CUdeviceptr *dptr_p, CUipcMemHandle handle, unsigned int flags),         \
    (dptr_p, handle, flags)

#define CSH_SURFACE_SHARES_12000(X)                                           \
    X(cuIpcGetMemHandle, "cuIpcGetMemHandle", 4010, PLAIN,                    \
      PFN_cuIpcGetMemHandle_v4010, SHARE,                                     \
      (CUipcMemHandle *handle_p, CUdeviceptr dptr),                           \
      (handle_p, dptr))                                                       \
    X(cuIpcOpenMemHandle, "cuIpcOpenMemHandle", 4010, PLAIN,                  \
      PFN_cuIpcOpenMemHandle_v4010, SHARE, CSH_ARGS_IPC_OPEN)                 \
    X(cuIpcOpenMemHandle_v2, "cuIpcOpenMemHandle", 11000, PLAIN,              \
      PFN_cuIpcOpenMemHandle_v11000, SHARE, CSH_ARGS_IPC_OPEN)                \
    X(cuMemExportToShareableHandle, "cuMemExportToShareableHandle",           \
      10020, PLAIN, PFN_cuMemExportToShareableHandle_v10020, SHARE,           \
      (void *shareable_handle, CUmemGenericAllocationHandle handle,           \
       CUmemAllocationHandleType handle_type, unsigned long long flags),      \
      (shareable_handle, handle, handle_type, flags))                         \
    X(cuMemImportFromShareableHandle, "cuMemImportFromShareableHandle",       \
      10020, PLAIN, PFN_cuMemImportFromShareableHandle_v10020, SHARE,         \
      (CUmemGenericAllocationHandle *handle, void *os_handle,                 \
       CUmemAllocationHandleType sh_handle_type),                             \
      (handle, os_handle, sh_handle_type))                                    \
    X(cuMemPoolExportToShareableHandle,                                       \
      "cuMemPoolExportToShareableHandle", 11020, PLAIN,                       \
      PFN_cuMemPoolExportToShareableHandle_v11020, SHARE,                     \
      (void *handle_out, CUmemoryPool pool,                                   \
       CUmemAllocationHandleType handle_type, unsigned long long flags),      \
      (handle_out, pool, handle_type, flags))                                 \
    X(cuMemPoolExportPointer, "cuMemPoolExportPointer", 11020, PLAIN,         \
      PFN_cuMemPoolExportPointer_v11020, SHARE,                               \
      (CUmemPoolPtrExportData *share_data_out, CUdeviceptr ptr),              \
      (share_data_out, ptr))                                                  \
    X(cuMemPoolImportPointer, "cuMemPoolImportPointer", 11020, PLAIN,         \
      PFN_cuMemPoolImportPointer_v11020, SHARE,                               \
      (CUdeviceptr *ptr_out, CUmemoryPool pool,                               \
       CUmemPoolPtrExportData *share_data),                                   \
      (ptr_out, pool, share_data))                                            \
    X(cuMemPoolImportFromShareableHandle,                                     \
      "cuMemPoolImportFromShareableHandle", 11020, PLAIN,                     \
      PFN_cuMemPoolImportFromShareableHandle_v11020, SHARE,                   \
      (CUmemoryPool *pool_out, void *handle,                                  \
       CUmemAllocationHandleType handle_type, unsigned long long flags),      \
      (pool_out, handle, handle_type, flags))                                 \
    X(cuMemGetHandleForAddressRange, "cuMemGetHandleForAddressRange",         \
      11070, PLAIN, PFN_cuMemGetHandleForAddressRange_v11070, SHARE,          \
      (void *handle, CUdeviceptr dptr, size_t size,                           \
       CUmemRangeHandleType handle_type, unsigned long long flags),           \
      (handle, dptr, size, handle_type, flags))                               \
    X(cuImportExternalMemory, "cuImportExternalMemory", 10000, PLAIN,         \
      PFN_cuImportExternalMemory_v10000, SHARE,                               \
      (CUexternalMemory *memory_p,                                            \
       const CUDA_EXTERNAL_MEMORY_HANDLE_DESC *desc),                         \
      (memory_p, desc))                                                       \
    X(cuExternalMemoryGetMappedBuffer, "cuExternalMemoryGetMappedBuffer",     \
      10000, PLAIN, PFN_cuExternalMemoryGetMappedBuffer_v10000,               \
      SHARE,                                                                  \
      (CUdeviceptr *dptr_p, CUexternalMemory memory,                          \
       const CUDA_EXTERNAL_MEMORY_BUFFER_DESC *desc),                         \
      (dptr_p, memory, desc))                                                 \
    X(cuGraphicsResourceGetMappedPointer_v2,                                  \
      "cuGraphicsResourceGetMappedPointer", 3020, PLAIN,                      \
      PFN_cuGraphicsResourceGetMappedPointer_v3020, SHARE,                    \
      (CUdeviceptr *dptr_p, size_t *size_p, CUgraphicsResource resource),     \
      (dptr_p, size_p, resource))                                             \
    X(cuPointerSetAttribute, "cuPointerSetAttribute", 6000, PLAIN,            \
      PFN_cuPointerSetAttribute_v6000, SHARE,                                 \
      (const void *value, CUpointer_attribute attribute,                      \
       CUdeviceptr ptr),                                                      \
      (value, attribute, ptr))                                                \
    X(cuCtxEnablePeerAccess, "cuCtxEnablePeerAccess", 4000, PLAIN,            \
      PFN_cuCtxEnablePeerAccess_v4000, SHARE,                                 \
      (CUcontext peer_context, unsigned int flags),                           \
      (peer_context, flags))                                                  \
    X(cuMemPoolSetAccess, "cuMemPoolSetAccess", 11020, PLAIN,                 \
      PFN_cuMemPoolSetAccess_v11020, SHARE,                                   \
      (CUmemoryPool pool, const CUmemAccessDesc *map, size_t count),          \
      (pool, map, count))

#if CUDA_VERSION >= 12010
#define CSH_SURFACE_SHARES_12010(X)                                           \
    X(cuMulticastBindMem, "cuMulticastBindMem", 12010, PLAIN,                 \
      PFN_cuMulticastBindMem_v12010, SHARE,                                   \
      (CUmemGenericAllocationHandle mc_handle, size_t mc_offset,              \
       CUmemGenericAllocationHandle mem_handle, size_t mem_offset,            \
       size_t size, unsigned long long flags),                                \
      (mc_handle, mc_offset, mem_handle, mem_offset, size, flags))            \
    X(cuMulticastBindAddr, "cuMulticastBindAddr", 12010, PLAIN,               \
      PFN_cuMulticastBindAddr_v12010, SHARE,                                  \
      (CUmemGenericAllocationHandle mc_handle, size_t mc_offset,              \
       CUdeviceptr memptr, size_t size, unsigned long long flags),            \
      (mc_handle, mc_offset, memptr, size, flags))
#else
#define CSH_SURFACE_SHARES_12010(X)
#endif

#define CSH_SURFACE_SHARES(X)                                                 \
    CSH_SURFACE_SHARES_12000(X)                                               \
    CSH_SURFACE_SHARES_12010(X)

/* Work that may write any device memory. The hot path of every program: a
 * wrapper loads its slot, tests it and jumps. */
#define CSH_ARGS_KERNEL                                                       \
    (CUfunction function, unsigned int grid_dim_x,                            \
     unsigned int grid_dim_y, unsigned int grid_dim_z,                        \
     unsigned int block_dim_x, unsigned int block_dim_y,                      \
     unsigned int block_dim_z, unsigned int shared_mem_bytes,                 \
     CUstream stream, void **kernel_params, void **extra),                    \
    (function, grid_dim_x, grid_dim_y, grid_dim_z, block_dim_x,               \
     block_dim_y, block_dim_z, shared_mem_bytes, stream, kernel_params,       \
     extra)
#define CSH_ARGS_KERNEL_EX                                                    \
    (const CUlaunchConfig *config, CUfunction function,                       \
     void **kernel_params, void **extra),                                     \
    (config, function, kernel_params, extra)
#define CSH_ARGS_COOPERATIVE                                                  \
    (CUfunction function, unsigned int grid_dim_x,                            \
     unsigned int grid_dim_y, unsigned int grid_dim_z,                        \
     unsigned int block_dim_x, unsigned int block_dim_y,                      \
     unsigned int block_dim_z, unsigned int shared_mem_bytes,                 \
     CUstream stream, void **kernel_params),                                  \
    (function, grid_dim_x, grid_dim_y, grid_dim_z, block_dim_x,               \
     block_dim_y, block_dim_z, shared_mem_bytes, stream, kernel_params)
#define CSH_ARGS_GRAPH                                                        \
    (CUgraphExec exec, CUstream stream),                                      \
    (exec, stream)
#define CSH_ARGS_WAIT_SEMAPHORES                                              \
    (const CUexternalSemaphore *ext_sem_array,                                \
     const CUDA_EXTERNAL_SEMAPHORE_WAIT_PARAMS *params,                       \
     unsigned int num_ext_sems, CUstream stream),                             \
    (ext_sem_array, params, num_ext_sems, stream)

#define CSH_SURFACE_LAUNCHES(X)                                               \
    X(cuLaunchKernel, "cuLaunchKernel", 4000, PLAIN,                          \
      PFN_cuLaunchKernel_v4000, LAUNCH, CSH_ARGS_KERNEL)                      \
    X(cuLaunchKernel_ptsz, "cuLaunchKernel", 7000, PER_THREAD,                \
      PFN_cuLaunchKernel_v7000_ptsz, LAUNCH, CSH_ARGS_KERNEL)                 \
    X(cuLaunchKernelEx, "cuLaunchKernelEx", 11060, PLAIN,                     \
      PFN_cuLaunchKernelEx_v11060, LAUNCH, CSH_ARGS_KERNEL_EX)                \
    X(cuLaunchKernelEx_ptsz, "cuLaunchKernelEx", 11060, PER_THREAD,           \
      PFN_cuLaunchKernelEx_v11060_ptsz, LAUNCH, CSH_ARGS_KERNEL_EX)           \
    X(cuLaunchCooperativeKernel, "cuLaunchCooperativeKernel", 9000,           \
      PLAIN, PFN_cuLaunchCooperativeKernel_v9000, LAUNCH,                     \
      CSH_ARGS_COOPERATIVE)                                                   \
    X(cuLaunchCooperativeKernel_ptsz, "cuLaunchCooperativeKernel", 9000,      \
      PER_THREAD, PFN_cuLaunchCooperativeKernel_v9000_ptsz, LAUNCH,           \
      CSH_ARGS_COOPERATIVE)                                                   \
    X(cuLaunchCooperativeKernelMultiDevice,                                   \
      "cuLaunchCooperativeKernelMultiDevice", 9000, PLAIN,                    \
      PFN_cuLaunchCooperativeKernelMultiDevice_v9000, LAUNCH,                 \
      (CUDA_LAUNCH_PARAMS *launch_params_list, unsigned int num_devices,      \
       unsigned int flags),                                                   \
      (launch_params_list, num_devices, flags))                               \
    X(cuGraphLaunch, "cuGraphLaunch", 10000, PLAIN,                           \
      PFN_cuGraphLaunch_v10000, LAUNCH, CSH_ARGS_GRAPH)                       \
    X(cuGraphLaunch_ptsz, "cuGraphLaunch", 10000, PER_THREAD,                 \
      PFN_cuGraphLaunch_v10000_ptsz, LAUNCH, CSH_ARGS_GRAPH)                  \
    X(cuLaunch, "cuLaunch", 2000, PLAIN, PFN_cuLaunch_v2000, LAUNCH,          \
      (CUfunction function),                                                  \
      (function))                                                             \
    X(cuLaunchGrid, "cuLaunchGrid", 2000, PLAIN,                              \
      PFN_cuLaunchGrid_v2000, LAUNCH,                                         \
      (CUfunction function, int grid_width, int grid_height),                 \
      (function, grid_width, grid_height))                                    \
    X(cuLaunchGridAsync, "cuLaunchGridAsync", 2000, PLAIN,                    \
      PFN_cuLaunchGridAsync_v2000, LAUNCH,                                    \
      (CUfunction function, int grid_width, int grid_height,                  \
       CUstream stream),                                                      \
      (function, grid_width, grid_height, stream))                            \
    X(cuWaitExternalSemaphoresAsync, "cuWaitExternalSemaphoresAsync",         \
      10000, PLAIN, PFN_cuWaitExternalSemaphoresAsync_v10000, LAUNCH,         \
      CSH_ARGS_WAIT_SEMAPHORES)                                               \
    X(cuWaitExternalSemaphoresAsync_ptsz,                                     \
      "cuWaitExternalSemaphoresAsync", 10000, PER_THREAD,                     \
      PFN_cuWaitExternalSemaphoresAsync_v10000_ptsz, LAUNCH,                  \
      CSH_ARGS_WAIT_SEMAPHORES)                                               \
    X(cuFlushGPUDirectRDMAWrites, "cuFlushGPUDirectRDMAWrites", 11030,        \
      PLAIN, PFN_cuFlushGPUDirectRDMAWrites_v11030, LAUNCH,                   \
      (CUflushGPUDirectRDMAWritesTarget target,                               \
       CUflushGPUDirectRDMAWritesScope scope),                                \
      (target, scope))

#endif
