/*
 * launch.c - launches: parameters are copied at the call, as the kernel's
 * row says how many there are and how long.
 */
#include "module.h"

#include <string.h>

#define MAX_BLOCK_THREADS 1024u

static bool is_grid_valid(const struct sim_grid *grid, CUfunction function)
{
    const unsigned *g = grid->grid, *b = grid->block;

    return g[0] > 0 && g[1] > 0 && g[2] > 0 && b[0] > 0 && b[1] > 0 &&
           b[2] > 0 && g[0] <= 2147483647u && g[1] <= 65535 && g[2] <= 65535 &&
           b[0] <= MAX_BLOCK_THREADS && b[1] <= MAX_BLOCK_THREADS &&
           b[2] <= 64 && b[0] * b[1] * b[2] <= MAX_BLOCK_THREADS &&
           grid->shared_bytes <= (unsigned)function->shared_limit_bytes;
}

/* The packed parameters, or NULL. extra: CU_LAUNCH_PARAM_* and a buffer that
 * is packed already. */
static void *pack(const struct sim_kernel *kernel, void **params, void **extra)
{
    size_t bytes = sim_kernel_params_bytes(kernel), buffer_bytes = 0;
    const void *buffer = NULL;
    char *packed;

    if (params == NULL && kernel->n_params > 0) {
        for (; extra != NULL && *extra != CU_LAUNCH_PARAM_END; extra += 2) {
            if (extra[0] == CU_LAUNCH_PARAM_BUFFER_POINTER) {
                buffer = extra[1];
            } else if (extra[0] == CU_LAUNCH_PARAM_BUFFER_SIZE) {
                buffer_bytes = *(const size_t *)extra[1];
            } else {
                return NULL;
            }
        }
        return buffer == NULL || buffer_bytes < bytes
                   ? NULL : sim_duplicate(buffer, bytes);
    }
    packed = sim_allocate(bytes);
    for (unsigned i = 0; i < kernel->n_params; i++) {
        memcpy(packed + sim_kernel_param_offset(kernel, i), params[i],
               kernel->param_bytes[i]);
    }
    return packed;
}

struct launch_call {
    CUfunction function;
    struct sim_grid grid;
    CUstream stream;
    void **params, **extra;
};

static CUresult launch(const struct launch_call *call,
                       enum sim_flavour flavour)
{
    struct sim_work work = {.op = SIM_OP_KERNEL};
    CUcontext context;
    CUresult result = sim_begin(&context);
    CUfunction function = call->function;
    CUstream stream;

    if (result != CUDA_SUCCESS) {
        return result;
    }
    stream = sim_stream_resolve(context, call->stream, flavour);
    if (stream == NULL || sim_function(function) == NULL ||
        (function->module != NULL &&
         function->module->context != stream->context->root)) {
        return sim_end(CUDA_ERROR_INVALID_HANDLE);
    }
    if (!is_grid_valid(&call->grid, function)) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    work.launch.kernel = function->kernel;
    work.launch.grid = call->grid;
    work.launch.params = pack(function->kernel, call->params, call->extra);
    if (work.launch.params == NULL) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    if (!function->is_loaded && sim_settings()->lazy_load_synchronises &&
        stream->capture == NULL) {
        sim_context_wait(context);
    }
    function->is_loaded = true;
    return sim_end(sim_stream_work(stream, &work, false, NULL));
}

static CUresult launch_kernel(CUfunction function, const unsigned grid[3],
                              const unsigned block[3], unsigned shared_bytes,
                              CUstream stream, void **params, void **extra,
                              enum sim_flavour flavour)
{
    struct launch_call call = {
        .function = function, .stream = stream, .params = params,
        .extra = extra,
        .grid = {.grid = {grid[0], grid[1], grid[2]},
                 .block = {block[0], block[1], block[2]},
                 .shared_bytes = shared_bytes},
    };

    return launch(&call, flavour);
}

CUresult cuLaunchKernel(CUfunction function, unsigned int grid_x,
                        unsigned int grid_y, unsigned int grid_z,
                        unsigned int block_x, unsigned int block_y,
                        unsigned int block_z, unsigned int shared_bytes,
                        CUstream stream, void **params, void **extra)
{
    const unsigned grid[] = {grid_x, grid_y, grid_z};
    const unsigned block[] = {block_x, block_y, block_z};

    SIM_ENTER(cuLaunchKernel);
    return launch_kernel(function, grid, block, shared_bytes, stream, params,
                         extra, SIM_PLAIN);
}

CUresult cuLaunchKernel_ptsz(CUfunction function, unsigned int grid_x,
                             unsigned int grid_y, unsigned int grid_z,
                             unsigned int block_x, unsigned int block_y,
                             unsigned int block_z, unsigned int shared_bytes,
                             CUstream stream, void **params, void **extra)
{
    const unsigned grid[] = {grid_x, grid_y, grid_z};
    const unsigned block[] = {block_x, block_y, block_z};

    SIM_ENTER(cuLaunchKernel_ptsz);
    return launch_kernel(function, grid, block, shared_bytes, stream, params,
                         extra, SIM_PER_THREAD);
}

/* Attributes may ask for what changes no result here; they are ignored. */
static CUresult launch_config(const CUlaunchConfig *config,
                              CUfunction function, void **params, void **extra,
                              enum sim_flavour flavour)
{
    const unsigned grid[] = {config->gridDimX, config->gridDimY,
                             config->gridDimZ};
    const unsigned block[] = {config->blockDimX, config->blockDimY,
                              config->blockDimZ};

    return launch_kernel(function, grid, block, config->sharedMemBytes,
                         config->hStream, params, extra, flavour);
}

CUresult cuLaunchKernelEx(const CUlaunchConfig *config, CUfunction function,
                          void **params, void **extra)
{
    SIM_ENTER(cuLaunchKernelEx);
    return config == NULL ? CUDA_ERROR_INVALID_VALUE
                          : launch_config(config, function, params, extra,
                                          SIM_PLAIN);
}

CUresult cuLaunchKernelEx_ptsz(const CUlaunchConfig *config,
                               CUfunction function, void **params,
                               void **extra)
{
    SIM_ENTER(cuLaunchKernelEx_ptsz);
    return config == NULL ? CUDA_ERROR_INVALID_VALUE
                          : launch_config(config, function, params, extra,
                                          SIM_PER_THREAD);
}

CUresult cuLaunchCooperativeKernel(CUfunction function, unsigned int grid_x,
                                   unsigned int grid_y, unsigned int grid_z,
                                   unsigned int block_x, unsigned int block_y,
                                   unsigned int block_z,
                                   unsigned int shared_bytes, CUstream stream,
                                   void **params)
{
    const unsigned grid[] = {grid_x, grid_y, grid_z};
    const unsigned block[] = {block_x, block_y, block_z};

    SIM_ENTER(cuLaunchCooperativeKernel);
    return launch_kernel(function, grid, block, shared_bytes, stream, params,
                         NULL, SIM_PLAIN);
}

CUresult cuLaunchCooperativeKernel_ptsz(
    CUfunction function, unsigned int grid_x, unsigned int grid_y,
    unsigned int grid_z, unsigned int block_x, unsigned int block_y,
    unsigned int block_z, unsigned int shared_bytes, CUstream stream,
    void **params)
{
    const unsigned grid[] = {grid_x, grid_y, grid_z};
    const unsigned block[] = {block_x, block_y, block_z};

    SIM_ENTER(cuLaunchCooperativeKernel_ptsz);
    return launch_kernel(function, grid, block, shared_bytes, stream, params,
                         NULL, SIM_PER_THREAD);
}
