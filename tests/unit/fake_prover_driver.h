/*
 * fake_prover_driver.h - a driver for one test of the prover: every entry of
 * prover_calls.h, scripted and recorded.
 *
 * The kernel is the device source compiled as C. It runs at once, after some
 * queries, in parts, or never, as the script says. Device addresses are not
 * host addresses.
 */
#ifndef FAKE_PROVER_DRIVER_H
#define FAKE_PROVER_DRIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "verify/fingerprint_batch.h"
#include "verify/prover.h"

#define FAKE_DEVICE_BASE UINT64_C(0x7f0000000000)
#define FAKE_CONTEXT ((CUcontext)0x1000)
#define FAKE_DEVICE 3
#define FAKE_STREAM ((CUstream)0x2000) /* a program's stream */
#define FAKE_MAX_LAUNCHES 16
#define FAKE_MAX_CALLS 4096
#define FAKE_MAX_OBJECTS 64

/* One name an entry, in the order of the table, then how many there are. */
enum fake_entry {
#define CSH_X(symbol_, pfn_) FAKE_##symbol_,
    CSH_PROVER_CALLS(CSH_X)
    CSH_PROVER_OPTIONAL_CALLS(CSH_X)
#undef CSH_X
    FAKE_N_ENTRIES,
};

/* What becomes of a launch. */
enum fake_pace {
    FAKE_AT_ONCE,  /* done inside cuLaunchKernel */
    FAKE_LATER,    /* at the pace_queries-th stream query after it */
    FAKE_NEVER,    /* only when the test runs it */
    FAKE_HALF,     /* half of the thread blocks at once, the others never */
    FAKE_STUCK,    /* as HALF, and one more block is RUNNING, to be ended by
                    * the pace_queries-th query after the cancellation */
    FAKE_VANISHES, /* the stream is idle, no block ran */
    FAKE_FAULTS,   /* block 0 is RUNNING for ever, the context is dead */
};

struct fake_launch {
    bool is_batch;
    struct csh_fingerprint_job job; /* of a batch the control page only */
    struct csh_batch_job batch;
    unsigned grid, block;
    CUstream stream;
    unsigned n_queries; /* of its stream since */
    unsigned n_after_cancel;
    bool is_over;       /* of the stream's view */
    bool has_run[CSH_PROOF_MAX_BLOCKS];
};

struct fake_driver {
    /* The device's memory: [FAKE_DEVICE_BASE, + bytes) is at memory. */
    const unsigned char *memory;
    size_t bytes;
    uint64_t n_reads; /* of a range, or a piece, by a thread block */
    uint64_t cancels_after; /* that many reads a launch is cancelled; 0: no */

    enum fake_pace pace;
    unsigned pace_queries;
    bool event_pending; /* the program's stream does not get to the event */

    /* fail_entry returns fail_result at its fail_nth call (from 1), and at
     * the fail_more calls that follow. */
    enum fake_entry fail_entry;
    unsigned fail_nth, fail_more;
    CUresult fail_result;

    /* What cuPointerGetAttributes and cuMemGetAddressRange say. */
    uint64_t memory_type, is_managed, is_mapped, ordinal, owner, access;
    CUdeviceptr range_base;
    size_t range_bytes;

    /* Records. */
    unsigned n_calls[FAKE_N_ENTRIES];
    enum fake_entry order[FAKE_MAX_CALLS];
    unsigned n_order;
    int n_modules, n_hosts, n_streams, n_events; /* that are alive */
    void *object[FAKE_MAX_OBJECTS];              /* the same, or NULL */
    CUstream recorded_on;
    bool recorded_per_thread;
    CUstreamCaptureMode mode; /* of the thread */
    bool called_unrelaxed;
    struct fake_launch launch[FAKE_MAX_LAUNCHES];
    unsigned n_launches;

    uint64_t now_ns; /* the fake clock */
};

extern struct fake_driver fake;
extern const struct csh_prover_clock fake_clock;

/* A driver that does everything right, at once. */
void fake_reset(const unsigned char *memory, size_t bytes);
/* Entries, with or without cuFuncLoad. */
const struct csh_prover_calls *fake_calls(bool with_func_load);
/* Runs thread block `block` of a launch now, wherever it stands. */
void fake_run_block(struct fake_launch *launch, unsigned block);
void fake_run_all(struct fake_launch *launch);
/* The context ends and takes along all that was made in it. */
void fake_end_context(void);

#endif
