/*
 * bench_capture_cpu_seconds_per.c - the processor time that capturing uploads
 * takes: that of the whole process for 1 GB (10^9 bytes) of uploads whose
 * bytes are new each time, of a host range that is known (captured), less that
 * for the same uploads of a range that is not (passed), on the simulated
 * driver.
 *
 * The passed ones contain what the simulated driver spends on a pageable copy,
 * the captured ones what it spends on one from pinned memory, so the figure is
 * about the shim's own copy, fingerprint and records only as far as these two
 * are alike; it says nothing about a GPU. Both kinds are measured in turn; the
 * figure is the median of the differences.
 */
#include <cuda.h>
#include <cudaTypedefs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench.h"

enum { N_ROUNDS = 9, N_WARM_UP = 2, N_UPLOADS = 4 };

static const size_t n_bytes = (size_t)32 << 20;

/* Of all threads, those of the driver included. */
static double cpu_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* Seconds a GB. The first byte is another each time. */
static double upload_s(CUdeviceptr device, unsigned char *host)
{
    static PFN_cuMemcpyHtoD_v3020 copy;
    static PFN_cuCtxSynchronize_v2000 synchronise;
    double used = 0, begun;
    int i;

    if (copy == NULL) {
        copy = (PFN_cuMemcpyHtoD_v3020)bench_look_up("cuMemcpyHtoD_v2");
        synchronise =
            (PFN_cuCtxSynchronize_v2000)bench_look_up("cuCtxSynchronize");
    }
    for (i = 0; i < N_UPLOADS; i++) {
        host[0]++;
        begun = cpu_s();
        bench_check(copy(device, host, n_bytes), "cuMemcpyHtoD");
        bench_check(synchronise(), "cuCtxSynchronize");
        used += cpu_s() - begun;
    }
    return used * 1e9 / ((double)n_bytes * N_UPLOADS);
}

static unsigned char *pages(void)
{
    void *memory = NULL;

    if (posix_memalign(&memory, 4096, n_bytes) != 0) {
        fprintf(stderr, "bench: no memory\n");
        exit(1);
    }
    memset(memory, 1, n_bytes);
    return memory;
}

static CUdeviceptr device_memory(void)
{
    PFN_cuMemAlloc_v3020 allocate =
        (PFN_cuMemAlloc_v3020)bench_look_up("cuMemAlloc_v2");
    CUdeviceptr device;

    bench_check(allocate(&device, n_bytes), "cuMemAlloc");
    return device;
}

int main(void)
{
    PFN_cuInit_v2000 init = (PFN_cuInit_v2000)bench_look_up("cuInit");
    PFN_cuCtxCreate_v3020 create =
        (PFN_cuCtxCreate_v3020)bench_look_up("cuCtxCreate_v2");
    PFN_cuMemcpyDtoH_v3020 offload =
        (PFN_cuMemcpyDtoH_v3020)bench_look_up("cuMemcpyDtoH_v2");
    static double differences[N_ROUNDS];
    unsigned char *known = pages(), *unknown = pages();
    CUdeviceptr captured, passed;
    CUcontext context;
    int round;

    bench_check(init(0), "cuInit");
    bench_check(create(&context, 0, 0), "cuCtxCreate");
    captured = device_memory();
    passed = device_memory();
    upload_s(captured, known);
    bench_check(offload(known, captured, n_bytes), "cuMemcpyDtoH");
    for (round = -N_WARM_UP; round < N_ROUNDS; round++) {
        double with = upload_s(captured, known);
        double without = upload_s(passed, unknown);

        if (round >= 0) {
            differences[round] = with - without;
        }
    }
    bench_print("capture_cpu_seconds_per_gb",
                bench_median(differences, N_ROUNDS),
                "s");
    return 0;
}
