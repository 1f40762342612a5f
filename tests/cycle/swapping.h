/*
 * swapping.h - small models that go round in threads, while a program does
 * something else to itself. Every byte is checked.
 */
#ifndef CYCLE_SWAPPING_H
#define CYCLE_SWAPPING_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "weight.h"

enum { SWAPPING_THREADS = 2, SWAPPING_MODEL = 3, SWAPPING_ROUNDS = 12 };

extern const size_t swapping_bytes; /* of each weight */

/* SWAPPING_MODEL weights in host memory. */
void swapping_make_model(struct weight *model, uint32_t seed);

/* A model goes round once: uploaded, offloaded into new memory, freed. What is
 * to change changes in VRAM. */
void swapping_go_round(struct weight *model, CUstream stream, bool changes);

/* In SWAPPING_THREADS threads, in the context of the calling one. Once. */
void swapping_begin(void);
void swapping_end(void);
bool swapping_is_over(void);
pthread_t swapping_thread(int i);

/* Rounds so far, of all threads together, and so many more. */
unsigned swapping_rounds(void);
void swapping_await_rounds(unsigned n);

void swapping_nap_ms(long ms);

#endif
