/*
 * swap_model.c - reads .safetensors files.
 *
 * The format: 8 bytes little-endian header size n, n bytes of JSON, data. The
 * JSON is an object of "name": {"dtype", "shape", "data_offsets": [begin,
 * end]}, offsets counted from the data's first byte, and an optional
 * "__metadata__". Nothing in the file is trusted: sizes and offsets are
 * checked against the file, and shape times dtype against the offsets. The
 * mapping is private and writable, as torch's own loader maps it. One thread.
 */
#include "swap_model.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SIZE_BYTES = 8 };
static const uint64_t header_limit = 100000000; /* the format's own limit */

struct dtype {
    const char *name;
    unsigned bytes;
};

static const struct dtype dtypes[] = {
    {"BOOL", 1}, {"U8", 1},  {"I8", 1},  {"F8_E4M3", 1}, {"F8_E5M2", 1},
    {"I16", 2},  {"U16", 2}, {"F16", 2}, {"BF16", 2},    {"I32", 4},
    {"U32", 4},  {"F32", 4}, {"F64", 8}, {"I64", 8},     {"U64", 8},
    {"C64", 8},
};

static bool refuse(const struct swap_model *model, const char *why)
{
    fprintf(stderr, "swap: %s: %s\n", model->path, why);
    return false;
}

static bool map_file(struct swap_model *model)
{
    int fd = open(model->path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    void *mapping;

    if (fd < 0 || fstat(fd, &status) < 0) {
        fprintf(stderr, "swap: %s: %m\n", model->path);
        if (fd >= 0) {
            close(fd);
        }
        return false;
    }
    if (!S_ISREG(status.st_mode) || status.st_size <= SIZE_BYTES) {
        close(fd);
        return refuse(model, "too short for a safetensors file");
    }

    mapping = mmap(NULL, (size_t)status.st_size, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE, fd, 0);
    close(fd);
    if (mapping == MAP_FAILED) {
        fprintf(stderr, "swap: %s: %m\n", model->path);
        return false;
    }
    model->mapping = mapping;
    model->mapping_bytes = (size_t)status.st_size;
    return true;
}

/* A non-negative element of an array of integers. */
static bool get_number(const json_t *array, size_t index, uint64_t *value_p)
{
    const json_t *number = json_array_get(array, index);

    if (!json_is_integer(number) || json_integer_value(number) < 0) {
        return false;
    }
    *value_p = (uint64_t)json_integer_value(number);
    return true;
}

/* Bytes that dtype and shape ask for; false if unknown or too large. */
static bool shape_bytes(const json_t *entry, uint64_t *bytes_p)
{
    const char *name = json_string_value(json_object_get(entry, "dtype"));
    const json_t *shape = json_object_get(entry, "shape");
    uint64_t bytes = 0, extent;
    size_t i;

    for (i = 0; name != NULL && i < sizeof(dtypes) / sizeof(*dtypes); i++) {
        if (strcmp(name, dtypes[i].name) == 0) {
            bytes = dtypes[i].bytes;
        }
    }
    if (bytes == 0 || !json_is_array(shape)) {
        return false;
    }
    for (i = 0; i < json_array_size(shape); i++) {
        if (!get_number(shape, i, &extent) ||
            __builtin_mul_overflow(bytes, extent, &bytes)) {
            return false;
        }
    }
    *bytes_p = bytes;
    return true;
}

static bool add_tensor(struct swap_model *model, const char *name,
                       const json_t *entry, uint64_t data_begin)
{
    const json_t *offsets = json_object_get(entry, "data_offsets");
    uint64_t room = model->mapping_bytes - data_begin, begin, end, expected;
    struct swap_tensor *tensor = &model->tensors[model->n_tensors];

    if (json_array_size(offsets) != 2 || !get_number(offsets, 0, &begin) ||
        !get_number(offsets, 1, &end) || begin > end || end > room) {
        return refuse(model, "a tensor lies outside the file");
    }
    if (!shape_bytes(entry, &expected) || expected != end - begin) {
        return refuse(model, "a tensor's size is not dtype times shape");
    }
    if (begin == end) {
        return true; /* nothing to move */
    }

    tensor->name = strdup(name);
    if (tensor->name == NULL) {
        return refuse(model, "out of memory");
    }
    tensor->bytes = end - begin;
    tensor->host = (char *)model->mapping + data_begin + begin;
    model->bytes += tensor->bytes;
    model->n_tensors++;
    return true;
}

static bool add_tensors(struct swap_model *model, json_t *header,
                        uint64_t data_begin)
{
    const char *name;
    json_t *entry;

    model->tensors =
        calloc(json_object_size(header) + 1, sizeof(*model->tensors));
    if (model->tensors == NULL) {
        return refuse(model, "out of memory");
    }
    json_object_foreach(header, name, entry)
    {
        if (strcmp(name, "__metadata__") != 0 &&
            !add_tensor(model, name, entry, data_begin)) {
            return false;
        }
    }
    return model->n_tensors > 0 || refuse(model, "it has no tensors");
}

static bool read_header(struct swap_model *model)
{
    const unsigned char *file = model->mapping;
    uint64_t header_bytes = 0;
    json_error_t error;
    json_t *header;
    bool good;
    int i;

    for (i = SIZE_BYTES - 1; i >= 0; i--) {
        header_bytes = header_bytes << 8 | file[i];
    }
    if (header_bytes > header_limit ||
        header_bytes > model->mapping_bytes - SIZE_BYTES) {
        return refuse(model, "not a safetensors file: its header is longer "
                             "than the file or the format allows");
    }

    header = json_loadb((const char *)file + SIZE_BYTES,
                        (size_t)header_bytes, JSON_REJECT_DUPLICATES, &error);
    if (!json_is_object(header)) {
        json_decref(header);
        return refuse(model, "its header is not a JSON object");
    }
    good = add_tensors(model, header, SIZE_BYTES + header_bytes);
    json_decref(header);
    return good;
}

bool swap_model_open(struct swap_model *model, const char *name,
                     const char *path)
{
    memset(model, 0, sizeof(*model));
    model->name = strdup(name);
    model->path = strdup(path);
    if (model->name == NULL || model->path == NULL) {
        fprintf(stderr, "swap: out of memory\n");
        swap_model_close(model);
        return false;
    }
    if (!map_file(model) || !read_header(model)) {
        swap_model_close(model);
        return false;
    }
    return true;
}

static bool is_mapped(const struct swap_model *model)
{
    return model->mapping != NULL;
}

static void unmap_file(struct swap_model *model)
{
    munmap(model->mapping, model->mapping_bytes);
    model->mapping = NULL;
    model->mapping_bytes = 0;
}

void swap_model_drop(struct swap_model *model, void **old)
{
    size_t i;

    if (is_mapped(model)) {
        unmap_file(model);
        return;
    }
    for (i = 0; i < model->n_tensors; i++) {
        free(old[i]);
    }
}

void swap_model_close(struct swap_model *model)
{
    size_t i;

    for (i = 0; i < model->n_tensors; i++) {
        if (!is_mapped(model)) {
            free(model->tensors[i].host);
        }
        free(model->tensors[i].name);
    }
    if (is_mapped(model)) {
        unmap_file(model);
    }
    free(model->tensors);
    free(model->name);
    free(model->path);
    memset(model, 0, sizeof(*model));
}
