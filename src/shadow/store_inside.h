/*
 * store_inside.h - the inside of a store, for store*.c alone.
 *
 * Slots hold the shadows; a handle is a slot and the generation the slot had
 * when the shadow was put there. A slot's generation rises when its shadow
 * goes, so old handles find nothing.
 *
 * A shadow is idle while it has no user and no device reference. Idle shadows
 * are in one list: first those that nobody refers to at all (orphans), then
 * the others, least recently used first. What is given up is taken from its
 * front. A shadow with work in flight is also in the list of pending ones,
 * and is freed from neither list.
 *
 * Published shadows are in the index under what is known of their bytes, one
 * of those that have the same key; so a shadow that it finds is one that may
 * be shared, once its bytes were compared.
 *
 * Events are asked without the lock, by the one thread that marked the shadow
 * is_checking: until it is done nobody frees the shadow or touches the events
 * that it had, though others may use it and add events.
 */
#ifndef CSH_SHADOW_STORE_INSIDE_H
#define CSH_SHADOW_STORE_INSIDE_H

#include "base/lock.h"
#include "shadow/store.h"

#define HASH_NONFATAL_OOM 1 /* uthash would exit(-1) */
#include <uthash.h>
#include <utlist.h> /* after base/compiler.h */

/* Hashed as bytes: it has no padding. */
struct csh_shadow_key {
    struct csh_shadow_proof proof;
    uint64_t bytes;
};

struct csh_shadow {
    struct csh_extent extent;
    struct csh_shadow_key key; /* unchanging once published */
    struct csh_shadow_ref ref;

    uint32_t n_users, n_device, n_host, n_mapped;
    bool is_published;
    bool is_idle; /* in the idle list */

    CUevent uses[CSH_SHADOW_MAX_USES]; /* NULL: none */
    unsigned n_uses;                   /* > 0: in the pending list */
    bool is_checking; /* implies n_uses > 0 */
    uint64_t checked_in; /* the latest pass that looked at the events */

    struct csh_shadow *idle_prev, *idle_next;
    struct csh_shadow *pending_prev, *pending_next;
    UT_hash_handle by_key; /* tbl is NULL: not in the index */
};

struct csh_slot {
    struct csh_shadow *shadow; /* NULL: free */
    uint32_t generation;       /* of the shadow, or of the next one */
    uint32_t next_free;
};

struct csh_store {
    struct csh_lock lock; /* CSH_RANK_STORE */
    struct csh_slab_pool *pool;
    struct csh_use_calls uses;

    /* Below: guarded by the lock. */
    struct csh_slot *slots;
    uint32_t n_slots, free_slot;
    struct csh_shadow *idle, *pending, *index;
    uint64_t idle_bytes;
    uint64_t n_passes;
};

/* No user, no device reference, no mapping, no work in flight; so nobody asks,
 * either: while an event is asked about it counts as in flight. */
static inline bool csh_shadow_may_go(const struct csh_shadow *shadow)
{
    return shadow->is_idle && (shadow->n_uses == 0);
}

/* The same, if need be in spite of device references: those go stale, as host
 * references do. */
static inline bool csh_shadow_may_go_at_need(const struct csh_shadow *shadow)
{
    return csh_shadow_may_go(shadow) ||
           (shadow->is_published && (shadow->n_users == 0) &&
            (shadow->n_mapped == 0) && (shadow->n_uses == 0));
}

/* store.c: takes a shadow out of the store, its handles are stale from then
 * on; then, without the lock, gives back what it has. */
void csh_store_detach_locked(struct csh_store *store,
                             struct csh_shadow *shadow)
        CSH_REQUIRES(store->lock);
void csh_store_dispose(struct csh_store *store, struct csh_shadow *shadow)
        CSH_EXCLUDES(store->lock);

/* store.c: makes the caller one more user. */
void csh_store_use_locked(struct csh_store *store, struct csh_shadow *shadow)
        CSH_REQUIRES(store->lock);

/* store_room.c: asks which of a shadow's uses are over and forgets those. The
 * lock is released meanwhile. The shadow has a user, or uses. */
void csh_store_settle_locked(struct csh_store *store,
                             struct csh_shadow *shadow)
        CSH_REQUIRES(store->lock);

/* store_equal.c: the index. */
void csh_store_leave_index_locked(struct csh_store *store,
                                  struct csh_shadow *shadow)
        CSH_REQUIRES(store->lock);

/* store_room.c: an extent, by giving up shadows where it must be; and why one
 * of so many bytes was refused. */
enum csh_slab_status csh_store_make_room(struct csh_store *store,
                                         size_t bytes, uint64_t phase,
                                         struct csh_extent *extent_p)
        CSH_EXCLUDES(store->lock);
enum csh_reason csh_store_refusal(struct csh_store *store, size_t bytes,
                                  enum csh_slab_status status)
        CSH_EXCLUDES(store->lock);

#endif
