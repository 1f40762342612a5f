/*
 * soak.h - what app_soak.c has beside the cycle: lists of tensors, and figures
 * of the process.
 */
#ifndef CYCLE_SOAK_H
#define CYCLE_SOAK_H

#include <cuda.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct soak_tensor {
    size_t bytes;    /* a multiple of 8, 64 at least */
    size_t offset;   /* in the model's device memory, a multiple of 512 */
    uint64_t *host;  /* NULL while on the device */
    uint64_t seed;   /* of its bytes */
    uint64_t change; /* its word in the middle, 0: as it was */
};

struct soak_model {
    struct soak_tensor *tensors;
    size_t n_tensors;
    CUdeviceptr device;
    size_t device_bytes;
    uint64_t small_bytes; /* of tensors that are not looked at */
};

/* Reads a list (NULL: makes one up) with every tensor's bytes divided, but no
 * fewer than `least`. Ends the program where that cannot be done. */
void soak_model_read(struct soak_model *model, const char *path,
                     size_t divide, size_t least);

/* Figures of the process. X(name, slack, slack in parts of a thousand). */
#define SOAK_FIGURES(X)    \
    X(rss_kib, 4096, 10)   \
    X(heap_kib, 256, 10)   \
    X(shmem_kib, 2048, 10) \
    X(slab_kib, 2048, 10)  \
    X(maps, 16, 10)        \
    X(descriptors, 0, 0)   \
    X(threads, 0, 0)

#define SOAK_X(name_, ...) SOAK_##name_,
enum { SOAK_FIGURES(SOAK_X) SOAK_N_FIGURES };
#undef SOAK_X

struct soak_figures {
    uint64_t value[SOAK_N_FIGURES];
};

void soak_look(struct soak_figures *figures_p);

/* Prints each figure: its greatest in the second quarter and in the second
 * half, and what was allowed there. False if one is above that. Memory may go
 * up and down by `saw` per cent, and with it the number of its files by two. */
bool soak_judge(const struct soak_figures *seen, uint32_t cycles,
                unsigned saw);

#endif
