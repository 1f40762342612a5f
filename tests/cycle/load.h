/*
 * load.h - the ranges of app_load.c and the bytes that are in them.
 */
#ifndef CYCLE_LOAD_H
#define CYCLE_LOAD_H

#include <cuda.h>
#include <stddef.h>
#include <stdint.h>

/* Of a range, that a launch reads which changes nothing. */
enum { LOAD_READ_BYTES = 64 };

struct load_range {
    CUdeviceptr device;
    uint64_t *host; /* NULL while it is on the device */
    size_t bytes;   /* a multiple of 64 */
    uint64_t seed;
    uint64_t change; /* of its first word, by exclusive or */
};

/* The finaliser of SplitMix64. */
uint64_t load_mix(uint64_t x);

/* Fills host memory; checks all words of a small range, and of a large one
 * some of every page. What is wrong ends the program. */
void load_make_bytes(struct load_range *range);
void load_check_bytes(const struct load_range *range);

/* What the kernel digest_u64 adds for its first bytes (tests/sim/kernels.c). */
uint64_t load_digest(const struct load_range *range);

#endif
