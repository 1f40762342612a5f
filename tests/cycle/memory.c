/*
 * memory.c - see memory.h. Owns the table of further entries.
 */
#include "memory.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

struct memory_driver mem;

void find_calls(void)
{
    void *library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);

    CHECK(library != NULL);
#define MEMORY_X(symbol_, pfn_)                       \
    mem.symbol_ = (pfn_)dlsym(library, #symbol_);     \
    CHECK(mem.symbol_ != NULL);
    MEMORY_CALLS(MEMORY_X)
#undef MEMORY_X
}

void learn(CUdeviceptr device, size_t bytes, uint32_t seed, CUstream stream)
{
    void *src = fresh(bytes), *host = fresh(bytes);

    fill(src, bytes, seed);
    REACHES(h2d, bytes, bytes, upload(device, src, bytes, stream));
    REACHES(d2h, bytes, bytes, offload(host, device, bytes, stream));
    CHECK(holds(host, bytes, seed));
    free(src);
    free(host);
}

void offload_expecting(CUdeviceptr device, size_t bytes, uint32_t seed,
                       uint64_t wanted, CUstream stream)
{
    void *host = fresh(bytes);

    REACHES(d2h, wanted, bytes, offload(host, device, bytes, stream));
    CHECK(holds(host, bytes, seed));
    free(host);
}

void changed_expecting(CUdeviceptr device, size_t bytes, uint32_t seed,
                       uint32_t value, CUstream stream)
{
    uint32_t *host = fresh(bytes), *plain = fresh(bytes);

    fill(plain, bytes, seed);
    plain[0] = value;
    REACHES(d2h, bytes, bytes, offload(host, device, bytes, stream));
    CHECK_EQUAL(memcmp(host, plain, bytes), 0);
    free(host);
    free(plain);
}

CUmemGenericAllocationHandle created(size_t bytes)
{
    CUmemAllocationProp prop = {
        .type = CU_MEM_ALLOCATION_TYPE_PINNED,
        .location = {.type = CU_MEM_LOCATION_TYPE_DEVICE},
    };
    CUmemGenericAllocationHandle handle;

    OK(mem.cuMemCreate(&handle, bytes, &prop, 0));
    return handle;
}

CUdeviceptr reserved(size_t bytes)
{
    CUdeviceptr address;

    OK(mem.cuMemAddressReserve(&address, bytes, 0, 0, 0));
    return address;
}

void set_access(CUdeviceptr at, size_t bytes, CUmemAccess_flags flags)
{
    CUmemAccessDesc access = {.location = {.type = CU_MEM_LOCATION_TYPE_DEVICE},
                              .flags = flags};

    OK(mem.cuMemSetAccess(at, bytes, &access, 1));
}

void map(CUdeviceptr at, size_t bytes, CUmemGenericAllocationHandle handle)
{
    OK(mem.cuMemMap(at, bytes, 0, handle, 0));
    set_access(at, bytes, CU_MEM_ACCESS_FLAGS_PROT_READWRITE);
}

CUdeviceptr mapped(size_t bytes)
{
    CUdeviceptr at = reserved(bytes);
    CUmemGenericAllocationHandle handle = created(bytes);

    map(at, bytes, handle);
    OK(mem.cuMemRelease(handle));
    return at;
}
