/*
 * app_memory.c - weights in memory of every kind: mapped by cuMemMap, shared,
 * managed, from pools, of another device, and copied on a stream that belongs
 * to another context. Whatever the driver answers about a range decides here
 * whether the shim may read it; the bytes must be right in each case.
 */
#include "memory.h"

#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------ mappings --- */

static void mapping_cycles(void)
{
    CUdeviceptr at = mapped(WEIGHT);
    int i;

    learn(at, WEIGHT, 1, NULL);
    for (i = 0; i < 3; i++) {
        offload_expecting(at, WEIGHT, 1, 0, NULL);
    }
    launch_fill(at, 77, 1, NULL);
    changed_expecting(at, WEIGHT, 1, 77, NULL);
}

/* Sleep and wake of a model server: the bytes go, the address stays. */
static void mapping_sleeps_and_wakes(void)
{
    CUdeviceptr at = mapped(WEIGHT);
    void *host = fresh(WEIGHT);

    learn(at, WEIGHT, 2, NULL);
    REACHES(d2h, 0, WEIGHT, offload(host, at, WEIGHT, NULL));
    OK(mem.cuMemUnmap(at, WEIGHT));
    map(at, WEIGHT, created(WEIGHT));
    REACHES(h2d, WEIGHT, WEIGHT, upload(at, host, WEIGHT, NULL));
    offload_expecting(at, WEIGHT, 2, 0, NULL);
}

static void another_handle_at_the_same_address_is_copied(void)
{
    CUmemGenericAllocationHandle one = created(WEIGHT), two = created(WEIGHT);
    CUdeviceptr at = reserved(WEIGHT), other = reserved(WEIGHT);

    map(at, WEIGHT, one);
    map(other, WEIGHT, two);
    learn(at, WEIGHT, 3, NULL);
    learn(other, WEIGHT, 4, NULL);
    OK(mem.cuMemUnmap(at, WEIGHT));
    OK(mem.cuMemUnmap(other, WEIGHT));
    map(at, WEIGHT, two);
    offload_expecting(at, WEIGHT, 4, WEIGHT, NULL);
    OK(mem.cuMemUnmap(at, WEIGHT));
    map(at, WEIGHT, one);
    offload_expecting(at, WEIGHT, 3, WEIGHT, NULL);
}

static void written_through_an_alias_is_copied(void)
{
    CUmemGenericAllocationHandle handle = created(WEIGHT);
    CUdeviceptr at = reserved(WEIGHT), alias = reserved(WEIGHT);

    map(at, WEIGHT, handle);
    map(alias, WEIGHT, handle);
    learn(at, WEIGHT, 5, NULL);
    launch_fill(alias, 99, 1, NULL);
    changed_expecting(at, WEIGHT, 5, 99, NULL);
    OK(cu.cuMemsetD8_v2(alias, 1, WEIGHT));
    REACHES(d2h, WEIGHT, WEIGHT, {
        uint8_t *host = fresh(WEIGHT);

        offload(host, at, WEIGHT, NULL);
        CHECK(host[0] == 1 && host[WEIGHT - 1] == 1);
        free(host);
    });
}

/* The copy fails with the driver's own error, and nothing more is wrong. */
static void range_without_access_fails_as_ever(void)
{
    CUdeviceptr at = mapped(WEIGHT), fine;
    void *host = fresh(WEIGHT);

    OK(cu.cuMemAlloc_v2(&fine, WEIGHT));
    learn(fine, WEIGHT, 6, NULL);
    learn(at, WEIGHT, 7, NULL);
    set_access(at, WEIGHT, CU_MEM_ACCESS_FLAGS_PROT_NONE);
    CHECK_EQUAL(cu.cuMemcpyDtoH_v2(host, at, WEIGHT),
                CUDA_ERROR_INVALID_VALUE);
    CHECK_EQUAL(cu.cuMemcpyDtoHAsync_v2(host, at, WEIGHT, NULL),
                CUDA_ERROR_INVALID_VALUE);
    CHECK_EQUAL(cu.cuMemcpyHtoD_v2(at, host, WEIGHT),
                CUDA_ERROR_INVALID_VALUE);
    OK(cu.cuCtxSynchronize());
    offload_expecting(fine, WEIGHT, 6, 0, NULL);
    set_access(at, WEIGHT, CU_MEM_ACCESS_FLAGS_PROT_READ);
    {
        void *again = fresh(WEIGHT);

        offload(again, at, WEIGHT, NULL);
        CHECK(holds(again, WEIGHT, 7));
    }
    OK(cu.cuCtxSynchronize());
}

