/*
 * vmm.c - virtual memory management: reservations, physical memory, mappings.
 *
 * A reservation is an area of addresses without access, and a second area of
 * the same size in which the bytes of its mappings lie: mapping a handle
 * duplicates the handle's own shared mapping there (mremap with an old size
 * of 0). So mappings side by side are contiguous for a kernel that crosses
 * them, and a handle that is mapped twice has its bytes once.
 *
 * Stricter than documents are: a reservation with mappings cannot be freed;
 * access is set for whole mappings; new physical memory is full of
 * SIM_POISON; without access even copies are refused. cuMemUnmap and
 * cuMemSetAccess wait for all work of all contexts ("synchronous" in cuda.h).
 * Host and fabric memory, multicast and compression are not simulated.
 */
#include "vmm.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct reservation {
    uint64_t base;
    size_t bytes;
    char *view; /* where the bytes of mappings lie */
    struct reservation *next;
};

static struct reservation *reservations;
static struct sim_physical *physicals;

/* -------------------------------------------------------- reservations --- */

static struct reservation *reservation_around(uint64_t address, size_t bytes)
{
    struct reservation *at;

    for (at = reservations; at != NULL; at = at->next) {
        uint64_t offset = address - at->base;

        if (offset < at->bytes && bytes <= at->bytes - offset) {
            return at;
        }
    }
    return NULL;
}

static CUresult reserve(CUdeviceptr *address_p, size_t bytes,
                        size_t align_bytes, uint64_t hint)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    struct reservation *reservation;
    uint64_t base;
    void *view;

    view = mmap(NULL, bytes, PROT_NONE, flags, -1, 0);
    if (view == MAP_FAILED) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    base = sim_area_reserve(bytes, align_bytes, hint);
    if (base == 0) {
        munmap(view, bytes);
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    reservation = sim_handle_new(sizeof(*reservation));
    *reservation = (struct reservation){base, bytes, view, reservations};
    reservations = reservation;
    *address_p = base;
    return CUDA_SUCCESS;
}

CUresult cuMemAddressReserve(CUdeviceptr *address_p, size_t bytes,
                             size_t align_bytes, CUdeviceptr hint,
                             unsigned long long flags)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    CUresult result;

    SIM_ENTER(cuMemAddressReserve);
    result = sim_begin_driver();
    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (address_p == NULL || bytes == 0 || bytes % page != 0 ||
        hint % page != 0 || (align_bytes & (align_bytes - 1)) != 0 ||
        flags != 0) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    if (align_bytes < SIM_VMM_GRANULE) {
        align_bytes = SIM_VMM_GRANULE;
    }
    return sim_end(reserve(address_p, bytes, align_bytes, hint));
}

CUresult cuMemAddressFree(CUdeviceptr address, size_t bytes)
{
    struct reservation **at = &reservations, *reservation;
    CUresult result;

    SIM_ENTER(cuMemAddressFree);
    result = sim_begin_driver();
    if (result != CUDA_SUCCESS) {
        return result;
    }
    while (*at != NULL && (*at)->base != address) {
        at = &(*at)->next;
    }
    reservation = *at;
    if (reservation == NULL || reservation->bytes != bytes ||
        sim_range_overlaps(address, bytes)) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    *at = reservation->next;
    munmap(reservation->view, bytes);
    sim_area_free(address, bytes);
    return sim_end(CUDA_SUCCESS);
}

/* ----------------------------------------------------- physical memory --- */

struct sim_physical *sim_physical(CUmemGenericAllocationHandle handle)
{
    struct sim_physical *at = physicals;

    while (at != NULL && (uintptr_t)at != handle) {
        at = at->next;
    }
    return at != NULL && at->n_handles > 0 ? at : NULL;
}

void sim_physical_settle(struct sim_physical *physical)
{
    if (physical->n_handles > 0 || physical->n_mappings > 0) {
        return;
    }
    munmap(physical->memory, physical->bytes);
    sim_device_give(physical->prop.location.id, physical->bytes);
}

