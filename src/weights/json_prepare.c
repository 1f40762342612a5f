/*
 * json_prepare.c - the look over JSON text before a library sees it. Checks
 * no grammar: what is wrong stays wrong, and the library says so. Owns
 * nothing.
 */
#include <string.h>

#include "weights/json.h"

/* The end of the string that begins at text[at], behind its quote; n if it
 * does not end. */
static size_t end_of_string(const char *text, size_t n, size_t at)
{
    for (++at; (at < n) && (text[at] != '"'); ++at) {
        if (text[at] == '\\') {
            ++at;
        }
    }
    return (at < n) ? at + 1 : n;
}

static bool is_of_number(char c)
{
    return ((c >= '0') && (c <= '9')) || (c == '-') || (c == '+') ||
           (c == '.') || (c == 'e') || (c == 'E');
}

/* The end of the number at text[at]; one with a fraction or an exponent, of
 * three characters at least, is made an empty string and blanks. */
static size_t end_of_number(char *text, size_t n, size_t at)
{
    bool is_whole = true;
    size_t end = at;

    for (; (end < n) && is_of_number(text[end]); ++end) {
        is_whole = is_whole && (strchr(".eE", text[end]) == NULL);
    }
    if (!is_whole && (end - at >= 3)) {
        memset(text + at, ' ', end - at);
        text[at] = text[at + 1] = '"';
    }
    return end;
}

bool csh_json_prepare(char *text, size_t n, uint64_t first_byte,
                      struct csh_fault *fault)
{
    uint32_t n_values = 0, depth = 0;
    size_t at = 0;

    while (at < n) {
        char c = text[at];

        if (c == '"') {
            at = end_of_string(text, n, at);
            continue;
        }
        if ((c == '-') || ((c >= '0') && (c <= '9'))) {
            at = end_of_number(text, n, at);
            continue;
        }
        if (((c == '{') || (c == '[')) && (++depth > CSH_JSON_MAX_DEPTH)) {
            csh_fault_note(fault, first_byte + at,
                           "JSON nested deeper than %d", CSH_JSON_MAX_DEPTH);
            return false;
        }
        depth -= ((c == '}') || (c == ']')) && (depth > 0);
        n_values += (c == ',');
        if (n_values == CSH_JSON_MAX_VALUES) {
            csh_fault_note(fault, first_byte + at,
                           "JSON of more than %u values",
                           CSH_JSON_MAX_VALUES);
            return false;
        }
        ++at;
    }
    return true;
}
