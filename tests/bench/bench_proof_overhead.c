/*
 * bench_proof_overhead.c - what an elided offload of 1 MiB takes longer than a
 * small copy that is only passed, on the simulated driver: queries, launch,
 * fingerprint by the simulated device, and the filling of the destination.
 *
 * The fingerprint runs on the processor here, so this figure is an upper bound
 * of the shim's own part and says nothing about a GPU. Both kinds of copy are
 * timed in turn; the figure is the difference of the medians.
 */
#include <cuda.h>
#include <cudaTypedefs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench.h"

enum { N_ROUNDS = 201, N_WARM_UP = 5, SMALL = 4096 };

static const size_t large = (size_t)1 << 20;

static double offload_us(void *dst, CUdeviceptr src, size_t bytes)
{
    static PFN_cuMemcpyDtoHAsync_v3020 copy;
    struct timespec begun, ended;

    if (copy == NULL) {
        copy =
            (PFN_cuMemcpyDtoHAsync_v3020)bench_look_up("cuMemcpyDtoHAsync_v2");
    }
    clock_gettime(CLOCK_MONOTONIC, &begun);
    bench_check(copy(dst, src, bytes, NULL), "cuMemcpyDtoHAsync");
    clock_gettime(CLOCK_MONOTONIC, &ended);
    return (double)(ended.tv_sec - begun.tv_sec) * 1e6 +
           (double)(ended.tv_nsec - begun.tv_nsec) * 1e-3;
}

/* A context and 1 MiB of uploaded device memory. */
static CUdeviceptr upload(const void *host)
{
    PFN_cuInit_v2000 init = (PFN_cuInit_v2000)bench_look_up("cuInit");
    PFN_cuCtxCreate_v3020 create =
        (PFN_cuCtxCreate_v3020)bench_look_up("cuCtxCreate_v2");
    PFN_cuMemAlloc_v3020 allocate =
        (PFN_cuMemAlloc_v3020)bench_look_up("cuMemAlloc_v2");
    PFN_cuMemcpyHtoD_v3020 copy =
        (PFN_cuMemcpyHtoD_v3020)bench_look_up("cuMemcpyHtoD_v2");
    CUcontext context;
    CUdeviceptr device;

    bench_check(init(0), "cuInit");
    bench_check(create(&context, 0, 0), "cuCtxCreate");
    bench_check(allocate(&device, large), "cuMemAlloc");
    bench_check(copy(device, host, large), "cuMemcpyHtoD");
    return device;
}

int main(void)
{
    static double elided[N_ROUNDS], passed[N_ROUNDS];
    unsigned char *host = malloc(large);
    CUdeviceptr device;
    int round;

    if (host == NULL) {
        return 1;
    }
    memset(host, 0x5A, large);
    device = upload(host);
    for (round = -N_WARM_UP; round < N_ROUNDS; round++) {
        double whole = offload_us(host, device, large);
        double small = offload_us(host, device, SMALL);

        if (round >= 0) {
            elided[round] = whole;
            passed[round] = small;
        }
    }
    fprintf(stderr, "bench: elided %.1f us, passed %.1f us\n",
            bench_median(elided, N_ROUNDS), bench_median(passed, N_ROUNDS));
    bench_print("proof_overhead_us",
                bench_median(elided, N_ROUNDS) -
                bench_median(passed, N_ROUNDS), "us");
    return 0;
}
