/*
 * bench_launch_overhead_cohort.c - what the shim adds to a kernel launch, with
 * cohorts: run.sh sets CUSHADOW_COHORT=1. Nothing is armed, as in a program
 * that does not offload just now.
 */
#include "bench.h"

int main(void)
{
    struct bench_entry entry = bench_find("cuLaunchKernel");

    bench_print("launch_overhead_cohort_ns",
                bench_overhead_ns(bench_launch, &entry), "ns");
    return 0;
}
