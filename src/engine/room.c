/*
 * room.c - the wrappers' door to parked memory. Owns nothing.
 */
#include "engine/engine.h"

#include "engine/calls.h"
#include "engine/park.h"
#include "engine/phase.h"

bool csh_engine_allocate(size_t bytes, CUdeviceptr *dptr_p)
{
    return csh_park_allocate(bytes, dptr_p);
}

void csh_engine_allocating(size_t bytes)
{
    if (csh_park_allocate(bytes, NULL)) {
        return; /* never: there is nowhere to put an address */
    }
}

bool csh_engine_makes_room(CUresult result)
{
    return CSH_UNLIKELY(result == CUDA_ERROR_OUT_OF_MEMORY) &&
           csh_park_give_all();
}

CUdeviceptr csh_engine_visible(CUdeviceptr address)
{
    return csh_park_visible(address);
}

void csh_engine_tell_free(size_t *free_p, size_t total)
{
    CUdevice device;
    uint64_t bytes;

    if (!csh_engine_gives_room() || !csh_phase_is_active() ||
        csh_calls()->cuCtxGetDevice(&device) != CUDA_SUCCESS) {
        return;
    }
    bytes = csh_park_bytes_beside(device, free_p);
    *free_p = bytes < total - *free_p ? *free_p + bytes : total;
}

bool csh_engine_gives_room(void)
{
    return csh_park_is_on();
}
