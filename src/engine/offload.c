/*
 * offload.c - device to host: forward, capture, or prove and elide.
 *
 * Owns nothing that outlives a call. An attempt gathers facts in rising order
 * of cost, asks the policy after each step, and stops at the first verdict
 * that forwards. Whatever goes wrong in an attempt ends in the program's own
 * call: once, with its own arguments, outside the shim's capture mode.
 *
 * The elision, in the order that makes it right:
 *   1. the driver says that the range is plain device memory of this context;
 *   2. the kernel, ordered behind the stream's work, reads the range in this
 *      call and its fingerprint equals the shadow's;
 *   3. the real stream synchronisation succeeds, so errors and ordering are
 *      those of the copy;
 *   4. the host range is filled from the shadow, whose bytes never change.
 *
 * In mode trust 2 is left out for what was declared immutable: trust.h.
 *
 * With CUSHADOW_COHORT=1 a kernel of an earlier call may have read the range,
 * and 1 and 2 are then the answer of cohort.h, asked for again after 3.
 */
#include "engine/offload.h"

#include <string.h>

#include "base/clock.h"
#include "engine/calls.h"
#include "engine/cohort.h"
#include "engine/contexts.h"
#include "engine/facts.h"
#include "engine/fresh.h"
#include "engine/host.h"
#include "engine/idle.h"
#include "engine/journal.h"
#include "engine/naming.h"
#include "engine/observe.h"
#include "engine/opt_out.h"
#include "engine/phase.h"
#include "engine/placing.h"
#include "engine/policy.h"
#include "engine/proofs.h"
#include "engine/residency.h"
#include "engine/trace_points.h"
#include "engine/trust.h"
#include "track/captures.h"
#include "verify/fingerprint_shared.h"

struct attempt {
    const struct csh_copy *copy;
    const struct csh_context *context; /* held, or NULL */
    struct csh_shadow *shadow;         /* held, or NULL */
    struct csh_offload_facts facts;
    struct csh_decision decision;
    struct csh_weight_mark mark;
    bool is_declared; /* exactly this range, by the program */
    uint64_t begun_ns; /* 0: too small to be looked at */
    struct csh_trace_parts parts;
};

static bool goes_on(struct attempt *attempt)
{
    attempt->decision = csh_policy_offload(&attempt->facts);
    return attempt->decision.verdict != CSH_VERDICT_FORWARD;
}

static void give_up(struct attempt *attempt, enum csh_reason reason)
{
    attempt->decision.verdict = CSH_VERDICT_FORWARD;
    attempt->decision.reason = reason;
}

/* What the program has declared is a weight, whatever the rules say. */
static void consider_rules(struct attempt *attempt)
{
    struct csh_offload_facts *facts = &attempt->facts;

    attempt->is_declared =
        facts->knowledge > CSH_KNOWS_OVERLAP &&
        csh_naming_find_declared(attempt->copy, &attempt->mark);
    if (facts->knowledge == CSH_KNOWS_EXCLUDED && attempt->is_declared) {
        facts->knowledge = CSH_KNOWS_UPLOADED;
    } else if (facts->knowledge == CSH_KNOWS_UPLOADED &&
               !attempt->is_declared &&
               !csh_naming_may_learn(attempt->copy->bytes)) {
        facts->knowledge = CSH_KNOWS_EXCLUDED;
    }
    facts->is_immutable = facts->knowledge == CSH_KNOWS_SHADOW &&
                          attempt->mark.is_immutable;
}

/* Facts that cost no call of the driver; the others at their best. */
static bool look_at_records(struct attempt *attempt)
{
    const struct csh_copy *copy = attempt->copy;
    struct csh_offload_facts *facts = &attempt->facts;

    *facts = (struct csh_offload_facts){
        .mode = csh_options()->mode,
        .is_paused = csh_opt_out_is_on(),
        .is_large = copy->bytes >= csh_options()->min_bytes &&
                    copy->bytes > 0,
        .is_capturing = csh_captures_any_active(),
        .is_suited = true,
        .knowledge = CSH_KNOWS_UPLOADED,
        .host = CSH_HOST_PAGEABLE,
        .is_plain = true,
        .is_idle = true,
        .may_prove = true,
    };
    if (!goes_on(attempt)) {
        return false;
    }
    if (csh_trace_is_on()) {
        csh_trace_settle();
    }
    attempt->begun_ns = csh_clock_now_ns();
    facts->knowledge = csh_residency_find(copy->device, copy->bytes,
                                          &attempt->shadow, &attempt->mark);
    consider_rules(attempt);
    return goes_on(attempt);
}

