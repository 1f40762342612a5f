/*
 * headroom.c - reads /proc/meminfo, the overcommit mode and cgroups.
 *
 * Owns nothing between calls. Files are read by bare system calls into stack
 * buffers: no stdio, no allocation, no cancellation point, so that it may run
 * inside any call of the program, from any thread.
 *
 * What cannot be read sets no limit, but for meminfo: without it nothing is
 * known and the caller is told so. Outside a limit that exists the process is
 * killed, not refused (populating past a cgroup limit never fails), so every
 * rounding below is down.
 *
 * Formats: proc(5); Documentation/admin-guide/cgroup-v2.rst and
 * cgroup-v1/memory.rst of Linux.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* syscall */
#endif
#include "shadow/headroom.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* meminfo and memory.stat are below 3 KiB on Linux 6.18. */
#define TEXT_BYTES 4096
/* Longer paths are not looked at; their ancestors are. */
#define PATH_BYTES 1024
#define NO_LIMIT UINT64_MAX
/* Version 1 writes "none" as the largest multiple of a page below 2^63. */
#define LEAST_NO_LIMIT (UINT64_C(1) << 62)

/* What the two versions of the memory controller call the same things. */
struct controller {
    const char *limits[2]; /* exceeding either hurts; NULL: no such file */
    const char *usage;
    const char *inactive_key, *active_key; /* file cache, subtree included */
    const char *limit_key; /* least limit of all ancestors, or NULL */
};

static const struct controller version_1 = {
    {"memory.limit_in_bytes", NULL}, "memory.usage_in_bytes",
    "total_inactive_file", "total_active_file", "hierarchical_memory_limit",
};

static const struct controller version_2 = {
    {"memory.max", "memory.high"}, "memory.current",
    "inactive_file", "active_file", NULL,
};

static uint64_t least(uint64_t a, uint64_t b)
{
    return (a < b) ? a : b;
}

/* Fills a buffer with a file's beginning and a terminating zero. */
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

/* A decimal number after blanks; saturates; false for anything else. */
static bool read_number(const char *text, uint64_t *number_p)
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

/* The number in the line that begins with a key and a blank or a colon. */
static bool read_key(const char *text, const char *key, uint64_t *number_p)
{
    size_t length    = strlen(key);
    const char *line = text;

    while (line != NULL) {
        if ((strncmp(line, key, length) == 0) &&
            ((line[length] == ' ') || (line[length] == ':'))) {
            return read_number(line + length + 1, number_p);
        }
        line = strchr(line, '\n');
        line = (line == NULL) ? NULL : line + 1;
    }

    return false;
}

static bool read_file(const char *directory, const char *name,
                      char text[TEXT_BYTES])
{
    char path[PATH_BYTES];
    int length = snprintf(path, sizeof(path), "%s/%s", directory, name);

    return (length > 0) && ((size_t)length < sizeof(path)) &&
           read_text(path, text);
}

static uint64_t read_limit(const char *directory, const char *name,
                           char text[TEXT_BYTES])
{
    uint64_t limit;

    /* "max" is not a number. */
    if ((name == NULL) || !read_file(directory, name, text) ||
        !read_number(text, &limit) || (limit >= LEAST_NO_LIMIT)) {
        return NO_LIMIT;
    }

    return limit;
}

/*
 * What one cgroup leaves. Its usage counts file cache, of which the kernel
 * gives back the inactive part before it kills; of the active part half is
 * taken for the working set, as the kernel's own MemAvailable does. Shared
 * memory is on neither list, so our own slabs are not mistaken for cache.
 */
static uint64_t cgroup_room(const char *directory,
                            const struct controller *controller,
                            char text[TEXT_BYTES])
{
    uint64_t limit = NO_LIMIT;
    uint64_t usage = 0, inactive = 0, active = 0, above, cache;

    limit = least(read_limit(directory, controller->limits[0], text),
                  read_limit(directory, controller->limits[1], text));
    if (read_file(directory, "memory.stat", text)) {
        (void)read_key(text, controller->inactive_key, &inactive);
        (void)read_key(text, controller->active_key, &active);
        if ((controller->limit_key != NULL) &&
            read_key(text, controller->limit_key, &above) &&
            (above < LEAST_NO_LIMIT)) {
            limit = least(limit, above);
        }
    }
    if (limit == NO_LIMIT) {
        return NO_LIMIT;
    }
    if (!read_file(directory, controller->usage, text) ||
        !read_number(text, &usage)) {
        return 0; /* a limit, and no knowing how near it is */
    }

    cache = least(inactive, NO_LIMIT - active / 2) + active / 2;
    usage -= least(usage, cache);
    return (limit > usage) ? limit - usage : 0;
}

