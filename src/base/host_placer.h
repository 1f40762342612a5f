/*
 * host_placer.h - who may answer the program's requests for big aligned
 * blocks before its allocator is asked.
 *
 * posix_memalign, aligned_alloc and memalign are exported for it
 * (interpose/host_allocation.c). Any thread that allocates; no locks.
 */
#ifndef CSH_BASE_HOST_PLACER_H
#define CSH_BASE_HOST_PLACER_H

#include <stdatomic.h>
#include <stddef.h>

#include "base/compiler.h"

/* Smaller requests are not asked about: as CUSHADOW_MIN_BYTES by default, a
 * block of less holds too few whole pages. */
#define CSH_PLACED_LEAST ((size_t)65536)

/* A block that the program's free takes back, or NULL: it shall have one of
 * its allocator. Keeps errno. */
typedef void *csh_host_placer(size_t alignment, size_t bytes);

/* NULL: nobody. Hidden, so that a wrapper tests it by one load. */
extern _Atomic(csh_host_placer *) csh_host_placer_set
    __attribute__((visibility("hidden")));

void csh_host_place(csh_host_placer *placer);

#endif
