/*
 * test_streams.c - what is known of the program's streams, against a query
 * that answers from a table.
 */
#include "track/streams.h"

#include <check.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#define CONTEXT_A ((CUcontext)0xa0)
#define CONTEXT_B ((CUcontext)0xb0)

static struct csh_streams streams;

/* Streams are 0x10, 0x11, ...; the table says what the query answers. */
static CUresult answers[32];
static CUresult legacy, per_thread;
static int n_asked[32], n_asked_legacy, n_asked_per_thread;

static CUstream stream(unsigned i)
{
    return (CUstream)(uintptr_t)(0x10 + i);
}

static CUresult CUDAAPI query(CUstream handle)
{
    uintptr_t i = (uintptr_t)handle - 0x10;

    if (handle == CU_STREAM_LEGACY) {
        n_asked_legacy++;
        return legacy;
    }
    if (handle == CU_STREAM_PER_THREAD) {
        n_asked_per_thread++;
        return per_thread;
    }
    ck_assert_uint_lt(i, 32);
    n_asked[i]++;
    return answers[i];
}

static void start(void)
{
    const struct csh_streams none = CSH_STREAMS_INIT;

    streams = none;
}

static void stop(void)
{
    csh_streams_remove_context(&streams, CONTEXT_A);
    csh_streams_remove_context(&streams, CONTEXT_B);
    ck_assert_ptr_null(streams.nodes);
}

START_TEST(test_snapshot_is_of_one_context)
{
    CUstream array[2] = {NULL, NULL};

    csh_streams_add(&streams, CONTEXT_A, stream(0));
    csh_streams_add(&streams, CONTEXT_B, stream(1));
    csh_streams_add(&streams, CONTEXT_A, stream(2));
    csh_streams_add(&streams, CONTEXT_A, stream(2));
    csh_streams_add(&streams, CONTEXT_A, NULL);
    ck_assert_uint_eq(csh_streams_snapshot(&streams, CONTEXT_A, array, 1), 2);
    ck_assert_ptr_null(array[1]);
    ck_assert_uint_eq(csh_streams_snapshot(&streams, CONTEXT_A, array, 2), 2);
    ck_assert((array[0] == stream(0)) || (array[1] == stream(0)));
    ck_assert((array[0] == stream(2)) || (array[1] == stream(2)));
    ck_assert_uint_eq(csh_streams_snapshot(&streams, CONTEXT_B, array, 2), 1);
    ck_assert_ptr_eq(array[0], stream(1));
}
END_TEST

START_TEST(test_idle_needs_every_stream_of_the_context)
{
    csh_streams_add(&streams, CONTEXT_A, stream(0));
    csh_streams_add(&streams, CONTEXT_A, stream(1));
    csh_streams_add(&streams, CONTEXT_B, stream(2));
    answers[2] = CUDA_ERROR_NOT_READY;
    ck_assert_int_eq(csh_streams_query(&streams, CONTEXT_A, query), CSH_IDLE);
    ck_assert_int_eq(n_asked[0], 1);
    ck_assert_int_eq(n_asked[1], 1);
    ck_assert_int_eq(n_asked[2], 0);
    ck_assert_int_eq(n_asked_legacy, 1);
    ck_assert_int_eq(n_asked_per_thread, 0);

    answers[0] = CUDA_ERROR_NOT_READY;
    ck_assert_int_eq(csh_streams_query(&streams, CONTEXT_A, query), CSH_BUSY);
    answers[0] = CUDA_SUCCESS;
    answers[1] = CUDA_ERROR_NOT_READY;
    ck_assert_int_eq(csh_streams_query(&streams, CONTEXT_A, query), CSH_BUSY);
    answers[1] = CUDA_ERROR_INVALID_HANDLE;
    ck_assert_int_eq(csh_streams_query(&streams, CONTEXT_A, query),
                     CSH_IDLENESS_UNKNOWN);
    answers[1] = CUDA_SUCCESS;
    legacy     = CUDA_ERROR_NOT_READY;
    ck_assert_int_eq(csh_streams_query(&streams, CONTEXT_A, query), CSH_BUSY);
}
END_TEST

START_TEST(test_a_stream_that_is_unknown_is_never_idle)
{
    csh_streams_add(&streams, CONTEXT_A, stream(0));
    csh_streams_note_unknown(&streams);
    ck_assert_int_eq(csh_streams_query(&streams, CONTEXT_A, query),
                     CSH_IDLENESS_UNKNOWN);
    csh_streams_remove_context(&streams, CONTEXT_A);
    ck_assert_int_eq(csh_streams_query(&streams, CONTEXT_A, query),
                     CSH_IDLENESS_UNKNOWN);
}
END_TEST

START_TEST(test_work_outlives_its_stream)
{
    csh_streams_add(&streams, CONTEXT_A, stream(0));
    csh_streams_add(&streams, CONTEXT_A, stream(1));
    ck_assert(csh_streams_remove(&streams, stream(0), true));
    ck_assert(!csh_streams_remove(&streams, stream(0), true));
    ck_assert(!csh_streams_remove(&streams, NULL, true));
    ck_assert_int_eq(csh_streams_query(&streams, CONTEXT_A, query), CSH_IDLE);
    ck_assert_int_eq(n_asked[0], 0);

    ck_assert(csh_streams_remove(&streams, stream(1), false));
    ck_assert_int_eq(csh_streams_query(&streams, CONTEXT_A, query),
                     CSH_IDLENESS_UNKNOWN);
    ck_assert_int_eq(csh_streams_query(&streams, CONTEXT_B, query), CSH_IDLE);
    ck_assert_uint_eq(csh_streams_snapshot(&streams, CONTEXT_A, NULL, 0), 0);

    csh_streams_add(&streams, CONTEXT_A, stream(2));
    csh_streams_note_synchronised(&streams, CONTEXT_B);
    ck_assert_int_eq(csh_streams_query(&streams, CONTEXT_A, query),
                     CSH_IDLENESS_UNKNOWN);
    csh_streams_note_synchronised(&streams, CONTEXT_A);
    ck_assert_int_eq(csh_streams_query(&streams, CONTEXT_A, query), CSH_IDLE);
    ck_assert_uint_eq(csh_streams_snapshot(&streams, CONTEXT_A, NULL, 0), 1);
}
END_TEST

