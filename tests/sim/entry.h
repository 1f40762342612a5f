/*
 * entry.h - what every entry point of the simulated driver does first: count
 * the call and fail it when SIMCUDA_FAULT says so.
 *
 * An entry is written `CUresult cuFoo(args) { SIM_ENTER(cuFoo); ... }`. The
 * twins _ptds/_ptsz are entries of their own with counters of their own.
 */
#ifndef SIM_ENTRY_H
#define SIM_ENTRY_H

#include <cuda.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct sim_entry {
    const char *name;
    _Atomic uint64_t calls;
    _Atomic int linked; /* this entry is in the list that counters print */
    struct sim_entry *next;
};

/* Counts the call. True: fail it now with *result_p (a scripted fault, or
 * CUDA_ERROR_NOT_INITIALIZED is left to the entry itself). */
bool sim_enter(struct sim_entry *entry, CUresult *result_p);

#define SIM_ENTER(name_)                                \
    do {                                                \
        static struct sim_entry entry_ = {.name = #name_}; \
        CUresult result_;                               \
        if (sim_enter(&entry_, &result_)) {             \
            return result_;                             \
        }                                               \
    } while (0)

/* Bytes and allocations that SIMCUDA_COUNTERS reports. */
enum sim_tally {
    SIM_H2D_PAGEABLE, SIM_H2D_PINNED, SIM_D2H_PAGEABLE, SIM_D2H_PINNED,
    SIM_D2D, SIM_H2H, SIM_MEMSET, SIM_N_TALLIES,
};
void sim_count_bytes(enum sim_tally tally, uint64_t bytes); /* and one call */
void sim_count_allocated(int64_t delta_bytes); /* device memory; keeps peak */

/* SIMCUDA_* settings, parsed once at the first entry. */
struct sim_settings {
    uint64_t memory_bytes;    /* SIMCUDA_MEMORY, default 8 GiB */
    uint64_t pin_limit_bytes; /* SIMCUDA_PIN_LIMIT, default none */
    uint64_t seed;            /* SIMCUDA_SEED; 0: arrival order */
    int driver_version;       /* SIMCUDA_DRIVER_VERSION, default 13000 */
    double link_h2d, link_d2h, link_pageable; /* GB/s; 0: no throttling */
    /* Behaviours that no document promises (surface.md marks them inferred):
     * SIMCUDA_BEHAVIOUR=name[,name]. */
    bool pageable_d2h_async_returns_early; /* default: complete on return */
    bool pageable_h2d_reads_late;          /* staged by a worker later */
    bool free_synchronises_not;            /* cuMemFree does not wait */
};
const struct sim_settings *sim_settings(void);

#endif
