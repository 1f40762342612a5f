/*
 * range.c - addresses: the devices' address space and what lives where.
 *
 * A device address points into an area that is reserved without access, so
 * that the host faults on it and no host allocation collides with it. The
 * bytes are kept elsewhere; a range says where. memory.c has an area for each
 * device's memory; other areas are for whoever maps memory into them.
 *
 * Invariants: the table of live ranges is sorted by base and no two overlap;
 * ranges of one reservation that lie side by side have their bytes side by
 * side.
 *
 * Everything here is called with the lock held.
 */
#include "sim.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct extent {
    uint64_t base;
    size_t bytes;
};

static struct {
    struct extent *areas; /* those of sim_area_reserve */
    size_t n, max;
} reserved;

static struct {
    struct sim_range **ranges;
    size_t n, max;
} table;

/* --------------------------------------------------------------- areas --- */

/* Without access; 0: there are no addresses. */
static uint64_t map_area(size_t bytes, size_t align_bytes, uint64_t hint)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    size_t with_slack = bytes + align_bytes;
    uint64_t seen, base;
    void *mapped;

    if (with_slack < bytes) {
        return 0;
    }
    if (hint != 0 && hint % align_bytes == 0) {
        mapped = mmap((void *)(uintptr_t)hint, bytes, PROT_NONE, flags, -1, 0);
        if (mapped == (void *)(uintptr_t)hint) {
            return hint;
        }
        if (mapped != MAP_FAILED) {
            munmap(mapped, bytes);
        }
    }
    mapped = mmap(NULL, with_slack, PROT_NONE, flags, -1, 0);
    if (mapped == MAP_FAILED) {
        return 0;
    }
    seen = (uintptr_t)mapped;
    base = (seen + align_bytes - 1) / align_bytes * align_bytes;
    if (base > seen) {
        munmap(mapped, base - seen);
    }
    if (seen + with_slack > base + bytes) {
        munmap((void *)(uintptr_t)(base + bytes),
               seen + with_slack - (base + bytes));
    }
    return base;
}

uint64_t sim_area_reserve(size_t bytes, size_t align_bytes, uint64_t hint)
{
    uint64_t base = map_area(bytes, align_bytes, hint);

    if (base != 0) {
        sim_array_grow(&reserved.areas, reserved.n, &reserved.max,
                       sizeof(*reserved.areas));
        reserved.areas[reserved.n++] = (struct extent){base, bytes};
    }
    return base;
}

bool sim_area_free(uint64_t base, size_t bytes)
{
    for (size_t i = 0; i < reserved.n; i++) {
        if (reserved.areas[i].base == base &&
            reserved.areas[i].bytes == bytes) {
            munmap((void *)(uintptr_t)base, bytes);
            reserved.areas[i] = reserved.areas[--reserved.n];
            return true;
        }
    }
    return false;
}

bool sim_area_find(uint64_t address, uint64_t *base_p, size_t *bytes_p)
{
    for (size_t i = 0; i < reserved.n; i++) {
        if (address - reserved.areas[i].base < reserved.areas[i].bytes) {
            *base_p = reserved.areas[i].base;
            *bytes_p = reserved.areas[i].bytes;
            return true;
        }
    }
    return false;
}

bool sim_is_device_address(uint64_t address)
{
    uint64_t base;
    size_t bytes;

    return sim_area_find(address, &base, &bytes);
}

/* -------------------------------------------------------------- ranges --- */

