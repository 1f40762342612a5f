/*
 * catalog.c - lists tensors, file by file, and sorts them for look-up. Owns
 * the catalog; see catalog.h.
 */
#include "weights/catalog.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/human.h"
#include "base/log.h"
#include "weights/headers.h"
#include "weights/search.h"

struct building {
    struct csh_catalog *catalog;
    struct csh_json *json;
};

static struct csh_listed_file *file_of_model(const struct csh_catalog *catalog,
                                             const char *model)
{
    uint32_t i;

    for (i = 0; i < catalog->n_files; ++i) {
        if (strcmp(catalog->files[i].model, model) == 0) {
            return &catalog->files[i];
        }
    }
    return NULL;
}

/* Whether two paths are in one folder. */
static bool is_in_folder_of(const char *path, const char *other)
{
    const char *slash = strrchr(other, '/');
    size_t n = (slash != NULL) ? (size_t)(slash - other) + 1 : 0;

    return (strncmp(path, other, n) == 0) && (strchr(path + n, '/') == NULL);
}

/* A name for the model, to be freed. Shards share the name of their index;
 * a model of the same name in another folder takes its whole path. */
static char *model_name(const struct csh_catalog *catalog, const char *path,
                        const char *model)
{
    const struct csh_listed_file *other = file_of_model(catalog, model);

    if ((other != NULL) && !is_in_folder_of(path, other->found_as)) {
        return strdup(path);
    }
    return strdup(model);
}

static bool is_listed(const struct csh_catalog *catalog,
                      const struct csh_file_id *id)
{
    uint32_t i;

    for (i = 0; i < catalog->n_files; ++i) {
        if ((catalog->files[i].id.device == id->device) &&
            (catalog->files[i].id.inode == id->inode)) {
            return true;
        }
    }
    return false;
}

/* Moves a list into the catalog, as one more file. False, with the catalog as
 * it was, if memory or room is short. */
static bool list_file(struct csh_catalog *catalog,
                      struct csh_tensors *tensors,
                      const struct csh_listed_file *file)
{
    struct csh_tensor *grown, *tensor;
    size_t i;

    if (tensors->n_entries > CSH_MAX_TENSORS - catalog->n_tensors) {
        csh_warn("weights", "more than %d tensors; %.200s is left out",
                 CSH_MAX_TENSORS, file->path);
        return false;
    }
    grown = realloc(catalog->tensors,
                    (catalog->n_tensors + tensors->n_entries) *
                        sizeof(*grown));
    if (grown == NULL) {
        return false;
    }
    catalog->tensors = grown;
    catalog->files[catalog->n_files] = *file;
    for (i = 0; i < tensors->n_entries; ++i) {
        tensor = &grown[catalog->n_tensors + i];
        memset(tensor, 0, sizeof(*tensor));
        tensor->name = tensors->names + tensors->entries[i].name;
        tensor->file = catalog->n_files;
        tensor->is_tied = tensors->entries[i].is_tied;
        tensor->start = tensors->entries[i].start;
        tensor->bytes = tensors->entries[i].bytes;
        catalog->files[catalog->n_files].n_bytes += tensor->bytes;
    }
    catalog->n_tensors += (uint32_t)tensors->n_entries;
    ++catalog->n_files;
    return true;
}

static bool is_gguf_name(const char *path)
{
    size_t n = strlen(path);

    return (n > 5) && (strcmp(path + n - 5, ".gguf") == 0);
}

/* By the first bytes, as names may be anything (a hash, in caches); what calls
 * itself GGUF and is not is told so. */
static void read_header(struct building *building, const char *path,
                        struct csh_model_file *file,
                        struct csh_tensors *tensors)
{
    struct csh_bytes bytes = csh_model_file_bytes(file);
    char magic[4];

    if (is_gguf_name(path) ||
        (csh_bytes_read(&bytes, 0, magic, sizeof(magic)) &&
         (memcmp(magic, "GGUF", sizeof(magic)) == 0))) {
        csh_gguf_read(&bytes, tensors);
    } else {
        csh_safetensors_read(&bytes, building->json, tensors);
    }
}

static bool has_room_for_file(struct csh_catalog *catalog)
{
    struct csh_listed_file *grown;

    if (catalog->n_files == CSH_MAX_MODEL_FILES) {
        return false;
    }
    grown = realloc(catalog->files, (catalog->n_files + 1) * sizeof(*grown));
    if (grown != NULL) {
        catalog->files = grown;
    }
    return grown != NULL;
}

static void file_free(struct csh_listed_file *file)
{
    free(file->path);
    free(file->found_as);
    free(file->model);
    free(file->names);
}

static bool file_found(void *opaque, const char *path, const char *model)
{
    struct building *building = opaque;
    struct csh_catalog *catalog = building->catalog;
    struct csh_tensors tensors = {.n_entries = 0};
    struct csh_listed_file listed = {.first = catalog->n_tensors};
    struct csh_model_file file;
    bool is_kept = false;

    if (!csh_model_file_open(path, &file)) {
        csh_warn("weights", "cannot open %.200s: %m", path);
        return true;
    }
    if (!is_listed(catalog, &file.id) && has_room_for_file(catalog)) {
        read_header(building, path, &file, &tensors);
        if (tensors.fault.n_faults > 0) {
            csh_model_warn(path, &tensors.fault);
        }
        listed.path = realpath(path, NULL);
        listed.found_as = strdup(path);
        listed.model = model_name(catalog, path, model);
        listed.id = file.id;
        listed.n_tensors = (uint32_t)tensors.n_entries;
        listed.names = tensors.names;
        is_kept = (tensors.n_entries > 0) && (listed.path != NULL) &&
                  (listed.found_as != NULL) && (listed.model != NULL) &&
                  list_file(catalog, &tensors, &listed);
    }
    csh_model_file_close(&file);
    if (is_kept) {
        tensors.names = NULL; /* the catalog's now */
    } else {
        listed.names = NULL;
        file_free(&listed);
    }
    csh_tensors_clear(&tensors);
    return true;
}

