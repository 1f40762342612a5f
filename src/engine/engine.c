/*
 * engine.c - the wrappers' door: is the shim active, and who does the work.
 *
 * Owns nothing. Everything here keeps errno, because a program may look at
 * it after a call that cannot set it.
 */
#include "engine/engine.h"

#include <errno.h>

#include "base/cancellation.h"
#include "base/clock.h"
#include "engine/calls.h"
#include "engine/contexts.h"
#include "engine/declared.h"
#include "engine/facts.h"
#include "engine/idle.h"
#include "engine/lifetimes.h"
#include "engine/observe.h"
#include "engine/offload.h"
#include "engine/park.h"
#include "engine/park_memory.h"
#include "engine/phase.h"
#include "engine/relief.h"
#include "engine/reload.h"
#include "engine/residency.h"
#include "engine/sharing.h"
#include "engine/trace_points.h"
#include "engine/trust.h"
#include "track/captures.h"

bool csh_engine_refuses(void)
{
    return !csh_phase_begin() && csh_phase_refuses();
}

/* Off, inert, or not there yet: another thread may be starting the shim, or
 * have done so since this one asked. Such copies are in the figures too. */
static CUresult forward_inactive(const struct csh_copy *copy)
{
    bool counts = csh_phase_is_starting() || csh_phase_is_active();
    CUresult result;

    if (csh_phase_refuses()) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    result = copy->forward(copy);
    if (counts) {
        csh_statistics_count_own_call(copy->direction,
                                      result == CUDA_SUCCESS,
                                      CSH_REASON_unready, copy->bytes);
    }
    return result;
}

CUresult csh_engine_copy(const struct csh_copy *copy)
{
    int saved_errno = errno;
    int cancellation;
    uint64_t now;
    CUresult result;

    if (CSH_UNLIKELY(!csh_phase_begin())) {
        return forward_inactive(copy);
    }
    cancellation = csh_cancellation_put_off();
    now = csh_clock_now_ns();
    csh_relief_at_copy(&copy->stream, now);
    result = copy->direction == CSH_D2H ? csh_offload(copy)
                                        : csh_reload(copy);
    csh_sharing_note(copy->bytes, now);
    csh_cancellation_allow(cancellation);
    errno = saved_errno;
    return result;
}

/* A copy whose direction was found; forwards to the program's own call. */
struct directed_copy {
    struct csh_copy copy; /* first: forward gets it back */
    const struct csh_copy_uva *uva;
};

static CUresult forward_uva(const struct csh_copy *copy)
{
    const struct csh_copy_uva *uva =
        ((const struct directed_copy *)copy)->uva;

    return uva->forward(uva);
}

static bool find_direction(const struct csh_copy_uva *uva,
                           enum csh_direction *direction_p)
{
    struct csh_own_calls own = csh_own_calls_begin();
    bool is_found = csh_facts_direction(uva->dst, uva->src, direction_p);

    csh_own_calls_end(&own);
    return is_found;
}

/* As forward_inactive(); who can ask for the direction is the starting
 * thread's to say, and it is not waited for before the call. */
static CUresult forward_inactive_uva(const struct csh_copy_uva *uva)
{
    bool counts = csh_phase_is_starting() || csh_phase_is_active();
    enum csh_direction direction;
    CUresult result;

    if (csh_phase_refuses()) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    result = uva->forward(uva);
    if (counts && csh_phase_wait_started() &&
        find_direction(uva, &direction)) {
        csh_statistics_count_own_call(direction, result == CUDA_SUCCESS,
                                      CSH_REASON_unready, uva->bytes);
    }
    return result;
}

/* Or something else that is none of ours. */
static CUresult forward_within_device(const struct csh_copy_uva *uva)
{
    CUresult result = csh_phase_note(uva->forward(uva));

    if (csh_trust_is_on()) {
        csh_trust_note_written(uva->dst, uva->bytes);
    }
    return result;
}

