/*
 * swap_cycle.h - one turn of one model: load, patch, compute, offload, drop.
 */
#ifndef SWAP_CYCLE_H
#define SWAP_CYCLE_H

#include <stdbool.h>
#include <stdint.h>

#include "swap_device.h"
#include "swap_model.h"

/* Seconds of one turn. Offload includes the return of VRAM to the driver. */
struct swap_times {
    double load, compute, offload, drop;
};

/* One bit of the model's largest tensor is inverted in VRAM in every cycle,
 * and the bit of the cycle before is put back: what an offload must bring to
 * the host always differs from what the host sent, by one bit or two. */
struct swap_patch {
    bool wanted, applied;
    size_t tensor;
    uint64_t word; /* 32-bit word of the tensor whose bit is inverted now */
    uint32_t mask;
    unsigned char *reference; /* the same changes made on the host */
};

struct swap_job {
    struct swap_model model;
    struct swap_patch patch;
    struct swap_times *times; /* one a cycle */
};

struct swap_outcome {
    uint64_t result_digest;    /* of what the GPU computed, all cycles */
    uint64_t offloaded_digest; /* of the bytes that came back, if checked */
    uint64_t n_wrong;          /* tensors that were not what they must be */
    bool check;                /* compare with the files' bytes? */
};

/* Before the first turn, while the host has the file's bytes. */
void swap_cycle_prepare(struct swap_job *job, bool check);

/* Turn `cycle`, from 0 on. Fills times[cycle] and joins the outcome. */
void swap_cycle_run(struct swap_device *device, struct swap_job *job,
                    unsigned cycle, struct swap_outcome *outcome);

void swap_cycle_finish(struct swap_job *job);

#endif
