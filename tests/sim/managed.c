/*
 * managed.c - managed memory: one address for the host and for every device.
 *
 * It lies in host memory and may be touched by anybody at any time
 * (CONCURRENT_MANAGED_ACCESS), so only the order of accesses is the
 * program's to keep. It takes nothing of a device's memory. Its first bytes
 * are SIM_POISON, as cuda.h promises no others. Advice and prefetches are
 * accepted and move nothing.
 */
#include "sim.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void release_managed(struct sim_range *range)
{
    munmap(range->memory, range->extent_bytes);
    free(range);
}

CUresult cuMemAllocManaged(CUdeviceptr *address_p, size_t bytes,
                           unsigned int flags)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    struct sim_range range = {.kind = SIM_MANAGED, .bytes = bytes,
                              .release = release_managed};
    CUcontext context;
    CUresult result;
    void *memory;

    SIM_ENTER(cuMemAllocManaged);
    result = sim_begin_unsafe(&context);
    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (address_p == NULL || bytes == 0 ||
        (flags != CU_MEM_ATTACH_GLOBAL && flags != CU_MEM_ATTACH_HOST)) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    if (bytes > SIZE_MAX - page) {
        return sim_end(CUDA_ERROR_OUT_OF_MEMORY);
    }
    range.extent_bytes = (bytes + page - 1) / page * page;
    memory = mmap(NULL, range.extent_bytes, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        return sim_end(CUDA_ERROR_OUT_OF_MEMORY);
    }
    memset(memory, SIM_POISON, bytes);
    range.memory = memory;
    range.base = (uintptr_t)memory;
    range.device = context->device;
    range.context = context->root;
    sim_range_add(&range);
    *address_p = range.base;
    return sim_end(CUDA_SUCCESS);
}

static CUresult check_managed(CUdeviceptr address, size_t bytes)
{
    struct sim_range *range;
    CUcontext context;
    CUresult result = sim_begin(&context);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    range = sim_range_find(address, bytes);
    return sim_end(range != NULL && range->kind == SIM_MANAGED
                       ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE);
}

CUresult cuMemPrefetchAsync_v2(CUdeviceptr address, size_t bytes,
                               CUmemLocation location, unsigned int flags,
                               CUstream stream)
{
    SIM_ENTER(cuMemPrefetchAsync_v2);
    (void)location;
    (void)stream;
    return flags != 0 ? CUDA_ERROR_INVALID_VALUE
                      : check_managed(address, bytes);
}

CUresult cuMemAdvise_v2(CUdeviceptr address, size_t bytes,
                        CUmem_advise advice, CUmemLocation location)
{
    SIM_ENTER(cuMemAdvise_v2);
    (void)advice;
    (void)location;
    return check_managed(address, bytes);
}
