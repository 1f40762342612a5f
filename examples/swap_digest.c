/*
 * swap_digest.c - the digest on the host. Pure functions.
 */
#include "swap_digest.h"

#include <string.h>

static const uint64_t golden = 0x9E3779B97F4A7C15;

static uint64_t mix(uint64_t x)
{
    x ^= x >> 30;
    x *= 0xBF58476D1CE4E5B9;
    x ^= x >> 27;
    x *= 0x94D049BB133111EB;
    return x ^ (x >> 31);
}

/* x86-64 and aarch64 as Linux runs them are little-endian. */
static uint64_t load_word(const unsigned char *bytes, size_t length)
{
    uint64_t word = 0;

    memcpy(&word, bytes, length);
    return word;
}

uint64_t swap_digest(const void *data, size_t bytes)
{
    const unsigned char *at = data;
    uint64_t sum = 0, step = golden;
    size_t left;

    for (left = bytes; left >= 8; left -= 8, at += 8, step += golden) {
        sum += mix(load_word(at, 8) + step);
    }
    if (left > 0) {
        sum += mix(load_word(at, left) + step);
    }
    return sum;
}

uint64_t swap_digest_join(uint64_t digest, uint64_t value)
{
    return mix(digest + golden) + value;
}
