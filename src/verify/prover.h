/*
 * prover.h - proves, in one call, that a device range holds the bytes of a
 * known fingerprint, without harming a correct program.
 *
 * A prover belongs to one context. It reads exactly the range that it is
 * asked about, in the order of the stream that the program named, on streams
 * of its own: nothing of the program's ever waits for it, and it waits only
 * as long as it is told. A proof is of the moment when the program's stream
 * had done all that was queued before the call.
 *
 * Every call into the driver is made with the calling thread's capture mode
 * RELAXED (given back afterwards) and with no lock of the shim held. The
 * context is the current one of the calling thread, throughout.
 */
#ifndef CSH_VERIFY_PROVER_H
#define CSH_VERIFY_PROVER_H

#include <cuda.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "track/stream.h"
#include "verify/fingerprint.h"
#include "verify/prover_calls.h"

/* Proofs under way at once in one context; more find no lane and are BUSY. */
#define CSH_PROVER_LANES 4

/* After a kernel that did not get to run, the context is left alone for this
 * long, and twice as long after each further one. */
#define CSH_PROVER_BACKOFF_NS UINT64_C(1000000000)
#define CSH_PROVER_BACKOFF_LIMIT_NS (64 * CSH_PROVER_BACKOFF_NS)

enum csh_proof {
    CSH_PROOF_EQUAL,     /* the range held the bytes of the fingerprint */
    CSH_PROOF_DIFFERENT, /* it did not */
    CSH_PROOF_TIMEOUT,   /* the kernel did not get to run in time */
    CSH_PROOF_BUSY,      /* the program's stream did not get there in time,
                          * or all lanes are in use */
    CSH_PROOF_ERROR,     /* the driver refused a call; nothing is known */
};

struct csh_prover;

/* Time as the prover sees it; tests have their own. */
struct csh_prover_clock {
    uint64_t (*now_ns)(void); /* never runs backwards */
    void (*sleep_ns)(uint64_t ns);
};

/* Makes a prover in the current context: device code, loaded to the last
 * byte, and for each lane a stream, an event and a mapped control page. Loads
 * and allocates, so only inside a program call that may synchronise, and
 * outside capture. NULL: refused, with nothing left behind. calls and key are
 * borrowed for the prover's life. */
struct csh_prover *csh_prover_create(const struct csh_prover_calls *calls,
                                     const struct csh_fingerprint_key *key);

/* Gives all of it back to the driver, in its context and with no proof under
 * way. May synchronise. NULL is fine. */
void csh_prover_destroy(struct csh_prover *prover);

/* For a context that is about to end or has ended: the driver objects go
 * with it, only the shim's own memory is freed. Calls nothing, waits for
 * nothing. No proof may be under way. NULL is fine. */
void csh_prover_forget(struct csh_prover *prover);

/* Before the first proof; the default is the monotonic clock. */
void csh_prover_set_clock(struct csh_prover *prover,
                          const struct csh_prover_clock *clock);

/* False for a while after a TIMEOUT. From any thread. */
bool csh_prover_may_prove(const struct csh_prover *prover);

/* Do the n bytes (1 to CSH_FINGERPRINT_MAX_BYTES) at src have the expected
 * fingerprint? The caller has made sure that no stream captures, and by
 * csh_prover_range_is_plain that a kernel may read the range.
 *
 * Waits at most timeout_ns for the program's stream to get to this point,
 * and at most timeout_ns for the kernel from then on. A thread block that
 * has begun to read when the time is up is waited for; it has a bounded
 * amount of memory to read, and nobody else to wait for. On return nothing
 * reads the range, and nothing ever will. */
CSH_MUST_CHECK enum csh_proof
csh_prover_prove(struct csh_prover *prover, const struct csh_stream *stream,
                 CUdeviceptr src, size_t n,
                 const struct csh_fingerprint *expected, uint64_t timeout_ns);

/* ---- batches: many ranges by one launch --------------------------------- */

/* A range with the fingerprint that it should have. */
struct csh_prover_item {
    CUdeviceptr src;
    size_t n; /* bytes */
    struct csh_fingerprint expected;
    enum csh_proof proof; /* set by csh_prover_batch_prove */
};

/* Makes what batches need, in small fixed memory; as csh_prover_create, of
 * which it is a part, before the first proof. Refused: there are none. */
void csh_prover_enable_batches(struct csh_prover *prover);

/* A batch is begun, proven once, and ended, by one thread; there is one at a
 * time in a context. False: there are none, or one is under way, or a launch
 * that was given up is not over yet. */
CSH_MUST_CHECK bool csh_prover_batch_begin(struct csh_prover *prover);

/*
 * Do the ranges have their fingerprints? CSH_PROOF_EQUAL: the launch ran to
 * its end, and each item has its proof: EQUAL, DIFFERENT, or BUSY if the table
 * (8 GiB, 4096 ranges, less for every piece that is not whole) had no room for
 * it; the first items come first. Else TIMEOUT, BUSY (called off) or ERROR,
 * and all items are BUSY.
 *
 * The launch is ordered behind nothing: the caller has made sure, by queries,
 * that nothing is queued which could write, and of each range what
 * csh_prover_prove wants of one. Waits at most timeout_ns, and then as that
 * does: for thread blocks that have begun, each at most for one piece of
 * 2 MiB. On return nothing reads any of the ranges, and nothing ever will.
 */
CSH_MUST_CHECK enum csh_proof
csh_prover_batch_prove(struct csh_prover *prover,
                       struct csh_prover_item *items, size_t n_items,
                       uint64_t timeout_ns);

/* From any thread while the batch is begun and not ended: from now on no
 * thread block of it begins to read, whether it was launched before or will
 * be. True while one that began earlier still reads; ask again. Calls nothing,
 * waits for nothing. */
CSH_MUST_CHECK bool csh_prover_batch_call_off(struct csh_prover *prover);

void csh_prover_batch_end(struct csh_prover *prover);

/* ---- */

/* May a kernel in `current`, the calling thread's context on `device`, read
 * the n bytes at src? True only if the driver says of the whole range: one
 * live mapping of device memory, not managed, of this device, of this context
 * or of none (pools and mapped memory), readable from this context. A copy
 * from any other range only fails, a kernel would end the context. Any doubt
 * is a no. */
bool csh_prover_range_is_plain(const struct csh_prover_calls *calls,
                               CUdeviceptr src, size_t n, CUcontext current,
                               CUdevice device);

#endif
