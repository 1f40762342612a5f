/*
 * calls.c - the engine's tables of real driver entries.
 *
 * Owns three structs of typed pointers, written once by csh_calls_bind before
 * the phase becomes active and read-only afterwards; no lock. Each call of a
 * pair is made in the flavour in which the program named its stream, so that
 * a NULL handle keeps its meaning.
 */
#include "engine/calls.h"

#include <stddef.h>

#include "base/cancellation.h"
#include "base/lock.h"
#include "base/log.h"
#include "driver/driver.h"
#include "engine/phase.h"

static struct csh_engine_calls engine_calls;
static struct csh_prover_calls prover_calls;
static struct csh_pin_calls pin_calls;

/* A row of any of the tables: where its pointer goes. */
struct slot {
    const char *symbol;
    void *slot;
    bool is_optional;
};

static const struct slot slots[] = {
#define CSH_X(symbol_, pfn_) {#symbol_, &engine_calls.symbol_, false},
    CSH_ENGINE_CALLS(CSH_X)
#undef CSH_X
#define CSH_X(symbol_, pfn_) {#symbol_, &prover_calls.symbol_, false},
    CSH_PROVER_CALLS(CSH_X)
#undef CSH_X
#define CSH_X(symbol_, pfn_) {#symbol_, &engine_calls.symbol_, true},
    CSH_ENGINE_OPTIONAL_CALLS(CSH_X)
    CSH_ENGINE_PARK_CALLS(CSH_X)
#undef CSH_X
#define CSH_X(symbol_, pfn_) {#symbol_, &prover_calls.symbol_, true},
    CSH_PROVER_OPTIONAL_CALLS(CSH_X)
#undef CSH_X
    {"cuMemHostRegister_v2", &pin_calls.host_register, false},
    {"cuMemHostUnregister", &pin_calls.host_unregister, false},
};

bool csh_calls_bind(void)
{
    size_t i;

    for (i = 0; i < CSH_ARRAY_LENGTH(slots); i++) {
        /* POSIX lets a data pointer carry a function's address (dlsym). */
        if (!csh_driver_find(slots[i].symbol, (void **)slots[i].slot) &&
            !slots[i].is_optional) {
            csh_info("engine", "driver entry %s is missing",
                     slots[i].symbol);
            return false;
        }
    }
    return true;
}

const struct csh_engine_calls *csh_calls(void)
{
    return &engine_calls;
}

const struct csh_prover_calls *csh_calls_of_prover(void)
{
    return &prover_calls;
}

const struct csh_pin_calls *csh_calls_of_pinning(void)
{
    return &pin_calls;
}

static bool is_plain(const struct csh_stream *stream)
{
    csh_lock_assert_none();
    return stream->flavour == CSH_PLAIN;
}

CUresult csh_call_stream_synchronize(const struct csh_stream *stream)
{
    return csh_phase_note(
        is_plain(stream)
            ? engine_calls.cuStreamSynchronize(stream->handle)
            : engine_calls.cuStreamSynchronize_ptsz(stream->handle));
}

CUresult csh_call_stream_query(const struct csh_stream *stream)
{
    return is_plain(stream)
               ? engine_calls.cuStreamQuery(stream->handle)
               : engine_calls.cuStreamQuery_ptsz(stream->handle);
}

CUresult csh_call_stream_is_capturing(const struct csh_stream *stream,
                                      CUstreamCaptureStatus *status_p)
{
    return is_plain(stream)
               ? engine_calls.cuStreamIsCapturing(stream->handle, status_p)
               : engine_calls.cuStreamIsCapturing_ptsz(stream->handle,
                                                       status_p);
}

CUresult csh_call_event_record(CUevent event,
                               const struct csh_stream *stream)
{
    return is_plain(stream)
               ? engine_calls.cuEventRecord(event, stream->handle)
               : engine_calls.cuEventRecord_ptsz(event, stream->handle);
}

CUresult csh_call_copy_to_host(void *dst, CUdeviceptr src, size_t bytes,
                               const struct csh_stream *stream)
{
    return is_plain(stream)
               ? engine_calls.cuMemcpyDtoHAsync_v2(dst, src, bytes,
                                                   stream->handle)
               : engine_calls.cuMemcpyDtoHAsync_v2_ptsz(dst, src, bytes,
                                                        stream->handle);
}

CUresult csh_call_copy_to_device(CUdeviceptr dst, const void *src,
                                 size_t bytes,
                                 const struct csh_stream *stream)
{
    return is_plain(stream)
               ? engine_calls.cuMemcpyHtoDAsync_v2(dst, src, bytes,
                                                   stream->handle)
               : engine_calls.cuMemcpyHtoDAsync_v2_ptsz(dst, src, bytes,
                                                        stream->handle);
}

struct csh_own_calls csh_own_calls_begin(void)
{
    struct csh_own_calls own = {CU_STREAM_CAPTURE_MODE_RELAXED, false,
                                csh_cancellation_put_off()};

    csh_lock_assert_none();
    own.is_exchanged = engine_calls.cuThreadExchangeStreamCaptureMode(
                           &own.mode) == CUDA_SUCCESS;
    return own;
}

void csh_own_calls_end(struct csh_own_calls *own)
{
    if (own->is_exchanged) {
        engine_calls.cuThreadExchangeStreamCaptureMode(&own->mode);
        own->is_exchanged = false;
    }
    csh_cancellation_allow(own->cancellation);
}
