/*
 * model_file.h - one file on disk, known again by device, inode, size and
 * time of change.
 *
 * Files are read by pread, never mapped: one that somebody cuts off must not
 * kill the program with SIGBUS. No descriptor is kept between calls. Owns
 * nothing; any thread. errno is not kept.
 */
#ifndef CSH_WEIGHTS_MODEL_FILE_H
#define CSH_WEIGHTS_MODEL_FILE_H

#include <stdbool.h>
#include <sys/types.h>

#include "weights/bytes.h"

struct csh_file_id {
    dev_t device;
    ino_t inode;
    uint64_t bytes;
    int64_t changed_s, changed_ns; /* mtime */
};

/* An open file; negative: none. */
struct csh_model_file {
    int fd;
    struct csh_file_id id;
};

/* Opens a regular file to read, waiting for nobody. False, with errno, if
 * that fails or it is no regular file (EINVAL). */
bool csh_model_file_open(const char *path, struct csh_model_file *file_p);
void csh_model_file_close(struct csh_model_file *file);

/* What is read of it; file outlives the result. */
struct csh_bytes csh_model_file_bytes(struct csh_model_file *file);

bool csh_file_id_is(const struct csh_file_id *a, const struct csh_file_id *b);
/* Whether the path names that file, unchanged; looks, does not open. */
bool csh_file_id_is_at(const struct csh_file_id *id, const char *path);

#endif
