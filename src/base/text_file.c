/*
 * text_file.c - bare system calls, because libc's wrappers are cancellation
 * points and may be hooked. Owns nothing; any thread.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* syscall */
#endif
#include "base/text_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PATH_BYTES 1024

bool csh_text_read(const char *directory, const char *name, char *text,
                   size_t bytes)
{
    char path[PATH_BYTES];
    int path_bytes = snprintf(path, sizeof(path), "%s/%s", directory, name);
    size_t length  = 0;
    long n         = 1;
    long fd;

    if ((path_bytes < 0) || ((size_t)path_bytes >= sizeof(path))) {
        errno = ENAMETOOLONG;
        return false;
    }
    fd = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    while ((n > 0) && (length < bytes - 1)) {
        n = syscall(SYS_read, fd, text + length, bytes - 1 - length);
        if (n > 0) {
            length += (size_t)n;
        }
    }
    syscall(SYS_close, fd);
    text[length] = '\0';
    return (n >= 0) && (length > 0);
}

bool csh_text_number(const char *text, uint64_t *number_p, const char **end_p)
{
    uint64_t number = 0;

    while ((*text == ' ') || (*text == '\t')) {
        text++;
    }
    if ((*text < '0') || (*text > '9')) {
        return false;
    }
    for (; (*text >= '0') && (*text <= '9'); text++) {
        if (number > (UINT64_MAX - 9) / 10) {
            number = (UINT64_MAX - 9) / 10;
        }
        number = number * 10 + (uint64_t)(*text - '0');
    }
    *number_p = number;
    if (end_p != NULL) {
        *end_p = text;
    }
    return true;
}

bool csh_text_find_number(const char *text, const char *key,
                          uint64_t *number_p)
{
    size_t length    = strlen(key);
    const char *line = text;

    while (line != NULL) {
        if ((strncmp(line, key, length) == 0) &&
            ((line[length] == ' ') || (line[length] == ':'))) {
            return csh_text_number(line + length + 1, number_p, NULL);
        }
        line = strchr(line, '\n');
        line = (line == NULL) ? NULL : line + 1;
    }

    return false;
}
