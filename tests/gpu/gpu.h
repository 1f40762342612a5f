/*
 * gpu.h - what the programs of tests/gpu share: the driver, reached by dlopen
 * and dlsym as libcudart does; kernels; and answers, one line of JSON each on
 * stdout, which report.py reads.
 *
 * They ask a driver what it does, and run on the simulated driver as well, as
 * a dry run: what they say there is nothing about a GPU, and says so. Exit
 * status 77: no driver, or no GPU.
 */
#ifndef TESTS_GPU_H
#define TESTS_GPU_H

#include <cuda.h>
#include <cudaTypedefs.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GPU_CALLS(X)                                             \
    X(cuInit, PFN_cuInit_v2000)                                  \
    X(cuDriverGetVersion, PFN_cuDriverGetVersion_v2020)          \
    X(cuGetErrorName, PFN_cuGetErrorName_v6000)                  \
    X(cuGetProcAddress_v2, PFN_cuGetProcAddress_v12000)          \
    X(cuDeviceGetCount, PFN_cuDeviceGetCount_v2000)              \
    X(cuDeviceGet, PFN_cuDeviceGet_v2000)                        \
    X(cuDeviceGetName, PFN_cuDeviceGetName_v2000)                \
    X(cuDeviceGetAttribute, PFN_cuDeviceGetAttribute_v2000)      \
    X(cuDevicePrimaryCtxRetain, PFN_cuDevicePrimaryCtxRetain_v7000) \
    X(cuCtxSetCurrent, PFN_cuCtxSetCurrent_v4000)                \
    X(cuCtxGetCurrent, PFN_cuCtxGetCurrent_v4000)                \
    X(cuCtxSynchronize, PFN_cuCtxSynchronize_v2000)              \
    X(cuModuleLoadData, PFN_cuModuleLoadData_v2000)              \
    X(cuModuleUnload, PFN_cuModuleUnload_v2000)                  \
    X(cuModuleGetFunction, PFN_cuModuleGetFunction_v2000)        \
    X(cuMemGetInfo_v2, PFN_cuMemGetInfo_v3020)                   \
    X(cuMemAlloc_v2, PFN_cuMemAlloc_v3020)                       \
    X(cuMemFree_v2, PFN_cuMemFree_v3020)                         \
    X(cuMemAllocAsync, PFN_cuMemAllocAsync_v11020)               \
    X(cuMemFreeAsync, PFN_cuMemFreeAsync_v11020)                 \
    X(cuMemAllocManaged, PFN_cuMemAllocManaged_v6000)            \
    X(cuMemHostAlloc, PFN_cuMemHostAlloc_v2020)                  \
    X(cuMemFreeHost, PFN_cuMemFreeHost_v2000)                    \
    X(cuMemHostGetDevicePointer_v2, PFN_cuMemHostGetDevicePointer_v3020) \
    X(cuMemHostRegister_v2, PFN_cuMemHostRegister_v6050)         \
    X(cuMemHostUnregister, PFN_cuMemHostUnregister_v4000)        \
    X(cuMemGetAddressRange_v2, PFN_cuMemGetAddressRange_v3020)   \
    X(cuPointerGetAttribute, PFN_cuPointerGetAttribute_v4000)    \
    X(cuPointerGetAttributes, PFN_cuPointerGetAttributes_v7000)  \
    X(cuMemAddressReserve, PFN_cuMemAddressReserve_v10020)       \
    X(cuMemAddressFree, PFN_cuMemAddressFree_v10020)             \
    X(cuMemCreate, PFN_cuMemCreate_v10020)                       \
    X(cuMemRelease, PFN_cuMemRelease_v10020)                     \
    X(cuMemMap, PFN_cuMemMap_v10020)                             \
    X(cuMemUnmap, PFN_cuMemUnmap_v10020)                         \
    X(cuMemSetAccess, PFN_cuMemSetAccess_v10020)                 \
    X(cuMemGetAllocationGranularity,                             \
      PFN_cuMemGetAllocationGranularity_v10020)                  \
    X(cuMemcpyHtoD_v2, PFN_cuMemcpyHtoD_v3020)                   \
    X(cuMemcpyDtoH_v2, PFN_cuMemcpyDtoH_v3020)                   \
    X(cuMemcpyHtoDAsync_v2, PFN_cuMemcpyHtoDAsync_v3020)         \
    X(cuMemcpyDtoHAsync_v2, PFN_cuMemcpyDtoHAsync_v3020)         \
    X(cuMemcpyDtoDAsync_v2, PFN_cuMemcpyDtoDAsync_v3020)         \
    X(cuMemsetD8Async, PFN_cuMemsetD8Async_v3020)                \
    X(cuStreamCreate, PFN_cuStreamCreate_v2000)                  \
    X(cuStreamDestroy_v2, PFN_cuStreamDestroy_v4000)             \
    X(cuStreamQuery, PFN_cuStreamQuery_v2000)                    \
    X(cuStreamSynchronize, PFN_cuStreamSynchronize_v2000)        \
    X(cuStreamIsCapturing, PFN_cuStreamIsCapturing_v10000)       \
    X(cuStreamWaitEvent, PFN_cuStreamWaitEvent_v3020)            \
    X(cuStreamBeginCapture_v2, PFN_cuStreamBeginCapture_v10010)  \
    X(cuStreamEndCapture, PFN_cuStreamEndCapture_v10000)         \
    X(cuGraphDestroy, PFN_cuGraphDestroy_v10000)                 \
    X(cuEventCreate, PFN_cuEventCreate_v2000)                    \
    X(cuEventDestroy_v2, PFN_cuEventDestroy_v4000)               \
    X(cuEventRecord, PFN_cuEventRecord_v2000)                    \
    X(cuEventQuery, PFN_cuEventQuery_v2000)                      \
    X(cuEventSynchronize, PFN_cuEventSynchronize_v2000)          \
    X(cuLaunchKernel, PFN_cuLaunchKernel_v4000)

