/*
 * test_statistics.c - the counters add up, whoever counts.
 */
#include "base/statistics.h"

#include <check.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include "base/compiler.h"

#define N_THREADS 4
#define N_ROUNDS 50000

static struct csh_statistics snapshot;

static void assert_conservation(enum csh_direction direction)
{
    struct csh_tally outcomes = {0, 0}, reasons = {0, 0};
    int outcome, reason;

    for (outcome = 0; outcome < CSH_N_OUTCOMES; ++outcome) {
        outcomes.calls += snapshot.outcome[direction][outcome].calls;
        outcomes.bytes += snapshot.outcome[direction][outcome].bytes;
        for (reason = 0; reason < CSH_N_REASONS; ++reason) {
            reasons.calls += snapshot.reason[direction][outcome][reason].calls;
            reasons.bytes += snapshot.reason[direction][outcome][reason].bytes;
        }
    }
    ck_assert_uint_eq(snapshot.asked[direction].calls, outcomes.calls);
    ck_assert_uint_eq(snapshot.asked[direction].bytes, outcomes.bytes);
    ck_assert_uint_eq(outcomes.calls, reasons.calls);
    ck_assert_uint_eq(outcomes.bytes, reasons.bytes);
}

START_TEST(a_copy_is_counted_where_it_belongs)
{
    csh_statistics_count(CSH_D2H, CSH_OUTCOME_elided, CSH_REASON_proven, 100);
    csh_statistics_count(CSH_D2H, CSH_OUTCOME_elided, CSH_REASON_proven, 20);
    csh_statistics_count(CSH_D2H, CSH_OUTCOME_passed, CSH_REASON_budget, 3);
    csh_statistics_count(CSH_H2D, CSH_OUTCOME_failed, CSH_REASON_small, 0);
    csh_statistics_snapshot(&snapshot);
    ck_assert_uint_eq(snapshot.asked[CSH_D2H].calls, 3);
    ck_assert_uint_eq(snapshot.asked[CSH_D2H].bytes, 123);
    ck_assert_uint_eq(snapshot.outcome[CSH_D2H][CSH_OUTCOME_elided].calls, 2);
    ck_assert_uint_eq(snapshot.outcome[CSH_D2H][CSH_OUTCOME_elided].bytes,
                      120);
    ck_assert_uint_eq(snapshot.reason[CSH_D2H][CSH_OUTCOME_passed]
                      [CSH_REASON_budget].bytes, 3);
    ck_assert_uint_eq(snapshot.asked[CSH_H2D].calls, 1);
    ck_assert_uint_eq(snapshot.asked[CSH_H2D].bytes, 0);
    ck_assert_uint_eq(snapshot.outcome[CSH_H2D][CSH_OUTCOME_failed].calls, 1);
    assert_conservation(CSH_D2H);
    assert_conservation(CSH_H2D);
}
END_TEST

START_TEST(off_means_off)
{
    csh_statistics_enable(false);
    ck_assert(!csh_statistics_are_on());
    csh_statistics_count(CSH_D2H, CSH_OUTCOME_elided, CSH_REASON_proven, 9);
    csh_statistics_count_own_call(CSH_H2D, true, CSH_REASON_small, 9);
    csh_statistics_count_weight(CSH_WEIGHT_RULE_all, 9);
    csh_statistics_add(CSH_GAUGE_shadow_bytes, 9);
    csh_statistics_snapshot(&snapshot);
    ck_assert_uint_eq(snapshot.asked[CSH_D2H].calls, 0);
    ck_assert_uint_eq(snapshot.asked[CSH_H2D].calls, 0);
    ck_assert_uint_eq(snapshot.weight_rule[CSH_WEIGHT_RULE_all].calls, 0);
    ck_assert_uint_eq(snapshot.gauge[CSH_GAUGE_shadow_bytes], 0);
    ck_assert_uint_eq(snapshot.gauge[CSH_GAUGE_shadow_bytes_peak], 0);
    csh_statistics_enable(true);
    csh_statistics_count(CSH_D2H, CSH_OUTCOME_elided, CSH_REASON_proven, 9);
    csh_statistics_snapshot(&snapshot);
    ck_assert_uint_eq(snapshot.asked[CSH_D2H].bytes, 9);
}
END_TEST

