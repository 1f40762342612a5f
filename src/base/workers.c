/*
 * workers.c - the pool.
 *
 * Owns its threads, for the life of the process, and one job at a time. There
 * is no lock: `is_busy` is taken by whoever has a job, or not at all, and all
 * else is written by that thread while the gate is shut.
 *
 *   gate    OPEN or not, and how many workers are inside. A worker goes in
 *           only while it is open; the calling thread shuts it once no part
 *           is left to begin and waits until nobody is inside. So at the end
 *           a part is waited for only if a worker has begun it.
 *   bell    rung (counted up) for each job; idle workers sleep on it.
 *   next    the next part to begin.
 *   marks   what became of each part that a thread began. The calling thread
 *           follows them in order and does what was left.
 *
 * Waiting is done by the bare futex call: pthread_cond_wait() is a
 * cancellation point, and a mutex could be held in a forked child.
 *
 * A child finds the pool busy for ever, if it was forked while a job ran, or
 * with an open gate that nobody comes to; either way its calling thread does
 * everything.
 *
 * Can fail: to make threads. Then there are fewer, or none, and it is not
 * tried again.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* syscall */
#endif
#include "base/workers.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/compiler.h"
#include "base/cpus.h"
#include "base/log.h"
#include "base/options.h"

#define LEAST_PART ((size_t)256 << 10)
#define MOST_BY_AUTO 8u
#define OPEN (UINT32_C(1) << 31)

enum mark { MARK_NONE, MARK_DONE, MARK_LEFT };

/* The state comes first, so that its alignment costs least. */
static struct {
    unsigned char state[CSH_WORK_STATE_BYTES] __attribute__((aligned(64)));
    struct csh_work work;
    /* Both are of the job: constant while the gate is open, but for the
     * state. */

    _Atomic bool is_busy;
    _Atomic uint32_t gate;
    _Atomic uint32_t bell;
    _Atomic size_t next;
    _Atomic unsigned char marks[CSH_WORK_MAX_PARTS];

    _Atomic bool is_started;
    _Atomic unsigned n_workers;
} pool;

/* --- waiting --------------------------------------------------------- */

static void futex_wait(_Atomic uint32_t *word, uint32_t value)
{
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static void futex_wake(_Atomic uint32_t *word, int n)
{
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, n, NULL, NULL, 0);
}

static bool enter(void)
{
    uint32_t gate = atomic_load(&pool.gate);

    while ((gate & OPEN) != 0) {
        if (atomic_compare_exchange_weak(&pool.gate, &gate, gate + 1)) {
            return true;
        }
    }
    return false;
}

static void leave(void)
{
    if (atomic_fetch_sub(&pool.gate, 1) == 1) { /* shut, and the last one */
        futex_wake(&pool.gate, 1);
    }
}

static void shut_and_wait(void)
{
    uint32_t gate = atomic_fetch_and(&pool.gate, ~OPEN) & ~OPEN;

    for (; gate != 0; gate = atomic_load(&pool.gate)) {
        futex_wait(&pool.gate, gate);
    }
}

/* --- work ------------------------------------------------------------ */

/* False when all have been begun. */
static bool take(size_t *part_p)
{
    *part_p = atomic_fetch_add(&pool.next, 1);
    return *part_p < pool.work.n_parts;
}

/* One part that it cannot do is enough to know of a worker. */
static void work_inside(void)
{
    bool is_able = true;
    size_t part;

    while (is_able && take(&part)) {
        is_able = pool.work.part(pool.state, part, false);
        atomic_store_explicit(&pool.marks[part],
                              is_able ? MARK_DONE : MARK_LEFT,
                              memory_order_release);
    }
}

static void *worker(void *unused)
{
    uint32_t heard = 0;

    (void)unused;
    (void)prctl(PR_SET_NAME, "cushadow-worker");
    for (;;) {
        while (atomic_load(&pool.bell) == heard) {
            futex_wait(&pool.bell, heard);
        }
        heard = atomic_load(&pool.bell);
        if (enter()) {
            work_inside();
            leave();
        }
    }
    return NULL;
}

/* Goes on from *at_p over all parts in whose place something is known, and
 * does those that were left. */
static void advance(size_t *at_p)
{
    unsigned mark;

    for (; *at_p < pool.work.n_parts; ++*at_p) {
        mark = atomic_load_explicit(&pool.marks[*at_p],
                                    memory_order_acquire);
        if (mark == MARK_NONE) {
            break;
        }
        if (mark == MARK_LEFT) {
            (void)pool.work.part(pool.state, *at_p, true);
        }
    }
}

