/*
 * observe.c - fingerprints of host bytes instead of shadows.
 *
 * Owns two maps, device range -> fingerprint and host range -> fingerprint,
 * under a lock of its own of rank RANGES. Host bytes are read by the calling
 * thread only, outside the lock, and only those that its call names.
 */
#include "engine/observe.h"

#include "base/lock.h"
#include "engine/contexts.h"
#include "track/ranges.h"

static struct csh_lock lock = CSH_LOCK_INIT(CSH_RANK_RANGES);
static struct csh_ranges devices CSH_GUARDED_BY(lock);
static struct csh_ranges hosts CSH_GUARDED_BY(lock);
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

/* Memory being short only loses a record. */
static void record(struct csh_ranges *ranges, uint64_t start, size_t bytes,
                   const struct csh_fingerprint *fingerprint)
    CSH_REQUIRES(lock)
{
    struct csh_range range = {start, bytes, {.pointer = NULL}};

    range.value.word[0] = fingerprint->lane[0];
    range.value.word[1] = fingerprint->lane[1];
    if (!csh_ranges_insert(ranges, &range, NULL, NULL)) {
        csh_ranges_remove(ranges, start, bytes, NULL, NULL);
    }
}

void csh_observe_offloaded(const struct csh_copy *copy)
{
    struct csh_fingerprint fingerprint;
    bool was_same;

    if (!compute(copy, &fingerprint)) {
        return;
    }
    acquire();
    was_same = is_same(csh_ranges_find(&devices, copy->device, copy->bytes),
                       &fingerprint);
    record(&devices, copy->device, copy->bytes, &fingerprint);
    record(&hosts, (uintptr_t)copy->host, copy->bytes, &fingerprint);
    csh_lock_release(&lock);
    if (was_same) {
        csh_statistics_add(CSH_GAUGE_would_elide_calls, 1);
        csh_statistics_add(CSH_GAUGE_would_elide_bytes,
                           (int64_t)copy->bytes);
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

void csh_observe_uploaded(const struct csh_copy *copy)
{
    struct csh_fingerprint fingerprint;
    const struct csh_range *host;

    if (!host_is_known(copy) || !compute(copy, &fingerprint)) {
        csh_observe_forget(copy->device, copy->bytes);
        return;
    }
    acquire();
    host = csh_ranges_find(&hosts, (uintptr_t)copy->host, copy->bytes);
    if (is_same(host, &fingerprint)) {
        record(&devices, copy->device, copy->bytes, &fingerprint);
    } else {
        csh_ranges_remove(&devices, copy->device, copy->bytes, NULL, NULL);
    }
    csh_lock_release(&lock);
}

void csh_observe_forget(CUdeviceptr base, size_t bytes)
{
    acquire();
    csh_ranges_remove(&devices, base, bytes, NULL, NULL);
    csh_lock_release(&lock);
}
