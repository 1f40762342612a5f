/*
 * text_file.h - the small files of /proc and /sys, read into the caller's
 * buffer: no stdio, no allocation, no cancellation point.
 */
#ifndef CSH_BASE_TEXT_FILE_H
#define CSH_BASE_TEXT_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Fills text with the beginning of directory/name and a terminating zero.
 * False, errno set, if there is no such file, nothing in it, or the path is
 * too long (1023 bytes). */
bool csh_text_read(const char *directory, const char *name, char *text,
                   size_t bytes);

/* A decimal number after blanks; saturates; false for anything else. The
 * first byte after it goes to *end_p, unless that is NULL. */
bool csh_text_number(const char *text, uint64_t *number_p,
                     const char **end_p);

#endif
