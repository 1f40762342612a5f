/*
 * lock.c - mutexes whose order is checked.
 *
 * Owns, in debug builds (CSH_DEBUG), a stack a thread of the ranks it holds.
 * The rule that ranks rise means that the top of the stack is the highest, so
 * one comparison decides. Locks may be released in any order.
 *
 * A broken order is a deadlock that has not happened yet: it is reported at
 * the first attempt, whether or not another thread is there to collide with.
 * Release builds carry the mutex only.
 */
#include "base/lock.h"

#ifdef CSH_DEBUG

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* As many as there are ranks: no thread holds two locks of one rank. A test
 * whose abort returns may go beyond; what does not fit is not recorded. */
#define MAX_HELD (CSH_RANK_LEAF + 1)

void (*csh_lock_abort)(void) = abort;

static CSH_THREAD_LOCAL enum csh_lock_rank held[MAX_HELD];
static CSH_THREAD_LOCAL unsigned n_held;

static CSH_COLD void lock_violation(const char *what, int rank)
{
    char line[128];
    int length;
    ssize_t written;

    length = snprintf(line, sizeof(line),
                      "cushadow: lock order broken: %s (rank %d, %u held, "
                      "highest %d)\n", what, rank, n_held,
                      n_held > 0 ? (int)held[n_held - 1] : 0);
    written = write(STDERR_FILENO, line, (size_t)length);
    (void)written; /* the abort follows whether or not it could be said */
    csh_lock_abort();
}

static void lock_note_acquire(enum csh_lock_rank rank)
{
    if ((n_held > 0) && (rank <= held[n_held - 1])) {
        lock_violation("taken below a lock that is held", (int)rank);
    }
    if (n_held < MAX_HELD) {
        held[n_held++] = rank;
    }
}

static void lock_note_release(enum csh_lock_rank rank)
{
    unsigned i = n_held;

    while ((i > 0) && (held[i - 1] != rank)) {
        --i;
    }
    if (i == 0) {
        lock_violation("released without being held", (int)rank);
        return;
    }
    for (; i < n_held; ++i) {
        held[i - 1] = held[i];
    }
    --n_held;
}

void csh_lock_assert_none(void)
{
    if (n_held > 0) {
        lock_violation("held across a call into the driver", 0);
    }
}

#else

static inline void lock_note_acquire(enum csh_lock_rank rank)
{
    (void)rank;
}

static inline void lock_note_release(enum csh_lock_rank rank)
{
    (void)rank;
}

#endif

void csh_lock_acquire(struct csh_lock *lock) CSH_NO_THREAD_ANALYSIS
{
    lock_note_acquire(lock->rank);
    pthread_mutex_lock(&lock->mutex);
}

void csh_lock_release(struct csh_lock *lock) CSH_NO_THREAD_ANALYSIS
{
    pthread_mutex_unlock(&lock->mutex);
    lock_note_release(lock->rank);
}
