/*
 * host_memory.c - pinned host memory: allocated here, or registered.
 *
 * Under unified addressing the device sees it at the host's own address, all
 * contexts do (PORTABLE and DEVICEMAP are accepted and change nothing). It is
 * page-locked only in name: SIMCUDA_PIN_LIMIT is what makes it scarce.
 * Registration counts whole pages, and two registrations may not share one.
 */
#include "sim.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static uint64_t pinned_bytes;

static size_t page_bytes(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

/* The whole pages around a range. */
static void page_range(uint64_t address, size_t bytes, uint64_t *first_p,
                       size_t *bytes_p)
{
    uint64_t page = page_bytes();
    uint64_t first = address / page * page;
    uint64_t end = (address + bytes + page - 1) / page * page;

    *first_p = first;
    *bytes_p = end - first;
}

/* MS_ASYNC does nothing else (msync(2)); a test kills for mincore(). */
static bool is_mapped(uint64_t address, size_t bytes)
{
    return msync((void *)(uintptr_t)address, bytes, MS_ASYNC) == 0;
}

enum sim_side sim_side_of(uint64_t address, size_t bytes)
{
    const struct sim_range *range;

    if (sim_is_device_address(address)) {
        return SIM_SIDE_DEVICE;
    }
    range = sim_range_find(address, bytes);
    return range != NULL ? SIM_SIDE_PINNED : SIM_SIDE_PAGEABLE;
}

static bool fits(size_t bytes)
{
    uint64_t limit = sim_settings()->pin_limit_bytes;

    return bytes <= limit && pinned_bytes <= limit - bytes;
}

static CUresult allocate(void **host_p, size_t bytes, unsigned flags)
{
    CUcontext context;
    CUresult result = sim_begin_unsafe(&context);
    struct sim_range range = {.kind = SIM_HOST_ALLOCATED, .flags = flags};
    void *host;

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (host_p == NULL || bytes == 0 ||
        (flags & ~(unsigned)(CU_MEMHOSTALLOC_PORTABLE |
                             CU_MEMHOSTALLOC_DEVICEMAP |
                             CU_MEMHOSTALLOC_WRITECOMBINED)) != 0) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    if (sim_settings()->pinning_synchronises) {
        sim_context_wait(context);
    }
    if (bytes > SIZE_MAX - page_bytes()) {
        return sim_end(CUDA_ERROR_OUT_OF_MEMORY);
    }
    range.extent_bytes = (bytes + page_bytes() - 1) / page_bytes() *
                         page_bytes();
    if (!fits(range.extent_bytes)) {
        return sim_end(CUDA_ERROR_OUT_OF_MEMORY);
    }
    host = mmap(NULL, range.extent_bytes, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (host == MAP_FAILED) {
        return sim_end(CUDA_ERROR_OUT_OF_MEMORY);
    }
    range.base = (uintptr_t)host;
    range.bytes = bytes;
    range.memory = host;
    range.device = context->device;
    range.context = context->root;
    range.release = sim_host_release;
    pinned_bytes += range.extent_bytes;
    sim_range_add(&range);
    *host_p = host;
    return sim_end(CUDA_SUCCESS);
}

void sim_host_release(struct sim_range *range)
{
    pinned_bytes -= range->extent_bytes;
    if (range->kind == SIM_HOST_ALLOCATED) {
        munmap((void *)(uintptr_t)range->base, range->extent_bytes);
    }
    free(range);
}

CUresult cuMemHostAlloc(void **host_p, size_t bytes, unsigned int flags)
{
    SIM_ENTER(cuMemHostAlloc);
    return allocate(host_p, bytes, flags);
}

CUresult cuMemAllocHost_v2(void **host_p, size_t bytes)
{
    SIM_ENTER(cuMemAllocHost_v2);
    return allocate(host_p, bytes, 0);
}

/* Waits for the context, then ends the range. */
static CUresult end_range(void *host, enum sim_range_kind kind,
                          CUresult not_found)
{
    CUcontext context, owner;
    CUresult result = sim_begin_unsafe(&context);
    struct sim_range *range;

    if (result != CUDA_SUCCESS) {
        return result;
    }
    range = sim_range_find((uintptr_t)host, 0);
    if (range == NULL || range->base != (uintptr_t)host ||
        range->kind != kind) {
        return sim_end(not_found);
    }
    owner = range->context;
    sim_context_wait_family(owner);
    result = owner->sticky;
    range = sim_range_take((uintptr_t)host);
    if (range == NULL) {
        return sim_end(not_found);
    }
    sim_host_release(range);
    return sim_end(result);
}

CUresult cuMemFreeHost(void *host)
{
    SIM_ENTER(cuMemFreeHost);
    return end_range(host, SIM_HOST_ALLOCATED, CUDA_ERROR_INVALID_VALUE);
}

static CUresult register_range(void *host, size_t bytes, unsigned flags)
{
    CUcontext context;
    CUresult result = sim_begin_unsafe(&context);
    struct sim_range range = {.kind = SIM_HOST_REGISTERED, .flags = flags};
    uint64_t first;

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (host == NULL || bytes == 0 || (uintptr_t)host > SIZE_MAX - bytes ||
        sim_is_device_address((uintptr_t)host) ||
        (flags & ~(unsigned)(CU_MEMHOSTREGISTER_PORTABLE |
                             CU_MEMHOSTREGISTER_DEVICEMAP |
                             CU_MEMHOSTREGISTER_READ_ONLY)) != 0) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    if (sim_settings()->host_registers_not) {
        return sim_end(CUDA_ERROR_NOT_SUPPORTED);
    }
    if (sim_settings()->pinning_synchronises) {
        sim_context_wait(context);
    }
    page_range((uintptr_t)host, bytes, &first, &range.extent_bytes);
    if (sim_range_overlaps(first, range.extent_bytes)) {
        return sim_end(CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED);
    }
    if (!is_mapped(first, range.extent_bytes)) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    if (!fits(range.extent_bytes)) {
        return sim_end(CUDA_ERROR_OUT_OF_MEMORY);
    }
    range.base = (uintptr_t)host;
    range.bytes = bytes;
    range.memory = host;
    range.device = context->device;
    range.context = context->root;
    range.release = sim_host_release;
    pinned_bytes += range.extent_bytes;
    sim_range_add(&range);
    return sim_end(CUDA_SUCCESS);
}

CUresult cuMemHostRegister_v2(void *host, size_t bytes, unsigned int flags)
{
    SIM_ENTER(cuMemHostRegister_v2);
    return register_range(host, bytes, flags);
}

CUresult cuMemHostRegister(void *host, size_t bytes, unsigned int flags)
{
    SIM_ENTER(cuMemHostRegister);
    return register_range(host, bytes, flags);
}

CUresult cuMemHostUnregister(void *host)
{
    SIM_ENTER(cuMemHostUnregister);
    return end_range(host, SIM_HOST_REGISTERED,
                     CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED);
}

CUresult cuMemHostGetDevicePointer_v2(CUdeviceptr *address_p, void *host,
                                      unsigned int flags)
{
    CUcontext context;
    CUresult result;

    SIM_ENTER(cuMemHostGetDevicePointer_v2);
    result = sim_begin(&context);
    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (address_p == NULL || flags != 0 ||
        sim_side_of((uintptr_t)host, 0) != SIM_SIDE_PINNED) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    *address_p = (uintptr_t)host;
    return sim_end(CUDA_SUCCESS);
}

CUresult cuMemHostGetFlags(unsigned int *flags_p, void *host)
{
    CUcontext context;
    const struct sim_range *range;
    CUresult result;

    SIM_ENTER(cuMemHostGetFlags);
    result = sim_begin(&context);
    if (result != CUDA_SUCCESS) {
        return result;
    }
    range = sim_range_find((uintptr_t)host, 0);
    if (flags_p == NULL || range == NULL ||
        range->kind < SIM_HOST_ALLOCATED) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    *flags_p = range->flags | CU_MEMHOSTALLOC_DEVICEMAP;
    return sim_end(CUDA_SUCCESS);
}
