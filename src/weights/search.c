/*
 * search.c - see search.h. Owns a search for the length of a call: its bounds
 * and the path of the folder it is in.
 */
#include "weights/search.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "weights/headers.h"
#include "weights/model_file.h"

#define PIPELINE_NAME "model_index.json"
#define INDEX_GLOB "*.safetensors.index*.json"

struct search {
    struct csh_json *json;
    csh_model_found_fn *found;
    void *opaque;
    char root[CSH_PATH_BYTES]; /* what names are relative to */
    unsigned n_found, n_entries;
    bool is_over;
    struct csh_file_id above[CSH_MAX_FOLDER_DEPTH + 1]; /* folders we are in */
};

/* A folder, or the shards of one index, being gone through. */
struct place {
    struct search *search;
    const char *folder;
    const char *model; /* of all shards */
    unsigned depth;
};

static void search_folder(struct search *search, const char *folder,
                          unsigned depth);

void csh_model_warn(const char *path, const struct csh_fault *fault)
{
    size_t n_path = strlen(path), n_shown = 160;
    char more[48] = "";

    if (fault->n_faults > 1) {
        snprintf(more, sizeof(more), "; and %u more faults",
                 fault->n_faults - 1);
    }
    csh_warn("weights", "%s%s, byte %llu: %s%s; the rest is used",
             (n_path > n_shown) ? "..." : "",
             (n_path > n_shown) ? path + n_path - n_shown : path,
             (unsigned long long)fault->byte, fault->text, more);
}

/* The path's part behind the root. */
static const char *relative(const struct search *search, const char *path)
{
    size_t n_root = strlen(search->root);

    if ((strncmp(path, search->root, n_root) == 0) &&
        (path[n_root] != '\0')) {
        path += n_root;
    }
    return path + strspn(path, "/");
}

static void tell(struct search *search, const char *path, const char *model)
{
    if (search->is_over) {
        return;
    }
    if (search->n_found == CSH_MAX_MODEL_FILES) {
        csh_warn("weights", "more than %d model files; the rest of %.160s is "
                 "not looked at", CSH_MAX_MODEL_FILES, search->root);
        search->is_over = true;
        return;
    }
    ++search->n_found;
    search->is_over = !search->found(search->opaque, path, model);
}

/* To be freed; NULL if memory is short. Not on the stack: folders nest, and
 * the stack is the program's. */
static char *join(const char *folder, const char *name)
{
    char *path;

    return (asprintf(&path, "%s/%s", folder, name) >= 0) ? path : NULL;
}

static bool shard_found(void *opaque, const char *name)
{
    struct place *place = opaque;
    char *path = join(place->folder, name);

    if (path != NULL) {
        tell(place->search, path, place->model);
    }
    free(path);
    return !place->search->is_over;
}

static bool component_found(void *opaque, const char *name)
{
    struct place *place = opaque;
    char *path = join(place->folder, name);

    if (path != NULL) {
        search_folder(place->search, path, place->depth + 1);
    }
    free(path);
    return !place->search->is_over;
}

static void cut_at(char *text, const char *mark)
{
    char *found = strstr(text, mark);

    if (found != NULL) {
        *found = '\0';
    }
}

/* The model's name: the index's own without ".index" and what follows. */
static void search_index(struct search *search, const char *folder,
                         const char *path)
{
    char *model = strdup(relative(search, path));
    struct place place = {search, folder, model, 0};
    struct csh_fault fault = {.n_faults = 0};
    struct csh_model_file file;
    struct csh_bytes bytes;

    if ((model == NULL) || !csh_model_file_open(path, &file)) {
        csh_warn("weights", "cannot open %.200s: %m", path);
        free(model);
        return;
    }
    cut_at(model, ".index");
    bytes = csh_model_file_bytes(&file);
    csh_shard_index_read(&bytes, search->json, shard_found, &place, &fault);
    csh_model_file_close(&file);
    free(model);
    if (fault.n_faults > 0) {
        csh_model_warn(path, &fault);
    }
}

/* False if the folder is no pipeline, or cannot be read as one. */
static bool search_pipeline(struct search *search, const char *folder,
                            unsigned depth)
{
    struct place place = {search, folder, NULL, depth};
    struct csh_fault fault = {.n_faults = 0};
    char *path = join(folder, PIPELINE_NAME);
    unsigned n_before = search->n_found;
    struct csh_model_file file;
    struct csh_bytes bytes;

    if ((path == NULL) || !csh_model_file_open(path, &file)) {
        free(path);
        return false;
    }
    bytes = csh_model_file_bytes(&file);
    csh_pipeline_read(&bytes, search->json, component_found, &place, &fault);
    csh_model_file_close(&file);
    if (fault.n_faults > 0) {
        csh_model_warn(path, &fault);
    }
    free(path);
    return search->n_found > n_before;
}

static bool ends_in(const char *name, const char *end)
{
    size_t n_name = strlen(name), n_end = strlen(end);

    return (n_name >= n_end) && (strcmp(name + n_name - n_end, end) == 0);
}

enum pass { INDICES, MODELS, FOLDERS, N_PASSES };

