/*
 * platform.c - reads what platform.h names.
 *
 * Owns nothing and remembers nothing. Files are read by bare system calls: no
 * stdio, no allocation, no cancellation point. errno is kept. Any thread.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* syscall, strcasestr */
#endif
#include "base/platform.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Releases are shorter than 65 bytes (__NEW_UTS_LEN of Linux). */
#define RELEASE_BYTES 128
#define PATH_BYTES 256

static int open_below(const char *root, const char *name, int flags)
{
    char path[PATH_BYTES];
    int length = snprintf(path, sizeof(path), "%s/%s", root, name);

    if ((length < 0) || ((size_t)length >= sizeof(path))) {
        return -1;
    }
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC, 0);
}

static bool names_maker(const char *proc)
{
    char release[RELEASE_BYTES];
    int fd   = open_below(proc, "sys/kernel/osrelease", O_RDONLY);
    long got = -1;

    if (fd >= 0) {
        got = syscall(SYS_read, fd, release, sizeof(release) - 1);
        syscall(SYS_close, fd);
    }
    release[(got > 0) ? got : 0] = '\0';
    return strcasestr(release, "microsoft") != NULL;
}

/* O_PATH opens no device: nothing is asked of its driver. */
static bool has_gpu_device(const char *dev)
{
    int fd = open_below(dev, "dxg", O_PATH);

    if (fd >= 0) {
        syscall(SYS_close, fd);
    }
    return fd >= 0;
}

bool csh_platform_is_wsl2(const struct csh_platform_roots *roots)
{
    int saved    = errno;
    bool is_wsl2 = names_maker(roots->proc) && has_gpu_device(roots->dev);

    errno = saved;
    return is_wsl2;
}
