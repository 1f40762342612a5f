/*
 * report_json.h - jansson, found when `cushadow report` wants it.
 *
 * The command is not linked to it: `cushadow run` must work where it is
 * missing. One thread.
 */
#ifndef CSH_CLI_REPORT_JSON_H
#define CSH_CLI_REPORT_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

struct csh_input_node; /* a value; NULL is one that is not there */

/* False: it is not to be had, and *why_p says so. */
CSH_MUST_CHECK bool csh_input_load(const char **why_p);

/* The value of the whole text, to be freed; or NULL, with a sentence in
 * why_p, of at most so many bytes. */
struct csh_input_node *csh_input_read(const char *text, size_t n_bytes,
                                    char *why_p, size_t why_bytes);
void csh_input_release(struct csh_input_node *node); /* NULL is fine */

/* What follows takes any value, and NULL. Results live as long as what was
 * read. */
bool csh_input_is_object(const struct csh_input_node *node);
bool csh_input_is_array(const struct csh_input_node *node);
const struct csh_input_node *csh_input_get(const struct csh_input_node *object,
                                         const char *key);
size_t csh_input_size(const struct csh_input_node *array); /* of no array: 0 */
const struct csh_input_node *csh_input_at(const struct csh_input_node *array,
                                        size_t i);
/* "" if it is no string. */
const char *csh_input_text(const struct csh_input_node *node);
/* 0 if it is no whole number, or below 0. */
uint64_t csh_input_count(const struct csh_input_node *node);
/* Thousandths of a number: 0 if it is none, is negative, or of 2^53 or more. */
uint64_t csh_input_thousandths(const struct csh_input_node *node);

typedef void csh_input_pair_fn(void *opaque, const char *key,
                              const struct csh_input_node *value);
/* Nothing if it is no object. */
void csh_input_each(const struct csh_input_node *object,
                   csh_input_pair_fn *pair, void *opaque);

#endif
