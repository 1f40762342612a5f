/*
 * human.h - figures as people read them.
 */
#ifndef CSH_BASE_HUMAN_H
#define CSH_BASE_HUMAN_H

#include <stddef.h>
#include <stdint.h>

#define CSH_HUMAN_BYTES 32 /* room for any text below, with its NUL */

/* "512 B", or three significant digits (four from 1000 to 1023) and the
 * largest unit of 1024 that leaves at least one before the point: "1.91
 * GiB", "93.0 MiB". Returns text_p. */
const char *csh_human_bytes(uint64_t bytes, char text_p[CSH_HUMAN_BYTES]);

/* Every third digit set off: "18,446,744". Returns text_p. */
const char *csh_human_count(uint64_t count, char text_p[CSH_HUMAN_BYTES]);

/* Of nanoseconds, to the millisecond: "12.345 s". Returns text_p. */
const char *csh_human_seconds(uint64_t ns, char text_p[CSH_HUMAN_BYTES]);

/* How many hundredths of the whole the part is, rounded down; of nothing
 * nothing. The part is not more than the whole. */
unsigned csh_human_percent(uint64_t part, uint64_t whole);

#endif
