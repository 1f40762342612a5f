/*
 * proofs.h - whether device memory holds a shadow's bytes, by the prover of a
 * context.
 */
#ifndef CSH_ENGINE_PROOFS_H
#define CSH_ENGINE_PROOFS_H

#include <cuda.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine/contexts.h"
#include "engine/engine.h"
#include "shadow/store.h"
#include "verify/prover.h"

/* CUSHADOW_PROOF_TIMEOUT_MS. */
uint64_t csh_proofs_timeout_ns(void);

/* The context, which is current, has a prover that is not backing off. */
bool csh_proofs_may_be_had(const struct csh_context *context);

/* Does this device memory hold the shadow's bytes, once the stream has done
 * all that was queued before this call? The caller knows that a kernel of the
 * context may read it, and that it may be proven. Counts. */
enum csh_proof csh_proofs_ask(const struct csh_context *context,
                              const struct csh_stream *stream,
                              CUdeviceptr device,
                              const struct csh_shadow *shadow);

/* ---- still there: an upload to where the bytes are already -------------- */

/* The records say that the destination was given the shadow's bytes, and
 * looking has not been in vain all the time. Asks no driver. */
bool csh_still_is_likely(const struct csh_copy *copy,
                         const struct csh_shadow *shadow);

/* The destination holds the shadow's bytes now: proven in this call, behind
 * all that the stream had queued, which is done. False as well in doubt. */
bool csh_still_is_there(const struct csh_context *context,
                        const struct csh_copy *copy,
                        const struct csh_shadow *shadow);

#endif
