/*
 * cohort.h - what one launch found out about many ranges, believed in the
 * calls that follow. Only with CUSHADOW_COHORT=1.
 *
 * A weaker contract than that of a proof in the call itself: it holds for
 * programs that write device memory only through calls that the shim sees.
 * What is believed was found under a generation of the watch that still holds
 * in the call that believes it (track/watch.h, with the protocol).
 *
 * Nothing of the program's is ever waited for, no work of its streams is
 * ordered before or behind the launch, and the host waits for the launch as
 * long as for any proof. In doubt there is no cohort, and the range is proven
 * by itself.
 */
#ifndef CSH_ENGINE_COHORT_H
#define CSH_ENGINE_COHORT_H

#include "engine/contexts.h"
#include "engine/policy.h"
#include "engine/residency.h"

/* What is believed of exactly this range and this shadow, now. Asks nobody. */
enum csh_belief csh_cohort_belief(const struct csh_context *context,
                                  const struct csh_weight *weight);

/* As above, counted: the copy is elided by it. */
void csh_cohort_note_reuse(void);

/*
 * Proves the weight, plain memory of the current context, and with it as many
 * others as one launch takes, if everything is idle and may be read.
 * CSH_PROOF_EQUAL, DIFFERENT: the weight's. TIMEOUT: as of csh_prover_prove.
 * BUSY: no cohort could be formed, or it does not say. Between
 * csh_own_calls_begin and _end.
 */
CSH_MUST_CHECK enum csh_proof
csh_cohort_form(const struct csh_context *context,
                const struct csh_weight *weight, uint64_t timeout_ns);

#endif
