/*
 * fingerprint_fixture.h - a fixed key and an arena between two pages that
 * cannot be read, so that a read outside of a message ends the test.
 */
#ifndef FINGERPRINT_FIXTURE_H
#define FINGERPRINT_FIXTURE_H

#include <check.h>
#include <stdint.h>
#include <sys/mman.h>

#include "verify/field.h"
#include "verify/fingerprint.h"

#define PAGE 4096u
#define TILE CSH_FINGERPRINT_TILE_BYTES
#define ARENA_BYTES (3u << 20)

static struct csh_fingerprint_key key;
static unsigned char *arena; /* ARENA_BYTES between two guard pages */
static uint64_t random_state;

static uint64_t splitmix(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9E3779B97F4A7C15));

    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

static uint64_t draw(void)
{
    return splitmix(&random_state);
}

static void draw_bytes(unsigned char *bytes, size_t n)
{
    size_t i;

    for (i = 0; i < n; ++i) {
        bytes[i] = (unsigned char)(draw() >> 56);
    }
}

static void set_up(void)
{
    uint32_t nh[CSH_FINGERPRINT_KEY_WORDS];
    uint64_t kappa[CSH_FINGERPRINT_LANES];
    uint64_t state = 1;
    unsigned char *pages;
    size_t i;

    for (i = 0; i < CSH_FINGERPRINT_KEY_WORDS; ++i) {
        nh[i] = (uint32_t)splitmix(&state);
    }
    for (i = 0; i < CSH_FINGERPRINT_LANES; ++i) {
        kappa[i] = splitmix(&state) % CSH_FIELD_P;
    }
    csh_fingerprint_key_derive(nh, kappa, &key);

    pages = mmap(NULL, ARENA_BYTES + 2 * PAGE, PROT_NONE,
                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert(pages != MAP_FAILED);
    arena = pages + PAGE;
    ck_assert(mprotect(arena, ARENA_BYTES, PROT_READ | PROT_WRITE) == 0);
    random_state = 42;
}

static void tear_down(void)
{
    munmap(arena - PAGE, ARENA_BYTES + 2 * PAGE);
}

/* The last n bytes of the arena, `before_end` bytes before its end. */
static inline unsigned char *message_at_end(size_t n, size_t before_end)
{
    return arena + ARENA_BYTES - before_end - n;
}

static struct csh_fingerprint print_of(const void *bytes, size_t n)
{
    struct csh_fingerprint print;

    csh_fingerprint_compute(&key, bytes, n, &print);
    return print;
}

#endif
