/*
 * placement.h - big blocks of libc's allocator that an alias can cover.
 */
#ifndef CSH_SHADOW_PLACEMENT_H
#define CSH_SHADOW_PLACEMENT_H

#include <malloc.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"

/* The functions of one and the same allocator. */
struct csh_placement_libc {
    int (*posix_memalign)(void **block_p, size_t alignment, size_t bytes);
    void *(*realloc)(void *block, size_t bytes);
    void (*free)(void *block);
    size_t (*malloc_usable_size)(void *block);
    struct mallinfo2 (*mallinfo2)(void); /* glibc 2.33 */
};

/* Alignments up to this are served, which glibc's mapped blocks have anyway:
 * they lie this far into their first page, behind glibc's header. */
enum { CSH_PLACEMENT_PHASE = 64 };

/* Where in its page a block of so many bytes is placed, or will most likely
 * be where nothing is placed. A block of whole pages begins at one, with the
 * header in a page before it: then it shares none with anything else, and an
 * alias needs no copies. Any thread. */
size_t csh_placement_phase(size_t bytes);

/* From now on csh_placement_allocate() serves sizes that are expected. False
 * if a trial shows that this allocator does not do what is needed, or if the
 * process's limits, or a kernel that does not overcommit, leave no room for
 * it. `proc` is "/proc" outside tests. Once. */
CSH_MUST_CHECK bool csh_placement_start(const struct csh_placement_libc *libc,
                                        const char *proc);

/* The program has just offloaded this many bytes as a weight: the next blocks
 * of this size are likely to be filled by an offload. Any thread; no locks. */
void csh_placement_expect(size_t bytes);

/* It has uploaded them: the first of that size may be a weight's. */
void csh_placement_uploaded(size_t bytes);

/* A block of its own mapping, none of whose whole pages has been touched; the
 * program owns it and gives it back by libc's free. NULL: the program shall
 * call its allocator itself. Any thread that may call that. Keeps errno. */
void *csh_placement_allocate(size_t alignment, size_t bytes);

#endif
