/*
 * park_memory.c - see park_memory.h.
 *
 * Owns the bytes that the shim has of each device, the number of threads that
 * make or give blocks, and who visits or ends contexts. No lock: counters, all
 * sequentially consistent. Of a visitor and an ender each counts itself first
 * and then looks for the other, so at least one of them sees the other.
 */
#include "engine/park_memory.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <utlist.h> /* after base/compiler.h */

#include "base/clock.h"
#include "base/options.h"
#include "engine/calls.h"
#include "engine/proofs.h"
#include "engine/trace_points.h"

#define MOST_DEVICES 64 /* of those behind, all bytes are the last one's */
#define NAP_NS UINT64_C(20000)

static _Atomic uint64_t own_bytes[MOST_DEVICES];
static atomic_uint n_moving, n_moves;
static atomic_uint n_visitors, n_ending;

bool csh_park_memory_can(void)
{
    const struct csh_engine_calls *calls = csh_calls();

    return calls->cuMemAlloc_v2 != NULL && calls->cuMemFree_v2 != NULL &&
           calls->cuMemGetInfo_v2 != NULL &&
           calls->cuMemcpyDtoDAsync_v2 != NULL &&
           calls->cuMemcpyDtoDAsync_v2_ptsz != NULL &&
           calls->cuCtxPushCurrent_v2 != NULL &&
           calls->cuCtxPopCurrent_v2 != NULL;
}

static _Atomic uint64_t *bytes_of(CUdevice device)
{
    return &own_bytes[device >= 0 && device < MOST_DEVICES
                          ? device
                          : MOST_DEVICES - 1];
}

uint64_t csh_park_memory_bytes(CUdevice device)
{
    return atomic_load(bytes_of(device));
}

unsigned csh_park_memory_n_moving(void)
{
    return atomic_load(&n_moving);
}

void csh_park_memory_moving(int by)
{
    atomic_fetch_add(&n_moving, (unsigned)by);
    atomic_fetch_add(&n_moves, 1);
}

unsigned csh_park_memory_n_moves(void)
{
    return atomic_load(&n_moves);
}

bool csh_park_memory_get(struct csh_parked *block)
{
    if (csh_calls()->cuMemAlloc_v2(&block->base, block->bytes) !=
        CUDA_SUCCESS) {
        return false;
    }
    atomic_fetch_add(bytes_of(block->device), block->bytes);
    return true;
}

/* ---- copies out of blocks ----------------------------------------------- */

/* An event behind all that the stream has queued; NULL: there is none, or the
 * driver cannot tell when it is over: a block would never be settled. */
static CUevent mark(const struct csh_stream *stream)
{
    const struct csh_engine_calls *calls = csh_calls();
    CUevent event;
    CUresult result;

    if (calls->cuEventCreate(&event, CU_EVENT_DISABLE_TIMING) !=
        CUDA_SUCCESS) {
        return NULL;
    }
    result = csh_call_event_record(event, stream);
    if (result == CUDA_SUCCESS) {
        result = calls->cuEventQuery(event);
    }
    if (result != CUDA_SUCCESS && result != CUDA_ERROR_NOT_READY) {
        calls->cuEventDestroy_v2(event);
        return NULL;
    }
    return event;
}

bool csh_park_memory_note_use(struct csh_park_use **uses_p,
                              const struct csh_stream *stream)
{
    struct csh_park_use *use = calloc(1, sizeof(*use));

    if (use == NULL || (use->event = mark(stream)) == NULL) {
        free(use);
        return false;
    }
    LL_PREPEND(*uses_p, use);
    return true;
}

/* Says what the driver says of the first that is not over. An error says
 * nothing about the copy, and counts as under way. */
static CUresult drop(struct csh_park_use **uses_p)
{
    struct csh_park_use **link_p = uses_p, *use;
    CUresult result, left = CUDA_SUCCESS;

    while ((use = *link_p) != NULL) {
        result = csh_calls()->cuEventQuery(use->event);
        if (result == CUDA_SUCCESS) {
            *link_p = use->next;
            csh_calls()->cuEventDestroy_v2(use->event);
            free(use);
        } else {
            left = left == CUDA_SUCCESS ? result : left;
            link_p = &use->next;
        }
    }
    return left;
}

