/*
 * probe.c - the functions of simcuda.h.
 */
#include "sim.h"
#include "simcuda.h"

#include <string.h>

CUresult simcuda_poke(CUdeviceptr dst, const void *src, size_t bytes)
{
    void *memory;

    sim_lock();
    memory = sim_backing(dst, bytes);
    if (memory != NULL) {
        memcpy(memory, src, bytes);
    }
    return sim_end(memory != NULL ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE);
}

CUresult simcuda_peek(void *dst, CUdeviceptr src, size_t bytes)
{
    const void *memory;

    sim_lock();
    memory = sim_backing(src, bytes);
    if (memory != NULL) {
        memcpy(dst, memory, bytes);
    }
    return sim_end(memory != NULL ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE);
}

CUresult simcuda_peek_any(void *dst, CUdeviceptr src, size_t bytes)
{
    const void *memory;

    sim_lock();
    memory = sim_backing_any(src, bytes);
    if (memory != NULL) {
        memcpy(dst, memory, bytes);
    }
    return sim_end(memory != NULL ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE);
}

unsigned char simcuda_poison(void)
{
    return SIM_POISON;
}

CUresult simcuda_break(CUcontext context, CUresult error)
{
    sim_lock();
    if (context == NULL) {
        context = sim_context_current();
    }
    if (!sim_context_is_alive(context)) {
        return sim_end(CUDA_ERROR_INVALID_CONTEXT);
    }
    context->root->sticky = error;
    return sim_end(CUDA_SUCCESS);
}
