/*
 * stream.c - streams as chains of items, and what orders them.
 *
 * The rules of surface.md 5.2: an item waits for the one before it in its
 * stream; an item of the legacy stream waits for the last item of every
 * blocking stream of the context; an item of a blocking stream waits for the
 * last item of the legacy stream. Per-thread streams are blocking. Streams
 * made with CU_STREAM_NON_BLOCKING know nothing of the legacy one.
 *
 * A destroyed stream finishes its work: it stays in the list of its context,
 * without its mark, until that is done.
 */
#include "sim.h"

#include <stdlib.h>

bool sim_stream_is_blocking(CUstream stream)
{
    return (stream->flags & CU_STREAM_NON_BLOCKING) == 0;
}

CUstream sim_stream_new(CUcontext context, unsigned flags)
{
    CUstream stream = sim_handle_new(sizeof(*stream));

    stream->mark = SIM_STREAM_MARK;
    stream->context = context;
    stream->flags = flags;
    stream->id = sim_next_id();
    return stream;
}

void sim_stream_end(CUstream stream)
{
    sim_capture_drop_stream(stream);
    stream->mark = 0;
    sim_item_release(stream->tail);
    stream->tail = NULL;
}

/* Destroyed streams whose work is done leave the list. */
static void sweep(CUcontext context)
{
    CUstream *at = &context->streams;

    while (*at != NULL) {
        CUstream stream = *at;

        if (stream->mark == 0 && sim_item_is_done(stream->tail)) {
            *at = stream->next;
            sim_item_release(stream->tail);
            stream->tail = NULL;
        } else {
            at = &stream->next;
        }
    }
}

static CUstream per_thread(CUcontext context)
{
    uint64_t number = sim_thread()->number;
    CUstream stream;

    for (stream = context->streams; stream != NULL; stream = stream->next) {
        if (stream->thread == number) {
            return stream;
        }
    }
    stream = sim_stream_new(context, CU_STREAM_DEFAULT);
    stream->thread = number;
    stream->next = context->streams;
    context->streams = stream;
    return stream;
}

CUstream sim_stream_resolve(CUcontext context, CUstream handle,
                            enum sim_flavour flavour)
{
    if (handle == NULL) {
        handle = flavour == SIM_PLAIN ? CU_STREAM_LEGACY : CU_STREAM_PER_THREAD;
    }
    if (handle == CU_STREAM_LEGACY) {
        return context->legacy;
    }
    if (handle == CU_STREAM_PER_THREAD) {
        return per_thread(context);
    }
    if (handle->mark != SIM_STREAM_MARK ||
        !sim_context_is_alive(handle->context)) {
        return NULL;
    }
    return handle;
}

static void order(struct sim_item *item, CUstream stream)
{
    CUcontext context = stream->context;

    sim_item_after(item, stream->tail);
    if (stream->is_legacy) {
        for (CUstream other = context->streams; other != NULL;
             other = other->next) {
            if (sim_stream_is_blocking(other)) {
                sim_item_after(item, other->tail);
            }
        }
    } else if (sim_stream_is_blocking(stream)) {
        sim_item_after(item, context->legacy->tail);
    }
}

struct sim_item *sim_stream_barrier(CUstream stream)
{
    struct sim_work mark = {.op = SIM_OP_MARK};
    struct sim_item *item;

    if (!stream->is_legacy) {
        /* What the stream waits for is behind its own last item. */
        return sim_item_is_done(stream->tail)
                   ? NULL : sim_item_reference(stream->tail);
    }
    item = sim_item_new(stream->context, &mark);
    order(item, stream);
    sim_item_submit(item, true);
    if (sim_item_is_done(item)) {
        sim_item_release(item);
        return NULL;
    }
    return item;
}

struct sim_item *sim_stream_queue(CUstream stream, const struct sim_work *work,
                                  struct sim_item *const *blockers,
                                  size_t n_blockers, bool unhurried)
{
    struct sim_item *item;

    if (stream->is_legacy) {
        sweep(stream->context);
    }
    item = sim_item_new(stream->context, work);
    order(item, stream);
    for (size_t i = 0; i < n_blockers; i++) {
        sim_item_after(item, blockers[i]);
    }
    sim_item_release(stream->tail);
    stream->tail = item;
    sim_work_count(work);
    sim_item_submit(item, unhurried);
    return item;
}

CUresult sim_stream_work(CUstream stream, struct sim_work *work,
                         bool unhurried, struct sim_item **item_p)
{
    CUresult result = sim_capture_check_use(stream);
    struct sim_item *item = NULL;

    if (result == CUDA_SUCCESS && stream->capture != NULL) {
        result = sim_capture_record(stream, work);
    } else if (result == CUDA_SUCCESS) {
        item = sim_stream_queue(stream, work, NULL, 0, unhurried);
    } else {
        sim_work_dispose(work);
    }
    if (item_p != NULL) {
        *item_p = item;
    }
    return result;
}

CUresult sim_stream_wait(CUstream stream)
{
    struct sim_item *item = sim_stream_barrier(stream);

    sim_item_wait(item);
    sim_item_release(item);
    return stream->context->root->sticky;
}

/* -------------------------------------------------- creation and end --- */