START_TEST(every_cell_is_its_own)
{
    int direction, outcome, reason;
    uint64_t bytes = 0;

    for (direction = 0; direction < CSH_N_DIRECTIONS; ++direction) {
        for (outcome = 0; outcome < CSH_N_OUTCOMES; ++outcome) {
            for (reason = 0; reason < CSH_N_REASONS; ++reason) {
                csh_statistics_count((enum csh_direction)direction,
                                     (enum csh_outcome)outcome,
                                     (enum csh_reason)reason, ++bytes);
            }
        }
    }
    csh_statistics_snapshot(&snapshot);
    bytes = 0;
    for (direction = 0; direction < CSH_N_DIRECTIONS; ++direction) {
        for (outcome = 0; outcome < CSH_N_OUTCOMES; ++outcome) {
            for (reason = 0; reason < CSH_N_REASONS; ++reason) {
                ck_assert_uint_eq(
                    snapshot.reason[direction][outcome][reason].bytes,
                    ++bytes);
            }
        }
        assert_conservation((enum csh_direction)direction);
    }
}
END_TEST

START_TEST(gauges_move_both_ways)
{
    csh_statistics_add(CSH_GAUGE_weights, 5);
    csh_statistics_add(CSH_GAUGE_weights, -2);
    csh_statistics_add(CSH_GAUGE_slab_bytes, INT64_MAX);
    csh_statistics_add(CSH_GAUGE_slab_bytes, -INT64_MAX);
    csh_statistics_snapshot(&snapshot);
    ck_assert_uint_eq(snapshot.gauge[CSH_GAUGE_weights], 3);
    ck_assert_uint_eq(snapshot.gauge[CSH_GAUGE_slab_bytes], 0);
}
END_TEST

/* The gauge whose name is this one's with "_peak", or -1. */
static int peak_by_name(int gauge)
{
    const char *name = csh_gauge_name((enum csh_gauge)gauge), *other;
    int i;

    for (i = 0; i < CSH_N_GAUGES; ++i) {
        other = csh_gauge_name((enum csh_gauge)i);
        if ((strncmp(other, name, strlen(name)) == 0) &&
            (strcmp(other + strlen(name), "_peak") == 0)) {
            return i;
        }
    }
    return -1;
}

/* Holds the code against the names in the table, whatever is added there. */
START_TEST(every_peak_follows_its_twin)
{
    uint64_t expected[CSH_N_GAUGES] = {0};
    int gauge, peak, n_peaks = 0;

    for (gauge = 0; gauge < CSH_N_GAUGES; ++gauge) {
        peak = peak_by_name(gauge);
        if (peak < 0) {
            continue;
        }
        ++n_peaks;
        csh_statistics_add((enum csh_gauge)gauge, 70);
        csh_statistics_add((enum csh_gauge)gauge, -50);
        csh_statistics_add((enum csh_gauge)gauge, 30);
        expected[gauge] = 50;
        expected[peak] = 70;
    }
    csh_statistics_snapshot(&snapshot);
    ck_assert_int_ge(n_peaks, 2);
    ck_assert_mem_eq(snapshot.gauge, expected, sizeof(expected));
}
END_TEST

static bool is_name(const char *name)
{
    return (name != NULL) && (name[0] != '\0') &&
           (strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") ==
            strlen(name));
}

