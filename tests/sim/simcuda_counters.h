/*
 * simcuda_counters.h - what reached the simulated driver, and what it shall
 * fail, for test programs that link it or find these functions with dlsym.
 *
 * The numbers are those of this process since it started, or since fork in a
 * forked child. Unless said otherwise the functions may be called
 * from any thread at any time.
 */
#ifndef SIMCUDA_COUNTERS_H
#define SIMCUDA_COUNTERS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* X(id, name in the JSON file): direction and kind of host memory of a copy,
 * or what else moved bytes. One source for the enum and the names. */
#define SIM_TALLIES(X)                   \
    X(H2D_PAGEABLE, "h2d_pageable")      \
    X(H2D_PINNED, "h2d_pinned")          \
    X(D2H_PAGEABLE, "d2h_pageable")      \
    X(D2H_PINNED, "d2h_pinned")          \
    X(D2D, "d2d")                        \
    X(H2H, "h2h")                        \
    X(MEMSET, "memset")

enum sim_tally {
#define SIM_TALLY(id_, name_) SIM_##id_,
    SIM_TALLIES(SIM_TALLY)
#undef SIM_TALLY
    SIM_N_TALLIES,
};

/* Calls of the entry point with this ELF symbol. A name that no driver has is
 * reported on stderr and answered with UINT64_MAX, so that a misspelt test
 * does not pass. */
uint64_t simcuda_calls(const char *symbol);

/* Bytes moved, and the number of moves, of one kind. */
uint64_t simcuda_bytes(enum sim_tally tally);
uint64_t simcuda_moves(enum sim_tally tally);

/* Device memory that is allocated now, and the most there was, in bytes. */
uint64_t simcuda_allocated_bytes(void);
uint64_t simcuda_allocated_peak_bytes(void);

/* Writes what SIMCUDA_COUNTERS writes at exit. 0, or an errno value. `path`
 * may hold %p for the process id. */
int simcuda_counters_write(const char *path);

/* Replaces the scripted failures by `faults`, written as in SIMCUDA_FAULT; NULL
 * for none. Calls are counted since the start or the last reset. 0, or EINVAL
 * and no failures. Only while no other thread is inside the driver. */
int simcuda_set_faults(const char *faults);

/* From now on `hook` is called at the beginning of every call of an entry, with
 * its symbol, in the calling thread, which holds nothing of the driver's; NULL
 * for none. Anything but 0 is a CUresult that the call fails with. The hook
 * makes no such calls itself. Only while no other thread is inside the
 * driver. */
void simcuda_on_call(int (*hook)(const char *symbol));

/* Sets every counter to zero; the peak becomes what is allocated now. */
void simcuda_counters_reset(void);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
