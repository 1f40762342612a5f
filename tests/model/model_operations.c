/*
 * model_operations.c - contexts, and which operation comes next.
 */
#include "model.h"

#include <stdlib.h>

/* weight: how often, among the sum of all. */
static const struct operation {
    void (*run)(struct model_world *world);
    unsigned weight;
} operations[] = {
    {model_offload, 240},        {model_reload, 140},
    {model_upload, 90},          {model_cycle, 60},
    {model_patch_device, 60},    {model_patch_host, 30},
    {model_memset, 20},          {model_kernel, 60},
    {model_axpy, 15},            {model_device_copy, 25},
    {model_poke, 25},            {model_renew_block, 40},
    {model_renew_buffer, 40},    {model_resize_buffer, 20},
    {model_register_buffer, 12}, {model_write_buffer, 60},
    {model_look, 50},            {model_host_to_host, 15},
    {model_renew_stream, 6},     {model_graph, 25},
    {model_spoilt_capture, 4},   {model_bad_call, 40},
    {model_no_context, 4},       {model_renew_context, 3},
    {model_fork, 3},             {model_advise, 40},
    {model_protect, 15},         {model_write_by_kernel, 25},
    {model_read_by_pipe, 20},    {model_recycle, 15},
    {model_trim, 2},             {model_copy_rows, 10},
    {model_copy_batch, 10},      {model_host_function, 20},
    {model_other_thread, 5},     {model_write_import, 5},
    {model_gate, 10},            {model_exchange_mapping, 15},
    {model_forbid_mapping, 5},
};

enum { N_OPERATIONS = sizeof(operations) / sizeof(operations[0]) };

void model_step(struct model_world *world)
{
    unsigned i, sum = 0;
    uint64_t at;

    for (i = 0; i < N_OPERATIONS; i++) {
        sum += operations[i].weight;
    }
    at = model_choose(world, sum);
    for (i = 0; at >= operations[i].weight; i++) {
        at -= operations[i].weight;
    }
    world->operation++;
    operations[i].run(world);
}

/* ----------------------------------------------------------- contexts --- */

static void load_kernels(struct model_world *world)
{
    FINE(world, cu.cuModuleLoadData(&world->module, "test kernels"));
    FINE(world, cu.cuModuleGetFunction(&world->fill, world->module,
                                       "fill_u32"));
    FINE(world, cu.cuModuleGetFunction(&world->xor, world->module,
                                       "xor_u32"));
    FINE(world, cu.cuModuleGetFunction(&world->axpy, world->module,
                                       "axpy_f32"));
}

static void open_context(struct model_world *world)
{
    CUdevice device;

    FINE(world, cu.cuDeviceGet(&device, 0));
    /* The primary context belongs to all: one thread at most resets it. */
    world->is_primary = world->number == 0 &&
                        (model_is_seen || model_once_in(world, 4));
    if (world->is_primary) {
        FINE(world, cu.cuDevicePrimaryCtxRetain(&world->context, device));
        FINE(world, cu.cuCtxSetCurrent(world->context));
    } else {
        FINE(world, cu.cuCtxCreate_v2(&world->context, 0, device));
    }
    load_kernels(world);
    model_make_streams(world);
}

static void end_context(struct model_world *world)
{
    CUdevice device;

    FINE(world, cu.cuDeviceGet(&device, 0));
    if (world->is_primary) {
        FINE(world, cu.cuDevicePrimaryCtxReset_v2(device));
        FINE(world, more.cuDevicePrimaryCtxRelease_v2(device));
    } else {
        FINE(world, more.cuCtxDestroy_v2(world->context));
    }
}

/* What the context owns goes with it, unless it was freed before. */
static void lose_all(struct model_world *world)
{
    unsigned i;

    for (i = 0; i < MODEL_BLOCKS; i++) {
        model_lose_block(world, i);
    }
    for (i = 0; i < MODEL_BUFFERS; i++) {
        model_lose_pinning(world, i);
    }
}

/* Memory of a pool does not go with a context, nor do mappings. */
static void free_blocks(struct model_world *world, bool only_those)
{
    unsigned i;

    for (i = 0; i < MODEL_BLOCKS; i++) {
        struct model_block *block = &world->block[i];

        if (block->object.expected != NULL &&
            (block->is_pool || block->mapped_bytes > 0 || !only_those)) {
            model_free_block(world, i);
        }
    }
}

static void close_context(struct model_world *world)
{
    model_check_all(world);
    free_blocks(world, model_once_in(world, 2));
    FINE(world, cu.cuCtxSynchronize());
    end_context(world);
    lose_all(world);
}

void model_renew_context(struct model_world *world)
{
    model_note(world, "another context");
    close_context(world);
    open_context(world);
    model_check_all(world);
}

void model_open(struct model_world *world)
{
    unsigned i;

    for (i = 0; i < MODEL_BLOCKS; i++) {
        world->block[i].object.owner = MODEL_NOBODY;
    }
    for (i = 0; i < MODEL_BUFFERS; i++) {
        world->buffer[i].object.owner = MODEL_NOBODY;
    }
    open_context(world);
}

void model_close(struct model_world *world)
{
    unsigned i;

    model_reap(world);
    for (i = 0; i < MODEL_BUFFERS; i++) {
        if (world->buffer[i].object.expected != NULL) {
            model_free_buffer(world, i);
        }
    }
    close_context(world);
    free(world->scratch);
    world->scratch = NULL;
    world->scratch_bytes = 0;
}
