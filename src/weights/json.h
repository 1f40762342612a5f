/*
 * json.h - the JSON that model files hold, read by jansson.
 *
 * The library is loaded when a manifest is to be read, and only then. It
 * cannot be linked: the shim may need nothing but libc, and Debian's static
 * libjansson.a is made for executables (its code reaches `stdin` as no shared
 * object may) and calls __snprintf_chk and its like, which musl has not. Where
 * libjansson.so.4 is missing, what needs it is not read, and one line says so.
 *
 * Text is looked over before the library sees it: nesting and the number of
 * values are bounded, since it recurses and keeps every value; and fractions
 * and exponents are made empty strings, since it reads them by the program's
 * locale and asserts that this does not change meanwhile. No number here that
 * means anything has one.
 *
 * One thread at a time for one struct csh_json and its values.
 */
#ifndef CSH_WEIGHTS_JSON_H
#define CSH_WEIGHTS_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "weights/fault.h"

#define CSH_JSON_MAX_DEPTH 32
#define CSH_JSON_MAX_VALUES (UINT32_C(1) << 21)

struct csh_json;
struct csh_json_value;

/* Loads nothing yet. NULL when memory is short. */
struct csh_json *csh_json_open(void);
void csh_json_close(struct csh_json *json); /* NULL is fine */

/* The value that the n bytes are, to be freed, or NULL with a fault whose byte
 * counts from first_byte. A key that an object has twice is a fault; that there
 * is no library is none, and said once in a line of its own. Changes the
 * text. */
CSH_MUST_CHECK
struct csh_json_value *csh_json_parse(struct csh_json *json, char *text,
                                      size_t n, uint64_t first_byte,
                                      struct csh_fault *fault);
void csh_json_free(struct csh_json *json, struct csh_json_value *value);

/* What follows takes values of any type, and NULL. The results live as long
 * as the value that was parsed. */

/* False ends the walk. */
typedef bool csh_json_member_fn(void *opaque, const char *key,
                                const struct csh_json_value *value);
/* False if it is no object. */
bool csh_json_each_member(struct csh_json *json,
                          const struct csh_json_value *object,
                          csh_json_member_fn *member, void *opaque);
const struct csh_json_value *
csh_json_member(struct csh_json *json, const struct csh_json_value *object,
                const char *key);

bool csh_json_is_array(const struct csh_json_value *value);
size_t csh_json_length(struct csh_json *json,
                       const struct csh_json_value *array);
const struct csh_json_value *csh_json_item(struct csh_json *json,
                                           const struct csh_json_value *array,
                                           size_t i);

/* NULL if it is no string. */
const char *csh_json_string(struct csh_json *json,
                            const struct csh_json_value *value);
/* False if it is no integer, or below 0. */
CSH_MUST_CHECK
bool csh_json_number(struct csh_json *json,
                     const struct csh_json_value *value, uint64_t *number_p);

/* The look over the text, for tests: false with a fault if it goes too far. */
CSH_MUST_CHECK
bool csh_json_prepare(char *text, size_t n, uint64_t first_byte,
                      struct csh_fault *fault);

#endif
