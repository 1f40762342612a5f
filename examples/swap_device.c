/*
 * swap_device.c - context, VRAM and kernels of one GPU.
 *
 * Owns the segments. They follow the sizes of c10/cuda/CUDACachingAllocator:
 * tensors are rounded to 512 bytes; up to 1 MiB they share segments of 2 MiB,
 * below 10 MiB segments of 20 MiB, and larger ones get a segment of their
 * own, rounded to 2 MiB. So most allocations hold many tensors, and a tensor
 * comes back at another address. One thread.
 */
#include "swap_device.h"

#include <stdio.h>
#include <stdlib.h>

#include "swap_kernels_ptx.h"

#define MIB (UINT64_C(1) << 20)

enum {
    BLOCK_THREADS = 256, /* digest_u64 reduces over exactly so many */
    MOST_BLOCKS = 2048,  /* enough to fill a GPU; threads stride */
    WORDS_A_THREAD = 8,
};

static const uint64_t rounding = 512;
static const uint64_t small_limit = 1 * MIB, small_segment = 2 * MIB;
static const uint64_t large_limit = 10 * MIB, large_segment = 20 * MIB;
static const CUstream stream = NULL; /* torch's current stream by default */

static uint64_t round_up(uint64_t bytes, uint64_t multiple)
{
    return (bytes + multiple - 1) / multiple * multiple;
}

bool swap_device_open(struct swap_device *device)
{
    struct swap_driver *driver = &device->driver;
    int n_devices = 0;

    device->segments = NULL;
    device->n_segments = 0;
    if (!swap_driver_open(driver)) {
        return false;
    }
    swap_call(driver, cuDeviceGetCount, &n_devices);
    if (n_devices == 0) {
        fprintf(stderr, "swap: the CUDA driver has no GPU\n");
        return false;
    }

    swap_call(driver, cuDriverGetVersion, &device->driver_version);
    swap_call(driver, cuDeviceGet, &device->ordinal, 0);
    swap_call(driver, cuDeviceGetName, device->name, sizeof(device->name),
              device->ordinal);
    swap_call(driver, cuDevicePrimaryCtxRetain, &device->context,
              device->ordinal);
    swap_call(driver, cuCtxSetCurrent, device->context);
    swap_call(driver, cuModuleLoadData, &device->module, swap_kernels_ptx);
    swap_call(driver, cuModuleGetFunction, &device->fill_u32, device->module,
              "fill_u32");
    swap_call(driver, cuModuleGetFunction, &device->xor_u32, device->module,
              "xor_u32");
    swap_call(driver, cuModuleGetFunction, &device->digest_u64,
              device->module, "digest_u64");
    return true;
}

void swap_device_close(struct swap_device *device)
{
    swap_device_empty(device);
    swap_call(&device->driver, cuModuleUnload, device->module);
    swap_call(&device->driver, cuDevicePrimaryCtxRelease_v2,
              device->ordinal);
}

static struct swap_segment *add_segment(struct swap_device *device,
                                        uint64_t bytes, bool small)
{
    struct swap_segment *segments = realloc(
        device->segments, (device->n_segments + 1) * sizeof(*segments));
    struct swap_segment *segment;

    if (segments == NULL) {
        perror("swap");
        exit(1);
    }
    device->segments = segments;
    segment = &segments[device->n_segments];
    segment->bytes = bytes;
    segment->used_bytes = 0;
    segment->small = small;
    swap_call(&device->driver, cuMemAlloc_v2, &segment->base, bytes);
    device->n_segments++;
    return segment;
}

static struct swap_segment *find_segment(struct swap_device *device,
                                         uint64_t bytes, bool small)
{
    size_t i;

    for (i = 0; i < device->n_segments; i++) {
        struct swap_segment *segment = &device->segments[i];

        if (segment->small == small &&
            segment->bytes - segment->used_bytes >= bytes) {
            return segment;
        }
    }
    return NULL;
}

CUdeviceptr swap_device_take(struct swap_device *device, uint64_t bytes)
{
    uint64_t rounded = round_up(bytes, rounding);
    bool small = rounded <= small_limit;
    struct swap_segment *segment = NULL;
    CUdeviceptr taken;

    if (rounded < large_limit) {
        segment = find_segment(device, rounded, small);
    }
    if (segment == NULL) {
        uint64_t size = small                   ? small_segment
                        : rounded < large_limit ? large_segment
                                                : round_up(rounded, 2 * MIB);

        segment = add_segment(device, size, small);
    }
    taken = segment->base + segment->used_bytes;
    segment->used_bytes += rounded;
    return taken;
}

void swap_device_empty(struct swap_device *device)
{
    size_t i;

    for (i = 0; i < device->n_segments; i++) {
        swap_call(&device->driver, cuMemFree_v2, device->segments[i].base);
    }
    free(device->segments);
    device->segments = NULL;
    device->n_segments = 0;
}

void swap_device_upload(struct swap_device *device, CUdeviceptr to,
                        const void *from, uint64_t bytes)
{
    swap_call(&device->driver, cuMemcpyHtoDAsync_v2, to, from, bytes,
              stream);
    swap_call(&device->driver, cuStreamSynchronize, stream);
}

void swap_device_download(struct swap_device *device, void *to,
                          CUdeviceptr from, uint64_t bytes)
{
    swap_call(&device->driver, cuMemcpyDtoHAsync_v2, to, from, bytes,
              stream);
    swap_call(&device->driver, cuStreamSynchronize, stream);
}

static void launch(struct swap_device *device, CUfunction kernel,
                   uint64_t count, void **parameters)
{
    uint64_t per_block = BLOCK_THREADS * WORDS_A_THREAD;
    uint64_t blocks = (count + per_block - 1) / per_block;

    if (blocks == 0) {
        blocks = 1;
    } else if (blocks > MOST_BLOCKS) {
        blocks = MOST_BLOCKS;
    }
    swap_call(&device->driver, cuLaunchKernel, kernel, (unsigned)blocks, 1, 1,
              BLOCK_THREADS, 1, 1, 0, stream, parameters, NULL);
}

void swap_device_fill(struct swap_device *device, CUdeviceptr words,
                      uint32_t value, uint64_t count)
{
    void *parameters[] = {&words, &value, &count};

    launch(device, device->fill_u32, count, parameters);
}

void swap_device_xor(struct swap_device *device, CUdeviceptr words,
                     uint32_t value, uint64_t count)
{
    void *parameters[] = {&words, &value, &count};

    launch(device, device->xor_u32, count, parameters);
}

void swap_device_digest(struct swap_device *device, CUdeviceptr sum,
                        CUdeviceptr data, uint64_t bytes)
{
    void *parameters[] = {&sum, &data, &bytes};

    launch(device, device->digest_u64, (bytes + 7) / 8, parameters);
}
