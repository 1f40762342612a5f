/*
 * load.c - see load.h. Owns nothing.
 */
#include "load.h"

#include "program.h"

#define SMALL ((size_t)16 << 10)

uint64_t load_mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static uint64_t word_at(const struct load_range *range, size_t i)
{
    return load_mix(range->seed * UINT64_C(0x9e3779b97f4a7c15) + i) ^
           (i == 0 ? range->change : 0);
}

/* All words of small ranges; of large ones every page has one. */
static size_t stride(const struct load_range *range)
{
    return range->bytes > SMALL ? 61 : 1;
}

void load_make_bytes(struct load_range *range)
{
    size_t i;

    for (i = 0; i < range->bytes / sizeof(uint64_t); i++) {
        range->host[i] = word_at(range, i);
    }
}

void load_check_bytes(const struct load_range *range)
{
    size_t last = range->bytes / sizeof(uint64_t) - 1, i;

    for (i = 0; i <= last; i += stride(range)) {
        CHECK_EQUAL(range->host[i], word_at(range, i));
    }
    CHECK_EQUAL(range->host[last], word_at(range, last));
}

uint64_t load_digest(const struct load_range *range)
{
    uint64_t sum = 0, i;

    for (i = 0; i < LOAD_READ_BYTES / sizeof(uint64_t); i++) {
        sum += load_mix(word_at(range, i) +
                   (i + 1) * UINT64_C(0x9e3779b97f4a7c15));
    }
    return sum;
}