static CUresult copy_uva(const struct csh_copy_uva *uva)
{
    struct directed_copy directed = {
        .copy = {.is_async = uva->is_async,
                 .bytes = uva->bytes,
                 .stream = uva->stream,
                 .forward = forward_uva},
        .uva = uva,
    };
    CUdeviceptr host;

    if (CSH_UNLIKELY(!csh_phase_begin())) {
        return forward_inactive_uva(uva);
    }
    if (!find_direction(uva, &directed.copy.direction)) {
        return forward_within_device(uva);
    }
    host = directed.copy.direction == CSH_D2H ? uva->dst : uva->src;
    directed.copy.host = (void *)(uintptr_t)host;
    directed.copy.device =
        directed.copy.direction == CSH_D2H ? uva->src : uva->dst;
    return csh_engine_copy(&directed.copy);
}

CUresult csh_engine_copy_uva(const struct csh_copy_uva *uva)
{
    int saved_errno = errno;
    CUresult result = copy_uva(uva);

    errno = saved_errno;
    return result;
}

/* The shim's own synchronising work, inside a call of the program that may
 * synchronise by itself. Never beside a capture. */
static void tidy(void)
{
    struct csh_own_calls own;
    const struct csh_context *context;

    if (csh_captures_any_active()) {
        return;
    }
    own = csh_own_calls_begin();
    /* Some calls (cuMemCreate, cuMemUnmap) need no context; unpinning does,
     * and what cannot be unpinned is lost. */
    context = csh_context_acquire();
    if (context != NULL) {
        csh_relief_at_sync();
        csh_residency_tidy();
    }
    csh_context_release(context);
    csh_own_calls_end(&own);
}

void csh_engine_allocated(CUresult result, bool may_synchronise)
{
    int saved_errno = errno;

    csh_phase_note(result);
    if (may_synchronise && result == CUDA_SUCCESS && csh_phase_begin() &&
        !csh_captures_any_active()) {
        struct csh_own_calls own = csh_own_calls_begin();

        csh_context_prepare();
        csh_own_calls_end(&own);
        tidy();
    }
    errno = saved_errno;
}

void csh_engine_memory_begun(CUdeviceptr dptr, size_t bytes, CUresult result)
{
    int saved_errno = errno;

    if (result == CUDA_SUCCESS && csh_phase_begin()) {
        csh_lifetimes_begun(dptr, bytes);
    }
    errno = saved_errno;
}

/* What is shown may change by it. */
static void note_end(void)
{
    if (csh_phase_is_active()) {
        csh_sharing_note(0, csh_clock_now_ns());
    }
}

static void forget(CUdeviceptr dptr, size_t bytes)
{
    csh_residency_forget(dptr, bytes);
    csh_declared_forget(dptr, bytes);
    csh_observe_forget(dptr, bytes);
    csh_lifetimes_forget(dptr, bytes);
}

void csh_engine_releasing(CUdeviceptr dptr, bool may_synchronise)
{
    int saved_errno = errno;
    CUdeviceptr base = 0;
    size_t bytes = 0;

    csh_lifetimes_ending();

    if (dptr != 0 && csh_phase_is_active()) {
        struct csh_own_calls own = csh_own_calls_begin();
        CUresult result = csh_calls()->cuMemGetAddressRange_v2(&base, &bytes,
                                                               dptr);

        csh_own_calls_end(&own);
        if (result == CUDA_SUCCESS) {
            if (base == dptr) {
                csh_park_keep(base, bytes, may_synchronise);
            }
            forget(base, bytes);
        }
    }
    errno = saved_errno;
}

void csh_engine_released(CUresult result, bool may_synchronise)
{
    int saved_errno = errno;

    csh_lifetimes_ended();
    csh_phase_note(result);
    if (csh_trace_is_on()) {
        csh_trace_changed();
    }
    if (may_synchronise && result == CUDA_SUCCESS && csh_phase_is_active()) {
        tidy();
    }
    note_end();
    errno = saved_errno;
}

void csh_engine_unmapping(CUdeviceptr dptr, size_t bytes)
{
    int saved_errno = errno;

    csh_lifetimes_ending();
    if (csh_phase_is_active()) {
        csh_park_keep(dptr, bytes, true);
        forget(dptr, bytes);
    }
    note_end();
    errno = saved_errno;
}

void csh_engine_context_ending(void)
{
    int saved_errno = errno;

    csh_park_contexts_ending();
    csh_lifetimes_ending();
    errno = saved_errno;
}

