/*
 * calls.h - the driver entries that the engine itself calls.
 *
 * Real entries, looked up by ELF name, each of NVIDIA's own type; never an
 * exported name, which would be the program's route. Filled once.
 */
#ifndef CSH_ENGINE_CALLS_H
#define CSH_ENGINE_CALLS_H

#include <cuda.h>
#include <cudaTypedefs.h>
#include <stdbool.h>

#include "shadow/slab.h"
#include "track/stream.h"
#include "verify/prover.h"

/* X(symbol = field, type). All of these are needed. */
#define CSH_ENGINE_CALLS(X)                                                \
    X(cuCtxGetCurrent, PFN_cuCtxGetCurrent_v4000)                          \
    X(cuCtxGetDevice, PFN_cuCtxGetDevice_v2000)                            \
    X(cuDeviceGetCount, PFN_cuDeviceGetCount_v2000)                        \
    X(cuDeviceGetAttribute, PFN_cuDeviceGetAttribute_v2000)                \
    X(cuDevicePrimaryCtxGetState, PFN_cuDevicePrimaryCtxGetState_v7000)    \
    X(cuDevicePrimaryCtxRetain, PFN_cuDevicePrimaryCtxRetain_v7000)        \
    X(cuDevicePrimaryCtxRelease_v2, PFN_cuDevicePrimaryCtxRelease_v11000)  \
    X(cuPointerGetAttribute, PFN_cuPointerGetAttribute_v4000)              \
    X(cuMemGetAddressRange_v2, PFN_cuMemGetAddressRange_v3020)             \
    X(cuMemcpyDtoHAsync_v2, PFN_cuMemcpyDtoHAsync_v3020)                   \
    X(cuMemcpyDtoHAsync_v2_ptsz, PFN_cuMemcpyDtoHAsync_v7000_ptsz)         \
    X(cuMemcpyHtoDAsync_v2, PFN_cuMemcpyHtoDAsync_v3020)                   \
    X(cuMemcpyHtoDAsync_v2_ptsz, PFN_cuMemcpyHtoDAsync_v7000_ptsz)         \
    X(cuStreamSynchronize, PFN_cuStreamSynchronize_v2000)                  \
    X(cuStreamSynchronize_ptsz, PFN_cuStreamSynchronize_v7000_ptsz)        \
    X(cuStreamQuery, PFN_cuStreamQuery_v2000)                              \
    X(cuStreamQuery_ptsz, PFN_cuStreamQuery_v7000_ptsz)                    \
    X(cuStreamIsCapturing, PFN_cuStreamIsCapturing_v10000)                 \
    X(cuStreamIsCapturing_ptsz, PFN_cuStreamIsCapturing_v10000_ptsz)       \
    X(cuStreamGetCtx, PFN_cuStreamGetCtx_v9020)                            \
    X(cuStreamGetFlags, PFN_cuStreamGetFlags_v5050)                        \
    X(cuEventCreate, PFN_cuEventCreate_v2000)                              \
    X(cuEventRecord, PFN_cuEventRecord_v2000)                              \
    X(cuEventRecord_ptsz, PFN_cuEventRecord_v7000_ptsz)                    \
    X(cuEventQuery, PFN_cuEventQuery_v2000)                                \
    X(cuEventDestroy_v2, PFN_cuEventDestroy_v4000)                         \
    X(cuThreadExchangeStreamCaptureMode,                                   \
      PFN_cuThreadExchangeStreamCaptureMode_v10010)

/* NULL where the driver is older than the entry. */
#define CSH_ENGINE_OPTIONAL_CALLS(X) X(cuCtxGetId, PFN_cuCtxGetId_v12000)

/* Of parking alone, which is not done where one is missing. */
#define CSH_ENGINE_PARK_CALLS(X)                                           \
    X(cuMemAlloc_v2, PFN_cuMemAlloc_v3020)                                 \
    X(cuMemFree_v2, PFN_cuMemFree_v3020)                                   \
    X(cuMemGetInfo_v2, PFN_cuMemGetInfo_v3020)                             \
    X(cuMemcpyDtoDAsync_v2, PFN_cuMemcpyDtoDAsync_v3020)                   \
    X(cuMemcpyDtoDAsync_v2_ptsz, PFN_cuMemcpyDtoDAsync_v7000_ptsz)         \
    X(cuCtxPushCurrent_v2, PFN_cuCtxPushCurrent_v4000)                     \
    X(cuCtxPopCurrent_v2, PFN_cuCtxPopCurrent_v4000)

struct csh_engine_calls {
#define CSH_X(symbol_, pfn_) pfn_ symbol_;
    CSH_ENGINE_CALLS(CSH_X)
    CSH_ENGINE_OPTIONAL_CALLS(CSH_X)
    CSH_ENGINE_PARK_CALLS(CSH_X)
#undef CSH_X
};

/* Fills all tables below. False if the driver lacks one of the entries. */
bool csh_calls_bind(void);

/* Valid after csh_calls_bind returned true. */
const struct csh_engine_calls *csh_calls(void);
const struct csh_prover_calls *csh_calls_of_prover(void);
const struct csh_pin_calls *csh_calls_of_pinning(void);

/* The same entry in the flavour that the stream was named in. */
CUresult csh_call_stream_synchronize(const struct csh_stream *stream);
CUresult csh_call_stream_query(const struct csh_stream *stream);
CUresult csh_call_stream_is_capturing(const struct csh_stream *stream,
                                      CUstreamCaptureStatus *status_p);
CUresult csh_call_event_record(CUevent event,
                               const struct csh_stream *stream);
CUresult csh_call_copy_to_host(void *dst, CUdeviceptr src, size_t bytes,
                               const struct csh_stream *stream);
CUresult csh_call_copy_to_device(CUdeviceptr dst, const void *src,
                                 size_t bytes,
                                 const struct csh_stream *stream);

/* Another thread's GLOBAL capture forbids some calls to every thread that is
 * not RELAXED (cuda.h, cuThreadExchangeStreamCaptureMode), and no thread may
 * end within one (base/cancellation.h). The shim's own calls stand between
 * begin and end; the program's call never does. */
struct csh_own_calls {
    CUstreamCaptureMode mode;
    bool is_exchanged;
    int cancellation;
};
struct csh_own_calls csh_own_calls_begin(void);
void csh_own_calls_end(struct csh_own_calls *own);

#endif
