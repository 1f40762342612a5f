/*
 * budget.h - how many bytes of shadows may be held now, and how many of them
 * registered with the driver.
 *
 * With room = csh_headroom_read()'s bytes now, less what the program would
 * need if it wrote every page that it shares with a shadow, and
 * reserve = room / 16, at least 32 MiB:
 *
 *   CUSHADOW_RAM_LIMIT     auto      half of (room + held), at most 80% of RAM
 *                          per cent  that share of RAM
 *                          bytes     that many
 *      in any case at most held + room - reserve, and what
 *      csh_budget_set_ceiling() says;
 *   CUSHADOW_PINNED_LIMIT  auto      as many as may be held by auto above
 *                          per cent, bytes  as above
 *
 * Half of the sum, not half of the room: what is held has left the room, so
 * the sum stays where it was while shadows grow, and the other half stays the
 * program's. When the room is not known nothing but a number of bytes is
 * granted.
 *
 * A budget may be read and written by any thread; its limits and roots are
 * set before anybody reads it.
 */
#ifndef CSH_SHADOW_BUDGET_H
#define CSH_SHADOW_BUDGET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/options.h"
#include "shadow/headroom.h"

struct csh_budget {
    struct csh_size_or_share limit;        /* CUSHADOW_RAM_LIMIT */
    struct csh_size_or_share pinned_limit; /* CUSHADOW_PINNED_LIMIT */
    struct csh_system_roots roots;

    _Atomic uint64_t aliased_bytes; /* below: written by functions only */
    _Atomic uint64_t ceiling;       /* 0: none */
};

/* What the budget says while so many bytes are held. */
struct csh_budget_state {
    uint64_t bytes;   /* most that may be held; below held when others took
                       * memory */
    uint64_t lasting; /* the same without a ceiling */
    uint64_t room;    /* 0 when it is not known */
    /* The most that any setting would grant: what is asked for beyond it is
     * refused because memory is short, and no variable changes that. */
    uint64_t reachable;
    /* So little is left that shadows should go even if they are wanted: less
     * than 64 MiB, or by auto less than half of what is held. */
    bool is_severe;
};

void csh_budget_read(const struct csh_budget *budget, uint64_t held_bytes,
                     struct csh_budget_state *state_p);

/* The first figure alone. */
uint64_t csh_budget_bytes(const struct csh_budget *budget,
                          uint64_t held_bytes);

/* The most bytes that may be registered while so many are held. */
uint64_t csh_budget_pinned_bytes(const struct csh_budget *budget,
                                 uint64_t held_bytes);

/* Bytes of shadows were mapped into the program (negative: no longer are)
 * which it can still write: each page written costs one more. */
void csh_budget_note_aliased(struct csh_budget *budget, int64_t delta);

/* Until further notice no more than so many bytes are held, whatever the
 * memory; UINT64_MAX lifts it. */
void csh_budget_set_ceiling(struct csh_budget *budget, uint64_t bytes);

#endif
