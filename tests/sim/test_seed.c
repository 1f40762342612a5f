/*
 * test_seed.c - SIMCUDA_SEED and the behaviours that can be switched.
 *
 * Unordered work has to be seen out of order sooner or later; ordered work
 * never. Each test repeats in one process, because the seed is read once. The
 * number of rounds makes a miss (all rounds in order) less likely than 2^-60.
 * A thread sanitizer rightly reports the first test: it is a race.
 */
#include "simfixture.h"

#include <unistd.h>

#define N_WORDS 64
#define ROUNDS 300

/* lazy_load_synchronises is on: a first launch behind a gate would hang. */
static void begin(void)
{
    fixture_begin();
    ok(cuFuncLoad(fill));
}

START_TEST(unordered_copies_are_seen_out_of_order)
{
    CUdeviceptr device = allocate_device(4 * N_WORDS);
    uint32_t *host = allocate_pinned(4 * N_WORDS);
    int n_early = 0, n_late = 0;

    for (int round = 1; round <= ROUNDS; round++) {
        launch_fill(stream_a, device, (uint32_t)round, N_WORDS);
        ok(cuMemcpyDtoHAsync_v2(host, device, 4 * N_WORDS, stream_b));
        ok(cuStreamSynchronize(stream_b)); /* nobody ordered b behind a */
        if (host[0] == (uint32_t)round) {
            n_late++;
        } else {
            n_early++;
        }
        ok(cuCtxSynchronize());
    }
    ck_assert_int_gt(n_early, 0);
    ck_assert_int_gt(n_late, 0);
}
END_TEST

START_TEST(independent_kernels_run_in_any_order)
{
    CUdeviceptr device = allocate_device(4);
    int n_first = 0, n_last = 0;
    struct gate *gate;
    uint32_t value;

    for (int round = 0; round < 60; round++) {
        gate_close(&gate, stream_b);
        launch_fill(stream_a, device, 1, 1);
        launch_fill(stream_c, device, 2, 1);
        gate_open(gate);
        ok(cuCtxSynchronize());
        ok(cuMemcpyDtoH_v2(&value, device, 4));
        n_first += value == 1;
        n_last += value == 2;
        gate_end(gate);
    }
    ck_assert_int_gt(n_first, 0);
    ck_assert_int_gt(n_last, 0);
}
END_TEST

START_TEST(ordered_work_stays_in_order)
{
    CUdeviceptr device = allocate_device(4 * N_WORDS);
    uint32_t *host = allocate_pinned(4 * N_WORDS);
    CUevent event;

    ok(cuEventCreate(&event, CU_EVENT_DISABLE_TIMING));
    for (int round = 1; round <= ROUNDS / 3; round++) {
        uint32_t value = (uint32_t)round;

        launch_fill(stream_a, device, value, N_WORDS);
        ok(cuEventRecord(event, stream_a));
        ok(cuStreamWaitEvent(stream_b, event, 0));
        ok(cuMemcpyDtoHAsync_v2(host, device, 4 * N_WORDS, stream_b));
        ok(cuStreamSynchronize(stream_b));
        ck_assert_uint_eq(host[N_WORDS - 1], value);
        ok(cuMemsetD32Async(device, value + 7, N_WORDS, NULL));
        ok(cuMemcpyDtoHAsync_v2(host, device, 4 * N_WORDS, stream_a));
        launch_fill(NULL, device, 0, N_WORDS); /* legacy: behind a */
        ok(cuStreamSynchronize(stream_a));
        ck_assert_uint_eq(host[N_WORDS - 1], value + 7);
    }
}
END_TEST

START_TEST(held_back_work_runs_without_being_waited_for)
{
    uint32_t *host = allocate_pinned(4);
    CUdeviceptr device = allocate_device(4);

    for (uint32_t round = 1; round <= 20; round++) {
        launch_fill(stream_b, device, round, 1);
        ok(cuMemcpyDtoHAsync_v2(host, device, 4, stream_b));
        while (cuStreamQuery(stream_b) == CUDA_ERROR_NOT_READY) {
            usleep(100);
        }
        ck_assert_uint_eq(*host, round);
    }
}
END_TEST

