/*
 * contexts.c - wrappers of the calls by which contexts end and streams begin
 * and end.
 *
 * Each makes the program's own call exactly once. That a context is gone is
 * told afterwards, with the result; that a stream goes before, while its
 * handle still names it.
 *
 * Owns nothing, takes no lock.
 */
#include "driver/driver.h"
#include "engine/engine.h"
#include "interpose/watching.h"

CUresult cuCtxDestroy(CUcontext context)
{
    PFN_cuCtxDestroy_v2000 real = csh_real_cuCtxDestroy();
    CUresult result;

    if (real == NULL) {
        return csh_driver_absent();
    }
    csh_engine_context_ending();
    result = real(context);
    csh_watch_after();
    csh_engine_context_ended(context, result);
    return result;
}

CUresult cuCtxDestroy_v2(CUcontext context)
{
    PFN_cuCtxDestroy_v4000 real = csh_real_cuCtxDestroy_v2();
    CUresult result;

    if (real == NULL) {
        return csh_driver_absent();
    }
    csh_engine_context_ending();
    result = real(context);
    csh_watch_after();
    csh_engine_context_ended(context, result);
    return result;
}

CUresult cuCtxDetach(CUcontext context)
{
    PFN_cuCtxDetach_v2000 real = csh_real_cuCtxDetach();
    CUresult result;

    if (real == NULL) {
        return csh_driver_absent();
    }
    csh_engine_context_ending();
    result = real(context);
    csh_watch_after();
    csh_engine_context_detached(context, result);
    return result;
}

CUresult cuDevicePrimaryCtxRelease(CUdevice device)
{
    PFN_cuDevicePrimaryCtxRelease_v7000 real =
        csh_real_cuDevicePrimaryCtxRelease();
    CUresult result;

    if (real == NULL) {
        return csh_driver_absent();
    }
    csh_engine_context_ending();
    result = real(device);
    csh_watch_after();
    csh_engine_primary_released(device, result);
    return result;
}

CUresult cuDevicePrimaryCtxRelease_v2(CUdevice device)
{
    PFN_cuDevicePrimaryCtxRelease_v11000 real =
        csh_real_cuDevicePrimaryCtxRelease_v2();
    CUresult result;

    if (real == NULL) {
        return csh_driver_absent();
    }
    csh_engine_context_ending();
    result = real(device);
    csh_watch_after();
    csh_engine_primary_released(device, result);
    return result;
}

CUresult cuDevicePrimaryCtxReset(CUdevice device)
{
    PFN_cuDevicePrimaryCtxReset_v7000 real = csh_real_cuDevicePrimaryCtxReset();
    CUresult result;

    if (real == NULL) {
        return csh_driver_absent();
    }
    csh_engine_context_ending();
    result = real(device);
    csh_watch_after();
    csh_engine_primary_reset(device, result);
    return result;
}

CUresult cuDevicePrimaryCtxReset_v2(CUdevice device)
{
    PFN_cuDevicePrimaryCtxReset_v11000 real =
        csh_real_cuDevicePrimaryCtxReset_v2();
    CUresult result;

    if (real == NULL) {
        return csh_driver_absent();
    }
    csh_engine_context_ending();
    result = real(device);
    csh_watch_after();
    csh_engine_primary_reset(device, result);
    return result;
}

CUresult cuStreamCreate(CUstream *stream_p, unsigned int flags)
{
    PFN_cuStreamCreate_v2000 real = csh_real_cuStreamCreate();
    CUresult result;

    if (real == NULL) {
        return csh_driver_absent();
    }
    result = real(stream_p, flags);
    if (csh_engine_makes_room(result)) {
        result = real(stream_p, flags);
    }
    csh_watch_after();
    csh_engine_stream_created(result == CUDA_SUCCESS ? *stream_p : NULL,
                              result);
    return result;
}

CUresult cuStreamCreateWithPriority(CUstream *stream_p, unsigned int flags,
                                    int priority)
{
    PFN_cuStreamCreateWithPriority_v5050 real =
        csh_real_cuStreamCreateWithPriority();
    CUresult result;

    if (real == NULL) {
        return csh_driver_absent();
    }
    result = real(stream_p, flags, priority);
    if (csh_engine_makes_room(result)) {
        result = real(stream_p, flags, priority);
    }
    csh_watch_after();
    csh_engine_stream_created(result == CUDA_SUCCESS ? *stream_p : NULL,
                              result);
    return result;
}

#if CUDA_VERSION >= 12050
CUresult cuGreenCtxStreamCreate(CUstream *stream_p, CUgreenCtx context,
                                unsigned int flags, int priority)
{
    PFN_cuGreenCtxStreamCreate_v12050 real = csh_real_cuGreenCtxStreamCreate();
    CUresult result;

    if (real == NULL) {
        return csh_driver_absent();
    }
    result = real(stream_p, context, flags, priority);
    if (csh_engine_makes_room(result)) {
        result = real(stream_p, context, flags, priority);
    }
    csh_watch_after();
    csh_engine_stream_created(result == CUDA_SUCCESS ? *stream_p : NULL,
                              result);
    return result;
}
#endif

CUresult cuStreamDestroy(CUstream stream)
{
    PFN_cuStreamDestroy_v2000 real = csh_real_cuStreamDestroy();
    CUresult result;

    if (real == NULL) {
        return csh_driver_absent();
    }
    csh_engine_stream_destroying(stream);
    result = real(stream);
    csh_watch_after();
    return result;
}

CUresult cuStreamDestroy_v2(CUstream stream)
{
    PFN_cuStreamDestroy_v4000 real = csh_real_cuStreamDestroy_v2();
    CUresult result;

    if (real == NULL) {
        return csh_driver_absent();
    }
    csh_engine_stream_destroying(stream);
    result = real(stream);
    csh_watch_after();
    return result;
}
