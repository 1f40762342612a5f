/*
 * park_index.c - see park_index.h.
 *
 * Each piece has an entry. The same bytes may be parked in several places: one
 * of the entries with the same key is in the hash, and the others hang on it.
 */
#include "engine/park_index.h"

#include <stdlib.h>

#define HASH_NONFATAL_OOM 1 /* uthash would exit(-1) */
#include <uthash.h>
#include <utlist.h> /* after base/compiler.h */

/* Hashed as bytes: it has no padding. */
struct key {
    CUcontext context;
    uint32_t index, generation; /* of the shadow */
};
_Static_assert(sizeof(struct key) == sizeof(CUcontext) + 8,
               "keys have padding");

struct csh_park_entry {
    struct key key;
    struct csh_parked *block;
    size_t place;
    struct csh_park_entry *next; /* of the same key */
    UT_hash_handle hh;           /* of the first of them */
};

static struct csh_park_entry *find(const struct csh_park_index *index,
                                   const struct key *key)
{
    struct csh_park_entry *first;

    /* It does not see the bytes of what was stored as wider fields.
     * NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult) */
    HASH_FIND(hh, index->entries, key, sizeof(*key), first);
    return first;
}

/* With what hangs on it. Where there is no memory all of them are forgotten. */
static void enter(struct csh_park_index *index, struct csh_park_entry *first)
{
    struct csh_park_entry *entry, *next;

    HASH_ADD(hh, index->entries, key, sizeof(first->key), first);
    if (first->hh.tbl != NULL) {
        return;
    }
    LL_FOREACH_SAFE(first, entry, next) {
        free(entry);
    }
}

static struct key key_of(const struct csh_parked *block, size_t place)
{
    const struct csh_shadow_ref *shadow = &block->piece[place].shadow;

    return (struct key){block->context, shadow->index, shadow->generation};
}

static void add_piece(struct csh_park_index *index, struct csh_parked *block,
                      size_t place)
{
    struct csh_park_entry *entry = calloc(1, sizeof(*entry)), *first;

    if (entry == NULL) {
        return;
    }
    entry->key = key_of(block, place);
    entry->block = block;
    entry->place = place;
    first = find(index, &entry->key);
    if (first == NULL) {
        enter(index, entry);
    } else {
        LL_APPEND_ELEM(first, first, entry);
    }
}

void csh_park_index_add(struct csh_park_index *index,
                        struct csh_parked *block)
{
    size_t i;

    for (i = 0; i < block->n_pieces; i++) {
        if (block->piece[i].shadow.generation != 0) {
            add_piece(index, block, i);
        }
    }
}

void csh_park_index_remove_piece(struct csh_park_index *index,
                                 const struct csh_parked *block, size_t place)
{
    const struct key key = key_of(block, place);
    struct csh_park_entry *first = find(index, &key), *entry = first;

    while (entry != NULL &&
           (entry->block != block || entry->place != place)) {
        entry = entry->next;
    }
    if (entry == NULL) {
        return;
    }
    if (entry == first) {
        HASH_DEL(index->entries, first);
        if (entry->next != NULL) {
            enter(index, entry->next);
        }
    } else {
        LL_DELETE(first, entry);
    }
    free(entry);
}

void csh_park_index_remove(struct csh_park_index *index,
                           const struct csh_parked *block)
{
    size_t i;

    for (i = 0; i < block->n_pieces; i++) {
        csh_park_index_remove_piece(index, block, i);
    }
}

struct csh_parked *csh_park_index_find(const struct csh_park_index *index,
                                       CUcontext context,
                                       struct csh_shadow_ref shadow,
                                       size_t *place_p)
{
    const struct key key = {context, shadow.index, shadow.generation};
    const struct csh_park_entry *first = find(index, &key);

    if (first == NULL) {
        return NULL;
    }
    *place_p = first->place;
    return first->block;
}
