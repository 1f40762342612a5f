/*
 * watched.h - what the two parts of the program watched share: the driver, and
 * what a call did to a generation.
 */
#ifndef WATCHED_H
#define WATCHED_H

#include <stdint.h>

#include "app.h"
#include "driver/driver.h"
#include "interpose/wrappers.h"
#include "track/watch.h"

#define SCRIPTED CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED

enum outcome { NOTHING, TRIPPED, FORBIDDEN, WRONG };

/* libcuda.so.1, after load_driver(). */
extern void *library;
extern int n_wrong;

/* With this script of faults, NULL for none. */
void load_driver(const char *faults);

/* The same word for every argument. */
CUresult call_with(void *entry, uintptr_t any);

enum outcome outcome_of(uint64_t generation);
void expect(const char *what, enum outcome expected, enum outcome got);

/* watched_rows.c: each entry of the driver fails at once. */
void check_rows(void);
void check_own_streams(void);
void check_own_streams_by_hand(void);

/* watched_room.c: each entry fails for want of memory. */
void check_room(void);

#endif
