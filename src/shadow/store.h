/*
 * store.h - the shadows, who refers to them, and which is given up first.
 *
 * A shadow's bytes are written once, by the thread that allocated it, before
 * it is published; they never change afterwards. It lives until nobody uses
 * it and it is either evicted or referred to by nobody.
 *
 * Handles (struct csh_shadow_ref) may be kept anywhere for any time: one
 * whose shadow is gone finds nothing. Pointers (struct csh_shadow *) are
 * valid only while their holder is a user: from csh_store_allocate() or
 * csh_store_acquire() to csh_store_release().
 *
 * Any function may be called from any thread. In a child forked while a
 * store exists none may be: the memory is not mapped there.
 */
#ifndef CSH_SHADOW_STORE_H
#define CSH_SHADOW_STORE_H

#include <cuda.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/statistics.h"
#include "shadow/slab.h"

struct csh_store;
struct csh_shadow;

/* Generation 0 is nobody's: an all-zero handle finds nothing. */
struct csh_shadow_ref {
    uint32_t index;
    uint32_t generation;
};

/* What the prover needs to know the bytes again. Here it only says where bytes
 * that may be equal are looked for. */
struct csh_shadow_proof {
    uint64_t lane[2];
};

/* Work in flight that reads a shadow is marked by an event recorded behind
 * it. These are called without a lock; they may call the driver. */
struct csh_use_calls {
    /* True once the work is over, or can no longer go on (its context is
     * gone). Must not wait. */
    bool (*is_over)(CUevent event, void *opaque);
    /* The event is the callee's again. */
    void (*give_back)(CUevent event, void *opaque);
    void *opaque;
};

/* Most uses in flight that one shadow remembers. */
#define CSH_SHADOW_MAX_USES 4

/* The calls are copied, the pool is the caller's and outlives the store.
 * NULL when memory is short. */
struct csh_store *csh_store_create(struct csh_slab_pool *pool,
                                   const struct csh_use_calls *uses);

/* Frees every shadow, whoever refers to it, and gives the events back.
 * Nothing may be in flight and nobody may be a user. */
void csh_store_destroy(struct csh_store *store);

/*
 * A new shadow, unpublished, with the caller as its user. Makes room by
 * evicting, least recently used first, shadows that no device range refers
 * to, nobody uses and no work in flight reads; host references do not keep a
 * shadow, they go stale. False when there is no room even so: with
 * CSH_REASON_budget when CUSHADOW_RAM_LIMIT could allow it, with
 * CSH_REASON_memory when memory is too short for any setting; and with
 * CSH_REASON_error when the system refused. May query events.
 */
CSH_MUST_CHECK
bool csh_store_allocate(struct csh_store *store, size_t bytes,
                        struct csh_shadow **shadow_p,
                        enum csh_reason *reason_p);

/* The same, placed as csh_slab_allocate_at() says. */
CSH_MUST_CHECK
bool csh_store_allocate_at(struct csh_store *store, size_t bytes,
                           uint64_t phase, struct csh_shadow **shadow_p,
                           enum csh_reason *reason_p);

/*
 * The bytes are complete. Once, by the thread that allocated. Where a shadow
 * with this length, this proof and, by comparison, these bytes was published
 * before, the caller becomes a user of that one and stops being one of its
 * own, which is freed. Returns the one of the two that holds the bytes now.
 */
CSH_MUST_CHECK
struct csh_shadow *csh_store_publish(struct csh_store *store,
                                     struct csh_shadow *shadow,
                                     const struct csh_shadow_proof *proof);

/* Becomes a user of a published shadow; NULL when the handle is stale. */
struct csh_shadow *csh_store_acquire(struct csh_store *store,
                                     struct csh_shadow_ref ref);

/* What became of the shadows of some handles: looking is no use of them, and
 * changes no order. */
enum csh_shadow_state {
    CSH_SHADOW_GONE,
    CSH_SHADOW_UNPINNED,
    CSH_SHADOW_PINNED,
};
void csh_store_look(struct csh_store *store,
                    const struct csh_shadow_ref *refs, size_t n_refs,
                    enum csh_shadow_state *states_p);

/* An unpublished shadow is freed, unless work in flight still writes it. */
void csh_store_release(struct csh_store *store, struct csh_shadow *shadow);

/* Device ranges whose bytes are (were, when last proven) the shadow's, and
 * host buffers filled from it. False when the handle is stale; taking a
 * reference back with a stale handle does nothing. */
bool csh_store_reference_device(struct csh_store *store,
                                struct csh_shadow_ref ref);
void csh_store_unreference_device(struct csh_store *store,
                                  struct csh_shadow_ref ref);
bool csh_store_reference_host(struct csh_store *store,
                              struct csh_shadow_ref ref);
void csh_store_unreference_host(struct csh_store *store,
                                struct csh_shadow_ref ref);

/* Host memory that the shadow's pages are mapped to: while there is any, the
 * shadow is not given up, since the pages would stay. A stale handle does
 * nothing. */
void csh_store_reference_mapping(struct csh_store *store,
                                 struct csh_shadow_ref ref);
void csh_store_unreference_mapping(struct csh_store *store,
                                   struct csh_shadow_ref ref);

/* Work that touches the shadow runs until the event; call it as a user. The
 * store owns the event until it gives it back. False, the event still the
 * caller's, when the shadow remembers too many: stay a user until the work
 * is over. */
CSH_MUST_CHECK
bool csh_store_note_use(struct csh_store *store, struct csh_shadow *shadow,
                        CUevent event);

/*
 * Gives so many bytes, or what can be given, back to the system, by giving up
 * shadows that no work in flight reads and nobody uses: first those that no
 * device range refers to, and with with_resident the others after them.
 * Without may_call_driver nothing that is pinned goes. Returns the bytes given
 * back, which may be more than asked for. May query events; calls the driver
 * if it may.
 */
uint64_t csh_store_give_back(struct csh_store *store, uint64_t bytes,
                             bool with_resident, bool may_call_driver);

/*
 * Moves shadows out of chunks that are to end (csh_slab_is_wasted), at most so
 * many bytes and one shadow more, so that the chunks can go: those that nobody
 * uses, no work in flight reads and no memory of the program's is mapped to.
 * Their handles stay what they are. Returns the bytes moved.
 */
uint64_t csh_store_move_off_waste(struct csh_store *store, uint64_t bytes);

/*
 * The same for one shadow, whose user the caller is, before memory of the
 * program's is mapped to it; the new place is at that phase. Nothing happens
 * where it need not be moved or may not be. May query events. Returns whether
 * it was moved.
 */
bool csh_store_leave_waste(struct csh_store *store, struct csh_shadow *shadow,
                           uint64_t phase);

/* Gives back the events of work that is over and shadows that nobody refers
 * to. Queries events. */
void csh_store_collect(struct csh_store *store);

/* For users of the shadow. The memory may be written until it is published,
 * by that thread, and only be read from then on. */
unsigned char *csh_shadow_address(const struct csh_shadow *shadow);
size_t csh_shadow_bytes(const struct csh_shadow *shadow);
const struct csh_extent *csh_shadow_extent(const struct csh_shadow *shadow);
struct csh_shadow_ref csh_shadow_ref(const struct csh_shadow *shadow);
struct csh_shadow_proof csh_shadow_proof(const struct csh_shadow *shadow);
bool csh_shadow_is_pinned(const struct csh_shadow *shadow);

/* True while the store keeps its own rules; for tests and debug builds. */
bool csh_store_check(struct csh_store *store);

#endif
