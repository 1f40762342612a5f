/*
 * nh.h - the inner hash of fingerprint.h over the columns of one tile, once
 * for each kind of processor. All paths give the same values.
 */
#ifndef CSH_VERIFY_NH_H
#define CSH_VERIFY_NH_H

#include <stddef.h>
#include <stdint.h>

#include "verify/fingerprint.h"

/* Sets h[lane][j] to the inner hash of rows 0 to n_rows-1 (0 to 32) of
 * column j. Reads n_rows * 512 bytes at rows, at any alignment, and the
 * CSH_FINGERPRINT_KEY_WORDS words of nh. */
typedef void csh_nh_columns_fn(
    const uint32_t *nh, const unsigned char *rows, unsigned n_rows,
    uint64_t h[CSH_FINGERPRINT_LANES][CSH_FINGERPRINT_COLUMNS]);

struct csh_nh_path {
    const char *name;
    csh_nh_columns_fn *columns;
};

/* The i-th path that this processor can run, the slowest first; NULL when
 * there are no more. Path 0 is plain C and always there. */
const struct csh_nh_path *csh_nh_path_at(size_t i);

/* The fastest of them. */
const struct csh_nh_path *csh_nh_path_best(void);

#endif
