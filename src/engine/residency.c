/*
 * residency.c - the records of device ranges; those of host ranges are in
 * host_records.c, the store of shadows is in residency_store.c.
 *
 * Owns an ordered map. A device record is a
 * range, the context that its memory belongs to, the handle of a shadow (all
 * zero: uploaded by the program, contents unknown), and the mark of its
 * weight. The handles may go stale at any time; then the record finds nothing.
 *
 * Each record counts as one reference of its shadow: a device reference keeps
 * the shadow, a host reference makes it worth keeping.
 *
 * The lock (rank RANGES) guards the maps and is never held across a call
 * of the driver; the store's lock may be taken under it.
 */
#include "engine/residency.h"

#include <stdlib.h>
#include <string.h>

#include "base/lock.h"
#include "engine/placing.h"
#include "engine/uses.h"
#include "track/ranges.h"

static struct csh_lock lock = CSH_LOCK_INIT(CSH_RANK_RANGES);
static struct csh_ranges devices CSH_GUARDED_BY(lock);

void csh_residency_start_devices(void)
{
    csh_lock_acquire(&lock);
    csh_ranges_init(&devices);
    csh_lock_release(&lock);
}

/* --- records --------------------------------------------------------- */

/* word[0] is the handle, word[1] the context of a device record, word[2] the
 * mark, word[3] what csh_residency_vouch() said. */
static struct csh_shadow_ref ref_of(const struct csh_range *range)
{
    return (struct csh_shadow_ref){
        .index = (uint32_t)range->value.word[0],
        .generation = (uint32_t)(range->value.word[0] >> 32),
    };
}

static struct csh_weight_mark mark_of(const struct csh_range *range)
{
    return csh_mark_in(range->value.word[2]);
}

static struct csh_range range_of(uint64_t start, uint64_t bytes,
                                 struct csh_shadow_ref ref, CUcontext context,
                                 struct csh_weight_mark mark)
{
    struct csh_range range = {.start = start, .bytes = bytes};

    range.value.word[0] = (uint64_t)ref.generation << 32 | ref.index;
    range.value.word[1] = (uintptr_t)context;
    range.value.word[2] = csh_mark_word(mark);
    return range;
}

static bool has_shadow(const struct csh_range *range)
{
    return range->value.word[0] != 0;
}

static void device_removed(const struct csh_range *range, void *opaque)
{
    (void)opaque;
    csh_registry_unrefer(mark_of(range).weight, CSH_PLACE_DEVICE);
    if (has_shadow(range)) {
        csh_store_unreference_device(csh_residency_store(), ref_of(range));
        csh_statistics_add(CSH_GAUGE_weights, -1);
    }
}

/* Memory being short only loses records. */
static void add_device(uint64_t start, uint64_t bytes,
                       struct csh_shadow_ref ref, CUcontext context,
                       struct csh_weight_mark mark) CSH_REQUIRES(lock)
{
    struct csh_range range = range_of(start, bytes, ref, context, mark);

    if (has_shadow(&range) &&
        !csh_store_reference_device(csh_residency_store(), ref)) {
        return;
    }
    csh_registry_refer(mark.weight, CSH_PLACE_DEVICE);
    if (!csh_ranges_insert(&devices, &range, device_removed, NULL)) {
        csh_ranges_remove(&devices, start, bytes, device_removed, NULL);
        csh_registry_unrefer(mark.weight, CSH_PLACE_DEVICE);
        if (has_shadow(&range)) {
            csh_store_unreference_device(csh_residency_store(), ref);
        }
    } else if (has_shadow(&range)) {
        csh_statistics_add(CSH_GAUGE_weights, 1);
    }
}

/* Records of plain uploads cover the whole range, without a gap. The mark is
 * the first one's, and of several no weight's; none may be learned if one of
 * them may not. */
static bool is_uploaded(uint64_t start, uint64_t bytes,
                        struct csh_weight_mark *mark_p) CSH_REQUIRES(lock)
{
    const struct csh_range *range =
        csh_ranges_overlapping(&devices, start, bytes);
    struct csh_weight_mark mark = {0};
    uint64_t at = start;

    while (range != NULL && !has_shadow(range) && range->start <= at) {
        at = range->start + range->bytes;
        mark.is_excluded |= mark_of(range).is_excluded;
        if (range->start == start && range->bytes == bytes) {
            mark = mark_of(range);
        } else if (mark.burst == 0) {
            mark.burst = mark_of(range).burst;
        }
        if (at >= start + bytes) {
            *mark_p = mark;
            return true;
        }
        range = csh_ranges_next(&devices, range);
    }
    return false;
}

enum csh_knowledge csh_residency_find(CUdeviceptr device, size_t bytes,
                                      struct csh_shadow **shadow_p,
                                      struct csh_weight_mark *mark_p)
{
    enum csh_knowledge knowledge = CSH_KNOWS_UPLOADED;
    const struct csh_range *exact;

