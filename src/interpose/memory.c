/*
 * memory.c - wrappers of the calls by which device memory begins and ends.
 *
 * Each makes the program's own call exactly once, neither delayed nor
 * reordered: a free may be a barrier that the program relies on. With
 * CUSHADOW_VRAM_KEEP an allocation may be met from parked memory instead, and
 * is made once more if it failed and parked memory could make way; what is
 * freed is parked, if it is, before the call. The end of a
 * range is announced before the call, because afterwards the driver must not
 * be asked about the address any more. The engine learns which calls may wait
 * for the device by themselves: only inside those may it do the same.
 *
 * Owns nothing, takes no lock.
 */
#include "driver/driver.h"
#include "engine/engine.h"
#include "interpose/watching.h"
#include "track/mappings.h"

CUresult cuMemAlloc_v2(CUdeviceptr *dptr_p, size_t bytes)
{
    PFN_cuMemAlloc_v3020 real = csh_real_cuMemAlloc_v2();
    CUresult result;

    if (real == NULL) {
        return csh_driver_absent();
    }
    if (csh_engine_refuses()) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (csh_engine_allocate(bytes, dptr_p)) {
        result = CUDA_SUCCESS;
    } else {
        result = real(dptr_p, bytes);
        if (csh_engine_makes_room(result)) {
            result = real(dptr_p, bytes);
        }
    }
    csh_watch_after();
    csh_engine_memory_begun(result == CUDA_SUCCESS ? *dptr_p : 0, bytes,
                            result);
    csh_engine_allocated(result, true);
    return result;
}

CUresult cuMemAllocPitch_v2(CUdeviceptr *dptr_p, size_t *pitch_p, size_t width,
                            size_t height, unsigned int element)
{
    PFN_cuMemAllocPitch_v3020 real = csh_real_cuMemAllocPitch_v2();
    CUresult result;

    if (real == NULL) {
        return csh_driver_absent();
    }
    if (csh_engine_refuses()) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    csh_engine_allocating(width * height);
    result = real(dptr_p, pitch_p, width, height, element);
    if (csh_engine_makes_room(result)) {
        result = real(dptr_p, pitch_p, width, height, element);
    }
    csh_watch_after();
    csh_engine_memory_begun(
        result == CUDA_SUCCESS ? *dptr_p : 0,
        result == CUDA_SUCCESS ? *pitch_p * height : 0, result);
    csh_engine_allocated(result, true);
    return result;
}

CUresult cuMemAllocAsync(CUdeviceptr *dptr_p, size_t bytes, CUstream stream)
{
    PFN_cuMemAllocAsync_v11020 real = csh_real_cuMemAllocAsync();
    CUresult result;

    if (real == NULL) {
        return csh_driver_absent();
    }
    csh_watching_stream(stream, CSH_PLAIN);
    if (csh_engine_refuses()) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    result = real(dptr_p, bytes, stream);
    if (csh_engine_makes_room(result)) {
        result = real(dptr_p, bytes, stream);
    }
    csh_watch_after();
    csh_engine_allocated(result, false);
    return result;
}

CUresult cuMemAllocAsync_ptsz(CUdeviceptr *dptr_p, size_t bytes,
                              CUstream stream)
{
    PFN_cuMemAllocAsync_v11020_ptsz real = csh_real_cuMemAllocAsync_ptsz();
    CUresult result;

    if (real == NULL) {
        return csh_driver_absent();
    }
    csh_watching_stream(stream, CSH_PER_THREAD);
    if (csh_engine_refuses()) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    result = real(dptr_p, bytes, stream);
    if (csh_engine_makes_room(result)) {
        result = real(dptr_p, bytes, stream);
    }
    csh_watch_after();
    csh_engine_allocated(result, false);
    return result;
}

CUresult cuMemAllocFromPoolAsync(CUdeviceptr *dptr_p, size_t bytes,
                                 CUmemoryPool pool, CUstream stream)
{
    PFN_cuMemAllocFromPoolAsync_v11020 real =
        csh_real_cuMemAllocFromPoolAsync();
    CUresult result;

    if (real == NULL) {
        return csh_driver_absent();
    }
    csh_watching_stream(stream, CSH_PLAIN);
    if (csh_engine_refuses()) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    result = real(dptr_p, bytes, pool, stream);
    if (csh_engine_makes_room(result)) {
        result = real(dptr_p, bytes, pool, stream);
    }
    csh_watch_after();
    csh_engine_allocated(result, false);
    return result;
}

CUresult cuMemAllocFromPoolAsync_ptsz(CUdeviceptr *dptr_p, size_t bytes,
                                      CUmemoryPool pool, CUstream stream)
{
    PFN_cuMemAllocFromPoolAsync_v11020_ptsz real =
        csh_real_cuMemAllocFromPoolAsync_ptsz();
    CUresult result;

    if (real == NULL) {
        return csh_driver_absent();
    }
    csh_watching_stream(stream, CSH_PER_THREAD);
    if (csh_engine_refuses()) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    result = real(dptr_p, bytes, pool, stream);
    if (csh_engine_makes_room(result)) {
        result = real(dptr_p, bytes, pool, stream);
    }
    csh_watch_after();
    csh_engine_allocated(result, false);
    return result;
}

CUresult cuMemAllocManaged(CUdeviceptr *dptr_p, size_t bytes,
                           unsigned int flags)
{
    PFN_cuMemAllocManaged_v6000 real = csh_real_cuMemAllocManaged();
    CUresult result;

    if (real == NULL) {
        return csh_driver_absent();
    }
    if (csh_engine_refuses()) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    result = real(dptr_p, bytes, flags);
    if (csh_engine_makes_room(result)) {
        result = real(dptr_p, bytes, flags);
    }
    csh_watch_after();
    csh_engine_allocated(result, true);
    return result;
}

