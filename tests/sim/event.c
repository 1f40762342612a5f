/*
 * event.c - events: the last item recorded, and when it was done.
 */
#include "sim.h"

#include <stdlib.h>
#include <string.h>

/* Handles of destroyed events come back, as they do with a driver, but late:
 * one that is used after its end is found out for long. */
enum { MOST_DEAD = 4096 };
static CUevent dead[MOST_DEAD], spare;
static unsigned n_buried;

static void bury(CUevent event)
{
    CUevent *place = &dead[n_buried++ % MOST_DEAD];

    if (*place != NULL) {
        (*place)->next_spare = spare;
        spare = *place;
    }
    *place = event;
}

static CUevent new_event(void)
{
    CUevent event = spare;

    if (event == NULL) {
        return sim_handle_new(sizeof(*event));
    }
    spare = event->next_spare;
    memset(event, 0, sizeof(*event));
    return event;
}

bool sim_event_is_alive(CUevent event)
{
    return event != NULL && event->mark == SIM_EVENT_MARK &&
           sim_context_is_alive(event->context) &&
           event->context->id == event->context_id;
}

CUresult cuEventCreate(CUevent *event_p, unsigned int flags)
{
    CUcontext context;
    CUevent event;
    CUresult result;

    SIM_ENTER(cuEventCreate);
    result = sim_begin(&context);
    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (event_p == NULL ||
        (flags & ~(unsigned)(CU_EVENT_BLOCKING_SYNC | CU_EVENT_DISABLE_TIMING |
                             CU_EVENT_INTERPROCESS)) != 0 ||
        ((flags & CU_EVENT_INTERPROCESS) != 0 &&
         (flags & CU_EVENT_DISABLE_TIMING) == 0)) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    event = new_event();
    event->mark = SIM_EVENT_MARK;
    event->context = context;
    event->context_id = context->id;
    event->flags = flags;
    *event_p = event;
    return sim_end(CUDA_SUCCESS);
}

static CUresult begin_event(CUevent event)
{
    CUcontext context;
    CUresult result = sim_begin(&context);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    return sim_event_is_alive(event) ? CUDA_SUCCESS
                                     : sim_end(CUDA_ERROR_INVALID_HANDLE);
}

static CUresult destroy(CUevent event)
{
    CUresult result = begin_event(event);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    event->mark = 0;
    sim_item_release(event->item);
    event->item = NULL;
    free(event->leaves);
    event->leaves = NULL;
    bury(event);
    return sim_end(CUDA_SUCCESS);
}

CUresult cuEventDestroy_v2(CUevent event)
{
    SIM_ENTER(cuEventDestroy_v2);
    return destroy(event);
}

CUresult cuEventDestroy(CUevent event)
{
    SIM_ENTER(cuEventDestroy);
    return destroy(event);
}

static CUresult record(CUevent event, CUstream handle, unsigned flags,
                       enum sim_flavour flavour)
{
    struct sim_work mark = {.op = SIM_OP_MARK};
    CUresult result = begin_event(event);
    CUstream stream;

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if ((flags & ~(unsigned)CU_EVENT_RECORD_EXTERNAL) != 0) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    stream = sim_stream_resolve(sim_context_current(), handle, flavour);
    if (stream == NULL || stream->context != event->context) {
        return sim_end(CUDA_ERROR_INVALID_HANDLE);
    }
    result = sim_capture_check_use(stream);
    if (result != CUDA_SUCCESS) {
        return sim_end(result);
    }
    if (stream->capture != NULL) {
        return sim_end(sim_capture_event(event, stream));
    }
    sim_item_release(event->item);
    event->item =
        sim_item_reference(sim_stream_queue(stream, &mark, NULL, 0, false));
    event->capture_id = 0;
    return sim_end(CUDA_SUCCESS);
}

CUresult cuEventRecord(CUevent event, CUstream stream)
{
    SIM_ENTER(cuEventRecord);
    return record(event, stream, 0, SIM_PLAIN);
}

CUresult cuEventRecord_ptsz(CUevent event, CUstream stream)
{
    SIM_ENTER(cuEventRecord_ptsz);
    return record(event, stream, 0, SIM_PER_THREAD);
}

CUresult cuEventRecordWithFlags(CUevent event, CUstream stream,
                                unsigned int flags)
{
    SIM_ENTER(cuEventRecordWithFlags);
    return record(event, stream, flags, SIM_PLAIN);
}

CUresult cuEventRecordWithFlags_ptsz(CUevent event, CUstream stream,
                                     unsigned int flags)
{
    SIM_ENTER(cuEventRecordWithFlags_ptsz);
    return record(event, stream, flags, SIM_PER_THREAD);
}

/* Prohibited beside a capture, as a query of the event is. */
static CUresult begin_look(CUevent event)
{
    CUresult result = begin_event(event);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    result = sim_capture_check_event(event);
    if (result == CUDA_SUCCESS) {
        result = sim_capture_check_unsafe();
    }
    return result == CUDA_SUCCESS ? CUDA_SUCCESS : sim_end(result);
}

CUresult cuEventQuery(CUevent event)
{
    CUresult result;

    SIM_ENTER(cuEventQuery);
    result = begin_look(event);
    if (result != CUDA_SUCCESS) {
        return result;
    }
    sim_item_catch_up();
    return sim_end(sim_item_is_done(event->item) ? event->context->root->sticky
                                                 : CUDA_ERROR_NOT_READY);
}

CUresult cuEventSynchronize(CUevent event)
{
    struct sim_item *item;
    CUresult result;

    SIM_ENTER(cuEventSynchronize);
    result = begin_look(event);
    if (result != CUDA_SUCCESS) {
        return result;
    }
    item = event->item;
    if (!sim_item_is_done(item)) {
        sim_item_reference(item);
        sim_item_wait(item);
        sim_item_release(item);
    }
    return sim_end(event->context->root->sticky);
}

static CUresult elapsed(float *milliseconds_p, CUevent start, CUevent end)
{
    CUresult result = begin_event(start);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (milliseconds_p == NULL) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    if (!sim_event_is_alive(end) || start->item == NULL ||
        end->item == NULL ||
        ((start->flags | end->flags) & CU_EVENT_DISABLE_TIMING) != 0) {
        return sim_end(CUDA_ERROR_INVALID_HANDLE);
    }
    if (!sim_item_is_done(start->item) || !sim_item_is_done(end->item)) {
        return sim_end(CUDA_ERROR_NOT_READY);
    }
    *milliseconds_p = (float)((double)(int64_t)(end->item->done_ns -
                                                start->item->done_ns) / 1e6);
    return sim_end(start->context->root->sticky);
}

CUresult cuEventElapsedTime(float *milliseconds_p, CUevent start, CUevent end)
{
    SIM_ENTER(cuEventElapsedTime);
    return elapsed(milliseconds_p, start, end);
}

CUresult cuEventElapsedTime_v2(float *milliseconds_p, CUevent start,
                               CUevent end)
{
    SIM_ENTER(cuEventElapsedTime_v2);
    return elapsed(milliseconds_p, start, end);
}
