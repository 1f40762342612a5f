/*
 * model_memory.c - what blocks and buffers have in common, the comparison
 * with what the model says they hold, and device blocks.
 */
#include "model.h"

#include <stdlib.h>
#include <string.h>

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)

/* Around every border that anything might have, most of them large enough to
 * be worth a shadow. */
size_t model_size(struct model_world *world)
{
    static const size_t small[] = {1, 15, 16, 4095, 4096, 4097};
    static const size_t border[] = {64 * KIB - 1, 64 * KIB, 64 * KIB + 1};

    /* A program's tensors have few sizes, and come again and again. */
    static const size_t usual[] = {72 * KIB,         73 * KIB + 64,
                                   100 * KIB + 2,    128 * KIB,
                                   200 * KIB + 4032, 320 * KIB};

    if (model_once_in(world, 2)) {
        return usual[model_choose(world, sizeof(usual) / sizeof(usual[0]))];
    }
    switch (model_choose(world, 16)) {
    case 0:
    case 1:
        return small[model_choose(world, 6)];
    case 2:
    case 3:
    case 4:
    case 5:
        return border[model_choose(world, 3)];
    case 6:
        return MIB + model_choose(world, 8194) - 4096;
    case 7:
    case 8:
        return 256 * KIB + 64 * model_choose(world, 64);
    default:
        return 64 * KIB + model_choose(world, 64 * KIB);
    }
}

size_t model_at_least(struct model_world *world, size_t bytes)
{
    size_t any = model_size(world);

    return any > bytes ? any : bytes;
}

uint8_t *model_allocate(struct model_world *world, size_t bytes)
{
    uint8_t *memory = malloc(bytes);

    if (memory == NULL) {
        model_fail(world, "no memory for %zu bytes", bytes);
    }
    return memory;
}

void model_begin_object(struct model_world *world,
                         struct model_object *object, size_t bytes)
{
    object->expected = model_allocate(world, bytes);
    object->bytes = bytes;
    object->owner = MODEL_NOBODY;
    object->generation++;
}

void model_end_object(struct model_object *object)
{
    free(object->expected);
    object->expected = NULL;
    object->bytes = 0;
    object->owner = MODEL_NOBODY;
}

/* ------------------------------------------------------------- checks --- */

void model_check_buffer(struct model_world *world, unsigned number,
                        struct model_range range)
{
    struct model_buffer *buffer = &world->buffer[number];

    model_compare(world, "host buffer", number, range.offset,
                  buffer->memory + range.offset,
                  buffer->object.expected + range.offset, range.bytes);
}

/* Reads the block's bytes past every driver call. */
static const uint8_t *look_at(struct model_world *world,
                              const struct model_block *block)
{
    size_t bytes = block->object.bytes;

    if (world->scratch_bytes < bytes) {
        free(world->scratch);
        world->scratch = model_allocate(world, bytes);
        world->scratch_bytes = bytes;
    }
    FINE(world, more.simcuda_peek(world->scratch, block->address, bytes));
    return world->scratch;
}

void model_check_block(struct model_world *world, unsigned number)
{
    struct model_block *block = &world->block[number];

    model_settle(world, &block->object);
    model_compare(world, "device block", number, 0, look_at(world, block),
                  block->object.expected, block->object.bytes);
}

void model_check_all(struct model_world *world)
{
    unsigned i;

    model_settle_all(world);
    for (i = 0; i < MODEL_BLOCKS; i++) {
        if (world->block[i].object.expected != NULL) {
            model_check_block(world, i);
        }
    }
    for (i = 0; i < MODEL_BUFFERS; i++) {
        if (world->buffer[i].object.expected != NULL) {
            model_check_buffer(
                world, i,
                (struct model_range){0, world->buffer[i].object.bytes});
        }
    }
}

/* ------------------------------------------------------------- blocks --- */

static void make_pool_block(struct model_world *world,
                            struct model_block *block)
{
    enum model_stream stream = model_any_stream(world);
    uint8_t value = (uint8_t)model_choose(world, 256);

    model_note(world, "of the pool, stream %u", stream);
    FINE(world, cu.cuMemAllocAsync(&block->address, block->object.bytes,
                                   model_name(world, stream, false)));
    FINE(world, more.cuMemsetD8Async(block->address, value,
                                     block->object.bytes,
                                     model_name(world, stream, false)));
    memset(block->object.expected, value, block->object.bytes);
    block->object.owner = stream;
}

bool model_is_tight;

/* The shim may not be able to give so much back at once: then nothing is taken,
 * which this program does not see. */
