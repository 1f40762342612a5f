/*
 * surface_writes.h - rows of calls that write device memory without being a
 * copy between host and device. Part of surface.h; not included elsewhere.
 *
 * Their wrappers only forward. Columns are those of surface.h; the last two
 * are the parameters and the arguments, named once where several rows share
 * them.
 */
#ifndef CSH_DRIVER_SURFACE_WRITES_H
#define CSH_DRIVER_SURFACE_WRITES_H

#define CSH_ARGS_DECOMPRESS                                                   \
    (CUmemDecompressParams *params, size_t count, unsigned int flags,         \
     size_t *error_index, CUstream stream),                                   \
    (params, count, flags, error_index, stream)
#define CSH_ARGS_DISCARD_PREFETCH                                             \
    (CUdeviceptr *dptrs, size_t *sizes, size_t count,                         \
     CUmemLocation *prefetch_locs, size_t *prefetch_loc_idxs,                 \
     size_t num_prefetch_locs, unsigned long long flags,                      \
     CUstream stream),                                                        \
    (dptrs, sizes, count, prefetch_locs, prefetch_loc_idxs,                   \
     num_prefetch_locs, flags, stream)
#define CSH_ARGS_DISCARD                                                      \
    (CUdeviceptr *dptrs, size_t *sizes, size_t count,                         \
     unsigned long long flags, CUstream stream),                              \
    (dptrs, sizes, count, flags, stream)
#define CSH_ARGS_COPY2D_ASYNC                                                 \
    (const CUDA_MEMCPY2D *copy, CUstream stream),                             \
    (copy, stream)
#define CSH_ARGS_COPY2D                                                       \
    (const CUDA_MEMCPY2D *copy),                                              \
    (copy)
#define CSH_ARGS_COPY3D_ASYNC                                                 \
    (const CUDA_MEMCPY3D *copy, CUstream stream),                             \
    (copy, stream)
#define CSH_ARGS_BATCH3D                                                      \
    (size_t num_params, CUDA_MEMCPY3D_BATCH_OP *ops, size_t *fail_idx,        \
     unsigned long long flags, CUstream stream),                              \
    (num_params, ops, fail_idx, flags, stream)
#define CSH_ARGS_BATCH3D_V2                                                   \
    (size_t num_params, CUDA_MEMCPY3D_BATCH_OP *ops,                          \
     unsigned long long flags, CUstream stream),                              \
    (num_params, ops, flags, stream)
#define CSH_ARGS_PEER3D                                                       \
    (const CUDA_MEMCPY3D_PEER *copy),                                         \
    (copy)
#define CSH_ARGS_PEER3D_ASYNC                                                 \
    (const CUDA_MEMCPY3D_PEER *copy, CUstream stream),                        \
    (copy, stream)
#define CSH_ARGS_COPY3D                                                       \
    (const CUDA_MEMCPY3D *copy),                                              \
    (copy)
#define CSH_ARGS_ATOD                                                         \
    (CUdeviceptr dst, CUarray src_array, size_t src_offset,                   \
     size_t bytes),                                                           \
    (dst, src_array, src_offset, bytes)
#define CSH_ARGS_BATCH                                                        \
    (CUdeviceptr *dsts, CUdeviceptr *srcs, size_t *sizes, size_t count,       \
     CUmemcpyAttributes *attrs, size_t *attr_idxs, size_t num_attrs,          \
     size_t *fail_idx, CUstream stream),                                      \
    (dsts, srcs, sizes, count, attrs, attr_idxs, num_attrs, fail_idx,         \
     stream)
#define CSH_ARGS_BATCH_V2                                                     \
    (CUdeviceptr *dsts, CUdeviceptr *srcs, size_t *sizes, size_t count,       \
     CUmemcpyAttributes *attrs, size_t *attr_idxs, size_t num_attrs,          \
     CUstream stream),                                                        \
    (dsts, srcs, sizes, count, attrs, attr_idxs, num_attrs, stream)
#define CSH_ARGS_DTOD_ASYNC                                                   \
    (CUdeviceptr dst, CUdeviceptr src, size_t bytes, CUstream stream),        \
    (dst, src, bytes, stream)
#define CSH_ARGS_DTOD                                                         \
    (CUdeviceptr dst, CUdeviceptr src, size_t bytes),                         \
    (dst, src, bytes)
