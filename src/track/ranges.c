/*
 * ranges.c - a treap of disjoint ranges.
 *
 * Owns the nodes, nothing that the values point to.
 *
 * Invariants: ranges are disjoint, not empty and do not wrap, so ordering
 * them by their first byte orders them by their last one too; each node's
 * priority is at least its children's. A priority is a mix of the start
 * address alone: the shape of the tree depends on its contents, not on the
 * order of insertions, and its depth is logarithmic for addresses that were
 * not chosen against the mix.
 *
 * Threads: none of its own, no lock; see ranges.h.
 *
 * Can fail: only insertion, before it changes anything.
 */
#include "track/ranges.h"

#include <stdlib.h>

struct csh_range_node {
    struct csh_range range; /* first: a range pointer is its node's */
    uint64_t priority;
    struct csh_range_node *below, *above;
};

/* The finaliser of SplitMix64 (Steele, Lea, Flood 2014): a bijection, so
 * that distinct starts never tie. */
static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static uint64_t last_byte(const struct csh_range *range)
{
    return range->start + (range->bytes - 1);
}

/* Last byte of a query that is not empty. */
static uint64_t query_last(uint64_t start, uint64_t bytes)
{
    return (bytes - 1 > UINT64_MAX - start) ? UINT64_MAX
                                            : start + (bytes - 1);
}

/* The lowest range whose last byte is at or above an address. */
static struct csh_range_node *
first_ending_at(const struct csh_ranges *ranges, uint64_t address)
{
    struct csh_range_node *node = ranges->root;
    struct csh_range_node *found = NULL;

    while (node != NULL) {
        if (last_byte(&node->range) >= address) {
            found = node;
            node  = node->below;
        } else {
            node = node->above;
        }
    }

    return found;
}

/* Parts a tree into what starts below an address and what does not. */
static void split(struct csh_range_node *node, uint64_t start,
                  struct csh_range_node **below_p,
                  struct csh_range_node **above_p)
{
    while (node != NULL) {
        if (node->range.start < start) {
            *below_p = node;
            below_p  = &node->above;
            node     = node->above;
        } else {
            *above_p = node;
            above_p  = &node->below;
            node     = node->below;
        }
    }

    *below_p = NULL;
    *above_p = NULL;
}

/* Joins two trees of which the first lies below the second. */
static struct csh_range_node *join(struct csh_range_node *below,
                                   struct csh_range_node *above)
{
    struct csh_range_node *root  = NULL;
    struct csh_range_node **link = &root;

    while ((below != NULL) && (above != NULL)) {
        if (below->priority > above->priority) {
            *link = below;
            link  = &below->above;
            below = below->above;
        } else {
            *link = above;
            link  = &above->below;
            above = above->below;
        }
    }

    *link = (below != NULL) ? below : above;
    return root;
}

static void attach(struct csh_ranges *ranges, struct csh_range_node *node)
{
    struct csh_range_node **link = &ranges->root;
    uint64_t start               = node->range.start;

    while ((*link != NULL) && ((*link)->priority >= node->priority)) {
        link = (start < (*link)->range.start) ? &(*link)->below
                                              : &(*link)->above;
    }

    split(*link, start, &node->below, &node->above);
    *link = node;
    ranges->n_ranges++;
}

/* The node leaves the map before the callback sees it. */
static void discard(struct csh_ranges *ranges, struct csh_range_node *node,
                    csh_range_removed_fn *removed, void *opaque)
{
    struct csh_range_node **link = &ranges->root;
    uint64_t start               = node->range.start;

    while (*link != node) {
        link = (start < (*link)->range.start) ? &(*link)->below
                                              : &(*link)->above;
    }

    *link = join(node->below, node->above);
    ranges->n_ranges--;
    if (removed != NULL) {
        removed(&node->range, opaque);
    }
    free(node);
}

void csh_ranges_init(struct csh_ranges *ranges)
{
    ranges->root     = NULL;
    ranges->n_ranges = 0;
    ranges->allocate = malloc;
}

bool csh_ranges_insert(struct csh_ranges *ranges,
                       const struct csh_range *range,
                       csh_range_removed_fn *removed, void *opaque)
{
    struct csh_range_node *node;

    if ((range->bytes == 0) ||
        (range->bytes - 1 > UINT64_MAX - range->start)) {
        return false;
    }

    /* Before anything is removed, so that a failure loses nothing. */
    node = ranges->allocate(sizeof(*node));
    if (node == NULL) {
        return false;
    }

    node->range    = *range;
    node->priority = mix(range->start);
    (void)csh_ranges_remove(ranges, range->start, range->bytes, removed,
                            opaque);
    attach(ranges, node);
    return true;
}

