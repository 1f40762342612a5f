/*
 * park_models.c - see park_models.h. A model is a list of blocks, as a caching
 * allocator holds its tensors.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "park_models.h"

#define MB UINT64_C(1048576)
/* A tensor as large as this has a block of its own; smaller ones share. Three
 * times what PyTorch takes, for the sake of the time that a replay takes. */
#define OWN_BLOCK (30 * MB)
#define SHARED_BLOCK (60 * MB)
struct park_model park_models[PARK_MOST_MODELS];
size_t park_n_models;
struct park_block park_blocks[PARK_MOST_BLOCKS];
size_t park_n_blocks;

_Noreturn void park_fail(const char *what)
{
    fprintf(stderr, "bench: %s\n", what);
    exit(1);
}

/* ---- models ---- */

static void forget_models(void)
{
    park_n_models = 0;
    park_n_blocks = 0;
}

static void begin_model(void)
{
    if (park_n_models == PARK_MOST_MODELS) {
        park_fail("too many models");
    }
    park_models[park_n_models++] = (struct park_model){.first = park_n_blocks};
}

static void add_block(uint64_t bytes)
{
    struct park_model *model = &park_models[park_n_models - 1];

    if (park_n_blocks == PARK_MOST_BLOCKS) {
        park_fail("too many blocks");
    }
    park_blocks[park_n_blocks++] = (struct park_block){
        .bytes = bytes, .model = park_n_models - 1, .place = model->n};
    model->n++;
    model->bytes += bytes;
}

/* Of `count` bytes in small tensors. */
static void add_shared(uint64_t bytes)
{
    for (; bytes > 0; bytes -= bytes < SHARED_BLOCK ? bytes : SHARED_BLOCK) {
        add_block(SHARED_BLOCK);
    }
}

/* "320x4x3x3" */
static uint64_t elements(const char *shape)
{
    uint64_t n = 1;
    char *end;

    do {
        n *= strtoull(shape, &end, 10);
        shape = end + 1;
    } while (*end == 'x');
    return n;
}

/* A part of SDXL, in the order in which it is loaded. */
static void add_part(const char *name)
{
    char path[64], line[512], type[16], shape[64];
    uint64_t shared = 0, bytes;
    FILE *file;

    snprintf(path, sizeof(path), "examples/sdxl/%s.tsv", name);
    file = fopen(path, "r");
    if (file == NULL) {
        park_fail(path);
    }
    while (fgets(line, sizeof(line), file) != NULL) {
        if (line[0] == '#' || sscanf(line, "%*s %15s %63s", type, shape) != 2) {
            continue;
        }
        bytes = elements(shape) * (strcmp(type, "F16") == 0 ? 2 : 4);
        if (bytes >= OWN_BLOCK) {
            add_block(bytes);
        } else if ((shared += bytes) >= SHARED_BLOCK) {
            add_block(SHARED_BLOCK);
            shared -= SHARED_BLOCK;
        }
    }
    add_shared(shared);
    fclose(file);
}

static void add_sdxl(void)
{
    begin_model();
    add_part("text_encoder");
    add_part("text_encoder_2");
    add_part("unet");
    add_part("vae");
}

/* A transformer of so many layers, hidden size and inner size in 16 bits. */
static void add_transformer(unsigned n_layers, uint64_t hidden, uint64_t inner)
{
    unsigned layer, i;

    begin_model();
    for (layer = 0; layer < n_layers; layer++) {
        for (i = 0; i < 4; i++) {
            add_block(hidden * hidden * 2);
        }
        for (i = 0; i < 3; i++) {
            add_block(hidden * inner * 2);
        }
    }
}

/* A model of mostly small tensors. */
static void add_plain(uint64_t bytes)
{
    begin_model();
    add_shared(bytes);
}

/* ---- sequences ---- */

static uint64_t random_state;