#define CSH_ARGS_PEER                                                         \
    (CUdeviceptr dst, CUcontext dst_context, CUdeviceptr src,                 \
     CUcontext src_context, size_t bytes),                                    \
    (dst, dst_context, src, src_context, bytes)
#define CSH_ARGS_PEER_ASYNC                                                   \
    (CUdeviceptr dst, CUcontext dst_context, CUdeviceptr src,                 \
     CUcontext src_context, size_t bytes, CUstream stream),                   \
    (dst, dst_context, src, src_context, bytes, stream)
#define CSH_ARGS_MEMSET_ASYNC(type_)                                          \
    (CUdeviceptr dst, type_ value, size_t n, CUstream stream),                \
    (dst, value, n, stream)
#define CSH_ARGS_MEMSET(type_)                                                \
    (CUdeviceptr dst, type_ value, size_t n),                                 \
    (dst, value, n)
#define CSH_ARGS_MEMSET2D_ASYNC(type_)                                        \
    (CUdeviceptr dst, size_t pitch, type_ value, size_t width,                \
     size_t height, CUstream stream),                                         \
    (dst, pitch, value, width, height, stream)
#define CSH_ARGS_MEMSET2D(type_)                                              \
    (CUdeviceptr dst, size_t pitch, type_ value, size_t width,                \
     size_t height),                                                          \
    (dst, pitch, value, width, height)
#define CSH_ARGS_BATCH_MEM_OP                                                 \
    (CUstream stream, unsigned int count,                                     \
     CUstreamBatchMemOpParams *params, unsigned int flags),                   \
    (stream, count, params, flags)
#define CSH_ARGS_WRITE_VALUE(type_)                                           \
    (CUstream stream, CUdeviceptr addr, type_ value, unsigned int flags),     \
    (stream, addr, value, flags)