struct gpu_driver {
#define GPU_X(symbol_, pfn_) pfn_ symbol_;
    GPU_CALLS(GPU_X)
#undef GPU_X
};

extern struct gpu_driver cu;
/* Of libcuda.so.1. */
extern void *gpu_library;
extern CUdevice gpu_device;
extern bool gpu_is_simulated;

/* Opens the driver, makes the first GPU's primary context current and loads
 * the kernels. Ends the program with 77 where there is none. */
void gpu_start(void);

/* Ends the program with status 1 and a line on stderr unless it succeeded. */
void gpu_check(CUresult result, const char *call, const char *file, int line);
#define OK(call_) gpu_check((call_), #call_, __FILE__, __LINE__)

/* The middle one; sorts them. */
double gpu_median(double *values, size_t n);

/* "CUDA_ERROR_NOT_READY". Static. */
const char *gpu_error_name(CUresult result);

/* Seconds, on a clock that never goes back. */
double gpu_now(void);

/* The kept text of device code under the sources' top, CSH_SRC or the working
 * folder; the caller frees it. NULL if it cannot be read. */
char *gpu_kernel_text(const char *path);

/* ---- kernels ---- */

/* A kernel that runs until it is released, on as many multiprocessors as
 * there are if it is to own the device. */
struct gpu_gate {
    volatile uint32_t *word; /* mapped host memory */
    CUdeviceptr device_word;
};

void gpu_gate_make(struct gpu_gate *gate);
void gpu_gate_launch(struct gpu_gate *gate, CUstream stream, bool own_device);
void gpu_gate_release(struct gpu_gate *gate);

/* words[i] = value, `bytes` being a multiple of 4. */
void gpu_fill(CUdeviceptr words, uint32_t value, size_t bytes,
              CUstream stream);
/* By a kernel, which the simulated driver has not; of a multiple of 16. */
void gpu_copy(CUdeviceptr to, CUdeviceptr from, size_t bytes,
              CUstream stream);
/* Reads the whole range once. */
void gpu_read(CUdeviceptr data, size_t bytes, CUdeviceptr sum,
              CUstream stream);

/* ---- answers ---- */

/* `remark` says what was asked, and may be NULL. */
void gpu_say_number(const char *name, double value, const char *unit,
                    const char *remark);
void gpu_say_text(const char *name, const char *value, const char *remark);
/* With what the design takes to be so. */
void gpu_say_truth(const char *name, bool is, bool assumed,
                   const char *remark);

/* ---- several checks in one program ---- */

struct gpu_point {
    const char *name;
    void (*run)(void);
};

/* main: NAME... runs these, without any all; --list names them. */
int gpu_main(int argc, char **argv, const struct gpu_point *points,
             size_t count);

#endif
