/*
 * park_history.h - when a weight is likely to be loaded next, from when it
 * was loaded before.
 *
 * What goes first when parked memory has to go is what will be needed last.
 * A program that swaps models says when that is by what it did so far: a
 * model that came back every third load will come back with the third from
 * its last. So each weight has a history, which is a few words, belongs to the
 * weight and not to memory that is parked, and outlives that: whose history
 * were forgotten with its memory would look new for ever, and models that do
 * not fit together would drive each other out for ever, as with the least
 * recently used going first.
 *
 * Chosen by replaying swap sequences (tests/bench/bench_park_replay.c; README
 * has the table, by sequence). Bytes over the link, by what the optimum, which
 * knows the future, lets cross:
 *     least recently used first                               2.16
 *     GreedyDual-Size, the cost of a copy being its bytes
 *     and 500,000                                             2.07
 *     this                                                    1.07
 *     this, with the latest interval alone                    1.10
 *     this, with bursts ignored                               1.15
 *     this, with intervals ignored                            1.27
 *     this, with the histories of what has gone forgotten     2.10
 *
 * Pure functions: no driver, lock or clock of the system. Time is counted in
 * uses. Histories and the clock are the caller's, who holds his lock; all
 * zero is what nothing has happened to yet.
 */
#ifndef CSH_ENGINE_PARK_HISTORY_H
#define CSH_ENGINE_PARK_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

/* Of one weight. */
struct csh_park_history {
    uint64_t last_use; /* the clock's at its last load; 0: never loaded */
    uint64_t interval; /* uses between two loads, smoothed; 0: one load */
    uint32_t burst;    /* of loads, its last one's; 0: never loaded */
};

/* Of one device. A burst of loads ends with the first memory that is freed
 * after it: a program puts one model away before it begins with the next, or
 * the other way round. */
struct csh_park_clock {
    uint64_t now;    /* loads of weights so far */
    uint32_t burst;  /* of loads, the latest; 0: none yet */
    uint32_t wanted; /* an earlier burst, of which a weight was loaded in
                        this one; 0: none */
    bool has_freed;  /* memory was freed since the last load */
};

/* The weight is loaded, from wherever it comes. */
void csh_park_clock_load(struct csh_park_clock *clock,
                         struct csh_park_history *history);

/* Memory of weights was freed, parked or not. */
void csh_park_clock_free(struct csh_park_clock *clock);

/* How soon the weight is expected to be loaded: what has the lowest rank is
 * needed last. */
uint64_t csh_park_history_rank(const struct csh_park_history *history,
                               const struct csh_park_clock *clock);

#endif
