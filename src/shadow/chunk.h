/*
 * chunk.h - one piece of memory for shadows: a sealed memory file, mapped
 * once, or anonymous memory where there can be no file.
 */
#ifndef CSH_SHADOW_CHUNK_H
#define CSH_SHADOW_CHUNK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/compiler.h"

struct csh_chunk {
    unsigned char *address; /* page aligned */
    size_t bytes;           /* whole pages; none present until populated */
    int fd;                 /* -1: anonymous */
    dev_t device;           /* what fd was when it was opened */
    ino_t inode;
};

/* memfd_create, or a test's stand-in: a descriptor, or -1 and errno. */
typedef int csh_chunk_create_fn(const char *name, unsigned flags);

size_t csh_page_bytes(void);

/*
 * Maps a chunk of `bytes`, or of as little as `least_bytes` where a limit of
 * the process forbids more; both are whole pages. False when not even that
 * can be had. The process sees no signal, and no descriptor below 1024 unless
 * RLIMIT_NOFILE allows none above.
 */
CSH_MUST_CHECK
bool csh_chunk_open(struct csh_chunk *chunk_p, size_t least_bytes,
                    size_t bytes, csh_chunk_create_fn *create);

/* Makes pages present, zeroed. False when the kernel refuses; it does not
 * refuse at a cgroup's limit, it kills: see budget.h. */
CSH_MUST_CHECK
bool csh_chunk_populate(const struct csh_chunk *chunk, size_t offset,
                        size_t bytes);

/* Whether the descriptor is still this chunk's: programs close and replace
 * descriptors that they do not know. */
bool csh_chunk_owns_descriptor(const struct csh_chunk *chunk);

/* Gives the memory back. With keep_address the addresses stay reserved for
 * ever: something (a registration that would not end) still knows them. */
void csh_chunk_close(struct csh_chunk *chunk, bool keep_address);

#endif
