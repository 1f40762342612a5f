/*
 * model_routes.c - writes by ways that are neither a plain copy nor a kernel:
 * copies of rows and of batches, functions of the host that a stream calls,
 * other threads, imports of exported memory; and copies beside work that this
 * thread lets go only afterwards.
 */
#include "model.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static bool is_pair(const struct model_world *world, unsigned a, unsigned b)
{
    return a != b && world->block[a].object.expected != NULL &&
           world->block[b].object.expected != NULL;
}

/* Rows of one block become rows of another, of another pitch. */
void model_copy_rows(struct model_world *world)
{
    unsigned to = model_need_block(world, 8), from = model_need_block(world, 8);
    struct model_block *dst = &world->block[to], *src = &world->block[from];
    enum model_stream stream = model_any_stream(world);
    CUDA_MEMCPY2D copy = {.srcMemoryType = CU_MEMORYTYPE_DEVICE,
                          .dstMemoryType = CU_MEMORYTYPE_DEVICE};
    size_t row;

    if (!is_pair(world, to, from)) {
        return;
    }
    copy.Height = 1 + model_choose(world, 4);
    copy.dstPitch = dst->object.bytes / copy.Height;
    copy.srcPitch = src->object.bytes / copy.Height;
    copy.WidthInBytes = copy.dstPitch < copy.srcPitch ? copy.dstPitch
                                                      : copy.srcPitch;
    copy.WidthInBytes = 1 + model_choose(world, copy.WidthInBytes);
    copy.dstDevice = dst->address;
    copy.srcDevice = src->address;
    model_note(world, "rows: block %u from block %u, %zu of %zu bytes, "
               "stream %u", to, from, copy.Height, copy.WidthInBytes, stream);
    model_claim(world, &dst->object, stream);
    model_claim(world, &src->object, stream);
    FINE(world, more.cuMemcpy2DAsync_v2(&copy,
                                        model_name(world, stream, false)));
    for (row = 0; row < copy.Height; row++) {
        memcpy(dst->object.expected + row * copy.dstPitch,
               src->object.expected + row * copy.srcPitch,
               copy.WidthInBytes);
    }
}

/* Two pieces of a block from host memory, by one call. */
void model_copy_batch(struct model_world *world)
{
    CUmemcpyAttributes attributes = {
        .srcAccessOrder = CU_MEMCPY_SRC_ACCESS_ORDER_DURING_API_CALL};
    unsigned to = model_need_block(world, 2), from;
    struct model_block *dst = &world->block[to];
    size_t bytes = dst->object.bytes, first = 0, n[2], i;
    enum model_stream stream = model_once_in(world, 2) ? MODEL_NON_BLOCKING_A
                                                       : MODEL_BLOCKING_A;
    CUdeviceptr dsts[2], srcs[2];
    struct model_buffer *src;

    from = model_need_buffer(world, bytes);
    src = &world->buffer[from];
    n[0] = 1 + model_choose(world, bytes - 1);
    n[1] = bytes - n[0];
    model_note(world, "batch: block %u from buffer %u, %zu and %zu bytes, "
               "stream %u", to, from, n[0], n[1], stream);
    model_settle(world, &src->object);
    model_claim(world, &dst->object, stream);
    for (i = 0; i < 2; i++) {
        dsts[i] = dst->address + i * n[0];
        srcs[i] = (uintptr_t)src->memory + i * n[0];
    }
    FINE(world, more.cuMemcpyBatchAsync_v2(dsts, srcs, n, 2, &attributes,
                                           &first, 1,
                                           world->stream[stream]));
    memcpy(dst->object.expected, src->object.expected, bytes);
    /* As what a graph copies, it is in no account of calls. */
    world->launched_bytes[MODEL_H2D] += bytes;
}

/* --- others who write ----------------------------------------------------- */

struct errand {
    uint8_t *at;        /* host memory, or NULL: device memory */
    CUdeviceptr device;
    uint8_t value;
};

static void do_errand(void *opaque)
{
    struct errand *errand = opaque;

    if (errand->at != NULL) {
        *errand->at = errand->value;
    } else {
        cu.simcuda_poke(errand->device, &errand->value, 1);
    }
    free(errand);
}

/* A byte of a buffer, or of a block, in the order of a stream. */
void model_host_function(struct model_world *world)
{
    bool is_buffer = model_is_seen || model_once_in(world, 2);
    unsigned number = is_buffer ? model_need_buffer(world, 1)
                                : model_need_block(world, 1);
    struct model_object *object = is_buffer ? &world->buffer[number].object
                                            : &world->block[number].object;
    enum model_stream stream = model_any_stream(world);
    size_t at = model_choose(world, object->bytes);
    struct errand *errand =
        (struct errand *)model_allocate(world, sizeof(*errand));

    *errand = (struct errand){.value = object->expected[at] ^ 0x10};
    if (is_buffer) {
        errand->at = world->buffer[number].memory + at;
    } else {
        errand->device = world->block[number].address + at;
    }
    model_note(world, "host function: %s %u, byte %zu, stream %u",
               is_buffer ? "buffer" : "block", number, at, stream);
    object->expected[at] ^= 0x10;
    model_claim(world, object, stream);
    FINE(world, more.cuLaunchHostFunc(model_name(world, stream, false),
                                      do_errand, errand));
}

