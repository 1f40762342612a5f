/*
 * memory_tree.h - made trees of /proc and of cgroups, for the tests of what is
 * read there.
 */
#ifndef CSH_TESTS_MEMORY_TREE_H
#define CSH_TESTS_MEMORY_TREE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* nftw */
#endif
#include "base/cgroups.h"

#include <check.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

static char root[64], proc[96], cgroup[96];

/* Writes a file below the tree's root and the folders that it lies in. */
static void __attribute__((format(printf, 2, 3)))
put(const char *name, const char *format, ...)
{
    char path[512];
    char *slash;
    va_list args;
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", root, name);
    for (slash = strchr(path + strlen(root) + 1, '/'); slash != NULL;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0700);
        *slash = '/';
    }
    file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    va_start(args, format);
    vfprintf(file, format, args);
    va_end(args);
    ck_assert_int_eq(fclose(file), 0);
}

static inline void put_meminfo(uint64_t available_mib)
{
    put("proc/meminfo",
        "MemTotal:       %8llu kB\n"
        "MemFree:            1024 kB\n"
        "MemAvailable:   %8llu kB\n"
        "CommitLimit:    %8llu kB\n"
        "Committed_AS:   %8llu kB\n",
        16384 * 1024ull, (unsigned long long)available_mib * 1024,
        20480 * 1024ull, 17408 * 1024ull);
}

/* One version 2 group. A limit of NULL leaves the file out. */
static inline void put_group(const char *path, const char *max,
                             const char *high, uint64_t current,
                             uint64_t inactive, uint64_t active)
{
    char name[256];

    if (max != NULL) {
        snprintf(name, sizeof(name), "%s/memory.max", path);
        put(name, "%s\n", max);
    }
    if (high != NULL) {
        snprintf(name, sizeof(name), "%s/memory.high", path);
        put(name, "%s\n", high);
    }
    snprintf(name, sizeof(name), "%s/memory.current", path);
    put(name, "%llu\n", (unsigned long long)current);
    snprintf(name, sizeof(name), "%s/memory.stat", path);
    put(name, "anon 4096\nfile %llu\nshmem 12345\ninactive_anon 7\n"
        "active_anon 8\ninactive_file %llu\nactive_file %llu\nslab 1\n",
        (unsigned long long)(inactive + active),
        (unsigned long long)inactive, (unsigned long long)active);
}

/* One version 1 group. */
static inline void put_group_1(const char *path, const char *limit,
                        const char *above, uint64_t usage, uint64_t inactive)
{
    char name[256];

    snprintf(name, sizeof(name), "%s/memory.limit_in_bytes", path);
    put(name, "%s\n", limit);
    snprintf(name, sizeof(name), "%s/memory.usage_in_bytes", path);
    put(name, "%llu\n", (unsigned long long)usage);
    snprintf(name, sizeof(name), "%s/memory.stat", path);
    put(name, "cache 1\ninactive_file 1\nactive_file 1\n"
        "hierarchical_memory_limit %s\ntotal_cache 2\n"
        "total_inactive_file %llu\ntotal_active_file 0\n", above,
        (unsigned long long)inactive);
}

/* A machine of 16 GiB, of which 8 are available; no cgroup. */
static inline struct csh_system_roots plant_tree(void)
{
    strcpy(root, "/tmp/memory_tree.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(root));
    snprintf(proc, sizeof(proc), "%s/proc", root);
    snprintf(cgroup, sizeof(cgroup), "%s/cgroup", root);
    put_meminfo(8192);
    return (struct csh_system_roots){proc, cgroup};
}

static inline int remove_one(const char *path, const struct stat *status,
                             int type, struct FTW *where)
{
    (void)status;
    (void)type;
    (void)where;
    return remove(path);
}

static inline void fell_tree(void)
{
    nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

#endif
