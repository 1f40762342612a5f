/*
 * test_headline.c - the line at exit: what it says, and when it is loud.
 */
#include "report/headline.h"

#include "report_text.h"

START_TEST(nothing_seen_nothing_said)
{
    write_report(CSH_STATS_TEXT);
    ck_assert_uint_eq(n_text, 0);
    count(CSH_D2H, CSH_OUTCOME_passed, CSH_REASON_small, 100);
    count(CSH_H2D, CSH_OUTCOME_failed, CSH_REASON_small, 100);
    write_report(CSH_STATS_TEXT);
    ck_assert_uint_eq(n_text, 0);
    count(CSH_H2D, CSH_OUTCOME_passed, CSH_REASON_unlearned, MIB);
    write_report(CSH_STATS_TEXT);
    ck_assert_uint_gt(n_text, 0);
    report.mode = CSH_MODE_OFF;
    write_report(CSH_STATS_TEXT);
    ck_assert_uint_eq(n_text, 0);
    report.mode = CSH_MODE_VERIFY;
    write_report(CSH_STATS_OFF);
    ck_assert_uint_eq(n_text, 0);
}
END_TEST

START_TEST(the_usual_line)
{
    count(CSH_D2H, CSH_OUTCOME_elided, CSH_REASON_proven, 3 * GIB);
    count(CSH_D2H, CSH_OUTCOME_passed, CSH_REASON_budget, 93 * MIB);
    count(CSH_D2H, CSH_OUTCOME_served, CSH_REASON_first, GIB);
    count(CSH_H2D, CSH_OUTCOME_served, CSH_REASON_unchanged, 2 * GIB);
    count(CSH_H2D, CSH_OUTCOME_passed, CSH_REASON_unlearned, 5 * GIB);
    csh_statistics_add(CSH_GAUGE_shadow_bytes, (int64_t)GIB);
    csh_statistics_add(CSH_GAUGE_shadow_bytes, -(int64_t)GIB);
    write_report(CSH_STATS_TEXT);
    assert_one_line();
    assert_said("3.00 GiB of 4.09 GiB elided, 1.09 GiB copied");
    assert_said("2.00 GiB of 7.00 GiB");
    assert_said("shadows 1.00 GiB");
    ck_assert_ptr_null(strstr(text, "NO OFFLOAD"));
}
END_TEST

START_TEST(the_loud_line_names_reasons_in_order_of_bytes)
{
    const char *largest, *next;

    count(CSH_D2H, CSH_OUTCOME_passed, CSH_REASON_timeout, 12 * MIB);
    count(CSH_D2H, CSH_OUTCOME_passed, CSH_REASON_budget, 500 * MIB);
    count(CSH_D2H, CSH_OUTCOME_passed, CSH_REASON_small, GIB);
    write_report(CSH_STATS_TEXT);
    assert_one_line();
    assert_said("NO OFFLOAD WAS ELIDED");
    assert_said("512 MiB in 2 copies");
    largest = strstr(text, "CUSHADOW_RAM_LIMIT");
    next = strstr(text, "CUSHADOW_PROOF_TIMEOUT_MS");
    ck_assert_ptr_nonnull(largest);
    ck_assert_ptr_nonnull(next);
    ck_assert(largest < next);
    ck_assert_ptr_null(strstr(text, "CUSHADOW_MIN_BYTES"));
    count(CSH_D2H, CSH_OUTCOME_elided, CSH_REASON_proven, 1);
    write_report(CSH_STATS_TEXT);
    ck_assert_ptr_null(strstr(text, "NO OFFLOAD"));
}
END_TEST

/* Whether an offload that ended so, alone, calls for the loud line. */
START_TEST(only_what_could_have_been_elided_is_loud)
{
    static const enum csh_reason quiet[] = {
        CSH_REASON_first, CSH_REASON_dirty, CSH_REASON_mode,
        CSH_REASON_pinned, CSH_REASON_foreign,
    };
    size_t i;

    for (i = 0; i < CSH_ARRAY_LENGTH(quiet); ++i) {
        count(CSH_D2H, CSH_OUTCOME_passed, quiet[i], MIB);
    }
    count(CSH_D2H, CSH_OUTCOME_failed, CSH_REASON_error, MIB);
    count(CSH_D2H, CSH_OUTCOME_served, CSH_REASON_first, MIB);
    count(CSH_H2D, CSH_OUTCOME_passed, CSH_REASON_unlearned, MIB);
    write_report(CSH_STATS_TEXT);
    assert_one_line();
    ck_assert_ptr_null(strstr(text, "NO OFFLOAD"));
    assert_said("1 copy ended in the driver's error");
    count(CSH_D2H, CSH_OUTCOME_passed, CSH_REASON_unlearned, MIB);
    write_report(CSH_STATS_TEXT);
    assert_said("NO OFFLOAD WAS ELIDED, 1.00 MiB in 1 copy");
}
END_TEST

