/*
 * owned_strings.h - a program's names, copied once and kept.
 */
#ifndef CSH_WEIGHTS_OWNED_STRINGS_H
#define CSH_WEIGHTS_OWNED_STRINGS_H

struct csh_owned_string;

/* A set of strings; NULL is the empty one. */
struct csh_owned_strings {
    struct csh_owned_string *by_text;
};

/* The set's copy of text, which lives as long as the set: equal texts get the
 * same pointer. NULL: no memory. */
const char *csh_owned_strings_get(struct csh_owned_strings *strings,
                                  const char *text);

#endif
