/*
 * park_keep.c - how memory that the program frees is parked.
 *
 * Owns until when nothing is waited for, because a wait for the context's work
 * was in vain. Any thread; no lock.
 *
 * In the order that makes it right:
 *   1. the records name weights there, of the current context;
 *   2. nothing runs in the context: the copies below wait for nobody's work,
 *      and the program's own free, which comes afterwards, not for them;
 *   3. there is room, by the policy, and the driver gives it;
 *   4. the weights are copied, and each copy is proven. Whatever wrote the
 *      program's memory meanwhile, a block that is proven holds the bytes.
 */
#include "engine/park.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "engine/calls.h"
#include "engine/facts.h"
#include "engine/idle.h"
#include "engine/park_memory.h"
#include "engine/park_watch.h"
#include "engine/phase.h"
#include "engine/proofs.h"
#include "engine/residency.h"
#include "engine/trace_points.h"
#include "track/captures.h"

/* After a wait that was in vain. */
#define PATIENCE_NS UINT64_C(10000000000)
#define NAP_NS UINT64_C(20000)

/* In one piece of memory. */
#define MOST_WEIGHTS 65536u

static _Atomic uint64_t impatient_until_ns;

/* No work of the program's is on it, and nobody else waits for it. */
static const struct csh_stream own_stream = {CU_STREAM_PER_THREAD, CSH_PLAIN};

struct attempt {
    const struct csh_context *context;
    CUdeviceptr base;
    size_t bytes, n_weights;
    struct csh_resident *weights; /* shadows held */
    struct csh_parked *block;
};

/* A free may wait for the device, and does, as a rule (CUDA driver API,
 * cuMemFree: "this API may perform implicit synchronization"): so it may be
 * waited for here, but not for long. */
static bool settle(const struct attempt *attempt, bool may_wait)
{
    uint64_t begun_ns = csh_clock_now_ns();

    may_wait = may_wait && begun_ns >= atomic_load(&impatient_until_ns);
    while (!csh_idle_is_everything_idle(attempt->context->handle)) {
        if (!may_wait || csh_captures_any_active()) {
            return false;
        }
        if (csh_clock_now_ns() - begun_ns > csh_proofs_timeout_ns()) {
            atomic_store(&impatient_until_ns,
                         csh_clock_now_ns() + PATIENCE_NS);
            return false;
        }
        csh_clock_nap_ns(NAP_NS);
    }
    return true;
}

static bool refuse(enum csh_gauge cause)
{
    csh_statistics_add(cause, 1);
    return false;
}

/* Those that are parked already need no other copy. */
static bool describe(struct attempt *attempt)
{
    struct csh_parked *block = csh_park_block_create(attempt->n_weights);
    size_t i;

    if (block == NULL) {
        return refuse(CSH_GAUGE_park_refused_error);
    }
    attempt->block = block;
    block->context = attempt->context->handle;
    block->device = attempt->context->device;
    block->bytes = attempt->bytes;
    for (i = 0; i < attempt->n_weights; i++) {
        const struct csh_resident *resident = &attempt->weights[i];
        const struct csh_weight *weight = &resident->weight;
        uint64_t content = csh_park_content(weight->shadow);

        csh_park_table_met(content);
        if (resident->context == block->context &&
            !csh_park_table_renew(block->context,
                                  csh_shadow_ref(weight->shadow))) {
            block->piece[block->n_pieces++] = (struct csh_park_piece){
                .offset = weight->device - attempt->base,
                .bytes = weight->bytes,
                .shadow = csh_shadow_ref(weight->shadow),
                .content = content,
                .mark = resident->mark,
            };
        }
    }
    return block->n_pieces > 0;
}

static bool is_worth(const struct csh_parked *block)
{
    const struct csh_park_block facts = {
        .bytes = block->bytes,
        .clean_bytes = csh_park_block_clean_bytes(block),
    };

    return csh_park_is_worth(&facts);
}

/* The program's memory is about to be free. */
static bool make_room(const struct csh_parked *block)
{
    struct csh_parked *other;
    struct csh_park_room room;
    uint64_t most, spare, gone;

    if (!csh_park_memory_ask(block->device, &room)) {
        return false;
    }
    room.free += block->bytes;
    most = csh_park_most(&csh_options()->vram_keep, &room);
    spare = most > room.parked ? most - room.parked : 0;
    if (most < block->bytes || !csh_park_table_admits(block, spare)) {
        return false;
    }
    while (spare < block->bytes) {
        other = csh_park_table_evict(block->device, NULL);
        gone = other != NULL ? other->bytes : 0;
        if (other == NULL ||
            !csh_park_memory_give(other, CSH_GAUGE_park_evicted_room)) {
            return false;
        }
        spare += gone;
    }
    return true;
}

static bool is_readable(const struct attempt *attempt,
                        const struct csh_park_piece *piece)
{
    return csh_prover_range_is_plain(
        csh_calls_of_prover(), attempt->base + piece->offset, piece->bytes,
        attempt->context->handle, attempt->context->device);
}

/* The copies are all done when it returns, well or not; or the driver says
 * nothing good of this context any more. */
