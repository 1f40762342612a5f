/*
 * store_relief.c - gives memory back to the system.
 *
 * Owns nothing; lists and locks are in store_inside.h. Memory goes back by the
 * chunk, so what is given up is all the shadows of one chunk: first the chunk
 * whose latest use is longest ago, of those that hold nothing but shadows that
 * may go. Chunks with shadows that device memory refers to come last, and only
 * if the caller says so: such ranges then count as uploaded, and are captured
 * anew at their next offload.
 */
#include "shadow/store_inside.h"

/* More chunks than these are not looked at in one round. */
#define MOST_CHUNKS 64

struct candidate {
    const struct csh_slab_chunk *chunk;
    size_t bytes;    /* of shadows that may go */
    size_t used_at;  /* the place of the latest used of them */
};

struct candidates {
    struct candidate all[MOST_CHUNKS];
    unsigned n;
};

static void add_candidate(struct candidates *candidates,
                          const struct csh_shadow *shadow, size_t used_at)
{
    const struct csh_slab_chunk *chunk = csh_slab_chunk_of(&shadow->extent);
    unsigned i = candidates->n;

    /* Neighbours come one after the other. */
    while ((i > 0) && (candidates->all[i - 1].chunk != chunk)) {
        i--;
    }
    if (i == 0) {
        if (candidates->n == MOST_CHUNKS) {
            return;
        }
        i                             = ++candidates->n;
        candidates->all[i - 1].chunk  = chunk;
        candidates->all[i - 1].bytes  = 0;
    }

    candidates->all[i - 1].bytes  += csh_slab_span(&shadow->extent);
    candidates->all[i - 1].used_at = used_at;
}

static void find_candidates_locked(struct csh_store *store,
                                   bool with_resident,
                                   struct candidates *candidates_p)
        CSH_REQUIRES(store->lock)
{
    const struct csh_shadow *shadow;
    size_t place = 0;
    uint32_t i;

    candidates_p->n = 0;
    DL_FOREACH2(store->idle, shadow, idle_next) {
        place++;
        if (csh_shadow_may_go(shadow)) {
            add_candidate(candidates_p, shadow, place);
        }
    }
    for (i = 0; with_resident && (i < store->n_slots); i++) {
        shadow = store->slots[i].shadow;
        if ((shadow != NULL) && !shadow->is_idle &&
            csh_shadow_may_go_at_need(shadow)) {
            add_candidate(candidates_p, shadow, ++place);
        }
    }
}

/* The chunk to be given back, or NULL. */
static const struct csh_slab_chunk *
choose_chunk_locked(struct csh_store *store, bool with_resident,
                    bool may_call_driver) CSH_REQUIRES(store->lock)
{
    const struct candidate *best = NULL;
    struct csh_slab_chunk_usage usage;
    struct candidates candidates;
    unsigned i;

    find_candidates_locked(store, with_resident, &candidates);
    for (i = 0; i < candidates.n; i++) {
        csh_slab_read_chunk(store->pool, candidates.all[i].chunk, &usage);
        if ((usage.used_bytes == candidates.all[i].bytes) &&
            (may_call_driver || !usage.needs_driver) &&
            ((best == NULL) ||
             (candidates.all[i].used_at < best->used_at))) {
            best = &candidates.all[i];
        }
    }

    return (best == NULL) ? NULL : best->chunk;
}

/* Detaches every shadow of a chunk; they are linked by idle_next. */
static struct csh_shadow *empty_chunk_locked(struct csh_store *store,
                                             const struct csh_slab_chunk *chunk)
        CSH_REQUIRES(store->lock)
{
    struct csh_shadow *gone = NULL;
    struct csh_shadow *shadow;
    uint32_t i;

    for (i = 0; i < store->n_slots; i++) {
        shadow = store->slots[i].shadow;
        if ((shadow != NULL) &&
            (csh_slab_chunk_of(&shadow->extent) == chunk)) {
            csh_store_detach_locked(store, shadow);
            shadow->idle_next = gone;
            gone              = shadow;
        }
    }

    return gone;
}

/* Gives up the shadows of one chunk; false when there is none to give up. */
static bool give_up_one(struct csh_store *store, bool with_resident,
                        bool may_call_driver)
{
    struct csh_shadow *gone = NULL;
    const struct csh_slab_chunk *chunk;
    struct csh_shadow *next;

    csh_lock_acquire(&store->lock);
    chunk = choose_chunk_locked(store, with_resident, may_call_driver);
    if (chunk != NULL) {
        gone = empty_chunk_locked(store, chunk);
    }
    csh_lock_release(&store->lock);

    for (; gone != NULL; gone = next) {
        next = gone->idle_next;
        csh_statistics_add(CSH_GAUGE_given_back_shadows, 1);
        csh_store_dispose(store, gone);
    }

    return chunk != NULL;
}

uint64_t csh_store_give_back(struct csh_store *store, uint64_t bytes,
                             bool with_resident, bool may_call_driver)
{
    const int n_rounds = with_resident ? 2 : 1;
    uint64_t given, more;
    int round;

    csh_store_collect(store);
    given = csh_slab_discard(store->pool, may_call_driver);
    for (round = 0; round < n_rounds; round++) {
        while ((given < bytes) &&
               give_up_one(store, round == 1, may_call_driver)) {
            more = csh_slab_discard(store->pool, may_call_driver);
            if (more == 0) {
                return given; /* others were quick to use the room */
            }
            given += more;
        }
    }

    return given;
}
