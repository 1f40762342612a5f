/*
 * copy.c - which copies block, and when they read and write host memory.
 *
 * The rules are those of surface.md 5.1, where a document leaves a choice the
 * strictest:
 *
 * sync,  pageable H2D  the stream is waited for, then the source is read; the
 *                      last of the bytes reach the device after the return
 * async, pageable H2D  never waits; the source is read before the return
 *                      (SIMCUDA_BEHAVIOUR=pageable_h2d_reads_late: later)
 * sync,  pinned H2D    complete on return
 * async, pinned H2D    the source is read when the stream gets there
 * sync,  D2H           complete on return
 * async, pageable D2H  complete on return
 *                      (pageable_d2h_async_returns_early: later)
 * async, pinned D2H    the target is written when the stream gets there
 * D2D                  never waits, sync form or not, unless the context or
 *                      the memory asks for it (SYNC_MEMOPS)
 * H2H                  complete on return
 *
 * Host memory is pinned for a copy if all of its bytes lie in one pinned
 * range. A captured copy is a node that reads and writes late.
 */
#include "copy.h"

#include <stdlib.h>
#include <string.h>

#define STAGE_BYTES ((size_t)64 << 10)

static size_t span(size_t width, size_t height, size_t pitch)
{
    return (height - 1) * pitch + width;
}

/* Managed memory is whatever the entry point takes it for: the host's, or the
 * device's. */
static enum sim_side side_of(uint64_t address, size_t bytes, bool as_host)
{
    const struct sim_range *range = sim_range_find(address, 0);

    if (range != NULL && range->kind == SIM_MANAGED) {
        return as_host ? SIM_SIDE_PINNED : SIM_SIDE_DEVICE;
    }
    return sim_side_of(address, bytes);
}

static bool is_reachable(enum sim_side side, uint64_t address, size_t bytes,
                         CUcontext context, enum sim_need need)
{
    return side != SIM_SIDE_DEVICE ||
           sim_range_reach(address, bytes, context, SIM_COPY_ENGINE, need)
               != NULL;
}

/* Device addresses must lie in one live allocation that the context may
 * touch; what is not a device address is host memory and, if pageable, not
 * looked at. */
static bool classify(const struct sim_request *request, CUcontext context,
                     struct sim_copy *copy)
{
    size_t dst_span, src_span;

    copy->dst = request->dst;
    copy->src = request->src;
    copy->width = request->width;
    copy->height = request->height > 0 ? request->height : 1;
    copy->dst_pitch = copy->height > 1 ? request->dst_pitch : copy->width;
    copy->src_pitch = copy->height > 1 ? request->src_pitch : copy->width;
    if (copy->dst_pitch < copy->width || copy->src_pitch < copy->width) {
        return false;
    }
    dst_span = span(copy->width, copy->height, copy->dst_pitch);
    src_span = span(copy->width, copy->height, copy->src_pitch);
    copy->dst_side = side_of(copy->dst, dst_span,
                             request->kind == SIM_KIND_D2H);
    copy->src_side = side_of(copy->src, src_span,
                             request->kind == SIM_KIND_H2D);
    return copy->dst != 0 && copy->src != 0 &&
           is_reachable(copy->dst_side, copy->dst, dst_span, context,
                        SIM_WRITES) &&
           is_reachable(copy->src_side, copy->src, src_span, context,
                        SIM_READS);
}

/* "Device" is what the device can address: pinned memory too. */
static bool suits(enum sim_kind kind, const struct sim_copy *copy)
{
    switch (kind) {
    case SIM_KIND_H2D:
        return copy->dst_side != SIM_SIDE_PAGEABLE &&
               copy->src_side != SIM_SIDE_DEVICE;
    case SIM_KIND_D2H:
        return copy->src_side != SIM_SIDE_PAGEABLE &&
               copy->dst_side != SIM_SIDE_DEVICE;
    case SIM_KIND_D2D:
        return copy->dst_side != SIM_SIDE_PAGEABLE &&
               copy->src_side != SIM_SIDE_PAGEABLE;
    default:
        return true;
    }
}

static CUresult submit(CUstream stream, const struct sim_copy *copy,
                       bool wait, bool unhurried)
{
    struct sim_work work = {.op = SIM_OP_COPY, .copy = *copy};
    CUcontext context = stream->context;
    struct sim_item *item;
    CUresult result = sim_stream_work(stream, &work, wait || unhurried, &item);

    if (result != CUDA_SUCCESS || !wait || item == NULL) {
        return result;
    }
    sim_item_reference(item);
    sim_item_wait(item);
    sim_item_release(item);
    return context->root->sticky;
}

/* The source as rows without gaps. */
static void *stage(const struct sim_copy *copy)
{
    char *staged = sim_allocate(copy->width * copy->height);

    for (size_t row = 0; row < copy->height; row++) {
        memcpy(staged + row * copy->width,
               (const char *)(uintptr_t)copy->src + row * copy->src_pitch,
               copy->width);
    }
    return staged;
}

