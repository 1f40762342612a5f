/*
 * doctor.h - the checks of `cushadow doctor`: what of this machine the shim
 * needs or profits from, what that means for speed, and what to do.
 *
 * One table; each row is one function that looks at one thing, in places that
 * a test can replace, and judges it. Nothing is remembered between checks, but
 * for the driver, which is loaded once.
 */
#ifndef CSH_CLI_DOCTOR_H
#define CSH_CLI_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "base/compiler.h"

/* X(name, what it looks at). In the order in which they are printed. */
#define CSH_DOCTOR_DRIVER_CHECKS(X)                                       \
    X(driver, "the CUDA driver")                                          \
    X(gpu, "GPUs, and whether shadows are of use on them")                \
    X(registration, "pinning host memory")
#define CSH_DOCTOR_MACHINE_CHECKS(X)                                      \
    X(memfd, "memory files, which offloads are mapped from")              \
    X(mappings, "asking the kernel which mapping lies at an address")     \
    X(pages, "asking the kernel which pages were written")                \
    X(userfaultfd, "seeing who else registered the program's memory")     \
    X(room, "memory that shadows may take")                               \
    X(overcommit, "whether the kernel commits more than there is")        \
    X(maps, "how many mappings a process may have")                       \
    X(memlock, "limit on locked memory (ulimit -l)")                      \
    X(fsize, "limit on the size of files (ulimit -f)")                    \
    X(nofile, "limit on open files (ulimit -n)")                          \
    X(as, "limit on address space (ulimit -v)")                           \
    X(platform, "Linux itself or inside of Windows")                      \
    X(container, "whether this is a container")
#define CSH_DOCTOR_PROGRAM_CHECKS(X)                                      \
    X(reach, "whether the program can be preloaded into")                 \
    X(allocator, "which malloc the program has")                          \
    X(preload, "what is preloaded already")
#define CSH_DOCTOR_CHECKS(X)     \
    CSH_DOCTOR_DRIVER_CHECKS(X)  \
    CSH_DOCTOR_MACHINE_CHECKS(X) \
    CSH_DOCTOR_PROGRAM_CHECKS(X)

/* BAD alone makes the exit status 1: the shim can do nothing here. */
enum csh_doctor_verdict {
    CSH_DOCTOR_GOOD,
    CSH_DOCTOR_SLOW,    /* it works, and something is slower than it could be */
    CSH_DOCTOR_BAD,
    CSH_DOCTOR_SKIPPED, /* there is nothing to look at */
};

struct csh_finding {
    enum csh_doctor_verdict verdict;
    char found[256];     /* what there is */
    const char *meaning; /* for speed; "" if nothing follows from it */
    const char *advice;  /* "" if there is nothing to do */
};

/* Where to look. The strings belong to the caller. */
struct csh_doctor {
    const char *proc, *cgroup, *dev;
    const char *root;    /* "" outside tests: files by absolute names */
    const char *driver;  /* what dlopen is given */
    const char *program; /* NULL: none was named */
    const char *preload; /* the value of LD_PRELOAD, or NULL */
    unsigned page_mechanisms; /* that may be tried: page_state.h */
    int (*memory_file)(const char *name, unsigned flags); /* memfd_create */
    int (*limit)(int resource, struct rlimit *limit_p);   /* getrlimit */
    void *library; /* the driver, once the check of that name has loaded it */
};

/* Those of the machine that this process runs on. */
void csh_doctor_begin(struct csh_doctor *doctor_p);

#define CSH_X(name_, title_)                                    \
    void csh_doctor_check_##name_(struct csh_doctor *doctor,    \
                                  struct csh_finding *finding_p);
CSH_DOCTOR_CHECKS(CSH_X)
#undef CSH_X

/* For the checks: writes all of the finding, the text as printf does. */
void csh_finding_set(struct csh_finding *finding_p,
                     enum csh_doctor_verdict verdict, const char *meaning,
                     const char *advice, const char *format, ...)
    CSH_PRINTF(5, 6);

#endif
