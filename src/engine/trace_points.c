/*
 * trace_points.c - see trace_points.h. Owns nothing.
 */
#include "engine/trace_points.h"

#include "engine/residency.h"

static struct csh_trace_place place_of(int device,
                                       const struct csh_stream *stream)
{
    struct csh_trace_place place = {.device = device,
                                    .stream = CSH_TRACE_STREAM_OWN};

    if (stream == NULL) {
        return place;
    }
    place.stream = (uintptr_t)stream->handle;
    if (stream->handle == NULL) {
        place.stream = stream->flavour == CSH_PER_THREAD
                           ? CSH_TRACE_STREAM_PER_THREAD
                           : CSH_TRACE_STREAM_DEFAULT;
    } else if (stream->handle == CU_STREAM_LEGACY) {
        place.stream = CSH_TRACE_STREAM_DEFAULT;
    } else if (stream->handle == CU_STREAM_PER_THREAD) {
        place.stream = CSH_TRACE_STREAM_PER_THREAD;
    }
    return place;
}

void csh_trace_note_part(struct csh_trace_parts *parts,
                         enum csh_trace_event event, uint64_t begun_ns,
                         const char *result)
{
    if (begun_ns != 0 && parts->n < CSH_TRACE_MOST_PARTS) {
        parts->part[parts->n++] = (struct csh_trace_part){
            event, begun_ns, csh_clock_now_ns(), result};
    }
}

const char *csh_trace_proof_word(enum csh_proof proof)
{
    switch (proof) {
    case CSH_PROOF_EQUAL:
        return "equal";
    case CSH_PROOF_DIFFERENT:
        return "different";
    case CSH_PROOF_TIMEOUT:
        return "timeout";
    case CSH_PROOF_BUSY:
        return "busy";
    case CSH_PROOF_ERROR:
        break;
    }
    return "error";
}

void csh_trace_proof(const struct csh_context *context,
                     const struct csh_stream *stream, uint64_t bytes,
                     enum csh_proof proof, uint64_t begun_ns)
{
    const struct csh_trace_place place = place_of(context->device, stream);
    const struct csh_trace_span span = {
        .event = CSH_TRACE_proof,
        .begun_ns = begun_ns,
        .bytes = bytes,
        .outcome = csh_trace_proof_word(proof),
    };

    if (csh_trace_is_on() && begun_ns != 0) {
        csh_trace_span(&place, &span);
    }
}

void csh_trace_write_copy(const struct csh_event *event,
                          const struct csh_trace_parts *parts)
{
    const struct csh_copy *copy = event->copy;
    const struct csh_trace_place place =
        place_of(event->context != NULL ? event->context->device
                                        : CSH_TRACE_NO_DEVICE,
                 &copy->stream);
    struct csh_trace_span spans[CSH_TRACE_MOST_PARTS + 1];
    unsigned i;

    if (event->begun_ns == 0) {
        return;
    }
    for (i = 0; i < parts->n; i++) {
        spans[i] = (struct csh_trace_span){
            .event = parts->part[i].event,
            .begun_ns = parts->part[i].begun_ns,
            .ended_ns = parts->part[i].ended_ns,
            .bytes = copy->bytes,
            .outcome = parts->part[i].result,
        };
    }
    spans[i] = (struct csh_trace_span){
        .event = copy->direction == CSH_D2H ? CSH_TRACE_offload
                                            : CSH_TRACE_load,
        .begun_ns = event->begun_ns,
        .ended_ns = csh_clock_now_ns(),
        .bytes = copy->bytes,
        .outcome = csh_outcome_name(event->outcome),
        .reason = csh_reason_name(event->reason),
        .mark = event->mark,
    };
    csh_trace_spans(&place, spans, parts->n + 1);
}

void csh_trace_parking(enum csh_trace_event event, CUdevice device,
                       const struct csh_stream *stream, uint64_t bytes,
                       struct csh_weight_mark mark, uint64_t begun_ns)
{
    const struct csh_trace_place place = place_of(device, stream);
    const struct csh_trace_span span = {.event = event, .begun_ns = begun_ns,
                                        .bytes = bytes, .mark = mark};

    if (csh_trace_is_on() && begun_ns != 0) {
        csh_trace_span(&place, &span);
    }
}

void csh_trace_own_work(enum csh_trace_event event, CUcontext context,
                        uint64_t bytes, struct csh_weight_mark mark,
                        uint64_t begun_ns)
{
    if (csh_trace_is_on() && begun_ns != 0) {
        csh_trace_parking(event, csh_context_device(context), NULL, bytes,
                          mark, begun_ns);
    }
}

/* Sums by context become sums by device. */
static size_t read_vram(struct csh_trace_vram vram[CSH_TRACE_MOST_DEVICES])
{
    struct csh_context_bytes sums[CSH_TRACE_MOST_DEVICES];
    size_t n_sums = csh_residency_sum(sums, CSH_TRACE_MOST_DEVICES), i;

    for (i = 0; i < n_sums; i++) {
        vram[i].device = csh_context_device(sums[i].context);
        vram[i].bytes = sums[i].bytes;
    }
    return n_sums;
}

void csh_trace_points_start(const struct csh_options *options)
{
    csh_trace_open(options, read_vram);
}
