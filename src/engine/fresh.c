/*
 * fresh.c - room for a shadow, and what becomes of it. Owns nothing; any
 * thread, between csh_own_calls_begin and _end.
 */
#include "engine/fresh.h"

#include <string.h>

#include "base/log.h"
#include "base/statistics.h"
#include "engine/calls.h"
#include "engine/gone.h"
#include "engine/host.h"
#include "engine/idle.h"
#include "engine/residency.h"

/* A model has thousands of weights, and they are refused for one reason. */
#define MAX_SAID 8

/* What else waits for a call that may synchronise, if there is nothing to wait
 * for. A program that allocates from pools alone makes no such call, and would
 * never have a prover. Pinned is for all contexts, so all have to be idle. */
static void synchronising_work(const struct csh_context *context,
                               const struct csh_shadow *shadow)
{
    bool must_pin = !csh_shadow_is_pinned(shadow);
    bool must_prepare = csh_context_prover(context) == NULL;

    if ((!must_pin && !must_prepare) || !csh_context_is_the_only_one() ||
        !csh_idle_is_everything_idle(context->handle)) {
        return;
    }
    if (must_pin) {
        csh_residency_tidy();
    }
    if (must_prepare) {
        csh_context_prepare();
    }
}

static void say_refusal(size_t bytes, enum csh_reason reason)
{
    const char *variable = csh_reason_variable(reason);

    csh_log_capped(MAX_SAID, CSH_LOG_INFO, "engine",
                   "refusal of a shadow of %zu bytes: %s%s%s", bytes,
                   csh_reason_sentence(reason),
                   (variable[0] != '\0') ? "; see " : "", variable);
}

struct csh_shadow *csh_fresh_allocate(const struct csh_context *context,
                                      const void *host, size_t bytes,
                                      enum csh_reason *reason_p)
{
    struct csh_shadow *shadow;

    if (csh_context_key() == NULL) {
        *reason_p = CSH_REASON_unready;
        return NULL;
    }
    /* A program may allocate nothing for hours, and so never have us tidy up:
     * room that nobody needs comes before more room. */
    csh_gone_look();
    csh_store_collect(csh_residency_store());
    if (!csh_store_allocate_at(csh_residency_store(), bytes,
                               csh_host_phase(host, bytes), &shadow,
                               reason_p)) {
        say_refusal(bytes, *reason_p);
        return NULL;
    }
    synchronising_work(context, shadow);
    return shadow;
}

struct csh_shadow *
csh_fresh_publish(struct csh_shadow *shadow,
                  const struct csh_fingerprint *fingerprint)
{
    struct csh_shadow_proof proof;

    memcpy(proof.lane, fingerprint->lane, sizeof(proof.lane));
    return csh_store_publish(csh_residency_store(), shadow, &proof);
}

void csh_fresh_abandon(struct csh_shadow *shadow,
                       const struct csh_stream *stream)
{
    if (csh_call_stream_synchronize(stream) == CUDA_SUCCESS) {
        csh_store_release(csh_residency_store(), shadow);
    }
}