START_TEST(every_row_has_its_words)
{
    const char *variable;
    int i;

    for (i = 0; i < CSH_N_OUTCOMES; ++i) {
        ck_assert(is_name(csh_outcome_name((enum csh_outcome)i)));
        ck_assert_str_ne(csh_outcome_sentence((enum csh_outcome)i), "");
    }
    for (i = 0; i < CSH_N_REASONS; ++i) {
        ck_assert(is_name(csh_reason_name((enum csh_reason)i)));
        ck_assert_str_ne(csh_reason_sentence((enum csh_reason)i), "");
        variable = csh_reason_variable((enum csh_reason)i);
        ck_assert((variable[0] == '\0') ||
                  (strncmp(variable, "CUSHADOW_", 9) == 0));
    }
    for (i = 0; i < CSH_N_GAUGES; ++i) {
        ck_assert(is_name(csh_gauge_name((enum csh_gauge)i)));
        ck_assert_str_ne(csh_gauge_sentence((enum csh_gauge)i), "");
    }
    ck_assert_str_eq(csh_direction_name(CSH_D2H), "d2h");
    ck_assert_str_eq(csh_direction_name(CSH_H2D), "h2d");
    ck_assert_str_eq(csh_reason_name(CSH_REASON_budget), "budget");
    ck_assert_str_eq(csh_reason_variable(CSH_REASON_budget),
                     "CUSHADOW_RAM_LIMIT");
}
END_TEST

static pthread_barrier_t start;

static void *count_copies(void *argument)
{
    int64_t bytes = *(const int *)argument;
    int i;

    pthread_barrier_wait(&start); /* so that they do run at once */
    for (i = 0; i < N_ROUNDS; ++i) {
        csh_statistics_count(CSH_D2H, CSH_OUTCOME_served, CSH_REASON_dirty,
                             (uint64_t)bytes);
        csh_statistics_add(CSH_GAUGE_shadow_bytes, bytes);
        csh_statistics_add(CSH_GAUGE_shadow_bytes, -bytes);
    }
    csh_statistics_add(CSH_GAUGE_pinned_bytes, bytes);
    return NULL;
}

START_TEST(nothing_is_lost_between_threads)
{
    static const int bytes[N_THREADS] = {1, 10, 100, 1000};
    pthread_t threads[N_THREADS];
    int i;

    ck_assert_int_eq(pthread_barrier_init(&start, NULL, N_THREADS), 0);
    for (i = 0; i < N_THREADS; ++i) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, count_copies,
                                        (void *)(intptr_t)&bytes[i]), 0);
    }
    csh_statistics_snapshot(&snapshot); /* in motion: for TSan */
    for (i = 0; i < N_THREADS; ++i) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    }
    csh_statistics_snapshot(&snapshot);
    ck_assert_uint_eq(snapshot.asked[CSH_D2H].calls, N_THREADS * N_ROUNDS);
    ck_assert_uint_eq(snapshot.asked[CSH_D2H].bytes, 1111 * N_ROUNDS);
    ck_assert_uint_eq(snapshot.gauge[CSH_GAUGE_shadow_bytes], 0);
    ck_assert_uint_ge(snapshot.gauge[CSH_GAUGE_shadow_bytes_peak], 1000);
    ck_assert_uint_le(snapshot.gauge[CSH_GAUGE_shadow_bytes_peak], 1111);
    ck_assert_uint_eq(snapshot.gauge[CSH_GAUGE_pinned_bytes_peak], 1111);
    assert_conservation(CSH_D2H);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("statistics");
    TCase *tcase = tcase_create("counters");
    SRunner *runner = srunner_create(suite);
    int n_failed;

    tcase_add_test(tcase, a_copy_is_counted_where_it_belongs);
    tcase_add_test(tcase, off_means_off);
    tcase_add_test(tcase, every_cell_is_its_own);
    tcase_add_test(tcase, gauges_move_both_ways);
    tcase_add_test(tcase, every_peak_follows_its_twin);
    tcase_add_test(tcase, every_row_has_its_words);
    tcase_add_test(tcase, nothing_is_lost_between_threads);
    tcase_set_timeout(tcase, 60);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_ENV);
    n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed != 0;
}
