/*
 * store.c - shadows by handle, and who refers to them.
 *
 * Owns every shadow, its extent, and the events of work in flight on it; how
 * they are kept is in store_inside.h. store_room.c decides what is given up,
 * store_equal.c which bytes are there already.
 *
 * Threads: everything is guarded by the store's lock (CSH_RANK_STORE; slabs
 * come after it).
 *
 * Can fail: csh_store_allocate() only, with nothing taken.
 */
#include "shadow/store_inside.h"

#include <stdlib.h>

#define NO_SLOT UINT32_MAX
#define FIRST_SLOTS 64u

static struct csh_shadow *find_locked(struct csh_store *store,
                                      struct csh_shadow_ref ref)
        CSH_REQUIRES(store->lock)
{
    struct csh_slot *slot;

    if (ref.index >= store->n_slots) {
        return NULL;
    }

    slot = &store->slots[ref.index];
    return ((slot->generation == ref.generation) && (slot->shadow != NULL) &&
            slot->shadow->is_published) ? slot->shadow : NULL;
}

static bool add_slots_locked(struct csh_store *store)
        CSH_REQUIRES(store->lock)
{
    uint32_t n = (store->n_slots == 0) ? FIRST_SLOTS : store->n_slots * 2;
    struct csh_slot *slots;
    uint32_t i;

    if (n >= NO_SLOT / 2) {
        return false;
    }

    slots = realloc(store->slots, n * sizeof(*slots));
    if (slots == NULL) {
        return false;
    }

    for (i = store->n_slots; i < n; i++) {
        slots[i].shadow     = NULL;
        slots[i].generation = 1;
        slots[i].next_free  = (i + 1 < n) ? i + 1 : NO_SLOT;
    }
    store->slots     = slots;
    store->free_slot = store->n_slots;
    store->n_slots   = n;
    return true;
}

static bool take_slot_locked(struct csh_store *store,
                             struct csh_shadow *shadow)
        CSH_REQUIRES(store->lock)
{
    struct csh_slot *slot;

    if ((store->free_slot == NO_SLOT) && !add_slots_locked(store)) {
        return false;
    }

    slot                   = &store->slots[store->free_slot];
    shadow->ref.index      = store->free_slot;
    shadow->ref.generation = slot->generation;
    store->free_slot       = slot->next_free;
    slot->shadow           = shadow;
    return true;
}

static void leave_idle_locked(struct csh_store *store,
                              struct csh_shadow *shadow)
        CSH_REQUIRES(store->lock)
{
    if (shadow->is_idle) {
        /* The analyzer does not know that the head's prev is its tail. */
        /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
        DL_DELETE2(store->idle, shadow, idle_prev, idle_next);
        store->idle_bytes -= shadow->extent.bytes;
        shadow->is_idle = false;
    }
}

/* Puts a shadow where it belongs after its references changed. */
static void place_locked(struct csh_store *store, struct csh_shadow *shadow)
        CSH_REQUIRES(store->lock)
{
    leave_idle_locked(store, shadow);
    if ((shadow->n_users > 0) || (shadow->n_device > 0) ||
        (shadow->n_mapped > 0)) {
        return;
    }

    if (shadow->n_host > 0) {
        DL_APPEND2(store->idle, shadow, idle_prev, idle_next);
    } else {
        DL_PREPEND2(store->idle, shadow, idle_prev, idle_next);
    }
    store->idle_bytes += shadow->extent.bytes;
    shadow->is_idle = true;
}

void csh_store_detach_locked(struct csh_store *store,
                             struct csh_shadow *shadow)
{
    struct csh_slot *slot = &store->slots[shadow->ref.index];

    leave_idle_locked(store, shadow);
    csh_store_leave_index_locked(store, shadow);
    slot->shadow = NULL;
    slot->generation++;
    if (slot->generation == 0) {
        slot->generation = 1;
    }
    slot->next_free  = store->free_slot;
    store->free_slot = shadow->ref.index;
}

void csh_store_dispose(struct csh_store *store, struct csh_shadow *shadow)
{
    csh_slab_free(store->pool, &shadow->extent);
    csh_statistics_add(CSH_GAUGE_shadow_bytes,
                       -(int64_t)shadow->extent.bytes);
    free(shadow);
}

bool csh_store_allocate(struct csh_store *store, size_t bytes,
                        struct csh_shadow **shadow_p,
                        enum csh_reason *reason_p)
{
    return csh_store_allocate_at(store, bytes, 0, shadow_p, reason_p);
}

bool csh_store_allocate_at(struct csh_store *store, size_t bytes,
                           uint64_t phase, struct csh_shadow **shadow_p,
                           enum csh_reason *reason_p)
{
    struct csh_shadow *shadow   = calloc(1, sizeof(*shadow));
    enum csh_slab_status status = CSH_SLAB_REFUSED;
    bool has_slot;

