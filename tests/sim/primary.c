/*
 * primary.c - the primary context of each device.
 *
 * One handle each for the life of the process: released to the last or reset,
 * it loses all that lives in it and is opened afresh by the next retain. Reset
 * keeps the number of retains, as cuda.h says, and with it the context, but
 * empty and without a sticky error.
 */
#include "sim.h"

CUcontext sim_primary(CUdevice device)
{
    static CUcontext primary[SIM_MAX_DEVICES];

    if (primary[device] == NULL) {
        primary[device] = sim_context_new(device, 0);
        primary[device]->is_primary = true;
    }
    return primary[device];
}

CUcontext sim_primary_retain(CUdevice device)
{
    CUcontext primary = sim_primary(device);

    if (!sim_context_is_alive(primary)) {
        sim_context_open(primary);
    }
    primary->n_references++;
    return primary;
}

bool sim_primary_release(CUdevice device)
{
    CUcontext primary = sim_primary(device);

    if (primary->n_references == 0) {
        return false;
    }
    primary->n_references--;
    if (primary->n_references == 0 && sim_context_is_alive(primary)) {
        sim_context_close(primary);
    }
    return true;
}

CUresult cuDevicePrimaryCtxRetain(CUcontext *context_p, CUdevice device)
{
    CUresult result;

    SIM_ENTER(cuDevicePrimaryCtxRetain);
    result = sim_begin_driver();
    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (context_p == NULL) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    if (!sim_is_device(device)) {
        return sim_end(CUDA_ERROR_INVALID_DEVICE);
    }
    *context_p = sim_primary_retain(device);
    return sim_end(CUDA_SUCCESS);
}

static CUresult release(CUdevice device)
{
    CUresult result = sim_begin_driver();

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (!sim_is_device(device)) {
        return sim_end(CUDA_ERROR_INVALID_DEVICE);
    }
    return sim_end(sim_primary_release(device) ? CUDA_SUCCESS
                                               : CUDA_ERROR_INVALID_CONTEXT);
}

CUresult cuDevicePrimaryCtxRelease_v2(CUdevice device)
{
    SIM_ENTER(cuDevicePrimaryCtxRelease_v2);
    return release(device);
}

CUresult cuDevicePrimaryCtxRelease(CUdevice device)
{
    SIM_ENTER(cuDevicePrimaryCtxRelease);
    return release(device);
}

static CUresult reset(CUdevice device)
{
    CUresult result = sim_begin_driver();
    CUcontext primary;

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (!sim_is_device(device)) {
        return sim_end(CUDA_ERROR_INVALID_DEVICE);
    }
    primary = sim_primary(device);
    if (sim_context_is_alive(primary)) {
        sim_context_close(primary);
        if (primary->n_references > 0) {
            sim_context_open(primary);
        }
    }
    return sim_end(CUDA_SUCCESS);
}

CUresult cuDevicePrimaryCtxReset_v2(CUdevice device)
{
    SIM_ENTER(cuDevicePrimaryCtxReset_v2);
    return reset(device);
}

CUresult cuDevicePrimaryCtxReset(CUdevice device)
{
    SIM_ENTER(cuDevicePrimaryCtxReset);
    return reset(device);
}

static CUresult set_flags(CUdevice device, unsigned flags)
{
    CUresult result = sim_begin_driver();

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (!sim_is_device(device)) {
        return sim_end(CUDA_ERROR_INVALID_DEVICE);
    }
    if ((flags & ~(unsigned)CU_CTX_FLAGS_MASK) != 0) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    sim_primary(device)->flags = flags;
    return sim_end(CUDA_SUCCESS);
}

CUresult cuDevicePrimaryCtxSetFlags_v2(CUdevice device, unsigned int flags)
{
    SIM_ENTER(cuDevicePrimaryCtxSetFlags_v2);
    return set_flags(device, flags);
}

CUresult cuDevicePrimaryCtxSetFlags(CUdevice device, unsigned int flags)
{
    SIM_ENTER(cuDevicePrimaryCtxSetFlags);
    return set_flags(device, flags);
}

CUresult cuDevicePrimaryCtxGetState(CUdevice device, unsigned int *flags_p,
                                    int *active_p)
{
    CUresult result;

    SIM_ENTER(cuDevicePrimaryCtxGetState);
    result = sim_begin_driver();
    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (!sim_is_device(device)) {
        return sim_end(CUDA_ERROR_INVALID_DEVICE);
    }
    if (flags_p == NULL || active_p == NULL) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    *flags_p = sim_primary(device)->flags;
    *active_p = sim_context_is_alive(sim_primary(device));
    return sim_end(CUDA_SUCCESS);
}
