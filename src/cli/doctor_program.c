/*
 * doctor_program.c - what `cushadow doctor PROGRAM` looks at: whether the shim
 * gets into the program, and which malloc it meets there. Owns nothing.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "cli/doctor.h"
#include "cli/program.h"

/* Allocators of their own, by the beginning of the library's name. */
static const char *const allocators[] = {
    "libtcmalloc", "libjemalloc", "libmimalloc", "libtbbmalloc", "libhoard",
    "libsnmalloc", "librpmalloc", "libumem",
};

static const char unreached[] = "the program runs as without the shim";
static const char copied[] =
    "offloads are copied into its blocks, not mapped: a proven offload still "
    "costs a copy in RAM, and no bytes over the bus";

/* "librpmalloc.so.1" in a list of names, which blanks, colons and slashes
 * separate; "" if none is there. */
static const char *find_allocator(const char *names, int *length_p)
{
    size_t i;

    for (i = 0; i < CSH_ARRAY_LENGTH(allocators); ++i) {
        const char *at = strstr(names, allocators[i]);

        if (at != NULL) {
            *length_p = (int)strcspn(at, " :");
            return at;
        }
    }
    *length_p = 0;
    return "";
}

/* The linker then drops LD_PRELOAD, or takes it from few folders only. */
static bool is_privileged(const char *file)
{
    struct stat status;

    return (stat(file, &status) == 0 &&
            (status.st_mode & (S_ISUID | S_ISGID)) != 0) ||
           getxattr(file, "security.capability", NULL, 0) > 0;
}

void csh_doctor_check_reach(struct csh_doctor *doctor,
                            struct csh_finding *finding_p)
{
    struct csh_program program;
    char file[PATH_MAX];

    if (doctor->program == NULL) {
        finding_p->verdict = CSH_DOCTOR_SKIPPED;
    } else if (!csh_program_resolve(doctor->program, file, &program)) {
        csh_finding_set(finding_p, CSH_DOCTOR_BAD, "nothing can be said of it",
                        "name the file that is run, or its full path",
                        "%s, or its interpreter, is not found",
                        doctor->program);
    } else if (program.kind == CSH_PROGRAM_STATIC) {
        csh_finding_set(finding_p, CSH_DOCTOR_BAD, unreached,
                        "build it with shared libraries, at least libc's",
                        "%s is a static executable: nothing can be preloaded "
                        "into it", file);
    } else if (program.kind != CSH_PROGRAM_DYNAMIC) {
        csh_finding_set(finding_p, CSH_DOCTOR_BAD, unreached,
                        "name a program of this machine, or its interpreter",
                        "%s is no program of this machine's kind", file);
    } else if (is_privileged(file)) {
        csh_finding_set(finding_p, CSH_DOCTOR_BAD, unreached,
                        "run a copy of it without these bits, as the user "
                        "that they stand for",
                        "%s is setuid, setgid or has file capabilities",
                        file);
    } else {
        csh_finding_set(finding_p, CSH_DOCTOR_GOOD, "the shim gets into it",
                        "", "%s is loaded by %s, which takes LD_PRELOAD", file,
                        program.linker);
    }
}

void csh_doctor_check_allocator(struct csh_doctor *doctor,
                                struct csh_finding *finding_p)
{
    struct csh_program program;
    const char *name;
    char file[PATH_MAX];
    int length;

    if (doctor->program == NULL ||
        !csh_program_resolve(doctor->program, file, &program) ||
        program.kind != CSH_PROGRAM_DYNAMIC) {
        finding_p->verdict = CSH_DOCTOR_SKIPPED;
        return;
    }
    name = find_allocator(doctor->preload != NULL ? doctor->preload : "",
                          &length);
    if (length == 0) {
        name = find_allocator(program.needed, &length);
    }
    if (length > 0) {
        csh_finding_set(finding_p, CSH_DOCTOR_SLOW, copied,
                        "leave the allocator out, if the program can do "
                        "without it",
                        "malloc is that of %.*s", length, name);
    } else if (strstr(program.linker, "musl") != NULL) {
        csh_finding_set(finding_p, CSH_DOCTOR_SLOW, copied,
                        "use a build for glibc, if there is one",
                        "malloc is musl's");
    } else if (program.defines_malloc) {
        csh_finding_set(finding_p, CSH_DOCTOR_SLOW, copied,
                        "use a build without an allocator of its own, if "
                        "there is one",
                        "the program defines a malloc of its own");
    } else {
        csh_finding_set(finding_p, CSH_DOCTOR_GOOD,
                        "offloads into its large blocks can be mapped", "",
                        "malloc is glibc's, unless a library brings its own");
    }
}

void csh_doctor_check_preload(struct csh_doctor *doctor,
                              struct csh_finding *finding_p)
{
    const char *preload = doctor->preload;

    if (doctor->program == NULL) {
        finding_p->verdict = CSH_DOCTOR_SKIPPED;
    } else if (preload == NULL || preload[0] == '\0') {
        csh_finding_set(finding_p, CSH_DOCTOR_GOOD,
                        "nothing comes between the shim and the driver", "",
                        "LD_PRELOAD is empty");
    } else {
        csh_finding_set(finding_p, CSH_DOCTOR_GOOD,
                        "`cushadow run' keeps it and adds the shim behind",
                        "", "LD_PRELOAD is %s", preload);
    }
}
