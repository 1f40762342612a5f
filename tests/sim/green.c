/*
 * green.c - green contexts: enough that a program gets a stream of one.
 *
 * A green context is a handle, and a context that it converts to: another
 * handle than the primary context's, with streams and a default stream of its
 * own, but with the primary context's memory, modules and sticky error
 * (struct CUctx_st's root). Its share of multiprocessors is kept and limits
 * nothing. Waiting for the primary context does not wait for its streams, nor
 * the other way round, because no document says that it does.
 */
#include "sim.h"

#include <string.h>

#define GREEN_MARK 0x47524e31u
#define DESC_MARK 0x44455331u
#define SM_COUNT 16u /* as device.c says */
#define SM_PARTITION 8u

struct CUgreenCtx_st {
    uint32_t mark;
    CUcontext context; /* what it converts to */
    unsigned sm_count;
};

struct CUdevResourceDesc_st {
    uint32_t mark;
    CUdevice device;
    unsigned sm_count;
};

/* Where a resource comes from, in the part of it that is the driver's own. */
struct origin {
    CUdevice device;
    uint32_t split; /* 0: whole */
};

static void set_resource(CUdevResource *resource, CUdevice device,
                         unsigned sm_count, uint32_t split)
{
    struct origin origin = {device, split};

    memset(resource, 0, sizeof(*resource));
    resource->type = CU_DEV_RESOURCE_TYPE_SM;
    memcpy(resource->_internal_padding, &origin, sizeof(origin));
    resource->sm.smCount = sm_count;
    resource->sm.minSmPartitionSize = SM_PARTITION;
    resource->sm.smCoscheduledAlignment = SM_PARTITION;
}

static struct origin origin_of(const CUdevResource *resource)
{
    struct origin origin;

    memcpy(&origin, resource->_internal_padding, sizeof(origin));
    return origin;
}

CUresult cuDeviceGetDevResource(CUdevice device, CUdevResource *resource,
                                CUdevResourceType type)
{
    CUresult result;

    SIM_ENTER(cuDeviceGetDevResource);
    result = sim_begin_driver();
    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (!sim_is_device(device)) {
        return sim_end(CUDA_ERROR_INVALID_DEVICE);
    }
    if (resource == NULL || type != CU_DEV_RESOURCE_TYPE_SM) {
        return sim_end(resource == NULL ? CUDA_ERROR_INVALID_VALUE
                                        : CUDA_ERROR_INVALID_RESOURCE_TYPE);
    }
    set_resource(resource, device, SM_COUNT, 0);
    return sim_end(CUDA_SUCCESS);
}

CUresult cuDevSmResourceSplitByCount(CUdevResource *groups, unsigned int *n_p,
                                     const CUdevResource *input,
                                     CUdevResource *remaining,
                                     unsigned int flags,
                                     unsigned int min_count)
{
    unsigned size, n, wanted;
    struct origin origin;
    uint32_t split;

    SIM_ENTER(cuDevSmResourceSplitByCount);
    if (n_p == NULL || input == NULL || flags > 3 ||
        input->type != CU_DEV_RESOURCE_TYPE_SM ||
        min_count > input->sm.smCount) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    origin = origin_of(input);
    if (origin.split != 0) { /* "cannot be split again" */
        return CUDA_ERROR_INVALID_RESOURCE_CONFIGURATION;
    }
    size = (min_count + SM_PARTITION - 1) / SM_PARTITION * SM_PARTITION;
    size = size == 0 ? SM_PARTITION : size;
    n = input->sm.smCount / size;
    wanted = groups == NULL || *n_p > n ? n : *n_p;
    *n_p = wanted;
    if (groups == NULL) {
        return CUDA_SUCCESS;
    }
    split = (uint32_t)sim_next_id();
    for (unsigned i = 0; i < wanted; i++) {
        set_resource(&groups[i], origin.device, size, split);
    }
    if (remaining != NULL) {
        set_resource(remaining, origin.device,
                     input->sm.smCount - wanted * size, split);
        if (remaining->sm.smCount == 0) {
            remaining->type = CU_DEV_RESOURCE_TYPE_INVALID;
        }
    }
    return CUDA_SUCCESS;
}

/* All of one device and of one split. */
static CUresult add_up(const CUdevResource *resources, unsigned n,
                       unsigned *sm_count_p)
{
    struct origin first = origin_of(resources);

    *sm_count_p = 0;
    for (unsigned i = 0; i < n; i++) {
        struct origin origin = origin_of(&resources[i]);

        if (resources[i].type != CU_DEV_RESOURCE_TYPE_SM) {
            return CUDA_ERROR_INVALID_RESOURCE_TYPE;
        }
        if (origin.device != first.device || origin.split != first.split ||
            (n > 1 && origin.split == 0)) {
            return CUDA_ERROR_INVALID_RESOURCE_CONFIGURATION;
        }
        *sm_count_p += resources[i].sm.smCount;
    }
    return CUDA_SUCCESS;
}

