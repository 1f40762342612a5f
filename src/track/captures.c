/*
 * captures.c - the one counter of captures.h.
 *
 * Owns the counter; it is never below zero. Sequentially consistent, so that
 * a thread that was told of a beginning by any means finds it counted.
 */
#include "track/captures.h"

#include <stdatomic.h>

static atomic_uint n_active;

void csh_captures_begun(void)
{
    atomic_fetch_add(&n_active, 1);
}

void csh_captures_ended(void)
{
    unsigned n = atomic_load(&n_active);

    while ((n > 0) && !atomic_compare_exchange_weak(&n_active, &n, n - 1)) {
    }
}

bool csh_captures_any_active(void)
{
    return atomic_load(&n_active) > 0;
}
