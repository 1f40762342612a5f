/*
 * ranges.h - an ordered map of disjoint address ranges.
 *
 * One type for device addresses and for host addresses. A range is
 * [start, start + bytes) with bytes > 0; it may end at 2^64 but not wrap.
 * The map has no lock: the caller holds its own around every call, callbacks
 * included, and a callback does not touch the map it is called from.
 */
#ifndef CSH_TRACK_RANGES_H
#define CSH_TRACK_RANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

/* What the caller keeps with a range; the map copies it and never looks. */
union csh_range_value {
    void *pointer;
    uint64_t word[4];
};

struct csh_range {
    uint64_t start;
    uint64_t bytes;
    union csh_range_value value;
};

struct csh_range_node;

struct csh_ranges {
    struct csh_range_node *root;
    size_t n_ranges;
    /* malloc, or a stand-in whose memory free() takes. */
    void *(*allocate)(size_t bytes);
};

/* Told of each range that left the map, in rising order of address; the
 * range is gone when the callback returns. NULL where nobody cares. */
typedef void csh_range_removed_fn(const struct csh_range *range,
                                  void *opaque);
typedef bool csh_range_test_fn(const struct csh_range *range, void *opaque);

void csh_ranges_init(struct csh_ranges *ranges);

/* Adds a range and removes, whole, every range that it overlaps. False, with
 * nothing changed, when memory is short or the range is empty or wraps. */
CSH_MUST_CHECK
bool csh_ranges_insert(struct csh_ranges *ranges,
                       const struct csh_range *range,
                       csh_range_removed_fn *removed, void *opaque);

/* The results below stay valid until that range leaves the map; the caller
 * may change the value, not the addresses. NULL when there is none. An empty
 * query finds nothing; one that wraps ends at 2^64. */

/* The range with exactly this start and size. */
struct csh_range *csh_ranges_find(const struct csh_ranges *ranges,
                                  uint64_t start, uint64_t bytes);
/* The one range that holds all of [start, start + bytes). */
struct csh_range *csh_ranges_containing(const struct csh_ranges *ranges,
                                        uint64_t start, uint64_t bytes);
/* The lowest range that shares a byte with [start, start + bytes). */
struct csh_range *csh_ranges_overlapping(const struct csh_ranges *ranges,
                                         uint64_t start, uint64_t bytes);

/* In order of address. */
struct csh_range *csh_ranges_first(const struct csh_ranges *ranges);
struct csh_range *csh_ranges_next(const struct csh_ranges *ranges,
                                  const struct csh_range *range);

/* Each returns how many ranges left the map. */
size_t csh_ranges_remove(struct csh_ranges *ranges, uint64_t start,
                         uint64_t bytes, csh_range_removed_fn *removed,
                         void *opaque);
size_t csh_ranges_remove_if(struct csh_ranges *ranges,
                            csh_range_test_fn *test,
                            csh_range_removed_fn *removed, void *opaque);
size_t csh_ranges_clear(struct csh_ranges *ranges,
                        csh_range_removed_fn *removed, void *opaque);

/* True while the map keeps its own rules; for tests and debug builds. */
bool csh_ranges_check(const struct csh_ranges *ranges);

#endif
