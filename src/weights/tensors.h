/*
 * tensors.h - the tensors that the header of one model file lists.
 *
 * A header is untrusted: an entry that lies outside the file, overlaps an
 * earlier one or repeats a name is left out, with a fault; the rest is kept.
 * A value of its caller's, filled by one thread.
 */
#ifndef CSH_WEIGHTS_TENSORS_H
#define CSH_WEIGHTS_TENSORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "weights/fault.h"

/* In one file, and in all files together. */
#define CSH_MAX_TENSORS 262144
#define CSH_MAX_TENSOR_NAME 512 /* bytes, without the NUL */

struct csh_tensor_entry {
    uint64_t start, bytes; /* in the file; never empty once finished */
    uint64_t header_byte;  /* where the header speaks of it, if known */
    size_t name;           /* where its name begins in names */
    bool is_tied;          /* exactly this range has other names too */
};

struct csh_tensors {
    struct csh_tensor_entry *entries; /* by start, once finished */
    size_t n_entries, n_allocated;
    char *names; /* each with its NUL */
    size_t n_names, names_allocated;
    struct csh_fault fault;
};

/* Adds an entry whose start counts from the first byte of data. A name that
 * is empty, too long, has a NUL or is not UTF-8 leaves it out, with a fault.
 * False, with a fault, when memory is short or the limit is reached: no more
 * can be added. */
CSH_MUST_CHECK
bool csh_tensors_add(struct csh_tensors *tensors, const char *name,
                     size_t n_name, uint64_t start, uint64_t bytes,
                     uint64_t header_byte);

/* Once, after the last: moves every start to where it is in the file, which
 * has n_file bytes, sorts, and leaves out what cannot be. */
void csh_tensors_finish(struct csh_tensors *tensors, uint64_t data_start,
                        uint64_t n_file);

void csh_tensors_clear(struct csh_tensors *tensors);

/* a * b, or false where that exceeds 64 bits. */
CSH_MUST_CHECK
bool csh_tensors_multiply(uint64_t a, uint64_t b, uint64_t *product_p);

#endif
