/*
 * open_host.c - what the driver does with the memory that shadows are made
 * of: pages of a sealed memfd, registered, and mapped privately elsewhere at
 * the same time. src/shadow/chunk.c and slab_pins.c rest on it.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "gpu.h"

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif

enum { PAGE = 4096 };

/* As a chunk is made: sized, mapped, sealed, and no child inherits it. */
struct chunk {
    unsigned char *bytes;
    size_t n;
    int file;
};

static size_t chunk_size(void)
{
    return gpu_is_simulated ? (size_t)4 << 20 : (size_t)1 << 30;
}

static void chunk_make(struct chunk *chunk)
{
    chunk->n = chunk_size();
    chunk->file = memfd_create("open_host", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (chunk->file < 0 || ftruncate(chunk->file, (off_t)chunk->n) != 0) {
        exit(1);
    }
    chunk->bytes = mmap(NULL, chunk->n, PROT_READ | PROT_WRITE, MAP_SHARED,
                        chunk->file, 0);
    if (chunk->bytes == MAP_FAILED ||
        madvise(chunk->bytes, chunk->n, MADV_DONTFORK) != 0) {
        exit(1);
    }
    memset(chunk->bytes, 0x11, chunk->n);
    fcntl(chunk->file, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW |
                                        F_SEAL_FUTURE_WRITE | F_SEAL_SEAL);
}

static void chunk_end(struct chunk *chunk)
{
    munmap(chunk->bytes, chunk->n);
    close(chunk->file);
}

/* A private mapping of the chunk's start over memory that was never touched,
 * as an offload is filled. */
static unsigned char *alias_of(const struct chunk *chunk, size_t n)
{
    void *place = mmap(NULL, n, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (place == MAP_FAILED ||
        mmap(place, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED,
             chunk->file, 0) != place) {
        exit(1);
    }
    return (unsigned char *)place;
}

static bool is_all(const unsigned char *bytes, size_t n, unsigned char value)
{
    return bytes[0] == value && memcmp(bytes, bytes + 1, n - 1) == 0;
}

static double copy_speed(const struct chunk *chunk, CUdeviceptr device,
                         bool up)
{
    double took[5], start;
    size_t i;

    for (i = 0; i < 5; i++) {
        start = gpu_now();
        if (up) {
            OK(cu.cuMemcpyHtoDAsync_v2(device, chunk->bytes, chunk->n, NULL));
        } else {
            OK(cu.cuMemcpyDtoHAsync_v2(chunk->bytes, device, chunk->n, NULL));
        }
        OK(cu.cuStreamSynchronize(NULL));
        took[i] = gpu_now() - start;
    }
    return (double)chunk->n / gpu_median(took, 5) / 1e9;
}

static void registering(void)
{
    static const struct {
        const char *name;
        unsigned flags;
    } ways[] = {
        {"memfd_registers", CU_MEMHOSTREGISTER_PORTABLE},
        {"memfd_registers_read_only",
         CU_MEMHOSTREGISTER_PORTABLE | CU_MEMHOSTREGISTER_READ_ONLY},
    };
    CUdeviceptr device;
    size_t i;

    OK(cu.cuMemAlloc_v2(&device, chunk_size()));
    for (i = 0; i < 2; i++) {
        struct chunk chunk;
        double start;
        CUresult result;

        chunk_make(&chunk);
        start = gpu_now();
        result = cu.cuMemHostRegister_v2(chunk.bytes, chunk.n, ways[i].flags);
        if (i == 0) {
            gpu_say_number("memfd_register_s_per_gb", (gpu_now() - start) /
                               ((double)chunk.n / 1e9), "s/GB",
                           "sealed, populated pages of 4 KiB, one call");
            gpu_say_truth(ways[i].name, result == CUDA_SUCCESS, true,
                          gpu_error_name(result));
        } else {
            gpu_say_text(ways[i].name, gpu_error_name(result), "not relied on");
        }
        if (result == CUDA_SUCCESS && i == 0) {
            gpu_say_number("memfd_h2d", copy_speed(&chunk, device, true),
                           "GB/s", "from registered pages of a memfd");
            gpu_say_number("memfd_d2h", copy_speed(&chunk, device, false),
                           "GB/s", "into them");
        }
        if (result == CUDA_SUCCESS) {
            start = gpu_now();
            OK(cu.cuMemHostUnregister(chunk.bytes));
            gpu_say_number(i == 0 ? "memfd_unregister_ms"
                                  : "memfd_unregister_read_only_ms",
                           (gpu_now() - start) * 1e3, "ms", NULL);
        }
        chunk_end(&chunk);
    }
    OK(cu.cuMemFree_v2(device));
}

/* Copies by the program's own calls from and to a private mapping of pages
 * that are registered through another one. */
static void aliases(void)
{
    size_t n = 2 << 20;
    struct chunk chunk;
    unsigned char *alias, *other;
    CUdeviceptr device;
    uint64_t type = 0;

    chunk_make(&chunk);
    OK(cu.cuMemHostRegister_v2(chunk.bytes, chunk.n,
                               CU_MEMHOSTREGISTER_PORTABLE));
    OK(cu.cuMemAlloc_v2(&device, n));
    alias = alias_of(&chunk, n);
    gpu_say_truth("alias_is_known_to_the_driver",
                  cu.cuPointerGetAttribute(
                      &type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE,
                      (CUdeviceptr)(uintptr_t)alias) == CUDA_SUCCESS,
                  false, "an address is registered, not a page: the program's "
                  "buffer stays pageable");
    OK(cu.cuMemcpyHtoD_v2(device, alias, n));
    OK(cu.cuMemsetD8Async(device, 0x22, n / 2, NULL));
    OK(cu.cuMemcpyDtoH_v2(alias, device, n));
    gpu_say_truth("alias_as_source_and_target_is_right",
                  is_all(alias, n / 2, 0x22) &&
                      is_all(alias + n / 2, n / 2, 0x11),
                  true, "pageable copies from and into a private mapping");
    gpu_say_truth("copy_into_an_alias_reaches_the_shadow",
                  !is_all(chunk.bytes, n, 0x11), false,
                  "the driver must write as the program would");
    memset(alias, 0x33, PAGE);
    OK(cu.cuMemcpyHtoD_v2(device, chunk.bytes, n));
    other = malloc(n);
    OK(cu.cuMemcpyDtoH_v2(other, device, n));
    gpu_say_truth("shadow_is_read_after_its_alias_was_written",
                  other != NULL && is_all(other, n, 0x11), true, NULL);
    free(other);
    munmap(alias, n);
    OK(cu.cuMemHostUnregister(chunk.bytes));
    OK(cu.cuMemFree_v2(device));
    chunk_end(&chunk);
}

/* A program registers an alias: its own pages from then on, or the shadow's? */
static void registered_alias(void)
{
    size_t n = 2 << 20;
    struct chunk chunk;
    unsigned char *alias;
    CUdeviceptr device;
    CUresult result;

    chunk_make(&chunk);
    OK(cu.cuMemHostRegister_v2(chunk.bytes, chunk.n,
                               CU_MEMHOSTREGISTER_PORTABLE));
    OK(cu.cuMemAlloc_v2(&device, n));
    alias = alias_of(&chunk, n);
    result = cu.cuMemHostRegister_v2(alias, n, 0);
    gpu_say_truth("alias_can_be_registered", result == CUDA_SUCCESS, true,
                  gpu_error_name(result));
    if (result == CUDA_SUCCESS) {
        OK(cu.cuMemsetD8Async(device, 0x44, n, NULL));
        OK(cu.cuMemcpyDtoHAsync_v2(alias, device, n, NULL));
        OK(cu.cuStreamSynchronize(NULL));
        gpu_say_truth("copy_into_a_registered_alias_is_right",
                      is_all(alias, n, 0x44), true, NULL);
        gpu_say_truth("copy_into_a_registered_alias_reaches_the_shadow",
                      !is_all(chunk.bytes, n, 0x11), false, NULL);
        OK(cu.cuMemHostUnregister(alias));
    }
    munmap(alias, n);
    OK(cu.cuMemHostUnregister(chunk.bytes));
    OK(cu.cuMemFree_v2(device));
    chunk_end(&chunk);
}

/* What the shim never does, because of what this is expected to show: the
 * driver goes on using pages that a new mapping has taken the place of. */
static void mapped_over_registered(void)
{
    size_t n = 2 << 20;
    unsigned char *memory = mmap(NULL, n, PROT_READ | PROT_WRITE,
                                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    unsigned char *back = malloc(n);
    CUdeviceptr device;

    if (memory == MAP_FAILED || back == NULL) {
        exit(1);
    }
    memset(memory, 0x55, n);
    OK(cu.cuMemAlloc_v2(&device, n));
    OK(cu.cuMemHostRegister_v2(memory, n, 0));
    if (mmap(memory, n, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != memory) {
        exit(1);
    }
    memset(memory, 0x66, n);
    OK(cu.cuMemcpyHtoDAsync_v2(device, memory, n, NULL));
    OK(cu.cuStreamSynchronize(NULL));
    OK(cu.cuMemcpyDtoH_v2(back, device, n));
    gpu_say_text("mapped_over_registered_is_read_as",
                 is_all(back, n, 0x55)   ? "the pages that were registered"
                 : is_all(back, n, 0x66) ? "the pages that are there now"
                                         : "neither",
                 "why nothing pinned is ever mapped over");
    gpu_say_text("mapped_over_registered_unregisters",
                 gpu_error_name(cu.cuMemHostUnregister(memory)), NULL);
    OK(cu.cuMemFree_v2(device));
    munmap(memory, n);
    free(back);
}

static const struct gpu_point points[] = {
    {"registering", registering},
    {"aliases", aliases},
    {"registered_alias", registered_alias},
    {"mapped_over_registered", mapped_over_registered},
};

int main(int argc, char **argv)
{
    return gpu_main(argc, argv, points, sizeof(points) / sizeof(points[0]));
}
