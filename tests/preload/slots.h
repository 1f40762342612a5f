/*
 * slots.h - where a loaded object keeps the addresses of what it takes from
 * others: its global offset table, bound before its constructors run.
 */
#ifndef PRELOAD_SLOTS_H
#define PRELOAD_SLOTS_H

#include <stdint.h>

typedef void slots_fn(void **slot, const char *name);

/* Calls found for each slot of the object of that file name, and tells where
 * the object lies; 0 and 0 if it is not there. */
void slots_each(const char *object, slots_fn *found, uintptr_t *start_p,
                uintptr_t *end_p);

#endif
