/*
 * surface_watched_streams.h - rows of contexts, streams and events, and of what
 * opens memory to others.
 * Part of surface_watched.h; not included elsewhere.
 *
 * Columns are those of surface.h. Parameters that several rows share are named
 * once.
 */
#ifndef CSH_DRIVER_SURFACE_WATCHED_STREAMS_H
#define CSH_DRIVER_SURFACE_WATCHED_STREAMS_H

#define CSH_ARGS_CTX_CREATE                                                   \
    (CUcontext *pctx, unsigned int flags, CUdevice_v1 dev),                   \
    (pctx, flags, dev)

#define CSH_ARGS_DEVICE_PRIMARY_CTX_SET_FLAGS                                 \
    (CUdevice_v1 dev, unsigned int flags),                                    \
    (dev, flags)

#define CSH_ARGS_EVENT_RECORD                                                 \
    (CUevent event, CUstream stream),                                         \
    (event, stream)

#define CSH_ARGS_EVENT_RECORD_WITH_FLAGS                                      \
    (CUevent event, CUstream stream, unsigned int flags),                     \
    (event, stream, flags)

#define CSH_ARGS_GRAPHICS_RESOURCE_SET_MAP_FLAGS                              \
    (CUgraphicsResource resource, unsigned int flags),                        \
    (resource, flags)

#define CSH_ARGS_LAUNCH_HOST_FUNC                                             \
    (CUstream stream, CUhostFn fn, void *user_data),                          \
    (stream, fn, user_data)

#define CSH_ARGS_SIGNAL_EXTERNAL_SEMAPHORES_ASYNC                             \
    (const CUexternalSemaphore *ext_sem_array,                                \
     const CUDA_EXTERNAL_SEMAPHORE_SIGNAL_PARAMS_v1 *params_array,            \
     unsigned int num_ext_sems, CUstream stream),                             \
    (ext_sem_array, params_array, num_ext_sems, stream)

#define CSH_ARGS_STREAM_ADD_CALLBACK                                          \
    (CUstream stream, CUstreamCallback callback, void *user_data,             \
     unsigned int flags),                                                     \
    (stream, callback, user_data, flags)

#define CSH_ARGS_STREAM_UPDATE_CAPTURE_DEPENDENCIES                           \
    (CUstream stream, CUgraphNode *dependencies, size_t num_dependencies,     \
     unsigned int flags),                                                     \
    (stream, dependencies, num_dependencies, flags)

#define CSH_ARGS_STREAM_WAIT_EVENT                                            \
    (CUstream stream, CUevent event, unsigned int flags),                     \
    (stream, event, flags)

#define CSH_ARGS_STREAM_WAIT_VALUE32                                          \
    (CUstream stream, CUdeviceptr_v2 addr, cuuint32_t value,                  \
     unsigned int flags),                                                     \
    (stream, addr, value, flags)

#define CSH_ARGS_STREAM_WAIT_VALUE64                                          \
    (CUstream stream, CUdeviceptr_v2 addr, cuuint64_t value,                  \
     unsigned int flags),                                                     \
    (stream, addr, value, flags)