static struct csh_weight weight_of(const struct attempt *attempt)
{
    return (struct csh_weight){attempt->copy->device, attempt->copy->bytes,
                               attempt->shadow};
}

static enum csh_belief belief_of(const struct attempt *attempt)
{
    const struct csh_weight weight = weight_of(attempt);

    return attempt->shadow != NULL
               ? csh_cohort_belief(attempt->context, &weight)
               : CSH_BELIEF_NONE;
}

/* Of a range that is believed in, the driver was asked before its launch. */
static bool is_plain(const struct attempt *attempt)
{
    return attempt->facts.belief == CSH_BELIEF_EQUAL
               ? csh_facts_is_stream_of(attempt->copy, attempt->context)
               : csh_facts_is_plain(attempt->copy, attempt->context);
}

/* Mode trust believes only in an upload that came from the shadow, to memory
 * that is still the same allocation, and in that only once. */
static bool is_vouched(const struct attempt *attempt)
{
    const struct csh_copy *copy = attempt->copy;
    uint64_t buffer =
        attempt->facts.mode == CSH_MODE_TRUST
            ? csh_residency_vouched(copy->device, copy->bytes)
            : 0;

    return buffer != 0 && buffer == csh_facts_buffer(copy->device,
                                                     copy->bytes);
}

static bool ask_driver(struct attempt *attempt)
{
    const struct csh_copy *copy = attempt->copy;
    struct csh_offload_facts *facts = &attempt->facts;

    attempt->context = csh_context_acquire();
    if (attempt->context == NULL) {
        facts->is_plain = false;
        return goes_on(attempt);
    }
    facts->is_suited = attempt->context->is_suited;
    facts->is_capturing = csh_facts_is_capturing(&copy->stream);
    facts->may_prove = csh_proofs_may_be_had(attempt->context);
    facts->belief = belief_of(attempt);
    if (!goes_on(attempt)) {
        return false;
    }
    facts->is_immutable = facts->is_immutable && is_vouched(attempt);
    facts->host = csh_facts_host(copy->host, copy->bytes);
    facts->is_plain = is_plain(attempt);
    if (!goes_on(attempt)) {
        return false;
    }
    /* Not before it is known to be a stream, and one of this context. */
    csh_idle_note_stream(attempt->context->handle, &copy->stream);
    if (attempt->decision.verdict == CSH_VERDICT_OBSERVE) {
        return true; /* this mode waits for nothing */
    }
    facts->is_idle = csh_facts_settle(copy, csh_proofs_timeout_ns());
    return goes_on(attempt);
}

/* Gives the host range the shadow's bytes and remembers that it has them; or
 * leaves it to the program's own call. */
static void materialise(struct attempt *attempt, struct csh_shadow *shadow)
{
    const struct csh_copy *copy = attempt->copy;
    struct csh_weight_mark mark = attempt->mark;
    size_t mapped_bytes;

    mark.is_written = false; /* of the device's range */
    if (csh_host_fill(copy->host, shadow, &mapped_bytes)) {
        csh_placing_expect(copy->bytes);
        csh_residency_offloaded(copy->host, copy->bytes, shadow, mapped_bytes,
                                mark);
    } else {
        give_up(attempt, CSH_REASON_error);
    }
}

/* Fills a fresh shadow by DMA and finishes it: its fingerprint is that of its
 * own bytes, taken when they can no longer change. If these bytes are there
 * already, *shadow_p is then the one that has them. */
static bool fill_shadow(const struct csh_copy *copy,
                        struct csh_shadow **shadow_p)
{
    struct csh_shadow *shadow = *shadow_p;
    struct csh_fingerprint fingerprint;

    if (csh_call_copy_to_host(csh_shadow_address(shadow), copy->device,
                              copy->bytes, &copy->stream) != CUDA_SUCCESS) {
        return false;
    }
    if (csh_call_stream_synchronize(&copy->stream) != CUDA_SUCCESS) {
        csh_statistics_add(CSH_GAUGE_own_d2h_bytes, (int64_t)copy->bytes);
        return false;
    }
    csh_fingerprint_compute_shared(csh_context_key(),
                                   csh_shadow_address(shadow), copy->bytes,
                                   &fingerprint);
    *shadow_p = csh_fresh_publish(shadow, &fingerprint);
    return true;
}

