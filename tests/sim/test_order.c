/*
 * test_order.c - what waits for what: streams, events, host functions, values
 * and graphs of the simulated driver.
 *
 * "Is behind" is shown with a gate: while it is closed the later work is not
 * done, and nothing but its order keeps it from running (the engines that it
 * needs are free). "Is not behind" is shown by waiting for the later work
 * while the gate is still closed.
 */
#include "simfixture.h"

#include <unistd.h>

#define N 1024

static CUdeviceptr device;

/* One byte to the device through the H2D engine, which no kernel owns. */
static void queue_copy(CUstream stream)
{
    static const unsigned char byte = 1;

    ok(cuMemcpyHtoDAsync_v2(device, &byte, 1, stream));
}

static void queue_copy_ptsz(CUstream stream)
{
    static const unsigned char byte = 1;

    ok(cuMemcpyHtoDAsync_v2_ptsz(device, &byte, 1, stream));
}

static void expect_behind(struct gate *gate, CUstream stream)
{
    for (int i = 0; i < 20; i++) {
        ck_assert_int_eq(cuStreamQuery(stream), CUDA_ERROR_NOT_READY);
        usleep(200);
    }
    gate_open(gate);
    ok(cuStreamSynchronize(stream));
    gate_end(gate);
}

static void expect_not_behind(struct gate *gate, CUstream stream)
{
    ok(cuStreamSynchronize(stream));
    ok(cuStreamQuery(stream));
    ck_assert_int_eq(cuStreamQuery(gate->query_stream), CUDA_ERROR_NOT_READY);
    gate_end(gate);
}

static void begin(void)
{
    fixture_begin();
    device = allocate_device(N);
}

START_TEST(blocking_stream_is_behind_legacy)
{
    struct gate *gate;

    gate_close(&gate, CU_STREAM_LEGACY);
    queue_copy(stream_a);
    expect_behind(gate, stream_a);
}
END_TEST

START_TEST(legacy_is_behind_blocking_stream)
{
    struct gate *gate;

    gate_close(&gate, stream_a);
    queue_copy(NULL);
    expect_behind(gate, NULL);
}
END_TEST

START_TEST(legacy_is_behind_every_blocking_stream)
{
    struct gate *gate;

    gate_close(&gate, stream_c);
    queue_copy(stream_a);
    queue_copy(NULL);
    queue_copy(stream_a); /* behind the legacy copy, so behind c */
    expect_behind(gate, stream_a);
}
END_TEST

START_TEST(non_blocking_stream_ignores_legacy)
{
    struct gate *gate;

    gate_close(&gate, NULL);
    queue_copy(stream_b);
    expect_not_behind(gate, stream_b);
    gate_close(&gate, stream_b);
    queue_copy(NULL);
    expect_not_behind(gate, NULL);
}
END_TEST

START_TEST(blocking_streams_ignore_each_other)
{
    struct gate *gate;

    gate_close(&gate, stream_a);
    queue_copy(stream_c);
    expect_not_behind(gate, stream_c);
}
END_TEST

START_TEST(per_thread_stream_is_blocking)
{
    struct gate *gate;

    gate_close(&gate, NULL);
    queue_copy_ptsz(NULL);
    expect_behind(gate, CU_STREAM_PER_THREAD);
    gate_close(&gate, CU_STREAM_PER_THREAD);
    queue_copy(CU_STREAM_LEGACY);
    expect_behind(gate, CU_STREAM_LEGACY);
}
END_TEST

START_TEST(per_thread_stream_ignores_other_streams)
{
    struct gate *gate;

    gate_close(&gate, stream_a);
    queue_copy_ptsz(NULL);
    expect_not_behind(gate, CU_STREAM_PER_THREAD);
}
END_TEST

static void *copy_in_own_stream(void *argument)
{
    ok(cuCtxSetCurrent(argument));
    queue_copy(CU_STREAM_PER_THREAD);
    ok(cuStreamSynchronize_ptsz(NULL));
    return NULL;
}

START_TEST(every_thread_has_its_own_stream)
{
    struct gate *gate;
    pthread_t thread;

    gate_close(&gate, CU_STREAM_PER_THREAD);
    ck_assert_int_eq(pthread_create(&thread, NULL, copy_in_own_stream,
                                    context), 0);
    pthread_join(thread, NULL);
    ck_assert_int_eq(cuStreamQuery_ptsz(NULL), CUDA_ERROR_NOT_READY);
    gate_end(gate);
}
END_TEST

