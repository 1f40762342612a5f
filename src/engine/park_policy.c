/*
 * park_policy.c - see park_policy.h. Owns nothing and remembers nothing.
 */
#include "engine/park_policy.h"

bool csh_park_is_off(const struct csh_size_or_share *keep)
{
    return keep->unit != CSH_SIZE_AUTO && keep->value == 0;
}

uint64_t csh_park_headroom(const struct csh_size_or_share *keep,
                           uint64_t total)
{
    uint64_t tenth = total / 10;
    bool is_auto = keep->unit == CSH_SIZE_AUTO;

    return is_auto == (tenth > CSH_PARK_HEADROOM) ? tenth
                                                  : CSH_PARK_HEADROOM;
}

static uint64_t cap(const struct csh_size_or_share *keep, uint64_t total)
{
    switch (keep->unit) {
    case CSH_SIZE_BYTES:
        return keep->value;
    case CSH_SIZE_PERCENT:
        return total / 100 * keep->value;
    case CSH_SIZE_AUTO:
        break;
    }
    return total;
}

uint64_t csh_park_most(const struct csh_size_or_share *keep,
                       const struct csh_park_room *room)
{
    uint64_t headroom = csh_park_headroom(keep, room->total);
    uint64_t most = room->parked + room->free;

    if (csh_park_is_off(keep) || most <= headroom) {
        return 0;
    }
    most -= headroom;
    return most < cap(keep, room->total) ? most : cap(keep, room->total);
}

uint64_t csh_park_excess(const struct csh_size_or_share *keep,
                         const struct csh_park_room *room)
{
    uint64_t most = csh_park_most(keep, room);

    return room->parked > most ? room->parked - most : 0;
}

bool csh_park_is_worth(const struct csh_park_block *fresh)
{
    return fresh->clean_bytes > 0 &&
           fresh->clean_bytes >= fresh->bytes / 4 * 3;
}

/* Before another: it goes first. What is elsewhere on the device as well is
 * the least loss. */
static bool goes_before(const struct csh_park_block *a,
                        const struct csh_park_block *b)
{
    return a->is_twin != b->is_twin ? a->is_twin : a->rank < b->rank;
}

static bool is_chosen(const size_t *chosen, size_t n, size_t i)
{
    while (n-- > 0) {
        if (chosen[n] == i) {
            return true;
        }
    }
    return false;
}

static size_t next_to_go(const struct csh_park_block *blocks, size_t n,
                         const size_t *chosen, size_t n_chosen)
{
    size_t best = CSH_PARK_NONE, i;

    for (i = 0; i < n; i++) {
        if (!blocks[i].is_held && !is_chosen(chosen, n_chosen, i) &&
            (best == CSH_PARK_NONE ||
             goes_before(&blocks[i], &blocks[best]))) {
            best = i;
        }
    }
    return best;
}

size_t csh_park_choose(const struct csh_park_block *blocks, size_t n,
                       uint64_t bytes, size_t *chosen)
{
    size_t n_chosen = 0, next;

    while (bytes > 0) {
        next = next_to_go(blocks, n, chosen, n_chosen);
        if (next == CSH_PARK_NONE) {
            break;
        }
        chosen[n_chosen++] = next;
        bytes -= blocks[next].bytes < bytes ? blocks[next].bytes : bytes;
    }
    return n_chosen;
}

bool csh_park_admits(const struct csh_park_block *fresh,
                     const struct csh_park_block *blocks, size_t n,
                     uint64_t spare)
{
    size_t i;

    for (i = 0; i < n && spare < fresh->bytes; i++) {
        if (!blocks[i].is_held && goes_before(&blocks[i], fresh)) {
            spare += blocks[i].bytes;
        }
    }
    return spare >= fresh->bytes;
}

static bool fits(const struct csh_park_block *block, uint64_t bytes)
{
    return block->bytes == bytes && !block->is_held && !block->is_twin;
}

/* The first one behind `previous` in the order of allocation. */
static size_t pick_behind(const struct csh_park_block *blocks, size_t n,
                          uint64_t bytes, uint64_t previous)
{
    size_t best = CSH_PARK_NONE, i;

    for (i = 0; i < n; i++) {
        if (fits(&blocks[i], bytes) && blocks[i].born > previous &&
            (best == CSH_PARK_NONE ||
             blocks[i].born < blocks[best].born)) {
            best = i;
        }
    }
    return best;
}

size_t csh_park_pick(const struct csh_park_block *blocks, size_t n,
                     uint64_t bytes, uint64_t previous, bool must_lose_one)
{
    size_t behind = pick_behind(blocks, n, bytes, previous);

    if (!must_lose_one) {
        return CSH_PARK_NONE;
    }
    return behind != CSH_PARK_NONE ? behind
                                   : pick_behind(blocks, n, bytes, 0);
}
