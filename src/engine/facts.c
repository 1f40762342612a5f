/*
 * facts.c - driver queries about a copy.
 *
 * Owns one word: until when asynchronous copies are not waited for, because
 * a wait for such a copy's stream ended without an end of its work. Any
 * thread; no lock.
 */
#include "engine/facts.h"

#include <stdatomic.h>

#include "base/clock.h"
#include "engine/calls.h"
#include "track/captures.h"

/* After a wait that was in vain. Long against a wait, short against a
 * program's life. */
#define PATIENCE_NS UINT64_C(10000000000)

/* Between two questions. */
#define NAP_NS UINT64_C(20000)

static _Atomic uint64_t impatient_until_ns;

/* The kind of memory at one address. The driver answers
 * CUDA_ERROR_INVALID_VALUE for host memory that it does not know (cuda.h,
 * cuPointerGetAttribute), which is not sticky. */
static enum csh_host_kind kind_at(CUdeviceptr address)
{
    unsigned int type = 0;
    CUresult result = csh_calls()->cuPointerGetAttribute(
        &type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE, address);

    if (result == CUDA_ERROR_INVALID_VALUE) {
        return CSH_HOST_PAGEABLE;
    }
    if (result == CUDA_SUCCESS && type == CU_MEMORYTYPE_HOST) {
        return CSH_HOST_PINNED;
    }
    return CSH_HOST_FOREIGN;
}

enum csh_host_kind csh_facts_host(const void *host, size_t bytes)
{
    CUdeviceptr start = (CUdeviceptr)(uintptr_t)host;
    enum csh_host_kind first, last;

    /* No memory is there: the driver has its own answer to such calls. */
    if (host == NULL || bytes - 1 > UINTPTR_MAX - (uintptr_t)host) {
        return CSH_HOST_FOREIGN;
    }
    first = kind_at(start);
    last = kind_at(start + bytes - 1);
    if (first == CSH_HOST_FOREIGN || last == CSH_HOST_FOREIGN) {
        return CSH_HOST_FOREIGN;
    }
    return first == CSH_HOST_PAGEABLE && last == CSH_HOST_PAGEABLE
               ? CSH_HOST_PAGEABLE
               : CSH_HOST_PINNED;
}

bool csh_facts_is_capturing(const struct csh_stream *stream)
{
    CUstreamCaptureStatus status = CU_STREAM_CAPTURE_STATUS_ACTIVE;

    return csh_call_stream_is_capturing(stream, &status) != CUDA_SUCCESS ||
           status != CU_STREAM_CAPTURE_STATUS_NONE;
}

/* The special handles name a stream of whatever context is current. */
static bool is_special(CUstream handle)
{
    return handle == NULL || handle == CU_STREAM_LEGACY ||
           handle == CU_STREAM_PER_THREAD;
}

static bool stream_is_of(CUstream handle, CUcontext context)
{
    CUcontext owner = NULL;

    return is_special(handle) ||
           (csh_calls()->cuStreamGetCtx(handle, &owner) == CUDA_SUCCESS &&
            owner == context);
}

bool csh_facts_is_stream_of(const struct csh_copy *copy,
                            const struct csh_context *context)
{
    return stream_is_of(copy->stream.handle, context->handle);
}

bool csh_facts_is_plain(const struct csh_copy *copy,
                        const struct csh_context *context)
{
    return stream_is_of(copy->stream.handle, context->handle) &&
           csh_prover_range_is_plain(csh_calls_of_prover(), copy->device,
                                     copy->bytes, context->handle,
                                     context->device);
}

/* "Blocking" streams, the per-thread ones among them, wait for the legacy
 * stream before each operation (CUDA driver API, stream synchronization
 * behavior). An empty one calls itself idle all the same. */
static bool follows_legacy(const struct csh_stream *stream)
{
    unsigned int flags = CU_STREAM_DEFAULT;

    if (is_special(stream->handle)) {
        return stream->handle == CU_STREAM_PER_THREAD ||
               (stream->handle == NULL &&
                stream->flavour == CSH_PER_THREAD);
    }
    return csh_calls()->cuStreamGetFlags(stream->handle, &flags) !=
               CUDA_SUCCESS ||
           (flags & CU_STREAM_NON_BLOCKING) == 0;
}

