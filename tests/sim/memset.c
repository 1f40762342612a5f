/*
 * memset.c - fills of device memory (and of pinned host memory).
 *
 * Both forms are asynchronous, as documented, except that the synchronous one
 * waits when the target is pinned host memory or when the context or the
 * memory asks for it (SYNC_MEMOPS).
 */
#include "sim.h"

static CUresult set(const struct sim_memset *set, bool is_async,
                    enum sim_flavour flavour, CUstream handle)
{
    struct sim_work work = {.op = SIM_OP_MEMSET, .set = *set};
    size_t width = set->width * set->element_bytes, span;
    const struct sim_range *range;
    CUcontext context;
    CUstream stream;
    CUresult result = sim_begin(&context);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    stream = sim_stream_resolve(context, handle, flavour);
    if (stream == NULL) {
        return sim_end(CUDA_ERROR_INVALID_HANDLE);
    }
    result = is_async ? sim_capture_check_use(stream)
                      : sim_capture_check_look(stream);
    if (result != CUDA_SUCCESS) {
        return sim_end(result);
    }
    if (set->width == 0 || set->height == 0) {
        return sim_end(CUDA_SUCCESS);
    }
    span = (set->height - 1) * set->pitch + width;
    range = sim_range_reach(set->dst, span, stream->context, SIM_COPY_ENGINE,
                            SIM_WRITES);
    if (set->width > SIZE_MAX / set->element_bytes || range == NULL ||
        (set->height > 1 && set->pitch < width) ||
        (set->dst | set->pitch) % set->element_bytes != 0) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    is_async = is_async || (range->kind <= SIM_IMPORTED &&
                            !range->sync_memops &&
                            (context->flags & CU_CTX_SYNC_MEMOPS) == 0);
    result = sim_stream_work(stream, &work, !is_async, NULL);
    if (result == CUDA_SUCCESS && !is_async) {
        result = sim_stream_wait(stream);
    }
    return sim_end(result);
}

static CUresult set_8(CUdeviceptr dst, uint32_t value, size_t n,
                      bool is_async, enum sim_flavour flavour,
                      CUstream stream)
{
    struct sim_memset fill = {.dst = dst, .value = value, .width = n,
                              .height = 1, .element_bytes = 1};

    return set(&fill, is_async, flavour, stream);
}

CUresult cuMemsetD8_v2(CUdeviceptr dst, unsigned char value, size_t n)
{
    SIM_ENTER(cuMemsetD8_v2);
    return set_8(dst, value, n, false, SIM_PLAIN, NULL);
}

CUresult cuMemsetD8_v2_ptds(CUdeviceptr dst, unsigned char value, size_t n)
{
    SIM_ENTER(cuMemsetD8_v2_ptds);
    return set_8(dst, value, n, false, SIM_PER_THREAD, NULL);
}

CUresult cuMemsetD8Async(CUdeviceptr dst, unsigned char value, size_t n,
                         CUstream stream)
{
    SIM_ENTER(cuMemsetD8Async);
    return set_8(dst, value, n, true, SIM_PLAIN, stream);
}

CUresult cuMemsetD8Async_ptsz(CUdeviceptr dst, unsigned char value, size_t n,
                              CUstream stream)
{
    SIM_ENTER(cuMemsetD8Async_ptsz);
    return set_8(dst, value, n, true, SIM_PER_THREAD, stream);
}

static CUresult set_16(CUdeviceptr dst, uint32_t value, size_t n,
                       bool is_async, enum sim_flavour flavour,
                       CUstream stream)
{
    struct sim_memset fill = {.dst = dst, .value = value, .width = n,
                              .height = 1, .element_bytes = 2};

    return set(&fill, is_async, flavour, stream);
}

CUresult cuMemsetD16_v2(CUdeviceptr dst, unsigned short value, size_t n)
{
    SIM_ENTER(cuMemsetD16_v2);
    return set_16(dst, value, n, false, SIM_PLAIN, NULL);
}

CUresult cuMemsetD16_v2_ptds(CUdeviceptr dst, unsigned short value, size_t n)
{
    SIM_ENTER(cuMemsetD16_v2_ptds);
    return set_16(dst, value, n, false, SIM_PER_THREAD, NULL);
}

CUresult cuMemsetD16Async(CUdeviceptr dst, unsigned short value, size_t n,
                          CUstream stream)
{
    SIM_ENTER(cuMemsetD16Async);
    return set_16(dst, value, n, true, SIM_PLAIN, stream);
}

CUresult cuMemsetD16Async_ptsz(CUdeviceptr dst, unsigned short value, size_t n,
                               CUstream stream)
{
    SIM_ENTER(cuMemsetD16Async_ptsz);
    return set_16(dst, value, n, true, SIM_PER_THREAD, stream);
}

static CUresult set_32(CUdeviceptr dst, uint32_t value, size_t n,
                       bool is_async, enum sim_flavour flavour,
                       CUstream stream)
{
    struct sim_memset fill = {.dst = dst, .value = value, .width = n,
                              .height = 1, .element_bytes = 4};

    return set(&fill, is_async, flavour, stream);
}

CUresult cuMemsetD32_v2(CUdeviceptr dst, unsigned int value, size_t n)
{
    SIM_ENTER(cuMemsetD32_v2);
    return set_32(dst, value, n, false, SIM_PLAIN, NULL);
}

CUresult cuMemsetD32_v2_ptds(CUdeviceptr dst, unsigned int value, size_t n)
{
    SIM_ENTER(cuMemsetD32_v2_ptds);
    return set_32(dst, value, n, false, SIM_PER_THREAD, NULL);
}

