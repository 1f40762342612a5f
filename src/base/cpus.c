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
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/text_file.h"

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

static void take_smaller(const char *directory, bool is_version_2,
                         void *opaque)
{
    uint64_t *cpus = opaque;

    (void)is_version_2; /* the files' names tell */
    *cpus = smaller(*cpus, granted(directory));
}

unsigned csh_cpus_usable(const struct csh_system_roots *roots)
{
    int saved_errno = errno;
    uint64_t cpus   = smaller(affinity(), MOST_CPUS);

    csh_cgroups_each(roots, "cpu", take_smaller, &cpus);
    errno = saved_errno;
    return (unsigned)cpus;
}
