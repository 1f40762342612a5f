/*
 * test_managed.c - managed memory, batches and boxes of the simulated driver.
 */
#include "simfixture.h"

#define N 4096

static CUdeviceptr allocate_managed(size_t bytes)
{
    CUdeviceptr address;

    ok(cuMemAllocManaged(&address, bytes, CU_MEM_ATTACH_GLOBAL));
    return address;
}

START_TEST(host_and_device_share_it)
{
    CUdeviceptr managed = allocate_managed(N);
    volatile uint32_t *words = (uint32_t *)(uintptr_t)managed;
    uint64_t value = 0;

    ck_assert_uint_eq(words[0], 0xdbdbdbdbu); /* SIM_POISON */
    words[1] = 4;
    launch_fill(stream_b, managed, 9, 1);
    ok(cuStreamSynchronize(stream_b));
    ck_assert_uint_eq(words[0], 9);
    ck_assert_uint_eq(words[1], 4);
    ok(cuPointerGetAttribute(&value, CU_POINTER_ATTRIBUTE_IS_MANAGED,
                             managed));
    ck_assert_uint_eq(value, 1);
    ok(cuPointerGetAttribute(&value, CU_POINTER_ATTRIBUTE_MEMORY_TYPE,
                             managed));
    ck_assert_uint_eq(value, CU_MEMORYTYPE_DEVICE);
    ok(cuPointerGetAttribute(&value, CU_POINTER_ATTRIBUTE_HOST_POINTER,
                             managed));
    ck_assert_uint_eq(value, managed);
    ck_assert_int_eq(cuMemFreeHost((void *)(uintptr_t)managed),
                     CUDA_ERROR_INVALID_VALUE);
    ok(cuMemFree_v2(managed));
    ck_assert_int_eq(cuMemFree_v2(managed), CUDA_ERROR_INVALID_VALUE);
}
END_TEST

START_TEST(it_may_stand_on_either_side_of_a_copy)
{
    CUdeviceptr managed = allocate_managed(N), device = allocate_device(N);
    uint32_t *words = (uint32_t *)(uintptr_t)managed;
    uint32_t *host = allocate_pages(N);

    host[3] = 3;
    ok(cuMemcpyHtoD_v2(managed, host, N)); /* as the device's */
    ok(cuCtxSynchronize());
    ck_assert_uint_eq(words[3], 3);
    ok(cuMemsetD32_v2(device, 8, N / 4));
    ok(cuMemcpyDtoH_v2(words, device, N)); /* as the host's */
    ck_assert_uint_eq(words[3], 8);
    words[3] = 5;
    ok(cuMemcpyHtoD_v2(device, words, N));
    ok(cuMemcpyDtoH_v2(host, managed, N));
    ck_assert_uint_eq(host[3], 5);
    ok(cuMemcpyDtoH_v2(host, device, N));
    ck_assert_uint_eq(host[3], 5);
    ok(cuMemcpyDtoD_v2(managed, device, N));
    ok(cuCtxSynchronize());
    ck_assert_uint_eq(words[0], 8);
    ck_assert_int_eq(cuMemcpyHtoD_v2(managed, host, N + 1),
                     CUDA_ERROR_INVALID_VALUE);
    ok(cuMemFree_v2(managed));
    free(host);
}
END_TEST

START_TEST(it_ends_with_its_context)
{
    CUdeviceptr managed;
    CUcontext other;
    uint64_t value;

    ok(cuCtxCreate_v2(&other, 0, 0));
    managed = allocate_managed(N);
    ok(cuCtxDestroy_v2(other));
    ck_assert_int_eq(cuPointerGetAttribute(
                         &value, CU_POINTER_ATTRIBUTE_IS_MANAGED, managed),
                     CUDA_ERROR_INVALID_VALUE);
    ck_assert_int_eq(cuMemAllocManaged(&managed, 0, CU_MEM_ATTACH_GLOBAL),
                     CUDA_ERROR_INVALID_VALUE);
    ck_assert_int_eq(cuMemAllocManaged(&managed, N, 0),
                     CUDA_ERROR_INVALID_VALUE);
}
END_TEST

/* ------------------------------------------------------------- batches --- */

struct pair {
    CUdeviceptr dsts[2], srcs[2];
    size_t sizes[2];
    CUmemcpyAttributes attributes[2];
    size_t firsts[2];
};

START_TEST(batch_copies_all)
{
    uint32_t *in = allocate_pages(N), *out = allocate_pages(N);
    CUdeviceptr device = allocate_device(N);
    struct pair up = {{device, device + N / 2},
                      {(uintptr_t)in, (uintptr_t)in + N / 2},
                      {N / 2, N / 2}, {{0}}, {0, 1}};
    struct pair down = {{(uintptr_t)out, (uintptr_t)out + N / 2},
                        {device, device + N / 2}, {N / 2, N / 2}, {{0}}, {0}};
    size_t fail = 0;

    in[0] = 1;
    in[N / 8] = 2;
    up.attributes[0].srcAccessOrder =
        CU_MEMCPY_SRC_ACCESS_ORDER_DURING_API_CALL;
    up.attributes[1].srcAccessOrder = CU_MEMCPY_SRC_ACCESS_ORDER_STREAM;
    down.attributes[0] = up.attributes[1];
    ok(cuMemcpyBatchAsync(up.dsts, up.srcs, up.sizes, 2, up.attributes,
                          up.firsts, 2, &fail, stream_b));
    ok(cuMemcpyBatchAsync_v2(down.dsts, down.srcs, down.sizes, 2,
                             down.attributes, down.firsts, 1, stream_b));
    ok(cuStreamSynchronize(stream_b));
    ck_assert_uint_eq(out[0], 1);
    ck_assert_uint_eq(out[N / 8], 2);
    free(in);
    free(out);
}
END_TEST

