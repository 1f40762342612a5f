/*
 * headroom.c - reads /proc/meminfo, the overcommit mode and cgroups.
 *
 * Owns nothing between calls. The files and the way to the groups are those
 * of text_file.h and cgroups.h.
 *
 * What cannot be read sets no limit, but for meminfo: without it nothing is
 * known and the caller is told so. Outside a limit that exists the process is
 * killed, not refused (populating past a cgroup limit never fails), so every
 * rounding below is down.
 */
#include "shadow/headroom.h"

#include <stddef.h>

#include "base/text_file.h"

#define TEXT_BYTES CSH_TEXT_BYTES
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

static uint64_t read_limit(const char *directory, const char *name,
                           char text[TEXT_BYTES])
{
    uint64_t limit;

    /* "max" is not a number. */
    if ((name == NULL) || !csh_text_read(directory, name, text, TEXT_BYTES) ||
        !csh_text_number(text, &limit, NULL) || (limit >= LEAST_NO_LIMIT)) {
        return NO_LIMIT;
    }

    return limit;
}

/*
 * Usage counts file cache, of which the kernel gives back the inactive part
 * before it kills; of the active part half is taken for the working set, as
 * the kernel's own MemAvailable does. Shared memory is on neither list, so our
 * own slabs are not mistaken for cache.
 */
void csh_headroom_read_group(const char *directory, bool is_version_2,
                             struct csh_group_room *room_p)
{
    const struct controller *controller = is_version_2 ? &version_2
                                                       : &version_1;
    uint64_t usage = 0, inactive = 0, active = 0, above, cache;
    char text[TEXT_BYTES];
    uint64_t limit;

    limit = least(read_limit(directory, controller->limits[0], text),
                  read_limit(directory, controller->limits[1], text));
    if (csh_text_read(directory, "memory.stat", text, TEXT_BYTES)) {
        (void)csh_text_find_number(text, controller->inactive_key, &inactive);
        (void)csh_text_find_number(text, controller->active_key, &active);
        if ((controller->limit_key != NULL) &&
            csh_text_find_number(text, controller->limit_key, &above) &&
            (above < LEAST_NO_LIMIT)) {
            limit = least(limit, above);
        }
    }

    room_p->limit = limit;
    room_p->bytes = NO_LIMIT;
    if (limit == NO_LIMIT) {
        return;
    }
    if (!csh_text_read(directory, controller->usage, text, TEXT_BYTES) ||
        !csh_text_number(text, &usage, NULL)) {
        room_p->bytes = 0; /* a limit, and no knowing how near it is */
        return;
    }

    cache = least(inactive, NO_LIMIT - active / 2) + active / 2;
    usage -= least(usage, cache);
    room_p->bytes = (limit > usage) ? limit - usage : 0;
}

static void take_least(const char *directory, bool is_version_2, void *opaque)
{
    uint64_t *room = opaque;
    struct csh_group_room group;

    csh_headroom_read_group(directory, is_version_2, &group);
    *room = least(*room, group.bytes);
}

static uint64_t cgroups_room(const struct csh_system_roots *roots)
{
    uint64_t room = NO_LIMIT;

    csh_cgroups_each(roots, "memory", take_least, &room);
    return room;
}

/* Mode 2 is the only one in which the kernel refuses on this account. */
static uint64_t commit_room(const struct csh_system_roots *roots,
                            const char *meminfo)
{
    char text[TEXT_BYTES];
    uint64_t mode, limit, committed;

    if (!csh_text_read(roots->proc, "sys/vm/overcommit_memory",
                              text, TEXT_BYTES) ||
        !csh_text_number(text, &mode, NULL) || (mode != 2) ||
        !csh_text_find_number(meminfo, "CommitLimit", &limit) ||
        !csh_text_find_number(meminfo, "Committed_AS", &committed)) {
        return NO_LIMIT;
    }

    return (limit > committed) ? (limit - committed) * 1024 : 0;
}

void csh_headroom_read(const struct csh_system_roots *roots,
                       struct csh_headroom *headroom_p)
{
    char meminfo[TEXT_BYTES];
    uint64_t total, available;

    *headroom_p = (struct csh_headroom){.is_known = false};

    /* Linux before 3.14 has no MemAvailable; what is free is a lower bound. */
    if (!csh_text_read(roots->proc, "meminfo", meminfo, TEXT_BYTES) ||
        !csh_text_find_number(meminfo, "MemTotal", &total) ||
        (!csh_text_find_number(meminfo, "MemAvailable", &available) &&
         !csh_text_find_number(meminfo, "MemFree", &available))) {
        return;
    }

    headroom_p->is_known  = true;
    headroom_p->total     = total * 1024;
    headroom_p->available = available * 1024;
    headroom_p->bytes     = least(least(available * 1024,
                                        commit_room(roots, meminfo)),
                                  cgroups_room(roots));
}
