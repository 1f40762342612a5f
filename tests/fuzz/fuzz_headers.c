/*
 * fuzz_headers.c - headers of model files, chosen by a fuzzer's bytes.
 *
 * The first byte chooses a reader, the rest is the file. Besides what the
 * sanitizers find, it aborts when a reader asks for bytes outside the file,
 * or when a list that it made breaks a promise of tensors.h: every entry
 * within the file and not empty, in order, none overlapping another, names
 * sound and each there once, a fault within the file.
 */
#include "fuzz.h"

#include <string.h>

#include "weights/headers.h"

static struct csh_json *json;

/* A file in memory of exactly its size, so that ASan sees its end. */
struct image {
    uint8_t *bytes;
    size_t n_bytes;
};

static bool image_read(void *opaque, uint64_t offset, void *to_p, size_t n)
{
    const struct image *image = opaque;

    PROMISE(offset <= image->n_bytes && n <= image->n_bytes - offset);
    if (n > 0) {
        memcpy(to_p, image->bytes + offset, n);
    }
    return true;
}

static void check_fault(const struct csh_fault *fault, uint64_t n_file)
{
    PROMISE(fault->n_faults == 0 || fault->byte <= n_file + 1);
    PROMISE(memchr(fault->text, '\0', sizeof(fault->text)) != NULL);
    PROMISE((fault->n_faults == 0) == (fault->text[0] == '\0'));
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void check_names(const struct csh_tensors *tensors)
{
    char **names = calloc(tensors->n_entries + 1, sizeof(*names));
    size_t i;

    for (i = 0; i < tensors->n_entries; ++i) {
        PROMISE(tensors->entries[i].name < tensors->n_names);
        names[i] = tensors->names + tensors->entries[i].name;
        PROMISE(names[i][0] != '\0' &&
                strlen(names[i]) <= CSH_MAX_TENSOR_NAME);
    }
    qsort(names, tensors->n_entries, sizeof(*names), by_name);
    for (i = 1; i < tensors->n_entries; ++i) {
        PROMISE(strcmp(names[i - 1], names[i]) != 0);
    }
    free(names);
}

static void check_tensors(const struct csh_tensors *tensors, uint64_t n_file)
{
    const struct csh_tensor_entry *entry = tensors->entries;
    uint64_t end = 0;
    size_t i;

    for (i = 0; i < tensors->n_entries; ++i, ++entry) {
        PROMISE(entry->bytes > 0);
        PROMISE(entry->start >= end && entry->start <= n_file);
        PROMISE(entry->bytes <= n_file - entry->start);
        end = entry->start + entry->bytes;
    }
    check_names(tensors);
    check_fault(&tensors->fault, n_file);
}

/* Only plain names may come. */
static bool take_part(void *opaque, const char *name)
{
    unsigned *n_left = opaque;

    PROMISE(name[0] != '\0' && strchr(name, '/') == NULL &&
            strcmp(name, "..") != 0 && strcmp(name, ".") != 0);
    return (*n_left)-- > 0;
}

static void read_as(unsigned kind, const struct csh_bytes *file)
{
    struct csh_tensors tensors = {.n_entries = 0};
    unsigned n_left = 100;

    switch (kind) {
    case 0:
        csh_safetensors_read(file, json, &tensors);
        break;
    case 1:
        csh_gguf_read(file, &tensors);
        break;
    case 2:
        csh_shard_index_read(file, json, take_part, &n_left, &tensors.fault);
        break;
    default:
        csh_pipeline_read(file, json, take_part, &n_left, &tensors.fault);
        break;
    }
    check_tensors(&tensors, file->n_bytes);
    csh_tensors_clear(&tensors);
}

void fuzz_begin(void)
{
    json = csh_json_open();
}

/* With 'J' the rest is a safetensors header without its length, before 64
 * bytes of data: a length that fits is hard to come by. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    static const char kinds[] = "SGIPJ";
    uint64_t n_rest = n_bytes - 1;
    const char *kind;
    struct image image;
    struct csh_bytes file;
    size_t n_before = 0;

    kind = (n_bytes > 0) ? memchr(kinds, bytes[0], strlen(kinds)) : NULL;
    if (kind == NULL) {
        return -1; /* not for the corpus */
    }
    image.n_bytes = (size_t)n_rest;
    if (*kind == 'J') {
        n_before = sizeof(n_rest);
        image.n_bytes += n_before + 64;
    }
    image.bytes = calloc(1, image.n_bytes + (image.n_bytes == 0));
    PROMISE(image.bytes != NULL);
    memcpy(image.bytes, &n_rest, n_before);
    memcpy(image.bytes + n_before, bytes + 1, (size_t)n_rest);
    file = (struct csh_bytes){image_read, &image, image.n_bytes};
    read_as((*kind == 'J') ? 0 : (unsigned)(kind - kinds), &file);
    free(image.bytes);
    return 0;
}
