/*
 * cgroups.h - finds the control groups that bound this process.
 *
 * Bare system calls, no allocation, no cancellation point: any call of the
 * program, any thread. Formats: cgroups(7);
 * Documentation/admin-guide/cgroup-v2.rst and cgroup-v1 of Linux.
 */
#ifndef CSH_BASE_CGROUPS_H
#define CSH_BASE_CGROUPS_H

#include <stdbool.h>

/* Where the kernel's files lie, without a slash at the end; "/proc" and
 * "/sys/fs/cgroup" outside tests. The strings belong to the caller. */
struct csh_system_roots {
    const char *proc;
    const char *cgroup;
};

/* Called for one control group, by the folder of its files. */
typedef void csh_cgroup_fn(const char *directory, bool is_version_2,
                           void *opaque);

/*
 * Every group of a controller ("memory", "cpu") that this process is in, each
 * with all of its ancestors up to the root of the mount. In a container the
 * path may be the host's and lead nowhere below the container's mount; the
 * mount's root, which is then the container's own group, is always visited.
 */
void csh_cgroups_each(const struct csh_system_roots *roots,
                      const char *controller, csh_cgroup_fn *visit,
                      void *opaque);

#endif
