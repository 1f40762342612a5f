/*
 * aliased.h - what the programs of alias.tap share: offloads of which it is
 * known whether they are mapped, and which say so.
 *
 * The program looks into /proc/self/maps for the shim's memory files, and
 * prints at its end how many bytes it expects the shim to have counted.
 */
#ifndef CYCLE_ALIASED_H
#define CYCLE_ALIASED_H

#include "weight.h"

#define PAGE ((size_t)4096)
#define LARGE (MIB + 192)

/* Bytes of a range in mappings of the shim's memory files. */
size_t aliased_bytes(const void *memory, size_t bytes);

/* Bytes of the whole pages in a range. */
size_t whole_pages(const void *memory, size_t bytes);

/* Offloads to there, checks the bytes, and that so many of them were mapped
 * if the program is under a shim that maps. */
void offload_mapping(const struct weight *weight, uint8_t *host,
                     size_t mapped);

/* The same where it is not known how many. */
void offload_somehow(const struct weight *weight, uint8_t *host);

/* A weight in device memory, and its first offload: all whole pages of a new
 * block are mapped. */
struct weight mapped_weight(size_t bytes, uint32_t seed);

/* Uploads what the weight's host memory holds, whatever that is, and checks
 * the device's bytes against it. Then what is offloaded to new memory is that,
 * and is mapped without a copy of the driver's. */
void reload_and_check(struct weight *weight);

/* The same from memory that the shim may have lost sight of: what comes back
 * may come by a copy. */
void reload_from_anywhere(struct weight *weight);

/* Frees both sides of it. */
void drop(struct weight *weight);

#endif
