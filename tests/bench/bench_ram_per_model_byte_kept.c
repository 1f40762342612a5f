/*
 * bench_ram_per_model_byte_kept.c - what RAM holds, a byte of the model, for a
 * program that keeps its copy while the model is in VRAM and every upload is
 * captured:
 *
 *   ram_per_model_byte_kept           with CUSHADOW_ADOPT=0
 *   ram_per_model_byte_kept_adopted   with CUSHADOW_ADOPT=1
 *   adopted_load_over_plain_load      seconds of the first load, with against
 *                                     without: what adopting costs
 *
 * Taken from Pss of /proc/self/smaps_rollup, in which a page that one process
 * maps twice counts once. The simulated driver's device memory, which is RAM,
 * is populated before and subtracted. Where pages cannot be moved (Linux before
 * 6.8, no CAP_SYS_PTRACE) both figures are the same.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* setenv, popen */
#endif
#include <cuda.h>
#include <cudaTypedefs.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench.h"

enum { N_WEIGHTS = 160 };

/* Those of most of SDXL's tensors. */
static const size_t kinds[] = {3276800, 819200, 1638400, 2457600,
                               983040,  3276800, 13107200, 409600};

static CUdeviceptr device[N_WEIGHTS];
static unsigned char *host[N_WEIGHTS];

static size_t size_of(int i)
{
    return kinds[(size_t)i % (sizeof(kinds) / sizeof(kinds[0]))];
}

static double model_bytes(void)
{
    double bytes = 0;
    int i;

    for (i = 0; i < N_WEIGHTS; i++) {
        bytes += (double)size_of(i);
    }
    return bytes;
}

static void fail(const char *what)
{
    fprintf(stderr, "bench: %s\n", what);
    exit(1);
}

static void *entry(const char *symbol)
{
    void *library = dlopen("libcuda.so.1", RTLD_NOW);
    void *found = library != NULL ? dlsym(library, symbol) : NULL;

    if (found == NULL) {
        fail(symbol);
    }
    return found;
}

static void check(CUresult result, const char *what)
{
    if (result != CUDA_SUCCESS) {
        fail(what);
    }
}

static double read_pss(void)
{
    FILE *file = fopen("/proc/self/smaps_rollup", "r");
    char line[256];
    double kib = 0;

    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, "Pss:", 4) == 0) {
            kib = strtod(line + 4, NULL);
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return kib * 1024;
}

static double seconds(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static void make_room(void)
{
    PFN_cuMemAlloc_v3020 allocate =
        (PFN_cuMemAlloc_v3020)entry("cuMemAlloc_v2");
    PFN_cuMemsetD8_v3020 set = (PFN_cuMemsetD8_v3020)entry("cuMemsetD8_v2");
    CUcontext context;
    int i;

    check(((PFN_cuInit_v2000)entry("cuInit"))(0), "cuInit");
    check(((PFN_cuCtxCreate_v3020)entry("cuCtxCreate_v2"))(&context, 0, 0),
          "cuCtxCreate");
    for (i = 0; i < N_WEIGHTS; i++) {
        check(allocate(&device[i], size_of(i)), "cuMemAlloc");
        check(set(device[i], 1, size_of(i)), "cuMemsetD8");
    }
    check(((PFN_cuCtxSynchronize_v2000)entry("cuCtxSynchronize"))(),
          "cuCtxSynchronize");
}

static void make_model(void)
{
    int i;

    for (i = 0; i < N_WEIGHTS; i++) {
        void *block;

        if (posix_memalign(&block, 64, size_of(i)) != 0) {
            fail("posix_memalign");
        }
        host[i] = block;
        memset(host[i], i + 1, size_of(i));
    }
}

/* Prints bytes of RAM and seconds of the first load. */
static int child(void)
{
    PFN_cuMemcpyHtoD_v3020 copy =
        (PFN_cuMemcpyHtoD_v3020)entry("cuMemcpyHtoD_v2");
    double before, begun;
    int i;

    make_room();
    before = read_pss();
    make_model();
    begun = seconds();
    for (i = 0; i < N_WEIGHTS; i++) {
        check(copy(device[i], host[i], size_of(i)), "cuMemcpyHtoD");
    }
    begun = seconds() - begun;
    for (i = 0; i < N_WEIGHTS; i++) {
        if (host[i][0] != i + 1 ||
            memcmp(host[i], host[i] + 1, size_of(i) - 1) != 0) {
            fail("the program's bytes changed");
        }
    }
    printf("%.0f %.6f\n", read_pss() - before, begun);
    return 0;
}

static void run_child(const char *self, const char *adopt, double *bytes_p,
                      double *seconds_p)
{
    char command[4096], line[256], *end;
    FILE *output;

    setenv("CUSHADOW_WEIGHTS", "all", 1);
    setenv("CUSHADOW_ADOPT", adopt, 1);
    setenv("CUSHADOW_STATS", "off", 1);
    snprintf(command, sizeof(command), "exec '%s' child", self);
    output = popen(command, "r");
    if (output == NULL || fgets(line, sizeof(line), output) == NULL ||
        pclose(output) != 0) {
        fail("the child failed");
    }
    *bytes_p = strtod(line, &end);
    *seconds_p = strtod(end, NULL);
}

int main(int argc, char **argv)
{
    double kept, adopted, plain_s, adopted_s;

    if (argc > 1) {
        return child();
    }
    run_child(argv[0], "0", &kept, &plain_s);
    run_child(argv[0], "1", &adopted, &adopted_s);
    fprintf(stderr, "bench: %d weights, %.0f bytes; first load %.3f s, "
            "%.3f s with adopting\n", N_WEIGHTS, model_bytes(), plain_s,
            adopted_s);
    printf("ram_per_model_byte_kept %.4f ratio\n", kept / model_bytes());
    printf("ram_per_model_byte_kept_adopted %.4f ratio\n",
           adopted / model_bytes());
    printf("adopted_load_over_plain_load %.2f ratio\n", adopted_s / plain_s);
    return 0;
}
