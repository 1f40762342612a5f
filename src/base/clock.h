/*
 * clock.h - a clock that never runs backwards, and a nap.
 *
 * Any thread; no lock, no state.
 */
#ifndef CSH_BASE_CLOCK_H
#define CSH_BASE_CLOCK_H

#include <stdint.h>

/* Nanoseconds since some moment before the process. */
uint64_t csh_clock_now_ns(void);

/* Nanoseconds of processor time of the calling thread. */
uint64_t csh_clock_thread_ns(void);

/* Sleeps for about so long; a signal may end it earlier. Keeps errno, and is
 * no cancellation point, as no CUDA call of the program's is one. */
void csh_clock_nap_ns(uint64_t ns);

#endif
