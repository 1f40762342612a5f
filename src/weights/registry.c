/*
 * registry.c - numbers, names and who refers to them.
 *
 * Owns the one registry of the process, which lives as long as it: names and
 * numbers are never taken back from whoever prints them. Memory being short
 * only leaves weights out of the figures.
 */
#include "weights/registry.h"

#include <stdlib.h>
#include <string.h>

#include "weights/registry_inside.h"

#define IN_BLOCK 256u

struct csh_registry csh_registry = {
    .lock = CSH_LOCK_INIT(CSH_RANK_LEAF),
    .bursts = {.gap_ns = CSH_BURST_GAP_NS},
};

static struct csh_registry *const r = &csh_registry;

void csh_registry_open(struct csh_catalog *catalog)
{
    csh_lock_acquire(&r->lock);
    r->catalog = catalog;
    csh_lock_release(&r->lock);
}

struct csh_catalog *csh_registry_catalog(void)
{
    struct csh_catalog *catalog;

    csh_lock_acquire(&r->lock);
    catalog = r->catalog;
    csh_lock_release(&r->lock);
    return catalog;
}

uint32_t csh_registry_burst(uint64_t now_ns)
{
    uint32_t sequence;

    csh_lock_acquire(&r->lock);
    sequence = csh_bursts_note(&r->bursts, now_ns);
    csh_lock_release(&r->lock);
    return sequence;
}

/* --- records ----------------------------------------------------------- */

static struct csh_registered *at(uint32_t number)
{
    struct csh_registered *weight = NULL;

    if ((number > 0) && (number <= r->n_weights)) {
        weight = &r->blocks[(number - 1) / IN_BLOCK][(number - 1) % IN_BLOCK];
    }
    return ((weight != NULL) && weight->is_used) ? weight : NULL;
}

struct csh_registered *csh_registry_find_locked(uint32_t number)
{
    struct csh_registered *weight = at(number);

    return ((weight != NULL) && (weight->same_as != 0)) ? at(weight->same_as)
                                                        : weight;
}

static bool make_block(void)
{
    struct csh_registered **blocks, *block;

    blocks = realloc(r->blocks,
                     (r->n_blocks + 1) * sizeof(struct csh_registered *));
    if (blocks == NULL) {
        return false;
    }
    r->blocks = blocks;
    block = calloc(IN_BLOCK, sizeof(*block));
    if (block == NULL) {
        return false;
    }
    r->blocks[r->n_blocks++] = block;
    return true;
}

static struct csh_registered *take(uint64_t bytes)
{
    struct csh_registered *weight;
    uint32_t number = r->free_weight;

    if (number == 0) {
        if ((r->n_weights == CSH_MAX_WEIGHTS) ||
            ((r->n_weights == r->n_blocks * IN_BLOCK) && !make_block())) {
            return NULL;
        }
        number = ++r->n_weights;
    }
    weight = &r->blocks[(number - 1) / IN_BLOCK][(number - 1) % IN_BLOCK];
    if (r->free_weight != 0) {
        r->free_weight = weight->next_free;
    }
    memset(weight, 0, sizeof(*weight));
    weight->number = number;
    weight->bytes = bytes;
    weight->model = CSH_NO_MODEL;
    weight->n_tensors = 1;
    weight->is_used = true;
    return weight;
}

static void drop(struct csh_registered *weight)
{
    r->n_pending -= (weight->pending != NULL);
    free(weight->pending);
    weight->pending = NULL;
    weight->is_used = false;
    weight->next_free = r->free_weight;
    r->free_weight = weight->number;
}

/* --- models ------------------------------------------------------------ */

static bool is_model(const struct csh_registered_model *model,
                     const char *name, unsigned burst)
{
    return (name != NULL) ? (model->name != NULL) &&
                                (strcmp(model->name, name) == 0)
                          : (model->name == NULL) && (model->burst == burst);
}

/* By name, or else by the number of a group. */
static uint32_t model_of(const char *name, unsigned burst)
{
    struct csh_registered_model *model;
    uint32_t i;

    for (i = 0; i < r->n_models; ++i) {
        if (is_model(&r->models[i], name, burst)) {
            return i;
        }
    }
    if (r->n_models == CSH_MAX_MODELS) {
        return CSH_NO_MODEL;
    }
    model = &r->models[r->n_models];
    model->account = calloc(1, sizeof(*model->account));
    if (model->account == NULL) {
        return CSH_NO_MODEL;
    }
    model->name = name;
    model->burst = burst;
    return r->n_models++;
}

