/*
 * bench_park_replay.c - what keeping freed weights in VRAM saves the link,
 * by which of them go first when there is no room for all.
 *
 * Replays sequences in which models are loaded and unloaded over sizes of
 * VRAM, with the shim's own functions: csh_park_choose() and
 * csh_park_history_rank(). A model is a list of blocks, as a caching allocator
 * holds its tensors. A load takes the model's blocks in order: what is parked
 * does not cross the link; what is not needs room, for which parked blocks go.
 * An unload parks them all. One model is in use at a time, and all of VRAM is
 * for models.
 *
 *   park_link_over_optimum_ratio   bytes over the link, all cases together, by
 *   park_lru_over_optimum_ratio    those that no order of going could save
 *
 * With --table, a line for each case instead: sequence, policy, VRAM in bytes,
 * and bytes over the link by bytes loaded. The first fifth of each sequence is
 * not counted: whatever is loaded first crosses.
 *
 * The policies: lru, the least recently used goes first; size, GreedyDual-Size
 * with the bytes and the fixed cost of a copy as the cost (Cao and Irani 1997);
 * kept, the shim's; optimum, what is needed last goes first (Belady 1966),
 * which knows the rest of the sequence and is there as the bound.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "bench.h"
#include "engine/park_history.h"
#include "engine/park_policy.h"
#include "park_models.h"

enum { N_SIZES = 11 }; /* of VRAM, from the largest model to all of them */

/* What one copy costs besides its bytes, in bytes: 10 us at 50 GB/s. */
#define COPY_COST UINT64_C(500000)

/* ---- policies ---- */

struct replay {
    const struct park_sequence *sequence;
    unsigned at;  /* the load that is going on */
    size_t place; /* the block of it */
    struct csh_park_clock clock;
    uint64_t worth; /* policy size: of what went last */
};

static uint64_t rank_lru(const struct replay *replay,
                         const struct park_block *block)
{
    (void)replay;
    return block->history.last_use;
}

static uint64_t rank_size(const struct replay *replay,
                          const struct park_block *block)
{
    (void)replay;
    return block->worth;
}

static uint64_t rank_kept(const struct replay *replay,
                          const struct park_block *block)
{
    return csh_park_history_rank(&block->history, &replay->clock);
}

static uint64_t rank_optimum(const struct replay *replay,
                             const struct park_block *block)
{
    const struct park_sequence *sequence = replay->sequence;
    unsigned at = replay->at;

    if (sequence->loads[at] == block->model && block->place < replay->place) {
        at++;
    }
    while (at < sequence->n && sequence->loads[at] != block->model) {
        at++;
    }
    return UINT64_MAX - ((uint64_t)at << 32) - block->place;
}

static const struct {
    const char *name;
    uint64_t (*rank)(const struct replay *replay,
                     const struct park_block *block);
} policies[] = {
    {"lru", rank_lru},
    {"size", rank_size},
    {"kept", rank_kept},
    {"optimum", rank_optimum},
};

enum { LRU, SIZE, KEPT, OPTIMUM, N_POLICIES };

/* ---- the replay ---- */

static uint64_t vram, in_use;
static size_t parked[PARK_MOST_BLOCKS];
static struct csh_park_block candidates[PARK_MOST_BLOCKS];
static size_t chosen[PARK_MOST_BLOCKS];

/* Lets parked blocks go until so many bytes are free. */
static void make_room(struct replay *replay, size_t policy, uint64_t bytes)
{
    size_t n = 0, n_chosen, i;

    if (in_use + bytes <= vram) {
        return;
    }
    for (i = 0; i < park_n_blocks; i++) {
        if (park_blocks[i].is_parked) {
            candidates[n] = (struct csh_park_block){
                .bytes = park_blocks[i].bytes,
                .clean_bytes = park_blocks[i].bytes,
                .rank = policies[policy].rank(replay, &park_blocks[i])};
            parked[n++] = i;
        }
    }
    n_chosen = csh_park_choose(candidates, n, in_use + bytes - vram, chosen);
    for (i = 0; i < n_chosen; i++) {
        struct park_block *gone = &park_blocks[parked[chosen[i]]];

        gone->is_parked = false;
        in_use -= gone->bytes;
        if (gone->worth > replay->worth) {
            replay->worth = gone->worth;
        }
    }
    if (in_use + bytes > vram) {
        park_fail("a model does not fit");
    }
}