START_TEST(query_of_legacy_sees_blocking_streams_only)
{
    struct gate *gate;

    gate_close(&gate, stream_b);
    ok(cuStreamQuery(NULL));
    gate_end(gate);
    gate_close(&gate, stream_a);
    ck_assert_int_eq(cuStreamQuery(NULL), CUDA_ERROR_NOT_READY);
    ok(cuStreamQuery_ptsz(NULL));
    gate_end(gate);
}
END_TEST

START_TEST(event_orders_streams)
{
    struct gate *gate;
    CUevent event;

    ok(cuEventCreate(&event, CU_EVENT_DISABLE_TIMING));
    ok(cuEventQuery(event)); /* never recorded */
    ok(cuStreamWaitEvent(stream_b, event, 0));
    gate_close(&gate, stream_a);
    ok(cuEventRecord(event, stream_a));
    ck_assert_int_eq(cuEventQuery(event), CUDA_ERROR_NOT_READY);
    ok(cuStreamWaitEvent(stream_b, event, 0));
    queue_copy(stream_b);
    expect_behind(gate, stream_b);
    ok(cuEventQuery(event));
    ok(cuEventDestroy_v2(event));
    ck_assert_int_eq(cuEventQuery(event), CUDA_ERROR_INVALID_HANDLE);
}
END_TEST

START_TEST(event_keeps_what_it_recorded)
{
    struct gate *gate;
    CUevent event;

    ok(cuEventCreate(&event, 0));
    ok(cuEventRecord(event, stream_a));
    gate_close(&gate, stream_a);
    ok(cuEventSynchronize(event)); /* was ahead of the gate */
    queue_copy(stream_b);
    ok(cuStreamWaitEvent(stream_b, event, 0));
    expect_not_behind(gate, stream_b);
}
END_TEST

START_TEST(events_tell_time)
{
    CUevent start, end;
    struct gate *gate;
    float ms = -1;

    ok(cuEventCreate(&start, 0));
    ok(cuEventCreate(&end, 0));
    ck_assert_int_eq(cuEventElapsedTime(&ms, start, end),
                     CUDA_ERROR_INVALID_HANDLE);
    ok(cuEventRecord(start, stream_a));
    gate_close(&gate, stream_a);
    ok(cuEventRecord(end, stream_a));
    ck_assert_int_eq(cuEventElapsedTime(&ms, start, end),
                     CUDA_ERROR_NOT_READY);
    usleep(2000);
    gate_open(gate);
    ok(cuEventSynchronize(end));
    ok(cuEventElapsedTime_v2(&ms, start, end));
    ck_assert(ms >= 1);
    gate_end(gate);
}
END_TEST

static int n_calls;
static CUresult result_inside;

static void count_call(void *data)
{
    CUdeviceptr address;

    result_inside = cuMemAlloc_v2(&address, 16);
    *(unsigned char *)data = 42;
    n_calls++;
}

START_TEST(host_function_runs_in_stream_order)
{
    unsigned char *host = allocate_pinned(1), back = 0;
    struct gate *gate;

    n_calls = 0;
    *host = 1;
    gate_close(&gate, stream_a);
    ok(cuLaunchHostFunc(stream_a, count_call, host));
    ok(cuMemcpyHtoDAsync_v2(device, host, 1, stream_a));
    ck_assert_int_eq(*host, 1);
    gate_open(gate);
    ok(cuMemcpyDtoHAsync_v2(&back, device, 1, stream_a));
    ck_assert_int_eq(back, 42);
    ck_assert_int_eq(n_calls, 1);
    ck_assert_int_eq(result_inside, CUDA_ERROR_NOT_PERMITTED);
    gate_end(gate);
}
END_TEST

static void note_status(CUstream stream, CUresult status, void *data)
{
    ck_assert_ptr_eq(stream, stream_a);
    *(CUresult *)data = status;
}

START_TEST(stream_callback_hears_the_status)
{
    CUresult status = CUDA_ERROR_UNKNOWN;

    ok(cuStreamAddCallback(stream_a, note_status, &status, 0));
    ok(cuStreamSynchronize(stream_a));
    ok(status);
}
END_TEST

START_TEST(value_gates_a_stream)
{
    uint32_t *flag = allocate_pinned(8);

    flag[0] = flag[1] = 0;
    ok(cuStreamWaitValue32_v2(stream_a, (uintptr_t)flag, 3,
                              CU_STREAM_WAIT_VALUE_GEQ));
    queue_copy(stream_a);
    ok(cuStreamWriteValue32_v2(stream_a, (uintptr_t)(flag + 1), 8, 0));
    ck_assert_int_eq(cuStreamQuery(stream_a), CUDA_ERROR_NOT_READY);
    ok(cuStreamWriteValue32_v2(stream_b, (uintptr_t)flag, 2, 0));
    usleep(1000);
    ck_assert_int_eq(cuStreamQuery(stream_a), CUDA_ERROR_NOT_READY);
    ok(cuStreamWriteValue32_v2(stream_b, (uintptr_t)flag, 4, 0));
    ok(cuStreamSynchronize(stream_a));
    ck_assert_uint_eq(__atomic_load_n(flag + 1, __ATOMIC_SEQ_CST), 8);
    ck_assert_int_eq(cuStreamWriteValue32_v2(stream_a, 0x1000, 1, 0),
                     CUDA_ERROR_INVALID_VALUE);
}
END_TEST

