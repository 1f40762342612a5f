/*
 * surface.h - every entry of libcuda that the shim stands in front of: one
 * row an ELF symbol, here and in the files that it includes. Prototypes, real
 * slots, the dlsym filter, the look-up by (name, version, flags), the export
 * list and README's table come from here.
 *
 *   X(symbol, base, since, flavour, pfn, tier)
 *   X(symbol, base, since, flavour, pfn, tier, parameters, arguments)
 *
 * symbol   what libcuda exports. A token: with __CUDA_API_VERSION_INTERNAL
 *          no header macro renames it.
 * base     the name that a client gives to cuGetProcAddress.
 * since    the version it gives for this ABI: the number in NVIDIA's typedef.
 * flavour  PER_THREAD for the _ptds and _ptsz twins.
 * pfn      NVIDIA's typedef from cudaTypedefs.h; a wrapper that is not of
 *          this type does not compile.
 * tier     what the shim does there, enum csh_tier.
 * parameters, arguments: only in rows whose wrapper does nothing but
 *          forward; forward.c makes it from the row.
 *
 * Oldest headers supported: CUDA 12.0. Rows that newer headers bring stand
 * under the version that brought them. Names, versions and twins are those of
 * cuda.h and cudaTypedefs.h of CUDA 13.0.
 */
#ifndef CSH_DRIVER_SURFACE_H
#define CSH_DRIVER_SURFACE_H

#ifdef CUDA_API_PER_THREAD_DEFAULT_STREAM
#error "rows name both flavours: no CUDA_API_PER_THREAD_DEFAULT_STREAM here"
#endif
#ifndef __CUDA_API_VERSION_INTERNAL
#error "build with -D__CUDA_API_VERSION_INTERNAL: cuda.h renames entries else"
#endif

#include <cuda.h>
#include <cudaTypedefs.h>

#include "driver/surface_forwarded.h"
#include "driver/surface_queries.h"
#include "driver/surface_watched.h"
#include "driver/surface_writes.h"

#if CUDA_VERSION < 12000
#error "the headers of CUDA 12.0 or newer are needed"
#endif

enum csh_tier {
    CSH_TIER_RESOLVER,   /* wrapped: hands out entries */
    CSH_TIER_COPY,       /* the engine decides */
    CSH_TIER_ALLOCATION, /* the engine is told afterwards */
    CSH_TIER_RELEASE,    /* the engine is told before and afterwards */
    CSH_TIER_STREAM,     /* the engine knows which there are */
    CSH_TIER_CAPTURE,    /* the engine counts */
    CSH_TIER_HOST,       /* forwarded: the driver pins the program's memory */
    CSH_TIER_ROOM,       /* parked memory is not seen */
    CSH_TIER_SHARE,      /* forwarded: memory gets a second way in */
    CSH_TIER_WRITE,      /* forwarded: writes device memory */
    CSH_TIER_PEER,       /* forwarded: writes memory of another context */
    CSH_TIER_LAUNCH,     /* forwarded: may write any device memory */
    CSH_N_HOOKED_TIERS,
    CSH_TIER_WATCHED = CSH_N_HOOKED_TIERS, /* see surface_watched.h */
    CSH_TIER_OPENED,
    CSH_TIER_PRIVATE,
    CSH_TIER_LEGACY,
    CSH_N_TIERS,
};

/* Hand out entries, themselves included. */
#define CSH_SURFACE_RESOLVERS(X)                                              \
    X(cuGetProcAddress, "cuGetProcAddress", 11030, PLAIN,                     \
      PFN_cuGetProcAddress_v11030, RESOLVER)                                  \
    X(cuGetProcAddress_v2, "cuGetProcAddress", 12000, PLAIN,                  \
      PFN_cuGetProcAddress_v12000, RESOLVER)