/* Returns what crosses the link. */
static uint64_t load(struct replay *replay, size_t policy,
                     const struct park_model *model)
{
    uint64_t crossed = 0;

    for (replay->place = 0; replay->place < model->n; replay->place++) {
        struct park_block *block = &park_blocks[model->first + replay->place];

        csh_park_clock_load(&replay->clock, &block->history);
        if (!block->is_parked) {
            make_room(replay, policy, block->bytes);
            in_use += block->bytes;
            crossed += block->bytes;
        }
        block->is_parked = false;
        block->worth = replay->worth + 1000 + 1000 * COPY_COST / block->bytes;
    }
    return crossed;
}

static void unload(struct replay *replay, const struct park_model *model)
{
    size_t i;

    for (i = 0; i < model->n; i++) {
        park_blocks[model->first + i].is_parked = true;
        csh_park_clock_free(&replay->clock);
    }
}

/* Bytes over the link by bytes loaded. */
static double replay_one(const struct park_sequence *sequence, size_t policy)
{
    struct replay replay = {.sequence = sequence};
    uint64_t crossed = 0, loaded = 0, bytes;
    size_t i;

    in_use = 0;
    for (i = 0; i < park_n_blocks; i++) {
        park_blocks[i].is_parked = false;
        park_blocks[i].history = (struct csh_park_history){0};
    }
    for (replay.at = 0; replay.at < sequence->n; replay.at++) {
        const struct park_model *model =
            &park_models[sequence->loads[replay.at]];

        bytes = load(&replay, policy, model);
        if (replay.at >= sequence->n / 5) {
            crossed += bytes;
            loaded += model->bytes;
        }
        unload(&replay, model);
    }
    return (double)crossed / (double)loaded;
}

/* From the largest model to all that come more than once. */
static uint64_t vram_of(const struct park_sequence *sequence, unsigned size)
{
    uint64_t largest = 0, all = 0, n_loads;
    size_t model;
    unsigned i;

    for (model = 0; model < park_n_models; model++) {
        for (n_loads = 0, i = 0; i < sequence->n; i++) {
            n_loads += sequence->loads[i] == model;
        }
        all += n_loads > 1 ? park_models[model].bytes : 0;
        if (park_models[model].bytes > largest) {
            largest = park_models[model].bytes;
        }
    }
    return largest + (all - largest) * size / (N_SIZES - 1);
}

static void replay_sequence(const struct park_sequence *sequence, bool is_table,
                            double totals[N_POLICIES])
{
    double share;
    unsigned size;
    size_t policy;

    for (policy = 0; policy < N_POLICIES; policy++) {
        for (size = 0; size < N_SIZES; size++) {
            vram = vram_of(sequence, size);
            share = replay_one(sequence, policy);
            totals[policy] += share;
            if (is_table) {
                printf("%s\t%s\t%llu\t%.4f\n", sequence->name,
                       policies[policy].name, (unsigned long long)vram, share);
            }
        }
    }
}

int main(int argc, char **argv)
{
    bool is_table = argc > 1 && strcmp(argv[1], "--table") == 0;
    double totals[N_POLICIES] = {0};
    struct park_sequence sequence;
    size_t i;

    for (i = 0; park_make_sequence(i, &sequence); i++) {
        replay_sequence(&sequence, is_table, totals);
    }
    if (!is_table) {
        bench_print("park_link_over_optimum_ratio",
                    totals[KEPT] / totals[OPTIMUM], "ratio");
        bench_print("park_size_over_optimum_ratio",
                    totals[SIZE] / totals[OPTIMUM], "ratio");
        bench_print("park_lru_over_optimum_ratio",
                    totals[LRU] / totals[OPTIMUM], "ratio");
    }
    return 0;
}
