/*
 * slab.c - carves extents out of chunks and makes chunks longer.
 *
 * Owns the chunks, their steps and the map of free ranges; the layout and the
 * states are in slab_pool.h. slab_pins.c registers and gives back.
 *
 * Sizes are exact: an extent takes its bytes rounded to 64, plus what aligns
 * it, which stays free for others. A chunk is a mostly empty file that grows
 * by what is asked for and 1/128 of what is in use, so what is populated
 * beyond use stays below 1%, and the pieces to register do not become many.
 *
 * Invariants: every populated byte of a chunk is in exactly one extent, in
 * the free map, or lost (freed in an aliased chunk, or when malloc failed; it
 * comes back with its chunk). A free range lies in one step. Extents never
 * move.
 *
 * Threads: the pool's lock (CSH_RANK_SLABS) is not held while memory is
 * mapped or populated. The thread that makes a chunk longer marks it
 * is_growing and owns the part past the frontier; others use other chunks.
 *
 * Can fail: anything may be refused; then nothing was taken.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* memfd_create */
#endif
#include "shadow/slab_pool.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "base/log.h"
#include "base/statistics.h"

#define GRAIN ((size_t)64) /* a cache line; more aligns DMA no better */
#define PAGE_ALIGNED_FROM ((size_t)64 << 10)
#define PAGE_ALIGNMENT ((size_t)4096)

/* A chunk is longer only when one extent is. */
#define LEAST_CHUNK ((size_t)64 << 20)
#define MOST_CHUNK ((size_t)1 << 30)
/* A new chunk is this part of what is held: few chunks, and few descriptors,
 * however large the models. */
#define CHUNK_SHARE 4

/* A step is longer only when one extent is: what the driver pins in one call
 * decides how long that call takes. */
#define MOST_STEP ((size_t)64 << 20)
#define AHEAD_SHARE 128
#define MOST_AHEAD ((size_t)16 << 20)
/* The budget is read before each of these. */
#define POPULATE_STEP ((size_t)16 << 20)

struct need {
    size_t bytes; /* rounded */
    size_t alignment;
};

/* A chunk being made longer by this thread. */
struct growth {
    struct csh_slab_chunk *chunk;
    struct csh_slab_step *step;
    unsigned char *room; /* where free room at the end of the step begins */
    size_t offset;       /* in the chunk: the old frontier */
    size_t bytes;        /* to populate at least */
    size_t ahead;        /* and as many more if the budget likes */
};

static size_t round_up(size_t value, size_t unit)
{
    return (value + (unit - 1)) & ~(unit - 1);
}

static size_t smaller(size_t a, size_t b)
{
    return (a < b) ? a : b;
}

static size_t larger(size_t a, size_t b)
{
    return (a > b) ? a : b;
}

static uint64_t number(const unsigned char *address)
{
    return (uint64_t)(uintptr_t)address;
}

static unsigned char *pointer(uint64_t address)
{
    return (unsigned char *)(uintptr_t)address;
}

/* A large extent gets a step of its own rather than a longer one. */
static bool may_lengthen(const struct csh_slab_step *step,
                         const struct need *need)
{
    return (atomic_load(&step->state) == CSH_STEP_UNREGISTERED) &&
           ((step->bytes == 0) ||
            ((step->bytes < MOST_STEP) &&
             (need->bytes <= MOST_STEP - step->bytes)));
}

/* Adds a range to the free map, joined with its neighbours in the step. */
static void give_room_locked(struct csh_slab_pool *pool,
                             struct csh_slab_step *step,
                             unsigned char *address, size_t bytes)
        CSH_REQUIRES(pool->lock)
{
    struct csh_range range = {number(address), bytes, {.pointer = step}};
    const struct csh_range *other;

    if (bytes == 0) {
        return;
    }

    other = csh_ranges_overlapping(&pool->free, range.start - 1, 1);
    if ((other != NULL) && (other->value.pointer == step)) {
        range.start = other->start;
        range.bytes += other->bytes;
    }
    other = csh_ranges_overlapping(&pool->free, number(address) + bytes, 1);
    if ((other != NULL) && (other->value.pointer == step)) {
        range.bytes += other->bytes;
    }

    /* Takes the neighbours out in the same step, or changes nothing. */
    if (!csh_ranges_insert(&pool->free, &range, NULL, NULL)) {
        step->chunk->lost_bytes += bytes;
    }
}