#define CSH_SURFACE_WRITES_12000(X)                                           \
    X(cuMemcpy2DAsync_v2, "cuMemcpy2DAsync", 3020, PLAIN,                     \
      PFN_cuMemcpy2DAsync_v3020, WRITE, CSH_ARGS_COPY2D_ASYNC)                \
    X(cuMemcpy2DAsync_v2_ptsz, "cuMemcpy2DAsync", 7000, PER_THREAD,           \
      PFN_cuMemcpy2DAsync_v7000_ptsz, WRITE, CSH_ARGS_COPY2D_ASYNC)           \
    X(cuMemcpy2DUnaligned_v2, "cuMemcpy2DUnaligned", 3020, PLAIN,             \
      PFN_cuMemcpy2DUnaligned_v3020, WRITE, CSH_ARGS_COPY2D)                  \
    X(cuMemcpy2DUnaligned_v2_ptds, "cuMemcpy2DUnaligned", 7000,               \
      PER_THREAD, PFN_cuMemcpy2DUnaligned_v7000_ptds, WRITE,                  \
      CSH_ARGS_COPY2D)                                                        \
    X(cuMemcpy2D_v2, "cuMemcpy2D", 3020, PLAIN, PFN_cuMemcpy2D_v3020,         \
      WRITE, CSH_ARGS_COPY2D)                                                 \
    X(cuMemcpy2D_v2_ptds, "cuMemcpy2D", 7000, PER_THREAD,                     \
      PFN_cuMemcpy2D_v7000_ptds, WRITE, CSH_ARGS_COPY2D)                      \
    X(cuMemcpy3DAsync_v2, "cuMemcpy3DAsync", 3020, PLAIN,                     \
      PFN_cuMemcpy3DAsync_v3020, WRITE, CSH_ARGS_COPY3D_ASYNC)                \
    X(cuMemcpy3DAsync_v2_ptsz, "cuMemcpy3DAsync", 7000, PER_THREAD,           \
      PFN_cuMemcpy3DAsync_v7000_ptsz, WRITE, CSH_ARGS_COPY3D_ASYNC)           \
    X(cuMemcpy3DPeer, "cuMemcpy3DPeer", 4000, PLAIN,                          \
      PFN_cuMemcpy3DPeer_v4000, PEER, CSH_ARGS_PEER3D)                       \
    X(cuMemcpy3DPeerAsync, "cuMemcpy3DPeerAsync", 4000, PLAIN,                \
      PFN_cuMemcpy3DPeerAsync_v4000, PEER, CSH_ARGS_PEER3D_ASYNC)            \
    X(cuMemcpy3DPeerAsync_ptsz, "cuMemcpy3DPeerAsync", 7000,                  \
      PER_THREAD, PFN_cuMemcpy3DPeerAsync_v7000_ptsz, PEER,                  \
      CSH_ARGS_PEER3D_ASYNC)                                                  \
    X(cuMemcpy3DPeer_ptds, "cuMemcpy3DPeer", 7000, PER_THREAD,                \
      PFN_cuMemcpy3DPeer_v7000_ptds, PEER, CSH_ARGS_PEER3D)                  \
    X(cuMemcpy3D_v2, "cuMemcpy3D", 3020, PLAIN, PFN_cuMemcpy3D_v3020,         \
      WRITE, CSH_ARGS_COPY3D)                                                 \
    X(cuMemcpy3D_v2_ptds, "cuMemcpy3D", 7000, PER_THREAD,                     \
      PFN_cuMemcpy3D_v7000_ptds, WRITE, CSH_ARGS_COPY3D)                      \
    X(cuMemcpyAtoD_v2, "cuMemcpyAtoD", 3020, PLAIN,                           \
      PFN_cuMemcpyAtoD_v3020, WRITE, CSH_ARGS_ATOD)                           \
    X(cuMemcpyAtoD_v2_ptds, "cuMemcpyAtoD", 7000, PER_THREAD,                 \
      PFN_cuMemcpyAtoD_v7000_ptds, WRITE, CSH_ARGS_ATOD)                      \
    X(cuMemcpyDtoDAsync_v2, "cuMemcpyDtoDAsync", 3020, PLAIN,                 \
      PFN_cuMemcpyDtoDAsync_v3020, WRITE, CSH_ARGS_DTOD_ASYNC)                \
    X(cuMemcpyDtoDAsync_v2_ptsz, "cuMemcpyDtoDAsync", 7000,                   \
      PER_THREAD, PFN_cuMemcpyDtoDAsync_v7000_ptsz, WRITE,                    \
      CSH_ARGS_DTOD_ASYNC)                                                    \
    X(cuMemcpyDtoD_v2, "cuMemcpyDtoD", 3020, PLAIN,                           \
      PFN_cuMemcpyDtoD_v3020, WRITE, CSH_ARGS_DTOD)                           \
    X(cuMemcpyDtoD_v2_ptds, "cuMemcpyDtoD", 7000, PER_THREAD,                 \
      PFN_cuMemcpyDtoD_v7000_ptds, WRITE, CSH_ARGS_DTOD)                      \
    X(cuMemcpyPeer, "cuMemcpyPeer", 4000, PLAIN,                              \
      PFN_cuMemcpyPeer_v4000, PEER, CSH_ARGS_PEER)                           \
    X(cuMemcpyPeerAsync, "cuMemcpyPeerAsync", 4000, PLAIN,                    \
      PFN_cuMemcpyPeerAsync_v4000, PEER, CSH_ARGS_PEER_ASYNC)                \
    X(cuMemcpyPeerAsync_ptsz, "cuMemcpyPeerAsync", 7000, PER_THREAD,          \
      PFN_cuMemcpyPeerAsync_v7000_ptsz, PEER, CSH_ARGS_PEER_ASYNC)           \
    X(cuMemcpyPeer_ptds, "cuMemcpyPeer", 7000, PER_THREAD,                    \
      PFN_cuMemcpyPeer_v7000_ptds, PEER, CSH_ARGS_PEER)                      \
    X(cuMemsetD16Async, "cuMemsetD16Async", 3020, PLAIN,                      \
      PFN_cuMemsetD16Async_v3020, WRITE,                                      \
      CSH_ARGS_MEMSET_ASYNC(unsigned short))                                  \
    X(cuMemsetD16Async_ptsz, "cuMemsetD16Async", 7000, PER_THREAD,            \
      PFN_cuMemsetD16Async_v7000_ptsz, WRITE,                                 \
      CSH_ARGS_MEMSET_ASYNC(unsigned short))                                  \
    X(cuMemsetD16_v2, "cuMemsetD16", 3020, PLAIN,                             \
      PFN_cuMemsetD16_v3020, WRITE, CSH_ARGS_MEMSET(unsigned short))          \
    X(cuMemsetD16_v2_ptds, "cuMemsetD16", 7000, PER_THREAD,                   \
      PFN_cuMemsetD16_v7000_ptds, WRITE, CSH_ARGS_MEMSET(unsigned short))     \
    X(cuMemsetD2D16Async, "cuMemsetD2D16Async", 3020, PLAIN,                  \
      PFN_cuMemsetD2D16Async_v3020, WRITE,                                    \
      CSH_ARGS_MEMSET2D_ASYNC(unsigned short))                                \
    X(cuMemsetD2D16Async_ptsz, "cuMemsetD2D16Async", 7000,                    \
      PER_THREAD, PFN_cuMemsetD2D16Async_v7000_ptsz, WRITE,                   \
      CSH_ARGS_MEMSET2D_ASYNC(unsigned short))                                \
    X(cuMemsetD2D16_v2, "cuMemsetD2D16", 3020, PLAIN,                         \
      PFN_cuMemsetD2D16_v3020, WRITE, CSH_ARGS_MEMSET2D(unsigned short))      \
    X(cuMemsetD2D16_v2_ptds, "cuMemsetD2D16", 7000, PER_THREAD,               \
      PFN_cuMemsetD2D16_v7000_ptds, WRITE,                                    \
      CSH_ARGS_MEMSET2D(unsigned short))                                      \
    X(cuMemsetD2D32Async, "cuMemsetD2D32Async", 3020, PLAIN,                  \
      PFN_cuMemsetD2D32Async_v3020, WRITE,                                    \
      CSH_ARGS_MEMSET2D_ASYNC(unsigned int))                                  \
    X(cuMemsetD2D32Async_ptsz, "cuMemsetD2D32Async", 7000,                    \
      PER_THREAD, PFN_cuMemsetD2D32Async_v7000_ptsz, WRITE,                   \
      CSH_ARGS_MEMSET2D_ASYNC(unsigned int))                                  \
    X(cuMemsetD2D32_v2, "cuMemsetD2D32", 3020, PLAIN,                         \
      PFN_cuMemsetD2D32_v3020, WRITE, CSH_ARGS_MEMSET2D(unsigned int))        \
    X(cuMemsetD2D32_v2_ptds, "cuMemsetD2D32", 7000, PER_THREAD,               \
      PFN_cuMemsetD2D32_v7000_ptds, WRITE,                                    \
      CSH_ARGS_MEMSET2D(unsigned int))                                        \
    X(cuMemsetD2D8Async, "cuMemsetD2D8Async", 3020, PLAIN,                    \
      PFN_cuMemsetD2D8Async_v3020, WRITE,                                     \
      CSH_ARGS_MEMSET2D_ASYNC(unsigned char))                                 \
    X(cuMemsetD2D8Async_ptsz, "cuMemsetD2D8Async", 7000, PER_THREAD,          \
      PFN_cuMemsetD2D8Async_v7000_ptsz, WRITE,                                \
      CSH_ARGS_MEMSET2D_ASYNC(unsigned char))                                 \
    X(cuMemsetD2D8_v2, "cuMemsetD2D8", 3020, PLAIN,                           \
      PFN_cuMemsetD2D8_v3020, WRITE, CSH_ARGS_MEMSET2D(unsigned char))        \
    X(cuMemsetD2D8_v2_ptds, "cuMemsetD2D8", 7000, PER_THREAD,                 \
      PFN_cuMemsetD2D8_v7000_ptds, WRITE,                                     \
      CSH_ARGS_MEMSET2D(unsigned char))                                       \
    X(cuMemsetD32Async, "cuMemsetD32Async", 3020, PLAIN,                      \
      PFN_cuMemsetD32Async_v3020, WRITE,                                      \
      CSH_ARGS_MEMSET_ASYNC(unsigned int))                                    \
    X(cuMemsetD32Async_ptsz, "cuMemsetD32Async", 7000, PER_THREAD,            \
      PFN_cuMemsetD32Async_v7000_ptsz, WRITE,                                 \
      CSH_ARGS_MEMSET_ASYNC(unsigned int))                                    \
    X(cuMemsetD32_v2, "cuMemsetD32", 3020, PLAIN,                             \
      PFN_cuMemsetD32_v3020, WRITE, CSH_ARGS_MEMSET(unsigned int))            \
    X(cuMemsetD32_v2_ptds, "cuMemsetD32", 7000, PER_THREAD,                   \
      PFN_cuMemsetD32_v7000_ptds, WRITE, CSH_ARGS_MEMSET(unsigned int))       \
    X(cuMemsetD8Async, "cuMemsetD8Async", 3020, PLAIN,                        \
      PFN_cuMemsetD8Async_v3020, WRITE,                                       \
      CSH_ARGS_MEMSET_ASYNC(unsigned char))                                   \
    X(cuMemsetD8Async_ptsz, "cuMemsetD8Async", 7000, PER_THREAD,              \
      PFN_cuMemsetD8Async_v7000_ptsz, WRITE,                                  \
      CSH_ARGS_MEMSET_ASYNC(unsigned char))                                   \
    X(cuMemsetD8_v2, "cuMemsetD8", 3020, PLAIN, PFN_cuMemsetD8_v3020,         \
      WRITE, CSH_ARGS_MEMSET(unsigned char))                                  \
    X(cuMemsetD8_v2_ptds, "cuMemsetD8", 7000, PER_THREAD,                     \
      PFN_cuMemsetD8_v7000_ptds, WRITE, CSH_ARGS_MEMSET(unsigned char))       \
    X(cuStreamBatchMemOp, "cuStreamBatchMemOp", 8000, PLAIN,                  \
      PFN_cuStreamBatchMemOp_v8000, WRITE, CSH_ARGS_BATCH_MEM_OP)             \
    X(cuStreamBatchMemOp_ptsz, "cuStreamBatchMemOp", 8000,                    \
      PER_THREAD, PFN_cuStreamBatchMemOp_v8000_ptsz, WRITE,                   \
      CSH_ARGS_BATCH_MEM_OP)                                                  \
    X(cuStreamBatchMemOp_v2, "cuStreamBatchMemOp", 11070, PLAIN,              \
      PFN_cuStreamBatchMemOp_v11070, WRITE, CSH_ARGS_BATCH_MEM_OP)            \
    X(cuStreamBatchMemOp_v2_ptsz, "cuStreamBatchMemOp", 11070,                \
      PER_THREAD, PFN_cuStreamBatchMemOp_v11070_ptsz, WRITE,                  \
      CSH_ARGS_BATCH_MEM_OP)                                                  \
    X(cuStreamWriteValue32, "cuStreamWriteValue32", 8000, PLAIN,              \
      PFN_cuStreamWriteValue32_v8000, WRITE,                                  \
      CSH_ARGS_WRITE_VALUE(cuuint32_t))                                       \
    X(cuStreamWriteValue32_ptsz, "cuStreamWriteValue32", 8000,                \
      PER_THREAD, PFN_cuStreamWriteValue32_v8000_ptsz, WRITE,                 \
      CSH_ARGS_WRITE_VALUE(cuuint32_t))                                       \
    X(cuStreamWriteValue32_v2, "cuStreamWriteValue32", 11070, PLAIN,          \
      PFN_cuStreamWriteValue32_v11070, WRITE,                                 \
      CSH_ARGS_WRITE_VALUE(cuuint32_t))                                       \
    X(cuStreamWriteValue32_v2_ptsz, "cuStreamWriteValue32", 11070,            \
      PER_THREAD, PFN_cuStreamWriteValue32_v11070_ptsz, WRITE,                \
      CSH_ARGS_WRITE_VALUE(cuuint32_t))                                       \
    X(cuStreamWriteValue64, "cuStreamWriteValue64", 9000, PLAIN,              \
      PFN_cuStreamWriteValue64_v9000, WRITE,                                  \
      CSH_ARGS_WRITE_VALUE(cuuint64_t))                                       \
    X(cuStreamWriteValue64_ptsz, "cuStreamWriteValue64", 9000,                \
      PER_THREAD, PFN_cuStreamWriteValue64_v9000_ptsz, WRITE,                 \
      CSH_ARGS_WRITE_VALUE(cuuint64_t))                                       \
    X(cuStreamWriteValue64_v2, "cuStreamWriteValue64", 11070, PLAIN,          \
      PFN_cuStreamWriteValue64_v11070, WRITE,                                 \
      CSH_ARGS_WRITE_VALUE(cuuint64_t))                                       \
    X(cuStreamWriteValue64_v2_ptsz, "cuStreamWriteValue64", 11070,            \
      PER_THREAD, PFN_cuStreamWriteValue64_v11070_ptsz, WRITE,                \
      CSH_ARGS_WRITE_VALUE(cuuint64_t))

