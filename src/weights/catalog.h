/*
 * catalog.h - every tensor of the model files that manifest= rules name.
 *
 * Made once, in the call that starts the shim; then read by any thread, with
 * no lock. What is found out later (samples of a tensor's bytes, that two
 * tensors are equal, that a file has changed) is published by atomics and
 * only ever grows. A file that changes or goes away makes its tensors
 * unknown; nothing else comes of it.
 *
 * Memory: about 130 bytes and a name for each tensor, of at most
 * CSH_MAX_TENSORS.
 */
#ifndef CSH_WEIGHTS_CATALOG_H
#define CSH_WEIGHTS_CATALOG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/weight_rules.h"
#include "weights/model_file.h"

#define CSH_SAMPLES 4
#define CSH_SAMPLE_BYTES 16
#define CSH_SAMPLED_BYTES (CSH_SAMPLES * CSH_SAMPLE_BYTES)

/* A file that is listed. The strings live as long as the catalog. */
struct csh_listed_file {
    char *path;     /* absolute, without symbolic links */
    char *found_as; /* as the rule led to it */
    char *model;    /* "unet/diffusion_pytorch_model.fp16.safetensors" */
    struct csh_file_id id;
    uint32_t first, n_tensors;
    uint64_t n_bytes;      /* of its tensors */
    atomic_bool is_stale;  /* has changed since */
    char *names;           /* of its tensors */
};

struct csh_tensor {
    const char *name;      /* the key in the file */
    uint32_t file;
    bool is_tied;          /* this range of the file has other names too */
    uint64_t start, bytes; /* in the file */
    _Atomic uint32_t same_as;  /* 1 + the first tensor of equal bytes, if that
                                  was found out; 0: not known */
    _Atomic int sample_state;  /* private to identify.c */
    uint8_t sample[CSH_SAMPLED_BYTES];
};

struct csh_catalog {
    struct csh_listed_file *files;
    uint32_t n_files;
    struct csh_tensor *tensors; /* by file, and in each by start */
    uint32_t n_tensors;
    uint32_t *by_bytes;   /* tensors, by bytes, then as above */
    uint32_t *files_by_id; /* files, by device and inode */
};

/* The tensors of every manifest= rule; NULL if there is none or nothing was
 * found. What cannot be read is said in one line for each file. Two models of
 * one name get the names of their folders besides. */
struct csh_catalog *csh_catalog_open(const struct csh_weight_rules *rules);
void csh_catalog_close(struct csh_catalog *catalog); /* NULL is fine */

/* The tensors of that size: the first in by_bytes, and how many. */
uint32_t csh_catalog_of_bytes(const struct csh_catalog *catalog,
                              uint64_t bytes, uint32_t *first_p);
/* The listed file of that device and inode; NULL if there is none. */
struct csh_listed_file *
csh_catalog_file(const struct csh_catalog *catalog, dev_t device,
                 ino_t inode);
/* Says once that the file is no longer what was listed, and forgets it. */
void csh_catalog_set_stale(struct csh_listed_file *file);

const char *csh_catalog_model(const struct csh_catalog *catalog,
                              uint32_t tensor);

#endif
