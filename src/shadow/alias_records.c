/*
 * alias_records.c - what was mapped where.
 *
 * Owns the records (alias_inside.h), each from the offload that maps it until
 * its range is given something else, is forgotten, or is found to be the
 * program's again when room is looked for.
 *
 * Threads: one lock, taken for look-ups and, when room is looked for, for
 * questions to the kernel; never while program memory is read or mapped.
 *
 * Can fail: adding, for want of memory or of room.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* syscall */
#endif
#include "shadow/alias_inside.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/descriptor.h"

/* A look at some thousand records takes some milliseconds. */
#define CALLS_BETWEEN_SWEEPS 1024u
/* vm.max_map_count where it cannot be read: the kernel's default. */
#define DEFAULT_MAPPINGS 65530u
/* Of these a part is for us. */
#define MAPPINGS_SHARE 4u

static void *map_file(void *address, size_t bytes, int fd, off_t offset)
{
    return mmap(address, bytes, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_FIXED, fd, offset);
}

static uint64_t read_most_mappings(void)
{
    char text[32];
    uint64_t n = 0;
    long fd, length, i;

    fd = syscall(SYS_openat, AT_FDCWD, "/proc/sys/vm/max_map_count",
                 O_RDONLY | O_CLOEXEC, 0);
    length = (fd < 0) ? -1 : syscall(SYS_read, fd, text, sizeof(text));
    for (i = 0; (i < length) && (text[i] >= '0') && (text[i] <= '9'); i++) {
        n = n * 10 + (unsigned)(text[i] - '0');
    }
    if (fd >= 0) {
        csh_descriptor_close_number((int)fd);
    }

    return (n == 0) ? DEFAULT_MAPPINGS : n;
}

struct csh_aliases *csh_alias_create(const struct csh_alias_setup *setup)
{
    const struct csh_lock unlocked = CSH_LOCK_INIT(CSH_RANK_LEAF);
    struct csh_aliases *aliases    = calloc(1, sizeof(*aliases));

    if (aliases == NULL) {
        return NULL;
    }

    aliases->setup = *setup;
    aliases->lock  = unlocked;
    aliases->page  = csh_page_bytes();
    csh_ranges_init(&aliases->records);
    if (aliases->setup.map == NULL) {
        aliases->setup.map = map_file;
    }
    if (aliases->setup.most_mappings == 0) {
        aliases->setup.most_mappings = read_most_mappings() / MAPPINGS_SHARE;
    }
    return aliases;
}

static void free_record(const struct csh_range *range, void *opaque)
{
    (void)opaque;
    free(range->value.pointer);
}

void csh_alias_destroy(struct csh_aliases *aliases)
{
    csh_lock_acquire(&aliases->lock);
    csh_ranges_clear(&aliases->records, free_record, NULL);
    csh_lock_release(&aliases->lock);
    free(aliases);
}

void csh_alias_read_usage(struct csh_aliases *aliases,
                          struct csh_alias_usage *usage_p)
{
    csh_lock_acquire(&aliases->lock);
    usage_p->n_records    = aliases->records.n_ranges;
    usage_p->n_mappings   = aliases->n_mappings;
    usage_p->mapped_bytes = aliases->mapped_bytes;
    csh_lock_release(&aliases->lock);
}

/* The record of the range that holds an address, and where that ends. */
static bool read_record(struct csh_aliases *aliases, uint64_t address,
                        struct csh_alias_record *record_p, uint64_t *end_p)
{
    const struct csh_range *range;

    csh_lock_acquire(&aliases->lock);
    range = csh_ranges_containing(&aliases->records, address, 1);
    if (range != NULL) {
        *record_p = *(const struct csh_alias_record *)range->value.pointer;
        *end_p    = range->start + range->bytes;
    }
    csh_lock_release(&aliases->lock);

    return range != NULL;
}

enum csh_alias_kind csh_alias_classify(struct csh_aliases *aliases,
                                       const struct csh_vma *vma,
                                       uint64_t address, uint64_t *end_p,
                                       struct csh_alias_record *record_p)
{
    uint64_t end;

    *end_p = vma->end;
    if (csh_vma_is_plain(vma)) {
        return CSH_ALIAS_PLAIN;
    }
    /* Without write access the program may have it: see csh_alias_check(). */
    if (((vma->flags | CSH_VMA_WRITABLE) !=
         (CSH_VMA_READABLE | CSH_VMA_WRITABLE)) || (vma->inode == 0) ||
        !read_record(aliases, address, record_p, &end) ||
        (vma->device != record_p->device) ||
        (vma->inode != record_p->inode) ||
        (vma->offset + (address - vma->start) !=
         record_p->offset + (address - record_p->start))) {
        return CSH_ALIAS_FOREIGN;
    }

