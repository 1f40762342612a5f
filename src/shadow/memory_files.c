/*
 * memory_files.c - see memory_files.h. Owns nothing between calls, takes no
 * lock.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* syscall */
#endif
#include "shadow/memory_files.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TEXT_BYTES CSH_MEMORY_TEXT_BYTES
/* Longer paths are not looked at; their ancestors are. */
#define PATH_BYTES 1024

static bool read_text(const char *path, char text[TEXT_BYTES])
{
    size_t length = 0;
    long n        = 1;
    long fd       = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        return false;
    }

    while ((n > 0) && (length < TEXT_BYTES - 1)) {
        n = syscall(SYS_read, fd, text + length, TEXT_BYTES - 1 - length);
        if (n > 0) {
            length += (size_t)n;
        }
    }

    syscall(SYS_close, fd);
    text[length] = '\0';
    return (n >= 0) && (length > 0);
}

bool csh_memory_read_number(const char *text, uint64_t *number_p)
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
    return true;
}

bool csh_memory_read_key(const char *text, const char *key,
                         uint64_t *number_p)
{
    size_t length    = strlen(key);
    const char *line = text;

    while (line != NULL) {
        if ((strncmp(line, key, length) == 0) &&
            ((line[length] == ' ') || (line[length] == ':'))) {
            return csh_memory_read_number(line + length + 1, number_p);
        }
        line = strchr(line, '\n');
        line = (line == NULL) ? NULL : line + 1;
    }

    return false;
}

bool csh_memory_read_file(const char *directory, const char *name,
                          char text_p[TEXT_BYTES])
{
    char path[PATH_BYTES];
    int length = snprintf(path, sizeof(path), "%s/%s", directory, name);

    return (length > 0) && ((size_t)length < sizeof(path)) &&
           read_text(path, text_p);
}

/* What is told of each group. */
struct walk {
    const char *cgroup_root;
    csh_memory_group_fn *visit;
    void *opaque;
};

/* A group and its ancestors up to the root of the mount. */
static void walk_up(const struct walk *walk, const char *mount,
                    const char *path, bool is_version_2)
{
    char directory[PATH_BYTES];
    size_t root = strlen(mount);
    int length  = snprintf(directory, sizeof(directory), "%s%s", mount,
                           path);
    char *slash;

    if ((length < 0) || (root >= sizeof(directory))) {
        return;
    }

    for (;;) {
        walk->visit(directory, is_version_2, walk->opaque);
        slash = strrchr(directory, '/');
        if ((slash == NULL) || (slash < directory + root)) {
            return;
        }
        *slash = '\0';
    }
}

/* Whether a list of names with commas between them has "memory". */
static bool names_memory(const char *list, const char *end)
{
    static const char memory[] = "memory";
    const size_t length        = sizeof(memory) - 1;
    const char *comma;

    for (;;) {
        comma = memchr(list, ',', (size_t)(end - list));
        comma = (comma == NULL) ? end : comma;
        if (((size_t)(comma - list) == length) &&
            (memcmp(list, memory, length) == 0)) {
            return true;
        }
        if (comma == end) {
            return false;
        }
        list = comma + 1;
    }
}

/* One line of /proc/self/cgroup: "ID:CONTROLLERS:PATH". */
static void walk_line(const struct walk *walk, const char *line)
{
    const char *list = strchr(line, ':');
    const char *path = (list == NULL) ? NULL : strchr(list + 1, ':');
    char mount[PATH_BYTES];

    if (path == NULL) {
        return;
    }

    if (path > list + 1) {
        if (names_memory(list + 1, path)) {
            snprintf(mount, sizeof(mount), "%s/memory", walk->cgroup_root);
            walk_up(walk, mount, path + 1, false);
        }
        return;
    }

    /* Version 2 is mounted at the root, or beside version 1 one below. */
    walk_up(walk, walk->cgroup_root, path + 1, true);
    snprintf(mount, sizeof(mount), "%s/unified", walk->cgroup_root);
    walk_up(walk, mount, path + 1, true);
}

void csh_memory_each_group(const struct csh_memory_roots *roots,
                           csh_memory_group_fn *visit, void *opaque)
{
    const struct walk walk = {roots->cgroup, visit, opaque};
    char lines[TEXT_BYTES];
    char *line = lines;
    char *end;

    if (!csh_memory_read_file(roots->proc, "self/cgroup", lines)) {
        return;
    }

    while (*line != '\0') {
        end = strchr(line, '\n');
        if (end != NULL) {
            *end = '\0';
        }
        walk_line(&walk, line);
        line = (end == NULL) ? line + strlen(line) : end + 1;
    }
}