static CUresult create(CUstream *stream_p, unsigned flags, int priority)
{
    CUcontext context;
    CUresult result = sim_begin(&context);
    CUstream stream;

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (stream_p == NULL || (flags & ~(unsigned)CU_STREAM_NON_BLOCKING) != 0) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    sweep(context);
    stream = sim_stream_new(context, flags);
    stream->priority = priority > 0 ? 0 : priority < -5 ? -5 : priority;
    stream->next = context->streams;
    context->streams = stream;
    *stream_p = stream;
    return sim_end(CUDA_SUCCESS);
}

CUresult cuStreamCreate(CUstream *stream_p, unsigned int flags)
{
    SIM_ENTER(cuStreamCreate);
    return create(stream_p, flags, 0);
}

CUresult cuStreamCreateWithPriority(CUstream *stream_p, unsigned int flags,
                                    int priority)
{
    SIM_ENTER(cuStreamCreateWithPriority);
    return create(stream_p, flags, priority);
}

static CUresult destroy(CUstream stream)
{
    CUcontext context;
    CUresult result = sim_begin(&context);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (stream == NULL || stream == CU_STREAM_LEGACY ||
        stream == CU_STREAM_PER_THREAD || stream->mark != SIM_STREAM_MARK) {
        return sim_end(CUDA_ERROR_INVALID_HANDLE);
    }
    sim_capture_drop_stream(stream);
    stream->mark = 0;
    sweep(context);
    return sim_end(CUDA_SUCCESS);
}

CUresult cuStreamDestroy_v2(CUstream stream)
{
    SIM_ENTER(cuStreamDestroy_v2);
    return destroy(stream);
}

CUresult cuStreamDestroy(CUstream stream)
{
    SIM_ENTER(cuStreamDestroy);
    return destroy(stream);
}

/* ---------------------------------------------------- looking, waiting --- */

static CUresult begin_look(CUstream *stream_p, enum sim_flavour flavour)
{
    CUcontext context;
    CUresult result = sim_begin(&context);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    *stream_p = sim_stream_resolve(context, *stream_p, flavour);
    if (*stream_p == NULL) {
        return sim_end(CUDA_ERROR_INVALID_HANDLE);
    }
    return CUDA_SUCCESS;
}

static CUresult synchronise(CUstream stream, enum sim_flavour flavour)
{
    CUresult result = begin_look(&stream, flavour);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    result = sim_capture_check_look(stream);
    return sim_end(result != CUDA_SUCCESS ? result : sim_stream_wait(stream));
}

CUresult cuStreamSynchronize(CUstream stream)
{
    SIM_ENTER(cuStreamSynchronize);
    return synchronise(stream, SIM_PLAIN);
}

CUresult cuStreamSynchronize_ptsz(CUstream stream)
{
    SIM_ENTER(cuStreamSynchronize_ptsz);
    return synchronise(stream, SIM_PER_THREAD);
}

static struct sim_item *undone(CUstream stream)
{
    if (stream->is_legacy && sim_settings()->legacy_query_sees_itself_only) {
        return sim_item_is_done(stream->tail)
                   ? NULL : sim_item_reference(stream->tail);
    }
    return sim_stream_barrier(stream);
}

static CUresult query(CUstream stream, enum sim_flavour flavour)
{
    CUresult result = begin_look(&stream, flavour);
    struct sim_item *item;

    if (result != CUDA_SUCCESS) {
        return result;
    }
    result = sim_capture_check_look(stream);
    if (result != CUDA_SUCCESS) {
        return sim_end(result);
    }
    sim_item_catch_up();
    item = undone(stream);
    result = item == NULL ? stream->context->root->sticky
                          : CUDA_ERROR_NOT_READY;
    sim_item_release(item);
    return sim_end(result);
}

CUresult cuStreamQuery(CUstream stream)
{
    SIM_ENTER(cuStreamQuery);
    return query(stream, SIM_PLAIN);
}

CUresult cuStreamQuery_ptsz(CUstream stream)
{
    SIM_ENTER(cuStreamQuery_ptsz);
    return query(stream, SIM_PER_THREAD);
}

static CUresult wait_event(CUstream stream, CUevent event, unsigned flags,
                           enum sim_flavour flavour)
{
    CUresult result = begin_look(&stream, flavour);
    struct sim_work mark = {.op = SIM_OP_MARK};
    bool is_done = false;

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if ((flags & ~(unsigned)CU_EVENT_WAIT_EXTERNAL) != 0) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    if (!sim_event_is_alive(event)) {
        return sim_end(CUDA_ERROR_INVALID_HANDLE);
    }
    result = sim_capture_wait_event(stream, event, &is_done);
    if (result == CUDA_SUCCESS && !is_done &&
        !sim_item_is_done(event->item)) {
        sim_stream_queue(stream, &mark, &event->item, 1, false);
    }
    return sim_end(result);
}

CUresult cuStreamWaitEvent(CUstream stream, CUevent event, unsigned int flags)
{
    SIM_ENTER(cuStreamWaitEvent);
    return wait_event(stream, event, flags, SIM_PLAIN);
}

CUresult cuStreamWaitEvent_ptsz(CUstream stream, CUevent event,
                                unsigned int flags)
{
    SIM_ENTER(cuStreamWaitEvent_ptsz);
    return wait_event(stream, event, flags, SIM_PER_THREAD);
}
