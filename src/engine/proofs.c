/*
 * proofs.c - see proofs.h. Owns two counts: how often in a row an upload was
 * not found in place, and how often nobody looked for that. Any thread; no
 * lock.
 */
#include "engine/proofs.h"

#include <stdatomic.h>
#include <string.h>

#include "base/statistics.h"
#include "engine/facts.h"
#include "engine/residency.h"
#include "engine/trace_points.h"

/* A look costs a small copy a good part of its time: after so many in vain
 * only one upload in so many is looked for. */
#define MOST_IN_VAIN 16
#define SELDOM 32

static atomic_uint n_in_vain;
static atomic_uint n_left_out;

uint64_t csh_proofs_timeout_ns(void)
{
    return csh_options()->proof_timeout_ms * UINT64_C(1000000);
}

bool csh_proofs_may_be_had(const struct csh_context *context)
{
    struct csh_prover *prover = csh_context_prover(context);

    return prover != NULL && csh_prover_may_prove(prover);
}

enum csh_proof csh_proofs_ask(const struct csh_context *context,
                              const struct csh_stream *stream,
                              CUdeviceptr device,
                              const struct csh_shadow *shadow)
{
    const struct csh_shadow_proof known = csh_shadow_proof(shadow);
    size_t bytes = csh_shadow_bytes(shadow);
    uint64_t begun_ns = csh_trace_now_ns();
    struct csh_fingerprint expected;
    enum csh_proof proof;

    memcpy(expected.lane, known.lane, sizeof(expected.lane));
    proof = csh_prover_prove(csh_context_prover(context), stream, device,
                             bytes, &expected, csh_proofs_timeout_ns());
    csh_trace_proof(context, stream, bytes, proof, begun_ns);
    if (proof == CSH_PROOF_EQUAL || proof == CSH_PROOF_DIFFERENT) {
        csh_statistics_add(CSH_GAUGE_proofs, 1);
        csh_statistics_add(CSH_GAUGE_proof_bytes, (int64_t)bytes);
    }
    return proof;
}

bool csh_still_is_likely(const struct csh_copy *copy,
                         const struct csh_shadow *shadow)
{
    if (!csh_residency_should_hold(copy->device, copy->bytes, shadow)) {
        return false;
    }
    return atomic_load(&n_in_vain) < MOST_IN_VAIN ||
           atomic_fetch_add(&n_left_out, 1) % SELDOM == 0;
}

/* The stream was idle before the proof. What was queued since need not be
 * waited for, as an upload would not be; an error is the real copy's to say. */
static bool is_in_order(const struct csh_copy *copy)
{
    return !copy->is_async || csh_facts_is_sound(&copy->stream);
}

bool csh_still_is_there(const struct csh_context *context,
                        const struct csh_copy *copy,
                        const struct csh_shadow *shadow)
{
    enum csh_proof proof =
        csh_proofs_ask(context, &copy->stream, copy->device, shadow);

    if (proof == CSH_PROOF_DIFFERENT) {
        atomic_fetch_add(&n_in_vain, 1);
    }
    if (proof != CSH_PROOF_EQUAL || !is_in_order(copy)) {
        return false;
    }
    atomic_store(&n_in_vain, 0);
    return true;
}