    if (shadow != NULL) {
        status = csh_store_make_room(store, bytes, phase, &shadow->extent);
    }
    if (status != CSH_SLAB_OK) {
        free(shadow);
        csh_statistics_add(CSH_GAUGE_refusals, 1);
        *reason_p = csh_store_refusal(store, bytes, status);
        return false;
    }

    shadow->n_users = 1;
    csh_lock_acquire(&store->lock);
    has_slot = take_slot_locked(store, shadow);
    csh_lock_release(&store->lock);
    if (!has_slot) {
        csh_slab_free(store->pool, &shadow->extent);
        free(shadow);
        csh_statistics_add(CSH_GAUGE_refusals, 1);
        *reason_p = CSH_REASON_error;
        return false;
    }

    csh_statistics_add(CSH_GAUGE_shadow_bytes, (int64_t)bytes);
    *shadow_p = shadow;
    return true;
}

void csh_store_use_locked(struct csh_store *store, struct csh_shadow *shadow)
{
    shadow->n_users++;
    leave_idle_locked(store, shadow);
}

struct csh_shadow *csh_store_acquire(struct csh_store *store,
                                     struct csh_shadow_ref ref)
{
    struct csh_shadow *shadow;

    csh_lock_acquire(&store->lock);
    shadow = find_locked(store, ref);
    if (shadow != NULL) {
        csh_store_use_locked(store, shadow);
    }
    csh_lock_release(&store->lock);

    return shadow;
}

void csh_store_look(struct csh_store *store,
                    const struct csh_shadow_ref *refs, size_t n_refs,
                    enum csh_shadow_state *states_p)
{
    const struct csh_shadow *shadow;
    size_t i;

    csh_lock_acquire(&store->lock);
    for (i = 0; i < n_refs; i++) {
        shadow      = find_locked(store, refs[i]);
        states_p[i] = (shadow == NULL) ? CSH_SHADOW_GONE :
                      csh_shadow_is_pinned(shadow) ? CSH_SHADOW_PINNED :
                                                     CSH_SHADOW_UNPINNED;
    }
    csh_lock_release(&store->lock);
}

void csh_store_release(struct csh_store *store, struct csh_shadow *shadow)
{
    bool is_abandoned = false;

    csh_lock_acquire(&store->lock);
    shadow->n_users--;
    place_locked(store, shadow);
    if (!shadow->is_published && csh_shadow_may_go(shadow)) {
        csh_store_detach_locked(store, shadow);
        is_abandoned = true;
    }
    csh_lock_release(&store->lock);

    if (is_abandoned) {
        csh_store_dispose(store, shadow);
    }
}

/* Counts a reference of either kind up or down; never below zero. */
static bool count_reference(struct csh_store *store,
                            struct csh_shadow_ref ref, int device, int host)
{
    struct csh_shadow *shadow;

    csh_lock_acquire(&store->lock);
    shadow = find_locked(store, ref);
    if ((shadow != NULL) && ((device >= 0) || (shadow->n_device > 0)) &&
        ((host >= 0) || (shadow->n_host > 0))) {
        shadow->n_device += (uint32_t)device;
        shadow->n_host   += (uint32_t)host;
        /* To lose one host reference of several is no use of it. */
        if ((host >= 0) || (shadow->n_host == 0)) {
            place_locked(store, shadow);
        }
    }
    csh_lock_release(&store->lock);

    return shadow != NULL;
}

bool csh_store_reference_device(struct csh_store *store,
                                struct csh_shadow_ref ref)
{
    return count_reference(store, ref, 1, 0);
}

void csh_store_unreference_device(struct csh_store *store,
                                  struct csh_shadow_ref ref)
{
    (void)count_reference(store, ref, -1, 0);
}

bool csh_store_reference_host(struct csh_store *store,
                              struct csh_shadow_ref ref)
{
    return count_reference(store, ref, 0, 1);
}

void csh_store_unreference_host(struct csh_store *store,
                                struct csh_shadow_ref ref)
{
    (void)count_reference(store, ref, 0, -1);
}

void csh_store_reference_mapping(struct csh_store *store,
                                 struct csh_shadow_ref ref)
{
    struct csh_shadow *shadow;

    csh_lock_acquire(&store->lock);
    shadow = find_locked(store, ref);
    if (shadow != NULL) {
        shadow->n_mapped++;
        place_locked(store, shadow);
    }
    csh_lock_release(&store->lock);
}

void csh_store_unreference_mapping(struct csh_store *store,
                                   struct csh_shadow_ref ref)
{
    struct csh_shadow *shadow;

