/*
 * weights_fixture.h - model files made by the tests of weights: in memory, and
 * in a folder of the test's own that goes when it ends.
 */
#ifndef CSH_TESTS_WEIGHTS_FIXTURE_H
#define CSH_TESTS_WEIGHTS_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "weights/bytes.h"

/* A file in memory, growing. */
struct image {
    uint8_t *bytes;
    size_t n_bytes, n_allocated;
};

void image_put(struct image *image, const void *bytes, size_t n);
void image_put_text(struct image *image, const char *text);
/* Little-endian, of n bytes. */
void image_put_number(struct image *image, uint64_t number, size_t n);
void image_put_zeros(struct image *image, size_t n);
/* Bytes that depend on the seed. */
void image_put_noise(struct image *image, uint64_t seed, size_t n);
void image_free(struct image *image);
struct csh_bytes image_bytes(struct image *image);

/* Length and header of a safetensors file. */
void image_put_safetensors(struct image *image, const char *header);

/* Start of a GGUF file, a string, and a tensor's info. */
void image_put_gguf(struct image *image, uint32_t version, uint64_t n_tensors,
                    uint64_t n_pairs);
void image_put_string(struct image *image, const char *text);
void image_put_info(struct image *image, const char *name, uint64_t extent,
                    uint32_t type, uint64_t start);
/* Zeros up to a multiple of n. */
void image_align(struct image *image, size_t n);

/* A fresh folder; its path. */
const char *folder_make(void);
void folder_remove(void);
/* "FOLDER/name", in one of a few buffers that take turns. */
const char *folder_path(const char *name);
/* Makes the folders that name has before its last slash, too. */
void folder_write(const char *name, const struct image *image);
void folder_write_text(const char *name, const char *text);

/* A safetensors file: tensors "<prefix>0", "<prefix>1" and so on, of the
 * given sizes (U8), each of noise by its own seed, ended by a size 0. */
void folder_write_model(const char *name, const char *prefix,
                        const size_t *sizes, uint64_t seed);

/* The size of its header, with the 8 bytes of length. */
size_t model_data_start(const char *name);

#endif
