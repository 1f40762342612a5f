/*
 * json.c - a thin layer over jansson's functions, found by name.
 *
 * Owns the handle of the library while a struct csh_json is open.
 */
#include "weights/json.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

#if __has_include(<jansson.h>)
#include <jansson.h>

#define LIBRARY "libjansson.so.4"

/* X(name): json_<name>, of the type that jansson.h gives it. */
#define FUNCTIONS(X)    \
    X(loadb)            \
    X(delete)           \
    X(object_get)       \
    X(object_iter)      \
    X(object_iter_key)  \
    X(object_iter_next) \
    X(object_iter_value) \
    X(array_size)       \
    X(array_get)        \
    X(string_value)     \
    X(integer_value)

struct csh_json {
    void *library; /* NULL: not loaded yet, or not there */
    bool has_tried;
#define X(name_) __typeof__(json_##name_) *name_;
    FUNCTIONS(X)
#undef X
};

static const json_t *json_of(const struct csh_json_value *value)
{
    return (const json_t *)(const void *)value;
}

static const struct csh_json_value *value_of(const json_t *json)
{
    return (const struct csh_json_value *)(const void *)json;
}

/* Whether every function was found. */
static bool find_functions(struct csh_json *json)
{
    bool has_all = true;
    void *found;

#define X(name_)                                            \
    found = dlsym(json->library, "json_" #name_);           \
    memcpy(&json->name_, &found, sizeof(found));            \
    has_all = has_all && (found != NULL);
    FUNCTIONS(X)
#undef X
    return has_all;
}

/* At the first text. Whether it is there; if not, one line has said so. */
static bool load(struct csh_json *json)
{
    if (json->has_tried) {
        return json->library != NULL;
    }
    json->has_tried = true;
    json->library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if ((json->library != NULL) && !find_functions(json)) {
        dlclose(json->library);
        json->library = NULL;
    }
    if (json->library == NULL) {
        csh_warn("weights", LIBRARY " cannot be loaded: safetensors files "
                            "and indices are not read (Debian: libjansson4)");
    }
    return json->library != NULL;
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
    if (json->library != NULL) {
        dlclose(json->library);
    }
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
    value = json->loadb(text, n, JSON_REJECT_DUPLICATES, &error);
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
        json->delete((json_t *)(void *)value);
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
    for (iterator = json->object_iter(members); iterator != NULL;
         iterator = json->object_iter_next(members, iterator)) {
        if (!member(opaque, json->object_iter_key(iterator),
                    value_of(json->object_iter_value(iterator)))) {
            break;
        }
    }
    return true;
}

const struct csh_json_value *
csh_json_member(struct csh_json *json, const struct csh_json_value *object,
                const char *key)
{
    return value_of(json->object_get(json_of(object), key));
}

bool csh_json_is_array(const struct csh_json_value *value)
{
    return json_is_array(json_of(value));
}

size_t csh_json_length(struct csh_json *json,
                       const struct csh_json_value *array)
{
    return json->array_size(json_of(array));
}

const struct csh_json_value *csh_json_item(struct csh_json *json,
                                           const struct csh_json_value *array,
                                           size_t i)
{
    return value_of(json->array_get(json_of(array), i));
}

const char *csh_json_string(struct csh_json *json,
                            const struct csh_json_value *value)
{
    return json->string_value(json_of(value));
}

bool csh_json_number(struct csh_json *json,
                     const struct csh_json_value *value, uint64_t *number_p)
{
    json_int_t number = json->integer_value(json_of(value));

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
