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
    suite_add_tcase(suite, tcase);

    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return (n_failed == 0) ? EXIT_SUCCESS : EXIT_FAILURE;
}
