/*
 * utf8.c - see utf8.h. Owns nothing.
 */
#include "base/utf8.h"

#include <stdint.h>

#include "base/compiler.h"

size_t csh_utf8_length(const char *string)
{
    const unsigned char *s = (const unsigned char *)string;
    size_t n, i;

    if (s[0] < 0x80) {
        return 1;
    }
    n = (s[0] >= 0xf0) ? 4 : (s[0] >= 0xe0) ? 3 : 2;
    if ((s[0] < 0xc2) || (s[0] > 0xf4)) {
        return 0;
    }
    for (i = 1; i < n; ++i) {
        if ((s[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    if (((s[0] == 0xe0) && (s[1] < 0xa0)) ||
        ((s[0] == 0xed) && (s[1] > 0x9f)) ||
        ((s[0] == 0xf0) && (s[1] < 0x90)) ||
        ((s[0] == 0xf4) && (s[1] > 0x8f))) {
        return 0;
    }
    return n;
}

bool csh_utf8_is_control(const char *string)
{
    const unsigned char *s = (const unsigned char *)string;

    return (s[0] < ' ') || (s[0] == 0x7f) ||
           ((s[0] == 0xc2) && (s[1] < 0xa0));
}

static uint32_t decoded(const char *string)
{
    static const unsigned char first[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    size_t n = csh_utf8_length(string), i;
    uint32_t character = (unsigned char)string[0] & first[n];

    for (i = 1; i < n; ++i) {
        character = character << 6 | ((unsigned char)string[i] & 0x3f);
    }
    return character;
}

bool csh_utf8_is_hidden(const char *string)
{
    static const struct { uint32_t from, to; } hidden[] = {
        {0x00ad, 0x00ad}, {0x061c, 0x061c}, {0x180e, 0x180e},
        {0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x206f},
        {0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0xe0000, 0xe007f},
    };
    uint32_t character;
    size_t i;

    if (csh_utf8_is_control(string)) {
        return true;
    }
    character = decoded(string);
    for (i = 0; i < CSH_ARRAY_LENGTH(hidden); ++i) {
        if ((character >= hidden[i].from) && (character <= hidden[i].to)) {
            return true;
        }
    }
    return false;
}
