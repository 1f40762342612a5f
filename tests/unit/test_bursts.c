/*
 * test_bursts.c - weights without a name, grouped by the time between them.
 */
#include "weights/bursts.h"

#include <check.h>

static struct csh_bursts bursts;

START_TEST(a_gap_begins_a_new_model)
{
    csh_bursts_init(&bursts, 100);
    ck_assert_uint_eq(csh_bursts_add(&bursts, 0, 10), 1);
    ck_assert_uint_eq(csh_bursts_add(&bursts, 100, 20), 1);
    ck_assert_uint_eq(csh_bursts_add(&bursts, 200, 30), 1);
    ck_assert_uint_eq(csh_bursts_add(&bursts, 301, 40), 2);
    ck_assert_uint_eq(csh_bursts_add(&bursts, 150, 1), 2); /* backwards */
    ck_assert_uint_eq(csh_bursts_add(&bursts, 401, 1), 2);
    ck_assert_uint_eq(csh_bursts_add(&bursts, UINT64_MAX, 1), 3);
    ck_assert_uint_eq(csh_bursts_add(&bursts, 0, 1), 3);
    ck_assert_uint_eq(bursts.bursts[0].n_tensors, 3);
    ck_assert_uint_eq(bursts.bursts[0].n_bytes, 60);
    ck_assert_uint_eq(bursts.bursts[1].n_tensors, 3);
    ck_assert_uint_eq(bursts.bursts[1].n_bytes, 42);
}
END_TEST

START_TEST(the_last_number_takes_all_the_rest)
{
    unsigned i, number = 0;

    csh_bursts_init(&bursts, 1);
    for (i = 0; i < CSH_MAX_BURSTS + 10; ++i) {
        number = csh_bursts_add(&bursts, 10 * i, 1);
        ck_assert_uint_eq(number,
                          (i < CSH_MAX_BURSTS) ? i + 1 : CSH_MAX_BURSTS);
    }
    ck_assert_uint_eq(bursts.bursts[CSH_MAX_BURSTS - 1].n_tensors, 11);
}
END_TEST

START_TEST(labels_and_removals)
{
    char text[CSH_BURST_LABEL_BYTES];
    unsigned i;

    csh_bursts_init(&bursts, CSH_BURST_GAP_NS);
    for (i = 0; i < 1680; ++i) {
        csh_bursts_add(&bursts, i, 3055000);
    }
    ck_assert_str_eq(csh_bursts_label(&bursts, 1, text),
                     "model 1 (1,680 tensors, 4.78 GiB)");
    for (i = 0; i < 1679; ++i) {
        csh_bursts_remove(&bursts, 1, 3055000);
    }
    ck_assert_str_eq(csh_bursts_label(&bursts, 1, text),
                     "model 1 (1 tensor, 2.91 MiB)");
    csh_bursts_remove(&bursts, 1, UINT64_MAX);
    csh_bursts_remove(&bursts, 1, 1);
    csh_bursts_remove(&bursts, 0, 1);
    csh_bursts_remove(&bursts, 2, 1);
    ck_assert_str_eq(csh_bursts_label(&bursts, 1, text),
                     "model 1 (0 tensors, 0 B)");
    ck_assert_str_eq(csh_bursts_label(&bursts, 9, text),
                     "model 9 (0 tensors, 0 B)");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("bursts");
    TCase *tcase = tcase_create("core");
    SRunner *runner = srunner_create(suite);
    int n_failed;

    tcase_add_test(tcase, a_gap_begins_a_new_model);
    tcase_add_test(tcase, the_last_number_takes_all_the_rest);
    tcase_add_test(tcase, labels_and_removals);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_ENV);
    n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed != 0;
}