static void join_burst(struct csh_registered *weight)
{
    weight->model = model_of(
        NULL, csh_bursts_add(&r->bursts, weight->burst, weight->bytes));
}

static void leave_burst(const struct csh_registered *weight)
{
    if ((weight->model != CSH_NO_MODEL) &&
        (r->models[weight->model].name == NULL)) {
        csh_bursts_remove(&r->bursts, r->models[weight->model].burst,
                          weight->bytes);
    }
}

/* --- names ------------------------------------------------------------- */

static struct csh_registered *find_key(const struct csh_weight_key *key)
{
    struct csh_registered *weight;

    HASH_FIND(by_key, r->index, key, sizeof(*key), weight);
    return weight;
}

/* Memory being short leaves it out of the index: it is then one weight more
 * each time. */
static void give_name(struct csh_registered *weight,
                      const struct csh_weight_key *key, const char *model,
                      const char *name)
{
    weight->key = *key;
    weight->name = name;
    weight->model = model_of(model, 0);
    HASH_ADD(by_key, r->index, key, sizeof(weight->key), weight);
}

static struct csh_weight_key key_of(const struct csh_identity *identity,
                                    uint64_t bytes)
{
    struct csh_weight_key key;

    memset(&key, 0, sizeof(key));
    key.tensor = UINT64_C(1) + identity->tensor;
    key.offset = identity->offset;
    key.bytes = bytes;
    return key;
}

static void name_by(struct csh_registered *weight,
                    const struct csh_identity *identity)
{
    struct csh_weight_key key = key_of(identity, weight->bytes);

    weight->is_piece = identity->part != CSH_PART_WHOLE;
    weight->n_tensors = (identity->part == CSH_PART_PIECE)
                            ? (identity->offset == 0)
                            : identity->n_tensors;
    give_name(weight, &key, csh_catalog_model(r->catalog, identity->tensor),
              r->catalog->tensors[identity->tensor].name);
}

uint32_t csh_registry_identified(const struct csh_identity *identity,
                                 uint64_t bytes)
{
    struct csh_weight_key key = key_of(identity, bytes);
    struct csh_registered *weight;
    uint32_t number = 0;

    csh_lock_acquire(&r->lock);
    weight = find_key(&key);
    if (weight == NULL) {
        weight = take(bytes);
        if (weight != NULL) {
            name_by(weight, identity);
        }
    }
    if (weight != NULL) {
        number = weight->number;
    }
    csh_lock_release(&r->lock);
    return number;
}

static bool is_full(void)
{
    return (r->n_weights == CSH_MAX_WEIGHTS) && (r->free_weight == 0);
}

uint32_t csh_registry_named(const char *model, const char *tensor,
                            uint64_t bytes)
{
    struct csh_registered *weight = NULL;
    struct csh_weight_key key;
    uint32_t number = 0;

    memset(&key, 0, sizeof(key));
    key.bytes = bytes;
    csh_lock_acquire(&r->lock);
    if (!is_full()) {
        key.model = csh_owned_strings_get(&r->strings, model);
        key.name = csh_owned_strings_get(&r->strings, tensor);
    }
    if ((key.model != NULL) && (key.name != NULL)) {
        weight = find_key(&key);
        if (weight == NULL) {
            weight = take(bytes);
            if (weight != NULL) {
                give_name(weight, &key, key.model, key.name);
            }
        }
    }
    if (weight != NULL) {
        number = weight->number;
    }
    csh_lock_release(&r->lock);
    return number;
}

static bool make_pending(struct csh_registered *weight)
{
    if ((r->catalog == NULL) || (r->n_pending == CSH_MAX_PENDING)) {
        return false;
    }
    weight->pending = calloc(1, sizeof(*weight->pending));
    r->n_pending += (weight->pending != NULL);
    return weight->pending != NULL;
}

uint32_t csh_registry_unnamed(uint32_t burst, uint64_t bytes,
                              bool may_be_named)
{
    struct csh_registered *weight;
    uint32_t number = 0;

    csh_lock_acquire(&r->lock);
    weight = take(bytes);
    if (weight != NULL) {
        number = weight->number;
        weight->burst = burst;
        if (!may_be_named || !make_pending(weight)) {
            join_burst(weight);
        }
    }
    csh_lock_release(&r->lock);
    return number;
}

bool csh_registry_begin_settling(uint32_t number)
{
    struct csh_registered *weight;
    bool is_first;

    csh_lock_acquire(&r->lock);
    weight = at(number);
    is_first = (weight != NULL) && (weight->pending != NULL) &&
               !weight->is_settling;
    if (is_first) {
        weight->is_settling = true;
    }
    csh_lock_release(&r->lock);
    return is_first;
}

