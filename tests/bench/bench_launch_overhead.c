/*
 * bench_launch_overhead.c - what the shim adds to a kernel launch, which it
 * only forwards.
 */
#include <cuda.h>
#include <stddef.h>

#include "bench.h"

static void launch(void *function, unsigned n)
{
    __typeof__(&cuLaunchKernel) entry;
    unsigned i;

    *(void **)&entry = function;
    for (i = 0; i < n; i++) {
        entry(NULL, 1, 1, 1, 1, 1, 1, 0, NULL, NULL, NULL);
    }
}

int main(void)
{
    struct bench_entry entry = bench_find("cuLaunchKernel");

    bench_print("launch_overhead_ns", bench_overhead_ns(launch, &entry),
                "ns");
    return 0;
}
