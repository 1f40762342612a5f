/*
 * bench_link_bytes_abab.c - what crosses the link while two models take turns
 * on a device, in bytes of one model a cycle: A is loaded and unloaded, then B.
 * Both directions, as the simulated driver counts them.
 *
 *   link_bytes_abab_room    CUSHADOW_VRAM_KEEP=100%, room for both
 *   link_bytes_abab_tight   the same, with room for one and a quarter
 *   link_bytes_abab_off     room for both, CUSHADOW_VRAM_KEEP=0
 *
 * Without the shim it is 4. A model has the sizes of SDXL's tensors, of which,
 * ordered by size, every 64th is taken, and each tensor is an allocation of its
 * own, as by PyTorch without its cache. What is below 64 KiB is copied as ever.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* setenv */
#endif
#include <cuda.h>
#include <cudaTypedefs.h>
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../sim/simcuda_counters.h"
#include "bench.h"
#include "sdxl_sizes.h"

enum { EVERY = 64, N_LEARN = 2, N_CYCLES = 6 };

struct model {
    CUdeviceptr device[SDXL_MOST_TENSORS];
    uint32_t *host[SDXL_MOST_TENSORS];
};

static struct model models[2];
static size_t sizes[SDXL_MOST_TENSORS], n_tensors;
static uint64_t (*counted)(enum sim_tally tally);

static PFN_cuMemAlloc_v3020 allocate;
static PFN_cuMemFree_v3020 give_back;
static PFN_cuMemcpyHtoDAsync_v3020 upload;
static PFN_cuMemcpyDtoHAsync_v3020 download;
static PFN_cuStreamSynchronize_v2000 synchronise;

static uint64_t model_bytes(void)
{
    uint64_t bytes = 0;
    size_t i;

    for (i = 0; i < n_tensors; i++) {
        bytes += sizes[i];
    }
    return bytes;
}

static uint64_t link_bytes(void)
{
    return counted(SIM_H2D_PAGEABLE) + counted(SIM_H2D_PINNED) +
           counted(SIM_D2H_PAGEABLE) + counted(SIM_D2H_PINNED);
}

static uint32_t *fresh(size_t bytes)
{
    void *block = NULL;

    bench_check(posix_memalign(&block, 64, bytes) == 0 ? 0 : 2, "memory");
    return block;
}

/* Every tensor has other bytes: equal ones would share a shadow. */
static uint32_t word_of(size_t model, size_t tensor, size_t i)
{
    return (uint32_t)((model * 4096 + tensor + 1) * 2654435761u + i * 40503u);
}

static void make(size_t model)
{
    size_t i, j;

    for (i = 0; i < n_tensors; i++) {
        models[model].host[i] = fresh(sizes[i]);
        for (j = 0; j < sizes[i] / 4; j++) {
            models[model].host[i][j] = word_of(model, i, j);
        }
    }
}

static void check(size_t model)
{
    size_t i, j;

    for (i = 0; i < n_tensors; i++) {
        for (j = 0; j < sizes[i] / 4; j++) {
            bench_check(models[model].host[i][j] == word_of(model, i, j)
                            ? 0
                            : 1,
                        "the model's bytes");
        }
    }
}

static void load(struct model *model)
{
    size_t i;

    for (i = 0; i < n_tensors; i++) {
        bench_check(allocate(&model->device[i], sizes[i]), "cuMemAlloc");
        bench_check(upload(model->device[i], model->host[i], sizes[i], NULL),
                    "cuMemcpyHtoDAsync");
        bench_check(synchronise(NULL), "cuStreamSynchronize");
        free(model->host[i]);
    }
}

static void unload(struct model *model)
{
    size_t i;

    for (i = 0; i < n_tensors; i++) {
        model->host[i] = fresh(sizes[i]);
        bench_check(download(model->host[i], model->device[i], sizes[i],
                             NULL),
                    "cuMemcpyDtoHAsync");
        bench_check(synchronise(NULL), "cuStreamSynchronize");
        bench_check(give_back(model->device[i]), "cuMemFree");
    }
}

/* Before the first use of CUDA. */
static void set_up(const char *way)
{
    char memory[32];
    uint64_t quarters = strcmp(way, "tight") == 0 ? 5 : 12;

    snprintf(memory, sizeof(memory), "%llu",
             (unsigned long long)(model_bytes() * quarters / 4));
    setenv("SIMCUDA_MEMORY", memory, 1);
    setenv("CUSHADOW_VRAM_KEEP", strcmp(way, "off") == 0 ? "0" : "100%", 1);
}

static void start(void)
{
    PFN_cuInit_v2000 init = (PFN_cuInit_v2000)bench_look_up("cuInit");
    PFN_cuCtxCreate_v3020 create =
        (PFN_cuCtxCreate_v3020)bench_look_up("cuCtxCreate_v2");
    CUcontext context;

    bench_check(init(0), "cuInit");
    bench_check(create(&context, 0, 0), "cuCtxCreate");
    allocate = (PFN_cuMemAlloc_v3020)bench_look_up("cuMemAlloc_v2");
    give_back = (PFN_cuMemFree_v3020)bench_look_up("cuMemFree_v2");
    upload = (PFN_cuMemcpyHtoDAsync_v3020)bench_look_up(
        "cuMemcpyHtoDAsync_v2");
    download = (PFN_cuMemcpyDtoHAsync_v3020)bench_look_up(
        "cuMemcpyDtoHAsync_v2");
    synchronise = (PFN_cuStreamSynchronize_v2000)bench_look_up(
        "cuStreamSynchronize");
    counted = (uint64_t (*)(enum sim_tally))bench_look_up("simcuda_bytes");
}

int main(int argc, char **argv)
{
    const char *way = argc > 1 ? argv[1] : "room";
    uint64_t before = 0;
    char name[64];
    size_t i;

    n_tensors = sdxl_sizes(sizes, EVERY);
    set_up(way);
    start();
    make(0);
    make(1);
    for (i = 0; i < N_LEARN + N_CYCLES; i++) {
        before = i == N_LEARN ? link_bytes() : before;
        load(&models[0]);
        unload(&models[0]);
        load(&models[1]);
        unload(&models[1]);
    }
    before = link_bytes() - before;
    check(0);
    check(1);
    fprintf(stderr, "bench: two models of %zu tensors, %.1f MB each, %d "
            "cycles, on a device of %s bytes (simulated)\n", n_tensors,
            (double)model_bytes() / 1e6, N_CYCLES, getenv("SIMCUDA_MEMORY"));
    snprintf(name, sizeof(name), "link_bytes_abab_%s", way);
    printf("%s %.4f model_bytes/cycle\n", name,
           (double)before / N_CYCLES / (double)model_bytes());
    return 0;
}
