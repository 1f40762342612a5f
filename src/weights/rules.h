/*
 * rules.h - whether an upload is a weight, decided from facts alone.
 *
 * Pure functions of CUSHADOW_WEIGHTS as read and of what is known of one
 * upload. Grammar and meaning of the rules: base/weight_rules.h. Owns
 * nothing; any thread.
 */
#ifndef CSH_WEIGHTS_RULES_H
#define CSH_WEIGHTS_RULES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/statistics.h"
#include "base/weight_rules.h"

struct csh_weight_facts {
    uint64_t bytes;     /* of the upload */
    bool is_in_file;    /* the source lies in a mapping of a file that a
                           file= rule names (csh_weights_file_matches) */
    bool is_in_model;   /* it was recognised as a tensor, a piece of one or
                           several, of a file that a manifest= rule names */
};

struct csh_weight_decision {
    bool is_registered; /* captured at once */
    bool may_learn;     /* else a weight once it is offloaded; never both */
    enum csh_weight_rule rule; /* the one that decided; to be counted */
};

/* Bounds first, then the most telling rule that fits: manifest, file, all,
 * learn. */
struct csh_weight_decision
csh_weights_decide(const struct csh_weight_rules *rules,
                   const struct csh_weight_facts *facts);

/* Whether any file= rule names this file: a GLOB with a slash is held against
 * the whole path, one without against its last component. A `*` matches
 * slashes too. NULL matches nothing. */
bool csh_weights_file_matches(const struct csh_weight_rules *rules,
                              const char *path);

/* Whether the facts above are worth finding out at all. */
bool csh_weights_has_files(const struct csh_weight_rules *rules);
bool csh_weights_has_manifests(const struct csh_weight_rules *rules);

#endif
