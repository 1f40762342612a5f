/*
 * safetensors.c - from the header of a .safetensors file to tensors. Owns what
 * it reads for the length of a call.
 */
#include "weights/headers.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LENGTH_BYTES 8

struct reading {
    struct csh_json *json;
    struct csh_tensors *tensors;
};

/* Bits of an element; 0 for a type that is not known here. */
static unsigned element_bits(const char *dtype)
{
    static const struct {
        const char *name;
        unsigned bits;
    } types[] = {{"F64", 64}, {"I64", 64}, {"U64", 64}, {"C64", 64},
                 {"F32", 32}, {"I32", 32}, {"U32", 32}, {"F16", 16},
                 {"BF16", 16}, {"I16", 16}, {"U16", 16}, {"F8_E5M2", 8},
                 {"F8_E4M3", 8}, {"F8_E8M0", 8}, {"I8", 8}, {"U8", 8},
                 {"BOOL", 8}, {"F6_E2M3", 6}, {"F6_E3M2", 6}, {"F4", 4}};
    size_t i;

    for (i = 0; i < CSH_ARRAY_LENGTH(types); ++i) {
        if (strcmp(types[i].name, dtype) == 0) {
            return types[i].bits;
        }
    }
    return 0;
}

/* Bits of a tensor of that shape; false if it is no shape or too large. */
static bool shape_bits(const struct reading *reading,
                       const struct csh_json_value *shape,
                       unsigned bits_each, uint64_t *bits_p)
{
    size_t i, n_extents = csh_json_length(reading->json, shape);
    uint64_t extent;

    *bits_p = bits_each;
    for (i = 0; i < n_extents; ++i) {
        if (!csh_json_number(reading->json,
                             csh_json_item(reading->json, shape, i),
                             &extent) ||
            !csh_tensors_multiply(*bits_p, extent, bits_p)) {
            return false;
        }
    }
    return csh_json_is_array(shape);
}

/* NULL, or what is wrong with an entry. */
static const char *entry_read(const struct reading *reading,
                              const struct csh_json_value *value,
                              uint64_t *begin_p, uint64_t *end_p)
{
    struct csh_json *json = reading->json;
    const struct csh_json_value *offsets, *shape;
    const char *dtype;
    unsigned bits_each;
    uint64_t bits;

    offsets = csh_json_member(json, value, "data_offsets");
    if (!csh_json_is_array(offsets) || (csh_json_length(json, offsets) != 2) ||
        !csh_json_number(json, csh_json_item(json, offsets, 0), begin_p) ||
        !csh_json_number(json, csh_json_item(json, offsets, 1), end_p)) {
        return "has no two data_offsets";
    }
    if (*begin_p > *end_p) {
        return "ends before it begins";
    }
    dtype = csh_json_string(json, csh_json_member(json, value, "dtype"));
    if (dtype == NULL) {
        return "has no dtype";
    }
    bits_each = element_bits(dtype);
    shape = csh_json_member(json, value, "shape");
    if (!shape_bits(reading, shape, (bits_each != 0) ? bits_each : 1,
                    &bits)) {
        return "has no shape, or one too large";
    }
    if ((bits_each != 0) && ((bits / 8 != *end_p - *begin_p) ||
                             (bits % 8 != 0))) {
        return "has other bytes than its dtype and shape make";
    }
    return NULL;
}

static bool tensor_read(void *opaque, const char *key,
                        const struct csh_json_value *value)
{
    struct reading *reading = opaque;
    uint64_t begin, end;
    const char *wrong;

    if (strcmp(key, "__metadata__") == 0) {
        return true;
    }
    wrong = entry_read(reading, value, &begin, &end);
    if (wrong != NULL) {
        csh_fault_note_tensor(&reading->tensors->fault, LENGTH_BYTES, key,
                              wrong);
        return true;
    }
    return csh_tensors_add(reading->tensors, key, strlen(key), begin,
                           end - begin, LENGTH_BYTES);
}

/* The length of the header, or 0 with a fault. */
static size_t header_length(const struct csh_bytes *bytes,
                            struct csh_fault *fault)
{
    uint8_t length[LENGTH_BYTES];
    uint64_t n = 0;
    int i;

    if (!csh_bytes_read(bytes, 0, length, sizeof(length))) {
        csh_fault_note(fault, 0, "shorter than a safetensors header");
        return 0;
    }
    for (i = LENGTH_BYTES - 1; i >= 0; --i) {
        n = (n << 8) | length[i];
    }
    if ((n < 2) || (n > CSH_MAX_JSON_BYTES)) {
        csh_fault_note(fault, 0,
                       "header of %" PRIu64 " bytes: 2 to %" PRIu64
                       " are read", n, CSH_MAX_JSON_BYTES);
        return 0;
    }
    if (n > bytes->n_bytes - LENGTH_BYTES) {
        csh_fault_note(fault, bytes->n_bytes,
                       "ends within its header of %" PRIu64 " bytes", n);
        return 0;
    }
    return (size_t)n;
}

/* Where the header speaks of the tensor of the first fault. Looked for once,
 * for a message: a place for each tensor would cost a pass over the text
 * each. */
static void place_fault(struct csh_fault *fault, const char *text, size_t n)
{
    const char *found = NULL;

    if (fault->about[0] != '\0') {
        found = memmem(text, n, fault->about, strlen(fault->about));
    }
    if (found != NULL) {
        fault->byte = LENGTH_BYTES + (uint64_t)(found - text);
    }
}

void csh_safetensors_read(const struct csh_bytes *bytes,
                          struct csh_json *json,
                          struct csh_tensors *tensors_p)
{
    struct csh_fault *fault = &tensors_p->fault;
    struct reading reading = {.json = json, .tensors = tensors_p};
    size_t n = header_length(bytes, fault);
    char *text = (n > 0) ? csh_json_text(bytes, LENGTH_BYTES, n, fault) : NULL;
    struct csh_json_value *header;

    if (text == NULL) {
        return;
    }
    header = csh_json_parse(json, text, n, LENGTH_BYTES, fault);
    if (header != NULL) {
        if (!csh_json_each_member(json, header, tensor_read, &reading)) {
            csh_fault_note(fault, LENGTH_BYTES, "the header is no JSON object");
        }
        csh_json_free(json, header);
        csh_tensors_finish(tensors_p, LENGTH_BYTES + n, bytes->n_bytes);
        place_fault(fault, text, n);
    }
    free(text);
}