    /* The last page of a range can be whole only if the range ends there. */
    *end_p = csh_alias_smaller(vma->end, end);
    return CSH_ALIAS_OURS;
}

bool csh_alias_find(struct csh_aliases *aliases, const void *memory,
                    size_t bytes, struct csh_shadow_ref *ref_p)
{
    const struct csh_range *range;

    csh_lock_acquire(&aliases->lock);
    range = csh_ranges_find(&aliases->records, (uint64_t)(uintptr_t)memory,
                            bytes);
    if (range != NULL) {
        *ref_p = ((const struct csh_alias_record *)range->value.pointer)->ref;
    }
    csh_lock_release(&aliases->lock);

    return range != NULL;
}

/* --- adding and dropping ------------------------------------------------- */

static bool is_dead(const struct csh_range *range, void *opaque)
{
    const struct csh_alias_record *record = range->value.pointer;
    struct csh_aliases *aliases           = opaque;
    uint64_t at                           = range->start;
    struct csh_vma vma;

    for (; at < range->start + range->bytes; at = vma.end) {
        switch (csh_page_state_find_vma(aliases->setup.state, at, &vma)) {
        case CSH_PAGES_NONE:
            vma.end = vma.start;
            break;
        case CSH_PAGES_UNKNOWN:
            return false;
        default:
            if ((vma.device == record->device) &&
                (vma.inode == record->inode)) {
                return false;
            }
        }
    }

    return true;
}

bool csh_alias_is_mapped(struct csh_aliases *aliases, const void *memory,
                         size_t bytes)
{
    struct csh_range copy = {(uint64_t)(uintptr_t)memory, bytes, {NULL}};
    struct csh_alias_record record;
    const struct csh_range *range;

    csh_lock_acquire(&aliases->lock);
    range = csh_ranges_find(&aliases->records, copy.start, bytes);
    if (range != NULL) {
        record = *(const struct csh_alias_record *)range->value.pointer;
    }
    csh_lock_release(&aliases->lock);

    copy.value.pointer = &record;
    return (range != NULL) && !is_dead(&copy, aliases);
}

/* With the record, all that was counted for it. */
static void drop_record(const struct csh_range *range, void *opaque)
{
    struct csh_alias_record *record = range->value.pointer;
    struct csh_aliases *aliases     = opaque;

    aliases->n_mappings   -= record->n_mappings;
    aliases->mapped_bytes -= record->mapped_bytes;
    free(record);
}

static bool fits_locked(const struct csh_aliases *aliases,
                        unsigned n_mappings) CSH_REQUIRES(aliases->lock)
{
    return aliases->n_mappings + n_mappings <= aliases->setup.most_mappings;
}

/* At the limit, records whose memory the program has freed are looked for;
 * if that was of no use, not at once again. */
static bool has_room_locked(struct csh_aliases *aliases, unsigned n_mappings)
        CSH_REQUIRES(aliases->lock)
{
    if (fits_locked(aliases, n_mappings)) {
        return true;
    }
    if (aliases->n_to_skip > 0) {
        aliases->n_to_skip--;
        return false;
    }

    csh_ranges_remove_if(&aliases->records, is_dead, drop_record, aliases);
    if (fits_locked(aliases, n_mappings)) {
        return true;
    }

    aliases->n_to_skip = CALLS_BETWEEN_SWEEPS;
    return false;
}

bool csh_alias_add_record(struct csh_aliases *aliases,
                          const struct csh_alias_record *record,
                          uint64_t bytes, enum csh_alias_obstacle *obstacle_p)
{
    struct csh_alias_record *kept = malloc(sizeof(*kept));
    struct csh_range range        = {record->start, bytes, {.pointer = kept}};
    bool is_added                 = false;

    *obstacle_p = CSH_ALIAS_refused;
    if (kept == NULL) {
        return false;
    }

    *kept = *record;
    csh_lock_acquire(&aliases->lock);
    if (!has_room_locked(aliases, record->n_mappings)) {
        *obstacle_p = CSH_ALIAS_limit;
    } else {
        is_added = csh_ranges_insert(&aliases->records, &range, drop_record,
                                     aliases);
    }
    if (is_added) {
        aliases->n_mappings   += record->n_mappings;
        aliases->mapped_bytes += record->mapped_bytes;
    }
    csh_lock_release(&aliases->lock);
    if (!is_added) {
        free(kept);
    }

    /* The map has it. NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
    return is_added;
}

void csh_alias_forget(struct csh_aliases *aliases, const void *memory,
                      size_t bytes)
{
    csh_lock_acquire(&aliases->lock);
    csh_ranges_remove(&aliases->records, (uint64_t)(uintptr_t)memory, bytes,
                      drop_record, aliases);
    csh_lock_release(&aliases->lock);
}