/* The source is read here, without the lock: it may fault, and it may take
 * long. The stream cannot vanish meanwhile: streams are never freed, and a
 * dead one still has its context. */
static CUresult submit_staged(CUstream stream, struct sim_copy *copy,
                              bool unhurried)
{
    sim_unlock();
    copy->staged = stage(copy);
    sim_lock();
    if (!sim_context_is_alive(stream->context)) {
        free(copy->staged);
        return CUDA_ERROR_CONTEXT_IS_DESTROYED;
    }
    return submit(stream, copy, false, unhurried);
}

static bool is_idle(CUstream stream)
{
    struct sim_item *item;

    sim_item_catch_up();
    item = sim_stream_barrier(stream);
    sim_item_release(item);
    return item == NULL &&
           sim_engine_is_free(stream->context->device, SIM_ENGINE_H2D);
}

/* The stream has nothing to do: all but the end goes straight through, and
 * the end is staged, so that it arrives after the return. */
static CUresult pageable_to_idle(CUstream stream, const struct sim_copy *copy)
{
    struct sim_copy head = *copy, tail = *copy;
    CUresult result;

    if (copy->height == 1 && copy->width > STAGE_BYTES) {
        head.width = copy->width - STAGE_BYTES;
        tail.width = STAGE_BYTES;
        tail.dst += head.width;
        tail.src += head.width;
        tail.dst_pitch = tail.src_pitch = tail.width;
        tail.is_continued = true;
        head.counted_bytes = copy->width;
        result = submit(stream, &head, true, true);
        if (result != CUDA_SUCCESS) {
            return result;
        }
    }
    return submit_staged(stream, &tail, true);
}

static CUresult pageable_to_device(CUstream stream, struct sim_copy *copy,
                                   bool is_async)
{
    CUresult result;

    if (!is_async) {
        result = sim_stream_wait(stream);
        if (result != CUDA_SUCCESS) {
            return result;
        }
        return pageable_to_idle(stream, copy);
    }
    if (sim_settings()->pageable_h2d_reads_late) {
        return submit(stream, copy, false, false);
    }
    if (is_idle(stream)) {
        return pageable_to_idle(stream, copy);
    }
    return submit_staged(stream, copy, false);
}

static bool wants_sync(CUcontext context, const struct sim_copy *copy)
{
    const struct sim_range *dst = sim_range_find(copy->dst, 0);
    const struct sim_range *src = sim_range_find(copy->src, 0);

    return (context->flags & CU_CTX_SYNC_MEMOPS) != 0 ||
           (dst != NULL && dst->sync_memops) ||
           (src != NULL && src->sync_memops);
}

static CUresult perform(const struct sim_request *request, CUstream stream,
                        struct sim_copy *copy)
{
    bool must_sync = !request->is_async && wants_sync(stream->context, copy);
    CUresult result;

    if (stream->capture != NULL) {
        return submit(stream, copy, false, false);
    }
    if (request->timing != SIM_TIMED_BY_KIND) {
        return request->timing == SIM_READS_AT_CALL &&
                       copy->src_side != SIM_SIDE_DEVICE
                   ? submit_staged(stream, copy, false)
                   : submit(stream, copy, false, false);
    }
    if (copy->dst_side == SIM_SIDE_DEVICE &&
        copy->src_side == SIM_SIDE_PAGEABLE) {
        result = pageable_to_device(stream, copy, request->is_async);
        return result == CUDA_SUCCESS && must_sync ? sim_stream_wait(stream)
                                                   : result;
    }
    if (copy->dst_side == SIM_SIDE_DEVICE) {
        return submit(stream, copy,
                      copy->src_side == SIM_SIDE_DEVICE ? must_sync
                                                        : !request->is_async,
                      false);
    }
    if (copy->src_side != SIM_SIDE_DEVICE) {
        return submit(stream, copy, true, true);
    }
    if (copy->dst_side == SIM_SIDE_PAGEABLE && request->is_async &&
        sim_settings()->pageable_d2h_async_returns_early) {
        return submit(stream, copy, false, false);
    }
    return submit(stream, copy,
                  !request->is_async || copy->dst_side == SIM_SIDE_PAGEABLE,
                  false);
}

CUresult sim_copy(const struct sim_request *request)
{
    CUcontext context;
    CUresult result = sim_begin(&context);
    struct sim_copy copy = {0};
    CUstream stream;

    if (result != CUDA_SUCCESS) {
        return result;
    }
    stream = sim_stream_resolve(context, request->stream, request->flavour);
    if (stream == NULL) {
        return sim_end(CUDA_ERROR_INVALID_HANDLE);
    }
    result = request->is_async ? sim_capture_check_use(stream)
                               : sim_capture_check_look(stream);
    if (result != CUDA_SUCCESS) {
        return sim_end(result);
    }
    if (request->width == 0) {
        return sim_end(CUDA_SUCCESS);
    }
    if (!classify(request, stream->context, &copy) ||
        !suits(request->kind, &copy)) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    return sim_end(perform(request, stream, &copy));
}
