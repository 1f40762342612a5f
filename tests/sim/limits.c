/*
 * limits.c - settings of a context that the simulator keeps and obeys not:
 * nothing it runs has a stack, a heap or a cache of the device's.
 */
#include "sim.h"

CUresult cuCtxSetLimit(CUlimit limit, size_t value)
{
    CUcontext context;
    CUresult result;

    SIM_ENTER(cuCtxSetLimit);
    result = sim_begin(&context);
    if (result != CUDA_SUCCESS) {
        return result;
    }
    if ((unsigned)limit >= CU_LIMIT_MAX) {
        return sim_end(CUDA_ERROR_UNSUPPORTED_LIMIT);
    }
    context->limits[limit] = value;
    return sim_end(CUDA_SUCCESS);
}

CUresult cuCtxGetLimit(size_t *value_p, CUlimit limit)
{
    CUcontext context;
    CUresult result;

    SIM_ENTER(cuCtxGetLimit);
    result = sim_begin(&context);
    if (result != CUDA_SUCCESS) {
        return result;
    }
    if ((unsigned)limit >= CU_LIMIT_MAX) {
        return sim_end(CUDA_ERROR_UNSUPPORTED_LIMIT);
    }
    *value_p = context->limits[limit];
    return sim_end(CUDA_SUCCESS);
}

CUresult cuCtxGetStreamPriorityRange(int *least_p, int *greatest_p)
{
    CUcontext context;
    CUresult result;

    SIM_ENTER(cuCtxGetStreamPriorityRange);
    result = sim_begin(&context);
    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (least_p != NULL) {
        *least_p = 0;
    }
    if (greatest_p != NULL) {
        *greatest_p = -5;
    }
    return sim_end(CUDA_SUCCESS);
}

CUresult cuCtxGetCacheConfig(CUfunc_cache *cache_p)
{
    CUcontext context;
    CUresult result;

    SIM_ENTER(cuCtxGetCacheConfig);
    result = sim_begin(&context);
    if (result == CUDA_SUCCESS) {
        *cache_p = context->cache;
        sim_unlock();
    }
    return result;
}

CUresult cuCtxSetCacheConfig(CUfunc_cache cache)
{
    CUcontext context;
    CUresult result;

    SIM_ENTER(cuCtxSetCacheConfig);
    result = sim_begin(&context);
    if (result == CUDA_SUCCESS) {
        context->cache = cache;
        sim_unlock();
    }
    return result;
}
