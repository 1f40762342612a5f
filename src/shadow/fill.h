/*
 * fill.h - gives memory of the program's a shadow's bytes by copying.
 */
#ifndef CSH_SHADOW_FILL_H
#define CSH_SHADOW_FILL_H

#include <stddef.h>

/* A memcpy() to memory that the program's call names, by several threads where
 * it is large: to touch fresh pages takes five times as long as to write them.
 * The bytes do not change. A page that cannot be written is met by the calling
 * thread, as it would meet it without the shim. No lock may be held. */
void csh_fill(void *memory, const void *bytes, size_t n);

#endif
