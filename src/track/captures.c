/*
 * captures.c - the two counters of captures.h.
 *
 * Owns how many captures are active, never below zero, and how many threads
 * ask the driver something that a capture would not survive. Sequentially
 * consistent: of a thread that begins a capture and one that asks, each first
 * raises its own counter and then reads the other's, so at least one of them
 * sees the other; and a thread that was told of a beginning by any means
 * finds it counted.
 */
#include "track/captures.h"

#include <sched.h>
#include <stdatomic.h>

#include "base/clock.h"

/* Questions take microseconds. Should one be stuck in the driver, a capture
 * that it may break is better than a program that stops. */
#define CSH_CAPTURES_PATIENCE_NS UINT64_C(100000000)

static atomic_uint n_active;
static atomic_uint n_asking;

void csh_captures_begun(void)
{
    atomic_fetch_add(&n_active, 1);
}

void csh_captures_beginning(void)
{
    uint64_t begun_ns;

    csh_captures_begun();
    if (atomic_load(&n_asking) == 0) {
        return;
    }
    begun_ns = csh_clock_now_ns();
    while ((atomic_load(&n_asking) > 0) &&
           (csh_clock_now_ns() - begun_ns < CSH_CAPTURES_PATIENCE_NS)) {
        sched_yield();
    }
}

bool csh_captures_hold_off(void)
{
    atomic_fetch_add(&n_asking, 1);
    if (csh_captures_any_active()) {
        csh_captures_let_go();
        return false;
    }
    return true;
}

void csh_captures_let_go(void)
{
    atomic_fetch_sub(&n_asking, 1);
}

void csh_captures_ended(void)
{
    unsigned n = atomic_load(&n_active);

    while ((n > 0) && !atomic_compare_exchange_weak(&n_active, &n, n - 1)) {
    }
}

bool csh_captures_any_active(void)
{
    return atomic_load(&n_active) > 0;
}