/* Contiguous copies between host and device: what the shim is for. */
#define CSH_SURFACE_COPIES(X)                                                 \
    X(cuMemcpyDtoH_v2, "cuMemcpyDtoH", 3020, PLAIN,                           \
      PFN_cuMemcpyDtoH_v3020, COPY)                                           \
    X(cuMemcpyDtoH_v2_ptds, "cuMemcpyDtoH", 7000, PER_THREAD,                 \
      PFN_cuMemcpyDtoH_v7000_ptds, COPY)                                      \
    X(cuMemcpyDtoHAsync_v2, "cuMemcpyDtoHAsync", 3020, PLAIN,                 \
      PFN_cuMemcpyDtoHAsync_v3020, COPY)                                      \
    X(cuMemcpyDtoHAsync_v2_ptsz, "cuMemcpyDtoHAsync", 7000,                   \
      PER_THREAD, PFN_cuMemcpyDtoHAsync_v7000_ptsz, COPY)                     \
    X(cuMemcpyHtoD_v2, "cuMemcpyHtoD", 3020, PLAIN,                           \
      PFN_cuMemcpyHtoD_v3020, COPY)                                           \
    X(cuMemcpyHtoD_v2_ptds, "cuMemcpyHtoD", 7000, PER_THREAD,                 \
      PFN_cuMemcpyHtoD_v7000_ptds, COPY)                                      \
    X(cuMemcpyHtoDAsync_v2, "cuMemcpyHtoDAsync", 3020, PLAIN,                 \
      PFN_cuMemcpyHtoDAsync_v3020, COPY)                                      \
    X(cuMemcpyHtoDAsync_v2_ptsz, "cuMemcpyHtoDAsync", 7000,                   \
      PER_THREAD, PFN_cuMemcpyHtoDAsync_v7000_ptsz, COPY)                     \
    X(cuMemcpy, "cuMemcpy", 4000, PLAIN, PFN_cuMemcpy_v4000, COPY)            \
    X(cuMemcpy_ptds, "cuMemcpy", 7000, PER_THREAD,                            \
      PFN_cuMemcpy_v7000_ptds, COPY)                                          \
    X(cuMemcpyAsync, "cuMemcpyAsync", 4000, PLAIN,                            \
      PFN_cuMemcpyAsync_v4000, COPY)                                          \
    X(cuMemcpyAsync_ptsz, "cuMemcpyAsync", 7000, PER_THREAD,                  \
      PFN_cuMemcpyAsync_v7000_ptsz, COPY)

/* Device memory begins. */
#define CSH_SURFACE_ALLOCATIONS(X)                                            \
    X(cuMemAlloc_v2, "cuMemAlloc", 3020, PLAIN, PFN_cuMemAlloc_v3020,         \
      ALLOCATION)                                                             \
    X(cuMemAllocPitch_v2, "cuMemAllocPitch", 3020, PLAIN,                     \
      PFN_cuMemAllocPitch_v3020, ALLOCATION)                                  \
    X(cuMemAllocAsync, "cuMemAllocAsync", 11020, PLAIN,                       \
      PFN_cuMemAllocAsync_v11020, ALLOCATION)                                 \
    X(cuMemAllocAsync_ptsz, "cuMemAllocAsync", 11020, PER_THREAD,             \
      PFN_cuMemAllocAsync_v11020_ptsz, ALLOCATION)                            \
    X(cuMemAllocFromPoolAsync, "cuMemAllocFromPoolAsync", 11020,              \
      PLAIN, PFN_cuMemAllocFromPoolAsync_v11020, ALLOCATION)                  \
    X(cuMemAllocFromPoolAsync_ptsz, "cuMemAllocFromPoolAsync", 11020,         \
      PER_THREAD, PFN_cuMemAllocFromPoolAsync_v11020_ptsz,                    \
      ALLOCATION)                                                             \
    X(cuMemAllocManaged, "cuMemAllocManaged", 6000, PLAIN,                    \
      PFN_cuMemAllocManaged_v6000, ALLOCATION)                                \
    X(cuMemCreate, "cuMemCreate", 10020, PLAIN,                               \
      PFN_cuMemCreate_v10020, ALLOCATION)                                     \
    X(cuMemMap, "cuMemMap", 10020, PLAIN, PFN_cuMemMap_v10020,                \
      ALLOCATION)                                                             \
    X(cuMemSetAccess, "cuMemSetAccess", 10020, PLAIN,                         \
      PFN_cuMemSetAccess_v10020, ALLOCATION)

