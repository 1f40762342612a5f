/*
 * model_errors.c - calls that fail, and what they must leave alone; the child
 * of a fork; a context that broke.
 */
#include "model.h"

#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum bad_call {
    BAD_SOURCE,
    BAD_TARGET,
    TOO_LONG,
    NO_HOST,
    NOTHING_TO_DO,
    DEAD_STREAM,
    NO_SIZE,
    HUGE_SIZE,
    FREE_INTERIOR,
    FREE_TWICE,
    USE_AFTER_FREE,
    FREE_HOST_OTHER,
    UNREGISTER_OTHER,
    REGISTER_TWICE,
    MEMSET_TOO_LONG,
    DESTROY_NOTHING,
    BAD_CALLS,
};

static const char *const bad_call_names[BAD_CALLS] = {
    "bad source", "bad target", "too long", "no host memory",
    "nothing to do", "dead stream", "no size", "huge size",
    "free of an inner address", "free twice", "use after free",
    "free of other host memory", "unregister of other memory",
    "register twice", "memset too long", "destroy nothing"};

/* An address that nothing of the driver's is at. */
#define NOWHERE ((CUdeviceptr)0x1000)

/* What another thread may have got meanwhile cannot be tried. */
static void try_freed(struct model_world *world, unsigned block,
                      struct model_buffer *buffer, enum bad_call bad)
{
    CUdeviceptr address = world->block[block].address;
    size_t bytes = world->block[block].object.bytes;

    if (world->n_worlds > 1 || world->block[block].is_pool ||
        world->block[block].mapped_bytes > 0) {
        return;
    }
    model_free_block(world, block);
    if (bad == FREE_TWICE) {
        WANT(world, CUDA_ERROR_INVALID_VALUE, cu.cuMemFree_v2(address));
    } else {
        WANT(world, CUDA_ERROR_INVALID_VALUE,
             cu.cuMemcpyDtoH_v2(buffer->memory, address, bytes));
        WANT(world, CUDA_ERROR_INVALID_VALUE,
             cu.cuMemcpyHtoDAsync_v2(address, buffer->memory, bytes, NULL));
    }
}

static void try_copy(struct model_world *world,
                     const struct model_block *block,
                     struct model_buffer *buffer, enum bad_call bad)
{
    size_t bytes = block->object.bytes, too_long = bytes + 64 * 1024 * 1024;
    CUdeviceptr device = block->address;
    void *host = buffer->memory;
    bool is_async = model_once_in(world, 2);
    CUstream stream = model_name(world, model_any_stream(world), false);

    switch (bad) {
    case BAD_SOURCE:
        WANT(world, CUDA_ERROR_INVALID_VALUE,
             is_async ? cu.cuMemcpyDtoHAsync_v2(host, NOWHERE, bytes, stream)
                      : cu.cuMemcpyDtoH_v2(host, NOWHERE, bytes));
        break;
    case BAD_TARGET:
        WANT(world, CUDA_ERROR_INVALID_VALUE,
             is_async ? cu.cuMemcpyHtoDAsync_v2(NOWHERE, host, bytes, stream)
                      : cu.cuMemcpyHtoD_v2(NOWHERE, host, bytes));
        break;
    case TOO_LONG:
        WANT(world, CUDA_ERROR_INVALID_VALUE,
             cu.cuMemcpyDtoH_v2(host, device, too_long));
        WANT(world, CUDA_ERROR_INVALID_VALUE,
             cu.cuMemcpyHtoDAsync_v2(device, host, too_long, stream));
        break;
    case NO_HOST:
        WANT(world, CUDA_ERROR_INVALID_VALUE,
             cu.cuMemcpyDtoHAsync_v2(NULL, device, bytes, stream));
        WANT(world, CUDA_ERROR_INVALID_VALUE,
             cu.cuMemcpyHtoD_v2_ptds(device, NULL, bytes));
        break;
    case NOTHING_TO_DO:
        FINE(world, cu.cuMemcpyDtoH_v2(host, device, 0));
        FINE(world, cu.cuMemcpyHtoDAsync_v2(NOWHERE, NULL, 0, stream));
        break;
    default: /* DEAD_STREAM */
        if (world->dead_stream != NULL) {
            WANT(world, CUDA_ERROR_INVALID_HANDLE,
                 cu.cuMemcpyDtoHAsync_v2(host, device, bytes,
                                         world->dead_stream));
            WANT(world, CUDA_ERROR_INVALID_HANDLE,
                 cu.cuMemcpyHtoDAsync_v2(device, host, bytes,
                                         world->dead_stream));
        }
        break;
    }
}

