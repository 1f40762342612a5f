/*
 * clock.c - the monotonic clock of the system. Owns nothing; any thread.
 */
#include "base/clock.h"

#include <errno.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S UINT64_C(1000000000)

uint64_t csh_clock_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

uint64_t csh_clock_thread_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

/* The bare system call: libc's wrapper is a cancellation point. */
void csh_clock_nap_ns(uint64_t ns)
{
    const struct timespec span = {(time_t)(ns / NS_PER_S),
                                  (long)(ns % NS_PER_S)};
    int saved_errno = errno;

    syscall(SYS_nanosleep, &span, NULL);
    errno = saved_errno;
}