/* Rules that register, and fit nothing that the program uploads. */
START_TEST(rules_that_fit_nothing_are_loud)
{
    count(CSH_D2H, CSH_OUTCOME_passed, CSH_REASON_excluded, 2 * MIB);
    csh_statistics_count_weight(CSH_WEIGHT_RULE_none, MIB);
    csh_statistics_count_weight(CSH_WEIGHT_RULE_max, MIB);
    write_report(CSH_STATS_TEXT);
    ck_assert_ptr_null(strstr(text, "NO OFFLOAD"));
    csh_statistics_count_weight(CSH_WEIGHT_RULE_unmatched, MIB);
    write_report(CSH_STATS_TEXT);
    assert_one_line();
    assert_said("NO OFFLOAD WAS ELIDED, 2.00 MiB in 1 copy could have been: "
                "2.00 MiB (no weight, by the rules; see CUSHADOW_WEIGHTS)");
    csh_statistics_count_weight(CSH_WEIGHT_RULE_manifest, 1);
    write_report(CSH_STATS_TEXT);
    ck_assert_ptr_null(strstr(text, "NO OFFLOAD"));
}
END_TEST

START_TEST(observe_and_copy_have_their_words)
{
    report.mode = CSH_MODE_OBSERVE;
    count(CSH_D2H, CSH_OUTCOME_passed, CSH_REASON_mode, 2 * GIB);
    csh_statistics_add(CSH_GAUGE_would_elide_calls, 1);
    csh_statistics_add(CSH_GAUGE_would_elide_bytes, (int64_t)GIB);
    write_report(CSH_STATS_TEXT);
    assert_one_line();
    assert_said("it would help: offloads 1.00 GiB of 2.00 GiB would have been "
                "elided (50%), which took 0.00 s; nothing was changed");
    count(CSH_H2D, CSH_OUTCOME_passed, CSH_REASON_mode, 2 * GIB);
    csh_statistics_add(CSH_GAUGE_would_elide_ns, 12345678901);
    csh_statistics_add(CSH_GAUGE_would_serve_bytes, (int64_t)GIB);
    csh_statistics_add(CSH_GAUGE_would_serve_ns, 50000000);
    csh_statistics_add(CSH_GAUGE_would_hold_bytes, 512 * (int64_t)MIB);
    csh_statistics_add(CSH_GAUGE_would_hold_bytes, -(int64_t)MIB);
    write_report(CSH_STATS_TEXT);
    assert_said("which took 12.34 s; reloads 1.00 GiB of 2.00 GiB would have "
                "come from shadows, which took 0.05 s; shadows would take "
                "512 MiB of RAM; nothing was changed");
    count(CSH_D2H, CSH_OUTCOME_passed, CSH_REASON_mode, 98 * GIB);
    write_report(CSH_STATS_TEXT);
    assert_said("it would help a little: ");
    assert_said("(1%)");
    report.mode = CSH_MODE_COPY;
    count(CSH_D2H, CSH_OUTCOME_passed, CSH_REASON_unlearned, MIB);
    write_report(CSH_STATS_TEXT);
    assert_one_line();
    assert_said("copy mode");
    ck_assert_ptr_null(strstr(text, "NO OFFLOAD"));
}
END_TEST

START_TEST(observe_is_loud_when_it_would_not_help)
{
    report.mode = CSH_MODE_OBSERVE;
    count(CSH_D2H, CSH_OUTCOME_passed, CSH_REASON_unlearned, GIB);
    write_report(CSH_STATS_TEXT);
    assert_one_line();
    assert_said("NO OFFLOAD WOULD HAVE BEEN ELIDED");
}
END_TEST

/* With every cell at its largest, and the sanitizers looking on. */
START_TEST(the_line_has_room_for_the_largest_figures)
{
    int reason;

    for (reason = 0; reason < CSH_N_REASONS; ++reason) {
        count(CSH_D2H, CSH_OUTCOME_passed, (enum csh_reason)reason,
              UINT64_MAX / 64);
        count(CSH_H2D, CSH_OUTCOME_failed, (enum csh_reason)reason,
              UINT64_MAX / 64);
    }
    write_report(CSH_STATS_TEXT);
    assert_one_line();
    ck_assert_uint_lt(n_text, CSH_HEADLINE_BYTES - 1);
}
END_TEST

static void add_line_tests(TCase *tcase)
{
    tcase_add_test(tcase, nothing_seen_nothing_said);
    tcase_add_test(tcase, the_usual_line);
    tcase_add_test(tcase, the_loud_line_names_reasons_in_order_of_bytes);
    tcase_add_test(tcase, only_what_could_have_been_elided_is_loud);
    tcase_add_test(tcase, rules_that_fit_nothing_are_loud);
    tcase_add_test(tcase, observe_and_copy_have_their_words);
    tcase_add_test(tcase, observe_is_loud_when_it_would_not_help);
    tcase_add_test(tcase, the_line_has_room_for_the_largest_figures);
}

int main(void)
{
    Suite *suite = suite_create("headline");
    TCase *tcase = tcase_create("line");
    SRunner *runner = srunner_create(suite);
    int n_failed;

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 120);
    add_line_tests(tcase);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_ENV);
    n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed != 0;
}
