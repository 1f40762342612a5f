/*
 * park_addresses.h - where memory of the shim's own lies on a device, for
 * whoever meets an address: each call of the program's that names one asks.
 *
 * Memory is listed from when it is allocated until it has been given back, has
 * become the program's, or is found to have ended. An address is the driver's
 * to give anew as soon as memory there has ended, which nobody need have seen
 * (a context may end by a way that the shim does not stand in). So what is
 * listed is a hint, and the number of the allocation says whether it holds
 * (csh_park_memory_is_at). No function calls the driver. Any thread.
 */
#ifndef CSH_ENGINE_PARK_ADDRESSES_H
#define CSH_ENGINE_PARK_ADDRESSES_H

#include <cuda.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

/* One allocation. Its number is the driver's, and no other's in the life of
 * the process (csh_facts_buffer). */
struct csh_park_address {
    CUdeviceptr base;
    size_t bytes;
    uint64_t number;
    CUcontext context;
};

/* What was listed in the same place has ended, and is forgotten. False: there
 * is no memory. */
CSH_MUST_CHECK
bool csh_park_addresses_add(const struct csh_park_address *place);

/* This very allocation, if it is listed. */
void csh_park_addresses_remove(const struct csh_park_address *place);

/* The context has ended. */
void csh_park_addresses_forget(CUcontext context);

/* What is listed around the address. One load where nothing is listed, and
 * else as many steps as the number of allocations has bits, under a lock. */
bool csh_park_addresses_find(CUdeviceptr address,
                             struct csh_park_address *place_p);

/* The lowest of the context's that lies at `from` or above. */
bool csh_park_addresses_next(CUcontext context, CUdeviceptr from,
                             struct csh_park_address *place_p);

#endif
