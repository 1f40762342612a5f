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
#include "engine/facts.h"
#include "engine/idle.h"
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

static struct csh_park_address place_of(const struct csh_parked *block)
{
    return (struct csh_park_address){
        .base = block->base,
        .bytes = block->bytes,
        .number = block->number,
        .context = block->context,
    };
}

/* Listed before anybody else can know the address. */
static bool list(struct csh_parked *block)
{
    struct csh_park_address place;

    block->number = csh_facts_buffer(block->base, block->bytes);
    place = place_of(block);
    return block->number != 0 && csh_park_addresses_add(&place);
}

bool csh_park_memory_get(struct csh_parked *block)
{
    if (csh_calls()->cuMemAlloc_v2(&block->base, block->bytes) !=
        CUDA_SUCCESS) {
        return false;
    }
    if (!list(block)) {
        csh_calls()->cuMemFree_v2(block->base);
        return false;
    }
    atomic_fetch_add(bytes_of(block->device), block->bytes);
    return true;
}

/* Neither the shim's any more, nor counted as that. */
static void end(struct csh_parked *block)
{
    const struct csh_park_address place = place_of(block);

    csh_park_addresses_remove(&place);
    atomic_fetch_sub(bytes_of(block->device), block->bytes);
    csh_park_block_free(block);
}

void csh_park_memory_hand_over(struct csh_parked *block)
{
    end(block);
}

/* ---- memory that ends unseen -------------------------------------------- */

enum csh_park_there csh_park_memory_is_at(const struct csh_park_address *place)
{
    unsigned long long number = 0;

    switch (csh_calls()->cuPointerGetAttribute(
        &number, CU_POINTER_ATTRIBUTE_BUFFER_ID, place->base)) {
    case CUDA_SUCCESS:
        return number == place->number ? CSH_PARK_THERE : CSH_PARK_ENDED;
    case CUDA_ERROR_INVALID_VALUE: /* nothing is there */
        return CSH_PARK_ENDED;
    default:
        return CSH_PARK_UNKNOWN;
    }
}

enum csh_park_there csh_park_memory_is_there(const struct csh_parked *block)
{
    const struct csh_park_address place = place_of(block);

    return csh_park_memory_is_at(&place);
}

void csh_park_memory_lose(const struct csh_park_address *place)
{
    CUdevice device = 0;
    uint64_t bytes = csh_park_table_lose(place->number, &device);

    csh_park_addresses_remove(place);
    atomic_fetch_sub(bytes_of(device), bytes);
}

void csh_park_memory_lose_ended(CUcontext context)
{
    struct csh_park_address place = {.base = 0};

    while (csh_park_addresses_next(context, place.base + place.bytes,
                                   &place) &&
           csh_park_memory_is_at(&place) == CSH_PARK_ENDED) {
        csh_park_memory_lose(&place);
    }
}

void csh_park_memory_forget_context(CUcontext context)
{
    CUdevice device = 0;
    uint64_t bytes = csh_park_table_forget(context, &device);

    csh_park_addresses_forget(context);
    atomic_fetch_sub(bytes_of(device), bytes);
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

uint64_t csh_park_memory_until_ns(void)
{
    return csh_clock_now_ns() + csh_proofs_timeout_ns();
}

bool csh_park_memory_settle(struct csh_parked *block, uint64_t until_ns)
{
    CUresult result = drop(&block->uses);

    while (result == CUDA_ERROR_NOT_READY && csh_clock_now_ns() < until_ns) {
        csh_clock_nap_ns(NAP_NS);
        result = drop(&block->uses);
    }
    return result == CUDA_SUCCESS;
}

/* ---- memory given back -------------------------------------------------- */

/* Nobody else's memory is freed, whatever has the address now. */
static bool release(const struct csh_parked *block)
{
    return csh_park_memory_is_there(block) == CSH_PARK_THERE &&
           csh_calls()->cuMemFree_v2(block->base) == CUDA_SUCCESS;
}

/* The driver may wait for all work of the context when memory is freed. */
static bool may_release(struct csh_parked *block, uint64_t until_ns)
{
    return csh_park_memory_settle(block, until_ns) &&
           (until_ns != 0 || csh_idle_is_everything_idle(block->context));
}

/* A context that may have ended is not made current: the handle may be no
 * more, or another's. */
static bool give(struct csh_parked *block, uint64_t until_ns)
{
    struct csh_park_visit visit;
    bool is_given;

    if (csh_park_memory_is_there(block) == CSH_PARK_ENDED) {
        return true;
    }
    if (!csh_park_visit(block->context, &visit)) {
        return false;
    }
    is_given = may_release(block, until_ns) && release(block);
    csh_park_leave(&visit);
    return is_given;
}

bool csh_park_memory_give_until(struct csh_parked *block,
                                enum csh_gauge cause, uint64_t until_ns)
{
    static const struct csh_weight_mark none;
    uint64_t begun_ns = csh_trace_now_ns();

    if (!give(block, until_ns)) {
        return false;
    }
    csh_statistics_add(cause, 1);
    csh_trace_parking(CSH_TRACE_release, block->device, NULL, block->bytes,
                      none, begun_ns);
    end(block);
    return true;
}

bool csh_park_memory_give(struct csh_parked *block, enum csh_gauge cause)
{
    bool is_given = csh_park_memory_give_until(block, cause, 0);

    if (!is_given) {
        csh_park_table_add(block);
    }
    return is_given;
}

void csh_park_memory_drop(struct csh_parked *block)
{
    block->n_pieces = 0;
    if (csh_park_memory_is_there(block) == CSH_PARK_ENDED || release(block)) {
        end(block);
    } else {
        csh_park_table_add(block);
    }
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
