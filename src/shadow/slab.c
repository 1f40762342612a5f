/*
 * slab.c - extents.
 *
 * Owns the account of what is in use; the layout of chunks and steps is in
 * slab_pool.h. slab_room.c has the free ranges, slab_growth.c makes chunks
 * longer, slab_pins.c registers them and gives them back.
 *
 * Sizes are exact: an extent takes the grains of 64 bytes that it lies in,
 * plus what aligns it, which stays free for others.
 *
 * Invariants: every populated byte of a chunk is in exactly one extent, in
 * the free map, or lost (freed in an aliased chunk, or when malloc failed; it
 * comes back with its chunk). A free range lies in one step. Extents never
 * move.
 *
 * Threads: everything is guarded by the pool's lock (CSH_RANK_SLABS), which
 * is held for look-ups only, never while memory is mapped, populated or
 * registered.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* memfd_create */
#endif
#include "shadow/slab_pool.h"

#include <stdlib.h>
#include <sys/mman.h>

#define PAGE_ALIGNED_FROM ((size_t)64 << 10)
#define PAGE_ALIGNMENT ((size_t)4096)

void csh_slab_carve_locked(struct csh_slab_pool *pool,
                           const struct csh_range *range,
                           const struct csh_slab_need *need,
                           struct csh_extent *extent_p)
{
    struct csh_slab_step *step = range->value.pointer;
    uint64_t start  = csh_slab_place(range->start, need);
    uint64_t end    = start + need->bytes;
    struct csh_range before = {range->start, start - range->start,
                               range->value};
    struct csh_range after  = {end, range->start + range->bytes - end,
                               range->value};

    csh_slab_give_room_locked(pool, &before);
    csh_slab_give_room_locked(pool, &after);
    step->chunk->used_bytes += need->bytes;
    pool->used_bytes        += need->bytes;

    extent_p->address = (unsigned char *)(uintptr_t)start;
    extent_p->step    = step;
}

static bool take_free_locked(struct csh_slab_pool *pool,
                             const struct csh_slab_need *need,
                             struct csh_extent *extent_p)
        CSH_REQUIRES(pool->lock)
{
    struct csh_range taken;
    bool is_taken = csh_slab_take_room_locked(pool, need, &taken);

    if (is_taken) {
        csh_slab_carve_locked(pool, &taken, need, extent_p);
    }
    return is_taken;
}

enum csh_slab_status csh_slab_allocate(struct csh_slab_pool *pool,
                                       size_t bytes,
                                       struct csh_extent *extent_p)
{
    return csh_slab_allocate_at(pool, bytes, 0, extent_p);
}

enum csh_slab_status csh_slab_allocate_at(struct csh_slab_pool *pool,
                                          size_t bytes, uint64_t phase,
                                          struct csh_extent *extent_p)
{
    struct csh_slab_need need   = {csh_round_up(bytes, CSH_SLAB_GRAIN),
                                   CSH_SLAB_GRAIN, 0};
    enum csh_slab_status status = CSH_SLAB_OK;
    size_t within               = 0;
    bool is_taken;

    if ((bytes == 0) || (bytes > SIZE_MAX / 4)) {
        return CSH_SLAB_REFUSED;
    }

    if (bytes >= PAGE_ALIGNED_FROM) {
        within         = phase % CSH_SLAB_GRAIN;
        need.alignment = PAGE_ALIGNMENT;
        need.phase     = (phase - within) % PAGE_ALIGNMENT;
        need.bytes     = csh_round_up(within + bytes, CSH_SLAB_GRAIN);
    }

    extent_p->bytes = bytes;
    csh_lock_acquire(&pool->lock);
    is_taken = take_free_locked(pool, &need, extent_p);
    csh_lock_release(&pool->lock);
    if (!is_taken) {
        status = csh_slab_grow(pool, &need, extent_p);
        if ((status != CSH_SLAB_OK) && (csh_slab_discard(pool, false) > 0)) {
            status = csh_slab_grow(pool, &need, extent_p);
        }
    }

    if (status == CSH_SLAB_OK) {
        extent_p->address += within;
    }

    return status;
}

/* The grains that an extent lies in. */
static struct csh_range room_of(const struct csh_extent *extent)
{
    uint64_t address      = (uint64_t)(uintptr_t)extent->address;
    struct csh_range room = {address - address % CSH_SLAB_GRAIN, 0,
                             {.pointer = extent->step}};

    room.bytes = csh_round_up(address + extent->bytes, CSH_SLAB_GRAIN) -
                 room.start;
    return room;
}

void csh_slab_free(struct csh_slab_pool *pool,
                   const struct csh_extent *extent)
{
    struct csh_slab_chunk *chunk = extent->step->chunk;
    struct csh_range room        = room_of(extent);

    csh_lock_acquire(&pool->lock);
    chunk->used_bytes -= room.bytes;
    pool->used_bytes  -= room.bytes;
    if (chunk->is_aliased ||
        (csh_ranges_overlapping(&pool->aliased, room.start, room.bytes) !=
         NULL)) {
        chunk->lost_bytes += room.bytes;
        if (csh_slab_chunk_is_wasted(chunk)) {
            chunk->lost_bytes += csh_slab_remove_room_locked(
                    pool, (uint64_t)(uintptr_t)chunk->memory.address,
                    chunk->memory.bytes);
        }
    } else {
        csh_slab_give_room_locked(pool, &room);
    }
    csh_lock_release(&pool->lock);
}

