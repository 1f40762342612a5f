/*
 * observe.c - fingerprints of host bytes instead of shadows.
 *
 * Owns two maps, device range -> fingerprint and host range -> fingerprint,
 * and how often each content is in them, for a shadow would be held once;
 * all under a lock of its own of rank RANGES. Host bytes are read by the
 * calling thread only, outside the lock, and only those that its call names.
 */
#include "engine/observe.h"

#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "base/lock.h"
#include "engine/contexts.h"
#include "track/ranges.h"

struct content {
    uint64_t key[3]; /* the fingerprint, and how many bytes */
    uint64_t n_ranges;
    UT_hash_handle hh;
};

static struct csh_lock lock = CSH_LOCK_INIT(CSH_RANK_RANGES);
static struct csh_ranges devices CSH_GUARDED_BY(lock);
static struct csh_ranges hosts CSH_GUARDED_BY(lock);
static struct content *contents CSH_GUARDED_BY(lock);
static bool is_initialised CSH_GUARDED_BY(lock);

static void acquire(void) CSH_ACQUIRES(lock)
{
    csh_lock_acquire(&lock);
    if (!is_initialised) {
        csh_ranges_init(&devices);
        csh_ranges_init(&hosts);
        is_initialised = true;
    }
}

static bool compute(const struct csh_copy *copy,
                    struct csh_fingerprint *fingerprint_p)
{
    const struct csh_fingerprint_key *key = csh_context_key();

    if (key == NULL) {
        return false;
    }
    csh_fingerprint_compute(key, copy->host, copy->bytes, fingerprint_p);
    return true;
}

static bool is_same(const struct csh_range *range,
                    const struct csh_fingerprint *fingerprint)
{
    return range != NULL && range->value.word[0] == fingerprint->lane[0] &&
           range->value.word[1] == fingerprint->lane[1];
}

/* --- what shadows would take ----------------------------------------- */

static struct content *find_content(const struct csh_range *range,
                                    uint64_t key[3]) CSH_REQUIRES(lock)
{
    struct content *content;

    memcpy(key, range->value.word, 2 * sizeof(key[0]));
    key[2] = range->bytes;
    HASH_FIND(hh, contents, key, 3 * sizeof(key[0]), content);
    return content;
}

/* Memory being short only makes the figure too small. */
static void hold(const struct csh_range *range) CSH_REQUIRES(lock)
{
    uint64_t key[3];
    struct content *content = find_content(range, key);

    if (content == NULL) {
        content = calloc(1, sizeof(*content));
        if (content == NULL) {
            return;
        }
        memcpy(content->key, key, sizeof(key));
        HASH_ADD(hh, contents, key, sizeof(key), content);
        if (content->hh.tbl == NULL) { /* uthash had no memory */
            free(content);
            return;
        }
        csh_statistics_add(CSH_GAUGE_would_hold_bytes, (int64_t)key[2]);
    }
    ++content->n_ranges;
}

static void let_go(const struct csh_range *range, void *opaque)
    CSH_REQUIRES(lock)
{
    uint64_t key[3];
    struct content *content = find_content(range, key);

    (void)opaque;
    if (content != NULL && --content->n_ranges == 0) {
        HASH_DEL(contents, content);
        free(content);
        csh_statistics_add(CSH_GAUGE_would_hold_bytes, -(int64_t)key[2]);
    }
}

/* --- records --------------------------------------------------------- */

/* Memory being short only loses a record. */
static void record(struct csh_ranges *ranges, uint64_t start, size_t bytes,
                   const struct csh_fingerprint *fingerprint)
    CSH_REQUIRES(lock)
{
    struct csh_range range = {start, bytes, {.pointer = NULL}};

    range.value.word[0] = fingerprint->lane[0];
    range.value.word[1] = fingerprint->lane[1];
    if (csh_ranges_insert(ranges, &range, let_go, NULL)) {
        hold(&range);
    } else {
        csh_ranges_remove(ranges, start, bytes, let_go, NULL);
    }
}

static void add_bytes(enum csh_gauge gauge, const struct csh_copy *copy)
{
    csh_statistics_add(gauge, (int64_t)copy->bytes);
}

void csh_observe_offloaded(const struct csh_copy *copy, uint64_t ns)
{
    struct csh_fingerprint fingerprint;
    const struct csh_range *device;
    bool was_known, was_same;

    if (!compute(copy, &fingerprint)) {
        return;
    }
    acquire();
    device = csh_ranges_find(&devices, copy->device, copy->bytes);
    was_known = device != NULL;
    was_same = is_same(device, &fingerprint);
    record(&devices, copy->device, copy->bytes, &fingerprint);
    record(&hosts, (uintptr_t)copy->host, copy->bytes, &fingerprint);
    csh_lock_release(&lock);
    if (was_same) {
        csh_statistics_add(CSH_GAUGE_would_elide_calls, 1);
        add_bytes(CSH_GAUGE_would_elide_bytes, copy);
        csh_statistics_add(CSH_GAUGE_would_elide_ns, (int64_t)ns);
    } else {
        add_bytes(was_known ? CSH_GAUGE_would_differ_bytes
                            : CSH_GAUGE_would_capture_bytes, copy);
    }
}

static bool host_is_known(const struct csh_copy *copy)
{
    bool is_known;

    acquire();
    is_known = csh_ranges_find(&hosts, (uintptr_t)copy->host, copy->bytes) !=
               NULL;
    csh_lock_release(&lock);
    return is_known;
}

void csh_observe_uploaded(const struct csh_copy *copy, bool is_captured,
                          uint64_t ns)
{
    struct csh_fingerprint fingerprint;
    bool was_same;

    if ((!is_captured && !host_is_known(copy)) ||
        !compute(copy, &fingerprint)) {
        csh_observe_forget(copy->device, copy->bytes);
        return;
    }
    acquire();
    was_same = is_same(csh_ranges_find(&hosts, (uintptr_t)copy->host,
                                       copy->bytes), &fingerprint);
    if (was_same || is_captured) {
        record(&devices, copy->device, copy->bytes, &fingerprint);
        record(&hosts, (uintptr_t)copy->host, copy->bytes, &fingerprint);
    } else {
        csh_ranges_remove(&devices, copy->device, copy->bytes, let_go, NULL);
    }
    csh_lock_release(&lock);
    if (was_same) {
        add_bytes(CSH_GAUGE_would_serve_bytes, copy);
        csh_statistics_add(CSH_GAUGE_would_serve_ns, (int64_t)ns);
    }
}

void csh_observe_forget(CUdeviceptr base, size_t bytes)
{
    acquire();
    csh_ranges_remove(&devices, base, bytes, let_go, NULL);
    csh_lock_release(&lock);
}