static void *use_per_thread(void *answer)
{
    csh_streams_note_per_thread(&streams);
    *(enum csh_idleness *)answer = csh_streams_query(&streams, CONTEXT_A,
                                                     query);
    return NULL;
}

static void *only_ask(void *answer)
{
    *(enum csh_idleness *)answer = csh_streams_query(&streams, CONTEXT_A,
                                                     query);
    return NULL;
}

static enum csh_idleness in_thread(void *(*body)(void *))
{
    enum csh_idleness answer = CSH_BUSY;
    pthread_t thread;

    ck_assert_int_eq(pthread_create(&thread, NULL, body, &answer), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    return answer;
}

START_TEST(test_per_thread_streams_of_one_thread)
{
    csh_streams_note_per_thread(&streams);
    csh_streams_note_per_thread(&streams);
    ck_assert(!csh_streams_has_several_threads(&streams));
    ck_assert_int_eq(csh_streams_query(&streams, CONTEXT_A, query), CSH_IDLE);
    ck_assert_int_eq(n_asked_per_thread, 1);
    per_thread = CUDA_ERROR_NOT_READY;
    ck_assert_int_eq(csh_streams_query(&streams, CONTEXT_A, query), CSH_BUSY);
    per_thread = CUDA_SUCCESS;
    /* Another thread's stream of that name is another one. */
    ck_assert_int_eq(in_thread(only_ask), CSH_IDLENESS_UNKNOWN);
}
END_TEST

START_TEST(test_per_thread_streams_of_two_threads)
{
    /* Even when the first has ended and its identity may be used again. */
    ck_assert_int_eq(in_thread(use_per_thread), CSH_IDLE);
    ck_assert_int_eq(in_thread(use_per_thread), CSH_IDLENESS_UNKNOWN);
    ck_assert(csh_streams_has_several_threads(&streams));
    csh_streams_note_per_thread(&streams);
    ck_assert_int_eq(csh_streams_query(&streams, CONTEXT_A, query),
                     CSH_IDLENESS_UNKNOWN);
}
END_TEST

/* A query that is held up, and what the remover has done meanwhile. */
static atomic_bool is_in_query, may_go_on, is_removed;

static CUresult CUDAAPI slow_query(CUstream handle)
{
    if (handle == stream(0)) {
        is_in_query = true;
        while (!may_go_on) {
            sched_yield();
        }
        return is_removed ? CUDA_ERROR_INVALID_HANDLE : CUDA_SUCCESS;
    }
    return CUDA_SUCCESS;
}

static void *ask_slowly(void *answer)
{
    *(enum csh_idleness *)answer = csh_streams_query(&streams, CONTEXT_A,
                                                     slow_query);
    return NULL;
}

static void *remove_meanwhile(void *by_context)
{
    if (*(bool *)by_context) {
        csh_streams_remove_context(&streams, CONTEXT_A);
    } else {
        csh_streams_remove(&streams, stream(0), true);
    }
    is_removed = true;
    return NULL;
}

START_TEST(test_removal_waits_for_a_query_of_that_stream)
{
    enum csh_idleness answer = CSH_BUSY;
    bool by_context          = (_i == 1);
    pthread_t asker, remover;
    int i;

    csh_streams_add(&streams, CONTEXT_A, stream(0));
    ck_assert_int_eq(pthread_create(&asker, NULL, ask_slowly, &answer), 0);
    while (!is_in_query) {
        sched_yield();
    }
    ck_assert_int_eq(pthread_create(&remover, NULL, remove_meanwhile,
                                    &by_context), 0);
    /* Once the removal has begun nobody new asks about the handle. */
    while (csh_streams_query(&streams, CONTEXT_A, query) == CSH_IDLE) {
        sched_yield();
    }
    for (i = 0; i < 100; i++) {
        sched_yield();
        ck_assert(!is_removed);
    }
    may_go_on = true;
    ck_assert_int_eq(pthread_join(asker, NULL), 0);
    ck_assert_int_eq(pthread_join(remover, NULL), 0);
    ck_assert_int_eq(answer, CSH_IDLE);
    ck_assert(is_removed);
    ck_assert_uint_eq(csh_streams_snapshot(&streams, CONTEXT_A, NULL, 0), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("streams");
    TCase *tcase = tcase_create("known");
    SRunner *runner;
    int n_failed;

    tcase_add_checked_fixture(tcase, start, stop);
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, test_snapshot_is_of_one_context);
    tcase_add_test(tcase, test_idle_needs_every_stream_of_the_context);
    tcase_add_test(tcase, test_a_stream_that_is_unknown_is_never_idle);
    tcase_add_test(tcase, test_work_outlives_its_stream);
    tcase_add_test(tcase, test_per_thread_streams_of_one_thread);
    tcase_add_test(tcase, test_per_thread_streams_of_two_threads);
    tcase_add_loop_test(tcase, test_removal_waits_for_a_query_of_that_stream,
                        0, 2);
    suite_add_tcase(suite, tcase);

    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return (n_failed == 0) ? EXIT_SUCCESS : EXIT_FAILURE;
}