START_TEST(destroyed_stream_finishes_its_work)
{
    unsigned char *host = allocate_pinned(4);
    struct gate *gate;
    CUstream stream;

    memset(host, 0, 4);
    ok(cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING));
    gate_close(&gate, stream);
    launch_fill(stream, device, 5, 1);
    ok(cuMemcpyDtoHAsync_v2(host, device, 4, stream));
    ok(cuStreamDestroy_v2(stream));
    ck_assert_int_eq(cuStreamSynchronize(stream), CUDA_ERROR_INVALID_HANDLE);
    gate_open(gate);
    ok(cuCtxSynchronize());
    ck_assert_int_eq(host[0], 5);
    gate_end(gate);
}
END_TEST

START_TEST(parameters_are_read_at_the_launch)
{
    CUdeviceptr dst = device;
    uint32_t value = 11, back;
    uint64_t count = 1;
    void *params[] = {&dst, &value, &count};
    struct gate *gate;

    gate_close(&gate, stream_a);
    ok(launch(fill, stream_a, params));
    value = 12;
    dst = 0;
    gate_open(gate);
    ok(cuStreamSynchronize(stream_a));
    ok(cuMemcpyDtoH_v2(&back, device, 4));
    ck_assert_uint_eq(back, 11);
    gate_end(gate);
}
END_TEST

static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

START_TEST(kernels_compute)
{
    float x[3] = {1, 2, 3}, y[3] = {10, 20, 30}, a = 2;
    uint64_t count = 3, bytes = 9, want, sum = 100;
    unsigned char data[9] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    CUdeviceptr dx = allocate_device(12), dy = allocate_device(12);
    CUdeviceptr out = allocate_device(8), src = allocate_device(12) + 1;
    void *axpy_params[] = {&dy, &dx, &a, &count};
    void *digest_params[] = {&out, &src, &bytes};

    ok(cuMemcpyHtoD_v2(dx, x, 12));
    ok(cuMemcpyHtoD_v2(dy, y, 12));
    ok(launch(axpy, NULL, axpy_params));
    ok(cuMemcpyDtoH_v2(y, dy, 12));
    ck_assert(y[0] == 12 && y[1] == 24 && y[2] == 36);
    ok(cuMemcpyHtoD_v2(src, data, 9));
    ok(cuMemcpyHtoD_v2(out, &sum, 8));
    ok(launch(digest, NULL, digest_params));
    ok(cuMemcpyDtoH_v2(&sum, out, 8));
    want = 100 + mix(0x0807060504030201u + 0x9e3779b97f4a7c15u) +
           mix(9 + 2 * 0x9e3779b97f4a7c15u);
    ck_assert_uint_eq(sum, want);
}
END_TEST

START_TEST(graph_runs_what_was_captured)
{
    uint32_t *host = allocate_pinned(8);
    uint64_t moves;
    CUgraphExec exec;
    CUgraph graph;
    CUevent event;

    ok(cuEventCreate(&event, CU_EVENT_DISABLE_TIMING));
    host[0] = 0;
    ok(cuStreamBeginCapture_v2(stream_a, CU_STREAM_CAPTURE_MODE_GLOBAL));
    launch_fill(stream_a, device, 1, 2);
    ok(cuEventRecord(event, stream_a));
    ok(cuStreamWaitEvent(stream_b, event, 0)); /* b joins */
    launch_fill(stream_b, device, 2, 1);
    ok(cuMemcpyDtoHAsync_v2(host, device, 8, stream_b));
    ok(cuEventRecord(event, stream_b));
    ok(cuStreamWaitEvent(stream_a, event, 0));
    ok(cuStreamEndCapture(stream_a, &graph));
    moves = simcuda_moves(SIM_D2H_PINNED);
    ok(cuGraphInstantiateWithFlags(&exec, graph, 0));
    ok(cuGraphDestroy(graph));
    ok(cuStreamSynchronize(stream_a));
    ck_assert_uint_eq(host[0], 0); /* nothing ran */
    for (int i = 0; i < 3; i++) {
        host[0] = host[1] = 0;
        ok(cuGraphLaunch(exec, stream_a));
        ok(cuStreamSynchronize(stream_a));
        ck_assert_uint_eq(host[0], 2);
        ck_assert_uint_eq(host[1], 1);
    }
    ck_assert_uint_eq(simcuda_moves(SIM_D2H_PINNED), moves + 3);
    ok(cuGraphExecDestroy(exec));
}
END_TEST

