/*
 * store.c - shadows by handle, in order of last use.
 *
 * Owns every shadow, its extent, and the events of work in flight on it.
 *
 * Slots hold the shadows; a handle is a slot and the generation the slot had
 * when the shadow was put there. A slot's generation rises when its shadow
 * goes, so old handles find nothing.
 *
 * A shadow is idle while it has no user and no device reference. Idle shadows
 * are in one list: first those that nobody refers to at all (orphans), then
 * the others, least recently used first. Eviction and csh_store_collect()
 * take from its front. A shadow with work in flight is also in the list of
 * pending ones, and is never freed from either list.
 *
 * Threads: everything is guarded by the store's lock (CSH_RANK_STORE; slabs
 * come after it). Events are queried without the lock by the one thread that
 * marked the shadow is_checking: until it is done nobody frees the shadow or
 * touches its events, though others may use it and add events.
 *
 * Can fail: csh_store_allocate() only, with nothing taken.
 */
#include "shadow/store.h"

#include <stdlib.h>
#include <utlist.h>

#include "base/lock.h"

#define NO_SLOT UINT32_MAX
#define FIRST_SLOTS 64u

struct csh_shadow {
    struct csh_extent extent;
    struct csh_shadow_proof proof;
    struct csh_shadow_ref ref;

    uint32_t n_users, n_device, n_host;
    bool is_published;
    bool is_idle; /* in the idle list */

    CUevent uses[CSH_SHADOW_MAX_USES]; /* NULL: none */
    unsigned n_uses;                   /* > 0: in the pending list */
    bool is_checking;
    uint64_t checked_in; /* the latest pass that looked at the events */

    struct csh_shadow *idle_prev, *idle_next;
    struct csh_shadow *pending_prev, *pending_next;
};

struct slot {
    struct csh_shadow *shadow; /* NULL: free */
    uint32_t generation;       /* of the shadow, or of the next one */
    uint32_t next_free;
};

struct csh_store {
    struct csh_lock lock; /* CSH_RANK_STORE */
    struct csh_slab_pool *pool;
    struct csh_use_calls uses;

    /* Below: guarded by the lock. */
    struct slot *slots;
    uint32_t n_slots, free_slot;
    struct csh_shadow *idle, *pending;
    uint64_t idle_bytes;
    uint64_t n_passes;
};

