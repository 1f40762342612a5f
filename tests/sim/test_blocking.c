/*
 * test_blocking.c - which copies wait, and when they touch host memory: the
 * table of surface.md 5.1 against the simulated driver.
 *
 * "Busy" means that a kernel in the stream waits for the test. A call that
 * must not wait is made while the stream is busy: if it did, the test would
 * hang and the time limit would fail it. A call that must wait is made while
 * another thread opens the gate a moment later; that it had to wait shows in
 * the bytes, never in the time it took.
 */
#include "simfixture.h"

#define N 4096

/* The gate's kernel, then fill_u32(device, 7), in this stream. */
static void make_busy(struct gate **gate_p, CUstream stream, CUdeviceptr device)
{
    gate_close(gate_p, stream);
    launch_fill(stream, device, 7, N / 4);
}

static bool all_equal(const void *bytes, int value, size_t n)
{
    const unsigned char *at = bytes;

    for (size_t i = 0; i < n; i++) {
        if (at[i] != value) {
            return false;
        }
    }
    return true;
}

static bool all_u32(const void *bytes, uint32_t value, size_t n)
{
    const unsigned char *at = bytes;
    uint32_t word;

    for (size_t i = 0; i < n; i++) {
        memcpy(&word, at + 4 * i, 4);
        if (word != value) {
            return false;
        }
    }
    return true;
}

START_TEST(sync_pageable_h2d_waits_for_the_stream)
{
    CUdeviceptr device = allocate_device(N), other = allocate_device(N);
    unsigned char *host = malloc(N);
    struct gate *gate;

    memset(host, 1, N);
    make_busy(&gate, NULL, device);
    gate_open_soon(gate);
    ok(cuMemcpyHtoD_v2(other, host, N));
    /* It returned, so the kernels before it are done. */
    ok(cuStreamQuery(gate->query_stream));
    memset(host, 2, N); /* must not be seen: the source was read */
    ok(cuMemcpyDtoH_v2(host, other, N));
    ck_assert(all_equal(host, 1, N));
    ok(cuMemcpyDtoH_v2(host, device, N));
    ck_assert(all_u32(host, 7, N / 4));
    gate_end(gate);
    free(host);
}
END_TEST

START_TEST(sync_h2d_of_many_sizes_arrives)
{
    const size_t sizes[] = {1, 511, 65535, 65536, 65537, 300001};
    unsigned char *host = malloc(300001), *back = malloc(300001);
    CUdeviceptr device = allocate_device(300001);

    for (size_t i = 0; i < 300001; i++) {
        host[i] = (unsigned char)(i * 31 + i / 251);
    }
    for (size_t k = 0; k < 6; k++) {
        uint64_t moves = simcuda_moves(SIM_H2D_PAGEABLE);
        uint64_t bytes = simcuda_bytes(SIM_H2D_PAGEABLE);

        ok(cuMemsetD8_v2(device, 0, 300001));
        ok(cuMemcpyHtoD_v2(device, host, sizes[k]));
        ok(cuMemcpyDtoH_v2(back, device, sizes[k]));
        ck_assert(memcmp(host, back, sizes[k]) == 0);
        ck_assert_uint_eq(simcuda_moves(SIM_H2D_PAGEABLE) - moves, 1);
        ck_assert_uint_eq(simcuda_bytes(SIM_H2D_PAGEABLE) - bytes, sizes[k]);
    }
    free(host);
    free(back);
}
END_TEST

START_TEST(async_pageable_h2d_reads_the_source_before_it_returns)
{
    CUdeviceptr device = allocate_device(N), other = allocate_device(N);
    unsigned char *host = malloc(N);
    struct gate *gate;

    memset(host, 1, N);
    make_busy(&gate, stream_a, device);
    ok(cuMemcpyHtoDAsync_v2(other, host, N, stream_a));
    memset(host, 2, N);
    ck_assert_int_eq(cuStreamQuery(stream_a), CUDA_ERROR_NOT_READY);
    gate_open(gate);
    ok(cuStreamSynchronize(stream_a));
    ok(cuMemcpyDtoH_v2(host, other, N));
    ck_assert(all_equal(host, 1, N));
    gate_end(gate);
    free(host);
}
END_TEST

