/*
 * bench_first_load_cpu_seconds_per_gb.c - the processor time that registering
 * weights adds to loading them for the first time, for each way of
 * CUSHADOW_CAPTURE: that of the whole process for 1 GB (10^9 bytes) of uploads
 * that are registered, less that for as many bytes that the rules exclude,
 * until nothing works any more, on the simulated driver. The rules are
 * all,max=8M; every upload has memory and bytes of its own.
 *
 * The excluded ones contain what the simulated driver spends on a pageable
 * copy, the captured ones what it spends on one from pinned memory: the figure
 * says nothing about a GPU. Both kinds are measured in turn; the figure is the
 * median of the differences. Then all are offloaded, since that is when
 * CUSHADOW_CAPTURE=offload captures; how long a shadow takes is in the
 * statistics (captured_ready_ns).
 */
#include <cuda.h>
#include <cudaTypedefs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench.h"

enum { N_ROUNDS = 11, N_WARM_UP = 3, N_UPLOADS = 2, N_QUIET = 3 };

static const size_t registered = (size_t)8 << 20;
static const size_t excluded = ((size_t)8 << 20) + 4096;

static PFN_cuMemcpyHtoD_v3020 load;
static PFN_cuMemcpyDtoH_v3020 unload;
static PFN_cuMemAlloc_v3020 allocate;
static PFN_cuCtxSynchronize_v2000 synchronise;

static CUdeviceptr loaded[(N_ROUNDS + N_WARM_UP) * N_UPLOADS];
static int n_loaded;

/* Of all threads. */
static double cpu_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* The same once it rises no more but by asking. */
static double cpu_at_rest_s(void)
{
    const struct timespec nap = {0, 4000000};
    double last = cpu_s(), now;
    int n_quiet = 0;

    while (n_quiet < N_QUIET) {
        nanosleep(&nap, NULL);
        now = cpu_s();
        n_quiet = now - last < 0.0002 ? n_quiet + 1 : 0;
        last = now;
    }
    return last;
}

static unsigned char *pages(size_t n_bytes)
{
    static int seed;
    void *memory = NULL;

    if (posix_memalign(&memory, 4096, n_bytes) != 0) {
        fprintf(stderr, "bench: no memory\n");
        exit(1);
    }
    memset(memory, ++seed, n_bytes);
    return memory;
}

/* Seconds a GB. */
static double load_s(size_t n_bytes)
{
    unsigned char *hosts[N_UPLOADS];
    CUdeviceptr devices[N_UPLOADS];
    double begun;
    int i;

    for (i = 0; i < N_UPLOADS; i++) {
        hosts[i] = pages(n_bytes);
        bench_check(allocate(&devices[i], n_bytes), "cuMemAlloc");
    }
    begun = cpu_at_rest_s();
    for (i = 0; i < N_UPLOADS; i++) {
        bench_check(load(devices[i], hosts[i], n_bytes), "cuMemcpyHtoD");
    }
    bench_check(synchronise(), "cuCtxSynchronize");
    begun = cpu_at_rest_s() - begun;
    for (i = 0; i < N_UPLOADS && n_bytes == registered; i++) {
        loaded[n_loaded++] = devices[i];
    }
    return begun * 1e9 / ((double)n_bytes * N_UPLOADS);
}

int main(void)
{
    PFN_cuInit_v2000 init = (PFN_cuInit_v2000)bench_look_up("cuInit");
    PFN_cuCtxCreate_v3020 create =
        (PFN_cuCtxCreate_v3020)bench_look_up("cuCtxCreate_v2");
    const char *mode = getenv("CUSHADOW_CAPTURE");
    double differences[N_ROUNDS];
    char name[64];
    CUcontext context;
    int round;

    load = (PFN_cuMemcpyHtoD_v3020)bench_look_up("cuMemcpyHtoD_v2");
    unload = (PFN_cuMemcpyDtoH_v3020)bench_look_up("cuMemcpyDtoH_v2");
    allocate = (PFN_cuMemAlloc_v3020)bench_look_up("cuMemAlloc_v2");
    synchronise = (PFN_cuCtxSynchronize_v2000)bench_look_up("cuCtxSynchronize");
    bench_check(init(0), "cuInit");
    bench_check(create(&context, 0, 0), "cuCtxCreate");
    for (round = -N_WARM_UP; round < N_ROUNDS; round++) {
        double with = load_s(registered), without = load_s(excluded);

        if (round >= 0) {
            differences[round] = with - without;
        }
    }
    for (round = 0; round < n_loaded; round++) {
        bench_check(unload(pages(registered), loaded[round], registered),
              "cuMemcpyDtoH");
    }
    snprintf(name, sizeof(name), "first_load_cpu_seconds_per_gb_%s",
             mode != NULL ? mode : "upload");
    bench_print(name, bench_median(differences, N_ROUNDS), "s");
    return 0;
}