struct visit {
    CUcontext context;
    CUdeviceptr at;
    size_t bytes;
    uint8_t value;
    CUresult result;
};

static void *write_there(void *opaque)
{
    struct visit *visit = opaque;

    visit->result = cu.cuCtxSetCurrent(visit->context);
    if (visit->result == CUDA_SUCCESS) {
        visit->result = more.cuMemsetD8Async(visit->at, visit->value,
                                             visit->bytes, NULL);
    }
    if (visit->result == CUDA_SUCCESS) {
        visit->result = cu.cuStreamSynchronize(NULL);
    }
    return NULL;
}

void model_other_thread(struct model_world *world)
{
    unsigned number = model_need_block(world, 1);
    struct model_block *block = &world->block[number];
    struct model_range part = model_part(world, block);
    struct visit visit = {.context = world->context,
                          .at = block->address + part.offset,
                          .bytes = part.bytes,
                          .value = (uint8_t)model_choose(world, 256)};
    pthread_t thread;

    model_note(world, "another thread: block %u+%zu, %zu bytes", number,
               part.offset, part.bytes);
    model_settle(world, &block->object);
    if (pthread_create(&thread, NULL, write_there, &visit) != 0 ||
        pthread_join(thread, NULL) != 0) {
        model_fail(world, "no thread");
    }
    FINE(world, visit.result);
    memset(block->object.expected + part.offset, visit.value, part.bytes);
}

/* The block has a second address for a while, and is written there. */
void model_write_import(struct model_world *world)
{
    unsigned number = model_need_block(world, 1);
    struct model_block *block = &world->block[number];
    uint8_t value = (uint8_t)model_choose(world, 256);
    CUipcMemHandle handle;
    CUdeviceptr import;

    /* With cohorts the first import would be the end of them. */
    if (model_is_seen || block->is_pool || block->mapped_bytes > 0) {
        return;
    }
    model_note(world, "import of block %u is written", number);
    model_settle(world, &block->object);
    FINE(world, more.cuIpcGetMemHandle(&handle, block->address));
    FINE(world, more.cuIpcOpenMemHandle_v2(
                    &import, handle, CU_IPC_MEM_LAZY_ENABLE_PEER_ACCESS));
    FINE(world, cu.cuMemsetD8_v2(import, value, block->object.bytes));
    FINE(world, cu.cuCtxSynchronize());
    FINE(world, more.cuIpcCloseMemHandle(import));
    memset(block->object.expected, value, block->object.bytes);
}

/* --- work that is let go afterwards --------------------------------------- */

static void copy_beside(struct model_world *world, unsigned from, unsigned to)
{
    struct model_block *block = &world->block[from];
    struct model_buffer *buffer = &world->buffer[to];
    size_t bytes = block->object.bytes;
    CUstream stream = world->stream[MODEL_NON_BLOCKING_B];

    FINE(world, cu.cuMemcpyDtoHAsync_v2(buffer->memory, block->address,
                                        bytes, stream));
    FINE(world, cu.cuStreamSynchronize(stream));
    memcpy(buffer->object.expected, block->object.expected, bytes);
    model_check_buffer(world, to, (struct model_range){0, bytes});
    buffer->memory[bytes / 2] ^= 1;
    buffer->object.expected[bytes / 2] ^= 1;
    FINE(world, cu.cuMemcpyHtoDAsync_v2(block->address, buffer->memory,
                                        bytes, stream));
    FINE(world, cu.cuStreamSynchronize(stream));
    memcpy(block->object.expected, buffer->object.expected, bytes);
}

/* One stream's work waits for what this thread does only after copies on
 * another stream, which nobody may make wait for it. */
void model_gate(struct model_world *world)
{
    unsigned gated = model_need_block(world, 1), beside, to;
    CUstream stream = world->stream[MODEL_NON_BLOCKING_A];
    uint32_t *flag;

    beside = model_need_block(world, world->block[gated].object.bytes);
    to = model_need_buffer(world, world->block[beside].object.bytes);
    if (!is_pair(world, gated, beside)) {
        return;
    }
    model_note(world, "gate: block %u waits; buffer %u from block %u", gated,
               to, beside);
    model_settle_all(world);
    FINE(world, cu.cuMemHostAlloc((void **)&flag, sizeof(*flag),
                                  CU_MEMHOSTALLOC_DEVICEMAP));
    __atomic_store_n(flag, 0, __ATOMIC_SEQ_CST);
    FINE(world, more.cuStreamWaitValue32_v2(
                    stream, (CUdeviceptr)(uintptr_t)flag, 1,
                    CU_STREAM_WAIT_VALUE_EQ));
    FINE(world, more.cuMemsetD8Async(world->block[gated].address, 0x5A,
                                     world->block[gated].object.bytes,
                                     stream));
    memset(world->block[gated].object.expected, 0x5A,
           world->block[gated].object.bytes);
    copy_beside(world, beside, to);
    __atomic_store_n(flag, 1, __ATOMIC_SEQ_CST);
    FINE(world, cu.cuStreamSynchronize(stream));
    FINE(world, cu.cuMemFreeHost(flag));
}
