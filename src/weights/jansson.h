/*
 * jansson.h - jansson's functions, found by name when they are wanted.
 *
 * It cannot be linked: the shim may need nothing but libc, and the command
 * runs programs where it is missing. To be included by the files that read
 * with it, and by no header: without jansson's own header, CSH_HAS_JANSSON is
 * not defined and nothing is declared.
 */
#ifndef CSH_WEIGHTS_JANSSON_H
#define CSH_WEIGHTS_JANSSON_H

#include <stdbool.h>

#include "base/compiler.h"

#define CSH_JANSSON_LIBRARY "libjansson.so.4"

#if __has_include(<jansson.h>)
#include <jansson.h>
#define CSH_HAS_JANSSON 1

/* X(name): json_<name>, of the type that jansson.h gives it. */
#define CSH_JANSSON_FUNCTIONS(X) \
    X(loadb)                     \
    X(delete)                    \
    X(object_get)                \
    X(object_iter)               \
    X(object_iter_key)           \
    X(object_iter_next)          \
    X(object_iter_value)         \
    X(array_size)                \
    X(array_get)                 \
    X(string_value)              \
    X(integer_value)             \
    X(number_value)

struct csh_jansson {
    void *library; /* NULL: not loaded, and no function is there */
#define X(name_) __typeof__(json_##name_) *name_;
    CSH_JANSSON_FUNCTIONS(X)
#undef X
};

/* Whether every function was found. One that was loaded is to be unloaded, or
 * kept to the end of the process. */
CSH_MUST_CHECK bool csh_jansson_load(struct csh_jansson *jansson);
void csh_jansson_unload(struct csh_jansson *jansson); /* not loaded is fine */

#endif
#endif
