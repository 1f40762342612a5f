/*
 * json.c - a thin layer over jansson's functions, found by name.
 *
 * Owns the handle of the library while a struct csh_json is open.
 */
#include "weights/json.h"

#include <stdlib.h>

#include "base/log.h"
#include "weights/jansson.h"

#ifdef CSH_HAS_JANSSON

struct csh_json {
    struct csh_jansson jansson;
    bool has_tried;
};

static const json_t *json_of(const struct csh_json_value *value)
{
    return (const json_t *)(const void *)value;
}

static const struct csh_json_value *value_of(const json_t *json)
{
    return (const struct csh_json_value *)(const void *)json;
}

/* At the first text. Whether it is there; if not, one line has said so. */
static bool load(struct csh_json *json)
{
    if (!json->has_tried) {
        json->has_tried = true;
        if (!csh_jansson_load(&json->jansson)) {
            csh_warn("weights", CSH_JANSSON_LIBRARY " cannot be loaded: "
                                "safetensors files and indices are not read "
                                "(Debian: libjansson4)");
        }
    }
    return json->jansson.library != NULL;
}

struct csh_json *csh_json_open(void)
{
    return calloc(1, sizeof(struct csh_json));
}

void csh_json_close(struct csh_json *json)
{
    if (json == NULL) {
        return;
    }
    csh_jansson_unload(&json->jansson);
    free(json);
}

struct csh_json_value *csh_json_parse(struct csh_json *json, char *text,
                                      size_t n, uint64_t first_byte,
                                      struct csh_fault *fault)
{
    json_error_t error = {.position = 0};
    json_t *value;

    if (!csh_json_prepare(text, n, first_byte, fault) || !load(json)) {
        return NULL;
    }
    value = json->jansson.loadb(text, n, JSON_REJECT_DUPLICATES, &error);
    if (value == NULL) {
        csh_fault_note(fault,
                       first_byte + (uint64_t)(error.position > 0
                                                   ? error.position : 0),
                       "bad JSON: %.120s", error.text);
    }
    return (struct csh_json_value *)(void *)value;
}

/* A value that was parsed has one reference, ours. */
void csh_json_free(struct csh_json *json, struct csh_json_value *value)
{
    if (value != NULL) {
        json->jansson.delete((json_t *)(void *)value);
    }
}

bool csh_json_each_member(struct csh_json *json,
                          const struct csh_json_value *object,
                          csh_json_member_fn *member, void *opaque)
{
    json_t *members = (json_t *)(uintptr_t)json_of(object);
    void *iterator;

    if (!json_is_object(members)) {
        return false;
    }
    for (iterator = json->jansson.object_iter(members); iterator != NULL;
         iterator = json->jansson.object_iter_next(members, iterator)) {
        if (!member(opaque, json->jansson.object_iter_key(iterator),
                    value_of(json->jansson.object_iter_value(iterator)))) {
            break;
        }
    }
    return true;
}

const struct csh_json_value *
csh_json_member(struct csh_json *json, const struct csh_json_value *object,
                const char *key)
{
    return value_of(json->jansson.object_get(json_of(object), key));
}

bool csh_json_is_array(const struct csh_json_value *value)
{
    return json_is_array(json_of(value));
}

size_t csh_json_length(struct csh_json *json,
                       const struct csh_json_value *array)
{
    return json->jansson.array_size(json_of(array));
}

const struct csh_json_value *csh_json_item(struct csh_json *json,
                                           const struct csh_json_value *array,
                                           size_t i)
{
    return value_of(json->jansson.array_get(json_of(array), i));
}

const char *csh_json_string(struct csh_json *json,
                            const struct csh_json_value *value)
{
    return json->jansson.string_value(json_of(value));
}

bool csh_json_number(struct csh_json *json,
                     const struct csh_json_value *value, uint64_t *number_p)
{
    json_int_t number = json->jansson.integer_value(json_of(value));

    if (!json_is_integer(json_of(value)) || (number < 0)) {
        return false;
    }
    *number_p = (uint64_t)number;
    return true;
}

#else /* the headers were not there: nothing is parsed, so no value exists */

struct csh_json {
    bool has_said;
};

struct csh_json *csh_json_open(void)
{
    return calloc(1, sizeof(struct csh_json));
}

void csh_json_close(struct csh_json *json)
{
    free(json);
}

struct csh_json_value *csh_json_parse(struct csh_json *json, char *text,
                                      size_t n, uint64_t first_byte,
                                      struct csh_fault *fault)
{
    (void)text, (void)n, (void)first_byte, (void)fault;
    if (!json->has_said) {
        csh_warn("weights", "built without jansson: safetensors files and "
                            "indices are not read");
        json->has_said = true;
    }
    return NULL;
}

void csh_json_free(struct csh_json *json, struct csh_json_value *value)
{
    (void)json, (void)value;
}

bool csh_json_each_member(struct csh_json *json,
                          const struct csh_json_value *object,
                          csh_json_member_fn *member, void *opaque)
{
    (void)json, (void)object, (void)member, (void)opaque;
    return false;
}

const struct csh_json_value *
csh_json_member(struct csh_json *json, const struct csh_json_value *object,
                const char *key)
{
    (void)json, (void)object, (void)key;
    return NULL;
}

bool csh_json_is_array(const struct csh_json_value *value)
{
    (void)value;
    return false;
}

size_t csh_json_length(struct csh_json *json,
                       const struct csh_json_value *array)
{
    (void)json, (void)array;
    return 0;
}

const struct csh_json_value *csh_json_item(struct csh_json *json,
                                           const struct csh_json_value *array,
                                           size_t i)
{
    (void)json, (void)array, (void)i;
    return NULL;
}

const char *csh_json_string(struct csh_json *json,
                            const struct csh_json_value *value)
{
    (void)json, (void)value;
    return NULL;
}

bool csh_json_number(struct csh_json *json,
                     const struct csh_json_value *value, uint64_t *number_p)
{
    (void)json, (void)value, (void)number_p;
    return false;
}
#endif
