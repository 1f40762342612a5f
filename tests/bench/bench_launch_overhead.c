/*
 * bench_launch_overhead.c - what the shim adds to a kernel launch, which it
 * only forwards.
 */
#include "bench.h"

int main(void)
{
    struct bench_entry entry = bench_find("cuLaunchKernel");

    bench_print("launch_overhead_ns", bench_overhead_ns(bench_launch, &entry),
                "ns");
    return 0;
}
