/*
 * report_json.c - jansson's functions by name. Owns the library's handle,
 * which is kept to the end of the process.
 */
#include "cli/report_json.h"

#include <stdio.h>
#include <string.h>

#include "weights/jansson.h"

#ifdef CSH_HAS_JANSSON

static struct csh_jansson jansson;

static const json_t *json_of(const struct csh_input_node *node)
{
    return (const json_t *)(const void *)node;
}

static const struct csh_input_node *node_of(const json_t *json)
{
    return (const struct csh_input_node *)(const void *)json;
}

bool csh_input_load(const char **why_p)
{
    *why_p = CSH_JANSSON_LIBRARY " cannot be loaded (Debian: libjansson4)";
    return csh_jansson_load(&jansson);
}

struct csh_input_node *csh_input_read(const char *text, size_t n_bytes,
                                    char *why_p, size_t why_bytes)
{
    json_error_t error = {.text = ""};
    json_t *json = jansson.loadb(text, n_bytes, JSON_REJECT_DUPLICATES,
                                 &error);

    if (json == NULL) {
        snprintf(why_p, why_bytes, "%s", error.text);
    }
    return (struct csh_input_node *)(void *)json;
}

/* What was read has one reference, ours. */
void csh_input_release(struct csh_input_node *node)
{
    if (node != NULL) {
        jansson.delete((json_t *)(void *)node);
    }
}

bool csh_input_is_object(const struct csh_input_node *node)
{
    return json_is_object(json_of(node));
}

bool csh_input_is_array(const struct csh_input_node *node)
{
    return json_is_array(json_of(node));
}

const struct csh_input_node *csh_input_get(const struct csh_input_node *object,
                                         const char *key)
{
    return node_of(jansson.object_get(json_of(object), key));
}

size_t csh_input_size(const struct csh_input_node *array)
{
    return jansson.array_size(json_of(array));
}

const struct csh_input_node *csh_input_at(const struct csh_input_node *array,
                                        size_t i)
{
    return node_of(jansson.array_get(json_of(array), i));
}

const char *csh_input_text(const struct csh_input_node *node)
{
    const char *text = jansson.string_value(json_of(node));

    return text != NULL ? text : "";
}

uint64_t csh_input_count(const struct csh_input_node *node)
{
    json_int_t number = jansson.integer_value(json_of(node));

    return number > 0 ? (uint64_t)number : 0;
}

uint64_t csh_input_thousandths(const struct csh_input_node *node)
{
    double number = jansson.number_value(json_of(node));

    if (!(number > 0) || number >= 9007199254740992.0) {
        return 0;
    }
    return (uint64_t)(number * 1000 + 0.5);
}

void csh_input_each(const struct csh_input_node *object,
                   csh_input_pair_fn *pair, void *opaque)
{
    json_t *members = (json_t *)(uintptr_t)json_of(object);
    void *at;

    if (!json_is_object(members)) {
        return;
    }
    for (at = jansson.object_iter(members); at != NULL;
         at = jansson.object_iter_next(members, at)) {
        pair(opaque, jansson.object_iter_key(at),
             node_of(jansson.object_iter_value(at)));
    }
}

#else /* the headers were not there: no value exists */

bool csh_input_load(const char **why_p)
{
    *why_p = "built without jansson, which reads the files";
    return false;
}

struct csh_input_node *csh_input_read(const char *text, size_t n_bytes,
                                    char *why_p, size_t why_bytes)
{
    (void)text, (void)n_bytes;
    snprintf(why_p, why_bytes, "built without jansson");
    return NULL;
}

void csh_input_release(struct csh_input_node *node)
{
    (void)node;
}

bool csh_input_is_object(const struct csh_input_node *node)
{
    (void)node;
    return false;
}

bool csh_input_is_array(const struct csh_input_node *node)
{
    (void)node;
    return false;
}

const struct csh_input_node *csh_input_get(const struct csh_input_node *object,
                                         const char *key)
{
    (void)object, (void)key;
    return NULL;
}

size_t csh_input_size(const struct csh_input_node *array)
{
    (void)array;
    return 0;
}

const struct csh_input_node *csh_input_at(const struct csh_input_node *array,
                                        size_t i)
{
    (void)array, (void)i;
    return NULL;
}

const char *csh_input_text(const struct csh_input_node *node)
{
    (void)node;
    return "";
}

uint64_t csh_input_count(const struct csh_input_node *node)
{
    (void)node;
    return 0;
}

uint64_t csh_input_thousandths(const struct csh_input_node *node)
{
    (void)node;
    return 0;
}

void csh_input_each(const struct csh_input_node *object,
                   csh_input_pair_fn *pair, void *opaque)
{
    (void)object, (void)pair, (void)opaque;
}
#endif
