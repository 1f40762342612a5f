/*
 * recorder.c - preloaded before the shim, between it and a program such as the
 * CUDA runtime: writes down what each look-up of a driver entry was answered.
 *
 * RECORDER_LOG: file, one line a look-up, fields separated by tabs:
 *   dlsym NAME 0 0 OBJECT SYMBOL
 *   gpa   NAME VERSION FLAGS OBJECT SYMBOL
 * OBJECT is the file that the answer lies in and SYMBOL its name there; both
 * are "-" for no answer. RECORDER_HIDES: a name that dlsym does not find.
 * RECORDER_ADDS: dlsym finds every cuGL, cuEGL and cuGraphics name, of which
 * the simulated driver has not all; what it finds returns 801, "not
 * supported".
 */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef int resolver_v1(const char *, void **, int, uint64_t);
typedef int resolver_v2(const char *, void **, int, uint64_t, int *);
typedef void *lookup(void *, const char *);

extern void *dlvsym(void *, const char *, const char *);

static resolver_v1 *next_v1;
static resolver_v2 *next_v2;

static void record(const char *kind, const char *name, int version,
                   unsigned flags, void *answer)
{
    const char *path = getenv("RECORDER_LOG");
    const char *object = "-", *symbol = "-";
    FILE *file;
    Dl_info info;

    if (path == NULL) {
        return;
    }
    if (answer != NULL && dladdr(answer, &info) != 0) {
        object = strrchr(info.dli_fname, '/');
        object = object == NULL ? info.dli_fname : object + 1;
        symbol = info.dli_sname != NULL && info.dli_saddr == answer
                     ? info.dli_sname
                     : "?";
    }
    file = fopen(path, "ae");
    if (file != NULL) {
        fprintf(file, "%s\t%s\t%d\t%u\t%s\t%s\n", kind, name, version, flags,
                object, symbol);
        fclose(file);
    }
}

/* Stays in between when the resolver hands out itself. */
static void *stay_between(const char *name, int version, void *answer);

static int recorded_v1(const char *name, void **answer_p, int version,
                       uint64_t flags)
{
    int result = next_v1(name, answer_p, version, flags);
    void *answer = result == 0 ? *answer_p : NULL;

    record("gpa", name, version, (unsigned)flags, answer);
    if (answer != NULL) {
        *answer_p = stay_between(name, version, answer);
    }
    return result;
}

static int recorded_v2(const char *name, void **answer_p, int version,
                       uint64_t flags, int *status_p)
{
    int result = next_v2(name, answer_p, version, flags, status_p);
    void *answer = result == 0 ? *answer_p : NULL;

    record("gpa", name, version, (unsigned)flags, answer);
    if (answer != NULL) {
        *answer_p = stay_between(name, version, answer);
    }
    return result;
}

static void *stay_between(const char *name, int version, void *answer)
{
    if (strcmp(name, "cuGetProcAddress") == 0 && version >= 12000) {
        next_v2 = (resolver_v2 *)answer;
        return (void *)recorded_v2;
    }
    if (strcmp(name, "cuGetProcAddress") == 0) {
        next_v1 = (resolver_v1 *)answer;
        return (void *)recorded_v1;
    }
    return answer;
}

static int not_supported(void)
{
    return 801;
}

static int is_added(const char *name)
{
    return getenv("RECORDER_ADDS") != NULL &&
           (strncmp(name, "cuGL", 4) == 0 || strncmp(name, "cuEGL", 5) == 0 ||
            strncmp(name, "cuGraphics", 10) == 0);
}

void *dlsym(void *handle, const char *name)
{
    static lookup *next;
    const char *hidden = getenv("RECORDER_HIDES");
    void *answer;

    if (next == NULL) {
        lookup *libc_dlsym =
            (lookup *)dlvsym(RTLD_NEXT, "dlsym", "GLIBC_2.34");

        next = (lookup *)libc_dlsym(RTLD_NEXT, "dlsym");
    }
    if (handle == RTLD_NEXT || handle == RTLD_DEFAULT ||
        name[0] != 'c' || name[1] != 'u') {
        return next(handle, name);
    }
    answer = hidden != NULL && strcmp(hidden, name) == 0
                 ? NULL
                 : next(handle, name);
    if (answer == NULL && is_added(name)) {
        return (void *)not_supported;
    }
    record("dlsym", name, 0, 0, answer);
    if (answer != NULL && strcmp(name, "cuGetProcAddress_v2") == 0) {
        return stay_between("cuGetProcAddress", 12000, answer);
    }
    return answer;
}
