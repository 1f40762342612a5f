/*
 * app.c - routes to the driver and a cycle of work, for programs that know
 * nothing of the shim. Owns the module and the primary context in use.
 */
#include "app.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { APP_ERRNO = 77, APP_BYTES = 192 * 1024 };

/* Of the thread's own module: threads may begin side by side. */
static _Thread_local CUfunction fill_kernel;
static _Atomic bool is_quiet;
static _Atomic int n_wrong;

void app_fail(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    _Exit(1);
}

static int find_shim(struct dl_phdr_info *info, size_t size, void *opaque)
{
    (void)size;
    (void)opaque;
    return strstr(info->dlpi_name, "libcushadow") != NULL;
}

void app_check_preload(void)
{
    const char *expected = getenv("APP_EXPECTS");
    bool is_there = dl_iterate_phdr(find_shim, NULL) != 0;

    APP_CHECK(expected != NULL);
    APP_CHECK(is_there == (strcmp(expected, "shim") == 0));
}

static void *find_by_dlsym(void *library, const char *symbol)
{
    void *call = dlsym(library, symbol);

    if (call == NULL) {
        app_fail("no %s", symbol);
    }
    return call;
}

struct resolver {
    void *library;
    PFN_cuGetProcAddress_v11030 gpa1;
    PFN_cuGetProcAddress_v12000 gpa2;
    bool is_per_thread;
};

static void *find(const struct resolver *resolver, const char *name,
                  int version, const char *symbol)
{
    cuuint64_t flags = resolver->is_per_thread
                           ? CU_GET_PROC_ADDRESS_PER_THREAD_DEFAULT_STREAM
                           : CU_GET_PROC_ADDRESS_DEFAULT;
    void *call = NULL;

    if (resolver->gpa1 != NULL) {
        APP_CHECK(resolver->gpa1(name, &call, version, flags) == 0);
    } else if (resolver->gpa2 != NULL) {
        APP_CHECK(resolver->gpa2(name, &call, version, flags, NULL) == 0);
    } else {
        call = find_by_dlsym(resolver->library, symbol);
    }
    APP_CHECK(call != NULL);
    return call;
}

void app_find_driver(struct app_driver *driver_p, const char *route,
                     const char *flavour)
{
    struct resolver resolver = {0};

    resolver.is_per_thread = strcmp(flavour, "per-thread") == 0;
    resolver.library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
    APP_CHECK(resolver.library != NULL);
    if (strcmp(route, "gpa1") == 0) {
        resolver.gpa1 = (PFN_cuGetProcAddress_v11030)find_by_dlsym(
            resolver.library, "cuGetProcAddress");
    } else if (strcmp(route, "gpa2") == 0) {
        resolver.gpa2 = (PFN_cuGetProcAddress_v12000)find_by_dlsym(
            resolver.library, "cuGetProcAddress_v2");
    } else {
        APP_CHECK(strcmp(route, "dlsym") == 0);
    }
#define APP_X(name_, version_, pt_version_, symbol_, pt_symbol_, pfn_)        \
    driver_p->name_##_call = (pfn_)find(                                      \
        &resolver, #name_, resolver.is_per_thread ? pt_version_ : version_,   \
        resolver.is_per_thread ? pt_symbol_ : symbol_);
    APP_CALLS(APP_X)
#undef APP_X
}

void app_begin(const struct app_driver *driver)
{
    CUcontext context;
    CUdevice device;
    CUmodule module;

    APP_CHECK(driver->cuInit_call(0) == 0);
    APP_CHECK(driver->cuDeviceGet_call(&device, 0) == 0);
    APP_CHECK(driver->cuDevicePrimaryCtxRetain_call(&context, device) == 0);
    APP_CHECK(driver->cuCtxSetCurrent_call(context) == 0);
    APP_CHECK(driver->cuModuleLoadData_call(&module, "test kernels") == 0);
    APP_CHECK(driver->cuModuleGetFunction_call(&fill_kernel, module,
                                               "fill_u32") == 0);
}

void app_end(const struct app_driver *driver)
{
    CUdevice device;

    APP_CHECK(driver->cuDeviceGet_call(&device, 0) == 0);
    APP_CHECK(driver->cuDevicePrimaryCtxRelease_call(device) == 0);
}

static void note(const char *what, long value, long expected)
{
    if (!is_quiet) {
        printf("%-28s %ld\n", what, value);
    }
    if (value != expected) {
        n_wrong++;
        fprintf(stderr, "%s: %ld, not %ld\n", what, value, expected);
    }
}

