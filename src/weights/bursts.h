/*
 * bursts.h - weights without a name, grouped by when they were uploaded.
 *
 * A program loads a model in one go. So an upload begins a new burst if more
 * than the gap has passed since the one before it; else it belongs to the
 * same. Whether what was uploaded is a weight shows later: bursts with weights
 * in them are groups, numbered from 1 in the order in which that showed, and
 * shown as "model 1 (1,680 tensors, 4.78 GiB)": as many as it had at most.
 * After the last number, all go into the last group.
 *
 * Pure: the caller brings the clock and holds its lock; a clock that runs
 * backwards counts as standing still.
 */
#ifndef CSH_WEIGHTS_BURSTS_H
#define CSH_WEIGHTS_BURSTS_H

#include <stdint.h>

#include "base/compiler.h"

#define CSH_MAX_BURSTS 64
/* Longer than a loader stops between two tensors to read the next from a
 * slow disk, shorter than what lies between two models that a user asks for. */
#define CSH_BURST_GAP_NS UINT64_C(2000000000)

struct csh_burst {
    uint32_t sequence; /* of the burst, as csh_bursts_note() counts them */
    uint64_t n_tensors, n_bytes;
    uint64_t most_tensors, most_bytes;
};

struct csh_bursts {
    uint64_t gap_ns, last_ns;
    uint32_t sequence; /* of the latest; 0: none yet */
    unsigned n_bursts;
    struct csh_burst bursts[CSH_MAX_BURSTS];
};

void csh_bursts_init(struct csh_bursts *bursts, uint64_t gap_ns);

/* Something was uploaded. Returns its burst, which is never 0 and below
 * CSH_BURST_LIMIT: bursts beyond that are all the last. */
#define CSH_BURST_LIMIT (UINT32_C(1) << 29)
uint32_t csh_bursts_note(struct csh_bursts *bursts, uint64_t now_ns);

/* It was a weight without a name. Returns the number of its group. */
unsigned csh_bursts_add(struct csh_bursts *bursts, uint32_t sequence,
                        uint64_t bytes);
/* One weight of that group turned out to have a name, or is no more. */
void csh_bursts_remove(struct csh_bursts *bursts, unsigned number,
                       uint64_t bytes);

#define CSH_BURST_LABEL_BYTES 96

/* "model 1 (1,680 tensors, 4.78 GiB)". Returns text_p. */
const char *csh_bursts_label(const struct csh_bursts *bursts, unsigned number,
                             char text_p[CSH_BURST_LABEL_BYTES]);

#endif
