/*
 * gone.h - host memory that the program has given back to the kernel.
 */
#ifndef CSH_ENGINE_GONE_H
#define CSH_ENGINE_GONE_H

#include <stddef.h>

#include "shadow/store.h"

/* Looks at the next few host records, all of them in turn over many calls, and
 * forgets those whose memory is not mapped any more: bytes that are nowhere
 * are no reason to keep a shadow. Asks the kernel about addresses and reads
 * nothing there. Keeps errno; any thread, with no lock held. */
void csh_gone_look(void);

/* The same for as many as a thousand: for when memory is wanted. */
void csh_gone_look_longer(void);

/* The same for the records of one shadow; and that of exactly this memory,
 * which is about to be written, is forgotten whatever is there. */
void csh_gone_look_for(struct csh_shadow_ref shadow, const void *host,
                       size_t bytes);

#endif