static bool copy_pieces(const struct attempt *attempt)
{
    const struct csh_parked *block = attempt->block;
    CUresult result = CUDA_SUCCESS;
    size_t i;

    for (i = 0; i < block->n_pieces && result == CUDA_SUCCESS; i++) {
        const struct csh_park_piece *piece = &block->piece[i];

        if (!is_readable(attempt, piece)) {
            result = CUDA_ERROR_INVALID_VALUE;
            break;
        }
        result = csh_calls()->cuMemcpyDtoDAsync_v2(
            block->base + piece->offset, attempt->base + piece->offset,
            piece->bytes, own_stream.handle);
    }
    return csh_call_stream_synchronize(&own_stream) == CUDA_SUCCESS &&
           result == CUDA_SUCCESS;
}

/* Leaves only the pieces that are proven. */
static void prove_pieces(struct attempt *attempt)
{
    struct csh_parked *block = attempt->block;
    size_t i, n = 0;

    for (i = 0; i < block->n_pieces; i++) {
        struct csh_shadow *shadow = csh_store_acquire(
            csh_residency_store(), block->piece[i].shadow);

        if (shadow == NULL) {
            continue;
        }
        if (csh_proofs_ask(attempt->context, &own_stream,
                           block->base + block->piece[i].offset,
                           shadow) == CSH_PROOF_EQUAL) {
            block->piece[n++] = block->piece[i];
        }
        csh_store_release(csh_residency_store(), shadow);
    }
    block->n_pieces = n;
}

/* The block has memory, which goes again unless it is parked. */
static bool fill(struct attempt *attempt)
{
    struct csh_parked *block = attempt->block;
    bool is_copied = copy_pieces(attempt);

    if (is_copied) {
        prove_pieces(attempt);
    }
    if (is_copied && is_worth(block)) {
        csh_park_table_add(block);
        csh_park_watch_wake();
        attempt->block = NULL;
        return true;
    }
    attempt->block = NULL;
    csh_park_memory_drop(block);
    return refuse(is_copied ? CSH_GAUGE_park_refused_dirty
                            : CSH_GAUGE_park_refused_error);
}

static bool park(struct attempt *attempt, bool may_wait)
{
    uint64_t begun_ns = csh_trace_now_ns();

    if (!describe(attempt)) {
        return false;
    }
    if (!is_worth(attempt->block)) {
        return refuse(CSH_GAUGE_park_refused_partial);
    }
    if (!csh_proofs_may_be_had(attempt->context)) {
        return refuse(CSH_GAUGE_park_refused_unready);
    }
    if (!settle(attempt, may_wait)) {
        return refuse(CSH_GAUGE_park_refused_busy);
    }
    if (!make_room(attempt->block) ||
        !csh_park_memory_get(attempt->block)) {
        return refuse(CSH_GAUGE_park_refused_room);
    }
    if (!fill(attempt)) {
        return false;
    }
    csh_trace_parking(CSH_TRACE_park, attempt->context->device, NULL,
                      attempt->bytes, attempt->weights[0].mark, begun_ns);
    return true;
}

/* The weights there, with their shadows held; 0 if they cannot be listed. */
static size_t list_weights(struct attempt *attempt)
{
    size_t n = csh_residency_list_within(attempt->base, attempt->bytes, NULL,
                                         MOST_WEIGHTS);

    attempt->weights =
        n > 0 ? calloc(n, sizeof(attempt->weights[0])) : NULL;
    if (attempt->weights == NULL) {
        return 0;
    }
    return csh_residency_list_within(attempt->base, attempt->bytes,
                                     attempt->weights, n);
}

static void let_go(struct attempt *attempt)
{
    size_t i;

    for (i = 0; i < attempt->n_weights; i++) {
        csh_store_release(csh_residency_store(),
                          attempt->weights[i].weight.shadow);
    }
    free(attempt->weights);
    if (attempt->block != NULL) {
        csh_park_block_free(attempt->block);
    }
    csh_context_release(attempt->context);
}

static void keep(CUdeviceptr base, size_t bytes, bool may_wait)
{
    struct attempt attempt = {.base = base, .bytes = bytes};
    struct csh_own_calls own;

    attempt.n_weights = list_weights(&attempt);
    if (attempt.n_weights > 0) {
        own = csh_own_calls_begin();
        attempt.context = csh_context_acquire();
        if (attempt.context != NULL && attempt.context->is_suited) {
            csh_park_memory_moving(1);
            (void)park(&attempt, may_wait);
            csh_park_memory_moving(-1);
        }
        csh_own_calls_end(&own);
        csh_park_table_freed();
    }
    let_go(&attempt);
}

void csh_park_keep(CUdeviceptr base, size_t bytes, bool may_wait)
{
    int saved_errno = errno;

    if (!csh_park_is_on()) {
        return;
    }
    csh_park_forget_handed(base, bytes);
    if (csh_captures_any_active()) {
        csh_statistics_add(CSH_GAUGE_park_refused_capturing, 1);
    } else if (csh_park_memory_can()) {
        keep(base, bytes, may_wait);
    }
    errno = saved_errno;
}