/* A call's result, and that errno came back as it went in. */
#define CALL(expected_, call_)                                                \
    do {                                                                      \
        errno = APP_ERRNO;                                                    \
        note(#call_, (long)driver->call_, (expected_));                       \
        note("  errno", errno, APP_ERRNO);                                    \
    } while (0)

static long differing(const unsigned char *host, unsigned char first,
                      unsigned char step)
{
    long n = 0;
    size_t i;

    for (i = 0; i < APP_BYTES; i++) {
        n += host[i] != (unsigned char)(first + step * (i % 251));
    }
    return n;
}

static void fill_host(unsigned char *host, unsigned char first)
{
    size_t i;

    for (i = 0; i < APP_BYTES; i++) {
        host[i] = (unsigned char)(first + i % 251);
    }
}

struct work {
    unsigned char *source, *target;
    CUdeviceptr device;
    CUstream stream;
};

static void copy_synchronously(const struct app_driver *driver,
                               struct work *work)
{
    int round;

    fill_host(work->source, 3);
    CALL(0, cuMemcpyHtoD_call(work->device, work->source, APP_BYTES));
    for (round = 0; round < 3; round++) {
        memset(work->target, 0, APP_BYTES);
        CALL(0, cuMemcpyDtoH_call(work->target, work->device, APP_BYTES));
        note("  bytes differing", differing(work->target, 3, 1), 0);
    }
    CALL(0, cuMemcpyHtoD_call(work->device, work->target, APP_BYTES));
    memset(work->target, 0, APP_BYTES);
    CALL(0, cuMemcpy_call((CUdeviceptr)(uintptr_t)work->target, work->device,
                          APP_BYTES));
    note("  bytes differing", differing(work->target, 3, 1), 0);
}

static void copy_in_stream_order(const struct app_driver *driver,
                                 struct work *work)
{
    fill_host(work->source, 9);
    CALL(0, cuMemcpyHtoDAsync_call(work->device, work->source, APP_BYTES,
                                   work->stream));
    CALL(0, cuMemcpyDtoHAsync_call(work->target, work->device, APP_BYTES,
                                   work->stream));
    CALL(0, cuStreamSynchronize_call(work->stream));
    note("  bytes differing", differing(work->target, 9, 1), 0);
    fill_host(work->source, 21);
    CALL(0, cuMemcpyAsync_call(work->device,
                               (CUdeviceptr)(uintptr_t)work->source,
                               APP_BYTES, work->stream));
    CALL(0, cuMemcpyDtoHAsync_call(work->target, work->device, APP_BYTES,
                                   work->stream));
    CALL(0, cuStreamSynchronize_call(work->stream));
    note("  bytes differing", differing(work->target, 21, 1), 0);
}

static void change_on_the_device(const struct app_driver *driver,
                                 struct work *work)
{
    unsigned value = 0x05050505;
    unsigned long long count = APP_BYTES / 4;
    void *parameters[] = {&work->device, &value, &count};

    CALL(0, cuMemsetD8Async_call(work->device, 7, APP_BYTES, work->stream));
    CALL(0, cuMemcpyDtoHAsync_call(work->target, work->device, APP_BYTES,
                                   work->stream));
    CALL(0, cuStreamSynchronize_call(work->stream));
    note("  bytes differing", differing(work->target, 7, 0), 0);
    CALL(0, cuLaunchKernel_call(fill_kernel, 1, 1, 1, 1, 1, 1, 0,
                                work->stream, parameters, NULL));
    CALL(0, cuMemcpyDtoHAsync_call(work->target, work->device, APP_BYTES,
                                   work->stream));
    CALL(0, cuStreamSynchronize_call(work->stream));
    note("  bytes differing", differing(work->target, 5, 0), 0);
}

static void fail_on_purpose(const struct app_driver *driver,
                            struct work *work)
{
    const CUdeviceptr nowhere = 64;

    CALL(CUDA_ERROR_INVALID_VALUE,
         cuMemcpyDtoH_call(work->target, nowhere, APP_BYTES));
    CALL(CUDA_ERROR_INVALID_VALUE,
         cuMemcpyHtoD_call(nowhere, work->source, APP_BYTES));
    CALL(CUDA_ERROR_INVALID_VALUE,
         cuMemcpyDtoH_call(work->target, work->device, APP_BYTES * 64));
    CALL(0, cuMemcpyDtoH_call(work->target, work->device, 0));
    CALL(CUDA_ERROR_INVALID_VALUE, cuMemFree_call(nowhere));
    CALL(CUDA_ERROR_INVALID_VALUE, cuMemAlloc_call(NULL, APP_BYTES));
}

static void work_through(const struct app_driver *driver)
{
    struct work work = {malloc(APP_BYTES), malloc(APP_BYTES), 0, NULL};

    APP_CHECK(work.source != NULL && work.target != NULL);
    CALL(0, cuMemAlloc_call(&work.device, APP_BYTES));
    copy_synchronously(driver, &work);
    copy_in_stream_order(driver, &work);
    CALL(0, cuStreamCreate_call(&work.stream, CU_STREAM_NON_BLOCKING));
    copy_in_stream_order(driver, &work);
    change_on_the_device(driver, &work);
    CALL(0, cuStreamDestroy_call(work.stream));
    work.stream = NULL;
    change_on_the_device(driver, &work);
    fail_on_purpose(driver, &work);
    CALL(0, cuMemFree_call(work.device));
    free(work.source);
    free(work.target);
}

void app_cycle(const struct app_driver *driver)
{
    work_through(driver);
    fflush(stdout);
    APP_CHECK(n_wrong == 0);
}

int app_cycle_quietly(const struct app_driver *driver)
{
    is_quiet = true;
    work_through(driver);
    return n_wrong;
}
