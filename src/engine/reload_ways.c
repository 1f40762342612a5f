/*
 * reload_ways.c - the ways in which the bytes of an upload come to the device:
 * they are there already, from a parked block, from a shadow, or from a fresh
 * shadow that is made of them.
 *
 * Owns nothing that outlives a call.
 *
 * The shadow must outlive the DMA that reads it: an event behind the DMA is
 * noted with the shadow, which is not given back before the event is done.
 */
#include "engine/reload_inside.h"

#include <string.h>

#include "base/clock.h"
#include "engine/background.h"
#include "engine/calls.h"
#include "engine/facts.h"
#include "engine/fresh.h"
#include "engine/host.h"
#include "engine/park.h"
#include "engine/placing.h"
#include "engine/proofs.h"
#include "engine/residency.h"
#include "engine/upload.h"
#include "engine/uses.h"

static void give_up(struct csh_reload_attempt *attempt, enum csh_reason reason)
{
    attempt->decision.verdict = CSH_VERDICT_FORWARD;
    attempt->decision.reason = reason;
}

/* The shadow remembers few uses; those that are over may be among them. */
static bool note_use(struct csh_reload_attempt *attempt, CUevent event)
{
    CUcontext context = attempt->context->handle;

    if (csh_uses_note(context, attempt->shadow, event)) {
        return true;
    }
    csh_store_collect(csh_residency_store());
    return csh_uses_note(context, attempt->shadow, event);
}

/* Remembers that a DMA reads the shadow. Where no event can be had the DMA is
 * waited for: the stream was idle, so it is all that there is to wait for. */
static CUresult keep_until_done(struct csh_reload_attempt *attempt)
{
    const struct csh_engine_calls *calls = csh_calls();
    const struct csh_stream *stream = &attempt->copy->stream;
    CUevent event;

    if (!attempt->copy->is_async ||
        calls->cuEventCreate(&event, CU_EVENT_DISABLE_TIMING) !=
            CUDA_SUCCESS) {
        return csh_call_stream_synchronize(stream);
    }
    if (csh_call_event_record(event, stream) != CUDA_SUCCESS ||
        !note_use(attempt, event)) {
        calls->cuEventDestroy_v2(event);
        return csh_call_stream_synchronize(stream);
    }
    return CUDA_SUCCESS;
}

/* The DMA from the attempt's shadow is queued, or was refused. False: the
 * program's own call is to be made. */
static bool finish(struct csh_reload_attempt *attempt, CUresult result)
{
    const struct csh_copy *copy = attempt->copy;

    if (result == CUDA_SUCCESS) {
        result = keep_until_done(attempt);
        if (result != CUDA_SUCCESS) {
            csh_statistics_add(CSH_GAUGE_own_h2d_bytes,
                               (int64_t)copy->bytes);
        }
    }
    if (result == CUDA_SUCCESS) {
        return true;
    }
    give_up(attempt, CSH_REASON_error);
    /* Unless the stream is done, a DMA may be under way whose end is not
     * known: the shadow then keeps its user for ever, so that its memory is
     * never given to anybody. */
    if (csh_call_stream_synchronize(&copy->stream) != CUDA_SUCCESS) {
        attempt->shadow = NULL;
    }
    return false;
}

static void record(const struct csh_reload_attempt *attempt)
{
    csh_residency_holds(attempt->context->handle, attempt->copy->device,
                        attempt->copy->bytes, attempt->shadow,
                        attempt->naming.mark);
}

/* After the range was recorded, whatever is known of it yet: mode trust. */
static void vouch(const struct csh_reload_attempt *attempt)
{
    const struct csh_copy *copy = attempt->copy;

    if (attempt->facts.mode == CSH_MODE_TRUST &&
        attempt->naming.mark.is_immutable) {
        csh_residency_vouch(copy->device, copy->bytes,
                            csh_facts_buffer(copy->device, copy->bytes));
    }
}

static void serve(struct csh_reload_attempt *attempt)
{
    const struct csh_copy *copy = attempt->copy;
    const void *src = csh_shadow_address(attempt->shadow);
    CUresult result = csh_call_copy_to_device(copy->device, src, copy->bytes,
                                              &copy->stream);

    if (finish(attempt, result)) {
        record(attempt);
        vouch(attempt);
    }
}

/* Nothing to do, if the proof says so; else the verdict is another. */
static void find(struct csh_reload_attempt *attempt)
{
    if (csh_still_is_there(attempt->context, attempt->copy,
                           attempt->shadow)) {
        record(attempt);
        vouch(attempt);
        return;
    }
    attempt->facts.may_be_there = false;
    (void)csh_reload_goes_on(attempt);
}