/* splitmix64 (Steele, Lea and Flood 2014): the same figures everywhere. */
static uint64_t random_word(void)
{
    uint64_t z = random_state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* 0 to n - 1 by Zipf's law: the k-th with weight 1 / (k + 1). */
static unsigned zipf(unsigned n)
{
    double sum = 0, at;
    unsigned k;

    for (k = 0; k < n; k++) {
        sum += 1.0 / (k + 1);
    }
    at = (double)(random_word() >> 11) / (double)(UINT64_C(1) << 53) * sum;
    for (k = 0; k + 1 < n && at >= 1.0 / (k + 1); k++) {
        at -= 1.0 / (k + 1);
    }
    return k;
}

static void then(struct park_sequence *sequence, unsigned model)
{
    if (sequence->n < PARK_MOST_LOADS) {
        sequence->loads[sequence->n++] = model;
    }
}

static void make_turns(struct park_sequence *sequence, unsigned n)
{
    unsigned i;

    for (i = 0; i < 20 * n; i++) {
        then(sequence, i % n);
    }
}

static void two_in_turn(struct park_sequence *sequence)
{
    add_sdxl();
    add_transformer(32, 4096, 9728);
    make_turns(sequence, 2);
}

static void three_in_turn(struct park_sequence *sequence)
{
    add_sdxl();
    add_transformer(24, 4096, 9728);
    add_plain(8000 * MB);
    make_turns(sequence, 3);
}

static void parts_in_turn(struct park_sequence *sequence)
{
    begin_model();
    add_part("text_encoder");
    begin_model();
    add_part("text_encoder_2");
    begin_model();
    add_part("unet");
    begin_model();
    add_part("vae");
    make_turns(sequence, 4);
}

static void five_models(void)
{
    add_sdxl();
    add_transformer(24, 4096, 9728);
    add_plain(8000 * MB);
    add_plain(5000 * MB);
    add_transformer(16, 4096, 9728);
}

static void five_by_zipf(struct park_sequence *sequence)
{
    unsigned i;

    five_models();
    for (i = 0; i < 160; i++) {
        then(sequence, zipf(5));
    }
}

static void zipf_that_turns(struct park_sequence *sequence)
{
    unsigned i;

    five_models();
    for (i = 0; i < 200; i++) {
        then(sequence, i < 100 ? zipf(5) : 4 - zipf(5));
    }
}

static void two_at_random(struct park_sequence *sequence)
{
    unsigned i;

    add_sdxl();
    add_transformer(32, 4096, 9728);
    for (i = 0; i < 100; i++) {
        then(sequence, (unsigned)(random_word() & 1));
    }
}

static void huge_and_small(struct park_sequence *sequence)
{
    unsigned i;

    add_transformer(32, 4096, 14336);
    for (i = 0; i < 8; i++) {
        add_plain((250 + 350 * (i * 5 % 8)) * MB);
    }
    for (i = 0; i < 200; i++) {
        then(sequence, i % 5 == 0 ? 0 : 1 + zipf(8));
    }
}

/* Each stranger comes once. */
static void two_and_strangers(struct park_sequence *sequence)
{
    unsigned i, stranger = 2;

    add_sdxl();
    add_transformer(24, 4096, 9728);
    for (i = 0; i < 100; i++) {
        if (i % 5 == 4) {
            add_plain(6000 * MB);
            then(sequence, stranger++);
        } else {
            then(sequence, i % 5 % 2);
        }
    }
}

static const struct {
    const char *name;
    void (*make)(struct park_sequence *sequence);
} all_sequences[] = {
    {"two in turn", two_in_turn},
    {"three in turn", three_in_turn},
    {"SDXL's four parts in turn", parts_in_turn},
    {"two at random", two_at_random},
    {"five by Zipf", five_by_zipf},
    {"five by Zipf, turned round", zipf_that_turns},
    {"one huge, eight small", huge_and_small},
    {"two, and strangers", two_and_strangers},
};

bool park_make_sequence(size_t number, struct park_sequence *sequence)
{
    if (number >= sizeof(all_sequences) / sizeof(all_sequences[0])) {
        return false;
    }
    forget_models();
    random_state = 20;
    *sequence = (struct park_sequence){.name = all_sequences[number].name};
    all_sequences[number].make(sequence);
    return true;
}