static bool fits(const struct csh_range *range, const struct need *need)
{
    uint64_t start = round_up(range->start, need->alignment);

    return (start - range->start <= range->bytes) &&
           (range->bytes - (start - range->start) >= need->bytes);
}

/* Turns a range that is in no map into an extent and free rests. */
static void carve_locked(struct csh_slab_pool *pool,
                         const struct csh_range *range,
                         const struct need *need, struct csh_extent *extent_p)
        CSH_REQUIRES(pool->lock)
{
    struct csh_slab_step *step = range->value.pointer;
    uint64_t start             = round_up(range->start, need->alignment);
    uint64_t end               = start + need->bytes;

    give_room_locked(pool, step, pointer(range->start),
                     start - range->start);
    give_room_locked(pool, step, pointer(end),
                     range->start + range->bytes - end);
    step->chunk->used_bytes += need->bytes;
    pool->used_bytes        += need->bytes;

    extent_p->address = pointer(start);
    extent_p->step    = step;
}

/* The least free range that holds the need: large ones stay whole for large
 * extents. */
static bool take_free_locked(struct csh_slab_pool *pool,
                             const struct need *need,
                             struct csh_extent *extent_p)
        CSH_REQUIRES(pool->lock)
{
    const struct csh_range *best = NULL;
    const struct csh_range *range;
    struct csh_range taken;

    for (range = csh_ranges_first(&pool->free); range != NULL;
         range = csh_ranges_next(&pool->free, range)) {
        if (fits(range, need) &&
            ((best == NULL) || (range->bytes < best->bytes))) {
            best = range;
        }
    }
    if (best == NULL) {
        return false;
    }

    taken = *best;
    csh_ranges_remove(&pool->free, taken.start, taken.bytes, NULL, NULL);
    carve_locked(pool, &taken, need, extent_p);
    return true;
}

/* The step that a chunk grows by: the open one, or a new one. The pool's lock
 * is held. */
static struct csh_slab_step *open_step_locked(struct csh_slab_chunk *chunk,
                                              const struct need *need)
{
    struct csh_slab_step *step = chunk->last;

    if ((step != NULL) && may_lengthen(step, need)) {
        return step;
    }

    step = malloc(sizeof(*step));
    if (step != NULL) {
        step->chunk   = chunk;
        step->older   = chunk->last;
        step->address = chunk->memory.address + chunk->frontier;
        step->bytes   = 0;
        atomic_init(&step->state, CSH_STEP_UNREGISTERED);
        chunk->last = step;
    }

    return step;
}

/* The free range that ends where an open step does, or NULL. */
static const struct csh_range *
tail_locked(struct csh_slab_pool *pool, const struct csh_slab_step *step)
        CSH_REQUIRES(pool->lock)
{
    const struct csh_range *tail;

    if (step->bytes == 0) {
        return NULL;
    }

    tail = csh_ranges_overlapping(
            &pool->free, number(step->address) + step->bytes - 1, 1);
    return ((tail != NULL) && (tail->value.pointer == step)) ? tail : NULL;
}

/* Prepares to make a chunk longer, if the need then fits; the free room at
 * its end is taken out of the map until finish_growth(). */
static bool begin_growth_locked(struct csh_slab_pool *pool,
                                struct csh_slab_chunk *chunk,
                                const struct need *need,
                                struct growth *growth_p)
        CSH_REQUIRES(pool->lock)
{
    size_t rest = chunk->memory.bytes - chunk->frontier;
    const struct csh_range *tail;
    struct csh_slab_step *step;
    uint64_t end, start;

    /* Cheap test first: the start may need up to an alignment more. */
    if (chunk->is_growing || (rest + MOST_STEP < need->bytes) ||
        ((step = open_step_locked(chunk, need)) == NULL)) {
        return false;
    }

    end   = number(chunk->memory.address) + chunk->frontier;
    tail  = tail_locked(pool, step);
    start = (tail == NULL) ? end : tail->start;

    growth_p->chunk  = chunk;
    growth_p->step   = step;
    growth_p->room   = pointer(start);
    growth_p->offset = chunk->frontier;
    start            = round_up(start, need->alignment) + need->bytes;
    growth_p->bytes  = (start > end) ? round_up(start - end, csh_page_bytes())
                                     : 0;
    if (growth_p->bytes > rest) {
        return false;
    }

    growth_p->ahead = smaller(rest - growth_p->bytes,
                              smaller(MOST_AHEAD,
                                      round_up(pool->used_bytes / AHEAD_SHARE,
                                               csh_page_bytes())));
    if (tail != NULL) {
        csh_ranges_remove(&pool->free, tail->start, tail->bytes, NULL, NULL);
    }
    chunk->is_growing = true;
    return true;
}