/* With CUSHADOW_CAPTURE=offload, or where the upload could not be captured. */
static void note_captured(const struct attempt *attempt)
{
    if (attempt->mark.is_registered &&
        attempt->decision.reason == CSH_REASON_first) {
        csh_statistics_add(CSH_GAUGE_captured_bytes,
                           (int64_t)attempt->copy->bytes);
        csh_statistics_add(CSH_GAUGE_captured_ready_ns,
                           (int64_t)(csh_clock_now_ns() -
                                     attempt->begun_ns));
    }
}

static void capture(struct attempt *attempt)
{
    const struct csh_copy *copy = attempt->copy;
    uint64_t begun_ns = csh_trace_now_ns();
    enum csh_reason reason = CSH_REASON_error;
    struct csh_shadow *shadow =
        csh_fresh_allocate(attempt->context, copy->host, copy->bytes,
                           &reason);

    if (shadow == NULL) {
        give_up(attempt, reason);
        return;
    }
    if (!fill_shadow(copy, &shadow)) {
        give_up(attempt, CSH_REASON_error);
        csh_fresh_abandon(shadow, &copy->stream);
        return;
    }
    csh_trace_note_part(&attempt->parts, CSH_TRACE_capture, begun_ns, NULL);
    if (attempt->decision.reason == CSH_REASON_dirty) {
        attempt->mark.is_unsure = true;
    }
    /* Bytes from VRAM: nobody but the program itself has declared them. */
    attempt->mark.is_immutable &= attempt->is_declared;
    attempt->mark.is_written = false;
    csh_naming_learned(copy->bytes, &attempt->mark);
    materialise(attempt, shadow);
    if (attempt->decision.verdict == CSH_VERDICT_FORWARD) {
        csh_statistics_add(CSH_GAUGE_own_d2h_bytes, (int64_t)copy->bytes);
    }
    csh_residency_holds(attempt->context->handle, copy->device, copy->bytes,
                        shadow, attempt->mark);
    csh_naming_published(shadow, attempt->mark);
    note_captured(attempt);
    csh_store_release(csh_residency_store(), shadow);
}

static void elide(struct attempt *attempt)
{
    if (csh_call_stream_synchronize(&attempt->copy->stream) !=
        CUDA_SUCCESS) {
        give_up(attempt, CSH_REASON_error);
        return;
    }
    materialise(attempt, attempt->shadow);
}

/* Mode trust: the bytes of the latest upload, whatever is there now. Only once:
 * after an offload the memory often becomes something else, unseen. */
static void trust(struct attempt *attempt)
{
    const struct csh_copy *copy = attempt->copy;

    elide(attempt);
    if (attempt->decision.verdict != CSH_VERDICT_TRUST) {
        return;
    }
    csh_residency_spend(copy->device, copy->bytes);
    if (attempt->mark.is_written) {
        csh_trust_note_dropped((uint32_t)attempt->mark.weight, copy->bytes);
    }
}

/* By a launch for this range and others, or else for this one. */
static enum csh_proof ask_cohort_or_prover(struct attempt *attempt)
{
    const struct csh_weight weight = weight_of(attempt);
    uint64_t begun_ns = csh_trace_now_ns();
    enum csh_proof proof =
        csh_cohort_form(attempt->context, &weight, csh_proofs_timeout_ns());

    if (proof == CSH_PROOF_BUSY) {
        return csh_proofs_ask(attempt->context, &attempt->copy->stream,
                              attempt->copy->device, attempt->shadow);
    }
    csh_trace_note_part(&attempt->parts, CSH_TRACE_cohort, begun_ns,
                        csh_trace_proof_word(proof));
    return proof;
}

static void prove(struct attempt *attempt)
{
    switch (ask_cohort_or_prover(attempt)) {
    case CSH_PROOF_EQUAL:
        elide(attempt);
        return;
    case CSH_PROOF_DIFFERENT:
        attempt->decision.verdict = CSH_VERDICT_CAPTURE;
        attempt->decision.reason = CSH_REASON_dirty;
        capture(attempt);
        return;
    case CSH_PROOF_TIMEOUT:
        give_up(attempt, CSH_REASON_timeout);
        return;
    case CSH_PROOF_BUSY:
        give_up(attempt, CSH_REASON_busy);
        return;
    case CSH_PROOF_ERROR:
        break;
    }
    give_up(attempt, CSH_REASON_error);
}

