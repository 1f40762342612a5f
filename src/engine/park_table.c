/*
 * park_table.c - see park_table.h.
 *
 * Owns the list of blocks and their index, the histories of weights, and the
 * clock of loads; all under one lock (rank RANGES; the store's is taken under
 * it). The number of blocks is read without it.
 *
 * A block is in the list, or handed out, or gone: its memory has ended while
 * somebody read it. Only a block of the list that nobody reads is handed out.
 */
#include "engine/park_table.h"

#include <stdatomic.h>
#include <stdlib.h>

#define HASH_NONFATAL_OOM 1 /* uthash would exit(-1) */
#include <uthash.h>
#include <utlist.h>

#include "base/lock.h"
#include "base/statistics.h"
#include "engine/park_history.h"
#include "engine/park_index.h"
#include "engine/park_policy.h"
#include "engine/residency.h"

/* About 100 bytes each. What exceeds that is taken to be new. */
#define MOST_HISTORIES 65536u
#define MOST_BLOCKS 4096u

struct history {
    uint64_t content;
    struct csh_park_history history;
    UT_hash_handle hh;
};

static struct csh_lock lock = CSH_LOCK_INIT(CSH_RANK_RANGES);
static struct csh_parked *blocks CSH_GUARDED_BY(lock);
static struct csh_park_index pieces CSH_GUARDED_BY(lock); /* of the same */
static struct history *histories CSH_GUARDED_BY(lock);
static struct csh_park_clock loads CSH_GUARDED_BY(lock);
static uint64_t previous CSH_GUARDED_BY(lock); /* born of the last block used */
static _Atomic unsigned n_blocks;

/* Scratch of one decision. */
static struct csh_park_block candidates[MOST_BLOCKS] CSH_GUARDED_BY(lock);
static struct csh_parked *candidate_blocks[MOST_BLOCKS] CSH_GUARDED_BY(lock);

struct csh_parked *csh_park_block_create(size_t n_pieces)
{
    struct csh_parked *block =
        calloc(1, sizeof(*block) + n_pieces * sizeof(block->piece[0]));

    return block;
}

void csh_park_block_free(struct csh_parked *block)
{
    struct csh_park_use *use, *next;

    LL_FOREACH_SAFE(block->uses, use, next) {
        free(use);
    }
    free(block);
}

size_t csh_park_block_clean_bytes(const struct csh_parked *block)
{
    size_t bytes = 0, i;

    for (i = 0; i < block->n_pieces; i++) {
        bytes += block->piece[i].bytes;
    }
    return bytes;
}

unsigned csh_park_table_n(void)
{
    return atomic_load_explicit(&n_blocks, memory_order_acquire);
}

/* What the registry shows as parked. */
static void tell(const struct csh_parked *block,
                 void (*refer)(uint32_t weight, enum csh_weight_place place))
{
    size_t i;

    for (i = 0; i < block->n_pieces; i++) {
        refer((uint32_t)block->piece[i].mark.weight, CSH_PLACE_PARKED);
    }
}

static void take_out(struct csh_parked *block) CSH_REQUIRES(lock)
{
    tell(block, csh_registry_unrefer);
    csh_park_index_remove(&pieces, block);
    DL_DELETE(blocks, block);
    atomic_fetch_sub(&n_blocks, 1);
    csh_statistics_add(CSH_GAUGE_parked_bytes, -(int64_t)block->bytes);
}

void csh_park_table_add(struct csh_parked *block)
{
    csh_lock_acquire(&lock);
    DL_APPEND(blocks, block);
    csh_park_index_add(&pieces, block);
    tell(block, csh_registry_refer);
    atomic_fetch_add(&n_blocks, 1);
    csh_statistics_add(CSH_GAUGE_parked_bytes, (int64_t)block->bytes);
    csh_lock_release(&lock);
}

/* ---- pieces ------------------------------------------------------------ */

bool csh_park_table_renew(CUcontext context, struct csh_shadow_ref shadow)
{
    struct csh_parked *block;
    size_t place;

    csh_lock_acquire(&lock);
    block = csh_park_index_find(&pieces, context, shadow, &place);
    if (block != NULL) {
        block->piece[place].is_loaded = false;
    }
    csh_lock_release(&lock);
    return block != NULL;
}

bool csh_park_table_has(CUcontext context, struct csh_shadow_ref shadow)
{
    bool has;
    size_t place;

    if (csh_park_table_n() == 0) {
        return false;
    }
    csh_lock_acquire(&lock);
    has = csh_park_index_find(&pieces, context, shadow, &place) != NULL;
    csh_lock_release(&lock);
    return has;
}