static bool find_growth(struct csh_slab_pool *pool, const struct need *need,
                        struct growth *growth_p)
{
    struct csh_slab_chunk *chunk;

    csh_lock_acquire(&pool->lock);
    for (chunk = pool->chunks; chunk != NULL; chunk = chunk->next) {
        if (begin_growth_locked(pool, chunk, need, growth_p)) {
            break;
        }
    }
    csh_lock_release(&pool->lock);

    return chunk != NULL;
}

static uint64_t read_held(struct csh_slab_pool *pool)
{
    uint64_t held;

    csh_lock_acquire(&pool->lock);
    held = pool->held_bytes;
    csh_lock_release(&pool->lock);

    return held;
}

uint64_t csh_slab_read_headroom(struct csh_slab_pool *pool)
{
    uint64_t held  = read_held(pool);
    uint64_t limit = csh_budget_bytes(pool->budget, held);

    return (limit > held) ? limit - held : 0;
}

/* A chunk for the need, already growing. */
static bool add_chunk(struct csh_slab_pool *pool, const struct need *need,
                      struct growth *growth_p)
{
    size_t least = round_up(need->bytes, csh_page_bytes());
    struct csh_slab_chunk *chunk;
    size_t bytes;
    bool is_begun;

    chunk = calloc(1, sizeof(*chunk));
    if (chunk == NULL) {
        return false;
    }

    bytes = smaller(MOST_CHUNK,
                    larger(LEAST_CHUNK, read_held(pool) / CHUNK_SHARE));
    bytes = larger(least, round_up(bytes, csh_page_bytes()));
    if (!csh_chunk_open(&chunk->memory, least, bytes, pool->create)) {
        free(chunk);
        return false;
    }

    csh_lock_acquire(&pool->lock);
    chunk->next  = pool->chunks;
    pool->chunks = chunk;
    is_begun     = begin_growth_locked(pool, chunk, need, growth_p);
    csh_lock_release(&pool->lock);

    /* Not begun for want of memory: empty, the next discard takes it. */
    return is_begun;
}

/* The limit is read without the lock, and what is added is held against it
 * under the lock, so that threads which grow at once count one another. */
static bool hold(struct csh_slab_pool *pool, uint64_t bytes)
{
    uint64_t limit = csh_budget_bytes(pool->budget, read_held(pool));
    bool is_held;

    csh_lock_acquire(&pool->lock);
    is_held = (pool->held_bytes <= limit) &&
              (bytes <= limit - pool->held_bytes);
    if (is_held) {
        pool->held_bytes += bytes;
    }
    csh_lock_release(&pool->lock);

    return is_held;
}

static void unhold(struct csh_slab_pool *pool, uint64_t bytes)
{
    csh_lock_acquire(&pool->lock);
    pool->held_bytes -= bytes;
    csh_lock_release(&pool->lock);
}

/* Populates in steps; *done_p is how far it came. */
static enum csh_slab_status populate(struct csh_slab_pool *pool,
                                     const struct growth *growth,
                                     size_t bytes, size_t *done_p)
{
    size_t step;

    for (*done_p = 0; *done_p < bytes; *done_p += step) {
        step = smaller(POPULATE_STEP, bytes - *done_p);
        if (!hold(pool, step)) {
            return CSH_SLAB_NO_BUDGET;
        }
        if (!csh_chunk_populate(&growth->chunk->memory,
                                growth->offset + *done_p, step)) {
            unhold(pool, step);
            return CSH_SLAB_REFUSED;
        }
        csh_statistics_add(CSH_GAUGE_slab_bytes, (int64_t)step);
    }

    return CSH_SLAB_OK;
}

