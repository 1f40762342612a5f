/*
 * bench_lookup_overhead.c - what the shim adds to a copy of 4 KiB to the
 * host: it is looked at, counted and found too small to be worth more.
 */
#include <cuda.h>
#include <stddef.h>

#include "bench.h"

static void copy(void *function, unsigned n)
{
    static char host[4096];
    __typeof__(&cuMemcpyDtoHAsync_v2) entry;
    unsigned i;

    *(void **)&entry = function;
    for (i = 0; i < n; i++) {
        entry(host, 1 << 20, sizeof(host), NULL);
    }
}

int main(void)
{
    struct bench_entry entry = bench_find("cuMemcpyDtoHAsync_v2");

    bench_print("lookup_overhead_ns", bench_overhead_ns(copy, &entry), "ns");
    return 0;
}
