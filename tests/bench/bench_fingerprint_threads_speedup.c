/*
 * bench_fingerprint_threads_speedup.c - the fingerprint of a large range by as
 * many threads as CUSHADOW_THREADS allows, against one thread, in one run.
 *
 * Both are timed side by side in each round, in changing order; the figure is
 * the median of the rounds' ratios. It cannot be more than the number of
 * threads, which is said on stderr, and is about 1 where there is one.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/workers.h"
#include "bench.h"
#include "verify/fingerprint_shared.h"

enum { N_ROUNDS = 41, N_WARM_UP = 3 };

static const size_t n_bytes = (size_t)64 << 20;

typedef void fingerprint_fn(const struct csh_fingerprint_key *key,
                            const void *bytes, size_t n,
                            struct csh_fingerprint *out_p);

static double now_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static double fingerprint_s(fingerprint_fn *fingerprint,
                            const struct csh_fingerprint_key *key,
                            const void *bytes)
{
    static volatile uint64_t sink;
    double begun = now_s();
    struct csh_fingerprint print;

    fingerprint(key, bytes, n_bytes, &print);
    sink = print.lane[0];
    (void)sink;
    return now_s() - begun;
}

int main(void)
{
    const struct csh_fingerprint_key *key = csh_fingerprint_key_create();
    unsigned char *bytes = malloc(n_bytes);
    double ratios[N_ROUNDS];
    int round;

    if (key == NULL || bytes == NULL) {
        fprintf(stderr, "bench: no key or no memory\n");
        return 1;
    }
    memset(bytes, 1, n_bytes);
    for (round = -N_WARM_UP; round < N_ROUNDS; round++) {
        double one, shared;

        if (round % 2 == 0) {
            one = fingerprint_s(csh_fingerprint_compute, key, bytes);
            shared = fingerprint_s(csh_fingerprint_compute_shared, key,
                                   bytes);
        } else {
            shared = fingerprint_s(csh_fingerprint_compute_shared, key,
                                   bytes);
            one = fingerprint_s(csh_fingerprint_compute, key, bytes);
        }
        if (round >= 0) {
            ratios[round] = one / shared;
        }
    }
    fprintf(stderr, "bench: fingerprint by %u threads\n",
            csh_workers_count() + 1);
    bench_print("fingerprint_threads_speedup_ratio",
                bench_median(ratios, N_ROUNDS),
                "ratio");
    return 0;
}
