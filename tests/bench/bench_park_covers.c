/*
 * bench_park_covers.c - what each call that names a device address pays while
 * N blocks are parked: the question whether the address lies in one of them
 * (src/engine/park_addresses.h), of addresses drawn at random, half of which
 * do. Every figure is the median of many rounds.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bench.h"
#include "engine/park_addresses.h"

#define BASE ((CUdeviceptr)0x7f0000000000)
#define UNIT ((CUdeviceptr)2 << 20)

enum { N_ROUNDS = 101, N_QUESTIONS = 2000 };

static uint64_t random_number(void)
{
    static uint64_t state = 1;

    state = state * UINT64_C(6364136223846793005) +
            UINT64_C(1442695040888963407);
    return state >> 33;
}

static double now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* Every other unit of the device is a block. */
static void park(unsigned from, unsigned n)
{
    unsigned i;

    for (i = from; i < n; i++) {
        const struct csh_park_address place = {
            BASE + 2 * i * UNIT, UNIT, 1 + i, (CUcontext)(uintptr_t)1};

        if (!csh_park_addresses_add(&place)) {
            fprintf(stderr, "bench: no memory\n");
            exit(1);
        }
    }
}

static double ns_each(unsigned n_blocks)
{
    static CUdeviceptr addresses[N_QUESTIONS];
    struct csh_park_address place;
    double rounds[N_ROUNDS], begun;
    unsigned i, n_found = 0;
    int round;

    for (i = 0; i < N_QUESTIONS; i++) {
        addresses[i] = BASE + random_number() % (2 * n_blocks) * UNIT;
    }
    for (round = 0; round < N_ROUNDS; round++) {
        begun = now_ns();
        for (i = 0; i < N_QUESTIONS; i++) {
            n_found += csh_park_addresses_find(addresses[i], &place);
        }
        rounds[round] = (now_ns() - begun) / N_QUESTIONS;
    }
    if (n_found == 0) {
        fprintf(stderr, "bench: no address is in a block\n");
        exit(1);
    }
    return bench_median(rounds, N_ROUNDS);
}

int main(void)
{
    static const unsigned n_blocks[] = {16, 256, 4096, 65536};
    char name[64];
    unsigned i, n = 0;

    for (i = 0; i < sizeof(n_blocks) / sizeof(n_blocks[0]); i++) {
        park(n, n_blocks[i]);
        n = n_blocks[i];
        (void)snprintf(name, sizeof(name), "park_covers_ns_blocks_%u", n);
        bench_print(name, ns_each(n), "ns");
    }
    return 0;
}
