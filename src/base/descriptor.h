/*
 * descriptor.h - descriptors of the shim among the program's.
 *
 * Owns nothing itself. Programs close and replace descriptors that they do
 * not know: so ours are moved out of reach, and each is known by the device
 * and inode behind it, which are compared before it is used. Any thread; no
 * lock, no malloc, no cancellation point.
 */
#ifndef CSH_BASE_DESCRIPTOR_H
#define CSH_BASE_DESCRIPTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/compiler.h"

struct csh_descriptor {
    int fd; /* -1: none */
    dev_t device;
    ino_t inode;
};

/* The same file above descriptor 1023, or as high as RLIMIT_NOFILE allows,
 * close-on-exec; fd is closed then. Or fd itself where none is free. */
int csh_descriptor_move_up(int fd);

/* Moves an open descriptor up and remembers its file. False, fd closed and
 * descriptor_p none, when it is negative or cannot be looked at. */
CSH_MUST_CHECK
bool csh_descriptor_take(int fd, struct csh_descriptor *descriptor_p);

/* Opens for reading, never cancelled. As above. */
bool csh_descriptor_open(const char *path,
                         struct csh_descriptor *descriptor_p);

/* Whether the number still leads to the file that was remembered. */
bool csh_descriptor_is_ours(const struct csh_descriptor *descriptor);

/* Closes it if it is still ours. */
void csh_descriptor_close(struct csh_descriptor *descriptor);

/* ftruncate() that cannot kill: no SIGXFSZ comes of it. */
bool csh_descriptor_resize(int fd, size_t bytes);

/* Nobody who finds the descriptor of a memory file can resize it any more, or,
 * on Linux 5.1 and later, write to it or map it for writing. What is mapped
 * stays writable. False, errno says why, if there are no seals on it. */
bool csh_descriptor_seal(int fd);

/* close() is a cancellation point, this is not. */
void csh_descriptor_close_number(int fd);

#endif
