/*
 * function.c - questions about functions, and what can be set on them.
 */
#include "module.h"

#define MAX_SHARED_BYTES 232448 /* as the device's attribute says */

static CUresult begin_function(CUfunction function)
{
    CUcontext context;
    CUresult result = sim_begin(&context);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    return sim_function(function) != NULL
               ? CUDA_SUCCESS : sim_end(CUDA_ERROR_INVALID_HANDLE);
}

CUresult cuFuncLoad(CUfunction function)
{
    CUresult result;

    SIM_ENTER(cuFuncLoad);
    result = begin_function(function);
    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (!function->is_loaded && sim_settings()->lazy_load_synchronises) {
        result = sim_context_wait(sim_context_current());
    }
    function->is_loaded = true;
    return sim_end(result);
}

CUresult cuFuncIsLoaded(CUfunctionLoadingState *state_p, CUfunction function)
{
    CUresult result;

    SIM_ENTER(cuFuncIsLoaded);
    result = begin_function(function);
    if (result == CUDA_SUCCESS) {
        *state_p = function->is_loaded ? CU_FUNCTION_LOADING_STATE_LOADED
                                       : CU_FUNCTION_LOADING_STATE_UNLOADED;
        sim_unlock();
    }
    return result;
}

static int attribute_value(CUfunction function, CUfunction_attribute attribute)
{
    switch (attribute) {
    case CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK:
        return 1024;
    case CU_FUNC_ATTRIBUTE_NUM_REGS:
        return 32;
    case CU_FUNC_ATTRIBUTE_PTX_VERSION:
    case CU_FUNC_ATTRIBUTE_BINARY_VERSION:
        return 90;
    case CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES:
        return function->shared_limit_bytes;
    default:
        return 0;
    }
}

static CUresult get_attribute(int *value_p, CUfunction_attribute attribute,
                              CUfunction function)
{
    CUresult result = begin_function(function);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (value_p == NULL || attribute < 0 ||
        attribute >= CU_FUNC_ATTRIBUTE_MAX) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    *value_p = attribute_value(function, attribute);
    return sim_end(CUDA_SUCCESS);
}

CUresult cuFuncGetAttribute(int *value_p, CUfunction_attribute attribute,
                            CUfunction function)
{
    SIM_ENTER(cuFuncGetAttribute);
    return get_attribute(value_p, attribute, function);
}

static CUresult set_attribute(CUfunction function,
                              CUfunction_attribute attribute, int value)
{
    CUresult result = begin_function(function);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    switch (attribute) {
    case CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES:
        if (value < 0 || value > MAX_SHARED_BYTES) {
            return sim_end(CUDA_ERROR_INVALID_VALUE);
        }
        function->shared_limit_bytes = value;
        return sim_end(CUDA_SUCCESS);
    case CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT:
        return sim_end(CUDA_SUCCESS);
    default:
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
}

CUresult cuFuncSetAttribute(CUfunction function,
                            CUfunction_attribute attribute, int value)
{
    SIM_ENTER(cuFuncSetAttribute);
    return set_attribute(function, attribute, value);
}

CUresult cuKernelGetAttribute(int *value_p, CUfunction_attribute attribute,
                              CUkernel kernel, CUdevice device)
{
    SIM_ENTER(cuKernelGetAttribute);
    return device != 0 ? CUDA_ERROR_INVALID_DEVICE
                       : get_attribute(value_p, attribute, (CUfunction)kernel);
}

CUresult cuKernelSetAttribute(CUfunction_attribute attribute, int value,
                              CUkernel kernel, CUdevice device)
{
    SIM_ENTER(cuKernelSetAttribute);
    return device != 0 ? CUDA_ERROR_INVALID_DEVICE
                       : set_attribute((CUfunction)kernel, attribute, value);
}

CUresult cuFuncSetCacheConfig(CUfunction function, CUfunc_cache cache)
{
    CUresult result;

    SIM_ENTER(cuFuncSetCacheConfig);
    (void)cache;
    result = begin_function(function);
    return result != CUDA_SUCCESS ? result : sim_end(CUDA_SUCCESS);
}

CUresult cuFuncGetModule(CUmodule *module_p, CUfunction function)
{
    CUresult result;

    SIM_ENTER(cuFuncGetModule);
    result = begin_function(function);
    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (module_p == NULL || function->module == NULL) {
        return sim_end(CUDA_ERROR_INVALID_HANDLE);
    }
    *module_p = function->module;
    return sim_end(CUDA_SUCCESS);
}

CUresult cuFuncGetName(const char **name_p, CUfunction function)
{
    CUresult result;

    SIM_ENTER(cuFuncGetName);
    result = begin_function(function);
    if (result == CUDA_SUCCESS) {
        *name_p = function->kernel->name;
        sim_unlock();
    }
    return result;
}

/* 2048 threads and 32 blocks fit a multiprocessor; shared memory counts. */
static CUresult occupancy(int *n_blocks_p, CUfunction function,
                          int block_threads, size_t shared_bytes)
{
    CUresult result = begin_function(function);
    size_t n;

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (n_blocks_p == NULL || block_threads <= 0 || block_threads > 1024) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    n = 2048 / (((size_t)block_threads + 31) / 32 * 32);
    n = n > 32 ? 32 : n;
    if (shared_bytes > 0 && n > MAX_SHARED_BYTES / shared_bytes) {
        n = MAX_SHARED_BYTES / shared_bytes;
    }
    *n_blocks_p = (int)n;
    return sim_end(CUDA_SUCCESS);
}

CUresult cuOccupancyMaxActiveBlocksPerMultiprocessor(int *n_blocks_p,
                                                     CUfunction function,
                                                     int block_threads,
                                                     size_t shared_bytes)
{
    SIM_ENTER(cuOccupancyMaxActiveBlocksPerMultiprocessor);
    return occupancy(n_blocks_p, function, block_threads, shared_bytes);
}

CUresult cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(
    int *n_blocks_p, CUfunction function, int block_threads,
    size_t shared_bytes, unsigned int flags)
{
    SIM_ENTER(cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags);
    (void)flags;
    return occupancy(n_blocks_p, function, block_threads, shared_bytes);
}