void csh_park_memory_drop_uses(struct csh_park_use **uses_p)
{
    (void)drop(uses_p);
}

bool csh_park_memory_settle(struct csh_parked *block)
{
    uint64_t begun_ns = csh_clock_now_ns();
    CUresult result = drop(&block->uses);

    while (result == CUDA_ERROR_NOT_READY &&
           csh_clock_now_ns() - begun_ns <= csh_proofs_timeout_ns()) {
        csh_clock_nap_ns(NAP_NS);
        result = drop(&block->uses);
    }
    return result == CUDA_SUCCESS;
}

/* ---- memory given back -------------------------------------------------- */

static bool give(struct csh_parked *block)
{
    struct csh_park_visit visit;
    bool is_given;

    if (!csh_park_visit(block->context, &visit)) {
        return false;
    }
    is_given = csh_park_memory_settle(block) &&
               csh_calls()->cuMemFree_v2(block->base) == CUDA_SUCCESS;
    csh_park_leave(&visit);
    return is_given;
}

bool csh_park_memory_give(struct csh_parked *block, enum csh_gauge cause)
{
    static const struct csh_weight_mark none;
    uint64_t begun_ns = csh_trace_now_ns();

    if (!give(block)) {
        csh_park_table_add(block);
        return false;
    }
    csh_statistics_add(cause, 1);
    csh_trace_parking(CSH_TRACE_release, block->device, NULL, block->bytes,
                      none, begun_ns);
    csh_park_memory_hand_over(block);
    return true;
}

void csh_park_memory_hand_over(struct csh_parked *block)
{
    csh_park_memory_gone(block->device, block->bytes);
    csh_park_block_free(block);
}

void csh_park_memory_gone(CUdevice device, uint64_t bytes)
{
    atomic_fetch_sub(bytes_of(device), bytes);
}

bool csh_park_memory_ask(CUdevice device, struct csh_park_room *room_p)
{
    size_t free_bytes = 0, total = 0;

    if (csh_calls()->cuMemGetInfo_v2(&free_bytes, &total) != CUDA_SUCCESS) {
        return false;
    }
    *room_p = (struct csh_park_room){
        .total = total,
        .free = free_bytes,
        .parked = csh_park_memory_bytes(device),
    };
    return true;
}

/* ---- other contexts ---------------------------------------------------- */

bool csh_park_visit(CUcontext context, struct csh_park_visit *visit_p)
{
    CUcontext current = NULL;

    visit_p->is_pushed = false;
    atomic_fetch_add(&n_visitors, 1);
    if (csh_calls()->cuCtxGetCurrent(&current) == CUDA_SUCCESS &&
        current == context) {
        return true; /* whoever uses it does not end it */
    }
    if (atomic_load(&n_ending) == 0 &&
        csh_calls()->cuCtxPushCurrent_v2(context) == CUDA_SUCCESS) {
        visit_p->is_pushed = true;
        return true;
    }
    atomic_fetch_sub(&n_visitors, 1);
    return false;
}

void csh_park_leave(struct csh_park_visit *visit)
{
    CUcontext popped;

    if (visit->is_pushed) {
        csh_calls()->cuCtxPopCurrent_v2(&popped);
    }
    atomic_fetch_sub(&n_visitors, 1);
}

void csh_park_contexts_ending(void)
{
    atomic_fetch_add(&n_ending, 1);
    while (atomic_load(&n_visitors) > 0) {
        csh_clock_nap_ns(NAP_NS);
    }
    csh_park_memory_moving(1);
}

void csh_park_contexts_ended(void)
{
    csh_park_memory_moving(-1);
    atomic_fetch_sub(&n_ending, 1);
}

void csh_park_contexts_settle(void)
{
    uint64_t begun_ns = csh_clock_now_ns();

    while (atomic_load(&n_ending) > 0 &&
           csh_clock_now_ns() - begun_ns <= csh_proofs_timeout_ns()) {
        csh_clock_nap_ns(NAP_NS);
    }
}
