/*
 * park_history.c - see park_history.h. Owns nothing and remembers nothing.
 */
#include "engine/park_history.h"

static uint64_t smoothed(uint64_t interval, uint64_t latest)
{
    return interval == 0 ? latest : interval - interval / 4 + latest / 4;
}

void csh_park_clock_load(struct csh_park_clock *clock,
                         struct csh_park_history *history)
{
    clock->now++;
    if (clock->has_freed || clock->burst == 0) {
        clock->has_freed = false;
        clock->burst++;
        clock->wanted = 0;
    }
    if (history->last_use != 0) {
        history->interval =
            smoothed(history->interval, clock->now - history->last_use);
    }
    if (history->burst != 0 && history->burst != clock->burst) {
        clock->wanted = history->burst;
    }
    history->last_use = clock->now;
    history->burst = clock->burst;
}

void csh_park_clock_free(struct csh_park_clock *clock)
{
    clock->has_freed = true;
}

/* Uses until the next load. What is overdue is taken to be late for as long
 * again as it has not been used, and what was never loaded twice to be twice
 * as rare as that. */
static uint64_t distance(const struct csh_park_history *history, uint64_t now)
{
    uint64_t age = now - history->last_use;

    if (history->interval == 0) {
        return 2 * age + 1;
    }
    return age < history->interval ? history->interval - age : age;
}

uint64_t csh_park_history_rank(const struct csh_park_history *history,
                               const struct csh_park_clock *clock)
{
    uint64_t rank = UINT64_MAX / 2 - distance(history, clock->now);

    if (history->burst != 0 && history->burst == clock->wanted) {
        rank += UINT64_MAX / 2 + 1;
    }
    return rank;
}