    *shadow_p = NULL;
    *mark_p = (struct csh_weight_mark){0};
    csh_lock_acquire(&lock);
    exact = csh_ranges_find(&devices, device, bytes);
    if (exact != NULL && has_shadow(exact)) {
        *mark_p = mark_of(exact);
        *shadow_p = csh_store_acquire(csh_residency_store(), ref_of(exact));
        knowledge =
            *shadow_p != NULL ? CSH_KNOWS_SHADOW : CSH_KNOWS_UPLOADED;
    } else if (csh_ranges_overlapping(&devices, device, bytes) == NULL) {
        knowledge = CSH_KNOWS_NOTHING;
    } else if (!is_uploaded(device, bytes, mark_p)) {
        knowledge = CSH_KNOWS_OVERLAP;
    } else if (mark_p->is_excluded) {
        knowledge = CSH_KNOWS_EXCLUDED;
    }
    csh_lock_release(&lock);
    return knowledge;
}

bool csh_residency_should_hold(CUdeviceptr device, size_t bytes,
                               const struct csh_shadow *shadow)
{
    struct csh_shadow_ref ref = csh_shadow_ref(shadow), known = {0};
    const struct csh_range *exact;

    csh_lock_acquire(&lock);
    exact = csh_ranges_find(&devices, device, bytes);
    if (exact != NULL) {
        known = ref_of(exact);
    }
    csh_lock_release(&lock);
    return known.generation == ref.generation && known.index == ref.index;
}

/* Adds the weights of the context that begin in [from, to). */
static size_t list_some(CUcontext context, uint64_t from, uint64_t to,
                        struct csh_weight *weights, size_t capacity)
    CSH_REQUIRES(lock)
{
    const struct csh_range *range =
        csh_ranges_overlapping(&devices, from, to - from);
    size_t n = 0;

    for (; range != NULL && range->start < to && n < capacity;
         range = csh_ranges_next(&devices, range)) {
        if (range->start < from || !has_shadow(range) ||
            range->value.word[1] != (uintptr_t)context) {
            continue;
        }
        weights[n].device = range->start;
        weights[n].bytes = range->bytes;
        weights[n].shadow =
            csh_store_acquire(csh_residency_store(), ref_of(range));
        n += weights[n].shadow != NULL;
    }
    return n;
}

size_t csh_residency_list(CUcontext context, CUdeviceptr behind,
                          struct csh_weight *weights, size_t capacity)
{
    size_t n;

    csh_lock_acquire(&lock);
    n = list_some(context, behind + 1, UINT64_MAX, weights, capacity);
    n += list_some(context, 0, behind, weights + n, capacity - n);
    csh_lock_release(&lock);
    return n;
}

/* False: its shadow is gone. */
static bool read_resident(const struct csh_range *range,
                          struct csh_resident *resident_p) CSH_REQUIRES(lock)
{
    resident_p->weight.device = range->start;
    resident_p->weight.bytes = range->bytes;
    resident_p->weight.shadow =
        csh_store_acquire(csh_residency_store(), ref_of(range));
    resident_p->context = (CUcontext)(uintptr_t)range->value.word[1];
    resident_p->mark = mark_of(range);
    return resident_p->weight.shadow != NULL;
}

size_t csh_residency_list_within(CUdeviceptr base, size_t bytes,
                                 struct csh_resident *residents,
                                 size_t capacity)
{
    const struct csh_range *range;
    size_t n = 0;

    csh_lock_acquire(&lock);
    range = csh_ranges_overlapping(&devices, base, bytes);
    for (; range != NULL && range->start - base < bytes && n < capacity;
         range = csh_ranges_next(&devices, range)) {
        if (has_shadow(range) && range->bytes <= bytes &&
            range->start - base <= bytes - range->bytes) {
            n += residents == NULL || read_resident(range, &residents[n]);
        }
    }
    csh_lock_release(&lock);
    return n;
}

void csh_residency_uploaded(CUcontext context, CUdeviceptr device,
                            size_t bytes, struct csh_weight_mark mark)
{
    static const struct csh_shadow_ref none;

    csh_placing_uploaded(bytes);
    csh_lock_acquire(&lock);
    add_device(device, bytes, none, context, mark);
    csh_lock_release(&lock);
}

/* A weight may have been uploaded as part of something larger: what was left
 * and right of it stays known as uploaded. */
static void add_piece(CUcontext context, CUdeviceptr device, size_t bytes,
                      struct csh_shadow_ref ref,
                      struct csh_weight_mark mark) CSH_REQUIRES(lock)
{
    static const struct csh_shadow_ref none;
    const struct csh_range *found =
        csh_ranges_containing(&devices, device, bytes);
    struct csh_range whole = found != NULL ? *found : (struct csh_range){0};
    struct csh_weight_mark rest = mark_of(&whole);

    rest.weight = 0; /* what is left is not all of it */
    add_device(device, bytes, ref, context, mark);
    if (found == NULL || has_shadow(&whole)) {
        return;
    }
    if (whole.start < device) {
        add_device(whole.start, device - whole.start, none, context,
                   rest);
    }
    if (device + bytes < whole.start + whole.bytes) {
        add_device(device + bytes,
                   whole.start + whole.bytes - (device + bytes), none,
                   context, rest);
    }
}

