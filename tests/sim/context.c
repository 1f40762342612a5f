/*
 * context.c - contexts, the stack of them that each thread has, their end.
 *
 * A sticky error stays with its context until that is destroyed, or reset if
 * it is the primary one. Calls that only ask which context there is (and the
 * device queries) go on working; everything that works in it fails.
 */
#include "sim.h"

#include <stdlib.h>
#include <string.h>

static CUcontext contexts;

/* What a device of this kind begins with, in bytes. */
static const size_t default_limits[CU_LIMIT_MAX] = {
    [CU_LIMIT_STACK_SIZE] = 1024,
    [CU_LIMIT_PRINTF_FIFO_SIZE] = (size_t)7 << 20,
    [CU_LIMIT_MALLOC_HEAP_SIZE] = (size_t)8 << 20,
    [CU_LIMIT_DEV_RUNTIME_SYNC_DEPTH] = 2,
    [CU_LIMIT_DEV_RUNTIME_PENDING_LAUNCH_COUNT] = 2048,
    [CU_LIMIT_MAX_L2_FETCH_GRANULARITY] = 64,
};

bool sim_context_is_alive(CUcontext context)
{
    return context != NULL && context->mark == SIM_CONTEXT_MARK;
}

CUcontext sim_contexts(void)
{
    return contexts;
}

CUcontext sim_context_current(void)
{
    struct sim_thread *thread = sim_thread();

    return thread->depth == 0 ? NULL : thread->stack[thread->depth - 1];
}

CUcontext sim_context_new(CUdevice device, unsigned flags)
{
    CUcontext context = sim_handle_new(sizeof(*context));

    context->device = device;
    context->flags = flags;
    context->root = context;
    context->next = contexts;
    contexts = context;
    return context;
}

void sim_context_open(CUcontext context)
{
    context->mark = SIM_CONTEXT_MARK;
    context->id = sim_next_id();
    context->sticky = CUDA_SUCCESS;
    context->cache = CU_FUNC_CACHE_PREFER_NONE;
    for (int i = 0; i < CU_LIMIT_MAX; i++) {
        context->limits[i] = default_limits[i];
    }
    context->legacy = sim_stream_new(context, CU_STREAM_DEFAULT);
    context->legacy->is_legacy = true;
}

CUresult sim_context_wait(CUcontext context)
{
    struct sim_work mark = {.op = SIM_OP_MARK};
    struct sim_item *barrier = sim_item_new(context, &mark);

    sim_item_after(barrier, context->legacy->tail);
    for (CUstream stream = context->streams; stream != NULL;
         stream = stream->next) {
        sim_item_after(barrier, stream->tail);
    }
    sim_item_submit(barrier, true);
    sim_item_wait(barrier);
    sim_item_release(barrier);
    return context->root->sticky;
}

void sim_context_wait_all(void)
{
    for (CUcontext context = contexts; context != NULL;
         context = context->next) {
        if (sim_context_is_alive(context)) {
            sim_context_wait(context);
        }
    }
}

void sim_context_wait_family(CUcontext root)
{
    for (CUcontext context = contexts; context != NULL;
         context = context->next) {
        if (context->root == root && sim_context_is_alive(context)) {
            sim_context_wait(context);
        }
    }
}

static void release_memory(CUcontext context)
{
    struct sim_range *range;

    while ((range = sim_range_of_context(context)) != NULL) {
        sim_range_take(range->base);
        range->release(range);
    }
}

static void close_streams(CUcontext context)
{
    CUstream stream;

    while ((stream = context->streams) != NULL) {
        context->streams = stream->next;
        sim_stream_end(stream);
    }
    sim_stream_end(context->legacy);
    context->legacy = NULL;
}

/* Peer access into it ends with it. */
static void forget_peer(CUcontext closed)
{
    for (CUcontext context = contexts; context != NULL;
         context = context->next) {
        if (context->peers[closed->device] == closed) {
            context->peers[closed->device] = NULL;
        }
    }
}

void sim_context_close(CUcontext context)
{
    sim_context_wait(context);
    context->mark = 0;
    close_streams(context);
    if (context->root != context) {
        return;
    }
    for (CUcontext green = contexts; green != NULL; green = green->next) {
        if (green->root == context && sim_context_is_alive(green)) {
            sim_context_close(green);
        }
    }
    forget_peer(context);
    memset(context->peers, 0, sizeof(context->peers));
    sim_modules_close(context);
    release_memory(context);
}

