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

/* A weight of that size was uploaded or offloaded. */
void csh_placing_expect(size_t bytes);

#endif
