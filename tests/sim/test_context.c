/*
 * test_context.c - contexts of the simulated driver, what breaks them and for
 * whom: sticky errors, reset, the stack of each thread, fork.
 */
#include "simfixture.h"

#include <sys/wait.h>

#define N 4096

/* Everything that works in the context says so; what only asks does not. */
static void expect_broken(CUresult error)
{
    CUdeviceptr address;
    CUcontext now;
    CUevent event;
    char byte = 0;

    ck_assert_int_eq(cuStreamSynchronize(stream_b), error);
    ck_assert_int_eq(cuStreamQuery(NULL), error);
    ck_assert_int_eq(cuCtxSynchronize(), error);
    ck_assert_int_eq(cuMemAlloc_v2(&address, 16), error);
    ck_assert_int_eq(cuMemcpyHtoD_v2(0x1000, &byte, 1), error);
    ck_assert_int_eq(cuEventCreate(&event, 0), error);
    ok(cuCtxGetCurrent(&now));
    ck_assert_ptr_eq(now, context);
}

START_TEST(kernel_out_of_range_is_sticky)
{
    CUdeviceptr device = allocate_device(1000);
    CUcontext other;

    launch_fill(stream_a, device, 1, 250);
    ok(cuStreamSynchronize(stream_a));
    launch_fill(stream_a, device, 1, 251); /* one word too many */
    ck_assert_int_eq(cuStreamSynchronize(stream_a),
                     CUDA_ERROR_ILLEGAL_ADDRESS);
    expect_broken(CUDA_ERROR_ILLEGAL_ADDRESS);
    ok(cuCtxCreate_v2(&other, 0, 0)); /* contexts break alone */
    ok(cuMemAlloc_v2(&device, 16));
    ok(cuCtxDestroy_v2(other));
    expect_broken(CUDA_ERROR_ILLEGAL_ADDRESS);
}
END_TEST

START_TEST(kernel_may_not_touch_pageable_or_freed_memory)
{
    CUdeviceptr device = allocate_device(N);

    ok(cuMemFree_v2(device));
    launch_fill(NULL, device, 1, 1);
    ck_assert_int_eq(cuCtxSynchronize(), CUDA_ERROR_ILLEGAL_ADDRESS);
}
END_TEST

START_TEST(kernel_must_align)
{
    launch_fill(NULL, allocate_device(N) + 2, 1, 1);
    ck_assert_int_eq(cuCtxSynchronize(), CUDA_ERROR_MISALIGNED_ADDRESS);
}
END_TEST

START_TEST(work_behind_the_error_does_not_run)
{
    unsigned char *pinned = allocate_pinned(4);
    CUdeviceptr device = allocate_device(4);
    struct gate *gate;

    memset(pinned, 3, 4);
    gate_close(&gate, stream_a);
    launch_fill(stream_a, 0x1000, 1, 1);
    ok(cuMemcpyDtoHAsync_v2(pinned, device, 4, stream_a));
    gate_open(gate);
    ck_assert_int_eq(cuStreamSynchronize(stream_a),
                     CUDA_ERROR_ILLEGAL_ADDRESS);
    ck_assert_uint_eq(pinned[0], 3);
}
END_TEST

START_TEST(primary_context_comes_back_after_reset)
{
    CUdeviceptr device;
    CUcontext primary, again;
    unsigned flags;
    int active;

    ok(cuDevicePrimaryCtxGetState(0, &flags, &active));
    ck_assert_int_eq(active, 0);
    ok(cuDevicePrimaryCtxRetain(&primary, 0));
    ok(cuCtxPushCurrent_v2(primary));
    ok(cuMemAlloc_v2(&device, 16));
    ok(simcuda_break(NULL, CUDA_ERROR_LAUNCH_FAILED));
    ck_assert_int_eq(cuMemFree_v2(device), CUDA_ERROR_LAUNCH_FAILED);
    ok(cuDevicePrimaryCtxReset_v2(0));
    ck_assert_int_eq(cuMemFree_v2(device), CUDA_ERROR_INVALID_VALUE);
    ok(cuMemAlloc_v2(&device, 16));
    ok(cuCtxPopCurrent_v2(&again));
    ck_assert_ptr_eq(again, primary);
    ok(cuDevicePrimaryCtxRelease_v2(0));
    ck_assert_int_eq(cuCtxPushCurrent_v2(primary), CUDA_ERROR_INVALID_CONTEXT);
    ck_assert_int_eq(cuDevicePrimaryCtxRelease_v2(0),
                     CUDA_ERROR_INVALID_CONTEXT);
}
END_TEST

START_TEST(contexts_are_a_stack)
{
    CUcontext a, b, now;
    CUdeviceptr device;

    ok(cuCtxCreate_v2(&a, 0, 0));
    ok(cuCtxCreate_v2(&b, 0, 0));
    ok(cuCtxPopCurrent_v2(&now));
    ck_assert_ptr_eq(now, b);
    ok(cuCtxGetCurrent(&now));
    ck_assert_ptr_eq(now, a);
    ok(cuCtxSetCurrent(b));
    ok(cuCtxDestroy_v2(a));
    ok(cuCtxGetCurrent(&now));
    ck_assert_ptr_eq(now, b);
    ok(cuCtxDestroy_v2(b));
    ok(cuCtxGetCurrent(&now));
    ck_assert_ptr_eq(now, context);
    ok(cuCtxSetCurrent(NULL));
    ck_assert_int_eq(cuMemAlloc_v2(&device, 1), CUDA_ERROR_INVALID_CONTEXT);
    ck_assert_int_eq(cuCtxSetCurrent(a), CUDA_ERROR_INVALID_CONTEXT);
    ok(cuCtxSetCurrent(context));
}
END_TEST

START_TEST(child_of_fork_is_inert)
{
    int status;
    pid_t child = fork();

    if (child == 0) {
        CUdeviceptr device;
        bool inert = cuMemAlloc_v2(&device, 16) ==
                         CUDA_ERROR_NOT_INITIALIZED &&
                     cuInit(0) == CUDA_ERROR_NOT_INITIALIZED;

        _exit(inert ? 0 : 1);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    ok(cuMemFree_v2(allocate_device(16))); /* the parent goes on */
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("context");

    tcase_add_checked_fixture(tests, fixture_begin, fixture_end);
    tcase_add_test(tests, kernel_out_of_range_is_sticky);
    tcase_add_test(tests, kernel_may_not_touch_pageable_or_freed_memory);
    tcase_add_test(tests, kernel_must_align);
    tcase_add_test(tests, work_behind_the_error_does_not_run);
    tcase_add_test(tests, primary_context_comes_back_after_reset);
    tcase_add_test(tests, contexts_are_a_stack);
    tcase_add_test(tests, child_of_fork_is_inert);
    return run_tests("sim_context", tests);
}
