/*
 * stream_info.c - what a stream is: its context, flags, priority, number.
 */
#include "sim.h"

static CUresult begin_stream(CUstream *stream_p, enum sim_flavour flavour)
{
    CUcontext context;
    CUresult result = sim_begin(&context);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    *stream_p = sim_stream_resolve(context, *stream_p, flavour);
    return *stream_p != NULL ? CUDA_SUCCESS
                             : sim_end(CUDA_ERROR_INVALID_HANDLE);
}

/* A stream of a green context answers the context that the green one was
 * converted to, and version 2 the green one too. */
static CUresult get_context(CUstream stream, CUcontext *context_p,
                            CUgreenCtx *green_p, enum sim_flavour flavour)
{
    CUresult result = begin_stream(&stream, flavour);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (context_p == NULL) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    *context_p = stream->context;
    if (green_p != NULL) {
        *green_p = stream->context->green;
    }
    return sim_end(CUDA_SUCCESS);
}

CUresult cuStreamGetCtx(CUstream stream, CUcontext *context_p)
{
    SIM_ENTER(cuStreamGetCtx);
    return get_context(stream, context_p, NULL, SIM_PLAIN);
}

CUresult cuStreamGetCtx_ptsz(CUstream stream, CUcontext *context_p)
{
    SIM_ENTER(cuStreamGetCtx_ptsz);
    return get_context(stream, context_p, NULL, SIM_PER_THREAD);
}

CUresult cuStreamGetCtx_v2(CUstream stream, CUcontext *context_p,
                           CUgreenCtx *green_p)
{
    SIM_ENTER(cuStreamGetCtx_v2);
    return get_context(stream, context_p, green_p, SIM_PLAIN);
}

CUresult cuStreamGetCtx_v2_ptsz(CUstream stream, CUcontext *context_p,
                                CUgreenCtx *green_p)
{
    SIM_ENTER(cuStreamGetCtx_v2_ptsz);
    return get_context(stream, context_p, green_p, SIM_PER_THREAD);
}

static CUresult get_flags(CUstream stream, unsigned int *flags_p,
                          enum sim_flavour flavour)
{
    CUresult result = begin_stream(&stream, flavour);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (flags_p == NULL) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    *flags_p = stream->flags;
    return sim_end(CUDA_SUCCESS);
}

CUresult cuStreamGetFlags(CUstream stream, unsigned int *flags_p)
{
    SIM_ENTER(cuStreamGetFlags);
    return get_flags(stream, flags_p, SIM_PLAIN);
}

CUresult cuStreamGetFlags_ptsz(CUstream stream, unsigned int *flags_p)
{
    SIM_ENTER(cuStreamGetFlags_ptsz);
    return get_flags(stream, flags_p, SIM_PER_THREAD);
}

static CUresult get_priority(CUstream stream, int *priority_p,
                             enum sim_flavour flavour)
{
    CUresult result = begin_stream(&stream, flavour);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (priority_p == NULL) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    *priority_p = stream->priority;
    return sim_end(CUDA_SUCCESS);
}

CUresult cuStreamGetPriority(CUstream stream, int *priority_p)
{
    SIM_ENTER(cuStreamGetPriority);
    return get_priority(stream, priority_p, SIM_PLAIN);
}

CUresult cuStreamGetPriority_ptsz(CUstream stream, int *priority_p)
{
    SIM_ENTER(cuStreamGetPriority_ptsz);
    return get_priority(stream, priority_p, SIM_PER_THREAD);
}

static CUresult get_id(CUstream stream, unsigned long long *id_p,
                       enum sim_flavour flavour)
{
    CUresult result = begin_stream(&stream, flavour);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (id_p == NULL) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    *id_p = stream->id;
    return sim_end(CUDA_SUCCESS);
}

CUresult cuStreamGetId(CUstream stream, unsigned long long *id_p)
{
    SIM_ENTER(cuStreamGetId);
    return get_id(stream, id_p, SIM_PLAIN);
}

CUresult cuStreamGetId_ptsz(CUstream stream, unsigned long long *id_p)
{
    SIM_ENTER(cuStreamGetId_ptsz);
    return get_id(stream, id_p, SIM_PER_THREAD);
}

static CUresult get_device(CUstream stream, CUdevice *device_p,
                           enum sim_flavour flavour)
{
    CUresult result = begin_stream(&stream, flavour);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (device_p == NULL) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    *device_p = stream->context->device;
    return sim_end(CUDA_SUCCESS);
}

CUresult cuStreamGetDevice(CUstream stream, CUdevice *device_p)
{
    SIM_ENTER(cuStreamGetDevice);
    return get_device(stream, device_p, SIM_PLAIN);
}

CUresult cuStreamGetDevice_ptsz(CUstream stream, CUdevice *device_p)
{
    SIM_ENTER(cuStreamGetDevice_ptsz);
    return get_device(stream, device_p, SIM_PER_THREAD);
}
