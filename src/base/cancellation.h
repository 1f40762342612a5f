/*
 * cancellation.h - keeps a thread that somebody cancels from ending within
 * work of the shim's.
 *
 * The driver's calls are no cancellation points of POSIX, but a driver may go
 * through one (msync, say), and the shim makes calls that the program did not
 * ask for: the thread would leave a copy half done that is whole without the
 * shim, and what it had taken of the shim's would stay taken. The cancellation
 * waits for the program's next point. Any thread; no lock; errno is kept.
 */
#ifndef CSH_BASE_CANCELLATION_H
#define CSH_BASE_CANCELLATION_H

#include <pthread.h>

/* Returns what csh_cancellation_allow() takes. Pairs may be nested. */
static inline int csh_cancellation_put_off(void)
{
    int before = PTHREAD_CANCEL_ENABLE;

    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
    return before;
}

static inline void csh_cancellation_allow(int before)
{
    int unused;

    (void)pthread_setcancelstate(before, &unused);
}

#endif
