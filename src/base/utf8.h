/*
 * utf8.h - which bytes of a text that nobody vouches for may be shown.
 */
#ifndef CSH_BASE_UTF8_H
#define CSH_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* The length of the well-formed sequence that a string begins with (RFC 3629:
 * shortest form, no surrogates, up to U+10FFFF), 1 for its NUL; else 0. */
size_t csh_utf8_length(const char *string);

/* U+0000 to U+001F, U+007F, and U+0080 to U+009F, which some terminals obey
 * as they obey escape sequences. The string begins well-formed. */
bool csh_utf8_is_control(const char *string);

/* The same, and characters that change how their neighbours are shown without
 * showing themselves: the marks and overrides of direction (Unicode TR 9),
 * joiners, separators of lines, tags and the byte order mark. */
bool csh_utf8_is_hidden(const char *string);

#endif