/* Makes the populated part known, and an extent of it if it is enough. */
static bool finish_growth(struct csh_slab_pool *pool,
                          const struct growth *growth, size_t done,
                          const struct need *need,
                          struct csh_extent *extent_p)
{
    struct csh_slab_step *step = growth->step;
    struct csh_range room      = {number(growth->room), 0,
                                  {.pointer = step}};
    bool is_enough;

    csh_lock_acquire(&pool->lock);
    growth->chunk->frontier += done;
    growth->chunk->is_growing = false;
    step->bytes              += done;
    room.bytes = number(step->address) + step->bytes - room.start;
    is_enough  = fits(&room, need);
    if (is_enough) {
        carve_locked(pool, &room, need, extent_p);
    } else {
        give_room_locked(pool, step, growth->room, room.bytes);
    }
    csh_lock_release(&pool->lock);

    return is_enough;
}

static enum csh_slab_status grow(struct csh_slab_pool *pool,
                                 const struct need *need,
                                 struct csh_extent *extent_p)
{
    enum csh_slab_status status;
    struct growth growth;
    uint64_t headroom;
    size_t bytes, done;

    /* All of it or none: what was populated for nothing could only be given
     * back with the chunk. */
    headroom = csh_slab_read_headroom(pool);
    if (!find_growth(pool, need, &growth)) {
        if (headroom < need->bytes) {
            return CSH_SLAB_NO_BUDGET;
        }
        if (!add_chunk(pool, need, &growth)) {
            return CSH_SLAB_REFUSED;
        }
    }

    bytes  = growth.bytes;
    bytes += (bytes <= headroom) && (growth.ahead <= headroom - bytes)
                     ? growth.ahead
                     : 0;
    done   = 0;
    status = (bytes <= headroom) ? populate(pool, &growth, bytes, &done)
                                 : CSH_SLAB_NO_BUDGET;
    return finish_growth(pool, &growth, done, need, extent_p) ? CSH_SLAB_OK
                                                              : status;
}

enum csh_slab_status csh_slab_allocate(struct csh_slab_pool *pool,
                                       size_t bytes,
                                       struct csh_extent *extent_p)
{
    struct need need = {round_up(bytes, GRAIN),
                        (bytes >= PAGE_ALIGNED_FROM) ? PAGE_ALIGNMENT
                                                     : GRAIN};
    enum csh_slab_status status;
    bool is_taken;

    if ((bytes == 0) || (bytes > SIZE_MAX / 4)) {
        return CSH_SLAB_REFUSED;
    }

    extent_p->bytes = bytes;
    csh_lock_acquire(&pool->lock);
    is_taken = take_free_locked(pool, &need, extent_p);
    csh_lock_release(&pool->lock);
    if (is_taken) {
        return CSH_SLAB_OK;
    }

    status = grow(pool, &need, extent_p);
    if ((status != CSH_SLAB_OK) && (csh_slab_discard(pool, false) > 0)) {
        status = grow(pool, &need, extent_p);
    }

    return status;
}

void csh_slab_free(struct csh_slab_pool *pool,
                   const struct csh_extent *extent)
{
    struct csh_slab_chunk *chunk = extent->step->chunk;
    size_t bytes                 = round_up(extent->bytes, GRAIN);

    csh_lock_acquire(&pool->lock);
    chunk->used_bytes -= bytes;
    pool->used_bytes  -= bytes;
    if (chunk->is_aliased) {
        chunk->lost_bytes += bytes;
    } else {
        give_room_locked(pool, extent->step, extent->address, bytes);
    }
    csh_lock_release(&pool->lock);
}

void csh_slab_mark_aliased(struct csh_slab_pool *pool,
                           const struct csh_extent *extent)
{
    csh_lock_acquire(&pool->lock);
    extent->step->chunk->is_aliased = true;
    csh_lock_release(&pool->lock);
}

struct csh_slab_pool *csh_slab_create(const struct csh_pin_calls *pins,
                                      const struct csh_budget *budget,
                                      csh_chunk_create_fn *create)
{
    const struct csh_lock unlocked = CSH_LOCK_INIT(CSH_RANK_SLABS);
    struct csh_slab_pool *pool     = calloc(1, sizeof(*pool));

    if (pool == NULL) {
        return NULL;
    }

    pool->lock   = unlocked;
    pool->pins   = pins;
    pool->budget = budget;
    pool->create = (create != NULL) ? create : memfd_create;
    csh_ranges_init(&pool->free);
    return pool;
}