/* ------------------------------------------------------------ entries --- */

static CUresult push(CUcontext context)
{
    struct sim_thread *thread = sim_thread();

    if (thread->depth ==
        (int)(sizeof(thread->stack) / sizeof(thread->stack[0]))) {
        return CUDA_ERROR_INVALID_CONTEXT;
    }
    thread->stack[thread->depth++] = context;
    return CUDA_SUCCESS;
}

static CUresult create(CUcontext *context_p, unsigned flags, CUdevice device)
{
    CUresult result = sim_begin_driver();
    CUcontext context;

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (context_p == NULL || (flags & ~(unsigned)CU_CTX_FLAGS_MASK) != 0) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    if (!sim_is_device(device)) {
        return sim_end(CUDA_ERROR_INVALID_DEVICE);
    }
    context = sim_context_new(device, flags);
    sim_context_open(context);
    context->n_references = 1;
    result = push(context);
    *context_p = context;
    return sim_end(result);
}

CUresult cuCtxCreate_v2(CUcontext *context_p, unsigned int flags,
                        CUdevice device)
{
    SIM_ENTER(cuCtxCreate_v2);
    return create(context_p, flags, device);
}

CUresult cuCtxCreate_v3(CUcontext *context_p, CUexecAffinityParam *affinity,
                        int n_affinity, unsigned int flags, CUdevice device)
{
    SIM_ENTER(cuCtxCreate_v3);
    (void)affinity;
    return n_affinity != 0 ? CUDA_ERROR_UNSUPPORTED_EXEC_AFFINITY
                           : create(context_p, flags, device);
}

CUresult cuCtxCreate_v4(CUcontext *context_p, CUctxCreateParams *params,
                        unsigned int flags, CUdevice device)
{
    SIM_ENTER(cuCtxCreate_v4);
    if (params != NULL && (params->numExecAffinityParams != 0 ||
                           params->cigParams != NULL)) {
        return CUDA_ERROR_NOT_SUPPORTED;
    }
    return create(context_p, flags, device);
}

static void pop_if_current(CUcontext context)
{
    struct sim_thread *thread = sim_thread();

    if (sim_context_current() == context) {
        thread->depth--;
    }
}

/* Destroyed, or detached from: the last of as many detachments ends it. */
static CUresult leave(CUcontext context, bool at_once)
{
    CUresult result = sim_begin_driver();

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (!sim_context_is_alive(context) || context->is_primary ||
        context->root != context ||
        (!at_once && context != sim_context_current())) {
        return sim_end(CUDA_ERROR_INVALID_CONTEXT);
    }
    if (at_once || --context->n_references == 0) {
        sim_context_close(context);
        pop_if_current(context);
    }
    return sim_end(CUDA_SUCCESS);
}

CUresult cuCtxDestroy_v2(CUcontext context)
{
    SIM_ENTER(cuCtxDestroy_v2);
    return leave(context, true);
}

CUresult cuCtxDestroy(CUcontext context)
{
    SIM_ENTER(cuCtxDestroy);
    return leave(context, true);
}

CUresult cuCtxAttach(CUcontext *context_p, unsigned int flags)
{
    CUcontext current;
    CUresult result;

    SIM_ENTER(cuCtxAttach);
    result = sim_begin_driver();
    if (result != CUDA_SUCCESS) {
        return result;
    }
    current = sim_context_current();
    if (context_p == NULL || flags != 0) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    if (current == NULL) {
        return sim_end(CUDA_ERROR_INVALID_CONTEXT);
    }
    current->n_references++;
    *context_p = current;
    return sim_end(CUDA_SUCCESS);
}

CUresult cuCtxDetach(CUcontext context)
{
    SIM_ENTER(cuCtxDetach);
    return leave(context, false);
}

static CUresult push_current(CUcontext context)
{
    CUresult result = sim_begin_driver();

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (!sim_context_is_alive(context)) {
        return sim_end(CUDA_ERROR_INVALID_CONTEXT);
    }
    return sim_end(push(context));
}

CUresult cuCtxPushCurrent_v2(CUcontext context)
{
    SIM_ENTER(cuCtxPushCurrent_v2);
    return push_current(context);
}

CUresult cuCtxPushCurrent(CUcontext context)
{
    SIM_ENTER(cuCtxPushCurrent);
    return push_current(context);
}

