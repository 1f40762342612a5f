/*
 * reload.c - host to device: forward, serve from a pinned shadow, or capture
 * on the way.
 *
 * Owns nothing that outlives a call. The source is read in this call, instead
 * of by the driver, only when it is pageable and the stream is idle: so
 * nothing queued can still write the source, and nothing is waited for on the
 * program's behalf. Pinned sources are read by the driver in stream order, as
 * ever. The bytes come from a shadow if they were compared with it in this
 * very call; else a fresh shadow is made of them (upload.h).
 *
 * The shadow must outlive the DMA that reads it: an event behind the DMA is
 * noted with the shadow, which is not given back before the event is done.
 */
#include "engine/reload.h"

#include <string.h>

#include "engine/calls.h"
#include "engine/contexts.h"
#include "engine/facts.h"
#include "engine/fresh.h"
#include "engine/host.h"
#include "engine/observe.h"
#include "engine/phase.h"
#include "engine/policy.h"
#include "engine/residency.h"
#include "engine/upload.h"
#include "track/captures.h"

struct attempt {
    const struct csh_copy *copy;
    const struct csh_context *context; /* held, or NULL */
    struct csh_shadow *shadow;         /* held, or NULL */
    struct csh_reload_facts facts;
    struct csh_decision decision;
};

static bool goes_on(struct attempt *attempt)
{
    attempt->decision = csh_policy_reload(&attempt->facts);
    return attempt->decision.verdict != CSH_VERDICT_FORWARD;
}

static void give_up(struct attempt *attempt, enum csh_reason reason)
{
    attempt->decision.verdict = CSH_VERDICT_FORWARD;
    attempt->decision.reason = reason;
}

/* Facts that cost no call of the driver; the others at their best. */
static bool look_at_records(struct attempt *attempt)
{
    const struct csh_copy *copy = attempt->copy;

    attempt->facts = (struct csh_reload_facts){
        .mode = csh_options()->mode,
        .is_large = copy->bytes >= csh_options()->min_bytes &&
                    copy->bytes > 0,
        .is_capturing = csh_captures_any_active(),
        .is_suited = true,
        .has_shadow = true,
        .is_registered = csh_upload_is_registered(copy),
        .host = CSH_HOST_PAGEABLE,
        .is_plain = true,
        .is_idle = true,
        .is_equal = true,
    };
    if (!goes_on(attempt)) {
        return false;
    }
    attempt->shadow = csh_residency_find_host(copy->host, copy->bytes);
    attempt->facts.has_shadow = attempt->shadow != NULL;
    return goes_on(attempt);
}

static bool ask_driver(struct attempt *attempt)
{
    const struct csh_copy *copy = attempt->copy;
    struct csh_reload_facts *facts = &attempt->facts;

    attempt->context = csh_context_acquire();
    if (attempt->context == NULL) {
        facts->is_plain = false;
        return goes_on(attempt);
    }
    facts->is_suited = attempt->context->is_suited;
    facts->is_capturing = csh_facts_is_capturing(&copy->stream);
    if (!goes_on(attempt)) {
        return false;
    }
    facts->host = csh_facts_host(copy->host, copy->bytes);
    facts->is_plain = csh_facts_is_plain(copy, attempt->context);
    if (!goes_on(attempt)) {
        return false;
    }
    /* "A stream sync is performed before the copy is initiated" (CUDA driver
     * API, for synchronous copies from pageable memory). */
    facts->is_idle = copy->is_async ? csh_facts_is_idle_now(&copy->stream)
                                    : csh_facts_synchronise(&copy->stream);
    return goes_on(attempt);
}

/* The shadow remembers few uses; those that are over may be among them. */
static bool note_use(struct attempt *attempt, CUevent event)
{
    CUcontext context = attempt->context->handle;

    if (csh_residency_note_use(context, attempt->shadow, event)) {
        return true;
    }
    csh_store_collect(csh_residency_store());
    return csh_residency_note_use(context, attempt->shadow, event);
}