static struct csh_park_history *history_of(uint64_t content)
    CSH_REQUIRES(lock)
{
    struct history *known;

    HASH_FIND(hh, histories, &content, sizeof(content), known);
    if (known != NULL || HASH_COUNT(histories) >= MOST_HISTORIES) {
        return known != NULL ? &known->history : NULL;
    }
    known = calloc(1, sizeof(*known));
    if (known == NULL) {
        return NULL;
    }
    known->content = content;
    HASH_ADD(hh, histories, content, sizeof(known->content), known);
    HASH_FIND(hh, histories, &content, sizeof(content), known);
    return known != NULL ? &known->history : NULL;
}

static uint64_t rank_of(uint64_t content) CSH_REQUIRES(lock)
{
    static const struct csh_park_history unknown;
    const struct csh_park_history *history = history_of(content);

    return csh_park_history_rank(history != NULL ? history : &unknown,
                                 &loads);
}

static uint64_t born_of(const struct csh_parked *block) CSH_REQUIRES(lock)
{
    const struct csh_park_history *history =
        block->n_pieces > 0 ? history_of(block->piece[0].content) : NULL;

    return history != NULL ? history->last_use : 0;
}

bool csh_park_table_read(CUcontext context, struct csh_shadow_ref shadow,
                         struct csh_park_reading *reading_p)
{
    struct csh_parked *block;

    csh_lock_acquire(&lock);
    block = csh_park_index_find(&pieces, context, shadow,
                                &reading_p->place);
    if (block != NULL) {
        block->n_readers++;
        reading_p->block = block;
        reading_p->uses = block->uses;
        block->uses = NULL;
        reading_p->address =
            block->base + block->piece[reading_p->place].offset;
        previous = born_of(block);
    }
    csh_lock_release(&lock);
    return block != NULL;
}

void csh_park_table_end(const struct csh_park_reading *reading,
                        enum csh_park_read how)
{
    struct csh_parked *block = reading->block;
    struct csh_park_piece *piece = &block->piece[reading->place];
    bool is_over;

    csh_lock_acquire(&lock);
    if (how == CSH_PARK_READ_COPIED) {
        piece->is_loaded = true;
    } else if (how == CSH_PARK_READ_SPOILT) {
        csh_park_index_remove_piece(&pieces, block, reading->place);
        piece->shadow = (struct csh_shadow_ref){0, 0}; /* nobody's */
    }
    LL_CONCAT(block->uses, reading->uses);
    block->n_readers--;
    is_over = block->is_gone && block->n_readers == 0;
    csh_lock_release(&lock);
    if (is_over) {
        csh_park_block_free(block);
    }
}

/* ---- decisions --------------------------------------------------------- */

/* All of it is with the program as well, or in nobody's shadow any more. */
static bool is_twin(const struct csh_parked *block)
{
    bool is_needed = false;
    size_t i;

    for (i = 0; i < block->n_pieces; i++) {
        is_needed |= !block->piece[i].is_loaded &&
                     block->piece[i].shadow.generation != 0;
    }
    return !is_needed;
}

/* One look for a block: a model's shadows go together. */
static bool is_stale(const struct csh_parked *block)
{
    struct csh_shadow *shadow =
        csh_store_acquire(csh_residency_store(), block->piece[0].shadow);

    if (shadow != NULL) {
        csh_store_release(csh_residency_store(), shadow);
    }
    return shadow == NULL;
}

static struct csh_park_block describe(const struct csh_parked *block)
    CSH_REQUIRES(lock)
{
    struct csh_park_block candidate = {
        .bytes = block->bytes,
        .clean_bytes = csh_park_block_clean_bytes(block),
        .born = born_of(block),
        .is_twin = is_twin(block) || is_stale(block),
        .is_held = block->n_readers > 0,
    };
    uint64_t rank;
    size_t i;

    for (i = 0; i < block->n_pieces; i++) {
        rank = rank_of(block->piece[i].content);
        candidate.rank = rank > candidate.rank ? rank : candidate.rank;
    }
    return candidate;
}

static size_t list(CUdevice device, CUcontext context) CSH_REQUIRES(lock)
{
    struct csh_parked *block;
    size_t n = 0;

    DL_FOREACH(blocks, block) {
        if (n < MOST_BLOCKS && block->device == device &&
            (context == NULL || block->context == context)) {
            candidate_blocks[n] = block;
            candidates[n++] = describe(block);
        }
    }
    return n;
}

static struct csh_parked *hand_out(size_t chosen) CSH_REQUIRES(lock)
{
    struct csh_parked *block = candidate_blocks[chosen];

    take_out(block);
    return block;
}

