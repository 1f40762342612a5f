/*
 * alias_inside.h - the records of aliases, for alias*.c and adopt.c alone.
 *
 * A record says which file, from which offset on, was put under a range. It
 * alone proves nothing: the program may have unmapped, replaced or written
 * the memory since. Together with a mapping that the kernel says is of that
 * file at that offset, it means that the mapping is ours.
 */
#ifndef CSH_SHADOW_ALIAS_INSIDE_H
#define CSH_SHADOW_ALIAS_INSIDE_H

#include "shadow/alias.h"

#include "base/lock.h"
#include "track/ranges.h"

struct csh_alias_record {
    struct csh_shadow_ref ref;
    dev_t device;
    ino_t inode;
    uint64_t start;  /* of the range */
    uint64_t offset; /* in the file, of the byte at `start` */
    uint64_t mapped_bytes;
    unsigned n_mappings;
};

struct csh_aliases {
    struct csh_alias_setup setup;
    size_t page;

    struct csh_lock lock; /* CSH_RANK_LEAF: for look-ups and questions alone */
    /* Below: guarded by the lock. */
    struct csh_ranges records; /* value.pointer: a record, ours to free */
    uint64_t n_mappings, mapped_bytes; /* of all records */
    unsigned n_to_skip; /* calls at the limit that do not look for room */
};

enum csh_alias_kind {
    CSH_ALIAS_FOREIGN,
    CSH_ALIAS_PLAIN, /* csh_vma_is_plain() */
    CSH_ALIAS_OURS,
};

/* What lies at an address of a mapping, up to *end_p, and, if it is ours, at
 * which offset in which file: that of *record_p. */
enum csh_alias_kind csh_alias_classify(struct csh_aliases *aliases,
                                       const struct csh_vma *vma,
                                       uint64_t address, uint64_t *end_p,
                                       struct csh_alias_record *record_p);

/* For a range that starts where the record does; what it overlaps is dropped.
 * False: *obstacle_p says why. */
bool csh_alias_add_record(struct csh_aliases *aliases,
                          const struct csh_alias_record *record,
                          uint64_t bytes,
                          enum csh_alias_obstacle *obstacle_p);

/* What lies there now is the file from that offset on, and locking did not
 * populate it with copies at once. */
bool csh_alias_is_mapped_right(struct csh_page_view *view,
                               const struct csh_chunk *chunk, uint64_t start,
                               uint64_t end, uint64_t offset);

static inline uint64_t csh_alias_smaller(uint64_t a, uint64_t b)
{
    return (a < b) ? a : b;
}

#endif
