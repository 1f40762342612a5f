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

#include "base/clock.h"
#include "engine/background.h"
#include "engine/calls.h"
#include "engine/contexts.h"
#include "engine/facts.h"
#include "engine/fresh.h"
#include "engine/host.h"
#include "engine/journal.h"
#include "engine/naming.h"
#include "engine/observe.h"
#include "engine/opt_out.h"
#include "engine/park.h"
#include "engine/phase.h"
#include "engine/placing.h"
#include "engine/policy.h"
#include "engine/proofs.h"
#include "engine/residency.h"
#include "engine/trace_points.h"
#include "engine/upload.h"
#include "engine/uses.h"
#include "track/captures.h"

struct attempt {
    const struct csh_copy *copy;
    const struct csh_context *context; /* held, or NULL */
    struct csh_shadow *shadow;         /* held, or NULL */
    struct csh_reload_facts facts;
    struct csh_decision decision;
    struct csh_naming naming;
    uint64_t begun_ns; /* 0: too small to be looked at */
    bool is_readable;  /* the source, as far as the driver was asked */
    struct csh_trace_parts parts;
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
        .is_paused = csh_opt_out_is_on(),
        .is_large = copy->bytes >= csh_options()->min_bytes &&
                    copy->bytes > 0,
        .is_capturing = csh_captures_any_active(),
        .is_suited = true,
        .has_shadow = true,
        .is_registered = csh_options()->capture != CSH_CAPTURE_OFFLOAD &&
                         csh_naming_may_register(copy->bytes),
        .host = CSH_HOST_PAGEABLE,
        .is_plain = true,
        .is_idle = true,
        .is_equal = true,
    };
    if (attempt->facts.is_large) {
        if (csh_trace_is_on()) {
            csh_trace_settle();
        }
        attempt->begun_ns = csh_clock_now_ns();
    }
    if (!goes_on(attempt)) {
        return false;
    }
    attempt->shadow = csh_residency_find_host(copy->host, copy->bytes,
                                              &attempt->naming.mark);
    attempt->naming.is_declared =
        csh_naming_find_declared(copy, &attempt->naming.mark);
    attempt->facts.has_shadow = attempt->shadow != NULL;
    return goes_on(attempt);
}

/* Of bytes that no shadow has been made of. */
static void decide(struct attempt *attempt)
{
    if (attempt->shadow != NULL) {
        return;
    }
    csh_naming_decide(attempt->copy, attempt->is_readable, &attempt->naming);
    attempt->facts.is_registered =
        attempt->facts.is_registered && attempt->naming.is_registered;
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
    attempt->is_readable = facts->host != CSH_HOST_FOREIGN;
    if (!goes_on(attempt)) {
        return false;
    }
    decide(attempt);
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

    if (csh_uses_note(context, attempt->shadow, event)) {
        return true;
    }
    csh_store_collect(csh_residency_store());
    return csh_uses_note(context, attempt->shadow, event);
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
                        attempt->copy->bytes, attempt->shadow,
                        attempt->naming.mark);
}

/* After the range was recorded, whatever is known of it yet: mode trust. */
static void vouch(const struct attempt *attempt)
{
    const struct csh_copy *copy = attempt->copy;

    if (attempt->facts.mode == CSH_MODE_TRUST &&
        attempt->naming.mark.is_immutable) {
        csh_residency_vouch(copy->device, copy->bytes,
                            csh_facts_buffer(copy->device, copy->bytes));
    }
}

static void serve(struct attempt *attempt)
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

/* Whether the source is the shadow's; then the destination may hold these
 * bytes already, or a block on the device. */
static void look_at_bytes(struct attempt *attempt)
{
    attempt->facts.is_equal =
        attempt->shadow != NULL &&
        csh_host_holds(attempt->copy->host, attempt->shadow);
    if (!attempt->facts.is_equal ||
        !csh_proofs_may_be_had(attempt->context)) {
        return;
    }
    attempt->facts.may_be_there =
        csh_still_is_likely(attempt->copy, attempt->shadow);
    attempt->facts.is_parked =
        csh_park_has(attempt->context, attempt->shadow);
}

/* Nothing to do, if the proof says so; else the verdict is another. */
static void find(struct attempt *attempt)
{
    if (csh_still_is_there(attempt->context, attempt->copy,
                           attempt->shadow)) {
        record(attempt);
        vouch(attempt);
        return;
    }
    attempt->facts.may_be_there = false;
    (void)goes_on(attempt);
}

/* A copy within the device; if there is none, the verdict is another. */
static void unpark(struct attempt *attempt)
{
    if (csh_park_load(attempt->context, attempt->copy, attempt->shadow,
                      attempt->naming.mark)) {
        record(attempt);
        vouch(attempt);
        return;
    }
    attempt->facts.is_parked = false;
    (void)goes_on(attempt);
}

/* New bytes came where the weight's were: perhaps it was changed, perhaps it
 * is another by now. The rules may know which; else nobody has said that these
 * stay as they are, unless it was the program. */
static void note_modified(struct attempt *attempt)
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
static bool publish_later(struct attempt *attempt, struct csh_shadow *fresh)
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

