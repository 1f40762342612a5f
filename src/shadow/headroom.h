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

#include "base/cgroups.h"

struct csh_headroom {
    bool is_known;      /* false: /proc/meminfo could not be read */
    uint64_t total;     /* bytes of RAM (MemTotal) */
    uint64_t available; /* of them free or easily freed (MemAvailable) */
    /* Bytes that may still be taken: the least of MemAvailable, of what each
     * cgroup from ours to the root leaves below its limits, and, where the
     * kernel refuses to overcommit (mode 2), of what it would commit. */
    uint64_t bytes;
};

void csh_headroom_read(const struct csh_system_roots *roots,
                       struct csh_headroom *headroom_p);

/* One cgroup's own limit, UINT64_MAX if it has none, and what is left below
 * it, not counting file cache that the kernel gives back before it kills. */
struct csh_group_room {
    uint64_t limit, bytes;
};

void csh_headroom_read_group(const char *directory, bool is_version_2,
                             struct csh_group_room *room_p);

#endif
