/*
 * surface_queries.h - the entries that cohorts need not watch: whatever thread
 * calls them, and however often, no device memory is written by it and nothing
 * is enqueued that could. Part of surface.h; not included elsewhere.
 *
 * What NVIDIA documents of each (CUDA driver API, by the headings below) is
 * that it returns something, waits for work that has been enqueued, or
 * says which context the calling thread uses. An entry of which that can be
 * doubted is a row of surface_watched.h; so are the getters that may load code
 * first. cuInit is here because there is no device memory before its first
 * call, and nothing is left to do for a later one.
 * All ABIs of a base are here, or none: those with 32-bit sizes, too.
 *
 * X(symbol), in the order of the headings. Older headers need not know a name
 * that stands here: it is only compared.
 */
#ifndef CSH_DRIVER_SURFACE_QUERIES_H
#define CSH_DRIVER_SURFACE_QUERIES_H

/* The driver and its errors. */
#define CSH_SURFACE_QUERIES_DRIVER(X)                                         \
    X(cuInit) X(cuDriverGetVersion) X(cuGetErrorName) X(cuGetErrorString)

/* Devices. */
#define CSH_SURFACE_QUERIES_DEVICES(X)                                        \
    X(cuDeviceGet) X(cuDeviceGetCount) X(cuDeviceGetName) X(cuDeviceGetUuid)  \
    X(cuDeviceGetUuid_v2) X(cuDeviceGetLuid) X(cuDeviceTotalMem)              \
    X(cuDeviceTotalMem_v2) X(cuDeviceGetAttribute) X(cuDeviceGetProperties)   \
    X(cuDeviceComputeCapability) X(cuDeviceGetByPCIBusId)                     \
    X(cuDeviceGetPCIBusId) X(cuDeviceCanAccessPeer)                           \
    X(cuDeviceGetP2PAttribute) X(cuDeviceGetP2PAtomicCapabilities)            \
    X(cuDeviceGetHostAtomicCapabilities) X(cuDeviceGetExecAffinitySupport)    \
    X(cuDeviceGetTexture1DLinearMaxWidth) X(cuDeviceGetDefaultMemPool)        \
    X(cuDeviceGetMemPool) X(cuDeviceGetGraphMemAttribute)                     \
    X(cuDeviceGetDevResource) X(cuDevicePrimaryCtxGetState)

/* Which context a thread uses. */
#define CSH_SURFACE_QUERIES_CONTEXTS(X)                                       \
    X(cuCtxGetCurrent) X(cuCtxSetCurrent) X(cuCtxPushCurrent)                 \
    X(cuCtxPushCurrent_v2) X(cuCtxPopCurrent) X(cuCtxPopCurrent_v2)           \
    X(cuCtxGetDevice) X(cuCtxGetDevice_v2) X(cuCtxGetId)                      \
    X(cuCtxGetApiVersion) X(cuCtxGetFlags) X(cuCtxGetLimit)                   \
    X(cuCtxGetCacheConfig) X(cuCtxGetSharedMemConfig)                         \
    X(cuCtxGetStreamPriorityRange) X(cuCtxGetExecAffinity)                    \
    X(cuCtxGetDevResource) X(cuGreenCtxGetId) X(cuGreenCtxGetDevResource)

/* Streams and events: asked, or waited for. */
#define CSH_SURFACE_QUERIES_STREAMS(X)                                        \
    X(cuCtxSynchronize) X(cuCtxSynchronize_v2) X(cuStreamSynchronize)         \
    X(cuStreamSynchronize_ptsz) X(cuStreamQuery) X(cuStreamQuery_ptsz)        \
    X(cuStreamIsCapturing) X(cuStreamIsCapturing_ptsz)                        \
    X(cuStreamGetCaptureInfo) X(cuStreamGetCaptureInfo_ptsz)                  \
    X(cuStreamGetCaptureInfo_v2) X(cuStreamGetCaptureInfo_v2_ptsz)            \
    X(cuStreamGetCaptureInfo_v3) X(cuStreamGetCaptureInfo_v3_ptsz)            \
    X(cuStreamGetCtx) X(cuStreamGetCtx_ptsz) X(cuStreamGetCtx_v2)             \
    X(cuStreamGetCtx_v2_ptsz) X(cuStreamGetGreenCtx) X(cuStreamGetDevice)     \
    X(cuStreamGetDevice_ptsz) X(cuStreamGetFlags) X(cuStreamGetFlags_ptsz)    \
    X(cuStreamGetId) X(cuStreamGetId_ptsz) X(cuStreamGetPriority)             \
    X(cuStreamGetPriority_ptsz) X(cuStreamGetAttribute)                       \
    X(cuStreamGetAttribute_ptsz) X(cuEventQuery) X(cuEventSynchronize)        \
    X(cuEventElapsedTime) X(cuEventElapsedTime_v2)

/* Memory. */
#define CSH_SURFACE_QUERIES_MEMORY(X)                                         \
    X(cuMemGetAccess)                                                         \
    X(cuMemGetAllocationGranularity)                                          \
    X(cuMemGetAllocationPropertiesFromHandle) X(cuMemGetDefaultMemPool)       \
    X(cuMemGetMemPool) X(cuMemPoolGetAccess) X(cuMemPoolGetAttribute)         \
    X(cuMemRangeGetAttribute) X(cuMemRangeGetAttributes)                      \
    X(cuMemHostGetFlags) X(cuMemHostGetDevicePointer)                         \
    X(cuMemHostGetDevicePointer_v2) X(cuMulticastGetGranularity)

/* Code, where the answer needs no loading of it. */
#define CSH_SURFACE_QUERIES_CODE(X)                                           \
    X(cuFuncGetModule) X(cuFuncGetName) X(cuFuncIsLoaded)                     \
    X(cuKernelGetLibrary) X(cuKernelGetName) X(cuModuleGetLoadingMode)

#define CSH_SURFACE_QUERIES(X)                                                \
    CSH_SURFACE_QUERIES_DRIVER(X)                                             \
    CSH_SURFACE_QUERIES_DEVICES(X)                                            \
    CSH_SURFACE_QUERIES_CONTEXTS(X)                                           \
    CSH_SURFACE_QUERIES_STREAMS(X)                                            \
    CSH_SURFACE_QUERIES_MEMORY(X)                                             \
    CSH_SURFACE_QUERIES_CODE(X)

#endif