/* The second half of a weight loses its access, or its mapping. */
static void range_that_ends_inside_fails_as_ever(void)
{
    CUdeviceptr at = reserved(2 * WEIGHT);
    void *host = fresh(2 * WEIGHT);

    map(at, WEIGHT, created(WEIGHT));
    map(at + WEIGHT, WEIGHT, created(WEIGHT));
    learn(at, 2 * WEIGHT, 8, NULL);
    set_access(at + WEIGHT, WEIGHT, CU_MEM_ACCESS_FLAGS_PROT_NONE);
    CHECK_EQUAL(cu.cuMemcpyDtoH_v2(host, at, 2 * WEIGHT),
                CUDA_ERROR_INVALID_VALUE);
    OK(cu.cuCtxSynchronize());
    OK(mem.cuMemUnmap(at + WEIGHT, WEIGHT));
    CHECK_EQUAL(cu.cuMemcpyDtoH_v2(host, at, 2 * WEIGHT),
                CUDA_ERROR_INVALID_VALUE);
    OK(cu.cuCtxSynchronize());
    OK(cu.cuMemcpyDtoH_v2(host, at, WEIGHT));
    CHECK(holds(host, WEIGHT, 8));
}

/* Two handles side by side: the driver names one mapping, so it is passed. */
static void range_of_two_handles_is_passed(void)
{
    CUdeviceptr at = reserved(2 * WEIGHT);

    map(at, WEIGHT, created(WEIGHT));
    map(at + WEIGHT, WEIGHT, created(WEIGHT));
    learn(at, 2 * WEIGHT, 9, NULL);
    offload_expecting(at, 2 * WEIGHT, 9, 2 * WEIGHT, NULL);
    launch_fill(at, 55, 1, NULL);
    changed_expecting(at, 2 * WEIGHT, 9, 55, NULL);
    /* Inside one of the two it is a weight like any other. */
    learn(at + WEIGHT, WEIGHT, 10, NULL);
    offload_expecting(at + WEIGHT, WEIGHT, 10, 0, NULL);
}

static void freed_address_is_copied_when_it_comes_back(void)
{
    CUdeviceptr at = mapped(WEIGHT), again;
    CUmemGenericAllocationHandle handle;
    void *host = fresh(WEIGHT);

    learn(at, WEIGHT, 11, NULL);
    OK(mem.cuMemUnmap(at, WEIGHT));
    CHECK(cu.cuMemcpyDtoH_v2(host, at, WEIGHT) != CUDA_SUCCESS);
    OK(mem.cuMemAddressFree(at, WEIGHT));
    OK(mem.cuMemAddressReserve(&again, WEIGHT, 0, at, 0));
    handle = created(WEIGHT);
    map(again, WEIGHT, handle);
    OK(cu.cuMemsetD8_v2(again, 3, WEIGHT));
    REACHES(d2h, WEIGHT, WEIGHT, offload(host, again, WEIGHT, NULL));
    CHECK(((uint8_t *)host)[0] == 3);
}

/* ------------------------------------------------------------- sharing --- */

