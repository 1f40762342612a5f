/*
 * store_room.c - which shadows are given up, and when work in flight is over.
 *
 * Owns no state of its own; lists and locks are in store_inside.h. Events are
 * asked with no lock held, since that may call the driver.
 */
#include "shadow/store_inside.h"

#include "base/log.h"

/* Evicted beyond twice of what is needed before giving in. */
#define MOST_FOR_NOTHING (UINT64_C(64) << 20)

/*
 * Asks which of a shadow's uses are over and forgets those. The lock is
 * released meanwhile, so lists may be different afterwards; the shadow itself
 * is still there.
 */
static void settle_uses_locked(struct csh_store *store,
                               struct csh_shadow *shadow)
        CSH_REQUIRES(store->lock)
{
    CUevent events[CSH_SHADOW_MAX_USES];
    bool is_over[CSH_SHADOW_MAX_USES] = {false};
    int i;

    for (i = 0; i < CSH_SHADOW_MAX_USES; i++) {
        events[i] = shadow->uses[i];
    }
    shadow->is_checking = true;
    shadow->checked_in  = store->n_passes;
    csh_lock_release(&store->lock);

    csh_lock_assert_none();
    for (i = 0; i < CSH_SHADOW_MAX_USES; i++) {
        is_over[i] = (events[i] != NULL) &&
                     store->uses.is_over(events[i], store->uses.opaque);
        if (is_over[i]) {
            store->uses.give_back(events[i], store->uses.opaque);
        }
    }

    csh_lock_acquire(&store->lock);
    shadow->is_checking = false;
    for (i = 0; i < CSH_SHADOW_MAX_USES; i++) {
        if (is_over[i]) {
            shadow->uses[i] = NULL;
            shadow->n_uses--;
        }
    }
    /* The others wait at the end: the front was looked at longest ago. */
    DL_DELETE2(store->pending, shadow, pending_prev, pending_next);
    if (shadow->n_uses > 0) {
        DL_APPEND2(store->pending, shadow, pending_prev, pending_next);
    }
}

/*
 * The next shadow to be given up, detached, or NULL. Within one pass no
 * event is asked twice, by whichever thread.
 *
 * Least recently used first, though of models that go round and do not all fit
 * it keeps nothing: each is given up just before it is wanted. What keeps a
 * part of such a round (newcomers are put first in the list but for one in 32,
 * so that they replace one another) was replayed against it, with room for 320
 * shadows; the share that was found:
 *
 *                                                       this   that
 *     two models of 400 by turns                          0%    38%
 *     one of 300 ten times, then another: the latter    100%    17%
 *     two of 300, each five times by turns               80%    54%
 *
 * A program that changes its model is common, and loses more. Where offloads
 * are mapped a part stays anyway, since what is mapped is not given up.
 */
static struct csh_shadow *pick_victim_locked(struct csh_store *store,
                                             uint64_t pass)
        CSH_REQUIRES(store->lock)
{
    struct csh_shadow *shadow = store->idle;

    while (shadow != NULL) {
        if (csh_shadow_may_go(shadow)) {
            csh_store_detach_locked(store, shadow);
            return shadow;
        }
        if (shadow->is_checking || (shadow->checked_in >= pass)) {
            shadow = shadow->idle_next;
        } else {
            settle_uses_locked(store, shadow);
            shadow = csh_shadow_may_go(shadow) ? shadow : store->idle;
        }
    }

    return NULL;
}

/* Returns the bytes given up, 0 when there is nothing left to give up. */
static uint64_t evict_one(struct csh_store *store, uint64_t pass)
{
    struct csh_shadow *shadow;
    uint64_t bytes;

    csh_lock_acquire(&store->lock);
    shadow = pick_victim_locked(store, pass);
    csh_lock_release(&store->lock);
    if (shadow == NULL) {
        return 0;
    }

    bytes = csh_shadow_bytes(shadow);
    csh_statistics_add(CSH_GAUGE_evictions, 1);
    csh_debug("shadow", "eviction of a shadow of %llu bytes to make room",
              (unsigned long long)bytes);
    csh_store_dispose(store, shadow);
    return bytes;
}

