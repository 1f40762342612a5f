/*
 * store_move.c - moves shadows out of chunks that are mostly lost.
 *
 * Owns no state of its own; see store_inside.h. Memory that was aliased and
 * freed goes back only with its whole chunk. Weights that change leave more
 * and more of it beside weights that do not, which would keep it for ever.
 *
 * A shadow is moved by its only user: whoever becomes one later sees the new
 * place, and whoever was one before is awaited by not moving it. Its bytes are
 * those of before, so its proof stays. Memory of the program's that was mapped
 * to the old place keeps its pages, which never change.
 *
 * Can fail: for want of room, and then the shadow stays where it is.
 */
#include "shadow/store_inside.h"

#include <string.h>

/* So many users, no work in flight, and none of the program's memory. */
static bool has_only(const struct csh_shadow *shadow, uint32_t n_users)
{
    return (shadow->n_users == n_users) &&
           (shadow->n_uses == 0) &&
           (shadow->n_mapped == 0);
}

/* Becomes the user of a shadow that may be moved; NULL: there is none. */
static struct csh_shadow *pick_locked(struct csh_store *store)
        CSH_REQUIRES(store->lock)
{
    struct csh_shadow *shadow;
    uint32_t i;

    for (i = 0; i < store->n_slots; i++) {
        shadow = store->slots[i].shadow;
        if ((shadow != NULL) && shadow->is_published &&
            has_only(shadow, 0) &&
            csh_slab_is_wasted(store->pool, &shadow->extent)) {
            csh_store_use_locked(store, shadow);
            return shadow;
        }
    }

    return NULL;
}

/* Puts the shadow there, unless somebody uses it by now; *extent_p is then
 * the place that it does not have. */
static bool exchange(struct csh_store *store, struct csh_shadow *shadow,
                     struct csh_extent *extent_p)
{
    const struct csh_extent old = shadow->extent;
    bool may_move;

    csh_lock_acquire(&store->lock);
    may_move = has_only(shadow, 1);
    if (may_move) {
        shadow->extent = *extent_p;
        *extent_p      = old;
    }
    csh_lock_release(&store->lock);

    return may_move;
}

/* By a user of the shadow; false: it is where it was. */
static bool move(struct csh_store *store, struct csh_shadow *shadow,
                 uint64_t phase)
{
    const struct csh_extent *from = &shadow->extent;
    struct csh_extent extent;
    bool is_moved;

    if (csh_slab_allocate_at(store->pool, from->bytes, phase, &extent) !=
        CSH_SLAB_OK) {
        return false;
    }

    memcpy(extent.address, from->address, from->bytes);
    is_moved = exchange(store, shadow, &extent);
    csh_slab_free(store->pool, &extent);
    csh_statistics_add(CSH_GAUGE_moved_bytes,
                       is_moved ? (int64_t)from->bytes : 0);
    return is_moved;
}

static uint64_t phase_of(const struct csh_shadow *shadow)
{
    return (uint64_t)(uintptr_t)shadow->extent.address % csh_page_bytes();
}

bool csh_store_leave_waste(struct csh_store *store, struct csh_shadow *shadow,
                           uint64_t phase)
{
    bool may_move = csh_slab_is_wasted(store->pool, &shadow->extent);

    if (may_move) {
        csh_lock_acquire(&store->lock);
        csh_store_settle_locked(store, shadow);
        may_move = shadow->is_published && has_only(shadow, 1);
        csh_lock_release(&store->lock);
    }

    return may_move && move(store, shadow, phase);
}

uint64_t csh_store_move_off_waste(struct csh_store *store, uint64_t bytes)
{
    struct csh_shadow *shadow;
    uint64_t moved = 0;
    bool is_moved  = csh_slab_has_waste(store->pool);

    while (is_moved && (moved < bytes)) {
        csh_lock_acquire(&store->lock);
        shadow = pick_locked(store);
        csh_lock_release(&store->lock);
        if (shadow == NULL) {
            break;
        }
        is_moved = move(store, shadow, phase_of(shadow));
        moved   += is_moved ? csh_shadow_bytes(shadow) : 0;
        csh_store_release(store, shadow);
    }

    return moved;
}
