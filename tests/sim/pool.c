/*
 * pool.c - stream-ordered memory: pools, cuMemAllocAsync, cuMemFreeAsync.
 *
 * The address is given at the call; the memory exists when the stream gets
 * there, and again ceases to exist when the stream gets to its free, where it
 * is poisoned. Work that is not ordered with either breaks its context. What
 * is freed goes back to the device at once: a pool keeps nothing, so its
 * release threshold is kept and changes nothing.
 */
#include "sim.h"

#include <string.h>

struct CUmemPoolHandle_st {
    uint32_t mark;
    CUdevice device;
    cuuint64_t attributes[CU_MEMPOOL_ATTR_USED_MEM_HIGH + 1];
};

static CUmemoryPool current[SIM_MAX_DEVICES]; /* NULL: the default pool */

static CUmemoryPool new_pool(CUdevice device)
{
    CUmemoryPool pool = sim_handle_new(sizeof(*pool));

    pool->mark = SIM_POOL_MARK;
    pool->device = device;
    pool->attributes[CU_MEMPOOL_ATTR_REUSE_FOLLOW_EVENT_DEPENDENCIES] = 1;
    pool->attributes[CU_MEMPOOL_ATTR_REUSE_ALLOW_OPPORTUNISTIC] = 1;
    pool->attributes[CU_MEMPOOL_ATTR_REUSE_ALLOW_INTERNAL_DEPENDENCIES] = 1;
    return pool;
}

static CUmemoryPool default_pool(CUdevice device)
{
    static CUmemoryPool pool[SIM_MAX_DEVICES];

    if (pool[device] == NULL) {
        pool[device] = new_pool(device);
    }
    return pool[device];
}

static CUmemoryPool current_pool(CUdevice device)
{
    return current[device] != NULL ? current[device] : default_pool(device);
}

static bool is_pool(CUmemoryPool pool)
{
    return pool != NULL && pool->mark == SIM_POOL_MARK;
}

/* NULL pool: the device's current one. */
static CUresult allocate(CUdeviceptr *address_p, size_t bytes,
                         CUmemoryPool pool, CUstream handle,
                         enum sim_flavour flavour)
{
    struct sim_work birth = {.op = SIM_OP_BIRTH};
    CUcontext context;
    CUresult result = sim_begin(&context);
    struct sim_range *range;
    CUstream stream;

    if (result != CUDA_SUCCESS) {
        return result;
    }
    stream = sim_stream_resolve(context, handle, flavour);
    if (pool == NULL) {
        pool = current_pool(stream != NULL ? stream->context->device : 0);
    }
    if (stream == NULL || !is_pool(pool)) {
        return sim_end(CUDA_ERROR_INVALID_HANDLE);
    }
    if (address_p == NULL || bytes == 0) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    if (stream->capture != NULL) { /* refuses: no memory nodes here */
        return sim_end(sim_stream_work(stream, &birth, false, NULL));
    }
    range = sim_device_allocate(pool->device, bytes, NULL);
    if (range == NULL) {
        return sim_end(CUDA_ERROR_OUT_OF_MEMORY);
    }
    range->pool = pool;
    range->is_unborn = true;
    *address_p = birth.address = range->base;
    result = sim_stream_work(stream, &birth, false, NULL);
    if (result != CUDA_SUCCESS) {
        sim_device_release(sim_range_take(birth.address));
    }
    return sim_end(result);
}

CUresult cuMemAllocAsync(CUdeviceptr *address_p, size_t bytes, CUstream stream)
{
    SIM_ENTER(cuMemAllocAsync);
    return allocate(address_p, bytes, NULL, stream, SIM_PLAIN);
}

CUresult cuMemAllocAsync_ptsz(CUdeviceptr *address_p, size_t bytes,
                              CUstream stream)
{
    SIM_ENTER(cuMemAllocAsync_ptsz);
    return allocate(address_p, bytes, NULL, stream, SIM_PER_THREAD);
}

