/*
 * batch.h - the proof of many ranges by one launch, on a lane of its own.
 *
 * Inside of the prover; prover.h says what callers may rely on.
 */
#ifndef CSH_VERIFY_BATCH_H
#define CSH_VERIFY_BATCH_H

#include "verify/fingerprint_batch.h"
#include "verify/lane.h"

struct csh_batch {
    struct csh_lane lane;
    struct csh_batch_piece *pieces; /* CSH_BATCH_MAX_PIECES of them */
    CUdeviceptr pieces_device;      /* the same table */
    CUfunction kernel;
    void *memory; /* control page and table, mapped and pinned */
};

/* NULL: refused, with nothing left behind. May synchronise. */
struct csh_batch *csh_batch_open(const struct csh_prover_calls *calls,
                                 CUmodule module,
                                 const struct csh_proof_task *task);

/* Gives all of it back to the driver; frees the shim's own memory only. NULL
 * is fine for both. */
void csh_batch_close(struct csh_batch *batch,
                     const struct csh_prover_calls *calls);
void csh_batch_forget(struct csh_batch *batch);

/* The items' proofs, by a task that names no stream and no range. */
enum csh_proof csh_batch_fingerprint(struct csh_batch *batch,
                                     const struct csh_proof_task *task,
                                     struct csh_prover_item *items,
                                     size_t n_items);

#endif
