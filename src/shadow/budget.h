/*
 * budget.h - how many bytes of shadows may be held now.
 */
#ifndef CSH_SHADOW_BUDGET_H
#define CSH_SHADOW_BUDGET_H

#include <stdint.h>

#include "base/options.h"
#include "shadow/headroom.h"

struct csh_budget {
    struct csh_size_or_share limit; /* CUSHADOW_PINNED_LIMIT */
    struct csh_memory_roots roots;
};

/*
 * The most bytes that may be held in all, given that so many are held
 * already. With room = csh_headroom_read()'s bytes now:
 *
 *   auto      half of (room + held), never over 80% of RAM;
 *   per cent  that share of RAM, never over held + room - reserve;
 *   bytes     that many, never over held + room - reserve,
 *
 * where the reserve is room / 16 and at least 32 MiB. Half of the sum, not
 * half of the room: what is held has left the room, so the sum stays where it
 * was while shadows grow, and the other half stays the program's. When the
 * room is not known: 0, 0, and the bytes that were asked for.
 *
 * The result falls below held when others take memory.
 */
uint64_t csh_budget_bytes(const struct csh_budget *budget,
                          uint64_t held_bytes);

#endif