/* Which device can write the memory, for cohorts. */
static void csh_note_location(const CUmemLocation *location)
{
    csh_mappings_note_device(
        location->type == CU_MEM_LOCATION_TYPE_DEVICE ? location->id : -1);
}

CUresult cuMemCreate(CUmemGenericAllocationHandle *handle_p, size_t bytes,
                     const CUmemAllocationProp *properties,
                     unsigned long long flags)
{
    PFN_cuMemCreate_v10020 real = csh_real_cuMemCreate();
    CUresult result;

    if (real == NULL) {
        return csh_driver_absent();
    }
    if (csh_engine_refuses()) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    csh_engine_allocating(bytes);
    result = real(handle_p, bytes, properties, flags);
    if (csh_engine_makes_room(result)) {
        result = real(handle_p, bytes, properties, flags);
    }
    if (result == CUDA_SUCCESS) {
        csh_note_location(&properties->location);
    }
    csh_watch_after();
    csh_engine_allocated(result, true);
    return result;
}

/* Mapping allocates nothing and is not known to wait for the device. */
CUresult cuMemMap(CUdeviceptr dptr, size_t bytes, size_t offset,
                  CUmemGenericAllocationHandle handle, unsigned long long flags)
{
    PFN_cuMemMap_v10020 real = csh_real_cuMemMap();
    CUresult result;

    if (real == NULL) {
        return csh_driver_absent();
    }
    csh_mappings_mapping(handle);
    result = real(dptr, bytes, offset, handle, flags);
    if (csh_engine_makes_room(result)) {
        result = real(dptr, bytes, offset, handle, flags);
    }
    if (result == CUDA_SUCCESS) {
        csh_mappings_mapped(dptr, bytes, handle);
    }
    csh_watch_after();
    csh_engine_memory_begun(dptr, bytes, result);
    csh_engine_allocated(result, false);
    return result;
}

CUresult cuMemSetAccess(CUdeviceptr dptr, size_t bytes,
                        const CUmemAccessDesc *access, size_t n)
{
    PFN_cuMemSetAccess_v10020 real = csh_real_cuMemSetAccess();
    CUresult result;
    size_t i;

    if (real == NULL) {
        return csh_driver_absent();
    }
    result = real(dptr, bytes, access, n);
    if (csh_engine_makes_room(result)) {
        result = real(dptr, bytes, access, n);
    }
    for (i = 0; i < n && result == CUDA_SUCCESS; i++) {
        csh_note_location(&access[i].location);
    }
    csh_watch_after();
    csh_engine_allocated(result, false);
    return result;
}

CUresult cuMemFree_v2(CUdeviceptr dptr)
{
    PFN_cuMemFree_v3020 real = csh_real_cuMemFree_v2();
    CUresult result;

    if (real == NULL) {
        return csh_driver_absent();
    }
    dptr = csh_engine_visible(dptr);
    csh_engine_releasing(dptr, true);
    result = real(dptr);
    csh_watch_after();
    csh_engine_released(result, true);
    return result;
}

CUresult cuMemFreeAsync(CUdeviceptr dptr, CUstream stream)
{
    PFN_cuMemFreeAsync_v11020 real = csh_real_cuMemFreeAsync();
    CUresult result;

    if (real == NULL) {
        return csh_driver_absent();
    }
    csh_watching_stream(stream, CSH_PLAIN);
    dptr = csh_engine_visible(dptr);
    csh_engine_releasing(dptr, false);
    result = real(dptr, stream);
    csh_watch_after();
    csh_engine_released(result, false);
    return result;
}

CUresult cuMemFreeAsync_ptsz(CUdeviceptr dptr, CUstream stream)
{
    PFN_cuMemFreeAsync_v11020_ptsz real = csh_real_cuMemFreeAsync_ptsz();
    CUresult result;

    if (real == NULL) {
        return csh_driver_absent();
    }
    csh_watching_stream(stream, CSH_PER_THREAD);
    dptr = csh_engine_visible(dptr);
    csh_engine_releasing(dptr, false);
    result = real(dptr, stream);
    csh_watch_after();
    csh_engine_released(result, false);
    return result;
}

CUresult cuMemUnmap(CUdeviceptr dptr, size_t bytes)
{
    PFN_cuMemUnmap_v10020 real = csh_real_cuMemUnmap();
    CUresult result;

    if (real == NULL) {
        return csh_driver_absent();
    }
    csh_engine_unmapping(dptr, bytes);
    result = real(dptr, bytes);
    if (result == CUDA_SUCCESS) {
        csh_mappings_unmapped(dptr, bytes);
    }
    csh_watch_after();
    csh_engine_released(result, true);
    return result;
}

CUresult cuMemGetInfo_v2(size_t *free_p, size_t *total_p)
{
    PFN_cuMemGetInfo_v3020 real = csh_real_cuMemGetInfo_v2();
    CUresult result;

    if (real == NULL) {
        return csh_driver_absent();
    }
    result = real(free_p, total_p);
    if (result == CUDA_SUCCESS && free_p != NULL && total_p != NULL) {
        csh_engine_tell_free(free_p, *total_p);
    }
    return result;
}

CUresult cuMemGetAddressRange_v2(CUdeviceptr *base_p, size_t *bytes_p,
                                 CUdeviceptr dptr)
{
    PFN_cuMemGetAddressRange_v3020 real = csh_real_cuMemGetAddressRange_v2();

    return real == NULL ? csh_driver_absent()
                        : real(base_p, bytes_p, csh_engine_visible(dptr));
}