static CUresult query_legacy_before(const struct csh_stream *stream)
{
    const struct csh_stream legacy = {CU_STREAM_LEGACY, CSH_PLAIN};

    return follows_legacy(stream) ? csh_call_stream_query(&legacy)
                                  : CUDA_SUCCESS;
}

/* All that a copy on this stream would have to wait for. During a capture it
 * may not be asked; NOT_READY then. */
static CUresult query_all_before(const struct csh_stream *stream)
{
    CUresult result;

    if (!csh_captures_hold_off()) {
        return CUDA_ERROR_NOT_READY;
    }
    result = csh_call_stream_query(stream);
    if (result == CUDA_SUCCESS) {
        result = query_legacy_before(stream);
    }
    csh_captures_let_go();
    return result;
}

bool csh_facts_is_idle_now(const struct csh_stream *stream)
{
    return query_all_before(stream) == CUDA_SUCCESS;
}

bool csh_facts_is_sound(const struct csh_stream *stream)
{
    CUresult result = CUDA_ERROR_UNKNOWN;

    if (csh_captures_hold_off()) {
        result = csh_call_stream_query(stream);
        csh_captures_let_go();
    }
    return result == CUDA_SUCCESS || result == CUDA_ERROR_NOT_READY;
}

bool csh_facts_synchronise(const struct csh_stream *stream)
{
    return csh_call_stream_synchronize(stream) == CUDA_SUCCESS &&
           query_all_before(stream) == CUDA_SUCCESS;
}

static bool wait_for_idle(const struct csh_stream *stream,
                          uint64_t timeout_ns)
{
    uint64_t start = csh_clock_now_ns();
    CUresult result;

    if (start < atomic_load_explicit(&impatient_until_ns,
                                     memory_order_relaxed)) {
        return csh_facts_is_idle_now(stream);
    }
    for (;;) {
        result = query_all_before(stream);
        if (result != CUDA_ERROR_NOT_READY) {
            return result == CUDA_SUCCESS;
        }
        if (csh_captures_any_active()) {
            return false; /* nobody may be asked until it has ended */
        }
        if (csh_clock_now_ns() - start > timeout_ns) {
            atomic_store(&impatient_until_ns,
                         csh_clock_now_ns() + PATIENCE_NS);
            return false;
        }
        csh_clock_nap_ns(NAP_NS);
    }
}

bool csh_facts_settle(const struct csh_copy *copy, uint64_t timeout_ns)
{
    if (!copy->is_async) {
        return csh_call_stream_synchronize(&copy->stream) == CUDA_SUCCESS;
    }
    return wait_for_idle(&copy->stream, timeout_ns);
}

static uint64_t buffer_at(CUdeviceptr address)
{
    unsigned long long buffer = 0;

    return csh_calls()->cuPointerGetAttribute(
               &buffer, CU_POINTER_ATTRIBUTE_BUFFER_ID, address) ==
                   CUDA_SUCCESS
               ? buffer
               : 0;
}

uint64_t csh_facts_buffer(CUdeviceptr device, size_t bytes)
{
    uint64_t first = buffer_at(device);

    return first == buffer_at(device + bytes - 1) ? first : 0;
}

static bool is_device(CUdeviceptr address)
{
    unsigned int type = 0;

    return csh_calls()->cuPointerGetAttribute(
               &type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE, address) ==
               CUDA_SUCCESS &&
           type == CU_MEMORYTYPE_DEVICE;
}

bool csh_facts_direction(CUdeviceptr dst, CUdeviceptr src,
                         enum csh_direction *direction_p)
{
    bool to_device = is_device(dst), from_device = is_device(src);

    if (to_device == from_device ||
        kind_at(to_device ? src : dst) == CSH_HOST_FOREIGN) {
        return false;
    }
    *direction_p = to_device ? CSH_H2D : CSH_D2H;
    return true;
}