static struct csh_shadow *find_locked(struct csh_store *store,
                                      struct csh_shadow_ref ref)
        CSH_REQUIRES(store->lock)
{
    struct slot *slot;

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
    struct slot *slots;
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
    struct slot *slot;

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
    if ((shadow->n_users > 0) || (shadow->n_device > 0)) {
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

static bool may_go(const struct csh_shadow *shadow)
{
    return shadow->is_idle && (shadow->n_uses == 0) && !shadow->is_checking;
}

/* Takes a shadow out of the store: its handles are stale from here on. */
static void detach_locked(struct csh_store *store, struct csh_shadow *shadow)
        CSH_REQUIRES(store->lock)
{
    struct slot *slot = &store->slots[shadow->ref.index];

    leave_idle_locked(store, shadow);
    slot->shadow = NULL;
    slot->generation++;
    if (slot->generation == 0) {
        slot->generation = 1;
    }
    slot->next_free  = store->free_slot;
    store->free_slot = shadow->ref.index;
}

static void dispose(struct csh_store *store, struct csh_shadow *shadow)
{
    csh_slab_free(store->pool, &shadow->extent);
    csh_statistics_add(CSH_GAUGE_shadow_bytes,
                       -(int64_t)shadow->extent.bytes);
    free(shadow);
}

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

/* The next shadow to be given up, detached, or NULL. Within one pass no
 * event is asked twice, by whichever thread. */
static struct csh_shadow *pick_victim_locked(struct csh_store *store,
                                             uint64_t pass)
        CSH_REQUIRES(store->lock)
{
    struct csh_shadow *shadow = store->idle;

    while (shadow != NULL) {
        if (may_go(shadow)) {
            detach_locked(store, shadow);
            return shadow;
        }
        if (shadow->is_checking || (shadow->checked_in >= pass)) {
            shadow = shadow->idle_next;
        } else {
            settle_uses_locked(store, shadow);
            shadow = may_go(shadow) ? shadow : store->idle;
        }
    }

    return NULL;
}

static bool evict_one(struct csh_store *store, uint64_t pass)
{
    struct csh_shadow *shadow;

    csh_lock_acquire(&store->lock);
    shadow = pick_victim_locked(store, pass);
    csh_lock_release(&store->lock);
    if (shadow == NULL) {
        return false;
    }

    csh_statistics_add(CSH_GAUGE_evictions, 1);
    dispose(store, shadow);
    return true;
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

static enum csh_slab_status allocate_extent(struct csh_store *store,
                                            size_t bytes,
                                            struct csh_extent *extent_p)
{
    enum csh_slab_status status;
    uint64_t pass;

    status = csh_slab_allocate(store->pool, bytes, extent_p);
    if ((status != CSH_SLAB_NO_BUDGET) || !could_make_room(store, bytes)) {
        return status;
    }

    pass = begin_pass(store);
    while ((status == CSH_SLAB_NO_BUDGET) && evict_one(store, pass)) {
        status = csh_slab_allocate(store->pool, bytes, extent_p);
    }

    return status;
}

bool csh_store_allocate(struct csh_store *store, size_t bytes,
                        struct csh_shadow **shadow_p,
                        enum csh_reason *reason_p)
{
    struct csh_shadow *shadow   = calloc(1, sizeof(*shadow));
    enum csh_slab_status status = CSH_SLAB_REFUSED;
    bool has_slot;

    if (shadow != NULL) {
        status = allocate_extent(store, bytes, &shadow->extent);
    }
    if (status != CSH_SLAB_OK) {
        free(shadow);
        csh_statistics_add(CSH_GAUGE_refusals, 1);
        *reason_p = (status == CSH_SLAB_NO_BUDGET) ? CSH_REASON_budget
                                                   : CSH_REASON_error;
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

void csh_store_publish(struct csh_store *store, struct csh_shadow *shadow,
                       const struct csh_shadow_proof *proof)
{
    csh_lock_acquire(&store->lock);
    shadow->proof        = *proof;
    shadow->is_published = true;
    csh_lock_release(&store->lock);
}

struct csh_shadow *csh_store_acquire(struct csh_store *store,
                                     struct csh_shadow_ref ref)
{
    struct csh_shadow *shadow;

    csh_lock_acquire(&store->lock);
    shadow = find_locked(store, ref);
    if (shadow != NULL) {
        shadow->n_users++;
        leave_idle_locked(store, shadow);
    }
    csh_lock_release(&store->lock);

    return shadow;
}

void csh_store_release(struct csh_store *store, struct csh_shadow *shadow)
{
    bool is_abandoned = false;

    csh_lock_acquire(&store->lock);
    shadow->n_users--;
    place_locked(store, shadow);
    if (!shadow->is_published && may_go(shadow)) {
        detach_locked(store, shadow);
        is_abandoned = true;
    }
    csh_lock_release(&store->lock);

    if (is_abandoned) {
        dispose(store, shadow);
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

void csh_store_collect(struct csh_store *store)
{
    struct csh_shadow *gone = NULL;
    struct csh_shadow *shadow, *next;

    csh_lock_acquire(&store->lock);
    settle_all_locked(store);
    for (shadow = store->idle; (shadow != NULL) && (shadow->n_host == 0);
         shadow = next) {
        next = shadow->idle_next;
        if (may_go(shadow)) {
            detach_locked(store, shadow);
            shadow->idle_next = gone;
            gone              = shadow;
        }
    }
    csh_lock_release(&store->lock);

    for (shadow = gone; shadow != NULL; shadow = next) {
        next = shadow->idle_next;
        dispose(store, shadow);
    }
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
        dispose(store, shadow);
    }

    free(store->slots);
    free(store);
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
    return shadow->proof;
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
           (shadow->is_idle ==
            ((shadow->n_users == 0) && (shadow->n_device == 0)));
}

bool csh_store_check(struct csh_store *store)
{
    bool holds          = true;
    bool past_orphans   = false;
    uint64_t idle_bytes = 0;
    size_t n_idle = 0, n_pending = 0;
    const struct csh_shadow *shadow;
    uint32_t i;

    csh_lock_acquire(&store->lock);
    for (i = 0; i < store->n_slots; i++) {
        shadow = store->slots[i].shadow;
        if (shadow != NULL) {
            holds      = holds && shadow_holds(shadow);
            n_idle    += shadow->is_idle;
            n_pending += (shadow->n_uses > 0);
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
            (n_pending == 0);
    csh_lock_release(&store->lock);

    return holds;
}
