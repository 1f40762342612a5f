/*
 * model_report.c - where choices come from, and what a failure says.
 *
 * Owns the driver entries that only the model needs; written once by
 * model_start(). Everything else belongs to a world and its thread.
 */
#include "model.h"

#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct model_driver more;
bool model_aborts;

void model_start(void)
{
    void *library;

    program_start();
    library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
    CHECK(library != NULL);
#define MODEL_X(symbol_, pfn_)                        \
    more.symbol_ = (pfn_)dlsym(library, #symbol_);    \
    CHECK(more.symbol_ != NULL);
    MODEL_CALLS(MODEL_X)
#undef MODEL_X
    more.simcuda_peek = (model_peek_call *)dlsym(library, "simcuda_peek");
    CHECK(more.simcuda_peek != NULL);
    more.simcuda_take_elsewhere =
        (model_take_call *)dlsym(library, "simcuda_take_elsewhere");
    CHECK(more.simcuda_take_elsewhere != NULL);
}

/* ------------------------------------------------------------ choices --- */

/* splitmix64 (Steele, Lea, Flood 2014). */
static uint64_t next(struct model_source *source)
{
    uint64_t x = source->state += 0x9E3779B97F4A7C15ull;

    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ull;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBull;
    return x ^ (x >> 31);
}

/* As many input bytes as n needs. */
static uint64_t from_bytes(struct model_world *world, uint64_t n)
{
    struct model_source *source = &world->source;
    uint64_t value = 0, largest = n - 1;

    for (; largest > 0; largest >>= 8) {
        if (source->n_bytes == 0) {
            world->is_over = true;
            return 0;
        }
        value = value << 8 | *source->bytes++;
        source->n_bytes--;
    }
    return value % n;
}

uint64_t model_choose(struct model_world *world, uint64_t n)
{
    if (world->source.bytes != NULL) {
        return from_bytes(world, n);
    }
    return next(&world->source) % n;
}

bool model_once_in(struct model_world *world, uint64_t n)
{
    return model_choose(world, n) == n - 1;
}

/* ------------------------------------------------------------ history --- */

/* FNV-1a. */
static void digest(struct model_world *world, const void *bytes, size_t n)
{
    const uint8_t *at = bytes;

    while (n-- > 0) {
        world->digest = (world->digest ^ *at++) * 0x100000001B3ull;
    }
}

void model_note(struct model_world *world, const char *format, ...)
{
    char *note = world->history[world->n_notes++ % MODEL_HISTORY];
    int at = snprintf(note, MODEL_NOTE_BYTES, "%llu: ",
                      (unsigned long long)world->operation);
    va_list args;

    CHECK(format != NULL);
    va_start(args, format);
    vsnprintf(note + at, MODEL_NOTE_BYTES - (size_t)at, format, args);
    va_end(args);
    digest(world, note, strlen(note));
}

void model_tell(const struct model_world *world)
{
    unsigned i = world->n_notes > MODEL_HISTORY
                     ? world->n_notes - MODEL_HISTORY : 0;

    fprintf(stderr, "The last that thread %u did (operation: what):\n",
            world->number);
    for (; i < world->n_notes; i++) {
        fprintf(stderr, "  %s\n", world->history[i % MODEL_HISTORY]);
    }
    fprintf(stderr,
            "model: seed %llu, thread %u, operation %llu, %s the shim. "
            "Again: model_test --seed %llu --operations %llu --threads %u\n",
            (unsigned long long)world->seed, world->number,
            (unsigned long long)world->operation,
            under_shim ? "under" : "without",
            (unsigned long long)world->seed,
            (unsigned long long)(world->operation * world->n_worlds),
            world->n_worlds);
}

void model_fail(const struct model_world *world, const char *format, ...)
{
    va_list args;

    model_tell(world);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    fflush(stderr);
    if (model_aborts) {
        abort();
    }
    /* Not exit(): nothing of the program's is in order any more. */
    _Exit(1);
}

/* ------------------------------------------------------------- checks --- */

void model_want(struct model_world *world, const char *call, CUresult got,
                CUresult wanted)
{
    uint32_t code = (uint32_t)got;

    digest(world, &code, sizeof(code));
    if (got != wanted) {
        model_fail(world, "%s returned %d, wanted %d", call, (int)got,
                   (int)wanted);
    }
}

void model_compare(struct model_world *world, const char *what,
                   unsigned number, size_t offset, const uint8_t *got,
                   const uint8_t *wanted, size_t bytes)
{
    size_t i = 0, differing = 0, first = bytes;

    if (memcmp(got, wanted, bytes) == 0) {
        return;
    }
    for (; i < bytes; i++) {
        if (got[i] != wanted[i]) {
            first = first == bytes ? i : first;
            differing++;
        }
    }
    model_fail(world,
               "%s %u differs in %zu of %zu bytes, first at byte %zu: "
               "0x%02x, wanted 0x%02x",
               what, number, differing, bytes, offset + first, got[first],
               wanted[first]);
}
