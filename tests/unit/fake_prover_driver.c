/*
 * fake_prover_driver.c - see fake_prover_driver.h. One thread, no locks.
 */
#include "fake_prover_driver.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define FAKE_PROOF_KERNEL ((CUfunction)0x4000)
#define FAKE_BATCH_KERNEL ((CUfunction)0x4010)

struct fake_driver fake;

static uint64_t fake_now(void)
{
    return fake.now_ns += 1000;
}

static void fake_sleep(uint64_t ns)
{
    fake.now_ns += ns;
}

const struct csh_prover_clock fake_clock = {fake_now, fake_sleep};

void fake_reset(const unsigned char *memory, size_t bytes)
{
    memset(&fake, 0, sizeof(fake));
    fake.memory      = memory;
    fake.bytes       = bytes;
    fake.fail_entry  = FAKE_N_ENTRIES;
    fake.fail_result = CUDA_ERROR_UNKNOWN;
    fake.memory_type = CU_MEMORYTYPE_DEVICE;
    fake.is_mapped   = 1;
    fake.ordinal     = FAKE_DEVICE;
    fake.owner       = (uintptr_t)FAKE_CONTEXT;
    fake.access      = CU_POINTER_ATTRIBUTE_ACCESS_FLAG_READWRITE;
    fake.range_base  = FAKE_DEVICE_BASE;
    fake.range_bytes = bytes;
    fake.mode        = CU_STREAM_CAPTURE_MODE_GLOBAL;
}

/* ---- what is alive ----------------------------------------------------- */

static void *fake_make(size_t bytes, int *n_alive)
{
    void *object = aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);
    size_t i;

    ck_assert_ptr_nonnull(object);
    memset(object, 0xa5, bytes);
    for (i = 0; fake.object[i] != NULL; ++i) {
        ck_assert_uint_lt(i + 1, FAKE_MAX_OBJECTS);
    }
    fake.object[i] = object;
    ++*n_alive;
    return object;
}

static void fake_end(void *object, int *n_alive)
{
    size_t i;

    for (i = 0; fake.object[i] != object; ++i) {
        ck_assert_uint_lt(i + 1, FAKE_MAX_OBJECTS);
    }
    fake.object[i] = NULL;
    free(object);
    --*n_alive;
}

void fake_end_context(void)
{
    size_t i;

    for (i = 0; i < FAKE_MAX_OBJECTS; ++i) {
        free(fake.object[i]);
    }
    fake.n_modules = fake.n_hosts = fake.n_streams = fake.n_events = 0;
}

/* What every entry does first: the result it is to return at once. */
static CUresult fake_enter(enum fake_entry entry)
{
    unsigned nth = ++fake.n_calls[entry];

    if (fake.n_order < FAKE_MAX_CALLS) {
        fake.order[fake.n_order++] = entry;
    }
    if ((fake.mode != CU_STREAM_CAPTURE_MODE_RELAXED) &&
        (entry != FAKE_cuThreadExchangeStreamCaptureMode) &&
        (entry != FAKE_cuPointerGetAttributes) &&
        (entry != FAKE_cuMemGetAddressRange_v2)) {
        fake.called_unrelaxed = true;
    }
    if ((entry == fake.fail_entry) && (nth >= fake.fail_nth) &&
        (nth <= fake.fail_nth + fake.fail_more)) {
        return fake.fail_result;
    }
    return CUDA_SUCCESS;
}

