/*
 * park_addresses.c - see park_addresses.h.
 *
 * Owns the map of allocations, under a lock of rank LEAF that is held for one
 * look, and how many there are, which is read without it: whoever may know an
 * address of memory that has just been listed is the thread that lists it.
 */
#include "engine/park_addresses.h"

#include <stdatomic.h>

#include "base/lock.h"
#include "track/ranges.h"

static struct csh_lock lock = CSH_LOCK_INIT(CSH_RANK_LEAF);
static struct csh_ranges places CSH_GUARDED_BY(lock);
static _Atomic size_t n_places;

enum { NUMBER, CONTEXT }; /* words of a range's value */

static struct csh_park_address place_of(const struct csh_range *range)
{
    return (struct csh_park_address){
        .base = range->start,
        .bytes = range->bytes,
        .number = range->value.word[NUMBER],
        .context = (CUcontext)(uintptr_t)range->value.word[CONTEXT],
    };
}

static void count(void) CSH_REQUIRES(lock)
{
    atomic_store_explicit(&n_places, places.n_ranges, memory_order_relaxed);
}

bool csh_park_addresses_add(const struct csh_park_address *place)
{
    const struct csh_range range = {
        .start = place->base,
        .bytes = place->bytes,
        .value.word = {[NUMBER] = place->number,
                       [CONTEXT] = (uintptr_t)place->context},
    };
    bool is_added;

    csh_lock_acquire(&lock);
    if (places.allocate == NULL) {
        csh_ranges_init(&places);
    }
    is_added = csh_ranges_insert(&places, &range, NULL, NULL);
    count();
    csh_lock_release(&lock);
    return is_added;
}

void csh_park_addresses_remove(const struct csh_park_address *place)
{
    const struct csh_range *range;

    csh_lock_acquire(&lock);
    range = csh_ranges_find(&places, place->base, place->bytes);
    if (range != NULL && range->value.word[NUMBER] == place->number) {
        csh_ranges_remove(&places, place->base, place->bytes, NULL, NULL);
        count();
    }
    csh_lock_release(&lock);
}

static bool is_of(const struct csh_range *range, void *context)
{
    return place_of(range).context == (CUcontext)context;
}

void csh_park_addresses_forget(CUcontext context)
{
    csh_lock_acquire(&lock);
    csh_ranges_remove_if(&places, is_of, NULL, context);
    count();
    csh_lock_release(&lock);
}

bool csh_park_addresses_find(CUdeviceptr address,
                             struct csh_park_address *place_p)
{
    const struct csh_range *range;

    if (CSH_LIKELY(atomic_load_explicit(&n_places, memory_order_relaxed) ==
                   0)) {
        return false;
    }
    csh_lock_acquire(&lock);
    range = csh_ranges_containing(&places, address, 1);
    if (range != NULL) {
        *place_p = place_of(range);
    }
    csh_lock_release(&lock);
    return range != NULL;
}

bool csh_park_addresses_next(CUcontext context, CUdeviceptr from,
                             struct csh_park_address *place_p)
{
    const struct csh_range *range;

    csh_lock_acquire(&lock);
    range = csh_ranges_overlapping(&places, from, UINT64_MAX - from);
    while (range != NULL && !is_of(range, context)) {
        range = csh_ranges_next(&places, range);
    }
    if (range != NULL) {
        *place_p = place_of(range);
    }
    csh_lock_release(&lock);
    return range != NULL;
}
