/*
 * budget.c - the formula of budget.h. Owns nothing, takes no lock; what is
 * read from the system is read anew in each call.
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

static uint64_t reserve_of(uint64_t room)
{
    uint64_t reserve = room / RESERVE_SHARE;

    return (reserve < LEAST_RESERVE) ? LEAST_RESERVE : reserve;
}

/* The user's setting by itself. */
static uint64_t cap(const struct csh_size_or_share *limit,
                    const struct csh_headroom *headroom, uint64_t room,
                    uint64_t held_bytes)
{
    switch (limit->unit) {
    case CSH_SIZE_BYTES:
        return limit->value;
    case CSH_SIZE_PERCENT:
        return percent_of(headroom->total, limit->value);
    case CSH_SIZE_AUTO:
        break;
    }

    return least((room + held_bytes) / 2,
                 percent_of(headroom->total, AUTO_MOST_PERCENT));
}

static uint64_t ceiling_of(const struct csh_budget *budget)
{
    uint64_t ceiling = atomic_load_explicit(&budget->ceiling,
                                            memory_order_relaxed);

    return (ceiling == 0) ? UINT64_MAX : ceiling;
}

static uint64_t room_of(const struct csh_budget *budget,
                        const struct csh_headroom *headroom)
{
    uint64_t aliased = atomic_load_explicit(&budget->aliased_bytes,
                                            memory_order_relaxed);

    return headroom->bytes - least(headroom->bytes, aliased);
}

static void read_unknown(const struct csh_budget *budget,
                         struct csh_budget_state *state_p)
{
    state_p->lasting   = (budget->limit.unit == CSH_SIZE_BYTES)
                                 ? budget->limit.value : 0;
    state_p->bytes     = least(state_p->lasting, ceiling_of(budget));
    state_p->room      = 0;
    state_p->reachable = ceiling_of(budget);
    state_p->is_severe = false;
}

void csh_budget_read(const struct csh_budget *budget, uint64_t held_bytes,
                     struct csh_budget_state *state_p)
{
    struct csh_headroom headroom;
    uint64_t room, reserve;

    csh_headroom_read(&budget->roots, &headroom);
    if (!headroom.is_known) {
        read_unknown(budget, state_p);
        return;
    }

    room    = room_of(budget, &headroom);
    reserve = reserve_of(room);
    state_p->room      = room;
    state_p->reachable = held_bytes + (room - least(room, reserve));
    state_p->lasting   = least(cap(&budget->limit, &headroom, room,
                                   held_bytes), state_p->reachable);
    state_p->reachable = least(state_p->reachable, ceiling_of(budget));
    state_p->bytes     = least(state_p->lasting, ceiling_of(budget));
    state_p->is_severe = (room < 2 * LEAST_RESERVE) ||
                         ((budget->limit.unit == CSH_SIZE_AUTO) &&
                          (room < held_bytes / 2));
}

uint64_t csh_budget_bytes(const struct csh_budget *budget,
                          uint64_t held_bytes)
{
    struct csh_budget_state state;

    csh_budget_read(budget, held_bytes, &state);
    return state.bytes;
}

uint64_t csh_budget_pinned_bytes(const struct csh_budget *budget,
                                 uint64_t held_bytes)
{
    struct csh_headroom headroom;

    if (budget->pinned_limit.unit == CSH_SIZE_BYTES) {
        return budget->pinned_limit.value;
    }

    csh_headroom_read(&budget->roots, &headroom);
    return headroom.is_known
                   ? cap(&budget->pinned_limit, &headroom,
                         room_of(budget, &headroom), held_bytes)
                   : 0;
}

void csh_budget_note_aliased(struct csh_budget *budget, int64_t delta)
{
    /* Unsigned arithmetic wraps, so a negative delta subtracts. */
    atomic_fetch_add_explicit(&budget->aliased_bytes, (uint64_t)delta,
                              memory_order_relaxed);
}

void csh_budget_set_ceiling(struct csh_budget *budget, uint64_t bytes)
{
    uint64_t stored = (bytes == UINT64_MAX) ? 0 : (bytes == 0) ? 1 : bytes;

    atomic_store_explicit(&budget->ceiling, stored, memory_order_relaxed);
}