static void publish(struct attempt *attempt, struct csh_shadow *fresh,
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

static bool may_wait(const struct attempt *attempt)
{
    return csh_options()->capture == CSH_CAPTURE_BACKGROUND &&
           !attempt->facts.has_shadow && !csh_host_adopts() &&
           csh_background_can_publish();
}

/* The DMA is noted with the fresh shadow before this is published, because
 * another that has the same bytes may then take its place. The host record is
 * a hint only, as its bytes are compared before use: a source that changed
 * meanwhile is captured once more. */
static void capture(struct attempt *attempt)
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

static void carry_out(struct attempt *attempt)
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

static void try(struct attempt *attempt)
{
    struct csh_own_calls own;

    if (!look_at_records(attempt)) {
        return;
    }
    own = csh_own_calls_begin();
    if (ask_driver(attempt)) {
        look_at_bytes(attempt);
        if (goes_on(attempt)) {
            carry_out(attempt);
        }
    }
    csh_own_calls_end(&own);
}

/* Mode observe asks of a source what a capture would ask. */
static void look_at_source(struct attempt *attempt)
{
    struct csh_own_calls own;

    if (attempt->facts.is_registered) {
        own = csh_own_calls_begin();
        attempt->facts.host = csh_facts_host(attempt->copy->host,
                                             attempt->copy->bytes);
        csh_own_calls_end(&own);
        attempt->is_readable = attempt->facts.host != CSH_HOST_FOREIGN;
    }
}

static void observe(const struct attempt *attempt, uint64_t ns)
{
    csh_observe_uploaded(attempt->copy,
                         attempt->facts.is_registered &&
                             attempt->naming.is_registered &&
                             attempt->facts.host == CSH_HOST_PAGEABLE,
                         ns);
}

/* The program's own bytes are on their way: whatever was known of the range
 * is not known any more. */
static void note_uploaded(struct attempt *attempt)
{
    const struct csh_copy *copy = attempt->copy;
    bool is_observed = attempt->facts.mode == CSH_MODE_OBSERVE;
    CUcontext context = NULL;
    uint64_t ns;

    if (!attempt->facts.is_large) {
        return;
    }
    ns = csh_clock_now_ns() - attempt->begun_ns;
    if (is_observed) {
        look_at_source(attempt);
    }
    decide(attempt);
    attempt->naming.mark.is_unsure |= attempt->shadow != NULL;
    if (csh_calls()->cuCtxGetCurrent(&context) != CUDA_SUCCESS) {
        context = NULL;
    }
    csh_residency_uploaded(context, copy->device, copy->bytes,
                           attempt->naming.mark);
    if (is_observed) {
        observe(attempt, ns);
    }
}

static CUresult forward(struct attempt *attempt)
{
    const struct csh_copy *copy = attempt->copy;
    CUresult result = csh_phase_note(copy->forward(copy));

    /* Small ones leave no record, and failed ones whatever they leave. */
    if (attempt->facts.mode == CSH_MODE_TRUST) {
        csh_residency_spend(copy->device, copy->bytes);
    }
    if (result == CUDA_SUCCESS) {
        note_uploaded(attempt);
        attempt->decision.reason = csh_policy_passed_upload(
            attempt->decision.reason, attempt->naming.mark.is_excluded,
            attempt->naming.is_registered);
    }
    csh_statistics_count_own_call(CSH_H2D, result == CUDA_SUCCESS,
                                  attempt->decision.reason, copy->bytes);
    return result;
}

static void count(const struct attempt *attempt, enum csh_outcome outcome)
{
    if (attempt->naming.mark.weight != 0 && csh_statistics_are_on()) {
        csh_registry_count(attempt->naming.mark, CSH_H2D, outcome,
                           attempt->decision.reason,
                           attempt->copy->bytes,
                           csh_clock_now_ns() - attempt->begun_ns);
    }
    csh_journal(attempt->copy, attempt->context, outcome,
                attempt->decision.reason, attempt->naming.mark,
                attempt->begun_ns);
    csh_trace_copy(&attempt->parts, attempt->copy, attempt->context, outcome,
                   attempt->decision.reason, attempt->naming.mark,
                   attempt->begun_ns);
}

/* Of a copy that the program's own call was not needed for. */
static enum csh_outcome end_well(const struct attempt *attempt)
{
    bool is_in_place = attempt->decision.verdict == CSH_VERDICT_PROVE;
    enum csh_outcome outcome =
        is_in_place || attempt->decision.verdict == CSH_VERDICT_UNPARK
            ? CSH_OUTCOME_elided
            : CSH_OUTCOME_served;

    csh_statistics_count(CSH_H2D, outcome, attempt->decision.reason,
                         attempt->copy->bytes);
    if (attempt->shadow != NULL) {
        csh_park_note_load(attempt->copy, attempt->shadow, is_in_place);
    }
    return outcome;
}

CUresult csh_reload(const struct csh_copy *copy)
{
    struct attempt attempt = {.copy = copy};
    CUresult result = CUDA_SUCCESS;
    enum csh_outcome outcome;

    try(&attempt);
    if (attempt.decision.verdict == CSH_VERDICT_FORWARD) {
        result = forward(&attempt);
        outcome = result == CUDA_SUCCESS ? CSH_OUTCOME_passed
                                         : CSH_OUTCOME_failed;
    } else {
        outcome = end_well(&attempt);
    }
    count(&attempt, outcome);
    if (attempt.shadow != NULL) {
        csh_store_release(csh_residency_store(), attempt.shadow);
    }
    csh_context_release(attempt.context);
    return result;
}
