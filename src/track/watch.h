/*
 * watch.h - whether the program has done anything since a moment that the
 * shim chose: what lets a verdict outlive the call that it was made in, and
 * only under CUSHADOW_COHORT=1.
 *
 * The protocol, of which tests/check/watch.pml is the exhaustive model:
 *
 *   forming    g = csh_watch_arm(); every stream of the context is asked, and
 *              says that it is idle; only then are the ranges read
 *   believing  csh_watch_holds(g), in the very call that believes
 *   wrappers   the real call, then csh_watch_after()
 *
 * A write that some wrapper let through is either enqueued before that thread
 * met the barrier of csh_watch_arm(), and then a stream is not idle or the
 * write is done and is read; or its thread tests the flag after the barrier,
 * finds it armed, and ends g before its call returns, and so before the
 * program can know of the write. Testing before the call, arming after the
 * ranges were read, or not asking for idleness each lose one of these.
 *
 * All functions may be called from any thread, take no lock, wait for nobody
 * and keep errno. Without CUSHADOW_COHORT=1, and in every mode but verify,
 * nothing is armed and nothing is counted.
 */
#ifndef CSH_TRACK_WATCH_H
#define CSH_TRACK_WATCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/statistics.h"

/* 0, or the newest generation that may still hold. Read by every wrapper, by
 * one plain load: the barrier is on csh_watch_arm()'s side. */
extern _Atomic(uint64_t) csh_watch_armed
    __attribute__((visibility("hidden")));

/* Ends every generation that was armed up to now. */
void csh_watch_trip(void) CSH_COLD;

/* In a wrapper, after the real call has returned. */
static inline void csh_watch_after(void)
{
    if (CSH_UNLIKELY(atomic_load_explicit(&csh_watch_armed,
                                          memory_order_relaxed) != 0)) {
        csh_watch_trip();
    }
}

/* CUSHADOW_COHORT=1 in mode verify: wrappers shall be such that watch.
 * Loads the options. */
bool csh_watch_is_on(void);

/* Cohorts may be formed: on, and nothing has turned them off. */
bool csh_watch_is_allowed(void);

/*
 * Arms: from its return on every wrapper of every thread whose real call
 * had not returned finds the flag set (membarrier(2), "private expedited").
 * Returns a generation, never 0; 0 if cohorts are not allowed or the kernel
 * refuses the barrier, which forbids them.
 */
uint64_t csh_watch_arm(void);

/* True until the generation is ended; false for 0. */
bool csh_watch_holds(uint64_t generation);

/* Turns cohorts off for good and ends every generation. The reason is a gauge
 * of CSH_COHORT_ENDS; each is counted at its first time, and said then in the
 * log at info. Called before the real call where it is the call that
 * disqualifies. */
void csh_watch_forbid(enum csh_gauge reason);

/* The calling thread is about to use its per-thread default stream, in which
 * no other thread can see work: the second such thread forbids. */
void csh_watch_note_per_thread(void);

/* Whether the calling thread has used its own, and whether another thread
 * has: its work cannot be asked about. */
bool csh_watch_uses_per_thread(void);
bool csh_watch_others_use_per_thread(void);

/*
 * Before ranges are read: forbids if a library is loaded that writes device
 * memory without a call that the shim sees. Costs one look at the link map's
 * counter if nothing was loaded since. Returns csh_watch_is_allowed().
 */
bool csh_watch_look_at_libraries(void);

#endif
