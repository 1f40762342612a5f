/*
 * slab_growth.c - makes chunks longer, and makes chunks.
 *
 * Owns what lies past the frontiers of chunks. A chunk is a mostly empty file
 * that grows by what is asked for and 1/128 of what is in use: what is
 * populated beyond use stays below 1%, and the pieces to be registered do not
 * become many.
 *
 * Threads: memory is mapped and populated without the lock. The thread that
 * makes a chunk longer marks it is_growing and owns the part past its
 * frontier and the free room before it; others use other chunks meanwhile.
 *
 * Can fail: for want of budget or because the kernel refused. What was
 * populated by then is free room, and goes with its chunk.
 */
#include "shadow/slab_pool.h"

#include <stdlib.h>

#include "base/statistics.h"

/* A chunk is longer only when one extent is. The least one is small, because
 * what is lost in a chunk goes back with all of it: slab_pool.h. */
#define LEAST_CHUNK ((size_t)8 << 20)
#define MOST_CHUNK ((size_t)1 << 30)
/* A new chunk is this part of what is held: few chunks, and few descriptors,
 * however large the models. */
#define CHUNK_SHARE 4

/* A step is longer only when one extent is: what the driver pins in one call
 * decides how long that call takes. */
#define MOST_STEP ((size_t)64 << 20)
#define AHEAD_SHARE 128
#define LEAST_AHEAD ((size_t)64 << 10)
#define MOST_AHEAD ((size_t)16 << 20)
/* Of what is populated ahead: an extent that is no larger leaves little behind
 * where the next one does not fit any more. */
#define SMALL_SHARE 8
/* The budget is read before each of these. */
#define POPULATE_STEP ((size_t)16 << 20)

/* A chunk being made longer by this thread. */
struct growth {
    struct csh_slab_chunk *chunk;
    struct csh_slab_step *step;
    uint64_t room; /* address of the free room at the end of the step */
    size_t offset; /* in the chunk: the old frontier */
    size_t bytes;  /* to populate at least */
    size_t ahead;  /* and as many more if the budget likes */
};

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

/* A large extent gets a step of its own rather than a longer one. */
static bool may_lengthen(const struct csh_slab_step *step,
                         const struct csh_slab_need *need)
{
    return (atomic_load(&step->state) == CSH_STEP_UNREGISTERED) &&
           ((step->bytes == 0) ||
            ((step->bytes < MOST_STEP) &&
             (need->bytes <= MOST_STEP - step->bytes)));
}

