/*
 * copy_entries.c - the entry points of contiguous copies and of rows of
 * bytes, each with its per-thread twin. What they mean is in copy.c.
 */
#include "copy.h"

static CUresult copy_now(enum sim_kind kind, enum sim_flavour flavour,
                         uint64_t dst, uint64_t src, size_t bytes)
{
    struct sim_request request = {.kind = kind, .flavour = flavour,
                                  .dst = dst, .src = src, .width = bytes};

    return sim_copy(&request);
}

static CUresult copy_later(enum sim_kind kind, enum sim_flavour flavour,
                           uint64_t dst, uint64_t src, size_t bytes,
                           CUstream stream)
{
    struct sim_request request = {.kind = kind, .flavour = flavour,
                                  .dst = dst, .src = src, .width = bytes,
                                  .is_async = true, .stream = stream};

    return sim_copy(&request);
}

CUresult cuMemcpyHtoD_v2(CUdeviceptr dst, const void *src, size_t bytes)
{
    SIM_ENTER(cuMemcpyHtoD_v2);
    return copy_now(SIM_KIND_H2D, SIM_PLAIN, dst, (uintptr_t)src, bytes);
}

CUresult cuMemcpyHtoD_v2_ptds(CUdeviceptr dst, const void *src, size_t bytes)
{
    SIM_ENTER(cuMemcpyHtoD_v2_ptds);
    return copy_now(SIM_KIND_H2D, SIM_PER_THREAD, dst, (uintptr_t)src, bytes);
}

CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr dst, const void *src, size_t bytes,
                              CUstream stream)
{
    SIM_ENTER(cuMemcpyHtoDAsync_v2);
    return copy_later(SIM_KIND_H2D, SIM_PLAIN, dst, (uintptr_t)src, bytes,
                      stream);
}

CUresult cuMemcpyHtoDAsync_v2_ptsz(CUdeviceptr dst, const void *src,
                                   size_t bytes, CUstream stream)
{
    SIM_ENTER(cuMemcpyHtoDAsync_v2_ptsz);
    return copy_later(SIM_KIND_H2D, SIM_PER_THREAD, dst, (uintptr_t)src, bytes,
                      stream);
}

CUresult cuMemcpyDtoH_v2(void *dst, CUdeviceptr src, size_t bytes)
{
    SIM_ENTER(cuMemcpyDtoH_v2);
    return copy_now(SIM_KIND_D2H, SIM_PLAIN, (uintptr_t)dst, src, bytes);
}

CUresult cuMemcpyDtoH_v2_ptds(void *dst, CUdeviceptr src, size_t bytes)
{
    SIM_ENTER(cuMemcpyDtoH_v2_ptds);
    return copy_now(SIM_KIND_D2H, SIM_PER_THREAD, (uintptr_t)dst, src, bytes);
}

CUresult cuMemcpyDtoHAsync_v2(void *dst, CUdeviceptr src, size_t bytes,
                              CUstream stream)
{
    SIM_ENTER(cuMemcpyDtoHAsync_v2);
    return copy_later(SIM_KIND_D2H, SIM_PLAIN, (uintptr_t)dst, src, bytes,
                      stream);
}

CUresult cuMemcpyDtoHAsync_v2_ptsz(void *dst, CUdeviceptr src, size_t bytes,
                                   CUstream stream)
{
    SIM_ENTER(cuMemcpyDtoHAsync_v2_ptsz);
    return copy_later(SIM_KIND_D2H, SIM_PER_THREAD, (uintptr_t)dst, src, bytes,
                      stream);
}

CUresult cuMemcpyDtoD_v2(CUdeviceptr dst, CUdeviceptr src, size_t bytes)
{
    SIM_ENTER(cuMemcpyDtoD_v2);
    return copy_now(SIM_KIND_D2D, SIM_PLAIN, dst, src, bytes);
}

CUresult cuMemcpyDtoD_v2_ptds(CUdeviceptr dst, CUdeviceptr src, size_t bytes)
{
    SIM_ENTER(cuMemcpyDtoD_v2_ptds);
    return copy_now(SIM_KIND_D2D, SIM_PER_THREAD, dst, src, bytes);
}

CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr dst, CUdeviceptr src, size_t bytes,
                              CUstream stream)
{
    SIM_ENTER(cuMemcpyDtoDAsync_v2);
    return copy_later(SIM_KIND_D2D, SIM_PLAIN, dst, src, bytes, stream);
}

CUresult cuMemcpyDtoDAsync_v2_ptsz(CUdeviceptr dst, CUdeviceptr src,
                                   size_t bytes, CUstream stream)
{
    SIM_ENTER(cuMemcpyDtoDAsync_v2_ptsz);
    return copy_later(SIM_KIND_D2D, SIM_PER_THREAD, dst, src, bytes, stream);
}

CUresult cuMemcpy(CUdeviceptr dst, CUdeviceptr src, size_t bytes)
{
    SIM_ENTER(cuMemcpy);
    return copy_now(SIM_KIND_ANY, SIM_PLAIN, dst, src, bytes);
}

CUresult cuMemcpy_ptds(CUdeviceptr dst, CUdeviceptr src, size_t bytes)
{
    SIM_ENTER(cuMemcpy_ptds);
    return copy_now(SIM_KIND_ANY, SIM_PER_THREAD, dst, src, bytes);
}

CUresult cuMemcpyAsync(CUdeviceptr dst, CUdeviceptr src, size_t bytes,
                       CUstream stream)
{
    SIM_ENTER(cuMemcpyAsync);
    return copy_later(SIM_KIND_ANY, SIM_PLAIN, dst, src, bytes, stream);
}

CUresult cuMemcpyAsync_ptsz(CUdeviceptr dst, CUdeviceptr src, size_t bytes,
                            CUstream stream)
{
    SIM_ENTER(cuMemcpyAsync_ptsz);
    return copy_later(SIM_KIND_ANY, SIM_PER_THREAD, dst, src, bytes, stream);
}

/* One device: a copy between contexts is a copy on it. */
static bool are_contexts(CUcontext dst, CUcontext src)
{
    bool alive;

    sim_lock();
    alive = sim_context_is_alive(dst) && sim_context_is_alive(src);
    sim_unlock();
    return alive;
}

CUresult cuMemcpyPeer(CUdeviceptr dst, CUcontext dst_context, CUdeviceptr src,
                      CUcontext src_context, size_t bytes)
{
    SIM_ENTER(cuMemcpyPeer);
    if (!are_contexts(dst_context, src_context)) {
        return CUDA_ERROR_INVALID_CONTEXT;
    }
    return copy_now(SIM_KIND_D2D, SIM_PLAIN, dst, src, bytes);
}

CUresult cuMemcpyPeer_ptds(CUdeviceptr dst, CUcontext dst_context,
                           CUdeviceptr src, CUcontext src_context,
                           size_t bytes)
{
    SIM_ENTER(cuMemcpyPeer_ptds);
    if (!are_contexts(dst_context, src_context)) {
        return CUDA_ERROR_INVALID_CONTEXT;
    }
    return copy_now(SIM_KIND_D2D, SIM_PER_THREAD, dst, src, bytes);
}

CUresult cuMemcpyPeerAsync(CUdeviceptr dst, CUcontext dst_context,
                           CUdeviceptr src, CUcontext src_context,
                           size_t bytes, CUstream stream)
{
    SIM_ENTER(cuMemcpyPeerAsync);
    if (!are_contexts(dst_context, src_context)) {
        return CUDA_ERROR_INVALID_CONTEXT;
    }
    return copy_later(SIM_KIND_D2D, SIM_PLAIN, dst, src, bytes, stream);
}

CUresult cuMemcpyPeerAsync_ptsz(CUdeviceptr dst, CUcontext dst_context,
                                CUdeviceptr src, CUcontext src_context,
                                size_t bytes, CUstream stream)
{
    SIM_ENTER(cuMemcpyPeerAsync_ptsz);
    if (!are_contexts(dst_context, src_context)) {
        return CUDA_ERROR_INVALID_CONTEXT;
    }
    return copy_later(SIM_KIND_D2D, SIM_PER_THREAD, dst, src, bytes, stream);
}

