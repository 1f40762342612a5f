/*
 * swap_driver.h - the driver's entries, found at run time as libcudart does:
 * dlopen of libcuda.so.1, one dlsym for the resolver, and the resolver for
 * everything else. Nothing is linked.
 */
#ifndef SWAP_DRIVER_H
#define SWAP_DRIVER_H

#include <cuda.h>
#include <cudaTypedefs.h>
#include <stdbool.h>

/* X(exported symbol, base name, first version, NVIDIA's type of it) */
#define SWAP_DRIVER_ENTRIES(X)                                              \
    X(cuInit, "cuInit", 2000, PFN_cuInit_v2000)                             \
    X(cuDriverGetVersion, "cuDriverGetVersion", 2020,                       \
      PFN_cuDriverGetVersion_v2020)                                         \
    X(cuGetErrorName, "cuGetErrorName", 6000, PFN_cuGetErrorName_v6000)     \
    X(cuDeviceGetCount, "cuDeviceGetCount", 2000,                           \
      PFN_cuDeviceGetCount_v2000)                                           \
    X(cuDeviceGet, "cuDeviceGet", 2000, PFN_cuDeviceGet_v2000)              \
    X(cuDeviceGetName, "cuDeviceGetName", 2000, PFN_cuDeviceGetName_v2000)  \
    X(cuDevicePrimaryCtxRetain, "cuDevicePrimaryCtxRetain", 7000,           \
      PFN_cuDevicePrimaryCtxRetain_v7000)                                   \
    X(cuDevicePrimaryCtxRelease_v2, "cuDevicePrimaryCtxRelease", 11000,     \
      PFN_cuDevicePrimaryCtxRelease_v11000)                                 \
    X(cuCtxSetCurrent, "cuCtxSetCurrent", 4000, PFN_cuCtxSetCurrent_v4000)  \
    X(cuModuleLoadData, "cuModuleLoadData", 2000,                           \
      PFN_cuModuleLoadData_v2000)                                           \
    X(cuModuleGetFunction, "cuModuleGetFunction", 2000,                     \
      PFN_cuModuleGetFunction_v2000)                                        \
    X(cuModuleUnload, "cuModuleUnload", 2000, PFN_cuModuleUnload_v2000)     \
    X(cuMemGetInfo_v2, "cuMemGetInfo", 3020, PFN_cuMemGetInfo_v3020)        \
    X(cuMemAlloc_v2, "cuMemAlloc", 3020, PFN_cuMemAlloc_v3020)              \
    X(cuMemFree_v2, "cuMemFree", 3020, PFN_cuMemFree_v3020)                 \
    X(cuMemcpyHtoDAsync_v2, "cuMemcpyHtoDAsync", 3020,                      \
      PFN_cuMemcpyHtoDAsync_v3020)                                          \
    X(cuMemcpyDtoHAsync_v2, "cuMemcpyDtoHAsync", 3020,                      \
      PFN_cuMemcpyDtoHAsync_v3020)                                          \
    X(cuStreamSynchronize, "cuStreamSynchronize", 2000,                     \
      PFN_cuStreamSynchronize_v2000)                                        \
    X(cuLaunchKernel, "cuLaunchKernel", 4000, PFN_cuLaunchKernel_v4000)

struct swap_driver {
#define SWAP_X(symbol_, base_, version_, type_) type_ symbol_;
    SWAP_DRIVER_ENTRIES(SWAP_X)
#undef SWAP_X
};

/* Fills every entry and calls cuInit. False: no usable driver, and one line
 * on stderr says why. */
bool swap_driver_open(struct swap_driver *driver);

/* Ends the program with the call's name and the driver's error, if any. */
void swap_driver_check(const struct swap_driver *driver, CUresult result,
                       const char *call);

#define swap_call(driver_, symbol_, ...)                                  \
    swap_driver_check((driver_), (driver_)->symbol_(__VA_ARGS__), #symbol_)

#endif
