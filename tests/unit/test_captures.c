/*
 * test_captures.c - the count of active captures.
 */
#include "track/captures.h"

#include <check.h>
#include <pthread.h>
#include <stdlib.h>

START_TEST(test_begins_and_ends_pair)
{
    ck_assert(!csh_captures_any_active());
    csh_captures_begun();
    csh_captures_begun();
    csh_captures_ended();
    ck_assert(csh_captures_any_active());
    csh_captures_ended();
    ck_assert(!csh_captures_any_active());
}
END_TEST

START_TEST(test_unseen_beginnings_hide_no_later_capture)
{
    csh_captures_ended();
    csh_captures_ended();
    ck_assert(!csh_captures_any_active());
    csh_captures_begun();
    ck_assert(csh_captures_any_active());
    csh_captures_ended();
    ck_assert(!csh_captures_any_active());
}
END_TEST

enum { THREADS = 4, ROUNDS = 20000 };

static void *pairs(void *failed)
{
    int i;

    for (i = 0; i < ROUNDS; i++) {
        csh_captures_begun();
        if (!csh_captures_any_active()) {
            *(int *)failed = 1;
        }
        csh_captures_ended();
    }

    return NULL;
}

START_TEST(test_threads_lose_no_count)
{
    pthread_t threads[THREADS];
    int failed[THREADS] = {0};
    int i;

    for (i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, pairs,
                                        &failed[i]), 0);
    }
    for (i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
        ck_assert_int_eq(failed[i], 0);
    }
    ck_assert(!csh_captures_any_active());
}
END_TEST

static _Atomic int asking, capturing, met;

static void *asks(void *stop)
{
    while (!*(_Atomic int *)stop) {
        if (csh_captures_hold_off()) {
            asking = 1;
            met += capturing;
            asking = 0;
            csh_captures_let_go();
        }
    }
    return NULL;
}

START_TEST(test_questions_and_captures_never_meet)
{
    _Atomic int stop = 0;
    pthread_t thread;
    int i;

    ck_assert_int_eq(pthread_create(&thread, NULL, asks, &stop), 0);
    for (i = 0; i < 5000; i++) {
        csh_captures_beginning();
        capturing = 1;
        met += asking;
        capturing = 0;
        csh_captures_ended();
    }
    stop = 1;
    pthread_join(thread, NULL);
    ck_assert_int_eq(met, 0);
    ck_assert(!csh_captures_any_active());
}
END_TEST

START_TEST(test_nothing_is_asked_during_a_capture)
{
    csh_captures_beginning();
    ck_assert(!csh_captures_hold_off());
    csh_captures_ended();
    ck_assert(csh_captures_hold_off());
    csh_captures_let_go();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("captures");
    TCase *tcase = tcase_create("count");
    SRunner *runner;
    int n_failed;

    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, test_begins_and_ends_pair);
    tcase_add_test(tcase, test_unseen_beginnings_hide_no_later_capture);
    tcase_add_test(tcase, test_threads_lose_no_count);
    tcase_add_test(tcase, test_questions_and_captures_never_meet);
    tcase_add_test(tcase, test_nothing_is_asked_during_a_capture);
    suite_add_tcase(suite, tcase);

    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return (n_failed == 0) ? EXIT_SUCCESS : EXIT_FAILURE;
}