/* Captured in b: a kernel that waits for *flag, then a copy to *host. */
static CUgraphExec capture_gated_copy(uint32_t *flag, uint32_t *host)
{
    CUdeviceptr address = (uintptr_t)flag;
    uint32_t one = 1;
    void *params[] = {&address, &one};
    CUgraphExec exec;
    CUgraph graph;

    ok(cuStreamBeginCapture_v2(stream_b, CU_STREAM_CAPTURE_MODE_RELAXED));
    ok(launch(wait_flag, stream_b, params));
    ok(cuMemcpyDtoHAsync_v2(host, device, 4, stream_b));
    ok(cuStreamEndCapture(stream_b, &graph));
    ok(cuGraphInstantiateWithFlags(&exec, graph, 0));
    ok(cuGraphDestroy(graph));
    return exec;
}

START_TEST(graph_keeps_its_inner_order)
{
    uint32_t *flag = allocate_pinned(4), *host = allocate_pinned(4);
    CUgraphExec exec = capture_gated_copy(flag, host);

    *flag = *host = 0;
    ok(cuMemsetD32_v2(device, 6, 1));
    ok(cuCtxSynchronize());
    ok(cuGraphLaunch(exec, stream_a));
    usleep(3000);
    ck_assert_uint_eq(__atomic_load_n(host, __ATOMIC_SEQ_CST), 0);
    __atomic_store_n(flag, 1, __ATOMIC_SEQ_CST);
    ok(cuStreamSynchronize(stream_a));
    ck_assert_uint_eq(*host, 6);
    ok(cuGraphExecDestroy(exec));
}
END_TEST

START_TEST(graph_is_in_stream_order)
{
    uint32_t *host = allocate_pinned(4), back;
    CUgraphExec exec;
    struct gate *gate;
    CUgraph graph;

    *host = 6;
    ok(cuMemsetD32_v2(device, 1, 1));
    ok(cuCtxSynchronize());
    ok(cuStreamBeginCapture_v2(stream_b, CU_STREAM_CAPTURE_MODE_RELAXED));
    ok(cuMemcpyHtoDAsync_v2(device, host, 4, stream_b));
    ok(cuStreamEndCapture(stream_b, &graph));
    ok(cuGraphInstantiateWithFlags(&exec, graph, 0));
    gate_close(&gate, stream_a);
    ok(cuGraphLaunch(exec, stream_a));
    usleep(3000);
    ok(simcuda_peek(&back, device, 4));
    ck_assert_uint_eq(back, 1); /* the copy's engine was free all the time */
    gate_open(gate);
    ok(cuMemcpyDtoHAsync_v2(&back, device, 4, stream_a));
    ck_assert_uint_eq(back, 6);
    gate_end(gate);
    ok(cuGraphExecDestroy(exec));
    ok(cuGraphDestroy(graph));
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("order");

    tcase_add_checked_fixture(tests, begin, fixture_end);
    tcase_add_test(tests, blocking_stream_is_behind_legacy);
    tcase_add_test(tests, legacy_is_behind_blocking_stream);
    tcase_add_test(tests, legacy_is_behind_every_blocking_stream);
    tcase_add_test(tests, non_blocking_stream_ignores_legacy);
    tcase_add_test(tests, blocking_streams_ignore_each_other);
    tcase_add_test(tests, per_thread_stream_is_blocking);
    tcase_add_test(tests, per_thread_stream_ignores_other_streams);
    tcase_add_test(tests, every_thread_has_its_own_stream);
    tcase_add_test(tests, query_of_legacy_sees_blocking_streams_only);
    tcase_add_test(tests, event_orders_streams);
    tcase_add_test(tests, event_keeps_what_it_recorded);
    tcase_add_test(tests, events_tell_time);
    tcase_add_test(tests, host_function_runs_in_stream_order);
    tcase_add_test(tests, stream_callback_hears_the_status);
    tcase_add_test(tests, value_gates_a_stream);
    tcase_add_test(tests, destroyed_stream_finishes_its_work);
    tcase_add_test(tests, parameters_are_read_at_the_launch);
    tcase_add_test(tests, kernels_compute);
    tcase_add_test(tests, graph_runs_what_was_captured);
    tcase_add_test(tests, graph_keeps_its_inner_order);
    tcase_add_test(tests, graph_is_in_stream_order);
    return run_tests("sim_order", tests);
}