static void search_entry(struct search *search, const char *folder,
                         const char *name, unsigned depth, enum pass pass)
{
    char *path = join(folder, name);
    bool is_index = (fnmatch(INDEX_GLOB, name, 0) == 0);
    bool is_model = ends_in(name, ".safetensors") || ends_in(name, ".gguf");
    struct stat status;

    if (path == NULL) {
        return;
    }
    if (pass == INDICES && is_index) {
        search_index(search, folder, path);
    } else if (pass == MODELS && is_model) {
        tell(search, path, relative(search, path));
    } else if (pass == FOLDERS && !is_index && !is_model &&
               (stat(path, &status) == 0) && S_ISDIR(status.st_mode)) {
        search_folder(search, path, depth + 1);
    }
    free(path);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names in a folder but those that begin with a dot, sorted, each to be
 * freed as the list; NULL if there are none. */
static char **folder_names(struct search *search, const char *folder,
                           size_t *n_p)
{
    DIR *directory = opendir(folder);
    size_t n_allocated = 0;
    struct dirent *entry;
    char **names = NULL, **grown;

    *n_p = 0;
    while ((directory != NULL) && ((entry = readdir(directory)) != NULL)) {
        if (search->n_entries == CSH_MAX_FOLDER_ENTRIES) {
            csh_warn("weights", "more than %d names in and below %.160s; the "
                     "rest is not looked at", CSH_MAX_FOLDER_ENTRIES,
                     search->root);
            ++search->n_entries; /* said once */
        }
        if (search->n_entries > CSH_MAX_FOLDER_ENTRIES) {
            break;
        }
        ++search->n_entries;
        if (*n_p == n_allocated) {
            grown = realloc(names, (2 * n_allocated + 64) * sizeof(*names));
            if (grown == NULL) {
                break;
            }
            names = grown;
            n_allocated = 2 * n_allocated + 64;
        }
        if ((entry->d_name[0] != '.') &&
            ((names[*n_p] = strdup(entry->d_name)) != NULL)) {
            ++*n_p;
        }
    }
    if (directory != NULL) {
        closedir(directory);
    }
    if (names != NULL) {
        qsort(names, *n_p, sizeof(*names), by_name);
    }
    return names;
}

/* False for one that is too deep, or that links led back to. */
static bool enter(struct search *search, const char *folder, unsigned depth)
{
    struct stat status;
    unsigned i;

    if ((depth > CSH_MAX_FOLDER_DEPTH) || (stat(folder, &status) != 0)) {
        return false;
    }
    for (i = 0; i < depth; ++i) {
        if ((search->above[i].device == status.st_dev) &&
            (search->above[i].inode == status.st_ino)) {
            return false;
        }
    }
    search->above[depth].device = status.st_dev;
    search->above[depth].inode = status.st_ino;
    return true;
}

static void search_folder(struct search *search, const char *folder,
                          unsigned depth)
{
    size_t n_names, i;
    char **names;
    int pass;

    if (search->is_over || !enter(search, folder, depth) ||
        search_pipeline(search, folder, depth)) {
        return;
    }
    names = folder_names(search, folder, &n_names);
    for (pass = 0; pass < N_PASSES; ++pass) {
        for (i = 0; i < n_names; ++i) {
            search_entry(search, folder, names[i], depth, (enum pass)pass);
        }
    }
    for (i = 0; i < n_names; ++i) {
        free(names[i]);
    }
    free(names);
}

/* The folder of a path, "" if it has none. */
static void folder_of(const char *path, char folder_p[CSH_PATH_BYTES])
{
    const char *slash = strrchr(path, '/');

    snprintf(folder_p, CSH_PATH_BYTES, "%.*s",
             (slash != NULL) ? (int)(slash - path) : 0, path);
}

static void search_match(struct search *search, const char *glob_root,
                         const char *path)
{
    char folder[CSH_PATH_BYTES];
    struct stat status;

    snprintf(search->root, sizeof(search->root), "%s", glob_root);
    folder_of(path, folder);
    if (stat(path, &status) != 0) {
        return;
    }
    if (S_ISDIR(status.st_mode)) {
        snprintf(search->root, sizeof(search->root), "%s", path);
        search_folder(search, path, 0);
    } else if (ends_in(path, "/" PIPELINE_NAME)) {
        snprintf(search->root, sizeof(search->root), "%s", folder);
        search_folder(search, folder, 0);
    } else if (ends_in(path, ".json")) {
        search_index(search, folder[0] != '\0' ? folder : ".", path);
    } else {
        tell(search, path, relative(search, path));
    }
}

unsigned csh_models_find(const char *glob_text, struct csh_json *json,
                         csh_model_found_fn *found, void *opaque)
{
    struct search search = {.json = json, .found = found, .opaque = opaque};
    char fixed[CSH_PATH_BYTES], root[CSH_PATH_BYTES];
    glob_t matches;
    size_t i;

    snprintf(fixed, sizeof(fixed), "%.*s", (int)strcspn(glob_text, "*?[\\"),
             glob_text);
    folder_of(fixed, root);
    if (glob(glob_text, 0, NULL, &matches) == 0) {
        for (i = 0; (i < matches.gl_pathc) && !search.is_over; ++i) {
            search_match(&search, root, matches.gl_pathv[i]);
        }
        globfree(&matches);
    }
    if (search.n_found == 0) {
        csh_warn("weights", "manifest=%.200s names no model file", glob_text);
    }
    return search.n_found;
}