#define CSH_SURFACE_WATCHED_STREAMS_12000(X)                                  \
    X(cuCtxAttach, "cuCtxAttach", 2000, PLAIN, PFN_cuCtxAttach_v2000,         \
      WATCHED,                                                                \
      (CUcontext *pctx, unsigned int flags),                                  \
      (pctx, flags))                                                          \
    X(cuCtxCreate, "cuCtxCreate", 2000, PLAIN, PFN_cuCtxCreate_v2000,         \
      WATCHED, CSH_ARGS_CTX_CREATE)                                           \
    X(cuCtxCreate_v2, "cuCtxCreate", 3020, PLAIN, PFN_cuCtxCreate_v3020,      \
      WATCHED, CSH_ARGS_CTX_CREATE)                                           \
    X(cuCtxCreate_v3, "cuCtxCreate", 11040, PLAIN, PFN_cuCtxCreate_v11040,    \
      WATCHED,                                                                \
      (CUcontext *pctx, CUexecAffinityParam *params_array, int num_params,    \
       unsigned int flags, CUdevice_v1 dev),                                  \
      (pctx, params_array, num_params, flags, dev))                           \
    X(cuCtxDisablePeerAccess, "cuCtxDisablePeerAccess", 4000, PLAIN,          \
      PFN_cuCtxDisablePeerAccess_v4000, WATCHED,                              \
      (CUcontext peer_context),                                               \
      (peer_context))                                                         \
    X(cuDestroyExternalMemory, "cuDestroyExternalMemory", 10000, PLAIN,       \
      PFN_cuDestroyExternalMemory_v10000, OPENED,                             \
      (CUexternalMemory ext_mem),                                             \
      (ext_mem))                                                              \
    X(cuDestroyExternalSemaphore, "cuDestroyExternalSemaphore", 10000,        \
      PLAIN, PFN_cuDestroyExternalSemaphore_v10000, OPENED,                   \
      (CUexternalSemaphore ext_sem),                                          \
      (ext_sem))                                                              \
    X(cuDevicePrimaryCtxRetain, "cuDevicePrimaryCtxRetain", 7000, PLAIN,      \
      PFN_cuDevicePrimaryCtxRetain_v7000, WATCHED,                            \
      (CUcontext *pctx, CUdevice_v1 dev),                                     \
      (pctx, dev))                                                            \
    X(cuDevicePrimaryCtxSetFlags, "cuDevicePrimaryCtxSetFlags", 7000, PLAIN,  \
      PFN_cuDevicePrimaryCtxSetFlags_v7000, WATCHED,                          \
      CSH_ARGS_DEVICE_PRIMARY_CTX_SET_FLAGS)                                  \
    X(cuDevicePrimaryCtxSetFlags_v2, "cuDevicePrimaryCtxSetFlags", 11000,     \
      PLAIN, PFN_cuDevicePrimaryCtxSetFlags_v11000, WATCHED,                  \
      CSH_ARGS_DEVICE_PRIMARY_CTX_SET_FLAGS)                                  \
    X(cuEventCreate, "cuEventCreate", 2000, PLAIN, PFN_cuEventCreate_v2000,   \
      WATCHED,                                                                \
      (CUevent *ph_event, unsigned int flags),                                \
      (ph_event, flags))                                                      \
    X(cuEventDestroy, "cuEventDestroy", 2000, PLAIN,                          \
      PFN_cuEventDestroy_v2000, WATCHED,                                      \
      (CUevent event),                                                        \
      (event))                                                                \
    X(cuEventDestroy_v2, "cuEventDestroy", 4000, PLAIN,                       \
      PFN_cuEventDestroy_v4000, WATCHED,                                      \
      (CUevent event),                                                        \
      (event))                                                                \
    X(cuEventRecord, "cuEventRecord", 2000, PLAIN, PFN_cuEventRecord_v2000,   \
      WATCHED, CSH_ARGS_EVENT_RECORD)                                         \
    X(cuEventRecordWithFlags, "cuEventRecordWithFlags", 11010, PLAIN,         \
      PFN_cuEventRecordWithFlags_v11010, WATCHED,                             \
      CSH_ARGS_EVENT_RECORD_WITH_FLAGS)                                       \
    X(cuEventRecordWithFlags_ptsz, "cuEventRecordWithFlags", 11010,           \
      PER_THREAD, PFN_cuEventRecordWithFlags_v11010_ptsz, WATCHED,            \
      CSH_ARGS_EVENT_RECORD_WITH_FLAGS)                                       \
    X(cuEventRecord_ptsz, "cuEventRecord", 7000, PER_THREAD,                  \
      PFN_cuEventRecord_v7000_ptsz, WATCHED, CSH_ARGS_EVENT_RECORD)           \
    X(cuExternalMemoryGetMappedMipmappedArray,                                \
      "cuExternalMemoryGetMappedMipmappedArray", 10000, PLAIN,                \
      PFN_cuExternalMemoryGetMappedMipmappedArray_v10000, OPENED,             \
      (CUmipmappedArray *mipmap, CUexternalMemory ext_mem,                    \
       const CUDA_EXTERNAL_MEMORY_MIPMAPPED_ARRAY_DESC_v1 *mipmap_desc),      \
      (mipmap, ext_mem, mipmap_desc))                                         \
    X(cuFuncSetBlockShape, "cuFuncSetBlockShape", 2000, PLAIN,                \
      PFN_cuFuncSetBlockShape_v2000, WATCHED,                                 \
      (CUfunction hfunc, int x, int y, int z),                                \
      (hfunc, x, y, z))                                                       \
    X(cuFuncSetSharedSize, "cuFuncSetSharedSize", 2000, PLAIN,                \
      PFN_cuFuncSetSharedSize_v2000, WATCHED,                                 \
      (CUfunction hfunc, unsigned int bytes),                                 \
      (hfunc, bytes))                                                         \
    X(cuGraphUpload, "cuGraphUpload", 11010, PLAIN,                           \
      PFN_cuGraphUpload_v11010, WATCHED,                                      \
      (CUgraphExec graph, CUstream stream),                                   \
      (graph, stream))                                                        \
    X(cuGraphUpload_ptsz, "cuGraphUpload", 11010, PER_THREAD,                 \
      PFN_cuGraphUpload_v11010_ptsz, WATCHED,                                 \
      (CUgraphExec graph_exec, CUstream stream),                              \
      (graph_exec, stream))                                                   \
    X(cuGraphicsMapResources, "cuGraphicsMapResources", 3000, PLAIN,          \
      PFN_cuGraphicsMapResources_v3000, OPENED,                               \
      (unsigned int count, CUgraphicsResource *resources, CUstream stream),   \
      (count, resources, stream))                                             \
    X(cuGraphicsMapResources_ptsz, "cuGraphicsMapResources", 7000,            \
      PER_THREAD, PFN_cuGraphicsMapResources_v7000_ptsz, OPENED,              \
      (unsigned int count, CUgraphicsResource *resources, CUstream stream),   \
      (count, resources, stream))                                             \
    X(cuGraphicsResourceGetMappedMipmappedArray,                              \
      "cuGraphicsResourceGetMappedMipmappedArray", 5000, PLAIN,               \
      PFN_cuGraphicsResourceGetMappedMipmappedArray_v5000, OPENED,            \
      (CUmipmappedArray *mipmapped_array, CUgraphicsResource resource),       \
      (mipmapped_array, resource))                                            \
    X(cuGraphicsResourceSetMapFlags, "cuGraphicsResourceSetMapFlags", 3000,   \
      PLAIN, PFN_cuGraphicsResourceSetMapFlags_v3000, OPENED,                 \
      CSH_ARGS_GRAPHICS_RESOURCE_SET_MAP_FLAGS)                               \
    X(cuGraphicsResourceSetMapFlags_v2, "cuGraphicsResourceSetMapFlags",      \
      6050, PLAIN, PFN_cuGraphicsResourceSetMapFlags_v6050, OPENED,           \
      CSH_ARGS_GRAPHICS_RESOURCE_SET_MAP_FLAGS)                               \
    X(cuGraphicsSubResourceGetMappedArray,                                    \
      "cuGraphicsSubResourceGetMappedArray", 3000, PLAIN,                     \
      PFN_cuGraphicsSubResourceGetMappedArray_v3000, OPENED,                  \
      (CUarray *array, CUgraphicsResource resource,                           \
       unsigned int array_index, unsigned int mip_level),                     \
      (array, resource, array_index, mip_level))                              \
    X(cuGraphicsUnmapResources, "cuGraphicsUnmapResources", 3000, PLAIN,      \
      PFN_cuGraphicsUnmapResources_v3000, OPENED,                             \
      (unsigned int count, CUgraphicsResource *resources, CUstream stream),   \
      (count, resources, stream))                                             \
    X(cuGraphicsUnmapResources_ptsz, "cuGraphicsUnmapResources", 7000,        \
      PER_THREAD, PFN_cuGraphicsUnmapResources_v7000_ptsz, OPENED,            \
      (unsigned int count, CUgraphicsResource *resources, CUstream stream),   \
      (count, resources, stream))                                             \
    X(cuGraphicsUnregisterResource, "cuGraphicsUnregisterResource", 3000,     \
      PLAIN, PFN_cuGraphicsUnregisterResource_v3000, OPENED,                  \
      (CUgraphicsResource resource),                                          \
      (resource))                                                             \
    X(cuImportExternalSemaphore, "cuImportExternalSemaphore", 10000, PLAIN,   \
      PFN_cuImportExternalSemaphore_v10000, OPENED,                           \
      (CUexternalSemaphore *ext_sem_out,                                      \
       const CUDA_EXTERNAL_SEMAPHORE_HANDLE_DESC_v1 *sem_handle_desc),        \
      (ext_sem_out, sem_handle_desc))                                         \
    X(cuIpcCloseMemHandle, "cuIpcCloseMemHandle", 4010, PLAIN,                \
      PFN_cuIpcCloseMemHandle_v4010, OPENED,                                  \
      (CUdeviceptr_v2 dptr),                                                  \
      (dptr))                                                                 \
    X(cuIpcGetEventHandle, "cuIpcGetEventHandle", 4010, PLAIN,                \
      PFN_cuIpcGetEventHandle_v4010, OPENED,                                  \
      (CUipcEventHandle_v1 *handle, CUevent event),                           \
      (handle, event))                                                        \
    X(cuIpcOpenEventHandle, "cuIpcOpenEventHandle", 4010, PLAIN,              \
      PFN_cuIpcOpenEventHandle_v4010, OPENED,                                 \
      (CUevent *ph_event, CUipcEventHandle_v1 handle),                        \
      (ph_event, handle))                                                     \
    X(cuLaunchHostFunc, "cuLaunchHostFunc", 10000, PLAIN,                     \
      PFN_cuLaunchHostFunc_v10000, WATCHED, CSH_ARGS_LAUNCH_HOST_FUNC)        \
    X(cuLaunchHostFunc_ptsz, "cuLaunchHostFunc", 10000, PER_THREAD,           \
      PFN_cuLaunchHostFunc_v10000_ptsz, WATCHED, CSH_ARGS_LAUNCH_HOST_FUNC)   \
    X(cuParamSetSize, "cuParamSetSize", 2000, PLAIN,                          \
      PFN_cuParamSetSize_v2000, WATCHED,                                      \
      (CUfunction hfunc, unsigned int numbytes),                              \
      (hfunc, numbytes))                                                      \
    X(cuParamSetTexRef, "cuParamSetTexRef", 2000, PLAIN,                      \
      PFN_cuParamSetTexRef_v2000, WATCHED,                                    \
      (CUfunction hfunc, int texunit, CUtexref tex_ref),                      \
      (hfunc, texunit, tex_ref))                                              \
    X(cuParamSetf, "cuParamSetf", 2000, PLAIN, PFN_cuParamSetf_v2000,         \
      WATCHED,                                                                \
      (CUfunction hfunc, int offset, float value),                            \
      (hfunc, offset, value))                                                 \
    X(cuParamSeti, "cuParamSeti", 2000, PLAIN, PFN_cuParamSeti_v2000,         \
      WATCHED,                                                                \
      (CUfunction hfunc, int offset, unsigned int value),                     \
      (hfunc, offset, value))                                                 \
    X(cuParamSetv, "cuParamSetv", 2000, PLAIN, PFN_cuParamSetv_v2000,         \
      WATCHED,                                                                \
      (CUfunction hfunc, int offset, void *ptr, unsigned int numbytes),       \
      (hfunc, offset, ptr, numbytes))                                         \
    X(cuSignalExternalSemaphoresAsync, "cuSignalExternalSemaphoresAsync",     \
      10000, PLAIN, PFN_cuSignalExternalSemaphoresAsync_v10000, OPENED,       \
      CSH_ARGS_SIGNAL_EXTERNAL_SEMAPHORES_ASYNC)                              \
    X(cuSignalExternalSemaphoresAsync_ptsz,                                   \
      "cuSignalExternalSemaphoresAsync", 10000, PER_THREAD,                   \
      PFN_cuSignalExternalSemaphoresAsync_v10000_ptsz, OPENED,                \
      CSH_ARGS_SIGNAL_EXTERNAL_SEMAPHORES_ASYNC)                              \
    X(cuStreamAddCallback, "cuStreamAddCallback", 5000, PLAIN,                \
      PFN_cuStreamAddCallback_v5000, WATCHED, CSH_ARGS_STREAM_ADD_CALLBACK)   \
    X(cuStreamAddCallback_ptsz, "cuStreamAddCallback", 7000, PER_THREAD,      \
      PFN_cuStreamAddCallback_v7000_ptsz, WATCHED,                            \
      CSH_ARGS_STREAM_ADD_CALLBACK)                                           \
    X(cuStreamUpdateCaptureDependencies,                                      \
      "cuStreamUpdateCaptureDependencies", 11030, PLAIN,                      \
      PFN_cuStreamUpdateCaptureDependencies_v11030, WATCHED,                  \
      CSH_ARGS_STREAM_UPDATE_CAPTURE_DEPENDENCIES)                            \
    X(cuStreamUpdateCaptureDependencies_ptsz,                                 \
      "cuStreamUpdateCaptureDependencies", 11030, PER_THREAD,                 \
      PFN_cuStreamUpdateCaptureDependencies_v11030_ptsz, WATCHED,             \
      CSH_ARGS_STREAM_UPDATE_CAPTURE_DEPENDENCIES)                            \
    X(cuStreamWaitEvent, "cuStreamWaitEvent", 3020, PLAIN,                    \
      PFN_cuStreamWaitEvent_v3020, WATCHED, CSH_ARGS_STREAM_WAIT_EVENT)       \
    X(cuStreamWaitEvent_ptsz, "cuStreamWaitEvent", 7000, PER_THREAD,          \
      PFN_cuStreamWaitEvent_v7000_ptsz, WATCHED, CSH_ARGS_STREAM_WAIT_EVENT)  \
    X(cuStreamWaitValue32, "cuStreamWaitValue32", 8000, PLAIN,                \
      PFN_cuStreamWaitValue32_v8000, WATCHED, CSH_ARGS_STREAM_WAIT_VALUE32)   \
    X(cuStreamWaitValue32_ptsz, "cuStreamWaitValue32", 8000, PER_THREAD,      \
      PFN_cuStreamWaitValue32_v8000_ptsz, WATCHED,                            \
      CSH_ARGS_STREAM_WAIT_VALUE32)                                           \
    X(cuStreamWaitValue32_v2, "cuStreamWaitValue32", 11070, PLAIN,            \
      PFN_cuStreamWaitValue32_v11070, WATCHED, CSH_ARGS_STREAM_WAIT_VALUE32)  \
    X(cuStreamWaitValue32_v2_ptsz, "cuStreamWaitValue32", 11070, PER_THREAD,  \
      PFN_cuStreamWaitValue32_v11070_ptsz, WATCHED,                           \
      CSH_ARGS_STREAM_WAIT_VALUE32)                                           \
    X(cuStreamWaitValue64, "cuStreamWaitValue64", 9000, PLAIN,                \
      PFN_cuStreamWaitValue64_v9000, WATCHED, CSH_ARGS_STREAM_WAIT_VALUE64)   \
    X(cuStreamWaitValue64_ptsz, "cuStreamWaitValue64", 9000, PER_THREAD,      \
      PFN_cuStreamWaitValue64_v9000_ptsz, WATCHED,                            \
      CSH_ARGS_STREAM_WAIT_VALUE64)                                           \
    X(cuStreamWaitValue64_v2, "cuStreamWaitValue64", 11070, PLAIN,            \
      PFN_cuStreamWaitValue64_v11070, WATCHED, CSH_ARGS_STREAM_WAIT_VALUE64)  \
    X(cuStreamWaitValue64_v2_ptsz, "cuStreamWaitValue64", 11070, PER_THREAD,  \
      PFN_cuStreamWaitValue64_v11070_ptsz, WATCHED,                           \
      CSH_ARGS_STREAM_WAIT_VALUE64)                                           \
    X(cuThreadExchangeStreamCaptureMode,                                      \
      "cuThreadExchangeStreamCaptureMode", 10010, PLAIN,                      \
      PFN_cuThreadExchangeStreamCaptureMode_v10010, WATCHED,                  \
      (CUstreamCaptureMode *mode),                                            \
      (mode))

