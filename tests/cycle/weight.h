/*
 * weight.h - weights of test programs, more of the driver, and scenarios that
 * need settings of their own: what the programs of negative.tap share beside
 * program.h.
 */
#ifndef CYCLE_WEIGHT_H
#define CYCLE_WEIGHT_H

#include "program.h"

#include <pthread.h>

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)
#define WEIGHT (MIB + 192) /* no multiple of a page or of a tile */

#define WEIGHT_CALLS(X)                                                    \
    X(cuLaunchHostFunc, PFN_cuLaunchHostFunc_v10000)                       \
    X(cuStreamWaitValue32_v2, PFN_cuStreamWaitValue32_v11070)              \
    X(cuStreamWaitEvent, PFN_cuStreamWaitEvent_v3020)                      \
    X(cuEventCreate, PFN_cuEventCreate_v2000)                              \
    X(cuEventRecord, PFN_cuEventRecord_v2000)                              \
    X(cuMemsetD8Async, PFN_cuMemsetD8Async_v3020)                          \
    X(cuMemsetD8Async_ptsz, PFN_cuMemsetD8Async_v7000_ptsz)                \
    X(cuMemcpyDtoDAsync_v2, PFN_cuMemcpyDtoDAsync_v3020)                   \
    X(cuMemcpy2D_v2, PFN_cuMemcpy2D_v3020)                                 \
    X(cuCtxGetCurrent, PFN_cuCtxGetCurrent_v4000)                          \
    X(cuMemUnmap, PFN_cuMemUnmap_v10020)                                   \
    X(cuMemMap, PFN_cuMemMap_v10020)                                       \
    X(cuMemCreate, PFN_cuMemCreate_v10020)                                 \
    X(cuMemRelease, PFN_cuMemRelease_v10020)                               \
    X(cuMemSetAccess, PFN_cuMemSetAccess_v10020)                           \
    X(cuMemAddressReserve, PFN_cuMemAddressReserve_v10020)                 \
    X(cuMemGetInfo_v2, PFN_cuMemGetInfo_v3020)                             \
    X(cuMemGetAddressRange_v2, PFN_cuMemGetAddressRange_v3020)             \
    X(cuPointerGetAttribute, PFN_cuPointerGetAttribute_v4000)              \
    X(cuPointerGetAttributes, PFN_cuPointerGetAttributes_v7000)            \
    X(cuMemAllocPitch_v2, PFN_cuMemAllocPitch_v3020)                       \
    X(cuMemAllocManaged, PFN_cuMemAllocManaged_v6000)                      \
    X(cuIpcGetMemHandle, PFN_cuIpcGetMemHandle_v4010)                      \
    X(cuCtxDetach, PFN_cuCtxDetach_v2000)                                  \
    X(cuCtxEnablePeerAccess, PFN_cuCtxEnablePeerAccess_v4000)              \
    X(cuMemcpyPeer, PFN_cuMemcpyPeer_v4000)                                \
    X(cuThreadExchangeStreamCaptureMode,                                   \
      PFN_cuThreadExchangeStreamCaptureMode_v10010)

struct weight_driver {
#define WEIGHT_X(symbol_, pfn_) pfn_ symbol_;
    WEIGHT_CALLS(WEIGHT_X)
#undef WEIGHT_X
    int (*simcuda_set_faults)(const char *faults);
    void (*simcuda_on_call)(int (*hook)(const char *symbol));
    CUresult (*simcuda_break)(CUcontext context, CUresult error);
    CUresult (*simcuda_peek)(void *dst, CUdeviceptr src, size_t bytes);
    void (*simcuda_counters_reset)(void);
    CUresult (*simcuda_take_elsewhere)(CUdevice device, uint64_t bytes);
};

extern struct weight_driver more;

/* The driver's own definition of a symbol, by a way that the shim does not
 * see. */
void *unseen(const char *symbol);

/* Bytes at device, host (the latest offload went there) made of seed. */
struct weight {
    CUdeviceptr device;
    uint8_t *host;
    size_t bytes;
    uint32_t seed;
};

/* Uploaded from elsewhere; not offloaded yet, so host is NULL. */
struct weight uploaded(size_t bytes, uint32_t seed, CUstream stream);

/* The same after its first offload. */
struct weight learned(size_t bytes, uint32_t seed, CUstream stream);

/* Offloads into new memory and checks the bytes; wanted is how many reach the
 * driver under the shim. */
void offload_expecting(const struct weight *weight, uint64_t wanted,
                       CUstream stream);

/* Offloads a weight that was changed in whatever way: n bytes at `at` are
 * `value` now, the others as ever; all of them must come by a true copy. Then
 * once more, as the weight that it has become. */
void changed_expecting(const struct weight *weight, size_t at, size_t n,
                       uint8_t value, CUstream stream);

/* The same of a weight whose change was seen on its way to the device: no
 * byte comes back. */
void known_expecting(const struct weight *weight, size_t at, size_t n,
                     uint8_t value, CUstream stream);

/* Device bytes are those of seed, whatever route they came by. */
bool device_holds(CUdeviceptr device, size_t bytes, uint32_t seed);

CUstream new_stream(unsigned flags);

/* Pinned, zero. */
void *pinned(size_t bytes);

/* Work of the stream from here on waits until *flag is 1. */
void hold_back(CUstream stream, uint32_t *flag);

/* Sets *flag to 1 a moment from now, from another thread; join ends it. */
pthread_t release_soon(uint32_t *flag);
void release(uint32_t *flag);
void join(pthread_t thread);

/* What happens to this system call (SECCOMP_RET_*, linux/seccomp.h) from now
 * on, in threads to come too. */
void forbid(int number, unsigned action);

/* A scenario with settings, "NAME=VALUE NAME=VALUE", made before the first
 * use of CUDA; they win over the environment's. */
struct negative {
    const char *name;
    void (*run)(void);
    const char *settings;
};

int negative_main(int argc, char **argv, const struct negative *negatives,
                  size_t count);

#endif
