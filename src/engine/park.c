/*
 * park.c - see park.h: what comes back from parked blocks, and what goes.
 *
 * Owns the map of memory that was handed out as it was parked, under a lock of
 * rank LEAF; it is only for the statistics. How a block is made is in
 * park_keep.c.
 */
#include "engine/park.h"

#include <errno.h>
#include <utlist.h> /* after base/compiler.h */

#include "base/clock.h"
#include "base/lock.h"
#include "engine/calls.h"
#include "engine/facts.h"
#include "engine/park_memory.h"
#include "engine/park_watch.h"
#include "engine/phase.h"
#include "engine/proofs.h"
#include "engine/residency.h"
#include "engine/trace_points.h"
#include "track/captures.h"

/* What is at no address: where a parked block lies, for the program. */
#define NOWHERE ((CUdeviceptr)1)

/* A block in the making may hold what an allocation needs. */
#define PATIENCE_NS UINT64_C(1000000000)
#define NAP_NS UINT64_C(50000)

static struct csh_lock lock = CSH_LOCK_INIT(CSH_RANK_LEAF);
static struct csh_ranges handed CSH_GUARDED_BY(lock);

bool csh_park_is_on(void)
{
    const struct csh_options *options = csh_options();

    return CSH_UNLIKELY(!csh_park_is_off(&options->vram_keep)) &&
           options->mode != CSH_MODE_OFF && options->mode != CSH_MODE_OBSERVE;
}

uint64_t csh_park_bytes(CUdevice device)
{
    return csh_park_memory_bytes(device);
}

/* Memory of a context that has ended unseen, or just now in another thread, may
 * be somebody's anew before the blocks that were in it are forgotten. */
static bool is_parked(CUdeviceptr address)
{
    struct csh_park_address place;
    struct csh_own_calls own;
    bool has_ended;

    if (!csh_park_addresses_find(address, &place) || !csh_phase_is_active()) {
        return false;
    }
    own = csh_own_calls_begin();
    has_ended = csh_park_memory_is_at(&place) == CSH_PARK_ENDED;
    csh_own_calls_end(&own);
    if (has_ended) {
        csh_park_memory_lose(&place);
    }
    return !has_ended;
}

CUdeviceptr csh_park_visible(CUdeviceptr address)
{
    int saved_errno = errno;
    bool is_nowhere = is_parked(address);

    errno = saved_errno;
    return CSH_UNLIKELY(is_nowhere) ? NOWHERE : address;
}

void csh_park_forget_context(CUcontext context)
{
    csh_park_memory_forget_context(context);
}

/* ---- memory handed out ------------------------------------------------- */

static void note_handed(CUdeviceptr base, size_t bytes)
{
    const struct csh_range range = {.start = base, .bytes = bytes};

    csh_lock_acquire(&lock);
    if (handed.allocate == NULL) {
        csh_ranges_init(&handed);
    }
    if (!csh_ranges_insert(&handed, &range, NULL, NULL)) {
        csh_ranges_remove(&handed, base, bytes, NULL, NULL);
    }
    csh_lock_release(&lock);
}

void csh_park_forget_handed(CUdeviceptr base, size_t bytes)
{
    csh_lock_acquire(&lock);
    csh_ranges_remove(&handed, base, bytes, NULL, NULL);
    csh_lock_release(&lock);
}

static bool was_handed(CUdeviceptr device, size_t bytes)
{
    bool was;

    csh_lock_acquire(&lock);
    was = csh_ranges_containing(&handed, device, bytes) != NULL;
    csh_lock_release(&lock);
    return was;
}

/* What the block's weights were parked as is a hint again, of memory that is
 * the program's: a load of them looks there. */
static void hand_over(struct csh_parked *block)
{
    struct csh_shadow *shadow;
    size_t i;

    note_handed(block->base, block->bytes);
    for (i = 0; i < block->n_pieces; i++) {
        const struct csh_park_piece *piece = &block->piece[i];

        shadow = csh_store_acquire(csh_residency_store(), piece->shadow);
        if (shadow != NULL) {
            csh_residency_holds(block->context, block->base + piece->offset,
                                piece->bytes, shadow, piece->mark);
            csh_store_release(csh_residency_store(), shadow);
        }
    }
    csh_statistics_add(CSH_GAUGE_parked_handed_out, 1);
    csh_park_memory_hand_over(block);
}

/* ---- allocations ------------------------------------------------------- */

/* Gives back as many bytes of the device, in the order in which blocks go. One
 * that cannot go, because it is read from until later than that, holds up no
 * other. False: there was none to give. For until_ns see park_memory.h. */
