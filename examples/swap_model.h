/*
 * swap_model.h - one model's tensors in host memory, first as a private
 * mapping of its .safetensors file, later as one allocation each.
 */
#ifndef SWAP_MODEL_H
#define SWAP_MODEL_H

#include <cuda.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct swap_tensor {
    char *name;
    uint64_t bytes; /* never 0 */
    void *host;     /* inside the mapping, or from posix_memalign; or NULL */
    CUdeviceptr device; /* valid between load and offload */
    uint64_t digest;    /* what its bytes must give now, see swap_digest.h */
};

struct swap_model {
    char *name;
    char *path;
    struct swap_tensor *tensors; /* in the order of the file's header */
    size_t n_tensors;
    uint64_t bytes; /* of all tensors */
    void *mapping;  /* of the whole file; NULL once dropped */
    size_t mapping_bytes;
};

/* Maps the file and reads its header. False, with a line on stderr, if it
 * cannot be read or is not a well-formed safetensors file with at least one
 * tensor. The name is copied. */
bool swap_model_open(struct swap_model *model, const char *name,
                     const char *path);
void swap_model_close(struct swap_model *model);

/* Frees `host` of every tensor (old[i], from before an offload), or the
 * file's mapping the first time. */
void swap_model_drop(struct swap_model *model, void **old);

#endif