/* False: an array, which is not simulated. */
static bool side_address(CUmemorytype type, const void *host,
                         CUdeviceptr device, uint64_t *address_p)
{
    *address_p = type == CU_MEMORYTYPE_HOST ? (uintptr_t)host : device;
    return type == CU_MEMORYTYPE_HOST || type == CU_MEMORYTYPE_DEVICE ||
           type == CU_MEMORYTYPE_UNIFIED;
}

/* What is called device memory is not taken for the host's. */
static enum sim_kind kind_of_rows(CUmemorytype dst, CUmemorytype src)
{
    if (dst == CU_MEMORYTYPE_DEVICE && src == CU_MEMORYTYPE_DEVICE) {
        return SIM_KIND_D2D;
    }
    if (dst == CU_MEMORYTYPE_DEVICE && src == CU_MEMORYTYPE_HOST) {
        return SIM_KIND_H2D;
    }
    return dst == CU_MEMORYTYPE_HOST && src == CU_MEMORYTYPE_DEVICE
               ? SIM_KIND_D2H
               : SIM_KIND_ANY;
}

static CUresult copy_rows(const CUDA_MEMCPY2D *rows, bool is_async,
                          enum sim_flavour flavour, CUstream stream)
{
    struct sim_request request = {.flavour = flavour, .is_async = is_async,
                                  .stream = stream};

    if (rows == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (!side_address(rows->dstMemoryType, rows->dstHost, rows->dstDevice,
                      &request.dst) ||
        !side_address(rows->srcMemoryType, rows->srcHost, rows->srcDevice,
                      &request.src)) {
        return CUDA_ERROR_NOT_SUPPORTED;
    }
    request.kind = kind_of_rows(rows->dstMemoryType, rows->srcMemoryType);
    request.width = rows->Height == 0 ? 0 : rows->WidthInBytes;
    request.height = rows->Height;
    request.dst_pitch = rows->dstPitch != 0 ? rows->dstPitch : request.width;
    request.src_pitch = rows->srcPitch != 0 ? rows->srcPitch : request.width;
    request.dst += rows->dstY * request.dst_pitch + rows->dstXInBytes;
    request.src += rows->srcY * request.src_pitch + rows->srcXInBytes;
    return sim_copy(&request);
}

CUresult cuMemcpy2D_v2(const CUDA_MEMCPY2D *rows)
{
    SIM_ENTER(cuMemcpy2D_v2);
    return copy_rows(rows, false, SIM_PLAIN, NULL);
}

CUresult cuMemcpy2D_v2_ptds(const CUDA_MEMCPY2D *rows)
{
    SIM_ENTER(cuMemcpy2D_v2_ptds);
    return copy_rows(rows, false, SIM_PER_THREAD, NULL);
}

CUresult cuMemcpy2DUnaligned_v2(const CUDA_MEMCPY2D *rows)
{
    SIM_ENTER(cuMemcpy2DUnaligned_v2);
    return copy_rows(rows, false, SIM_PLAIN, NULL);
}

CUresult cuMemcpy2DUnaligned_v2_ptds(const CUDA_MEMCPY2D *rows)
{
    SIM_ENTER(cuMemcpy2DUnaligned_v2_ptds);
    return copy_rows(rows, false, SIM_PER_THREAD, NULL);
}

CUresult cuMemcpy2DAsync_v2(const CUDA_MEMCPY2D *rows, CUstream stream)
{
    SIM_ENTER(cuMemcpy2DAsync_v2);
    return copy_rows(rows, true, SIM_PLAIN, stream);
}

CUresult cuMemcpy2DAsync_v2_ptsz(const CUDA_MEMCPY2D *rows, CUstream stream)
{
    SIM_ENTER(cuMemcpy2DAsync_v2_ptsz);
    return copy_rows(rows, true, SIM_PER_THREAD, stream);
}