static bool give_back(CUdevice device, uint64_t bytes, enum csh_gauge cause,
                      uint64_t until_ns)
{
    struct csh_parked *block, *next, *kept = NULL;
    bool has_given = false;
    uint64_t size;

    while (bytes > 0 && (block = csh_park_table_evict(device, NULL)) != NULL) {
        size = block->bytes;
        if (csh_park_memory_give_until(block, cause, until_ns)) {
            bytes -= size < bytes ? size : bytes;
            has_given = true;
        } else {
            LL_PREPEND(kept, block);
        }
    }
    LL_FOREACH_SAFE(kept, block, next) {
        csh_park_table_add(block);
    }
    return has_given;
}

/* What would be too much parked with so many bytes less free. */
static uint64_t excess_with(CUdevice device, uint64_t bytes)
{
    struct csh_park_room room;

    if (!csh_park_memory_ask(device, &room)) {
        return 0;
    }
    room.free -= room.free < bytes ? room.free : bytes;
    return csh_park_excess(&csh_options()->vram_keep, &room);
}

/* For the head-room nobody waits: what is left is given up if the allocation
 * fails, or by park_watch.c. */
static void keep_headroom(CUdevice device, uint64_t bytes)
{
    (void)give_back(device, excess_with(device, bytes),
                    CSH_GAUGE_park_evicted_headroom, 0);
}

/* A call that would fail, because of an earlier error or a capture, fails. */
static bool would_succeed(void)
{
    const struct csh_stream legacy = {CU_STREAM_LEGACY, CSH_PLAIN};

    return csh_facts_is_sound(&legacy);
}

/* No work is under way that reads it, and it is the shim's to give. */
static bool is_ready(struct csh_parked *block)
{
    return csh_park_memory_settle(block, csh_park_memory_until_ns()) &&
           csh_park_memory_is_there(block) == CSH_PARK_THERE;
}

static bool hand_out(const struct csh_context *context, size_t bytes,
                     CUdeviceptr *dptr_p)
{
    struct csh_parked *block;

    if (excess_with(context->device, bytes) == 0 || !would_succeed()) {
        return false;
    }
    block = csh_park_table_pick(context->handle, context->device, bytes);
    if (block == NULL) {
        return false;
    }
    if (!is_ready(block)) {
        csh_park_table_add(block);
        return false;
    }
    *dptr_p = block->base;
    hand_over(block);
    return true;
}

static bool allocate(size_t bytes, CUdeviceptr *dptr_p)
{
    struct csh_own_calls own = csh_own_calls_begin();
    const struct csh_context *context = csh_context_acquire();
    bool is_had = false;

    if (context != NULL) {
        csh_park_memory_moving(1);
        is_had = dptr_p != NULL && hand_out(context, bytes, dptr_p);
        if (!is_had) {
            keep_headroom(context->device, bytes);
        }
        csh_park_memory_moving(-1);
    }
    csh_context_release(context);
    csh_own_calls_end(&own);
    return is_had;
}

bool csh_park_allocate(size_t bytes, CUdeviceptr *dptr_p)
{
    int saved_errno = errno;
    bool is_had = csh_park_table_n() > 0 && csh_phase_is_active() &&
                  !csh_captures_any_active() && allocate(bytes, dptr_p);

    errno = saved_errno;
    return is_had;
}

/* True if there were any. */
static bool wait_for_blocks_in_the_making(void)
{
    uint64_t begun_ns = csh_clock_now_ns();
    bool were_any = csh_park_memory_n_moving() > 0;

    while (csh_park_memory_n_moving() > 0 &&
           csh_clock_now_ns() - begun_ns < PATIENCE_NS) {
        csh_clock_nap_ns(NAP_NS);
    }
    return were_any;
}

/* Tried so often; then the two may be of two moments. */
#define MOST_TRIES 4

uint64_t csh_park_bytes_beside(CUdevice device, size_t *free_p)
{
    int saved_errno = errno, i;
    struct csh_own_calls own = csh_own_calls_begin();
    unsigned moves = 0;
    uint64_t bytes = 0;
    size_t total;

    for (i = 0; i < MOST_TRIES && csh_park_memory_can(); i++) {
        (void)wait_for_blocks_in_the_making();
        moves = csh_park_memory_n_moves();
        bytes = csh_park_memory_bytes(device);
        if (csh_calls()->cuMemGetInfo_v2(free_p, &total) != CUDA_SUCCESS ||
            (csh_park_memory_n_moving() == 0 &&
             csh_park_memory_n_moves() == moves)) {
            break;
        }
    }
    csh_own_calls_end(&own);
    errno = saved_errno;
    return bytes;
}

