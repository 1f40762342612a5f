/*
 * swap_device.h - one GPU as the example uses it: its primary context, the
 * legacy default stream, VRAM handed out as PyTorch's caching allocator does,
 * and the kernels of swap_kernels.cu.
 *
 * Every function ends the program with a line on stderr when the driver
 * refuses a call.
 */
#ifndef SWAP_DEVICE_H
#define SWAP_DEVICE_H

#include <stddef.h>
#include <stdint.h>

#include "swap_driver.h"

/* One cuMemAlloc. Tensors are carved from it and never given back singly. */
struct swap_segment {
    CUdeviceptr base;
    uint64_t bytes, used_bytes;
    bool small; /* serves tensors of at most 1 MiB */
};

struct swap_device {
    struct swap_driver driver;
    CUdevice ordinal;
    CUcontext context;
    CUmodule module;
    CUfunction fill_u32, xor_u32, digest_u64;
    char name[128];
    int driver_version;
    struct swap_segment *segments;
    size_t n_segments;
};

/* Opens the driver, and the first GPU's primary context with the kernels.
 * False if there is no driver or no GPU; stderr says which. */
bool swap_device_open(struct swap_device *device);
void swap_device_close(struct swap_device *device);

/* VRAM for one tensor, aligned to 512 bytes. */
CUdeviceptr swap_device_take(struct swap_device *device, uint64_t bytes);
/* Gives everything taken back to the driver. */
void swap_device_empty(struct swap_device *device);

/* One copy on the default stream and one wait for it, as Tensor.to() makes
 * them. Host memory is pageable. */
void swap_device_upload(struct swap_device *device, CUdeviceptr to,
                        const void *from, uint64_t bytes);
void swap_device_download(struct swap_device *device, void *to,
                          CUdeviceptr from, uint64_t bytes);

/* Launches on the default stream; they do not wait. */
void swap_device_fill(struct swap_device *device, CUdeviceptr words,
                      uint32_t value, uint64_t count);
void swap_device_xor(struct swap_device *device, CUdeviceptr words,
                     uint32_t value, uint64_t count);
/* Adds the digest of swap_digest.h to the u64 at `sum`. */
void swap_device_digest(struct swap_device *device, CUdeviceptr sum,
                        CUdeviceptr data, uint64_t bytes);

#endif
