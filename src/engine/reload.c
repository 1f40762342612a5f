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
 * How the bytes are moved is in reload_ways.c.
 */
#include "engine/reload.h"

#include "base/clock.h"
#include "engine/calls.h"
#include "engine/contexts.h"
#include "engine/facts.h"
#include "engine/host.h"
#include "engine/journal.h"
#include "engine/naming.h"
#include "engine/observe.h"
#include "engine/opt_out.h"
#include "engine/park.h"
#include "engine/phase.h"
#include "engine/policy.h"
#include "engine/proofs.h"
#include "engine/reload_inside.h"
#include "engine/residency.h"
#include "engine/trace_points.h"
#include "track/captures.h"

bool csh_reload_goes_on(struct csh_reload_attempt *attempt)
{
    attempt->decision = csh_policy_reload(&attempt->facts);
    return attempt->decision.verdict != CSH_VERDICT_FORWARD;
}

/* Facts that cost no call of the driver; the others at their best. */
static bool look_at_records(struct csh_reload_attempt *attempt)
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
    if (!csh_reload_goes_on(attempt)) {
        return false;
    }
    attempt->shadow = csh_residency_find_host(copy->host, copy->bytes,
                                              &attempt->naming.mark);
    attempt->naming.is_declared =
        csh_naming_find_declared(copy, &attempt->naming.mark);
    attempt->facts.has_shadow = attempt->shadow != NULL;
    return csh_reload_goes_on(attempt);
}

/* Of bytes that no shadow has been made of. */
static void decide(struct csh_reload_attempt *attempt)
{
    if (attempt->shadow != NULL) {
        return;
    }
    csh_naming_decide(attempt->copy, attempt->is_readable, &attempt->naming);
    attempt->facts.is_registered =
        attempt->facts.is_registered && attempt->naming.is_registered;
}

static bool ask_driver(struct csh_reload_attempt *attempt)
{
    const struct csh_copy *copy = attempt->copy;
    struct csh_reload_facts *facts = &attempt->facts;

    attempt->context = csh_context_acquire();
    if (attempt->context == NULL) {
        facts->is_plain = false;
        return csh_reload_goes_on(attempt);
    }
    facts->is_suited = attempt->context->is_suited;
    facts->is_capturing = csh_facts_is_capturing(&copy->stream);
    if (!csh_reload_goes_on(attempt)) {
        return false;
    }
    facts->host = csh_facts_host(copy->host, copy->bytes);
    facts->is_plain = csh_facts_is_plain(copy, attempt->context);
    attempt->is_readable = facts->host != CSH_HOST_FOREIGN;
    if (!csh_reload_goes_on(attempt)) {
        return false;
    }
    decide(attempt);
    if (!csh_reload_goes_on(attempt)) {
        return false;
    }
    /* "A stream sync is performed before the copy is initiated" (CUDA driver
     * API, for synchronous copies from pageable memory). */
    facts->is_idle = copy->is_async ? csh_facts_is_idle_now(&copy->stream)
                                    : csh_facts_synchronise(&copy->stream);
    return csh_reload_goes_on(attempt);
}

/* Whether the source is the shadow's; then the destination may hold these
 * bytes already, or a block on the device. */
static void look_at_bytes(struct csh_reload_attempt *attempt)
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

static void try(struct csh_reload_attempt *attempt)
{
    struct csh_own_calls own;

    if (!look_at_records(attempt)) {
        return;
    }
    own = csh_own_calls_begin();
    if (ask_driver(attempt)) {
        look_at_bytes(attempt);
        if (csh_reload_goes_on(attempt)) {
            csh_reload_carry_out(attempt);
        }
    }
    csh_own_calls_end(&own);
}

/* Mode observe asks of a source what a capture would ask. */
static void look_at_source(struct csh_reload_attempt *attempt)
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

static void observe(const struct csh_reload_attempt *attempt, uint64_t ns)
{
    csh_observe_uploaded(attempt->copy,
                         attempt->facts.is_registered &&
                             attempt->naming.is_registered &&
                             attempt->facts.host == CSH_HOST_PAGEABLE,
                         ns);
}

/* The program's own bytes are on their way: whatever was known of the range
 * is not known any more. */
static void note_uploaded(struct csh_reload_attempt *attempt)
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

static CUresult forward(struct csh_reload_attempt *attempt)
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

static void count(const struct csh_reload_attempt *attempt,
                  enum csh_outcome outcome)
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
static enum csh_outcome end_well(const struct csh_reload_attempt *attempt)
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
    struct csh_reload_attempt attempt = {.copy = copy};
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
