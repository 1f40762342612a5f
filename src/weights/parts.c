/*
 * parts.c - the two kinds of JSON that tell what a model is made of. Owns what
 * it reads for the length of a call.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "weights/headers.h"

struct reading {
    struct csh_json *json;
    csh_part_fn *part;
    void *opaque;
    struct csh_fault *fault;
    const char *before; /* the shard of the tensor before this one */
};

char *csh_json_text(const struct csh_bytes *bytes, uint64_t offset, size_t n,
                    struct csh_fault *fault)
{
    char *text = malloc(n + 1);

    if (text == NULL) {
        csh_fault_note(fault, offset, "memory is short");
    } else if (!csh_bytes_read(bytes, offset, text, n)) {
        csh_fault_note(fault, offset, "%zu bytes from here cannot be read",
                       n);
        free(text);
        text = NULL;
    }
    return text;
}

/* The value of a whole file, to be freed; NULL with a fault. */
static struct csh_json_value *read_file(const struct csh_bytes *bytes,
                                        struct csh_json *json,
                                        struct csh_fault *fault)
{
    struct csh_json_value *value;
    char *text;

    if (bytes->n_bytes > CSH_MAX_JSON_BYTES) {
        csh_fault_note(fault, CSH_MAX_JSON_BYTES,
                       "JSON of %" PRIu64 " bytes: %" PRIu64 " are read",
                       bytes->n_bytes, CSH_MAX_JSON_BYTES);
        return NULL;
    }
    text = csh_json_text(bytes, 0, (size_t)bytes->n_bytes, fault);
    if (text == NULL) {
        return NULL;
    }
    value = csh_json_parse(json, text, (size_t)bytes->n_bytes, 0, fault);
    free(text);
    return value;
}

/* Whether a name is of something in the same folder: a manifest must not lead
 * anywhere else. */
static bool is_plain_name(const char *name)
{
    return (name[0] != '\0') && (strchr(name, '/') == NULL) &&
           (strcmp(name, ".") != 0) && (strcmp(name, "..") != 0);
}

static bool shard_read(void *opaque, const char *key,
                       const struct csh_json_value *value)
{
    struct reading *reading = opaque;
    const char *name = csh_json_string(reading->json, value);

    if ((name == NULL) || !is_plain_name(name)) {
        csh_fault_note_tensor(reading->fault, 0, key,
                              "is in no file of this folder");
        return true;
    }
    if ((reading->before != NULL) && (strcmp(reading->before, name) == 0)) {
        return true;
    }
    reading->before = name;
    return reading->part(reading->opaque, name);
}

void csh_shard_index_read(const struct csh_bytes *bytes,
                          struct csh_json *json, csh_part_fn *shard,
                          void *opaque, struct csh_fault *fault)
{
    struct csh_json_value *index = read_file(bytes, json, fault);
    struct reading reading = {json, shard, opaque, fault, NULL};

    if (index == NULL) {
        return;
    }
    if (!csh_json_each_member(json, csh_json_member(json, index, "weight_map"),
                              shard_read, &reading)) {
        csh_fault_note(fault, 0, "has no weight_map");
    }
    csh_json_free(json, index);
}

static bool component_read(void *opaque, const char *key,
                           const struct csh_json_value *value)
{
    struct reading *reading = opaque;

    if ((csh_json_length(reading->json, value) != 2) ||
        (csh_json_string(reading->json,
                         csh_json_item(reading->json, value, 0)) == NULL)) {
        return true; /* a setting, or a component that is not there */
    }
    if (!is_plain_name(key)) {
        csh_fault_note(reading->fault, 0, "component %.100s is no folder",
                       key);
        return true;
    }
    return reading->part(reading->opaque, key);
}

void csh_pipeline_read(const struct csh_bytes *bytes, struct csh_json *json,
                       csh_part_fn *component, void *opaque,
                       struct csh_fault *fault)
{
    struct csh_json_value *pipeline = read_file(bytes, json, fault);
    struct reading reading = {json, component, opaque, fault, NULL};

    if (pipeline == NULL) {
        return;
    }
    if (!csh_json_each_member(json, pipeline, component_read, &reading)) {
        csh_fault_note(fault, 0, "is no JSON object");
    }
    csh_json_free(json, pipeline);
}