START_TEST(async_pageable_d2h_returns_early_if_told)
{
    CUdeviceptr device = allocate_device(4);
    uint32_t host = 0;
    struct gate *gate;

    gate_close(&gate, stream_b);
    launch_fill(stream_b, device, 3, 1);
    ok(cuMemcpyDtoHAsync_v2(&host, device, 4, stream_b)); /* does not wait */
    ck_assert_uint_eq(__atomic_load_n(&host, __ATOMIC_SEQ_CST), 0);
    gate_open(gate);
    ok(cuStreamSynchronize(stream_b));
    ck_assert_uint_eq(host, 3);
    gate_end(gate);
}
END_TEST

START_TEST(async_pageable_h2d_reads_late_if_told)
{
    CUdeviceptr device = allocate_device(4);
    uint32_t host = 1, back = 0;
    struct gate *gate;

    gate_close(&gate, stream_b);
    ok(cuMemcpyHtoDAsync_v2(device, &host, 4, stream_b));
    host = 2;
    gate_open(gate);
    ok(cuStreamSynchronize(stream_b));
    ok(cuMemcpyDtoH_v2(&back, device, 4));
    ck_assert_uint_eq(back, 2);
    gate_end(gate);
}
END_TEST

START_TEST(free_does_not_wait_if_told)
{
    CUdeviceptr used = allocate_device(16), unused = allocate_device(16);
    struct gate *gate;

    gate_close(&gate, stream_b);
    ok(cuMemFree_v2(unused));
    launch_fill(stream_b, used, 1, 1);
    ok(cuMemFree_v2(used)); /* is used later: that is a wrong program */
    gate_open(gate);
    ck_assert_int_eq(cuStreamSynchronize(stream_b),
                     CUDA_ERROR_ILLEGAL_ADDRESS);
}
END_TEST

START_TEST(first_launch_waits_if_told)
{
    CUdeviceptr device = allocate_device(16);
    struct gate *gate;

    ok(cuModuleLoadData(&module, "another image"));
    ok(cuModuleGetFunction(&fill, module, "fill_u32"));
    gate_close(&gate, stream_b);
    gate_open_soon(gate);
    launch_fill(stream_a, device, 1, 1); /* this fill was never loaded */
    ok(cuStreamQuery(stream_b));
    gate_end(gate);
    gate_close(&gate, stream_b);
    launch_fill(stream_a, device, 1, 1); /* now it is */
    ck_assert_int_eq(cuStreamQuery(stream_b), CUDA_ERROR_NOT_READY);
    gate_end(gate);
}
END_TEST

int main(void)
{
    TCase *seed = tcase_create("seed");

    setenv("SIMCUDA_SEED", "12345", 1);
    setenv("SIMCUDA_BEHAVIOUR",
           "pageable_d2h_async_returns_early,pageable_h2d_reads_late,"
           "free_synchronises_not,lazy_load_synchronises",
           1);
    tcase_set_timeout(seed, 60);
    tcase_add_checked_fixture(seed, begin, fixture_end);
    tcase_add_test(seed, unordered_copies_are_seen_out_of_order);
    tcase_add_test(seed, independent_kernels_run_in_any_order);
    tcase_add_test(seed, ordered_work_stays_in_order);
    tcase_add_test(seed, held_back_work_runs_without_being_waited_for);
    tcase_add_test(seed, async_pageable_d2h_returns_early_if_told);
    tcase_add_test(seed, async_pageable_h2d_reads_late_if_told);
    tcase_add_test(seed, free_does_not_wait_if_told);
    tcase_add_test(seed, first_launch_waits_if_told);
    return run_tests("sim_seed", seed);
}