/* The real synchronisation first: what it waited for may be what ends the
 * belief. Then there is only the proof in this call. */
static void believe(struct attempt *attempt)
{
    if (csh_call_stream_synchronize(&attempt->copy->stream) !=
        CUDA_SUCCESS) {
        give_up(attempt, CSH_REASON_error);
        return;
    }
    if (belief_of(attempt) == CSH_BELIEF_EQUAL) {
        csh_cohort_note_reuse();
        materialise(attempt, attempt->shadow);
        return;
    }
    attempt->facts.belief = CSH_BELIEF_NONE;
    attempt->facts.is_plain = is_plain(attempt);
    if (goes_on(attempt)) {
        prove(attempt);
    }
}

/* Everything of the shim's own; afterwards the verdict says what is left to
 * do: nothing (PROVE, TRUST, BELIEVE: elided, CAPTURE: served) or the program's
 * call. */
static void try(struct attempt *attempt)
{
    struct csh_own_calls own;

    if (!look_at_records(attempt)) {
        return;
    }
    own = csh_own_calls_begin();
    if (ask_driver(attempt)) {
        if (attempt->decision.verdict == CSH_VERDICT_PROVE) {
            prove(attempt);
        } else if (attempt->decision.verdict == CSH_VERDICT_TRUST) {
            trust(attempt);
        } else if (attempt->decision.verdict == CSH_VERDICT_CAPTURE) {
            capture(attempt);
        } else if (attempt->decision.verdict == CSH_VERDICT_BELIEVE) {
            believe(attempt);
        }
    }
    csh_own_calls_end(&own);
}

/* The bytes are there once nothing is left to wait for. */
static void observe(const struct attempt *attempt, uint64_t ns)
{
    struct csh_own_calls own = csh_own_calls_begin();
    bool is_idle = csh_facts_is_idle_now(&attempt->copy->stream);

    csh_own_calls_end(&own);
    if (is_idle) {
        csh_observe_offloaded(attempt->copy, ns);
    }
}

static CUresult forward(struct attempt *attempt)
{
    const struct csh_copy *copy = attempt->copy;
    CUresult result = csh_phase_note(copy->forward(copy));

    csh_statistics_count_own_call(CSH_D2H, result == CUDA_SUCCESS,
                                  attempt->decision.reason, copy->bytes);
    if (result == CUDA_SUCCESS &&
        attempt->decision.verdict == CSH_VERDICT_OBSERVE) {
        observe(attempt, csh_clock_now_ns() - attempt->begun_ns);
    }
    return result;
}

static void count(const struct attempt *attempt, enum csh_outcome outcome)
{
    if (attempt->mark.weight != 0 && csh_statistics_are_on()) {
        csh_registry_count(attempt->mark, CSH_D2H, outcome,
                           attempt->decision.reason, attempt->copy->bytes,
                           csh_clock_now_ns() - attempt->begun_ns);
    }
    csh_journal(attempt->copy, attempt->context, outcome,
                attempt->decision.reason, attempt->mark,
                attempt->begun_ns);
    csh_trace_copy(&attempt->parts, attempt->copy, attempt->context, outcome,
                   attempt->decision.reason, attempt->mark,
                   attempt->begun_ns);
}

CUresult csh_offload(const struct csh_copy *copy)
{
    struct attempt attempt = {.copy = copy};
    CUresult result = CUDA_SUCCESS;
    enum csh_outcome outcome;

    try(&attempt);
    switch (attempt.decision.verdict) {
    case CSH_VERDICT_PROVE:
    case CSH_VERDICT_TRUST:
    case CSH_VERDICT_BELIEVE:
        outcome = CSH_OUTCOME_elided;
        csh_statistics_count(CSH_D2H, outcome, attempt.decision.reason,
                             copy->bytes);
        break;
    case CSH_VERDICT_CAPTURE:
        outcome = CSH_OUTCOME_served;
        csh_statistics_count(CSH_D2H, outcome, attempt.decision.reason,
                             copy->bytes);
        break;
    default:
        result = forward(&attempt);
        outcome = result == CUDA_SUCCESS ? CSH_OUTCOME_passed
                                         : CSH_OUTCOME_failed;
        break;
    }
    count(&attempt, outcome);
    if (attempt.shadow != NULL) {
        csh_store_release(csh_residency_store(), attempt.shadow);
    }
    csh_context_release(attempt.context);
    return result;
}
