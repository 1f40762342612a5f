/*
 * model_mapped.c - device blocks at reserved addresses, whose memory is
 * exchanged under them, as expandable segments and sleeping model servers do;
 * and whose access is taken away.
 */
#include "model.h"

#include <stdlib.h>
#include <string.h>

#define GRANULARITY ((size_t)2 << 20)

static CUmemGenericAllocationHandle create(struct model_world *world,
                                           size_t bytes)
{
    CUmemAllocationProp prop = {
        .type = CU_MEM_ALLOCATION_TYPE_PINNED,
        .location = {.type = CU_MEM_LOCATION_TYPE_DEVICE},
    };
    CUmemGenericAllocationHandle handle = 0;

    FINE(world, more.cuMemCreate(&handle, bytes, &prop, 0));
    return handle;
}

static void set_access(struct model_world *world,
                       const struct model_block *block,
                       CUmemAccess_flags flags)
{
    CUmemAccessDesc access = {
        .location = {.type = CU_MEM_LOCATION_TYPE_DEVICE}, .flags = flags};

    FINE(world, more.cuMemSetAccess(block->address, block->mapped_bytes,
                                    &access, 1));
}

static void map(struct model_world *world, const struct model_block *block)
{
    FINE(world, more.cuMemMap(block->address, block->mapped_bytes, 0,
                              block->handle[0], 0));
    set_access(world, block, CU_MEM_ACCESS_FLAGS_PROT_READWRITE);
}

void model_map_block(struct model_world *world, struct model_block *block)
{
    block->mapped_bytes = (block->object.bytes + GRANULARITY - 1) /
                          GRANULARITY * GRANULARITY;
    model_note(world, "mapped");
    FINE(world, more.cuMemAddressReserve(&block->address,
                                         block->mapped_bytes, 0, 0, 0));
    block->handle[0] = create(world, block->mapped_bytes);
    map(world, block);
}

void model_unmap_block(struct model_world *world, struct model_block *block)
{
    model_settle(world, &block->object);
    FINE(world, more.cuMemUnmap(block->address, block->mapped_bytes));
    FINE(world, more.cuMemRelease(block->handle[0]));
    if (block->aside != NULL) {
        FINE(world, more.cuMemRelease(block->handle[1]));
    }
    FINE(world,
         more.cuMemAddressFree(block->address, block->mapped_bytes));
}

/* One that is mapped, or NULL. */
static struct model_block *any_mapped(struct model_world *world,
                                      unsigned *number_p)
{
    unsigned i, first = (unsigned)model_choose(world, MODEL_BLOCKS);

    for (i = 0; i < MODEL_BLOCKS; i++) {
        *number_p = (first + i) % MODEL_BLOCKS;
        if (world->block[*number_p].object.expected != NULL &&
            world->block[*number_p].mapped_bytes > 0) {
            return &world->block[*number_p];
        }
    }
    return NULL;
}

/* Other memory comes to lie at the address, new or that which lay there
 * before, with the bytes that it had. */
void model_exchange_mapping(struct model_world *world)
{
    unsigned number;
    struct model_block *block = any_mapped(world, &number);
    CUmemGenericAllocationHandle handle;
    uint8_t *expected;

    if (block == NULL) {
        return;
    }
    model_note(world, "block %u: other memory is mapped", number);
    model_settle(world, &block->object);
    FINE(world, more.cuMemUnmap(block->address, block->mapped_bytes));
    expected = block->object.expected;
    handle = block->handle[0];
    if (block->aside != NULL) {
        block->object.expected = block->aside;
        block->handle[0] = block->handle[1];
        map(world, block);
    } else {
        block->object.expected = model_allocate(world, block->object.bytes);
        block->handle[0] = create(world, block->mapped_bytes);
        map(world, block);
        FINE(world, more.simcuda_peek(block->object.expected, block->address,
                                      block->object.bytes));
    }
    block->aside = expected;
    block->handle[1] = handle;
    model_check_block(world, number);
}

/* Every copy fails, and no more than that happens. */
void model_forbid_mapping(struct model_world *world)
{
    unsigned number, k;
    struct model_block *block = any_mapped(world, &number);
    struct model_buffer *buffer;
    size_t bytes;

    if (block == NULL) {
        return;
    }
    bytes = block->object.bytes;
    k = model_need_buffer(world, bytes);
    buffer = &world->buffer[k];
    model_note(world, "block %u: no access, buffer %u", number, k);
    model_settle(world, &block->object);
    model_settle(world, &buffer->object);
    set_access(world, block, CU_MEM_ACCESS_FLAGS_PROT_NONE);
    WANT(world, CUDA_ERROR_INVALID_VALUE,
         cu.cuMemcpyDtoH_v2(buffer->memory, block->address, bytes));
    WANT(world, CUDA_ERROR_INVALID_VALUE,
         cu.cuMemcpyHtoD_v2(block->address, buffer->memory, bytes));
    set_access(world, block, CU_MEM_ACCESS_FLAGS_PROT_READWRITE);
    model_check_block(world, number);
    model_check_buffer(world, k, (struct model_range){0, bytes});
}