const struct csh_slab_chunk *csh_slab_chunk_of(const struct csh_extent *extent)
{
    return extent->step->chunk;
}

bool csh_slab_is_wasted(struct csh_slab_pool *pool,
                        const struct csh_extent *extent)
{
    bool is_wasted;

    csh_lock_acquire(&pool->lock);
    is_wasted = csh_slab_chunk_is_wasted(extent->step->chunk);
    csh_lock_release(&pool->lock);

    return is_wasted;
}

bool csh_slab_has_waste(struct csh_slab_pool *pool)
{
    const struct csh_slab_chunk *chunk;

    csh_lock_acquire(&pool->lock);
    chunk = pool->chunks;
    while ((chunk != NULL) && !csh_slab_chunk_is_wasted(chunk)) {
        chunk = chunk->next;
    }
    csh_lock_release(&pool->lock);

    return chunk != NULL;
}

bool csh_slab_is_crowded(struct csh_slab_pool *pool)
{
    const struct csh_slab_chunk *chunk;
    uint64_t lost = 0;
    bool is_crowded;

    csh_lock_acquire(&pool->lock);
    for (chunk = pool->chunks; chunk != NULL; chunk = chunk->next) {
        lost += (chunk->used_bytes > 0) ? chunk->lost_bytes : 0;
    }
    is_crowded = lost > pool->used_bytes + CSH_SLAB_MOST_LOST;
    csh_lock_release(&pool->lock);

    return is_crowded;
}

size_t csh_slab_span(const struct csh_extent *extent)
{
    return room_of(extent).bytes;
}

bool csh_slab_find_file(const struct csh_extent *extent,
                        struct csh_slab_file *file_p)
{
    const struct csh_chunk *memory = &extent->step->chunk->memory;

    file_p->chunk  = memory;
    file_p->offset = (uint64_t)(extent->address - memory->address);
    return memory->fd >= 0;
}

void csh_slab_mark_aliased(struct csh_slab_pool *pool,
                           const struct csh_extent *extent)
{
    const struct csh_range room = room_of(extent);

    csh_lock_acquire(&pool->lock);
    if (!csh_ranges_insert(&pool->aliased, &room, NULL, NULL)) {
        extent->step->chunk->is_aliased = true;
    }
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
    csh_ranges_init(&pool->sizes);
    csh_ranges_init(&pool->aliased);
    return pool;
}

void csh_slab_read_usage(struct csh_slab_pool *pool,
                         struct csh_slab_usage *usage_p)
{
    const struct csh_slab_chunk *chunk;

    csh_lock_acquire(&pool->lock);
    usage_p->held_bytes   = pool->held_bytes;
    usage_p->free_bytes   = pool->held_bytes - pool->used_bytes;
    usage_p->pinned_bytes = pool->pinned_bytes;
    usage_p->n_chunks     = 0;
    for (chunk = pool->chunks; chunk != NULL; chunk = chunk->next) {
        usage_p->free_bytes -= chunk->lost_bytes;
        usage_p->n_chunks++;
    }
    csh_lock_release(&pool->lock);
}

/* Steps fill the chunk up to its frontier without a gap, youngest last. */
static bool steps_hold(const struct csh_slab_chunk *chunk)
{
    const unsigned char *end = chunk->memory.address + chunk->frontier;
    const struct csh_slab_step *step;

    for (step = chunk->last; step != NULL; step = step->older) {
        if ((step->chunk != chunk) || (step->address + step->bytes != end)) {
            return false;
        }
        end = step->address;
    }

    return end == chunk->memory.address;
}

static bool is_within(const struct csh_slab_step *step,
                      const struct csh_range *range)
{
    uint64_t start = (uint64_t)(uintptr_t)step->address;

    return (range->start >= start) &&
           (range->start + range->bytes <= start + step->bytes);
}

/* Between growths: used, lost and free make up what is populated. */
static bool chunk_holds_locked(struct csh_slab_pool *pool,
                               const struct csh_slab_chunk *chunk)
        CSH_REQUIRES(pool->lock)
{
    uint64_t start = (uint64_t)(uintptr_t)chunk->memory.address;
    size_t bytes   = chunk->used_bytes + chunk->lost_bytes;
    const struct csh_slab_step *step;
    const struct csh_range *range;

    for (range = csh_ranges_overlapping(&pool->free, start,
                                        chunk->memory.bytes);
         (range != NULL) && (range->start < start + chunk->memory.bytes);
         range = csh_ranges_next(&pool->free, range)) {
        step = range->value.pointer;
        if (!is_within(step, range)) {
            return false;
        }
        bytes += range->bytes;
    }

    return steps_hold(chunk) && (bytes == chunk->frontier);
}

bool csh_slab_check(struct csh_slab_pool *pool)
{
    const struct csh_slab_chunk *chunk;
    bool holds    = true;
    uint64_t held = 0, used = 0;

    csh_lock_acquire(&pool->lock);
    holds = csh_slab_room_holds_locked(pool);
    for (chunk = pool->chunks; chunk != NULL; chunk = chunk->next) {
        holds = holds && chunk_holds_locked(pool, chunk);
        held += chunk->frontier;
        used += chunk->used_bytes;
    }
    holds = holds && (held == pool->held_bytes) && (used == pool->used_bytes);
    csh_lock_release(&pool->lock);

    return holds;
}
