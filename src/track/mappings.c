/*
 * mappings.c - owns an array of mappings in the order of their handles, one a
 * handle, and the first device that was named.
 *
 * Threads: the lock is of leaf rank and guards the array; two threads that map
 * one handle at once are seen by the second that comes back. Can fail: growing,
 * and then cohorts are forbidden.
 */
#include "track/mappings.h"

#include <stdlib.h>
#include <string.h>

#include "base/lock.h"
#include "track/watch.h"

struct mapping {
    uint64_t handle;
    uint64_t address;
    size_t bytes;
};

static struct csh_lock lock = CSH_LOCK_INIT(CSH_RANK_LEAF);
static struct mapping *mappings CSH_GUARDED_BY(lock);
static size_t n_mappings CSH_GUARDED_BY(lock);
static size_t capacity CSH_GUARDED_BY(lock);

/* Where the handle is, or would be. */
static size_t place_locked(uint64_t handle) CSH_REQUIRES(lock)
{
    size_t low = 0, high = n_mappings, middle;

    while (low < high) {
        middle = low + (high - low) / 2;
        if (mappings[middle].handle < handle) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool is_mapped_locked(uint64_t handle) CSH_REQUIRES(lock)
{
    size_t place = place_locked(handle);

    return place < n_mappings && mappings[place].handle == handle;
}

static bool insert_locked(const struct mapping *mapping) CSH_REQUIRES(lock)
{
    size_t place = place_locked(mapping->handle);
    struct mapping *grown;

    if (n_mappings == capacity) {
        grown = realloc(mappings, (2 * capacity + 64) * sizeof(*grown));
        if (grown == NULL) {
            return false;
        }
        mappings = grown;
        capacity = 2 * capacity + 64;
    }
    memmove(&mappings[place + 1], &mappings[place],
            (n_mappings - place) * sizeof(*mappings));
    mappings[place] = *mapping;
    n_mappings++;
    return true;
}

void csh_mappings_mapping(uint64_t handle)
{
    bool is_mapped;

    if (!csh_watch_is_allowed()) {
        return;
    }
    csh_lock_acquire(&lock);
    is_mapped = is_mapped_locked(handle);
    csh_lock_release(&lock);
    if (is_mapped) {
        csh_watch_forbid(CSH_GAUGE_cohorts_off_mapped_twice);
    }
}

void csh_mappings_mapped(uint64_t address, size_t bytes, uint64_t handle)
{
    const struct mapping mapping = {handle, address, bytes};
    bool is_kept;

    if (!csh_watch_is_allowed()) {
        return;
    }
    csh_lock_acquire(&lock);
    is_kept = !is_mapped_locked(handle) && insert_locked(&mapping);
    csh_lock_release(&lock);
    if (!is_kept) {
        csh_watch_forbid(CSH_GAUGE_cohorts_off_mapped_twice);
    }
}

void csh_mappings_unmapped(uint64_t address, size_t bytes)
{
    size_t i, n_left = 0;

    if (!csh_watch_is_allowed()) {
        return;
    }
    csh_lock_acquire(&lock);
    for (i = 0; i < n_mappings; i++) {
        if (mappings[i].address - address >= bytes) {
            mappings[n_left++] = mappings[i];
        }
    }
    n_mappings = n_left;
    csh_lock_release(&lock);
}

void csh_mappings_note_device(int device)
{
    static _Atomic(int) first = -2; /* nothing named yet */
    int seen = -2;

    if (csh_watch_is_allowed() &&
        !atomic_compare_exchange_strong(&first, &seen, device) &&
        seen != device) {
        csh_watch_forbid(CSH_GAUGE_cohorts_off_shared);
    }
}
