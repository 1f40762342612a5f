/*
 * search.h - from what manifest= names to the model files in it.
 *
 * A GLOB (glob(3)) names files and folders. A folder with a model_index.json
 * is a diffusers pipeline, and the folders of its components are searched;
 * any other is searched as a whole: shards that an index lists, then
 * .safetensors and .gguf files, then the folders in it. The search is bounded
 * in depth, in folder entries looked at and in files found; where it stops
 * short, one line says so.
 */
#ifndef CSH_WEIGHTS_SEARCH_H
#define CSH_WEIGHTS_SEARCH_H

#include <stdbool.h>

#include "weights/fault.h"
#include "weights/json.h"

#define CSH_MAX_MODEL_FILES 4096
#define CSH_MAX_FOLDER_ENTRIES 65536
#define CSH_MAX_FOLDER_DEPTH 6

/* Told of each file and the name of the model it belongs to: for a shard that
 * of its index, without ".index.json"; else the file's own; in both cases
 * relative to the folder that GLOB names, or to the last folder in GLOB before
 * a wildcard. A file may be told of twice. False ends the search. */
typedef bool csh_model_found_fn(void *opaque, const char *path,
                                const char *model);

/* Returns how many files were told of; if none, one line has said so. */
unsigned csh_models_find(const char *glob, struct csh_json *json,
                         csh_model_found_fn *found, void *opaque);

/* Says in one line what is wrong with a file. */
void csh_model_warn(const char *path, const struct csh_fault *fault);

#endif
