/*
 * slab_pool.h - the inside of a slab pool, for slab*.c alone.
 *
 * A pool has chunks; of a chunk, the bytes below its frontier are populated.
 * They are divided into steps, each registered with the driver at once:
 *
 *   chunk  |-- step --|---- step ----|- open step -|  not populated  |
 *                                                  ^ frontier
 *
 * The last step is open until it is registered: new extents make it longer,
 * or begin another when it would become too long to be pinned at once. What
 * no extent uses lies in the pool's map of free ranges, each within one step.
 *
 * State of a step:
 *
 *   unregistered -> changing -> registered -> changing -> unregistered
 *                       |                         |
 *                       +--> refused -> changing  +--> stuck
 *
 * `changing`: one thread is in the driver with it, without the lock. `stuck`:
 * the driver would not end a registration; nobody uses it as pinned again and
 * its addresses are never given back.
 */
#ifndef CSH_SHADOW_SLAB_POOL_H
#define CSH_SHADOW_SLAB_POOL_H

#include <stdatomic.h>

#include "base/lock.h"
#include "shadow/slab.h"
#include "track/ranges.h"

#include <utlist.h> /* after base/compiler.h */

enum csh_step_state {
    CSH_STEP_UNREGISTERED,
    CSH_STEP_CHANGING,
    CSH_STEP_REGISTERED,
    CSH_STEP_REFUSED,
    CSH_STEP_STUCK,
};

struct csh_slab_chunk;

struct csh_slab_step {
    struct csh_slab_chunk *chunk;
    struct csh_slab_step *older;
    unsigned char *address;
    size_t bytes;
    /* enum csh_step_state; written under the pool's lock. */
    _Atomic unsigned state;
    /* A context ended since this was registered, and may have taken the
     * registration along. */
    bool is_doubtful;
    bool is_over; /* was left alone for CUSHADOW_PINNED_LIMIT */
    /* In the pool's list while it is unregistered or refused. */
    struct csh_slab_step *waiting_prev, *waiting_next;
};

/* All but memory is guarded by the pool's lock. */
struct csh_slab_chunk {
    struct csh_slab_chunk *next;
    struct csh_chunk memory;    /* set when the chunk is made */
    struct csh_slab_step *last; /* the steps, youngest first */
    size_t frontier;            /* bytes populated, from the start */
    size_t used_bytes;          /* of extents, rounded */
    size_t lost_bytes;          /* freed, but not to be handed out again */
    bool is_growing;            /* one thread populates past the frontier */
    bool is_aliased;            /* all of it counts as mapped */
};

struct csh_slab_pool {
    struct csh_lock lock; /* CSH_RANK_SLABS */
    const struct csh_pin_calls *pins;
    const struct csh_budget *budget;
    csh_chunk_create_fn *create;
    bool refusal_is_final; /* set before others know the pool */

    /* Below: guarded by the lock. */
    struct csh_slab_chunk *chunks;
    struct csh_ranges free;  /* value.pointer: the step */
    struct csh_ranges sizes; /* the same by size: slab_room.c */
    struct csh_ranges aliased; /* what was ever mapped into the program */
    uint64_t held_bytes;     /* populated, or about to be */
    uint64_t used_bytes;     /* of all chunks */
    uint64_t pinned_bytes;   /* of steps registered, or about to be */
    struct csh_slab_step *waiting; /* to be registered, one day */
    bool has_doubts;         /* some step may be is_doubtful */
    unsigned n_refused;      /* registrations in a row */
    unsigned n_calls_to_skip; /* of register_pending, before the next try */
    bool is_refused_for_good;
};

/* What was aliased and freed is only given back with its chunk. A chunk that
 * has lost a quarter of what it holds takes no more extents, not even where it
 * has room, and ends once those that it has were moved or freed. */
#define CSH_SLAB_LEAST_WASTE ((size_t)4 << 20)
#define CSH_SLAB_WASTE_SHARE 4

/*
 * Chunks end late where the program keeps memory that was mapped to one of
 * their extents. Of what changes in each cycle (12 of 40 weights, 4, or always
 * the same 16; app_soak), 1.9 to 2.1 times what is in use is held at most, and
 * 1.3 to 1.8 times on average; with chunks of 64 MiB at least it were 2.4. A
 * program that keeps one small copy of each cycle would lose a chunk each time:
 * csh_slab_is_crowded() bounds that, beyond as much as is in use and this.
 */
#define CSH_SLAB_MOST_LOST ((size_t)8 << 20)

static inline bool csh_slab_chunk_is_wasted(const struct csh_slab_chunk *chunk)
{
    return (chunk->lost_bytes >= CSH_SLAB_LEAST_WASTE) &&
           (chunk->lost_bytes >= chunk->frontier / CSH_SLAB_WASTE_SHARE);
}

/* A cache line; more aligns DMA no better. */
#define CSH_SLAB_GRAIN ((size_t)64)

/* What an extent needs. */
struct csh_slab_need {
    size_t bytes; /* rounded to the grain */
    size_t alignment;
    size_t phase; /* the address modulo the alignment */
};

static inline size_t csh_round_up(size_t value, size_t power_of_two)
{
    return (value + (power_of_two - 1)) & ~(power_of_two - 1);
}

/* The lowest address from here on at which a need may begin. */
static inline uint64_t csh_slab_place(uint64_t from,
                                      const struct csh_slab_need *need)
{
    return csh_round_up(from - need->phase, need->alignment) + need->phase;
}

/* slab_room.c: the free ranges. Whether a range holds a need; room that is in
 * no map is added to them, or the least range that holds a need is taken out,
 * or all that lies in [start, start + bytes): how many bytes that were. */
bool csh_slab_range_fits(const struct csh_range *range,
                         const struct csh_slab_need *need);
void csh_slab_give_room_locked(struct csh_slab_pool *pool,
                               const struct csh_range *range)
        CSH_REQUIRES(pool->lock);
CSH_MUST_CHECK
bool csh_slab_take_room_locked(struct csh_slab_pool *pool,
                               const struct csh_slab_need *need,
                               struct csh_range *range_p)
        CSH_REQUIRES(pool->lock);
size_t csh_slab_remove_room_locked(struct csh_slab_pool *pool,
                                   uint64_t start, size_t bytes)
        CSH_REQUIRES(pool->lock);
bool csh_slab_room_holds_locked(const struct csh_slab_pool *pool)
        CSH_REQUIRES(pool->lock);

/* slab.c: cuts an extent out of a range that is in no map; what is left of it
 * is free room. */
void csh_slab_carve_locked(struct csh_slab_pool *pool,
                           const struct csh_range *range,
                           const struct csh_slab_need *need,
                           struct csh_extent *extent_p)
        CSH_REQUIRES(pool->lock);

/* slab_growth.c: memory of an open chunk was populated, or (negative) is about
 * to be given back: the gauges of slabs. */
void csh_slab_count(const struct csh_slab_chunk *chunk, int64_t bytes);

/* slab_growth.c: an extent from memory that is populated for it. */
enum csh_slab_status csh_slab_grow(struct csh_slab_pool *pool,
                                   const struct csh_slab_need *need,
                                   struct csh_extent *extent_p)
        CSH_EXCLUDES(pool->lock);

#endif
