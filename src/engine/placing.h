/*
 * placing.h - whether the program's big blocks are placed so that an alias
 * can cover them, and which sizes.
 */
#ifndef CSH_ENGINE_PLACING_H
#define CSH_ENGINE_PLACING_H

#include <stddef.h>

/* At the first use of CUDA, if the settings ask for aliases. Does nothing
 * where the program's allocator is not glibc's. */
void csh_placing_start(void);

/* A weight of that size was offloaded, or one that may be was uploaded. */
void csh_placing_expect(size_t bytes);
void csh_placing_uploaded(size_t bytes);

#endif
