/*
 * test_threads.c - many threads in the simulated driver at once: the bytes of
 * each are its own, and nothing hangs. Meant for thread and address sanitizers
 * too, hence a fixed number of small rounds.
 */
#include "simfixture.h"

#define N_THREADS 4
#define ROUNDS 200
#define N 8192

/* Own stream of one kind each, own memory, all engines. */
static void *work(void *argument)
{
    uint32_t number = (uint32_t)(uintptr_t)argument;
    unsigned char *host = malloc(N), *back = malloc(N), *pinned;
    CUdeviceptr device, other;
    CUstream stream = NULL;
    void *pinned_p;

    ok(cuCtxSetCurrent(context));
    ok(cuMemHostAlloc(&pinned_p, N, 0));
    pinned = pinned_p;
    if (number % 2 == 0) {
        ok(cuStreamCreate(&stream, number % 4 == 0 ? CU_STREAM_NON_BLOCKING
                                                   : CU_STREAM_DEFAULT));
    }
    for (uint32_t round = 0; round < ROUNDS; round++) {
        unsigned char value = (unsigned char)(number * 50 + round);

        ok(cuMemAlloc_v2(&device, N));
        ok(cuMemAllocAsync(&other, N, stream));
        memset(host, value, N);
        ok(cuMemcpyHtoDAsync_v2(device, host, N, stream));
        memset(host, 0, N);
        ok(cuMemcpyDtoDAsync_v2(other, device, N, stream));
        launch_fill(stream, device, 0x01010101u * number, N / 4);
        ok(cuMemcpyDtoHAsync_v2(pinned, device, N, stream));
        ok(cuMemcpyDtoHAsync_v2(back, other, N, stream));
        ok(cuMemFreeAsync(other, stream));
        ck_assert(back[0] == value && back[N - 1] == value);
        ok(cuStreamSynchronize(stream));
        ck_assert(pinned[0] == number && pinned[N - 1] == number);
        ok(cuMemFree_v2(device));
    }
    ok(cuMemFreeHost(pinned));
    free(host);
    free(back);
    return NULL;
}

START_TEST(threads_do_not_disturb_each_other)
{
    pthread_t threads[N_THREADS];
    size_t free_bytes, total_bytes;

    for (uintptr_t i = 0; i < N_THREADS; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, work, (void *)i),
                         0);
    }
    for (int i = 0; i < N_THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    ok(cuCtxSynchronize());
    ok(cuMemGetInfo_v2(&free_bytes, &total_bytes));
    ck_assert_uint_eq(free_bytes, total_bytes);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("threads");

    tcase_add_checked_fixture(tests, fixture_begin, fixture_end);
    tcase_add_test(tests, threads_do_not_disturb_each_other);
    return run_tests("sim_threads", tests);
}