CUresult cuMemsetD32Async(CUdeviceptr dst, unsigned int value, size_t n,
                          CUstream stream)
{
    SIM_ENTER(cuMemsetD32Async);
    return set_32(dst, value, n, true, SIM_PLAIN, stream);
}

CUresult cuMemsetD32Async_ptsz(CUdeviceptr dst, unsigned int value, size_t n,
                               CUstream stream)
{
    SIM_ENTER(cuMemsetD32Async_ptsz);
    return set_32(dst, value, n, true, SIM_PER_THREAD, stream);
}

static CUresult set_rows(unsigned element_bytes, CUdeviceptr dst, size_t pitch,
                         uint32_t value, size_t width, size_t height,
                         enum sim_flavour flavour)
{
    struct sim_memset fill = {.dst = dst, .value = value, .width = width,
                              .height = height, .pitch = pitch,
                              .element_bytes = element_bytes};

    return set(&fill, false, flavour, NULL);
}

static CUresult set_rows_later(unsigned element_bytes, CUdeviceptr dst,
                               size_t pitch, uint32_t value, size_t width,
                               size_t height, enum sim_flavour flavour,
                               CUstream stream)
{
    struct sim_memset fill = {.dst = dst, .value = value, .width = width,
                              .height = height, .pitch = pitch,
                              .element_bytes = element_bytes};

    return set(&fill, true, flavour, stream);
}

CUresult cuMemsetD2D8_v2(CUdeviceptr dst, size_t pitch, unsigned char value,
                         size_t width, size_t height)
{
    SIM_ENTER(cuMemsetD2D8_v2);
    return set_rows(1, dst, pitch, value, width, height, SIM_PLAIN);
}

CUresult cuMemsetD2D8_v2_ptds(CUdeviceptr dst, size_t pitch,
                              unsigned char value, size_t width, size_t height)
{
    SIM_ENTER(cuMemsetD2D8_v2_ptds);
    return set_rows(1, dst, pitch, value, width, height, SIM_PER_THREAD);
}

CUresult cuMemsetD2D8Async(CUdeviceptr dst, size_t pitch, unsigned char value,
                           size_t width, size_t height, CUstream stream)
{
    SIM_ENTER(cuMemsetD2D8Async);
    return set_rows_later(1, dst, pitch, value, width, height, SIM_PLAIN,
                          stream);
}

CUresult cuMemsetD2D8Async_ptsz(CUdeviceptr dst, size_t pitch,
                                unsigned char value, size_t width,
                                size_t height, CUstream stream)
{
    SIM_ENTER(cuMemsetD2D8Async_ptsz);
    return set_rows_later(1, dst, pitch, value, width, height, SIM_PER_THREAD,
                          stream);
}

CUresult cuMemsetD2D16_v2(CUdeviceptr dst, size_t pitch, unsigned short value,
                          size_t width, size_t height)
{
    SIM_ENTER(cuMemsetD2D16_v2);
    return set_rows(2, dst, pitch, value, width, height, SIM_PLAIN);
}

CUresult cuMemsetD2D16_v2_ptds(CUdeviceptr dst, size_t pitch,
                               unsigned short value, size_t width,
                               size_t height)
{
    SIM_ENTER(cuMemsetD2D16_v2_ptds);
    return set_rows(2, dst, pitch, value, width, height, SIM_PER_THREAD);
}

CUresult cuMemsetD2D16Async(CUdeviceptr dst, size_t pitch,
                            unsigned short value, size_t width, size_t height,
                            CUstream stream)
{
    SIM_ENTER(cuMemsetD2D16Async);
    return set_rows_later(2, dst, pitch, value, width, height, SIM_PLAIN,
                          stream);
}

CUresult cuMemsetD2D16Async_ptsz(CUdeviceptr dst, size_t pitch,
                                 unsigned short value, size_t width,
                                 size_t height, CUstream stream)
{
    SIM_ENTER(cuMemsetD2D16Async_ptsz);
    return set_rows_later(2, dst, pitch, value, width, height, SIM_PER_THREAD,
                          stream);
}

CUresult cuMemsetD2D32_v2(CUdeviceptr dst, size_t pitch, unsigned int value,
                          size_t width, size_t height)
{
    SIM_ENTER(cuMemsetD2D32_v2);
    return set_rows(4, dst, pitch, value, width, height, SIM_PLAIN);
}

CUresult cuMemsetD2D32_v2_ptds(CUdeviceptr dst, size_t pitch,
                               unsigned int value, size_t width, size_t height)
{
    SIM_ENTER(cuMemsetD2D32_v2_ptds);
    return set_rows(4, dst, pitch, value, width, height, SIM_PER_THREAD);
}

CUresult cuMemsetD2D32Async(CUdeviceptr dst, size_t pitch, unsigned int value,
                            size_t width, size_t height, CUstream stream)
{
    SIM_ENTER(cuMemsetD2D32Async);
    return set_rows_later(4, dst, pitch, value, width, height, SIM_PLAIN,
                          stream);
}

CUresult cuMemsetD2D32Async_ptsz(CUdeviceptr dst, size_t pitch,
                                 unsigned int value, size_t width,
                                 size_t height, CUstream stream)
{
    SIM_ENTER(cuMemsetD2D32Async_ptsz);
    return set_rows_later(4, dst, pitch, value, width, height, SIM_PER_THREAD,
                          stream);
}
