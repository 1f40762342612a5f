/*
 * bench_shadow_memory.c - what shadows cost in host memory, a byte of the
 * model: with the sizes of SDXL's tensors, once loaded, offloaded and loaded
 * again, its host copies dropped, as after Module.to("cuda").
 *
 *   pinned_per_model_byte        most bytes registered with the driver
 *   ram_per_model_byte_in_vram   bytes of slabs while the model is in VRAM
 *
 * A model byte is one of a tensor of 64 KiB or more: smaller ones are not
 * looked at (0.07% of SDXL). The simulated driver keeps device memory in RAM,
 * so that the whole model, 6.9 GB, would be there three times: of all tensors,
 * ordered by size, every 16th is taken, which keeps the distribution of sizes;
 * CSH_BENCH_EVERY=1 takes all. Every tensor has other bytes, since equal ones
 * would share a shadow.
 *
 * The figures are the shim's own account at the end of a child process, which
 * runs this program again.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* setenv, mkstemp */
#endif
#include <cuda.h>
#include <cudaTypedefs.h>
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "sdxl_sizes.h"

enum { EVERY = 16, SMALL = 64 << 10 };

static size_t sizes[SDXL_MOST_TENSORS];
static CUdeviceptr tensors[SDXL_MOST_TENSORS];
static void *hosts[SDXL_MOST_TENSORS];
static size_t n_tensors;

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

static void choose_tensors(void)
{
    const char *setting = getenv("CSH_BENCH_EVERY");

    n_tensors = sdxl_sizes(
        sizes, setting != NULL ? strtoull(setting, NULL, 10) : EVERY);
}

static uint64_t model_bytes(void)
{
    uint64_t bytes = 0;
    size_t i;

    for (i = 0; i < n_tensors; i++) {
        bytes += sizes[i] >= SMALL ? sizes[i] : 0;
    }
    return bytes;
}

static void load(void)
{
    PFN_cuMemAlloc_v3020 allocate =
        (PFN_cuMemAlloc_v3020)entry("cuMemAlloc_v2");
    PFN_cuMemcpyHtoD_v3020 copy =
        (PFN_cuMemcpyHtoD_v3020)entry("cuMemcpyHtoD_v2");
    size_t i;

    for (i = 0; i < n_tensors; i++) {
        check(allocate(&tensors[i], sizes[i]), "cuMemAlloc");
        check(copy(tensors[i], hosts[i], sizes[i]), "cuMemcpyHtoD");
        free(hosts[i]);
    }
}

static void offload(void)
{
    PFN_cuMemFree_v3020 release = (PFN_cuMemFree_v3020)entry("cuMemFree_v2");
    PFN_cuMemcpyDtoH_v3020 copy =
        (PFN_cuMemcpyDtoH_v3020)entry("cuMemcpyDtoH_v2");
    size_t i;

    for (i = 0; i < n_tensors; i++) {
        hosts[i] = malloc(sizes[i]);
        if (hosts[i] == NULL) {
            fail("malloc");
        }
        check(copy(hosts[i], tensors[i], sizes[i]), "cuMemcpyDtoH");
        check(release(tensors[i]), "cuMemFree");
    }
}

/* Ends with the model in VRAM. */
static int cycle(void)
{
    CUcontext context;
    size_t i;

    check(((PFN_cuInit_v2000)entry("cuInit"))(0), "cuInit");
    check(((PFN_cuCtxCreate_v3020)entry("cuCtxCreate_v2"))(&context, 0, 0),
          "cuCtxCreate");
    for (i = 0; i < n_tensors; i++) {
        hosts[i] = malloc(sizes[i] + sizeof(i));
        if (hosts[i] == NULL) {
            fail("malloc");
        }
        memset(hosts[i], 0x3c, sizes[i]);
        memcpy(hosts[i], &i, sizes[i] < sizeof(i) ? sizes[i] : sizeof(i));
    }
    load();
    offload();
    load();
    return 0;
}

static double gauge(const char *statistics, const char *name)
{
    char key[64];
    const char *found;

    snprintf(key, sizeof(key), "\"%s\":", name);
    found = strstr(statistics, key);
    if (found == NULL) {
        fail(name);
    }
    return strtod(found + strlen(key), NULL);
}

/* The statistics of a child that went through the cycle. */
static void run_child(char *self, char *text, size_t n_text)
{
    char path[] = "/tmp/bench_shadow_memory.XXXXXX";
    int fd = mkstemp(path), status = 1;
    ssize_t length;
    pid_t child;

    if (fd < 0) {
        fail("mkstemp");
    }
    setenv("CUSHADOW_STATS_FILE", path, 1);
    setenv("CUSHADOW_STATS", "json", 1);
    child = fork();
    if (child == 0) {
        execl("/proc/self/exe", self, "cycle", (char *)NULL);
        _exit(127);
    }
    waitpid(child, &status, 0);
    length = read(fd, text, n_text - 1);
    text[length > 0 ? length : 0] = '\0';
    close(fd);
    unlink(path);
    if (status != 0) {
        fail("the cycle failed");
    }
}

int main(int argc, char **argv)
{
    static char text[1 << 16];
    double bytes;

    choose_tensors();
    if (argc > 1) {
        return cycle();
    }
    bytes = (double)model_bytes();
    run_child(argv[0], text, sizeof(text));
    fprintf(stderr, "bench: %zu tensors, %.0f bytes in those looked at; "
            "shadows %.0f, slabs %.0f, pinned %.0f at most\n", n_tensors,
            bytes, gauge(text, "shadow_bytes"), gauge(text, "slab_bytes"),
            gauge(text, "pinned_bytes_peak"));
    if (gauge(text, "shadow_bytes") != bytes) {
        fail("the shadows are not the model's bytes");
    }
    /* With more digits than bench_print(): a hundredth is the aim. */
    printf("pinned_per_model_byte %.4f ratio\n",
           gauge(text, "pinned_bytes_peak") / bytes);
    printf("ram_per_model_byte_in_vram %.4f ratio\n",
           gauge(text, "slab_bytes") / bytes);
    return 0;
}