struct csh_range *csh_ranges_overlapping(const struct csh_ranges *ranges,
                                         uint64_t start, uint64_t bytes)
{
    struct csh_range_node *node;

    if (bytes == 0) {
        return NULL;
    }

    node = first_ending_at(ranges, start);
    if ((node == NULL) || (node->range.start > query_last(start, bytes))) {
        return NULL;
    }

    return &node->range;
}

struct csh_range *csh_ranges_find(const struct csh_ranges *ranges,
                                  uint64_t start, uint64_t bytes)
{
    struct csh_range *range = csh_ranges_overlapping(ranges, start, bytes);

    return ((range != NULL) && (range->start == start) &&
            (range->bytes == bytes)) ? range : NULL;
}

struct csh_range *csh_ranges_containing(const struct csh_ranges *ranges,
                                        uint64_t start, uint64_t bytes)
{
    struct csh_range *range = csh_ranges_overlapping(ranges, start, bytes);

    /* A query that wraps lies in no range: clamping it would lie. */
    if ((range == NULL) || (range->start > start) ||
        (bytes - 1 > UINT64_MAX - start) ||
        (last_byte(range) < query_last(start, bytes))) {
        return NULL;
    }

    return range;
}

struct csh_range *csh_ranges_first(const struct csh_ranges *ranges)
{
    struct csh_range_node *node = first_ending_at(ranges, 0);

    return (node == NULL) ? NULL : &node->range;
}

struct csh_range *csh_ranges_next(const struct csh_ranges *ranges,
                                  const struct csh_range *range)
{
    struct csh_range_node *node;

    if (last_byte(range) == UINT64_MAX) {
        return NULL;
    }

    node = first_ending_at(ranges, last_byte(range) + 1);
    return (node == NULL) ? NULL : &node->range;
}

size_t csh_ranges_remove(struct csh_ranges *ranges, uint64_t start,
                         uint64_t bytes, csh_range_removed_fn *removed,
                         void *opaque)
{
    size_t n_removed = 0;
    struct csh_range *range;

    while ((range = csh_ranges_overlapping(ranges, start, bytes)) != NULL) {
        discard(ranges, (struct csh_range_node *)range, removed, opaque);
        n_removed++;
    }

    return n_removed;
}

size_t csh_ranges_remove_if(struct csh_ranges *ranges,
                            csh_range_test_fn *test,
                            csh_range_removed_fn *removed, void *opaque)
{
    size_t n_removed        = 0;
    struct csh_range *range = csh_ranges_first(ranges);
    struct csh_range *next;

    while (range != NULL) {
        next = csh_ranges_next(ranges, range);
        if (test(range, opaque)) {
            discard(ranges, (struct csh_range_node *)range, removed, opaque);
            n_removed++;
        }
        range = next;
    }

    return n_removed;
}

static bool always(const struct csh_range *range, void *opaque)
{
    (void)range;
    (void)opaque;
    return true;
}

size_t csh_ranges_clear(struct csh_ranges *ranges,
                        csh_range_removed_fn *removed, void *opaque)
{
    return csh_ranges_remove_if(ranges, always, removed, opaque);
}

/* Depth is bounded by the tree's, which is logarithmic. */
static bool priorities_hold(const struct csh_range_node *node)
{
    if (node == NULL) {
        return true;
    }

    return (node->priority == mix(node->range.start)) &&
           ((node->below == NULL) ||
            (node->below->priority <= node->priority)) &&
           ((node->above == NULL) ||
            (node->above->priority <= node->priority)) &&
           priorities_hold(node->below) && priorities_hold(node->above);
}

bool csh_ranges_check(const struct csh_ranges *ranges)
{
    const struct csh_range *range = csh_ranges_first(ranges);
    size_t n_seen                 = 0;
    uint64_t end                  = 0; /* one past the previous range */

    if (!priorities_hold(ranges->root)) {
        return false;
    }

    while (range != NULL) {
        if ((range->bytes == 0) || (last_byte(range) < range->start) ||
            ((n_seen > 0) && ((end == 0) || (range->start < end)))) {
            return false;
        }
        end = last_byte(range) + 1; /* 0 when it ends at 2^64 */
        n_seen++;
        range = csh_ranges_next(ranges, range);
    }

    return n_seen == ranges->n_ranges;
}
