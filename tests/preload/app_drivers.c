/*
 * app_drivers.c - drivers that are not one, old and alone.
 *
 *   app_drivers reopen          closes the driver, opens it again, works
 *   app_drivers second PATH     opens another libcuda beside the first
 *   app_drivers lookalike PATH  a library of another name with such entries
 *   app_drivers newer PATH      a driver newer than the shim
 */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "app.h"

typedef int numbered(void);
typedef int resolver(const char *, void **, int, cuuint64_t, int *);

static void *open_library(const char *path)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);

    if (library == NULL) {
        app_fail("%s", dlerror());
    }
    return library;
}

static void work(void)
{
    struct app_driver driver;

    app_find_driver(&driver, "gpa2", "legacy");
    app_begin(&driver);
    printf("wrong: %d\n", app_cycle_quietly(&driver));
    app_end(&driver);
}

/* Takes the place of an unloaded library, so that it comes to another one. */
static void occupy(void *entry)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

    (void)mmap((void *)((uintptr_t)entry & ~(page - 1)), page, PROT_NONE,
               MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
}

static void open_again(void)
{
    int i;

    for (i = 0; i < 3; i++) {
        void *library = open_library("libcuda.so.1");
        PFN_cuInit_v2000 init;

        APP_CHECK(dlsym(library, "cuMemAlloc_v2") != NULL);
        init = (PFN_cuInit_v2000)dlsym(library, "cuInit");
        APP_CHECK(init != NULL && init(0) == 0);
        APP_CHECK(dlclose(library) == 0);
        occupy((void *)init);
    }
    work();
}

/* What dlsym and cuGetProcAddress_v2 find is in the library that was asked. */
static void check_own(void *library, const char *symbol, const char *path)
{
    void *entry = dlsym(library, symbol);
    Dl_info info;

    /* Nor is there an error of look-ups that the program never made. */
    APP_CHECK(dlerror() == NULL);
    APP_CHECK(entry != NULL && dladdr(entry, &info) != 0);
    if (strcmp(info.dli_fname, path) != 0) {
        app_fail("%s is of %s", symbol, info.dli_fname);
    }
}

static void meet_second(const char *path)
{
    void *first = open_library("libcuda.so.1");
    void *second;

    APP_CHECK(dlsym(first, "cuMemAlloc_v2") != NULL);
    second = open_library(path);
    APP_CHECK(second != first);
    check_own(second, "cuMemAlloc_v2", path);
    check_own(second, "cuMemcpyDtoHAsync_v2", path);
    check_own(second, "cuGetProcAddress_v2", path);
    work();
}

static void meet_lookalike(const char *path)
{
    check_own(open_library(path), "cuMemAlloc_v2", path);
    check_own(open_library(path), "cuGetProcAddress_v2", path);
    work();
}

static int number_of(resolver *resolve, const char *name, int version)
{
    void *entry = NULL;
    int result = resolve(name, &entry, version, 0, NULL);

    return result != 0 ? result : ((numbered *)entry)();
}

static void meet_newer(const char *path)
{
    void *library = open_library(path);
    resolver *resolve = (resolver *)dlsym(library, "cuGetProcAddress_v2");
    char *error = dlerror();
    numbered *copy =
        (numbered *)dlsym(library, "cuMemcpyWithAttributesAsync");
    void *one = NULL;
    Dl_info info;

    APP_CHECK(error == NULL && resolve != NULL && copy != NULL);
    check_own(library, "cuMemcpyWithAttributesAsync", path);
    check_own(library, "cuMulticastBindMem_v2", path);
    printf("new entry: %d %d\n", copy(),
           number_of(resolve, "cuMemcpyWithAttributesAsync", 13020));
    printf("old entry: %d %d\n", number_of(resolve, "cuMulticastBindMem",
                                           12010),
           number_of(resolve, "cuMulticastBindMem", 13000));
    printf("new ABI: %d\n", number_of(resolve, "cuMulticastBindMem", 99000));
    printf("none: %d\n", number_of(resolve, "cuMemFree", 13000));
    /* One address for two names: the other name's wrapper is no answer. */
    APP_CHECK(resolve("cuCtxSynchronize", &one, 2000, 0, NULL) == 0);
    APP_CHECK(dladdr(one, &info) != 0 && strcmp(info.dli_fname, path) == 0);
}

int main(int argc, char **argv)
{
    APP_CHECK(argc >= 2);
    app_check_preload();
    if (strcmp(argv[1], "reopen") == 0) {
        open_again();
    } else if (argc == 3 && strcmp(argv[1], "second") == 0) {
        meet_second(argv[2]);
    } else if (argc == 3 && strcmp(argv[1], "lookalike") == 0) {
        meet_lookalike(argv[2]);
    } else {
        APP_CHECK(argc == 3 && strcmp(argv[1], "newer") == 0);
        meet_newer(argv[2]);
    }
    return 0;
}