void csh_residency_holds(CUcontext context, CUdeviceptr device, size_t bytes,
                         struct csh_shadow *shadow,
                         struct csh_weight_mark mark)
{
    csh_lock_acquire(&lock);
    add_piece(context, device, bytes, csh_shadow_ref(shadow), mark);
    csh_lock_release(&lock);
}

static void vouch(CUdeviceptr device, size_t bytes, uint64_t buffer)
    CSH_REQUIRES(lock)
{
    struct csh_range *found = csh_ranges_find(&devices, device, bytes);

    if (found != NULL) {
        found->value.word[3] = buffer;
    }
}

void csh_residency_vouch(CUdeviceptr device, size_t bytes, uint64_t buffer)
{
    csh_lock_acquire(&lock);
    vouch(device, bytes, buffer);
    csh_lock_release(&lock);
}

uint64_t csh_residency_vouched(CUdeviceptr device, size_t bytes)
{
    const struct csh_range *found;
    uint64_t buffer = 0;

    csh_lock_acquire(&lock);
    found = csh_ranges_find(&devices, device, bytes);
    if (found != NULL) {
        buffer = found->value.word[3];
    }
    csh_lock_release(&lock);
    return buffer;
}

void csh_residency_adopt(CUcontext context, CUdeviceptr device, size_t bytes,
                         struct csh_shadow *shadow,
                         struct csh_weight_mark mark)
{
    static const struct csh_shadow_ref none;
    struct csh_range same = range_of(device, bytes, none, context, mark);
    struct csh_range *found;

    csh_lock_acquire(&lock);
    found = csh_ranges_find(&devices, device, bytes);
    if (found != NULL) {
        same.value.word[3] = found->value.word[3];
    }
    if (found != NULL &&
        memcmp(found->value.word, same.value.word,
               sizeof(same.value.word)) == 0) {
        add_device(device, bytes, csh_shadow_ref(shadow), context, mark);
        vouch(device, bytes, same.value.word[3]);
    }
    csh_lock_release(&lock);
}

void csh_residency_spend(CUdeviceptr device, size_t bytes)
{
    struct csh_range *range;

    csh_lock_acquire(&lock);
    range = csh_ranges_overlapping(&devices, device, bytes);
    for (; range != NULL && range->start <= device + (bytes - 1);
         range = csh_ranges_next(&devices, range)) {
        range->value.word[3] = 0;
    }
    csh_lock_release(&lock);
}

void csh_residency_written(CUdeviceptr device, size_t bytes)
{
    struct csh_range *range;
    struct csh_weight_mark mark;

    csh_lock_acquire(&lock);
    range = csh_ranges_overlapping(&devices, device, bytes);
    for (; range != NULL && range->start <= device + (bytes - 1);
         range = csh_ranges_next(&devices, range)) {
        mark = mark_of(range);
        mark.is_written = true;
        range->value.word[2] = csh_mark_word(mark);
    }
    csh_lock_release(&lock);
}

void csh_residency_forget(CUdeviceptr base, size_t bytes)
{
    csh_lock_acquire(&lock);
    csh_ranges_remove(&devices, base, bytes, device_removed, NULL);
    csh_lock_release(&lock);
}

/* The context's row, made if there is room; NULL if there is none. */
static struct csh_context_bytes *row_of(struct csh_context_bytes *sums,
                                        size_t *n_p, size_t capacity,
                                        CUcontext context)
{
    size_t i;

    for (i = 0; i < *n_p; i++) {
        if (sums[i].context == context) {
            return &sums[i];
        }
    }
    if (*n_p == capacity) {
        return NULL;
    }
    sums[*n_p] = (struct csh_context_bytes){context, 0};
    return &sums[(*n_p)++];
}

size_t csh_residency_sum(struct csh_context_bytes *sums, size_t capacity)
{
    const struct csh_range *range;
    struct csh_context_bytes *row;
    size_t n = 0;

    csh_lock_acquire(&lock);
    for (range = csh_ranges_first(&devices); range != NULL;
         range = csh_ranges_next(&devices, range)) {
        row = row_of(sums, &n, capacity,
                     (CUcontext)(uintptr_t)range->value.word[1]);
        if (row != NULL) {
            row->bytes += range->bytes;
        }
    }
    csh_lock_release(&lock);
    return n;
}

void csh_residency_look(void)
{
    uint64_t cursor = 0;
    bool is_more = true;

    while (is_more) {
        csh_lock_acquire(&lock);
        is_more = csh_residency_tell(&devices, &cursor);
        csh_lock_release(&lock);
    }
    csh_residency_look_at_hosts();
}

static bool is_of_context(const struct csh_range *range, void *opaque)
{
    return range->value.word[1] == (uintptr_t)opaque;
}

void csh_residency_forget_context(CUcontext context)
{
    csh_lock_acquire(&lock);
    csh_ranges_remove_if(&devices, is_of_context, device_removed, context);
    csh_lock_release(&lock);
    csh_uses_end(context);
    csh_slab_note_context_ended(csh_residency_pool());
}
