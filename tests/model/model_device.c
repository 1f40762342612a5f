/*
 * model_device.c - changes to device memory that no host bytes are part of:
 * memset, kernels, copies from device to device, and writes that no driver
 * call makes.
 */
#include "model.h"

#include <string.h>

CUresult model_launch(CUfunction function, CUdeviceptr dst, uint32_t value,
                      uint64_t count, CUstream stream)
{
    void *params[] = {&dst, &value, &count};

    return cu.cuLaunchKernel(function, 1, 1, 1, 32, 1, 1, 0, stream, params,
                             NULL);
}

void model_memset(struct model_world *world)
{
    unsigned number = model_need_block(world, 1);
    struct model_block *block = &world->block[number];
    struct model_range part = model_part(world, block);
    uint8_t value = (uint8_t)model_choose(world, 256);
    bool is_async = model_once_in(world, 2);
    enum model_stream stream =
        is_async ? model_any_stream(world) : MODEL_LEGACY;
    CUdeviceptr dst = block->address + part.offset;

    model_note(world, "memset%s: block %u+%zu, %zu bytes, stream %u",
               is_async ? " async" : "", number, part.offset, part.bytes,
               stream);
    model_claim(world, &block->object, stream);
    if (is_async) {
        FINE(world, more.cuMemsetD8Async(dst, value, part.bytes,
                                         model_name(world, stream, false)));
    } else {
        FINE(world, cu.cuMemsetD8_v2(dst, value, part.bytes));
    }
    memset(block->object.expected + part.offset, value, part.bytes);
}

/* The whole words of some part of the block. */
static struct model_range words(struct model_world *world,
                                const struct model_block *block)
{
    struct model_range part = model_part(world, block);
    size_t end = (part.offset + part.bytes) / 4 * 4;

    part.offset = (part.offset + 3) / 4 * 4;
    part.bytes = end > part.offset ? end - part.offset : 0;
    if (part.bytes > 4 && model_once_in(world, 2)) { /* one word of them */
        part.offset += 4 * model_choose(world, part.bytes / 4);
        part.bytes = 4;
    }
    return part;
}

void model_kernel(struct model_world *world)
{
    unsigned number = model_need_block(world, 4);
    struct model_block *block = &world->block[number];
    struct model_range part = words(world, block);
    bool is_fill = model_once_in(world, 2);
    /* One bit, or any of them. */
    uint32_t value = model_once_in(world, 2)
                         ? 1u << model_choose(world, 32)
                         : (uint32_t)model_choose(world, UINT32_MAX);
    enum model_stream stream = model_any_stream(world);
    size_t i;

    model_note(world, "%s kernel: block %u+%zu, %zu bytes, stream %u",
               is_fill ? "fill" : "xor", number, part.offset, part.bytes,
               stream);
    model_claim(world, &block->object, stream);
    FINE(world, model_launch(is_fill ? world->fill : world->xor,
                             block->address + part.offset, value,
                             part.bytes / 4,
                             model_name(world, stream, false)));
    for (i = 0; i < part.bytes; i += 4) {
        uint32_t word = 0;

        if (!is_fill) {
            memcpy(&word, block->object.expected + part.offset + i, 4);
        }
        word ^= value;
        memcpy(block->object.expected + part.offset + i, &word, 4);
    }
}

static void fill_floats(struct model_world *world, unsigned number,
                        struct model_range part, float value,
                        enum model_stream stream)
{
    struct model_block *block = &world->block[number];
    uint32_t bits;
    size_t i;

    memcpy(&bits, &value, 4);
    FINE(world,
         model_launch(world->fill, block->address + part.offset, bits,
                      part.bytes / 4, model_name(world, stream, false)));
    for (i = 0; i < part.bytes; i += 4) {
        memcpy(block->object.expected + part.offset + i, &bits, 4);
    }
}

/* y += a * x, on small whole numbers: exact however it is compiled. A LoRA
 * is patched in like this, and out again with -a. */
void model_axpy(struct model_world *world)
{
    unsigned y = model_need_block(world, 4), x = model_need_block(world, 4);
    struct model_range part;
    enum model_stream stream = model_any_stream(world);
    CUdeviceptr y_at, x_at;
    uint64_t count;
    float a = (float)model_choose(world, 8) - 4, sum = 6 + 3 * a;
    void *params[] = {&y_at, &x_at, &a, &count};
    size_t i;

    if (x == y || world->block[y].object.expected == NULL) {
        return;
    }
    part = words(world, &world->block[y]);
    if (part.offset + part.bytes > world->block[x].object.bytes) {
        return;
    }
    model_note(world, "axpy: block %u += %d * block %u, +%zu, %zu bytes, "
               "stream %u", y, (int)a, x, part.offset, part.bytes, stream);
    model_claim(world, &world->block[y].object, stream);
    model_claim(world, &world->block[x].object, stream);
    fill_floats(world, y, part, 6, stream);
    fill_floats(world, x, part, 3, stream);
    y_at = world->block[y].address + part.offset;
    x_at = world->block[x].address + part.offset;
    count = part.bytes / 4;
    FINE(world, cu.cuLaunchKernel(world->axpy, 1, 1, 1, 32, 1, 1, 0,
                                  model_name(world, stream, false), params,
                                  NULL));
    for (i = 0; i < part.bytes; i += 4) {
        memcpy(world->block[y].object.expected + part.offset + i, &sum, 4);
    }
}

void model_device_copy(struct model_world *world)
{
    unsigned to = model_need_block(world, 1), from;
    struct model_block *dst, *src;
    struct model_range part;
    bool is_async = model_once_in(world, 2);
    enum model_stream stream =
        is_async ? model_any_stream(world) : MODEL_LEGACY;

    from = model_need_block(world, world->block[to].object.bytes);
    dst = &world->block[to];
    src = &world->block[from];
    if (from == to) {
        return;
    }
    part = model_part(world, dst);
    model_note(world, "d2d%s: block %u from block %u, +%zu, %zu bytes, "
               "stream %u", is_async ? " async" : "", to, from, part.offset,
               part.bytes, stream);
    model_claim(world, &dst->object, stream);
    model_claim(world, &src->object, stream);
    if (is_async) {
        FINE(world, more.cuMemcpyDtoDAsync_v2(
                        dst->address + part.offset,
                        src->address + part.offset, part.bytes,
                        model_name(world, stream, false)));
    } else {
        FINE(world, cu.cuMemcpyDtoD_v2(dst->address + part.offset,
                                       src->address + part.offset,
                                       part.bytes));
    }
    memcpy(dst->object.expected + part.offset,
           src->object.expected + part.offset, part.bytes);
}

bool model_is_seen;

/* Like a write by a peer or a network card: no driver call says so. */
void model_change(struct model_world *world, CUdeviceptr at, uint8_t value)
{
    if (model_is_seen) {
        FINE(world, cu.cuMemsetD8_v2(at, value, 1));
        FINE(world, cu.cuStreamSynchronize(NULL));
    } else {
        cu.simcuda_poke(at, &value, 1);
    }
}

void model_poke(struct model_world *world)
{
    unsigned number = model_need_block(world, 1);
    struct model_block *block = &world->block[number];
    size_t at = model_choose(world, block->object.bytes);
    uint8_t value = block->object.expected[at] ^
                    (uint8_t)(1u << model_choose(world, 8));

    model_note(world, "poke: block %u, byte %zu", number, at);
    model_settle(world, &block->object);
    model_change(world, block->address + at, value);
    block->object.expected[at] = value;
}
