/*
 * bench_simulated_cohort_over_single.c - a burst of offloads with one launch
 * for all (CUSHADOW_COHORT=1) and with one each, on the simulated driver: how
 * many launches, and what the burst takes, one way over the other.
 *
 * The fingerprints run on the processor here, and launches cost what threads
 * cost: the ratio says that a cohort does not make a burst slower, and nothing
 * about a GPU. Each way has a process of its own; the time is the least of
 * some bursts.
 */
#include <cuda.h>
#include <cudaTypedefs.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

enum { N_OFFLOADS = 1000, N_BURSTS = 5, BYTES = 256 << 10 };

struct result {
    double seconds;
    uint64_t launches; /* of all bursts */
};

static uint64_t launches(void)
{
    uint64_t (*calls)(const char *) =
        (uint64_t(*)(const char *))bench_look_up("simcuda_calls");

    return calls("cuLaunchKernel");
}

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static double offload_all(const CUdeviceptr *device, void *host)
{
    PFN_cuMemcpyDtoHAsync_v3020 copy =
        (PFN_cuMemcpyDtoHAsync_v3020)bench_look_up("cuMemcpyDtoHAsync_v2");
    PFN_cuStreamSynchronize_v2000 wait =
        (PFN_cuStreamSynchronize_v2000)bench_look_up("cuStreamSynchronize");
    double begun = now();
    int i;

    for (i = 0; i < N_OFFLOADS; i++) {
        bench_check(copy(host, device[i], BYTES, NULL), "cuMemcpyDtoHAsync");
        bench_check(wait(NULL), "cuStreamSynchronize");
    }
    return now() - begun;
}

/* Different bytes in each: equal ones would be held once. */
static void upload_all(CUdeviceptr *device, uint32_t *host)
{
    PFN_cuInit_v2000 init = (PFN_cuInit_v2000)bench_look_up("cuInit");
    PFN_cuCtxCreate_v3020 create =
        (PFN_cuCtxCreate_v3020)bench_look_up("cuCtxCreate_v2");
    PFN_cuMemAlloc_v3020 allocate =
        (PFN_cuMemAlloc_v3020)bench_look_up("cuMemAlloc_v2");
    PFN_cuMemcpyHtoD_v3020 copy =
        (PFN_cuMemcpyHtoD_v3020)bench_look_up("cuMemcpyHtoD_v2");
    CUcontext context;
    uint32_t i;

    bench_check(init(0), "cuInit");
    bench_check(create(&context, 0, 0), "cuCtxCreate");
    for (i = 0; i < N_OFFLOADS; i++) {
        host[i % 1024] = i;
        bench_check(allocate(&device[i], BYTES), "cuMemAlloc");
        bench_check(copy(device[i], host, BYTES), "cuMemcpyHtoD");
    }
}

/* Between two bursts the program does something, as programs do. */
static struct result measure(void)
{
    static CUdeviceptr device[N_OFFLOADS];
    PFN_cuMemsetD8_v3020 set =
        (PFN_cuMemsetD8_v3020)bench_look_up("cuMemsetD8_v2");
    PFN_cuMemAlloc_v3020 allocate =
        (PFN_cuMemAlloc_v3020)bench_look_up("cuMemAlloc_v2");
    struct result result = {.seconds = 1e9};
    uint32_t *host = calloc(1, BYTES);
    CUdeviceptr other;
    double seconds;
    int burst;

    if (host == NULL) {
        exit(1);
    }
    upload_all(device, host);
    bench_check(allocate(&other, BYTES), "cuMemAlloc");
    (void)offload_all(device, host); /* the first offload captures */
    result.launches = launches();
    for (burst = 0; burst < N_BURSTS; burst++) {
        bench_check(set(other, 1, BYTES), "cuMemsetD8");
        seconds = offload_all(device, host);
        result.seconds = seconds < result.seconds ? seconds : result.seconds;
    }
    result.launches = launches() - result.launches;
    return result;
}

static struct result measure_in_child(const char *cohort)
{
    struct result result;
    int ends[2], status;
    pid_t child;

    if (pipe(ends) != 0 || (child = fork()) < 0) {
        exit(1);
    }
    if (child == 0) {
        setenv("CUSHADOW_COHORT", cohort, 1);
        result = measure();
        exit(write(ends[1], &result, sizeof(result)) != sizeof(result));
    }
    close(ends[1]);
    if (read(ends[0], &result, sizeof(result)) != sizeof(result) ||
        waitpid(child, &status, 0) != child || status != 0) {
        fprintf(stderr, "bench: the measured process failed\n");
        exit(1);
    }
    close(ends[0]);
    return result;
}

int main(void)
{
    struct result single = measure_in_child("0");
    struct result cohort = measure_in_child("1");

    fprintf(stderr, "bench: %d offloads of %d KiB: single %.1f ms, cohort "
            "%.1f ms on the simulated driver\n", N_OFFLOADS, BYTES >> 10,
            single.seconds * 1e3, cohort.seconds * 1e3);
    if (single.launches != N_BURSTS * N_OFFLOADS) {
        fprintf(stderr, "bench: %llu launches instead of one an offload\n",
                (unsigned long long)single.launches);
        return 1;
    }
    bench_print("cohort_launches_per_1000_offloads",
                (double)cohort.launches / N_BURSTS, "launches");
    bench_print("simulated_cohort_over_single_ratio",
                cohort.seconds / single.seconds, "ratio");
    return 0;
}