/* Device memory, or the context that holds it, ends. */
#define CSH_SURFACE_RELEASES(X)                                               \
    X(cuMemFree_v2, "cuMemFree", 3020, PLAIN, PFN_cuMemFree_v3020,            \
      RELEASE)                                                                \
    X(cuMemFreeAsync, "cuMemFreeAsync", 11020, PLAIN,                         \
      PFN_cuMemFreeAsync_v11020, RELEASE)                                     \
    X(cuMemFreeAsync_ptsz, "cuMemFreeAsync", 11020, PER_THREAD,               \
      PFN_cuMemFreeAsync_v11020_ptsz, RELEASE)                                \
    X(cuMemUnmap, "cuMemUnmap", 10020, PLAIN, PFN_cuMemUnmap_v10020,          \
      RELEASE)                                                                \
    X(cuCtxDestroy, "cuCtxDestroy", 2000, PLAIN,                              \
      PFN_cuCtxDestroy_v2000, RELEASE)                                        \
    X(cuCtxDestroy_v2, "cuCtxDestroy", 4000, PLAIN,                           \
      PFN_cuCtxDestroy_v4000, RELEASE)                                        \
    X(cuCtxDetach, "cuCtxDetach", 2000, PLAIN, PFN_cuCtxDetach_v2000,         \
      RELEASE)                                                                \
    X(cuDevicePrimaryCtxRelease, "cuDevicePrimaryCtxRelease", 7000,           \
      PLAIN, PFN_cuDevicePrimaryCtxRelease_v7000, RELEASE)                    \
    X(cuDevicePrimaryCtxRelease_v2, "cuDevicePrimaryCtxRelease", 11000,       \
      PLAIN, PFN_cuDevicePrimaryCtxRelease_v11000, RELEASE)                   \
    X(cuDevicePrimaryCtxReset, "cuDevicePrimaryCtxReset", 7000,               \
      PLAIN, PFN_cuDevicePrimaryCtxReset_v7000, RELEASE)                      \
    X(cuDevicePrimaryCtxReset_v2, "cuDevicePrimaryCtxReset", 11000,           \
      PLAIN, PFN_cuDevicePrimaryCtxReset_v11000, RELEASE)

/* Streams begin and end. */
#define CSH_SURFACE_STREAMS_12000(X)                                          \
    X(cuStreamCreate, "cuStreamCreate", 2000, PLAIN,                          \
      PFN_cuStreamCreate_v2000, STREAM)                                       \
    X(cuStreamCreateWithPriority, "cuStreamCreateWithPriority", 5050,         \
      PLAIN, PFN_cuStreamCreateWithPriority_v5050, STREAM)                    \
    X(cuStreamDestroy, "cuStreamDestroy", 2000, PLAIN,                        \
      PFN_cuStreamDestroy_v2000, STREAM)                                      \
    X(cuStreamDestroy_v2, "cuStreamDestroy", 4000, PLAIN,                     \
      PFN_cuStreamDestroy_v4000, STREAM)

#if CUDA_VERSION >= 12050
#define CSH_SURFACE_STREAMS_12050(X)                                          \
    X(cuGreenCtxStreamCreate, "cuGreenCtxStreamCreate", 12050, PLAIN,         \
      PFN_cuGreenCtxStreamCreate_v12050, STREAM)
#else
#define CSH_SURFACE_STREAMS_12050(X)
#endif

#define CSH_SURFACE_STREAMS(X)                                                \
    CSH_SURFACE_STREAMS_12000(X)                                              \
    CSH_SURFACE_STREAMS_12050(X)

/* Stream capture begins and ends. */
#define CSH_SURFACE_CAPTURES_12000(X)                                         \
    X(cuStreamBeginCapture, "cuStreamBeginCapture", 10000, PLAIN,             \
      PFN_cuStreamBeginCapture_v10000, CAPTURE)                               \
    X(cuStreamBeginCapture_ptsz, "cuStreamBeginCapture", 10000,               \
      PER_THREAD, PFN_cuStreamBeginCapture_v10000_ptsz, CAPTURE)              \
    X(cuStreamBeginCapture_v2, "cuStreamBeginCapture", 10010, PLAIN,          \
      PFN_cuStreamBeginCapture_v10010, CAPTURE)                               \
    X(cuStreamBeginCapture_v2_ptsz, "cuStreamBeginCapture", 10010,            \
      PER_THREAD, PFN_cuStreamBeginCapture_v10010_ptsz, CAPTURE)              \
    X(cuStreamEndCapture, "cuStreamEndCapture", 10000, PLAIN,                 \
      PFN_cuStreamEndCapture_v10000, CAPTURE)                                 \
    X(cuStreamEndCapture_ptsz, "cuStreamEndCapture", 10000,                   \
      PER_THREAD, PFN_cuStreamEndCapture_v10000_ptsz, CAPTURE)

