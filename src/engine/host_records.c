/*
 * host_records.c - which host range was given which shadow's bytes.
 *
 * Owns one ordered map. A record is a range, the handle of the shadow that
 * filled it, which may go stale at any time, and how many of its bytes are
 * mapped to the shadow's pages. It counts as one host reference of the shadow,
 * and as a mapping of it if any byte is mapped: giving up such a shadow would
 * give nothing back.
 *
 * The lock (rank RANGES) guards the map and is never held across a call of the
 * driver; the store's lock may be taken under it.
 */
#include "engine/residency.h"

#include "base/lock.h"
#include "track/ranges.h"

/* Under the lock: some microseconds. */
#define TOLD_AT_ONCE 64u

static struct csh_lock lock = CSH_LOCK_INIT(CSH_RANK_RANGES);
static struct csh_ranges hosts CSH_GUARDED_BY(lock);

void csh_residency_start_hosts(void)
{
    csh_lock_acquire(&lock);
    csh_ranges_init(&hosts);
    csh_lock_release(&lock);
}

/* word[0] is the handle, word[1] the bytes that are mapped, word[2] the mark
 * of the weight. */
static struct csh_shadow_ref ref_of(const struct csh_range *range)
{
    return (struct csh_shadow_ref){
        .index = (uint32_t)range->value.word[0],
        .generation = (uint32_t)(range->value.word[0] >> 32),
    };
}

static struct csh_range range_of(const struct csh_host_record *record)
{
    struct csh_range range = {.start = record->start,
                              .bytes = record->bytes};

    range.value.word[0] = (uint64_t)record->shadow.generation << 32 |
                          record->shadow.index;
    range.value.word[1] = record->mapped_bytes;
    range.value.word[2] = csh_mark_word(record->mark);
    return range;
}

/* The shadow has one reference less, and the program one mapping. */
static void host_removed(const struct csh_range *range, void *opaque)
{
    int64_t mapped_bytes = (int64_t)range->value.word[1];

    (void)opaque;
    csh_registry_unrefer(
        (uint32_t)csh_mark_in(range->value.word[2]).weight, CSH_PLACE_HOST);
    if (mapped_bytes > 0) {
        csh_store_unreference_mapping(csh_residency_store(), ref_of(range));
        csh_budget_note_aliased(csh_residency_budget(), -mapped_bytes);
    }
    csh_store_unreference_host(csh_residency_store(), ref_of(range));
}

struct csh_shadow *csh_residency_find_host(const void *host, size_t bytes,
                                           struct csh_weight_mark *mark_p)
{
    struct csh_shadow *shadow = NULL;
    const struct csh_range *exact;

    csh_lock_acquire(&lock);
    exact = csh_ranges_find(&hosts, (uintptr_t)host, bytes);
    if (exact != NULL) {
        shadow = csh_store_acquire(csh_residency_store(), ref_of(exact));
        *mark_p = csh_mark_in(exact->value.word[2]);
    }
    csh_lock_release(&lock);
    return shadow;
}

/* False when the handle is stale. */
static bool refer_to(const struct csh_host_record *record)
{
    struct csh_store *store = csh_residency_store();

    if (!csh_store_reference_host(store, record->shadow)) {
        return false;
    }
    csh_registry_refer((uint32_t)record->mark.weight, CSH_PLACE_HOST);
    if (record->mapped_bytes > 0) {
        csh_store_reference_mapping(store, record->shadow);
        csh_budget_note_aliased(csh_residency_budget(),
                                (int64_t)record->mapped_bytes);
    }
    return true;
}

/* What it overlaps is dropped. */
static void add_host(const struct csh_host_record *record) CSH_REQUIRES(lock)
{
    const struct csh_range range = range_of(record);

    if (refer_to(record) &&
        !csh_ranges_insert(&hosts, &range, host_removed, NULL)) {
        csh_ranges_remove(&hosts, range.start, range.bytes, host_removed,
                          NULL);
        host_removed(&range, NULL);
    }
}

void csh_residency_offloaded(const void *host, size_t bytes,
                             struct csh_shadow *shadow, size_t mapped_bytes,
                             struct csh_weight_mark mark)
{
    const struct csh_host_record record = {
        (uintptr_t)host, bytes, csh_shadow_ref(shadow), mapped_bytes, mark};

    csh_lock_acquire(&lock);
    add_host(&record);
    csh_lock_release(&lock);
}

