/*
 * park_models.h - the models and sequences that bench_park_replay replays.
 *
 * The arrays are the bench's only; one sequence and its models at a time.
 */
#ifndef PARK_MODELS_H
#define PARK_MODELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/park_history.h"

enum {
    PARK_MOST_MODELS = 40,
    PARK_MOST_BLOCKS = 8000, /* of all models of a sequence */
    PARK_MOST_LOADS = 256,
};

struct park_model {
    size_t first, n; /* of the blocks */
    uint64_t bytes;
};

struct park_block {
    uint64_t bytes;
    size_t model, place;
    bool is_parked;
    struct csh_park_history history;
    uint64_t worth; /* of GreedyDual-Size, at its last use */
};

struct park_sequence {
    const char *name;
    unsigned loads[PARK_MOST_LOADS]; /* indices of models */
    unsigned n;
};

extern struct park_model park_models[PARK_MOST_MODELS];
extern size_t park_n_models;
extern struct park_block park_blocks[PARK_MOST_BLOCKS];
extern size_t park_n_blocks;

/* Makes the sequence with this number, and its models anew. False if there
 * is none. Ends the program with a line on stderr if examples/sdxl, looked for
 * in the working folder, cannot be read. */
bool park_make_sequence(size_t number, struct park_sequence *sequence);

/* "bench: WHAT" on stderr, and the end with status 1. */
_Noreturn void park_fail(const char *what);

#endif
