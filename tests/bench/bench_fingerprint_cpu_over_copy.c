/*
 * bench_fingerprint_cpu_over_copy.c - the fingerprint of warm memory against
 * a memcpy of the same memory: what it costs to take a shadow's fingerprint,
 * measured by what it costs to fill one.
 *
 * One thread. Both are timed side by side in each round, in changing order;
 * the figure is the median of the rounds' ratios. The source is as large as a
 * large weight, so most of it comes from memory and not from caches.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench.h"
#include "verify/fingerprint.h"
#include "verify/nh.h"

enum { N_ROUNDS = 41, N_WARM_UP = 3 };

static const size_t n_bytes = (size_t)64 << 20;

static double now_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static double fingerprint_s(const struct csh_fingerprint_key *key,
                            const void *src)
{
    static volatile uint64_t sink;
    double begun = now_s();
    struct csh_fingerprint print;

    csh_fingerprint_compute(key, src, n_bytes, &print);
    sink = print.lane[0];
    (void)sink;
    return now_s() - begun;
}

static double copy_s(void *dst, const void *src)
{
    double begun = now_s();

    memcpy(dst, src, n_bytes);
    __asm__ volatile("" : : "r"(dst) : "memory");
    return now_s() - begun;
}

static void *pages(size_t bytes, int fill)
{
    void *memory = NULL;

    if (posix_memalign(&memory, 4096, bytes) != 0) {
        fprintf(stderr, "bench: no memory\n");
        exit(1);
    }
    memset(memory, fill, bytes);
    return memory;
}

int main(void)
{
    const struct csh_fingerprint_key *key = csh_fingerprint_key_create();
    void *src = pages(n_bytes, 1), *dst = pages(n_bytes, 2);
    double ratios[N_ROUNDS];
    int round;

    if (key == NULL) {
        fprintf(stderr, "bench: no key\n");
        return 1;
    }
    for (round = -N_WARM_UP; round < N_ROUNDS; round++) {
        double print, copy;

        if (round % 2 == 0) {
            print = fingerprint_s(key, src);
            copy = copy_s(dst, src);
        } else {
            copy = copy_s(dst, src);
            print = fingerprint_s(key, src);
        }
        if (round >= 0) {
            ratios[round] = copy / print; /* speeds: bytes a second */
        }
    }
    fprintf(stderr, "bench: fingerprint by %s\n", csh_nh_path_best()->name);
    bench_print("fingerprint_cpu_over_copy_ratio",
                bench_median(ratios, N_ROUNDS),
                "ratio");
    return 0;
}
