/*
 * prover_calls.h - the driver entries that proving needs.
 *
 * The prover links to no driver; whoever makes it fills this struct with the
 * real entries. A field bears the exact ELF symbol and NVIDIA's own type.
 */
#ifndef CSH_VERIFY_PROVER_CALLS_H
#define CSH_VERIFY_PROVER_CALLS_H

#include <cuda.h>
#include <cudaTypedefs.h>

/* X(symbol = field, type). All of these must be filled. */
#define CSH_PROVER_CALLS(X)                                                 \
    X(cuThreadExchangeStreamCaptureMode,                                    \
      PFN_cuThreadExchangeStreamCaptureMode_v10010)                         \
    X(cuModuleLoadData, PFN_cuModuleLoadData_v2000)                         \
    X(cuModuleGetFunction, PFN_cuModuleGetFunction_v2000)                   \
    X(cuModuleUnload, PFN_cuModuleUnload_v2000)                             \
    X(cuMemHostAlloc, PFN_cuMemHostAlloc_v2020)                             \
    X(cuMemHostGetDevicePointer_v2, PFN_cuMemHostGetDevicePointer_v3020)    \
    X(cuMemFreeHost, PFN_cuMemFreeHost_v2000)                               \
    X(cuStreamCreate, PFN_cuStreamCreate_v2000)                             \
    X(cuStreamDestroy_v2, PFN_cuStreamDestroy_v4000)                        \
    X(cuStreamQuery, PFN_cuStreamQuery_v2000)                               \
    X(cuStreamWaitEvent, PFN_cuStreamWaitEvent_v3020)                       \
    X(cuEventCreate, PFN_cuEventCreate_v2000)                               \
    X(cuEventDestroy_v2, PFN_cuEventDestroy_v4000)                          \
    X(cuEventQuery, PFN_cuEventQuery_v2000)                                 \
    X(cuEventRecord, PFN_cuEventRecord_v2000)                               \
    X(cuEventRecord_ptsz, PFN_cuEventRecord_v7000_ptsz)                     \
    X(cuLaunchKernel, PFN_cuLaunchKernel_v4000)                             \
    X(cuPointerGetAttributes, PFN_cuPointerGetAttributes_v7000)             \
    X(cuMemGetAddressRange_v2, PFN_cuMemGetAddressRange_v3020)

/* X(symbol = field, type). NULL where the driver is older than the entry;
 * the headers may be older too, so the type is spelled out. */
typedef CUresult(CUDAAPI *csh_func_load_fn)(CUfunction function);

#define CSH_PROVER_OPTIONAL_CALLS(X) X(cuFuncLoad, csh_func_load_fn)

struct csh_prover_calls {
#define CSH_X(symbol_, pfn_) pfn_ symbol_;
    CSH_PROVER_CALLS(CSH_X)
    CSH_PROVER_OPTIONAL_CALLS(CSH_X)
#undef CSH_X
};

#if CUDA_VERSION >= 12040
_Static_assert(__builtin_types_compatible_p(csh_func_load_fn,
                                            PFN_cuFuncLoad_v12040),
               "cuFuncLoad is of another type in these headers");
#endif

#endif
