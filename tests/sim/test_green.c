/*
 * test_green.c - green contexts of the simulated driver, and several devices
 * (SIMCUDA_DEVICES=2, set in main): who may touch whose memory.
 */
#include "simfixture.h"

#define N 4096

static CUgreenCtx green;
static CUcontext primary, converted;
static CUstream green_stream;

static void green_begin(void)
{
    CUdevResource all, half;
    CUdevResourceDesc desc;
    unsigned int n = 1;

    fixture_begin();
    ok(cuDevicePrimaryCtxRetain(&primary, 0));
    ok(cuDeviceGetDevResource(0, &all, CU_DEV_RESOURCE_TYPE_SM));
    ok(cuDevSmResourceSplitByCount(&half, &n, &all, NULL, 0, 8));
    ck_assert_uint_eq(n, 1);
    ck_assert_uint_eq(half.sm.smCount, 8);
    ok(cuDevResourceGenerateDesc(&desc, &half, 1));
    ok(cuGreenCtxCreate(&green, desc, 0, CU_GREEN_CTX_DEFAULT_STREAM));
    ok(cuCtxFromGreenCtx(&converted, green));
    ok(cuGreenCtxStreamCreate(&green_stream, green, CU_STREAM_NON_BLOCKING,
                              0));
}

static void green_end(void)
{
    while (gates != NULL) {
        gate_end(gates);
    }
    cuStreamDestroy_v2(green_stream);
    cuGreenCtxDestroy(green); /* in vain if the test did it */
    fixture_end();
    ok(cuDevicePrimaryCtxRelease_v2(0));
}

START_TEST(stream_answers_its_green_context)
{
    CUcontext answer = NULL;
    CUgreenCtx of_stream = NULL;

    ck_assert_ptr_ne(converted, primary);
    ok(cuStreamGetCtx(green_stream, &answer));
    ck_assert_ptr_eq(answer, converted);
    ok(cuStreamGetCtx_v2(green_stream, &answer, &of_stream));
    ck_assert_ptr_eq(answer, converted);
    ck_assert_ptr_eq(of_stream, green);
    ok(cuStreamGetGreenCtx(green_stream, &of_stream));
    ck_assert_ptr_eq(of_stream, green);
    ok(cuStreamGetGreenCtx(stream_a, &of_stream));
    ck_assert_ptr_null(of_stream);
    ok(cuCtxSetCurrent(converted));
    ok(cuStreamGetGreenCtx(NULL, &of_stream));
    ck_assert_ptr_eq(of_stream, green);
    ok(cuStreamGetCtx(NULL, &answer));
    ck_assert_ptr_eq(answer, converted);
}
END_TEST

/* Memory and modules are those of the primary context. */
START_TEST(work_of_both_meets_in_the_primary_context)
{
    CUdeviceptr device;
    CUfunction fill_there;
    CUmodule there;
    uint32_t value = 6, word;
    uint64_t count = N / 4;
    void *params[] = {&device, &value, &count};

    ok(cuCtxSetCurrent(primary));
    ok(cuModuleLoadData(&there, "any image"));
    ok(cuModuleGetFunction(&fill_there, there, "fill_u32"));
    device = allocate_device(N);
    ok(launch(fill_there, green_stream, params));
    ok(cuStreamSynchronize(green_stream));
    ok(cuMemcpyDtoH_v2(&word, device + N - 4, 4));
    ck_assert_uint_eq(word, 6);
    ok(cuCtxSetCurrent(converted));
    ok(launch(fill_there, NULL, params));
    ok(cuCtxSynchronize());
    value = 0;
    ck_assert_int_eq(launch(fill_there, stream_a, params),
                     CUDA_ERROR_INVALID_HANDLE); /* of a third context */
    ok(cuMemFree_v2(device));
}
END_TEST

START_TEST(error_of_one_is_sticky_for_both)
{
    CUdeviceptr nowhere = 4096;
    CUfunction fill_there;
    CUmodule there;
    uint32_t value = 6;
    uint64_t count = 1;
    void *params[] = {&nowhere, &value, &count};

    ok(cuCtxSetCurrent(primary));
    ok(cuModuleLoadData(&there, "any image"));
    ok(cuModuleGetFunction(&fill_there, there, "fill_u32"));
    ok(launch(fill_there, green_stream, params));
    ck_assert_int_eq(cuStreamSynchronize(green_stream),
                     CUDA_ERROR_ILLEGAL_ADDRESS);
    ck_assert_int_eq(cuCtxSynchronize(), CUDA_ERROR_ILLEGAL_ADDRESS);
    ok(cuCtxSetCurrent(converted));
    ck_assert_int_eq(cuCtxSynchronize(), CUDA_ERROR_ILLEGAL_ADDRESS);
    ok(cuDevicePrimaryCtxReset_v2(0));
    ck_assert_int_eq(cuStreamQuery(green_stream),
                     CUDA_ERROR_CONTEXT_IS_DESTROYED);
}
END_TEST