static void try_memory(struct model_world *world,
                       const struct model_block *block,
                       struct model_buffer *buffer, enum bad_call bad)
{
    CUdeviceptr none;
    char other;

    switch (bad) {
    case NO_SIZE:
        WANT(world, CUDA_ERROR_INVALID_VALUE, cu.cuMemAlloc_v2(&none, 0));
        break;
    case HUGE_SIZE:
        WANT(world, CUDA_ERROR_OUT_OF_MEMORY,
             cu.cuMemAlloc_v2(&none, (size_t)1 << 44));
        break;
    case FREE_INTERIOR:
        WANT(world, CUDA_ERROR_INVALID_VALUE,
             cu.cuMemFree_v2(block->address + 1));
        break;
    case FREE_HOST_OTHER:
        WANT(world, CUDA_ERROR_INVALID_VALUE, cu.cuMemFreeHost(&other));
        break;
    case UNREGISTER_OTHER:
        WANT(world, CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED,
             cu.cuMemHostUnregister(&other));
        break;
    case REGISTER_TWICE:
        if (buffer->registered != NULL) {
            WANT(world, CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED,
                 cu.cuMemHostRegister_v2(buffer->registered, 1, 0));
        }
        break;
    case MEMSET_TOO_LONG:
        WANT(world, CUDA_ERROR_INVALID_VALUE,
             cu.cuMemsetD8_v2(block->address, 1, (size_t)1 << 40));
        break;
    default: /* DESTROY_NOTHING */
        WANT(world, CUDA_ERROR_INVALID_CONTEXT, more.cuCtxDestroy_v2(NULL));
        break;
    }
}

void model_bad_call(struct model_world *world)
{
    enum bad_call bad = (enum bad_call)model_choose(world, BAD_CALLS);
    unsigned block = model_need_block(world, 1);
    unsigned buffer =
        model_need_buffer(world, world->block[block].object.bytes);
    struct model_buffer *host = &world->buffer[buffer];

    model_note(world, "bad call: %s: block %u, buffer %u",
               bad_call_names[bad], block, buffer);
    model_settle(world, &host->object);
    if (bad == FREE_TWICE || bad == USE_AFTER_FREE) {
        try_freed(world, block, host, bad);
    } else if (bad < NO_SIZE) {
        try_copy(world, &world->block[block], host, bad);
    } else {
        try_memory(world, &world->block[block], host, bad);
    }
    model_check_buffer(world, buffer,
                       (struct model_range){0, host->object.bytes});
}

void model_no_context(struct model_world *world)
{
    unsigned block = model_need_block(world, 1);
    unsigned buffer =
        model_need_buffer(world, world->block[block].object.bytes);
    struct model_buffer *host = &world->buffer[buffer];
    size_t bytes = world->block[block].object.bytes;
    CUdeviceptr device = world->block[block].address;

    model_note(world, "no context: block %u, buffer %u", block, buffer);
    model_settle(world, &host->object);
    FINE(world, cu.cuCtxSetCurrent(NULL));
    /* What is below it on the stack, if anything, is not wanted either. */
    while (cu.cuCtxSynchronize() != CUDA_ERROR_INVALID_CONTEXT) {
        FINE(world, cu.cuCtxSetCurrent(NULL));
    }
    WANT(world, CUDA_ERROR_INVALID_CONTEXT,
         cu.cuMemcpyDtoH_v2(host->memory, device, bytes));
    WANT(world, CUDA_ERROR_INVALID_CONTEXT,
         cu.cuMemcpyHtoDAsync_v2(device, host->memory, bytes, NULL));
    WANT(world, CUDA_ERROR_INVALID_CONTEXT,
         cu.cuMemFree_v2(device));
    FINE(world, cu.cuCtxSetCurrent(world->context));
    model_check_buffer(world, buffer,
                       (struct model_range){0, host->object.bytes});
}

/* ---------------------------------------------------------------- fork --- */

/* All host memory holds what it held at the fork, and keeps what is written
 * to it. */