static CUresult pop_current(CUcontext *context_p)
{
    CUresult result = sim_begin_driver();

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (sim_context_current() == NULL) {
        return sim_end(CUDA_ERROR_INVALID_CONTEXT);
    }
    if (context_p != NULL) {
        *context_p = sim_context_current();
    }
    sim_thread()->depth--;
    return sim_end(CUDA_SUCCESS);
}

CUresult cuCtxPopCurrent_v2(CUcontext *context_p)
{
    SIM_ENTER(cuCtxPopCurrent_v2);
    return pop_current(context_p);
}

CUresult cuCtxPopCurrent(CUcontext *context_p)
{
    SIM_ENTER(cuCtxPopCurrent);
    return pop_current(context_p);
}

/* Replaces the top of the stack; NULL pops it. */
CUresult cuCtxSetCurrent(CUcontext context)
{
    CUresult result;
    struct sim_thread *thread = sim_thread();

    SIM_ENTER(cuCtxSetCurrent);
    result = sim_begin_driver();
    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (context != NULL && !sim_context_is_alive(context)) {
        return sim_end(CUDA_ERROR_INVALID_CONTEXT);
    }
    if (thread->depth > 0) {
        thread->depth--;
    }
    return sim_end(context == NULL ? CUDA_SUCCESS : push(context));
}

CUresult cuCtxGetCurrent(CUcontext *context_p)
{
    CUresult result;

    SIM_ENTER(cuCtxGetCurrent);
    result = sim_begin_driver();
    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (context_p == NULL) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    *context_p = sim_context_current();
    return sim_end(CUDA_SUCCESS);
}

/* The context itself, or the current one for NULL, sticky error or not. */
static CUresult begin_query(CUcontext *context_p)
{
    CUresult result = sim_begin_driver();

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (*context_p == NULL) {
        *context_p = sim_context_current();
    }
    if (*context_p == NULL) {
        return sim_end(CUDA_ERROR_INVALID_CONTEXT);
    }
    return sim_context_is_alive(*context_p)
               ? CUDA_SUCCESS : sim_end(CUDA_ERROR_CONTEXT_IS_DESTROYED);
}

static CUresult get_device(CUdevice *device_p, CUcontext context)
{
    CUresult result = begin_query(&context);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (device_p == NULL) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    *device_p = context->device;
    return sim_end(CUDA_SUCCESS);
}

CUresult cuCtxGetDevice(CUdevice *device_p)
{
    SIM_ENTER(cuCtxGetDevice);
    return get_device(device_p, NULL);
}

CUresult cuCtxGetDevice_v2(CUdevice *device_p, CUcontext context)
{
    SIM_ENTER(cuCtxGetDevice_v2);
    return get_device(device_p, context);
}

CUresult cuCtxGetFlags(unsigned int *flags_p)
{
    CUcontext context = NULL;
    CUresult result;

    SIM_ENTER(cuCtxGetFlags);
    result = begin_query(&context);
    if (result == CUDA_SUCCESS) {
        *flags_p = context->flags;
        sim_unlock();
    }
    return result;
}

CUresult cuCtxSetFlags(unsigned int flags)
{
    CUcontext context = NULL;
    CUresult result;

    SIM_ENTER(cuCtxSetFlags);
    result = begin_query(&context);
    if (result == CUDA_SUCCESS) {
        context->flags = flags;
        sim_unlock();
    }
    return result;
}

CUresult cuCtxGetId(CUcontext context, unsigned long long *id_p)
{
    CUresult result;

    SIM_ENTER(cuCtxGetId);
    result = begin_query(&context);
    if (result == CUDA_SUCCESS) {
        *id_p = context->id;
        sim_unlock();
    }
    return result;
}

CUresult cuCtxGetApiVersion(CUcontext context, unsigned int *version_p)
{
    CUresult result;

    SIM_ENTER(cuCtxGetApiVersion);
    result = begin_query(&context);
    if (result == CUDA_SUCCESS) {
        *version_p = 3020; /* what 64-bit drivers answer since then */
        sim_unlock();
    }
    return result;
}

static CUresult synchronise(CUcontext context)
{
    CUresult result = begin_query(&context);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    result = sim_capture_check_context(context);
    return sim_end(result != CUDA_SUCCESS ? result
                                          : sim_context_wait(context));
}

CUresult cuCtxSynchronize(void)
{
    SIM_ENTER(cuCtxSynchronize);
    return synchronise(NULL);
}

CUresult cuCtxSynchronize_v2(CUcontext context)
{
    SIM_ENTER(cuCtxSynchronize_v2);
    return synchronise(context);
}
