/*
 * model_order.c - streams, and what keeps the program free of races.
 *
 * An object with work in flight belongs to one stream; before another stream
 * touches it, that stream is made to wait: by an event, by the rules of the
 * legacy stream, or by a wait of the host.
 */
#include "model.h"

#include <sched.h>

CUstream model_name(struct model_world *world, enum model_stream stream,
                    bool per_thread)
{
    bool short_name = model_once_in(world, 2);

    if (stream == MODEL_LEGACY) {
        return short_name && !per_thread ? NULL : CU_STREAM_LEGACY;
    }
    if (stream == MODEL_PER_THREAD) {
        return short_name && per_thread ? NULL : CU_STREAM_PER_THREAD;
    }
    return world->stream[stream];
}

enum model_stream model_any_stream(struct model_world *world)
{
    return (enum model_stream)model_choose(world, MODEL_STREAMS);
}

static bool is_blocking(enum model_stream stream)
{
    return stream == MODEL_PER_THREAD || stream == MODEL_BLOCKING_A ||
           stream == MODEL_BLOCKING_B;
}

/* ---------------------------------------------------------- the host --- */

/* All that was in flight on the stream is done. */
static void disown(struct model_world *world, enum model_stream stream)
{
    unsigned i;

    for (i = 0; i < MODEL_BLOCKS; i++) {
        if (world->block[i].object.owner == stream) {
            world->block[i].object.owner = MODEL_NOBODY;
        }
    }
    for (i = 0; i < MODEL_BUFFERS; i++) {
        if (world->buffer[i].object.owner == stream) {
            world->buffer[i].object.owner = MODEL_NOBODY;
        }
    }
}

static void wait_by_event(struct model_world *world, enum model_stream stream)
{
    CUevent event;

    FINE(world, more.cuEventCreate(&event, CU_EVENT_DISABLE_TIMING));
    FINE(world, more.cuEventRecord(event, model_name(world, stream, false)));
    FINE(world, more.cuEventSynchronize(event));
    FINE(world, more.cuEventDestroy_v2(event));
}

static void wait_by_query(struct model_world *world, enum model_stream stream)
{
    CUstream name = model_name(world, stream, false);
    CUresult result;

    while ((result = more.cuStreamQuery(name)) == CUDA_ERROR_NOT_READY) {
        sched_yield();
    }
    FINE(world, result);
}

void model_settle_stream(struct model_world *world, enum model_stream stream)
{
    switch (model_choose(world, 5)) {
    case 0:
        wait_by_event(world, stream);
        break;
    case 1:
        wait_by_query(world, stream);
        break;
    case 2:
        FINE(world,
             cu.cuStreamSynchronize_ptsz(model_name(world, stream, true)));
        break;
    default:
        FINE(world, cu.cuStreamSynchronize(model_name(world, stream, false)));
        break;
    }
    disown(world, stream);
}

void model_settle_all(struct model_world *world)
{
    unsigned stream;

    FINE(world, cu.cuCtxSynchronize());
    for (stream = 0; stream < MODEL_STREAMS; stream++) {
        disown(world, (enum model_stream)stream);
    }
}

void model_settle(struct model_world *world, struct model_object *object)
{
    if (object->owner == MODEL_NOBODY) {
        return;
    }
    if (model_once_in(world, 8)) {
        model_settle_all(world);
    } else {
        model_settle_stream(world, object->owner);
    }
}

/* --------------------------------------------------------- the device --- */

static void wait_on_device(struct model_world *world, enum model_stream first,
                           enum model_stream then)
{
    CUevent event;

    FINE(world, more.cuEventCreate(&event, CU_EVENT_DISABLE_TIMING));
    FINE(world, more.cuEventRecord(event, model_name(world, first, false)));
    FINE(world, more.cuStreamWaitEvent(model_name(world, then, false), event,
                                       0));
    FINE(world, more.cuEventDestroy_v2(event));
}

void model_claim(struct model_world *world, struct model_object *object,
                 enum model_stream stream)
{
    enum model_stream owner = object->owner;

    if (owner != MODEL_NOBODY && owner != stream) {
        bool is_implied = (owner == MODEL_LEGACY && is_blocking(stream)) ||
                          (stream == MODEL_LEGACY && is_blocking(owner));

        if (!is_implied && model_once_in(world, 6)) {
            model_settle_stream(world, owner);
        } else if (!is_implied) {
            wait_on_device(world, owner, stream);
        }
    }
    object->owner = stream;
}

/* ------------------------------------------------------------ streams --- */

static unsigned flags_of(enum model_stream stream)
{
    return stream >= MODEL_NON_BLOCKING_A ? CU_STREAM_NON_BLOCKING
                                          : CU_STREAM_DEFAULT;
}

void model_make_streams(struct model_world *world)
{
    unsigned i;

    world->dead_stream = NULL;
    for (i = MODEL_BLOCKING_A; i < MODEL_STREAMS; i++) {
        FINE(world, cu.cuStreamCreate(&world->stream[i],
                                      flags_of((enum model_stream)i)));
    }
}

void model_renew_stream(struct model_world *world)
{
    enum model_stream stream = (enum model_stream)(
        MODEL_BLOCKING_A +
        model_choose(world, MODEL_STREAMS - MODEL_BLOCKING_A));

    model_note(world, "another stream %u", stream);
    model_settle_stream(world, stream);
    FINE(world, cu.cuStreamDestroy_v2(world->stream[stream]));
    world->dead_stream = world->stream[stream];
    FINE(world, cu.cuStreamCreate(&world->stream[stream], flags_of(stream)));
}