static bool keeps_all(struct model_world *world)
{
    unsigned i;

    for (i = 0; i < MODEL_BUFFERS; i++) {
        struct model_buffer *buffer = &world->buffer[i];
        size_t bytes = buffer->object.bytes;

        if (buffer->object.expected == NULL) {
            continue;
        }
        if (memcmp(buffer->memory, buffer->object.expected, bytes) != 0) {
            return false;
        }
        if (model_is_pageable(buffer)) {
            memset(buffer->memory + bytes / 3, 0x99, bytes / 2);
            memset(buffer->object.expected + bytes / 3, 0x99, bytes / 2);
        }
        if (memcmp(buffer->memory, buffer->object.expected, bytes) != 0) {
            return false;
        }
    }
    return true;
}

/* In the child the driver is dead, and memory is as it was. It looks when
 * the pipe says so. */
static int child(struct model_world *world, unsigned block, unsigned buffer,
                 int end)
{
    const struct model_buffer *host = &world->buffer[buffer];
    CUdeviceptr device = world->block[block].address;
    CUresult result;
    char nothing;

    switch (model_choose(world, 4)) {
    case 0:
        result = cu.cuMemcpyHtoD_v2(device, host->memory, 1);
        break;
    case 1:
        result = cu.cuMemFree_v2(device);
        break;
    case 2:
        result = cu.cuStreamSynchronize(NULL);
        break;
    default:
        result = cu.cuMemcpyDtoH_v2(host->memory, device,
                                    world->block[block].object.bytes);
        break;
    }
    if (result != CUDA_ERROR_NOT_INITIALIZED) {
        return 1;
    }
    /* Children of other threads may hold the pipe's other end as well. */
    if (read(end, &nothing, 1) < 0) {
        return 3;
    }
    return keeps_all(world) ? 0 : 2;
}

void model_reap(struct model_world *world)
{
    int status = 0;

    if (world->child == 0) {
        return;
    }
    model_note(world, "the child looks at its memory");
    if (write(world->child_waits_for, "", 1) != 1) {
        model_fail(world, "the child does not listen");
    }
    close(world->child_waits_for);
    if (waitpid(world->child, &status, 0) != world->child ||
        !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        model_fail(world, "the child ended with status 0x%x; 0x100 is a "
                   "wrong result, 0x200 are wrong bytes", (unsigned)status);
    }
    world->child = 0;
}

/* Half of the children live until another is made, while the parent frees,
 * writes and offloads on. */
void model_fork(struct model_world *world)
{
    unsigned block = model_need_block(world, 1);
    unsigned buffer =
        model_need_buffer(world, world->block[block].object.bytes);
    int ends[2];

    model_reap(world);
    model_note(world, "fork: block %u, buffer %u", block, buffer);
    model_settle_all(world);
    if (pipe2(ends, O_CLOEXEC) != 0) {
        model_fail(world, "no pipe");
    }
    world->child = fork();
    if (world->child == 0) {
        close(ends[1]);
        _exit(child(world, block, buffer, ends[0]));
    }
    if (world->child < 0) {
        model_fail(world, "no child");
    }
    close(ends[0]);
    world->child_waits_for = ends[1];
    if (model_once_in(world, 2)) {
        model_reap(world);
    }
    model_check_all(world);
}

/* --------------------------------------------------------------- break --- */

void model_break_context(struct model_world *world)
{
    unsigned block = model_need_block(world, 1);
    unsigned buffer =
        model_need_buffer(world, world->block[block].object.bytes);
    struct model_buffer *host = &world->buffer[buffer];
    size_t bytes = world->block[block].object.bytes;
    CUdeviceptr device = world->block[block].address;

    model_note(world, "break the context: block %u, buffer %u", block,
               buffer);
    model_settle_all(world);
    FINE(world, model_launch(world->xor, NOWHERE, 1, 1, NULL));
    WANT(world, CUDA_ERROR_ILLEGAL_ADDRESS, cu.cuStreamSynchronize(NULL));
    WANT(world, CUDA_ERROR_ILLEGAL_ADDRESS,
         cu.cuMemcpyDtoH_v2(host->memory, device, bytes));
    WANT(world, CUDA_ERROR_ILLEGAL_ADDRESS,
         cu.cuMemcpyHtoDAsync_v2(device, host->memory, bytes, NULL));
    WANT(world, CUDA_ERROR_ILLEGAL_ADDRESS, cu.cuMemFree_v2(device));
    model_check_buffer(world, buffer,
                       (struct model_range){0, host->object.bytes});
}
