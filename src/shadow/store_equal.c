/*
 * store_equal.c - one shadow for equal bytes.
 *
 * Owns the index (store_inside.h). A key that is found there only names a
 * candidate; what makes it the same shadow is that its bytes are. They are
 * compared without the lock: the caller is a user of both shadows, and neither
 * changes. Keys are looked up and entered in one step under the lock, so of
 * two threads with equal bytes the second finds the first.
 *
 * Bytes that differ under one key are published beside the index.
 */
#include "shadow/store_inside.h"

#include <string.h>

void csh_store_leave_index_locked(struct csh_store *store,
                                  struct csh_shadow *shadow)
{
    if (shadow->by_key.tbl != NULL) {
        HASH_DELETE(by_key, store->index, shadow);
        shadow->by_key.tbl = NULL;
    }
}

/* Publishes the shadow, or finds one that may have the same bytes: the caller
 * is its user then, and nothing is published. */
static struct csh_shadow *publish_or_find(struct csh_store *store,
                                          struct csh_shadow *shadow)
{
    struct csh_shadow *other;

    csh_lock_acquire(&store->lock);
    HASH_FIND(by_key, store->index, &shadow->key, sizeof(shadow->key),
              other);
    if (other != NULL) {
        csh_store_use_locked(store, other);
    } else {
        /* Memory being short leaves it out: it is published all the same. */
        HASH_ADD(by_key, store->index, key, sizeof(shadow->key), shadow);
        shadow->is_published = true;
    }
    csh_lock_release(&store->lock);

    return other;
}

static void publish_apart(struct csh_store *store, struct csh_shadow *shadow)
{
    csh_lock_acquire(&store->lock);
    shadow->is_published = true;
    csh_lock_release(&store->lock);
}

struct csh_shadow *csh_store_publish(struct csh_store *store,
                                     struct csh_shadow *shadow,
                                     const struct csh_shadow_proof *proof)
{
    const size_t bytes = shadow->extent.bytes;
    struct csh_shadow *other;

    shadow->key.proof = *proof;
    shadow->key.bytes = bytes;
    other             = publish_or_find(store, shadow);
    if (other == NULL) {
        return shadow;
    }

    if (memcmp(shadow->extent.address, other->extent.address, bytes) != 0) {
        csh_store_release(store, other);
        publish_apart(store, shadow);
        return shadow;
    }

    csh_store_release(store, shadow);
    csh_statistics_add(CSH_GAUGE_shared, 1);
    csh_statistics_add(CSH_GAUGE_shared_bytes, (int64_t)bytes);
    return other;
}