static void written_through_an_import_is_copied(void)
{
    CUdeviceptr device, import;
    CUipcMemHandle handle;

    OK(cu.cuMemAlloc_v2(&device, WEIGHT));
    learn(device, WEIGHT, 12, NULL);
    OK(mem.cuIpcGetMemHandle(&handle, device));
    OK(mem.cuIpcOpenMemHandle_v2(&import, handle,
                                 CU_IPC_MEM_LAZY_ENABLE_PEER_ACCESS));
    launch_fill(import, 11, 1, NULL);
    changed_expecting(device, WEIGHT, 12, 11, NULL);
    /* And the other way round, with the import as the weight. */
    learn(import, WEIGHT, 13, NULL);
    launch_fill(device, 12, 1, NULL);
    changed_expecting(import, WEIGHT, 13, 12, NULL);
    OK(mem.cuIpcCloseMemHandle(import));
    {
        void *host = fresh(WEIGHT);

        CHECK(cu.cuMemcpyDtoH_v2(host, import, WEIGHT) != CUDA_SUCCESS);
        free(host);
    }
    OK(cu.cuCtxSynchronize());
    OK(cu.cuMemFree_v2(device));
}

static void managed_memory_is_passed(void)
{
    CUdeviceptr managed;
    volatile uint32_t *words;

    OK(mem.cuMemAllocManaged(&managed, WEIGHT, CU_MEM_ATTACH_GLOBAL));
    words = (uint32_t *)(uintptr_t)managed;
    learn(managed, WEIGHT, 14, NULL);
    offload_expecting(managed, WEIGHT, 14, WEIGHT, NULL);
    words[0] = 21; /* no call of the driver says so */
    changed_expecting(managed, WEIGHT, 14, 21, NULL);
    OK(cu.cuMemFree_v2(managed));
}

/* Managed memory is no target for the shim's own bytes either. */
static void offload_into_managed_memory_is_passed(void)
{
    CUdeviceptr device, managed;

    OK(mem.cuMemAllocManaged(&managed, WEIGHT, CU_MEM_ATTACH_GLOBAL));
    OK(cu.cuMemAlloc_v2(&device, WEIGHT));
    learn(device, WEIGHT, 15, NULL);
    REACHES(d2h, WEIGHT, WEIGHT,
            offload((void *)(uintptr_t)managed, device, WEIGHT, NULL));
    CHECK(holds((void *)(uintptr_t)managed, WEIGHT, 15));
}

static void batch_copies_are_seen(void)
{
    CUmemcpyAttributes attributes = {
        .srcAccessOrder = CU_MEMCPY_SRC_ACCESS_ORDER_DURING_API_CALL};
    size_t first = 0, bytes = WEIGHT;
    CUdeviceptr device, src;
    CUstream stream;
    void *other = fresh(WEIGHT);

    OK(cu.cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING));
    OK(cu.cuMemAlloc_v2(&device, WEIGHT));
    learn(device, WEIGHT, 16, stream);
    fill(other, WEIGHT, 17);
    src = (uintptr_t)other;
    OK(mem.cuMemcpyBatchAsync_v2(&device, &src, &bytes, 1, &attributes,
                                 &first, 1, stream));
    offload_expecting(device, WEIGHT, 17, WEIGHT, stream);
}

/* --------------------------------------------------------------- pools --- */

/* A free is queued on another stream: the memory is still there for what is
 * ordered before it, and new calls may not name it. */
static void pool_memory_with_a_free_in_flight(void)
{
    CUstream freeing, copying;
    CUdeviceptr device, again;
    uint32_t *flag, *host = fresh(WEIGHT);

    OK(cu.cuStreamCreate(&freeing, CU_STREAM_NON_BLOCKING));
    OK(cu.cuStreamCreate(&copying, CU_STREAM_NON_BLOCKING));
    OK(cu.cuMemHostAlloc((void **)&flag, 4096, 0));
    __atomic_store_n(flag, 0, __ATOMIC_SEQ_CST);
    OK(cu.cuMemAllocAsync(&device, WEIGHT, copying));
    learn(device, WEIGHT, 18, copying);
    offload_expecting(device, WEIGHT, 18, 0, copying);
    launch_wait((CUdeviceptr)(uintptr_t)flag, 1, freeing);
    OK(cu.cuMemFreeAsync(device, freeing));
    CHECK(cu.cuMemcpyDtoHAsync_v2(host, device, WEIGHT, copying) !=
          CUDA_SUCCESS);
    __atomic_store_n(flag, 1, __ATOMIC_SEQ_CST);
    OK(cu.cuStreamSynchronize(freeing));
    OK(cu.cuMemAllocAsync(&again, WEIGHT, freeing));
    launch_fill(again, 23, WEIGHT / 4, freeing);
    REACHES(d2h, WEIGHT, WEIGHT, offload(host, again, WEIGHT, freeing));
    CHECK(host[0] == 23 && host[WEIGHT / 4 - 1] == 23);
    OK(cu.cuCtxSynchronize());
}

