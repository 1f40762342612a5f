/*
 * app.h - what the programs of this folder share: a driver reached by a route
 * of the program's choice, and a cycle of work on it that says what it saw.
 */
#ifndef APP_H
#define APP_H

#include <cuda.h>
#include <cudaTypedefs.h>

/* X(name, version, per-thread version, symbol, per-thread symbol): a call as
 * cuGetProcAddress and as dlsym know it. The type is NVIDIA's typedef. */
#define APP_CALLS(X)                                                          \
    X(cuInit, 2000, 2000, "cuInit", "cuInit", PFN_cuInit_v2000)               \
    X(cuDeviceGet, 2000, 2000, "cuDeviceGet", "cuDeviceGet",                  \
      PFN_cuDeviceGet_v2000)                                                  \
    X(cuDevicePrimaryCtxRetain, 7000, 7000, "cuDevicePrimaryCtxRetain",       \
      "cuDevicePrimaryCtxRetain", PFN_cuDevicePrimaryCtxRetain_v7000)         \
    X(cuDevicePrimaryCtxRelease, 11000, 11000,                                \
      "cuDevicePrimaryCtxRelease_v2", "cuDevicePrimaryCtxRelease_v2",         \
      PFN_cuDevicePrimaryCtxRelease_v11000)                                   \
    X(cuCtxSetCurrent, 4000, 4000, "cuCtxSetCurrent", "cuCtxSetCurrent",      \
      PFN_cuCtxSetCurrent_v4000)                                              \
    X(cuMemAlloc, 3020, 3020, "cuMemAlloc_v2", "cuMemAlloc_v2",               \
      PFN_cuMemAlloc_v3020)                                                   \
    X(cuMemFree, 3020, 3020, "cuMemFree_v2", "cuMemFree_v2",                  \
      PFN_cuMemFree_v3020)                                                    \
    X(cuMemcpyHtoD, 3020, 7000, "cuMemcpyHtoD_v2", "cuMemcpyHtoD_v2_ptds",    \
      PFN_cuMemcpyHtoD_v3020)                                                 \
    X(cuMemcpyDtoH, 3020, 7000, "cuMemcpyDtoH_v2", "cuMemcpyDtoH_v2_ptds",    \
      PFN_cuMemcpyDtoH_v3020)                                                 \
    X(cuMemcpyHtoDAsync, 3020, 7000, "cuMemcpyHtoDAsync_v2",                  \
      "cuMemcpyHtoDAsync_v2_ptsz", PFN_cuMemcpyHtoDAsync_v3020)               \
    X(cuMemcpyDtoHAsync, 3020, 7000, "cuMemcpyDtoHAsync_v2",                  \
      "cuMemcpyDtoHAsync_v2_ptsz", PFN_cuMemcpyDtoHAsync_v3020)               \
    X(cuMemcpy, 4000, 7000, "cuMemcpy", "cuMemcpy_ptds", PFN_cuMemcpy_v4000)  \
    X(cuMemcpyAsync, 4000, 7000, "cuMemcpyAsync", "cuMemcpyAsync_ptsz",       \
      PFN_cuMemcpyAsync_v4000)                                                \
    X(cuMemsetD8Async, 3020, 7000, "cuMemsetD8Async",                         \
      "cuMemsetD8Async_ptsz", PFN_cuMemsetD8Async_v3020)                      \
    X(cuStreamCreate, 2000, 2000, "cuStreamCreate", "cuStreamCreate",         \
      PFN_cuStreamCreate_v2000)                                               \
    X(cuStreamDestroy, 4000, 4000, "cuStreamDestroy_v2",                      \
      "cuStreamDestroy_v2", PFN_cuStreamDestroy_v4000)                        \
    X(cuStreamSynchronize, 2000, 7000, "cuStreamSynchronize",                 \
      "cuStreamSynchronize_ptsz", PFN_cuStreamSynchronize_v2000)              \
    X(cuModuleLoadData, 2000, 2000, "cuModuleLoadData", "cuModuleLoadData",   \
      PFN_cuModuleLoadData_v2000)                                             \
    X(cuModuleGetFunction, 2000, 2000, "cuModuleGetFunction",                 \
      "cuModuleGetFunction", PFN_cuModuleGetFunction_v2000)                   \
    X(cuLaunchKernel, 4000, 7000, "cuLaunchKernel", "cuLaunchKernel_ptsz",    \
      PFN_cuLaunchKernel_v4000)

struct app_driver {
#define APP_X(name_, version_, pt_version_, symbol_, pt_symbol_, pfn_)        \
    pfn_ name_##_call;
    APP_CALLS(APP_X)
#undef APP_X
};

/* Routes "dlsym", "gpa1" and "gpa2" (cuGetProcAddress and _v2), flavours
 * "legacy" and "per-thread". Ends the program with a message on failure, as
 * does every function here. */
void app_find_driver(struct app_driver *driver_p, const char *route,
                     const char *flavour);

/* Primary context of device 0, current; a module with the test kernels. */
void app_begin(const struct app_driver *driver);
void app_end(const struct app_driver *driver);

/* Uploads, copies back twice, changes on the device, copies back, fails on
 * purpose: prints what each call returned, whether errno was kept and the
 * bytes were right. */
void app_cycle(const struct app_driver *driver);
/* The same without a word; 0 if all was well. */
int app_cycle_quietly(const struct app_driver *driver);

/* The harness says whether the shim shall be there (APP_EXPECTS); a test that
 * runs without it must not pass. */
void app_check_preload(void);

__attribute__((noreturn, format(printf, 1, 2))) void
app_fail(const char *format, ...);

#define APP_CHECK(condition_)                                                 \
    do {                                                                      \
        if (!(condition_)) {                                                  \
            app_fail("%s:%d: %s", __FILE__, __LINE__, #condition_);           \
        }                                                                     \
    } while (0)

#endif
