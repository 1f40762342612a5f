/*
 * model_copies.c - copies between host and device in all twelve forms, and
 * between host buffers.
 *
 * When a copy is complete is what CUDA's documents say ("API synchronization
 * behavior"): a copy to pageable memory on return, in every form; a copy from
 * pageable memory has read its source on return; a copy of pinned memory on
 * return if the form is a synchronous one, else in stream order.
 */
#include "model.h"

#include <string.h>

enum { BURST = 8 };

/* The stream of a synchronous form is the legacy or the per-thread one. */
static const struct form {
    const char *name;
    bool is_async, per_thread, is_uva;
} forms[] = {
    {"sync", false, false, false},       {"async", true, false, false},
    {"ptds", false, true, false},        {"ptsz", true, true, false},
    {"uva", false, false, true},         {"uva-async", true, false, true},
    {"uva-ptds", false, true, true},     {"uva-ptsz", true, true, true},
};

static const struct form *any_form(struct model_world *world,
                                   enum model_stream *stream_p)
{
    /* PyTorch's form most of all. */
    const struct form *form = model_once_in(world, 3)
                                  ? &forms[1]
                                  : &forms[model_choose(world, 8)];

    *stream_p = form->is_async     ? model_any_stream(world)
                : form->per_thread ? MODEL_PER_THREAD
                                   : MODEL_LEGACY;
    return form;
}

static CUresult copy_uva(const struct form *form, CUdeviceptr dst,
                         CUdeviceptr src, size_t bytes, CUstream stream)
{
    if (form->is_async) {
        return form->per_thread
                   ? more.cuMemcpyAsync_ptsz(dst, src, bytes, stream)
                   : cu.cuMemcpyAsync(dst, src, bytes, stream);
    }
    return form->per_thread ? more.cuMemcpy_ptds(dst, src, bytes)
                            : cu.cuMemcpy(dst, src, bytes);
}

static CUresult to_host(const struct form *form, void *dst, CUdeviceptr src,
                        size_t bytes, CUstream stream)
{
    if (form->is_uva) {
        return copy_uva(form, (CUdeviceptr)(uintptr_t)dst, src, bytes,
                        stream);
    }
    if (form->is_async) {
        return form->per_thread
                   ? cu.cuMemcpyDtoHAsync_v2_ptsz(dst, src, bytes, stream)
                   : cu.cuMemcpyDtoHAsync_v2(dst, src, bytes, stream);
    }
    return form->per_thread ? cu.cuMemcpyDtoH_v2_ptds(dst, src, bytes)
                            : cu.cuMemcpyDtoH_v2(dst, src, bytes);
}

static CUresult to_device(const struct form *form, CUdeviceptr dst,
                          const void *src, size_t bytes, CUstream stream)
{
    if (form->is_uva) {
        return copy_uva(form, dst, (CUdeviceptr)(uintptr_t)src, bytes,
                        stream);
    }
    if (form->is_async) {
        return form->per_thread
                   ? cu.cuMemcpyHtoDAsync_v2_ptsz(dst, src, bytes, stream)
                   : cu.cuMemcpyHtoDAsync_v2(dst, src, bytes, stream);
    }
    return form->per_thread ? cu.cuMemcpyHtoD_v2_ptds(dst, src, bytes)
                            : cu.cuMemcpyHtoD_v2(dst, src, bytes);
}

void model_copy_out(struct model_world *world, unsigned block,
                    struct model_range device, unsigned buffer,
                    size_t host_offset)
{
    struct model_block *from = &world->block[block];
    struct model_buffer *to = &world->buffer[buffer];
    enum model_stream stream;
    const struct form *form = any_form(world, &stream);

    model_note(world, "d2h %s: buffer %u+%zu from block %u+%zu, %zu bytes, "
               "stream %u", form->name, buffer, host_offset, block,
               device.offset, device.bytes, stream);
    model_claim(world, &from->object, stream);
    model_claim(world, &to->object, stream);
    FINE(world, to_host(form, to->memory + host_offset,
                        from->address + device.offset, device.bytes,
                        model_name(world, stream, form->per_thread)));
    memcpy(to->object.expected + host_offset,
           from->object.expected + device.offset, device.bytes);
    if (form->is_async && !model_is_pageable(to)) {
        return;
    }
    from->object.owner = to->object.owner = MODEL_NOBODY;
    model_check_buffer(world, buffer,
                       (struct model_range){host_offset, device.bytes});
}

/* Whether the source may be written again as soon as the call has returned:
 * a program that does it at once is the test of that. */
static void spoil_source(struct model_world *world, unsigned buffer,
                         struct model_range host)
{
    struct model_buffer *from = &world->buffer[buffer];
    size_t at = host.offset + model_choose(world, host.bytes);

    from->memory[at] ^= 0x80;
    from->object.expected[at] ^= 0x80;
}