#if CUDA_VERSION >= 12010

#define CSH_SURFACE_WATCHED_STREAMS_12010(X)                                  \
    X(cuCtxSetFlags, "cuCtxSetFlags", 12010, PLAIN,                           \
      PFN_cuCtxSetFlags_v12010, WATCHED,                                      \
      (unsigned int flags),                                                   \
      (flags))                                                                \
    X(cuMulticastAddDevice, "cuMulticastAddDevice", 12010, PLAIN,             \
      PFN_cuMulticastAddDevice_v12010, OPENED,                                \
      (CUmemGenericAllocationHandle mc_handle, CUdevice dev),                 \
      (mc_handle, dev))                                                       \
    X(cuMulticastCreate, "cuMulticastCreate", 12010, PLAIN,                   \
      PFN_cuMulticastCreate_v12010, OPENED,                                   \
      (CUmemGenericAllocationHandle *mc_handle,                               \
       const CUmulticastObjectProp *prop),                                    \
      (mc_handle, prop))                                                      \
    X(cuMulticastUnbind, "cuMulticastUnbind", 12010, PLAIN,                   \
      PFN_cuMulticastUnbind_v12010, OPENED,                                   \
      (CUmemGenericAllocationHandle mc_handle, CUdevice dev,                  \
       size_t mc_offset, size_t size),                                        \
      (mc_handle, dev, mc_offset, size))

