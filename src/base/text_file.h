/*
 * text_file.h - the small files of /proc and /sys, read into the caller's
 * buffer: no stdio, no allocation, no cancellation point.
 */
#ifndef CSH_BASE_TEXT_FILE_H
#define CSH_BASE_TEXT_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Room for the longest of them: meminfo and memory.stat are below 3 KiB on
 * Linux 6.18. */
#define CSH_TEXT_BYTES 4096

/* Fills text with the beginning of directory/name and a terminating zero.
 * False, errno set, if there is no such file, nothing in it, or the path is
 * too long (1023 bytes). */
bool csh_text_read(const char *directory, const char *name, char *text,
                   size_t bytes);

/* A decimal number after blanks; saturates; false for anything else. The
 * first byte after it goes to *end_p, unless that is NULL. */
bool csh_text_number(const char *text, uint64_t *number_p,
                     const char **end_p);

/* The number in the line that begins with a key and a blank or a colon, as in
 * meminfo and memory.stat. */
bool csh_text_find_number(const char *text, const char *key,
                          uint64_t *number_p);

#endif
