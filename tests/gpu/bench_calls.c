/*
 * bench_calls.c - what single calls cost: a launch, a copy too small to be
 * looked at, and the offload of one unchanged weight by its size, whose slope
 * is the speed at which the shim's kernel reads. Run without and with the
 * shim; report.py holds one against the other.
 *
 *     bench_calls [BYTES]      of the largest weight (default 2 GiB); 0: none
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gpu.h"

enum { TIMES = 15 };

/* Launches of an empty grid's worth of work, waited for in bursts that fit
 * the driver's queue. */
static void launches(void)
{
    enum { BURST = 500, BURSTS = 101 };
    double took[BURSTS], start;
    CUdeviceptr word;
    int i, k, n = gpu_is_simulated ? 20 : BURST;

    OK(cu.cuMemAlloc_v2(&word, 512));
    for (i = 0; i < BURSTS; i++) {
        start = gpu_now();
        for (k = 0; k < n; k++) {
            gpu_fill(word, 1, 4, NULL);
        }
        took[i] = (gpu_now() - start) / n;
        OK(cu.cuCtxSynchronize());
    }
    gpu_say_number("launch_ns", gpu_median(took, BURSTS) * 1e9, "ns",
                   "cuLaunchKernel, median of bursts");
    OK(cu.cuMemFree_v2(word));
}

/* Whose code a launch comes to first. */
static void launch_entry(void)
{
    const char *slash;
    Dl_info found;

    if (dladdr((void *)(uintptr_t)cu.cuLaunchKernel, &found) != 0 &&
        found.dli_fname != NULL) {
        slash = strrchr(found.dli_fname, '/');
        gpu_say_text("launch_entry_is_in",
                     slash != NULL ? slash + 1 : found.dli_fname,
                     "what dlsym finds for cuLaunchKernel");
    }
}

static void small_copies(void)
{
    enum { BURST = 200, BURSTS = 51 };
    double took[BURSTS], start;
    CUdeviceptr memory;
    char host[256] = "";
    int i, k;

    OK(cu.cuMemAlloc_v2(&memory, 512));
    for (i = 0; i < BURSTS; i++) {
        start = gpu_now();
        for (k = 0; k < BURST; k++) {
            OK(cu.cuMemcpyDtoH_v2(host, memory, sizeof(host)));
        }
        took[i] = (gpu_now() - start) / BURST;
    }
    gpu_say_number("small_offload_ns", gpu_median(took, BURSTS) * 1e9, "ns",
                   "cuMemcpyDtoH of 256 bytes");
    OK(cu.cuMemFree_v2(memory));
}

/* The second offload and later ones, each into fresh memory. */
static void weight(size_t bytes, const char *name)
{
    unsigned char *host = malloc(bytes);
    double took[TIMES], start;
    CUdeviceptr device;
    size_t i;
    int k;

    if (host == NULL) {
        return;
    }
    for (i = 0; i < bytes; i += 8) {
        uint64_t word = (i + bytes) * UINT64_C(0x9e3779b97f4a7c15);

        memcpy(host + i, &word, 8);
    }
    OK(cu.cuMemAlloc_v2(&device, bytes));
    OK(cu.cuMemcpyHtoDAsync_v2(device, host, bytes, NULL));
    OK(cu.cuStreamSynchronize(NULL));
    for (k = -1; k < TIMES; k++) {
        unsigned char *fresh = malloc(bytes);

        if (fresh == NULL) {
            exit(1);
        }
        start = gpu_now();
        OK(cu.cuMemcpyDtoHAsync_v2(fresh, device, bytes, NULL));
        OK(cu.cuStreamSynchronize(NULL));
        if (k >= 0) {
            took[k] = gpu_now() - start;
        }
        if (fresh[bytes / 2] != host[bytes / 2]) {
            fprintf(stderr, "wrong bytes\n");
            exit(1);
        }
        free(fresh);
    }
    gpu_say_number(name, gpu_median(took, TIMES) * 1e6, "us",
                   "offload of a weight of so many bytes, unchanged");
    OK(cu.cuMemFree_v2(device));
    free(host);
}

int main(int argc, char **argv)
{
    size_t most = (size_t)2 << 30, bytes;
    char name[64];

    if (argc > 1) {
        most = strtoull(argv[1], NULL, 10);
    }
    gpu_start();
    launch_entry();
    launches();
    small_copies();
    for (bytes = 64 << 10; bytes <= most; bytes *= bytes < 16 << 20 ? 16 : 4) {
        snprintf(name, sizeof(name), "offload_us_%zu", bytes);
        weight(bytes, name);
    }
    return 0;
}