void csh_residency_read_from(const void *host, size_t bytes)
{
    csh_lock_acquire(&lock);
    csh_ranges_remove(&hosts, (uintptr_t)host, bytes, host_removed, NULL);
    csh_lock_release(&lock);
}

void csh_residency_captured(const void *host, size_t bytes,
                            struct csh_shadow *shadow,
                            struct csh_weight_mark mark)
{
    const struct csh_host_record record = {(uintptr_t)host, bytes,
                                           csh_shadow_ref(shadow), 0, mark};

    csh_lock_acquire(&lock);
    if (csh_ranges_overlapping(&hosts, record.start, bytes) == NULL) {
        add_host(&record);
    }
    csh_lock_release(&lock);
}

static struct csh_host_record record_of(const struct csh_range *range)
{
    return (struct csh_host_record){
        (uintptr_t)range->start, (size_t)range->bytes, ref_of(range),
        (size_t)range->value.word[1], csh_mark_in(range->value.word[2])};
}

/* Adds the host records that begin in [from, to). */
static size_t list_hosts(uint64_t from, uint64_t to,
                         struct csh_host_record *records, size_t capacity)
    CSH_REQUIRES(lock)
{
    const struct csh_range *range =
        csh_ranges_overlapping(&hosts, from, to - from);
    size_t n = 0;

    for (; range != NULL && range->start < to && n < capacity;
         range = csh_ranges_next(&hosts, range)) {
        if (range->start >= from) {
            records[n++] = record_of(range);
        }
    }
    return n;
}

size_t csh_residency_list_hosts(uintptr_t behind,
                                struct csh_host_record *records,
                                size_t capacity)
{
    size_t n;

    csh_lock_acquire(&lock);
    n = list_hosts(behind + 1, UINT64_MAX, records, capacity);
    n += list_hosts(0, behind + 1, records + n, capacity - n);
    csh_lock_release(&lock);
    return n;
}

/* Records of devices have the handle and the mark in the same words. */
bool csh_residency_tell(const struct csh_ranges *ranges, uint64_t *cursor_p)
{
    const struct csh_range *range =
        csh_ranges_overlapping(ranges, *cursor_p, UINT64_MAX);
    enum csh_shadow_state states[TOLD_AT_ONCE];
    struct csh_shadow_ref refs[TOLD_AT_ONCE];
    uint32_t weights[TOLD_AT_ONCE];
    size_t n = 0, i;

    for (; range != NULL && n < TOLD_AT_ONCE;
         range = csh_ranges_next(ranges, range)) {
        *cursor_p = range->start + range->bytes;
        if (range->value.word[0] != 0) {
            refs[n] = ref_of(range);
            weights[n++] = (uint32_t)csh_mark_in(range->value.word[2]).weight;
        }
    }
    csh_store_look(csh_residency_store(), refs, n, states);
    for (i = 0; i < n; i++) {
        if (states[i] != CSH_SHADOW_GONE) {
            csh_registry_has_shadow(weights[i],
                                    states[i] == CSH_SHADOW_PINNED);
        }
    }
    return (range != NULL) && (*cursor_p != 0); /* 0: the end of memory */
}

size_t csh_residency_list_hosts_of(struct csh_shadow_ref shadow,
                                   struct csh_host_record *records,
                                   size_t capacity)
{
    const struct csh_range *range;
    size_t n = 0;

    csh_lock_acquire(&lock);
    for (range = csh_ranges_first(&hosts); range != NULL && n < capacity;
         range = csh_ranges_next(&hosts, range)) {
        if (ref_of(range).index == shadow.index &&
            ref_of(range).generation == shadow.generation) {
            records[n++] = record_of(range);
        }
    }
    csh_lock_release(&lock);
    return n;
}

void csh_residency_look_at_hosts(void)
{
    uint64_t cursor = 0;
    bool is_more = true;

    while (is_more) {
        csh_lock_acquire(&lock);
        is_more = csh_residency_tell(&hosts, &cursor);
        csh_lock_release(&lock);
    }
}

void csh_residency_forget_host(const struct csh_host_record *record)
{
    const struct csh_range same = range_of(record);
    const struct csh_range *found;

    csh_lock_acquire(&lock);
    found = csh_ranges_find(&hosts, record->start, record->bytes);
    if (found != NULL && found->value.word[0] == same.value.word[0]) {
        csh_ranges_remove(&hosts, record->start, record->bytes, host_removed,
                          NULL);
    }
    csh_lock_release(&lock);
}