static void work_along(size_t *at_p)
{
    size_t part;

    while (take(&part)) {
        (void)pool.work.part(pool.state, part, true);
        atomic_store_explicit(&pool.marks[part], MARK_DONE,
                              memory_order_relaxed);
        advance(at_p);
    }
}

static void run_together(const struct csh_work *work, void *state,
                         size_t bytes)
{
    size_t at = 0;

    pool.work = *work;
    memcpy(pool.state, state, bytes);
    memset((void *)pool.marks, MARK_NONE, work->n_parts);
    atomic_store(&pool.next, 0);
    atomic_store(&pool.gate, OPEN);
    atomic_fetch_add(&pool.bell, 1);
    futex_wake(&pool.bell, INT_MAX);

    work_along(&at);
    shut_and_wait();
    advance(&at);
    memcpy(state, pool.state, bytes);
}

static void run_alone(const struct csh_work *work, void *state)
{
    size_t i;

    for (i = 0; i < work->n_parts; i++) {
        (void)work->part(state, i, true);
    }
}

/* --- threads --------------------------------------------------------- */

unsigned csh_workers_limit(void)
{
    static const struct csh_system_roots roots = {"/proc", "/sys/fs/cgroup"};
    unsigned n = csh_options()->threads;

    if (n == 0) {
        n = csh_cpus_usable(&roots);
        n = (n > 1) ? n - n / 4 : 1;
        n = (n < MOST_BY_AUTO) ? n : MOST_BY_AUTO;
    }
    return n;
}

unsigned csh_workers_count(void)
{
    return atomic_load(&pool.n_workers);
}

/* Small, but the libraries' thread-local storage lies there as well, and a
 * stack that is too small for it is refused. */
static bool make_thread(void)
{
    static const size_t stacks[] = {(size_t)128 << 10, (size_t)1 << 20, 0};
    pthread_attr_t attributes;
    pthread_t thread;
    int error = EINVAL;
    size_t i;

    for (i = 0; (i < CSH_ARRAY_LENGTH(stacks)) && (error == EINVAL); i++) {
        if (pthread_attr_init(&attributes) != 0) {
            return false;
        }
        (void)pthread_attr_setdetachstate(&attributes,
                                          PTHREAD_CREATE_DETACHED);
        if (stacks[i] != 0) {
            (void)pthread_attr_setstacksize(&attributes, stacks[i]);
        }
        error = pthread_create(&thread, &attributes, worker, NULL);
        (void)pthread_attr_destroy(&attributes);
    }
    if (error != 0) {
        csh_info("base", "no thread to copy with: %s", strerror(error));
    }
    return error == 0;
}

/* By the thread that took the pool, so once. A new thread has its maker's
 * signal mask from its first instruction. */
static void start(void)
{
    unsigned wanted = csh_workers_limit() - 1;
    sigset_t all, before;

    (void)sigfillset(&all);
    if ((wanted > 0) && (pthread_sigmask(SIG_SETMASK, &all, &before) == 0)) {
        while ((wanted-- > 0) && make_thread()) {
            atomic_fetch_add(&pool.n_workers, 1);
        }
        (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    atomic_store(&pool.is_started, true);
}

/* True: the workers are the caller's, until it gives is_busy back. */
static bool get_workers(const struct csh_work *work)
{
    if ((work->n_parts < 2) || work->is_callers ||
        (csh_options()->threads == 1) ||
        atomic_exchange(&pool.is_busy, true)) {
        return false;
    }
    if (!atomic_load(&pool.is_started)) {
        start();
    }
    if (atomic_load(&pool.n_workers) == 0) {
        atomic_store(&pool.is_busy, false);
        return false;
    }
    return true;
}

size_t csh_workers_part_bytes(size_t bytes)
{
    size_t part = LEAST_PART;

    while ((part < bytes) && ((bytes < CSH_WORK_LEAST_BYTES) ||
                              (bytes - 1) / part >= CSH_WORK_MAX_PARTS)) {
        part *= 2;
    }
    return part;
}

void csh_workers_run(const struct csh_work *work, void *state, size_t bytes)
{
    int saved_errno = errno;
    int cancelable;

    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancelable);
    if ((bytes <= CSH_WORK_STATE_BYTES) && get_workers(work)) {
        run_together(work, state, bytes);
        atomic_store(&pool.is_busy, false);
    } else {
        run_alone(work, state);
    }
    (void)pthread_setcancelstate(cancelable, &cancelable);
    errno = saved_errno;
}
