/*
 * descriptor.c - out of reach, and known again.
 *
 * Threads: no state. Can fail: for want of descriptors, or where the system
 * refuses; then there is none, and its user does without.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* F_DUPFD_CLOEXEC, F_*_SEALS, syscall */
#endif
#include "base/descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Kernel constants that the oldest C libraries in reach do not name. */
#ifndef F_ADD_SEALS
#define F_ADD_SEALS 1033
#define F_SEAL_SEAL 1
#define F_SEAL_SHRINK 2
#define F_SEAL_GROW 4
#endif
#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 16
#endif

/* select() and most loops that close everything stop below it. */
#define LOWEST_DESCRIPTOR 1024

void csh_descriptor_close_number(int fd)
{
    syscall(SYS_close, fd);
}

/* The usual RLIMIT_NOFILE is 1024: then its last quarter has to do. */
int csh_descriptor_move_up(int fd)
{
    int high = fcntl(fd, F_DUPFD_CLOEXEC, LOWEST_DESCRIPTOR);
    struct rlimit limit;

    if ((high < 0) && (getrlimit(RLIMIT_NOFILE, &limit) == 0) &&
        (limit.rlim_cur <= LOWEST_DESCRIPTOR)) {
        high = fcntl(fd, F_DUPFD_CLOEXEC,
                     (int)(limit.rlim_cur - limit.rlim_cur / 4));
    }
    if (high < 0) {
        return fd; /* none is left up there */
    }

    csh_descriptor_close_number(fd);
    return high;
}

bool csh_descriptor_take(int fd, struct csh_descriptor *descriptor_p)
{
    struct stat status;

    descriptor_p->fd = -1;
    if (fd < 0) {
        return false;
    }

    fd = csh_descriptor_move_up(fd);
    if (fstat(fd, &status) != 0) {
        csh_descriptor_close_number(fd);
        return false;
    }

    descriptor_p->fd     = fd;
    descriptor_p->device = status.st_dev;
    descriptor_p->inode  = status.st_ino;
    return true;
}

bool csh_descriptor_open(const char *path,
                         struct csh_descriptor *descriptor_p)
{
    long fd = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);

    return csh_descriptor_take((int)fd, descriptor_p);
}

bool csh_descriptor_is_ours(const struct csh_descriptor *descriptor)
{
    struct stat status;

    return (descriptor->fd >= 0) && (fstat(descriptor->fd, &status) == 0) &&
           (status.st_dev == descriptor->device) &&
           (status.st_ino == descriptor->inode);
}

void csh_descriptor_close(struct csh_descriptor *descriptor)
{
    if (csh_descriptor_is_ours(descriptor)) {
        csh_descriptor_close_number(descriptor->fd);
    }
    descriptor->fd = -1;
}

/* ftruncate() that cannot kill. A SIGXFSZ that was pending before is the
 * program's and stays; ours, if the kernel sent one, merges with it. */
bool csh_descriptor_resize(int fd, size_t bytes)
{
    const struct timespec at_once = {0, 0};
    sigset_t exceeded, before, pending;
    bool was_pending, is_done;

    sigemptyset(&exceeded);
    sigaddset(&exceeded, SIGXFSZ);
    if (pthread_sigmask(SIG_BLOCK, &exceeded, &before) != 0) {
        return false;
    }
    was_pending = (sigpending(&pending) != 0) ||
                  (sigismember(&pending, SIGXFSZ) == 1);

    is_done = (ftruncate(fd, (off_t)bytes) == 0);
    if (!is_done && (errno == EFBIG) && !was_pending) {
        while ((sigtimedwait(&exceeded, NULL, &at_once) < 0) &&
               (errno == EINTR)) {
        }
    }

    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return is_done;
}

/* Not F_SEAL_WRITE: it is refused while a writable mapping, ours, exists. */
bool csh_descriptor_seal(int fd)
{
    const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;

    return (fcntl(fd, F_ADD_SEALS, seals | F_SEAL_FUTURE_WRITE) == 0) ||
           (fcntl(fd, F_ADD_SEALS, seals) == 0);
}