#else
#define CSH_SURFACE_WATCHED_STREAMS_12010(X)
#endif

#if CUDA_VERSION >= 12030

#define CSH_ARGS_STREAM_UPDATE_CAPTURE_DEPENDENCIES_12030                     \
    (CUstream stream, CUgraphNode *dependencies,                              \
     const CUgraphEdgeData *dependency_data, size_t num_dependencies,         \
     unsigned int flags),                                                     \
    (stream, dependencies, dependency_data, num_dependencies, flags)

#define CSH_SURFACE_WATCHED_STREAMS_12030(X)                                  \
    X(cuStreamUpdateCaptureDependencies_v2,                                   \
      "cuStreamUpdateCaptureDependencies", 12030, PLAIN,                      \
      PFN_cuStreamUpdateCaptureDependencies_v12030, WATCHED,                  \
      CSH_ARGS_STREAM_UPDATE_CAPTURE_DEPENDENCIES_12030)                      \
    X(cuStreamUpdateCaptureDependencies_v2_ptsz,                              \
      "cuStreamUpdateCaptureDependencies", 12030, PER_THREAD,                 \
      PFN_cuStreamUpdateCaptureDependencies_v12030_ptsz, WATCHED,             \
      CSH_ARGS_STREAM_UPDATE_CAPTURE_DEPENDENCIES_12030)

