/*
 * source.h - which file the source of an upload is a mapping of.
 *
 * The kernel is asked about addresses; nothing there is read.
 */
#ifndef CSH_ENGINE_SOURCE_H
#define CSH_ENGINE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>

#include "weights/identify.h"

#define CSH_SOURCE_PATH_BYTES 4096

struct csh_source {
    struct csh_file_place place; /* its path is below, or NULL */
    char path[CSH_SOURCE_PATH_BYTES];
};

/* Once, if anybody is going to ask. */
void csh_source_start(void);

/* False unless the whole range lies in one mapping of a file, as far as the
 * kernel tells. Any thread. */
bool csh_source_find(const void *host, size_t bytes,
                     struct csh_source *source_p);

#endif
