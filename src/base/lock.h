/*
 * lock.h - the only mutex type of the shim, and the order of all locks.
 *
 * A thread takes locks in rising rank and never two of one rank. No lock is
 * held across a call into the driver: csh_lock_assert_none() stands before
 * each of them and aborts in debug builds (--enable-debug) only.
 */
#ifndef CSH_BASE_LOCK_H
#define CSH_BASE_LOCK_H

#include <pthread.h>

#include "base/compiler.h"

enum csh_lock_rank {
    CSH_RANK_CONTEXTS = 1, /* contexts the shim has prepared */
    CSH_RANK_RANGES,       /* device ranges and host aliases */
    CSH_RANK_STORE,        /* shadows: references, LRU, budget */
    CSH_RANK_SLABS,        /* slab chunks and their free extents */
    CSH_RANK_LEAF,         /* whatever takes no other lock */
};

struct CSH_CAPABILITY("mutex") csh_lock {
    pthread_mutex_t mutex;
    enum csh_lock_rank rank;
};

#define CSH_LOCK_INIT(rank_) {PTHREAD_MUTEX_INITIALIZER, (rank_)}

void csh_lock_acquire(struct csh_lock *lock) CSH_ACQUIRES(*lock);
void csh_lock_release(struct csh_lock *lock) CSH_RELEASES(*lock);

#ifdef CSH_DEBUG
/* Aborts if the calling thread holds any lock of the shim. */
void csh_lock_assert_none(void);

/* What a violation ends in, after its line on stderr: abort(). A test puts
 * its own function here; if that returns, the operation goes on. */
extern void (*csh_lock_abort)(void);
#else
static inline void csh_lock_assert_none(void)
{
}
#endif

#endif