static void squeeze(struct model_world *world, size_t bytes)
{
    static uint64_t taken;
    size_t free_bytes, total;
    uint64_t left, wanted;

    if (!model_is_tight) {
        return;
    }
    left = bytes + (1 + model_choose(world, 8)) * 64 * KIB;
    FINE(world, more.cuMemGetInfo_v2(&free_bytes, &total));
    left += total / 10; /* the shim's head-room */
    wanted = taken + free_bytes > left ? taken + free_bytes - left : 0;
    if (more.simcuda_take_elsewhere(0, wanted) == CUDA_SUCCESS) {
        taken = wanted;
    }
}

void model_make_block(struct model_world *world, unsigned number,
                      size_t bytes)
{
    struct model_block *block = &world->block[number];

    model_begin_object(world, &block->object, bytes);
    block->is_pool = model_once_in(world, 5);
    block->mapped_bytes = 0;
    block->cut[0] = bytes / 3;
    block->cut[1] = bytes / 3 * 2;
    if (bytes > 3 * 64 * KIB && model_once_in(world, 2)) {
        block->cut[0] = 64 * KIB + 512;
        block->cut[1] = 2 * block->cut[0];
    }
    model_note(world, "block %u: %zu bytes", number, bytes);
    if (block->is_pool) {
        squeeze(world, bytes);
        make_pool_block(world, block);
        return;
    }
    if (model_once_in(world, 6)) {
        squeeze(world, 2 * MIB); /* a granule */
        model_map_block(world, block);
    } else {
        squeeze(world, bytes);
        FINE(world, cu.cuMemAlloc_v2(&block->address, bytes));
    }
    /* New memory holds whatever it holds. */
    memcpy(block->object.expected, look_at(world, block), bytes);
}

void model_lose_block(struct model_world *world, unsigned number)
{
    struct model_block *block = &world->block[number];

    free(block->aside);
    block->aside = NULL;
    model_end_object(&block->object);
}

void model_free_block(struct model_world *world, unsigned number)
{
    struct model_block *block = &world->block[number];

    model_note(world, "free block %u", number);
    if (block->mapped_bytes > 0) {
        model_unmap_block(world, block);
    } else if (block->is_pool && !model_once_in(world, 4)) {
        enum model_stream stream = model_any_stream(world);

        model_note(world, "in stream order, stream %u", stream);
        model_claim(world, &block->object, stream);
        FINE(world, cu.cuMemFreeAsync(block->address,
                                      model_name(world, stream, false)));
    } else {
        model_settle(world, &block->object);
        FINE(world, cu.cuMemFree_v2(block->address));
    }
    model_lose_block(world, number);
}

unsigned model_need_block(struct model_world *world, size_t bytes)
{
    unsigned i, first = (unsigned)model_choose(world, MODEL_BLOCKS);

    for (i = 0; i < MODEL_BLOCKS; i++) {
        unsigned number = (first + i) % MODEL_BLOCKS;

        if (world->block[number].object.expected != NULL &&
            world->block[number].object.bytes >= bytes) {
            return number;
        }
    }
    if (world->block[first].object.expected != NULL) {
        model_free_block(world, first);
    }
    model_make_block(world, first, model_at_least(world, bytes));
    return first;
}

struct model_range model_part(struct model_world *world,
                              const struct model_block *block)
{
    size_t bytes = block->object.bytes, first;

    switch (model_choose(world, 12)) {
    case 0: /* a piece */
        return block->cut[0] > 0 ? (struct model_range){0, block->cut[0]}
                                 : (struct model_range){0, bytes};
    case 1: /* its neighbour */
        return (struct model_range){block->cut[0],
                                    block->cut[1] > block->cut[0]
                                        ? block->cut[1] - block->cut[0]
                                        : bytes - block->cut[0]};
    case 2: /* both */
        return block->cut[1] > 0 ? (struct model_range){0, block->cut[1]}
                                 : (struct model_range){0, bytes};
    case 3: /* all but an edge */
        first = bytes > 1 ? model_choose(world, 2) : 0;
        return (struct model_range){first, bytes > 1 ? bytes - 1 : bytes};
    case 4: /* anything */
        first = model_choose(world, bytes);
        return (struct model_range){first,
                                    1 + model_choose(world, bytes - first)};
    default:
        return (struct model_range){0, bytes};
    }
}

void model_renew_block(struct model_world *world)
{
    unsigned number = (unsigned)model_choose(world, MODEL_BLOCKS);
    size_t bytes = world->block[number].object.bytes;

    if (bytes == 0 || model_once_in(world, 3)) {
        bytes = model_size(world);
    }
    if (world->block[number].object.expected != NULL) {
        model_free_block(world, number);
    }
    model_make_block(world, number, bytes);
}