/* There is a block that can make way, and nothing is lost if it does. */
static bool may_lose_one(CUdevice device) CSH_REQUIRES(lock)
{
    const struct csh_parked *block;

    DL_FOREACH(blocks, block) {
        if (block->device == device && block->n_readers == 0 &&
            is_twin(block)) {
            return true;
        }
    }
    return false;
}

struct csh_parked *csh_park_table_pick(CUcontext context, CUdevice device,
                                       size_t bytes)
{
    struct csh_parked *block = NULL, *any;
    size_t n = 0, chosen;

    csh_lock_acquire(&lock);
    DL_FOREACH(blocks, any) {
        if (n < MOST_BLOCKS && any->context == context &&
            any->bytes == bytes) {
            candidate_blocks[n] = any;
            candidates[n++] = describe(any);
        }
    }
    chosen = csh_park_pick(candidates, n, bytes, previous,
                           !may_lose_one(device));
    if (chosen != CSH_PARK_NONE) {
        previous = candidates[chosen].born;
        block = hand_out(chosen);
    }
    csh_lock_release(&lock);
    return block;
}

struct csh_parked *csh_park_table_evict(CUdevice device, CUcontext context)
{
    struct csh_parked *block = NULL;
    size_t chosen, n;

    csh_lock_acquire(&lock);
    n = list(device, context);
    if (csh_park_choose(candidates, n, 1, &chosen) == 1) {
        block = hand_out(chosen);
    }
    csh_lock_release(&lock);
    return block;
}

bool csh_park_table_admits(const struct csh_parked *fresh, uint64_t spare)
{
    struct csh_park_block block;
    bool is_admitted;
    size_t n;

    if (csh_park_table_n() >= MOST_BLOCKS || spare >= fresh->bytes) {
        return csh_park_table_n() < MOST_BLOCKS; /* at nobody's price */
    }
    csh_lock_acquire(&lock);
    n = list(fresh->device, NULL);
    block = describe(fresh);
    is_admitted = csh_park_admits(&block, candidates, n, spare);
    csh_lock_release(&lock);
    return is_admitted;
}

static bool is_among(CUcontext context, CUcontext *contexts, size_t n)
{
    while (n-- > 0) {
        if (contexts[n] == context) {
            return true;
        }
    }
    return false;
}

size_t csh_park_table_places(CUdevice *devices, CUcontext *contexts,
                             size_t capacity)
{
    const struct csh_parked *block;
    size_t n = 0;

    csh_lock_acquire(&lock);
    DL_FOREACH(blocks, block) {
        if (n < capacity && !is_among(block->context, contexts, n)) {
            contexts[n] = block->context;
            devices[n++] = block->device;
        }
    }
    csh_lock_release(&lock);
    return n;
}

/* Its memory has ended. Who reads it still is the one to free it. */
static uint64_t lose(struct csh_parked *block, CUdevice *device_p)
    CSH_REQUIRES(lock)
{
    uint64_t bytes = block->bytes;

    take_out(block);
    *device_p = block->device;
    block->is_gone = true;
    if (block->n_readers == 0) {
        csh_park_block_free(block);
    }
    return bytes;
}

uint64_t csh_park_table_forget(CUcontext context, CUdevice *device_p)
{
    struct csh_parked *block, *next;
    uint64_t bytes = 0;

    if (csh_park_table_n() == 0) {
        return 0;
    }
    csh_lock_acquire(&lock);
    DL_FOREACH_SAFE(blocks, block, next) {
        if (block->context == context) {
            bytes += lose(block, device_p);
        }
    }
    csh_lock_release(&lock);
    return bytes;
}

uint64_t csh_park_table_lose(uint64_t number, CUdevice *device_p)
{
    struct csh_parked *block;
    uint64_t bytes = 0;

    csh_lock_acquire(&lock);
    DL_FOREACH(blocks, block) {
        if (block->number == number) {
            bytes = lose(block, device_p);
            break;
        }
    }
    csh_lock_release(&lock);
    return bytes;
}

/* ---- histories --------------------------------------------------------- */

void csh_park_table_loaded(uint64_t content)
{
    struct csh_park_history *history;

    csh_lock_acquire(&lock);
    history = history_of(content);
    if (history != NULL) {
        csh_park_clock_load(&loads, history);
    }
    csh_lock_release(&lock);
}

void csh_park_table_met(uint64_t content)
{
    struct csh_park_history *history;

    csh_lock_acquire(&lock);
    history = history_of(content);
    if (history != NULL && history->last_use == 0) {
        csh_park_clock_load(&loads, history);
    }
    csh_lock_release(&lock);
}

void csh_park_table_freed(void)
{
    csh_lock_acquire(&lock);
    csh_park_clock_free(&loads);
    csh_lock_release(&lock);
}