#define FAKE_ENTER(symbol_)                              \
    do {                                                 \
        CUresult result_ = fake_enter(FAKE_##symbol_);   \
        if (result_ != CUDA_SUCCESS) {                   \
            return result_;                              \
        }                                                \
    } while (0)

/* ---- the kernel -------------------------------------------------------- */

static struct csh_proof_control *fake_control(const struct fake_launch *launch)
{
    return (struct csh_proof_control *)((uintptr_t)launch->job.control -
                                        FAKE_DEVICE_BASE);
}

static void *fake_resolve(void *context, uint64_t device, uint64_t n)
{
    const struct fake_launch *launch = context;

    if ((device == (uintptr_t)launch->job.control) ||
        (device == (uintptr_t)launch->batch.pieces)) {
        return (void *)(uintptr_t)(device - FAKE_DEVICE_BASE);
    }
    ck_assert_uint_ge(device, FAKE_DEVICE_BASE);
    ck_assert_uint_le(device - FAKE_DEVICE_BASE + n, fake.bytes);
    if (++fake.n_reads == fake.cancels_after) {
        fake_control(launch)->cancel = 1;
    }
    return (void *)(uintptr_t)(fake.memory + (device - FAKE_DEVICE_BASE));
}

void fake_run_block(struct fake_launch *launch, unsigned block)
{
    ck_assert_uint_lt(block, launch->grid);
    if (!launch->has_run[block]) {
        launch->has_run[block] = true;
        ck_assert(launch->is_batch ?
                      csh_batch_block_host(&launch->batch, block,
                                           launch->grid, fake_resolve,
                                           launch) :
                      csh_fingerprint_block_host(&launch->job, block,
                                                 launch->grid, fake_resolve,
                                                 launch));
    }
}

void fake_run_all(struct fake_launch *launch)
{
    unsigned i;

    for (i = 0; i < launch->grid; ++i) {
        fake_run_block(launch, i);
    }
    launch->is_over = true;
}

/* The block has seen no cancellation and reads. */
static void fake_begin_block(struct fake_launch *launch, unsigned block)
{
    fake_control(launch)->slot[block].state = CSH_SLOT_RUNNING;
}

static void fake_start(struct fake_launch *launch)
{
    unsigned i;

    if (fake.pace == FAKE_AT_ONCE) {
        fake_run_all(launch);
    } else if ((fake.pace == FAKE_HALF) || (fake.pace == FAKE_STUCK)) {
        for (i = 0; i < launch->grid / 2; ++i) {
            fake_run_block(launch, i);
        }
        if (fake.pace == FAKE_STUCK) {
            fake_begin_block(launch, launch->grid / 2);
        }
    } else if (fake.pace == FAKE_VANISHES) {
        launch->is_over = true;
    } else if (fake.pace == FAKE_FAULTS) {
        fake_begin_block(launch, 0);
    }
}

/* The device's time is the number of queries. */
static CUresult fake_progress(struct fake_launch *launch)
{
    struct csh_proof_control *control = fake_control(launch);
    unsigned stuck                    = launch->grid / 2;

    ++launch->n_queries;
    if ((fake.pace == FAKE_LATER) && !launch->is_over &&
        (launch->n_queries >= fake.pace_queries)) {
        fake_run_all(launch);
    }
    if ((fake.pace == FAKE_STUCK) && (control->cancel != 0) &&
        !launch->has_run[stuck] &&
        (++launch->n_after_cancel == fake.pace_queries)) {
        control->cancel = 0; /* it did not look again */
        fake_run_block(launch, stuck);
        control->cancel = 1;
    }
    if (fake.pace == FAKE_FAULTS) {
        return CUDA_ERROR_ILLEGAL_ADDRESS;
    }
    return launch->is_over ? CUDA_SUCCESS : CUDA_ERROR_NOT_READY;
}

/* ---- entries ----------------------------------------------------------- */

static CUresult CUDAAPI
fake_cuThreadExchangeStreamCaptureMode(CUstreamCaptureMode *mode)
{
    CUstreamCaptureMode old = fake.mode;

    FAKE_ENTER(cuThreadExchangeStreamCaptureMode);
    fake.mode = *mode;
    *mode     = old;
    return CUDA_SUCCESS;
}

static CUresult CUDAAPI fake_cuModuleLoadData(CUmodule *module,
                                              const void *image)
{
    FAKE_ENTER(cuModuleLoadData);
    ck_assert_ptr_nonnull(strstr(image, ".entry " CSH_PROOF_KERNEL_NAME));
    *module = fake_make(1, &fake.n_modules);
    return CUDA_SUCCESS;
}

static CUresult CUDAAPI fake_cuModuleGetFunction(CUfunction *function,
                                                 CUmodule module,
                                                 const char *name)
{
    FAKE_ENTER(cuModuleGetFunction);
    ck_assert_ptr_nonnull(module);
    if (strcmp(name, CSH_BATCH_KERNEL_NAME) == 0) {
        *function = FAKE_BATCH_KERNEL;
        return CUDA_SUCCESS;
    }
    ck_assert_str_eq(name, CSH_PROOF_KERNEL_NAME);
    *function = FAKE_PROOF_KERNEL;
    return CUDA_SUCCESS;
}

static CUresult CUDAAPI fake_cuModuleUnload(CUmodule module)
{
    FAKE_ENTER(cuModuleUnload);
    fake_end(module, &fake.n_modules);
    return CUDA_SUCCESS;
}

static CUresult CUDAAPI fake_cuMemHostAlloc(void **host, size_t bytes,
                                            unsigned int flags)
{
    FAKE_ENTER(cuMemHostAlloc);
    ck_assert_uint_eq(flags, CU_MEMHOSTALLOC_PORTABLE |
                                 CU_MEMHOSTALLOC_DEVICEMAP);
    *host = fake_make(bytes, &fake.n_hosts);
    return CUDA_SUCCESS;
}

static CUresult CUDAAPI fake_cuMemHostGetDevicePointer_v2(CUdeviceptr *device,
                                                          void *host,
                                                          unsigned int flags)
{
    FAKE_ENTER(cuMemHostGetDevicePointer_v2);
    ck_assert_uint_eq(flags, 0);
    *device = (uintptr_t)host + FAKE_DEVICE_BASE;
    return CUDA_SUCCESS;
}

static CUresult CUDAAPI fake_cuMemFreeHost(void *host)
{
    FAKE_ENTER(cuMemFreeHost);
    fake_end(host, &fake.n_hosts);
    return CUDA_SUCCESS;
}

static CUresult CUDAAPI fake_cuStreamCreate(CUstream *stream,
                                            unsigned int flags)
{
    FAKE_ENTER(cuStreamCreate);
    ck_assert_uint_eq(flags, CU_STREAM_NON_BLOCKING);
    *stream = fake_make(1, &fake.n_streams);
    return CUDA_SUCCESS;
}

static CUresult CUDAAPI fake_cuStreamDestroy_v2(CUstream stream)
{
    FAKE_ENTER(cuStreamDestroy_v2);
    fake_end(stream, &fake.n_streams);
    return CUDA_SUCCESS;
}

static CUresult CUDAAPI fake_cuStreamQuery(CUstream stream)
{
    CUresult result = CUDA_SUCCESS, one;
    unsigned i;

    FAKE_ENTER(cuStreamQuery);
    for (i = 0; i < fake.n_launches; ++i) {
        if (fake.launch[i].stream == stream) {
            one    = fake_progress(&fake.launch[i]);
            result = (one != CUDA_SUCCESS) ? one : result;
        }
    }
    return result;
}

static CUresult CUDAAPI fake_cuStreamWaitEvent(CUstream stream, CUevent event,
                                               unsigned int flags)
{
    FAKE_ENTER(cuStreamWaitEvent);
    ck_assert(stream != NULL && event != NULL && flags == 0);
    return CUDA_SUCCESS;
}

static CUresult CUDAAPI fake_cuEventCreate(CUevent *event, unsigned int flags)
{
    FAKE_ENTER(cuEventCreate);
    ck_assert_uint_eq(flags, CU_EVENT_DISABLE_TIMING);
    *event = fake_make(1, &fake.n_events);
    return CUDA_SUCCESS;
}

static CUresult CUDAAPI fake_cuEventDestroy_v2(CUevent event)
{
    FAKE_ENTER(cuEventDestroy_v2);
    fake_end(event, &fake.n_events);
    return CUDA_SUCCESS;
}

static CUresult CUDAAPI fake_cuEventQuery(CUevent event)
{
    FAKE_ENTER(cuEventQuery);
    ck_assert_ptr_nonnull(event);
    return fake.event_pending ? CUDA_ERROR_NOT_READY : CUDA_SUCCESS;
}

static CUresult CUDAAPI fake_cuEventRecord(CUevent event, CUstream stream)
{
    FAKE_ENTER(cuEventRecord);
    ck_assert_ptr_nonnull(event);
    fake.recorded_on         = stream;
    fake.recorded_per_thread = false;
    return CUDA_SUCCESS;
}

static CUresult CUDAAPI fake_cuEventRecord_ptsz(CUevent event,
                                                CUstream stream)
{
    FAKE_ENTER(cuEventRecord_ptsz);
    ck_assert_ptr_nonnull(event);
    fake.recorded_on         = stream;
    fake.recorded_per_thread = true;
    return CUDA_SUCCESS;
}

static CUresult CUDAAPI fake_cuLaunchKernel(
    CUfunction function, unsigned int grid_x, unsigned int grid_y,
    unsigned int grid_z, unsigned int block_x, unsigned int block_y,
    unsigned int block_z, unsigned int shared, CUstream stream, void **params,
    void **extra)
{
    struct fake_launch *launch;

    FAKE_ENTER(cuLaunchKernel);
    ck_assert(function == FAKE_PROOF_KERNEL || function == FAKE_BATCH_KERNEL);
    ck_assert(grid_y == 1 && grid_z == 1 && block_y == 1 && block_z == 1);
    ck_assert(block_x == CSH_PROOF_BLOCK_THREADS && shared == 0);
    ck_assert(grid_x >= 1 && grid_x <= CSH_PROOF_MAX_BLOCKS);
    ck_assert(params != NULL && extra == NULL && stream != NULL);
    ck_assert_uint_lt(fake.n_launches, FAKE_MAX_LAUNCHES);
    launch         = &fake.launch[fake.n_launches++];
    launch->grid   = grid_x;
    launch->stream = stream;
    launch->is_batch = function == FAKE_BATCH_KERNEL;
    if (launch->is_batch) {
        memcpy(&launch->batch, params[0], sizeof(launch->batch));
        launch->job.control = launch->batch.control;
    } else {
        memcpy(&launch->job, params[0], sizeof(launch->job));
    }
    fake_start(launch);
    return CUDA_SUCCESS;
}

static CUresult CUDAAPI fake_cuPointerGetAttributes(
    unsigned int n, CUpointer_attribute *attribute, void **data,
    CUdeviceptr dptr)
{
    unsigned i;

    (void)dptr;
    FAKE_ENTER(cuPointerGetAttributes);
    for (i = 0; i < n; ++i) {
        switch (attribute[i]) {
        case CU_POINTER_ATTRIBUTE_MEMORY_TYPE:
            memcpy(data[i], &fake.memory_type, 4);
            break;
        case CU_POINTER_ATTRIBUTE_IS_MANAGED:
            memcpy(data[i], &fake.is_managed, 1);
            break;
        case CU_POINTER_ATTRIBUTE_MAPPED:
            memcpy(data[i], &fake.is_mapped, 1);
            break;
        case CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL:
            memcpy(data[i], &fake.ordinal, 4);
            break;
        case CU_POINTER_ATTRIBUTE_CONTEXT:
            memcpy(data[i], &fake.owner, 8);
            break;
        case CU_POINTER_ATTRIBUTE_ACCESS_FLAGS:
            memcpy(data[i], &fake.access, 4);
            break;
        default:
            return CUDA_ERROR_INVALID_VALUE;
        }
    }
    return CUDA_SUCCESS;
}

static CUresult CUDAAPI fake_cuMemGetAddressRange_v2(CUdeviceptr *base,
                                                     size_t *bytes,
                                                     CUdeviceptr dptr)
{
    (void)dptr;
    FAKE_ENTER(cuMemGetAddressRange_v2);
    *base  = fake.range_base;
    *bytes = fake.range_bytes;
    return CUDA_SUCCESS;
}

static CUresult CUDAAPI fake_cuFuncLoad(CUfunction function)
{
    FAKE_ENTER(cuFuncLoad);
    ck_assert(function == FAKE_PROOF_KERNEL || function == FAKE_BATCH_KERNEL);
    return CUDA_SUCCESS;
}

const struct csh_prover_calls *fake_calls(bool with_func_load)
{
#define CSH_X(symbol_, pfn_) .symbol_ = fake_##symbol_,
    static const struct csh_prover_calls newer = {
        CSH_PROVER_CALLS(CSH_X) CSH_PROVER_OPTIONAL_CALLS(CSH_X)};
    static const struct csh_prover_calls older = {CSH_PROVER_CALLS(CSH_X)};
#undef CSH_X

    return with_func_load ? &newer : &older;
}
