/*
 * app_modes.c - one workload of whole cycles, in whatever mode the
 * environment says: the program's bytes are right in each. Prints what
 * reached the driver for the script to judge.
 *
 *   app_modes CYCLES WEIGHTS BYTES [FLAVOUR]
 *
 * FLAVOUR: async (default), sync, ptsz, ptds, uva, uva-async.
 */
#include "program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_WEIGHTS = 64 };

static CUdeviceptr device[MAX_WEIGHTS];
static void *host[MAX_WEIGHTS];

static CUdeviceptr uva(const void *memory)
{
    return (CUdeviceptr)(uintptr_t)memory;
}

static CUresult copy_in(const char *flavour, size_t i, size_t bytes)
{
    if (strcmp(flavour, "sync") == 0) {
        return cu.cuMemcpyHtoD_v2(device[i], host[i], bytes);
    }
    if (strcmp(flavour, "ptds") == 0) {
        return cu.cuMemcpyHtoD_v2_ptds(device[i], host[i], bytes);
    }
    if (strcmp(flavour, "ptsz") == 0) {
        return cu.cuMemcpyHtoDAsync_v2_ptsz(device[i], host[i], bytes, NULL);
    }
    if (strcmp(flavour, "uva") == 0) {
        return cu.cuMemcpy(device[i], uva(host[i]), bytes);
    }
    if (strcmp(flavour, "uva-async") == 0) {
        return cu.cuMemcpyAsync(device[i], uva(host[i]), bytes, NULL);
    }
    return cu.cuMemcpyHtoDAsync_v2(device[i], host[i], bytes, NULL);
}

static CUresult copy_out(const char *flavour, size_t i, size_t bytes)
{
    if (strcmp(flavour, "sync") == 0) {
        return cu.cuMemcpyDtoH_v2(host[i], device[i], bytes);
    }
    if (strcmp(flavour, "ptds") == 0) {
        return cu.cuMemcpyDtoH_v2_ptds(host[i], device[i], bytes);
    }
    if (strcmp(flavour, "ptsz") == 0) {
        return cu.cuMemcpyDtoHAsync_v2_ptsz(host[i], device[i], bytes, NULL);
    }
    if (strcmp(flavour, "uva") == 0) {
        return cu.cuMemcpy(uva(host[i]), device[i], bytes);
    }
    if (strcmp(flavour, "uva-async") == 0) {
        return cu.cuMemcpyAsync(uva(host[i]), device[i], bytes, NULL);
    }
    return cu.cuMemcpyDtoHAsync_v2(host[i], device[i], bytes, NULL);
}

static CUresult settle(const char *flavour, size_t i, size_t bytes)
{
    (void)i;
    (void)bytes;
    return strcmp(flavour, "ptsz") == 0 ? cu.cuStreamSynchronize_ptsz(NULL)
                                        : cu.cuStreamSynchronize(NULL);
}

static CUresult allocate(const char *flavour, size_t i, size_t bytes)
{
    (void)flavour;
    return cu.cuMemAlloc_v2(&device[i], bytes);
}

static CUresult give_back(const char *flavour, size_t i, size_t bytes)
{
    (void)flavour;
    (void)bytes;
    return cu.cuMemFree_v2(device[i]);
}

/* Makes a call; with CYCLE_TOLERANT=1, where a fault is scripted for some
 * call, makes it again when it failed, as a patient program would. */
static void make(CUresult (*call)(const char *, size_t, size_t),
                 const char *flavour, size_t i, size_t bytes)
{
    int tries = getenv("CYCLE_TOLERANT") != NULL ? 3 : 1;
    CUresult result;

    do {
        result = call(flavour, i, bytes);
    } while (result != CUDA_SUCCESS && --tries > 0);
    OK(result);
}

static void cycle(const char *flavour, size_t weights, size_t bytes)
{
    size_t i;

    for (i = 0; i < weights; i++) {
        make(allocate, flavour, i, bytes);
        make(copy_in, flavour, i, bytes);
        make(settle, flavour, i, bytes);
        free(host[i]);
    }
    for (i = 0; i < weights; i++) {
        host[i] = fresh(bytes);
        make(copy_out, flavour, i, bytes);
        make(settle, flavour, i, bytes);
        CHECK(holds(host[i], bytes, (uint32_t)i));
    }
    for (i = 0; i < weights; i++) {
        make(give_back, flavour, i, bytes);
    }
}

int main(int argc, char **argv)
{
    size_t weights, bytes, i;
    int cycles;

    if (argc < 4) {
        fprintf(stderr, "usage: %s CYCLES WEIGHTS BYTES [FLAVOUR]\n",
                argv[0]);
        return 2;
    }
    cycles = atoi(argv[1]);
    weights = (size_t)atoi(argv[2]);
    bytes = (size_t)atol(argv[3]);
    program_start();
    CHECK(weights <= MAX_WEIGHTS);
    for (i = 0; i < weights; i++) {
        host[i] = fresh(bytes);
        fill(host[i], bytes, (uint32_t)i);
    }
    while (cycles-- > 0) {
        cycle(argc > 4 ? argv[4] : "async", weights, bytes);
    }
    printf("d2h %llu h2d %llu h2d-pinned %llu\n",
           (unsigned long long)reached_d2h(),
           (unsigned long long)reached_h2d(),
           (unsigned long long)cu.simcuda_bytes(SIM_H2D_PINNED));
    return 0;
}
