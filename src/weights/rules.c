/*
 * rules.c - the decision table of CUSHADOW_WEIGHTS. Owns nothing and
 * remembers nothing. Read it from the top: the first line that fits decides.
 */
#include "weights/rules.h"

#include <fnmatch.h>
#include <string.h>

static struct csh_weight_decision registered(enum csh_weight_rule rule)
{
    return (struct csh_weight_decision){true, false, rule};
}

static struct csh_weight_decision ignored(enum csh_weight_rule rule)
{
    return (struct csh_weight_decision){false, false, rule};
}

static bool has_globs(const struct csh_weight_rules *rules, bool is_manifest)
{
    unsigned i;

    for (i = 0; i < rules->n_globs; ++i) {
        if (rules->globs[i].is_manifest == is_manifest) {
            return true;
        }
    }
    return false;
}

bool csh_weights_has_files(const struct csh_weight_rules *rules)
{
    return has_globs(rules, false);
}

bool csh_weights_has_manifests(const struct csh_weight_rules *rules)
{
    return has_globs(rules, true);
}

struct csh_weight_decision
csh_weights_decide(const struct csh_weight_rules *rules,
                   const struct csh_weight_facts *facts)
{
    if (!rules->learns && !rules->registers_all && (rules->n_globs == 0)) {
        return ignored(CSH_WEIGHT_RULE_none);
    }
    if (facts->bytes < rules->min_bytes) {
        return ignored(CSH_WEIGHT_RULE_min);
    }
    if (facts->bytes > rules->max_bytes) {
        return ignored(CSH_WEIGHT_RULE_max);
    }
    if (facts->is_in_model && csh_weights_has_manifests(rules)) {
        return registered(CSH_WEIGHT_RULE_manifest);
    }
    if (facts->is_in_file && csh_weights_has_files(rules)) {
        return registered(CSH_WEIGHT_RULE_file);
    }
    if (rules->registers_all) {
        return registered(CSH_WEIGHT_RULE_all);
    }
    if (rules->learns) {
        return (struct csh_weight_decision){false, true,
                                            CSH_WEIGHT_RULE_learn};
    }
    return ignored(CSH_WEIGHT_RULE_unmatched);
}

bool csh_weights_file_matches(const struct csh_weight_rules *rules,
                              const char *path)
{
    const char *slash, *glob, *against;
    unsigned i;

    if (path == NULL) {
        return false;
    }
    slash = strrchr(path, '/');
    for (i = 0; i < rules->n_globs; ++i) {
        glob = rules->text + rules->globs[i].start;
        against = ((slash != NULL) && (strchr(glob, '/') == NULL)) ? slash + 1
                                                                   : path;
        if (!rules->globs[i].is_manifest &&
            (fnmatch(glob, against, 0) == 0)) {
            return true;
        }
    }
    return false;
}
