/*
 * upload.h - what the programs of upload.tap share: a weight of several
 * pieces, its changes in RAM, and what must be where afterwards. Included
 * once by a program.
 */
#ifndef CYCLE_UPLOAD_H
#define CYCLE_UPLOAD_H

#include "weight.h"

#include <stdlib.h>
#include <string.h>

/* Many parts, and one that is no multiple of anything. */
#define LARGE (17 * MIB + 192)

/* Bytes that the driver took from pinned memory: with the shim those that it
 * captured or served. */
static inline uint64_t from_pinned(void)
{
    return cu.simcuda_bytes(SIM_H2D_PINNED);
}

/* Other bytes at both ends, in the middle and around a border of parts. */
static inline void change(uint8_t *host, size_t bytes, uint8_t by)
{
    size_t places[] = {0, bytes / 2, 8 * MIB - 1, 8 * MIB, bytes - 1}, i;

    for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        if (places[i] < bytes) {
            host[places[i]] ^= by;
        }
    }
}

static inline void check_device(CUdeviceptr device, const uint8_t *wanted,
                         size_t bytes)
{
    uint8_t *seen = fresh(bytes);

    OK(more.simcuda_peek(seen, device, bytes));
    CHECK(memcmp(seen, wanted, bytes) == 0);
    free(seen);
}

/* The next offload: so many bytes under the shim, and these. */
static inline void check_offload(CUdeviceptr device, const uint8_t *wanted,
                          size_t bytes, uint64_t moved, CUstream stream)
{
    uint8_t *host = fresh(bytes);

    REACHES(d2h, moved, bytes, offload(host, device, bytes, stream));
    CHECK(memcmp(host, wanted, bytes) == 0);
    free(host);
}

/* Workers or none beside the calling thread, on whatever machine. */
#define THREE "CUSHADOW_THREADS=3"

#endif