/* The step that a chunk grows by: the open one, or a new one. */
static struct csh_slab_step *open_step_locked(struct csh_slab_pool *pool,
                                              struct csh_slab_chunk *chunk,
                                              const struct csh_slab_need *need)
        CSH_REQUIRES(pool->lock)
{
    struct csh_slab_step *step = chunk->last;

    if ((step != NULL) && may_lengthen(step, need)) {
        return step;
    }

    step = malloc(sizeof(*step));
    if (step != NULL) {
        step->chunk       = chunk;
        step->older       = chunk->last;
        step->address     = chunk->memory.address + chunk->frontier;
        step->bytes       = 0;
        step->is_doubtful = false;
        step->is_over     = false;
        atomic_init(&step->state, CSH_STEP_UNREGISTERED);
        DL_PREPEND2(pool->waiting, step, waiting_prev, waiting_next);
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

/* How much to populate beyond what is asked for, so that many small extents
 * are few steps: nothing while as much lies free. For a small extent in any
 * case, since no free range holds it: what lies free are the ends of steps,
 * which were registered before they were full. */
static size_t ahead_locked(const struct csh_slab_pool *pool,
                           const struct csh_slab_need *need)
        CSH_REQUIRES(pool->lock)
{
    uint64_t allowed = pool->used_bytes / AHEAD_SHARE;
    uint64_t free    = pool->held_bytes - pool->used_bytes;
    uint64_t small   = larger(LEAST_AHEAD, allowed);

    if (need->bytes <= small / SMALL_SHARE) {
        return csh_round_up(small, csh_page_bytes());
    }
    return csh_round_up((allowed > free) ? allowed - free : 0,
                        csh_page_bytes());
}

/* Prepares to make a chunk longer, if the need then fits; the free room at
 * its end is taken out of the map until finish_growth(). */
static bool begin_growth_locked(struct csh_slab_pool *pool,
                                struct csh_slab_chunk *chunk,
                                const struct csh_slab_need *need,
                                struct growth *growth_p)
        CSH_REQUIRES(pool->lock)
{
    size_t rest = chunk->memory.bytes - chunk->frontier;
    const struct csh_range *tail;
    struct csh_slab_step *step;
    uint64_t end, start;

    /* Cheap test first: the start may need up to an alignment more. */
    if (chunk->is_growing || csh_slab_chunk_is_wasted(chunk) ||
        (rest + MOST_STEP < need->bytes) ||
        ((step = open_step_locked(pool, chunk, need)) == NULL)) {
        return false;
    }

    end   = number(chunk->memory.address) + chunk->frontier;
    tail  = tail_locked(pool, step);
    start = (tail == NULL) ? end : tail->start;

    growth_p->chunk  = chunk;
    growth_p->step   = step;
    growth_p->room   = start;
    growth_p->offset = chunk->frontier;
    start            = csh_slab_place(start, need) + need->bytes;
    growth_p->bytes  = csh_round_up((start > end) ? start - end : 0,
                                    csh_page_bytes());
    if (growth_p->bytes > rest) {
        return false;
    }

    growth_p->ahead = smaller(smaller(MOST_AHEAD, ahead_locked(pool, need)),
                              rest - growth_p->bytes);
    if (tail != NULL) {
        csh_slab_remove_room_locked(pool, tail->start, tail->bytes);
    }
    chunk->is_growing = true;
    return true;
}

static bool find_growth(struct csh_slab_pool *pool,
                        const struct csh_slab_need *need,
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

bool csh_slab_is_memory_short(struct csh_slab_pool *pool, uint64_t bytes)
{
    uint64_t held = read_held(pool);
    struct csh_budget_state state;

    csh_budget_read(pool->budget, held, &state);
    return (state.reachable < held) || (bytes > state.reachable - held);
}

/* A chunk for the need, already growing. */
static bool add_chunk(struct csh_slab_pool *pool,
                      const struct csh_slab_need *need,
                      struct growth *growth_p)
{
    size_t least = csh_round_up(need->phase + need->bytes,
                                csh_page_bytes());
    struct csh_slab_chunk *chunk;
    size_t bytes;
    bool is_begun;

    chunk = calloc(1, sizeof(*chunk));
    if (chunk == NULL) {
        return false;
    }

    bytes = smaller(MOST_CHUNK,
                    larger(LEAST_CHUNK, read_held(pool) / CHUNK_SHARE));
    bytes = larger(least, csh_round_up(bytes, csh_page_bytes()));
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

void csh_slab_count(const struct csh_slab_chunk *chunk, int64_t bytes)
{
    csh_statistics_add(CSH_GAUGE_slab_bytes, bytes);
    if (chunk->memory.fd >= 0) {
        csh_statistics_add(CSH_GAUGE_shmem_bytes, bytes);
    }
}

static void unhold(struct csh_slab_pool *pool, uint64_t bytes)
{
    csh_lock_acquire(&pool->lock);
    pool->held_bytes -= bytes;
    csh_lock_release(&pool->lock);
}

/* Populates in steps, from *done_p on, which is then how far it came. */
static enum csh_slab_status populate(struct csh_slab_pool *pool,
                                     const struct growth *growth,
                                     size_t bytes, size_t *done_p)
{
    size_t step;

    for (; *done_p < bytes; *done_p += step) {
        step = smaller(POPULATE_STEP, bytes - *done_p);
        if (!hold(pool, step)) {
            return CSH_SLAB_NO_BUDGET;
        }
        if (!csh_chunk_populate(&growth->chunk->memory,
                                growth->offset + *done_p, step)) {
            unhold(pool, step);
            return CSH_SLAB_REFUSED;
        }
        csh_slab_count(growth->chunk, (int64_t)step);
    }

    return CSH_SLAB_OK;
}

/* Makes the populated part known, and an extent of it if it is enough. */
static bool finish_growth(struct csh_slab_pool *pool,
                          const struct growth *growth, size_t done,
                          const struct csh_slab_need *need,
                          struct csh_extent *extent_p)
{
    struct csh_slab_step *step = growth->step;
    struct csh_range room      = {growth->room, 0, {.pointer = step}};
    bool is_enough;

    csh_lock_acquire(&pool->lock);
    growth->chunk->frontier += done;
    growth->chunk->is_growing = false;
    step->bytes              += done;
    room.bytes = number(step->address) + step->bytes - room.start;
    is_enough  = csh_slab_range_fits(&room, need);
    if (is_enough) {
        csh_slab_carve_locked(pool, &room, need, extent_p);
    } else {
        csh_slab_give_room_locked(pool, &room);
    }
    csh_lock_release(&pool->lock);

    return is_enough;
}

/* What takes several steps is begun only if all of it fits: what had been
 * populated for nothing could only be given back with the whole chunk. One
 * step is looked at when it is made, and a look takes 0.15 ms. */
static bool fits_budget(struct csh_slab_pool *pool, size_t bytes)
{
    return (bytes <= POPULATE_STEP) || (bytes <= csh_slab_read_headroom(pool));
}

enum csh_slab_status csh_slab_grow(struct csh_slab_pool *pool,
                                   const struct csh_slab_need *need,
                                   struct csh_extent *extent_p)
{
    enum csh_slab_status status = CSH_SLAB_NO_BUDGET;
    struct growth growth;
    size_t done = 0;

    if (!find_growth(pool, need, &growth)) {
        if (csh_slab_read_headroom(pool) < need->bytes) {
            return CSH_SLAB_NO_BUDGET;
        }
        if (!add_chunk(pool, need, &growth)) {
            return CSH_SLAB_REFUSED;
        }
    }

    if (fits_budget(pool, growth.bytes)) {
        status = populate(pool, &growth, growth.bytes + growth.ahead, &done);
        if (status == CSH_SLAB_NO_BUDGET) {
            status = populate(pool, &growth, growth.bytes, &done);
        }
    }

    return finish_growth(pool, &growth, done, need, extent_p) ? CSH_SLAB_OK
                                                              : status;
}
