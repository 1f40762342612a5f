/*
 * bursts.h - weights without a name, grouped by when they were uploaded.
 *
 * A program loads a model in one go. So an upload begins a new group if more
 * than the gap has passed since the one before it, of whatever group; else it
 * belongs to the same. Groups are numbered from 1 and shown as "model 1 (1,680
 * tensors, 4.78 GiB)". After the last number, all go into the last group.
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
    uint64_t n_tensors, n_bytes;
};

struct csh_bursts {
    uint64_t gap_ns, last_ns;
    unsigned n_bursts;
    struct csh_burst bursts[CSH_MAX_BURSTS];
};

void csh_bursts_init(struct csh_bursts *bursts, uint64_t gap_ns);

/* One weight without a name was uploaded for the first time. Returns the
 * number of its group. */
unsigned csh_bursts_add(struct csh_bursts *bursts, uint64_t now_ns,
                        uint64_t bytes);
/* One weight of that group turned out to have a name, or is no more. */
void csh_bursts_remove(struct csh_bursts *bursts, unsigned number,
                       uint64_t bytes);

#define CSH_BURST_LABEL_BYTES 96

/* "model 1 (1,680 tensors, 4.78 GiB)". Returns text_p. */
const char *csh_bursts_label(const struct csh_bursts *bursts, unsigned number,
                             char text_p[CSH_BURST_LABEL_BYTES]);

#endif