START_TEST(batch_reads_its_sources_when_it_says)
{
    uint32_t *in = allocate_pages(N), out[2];
    CUdeviceptr device = allocate_device(8);
    struct pair up = {{device, device + 4}, {(uintptr_t)in, (uintptr_t)in},
                      {4, 4}, {{0}}, {0, 1}};
    struct gate *gate;

    up.attributes[0].srcAccessOrder =
        CU_MEMCPY_SRC_ACCESS_ORDER_DURING_API_CALL;
    up.attributes[1].srcAccessOrder = CU_MEMCPY_SRC_ACCESS_ORDER_STREAM;
    in[0] = 1;
    gate_close(&gate, stream_b);
    ok(cuMemcpyBatchAsync_v2(up.dsts, up.srcs, up.sizes, 2, up.attributes,
                             up.firsts, 2, stream_b));
    in[0] = 2; /* too late for the first, in time for the second */
    gate_open(gate);
    ok(cuStreamSynchronize(stream_b));
    gate_end(gate);
    ok(cuMemcpyDtoH_v2(out, device, 8));
    ck_assert_uint_eq(out[0], 1);
    ck_assert_uint_eq(out[1], 2);
    free(in);
}
END_TEST

START_TEST(batch_names_what_failed)
{
    uint32_t word = 0;
    CUdeviceptr device = allocate_device(4);
    struct pair up = {{device, device + 4},
                      {(uintptr_t)&word, (uintptr_t)&word}, {4, 4}, {{0}},
                      {0}};
    size_t fail = 7;

    ck_assert_int_eq(cuMemcpyBatchAsync(up.dsts, up.srcs, up.sizes, 2,
                                        up.attributes, up.firsts, 1, &fail,
                                        stream_b),
                     CUDA_ERROR_INVALID_VALUE);
    ck_assert_uint_eq(fail, SIZE_MAX); /* no order of access is named */
    up.attributes[0].srcAccessOrder = CU_MEMCPY_SRC_ACCESS_ORDER_ANY;
    ck_assert_int_eq(cuMemcpyBatchAsync(up.dsts, up.srcs, up.sizes, 2,
                                        up.attributes, up.firsts, 1, &fail,
                                        NULL),
                     CUDA_ERROR_INVALID_VALUE);
    ck_assert_uint_eq(fail, SIZE_MAX); /* nor may the stream be the legacy */
    ck_assert_int_eq(cuMemcpyBatchAsync(up.dsts, up.srcs, up.sizes, 2,
                                        up.attributes, up.firsts, 1, &fail,
                                        stream_b),
                     CUDA_ERROR_INVALID_VALUE);
    ck_assert_uint_eq(fail, 1);
}
END_TEST

/* --------------------------------------------------------------- boxes --- */

START_TEST(boxes_are_rows)
{
    unsigned char in[2 * 3 * 8], out[2 * 3 * 4] = {0};
    CUdeviceptr device = allocate_device(2 * 3 * 16);
    CUDA_MEMCPY3D up = {
        .srcMemoryType = CU_MEMORYTYPE_HOST, .srcHost = in, .srcPitch = 8,
        .srcHeight = 3, .dstMemoryType = CU_MEMORYTYPE_DEVICE,
        .dstDevice = device, .dstPitch = 16, .dstHeight = 3,
        .WidthInBytes = 8, .Height = 3, .Depth = 2,
    };
    CUDA_MEMCPY3D down = {
        .srcMemoryType = CU_MEMORYTYPE_DEVICE, .srcDevice = device,
        .srcPitch = 16, .srcHeight = 3, .srcXInBytes = 4,
        .dstMemoryType = CU_MEMORYTYPE_HOST, .dstHost = out, .dstPitch = 4,
        .dstHeight = 3, .WidthInBytes = 4, .Height = 3, .Depth = 2,
    };

    for (size_t i = 0; i < sizeof(in); i++) {
        in[i] = (unsigned char)i;
    }
    ok(cuMemcpy3D_v2(&up));
    ok(cuMemcpy3DAsync_v2(&down, stream_a));
    ok(cuStreamSynchronize(stream_a));
    for (size_t row = 0; row < 6; row++) {
        ck_assert_int_eq(memcmp(out + row * 4, in + row * 8 + 4, 4), 0);
    }
    up.dstHeight = 4; /* slices with a gap */
    ck_assert_int_eq(cuMemcpy3D_v2(&up), CUDA_ERROR_NOT_SUPPORTED);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("managed");

    tcase_add_checked_fixture(tests, fixture_begin, fixture_end);
    tcase_add_test(tests, host_and_device_share_it);
    tcase_add_test(tests, it_may_stand_on_either_side_of_a_copy);
    tcase_add_test(tests, it_ends_with_its_context);
    tcase_add_test(tests, batch_copies_all);
    tcase_add_test(tests, batch_reads_its_sources_when_it_says);
    tcase_add_test(tests, batch_names_what_failed);
    tcase_add_test(tests, boxes_are_rows);
    return run_tests("sim_managed", tests);
}