void model_copy_in(struct model_world *world, unsigned block,
                   size_t device_offset, unsigned buffer,
                   struct model_range host)
{
    struct model_block *to = &world->block[block];
    struct model_buffer *from = &world->buffer[buffer];
    enum model_stream stream;
    const struct form *form = any_form(world, &stream);

    model_note(world, "h2d %s: block %u+%zu from buffer %u+%zu, %zu bytes, "
               "stream %u", form->name, block, device_offset, buffer,
               host.offset, host.bytes, stream);
    if (from->kind == MODEL_PINNED || from->kind == MODEL_REGISTERED) {
        model_claim(world, &from->object, stream);
    } else {
        /* A pageable source is read without waiting for the stream. */
        model_settle(world, &from->object);
    }
    model_claim(world, &to->object, stream);
    FINE(world, to_device(form, to->address + device_offset,
                          from->memory + host.offset, host.bytes,
                          model_name(world, stream, form->per_thread)));
    memcpy(to->object.expected + device_offset,
           from->object.expected + host.offset, host.bytes);
    if (model_is_pageable(from)) {
        if (model_once_in(world, 12)) {
            spoil_source(world, buffer, host);
        }
    } else if (form->is_async) {
        from->object.owner = stream;
    } else {
        from->object.owner = MODEL_NOBODY;
        if (from->kind != MODEL_PARTLY) {
            to->object.owner = MODEL_NOBODY;
        }
    }
}

/* --------------------------------------------------------- operations --- */

static void remember(struct model_world *world, unsigned block,
                     struct model_range device, unsigned buffer,
                     size_t host_offset)
{
    world->pair[world->n_pairs++ % MODEL_PAIRS] = (struct model_pair){
        .block = block,
        .block_generation = world->block[block].object.generation,
        .buffer = buffer,
        .buffer_generation = world->buffer[buffer].object.generation,
        .device = device,
        .host = {host_offset, device.bytes},
    };
}

/* Mostly at the start, where a program's tensors are; else anywhere. */
static size_t any_offset(struct model_world *world, size_t bytes, size_t room)
{
    return room > bytes && model_once_in(world, 5)
               ? model_choose(world, room - bytes + 1) : 0;
}

static const struct model_pair *any_pair(struct model_world *world,
                                         bool needs_block);

/* Some offloads of late once more, with nothing between them. */
static void burst(struct model_world *world)
{
    const struct model_pair *found;
    struct model_pair pair;
    unsigned i;

    for (i = 0; i < BURST; i++) {
        found = any_pair(world, true);
        if (found != NULL) {
            pair = *found;
            model_copy_out(world, pair.block, pair.device, pair.buffer,
                           pair.host.offset);
        }
    }
}

void model_offload(struct model_world *world)
{
    unsigned block, buffer;
    struct model_range part;
    size_t offset;

    if (model_is_seen && model_once_in(world, 3)) {
        burst(world);
        return;
    }
    block = model_need_block(world, 1);
    part = model_part(world, &world->block[block]);
    if (model_once_in(world, 2)) {
        buffer = (unsigned)model_choose(world, MODEL_BUFFERS);
        model_make_target(world, buffer, part.bytes);
    } else {
        buffer = model_need_buffer(world, part.bytes);
    }
    offset = any_offset(world, part.bytes, world->buffer[buffer].object.bytes);
    model_copy_out(world, block, part, buffer, offset);
    remember(world, block, part, buffer, offset);
}

/* Some offload of late whose block and buffer are still there, or NULL. */
static const struct model_pair *any_pair(struct model_world *world,
                                         bool needs_block)
{
    unsigned n = world->n_pairs < MODEL_PAIRS ? world->n_pairs : MODEL_PAIRS;
    const struct model_pair *pair;

    if (n == 0) {
        return NULL;
    }
    pair = &world->pair[model_choose(world, n)];
    if (world->buffer[pair->buffer].object.generation !=
            pair->buffer_generation ||
        world->buffer[pair->buffer].object.expected == NULL) {
        return NULL;
    }
    if (needs_block && (world->block[pair->block].object.generation !=
                            pair->block_generation ||
                        world->block[pair->block].object.expected == NULL)) {
        return NULL;
    }
    return pair;
}

/* The host range of an offload goes back, to where it was or elsewhere. */
void model_reload(struct model_world *world)
{
    const struct model_pair *pair =
        any_pair(world, !model_once_in(world, 4));

    if (pair == NULL) {
        model_upload(world);
    } else if (world->block[pair->block].object.bytes >=
               pair->device.offset + pair->host.bytes) {
        model_copy_in(world, pair->block, pair->device.offset, pair->buffer,
                      pair->host);
    } else {
        model_copy_in(world, model_need_block(world, pair->host.bytes), 0,
                      pair->buffer, pair->host);
    }
}