/*
 * The least room from a cgroup up to the root of the mount. In a container
 * the path may be the host's and lead nowhere below the container's mount;
 * the mount's root, which is then the container's own group, is always read.
 */
static uint64_t ancestors_room(const char *mount, const char *path,
                               const struct controller *controller,
                               char text[TEXT_BYTES])
{
    char directory[PATH_BYTES];
    size_t root   = strlen(mount);
    int length    = snprintf(directory, sizeof(directory), "%s%s", mount,
                             path);
    uint64_t room = NO_LIMIT;
    char *slash;

    if ((length < 0) || (root >= sizeof(directory))) {
        return NO_LIMIT;
    }

    for (;;) {
        room  = least(room, cgroup_room(directory, controller, text));
        slash = strrchr(directory, '/');
        if ((slash == NULL) || (slash < directory + root)) {
            return room;
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
static uint64_t line_room(const char *cgroup_root, const char *line,
                          char text[TEXT_BYTES])
{
    const char *list = strchr(line, ':');
    const char *path = (list == NULL) ? NULL : strchr(list + 1, ':');
    char mount[PATH_BYTES];
    uint64_t room;

    if (path == NULL) {
        return NO_LIMIT;
    }

    if (path > list + 1) {
        if (!names_memory(list + 1, path)) {
            return NO_LIMIT;
        }
        snprintf(mount, sizeof(mount), "%s/memory", cgroup_root);
        return ancestors_room(mount, path + 1, &version_1, text);
    }

    /* Version 2 is mounted at the root, or beside version 1 one below. */
    room = ancestors_room(cgroup_root, path + 1, &version_2, text);
    snprintf(mount, sizeof(mount), "%s/unified", cgroup_root);
    return least(room, ancestors_room(mount, path + 1, &version_2, text));
}

static uint64_t cgroups_room(const struct csh_memory_roots *roots)
{
    char lines[TEXT_BYTES], text[TEXT_BYTES];
    uint64_t room = NO_LIMIT;
    char *line    = lines;
    char *end;

    if (!read_file(roots->proc, "self/cgroup", lines)) {
        return NO_LIMIT;
    }

    while (*line != '\0') {
        end = strchr(line, '\n');
        if (end != NULL) {
            *end = '\0';
        }
        room = least(room, line_room(roots->cgroup, line, text));
        line = (end == NULL) ? line + strlen(line) : end + 1;
    }

    return room;
}

/* Mode 2 is the only one in which the kernel refuses on this account. */
static uint64_t commit_room(const struct csh_memory_roots *roots,
                            const char *meminfo)
{
    char text[TEXT_BYTES];
    uint64_t mode, limit, committed;

    if (!read_file(roots->proc, "sys/vm/overcommit_memory", text) ||
        !read_number(text, &mode) || (mode != 2) ||
        !read_key(meminfo, "CommitLimit", &limit) ||
        !read_key(meminfo, "Committed_AS", &committed)) {
        return NO_LIMIT;
    }

    return (limit > committed) ? (limit - committed) * 1024 : 0;
}

void csh_headroom_read(const struct csh_memory_roots *roots,
                       struct csh_headroom *headroom_p)
{
    char meminfo[TEXT_BYTES];
    uint64_t total, available;

    headroom_p->is_known = false;
    headroom_p->total    = 0;
    headroom_p->bytes    = 0;

    /* Linux before 3.14 has no MemAvailable; what is free is a lower bound. */
    if (!read_file(roots->proc, "meminfo", meminfo) ||
        !read_key(meminfo, "MemTotal", &total) ||
        (!read_key(meminfo, "MemAvailable", &available) &&
         !read_key(meminfo, "MemFree", &available))) {
        return;
    }

    headroom_p->is_known = true;
    headroom_p->total    = total * 1024;
    headroom_p->bytes    = least(least(available * 1024,
                                       commit_room(roots, meminfo)),
                                 cgroups_room(roots));
}