static void end_is_over(void)
{
    csh_lifetimes_ended();
    csh_park_contexts_ended();
}

/* The records go before launches may read again, and before anybody visits a
 * context: end_is_over() comes last, here and below. */
static void end_context(CUcontext context, CUresult result)
{
    if (result == CUDA_SUCCESS && context != NULL && csh_phase_is_active()) {
        csh_lifetimes_forget_all();
        csh_context_end(context);
        note_end();
    }
}

void csh_engine_context_ended(CUcontext context, CUresult result)
{
    int saved_errno = errno;

    csh_phase_note(result);
    end_context(context, result);
    end_is_over();
    errno = saved_errno;
}

/* Whoever attached to a context several times detaches as often. It has to be
 * current for that (cuda.h, cuCtxDetach), and is no longer when it is gone. */
void csh_engine_context_detached(CUcontext context, CUresult result)
{
    int saved_errno = errno;
    CUcontext current = NULL;

    csh_phase_note(result);
    if (result != CUDA_SUCCESS || !csh_phase_is_active() ||
        csh_calls()->cuCtxGetCurrent(&current) != CUDA_SUCCESS ||
        current != context) {
        end_context(context, result);
    }
    end_is_over();
    errno = saved_errno;
}

void csh_engine_primary_released(CUdevice device, CUresult result)
{
    int saved_errno = errno;
    unsigned int flags;
    int is_alive = 1;

    csh_phase_note(result);
    if (result == CUDA_SUCCESS && csh_phase_is_active() &&
        csh_calls()->cuDevicePrimaryCtxGetState(device, &flags, &is_alive) ==
            CUDA_SUCCESS &&
        is_alive == 0) {
        csh_lifetimes_forget_all();
        csh_context_end_primary(device);
    }
    end_is_over();
    errno = saved_errno;
}

void csh_engine_primary_reset(CUdevice device, CUresult result)
{
    int saved_errno = errno;

    csh_phase_note(result);
    if (result == CUDA_SUCCESS && csh_phase_is_active()) {
        csh_lifetimes_forget_all();
        csh_context_end_primary(device);
    }
    end_is_over();
    errno = saved_errno;
}

void csh_engine_stream_created(CUstream handle, CUresult result)
{
    const struct csh_stream stream = {handle, CSH_PLAIN};
    int saved_errno = errno;

    if (result == CUDA_SUCCESS && csh_phase_begin()) {
        struct csh_own_calls own = csh_own_calls_begin();
        const struct csh_context *context = csh_context_acquire();

        /* Only the end of a context that is known is seen, and an old handle
         * must not be asked about. */
        if (context != NULL) {
            csh_idle_note_stream(context->handle, &stream);
        } else {
            csh_idle_note_unknown_stream();
        }
        csh_context_release(context);
        csh_own_calls_end(&own);
    }
    errno = saved_errno;
}

void csh_engine_stream_destroying(CUstream handle)
{
    int saved_errno = errno;

    if (csh_phase_is_active()) {
        struct csh_own_calls own = csh_own_calls_begin();

        csh_idle_stream_ending(handle);
        csh_own_calls_end(&own);
    }
    errno = saved_errno;
}

void csh_engine_capture_beginning(void)
{
    int saved_errno = errno;

    csh_captures_beginning();
    errno = saved_errno;
}

void csh_engine_capture_begun(CUresult result)
{
    if (result != CUDA_SUCCESS) {
        csh_captures_ended();
    }
}

/* The errors that cuda.h has for captures. Others (no capture on the stream,
 * a bad handle) are of calls that could not have ended one. */
static bool is_of_capture(CUresult result)
{
    return result >= CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED &&
           result <= CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD;
}

void csh_engine_capture_ended(struct csh_stream stream, CUresult result)
{
    int saved_errno = errno;

    /* A failed call ends the capture or leaves it, depending on why it
     * failed: the stream itself knows. In doubt it still captures. */
    if (result == CUDA_SUCCESS ||
        (is_of_capture(result) && csh_phase_wait_started() &&
         !csh_facts_is_capturing(&stream))) {
        csh_captures_ended();
    }
    errno = saved_errno;
}
