/*
 * cpus.c - the affinity mask and the quotas of cgroups. Owns nothing; any
 * thread.
 *
 * Formats: sched(7); Documentation/admin-guide/cgroup-v2.rst ("cpu.max") and
 * scheduler/sched-bwc.rst (version 1) of Linux.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* syscall */
#endif
#include "base/cpus.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/text_file.h"

#define PATH_BYTES 1024
#define LINES_BYTES 4096
#define NO_LIMIT UINT64_MAX

/* As many processors as Linux can be built for, and no cpu_set_t, which is
 * too short for some machines. */
#define MOST_CPUS 8192

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return (a < b) ? a : b;
}

static uint64_t affinity(void)
{
    unsigned long mask[MOST_CPUS / (8 * sizeof(unsigned long))] = {0};
    uint64_t n = 0;
    long bytes = syscall(SYS_sched_getaffinity, 0, sizeof(mask), mask);
    long i;

    for (i = 0; i < bytes / (long)sizeof(mask[0]); i++) {
        n += (uint64_t)__builtin_popcountl(mask[i]);
    }
    return (n > 0) ? n : NO_LIMIT;
}

static uint64_t processors(uint64_t quota, uint64_t period)
{
    return ((quota == 0) || (period == 0)) ? NO_LIMIT
                                           : (quota - 1) / period + 1;
}

/* Version 2: "QUOTA PERIOD", or "max PERIOD"; version 1: a file for each,
 * with a quota of -1 for none. */
static uint64_t granted(const char *directory)
{
    char text[64], period_text[64];
    uint64_t quota, period;
    const char *end;

    if (csh_text_read(directory, "cpu.max", text, sizeof(text))) {
        return csh_text_number(text, &quota, &end) &&
                       csh_text_number(end, &period, NULL)
                   ? processors(quota, period)
                   : NO_LIMIT;
    }
    if (csh_text_read(directory, "cpu.cfs_quota_us", text, sizeof(text)) &&
        csh_text_read(directory, "cpu.cfs_period_us", period_text,
                      sizeof(period_text)) &&
        csh_text_number(text, &quota, NULL) &&
        csh_text_number(period_text, &period, NULL)) {
        return processors(quota, period);
    }
    return NO_LIMIT;
}

/* From a cgroup up to the root of its mount, which in a container is often
 * all that is there. */
static uint64_t granted_above(const char *mount, const char *path)
{
    char directory[PATH_BYTES];
    size_t root   = strlen(mount);
    int length    = snprintf(directory, sizeof(directory), "%s%s", mount,
                             path);
    uint64_t cpus = NO_LIMIT;
    char *slash;

    if ((length < 0) || ((size_t)length >= sizeof(directory))) {
        return NO_LIMIT;
    }
    for (;;) {
        cpus  = smaller(cpus, granted(directory));
        slash = strrchr(directory, '/');
        if ((slash == NULL) || (slash < directory + root)) {
            return cpus;
        }
        *slash = '\0';
    }
}

/* Whether a list of names with commas between them has "cpu". */
static bool names_cpu(const char *list, const char *end)
{
    size_t length;

    for (; list < end; list += length + 1) {
        length = strcspn(list, ",:");
        if ((length == 3) && (memcmp(list, "cpu", 3) == 0)) {
            return true;
        }
    }
    return false;
}

/* One line of /proc/self/cgroup: "ID:CONTROLLERS:PATH". The list is empty in
 * version 2; version 1's "cpu" is a link where it is mounted with others. */
static uint64_t granted_by_line(const char *cgroup_root, const char *line)
{
    const char *list = strchr(line, ':');
    const char *path = (list == NULL) ? NULL : strchr(list + 1, ':');
    char mount[PATH_BYTES];

    if (path == NULL) {
        return NO_LIMIT;
    }
    if (path == list + 1) {
        return granted_above(cgroup_root, path + 1);
    }
    if (!names_cpu(list + 1, path)) {
        return NO_LIMIT;
    }
    snprintf(mount, sizeof(mount), "%s/cpu", cgroup_root);
    return granted_above(mount, path + 1);
}

static uint64_t quota(const struct csh_cpu_roots *roots)
{
    char lines[LINES_BYTES];
    uint64_t cpus = NO_LIMIT;
    char *line = lines, *end;

    if (!csh_text_read(roots->proc, "self/cgroup", lines, sizeof(lines))) {
        return NO_LIMIT;
    }
    for (; line != NULL; line = end) {
        end = strchr(line, '\n');
        if (end != NULL) {
            *end++ = '\0';
        }
        cpus = smaller(cpus, granted_by_line(roots->cgroup, line));
    }
    return cpus;
}

unsigned csh_cpus_usable(const struct csh_cpu_roots *roots)
{
    int saved_errno = errno;
    uint64_t cpus   = smaller(smaller(affinity(), quota(roots)), MOST_CPUS);

    errno = saved_errno;
    return (unsigned)cpus;
}
