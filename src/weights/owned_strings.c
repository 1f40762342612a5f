/*
 * owned_strings.c - a program's names, copied once and kept.
 *
 * A set owns its strings and never gives one back: whoever prints a name may
 * do so at any time. Whoever owns the set locks it.
 */
#include "weights/owned_strings.h"

#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1 /* uthash would exit(-1) */
#include <uthash.h>

struct csh_owned_string {
    UT_hash_handle hh;
    char text[];
};

static struct csh_owned_string *new_string(const char *text, size_t n_chars)
{
    struct csh_owned_string *string = malloc(sizeof(*string) + n_chars + 1);

    if (string != NULL) {
        memset(string, 0, sizeof(*string));
        memcpy(string->text, text, n_chars + 1);
    }
    return string;
}

const char *csh_owned_strings_get(struct csh_owned_strings *strings,
                                  const char *text)
{
    struct csh_owned_string *string;
    size_t n_chars = strlen(text);

    HASH_FIND(hh, strings->by_text, text, n_chars, string);
    if (string == NULL) {
        string = new_string(text, n_chars);
        if (string == NULL) {
            return NULL;
        }
        HASH_ADD(hh, strings->by_text, text[0], n_chars, string);
        if (string->hh.tbl == NULL) { /* uthash had no memory */
            free(string);
            return NULL;
        }
    }
    return string->text;
}