/* First, last, around a border of what a fingerprint takes as one, or any. */
static size_t telling_place(struct model_world *world, size_t bytes)
{
    static const size_t borders[] = {16, 512, 4096, 16384, 65536};
    size_t at = borders[model_choose(world, 5)];

    switch (model_choose(world, 5)) {
    case 0:
        return 0;
    case 1:
        return bytes - 1;
    case 2: /* among the last */
        return bytes - 1 - model_choose(world, bytes < 16 ? bytes : 16);
    case 3:
        at = at * (1 + model_choose(world, 1 + bytes / at)) -
             model_choose(world, 2);
        return at < bytes ? at : bytes - 1;
    default:
        return model_choose(world, bytes);
    }
}

/* One bit of offloaded memory changes unseen, and it is offloaded again. */
void model_patch_device(struct model_world *world)
{
    const struct model_pair *found = any_pair(world, true);
    struct model_pair pair;
    struct model_block *block;
    size_t at;
    uint8_t value;

    if (found == NULL) {
        model_offload(world);
        return;
    }
    pair = *found;
    block = &world->block[pair.block];
    at = pair.device.offset + telling_place(world, pair.device.bytes);
    value = block->object.expected[at] ^
            (uint8_t)(1u << model_choose(world, 8));
    model_note(world, "patch: block %u, byte %zu", pair.block, at);
    model_settle(world, &block->object);
    model_change(world, block->address + at, value);
    block->object.expected[at] = value;
    model_copy_out(world, pair.block, pair.device, pair.buffer,
                   pair.host.offset);
}

/* One bit of the host's copy changes, and it goes back. */
void model_patch_host(struct model_world *world)
{
    const struct model_pair *pair = any_pair(world, true);
    struct model_buffer *buffer;
    size_t at;

    if (pair == NULL) {
        model_upload(world);
        return;
    }
    buffer = &world->buffer[pair->buffer];
    at = pair->host.offset + telling_place(world, pair->host.bytes);
    model_note(world, "patch: buffer %u, byte %zu", pair->buffer, at);
    model_settle(world, &buffer->object);
    buffer->memory[at] ^= 0x04;
    buffer->object.expected[at] ^= 0x04;
    model_copy_in(world, pair->block, pair->device.offset, pair->buffer,
                  pair->host);
    model_check_block(world, pair->block);
}

void model_upload(struct model_world *world)
{
    unsigned block = model_need_block(world, 1), buffer;
    struct model_range part = model_part(world, &world->block[block]);
    size_t offset;

    buffer = model_need_buffer(world, part.bytes);
    offset = any_offset(world, part.bytes, world->buffer[buffer].object.bytes);
    model_copy_in(world, block, part.offset, buffer,
                  (struct model_range){offset, part.bytes});
}

/* What a program does that swaps models: offload, free, allocate, reload. */
void model_cycle(struct model_world *world)
{
    unsigned block = model_need_block(world, 1);
    size_t bytes = world->block[block].object.bytes;
    struct model_range whole = {0, bytes};
    unsigned buffer = (unsigned)model_choose(world, MODEL_BUFFERS);

    if (!model_once_in(world, 4)) {
        model_make_target(world, buffer, bytes);
    } else {
        if (world->buffer[buffer].object.expected != NULL) {
            model_free_buffer(world, buffer);
        }
        model_make_buffer(world, buffer, bytes, MODEL_MAPPED);
    }
    model_copy_out(world, block, whole, buffer, 0);
    model_free_block(world, block);
    model_make_block(world, block, bytes);
    model_copy_in(world, block, 0, buffer, whole);
    model_copy_out(world, block, whole, buffer, 0);
    remember(world, block, whole, buffer, 0);
}

void model_host_to_host(struct model_world *world)
{
    unsigned from = model_need_buffer(world, 1);
    size_t bytes = 1 + model_choose(world, world->buffer[from].object.bytes);
    unsigned to = model_need_buffer(world, bytes);
    enum model_stream stream;
    const struct form *form = any_form(world, &stream);
    struct model_buffer *dst, *src;

    if (from == to || world->buffer[from].object.bytes < bytes) {
        return; /* the one may have made way for the other */
    }
    dst = &world->buffer[to];
    src = &world->buffer[from];
    model_note(world, "h2h %s: buffer %u from buffer %u, %zu bytes",
               form->name, to, from, bytes);
    model_settle(world, &src->object);
    model_settle(world, &dst->object);
    FINE(world, copy_uva(form, (CUdeviceptr)(uintptr_t)dst->memory,
                         (CUdeviceptr)(uintptr_t)src->memory, bytes,
                         model_name(world, stream, form->per_thread)));
    memcpy(dst->object.expected, src->object.expected, bytes);
    /* "For transfers from any host memory to any host memory, the function is
     * fully synchronous with respect to the host" (CUDA driver API). */
    model_check_buffer(world, to, (struct model_range){0, bytes});
}
