/*
 * policy.c - the decision tables. Owns nothing and remembers nothing.
 *
 * Read each function from the top: the first line that fits decides. Every
 * line but the last few forwards the program's own call.
 */
#include "engine/policy.h"

static struct csh_decision decide(enum csh_verdict verdict,
                                  enum csh_reason reason)
{
    return (struct csh_decision){verdict, reason};
}

static struct csh_decision forward(enum csh_reason reason)
{
    return decide(CSH_VERDICT_FORWARD, reason);
}

/* What an offload of a range that is worth looking at would be, if nothing
 * about the memory or the stream forbids it. */
static struct csh_decision offload_of_weight(
    const struct csh_offload_facts *facts)
{
    if (facts->knowledge != CSH_KNOWS_SHADOW) {
        return decide(CSH_VERDICT_CAPTURE, CSH_REASON_first);
    }
    if (facts->mode == CSH_MODE_COPY) {
        return decide(CSH_VERDICT_CAPTURE, CSH_REASON_mode);
    }
    if (facts->mode == CSH_MODE_TRUST && facts->is_immutable) {
        return decide(CSH_VERDICT_TRUST, CSH_REASON_trusted);
    }
    if (!facts->may_prove) {
        return forward(CSH_REASON_unready);
    }
    if (facts->belief == CSH_BELIEF_EQUAL) {
        return decide(CSH_VERDICT_BELIEVE, CSH_REASON_cohort);
    }
    if (facts->belief == CSH_BELIEF_DIFFERENT) {
        return decide(CSH_VERDICT_CAPTURE, CSH_REASON_dirty);
    }
    return decide(CSH_VERDICT_PROVE, CSH_REASON_proven);
}

struct csh_decision csh_policy_offload(const struct csh_offload_facts *facts)
{
    if (facts->mode == CSH_MODE_OFF) {
        return forward(CSH_REASON_mode);
    }
    if (facts->is_paused) {
        return forward(CSH_REASON_paused);
    }
    if (!facts->is_large) {
        return forward(CSH_REASON_small);
    }
    if (facts->is_capturing) {
        return forward(CSH_REASON_capturing);
    }
    if (facts->knowledge == CSH_KNOWS_NOTHING) {
        return forward(CSH_REASON_unlearned);
    }
    if (facts->knowledge == CSH_KNOWS_OVERLAP) {
        return forward(CSH_REASON_partial);
    }
    if (facts->knowledge == CSH_KNOWS_EXCLUDED) {
        return forward(CSH_REASON_excluded);
    }
    if (!facts->is_suited) {
        return forward(CSH_REASON_device);
    }
    if (facts->host == CSH_HOST_PINNED) {
        return forward(CSH_REASON_pinned);
    }
    if (facts->host == CSH_HOST_FOREIGN || !facts->is_plain) {
        return forward(CSH_REASON_foreign);
    }
    if (!facts->is_idle) {
        return forward(CSH_REASON_busy);
    }
    if (facts->mode == CSH_MODE_OBSERVE) {
        return decide(CSH_VERDICT_OBSERVE, CSH_REASON_mode);
    }
    return offload_of_weight(facts);
}

/* The same of an upload: new bytes of a weight are captured on their way. */
static struct csh_decision upload_of_weight(
    const struct csh_reload_facts *facts)
{
    if (!facts->has_shadow) {
        return decide(CSH_VERDICT_CAPTURE, CSH_REASON_first);
    }
    if (!facts->is_equal) {
        return decide(CSH_VERDICT_CAPTURE, CSH_REASON_modified);
    }
    if (facts->may_be_there) {
        return decide(CSH_VERDICT_PROVE, CSH_REASON_in_place);
    }
    if (facts->is_parked) {
        return decide(CSH_VERDICT_UNPARK, CSH_REASON_parked);
    }
    return decide(CSH_VERDICT_SERVE, CSH_REASON_unchanged);
}

struct csh_decision csh_policy_reload(const struct csh_reload_facts *facts)
{
    if (facts->mode == CSH_MODE_OFF || facts->mode == CSH_MODE_OBSERVE) {
        return forward(CSH_REASON_mode);
    }
    if (facts->is_paused) {
        return forward(CSH_REASON_paused);
    }
    if (!facts->is_large) {
        return forward(CSH_REASON_small);
    }
    if (facts->is_capturing) {
        return forward(CSH_REASON_capturing);
    }
    if (!facts->has_shadow && !facts->is_registered) {
        return forward(CSH_REASON_unlearned);
    }
    if (!facts->is_suited) {
        return forward(CSH_REASON_device);
    }
    if (facts->host == CSH_HOST_PINNED) {
        return forward(CSH_REASON_pinned);
    }
    if (facts->host == CSH_HOST_FOREIGN || !facts->is_plain) {
        return forward(CSH_REASON_foreign);
    }
    if (!facts->is_idle) {
        return forward(CSH_REASON_busy);
    }
    return upload_of_weight(facts);
}

enum csh_reason csh_policy_passed_upload(enum csh_reason reason,
                                         bool is_excluded, bool is_registered)
{
    if (reason != CSH_REASON_unlearned) {
        return reason;
    }
    return is_excluded     ? CSH_REASON_excluded
           : is_registered ? CSH_REASON_deferred
                           : reason;
}