START_TEST(green_context_ends_before_the_primary_one)
{
    CUcontext again;
    CUdeviceptr device;

    ok(cuCtxSetCurrent(converted));
    device = allocate_device(N);
    ok(cuStreamDestroy_v2(green_stream));
    ok(cuGreenCtxDestroy(green));
    ck_assert_int_eq(cuGreenCtxDestroy(green), CUDA_ERROR_INVALID_CONTEXT);
    ck_assert_int_eq(cuCtxFromGreenCtx(&again, green),
                     CUDA_ERROR_INVALID_CONTEXT);
    ck_assert_int_eq(cuCtxSynchronize(), CUDA_ERROR_CONTEXT_IS_DESTROYED);
    ok(cuCtxSetCurrent(primary));
    ok(cuMemsetD8_v2(device, 1, N)); /* it was the primary context's */
    ok(cuMemFree_v2(device));
}
END_TEST

START_TEST(misuse_of_resources_is_refused)
{
    CUdevResource all, groups[4], rest;
    CUdevResourceDesc desc;
    CUstream stream;
    unsigned int n = 4;

    ok(cuDeviceGetDevResource(0, &all, CU_DEV_RESOURCE_TYPE_SM));
    ok(cuDevSmResourceSplitByCount(NULL, &n, &all, NULL, 0, 3));
    ck_assert_uint_eq(n, 2);
    n = 4;
    ok(cuDevSmResourceSplitByCount(groups, &n, &all, &rest, 0, 3));
    ck_assert_uint_eq(n, 2);
    ck_assert_int_eq(
        cuDevSmResourceSplitByCount(groups + 2, &n, groups, NULL, 0, 1),
        CUDA_ERROR_INVALID_RESOURCE_CONFIGURATION);
    groups[2] = all;
    ck_assert_int_eq(cuDevResourceGenerateDesc(&desc, groups + 1, 2),
                     CUDA_ERROR_INVALID_RESOURCE_CONFIGURATION);
    ok(cuDevResourceGenerateDesc(&desc, groups, 2));
    ck_assert_int_eq(cuGreenCtxCreate(&green, desc, 0, 0),
                     CUDA_ERROR_INVALID_VALUE);
    ck_assert_int_eq(
        cuGreenCtxStreamCreate(&stream, green, CU_STREAM_DEFAULT, 0),
        CUDA_ERROR_INVALID_VALUE);
}
END_TEST

/* ------------------------------------------------------------- devices --- */

static CUcontext second;

static void devices_begin(void)
{
    fixture_begin();
    ok(cuCtxCreate_v2(&second, 0, 1));
    ok(cuCtxPopCurrent_v2(NULL));
}

static void devices_end(void)
{
    while (gates != NULL) {
        gate_end(gates);
    }
    ok(cuCtxDestroy_v2(second));
    fixture_end();
}

static CUdeviceptr allocate_on_second(size_t bytes)
{
    CUdeviceptr device;

    ok(cuCtxPushCurrent_v2(second));
    device = allocate_device(bytes);
    ok(cuCtxPopCurrent_v2(NULL));
    return device;
}

START_TEST(devices_have_their_own_memory)
{
    CUdeviceptr far = allocate_on_second(N);
    CUdevice ordinal = -1;
    size_t free_bytes, total_bytes;
    int count = 0, can = 0;
    uint32_t word;

    ok(cuDeviceGetCount(&count));
    ck_assert_int_eq(count, 2);
    ok(cuDeviceCanAccessPeer(&can, 0, 1));
    ck_assert_int_eq(can, 1);
    ok(cuMemGetInfo_v2(&free_bytes, &total_bytes));
    ck_assert_uint_eq(free_bytes, total_bytes);
    ok(cuPointerGetAttribute(&ordinal, CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL,
                             far));
    ck_assert_int_eq(ordinal, 1);
    /* A copy reaches it from any context. */
    ok(cuMemsetD32_v2(far, 3, N / 4));
    ok(cuMemcpyDtoH_v2(&word, far, 4));
    ck_assert_uint_eq(word, 3);
}
END_TEST

START_TEST(kernel_needs_peer_access)
{
    CUdeviceptr far = allocate_on_second(N);
    unsigned flags = 9;
    uint32_t word;

    ok(cuPointerGetAttribute(&flags, CU_POINTER_ATTRIBUTE_ACCESS_FLAGS, far));
    ck_assert_uint_eq(flags, CU_POINTER_ATTRIBUTE_ACCESS_FLAG_NONE);
    ok(cuCtxEnablePeerAccess(second, 0));
    ck_assert_int_eq(cuCtxEnablePeerAccess(second, 0),
                     CUDA_ERROR_PEER_ACCESS_ALREADY_ENABLED);
    ok(cuPointerGetAttribute(&flags, CU_POINTER_ATTRIBUTE_ACCESS_FLAGS, far));
    ck_assert_uint_eq(flags, CU_POINTER_ATTRIBUTE_ACCESS_FLAG_READWRITE);
    launch_fill(stream_b, far, 4, N / 4);
    ok(cuStreamSynchronize(stream_b));
    ok(cuMemcpyDtoH_v2(&word, far + N - 4, 4));
    ck_assert_uint_eq(word, 4);
    ok(cuCtxDisablePeerAccess(second));
    launch_fill(stream_b, far, 5, 1);
    ck_assert_int_eq(cuStreamSynchronize(stream_b),
                     CUDA_ERROR_ILLEGAL_ADDRESS);
}
END_TEST

