/*
 * memory_files.h - reads the small files in which the kernel tells of memory,
 * and finds the control groups that bound this process.
 *
 * Bare system calls into the caller's buffers: no stdio streams, no
 * allocation, no cancellation point, so all of it may run inside any call of
 * the program, from any thread. Formats: proc(5);
 * Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst of Linux.
 */
#ifndef CSH_SHADOW_MEMORY_FILES_H
#define CSH_SHADOW_MEMORY_FILES_H

#include <stdbool.h>
#include <stdint.h>

/* Where the files lie, without a slash at the end; "/proc" and
 * "/sys/fs/cgroup" outside tests. The strings belong to the caller. */
struct csh_memory_roots {
    const char *proc;
    const char *cgroup;
};

/* meminfo and memory.stat are below 3 KiB on Linux 6.18. */
#define CSH_MEMORY_TEXT_BYTES 4096

/* A file's beginning and a zero behind it; false when it cannot be read or is
 * empty. */
bool csh_memory_read_file(const char *directory, const char *name,
                          char text_p[CSH_MEMORY_TEXT_BYTES]);

/* A decimal number after blanks; saturates; false for anything else. */
bool csh_memory_read_number(const char *text, uint64_t *number_p);

/* The number in the line that begins with a key and a blank or a colon. */
bool csh_memory_read_key(const char *text, const char *key,
                         uint64_t *number_p);

/* Called for one control group, by the folder of its files. */
typedef void csh_memory_group_fn(const char *directory, bool is_version_2,
                                 void *opaque);

/*
 * Every group of the memory controller that this process is in, each with all
 * of its ancestors up to the root of the mount. In a container the path may be
 * the host's and lead nowhere below the container's mount; the mount's root,
 * which is then the container's own group, is always visited.
 */
void csh_memory_each_group(const struct csh_memory_roots *roots,
                           csh_memory_group_fn *visit, void *opaque);

#endif
