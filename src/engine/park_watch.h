/*
 * park_watch.h - gives parked memory back when somebody else takes memory.
 *
 * A thread of the shim's, made with the first parked block, that works only
 * while something is parked. It looks CSH_PARK_WATCH_MS apart; what is too
 * much by then for the head-room goes at once if nothing of the program's runs
 * in the context, because giving memory back may wait for what runs; else at
 * the next look that finds it idle, or in the program's next call that frees
 * or allocates device memory.
 */
#ifndef CSH_ENGINE_PARK_WATCH_H
#define CSH_ENGINE_PARK_WATCH_H

#define CSH_PARK_WATCH_MS 100

/* A block has been parked. */
void csh_park_watch_wake(void);

#endif
