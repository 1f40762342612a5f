/*
 * budget.c - the formula of budget.h. Owns nothing, takes no lock.
 */
#include "shadow/budget.h"

/* Auto keeps a fifth of the RAM out of reach even on an idle machine. */
#define AUTO_MOST_PERCENT 80
/* Between two looks at the room one step of 16 MiB is populated, here and
 * perhaps in the program's own threads at once. */
#define LEAST_RESERVE (UINT64_C(32) << 20)
#define RESERVE_SHARE 16

static uint64_t least(uint64_t a, uint64_t b)
{
    return (a < b) ? a : b;
}

static uint64_t percent_of(uint64_t bytes, uint64_t percent)
{
    /* In this order it cannot overflow. */
    return bytes / 100 * least(percent, 100);
}

static uint64_t reachable(const struct csh_headroom *headroom,
                          uint64_t held_bytes)
{
    uint64_t reserve = headroom->bytes / RESERVE_SHARE;

    if (reserve < LEAST_RESERVE) {
        reserve = LEAST_RESERVE;
    }

    return held_bytes + (headroom->bytes - least(headroom->bytes, reserve));
}

uint64_t csh_budget_bytes(const struct csh_budget *budget,
                          uint64_t held_bytes)
{
    struct csh_headroom headroom;

    csh_headroom_read(&budget->roots, &headroom);
    if (!headroom.is_known) {
        return (budget->limit.unit == CSH_SIZE_BYTES) ? budget->limit.value
                                                      : 0;
    }

    switch (budget->limit.unit) {
    case CSH_SIZE_BYTES:
        return least(budget->limit.value, reachable(&headroom, held_bytes));
    case CSH_SIZE_PERCENT:
        return least(percent_of(headroom.total, budget->limit.value),
                     reachable(&headroom, held_bytes));
    case CSH_SIZE_AUTO:
        break;
    }

    return least((headroom.bytes + held_bytes) / 2,
                 percent_of(headroom.total, AUTO_MOST_PERCENT));
}
