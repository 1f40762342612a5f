/*
 * lane.h - one proof's way through the driver: a stream, an event and a
 * control page, and the protocol of fingerprint_kernel.h seen from the host.
 */
#ifndef CSH_VERIFY_LANE_H
#define CSH_VERIFY_LANE_H

#include <stdatomic.h>

#include "verify/fingerprint_kernel.h"
#include "verify/prover.h"

struct csh_lane {
    /* Whoever turns it from false to true owns the rest until it turns it
     * back. Never waited for. */
    atomic_bool is_taken;
    /* A launch was given up: nothing may be queued or cleared before the
     * stream is idle by query. */
    bool is_draining;
    CUstream stream; /* non-blocking */
    CUevent event;   /* recorded on the program's stream */
    struct csh_proof_control *control;
    CUdeviceptr control_device; /* the same page */
};

/* What a lane needs to know of its prover and of this proof. */
struct csh_proof_task {
    const struct csh_prover_calls *calls;
    const struct csh_prover_clock *clock;
    const struct csh_fingerprint_key *key;
    CUfunction kernel;
    struct csh_stream stream; /* the program's */
    CUdeviceptr src;
    uint64_t n;
    uint64_t timeout_ns;
};

/* All lanes of a prover have their control pages in one allocation. */
#define CSH_LANE_CONTROL_BYTES \
    ((sizeof(struct csh_proof_control) + 4095) / 4096 * 4096)

/* Stream and event. False: neither is left. */
bool csh_lane_open(struct csh_lane *lane,
                   const struct csh_prover_calls *calls);
void csh_lane_close(struct csh_lane *lane,
                    const struct csh_prover_calls *calls);

/* Takes the lane if it is free and its stream has nothing left of an earlier
 * launch. */
bool csh_lane_try_take(struct csh_lane *lane,
                       const struct csh_prover_calls *calls);
void csh_lane_release(struct csh_lane *lane);

/* One launch that declines at once, for drivers that load a kernel at its
 * first launch. Not waited for. */
bool csh_lane_launch_declining(struct csh_lane *lane,
                               const struct csh_proof_task *task);

/* ---- the parts that batches are made of too ---- */

/* Before a launch, with nothing of an earlier one left: all slots PENDING. */
void csh_lane_clear(struct csh_lane *lane, uint32_t grid, uint32_t cancel);

/* The key for a kernel whose thread blocks of one range are n_blocks. Wiped
 * by whoever asked for it. */
void csh_lane_key(const struct csh_proof_task *task, uint32_t n_blocks,
                  struct csh_kernel_key *key_p);

/* Watches a launch to its end, or gives it up after the task's time: on
 * return nothing of it reads anything, now or later. launched: what became of
 * the calls that led to it. is_let_go: it waits for no event, so its time
 * runs from now. CSH_PROOF_EQUAL: every slot is DONE, and the lane ready for
 * the next launch; else TIMEOUT, BUSY (also when it was called off) or
 * ERROR. */
enum csh_proof csh_lane_see_through(struct csh_lane *lane,
                                    const struct csh_proof_task *task,
                                    uint32_t grid, CUresult launched,
                                    bool is_let_go);

/* From another thread, at any time between csh_lane_clear and the end of
 * csh_lane_see_through, also before the launch: no thread block begins to read
 * from now on. True while one that began before still reads. No call into the
 * driver, no wait. */
bool csh_lane_call_off(struct csh_lane *lane);

/* ---- */

/* The fingerprint of the task's range. CSH_PROOF_EQUAL stands for success
 * here: *print_p is set. Otherwise TIMEOUT, BUSY or ERROR. */
enum csh_proof csh_lane_fingerprint(struct csh_lane *lane,
                                    const struct csh_proof_task *task,
                                    struct csh_fingerprint *print_p);

#endif
