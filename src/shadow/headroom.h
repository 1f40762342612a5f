/*
 * headroom.h - how much memory this process could still take.
 *
 * Read from /proc and from the cgroups' files; nothing is remembered, since
 * a figure from a moment ago says nothing about now.
 */
#ifndef CSH_SHADOW_HEADROOM_H
#define CSH_SHADOW_HEADROOM_H

#include <stdbool.h>
#include <stdint.h>

/* Where the files lie, without a slash at the end; "/proc" and
 * "/sys/fs/cgroup" outside tests. The strings belong to the caller. */
struct csh_memory_roots {
    const char *proc;
    const char *cgroup;
};

struct csh_headroom {
    bool is_known;  /* false: /proc/meminfo could not be read */
    uint64_t total; /* bytes of RAM (MemTotal) */
    /* Bytes that may still be taken: the least of MemAvailable, of what each
     * cgroup from ours to the root leaves below its limits, and, where the
     * kernel refuses to overcommit (mode 2), of what it would commit. */
    uint64_t bytes;
};

void csh_headroom_read(const struct csh_memory_roots *roots,
                       struct csh_headroom *headroom_p);

#endif
