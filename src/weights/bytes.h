/*
 * bytes.h - something that bytes can be read from: a file, a program's
 * buffer, or a fuzzer's input. Owns nothing.
 */
#ifndef CSH_WEIGHTS_BYTES_H
#define CSH_WEIGHTS_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Copies [offset, offset + n) to to_p; false if not all of it can be had. The
 * caller keeps the range within n_bytes below. */
typedef bool csh_bytes_read_fn(void *opaque, uint64_t offset, void *to_p,
                               size_t n);

struct csh_bytes {
    csh_bytes_read_fn *read;
    void *opaque;
    uint64_t n_bytes;
};

/* The same for any range: false if it is not within n_bytes. */
static inline bool csh_bytes_read(const struct csh_bytes *bytes,
                                  uint64_t offset, void *to_p, size_t n)
{
    return (offset <= bytes->n_bytes) && (n <= bytes->n_bytes - offset) &&
           bytes->read(bytes->opaque, offset, to_p, n);
}

#endif
