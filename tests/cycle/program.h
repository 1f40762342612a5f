/*
 * program.h - what every program of tests/cycle is made of: a CUDA program
 * that reaches the driver by dlopen and dlsym as libcudart does, and that
 * asks the simulated driver what reached it.
 *
 * The same scenario runs with and without the shim. What the program can see
 * (bytes, return codes) is asserted in both runs; what reached the driver is
 * asserted for each.
 */
#ifndef CYCLE_PROGRAM_H
#define CYCLE_PROGRAM_H

#include <cuda.h>
#include <cudaTypedefs.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../sim/entry.h"

#define PROGRAM_CALLS(X)                                                   \
    X(cuInit, PFN_cuInit_v2000)                                            \
    X(cuDeviceGet, PFN_cuDeviceGet_v2000)                                  \
    X(cuDevicePrimaryCtxRetain, PFN_cuDevicePrimaryCtxRetain_v7000)        \
    X(cuDevicePrimaryCtxReset_v2, PFN_cuDevicePrimaryCtxReset_v11000)      \
    X(cuCtxCreate_v2, PFN_cuCtxCreate_v3020)                               \
    X(cuCtxDestroy_v2, PFN_cuCtxDestroy_v4000)                             \
    X(cuCtxSetCurrent, PFN_cuCtxSetCurrent_v4000)                          \
    X(cuCtxSynchronize, PFN_cuCtxSynchronize_v2000)                        \
    X(cuMemAlloc_v2, PFN_cuMemAlloc_v3020)                                 \
    X(cuMemFree_v2, PFN_cuMemFree_v3020)                                   \
    X(cuMemAllocAsync, PFN_cuMemAllocAsync_v11020)                         \
    X(cuMemFreeAsync, PFN_cuMemFreeAsync_v11020)                           \
    X(cuMemHostAlloc, PFN_cuMemHostAlloc_v2020)                            \
    X(cuMemFreeHost, PFN_cuMemFreeHost_v2000)                              \
    X(cuMemHostRegister_v2, PFN_cuMemHostRegister_v6050)                   \
    X(cuMemHostUnregister, PFN_cuMemHostUnregister_v4000)                  \
    X(cuMemcpyHtoD_v2, PFN_cuMemcpyHtoD_v3020)                             \
    X(cuMemcpyHtoD_v2_ptds, PFN_cuMemcpyHtoD_v7000_ptds)                   \
    X(cuMemcpyHtoDAsync_v2, PFN_cuMemcpyHtoDAsync_v3020)                   \
    X(cuMemcpyHtoDAsync_v2_ptsz, PFN_cuMemcpyHtoDAsync_v7000_ptsz)         \
    X(cuMemcpyDtoH_v2, PFN_cuMemcpyDtoH_v3020)                             \
    X(cuMemcpyDtoH_v2_ptds, PFN_cuMemcpyDtoH_v7000_ptds)                   \
    X(cuMemcpyDtoHAsync_v2, PFN_cuMemcpyDtoHAsync_v3020)                   \
    X(cuMemcpyDtoHAsync_v2_ptsz, PFN_cuMemcpyDtoHAsync_v7000_ptsz)         \
    X(cuMemcpy, PFN_cuMemcpy_v4000)                                        \
    X(cuMemcpyAsync, PFN_cuMemcpyAsync_v4000)                              \
    X(cuMemcpyDtoD_v2, PFN_cuMemcpyDtoD_v3020)                             \
    X(cuMemsetD8_v2, PFN_cuMemsetD8_v3020)                                 \
    X(cuStreamCreate, PFN_cuStreamCreate_v2000)                            \
    X(cuStreamDestroy_v2, PFN_cuStreamDestroy_v4000)                       \
    X(cuStreamSynchronize, PFN_cuStreamSynchronize_v2000)                  \
    X(cuStreamSynchronize_ptsz, PFN_cuStreamSynchronize_v7000_ptsz)        \
    X(cuStreamBeginCapture_v2, PFN_cuStreamBeginCapture_v10010)            \
    X(cuStreamEndCapture, PFN_cuStreamEndCapture_v10000)                   \
    X(cuGraphInstantiateWithFlags, PFN_cuGraphInstantiateWithFlags_v11040) \
    X(cuGraphLaunch, PFN_cuGraphLaunch_v10000)                             \
    X(cuGraphExecDestroy, PFN_cuGraphExecDestroy_v10000)                   \
    X(cuGraphDestroy, PFN_cuGraphDestroy_v10000)                           \
    X(cuModuleLoadData, PFN_cuModuleLoadData_v2000)                        \
    X(cuModuleGetFunction, PFN_cuModuleGetFunction_v2000)                  \
    X(cuLaunchKernel, PFN_cuLaunchKernel_v4000)

