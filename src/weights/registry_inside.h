/*
 * registry_inside.h - the inside of the registry, for registry*.c alone.
 *
 * Weights lie in blocks that never move, found by number; number 0 is none.
 * What has a name is in an index under that. A pending weight that turns out
 * to be one that is there already becomes a second number of it (same_as),
 * until nobody refers to it any more.
 */
#ifndef CSH_WEIGHTS_REGISTRY_INSIDE_H
#define CSH_WEIGHTS_REGISTRY_INSIDE_H

#include "base/lock.h"
#include "weights/owned_strings.h"
#include "weights/registry.h"

#define HASH_NONFATAL_OOM 1 /* uthash would exit(-1) */
#include <uthash.h>

#define CSH_NO_MODEL UINT32_MAX

/* Of the catalog: tensor, part and so on; of a user: strings of the registry's
 * own. Hashed as bytes: it has no padding. */
struct csh_weight_key {
    uint64_t tensor; /* 1 + number in the catalog; 0: of a user */
    uint64_t offset, bytes;
    const char *model, *name; /* of a user */
};

struct csh_registered {
    struct csh_weight_key key;
    const char *name; /* of the tensor; NULL: none */
    uint64_t bytes;
    uint32_t model;
    uint32_t number;
    uint32_t same_as; /* 0: this is it */
    uint32_t n_same;  /* numbers that are this one */
    uint32_t burst;   /* sequence; for what is pending */
    uint32_t n_tensors;
    uint32_t n_refers[CSH_N_PLACES];
    uint32_t next_free;
    bool is_used, is_piece, is_settling;
    uint64_t seen_in, pinned_in; /* the latest look that found its shadow, and
                                    found it pinned */
    uint64_t n_copies[CSH_N_DIRECTIONS], n_changed;
    struct csh_model_account *pending; /* its own figures until settled */
    UT_hash_handle by_key;
};

struct csh_registered_model {
    const char *name; /* NULL: a burst */
    unsigned burst;   /* number of the group */
    bool has_direction;
    enum csh_direction direction; /* of the latest copy */
    struct csh_model_account *account;
};

struct csh_registry {
    struct csh_lock lock;
    struct csh_catalog *catalog;
    struct csh_bursts bursts;
    struct csh_registered **blocks;
    uint32_t n_weights, n_blocks, free_weight, n_pending;
    struct csh_registered *index;
    struct csh_owned_strings strings; /* a user's names */
    struct csh_registered_model models[CSH_MAX_MODELS];
    unsigned n_models;
    void (*look)(void);
    uint64_t n_looks, n_looked; /* begun; the latest that has ended */
};

extern struct csh_registry csh_registry;

/* NULL for 0, and for a number that is nobody's. Another number of a weight
 * finds that weight. */
struct csh_registered *csh_registry_find_locked(uint32_t number);

#endif
