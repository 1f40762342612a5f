/*
 * test_bursts.c - weights without a name, grouped by the time between them.
 */
#include "weights/bursts.h"

#include <check.h>

static struct csh_bursts bursts;

static unsigned add(uint64_t now_ns, uint64_t bytes)
{
    return csh_bursts_add(&bursts, csh_bursts_note(&bursts, now_ns), bytes);
}

START_TEST(a_gap_begins_a_new_model)
{
    csh_bursts_init(&bursts, 100);
    ck_assert_uint_eq(add(0, 10), 1);
    ck_assert_uint_eq(add(100, 20), 1);
    ck_assert_uint_eq(add(200, 30), 1);
    ck_assert_uint_eq(add(301, 40), 2);
    ck_assert_uint_eq(add(150, 1), 2); /* backwards */
    ck_assert_uint_eq(add(401, 1), 2);
    ck_assert_uint_eq(add(UINT64_MAX, 1), 3);
    ck_assert_uint_eq(add(0, 1), 3);
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
        number = add(10 * i, 1);
        ck_assert_uint_eq(number,
                          (i < CSH_MAX_BURSTS) ? i + 1 : CSH_MAX_BURSTS);
    }
    ck_assert_uint_eq(bursts.bursts[CSH_MAX_BURSTS - 1].n_tensors, 11);
}
END_TEST

/* What is offloaded first, or never, makes no difference to the others. */
START_TEST(groups_are_bursts_with_weights_in_them)
{
    uint32_t first, second, third;

    csh_bursts_init(&bursts, 100);
    first = csh_bursts_note(&bursts, 0);
    second = csh_bursts_note(&bursts, 1000);
    third = csh_bursts_note(&bursts, 2000);
    ck_assert_uint_ne(first, 0);
    ck_assert_uint_ne(first, second);
    ck_assert_uint_ne(second, third);
    ck_assert_uint_eq(csh_bursts_note(&bursts, 2100), third);
    ck_assert_uint_eq(csh_bursts_add(&bursts, third, 3), 1);
    ck_assert_uint_eq(csh_bursts_add(&bursts, first, 1), 2);
    ck_assert_uint_eq(csh_bursts_add(&bursts, third, 3), 1);
    ck_assert_uint_eq(bursts.n_bursts, 2);
    ck_assert_uint_eq(bursts.bursts[0].n_bytes, 6);
}
END_TEST

START_TEST(labels_and_removals)
{
    char text[CSH_BURST_LABEL_BYTES];
    unsigned i;

    csh_bursts_init(&bursts, CSH_BURST_GAP_NS);
    for (i = 0; i < 1680; ++i) {
        add(i, 3055000);
    }
    ck_assert_str_eq(csh_bursts_label(&bursts, 1, text),
                     "model 1 (1,680 tensors, 4.78 GiB)");
    for (i = 0; i < 1679; ++i) {
        csh_bursts_remove(&bursts, 1, 3055000);
    }
    ck_assert_str_eq(csh_bursts_label(&bursts, 1, text),
                     "model 1 (1,680 tensors, 4.78 GiB)");
    ck_assert_uint_eq(bursts.bursts[0].n_tensors, 1);
    ck_assert_uint_eq(bursts.bursts[0].n_bytes, 3055000);
    csh_bursts_remove(&bursts, 1, UINT64_MAX);
    csh_bursts_remove(&bursts, 1, 1);
    csh_bursts_remove(&bursts, 0, 1);
    csh_bursts_remove(&bursts, 2, 1);
    ck_assert_uint_eq(bursts.bursts[0].n_tensors, 0);
    ck_assert_uint_eq(bursts.bursts[0].n_bytes, 0);
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
    tcase_add_test(tcase, groups_are_bursts_with_weights_in_them);
    tcase_add_test(tcase, labels_and_removals);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_ENV);
    n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed != 0;
}
