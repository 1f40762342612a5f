/*
 * host.h - the program's side of an offload and of a reload: host memory gets
 * a shadow's bytes, by mapping or by copying, and is asked whether it still
 * has them.
 */
#ifndef CSH_ENGINE_HOST_H
#define CSH_ENGINE_HOST_H

#include <stdbool.h>
#include <stddef.h>

#include "shadow/store.h"

/* Finds out what the kernel and the allocator offer, and says it once in the
 * log. Once, after csh_residency_start(). */
void csh_host_start(void);

/* Where in its page a shadow should begin so that it can be mapped under this
 * host memory; NULL: under memory that is not known yet. */
size_t csh_host_phase(const void *host, size_t bytes);

/* Gives the host range the bytes of a published shadow, whose user the caller
 * is, in a call of the program that writes there; says how many of them by
 * mapping. False: something is not as it was, and the program's own call is to
 * be made. */
CSH_MUST_CHECK bool csh_host_fill(void *host, struct csh_shadow *shadow,
                                  size_t *mapped_bytes_p);

/* Whether captured sources are adopted: CUSHADOW_ADOPT=1, and the kernel lets
 * it be done. */
bool csh_host_adopts(void);

/* Puts the pages of a published shadow, whose user the caller is, under the
 * host range that it was captured from, in the call of the program that reads
 * it; what cannot be proven equal stays as it is. Returns the bytes that are
 * mapped now. */
size_t csh_host_adopt(const void *host, struct csh_shadow *shadow);

/* Whether every byte of the host range is the shadow's, found out now: the
 * kernel says so of pages that are mapped, the others are compared. */
CSH_MUST_CHECK bool csh_host_holds(const void *host,
                                   struct csh_shadow *shadow);

/* Whether the kernel says that no page of a shadow is under a host range that
 * was once mapped in part. */
bool csh_host_is_unmapped(const void *host, size_t bytes);

#endif