    csh_lock_acquire(&store->lock);
    shadow = find_locked(store, ref);
    if ((shadow != NULL) && (shadow->n_mapped > 0) &&
        (--shadow->n_mapped == 0)) {
        place_locked(store, shadow);
    }
    csh_lock_release(&store->lock);
}

bool csh_store_note_use(struct csh_store *store, struct csh_shadow *shadow,
                        CUevent event)
{
    int i;

    csh_lock_acquire(&store->lock);
    for (i = 0; (i < CSH_SHADOW_MAX_USES) && (shadow->uses[i] != NULL); i++) {
    }
    if (i < CSH_SHADOW_MAX_USES) {
        shadow->uses[i] = event;
        if (shadow->n_uses++ == 0) {
            DL_APPEND2(store->pending, shadow, pending_prev, pending_next);
        }
    }
    csh_lock_release(&store->lock);

    return i < CSH_SHADOW_MAX_USES;
}

struct csh_store *csh_store_create(struct csh_slab_pool *pool,
                                   const struct csh_use_calls *uses)
{
    const struct csh_lock unlocked = CSH_LOCK_INIT(CSH_RANK_STORE);
    struct csh_store *store        = calloc(1, sizeof(*store));

    if (store == NULL) {
        return NULL;
    }

    store->lock      = unlocked;
    store->pool      = pool;
    store->uses      = *uses;
    store->free_slot = NO_SLOT;
    return store;
}

void csh_store_destroy(struct csh_store *store)
{
    struct csh_shadow *shadow;
    uint32_t i;
    int use;

    HASH_CLEAR(by_key, store->index);
    for (i = 0; i < store->n_slots; i++) {
        shadow = store->slots[i].shadow;
        if (shadow == NULL) {
            continue;
        }
        for (use = 0; use < CSH_SHADOW_MAX_USES; use++) {
            if (shadow->uses[use] != NULL) {
                store->uses.give_back(shadow->uses[use], store->uses.opaque);
            }
        }
        csh_store_dispose(store, shadow);
    }

    free(store->slots);
    free(store);
}

const struct csh_extent *csh_shadow_extent(const struct csh_shadow *shadow)
{
    return &shadow->extent;
}

unsigned char *csh_shadow_address(const struct csh_shadow *shadow)
{
    return shadow->extent.address;
}

size_t csh_shadow_bytes(const struct csh_shadow *shadow)
{
    return shadow->extent.bytes;
}

struct csh_shadow_ref csh_shadow_ref(const struct csh_shadow *shadow)
{
    return shadow->ref;
}

struct csh_shadow_proof csh_shadow_proof(const struct csh_shadow *shadow)
{
    return shadow->key.proof;
}

bool csh_shadow_is_pinned(const struct csh_shadow *shadow)
{
    return csh_slab_is_pinned(&shadow->extent);
}

static bool shadow_holds(const struct csh_shadow *shadow)
{
    unsigned n_uses = 0;
    int i;

    for (i = 0; i < CSH_SHADOW_MAX_USES; i++) {
        n_uses += (shadow->uses[i] != NULL);
    }

    return (n_uses == shadow->n_uses) &&
           (!shadow->is_checking || (n_uses > 0)) &&
           ((shadow->by_key.tbl == NULL) || shadow->is_published) &&
           (shadow->is_idle ==
            ((shadow->n_users == 0) && (shadow->n_device == 0) &&
             (shadow->n_mapped == 0)));
}

bool csh_store_check(struct csh_store *store)
{
    bool holds          = true;
    bool past_orphans   = false;
    uint64_t idle_bytes = 0;
    size_t n_idle = 0, n_pending = 0, n_indexed = 0;
    const struct csh_shadow *shadow;
    uint32_t i;

    csh_lock_acquire(&store->lock);
    for (i = 0; i < store->n_slots; i++) {
        shadow = store->slots[i].shadow;
        if (shadow != NULL) {
            holds      = holds && shadow_holds(shadow);
            n_idle    += shadow->is_idle;
            n_pending += (shadow->n_uses > 0);
            n_indexed += (shadow->by_key.tbl != NULL);
        }
    }
    DL_FOREACH2(store->idle, shadow, idle_next) {
        past_orphans = past_orphans || (shadow->n_host > 0);
        holds        = holds && (past_orphans == (shadow->n_host > 0));
        idle_bytes  += shadow->extent.bytes;
        n_idle--;
    }
    DL_FOREACH2(store->pending, shadow, pending_next) {
        n_pending--;
    }
    holds = holds && (idle_bytes == store->idle_bytes) && (n_idle == 0) &&
            (n_pending == 0) &&
            (n_indexed == HASH_CNT(by_key, store->index));
    csh_lock_release(&store->lock);

    return holds;
}