static CUresult check_prop(const CUmemAllocationProp *prop)
{
    if (prop == NULL || prop->type != CU_MEM_ALLOCATION_TYPE_PINNED ||
        prop->win32HandleMetaData != NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (prop->location.type != CU_MEM_LOCATION_TYPE_DEVICE ||
        (prop->requestedHandleTypes &
         ~(unsigned)CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR) != 0 ||
        prop->allocFlags.usage != 0) {
        return CUDA_ERROR_NOT_SUPPORTED;
    }
    return sim_is_device(prop->location.id) ? CUDA_SUCCESS
                                            : CUDA_ERROR_INVALID_DEVICE;
}

static CUresult create(CUmemGenericAllocationHandle *handle_p, size_t bytes,
                       const CUmemAllocationProp *prop)
{
    struct sim_physical *physical;
    void *memory;

    if (!sim_device_take(prop->location.id, bytes)) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        sim_device_give(prop->location.id, bytes);
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    memset(memory, SIM_POISON, bytes);
    physical = sim_handle_new(sizeof(*physical));
    physical->id = sim_next_id();
    physical->bytes = bytes;
    physical->memory = memory;
    physical->prop = *prop;
    physical->n_handles = 1;
    physical->next = physicals;
    physicals = physical;
    *handle_p = (uintptr_t)physical;
    return CUDA_SUCCESS;
}

CUresult cuMemCreate(CUmemGenericAllocationHandle *handle_p, size_t bytes,
                     const CUmemAllocationProp *prop, unsigned long long flags)
{
    CUresult result;

    SIM_ENTER(cuMemCreate);
    result = sim_begin_driver();
    if (result != CUDA_SUCCESS) {
        return result;
    }
    result = check_prop(prop);
    if (result != CUDA_SUCCESS) {
        return sim_end(result);
    }
    if (handle_p == NULL || bytes == 0 || bytes % SIM_VMM_GRANULE != 0 ||
        flags != 0) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    return sim_end(create(handle_p, bytes, prop));
}

CUresult cuMemRelease(CUmemGenericAllocationHandle handle)
{
    struct sim_physical *physical;
    CUresult result;

    SIM_ENTER(cuMemRelease);
    result = sim_begin_driver();
    if (result != CUDA_SUCCESS) {
        return result;
    }
    physical = sim_physical(handle);
    if (physical == NULL) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    physical->n_handles--;
    sim_physical_settle(physical);
    return sim_end(CUDA_SUCCESS);
}

CUresult cuMemGetAllocationGranularity(size_t *bytes_p,
                                       const CUmemAllocationProp *prop,
                                       CUmemAllocationGranularity_flags option)
{
    CUresult result;

    SIM_ENTER(cuMemGetAllocationGranularity);
    result = sim_begin_driver();
    if (result != CUDA_SUCCESS) {
        return result;
    }
    result = check_prop(prop);
    if (result != CUDA_SUCCESS) {
        return sim_end(result);
    }
    if (bytes_p == NULL || (option != CU_MEM_ALLOC_GRANULARITY_MINIMUM &&
                            option != CU_MEM_ALLOC_GRANULARITY_RECOMMENDED)) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    *bytes_p = SIM_VMM_GRANULE;
    return sim_end(CUDA_SUCCESS);
}

CUresult cuMemGetAllocationPropertiesFromHandle(
    CUmemAllocationProp *prop_p, CUmemGenericAllocationHandle handle)
{
    struct sim_physical *physical;
    CUresult result;

    SIM_ENTER(cuMemGetAllocationPropertiesFromHandle);
    result = sim_begin_driver();
    if (result != CUDA_SUCCESS) {
        return result;
    }
    physical = sim_physical(handle);
    if (physical == NULL || prop_p == NULL) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    *prop_p = physical->prop;
    return sim_end(CUDA_SUCCESS);
}

/* ------------------------------------------------------------ mappings --- */

static CUresult map(struct reservation *reservation, CUdeviceptr address,
                    size_t bytes, struct sim_physical *physical)
{
    struct sim_range range = {
        .kind = SIM_MAPPED, .base = address, .bytes = bytes,
        .extent_bytes = bytes, .device = physical->prop.location.id,
        .flags = physical->prop.requestedHandleTypes,
        .block_id = physical->id, .owner = physical,
        .area_base = reservation->base, .area_bytes = reservation->bytes,
    };

    range.memory = reservation->view + (address - reservation->base);
    if (mremap(physical->memory, 0, bytes, MREMAP_MAYMOVE | MREMAP_FIXED,
               range.memory) == MAP_FAILED) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    physical->n_mappings++;
    sim_range_add(&range);
    return CUDA_SUCCESS;
}

CUresult cuMemMap(CUdeviceptr address, size_t bytes, size_t offset,
                  CUmemGenericAllocationHandle handle,
                  unsigned long long flags)
{
    struct reservation *reservation;
    struct sim_physical *physical;
    CUresult result;

    SIM_ENTER(cuMemMap);
    result = sim_begin_driver();
    if (result != CUDA_SUCCESS) {
        return result;
    }
    physical = sim_physical(handle);
    reservation = reservation_around(address, bytes);
    if (physical == NULL || reservation == NULL || bytes == 0 ||
        (address | bytes) % SIM_VMM_GRANULE != 0 || offset != 0 ||
        bytes > physical->bytes || flags != 0 ||
        sim_range_overlaps(address, bytes)) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    return sim_end(map(reservation, address, bytes, physical));
}

/* Is it made of whole mappings, without a hole? */
static bool is_whole(CUdeviceptr address, size_t bytes)
{
    struct sim_range *range;

    while (bytes > 0) {
        range = sim_range_find(address, 0);
        if (range == NULL || range->kind != SIM_MAPPED ||
            range->base != address || range->bytes > bytes) {
            return false;
        }
        address += range->bytes;
        bytes -= range->bytes;
    }
    return true;
}

static void unmap(struct sim_range *range)
{
    struct sim_physical *physical = range->owner;

    if (mmap(range->memory, range->bytes, PROT_NONE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1,
             0) == MAP_FAILED) {
        abort();
    }
    physical->n_mappings--;
    sim_physical_settle(physical);
    free(range);
}

CUresult cuMemUnmap(CUdeviceptr address, size_t bytes)
{
    CUresult result;

    SIM_ENTER(cuMemUnmap);
    result = sim_begin_driver();
    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (bytes == 0 || !is_whole(address, bytes)) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    sim_context_wait_all();
    if (!is_whole(address, bytes)) { /* another thread was faster */
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    while (bytes > 0) {
        struct sim_range *range = sim_range_take(address);

        address += range->bytes;
        bytes -= range->bytes;
        unmap(range);
    }
    return sim_end(CUDA_SUCCESS);
}

/* -------------------------------------------------------------- access --- */

static CUresult check_location(const CUmemLocation *location)
{
    if (location->type != CU_MEM_LOCATION_TYPE_DEVICE) {
        return CUDA_ERROR_NOT_SUPPORTED;
    }
    return sim_is_device(location->id) ? CUDA_SUCCESS
                                       : CUDA_ERROR_INVALID_DEVICE;
}

static CUresult check_access(const CUmemAccessDesc *access, size_t n)
{
    CUresult result = CUDA_SUCCESS;

    for (size_t i = 0; i < n && result == CUDA_SUCCESS; i++) {
        result = check_location(&access[i].location);
        if (result == CUDA_SUCCESS &&
            access[i].flags != CU_MEM_ACCESS_FLAGS_PROT_NONE &&
            access[i].flags != CU_MEM_ACCESS_FLAGS_PROT_READ &&
            access[i].flags != CU_MEM_ACCESS_FLAGS_PROT_READWRITE) {
            result = CUDA_ERROR_INVALID_VALUE;
        }
    }
    return result;
}

CUresult cuMemSetAccess(CUdeviceptr address, size_t bytes,
                        const CUmemAccessDesc *access, size_t n)
{
    CUresult result;

    SIM_ENTER(cuMemSetAccess);
    result = sim_begin_driver();
    if (result != CUDA_SUCCESS) {
        return result;
    }
    result = access == NULL || n == 0 ? CUDA_ERROR_INVALID_VALUE
                                      : check_access(access, n);
    if (result != CUDA_SUCCESS) {
        return sim_end(result);
    }
    sim_context_wait_all();
    if (bytes == 0 || !is_whole(address, bytes)) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    while (bytes > 0) {
        struct sim_range *range = sim_range_find(address, 0);

        for (size_t i = 0; i < n; i++) {
            range->access[access[i].location.id] =
                (unsigned char)access[i].flags;
        }
        address += range->bytes;
        bytes -= range->bytes;
    }
    return sim_end(CUDA_SUCCESS);
}

CUresult cuMemGetAccess(unsigned long long *flags_p,
                        const CUmemLocation *location, CUdeviceptr address)
{
    struct sim_range *range;
    CUresult result;

    SIM_ENTER(cuMemGetAccess);
    result = sim_begin_driver();
    if (result != CUDA_SUCCESS) {
        return result;
    }
    range = sim_range_find(address, 0);
    if (flags_p == NULL || location == NULL || range == NULL ||
        range->kind != SIM_MAPPED) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    result = check_location(location);
    if (result == CUDA_SUCCESS) {
        *flags_p = range->access[location->id];
    }
    return sim_end(result);
}

CUresult cuMemRetainAllocationHandle(CUmemGenericAllocationHandle *handle_p,
                                     void *address)
{
    struct sim_physical *physical;
    struct sim_range *range;
    CUresult result;

    SIM_ENTER(cuMemRetainAllocationHandle);
    result = sim_begin_driver();
    if (result != CUDA_SUCCESS) {
        return result;
    }
    range = sim_range_find((uintptr_t)address, 0);
    if (handle_p == NULL || range == NULL || range->kind != SIM_MAPPED) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    physical = range->owner;
    physical->n_handles++;
    *handle_p = (uintptr_t)physical;
    return sim_end(CUDA_SUCCESS);
}
