/*
 * phase.h - whether the shim acts at all.
 */
#ifndef CSH_ENGINE_PHASE_H
#define CSH_ENGINE_PHASE_H

#include <cuda.h>
#include <stdbool.h>

/* The first use of CUDA reads the options and starts the log. Returns
 * whether the shim may act in this process now; false in a child forked
 * after the first use, after csh_phase_note saw the end, in mode off, and
 * while the driver is not bound. Keeps errno. */
bool csh_phase_begin(void);

/* The same question without starting anything. */
bool csh_phase_is_active(void);

/* The shim will not act in this process any more; or ever. */
bool csh_phase_is_over(void);

/* Another thread is just starting the shim: it does not act yet, and what the
 * program does meanwhile is to be counted as passed. */
bool csh_phase_is_starting(void);

/* Gives the starting thread a fifth of a second to end; whether the shim is
 * active then. Not for ever: that thread may need a lock of the dynamic
 * linker that the caller holds. */
bool csh_phase_wait_started(void);

/* CUSHADOW_STRICT=1 with a bad value: the program's calls that use memory
 * must fail with CUDA_ERROR_INVALID_VALUE. */
bool csh_phase_refuses(void);

/* Every result that comes back from the driver passes here: after
 * CUDA_ERROR_DEINITIALIZED or an error that leaves the process in an
 * inconsistent state (cuda.h: "any further CUDA work will return the same
 * error") the shim is off for good. Returns its argument. */
CUresult csh_phase_note(CUresult result);

#endif
