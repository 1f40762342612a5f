/*
 * memory.c - device memory that a context owns.
 *
 * cuMemFree waits for all work of the context, as drivers do although no
 * document promises it (SIMCUDA_BEHAVIOUR=free_synchronises_not: it does not;
 * the address is gone at once and the memory when the work is done).
 */
#include "sim.h"

#include <string.h>

static CUresult allocate(CUdeviceptr *address_p, size_t bytes)
{
    CUcontext context;
    CUresult result = sim_begin_unsafe(&context);
    struct sim_range *range;

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (address_p == NULL || bytes == 0) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    range = sim_device_allocate(bytes, context);
    if (range == NULL) {
        return sim_end(CUDA_ERROR_OUT_OF_MEMORY);
    }
    *address_p = range->base;
    return sim_end(CUDA_SUCCESS);
}

CUresult cuMemAlloc_v2(CUdeviceptr *address_p, size_t bytes)
{
    SIM_ENTER(cuMemAlloc_v2);
    return allocate(address_p, bytes);
}

CUresult cuMemAllocPitch_v2(CUdeviceptr *address_p, size_t *pitch_p,
                            size_t width, size_t height,
                            unsigned int element_bytes)
{
    size_t pitch = (width + 511) / 512 * 512;
    CUresult result;

    SIM_ENTER(cuMemAllocPitch_v2);
    if (pitch_p == NULL || pitch < width || height == 0 ||
        pitch > SIZE_MAX / height ||
        (element_bytes != 4 && element_bytes != 8 && element_bytes != 16)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    result = allocate(address_p, pitch * height);
    if (result == CUDA_SUCCESS) {
        *pitch_p = pitch;
    }
    return result;
}

/* The bytes stay readable for nobody, and are poisoned and reused when all
 * that the context has queued so far is done. */
static void release_later(CUcontext context, struct sim_range *range)
{
    struct sim_work death = {.op = SIM_OP_DEATH, .range = range};
    struct sim_item *item = sim_item_new(context, &death);

    sim_item_after(item, context->legacy->tail);
    for (CUstream stream = context->streams; stream != NULL;
         stream = stream->next) {
        sim_item_after(item, stream->tail);
    }
    sim_item_submit(item, false);
    sim_item_release(item);
}

CUresult cuMemFree_v2(CUdeviceptr address)
{
    CUcontext context, owner;
    struct sim_range *range;
    CUresult result;

    SIM_ENTER(cuMemFree_v2);
    result = sim_begin_unsafe(&context);
    if (result != CUDA_SUCCESS || address == 0) {
        return result != CUDA_SUCCESS ? result : sim_end(CUDA_SUCCESS);
    }
    range = sim_range_find(address, 0);
    if (range == NULL || range->kind != SIM_DEVICE || range->base != address) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    owner = range->context != NULL ? range->context : context;
    if (range->pool != NULL || sim_settings()->free_synchronises_not) {
        release_later(owner, sim_range_take(address));
        return sim_end(CUDA_SUCCESS);
    }
    result = sim_context_wait(owner);
    range = sim_range_take(address); /* another thread may have been faster */
    if (range == NULL) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    sim_device_release(range);
    return sim_end(result);
}

CUresult cuMemGetInfo_v2(size_t *free_p, size_t *total_p)
{
    CUcontext context;
    CUresult result;

    SIM_ENTER(cuMemGetInfo_v2);
    result = sim_begin(&context);
    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (free_p == NULL || total_p == NULL) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    *total_p = sim_settings()->memory_bytes;
    *free_p = *total_p - sim_device_used();
    return sim_end(CUDA_SUCCESS);
}

CUresult cuMemGetAddressRange_v2(CUdeviceptr *base_p, size_t *bytes_p,
                                 CUdeviceptr address)
{
    CUcontext context;
    struct sim_range *range;
    CUresult result;

    SIM_ENTER(cuMemGetAddressRange_v2);
    result = sim_begin(&context);
    if (result != CUDA_SUCCESS) {
        return result;
    }
    range = sim_range_find(address, 0);
    if (range == NULL) {
        return sim_end(CUDA_ERROR_NOT_FOUND);
    }
    if (base_p != NULL) {
        *base_p = range->base;
    }
    if (bytes_p != NULL) {
        *bytes_p = range->bytes;
    }
    return sim_end(CUDA_SUCCESS);
}
