/*
 * test_capture.c - what stream capture forbids, with which error, and what
 * that does to the capture (surface.md 5.3).
 */
#include "simfixture.h"

#define N 256

static CUdeviceptr device;
static CUevent event;

static void begin(void)
{
    fixture_begin();
    device = allocate_device(N);
    ok(cuEventCreate(&event, CU_EVENT_DISABLE_TIMING));
}

static void begin_capture(CUstream stream, CUstreamCaptureMode mode)
{
    ok(cuStreamBeginCapture_v2(stream, mode));
    launch_fill(stream, device, 1, 1);
}

static void expect_end(CUstream stream, CUresult want)
{
    CUgraph graph = (CUgraph)&graph;

    ck_assert_int_eq(cuStreamEndCapture(stream, &graph), want);
    if (want == CUDA_SUCCESS) {
        ok(cuGraphDestroy(graph));
    } else {
        ck_assert_ptr_null(graph);
    }
}

#define GLOBAL CU_STREAM_CAPTURE_MODE_GLOBAL
#define THREAD_LOCAL CU_STREAM_CAPTURE_MODE_THREAD_LOCAL
#define RELAXED CU_STREAM_CAPTURE_MODE_RELAXED

START_TEST(capture_begins_and_ends)
{
    CUstreamCaptureStatus status;
    const CUgraphNode *leaves;
    cuuint64_t id = 0;
    size_t n_leaves;
    CUgraph graph;

    ok(cuStreamIsCapturing(stream_a, &status));
    ck_assert_int_eq(status, CU_STREAM_CAPTURE_STATUS_NONE);
    begin_capture(stream_a, GLOBAL);
    ck_assert_int_eq(cuStreamBeginCapture_v2(stream_a, GLOBAL),
                     CUDA_ERROR_ILLEGAL_STATE);
    ok(cuStreamIsCapturing(stream_a, &status));
    ck_assert_int_eq(status, CU_STREAM_CAPTURE_STATUS_ACTIVE);
    ok(cuStreamGetCaptureInfo_v2(stream_a, &status, &id, &graph, &leaves,
                                 &n_leaves));
    ck_assert_uint_ne(id, 0);
    ck_assert_uint_eq(n_leaves, 1);
    expect_end(stream_a, CUDA_SUCCESS);
    ck_assert_int_eq(cuStreamEndCapture(stream_a, &graph),
                     CUDA_ERROR_ILLEGAL_STATE);
    ck_assert_int_eq(cuStreamBeginCapture_v2(NULL, GLOBAL),
                     CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
    ok(cuStreamBeginCapture_v2_ptsz(NULL, GLOBAL));
    expect_end(CU_STREAM_PER_THREAD, CUDA_SUCCESS);
}
END_TEST

/* One row a call that may not be made in a capture of the own thread. */
static CUresult sync_copy(void)
{
    char byte = 0;

    return cuMemcpyHtoD_v2(device, &byte, 1);
}

static CUresult sync_memset(void)
{
    return cuMemsetD8_v2(device, 0, 1);
}

static CUresult sync_stream(void)
{
    return cuStreamSynchronize(stream_b);
}

static CUresult query_stream(void)
{
    return cuStreamQuery(stream_b);
}

static CUresult sync_context(void)
{
    return cuCtxSynchronize();
}

static CUresult allocate(void)
{
    CUdeviceptr address;

    return cuMemAlloc_v2(&address, 16);
}

static CUresult release(void)
{
    return cuMemFree_v2(device);
}

static CUresult pin(void)
{
    void *host;

    return cuMemHostAlloc(&host, 16, 0);
}

static CUresult load(void)
{
    CUmodule loaded;

    return cuModuleLoadData(&loaded, "image");
}

static CUresult query_event(void)
{
    CUevent fresh;
    CUresult result;

    ok(cuEventCreate(&fresh, 0));
    result = cuEventQuery(fresh);
    ok(cuEventDestroy_v2(fresh));
    return result;
}

static CUresult (*const unsafe_calls[])(void) = {
    sync_copy, sync_memset, sync_stream, query_stream, sync_context,
    allocate, release, pin, load, query_event,
};
enum { N_UNSAFE = sizeof(unsafe_calls) / sizeof(unsafe_calls[0]) };

START_TEST(unsafe_calls_spoil_the_capture)
{
    begin_capture(stream_b, _i < N_UNSAFE ? GLOBAL : THREAD_LOCAL);
    ck_assert_int_eq(unsafe_calls[_i % N_UNSAFE](),
                     CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
    ck_assert_int_eq(cuMemsetD8Async(device, 0, 1, stream_b),
                     CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
    expect_end(stream_b, CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
    ok(unsafe_calls[_i % N_UNSAFE]());
}
END_TEST

START_TEST(relaxed_capture_allows_what_does_not_conflict)
{
    begin_capture(stream_b, RELAXED);
    ok(allocate());
    ok(sync_copy()); /* the legacy stream knows nothing of stream b */
    ok(load());
    ok(query_event());
    ok(cuStreamSynchronize(stream_a));
    expect_end(stream_b, CUDA_SUCCESS);
    begin_capture(stream_b, RELAXED);
    ck_assert_int_eq(cuStreamSynchronize(stream_b),
                     CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
    expect_end(stream_b, CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
    begin_capture(stream_b, RELAXED);
    ck_assert_int_eq(cuCtxSynchronize(),
                     CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
    expect_end(stream_b, CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
}
END_TEST

START_TEST(exchanged_mode_is_a_stack)
{
    CUstreamCaptureMode mode = RELAXED;

    begin_capture(stream_b, GLOBAL);
    ok(cuThreadExchangeStreamCaptureMode(&mode));
    ck_assert_int_eq(mode, GLOBAL);
    ok(allocate());
    ok(cuThreadExchangeStreamCaptureMode(&mode));
    ck_assert_int_eq(mode, RELAXED);
    expect_end(stream_b, CUDA_SUCCESS);
}
END_TEST

static CUresult other_result;
static CUstreamCaptureMode other_mode;

static void *allocate_elsewhere(void *argument)
{
    CUstreamCaptureMode mode = other_mode;

    (void)argument;
    ok(cuCtxSetCurrent(context));
    ok(cuThreadExchangeStreamCaptureMode(&mode));
    other_result = allocate();
    return NULL;
}

static void from_other_thread(CUstreamCaptureMode mode)
{
    pthread_t thread;

    other_mode = mode;
    ck_assert_int_eq(pthread_create(&thread, NULL, allocate_elsewhere, NULL),
                     0);
    pthread_join(thread, NULL);
}

START_TEST(global_capture_binds_other_threads)
{
    begin_capture(stream_b, GLOBAL);
    from_other_thread(THREAD_LOCAL);
    ok(other_result);
    from_other_thread(RELAXED);
    ok(other_result);
    from_other_thread(GLOBAL);
    ck_assert_int_eq(other_result, CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
    expect_end(stream_b, CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
    begin_capture(stream_b, THREAD_LOCAL);
    from_other_thread(GLOBAL);
    ok(other_result);
    expect_end(stream_b, CUDA_SUCCESS);
}
END_TEST

START_TEST(legacy_stream_may_not_depend_on_a_capture)
{
    CUstreamCaptureStatus status;

    begin_capture(stream_a, RELAXED); /* a blocking stream */
    ck_assert_int_eq(cuStreamIsCapturing(NULL, &status),
                     CUDA_ERROR_STREAM_CAPTURE_IMPLICIT);
    ok(cuStreamIsCapturing(stream_a, &status)); /* asking spoils nothing */
    ck_assert_int_eq(status, CU_STREAM_CAPTURE_STATUS_ACTIVE);
    ck_assert_int_eq(cuMemsetD8Async(device, 0, 1, NULL),
                     CUDA_ERROR_STREAM_CAPTURE_IMPLICIT);
    expect_end(stream_a, CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
    begin_capture(stream_a, RELAXED);
    ck_assert_int_eq(sync_copy(), CUDA_ERROR_STREAM_CAPTURE_IMPLICIT);
    expect_end(stream_a, CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
    begin_capture(stream_b, RELAXED); /* not a blocking one */
    ok(cuMemsetD8Async(device, 0, 1, NULL));
    ok(cuStreamIsCapturing(NULL, &status));
    expect_end(stream_b, CUDA_SUCCESS);
}
END_TEST

START_TEST(captured_event_cannot_be_asked)
{
    begin_capture(stream_b, RELAXED);
    ok(cuEventRecord(event, stream_b));
    ck_assert_int_eq(cuEventQuery(event), CUDA_ERROR_CAPTURED_EVENT);
    expect_end(stream_b, CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
    begin_capture(stream_b, RELAXED);
    ok(cuEventRecord(event, stream_b));
    ck_assert_int_eq(cuEventSynchronize(event), CUDA_ERROR_CAPTURED_EVENT);
    expect_end(stream_b, CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
    ok(cuEventRecord(event, stream_b)); /* recorded anew, it can be */
    ok(cuEventSynchronize(event));
}
END_TEST

START_TEST(forked_work_must_join)
{
    begin_capture(stream_a, GLOBAL);
    ok(cuEventRecord(event, stream_a));
    ok(cuStreamWaitEvent(stream_c, event, 0));
    launch_fill(stream_c, device, 2, 1);
    expect_end(stream_a, CUDA_ERROR_STREAM_CAPTURE_UNJOINED);
    ok(cuStreamSynchronize(stream_c)); /* it left the capture */
    begin_capture(stream_a, GLOBAL);
    ok(cuEventRecord(event, stream_a));
    ok(cuStreamWaitEvent(stream_c, event, 0));
    launch_fill(stream_c, device, 2, 1);
    ok(cuEventRecord(event, stream_c));
    ok(cuStreamWaitEvent(stream_a, event, 0));
    expect_end(stream_a, CUDA_SUCCESS);
}
END_TEST

START_TEST(only_the_origin_ends_a_capture)
{
    CUgraph graph;

    begin_capture(stream_a, GLOBAL);
    ok(cuEventRecord(event, stream_a));
    ok(cuStreamWaitEvent(stream_c, event, 0));
    ck_assert_int_eq(cuStreamEndCapture(stream_c, &graph),
                     CUDA_ERROR_STREAM_CAPTURE_UNMATCHED);
    expect_end(stream_a, CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
}
END_TEST

START_TEST(two_captures_do_not_merge)
{
    begin_capture(stream_a, RELAXED);
    begin_capture(stream_c, RELAXED);
    ok(cuEventRecord(event, stream_a));
    ck_assert_int_eq(cuStreamWaitEvent(stream_c, event, 0),
                     CUDA_ERROR_STREAM_CAPTURE_MERGE);
    expect_end(stream_a, CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
    expect_end(stream_c, CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
}
END_TEST

START_TEST(capture_depends_on_nothing_outside)
{
    ok(cuEventRecord(event, stream_c));
    begin_capture(stream_a, RELAXED);
    ck_assert_int_eq(cuStreamWaitEvent(stream_a, event, 0),
                     CUDA_ERROR_STREAM_CAPTURE_ISOLATION);
    expect_end(stream_a, CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
}
END_TEST

static void *end_elsewhere(void *argument)
{
    CUgraph graph;

    ok(cuCtxSetCurrent(context));
    other_result = cuStreamEndCapture(argument, &graph);
    if (other_result == CUDA_SUCCESS) {
        ok(cuGraphDestroy(graph));
    }
    return NULL;
}

START_TEST(another_thread_ends_relaxed_captures_only)
{
    pthread_t thread;

    begin_capture(stream_a, THREAD_LOCAL);
    pthread_create(&thread, NULL, end_elsewhere, stream_a);
    pthread_join(thread, NULL);
    ck_assert_int_eq(other_result, CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD);
    expect_end(stream_a, CUDA_SUCCESS);
    begin_capture(stream_a, RELAXED);
    pthread_create(&thread, NULL, end_elsewhere, stream_a);
    pthread_join(thread, NULL);
    ok(other_result);
}
END_TEST

START_TEST(captured_copy_reads_and_writes_late)
{
    unsigned char host[4] = {1, 1, 1, 1}, back[4] = {0};
    CUgraphExec exec;
    CUgraph graph;

    ok(cuStreamBeginCapture_v2(stream_b, GLOBAL));
    ok(cuMemcpyHtoDAsync_v2(device, host, 4, stream_b));
    ok(cuMemcpyDtoHAsync_v2(back, device, 4, stream_b)); /* does not wait */
    ok(cuStreamEndCapture(stream_b, &graph));
    ck_assert_int_eq(back[0], 0);
    ok(cuGraphInstantiateWithFlags(&exec, graph, 0));
    host[0] = 2;
    ok(cuGraphLaunch(exec, stream_b));
    ok(cuStreamSynchronize(stream_b));
    ck_assert_int_eq(back[0], 2);
    ck_assert_int_eq(back[1], 1);
    ok(cuGraphExecDestroy(exec));
    ok(cuGraphDestroy(graph));
}
END_TEST

START_TEST(destroying_the_origin_ends_the_capture)
{
    CUstream stream;

    ok(cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING));
    begin_capture(stream, GLOBAL);
    ok(cuStreamDestroy_v2(stream));
    ok(allocate());
}
END_TEST

static void count_calls(void *count)
{
    ++*(int *)count;
}

/* In stream order with the nodes around it, once a launch. */
START_TEST(captured_host_function_is_a_node)
{
    CUdeviceptr memory = allocate_device(4);
    uint32_t *back = allocate_pinned(4);
    int calls = 0;
    CUgraph graph;
    CUgraphExec exec;

    ok(cuStreamBeginCapture_v2(stream_b, GLOBAL));
    launch_fill(stream_b, memory, 6, 1);
    ok(cuLaunchHostFunc(stream_b, count_calls, &calls));
    ok(cuMemcpyDtoHAsync_v2(back, memory, 4, stream_b));
    ok(cuStreamEndCapture(stream_b, &graph));
    ok(cuGraphInstantiateWithFlags(&exec, graph, 0));
    ck_assert_int_eq(calls, 0);
    for (int launch = 1; launch <= 2; launch++) {
        *back = 0;
        ok(cuGraphLaunch(exec, stream_b));
        ok(cuStreamSynchronize(stream_b));
        ck_assert_int_eq(calls, launch);
        ck_assert_uint_eq(*back, 6);
    }
    ok(cuGraphExecDestroy(exec));
    ok(cuGraphDestroy(graph));
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("capture");

    tcase_add_checked_fixture(tests, begin, fixture_end);
    tcase_add_test(tests, capture_begins_and_ends);
    tcase_add_loop_test(tests, unsafe_calls_spoil_the_capture, 0,
                        2 * N_UNSAFE);
    tcase_add_test(tests, relaxed_capture_allows_what_does_not_conflict);
    tcase_add_test(tests, exchanged_mode_is_a_stack);
    tcase_add_test(tests, global_capture_binds_other_threads);
    tcase_add_test(tests, legacy_stream_may_not_depend_on_a_capture);
    tcase_add_test(tests, captured_event_cannot_be_asked);
    tcase_add_test(tests, forked_work_must_join);
    tcase_add_test(tests, only_the_origin_ends_a_capture);
    tcase_add_test(tests, two_captures_do_not_merge);
    tcase_add_test(tests, capture_depends_on_nothing_outside);
    tcase_add_test(tests, another_thread_ends_relaxed_captures_only);
    tcase_add_test(tests, captured_copy_reads_and_writes_late);
    tcase_add_test(tests, destroying_the_origin_ends_the_capture);
    tcase_add_test(tests, captured_host_function_is_a_node);
    return run_tests("sim_capture", tests);
}
