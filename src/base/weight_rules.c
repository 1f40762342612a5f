/*
 * weight_rules.c - the parser of CUSHADOW_WEIGHTS. Owns nothing; no lock.
 */
#include "base/weight_rules.h"

#include <stddef.h>
#include <string.h>

#include "base/parse.h"

/* What has been seen while the list is read. */
struct reading {
    struct csh_weight_rules *rules;
    bool has_learn, has_none, has_min, has_max;
};

/* The value behind "name=", or NULL if the item is another. */
static const char *value_of(const char *item, const char *name)
{
    size_t n_name = strcspn(item, "=");

    if ((item[n_name] == '\0') || !csh_parse_is_word(item, n_name, name)) {
        return NULL;
    }
    return item + n_name + 1;
}

static bool is(const char *item, const char *word)
{
    return csh_parse_is_word(item, strlen(item), word);
}

static bool read_bound(const char *value, bool *has_bound, uint64_t *bytes_p)
{
    if (*has_bound) {
        return false;
    }
    *has_bound = true;
    return csh_parse_size(value, bytes_p);
}

static bool read_glob(struct csh_weight_rules *rules, const char *value,
                      bool is_manifest)
{
    struct csh_weight_glob *glob;

    if ((value[0] == '\0') || (rules->n_globs == CSH_MAX_WEIGHT_GLOBS)) {
        return false;
    }
    glob = &rules->globs[rules->n_globs++];
    glob->is_manifest = is_manifest;
    glob->start = (uint16_t)(value - rules->text);
    return true;
}

static bool read_item(struct reading *reading, const char *item)
{
    struct csh_weight_rules *rules = reading->rules;
    const char *value;

    if (is(item, "learn")) {
        reading->has_learn = true;
    } else if (is(item, "all")) {
        rules->registers_all = true;
    } else if (is(item, "none")) {
        reading->has_none = true;
    } else if ((value = value_of(item, "min")) != NULL) {
        return read_bound(value, &reading->has_min, &rules->min_bytes);
    } else if ((value = value_of(item, "max")) != NULL) {
        return read_bound(value, &reading->has_max, &rules->max_bytes);
    } else if ((value = value_of(item, "file")) != NULL) {
        return read_glob(rules, value, false);
    } else if ((value = value_of(item, "manifest")) != NULL) {
        return read_glob(rules, value, true);
    } else {
        return false;
    }
    return true;
}

static bool read_list(struct reading *reading)
{
    struct csh_weight_rules *rules = reading->rules;
    char *item = rules->text, *comma;
    unsigned n_items = 0;

    do {
        comma = strchr(item, ',');
        if (comma != NULL) {
            *comma = '\0';
        }
        if (!read_item(reading, item)) {
            return false;
        }
        ++n_items;
        item = (comma != NULL) ? comma + 1 : NULL;
    } while (item != NULL);
    rules->learns = reading->has_learn ||
                    (!reading->has_none && !rules->registers_all &&
                     (rules->n_globs == 0));
    return (!reading->has_none || (n_items == 1)) &&
           (rules->min_bytes <= rules->max_bytes);
}

bool csh_parse_weights(const char *text, struct csh_weight_rules *rules_p)
{
    size_t n_bytes = strnlen(text, CSH_WEIGHT_RULES_BYTES);
    struct csh_weight_rules rules = {.max_bytes = UINT64_MAX};
    struct reading reading = {.rules = &rules};

    if (n_bytes == CSH_WEIGHT_RULES_BYTES) {
        return false;
    }
    memcpy(rules.text, text, n_bytes + 1);
    if (!read_list(&reading)) {
        return false;
    }
    *rules_p = rules;
    return true;
}
