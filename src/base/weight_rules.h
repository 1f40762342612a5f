/*
 * weight_rules.h - CUSHADOW_WEIGHTS as read: which uploads are weights.
 *
 * A list of rules, separated by commas:
 *
 *     learn          what no rule registers is learned: uploaded, then
 *                    offloaded
 *     all            every upload is registered
 *     file=GLOB      an upload from a mapping of such a file is registered
 *     manifest=GLOB  an upload of a tensor of such a model file is registered;
 *                    GLOB names files or folders
 *     min=SIZE       what is smaller is neither registered nor learned
 *     max=SIZE       what is larger is neither registered nor learned
 *     none           nothing is registered and nothing learned
 *
 * The list says all that happens: with `all`, file= or manifest= in it,
 * nothing else is learned unless `learn` is in it too. A list of bounds alone
 * bounds learning. `none` stands alone, a bound stands once, and min= is at
 * most max=; a list that breaks this is bad as a whole. A comma cannot be part
 * of a GLOB (`?` stands for any character); blanks are part of it.
 *
 * Owns nothing; the value is copied like any other of the options.
 */
#ifndef CSH_BASE_WEIGHT_RULES_H
#define CSH_BASE_WEIGHT_RULES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"

#define CSH_WEIGHT_RULES_BYTES 4096
#define CSH_MAX_WEIGHT_GLOBS 32 /* file= and manifest= together */

#define CSH_ACCEPTED_WEIGHTS                                            \
    "none, or a list, separated by commas, of: learn all file=GLOB "    \
    "manifest=GLOB min=SIZE max=SIZE; each bound once, min= at most max="

/* Where a pattern begins in the text; it ends with a NUL there. */
struct csh_weight_glob {
    bool is_manifest; /* else file= */
    uint16_t start;
};

struct csh_weight_rules {
    bool learns, registers_all;
    uint64_t min_bytes, max_bytes; /* 0 and UINT64_MAX: no bound */
    unsigned n_globs;
    struct csh_weight_glob globs[CSH_MAX_WEIGHT_GLOBS];
    char text[CSH_WEIGHT_RULES_BYTES]; /* each comma is a NUL */
};

/* As the parsers of parse.h: false, with *rules_p as it was, for a bad one. */
CSH_MUST_CHECK bool csh_parse_weights(const char *text,
                                      struct csh_weight_rules *rules_p);

#endif