START_TEST(async_pinned_h2d_reads_the_source_in_stream_order)
{
    CUdeviceptr device = allocate_device(N), other = allocate_device(N);
    unsigned char *host = allocate_pinned(N), back[N];
    struct gate *gate;

    memset(host, 1, N);
    make_busy(&gate, stream_a, device);
    ok(cuMemcpyHtoDAsync_v2(other, host, N, stream_a));
    memset(host, 2, N); /* is seen: nothing was read yet */
    gate_open(gate);
    ok(cuStreamSynchronize(stream_a));
    ok(cuMemcpyDtoH_v2(back, other, N));
    ck_assert(all_equal(back, 2, N));
    gate_end(gate);
}
END_TEST

START_TEST(sync_d2h_is_complete_on_return)
{
    CUdeviceptr device = allocate_device(N);
    unsigned char *pinned = allocate_pinned(N), host[N];
    struct gate *gate;

    make_busy(&gate, NULL, device);
    gate_open_soon(gate);
    ok(cuMemcpyDtoH_v2(host, device, N));
    ck_assert(all_u32(host, 7, N / 4));
    gate_end(gate);
    ok(cuMemcpyDtoH_v2(pinned, device, N));
    ck_assert(all_u32(pinned, 7, N / 4));
}
END_TEST

START_TEST(async_pageable_d2h_is_complete_on_return)
{
    CUdeviceptr device = allocate_device(N);
    unsigned char host[N];
    struct gate *gate;

    make_busy(&gate, stream_a, device);
    gate_open_soon(gate);
    ok(cuMemcpyDtoHAsync_v2(host, device, N, stream_a));
    ck_assert(all_u32(host, 7, N / 4));
    gate_end(gate);
}
END_TEST

START_TEST(async_pinned_d2h_writes_in_stream_order)
{
    CUdeviceptr device = allocate_device(N);
    unsigned char *host = allocate_pinned(N);
    struct gate *gate;

    memset(host, 9, N);
    make_busy(&gate, stream_a, device);
    ok(cuMemcpyDtoHAsync_v2(host, device, N, stream_a));
    ck_assert(all_equal(host, 9, N)); /* not at the call */
    gate_open(gate);
    ok(cuStreamSynchronize(stream_a));
    ck_assert(all_u32(host, 7, N / 4));
    gate_end(gate);
}
END_TEST

START_TEST(partly_pinned_memory_is_pageable)
{
    CUdeviceptr device = allocate_device(N);
    unsigned char *host = allocate_pages(3 * N);
    struct gate *gate;

    ok(cuMemHostRegister_v2(host, N, 0));
    memset(host, 9, 3 * N);
    make_busy(&gate, stream_a, device);
    gate_open_soon(gate);
    ok(cuMemcpyDtoHAsync_v2(host + 1, device, N, stream_a));
    ck_assert(all_u32(host + 1, 7, N / 4));
    gate_end(gate);
    ok(cuMemHostUnregister(host));
    free(host);
}
END_TEST

START_TEST(d2d_and_memset_never_wait)
{
    CUdeviceptr device = allocate_device(N), other = allocate_device(N);
    unsigned char host[N];
    struct gate *gate;

    make_busy(&gate, NULL, device);
    ok(cuMemsetD8_v2(other, 5, N));
    ok(cuMemcpyDtoD_v2(other, device, N / 2));
    ok(cuMemcpy(other + N / 2, device, N / 4));
    ck_assert_int_eq(cuStreamQuery(NULL), CUDA_ERROR_NOT_READY);
    gate_open(gate);
    ok(cuMemcpyDtoH_v2(host, other, N));
    ck_assert(all_u32(host, 7, 3 * N / 16));
    ck_assert(all_equal(host + 3 * N / 4, 5, N / 4));
    gate_end(gate);
}
END_TEST