CUresult cuDevResourceGenerateDesc(CUdevResourceDesc *desc_p,
                                   CUdevResource *resources, unsigned int n)
{
    unsigned sm_count;
    CUresult result;

    SIM_ENTER(cuDevResourceGenerateDesc);
    result = sim_begin_driver();
    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (desc_p == NULL || resources == NULL || n == 0) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    result = add_up(resources, n, &sm_count);
    if (result != CUDA_SUCCESS) {
        return sim_end(result);
    }
    *desc_p = sim_handle_new(sizeof(**desc_p));
    (*desc_p)->mark = DESC_MARK;
    (*desc_p)->device = origin_of(resources).device;
    (*desc_p)->sm_count = sm_count;
    return sim_end(CUDA_SUCCESS);
}

/* ------------------------------------------------------------ contexts --- */

static bool is_green(CUgreenCtx green)
{
    return green != NULL && green->mark == GREEN_MARK &&
           sim_context_is_alive(green->context);
}

CUresult cuGreenCtxCreate(CUgreenCtx *green_p, CUdevResourceDesc desc,
                          CUdevice device, unsigned int flags)
{
    CUgreenCtx green;
    CUresult result;

    SIM_ENTER(cuGreenCtxCreate);
    result = sim_begin_driver();
    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (!sim_is_device(device)) {
        return sim_end(CUDA_ERROR_INVALID_DEVICE);
    }
    if (green_p == NULL || desc == NULL || desc->mark != DESC_MARK ||
        desc->device != device || flags != CU_GREEN_CTX_DEFAULT_STREAM) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    green = sim_handle_new(sizeof(*green));
    green->mark = GREEN_MARK;
    green->sm_count = desc->sm_count;
    green->context = sim_context_new(device, 0);
    green->context->root = sim_primary_retain(device);
    green->context->green = green;
    sim_context_open(green->context);
    *green_p = green;
    return sim_end(CUDA_SUCCESS);
}

CUresult cuGreenCtxDestroy(CUgreenCtx green)
{
    CUresult result;

    SIM_ENTER(cuGreenCtxDestroy);
    result = sim_begin_driver();
    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (!is_green(green)) {
        return sim_end(CUDA_ERROR_INVALID_CONTEXT);
    }
    green->mark = 0;
    sim_context_close(green->context);
    sim_primary_release(green->context->device);
    return sim_end(CUDA_SUCCESS);
}

CUresult cuCtxFromGreenCtx(CUcontext *context_p, CUgreenCtx green)
{
    CUresult result;

    SIM_ENTER(cuCtxFromGreenCtx);
    result = sim_begin_driver();
    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (context_p == NULL || !is_green(green)) {
        return sim_end(context_p == NULL ? CUDA_ERROR_INVALID_VALUE
                                         : CUDA_ERROR_INVALID_CONTEXT);
    }
    *context_p = green->context;
    return sim_end(CUDA_SUCCESS);
}

CUresult cuGreenCtxGetDevResource(CUgreenCtx green, CUdevResource *resource,
                                  CUdevResourceType type)
{
    CUresult result;

    SIM_ENTER(cuGreenCtxGetDevResource);
    result = sim_begin_driver();
    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (resource == NULL || !is_green(green) ||
        type != CU_DEV_RESOURCE_TYPE_SM) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    set_resource(resource, green->context->device, green->sm_count, 0);
    return sim_end(CUDA_SUCCESS);
}

CUresult cuGreenCtxStreamCreate(CUstream *stream_p, CUgreenCtx green,
                                unsigned int flags, int priority)
{
    CUstream stream;
    CUresult result;

    SIM_ENTER(cuGreenCtxStreamCreate);
    result = sim_begin_driver();
    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (!is_green(green)) {
        return sim_end(CUDA_ERROR_INVALID_CONTEXT);
    }
    if (stream_p == NULL || flags != CU_STREAM_NON_BLOCKING) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    stream = sim_stream_new(green->context, flags);
    stream->priority = priority > 0 ? 0 : priority < -5 ? -5 : priority;
    stream->next = green->context->streams;
    green->context->streams = stream;
    *stream_p = stream;
    return sim_end(CUDA_SUCCESS);
}

CUresult cuStreamGetGreenCtx(CUstream stream, CUgreenCtx *green_p)
{
    CUcontext context;
    CUresult result;

    SIM_ENTER(cuStreamGetGreenCtx);
    result = sim_begin(&context);
    if (result != CUDA_SUCCESS) {
        return result;
    }
    stream = sim_stream_resolve(context, stream, SIM_PLAIN);
    if (green_p == NULL || stream == NULL) {
        return sim_end(green_p == NULL ? CUDA_ERROR_INVALID_VALUE
                                       : CUDA_ERROR_INVALID_HANDLE);
    }
    *green_p = stream->context->green;
    return sim_end(CUDA_SUCCESS);
}