#else
#define CSH_SURFACE_WATCHED_STREAMS_12030(X)
#endif

#if CUDA_VERSION >= 12040

#define CSH_SURFACE_WATCHED_STREAMS_12040(X)                                  \
    X(cuCtxFromGreenCtx, "cuCtxFromGreenCtx", 12040, PLAIN,                   \
      PFN_cuCtxFromGreenCtx_v12040, WATCHED,                                  \
      (CUcontext *context, CUgreenCtx ctx),                                   \
      (context, ctx))                                                         \
    X(cuGreenCtxCreate, "cuGreenCtxCreate", 12040, PLAIN,                     \
      PFN_cuGreenCtxCreate_v12040, WATCHED,                                   \
      (CUgreenCtx *ph_ctx, CUdevResourceDesc desc, CUdevice dev,              \
       unsigned int flags),                                                   \
      (ph_ctx, desc, dev, flags))                                             \
    X(cuGreenCtxDestroy, "cuGreenCtxDestroy", 12040, PLAIN,                   \
      PFN_cuGreenCtxDestroy_v12040, WATCHED,                                  \
      (CUgreenCtx ctx),                                                       \
      (ctx))                                                                  \
    X(cuGreenCtxRecordEvent, "cuGreenCtxRecordEvent", 12040, PLAIN,           \
      PFN_cuGreenCtxRecordEvent_v12040, WATCHED,                              \
      (CUgreenCtx ctx, CUevent event),                                        \
      (ctx, event))                                                           \
    X(cuGreenCtxWaitEvent, "cuGreenCtxWaitEvent", 12040, PLAIN,               \
      PFN_cuGreenCtxWaitEvent_v12040, WATCHED,                                \
      (CUgreenCtx ctx, CUevent event),                                        \
      (ctx, event))

