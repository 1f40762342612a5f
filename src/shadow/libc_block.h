/*
 * libc_block.h - whether memory is a block that glibc's malloc got for it
 * alone by mmap.
 *
 * Such a block is unmapped by free and copied by realloc; nobody but its
 * owner uses its pages, and none of them is handed out again as if it were
 * fresh. Of other memory none of this is known: heaps give pages back with
 * MADV_DONTNEED and take it that they read as zeros, other allocators as well.
 *
 * The layout is that of glibc's malloc/malloc.c, "struct malloc_chunk" and
 * munmap_chunk(): 16 bytes before what malloc returned lie the distance to
 * the start of the mapping and the size of the rest, with IS_MMAPPED (2) as
 * the only flag. posix_memalign() leaves the head that malloc wrote at the
 * start of the mapping as well.
 */
#ifndef CSH_SHADOW_LIBC_BLOCK_H
#define CSH_SHADOW_LIBC_BLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "shadow/page_state.h"

/* Whether a mapping at an address, and up to where, is of a kind that may be
 * in such a block. */
typedef bool csh_vma_test_fn(const struct csh_vma *vma, uint64_t address,
                             uint64_t *end_p, void *opaque);

/*
 * Whether [start, start + bytes) is what malloc returned in such a block, or
 * the beginning of it, and every mapping in the block passes the test. Reads
 * the head without touching memory that might not be there; malloc has to be
 * glibc's.
 */
bool csh_libc_block_holds(struct csh_page_view *view, uint64_t start,
                          uint64_t bytes, csh_vma_test_fn *test,
                          void *opaque);

/* Whether malloc, realloc and free are glibc's in this process: not another
 * allocator's, not another libc's. Looks symbols up; keep it. What free takes
 * was made by glibc then, whoever stands in front of posix_memalign: the shim
 * itself does (interpose/host_allocation.c). */
bool csh_libc_owns_malloc(void);

#endif
