/*
 * bench_launch_overhead_all.c - what the shim adds to a kernel launch with
 * statistics, a log at level debug and every rule for weights on, which run.sh
 * sees to.
 */
#include "bench.h"

int main(void)
{
    struct bench_entry entry = bench_find("cuLaunchKernel");

    bench_print("launch_overhead_all_ns",
                bench_overhead_ns(bench_launch, &entry), "ns");
    return 0;
}