#if CUDA_VERSION >= 12030
#define CSH_SURFACE_CAPTURES_12030(X)                                         \
    X(cuStreamBeginCaptureToGraph, "cuStreamBeginCaptureToGraph", 12030,      \
      PLAIN, PFN_cuStreamBeginCaptureToGraph_v12030, CAPTURE)                 \
    X(cuStreamBeginCaptureToGraph_ptsz, "cuStreamBeginCaptureToGraph",        \
      12030, PER_THREAD, PFN_cuStreamBeginCaptureToGraph_v12030_ptsz,         \
      CAPTURE)
#else
#define CSH_SURFACE_CAPTURES_12030(X)
#endif

#define CSH_SURFACE_CAPTURES(X)                                               \
    CSH_SURFACE_CAPTURES_12000(X)                                             \
    CSH_SURFACE_CAPTURES_12030(X)

/* Memory of the program's is pinned. */
#define CSH_SURFACE_HOST(X)                                                   \
    X(cuMemHostRegister, "cuMemHostRegister", 4000, PLAIN,                    \
      PFN_cuMemHostRegister_v4000, HOST)                                      \
    X(cuMemHostRegister_v2, "cuMemHostRegister", 6050, PLAIN,                 \
      PFN_cuMemHostRegister_v6050, HOST)

/* What is asked of a pointer. One attribute gives other devices a way in. */
#define CSH_SURFACE_POINTERS(X)                                               \
    X(cuPointerGetAttribute, "cuPointerGetAttribute", 4000, PLAIN,            \
      PFN_cuPointerGetAttribute_v4000, SHARE)                                 \
    X(cuPointerGetAttributes, "cuPointerGetAttributes", 7000, PLAIN,          \
      PFN_cuPointerGetAttributes_v7000, SHARE)

/* What parked memory must not be seen in. */
#define CSH_SURFACE_ROOM(X)                                                   \
    X(cuMemGetInfo_v2, "cuMemGetInfo", 3020, PLAIN, PFN_cuMemGetInfo_v3020,   \
      ROOM)                                                                   \
    X(cuMemGetAddressRange_v2, "cuMemGetAddressRange", 3020, PLAIN,           \
      PFN_cuMemGetAddressRange_v3020, ROOM)

/* Rows whose wrapper is written by hand. */
#define CSH_SURFACE_HANDWRITTEN(X)                                            \
    CSH_SURFACE_RESOLVERS(X)                                                  \
    CSH_SURFACE_COPIES(X)                                                     \
    CSH_SURFACE_ALLOCATIONS(X)                                                \
    CSH_SURFACE_RELEASES(X)                                                   \
    CSH_SURFACE_STREAMS(X)                                                    \
    CSH_SURFACE_CAPTURES(X)                                                   \
    CSH_SURFACE_HOST(X)                                                       \
    CSH_SURFACE_POINTERS(X)                                                   \
    CSH_SURFACE_ROOM(X)

/* Rows whose wrapper forward.c makes. */
#define CSH_SURFACE_FORWARDED(X)                                              \
    CSH_SURFACE_RELEASES_FORWARDED(X)                                         \
    CSH_SURFACE_SHARES(X)                                                     \
    CSH_SURFACE_WRITES(X)                                                     \
    CSH_SURFACE_LAUNCHES(X)

/* Rows that every program gets. */
#define CSH_SURFACE(X)                                                        \
    CSH_SURFACE_HANDWRITTEN(X)                                                \
    CSH_SURFACE_FORWARDED(X)

/* And those that are handed out under CUSHADOW_COHORT=1 only. */
#define CSH_SURFACE_ALL(X)                                                    \
    CSH_SURFACE(X)                                                            \
    CSH_SURFACE_WATCHED(X)

/* Bases of calls that copy, write, launch or order work; a name of one of
 * these families that is in no list is newer than this table, and counted.
 * X(base). */
#define CSH_SURFACE_FAMILIES(X) X("cuMem") X("cuLaunch") X("cuStream")

/* Known to be in drivers that name it in no header, and left alone. X(base). */
#define CSH_SURFACE_PASSED(X) X("cuMemGetAttribute")

#endif