START_TEST(sync_memops_makes_d2d_wait)
{
    CUdeviceptr device = allocate_device(N), other = allocate_device(N);
    unsigned char host[N];
    unsigned one = 1;
    struct gate *gate;

    ok(cuPointerSetAttribute(&one, CU_POINTER_ATTRIBUTE_SYNC_MEMOPS, other));
    make_busy(&gate, NULL, device);
    gate_open_soon(gate);
    ok(cuMemcpyDtoD_v2(other, device, N));
    ok(simcuda_peek(host, other, N));
    ck_assert(all_u32(host, 7, N / 4));
    gate_end(gate);
}
END_TEST

START_TEST(memset_of_pinned_memory_waits)
{
    CUdeviceptr device = allocate_device(N);
    unsigned char *host = allocate_pinned(N);
    struct gate *gate;

    make_busy(&gate, NULL, device);
    gate_open_soon(gate);
    ok(cuMemsetD8_v2((uintptr_t)host, 3, N));
    ck_assert(all_equal(host, 3, N));
    gate_end(gate);
}
END_TEST

START_TEST(host_to_host_is_complete_on_return)
{
    CUdeviceptr device = allocate_device(N);
    unsigned char *pinned = allocate_pinned(N), host[N];
    struct gate *gate;

    memset(host, 4, N);
    make_busy(&gate, stream_a, device);
    gate_open_soon(gate);
    ok(cuMemcpyAsync((uintptr_t)pinned, (uintptr_t)host, N, stream_a));
    ck_assert(all_equal(pinned, 4, N));
    gate_end(gate);
}
END_TEST

START_TEST(free_waits_for_the_context)
{
    CUdeviceptr device = allocate_device(N), other;
    unsigned char *host = allocate_pinned(N);
    struct gate *gate;

    ok(cuMemAlloc_v2(&other, N));
    make_busy(&gate, stream_b, device); /* a non-blocking stream */
    ok(cuMemcpyDtoHAsync_v2(host, device, N, stream_b));
    gate_open_soon(gate);
    ok(cuMemFree_v2(other));
    ck_assert(all_u32(host, 7, N / 4));
    gate_end(gate);
}
END_TEST

START_TEST(copies_go_on_while_a_kernel_owns_the_device)
{
    CUdeviceptr device = allocate_device(N), other = allocate_device(N);
    unsigned char host[N], back[N];
    struct gate *gate;

    memset(host, 6, N);
    make_busy(&gate, stream_b, device);
    ok(cuMemcpyHtoDAsync_v2(other, host, N, stream_a));
    ok(cuMemcpyDtoHAsync_v2(back, other, N, stream_a));
    ck_assert(all_equal(back, 6, N));
    ck_assert_int_eq(cuStreamQuery(stream_b), CUDA_ERROR_NOT_READY);
    /* A kernel of another stream does not get to run. */
    launch_fill(stream_a, other, 1, N / 4);
    ck_assert_int_eq(cuStreamQuery(stream_a), CUDA_ERROR_NOT_READY);
    gate_open(gate);
    ok(cuStreamSynchronize(stream_a));
    gate_end(gate);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("blocking");

    tcase_add_checked_fixture(tests, fixture_begin, fixture_end);
    tcase_add_test(tests, sync_pageable_h2d_waits_for_the_stream);
    tcase_add_test(tests, sync_h2d_of_many_sizes_arrives);
    tcase_add_test(tests,
                   async_pageable_h2d_reads_the_source_before_it_returns);
    tcase_add_test(tests, async_pinned_h2d_reads_the_source_in_stream_order);
    tcase_add_test(tests, sync_d2h_is_complete_on_return);
    tcase_add_test(tests, async_pageable_d2h_is_complete_on_return);
    tcase_add_test(tests, async_pinned_d2h_writes_in_stream_order);
    tcase_add_test(tests, partly_pinned_memory_is_pageable);
    tcase_add_test(tests, d2d_and_memset_never_wait);
    tcase_add_test(tests, sync_memops_makes_d2d_wait);
    tcase_add_test(tests, memset_of_pinned_memory_waits);
    tcase_add_test(tests, host_to_host_is_complete_on_return);
    tcase_add_test(tests, free_waits_for_the_context);
    tcase_add_test(tests, copies_go_on_while_a_kernel_owns_the_device);
    return run_tests("sim_blocking", tests);
}