/* The catalog that the comparisons below sort for; one thread makes one. */
static CSH_THREAD_LOCAL const struct csh_catalog *sorted;

static int by_bytes(const void *a, const void *b)
{
    uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;
    uint64_t x = sorted->tensors[i].bytes, y = sorted->tensors[j].bytes;

    return (x != y) ? ((x < y) ? -1 : 1) : (i < j) ? -1 : (i > j);
}

static int compare_ids(dev_t device, ino_t inode,
                       const struct csh_file_id *id)
{
    if (device != id->device) {
        return (device < id->device) ? -1 : 1;
    }
    return (inode != id->inode) ? ((inode < id->inode) ? -1 : 1) : 0;
}

static int by_id(const void *a, const void *b)
{
    const struct csh_file_id *x = &sorted->files[*(const uint32_t *)a].id;
    const struct csh_file_id *y = &sorted->files[*(const uint32_t *)b].id;

    return compare_ids(x->device, x->inode, y);
}

static bool catalog_sort(struct csh_catalog *catalog)
{
    uint32_t i;

    catalog->by_bytes = malloc(catalog->n_tensors *
                               sizeof(*catalog->by_bytes));
    catalog->files_by_id = malloc(catalog->n_files *
                                  sizeof(*catalog->files_by_id));
    if ((catalog->by_bytes == NULL) || (catalog->files_by_id == NULL)) {
        return false;
    }
    for (i = 0; i < catalog->n_tensors; ++i) {
        catalog->by_bytes[i] = i;
    }
    for (i = 0; i < catalog->n_files; ++i) {
        catalog->files_by_id[i] = i;
    }
    sorted = catalog;
    qsort(catalog->by_bytes, catalog->n_tensors, sizeof(*catalog->by_bytes),
          by_bytes);
    qsort(catalog->files_by_id, catalog->n_files,
          sizeof(*catalog->files_by_id), by_id);
    sorted = NULL;
    return true;
}

static void say_what_was_found(const struct csh_catalog *catalog)
{
    char count[CSH_HUMAN_BYTES], bytes[CSH_HUMAN_BYTES];
    uint64_t n_bytes = 0;
    uint32_t i;

    for (i = 0; i < catalog->n_files; ++i) {
        n_bytes += catalog->files[i].n_bytes;
    }
    csh_info("weights", "%s tensors, %s, in %u model files",
             csh_human_count(catalog->n_tensors, count),
             csh_human_bytes(n_bytes, bytes), catalog->n_files);
}

struct csh_catalog *csh_catalog_open(const struct csh_weight_rules *rules)
{
    struct building building = {calloc(1, sizeof(*building.catalog)),
                                csh_json_open()};
    unsigned i;

    if ((building.catalog == NULL) || (building.json == NULL)) {
        csh_json_close(building.json);
        free(building.catalog);
        return NULL;
    }
    for (i = 0; i < rules->n_globs; ++i) {
        if (rules->globs[i].is_manifest) {
            csh_models_find(rules->text + rules->globs[i].start,
                            building.json, file_found, &building);
        }
    }
    csh_json_close(building.json);
    if ((building.catalog->n_tensors == 0) ||
        !catalog_sort(building.catalog)) {
        csh_catalog_close(building.catalog);
        return NULL;
    }
    say_what_was_found(building.catalog);
    return building.catalog;
}

void csh_catalog_close(struct csh_catalog *catalog)
{
    uint32_t i;

    if (catalog == NULL) {
        return;
    }
    for (i = 0; i < catalog->n_files; ++i) {
        file_free(&catalog->files[i]);
    }
    free(catalog->files);
    free(catalog->tensors);
    free(catalog->by_bytes);
    free(catalog->files_by_id);
    free(catalog);
}

/* The first place in by_bytes whose tensor has at least that many bytes. */
static uint32_t lower_bound(const struct csh_catalog *catalog, uint64_t bytes)
{
    uint32_t low = 0, high = catalog->n_tensors, middle;

    while (low < high) {
        middle = low + (high - low) / 2;
        if (catalog->tensors[catalog->by_bytes[middle]].bytes < bytes) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

uint32_t csh_catalog_of_bytes(const struct csh_catalog *catalog,
                              uint64_t bytes, uint32_t *first_p)
{
    *first_p = lower_bound(catalog, bytes);
    return ((bytes == UINT64_MAX) ? catalog->n_tensors
                                  : lower_bound(catalog, bytes + 1)) -
           *first_p;
}

struct csh_listed_file *
csh_catalog_file(const struct csh_catalog *catalog, dev_t device, ino_t inode)
{
    uint32_t low = 0, high = catalog->n_files, middle;
    struct csh_listed_file *file;
    int order;

    while (low < high) {
        middle = low + (high - low) / 2;
        file = &catalog->files[catalog->files_by_id[middle]];
        order = compare_ids(device, inode, &file->id);
        if (order == 0) {
            return file;
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return NULL;
}

void csh_catalog_set_stale(struct csh_listed_file *file)
{
    if (!atomic_exchange(&file->is_stale, true)) {
        csh_warn("weights", "%.200s has changed since it was listed: its "
                 "tensors are not recognised any more", file->path);
    }
}

const char *csh_catalog_model(const struct csh_catalog *catalog,
                              uint32_t tensor)
{
    return catalog->files[catalog->tensors[tensor].file].model;
}
