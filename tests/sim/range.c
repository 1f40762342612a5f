/*
 * range.c - addresses: the device's address space and what lives where.
 *
 * A device address points into a region that is reserved without access, so
 * that the host faults on it and no host allocation collides with it. The
 * bytes are kept in a second region of the same size; only this file knows
 * the distance.
 *
 * Invariants: the table of live ranges is sorted by base and no two overlap;
 * device memory is handed out in multiples of 512 bytes, adjacent on purpose
 * (the end of one allocation is the beginning of the next); freed addresses
 * are handed out again first, the most recently freed that fits before all
 * others; freed bytes are SIM_POISON until somebody writes them.
 *
 * Everything here is called with the lock held.
 */
#include "sim.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define GRANULE ((size_t)512)

struct extent {
    uint64_t base;
    size_t bytes;
};

static struct {
    uint64_t base;      /* first address that programs see */
    size_t bytes;
    char *backing;      /* where the byte at base is kept */
    uint64_t memory_bytes, used_bytes;
    size_t virgin;      /* offset from which nothing was ever allocated */
    struct extent *free; /* oldest first */
    size_t n_free, max_free;
} device;

static struct {
    struct sim_range **ranges;
    size_t n, max;
} table;

static size_t round_up(size_t bytes, size_t unit)
{
    return (bytes + unit - 1) / unit * unit;
}

/* Twice the memory, so that fragments do not matter before the device is
 * full. */
bool sim_range_init(uint64_t memory_bytes)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    void *seen, *backing;

    device.memory_bytes = memory_bytes;
    device.bytes = round_up(2 * memory_bytes + GRANULE, (size_t)2 << 20);
    seen = mmap(NULL, device.bytes + ((size_t)2 << 20), PROT_NONE, flags, -1,
                0);
    if (seen == MAP_FAILED) {
        return false;
    }
    backing = mmap(NULL, device.bytes, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (backing == MAP_FAILED) {
        munmap(seen, device.bytes + ((size_t)2 << 20));
        return false;
    }
    device.base = round_up((uintptr_t)seen, (size_t)2 << 20);
    device.backing = backing;
    return true;
}

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

bool sim_range_overlaps(uint64_t address, size_t bytes)
{
    size_t i = position(address);

    return i < table.n && table.ranges[i]->base < address + bytes;
}

struct sim_range *sim_range_add(const struct sim_range *range)
{
    struct sim_range *added = sim_duplicate(range, sizeof(*range));
    size_t i = position(range->base);

    if (table.n == table.max) {
        table.max = table.max == 0 ? 64 : 2 * table.max;
        table.ranges = realloc(table.ranges,
                               table.max * sizeof(*table.ranges));
        if (table.ranges == NULL) {
            abort();
        }
    }
    memmove(table.ranges + i + 1, table.ranges + i,
            (table.n - i) * sizeof(*table.ranges));
    table.ranges[i] = added;
    table.n++;
    added->buffer_id = sim_next_id();
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

bool sim_is_device_address(uint64_t address)
{
    return address - device.base < device.bytes;
}

static void push_free(struct extent extent)
{
    if (device.n_free == device.max_free) {
        device.max_free = device.max_free == 0 ? 64 : 2 * device.max_free;
        device.free = realloc(device.free,
                              device.max_free * sizeof(*device.free));
        if (device.free == NULL) {
            abort();
        }
    }
    device.free[device.n_free++] = extent;
}

static int compare_extents(const void *a, const void *b)
{
    const struct extent *x = a, *y = b;

    return x->base < y->base ? -1 : x->base > y->base;
}

/* Joins neighbours. Costs the order of freeing, so only when nothing else
 * helps. */
static void coalesce(void)
{
    size_t n = 0;

    if (device.n_free == 0) {
        return;
    }
    qsort(device.free, device.n_free, sizeof(*device.free), compare_extents);
    for (size_t i = 1; i < device.n_free; i++) {
        struct extent *last = &device.free[n];

        if (last->base + last->bytes == device.free[i].base) {
            last->bytes += device.free[i].bytes;
        } else {
            device.free[++n] = device.free[i];
        }
    }
    device.n_free = n + 1;
}

/* 0: none fits. Address 0 is never device memory. */
static uint64_t reuse(size_t bytes)
{
    for (size_t i = device.n_free; i-- > 0;) {
        struct extent *extent = &device.free[i];
        uint64_t base = extent->base;

        if (extent->bytes < bytes) {
            continue;
        }
        extent->base += bytes;
        extent->bytes -= bytes;
        if (extent->bytes == 0) {
            device.n_free--;
            memmove(extent, extent + 1,
                    (device.n_free - i) * sizeof(*extent));
        }
        return base;
    }
    return 0;
}

static uint64_t find_addresses(size_t bytes)
{
    uint64_t base = reuse(bytes);

    if (base == 0 && bytes <= device.bytes - device.virgin) {
        base = device.base + device.virgin;
        device.virgin += bytes;
    }
    if (base == 0) {
        coalesce();
        base = reuse(bytes);
    }
    return base;
}

struct sim_range *sim_device_allocate(size_t bytes, CUcontext context)
{
    struct sim_range range = {.kind = SIM_DEVICE, .bytes = bytes,
                              .context = context};

    if (bytes > device.memory_bytes) {
        return NULL;
    }
    range.extent_bytes = round_up(bytes, GRANULE);
    if (range.extent_bytes > device.memory_bytes - device.used_bytes) {
        return NULL;
    }
    range.base = find_addresses(range.extent_bytes);
    if (range.base == 0) {
        return NULL;
    }
    device.used_bytes += range.extent_bytes;
    sim_count_allocated((int64_t)range.extent_bytes);
    return sim_range_add(&range);
}

void sim_device_release(struct sim_range *range)
{
    memset(device.backing + (range->base - device.base), SIM_POISON,
           range->extent_bytes);
    push_free((struct extent){range->base, range->extent_bytes});
    device.used_bytes -= range->extent_bytes;
    sim_count_allocated(-(int64_t)range->extent_bytes);
    free(range);
}

uint64_t sim_device_used(void)
{
    return device.used_bytes;
}

void *sim_backing(uint64_t address, size_t bytes)
{
    const struct sim_range *range = find(address, bytes);

    if (range == NULL || range->is_unborn) {
        return NULL;
    }
    if (range->kind != SIM_DEVICE) {
        return (void *)(uintptr_t)address;
    }
    return device.backing + (address - device.base);
}

void *sim_backing_any(uint64_t address, size_t bytes)
{
    uint64_t offset = address - device.base;

    if (offset >= device.bytes || bytes > device.bytes - offset) {
        return NULL;
    }
    return device.backing + offset;
}