#if CUDA_VERSION >= 12080
#define CSH_SURFACE_WRITES_12080(X)                                           \
    X(cuMemBatchDecompressAsync, "cuMemBatchDecompressAsync", 12060,          \
      PLAIN, PFN_cuMemBatchDecompressAsync_v12060, WRITE,                     \
      CSH_ARGS_DECOMPRESS)                                                    \
    X(cuMemBatchDecompressAsync_ptsz, "cuMemBatchDecompressAsync", 12060,     \
      PER_THREAD, PFN_cuMemBatchDecompressAsync_v12060_ptsz, WRITE,           \
      CSH_ARGS_DECOMPRESS)                                                    \
    X(cuMemcpy3DBatchAsync, "cuMemcpy3DBatchAsync", 12080, PLAIN,             \
      PFN_cuMemcpy3DBatchAsync_v12080, WRITE, CSH_ARGS_BATCH3D)               \
    X(cuMemcpy3DBatchAsync_ptsz, "cuMemcpy3DBatchAsync", 12080,               \
      PER_THREAD, PFN_cuMemcpy3DBatchAsync_v12080_ptsz, WRITE,                \
      CSH_ARGS_BATCH3D)                                                       \
    X(cuMemcpyBatchAsync, "cuMemcpyBatchAsync", 12080, PLAIN,                 \
      PFN_cuMemcpyBatchAsync_v12080, WRITE, CSH_ARGS_BATCH)                   \
    X(cuMemcpyBatchAsync_ptsz, "cuMemcpyBatchAsync", 12080,                   \
      PER_THREAD, PFN_cuMemcpyBatchAsync_v12080_ptsz, WRITE,                  \
      CSH_ARGS_BATCH)
