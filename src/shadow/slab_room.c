/*
 * slab_room.c - the free ranges, and which of them an extent is cut from.
 *
 * Owns two maps of the same ranges: by address, so that neighbours join, and
 * by size, so that the least one that holds a need is found without a look at
 * all the others: hundreds of thousands of small shadows leave as many holes.
 *
 * A range is in both maps or in neither. Its place in the map by size is a
 * number, first its grains and then its address:
 *
 *     | grains, 22 bits | address in grains, 42 bits |
 *
 * Ranges of 256 MiB and more count as of one size there. User addresses have
 * 48 bits at most (x86-64 and aarch64 hand out more only where a program asks
 * for it, which csh_chunk_open() does not).
 *
 * Threads: everything is guarded by the pool's lock.
 *
 * Can fail: giving room back, for want of memory; then the room is lost until
 * its chunk goes.
 */
#include "shadow/slab_pool.h"

#define ADDRESS_BITS 42
#define MOST_GRAINS ((UINT64_C(1) << (64 - ADDRESS_BITS)) - 1)
/* What is large enough but lies badly for an alignment; then one is taken in
 * which the need fits wherever it lies. */
#define MOST_MISFITS 16u

bool csh_slab_range_fits(const struct csh_range *range,
                         const struct csh_slab_need *need)
{
    uint64_t gap = csh_slab_place(range->start, need) - range->start;

    return (gap <= range->bytes) && (range->bytes - gap >= need->bytes);
}

static uint64_t key_of(uint64_t start, uint64_t bytes)
{
    uint64_t grains = bytes / CSH_SLAB_GRAIN;

    return (((grains < MOST_GRAINS) ? grains : MOST_GRAINS)
            << ADDRESS_BITS) |
           ((start / CSH_SLAB_GRAIN) &
            ((UINT64_C(1) << ADDRESS_BITS) - 1));
}

/* In the map by size a range is one number, with its address and size. */
static bool add_size(struct csh_slab_pool *pool,
                     const struct csh_range *range)
{
    struct csh_range size = {key_of(range->start, range->bytes), 1,
                             {.word = {range->start, range->bytes}}};

    return csh_ranges_insert(&pool->sizes, &size, NULL, NULL);
}

static void remove_size(const struct csh_range *range, void *opaque)
{
    struct csh_slab_pool *pool = opaque;

    csh_ranges_remove(&pool->sizes, key_of(range->start, range->bytes), 1,
                      NULL, NULL);
}

/* Adds a range in place of the neighbours that it covers, or loses them all
 * for want of memory: how many bytes. The neighbours leave the map by size
 * first: of very large ones the key may be the same. */
static size_t add(struct csh_slab_pool *pool, const struct csh_range *room,
                  size_t new_bytes)
{
    if (!csh_ranges_insert(&pool->free, room, remove_size, pool)) {
        return new_bytes;
    }
    if (!add_size(pool, room)) {
        csh_ranges_remove(&pool->free, room->start, room->bytes, NULL, NULL);
        return room->bytes;
    }
    return 0;
}

void csh_slab_give_room_locked(struct csh_slab_pool *pool,
                               const struct csh_range *range)
{
    struct csh_slab_step *step = range->value.pointer;
    struct csh_range room      = *range;
    const struct csh_range *other;

    if (range->bytes == 0) {
        return;
    }
    if (csh_slab_chunk_is_wasted(step->chunk)) {
        step->chunk->lost_bytes += range->bytes;
        return;
    }

    other = csh_ranges_overlapping(&pool->free, range->start - 1, 1);
    if ((other != NULL) && (other->value.pointer == step)) {
        room.start  = other->start;
        room.bytes += other->bytes;
    }
    other = csh_ranges_overlapping(&pool->free, range->start + range->bytes,
                                   1);
    if ((other != NULL) && (other->value.pointer == step)) {
        room.bytes += other->bytes;
    }

    step->chunk->lost_bytes += add(pool, &room, range->bytes);
}

/* From this size on, and of one size from the lowest address on. */
static const struct csh_range *first_of(const struct csh_slab_pool *pool,
                                        size_t bytes)
{
    return csh_ranges_overlapping(&pool->sizes, key_of(0, bytes),
                                  UINT64_MAX);
}

/* The least free range that holds the need: large ones stay whole for large
 * extents. */
static bool find(const struct csh_slab_pool *pool,
                 const struct csh_slab_need *need,
                 struct csh_range *range_p)
{
    const struct csh_range *size = first_of(pool, need->bytes);
    unsigned n_misfits           = 0;

    while (size != NULL) {
        range_p->start = size->value.word[0];
        range_p->bytes = size->value.word[1];
        if (csh_slab_range_fits(range_p, need)) {
            return true;
        }
        n_misfits++;
        size = (n_misfits == MOST_MISFITS) ?
                       first_of(pool, need->bytes + need->alignment) :
                       csh_ranges_next(&pool->sizes, size);
    }
    return false;
}

bool csh_slab_take_room_locked(struct csh_slab_pool *pool,
                               const struct csh_slab_need *need,
                               struct csh_range *range_p)
{
    const struct csh_range *found;
    struct csh_range place;

    if (!find(pool, need, &place)) {
        return false;
    }

    found = csh_ranges_find(&pool->free, place.start, place.bytes);
    if (found == NULL) {
        return false;
    }

    *range_p = *found;
    csh_slab_remove_room_locked(pool, place.start, place.bytes);
    return true;
}

struct removal {
    struct csh_slab_pool *pool;
    size_t bytes;
};

static void count_removed(const struct csh_range *range, void *opaque)
{
    struct removal *removal = opaque;

    remove_size(range, removal->pool);
    removal->bytes += range->bytes;
}

size_t csh_slab_remove_room_locked(struct csh_slab_pool *pool,
                                   uint64_t start, size_t bytes)
{
    struct removal removal = {pool, 0};

    csh_ranges_remove(&pool->free, start, bytes, count_removed, &removal);
    return removal.bytes;
}

bool csh_slab_room_holds_locked(const struct csh_slab_pool *pool)
{
    const struct csh_range *range = csh_ranges_first(&pool->free);
    bool holds = csh_ranges_check(&pool->free) &&
                 csh_ranges_check(&pool->sizes) &&
                 (pool->free.n_ranges == pool->sizes.n_ranges);

    while (holds && (range != NULL)) {
        holds = csh_ranges_find(&pool->sizes,
                                key_of(range->start, range->bytes),
                                1) != NULL;
        range = csh_ranges_next(&pool->free, range);
    }
    return holds;
}
