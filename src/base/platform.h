/*
 * platform.h - what kind of machine this is, where it matters.
 */
#ifndef CSH_BASE_PLATFORM_H
#define CSH_BASE_PLATFORM_H

#include <stdbool.h>

/* Where the files lie, without a slash at the end; "/proc" and "/dev" outside
 * tests. The strings belong to the caller. */
struct csh_platform_roots {
    const char *proc;
    const char *dev;
};

/* Linux in a virtual machine of Windows, with the GPU of the host: the kernel
 * names its maker (sys/kernel/osrelease) and has the device through which the
 * GPU is reached (dxg). Both, since either may stand alone: such a kernel
 * without a GPU, or that device in a container of another kind. False when a
 * file cannot be read. */
bool csh_platform_is_wsl2(const struct csh_platform_roots *roots);

#endif
