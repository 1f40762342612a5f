/*
 * entry.h - what every entry point of the simulated driver does first: count
 * the call and fail it when SIMCUDA_FAULT says so.
 *
 * An entry is written `CUresult cuFoo(args) { SIM_ENTER(cuFoo); ... }`, under
 * the very name of its ELF symbol: this header turns cuda.h's renaming macros
 * off (cuMemAlloc is the ABI of CUDA 2.0 here, cuMemAlloc_v2 today's), and it
 * declares every entry with NVIDIA's own typedef, so that one with other
 * parameters does not compile. The twins _ptds/_ptsz are entries of their own
 * with counters of their own.
 */
#ifndef SIM_ENTRY_H
#define SIM_ENTRY_H

#ifndef __CUDA_API_VERSION_INTERNAL
#ifdef CUDA_VERSION
#error "include entry.h before cuda.h"
#endif
#define __CUDA_API_VERSION_INTERNAL
#endif
#include <cuda.h>
#include <cudaProfilerTypedefs.h>
#include <cudaTypedefs.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include "entries.h"
#include "simcuda_counters.h"

/* Of entries for OpenGL, EGL and VDPAU, none of which is simulated. */
typedef CUresult (*sim_interop)(void);

#define SIM_DECLARE(symbol_, base_, since_, flavour_, pfn_) \
    extern __typeof__(*(pfn_)0) symbol_ \
        __attribute__((visibility("default")));
SIM_ENTRIES(SIM_DECLARE)
#undef SIM_DECLARE

struct sim_entry {
    const char *name;
    _Atomic uint64_t calls;
    _Atomic int linked; /* this entry is in the list that counters print */
    struct sim_entry *next;
};

/* Counts the call. True: fail it now with *result_p (a scripted fault;
 * CUDA_ERROR_NOT_INITIALIZED is left to the entry itself). */
bool sim_enter(struct sim_entry *entry, CUresult *result_p);

#define SIM_ENTER(name_)                                   \
    do {                                                   \
        static struct sim_entry entry_ = {.name = #name_}; \
        CUresult result_;                                  \
        if (sim_enter(&entry_, &result_)) {                \
            return result_;                                \
        }                                                  \
    } while (0)

/* What SIMCUDA_COUNTERS reports beside the calls. */
void sim_count_bytes(enum sim_tally tally, uint64_t bytes); /* and one call */
void sim_count_allocated(int64_t delta_bytes); /* device memory; keeps peak */

/* How cuGetProcAddress finds what it answers (SIMCUDA_RESOLVER). */
enum sim_resolver {
    SIM_RESOLVER_TABLE, /* the address that dlsym gives too */
    SIM_RESOLVER_OTHER, /* another address, which jumps to that one */
    SIM_RESOLVER_ALIAS, /* some pairs of symbols share one address */
    SIM_RESOLVER_DLSYM, /* by dlsym on the driver's own handle */
};

/* One scripted failure (SIMCUDA_FAULT). */
struct sim_fault {
    char entry[64];       /* ELF symbol, or "*": each of them */
    uint64_t first, last; /* calls that fail, counted from 1, both included */
    CUresult error;
};
enum { SIM_MAX_DEVICES = 4, SIM_MAX_FAULTS = 32, SIM_PATH_BYTES = 4096 };

/* Behaviours that no document promises, each off unless SIMCUDA_BEHAVIOUR
 * names it:
 * - pageable_d2h_async_returns_early: otherwise complete on return
 * - pageable_h2d_reads_late: the source is staged by a worker later
 * - free_synchronises_not: cuMemFree does not wait
 * - lookup_miss_succeeds: cuGetProcAddress of an unknown name answers
 *   CUDA_SUCCESS and a NULL address, as cuda.h 13.0 words it; otherwise
 *   CUDA_ERROR_NOT_FOUND, as CUDA 11 had it
 * - pinning_synchronises: pinning host memory waits for the whole context
 *   (giving it back always does)
 * - lazy_load_synchronises: so does the first launch of a function that
 *   cuFuncLoad has not loaded
 * - legacy_query_sees_itself_only: asked about the legacy stream, cuStreamQuery
 *   does not look at the streams that it is ordered with
 * - errno_is_spoilt: every call leaves another errno behind
 * - memory_fragments: a device has as many addresses as bytes, and memory is
 *   the first hole among them that is large enough; otherwise what is free is
 *   to be had in one piece */
#define SIM_BEHAVIOURS(X)               \
    X(pageable_d2h_async_returns_early) \
    X(pageable_h2d_reads_late)          \
    X(free_synchronises_not)            \
    X(lookup_miss_succeeds)             \
    X(pinning_synchronises)             \
    X(lazy_load_synchronises)           \
    X(legacy_query_sees_itself_only)    \
    X(errno_is_spoilt)                  \
    X(memory_fragments)                 \
    X(device_is_integrated)             \
    X(device_is_coherent)               \
    X(host_registers_not)

/* SIMCUDA_* settings, parsed once at the first entry. */
struct sim_settings {
    uint64_t memory_bytes;    /* SIMCUDA_MEMORY, of each; default 8 GiB */
    uint64_t pin_limit_bytes; /* SIMCUDA_PIN_LIMIT, default UINT64_MAX: none */
    uint64_t n_devices;       /* SIMCUDA_DEVICES, default 1 */
    uint64_t seed;            /* SIMCUDA_SEED; 0: arrival order */
    int driver_version;       /* SIMCUDA_DRIVER_VERSION, default 13000 */
    double link_h2d, link_d2h, link_pageable; /* GB/s; 0: no throttling */
#define SIM_BEHAVIOUR(name_) bool name_; /* SIMCUDA_BEHAVIOUR=name[,name] */
    SIM_BEHAVIOURS(SIM_BEHAVIOUR)
#undef SIM_BEHAVIOUR
    enum sim_resolver resolver; /* SIMCUDA_RESOLVER, default table */
    char counters_file[SIM_PATH_BYTES]; /* SIMCUDA_COUNTERS, empty: none */
    char lookups_file[SIM_PATH_BYTES];  /* SIMCUDA_LOOKUPS, empty: none */
    struct sim_fault faults[SIM_MAX_FAULTS]; /* SIMCUDA_FAULT */
    unsigned n_faults;
};
const struct sim_settings *sim_settings(void);

/* Whether this driver loads `image` (PTX text, cubin, fat binary): PTX newer
 * than SIMCUDA_DRIVER_VERSION is CUDA_ERROR_UNSUPPORTED_PTX_VERSION, NULL is
 * CUDA_ERROR_INVALID_VALUE, everything else CUDA_SUCCESS. */
CUresult sim_check_image(const void *image);

#endif
