/*
 * cpus.h - how many processors the calling thread may use now.
 */
#ifndef CSH_BASE_CPUS_H
#define CSH_BASE_CPUS_H

#include "base/cgroups.h"

/* Those of the thread's affinity mask, and no more than the CPU time that
 * any cgroup from ours to the root grants (rounded up); at least 1. What
 * cannot be read sets no limit. Keeps errno. */
unsigned csh_cpus_usable(const struct csh_system_roots *roots);

#endif
