/*
 * vmm.h - physical memory of cuMemCreate, for the files that map or share it.
 */
#ifndef SIM_VMM_H
#define SIM_VMM_H

#include "sim.h"

#define SIM_VMM_GRANULE ((size_t)2 << 20)

/* A handle is the address of one. */
struct sim_physical {
    uint64_t id;             /* CU_POINTER_ATTRIBUTE_MEMORY_BLOCK_ID */
    size_t bytes;
    void *memory;            /* a shared mapping, for mremap to duplicate */
    CUmemAllocationProp prop;
    unsigned n_handles;      /* created, retained, imported; not released */
    unsigned n_mappings;
    struct sim_physical *next;
};

/* The lock is held in both. NULL: no handle, or one released to the last. */
struct sim_physical *sim_physical(CUmemGenericAllocationHandle handle);
/* Gives the memory back if nothing refers to it any more. */
void sim_physical_settle(struct sim_physical *physical);

#endif