static bool is_referred_to(const struct csh_registered *weight)
{
    return (weight->n_refers[CSH_PLACE_DEVICE] > 0) ||
           (weight->n_refers[CSH_PLACE_HOST] > 0) ||
           (weight->n_refers[CSH_PLACE_PARKED] > 0);
}

/* What somebody is about to settle stays. */
static void drop_if_gone(struct csh_registered *weight)
{
    struct csh_registered *same = at(weight->same_as);

    if (is_referred_to(weight) || weight->is_settling ||
        ((weight->name != NULL) && (weight->same_as == 0))) {
        return;
    }
    if (weight->same_as != 0) {
        if (same != NULL) {
            --same->n_same;
        }
    } else {
        leave_burst(weight);
    }
    drop(weight);
}

/* --- what a pending one turns out to be --------------------------------- */

static void add_account(struct csh_model_account *to,
                        const struct csh_model_account *from)
{
    unsigned direction, outcome, reason;

    for (direction = 0; direction < CSH_N_DIRECTIONS; ++direction) {
        to->ns[direction] += from->ns[direction];
        to->times[direction] += from->times[direction];
        for (outcome = 0; outcome < CSH_N_OUTCOMES; ++outcome) {
            for (reason = 0; reason < CSH_N_REASONS; ++reason) {
                const struct csh_tally *tally =
                    &from->reason[direction][outcome][reason];

                to->reason[direction][outcome][reason].calls += tally->calls;
                to->reason[direction][outcome][reason].bytes += tally->bytes;
            }
        }
    }
}

/* Its figures go to its model: as if they came now. */
static void post(struct csh_registered *weight)
{
    struct csh_model_account *own = weight->pending;
    struct csh_registered_model *model;

    weight->pending = NULL;
    weight->is_settling = false;
    --r->n_pending;
    if (weight->model != CSH_NO_MODEL) {
        model = &r->models[weight->model];
        if (!model->has_direction) {
            model->has_direction = true;
            model->direction = CSH_H2D;
            own->times[CSH_H2D] = 1;
        }
        add_account(model->account, own);
    }
    free(own);
}

/* Another number of a weight that has this name already. */
static void become(struct csh_registered *weight, struct csh_registered *same)
{
    int place;

    weight->model = same->model;
    post(weight);
    weight->same_as = same->number;
    ++same->n_same;
    for (place = 0; place < CSH_N_PLACES; ++place) {
        same->n_refers[place] += weight->n_refers[place];
    }
    same->n_copies[CSH_D2H] += weight->n_copies[CSH_D2H];
    same->n_copies[CSH_H2D] += weight->n_copies[CSH_H2D];
    same->n_changed += weight->n_changed;
}

void csh_registry_settle(uint32_t number,
                         const struct csh_identity *identity)
{
    struct csh_registered *weight, *same = NULL;
    struct csh_weight_key key;

    csh_lock_acquire(&r->lock);
    weight = at(number);
    if ((weight == NULL) || (weight->pending == NULL)) {
        csh_lock_release(&r->lock);
        return;
    }
    if (identity->match == CSH_MATCH_EXACT) {
        key = key_of(identity, weight->bytes);
        same = find_key(&key);
    }
    if (same != NULL) {
        become(weight, same);
    } else {
        if (identity->match == CSH_MATCH_EXACT) {
            name_by(weight, identity);
        } else {
            join_burst(weight);
        }
        post(weight);
    }
    drop_if_gone(weight);
    csh_lock_release(&r->lock);
}

/* --- references ---------------------------------------------------------- */

void csh_registry_refer(uint32_t number, enum csh_weight_place place)
{
    struct csh_registered *weight, *same;

    csh_lock_acquire(&r->lock);
    weight = at(number);
    if (weight != NULL) {
        ++weight->n_refers[place];
        same = at(weight->same_as);
        if (same != NULL) {
            ++same->n_refers[place];
        }
    }
    csh_lock_release(&r->lock);
}

void csh_registry_unrefer(uint32_t number, enum csh_weight_place place)
{
    struct csh_registered *weight, *same;

    csh_lock_acquire(&r->lock);
    weight = at(number);
    if ((weight != NULL) && (weight->n_refers[place] > 0)) {
        --weight->n_refers[place];
        same = at(weight->same_as);
        if (same != NULL) {
            same->n_refers[place] -= (same->n_refers[place] > 0);
        }
        drop_if_gone(weight);
    }
    csh_lock_release(&r->lock);
}