#else
#define CSH_SURFACE_WATCHED_STREAMS_12040(X)
#endif

#if CUDA_VERSION >= 12050

#define CSH_SURFACE_WATCHED_STREAMS_12050(X)                                  \
    X(cuCtxCreate_v4, "cuCtxCreate", 12050, PLAIN, PFN_cuCtxCreate_v12050,    \
      WATCHED,                                                                \
      (CUcontext *pctx, CUctxCreateParams *ctx_create_params,                 \
       unsigned int flags, CUdevice dev),                                     \
      (pctx, ctx_create_params, flags, dev))                                  \
    X(cuCtxRecordEvent, "cuCtxRecordEvent", 12050, PLAIN,                     \
      PFN_cuCtxRecordEvent_v12050, WATCHED,                                   \
      (CUcontext ctx, CUevent event),                                         \
      (ctx, event))                                                           \
    X(cuCtxWaitEvent, "cuCtxWaitEvent", 12050, PLAIN,                         \
      PFN_cuCtxWaitEvent_v12050, WATCHED,                                     \
      (CUcontext ctx, CUevent event),                                         \
      (ctx, event))

#else
#define CSH_SURFACE_WATCHED_STREAMS_12050(X)
#endif

#if CUDA_VERSION >= 12080

#define CSH_SURFACE_WATCHED_STREAMS_12080(X)                                  \
    X(cuCheckpointProcessCheckpoint, "cuCheckpointProcessCheckpoint", 12080,  \
      PLAIN, PFN_cuCheckpointProcessCheckpoint_v12080, WATCHED,               \
      (int pid, CUcheckpointCheckpointArgs *args),                            \
      (pid, args))                                                            \
    X(cuCheckpointProcessGetRestoreThreadId,                                  \
      "cuCheckpointProcessGetRestoreThreadId", 12080, PLAIN,                  \
      PFN_cuCheckpointProcessGetRestoreThreadId_v12080, WATCHED,              \
      (int pid, int *tid),                                                    \
      (pid, tid))                                                             \
    X(cuCheckpointProcessGetState, "cuCheckpointProcessGetState", 12080,      \
      PLAIN, PFN_cuCheckpointProcessGetState_v12080, WATCHED,                 \
      (int pid, CUprocessState *state),                                       \
      (pid, state))                                                           \
    X(cuCheckpointProcessLock, "cuCheckpointProcessLock", 12080, PLAIN,       \
      PFN_cuCheckpointProcessLock_v12080, WATCHED,                            \
      (int pid, CUcheckpointLockArgs *args),                                  \
      (pid, args))                                                            \
    X(cuCheckpointProcessRestore, "cuCheckpointProcessRestore", 12080,        \
      PLAIN, PFN_cuCheckpointProcessRestore_v12080, WATCHED,                  \
      (int pid, CUcheckpointRestoreArgs *args),                               \
      (pid, args))                                                            \
    X(cuCheckpointProcessUnlock, "cuCheckpointProcessUnlock", 12080, PLAIN,   \
      PFN_cuCheckpointProcessUnlock_v12080, WATCHED,                          \
      (int pid, CUcheckpointUnlockArgs *args),                                \
      (pid, args))

#else
#define CSH_SURFACE_WATCHED_STREAMS_12080(X)
#endif

#define CSH_SURFACE_WATCHED_STREAMS(X)                                        \
    CSH_SURFACE_WATCHED_STREAMS_12000(X)                                      \
    CSH_SURFACE_WATCHED_STREAMS_12010(X)                                      \
    CSH_SURFACE_WATCHED_STREAMS_12030(X)                                      \
    CSH_SURFACE_WATCHED_STREAMS_12040(X)                                      \
    CSH_SURFACE_WATCHED_STREAMS_12050(X)                                      \
    CSH_SURFACE_WATCHED_STREAMS_12080(X)

#endif