CUresult cuMemAllocFromPoolAsync(CUdeviceptr *address_p, size_t bytes,
                                 CUmemoryPool pool, CUstream stream)
{
    SIM_ENTER(cuMemAllocFromPoolAsync);
    if (pool == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    return allocate(address_p, bytes, pool, stream, SIM_PLAIN);
}

CUresult cuMemAllocFromPoolAsync_ptsz(CUdeviceptr *address_p, size_t bytes,
                                      CUmemoryPool pool, CUstream stream)
{
    SIM_ENTER(cuMemAllocFromPoolAsync_ptsz);
    if (pool == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    return allocate(address_p, bytes, pool, stream, SIM_PER_THREAD);
}

static CUresult release(CUdeviceptr address, CUstream handle,
                        enum sim_flavour flavour)
{
    struct sim_work death = {.op = SIM_OP_DEATH};
    CUcontext context;
    CUresult result = sim_begin(&context);
    struct sim_range *range;
    CUstream stream;

    if (result != CUDA_SUCCESS) {
        return result;
    }
    stream = sim_stream_resolve(context, handle, flavour);
    if (stream == NULL) {
        return sim_end(CUDA_ERROR_INVALID_HANDLE);
    }
    range = sim_range_find(address, 0);
    if (range == NULL || range->pool == NULL || range->base != address) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    result = sim_capture_check_use(stream);
    if (result == CUDA_SUCCESS && stream->capture != NULL) {
        result = CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
    }
    if (result != CUDA_SUCCESS) {
        return sim_end(result);
    }
    range->is_dying = true;
    death.range = range;
    return sim_end(sim_stream_work(stream, &death, false, NULL));
}

CUresult cuMemFreeAsync(CUdeviceptr address, CUstream stream)
{
    SIM_ENTER(cuMemFreeAsync);
    return release(address, stream, SIM_PLAIN);
}

CUresult cuMemFreeAsync_ptsz(CUdeviceptr address, CUstream stream)
{
    SIM_ENTER(cuMemFreeAsync_ptsz);
    return release(address, stream, SIM_PER_THREAD);
}

/* --------------------------------------------------------------- pools --- */

static CUresult begin_pool(CUmemoryPool pool)
{
    CUresult result = sim_begin_driver();

    if (result != CUDA_SUCCESS) {
        return result;
    }
    return is_pool(pool) ? CUDA_SUCCESS : sim_end(CUDA_ERROR_INVALID_VALUE);
}

CUresult cuMemPoolCreate(CUmemoryPool *pool_p, const CUmemPoolProps *props)
{
    CUresult result;

    SIM_ENTER(cuMemPoolCreate);
    result = sim_begin_driver();
    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (pool_p == NULL || props == NULL ||
        props->allocType != CU_MEM_ALLOCATION_TYPE_PINNED ||
        props->location.type != CU_MEM_LOCATION_TYPE_DEVICE ||
        !sim_is_device(props->location.id)) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    if (props->handleTypes != CU_MEM_HANDLE_TYPE_NONE) {
        return sim_end(CUDA_ERROR_NOT_SUPPORTED);
    }
    *pool_p = new_pool(props->location.id);
    return sim_end(CUDA_SUCCESS);
}

CUresult cuMemPoolDestroy(CUmemoryPool pool)
{
    CUresult result;

    SIM_ENTER(cuMemPoolDestroy);
    result = begin_pool(pool);
    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (pool == default_pool(pool->device)) {
        return sim_end(CUDA_ERROR_NOT_PERMITTED);
    }
    if (pool == current[pool->device]) {
        current[pool->device] = NULL;
    }
    pool->mark = 0;
    return sim_end(CUDA_SUCCESS);
}

static CUresult get_pool(CUmemoryPool *pool_p, CUdevice device, bool is_default)
{
    CUresult result = sim_begin_driver();

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (pool_p == NULL || !sim_is_device(device)) {
        return sim_end(pool_p == NULL ? CUDA_ERROR_INVALID_VALUE
                                      : CUDA_ERROR_INVALID_DEVICE);
    }
    *pool_p = is_default ? default_pool(device) : current_pool(device);
    return sim_end(CUDA_SUCCESS);
}

CUresult cuDeviceGetDefaultMemPool(CUmemoryPool *pool_p, CUdevice device)
{
    SIM_ENTER(cuDeviceGetDefaultMemPool);
    return get_pool(pool_p, device, true);
}

CUresult cuDeviceGetMemPool(CUmemoryPool *pool_p, CUdevice device)
{
    SIM_ENTER(cuDeviceGetMemPool);
    return get_pool(pool_p, device, false);
}

CUresult cuDeviceSetMemPool(CUdevice device, CUmemoryPool pool)
{
    CUresult result;

    SIM_ENTER(cuDeviceSetMemPool);
    result = begin_pool(pool);
    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (!sim_is_device(device)) {
        return sim_end(CUDA_ERROR_INVALID_DEVICE);
    }
    if (pool->device != device) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    current[device] = pool;
    return sim_end(CUDA_SUCCESS);
}

static bool is_switch(CUmemPool_attribute attribute)
{
    return attribute >= CU_MEMPOOL_ATTR_REUSE_FOLLOW_EVENT_DEPENDENCIES &&
           attribute <= CU_MEMPOOL_ATTR_REUSE_ALLOW_INTERNAL_DEPENDENCIES;
}

/* Switches are int, all others cuuint64_t; of the latter only the threshold
 * and, to 0, the high-water marks can be set. */
CUresult cuMemPoolSetAttribute(CUmemoryPool pool,
                               CUmemPool_attribute attribute, void *value)
{
    CUresult result;

    SIM_ENTER(cuMemPoolSetAttribute);
    result = begin_pool(pool);
    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (value == NULL || attribute < 1 ||
        attribute > CU_MEMPOOL_ATTR_USED_MEM_HIGH ||
        attribute == CU_MEMPOOL_ATTR_RESERVED_MEM_CURRENT ||
        attribute == CU_MEMPOOL_ATTR_USED_MEM_CURRENT) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    if (is_switch(attribute)) {
        pool->attributes[attribute] = *(const int *)value != 0;
    } else {
        memcpy(&pool->attributes[attribute], value, sizeof(cuuint64_t));
    }
    return sim_end(CUDA_SUCCESS);
}

CUresult cuMemPoolGetAttribute(CUmemoryPool pool,
                               CUmemPool_attribute attribute, void *value)
{
    CUresult result;

    SIM_ENTER(cuMemPoolGetAttribute);
    result = begin_pool(pool);
    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (value == NULL || attribute < 1 ||
        attribute > CU_MEMPOOL_ATTR_USED_MEM_HIGH) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    if (is_switch(attribute)) {
        *(int *)value = (int)pool->attributes[attribute];
    } else if (attribute == CU_MEMPOOL_ATTR_RESERVED_MEM_CURRENT ||
               attribute == CU_MEMPOOL_ATTR_USED_MEM_CURRENT) {
        *(cuuint64_t *)value = sim_range_pool_bytes(pool);
    } else {
        memcpy(value, &pool->attributes[attribute], sizeof(cuuint64_t));
    }
    return sim_end(CUDA_SUCCESS);
}

CUresult cuMemPoolTrimTo(CUmemoryPool pool, size_t bytes)
{
    CUresult result;

    SIM_ENTER(cuMemPoolTrimTo);
    (void)bytes;
    result = begin_pool(pool);
    return result != CUDA_SUCCESS ? result : sim_end(CUDA_SUCCESS);
}