/* -------------------------------------------------------------- streams --- */

static CUgreenCtx green_context(void)
{
    CUdevResourceDesc desc;
    CUdevResource all;
    CUgreenCtx green;

    OK(mem.cuDeviceGetDevResource(0, &all, CU_DEV_RESOURCE_TYPE_SM));
    OK(mem.cuDevResourceGenerateDesc(&desc, &all, 1));
    OK(mem.cuGreenCtxCreate(&green, desc, 0, CU_GREEN_CTX_DEFAULT_STREAM));
    return green;
}

/* A stream that the driver calls another context's. */
static void green_stream_is_passed(void)
{
    CUgreenCtx green = green_context();
    CUdeviceptr device;
    CUstream stream;

    OK(mem.cuGreenCtxStreamCreate(&stream, green, CU_STREAM_NON_BLOCKING, 0));
    OK(cu.cuMemAlloc_v2(&device, WEIGHT));
    learn(device, WEIGHT, 19, stream);
    offload_expecting(device, WEIGHT, 19, WEIGHT, stream);
    launch_fill(device, 31, 1, stream);
    changed_expecting(device, WEIGHT, 19, 31, stream);
    /* The weight is known as ever where its own context is used. */
    learn(device, WEIGHT, 20, NULL);
    offload_expecting(device, WEIGHT, 20, 0, NULL);
    OK(cu.cuStreamDestroy_v2(stream));
    OK(mem.cuGreenCtxDestroy(green));
}

static void green_context_may_be_current(void)
{
    CUgreenCtx green = green_context();
    CUdeviceptr device;
    CUcontext context;
    int i;

    OK(cu.cuMemAlloc_v2(&device, WEIGHT));
    OK(mem.cuCtxFromGreenCtx(&context, green));
    OK(mem.cuCtxPushCurrent_v2(context));
    learn(device, WEIGHT, 21, NULL);
    for (i = 0; i < 2; i++) {
        void *host = fresh(WEIGHT);

        offload(host, device, WEIGHT, NULL);
        CHECK(holds(host, WEIGHT, 21));
        free(host);
    }
    launch_fill(device, 41, 1, NULL);
    changed_expecting(device, WEIGHT, 21, 41, NULL);
    OK(mem.cuCtxPopCurrent_v2(NULL));
    OK(mem.cuGreenCtxDestroy(green));
    learn(device, WEIGHT, 22, NULL);
    offload_expecting(device, WEIGHT, 22, 0, NULL);
}

/* -------------------------------------------------------------- devices --- */

static bool has_two_devices(void)
{
    int count = 0;

    OK(mem.cuDeviceGetCount(&count));
    return count == 2; /* SIMCUDA_DEVICES=2, set by memory.tap */
}

static void device_of_another_context_is_passed(void)
{
    CUcontext second;
    CUdeviceptr far, near;

    CHECK(has_two_devices());
    OK(cu.cuDevicePrimaryCtxRetain(&second, 1));
    OK(mem.cuCtxPushCurrent_v2(second));
    OK(cu.cuMemAlloc_v2(&far, WEIGHT));
    OK(mem.cuCtxPopCurrent_v2(NULL));
    OK(cu.cuMemAlloc_v2(&near, WEIGHT));
    learn(far, WEIGHT, 23, NULL);
    offload_expecting(far, WEIGHT, 23, WEIGHT, NULL);
    OK(mem.cuCtxEnablePeerAccess(second, 0));
    offload_expecting(far, WEIGHT, 23, WEIGHT, NULL);
    launch_fill(far, 51, 1, NULL);
    changed_expecting(far, WEIGHT, 23, 51, NULL);
    /* With its own context current it is a weight like any other, and the
     * first device's is none. */
    learn(near, WEIGHT, 24, NULL);
    OK(mem.cuCtxPushCurrent_v2(second));
    learn(far, WEIGHT, 25, NULL);
    offload_expecting(far, WEIGHT, 25, 0, NULL);
    offload_expecting(near, WEIGHT, 24, WEIGHT, NULL);
    OK(mem.cuCtxPopCurrent_v2(NULL));
    offload_expecting(near, WEIGHT, 24, 0, NULL);
}