/* Index of the first range whose end is above address. */
static size_t position(uint64_t address)
{
    size_t low = 0, high = table.n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (table.ranges[middle]->base + table.ranges[middle]->bytes
            <= address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static struct sim_range *find(uint64_t address, size_t bytes)
{
    size_t i = position(address);
    struct sim_range *range;

    if (i == table.n) {
        return NULL;
    }
    range = table.ranges[i];
    if (address < range->base || bytes > range->base + range->bytes - address) {
        return NULL;
    }
    return range;
}

struct sim_range *sim_range_find(uint64_t address, size_t bytes)
{
    struct sim_range *range = find(address, bytes);

    return range == NULL || range->is_dying ? NULL : range;
}

void sim_range_is_born(uint64_t address)
{
    struct sim_range *range = find(address, 0);

    if (range != NULL) {
        range->is_unborn = false;
    }
}

static bool is_peer_enabled(CUcontext context, const struct sim_range *range)
{
    return context->peers[range->device] != NULL &&
           (range->context == NULL ||
            context->peers[range->device] == range->context);
}

enum sim_need sim_range_access(const struct sim_range *range,
                               CUcontext context, enum sim_actor actor)
{
    switch (range->kind) {
    case SIM_MAPPED:
        return (enum sim_need)range->access[context->device];
    case SIM_DEVICE:
    case SIM_IMPORTED:
        context = context->root;
        return actor == SIM_COPY_ENGINE || range->context == context ||
                       (range->context == NULL &&
                        range->device == context->device) ||
                       is_peer_enabled(context, range)
                   ? SIM_WRITES : SIM_NEEDS_NOTHING;
    default:
        return SIM_WRITES;
    }
}

/* Is the next range the continuation of this one? */
static bool is_continued(const struct sim_range *range,
                         const struct sim_range *next)
{
    return range->kind == SIM_MAPPED && next->kind == SIM_MAPPED &&
           range->area_base == next->area_base &&
           range->base + range->bytes == next->base;
}

/* The first range if [address, address + bytes) is alive; context NULL: not
 * asked who may touch it. */
static struct sim_range *reach(uint64_t address, size_t bytes,
                               CUcontext context, enum sim_actor actor,
                               enum sim_need need)
{
    struct sim_range *first = find(address, 0);
    size_t i, left;

    if (first == NULL) {
        return NULL;
    }
    left = first->base + first->bytes - address;
    for (i = position(address);; i++) {
        const struct sim_range *range = table.ranges[i];

        if (context != NULL &&
            (sim_range_access(range, context, actor) & need) != need) {
            return NULL;
        }
        if (bytes <= left) {
            return first;
        }
        if (i + 1 == table.n || !is_continued(range, table.ranges[i + 1])) {
            return NULL;
        }
        left += table.ranges[i + 1]->bytes;
    }
}

struct sim_range *sim_range_reach(uint64_t address, size_t bytes,
                                  CUcontext context, enum sim_actor actor,
                                  enum sim_need need)
{
    struct sim_range *range = reach(address, bytes, context, actor, need);

    return range == NULL || range->is_dying ? NULL : range;
}

void *sim_range_touch(uint64_t address, size_t bytes, CUcontext context,
                      enum sim_actor actor, enum sim_need need)
{
    const struct sim_range *range = reach(address, bytes, context, actor,
                                          need);

    if (range == NULL || range->is_unborn || range->memory == NULL) {
        return NULL;
    }
    return range->memory + (address - range->base);
}

void *sim_backing(uint64_t address, size_t bytes)
{
    return sim_range_touch(address, bytes, NULL, SIM_COPY_ENGINE,
                           SIM_NEEDS_NOTHING);
}

bool sim_range_overlaps(uint64_t address, size_t bytes)
{
    size_t i = position(address);

    return i < table.n && table.ranges[i]->base < address + bytes;
}

struct sim_range *sim_range_add(const struct sim_range *range)
{
    struct sim_range *added = sim_duplicate(range, sizeof(*range));
    size_t i = position(range->base);

    sim_array_grow(&table.ranges, table.n, &table.max, sizeof(*table.ranges));
    memmove(table.ranges + i + 1, table.ranges + i,
            (table.n - i) * sizeof(*table.ranges));
    table.ranges[i] = added;
    table.n++;
    added->buffer_id = sim_next_id();
    if (added->block_id == 0) {
        added->block_id = added->buffer_id;
    }
    return added;
}

struct sim_range *sim_range_take(uint64_t base)
{
    size_t i = position(base);
    struct sim_range *range;

    if (i == table.n || table.ranges[i]->base != base) {
        return NULL;
    }
    range = table.ranges[i];
    table.n--;
    memmove(table.ranges + i, table.ranges + i + 1,
            (table.n - i) * sizeof(*table.ranges));
    return range;
}

struct sim_range *sim_range_of_context(CUcontext context)
{
    for (size_t i = 0; i < table.n; i++) {
        if (table.ranges[i]->context == context) {
            return table.ranges[i];
        }
    }
    return NULL;
}

uint64_t sim_range_pool_bytes(CUmemoryPool pool)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < table.n; i++) {
        if (table.ranges[i]->pool == pool) {
            bytes += table.ranges[i]->extent_bytes;
        }
    }
    return bytes;
}

void sim_range_end_aliases(uint64_t block_id)
{
    for (size_t i = 0; i < table.n; i++) {
        if (table.ranges[i]->kind == SIM_IMPORTED &&
            table.ranges[i]->block_id == block_id) {
            table.ranges[i]->memory = NULL;
        }
    }
}

struct sim_range *sim_range_import_of(uint64_t block_id, CUcontext context)
{
    for (size_t i = 0; i < table.n; i++) {
        if (table.ranges[i]->kind == SIM_IMPORTED &&
            table.ranges[i]->block_id == block_id &&
            table.ranges[i]->context == context) {
            return table.ranges[i];
        }
    }
    return NULL;
}