/* Extras of the simulated driver. */
typedef void program_poke(CUdeviceptr dst, const void *bytes, size_t n);
typedef uint64_t program_bytes(enum sim_tally tally);
typedef uint64_t program_calls(const char *entry);
typedef size_t program_handle_bytes(void);

struct program_driver {
#define PROGRAM_X(symbol_, pfn_) pfn_ symbol_;
    PROGRAM_CALLS(PROGRAM_X)
#undef PROGRAM_X
    program_poke *simcuda_poke;
    program_bytes *simcuda_bytes;
    program_calls *simcuda_calls;
    program_handle_bytes *simcuda_handle_bytes;
};

extern struct program_driver cu;

/* True when the run is under the shim (CYCLE_SHIM=1, set by the script). */
extern bool under_shim;

/* Opens the driver, makes the primary context current, loads the kernels. */
void program_start(void);

/* Prints file, line and text to stderr and ends the program with status 1. */
void program_fail(const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4), noreturn));

#define CHECK(condition_)                                             \
    do {                                                              \
        if (!(condition_)) {                                          \
            program_fail(__FILE__, __LINE__, "not so: %s", #condition_); \
        }                                                             \
    } while (0)

#define CHECK_EQUAL(got_, wanted_)                                         \
    do {                                                                   \
        unsigned long long g_ = (unsigned long long)(got_);                \
        unsigned long long w_ = (unsigned long long)(wanted_);             \
        if (g_ != w_) {                                                    \
            program_fail(__FILE__, __LINE__, "%s is %llu, wanted %llu",    \
                         #got_, g_, w_);                                   \
        }                                                                  \
    } while (0)

#define OK(call_) CHECK_EQUAL((call_), CUDA_SUCCESS)

/* Bytes that reached the driver since the program began, by direction. */
uint64_t reached_d2h(void);
uint64_t reached_h2d(void);

/* Runs the statements and checks how many bytes reached the driver in that
 * direction: one figure under the shim, one without. */
#define REACHES(direction_, with_shim_, without_, statements_)          \
    do {                                                                \
        uint64_t before_ = reached_##direction_();                      \
        statements_;                                                    \
        CHECK_EQUAL(reached_##direction_() - before_,                   \
                    under_shim ? (with_shim_) : (without_));            \
    } while (0)

/* Page-aligned fresh memory of posix_memalign(64), as PyTorch asks for. */
void *fresh(size_t bytes);

/* Fills with bytes that depend on seed and position; checks the same. */
void fill(void *memory, size_t bytes, uint32_t seed);
bool holds(const void *memory, size_t bytes, uint32_t seed);

/* One weight, copied as PyTorch does it: one pageable asynchronous copy on
 * the stream and one stream synchronisation. */
void upload(CUdeviceptr dst, const void *src, size_t bytes, CUstream stream);
void offload(void *dst, CUdeviceptr src, size_t bytes, CUstream stream);

/* Changes device memory unseen, so that the bytes that it had are not there
 * already when they are uploaded again. */
void spoil(CUdeviceptr device);

/* Launches a kernel of the simulated driver's table. */
void launch_fill(CUdeviceptr dst, uint32_t value, uint64_t count,
                 CUstream stream);
void launch_wait(CUdeviceptr flag, uint32_t value, CUstream stream);

/* A scenario of a test program. */
struct scenario {
    const char *name;
    void (*run)(void);
};

/* main of a test program: NAME runs that scenario, --list names them all. */
int program_main(int argc, char **argv, const struct scenario *scenarios,
                 size_t count);

#endif