/* A kernel of this context may read it, but the shim has no need to. */
static void mapping_of_another_device_is_passed(void)
{
    CUmemAllocationProp prop = {
        .type = CU_MEM_ALLOCATION_TYPE_PINNED,
        .location = {.type = CU_MEM_LOCATION_TYPE_DEVICE, .id = 1},
    };
    CUmemGenericAllocationHandle handle;
    CUdeviceptr at = reserved(WEIGHT);

    CHECK(has_two_devices());
    OK(mem.cuMemCreate(&handle, WEIGHT, &prop, 0));
    map(at, WEIGHT, handle);
    learn(at, WEIGHT, 26, NULL);
    offload_expecting(at, WEIGHT, 26, WEIGHT, NULL);
    launch_fill(at, 61, 1, NULL);
    changed_expecting(at, WEIGHT, 26, 61, NULL);
}

/* The device may read it, and says so, but no kernel of this context. */
static void memory_of_another_context_is_passed(void)
{
    CUdeviceptr device;
    CUcontext other;

    OK(cu.cuMemAlloc_v2(&device, WEIGHT)); /* this context has a prover now */
    OK(cu.cuCtxCreate_v2(&other, 0, 0));
    OK(cu.cuMemAlloc_v2(&device, WEIGHT));
    learn(device, WEIGHT, 27, NULL);
    offload_expecting(device, WEIGHT, 27, 0, NULL);
    OK(mem.cuCtxPopCurrent_v2(NULL));
    learn(device, WEIGHT, 28, NULL);
    offload_expecting(device, WEIGHT, 28, WEIGHT, NULL);
    OK(cu.cuCtxSynchronize());
    OK(mem.cuCtxPushCurrent_v2(other));
    offload_expecting(device, WEIGHT, 28, WEIGHT, NULL); /* of no record */
    OK(cu.cuCtxDestroy_v2(other));
}

static void scenario(void (*run)(void))
{
    find_calls();
    run();
}

#define SCENARIOS(X)                                 \
    X(mapping_cycles)                                \
    X(mapping_sleeps_and_wakes)                      \
    X(another_handle_at_the_same_address_is_copied)  \
    X(written_through_an_alias_is_copied)            \
    X(range_without_access_fails_as_ever)            \
    X(range_that_ends_inside_fails_as_ever)          \
    X(range_of_two_handles_is_passed)                \
    X(freed_address_is_copied_when_it_comes_back)    \
    X(written_through_an_import_is_copied)           \
    X(managed_memory_is_passed)                      \
    X(offload_into_managed_memory_is_passed)         \
    X(batch_copies_are_seen)                         \
    X(pool_memory_with_a_free_in_flight)             \
    X(green_stream_is_passed)                        \
    X(green_context_may_be_current)                  \
    X(device_of_another_context_is_passed)           \
    X(mapping_of_another_device_is_passed)           \
    X(memory_of_another_context_is_passed)

#define MEMORY_X(name_)            \
    static void run_##name_(void)  \
    {                              \
        scenario(name_);           \
    }
SCENARIOS(MEMORY_X)
#undef MEMORY_X

static const struct scenario scenarios[] = {
#define MEMORY_X(name_) {#name_, run_##name_},
    SCENARIOS(MEMORY_X)
#undef MEMORY_X
};

int main(int argc, char **argv)
{
    return program_main(argc, argv, scenarios,
                        sizeof(scenarios) / sizeof(scenarios[0]));
}