static uint64_t begin_pass(struct csh_store *store)
{
    uint64_t pass;

    csh_lock_acquire(&store->lock);
    pass = ++store->n_passes;
    csh_lock_release(&store->lock);

    return pass;
}

/* Whether giving up all that may be given up could make enough room: if not,
 * nothing is given up for it. */
static bool could_make_room(struct csh_store *store, size_t bytes)
{
    uint64_t headroom = csh_slab_read_headroom(store->pool);
    struct csh_slab_usage usage;
    uint64_t idle_bytes;

    csh_slab_read_usage(store->pool, &usage);
    csh_lock_acquire(&store->lock);
    idle_bytes = store->idle_bytes;
    csh_lock_release(&store->lock);

    return bytes <= headroom + usage.free_bytes + idle_bytes;
}

/*
 * Shadows of one age mostly lie side by side, so giving up a little more than
 * what is needed opens a gap of that size, unless the bounds of steps and
 * chunks are in the way. Then more evictions would not help either: it takes
 * csh_slab_trim(), in a later call.
 */
enum csh_slab_status csh_store_make_room(struct csh_store *store,
                                         size_t bytes, uint64_t phase,
                                         struct csh_extent *extent_p)
{
    const uint64_t most = (uint64_t)bytes * 2 + MOST_FOR_NOTHING;
    uint64_t evicted    = 0;
    enum csh_slab_status status;
    uint64_t pass, more;

    status = csh_slab_allocate_at(store->pool, bytes, phase, extent_p);
    if ((status != CSH_SLAB_NO_BUDGET) || !could_make_room(store, bytes)) {
        return status;
    }

    pass = begin_pass(store);
    while ((status == CSH_SLAB_NO_BUDGET) && (evicted <= most) &&
           ((more = evict_one(store, pass)) > 0)) {
        evicted += more;
        status   = csh_slab_allocate_at(store->pool, bytes, phase, extent_p);
    }

    return status;
}

enum csh_reason csh_store_refusal(struct csh_store *store, size_t bytes,
                                  enum csh_slab_status status)
{
    if (status != CSH_SLAB_NO_BUDGET) {
        return CSH_REASON_error;
    }

    return csh_slab_is_memory_short(store->pool, bytes) ? CSH_REASON_memory
                                                        : CSH_REASON_budget;
}

static void settle_all_locked(struct csh_store *store)
        CSH_REQUIRES(store->lock)
{
    uint64_t pass = ++store->n_passes;
    struct csh_shadow *shadow;

    /* What this or a later pass looked at has moved to the end. */
    while (((shadow = store->pending) != NULL) &&
           (shadow->checked_in < pass)) {
        if (shadow->is_checking) {
            return; /* another thread collects */
        }
        settle_uses_locked(store, shadow);
    }
}

void csh_store_settle_locked(struct csh_store *store,
                             struct csh_shadow *shadow)
{
    if ((shadow->n_uses > 0) && !shadow->is_checking) {
        settle_uses_locked(store, shadow);
    }
}

void csh_store_collect(struct csh_store *store)
{
    struct csh_shadow *gone = NULL;
    struct csh_shadow *shadow, *next;

    csh_lock_acquire(&store->lock);
    settle_all_locked(store);
    for (shadow = store->idle; (shadow != NULL) && (shadow->n_host == 0);
         shadow = next) {
        next = shadow->idle_next;
        if (csh_shadow_may_go(shadow)) {
            csh_store_detach_locked(store, shadow);
            shadow->idle_next = gone;
            gone              = shadow;
        }
    }
    csh_lock_release(&store->lock);

    for (shadow = gone; shadow != NULL; shadow = next) {
        next = shadow->idle_next;
        csh_store_dispose(store, shadow);
    }
}