/* A copy within the device; if there is none, the verdict is another. */
static void unpark(struct csh_reload_attempt *attempt)
{
    if (csh_park_load(attempt->context, attempt->copy, attempt->shadow,
                      attempt->naming.mark)) {
        record(attempt);
        vouch(attempt);
        return;
    }
    attempt->facts.is_parked = false;
    (void)csh_reload_goes_on(attempt);
}

/* New bytes came where the weight's were: perhaps it was changed, perhaps it
 * is another by now. The rules may know which; else nobody has said that these
 * stay as they are, unless it was the program. */
static void note_modified(struct csh_reload_attempt *attempt)
{
    struct csh_naming anew = {.is_decided = false};

    if (!attempt->facts.has_shadow || attempt->naming.is_declared) {
        return;
    }
    if (csh_naming_may_register(attempt->copy->bytes)) {
        csh_naming_decide(attempt->copy, attempt->is_readable, &anew);
    }
    if (anew.is_registered) {
        attempt->naming = anew;
    } else {
        attempt->naming.mark.is_unsure = true;
        attempt->naming.mark.is_immutable = false;
    }
}

/* The fingerprint is left to a thread of the shim's: until it is done the
 * range is known as uploaded. False: nobody can do it now. */
static bool publish_later(struct csh_reload_attempt *attempt,
                          struct csh_shadow *fresh)
{
    const struct csh_copy *copy = attempt->copy;
    const struct csh_captured captured = {
        fresh,       attempt->context->handle, copy->device,     copy->host,
        copy->bytes, attempt->naming.mark,     attempt->begun_ns,
    };

    csh_residency_uploaded(attempt->context->handle, copy->device,
                           copy->bytes, attempt->naming.mark);
    csh_residency_read_from(copy->host, copy->bytes);
    vouch(attempt);
    return csh_background_publish(&captured);
}

static void publish(struct csh_reload_attempt *attempt,
                    struct csh_shadow *fresh,
                    const struct csh_fingerprint *fingerprint)
{
    attempt->shadow = csh_fresh_publish(fresh, fingerprint);
    csh_statistics_add(CSH_GAUGE_captured_ready_ns,
                       (int64_t)(csh_clock_now_ns() - attempt->begun_ns));
    record(attempt);
    vouch(attempt);
    csh_placing_uploaded(attempt->copy->bytes);
    csh_residency_offloaded(
        attempt->copy->host, attempt->copy->bytes, attempt->shadow,
        csh_host_adopt(attempt->copy->host, attempt->shadow),
        attempt->naming.mark);
    csh_naming_published(attempt->shadow, attempt->naming.mark);
}

static bool may_wait(const struct csh_reload_attempt *attempt)
{
    return csh_options()->capture == CSH_CAPTURE_BACKGROUND &&
           !attempt->facts.has_shadow && !csh_host_adopts() &&
           csh_background_can_publish();
}

/* The DMA is noted with the fresh shadow before this is published, because
 * another that has the same bytes may then take its place. The host record is
 * a hint only, as its bytes are compared before use: a source that changed
 * meanwhile is captured once more. */
static void capture(struct csh_reload_attempt *attempt)
{
    const struct csh_copy *copy = attempt->copy;
    struct csh_fingerprint fingerprint;
    bool is_later = may_wait(attempt);
    uint64_t begun_ns = csh_trace_now_ns();
    enum csh_reason reason;
    struct csh_shadow *fresh = csh_upload_capture(
        copy, attempt->context, is_later ? NULL : &fingerprint, &reason);

    if (fresh == NULL) {
        give_up(attempt, reason);
        return;
    }
    csh_trace_note_part(&attempt->parts, CSH_TRACE_capture, begun_ns, NULL);
    if (attempt->shadow != NULL) {
        csh_store_release(csh_residency_store(), attempt->shadow);
    }
    attempt->shadow = fresh;
    if (!finish(attempt, CUDA_SUCCESS)) {
        return;
    }
    note_modified(attempt);
    csh_naming_learned(copy->bytes, &attempt->naming.mark);
    if (!is_later) {
        publish(attempt, fresh, &fingerprint);
    } else if (publish_later(attempt, fresh)) {
        attempt->shadow = NULL;
    }
}

void csh_reload_carry_out(struct csh_reload_attempt *attempt)
{
    if (attempt->decision.verdict == CSH_VERDICT_PROVE) {
        find(attempt);
    }
    if (attempt->decision.verdict == CSH_VERDICT_UNPARK) {
        unpark(attempt);
    }
    if (attempt->decision.verdict == CSH_VERDICT_SERVE) {
        serve(attempt);
    } else if (attempt->decision.verdict == CSH_VERDICT_CAPTURE) {
        capture(attempt);
    }
}
