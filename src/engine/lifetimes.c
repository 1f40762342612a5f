/*
 * lifetimes.c - see lifetimes.h.
 *
 * Owns the map of memory that was seen to begin, the number of calls under way
 * that end memory, and the name of the prover whose batch is under way.
 *
 * Why no launch reads ended memory: who ends memory first counts itself and
 * then looks, under the lock, whether a batch is under way; who launches first
 * makes its batch known and then looks, under the lock, whether anybody is
 * counted. The later of the two finds the other, and either the launch is not
 * made or its control word says so to every thread block that has not begun.
 * Whoever finds the last block done takes the name away, so that nobody looks
 * at the control page after a context, and the page with it, may have ended.
 *
 * The lock is a leaf. Any thread.
 */
#include "engine/lifetimes.h"

#include <stdatomic.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/lock.h"
#include "track/ranges.h"
#include "track/watch.h"

/* A piece takes a thread block some tens of microseconds. */
#define NAP_NS UINT64_C(20000)

static struct csh_lock lock = CSH_LOCK_INIT(CSH_RANK_LEAF);
static struct csh_ranges memory CSH_GUARDED_BY(lock);
static struct csh_prover *reader CSH_GUARDED_BY(lock);
static bool is_stopped CSH_GUARDED_BY(lock); /* the latest reader */
static _Atomic unsigned n_ending;

void csh_lifetimes_begun(CUdeviceptr base, size_t bytes)
{
    struct csh_range range = {.start = base, .bytes = bytes};

    if (!csh_watch_is_allowed()) {
        return;
    }
    csh_lock_acquire(&lock);
    if (memory.allocate == NULL) {
        csh_ranges_init(&memory);
    }
    /* Memory being short only loses the record. */
    if (!csh_ranges_insert(&memory, &range, NULL, NULL)) {
        csh_ranges_remove(&memory, base, bytes, NULL, NULL);
    }
    csh_lock_release(&lock);
}

bool csh_lifetimes_covers(CUdeviceptr start, size_t bytes)
{
    bool is_covered;

    csh_lock_acquire(&lock);
    is_covered = csh_ranges_containing(&memory, start, bytes) != NULL;
    csh_lock_release(&lock);
    return is_covered;
}

void csh_lifetimes_forget(CUdeviceptr base, size_t bytes)
{
    csh_lock_acquire(&lock);
    csh_ranges_remove(&memory, base, bytes, NULL, NULL);
    csh_lock_release(&lock);
}

void csh_lifetimes_forget_all(void)
{
    csh_lock_acquire(&lock);
    csh_ranges_clear(&memory, NULL, NULL);
    csh_lock_release(&lock);
}

/* True while thread blocks of a batch read. */
static bool is_still_read(void)
{
    bool is_read = false;

    csh_lock_acquire(&lock);
    if (reader != NULL) {
        is_stopped = true;
        is_read = csh_prover_batch_call_off(reader);
        if (!is_read) {
            reader = NULL;
        }
    }
    csh_lock_release(&lock);
    return is_read;
}

void csh_lifetimes_ending(void)
{
    atomic_fetch_add(&n_ending, 1);
    csh_watch_after();
    while (is_still_read()) {
        csh_clock_nap_ns(NAP_NS);
    }
}

void csh_lifetimes_ended(void)
{
    atomic_fetch_sub(&n_ending, 1);
}

bool csh_lifetimes_enter(struct csh_prover *prover)
{
    bool may_read;

    csh_lock_acquire(&lock);
    may_read = atomic_load(&n_ending) == 0;
    reader = may_read ? prover : NULL;
    is_stopped = false;
    csh_lock_release(&lock);
    return may_read;
}

bool csh_lifetimes_leave(void)
{
    bool was_left_alone;

    csh_lock_acquire(&lock);
    was_left_alone = !is_stopped;
    reader = NULL;
    csh_lock_release(&lock);
    return was_left_alone;
}