#else
#define CSH_SURFACE_WRITES_12080(X)
#endif

#if CUDA_VERSION >= 13000
#define CSH_SURFACE_WRITES_13000(X)                                           \
    X(cuMemDiscardAndPrefetchBatchAsync,                                      \
      "cuMemDiscardAndPrefetchBatchAsync", 13000, PLAIN,                      \
      PFN_cuMemDiscardAndPrefetchBatchAsync_v13000, WRITE,                    \
      CSH_ARGS_DISCARD_PREFETCH)                                              \
    X(cuMemDiscardAndPrefetchBatchAsync_ptsz,                                 \
      "cuMemDiscardAndPrefetchBatchAsync", 13000, PER_THREAD,                 \
      PFN_cuMemDiscardAndPrefetchBatchAsync_v13000_ptsz, WRITE,               \
      CSH_ARGS_DISCARD_PREFETCH)                                              \
    X(cuMemDiscardBatchAsync, "cuMemDiscardBatchAsync", 13000, PLAIN,         \
      PFN_cuMemDiscardBatchAsync_v13000, WRITE, CSH_ARGS_DISCARD)             \
    X(cuMemDiscardBatchAsync_ptsz, "cuMemDiscardBatchAsync", 13000,           \
      PER_THREAD, PFN_cuMemDiscardBatchAsync_v13000_ptsz, WRITE,              \
      CSH_ARGS_DISCARD)                                                       \
    X(cuMemcpy3DBatchAsync_v2, "cuMemcpy3DBatchAsync", 13000, PLAIN,          \
      PFN_cuMemcpy3DBatchAsync_v13000, WRITE, CSH_ARGS_BATCH3D_V2)            \
    X(cuMemcpy3DBatchAsync_v2_ptsz, "cuMemcpy3DBatchAsync", 13000,            \
      PER_THREAD, PFN_cuMemcpy3DBatchAsync_v13000_ptsz, WRITE,                \
      CSH_ARGS_BATCH3D_V2)                                                    \
    X(cuMemcpyBatchAsync_v2, "cuMemcpyBatchAsync", 13000, PLAIN,              \
      PFN_cuMemcpyBatchAsync_v13000, WRITE, CSH_ARGS_BATCH_V2)                \
    X(cuMemcpyBatchAsync_v2_ptsz, "cuMemcpyBatchAsync", 13000,                \
      PER_THREAD, PFN_cuMemcpyBatchAsync_v13000_ptsz, WRITE,                  \
      CSH_ARGS_BATCH_V2)
#else
#define CSH_SURFACE_WRITES_13000(X)
#endif

#define CSH_SURFACE_WRITES(X)                                                 \
    CSH_SURFACE_WRITES_12000(X)                                               \
    CSH_SURFACE_WRITES_12080(X)                                               \
    CSH_SURFACE_WRITES_13000(X)

#endif