/* Remembers that a DMA reads the shadow. Where no event can be had the DMA is
 * waited for: the stream was idle, so it is all that there is to wait for. */
static CUresult keep_until_done(struct attempt *attempt)
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
static bool finish(struct attempt *attempt, CUresult result)
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

static void record(const struct attempt *attempt)
{
    csh_residency_holds(attempt->context->handle, attempt->copy->device,
                        attempt->copy->bytes, attempt->shadow);
}

static void serve(struct attempt *attempt)
{
    const struct csh_copy *copy = attempt->copy;
    CUresult result = csh_call_copy_to_device(
        copy->device, csh_shadow_address(attempt->shadow), copy->bytes,
        &copy->stream);

    if (finish(attempt, result)) {
        record(attempt);
    }
}

/* The DMA is noted with the fresh shadow before this is published, because
 * another that has the same bytes may then take its place. The host record is
 * a hint only, as its bytes are compared before use: a source that changed
 * meanwhile is captured once more. */
static void capture(struct attempt *attempt)
{
    const struct csh_copy *copy = attempt->copy;
    struct csh_fingerprint fingerprint;
    enum csh_reason reason;
    struct csh_shadow *fresh =
        csh_upload_capture(copy, attempt->context, &fingerprint, &reason);

    if (fresh == NULL) {
        give_up(attempt, reason);
        return;
    }
    if (attempt->shadow != NULL) {
        csh_store_release(csh_residency_store(), attempt->shadow);
    }
    attempt->shadow = fresh;
    if (finish(attempt, CUDA_SUCCESS)) {
        attempt->shadow = csh_fresh_publish(fresh, &fingerprint);
        record(attempt);
        csh_residency_offloaded(copy->host, copy->bytes, attempt->shadow, 0);
    }
}

static bool is_equal(const struct attempt *attempt)
{
    return attempt->shadow != NULL &&
           csh_host_holds(attempt->copy->host, attempt->shadow);
}

static void try(struct attempt *attempt)
{
    struct csh_own_calls own;

    if (!look_at_records(attempt)) {
        return;
    }
    own = csh_own_calls_begin();
    if (ask_driver(attempt)) {
        attempt->facts.is_equal = is_equal(attempt);
        if (goes_on(attempt)) {
            if (attempt->decision.verdict == CSH_VERDICT_SERVE) {
                serve(attempt);
            } else {
                capture(attempt);
            }
        }
    }
    csh_own_calls_end(&own);
}

/* The program's own bytes are on their way: whatever was known of the range
 * is not known any more. */
static void note_uploaded(const struct attempt *attempt)
{
    const struct csh_copy *copy = attempt->copy;
    CUcontext context = NULL;

    if (!attempt->facts.is_large) {
        return;
    }
    if (csh_calls()->cuCtxGetCurrent(&context) != CUDA_SUCCESS) {
        context = NULL;
    }
    csh_residency_uploaded(context, copy->device, copy->bytes);
    if (attempt->facts.mode == CSH_MODE_OBSERVE) {
        csh_observe_uploaded(copy);
    }
}

static CUresult forward(struct attempt *attempt)
{
    const struct csh_copy *copy = attempt->copy;
    CUresult result = csh_phase_note(copy->forward(copy));

    csh_statistics_count_own_call(CSH_H2D, result == CUDA_SUCCESS,
                                  attempt->decision.reason, copy->bytes);
    if (result == CUDA_SUCCESS) {
        note_uploaded(attempt);
    }
    return result;
}

CUresult csh_reload(const struct csh_copy *copy)
{
    struct attempt attempt = {.copy = copy};
    CUresult result = CUDA_SUCCESS;

    try(&attempt);
    if (attempt.decision.verdict != CSH_VERDICT_FORWARD) {
        csh_statistics_count(CSH_H2D, CSH_OUTCOME_served,
                             attempt.decision.reason, copy->bytes);
    } else {
        result = forward(&attempt);
    }
    if (attempt.shadow != NULL) {
        csh_store_release(csh_residency_store(), attempt.shadow);
    }
    csh_context_release(attempt.context);
    return result;
}