START_TEST(memory_of_another_context_breaks_a_kernel)
{
    unsigned flags = 9;
    CUcontext other;
    CUdeviceptr theirs;

    ok(cuCtxCreate_v2(&other, 0, 0));
    theirs = allocate_device(N);
    ok(cuCtxPopCurrent_v2(NULL));
    ok(cuPointerGetAttribute(&flags, CU_POINTER_ATTRIBUTE_ACCESS_FLAGS,
                             theirs));
    ck_assert_uint_eq(flags, CU_POINTER_ATTRIBUTE_ACCESS_FLAG_READWRITE);
    launch_fill(stream_b, theirs, 5, 1);
    ck_assert_int_eq(cuStreamSynchronize(stream_b),
                     CUDA_ERROR_ILLEGAL_ADDRESS);
    ok(cuCtxDestroy_v2(other));
}
END_TEST

/* A kernel that owns one device leaves the other alone. */
START_TEST(devices_have_their_own_engines)
{
    CUdeviceptr far = allocate_on_second(N);
    CUfunction fill_there;
    CUmodule there;
    uint32_t value = 8, word;
    uint64_t count = 1;
    void *params[] = {&far, &value, &count};
    struct gate *gate;

    gate_close(&gate, stream_b);
    ok(cuCtxPushCurrent_v2(second));
    ok(cuModuleLoadData(&there, "any image"));
    ok(cuModuleGetFunction(&fill_there, there, "fill_u32"));
    ok(launch(fill_there, NULL, params));
    ok(cuCtxSynchronize());
    ok(cuMemcpyDtoH_v2(&word, far, 4));
    ck_assert_uint_eq(word, 8);
    ok(cuCtxPopCurrent_v2(NULL));
    ck_assert_int_eq(cuStreamQuery(stream_b), CUDA_ERROR_NOT_READY);
    gate_end(gate);
    ok(cuStreamSynchronize(stream_b));
}
END_TEST

START_TEST(mapping_has_access_by_device)
{
    CUmemAllocationProp prop = {
        .type = CU_MEM_ALLOCATION_TYPE_PINNED,
        .location = {.type = CU_MEM_LOCATION_TYPE_DEVICE, .id = 1},
    };
    CUmemAccessDesc access = {.location = prop.location,
                              .flags = CU_MEM_ACCESS_FLAGS_PROT_READWRITE};
    size_t bytes = (size_t)2 << 20;
    CUmemGenericAllocationHandle handle;
    CUdeviceptr at;
    uint32_t word;

    ok(cuMemCreate(&handle, bytes, &prop, 0));
    ok(cuMemAddressReserve(&at, bytes, 0, 0, 0));
    ok(cuMemMap(at, bytes, 0, handle, 0));
    ok(cuMemSetAccess(at, bytes, &access, 1));
    ck_assert_int_eq(cuMemcpyDtoH_v2(&word, at, 4), CUDA_ERROR_INVALID_VALUE);
    ok(cuCtxPushCurrent_v2(second));
    ok(cuMemcpyDtoH_v2(&word, at, 4));
    ok(cuCtxPopCurrent_v2(NULL));
    access.location.id = 0;
    ok(cuMemSetAccess(at, bytes, &access, 1));
    launch_fill(stream_b, at, 2, 1);
    ok(cuStreamSynchronize(stream_b));
    ok(cuMemUnmap(at, bytes));
    ok(cuMemRelease(handle));
    ok(cuMemAddressFree(at, bytes));
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("green"), *devices = tcase_create("devices");
    Suite *suite = suite_create("sim_green");
    SRunner *runner;
    int failed;

    setenv("SIMCUDA_DEVICES", "2", 1);
    tcase_add_checked_fixture(tests, green_begin, green_end);
    tcase_add_test(tests, stream_answers_its_green_context);
    tcase_add_test(tests, work_of_both_meets_in_the_primary_context);
    tcase_add_test(tests, error_of_one_is_sticky_for_both);
    tcase_add_test(tests, green_context_ends_before_the_primary_one);
    tcase_add_test(tests, misuse_of_resources_is_refused);
    tcase_add_checked_fixture(devices, devices_begin, devices_end);
    tcase_add_test(devices, devices_have_their_own_memory);
    tcase_add_test(devices, kernel_needs_peer_access);
    tcase_add_test(devices, memory_of_another_context_breaks_a_kernel);
    tcase_add_test(devices, devices_have_their_own_engines);
    tcase_add_test(devices, mapping_has_access_by_device);
    suite_add_tcase(suite, tests);
    suite_add_tcase(suite, devices);
    runner = srunner_create(suite);
    alarm(TIME_LIMIT_S);
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