bool csh_park_give_all(void)
{
    int saved_errno = errno;
    struct csh_own_calls own;
    CUdevice device;
    bool has_given = false;

    if (!csh_park_is_on() || !csh_phase_is_active() ||
        csh_captures_any_active()) {
        return false;
    }
    has_given = wait_for_blocks_in_the_making();
    own = csh_own_calls_begin();
    if (csh_calls()->cuCtxGetDevice(&device) == CUDA_SUCCESS &&
        csh_park_memory_bytes(device) > 0) {
        csh_park_memory_moving(1);
        has_given |= give_back(device, UINT64_MAX,
                               CSH_GAUGE_park_evicted_failed,
                               csh_park_memory_until_ns());
        csh_park_memory_moving(-1);
    }
    csh_own_calls_end(&own);
    errno = saved_errno;
    return has_given;
}

/* ---- loads ------------------------------------------------------------- */

bool csh_park_has(const struct csh_context *context,
                  const struct csh_shadow *shadow)
{
    return csh_park_table_has(context->handle, csh_shadow_ref(shadow));
}

static CUresult copy_within(const struct csh_copy *copy, CUdeviceptr src)
{
    const struct csh_engine_calls *calls = csh_calls();

    return copy->stream.flavour == CSH_PLAIN
               ? calls->cuMemcpyDtoDAsync_v2(copy->device, src, copy->bytes,
                                             copy->stream.handle)
               : calls->cuMemcpyDtoDAsync_v2_ptsz(
                     copy->device, src, copy->bytes, copy->stream.handle);
}

/* The block stays until its copies are done. Where no event can be had, and for
 * the synchronous forms, that is waited for. */
static CUresult keep_until_done(struct csh_park_reading *reading,
                                const struct csh_copy *copy)
{
    csh_park_memory_drop_uses(&reading->uses);
    if (copy->is_async &&
        csh_park_memory_note_use(&reading->uses, &copy->stream)) {
        return CUDA_SUCCESS;
    }
    return csh_call_stream_synchronize(&copy->stream);
}

bool csh_park_load(const struct csh_context *context,
                   const struct csh_copy *copy,
                   const struct csh_shadow *shadow,
                   struct csh_weight_mark mark)
{
    uint64_t begun_ns = csh_trace_now_ns();
    enum csh_park_read how = CSH_PARK_READ_NOTHING;
    struct csh_park_reading reading;
    enum csh_proof proof;

    if (!csh_park_table_read(context->handle, csh_shadow_ref(shadow),
                             &reading)) {
        return false;
    }
    proof = csh_park_memory_is_there(reading.block) == CSH_PARK_THERE
                ? csh_proofs_ask(context, &copy->stream, reading.address,
                                 shadow)
                : CSH_PROOF_ERROR;
    if (proof == CSH_PROOF_DIFFERENT) {
        how = CSH_PARK_READ_SPOILT;
    } else if (proof == CSH_PROOF_EQUAL &&
               copy_within(copy, reading.address) == CUDA_SUCCESS &&
               keep_until_done(&reading, copy) == CUDA_SUCCESS) {
        how = CSH_PARK_READ_COPIED;
    }
    csh_park_table_end(&reading, how);
    if (how == CSH_PARK_READ_COPIED) {
        csh_statistics_add(CSH_GAUGE_park_hits_device, 1);
        csh_statistics_add(CSH_GAUGE_park_hits_device_bytes,
                           (int64_t)copy->bytes);
    } else if (how == CSH_PARK_READ_SPOILT) {
        csh_statistics_add(CSH_GAUGE_park_spoilt, 1);
    }
    csh_trace_parking(CSH_TRACE_unpark, context->device, &copy->stream,
                      copy->bytes, mark, begun_ns);
    return how == CSH_PARK_READ_COPIED;
}

void csh_park_note_load(const struct csh_copy *copy,
                        const struct csh_shadow *shadow, bool was_in_place)
{
    if (!csh_park_is_on()) {
        return;
    }
    csh_park_table_loaded(csh_park_content(shadow));
    if (was_in_place && was_handed(copy->device, copy->bytes)) {
        csh_statistics_add(CSH_GAUGE_park_hits_in_place, 1);
        csh_statistics_add(CSH_GAUGE_park_hits_in_place_bytes,
                           (int64_t)copy->bytes);
    }
}
