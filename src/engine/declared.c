/*
 * declared.c - see declared.h.
 *
 * Owns the two maps, under one lock of rank RANGES that is never held across
 * anything but the maps' own work. Whatever ends a part of a range ends all of
 * its declaration: what is left of it is no weight.
 *
 * A declaration may come before the first use of CUDA, and a child be forked
 * after it. The lock could then be held for ever, so the child, which knows by
 * its number that it is another process, touches nothing here.
 */
#include "engine/declared.h"

#include <stdatomic.h>
#include <sys/types.h>
#include <unistd.h>

#include "base/lock.h"
#include "base/statistics.h"
#include "track/ranges.h"

#define N_PLACES 2

static struct csh_lock lock = CSH_LOCK_INIT(CSH_RANK_RANGES);
static struct csh_ranges declared[N_PLACES] CSH_GUARDED_BY(lock);
static bool is_ready CSH_GUARDED_BY(lock);

static atomic_uint n_declared; /* written under the lock */
static _Atomic pid_t owner;    /* who made the first; 0: nobody */

bool csh_declared_any(void)
{
    return atomic_load_explicit(&n_declared, memory_order_acquire) > 0;
}

bool csh_declared_elsewhere(void)
{
    pid_t made_by = atomic_load(&owner);

    return made_by != 0 && made_by != getpid();
}

/* word[0]: weight, and above it whether it is immutable; word[1]: context. */
static struct csh_range range_of(uint64_t start, uint64_t bytes,
                                 CUcontext context,
                                 const struct csh_declaration *declaration)
{
    struct csh_range range = {.start = start, .bytes = bytes};

    range.value.word[0] = (uint64_t)declaration->is_immutable << 32 |
                          declaration->weight;
    range.value.word[1] = (uintptr_t)context;
    return range;
}

static void removed(const struct csh_range *range, void *opaque)
{
    (void)range, (void)opaque;
    atomic_fetch_sub(&n_declared, 1);
    csh_statistics_add(CSH_GAUGE_declared, -1);
}

static enum csh_declared_result add(struct csh_ranges *ranges,
                                    const struct csh_range *range)
    CSH_REQUIRES(lock)
{
    if (csh_ranges_find(ranges, range->start, range->bytes) == NULL) {
        if (csh_ranges_overlapping(ranges, range->start, range->bytes) !=
            NULL) {
            return CSH_DECLARED_OVERLAPS;
        }
        if (atomic_load(&n_declared) >= CSH_MAX_DECLARED) {
            return CSH_DECLARED_FULL;
        }
    }
    if (!csh_ranges_insert(ranges, range, removed, NULL)) {
        return CSH_DECLARED_FULL;
    }
    atomic_fetch_add(&n_declared, 1);
    csh_statistics_add(CSH_GAUGE_declared, 1);
    return CSH_DECLARED_DONE;
}

enum csh_declared_result
csh_declared_add(enum csh_declared_place place, uint64_t start,
                 uint64_t bytes, CUcontext context,
                 const struct csh_declaration *declaration)
{
    const struct csh_range range =
        range_of(start, bytes, context, declaration);
    enum csh_declared_result result;
    pid_t nobody = 0;

    atomic_compare_exchange_strong(&owner, &nobody, getpid());
    csh_lock_acquire(&lock);
    if (!is_ready) {
        csh_ranges_init(&declared[CSH_DECLARED_DEVICE]);
        csh_ranges_init(&declared[CSH_DECLARED_HOST]);
        is_ready = true;
    }
    result = add(&declared[place], &range);
    csh_lock_release(&lock);
    return result;
}

bool csh_declared_remove(enum csh_declared_place place, uint64_t start,
                         uint64_t *bytes_p)
{
    const struct csh_range *range;
    bool is_there;

    if (!csh_declared_any()) {
        return false;
    }
    csh_lock_acquire(&lock);
    range = csh_ranges_overlapping(&declared[place], start, 1);
    is_there = range != NULL && range->start == start;
    if (is_there) {
        *bytes_p = range->bytes;
        csh_ranges_remove(&declared[place], start, 1, removed, NULL);
    }
    csh_lock_release(&lock);
    return is_there;
}

bool csh_declared_find(enum csh_declared_place place, uint64_t start,
                       uint64_t bytes, struct csh_declaration *declaration_p)
{
    const struct csh_range *range;

    if (!csh_declared_any()) {
        return false;
    }
    csh_lock_acquire(&lock);
    range = csh_ranges_find(&declared[place], start, bytes);
    if (range != NULL) {
        declaration_p->weight = (uint32_t)range->value.word[0];
        declaration_p->is_immutable = range->value.word[0] >> 32 != 0;
    }
    csh_lock_release(&lock);
    return range != NULL;
}

void csh_declared_forget(CUdeviceptr base, size_t bytes)
{
    if (csh_declared_any()) {
        csh_lock_acquire(&lock);
        csh_ranges_remove(&declared[CSH_DECLARED_DEVICE], base, bytes,
                          removed, NULL);
        csh_lock_release(&lock);
    }
}

static bool may_be_of(const struct csh_range *range, void *context)
{
    return range->value.word[1] == (uintptr_t)context ||
           range->value.word[1] == 0;
}

void csh_declared_forget_context(CUcontext context)
{
    if (csh_declared_any()) {
        csh_lock_acquire(&lock);
        csh_ranges_remove_if(&declared[CSH_DECLARED_DEVICE], may_be_of,
                             removed, context);
        csh_lock_release(&lock);
    }
}
