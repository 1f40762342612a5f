/*
 * primary.c - the primary context of the only device.
 *
 * One handle for the life of the process: released to the last or reset, it
 * loses all that lives in it and is opened afresh by the next retain. Reset
 * keeps the number of retains, as cuda.h says, and with it the context, but
 * empty and without a sticky error.
 */
#include "sim.h"

CUcontext sim_primary(void)
{
    static CUcontext primary;

    if (primary == NULL) {
        primary = sim_context_new(0);
        primary->is_primary = true;
    }
    return primary;
}

CUresult cuDevicePrimaryCtxRetain(CUcontext *context_p, CUdevice device)
{
    CUresult result;
    CUcontext primary;

    SIM_ENTER(cuDevicePrimaryCtxRetain);
    result = sim_begin_driver();
    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (context_p == NULL) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    if (device != 0) {
        return sim_end(CUDA_ERROR_INVALID_DEVICE);
    }
    primary = sim_primary();
    if (!sim_context_is_alive(primary)) {
        sim_context_open(primary);
    }
    primary->n_references++;
    *context_p = primary;
    return sim_end(CUDA_SUCCESS);
}

static CUresult release(CUdevice device)
{
    CUresult result = sim_begin_driver();
    CUcontext primary;

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (device != 0) {
        return sim_end(CUDA_ERROR_INVALID_DEVICE);
    }
    primary = sim_primary();
    if (primary->n_references == 0) {
        return sim_end(CUDA_ERROR_INVALID_CONTEXT);
    }
    primary->n_references--;
    if (primary->n_references == 0 && sim_context_is_alive(primary)) {
        sim_context_close(primary);
    }
    return sim_end(CUDA_SUCCESS);
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
    if (device != 0) {
        return sim_end(CUDA_ERROR_INVALID_DEVICE);
    }
    primary = sim_primary();
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
    if (device != 0) {
        return sim_end(CUDA_ERROR_INVALID_DEVICE);
    }
    if ((flags & ~(unsigned)CU_CTX_FLAGS_MASK) != 0) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    sim_primary()->flags = flags;
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
    if (device != 0) {
        return sim_end(CUDA_ERROR_INVALID_DEVICE);
    }
    if (flags_p == NULL || active_p == NULL) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    *flags_p = sim_primary()->flags;
    *active_p = sim_context_is_alive(sim_primary());
    return sim_end(CUDA_SUCCESS);
}
