/*
 * idle.c - the list of the program's streams.
 *
 * Owns the one struct csh_streams, which has its own lock. Handles that are
 * special name streams of whatever context is current and are not listed: the
 * legacy stream is asked each time, and per-thread streams are noted, because
 * those of other threads cannot be asked at all.
 */
#include "engine/idle.h"

#include "engine/calls.h"
#include "track/captures.h"
#include "track/streams.h"

static struct csh_streams streams = CSH_STREAMS_INIT;

void csh_idle_note_stream(CUcontext context, const struct csh_stream *stream)
{
    if (stream->handle == CU_STREAM_PER_THREAD ||
        (stream->handle == NULL && stream->flavour == CSH_PER_THREAD)) {
        csh_streams_note_per_thread(&streams);
    } else if (stream->handle != NULL &&
               stream->handle != CU_STREAM_LEGACY) {
        csh_streams_add(&streams, context, stream->handle);
    }
}

void csh_idle_note_unknown_stream(void)
{
    csh_streams_note_unknown(&streams);
}

void csh_idle_stream_ending(CUstream handle)
{
    /* A query would break a capture; unknown counts as busy. */
    bool may_ask = csh_captures_hold_off();
    bool was_idle =
        may_ask && csh_calls()->cuStreamQuery(handle) == CUDA_SUCCESS;

    if (may_ask) {
        csh_captures_let_go();
    }
    csh_streams_remove(&streams, handle, was_idle);
}

void csh_idle_context_ended(CUcontext context)
{
    csh_streams_remove_context(&streams, context);
}

/* A capture may have begun unseen, and a query would end it; whether a stream
 * captures may always be asked. */
static CUresult CUDAAPI query_unless_capturing(CUstream handle)
{
    CUstreamCaptureStatus status = CU_STREAM_CAPTURE_STATUS_ACTIVE;
    CUresult result = csh_calls()->cuStreamIsCapturing(handle, &status);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    return status == CU_STREAM_CAPTURE_STATUS_NONE
               ? csh_calls()->cuStreamQuery(handle)
               : CUDA_ERROR_NOT_READY;
}

bool csh_idle_is_everything_idle(CUcontext context)
{
    bool is_idle;

    if (!csh_captures_hold_off()) {
        return false;
    }
    is_idle = csh_streams_query(&streams, context,
                                query_unless_capturing) == CSH_IDLE;
    csh_captures_let_go();
    return is_idle;
}
