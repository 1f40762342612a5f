/*
 * test_park_history.c - when a weight is expected again, and so what of
 * parked memory goes first: every case of it, and sequences.
 */
#include <check.h>
#include <stdlib.h>

#include "base/compiler.h"
#include "engine/park_history.h"

/* How long until a weight is expected, as ranks say it; the lower half of all
 * ranks is of weights that are not being loaded now. */
static uint64_t expected_in(const struct csh_park_history *history,
                            const struct csh_park_clock *clock)
{
    uint64_t rank = csh_park_history_rank(history, clock);

    return UINT64_MAX / 2 -
           (rank > UINT64_MAX / 2 ? rank - UINT64_MAX / 2 - 1 : rank);
}

static bool is_wanted(const struct csh_park_history *history,
                      const struct csh_park_clock *clock)
{
    return csh_park_history_rank(history, clock) > UINT64_MAX / 2;
}

struct cell {
    uint64_t interval, age, expected;
};

/* Never loaded again: twice as rare as it is old. Not yet due: what is left.
 * Overdue, also by nothing: as late again. */
static const struct cell cells[] = {
    {0, 0, 1},        {0, 1, 3},  {0, 1000, 2001}, {10, 0, 10},
    {10, 1, 9},       {10, 9, 1}, {10, 10, 10},    {10, 11, 11},
    {10, 5000, 5000}, {1, 0, 1},  {1, 1, 1},       {1, 7, 7},
};

START_TEST(every_case)
{
    const struct cell *cell = &cells[_i / 4];
    bool of_burst = _i & 1, any_wanted = _i & 2;
    struct csh_park_clock clock = {
        .now = 10000, .burst = 9, .wanted = any_wanted ? 4 : 0};
    struct csh_park_history history = {.last_use = 10000 - cell->age,
                                       .interval = cell->interval,
                                       .burst = of_burst ? 4 : 5};

    ck_assert_uint_eq(expected_in(&history, &clock), cell->expected);
    ck_assert_int_eq(is_wanted(&history, &clock), of_burst && any_wanted);
}
END_TEST

/* What was never loaded is of no burst, also where none is wanted. */
START_TEST(nothing_has_happened)
{
    struct csh_park_clock clock = {0};
    struct csh_park_history history = {0};

    ck_assert(!is_wanted(&history, &clock));
    ck_assert_uint_eq(expected_in(&history, &clock), 1);
}
END_TEST

START_TEST(first_load)
{
    struct csh_park_clock clock = {0};
    struct csh_park_history history = {0};

    csh_park_clock_load(&clock, &history);
    ck_assert_uint_eq(clock.now, 1);
    ck_assert_uint_eq(clock.burst, 1);
    ck_assert_uint_eq(clock.wanted, 0);
    ck_assert_uint_eq(history.last_use, 1);
    ck_assert_uint_eq(history.interval, 0);
    ck_assert_uint_eq(history.burst, 1);
}
END_TEST

START_TEST(bursts_end_with_a_free)
{
    struct csh_park_clock clock = {0};
    struct csh_park_history weights[3] = {{0}};

    csh_park_clock_load(&clock, &weights[0]);
    csh_park_clock_load(&clock, &weights[1]);
    ck_assert_uint_eq(weights[1].burst, 1);
    csh_park_clock_free(&clock);
    csh_park_clock_free(&clock);
    ck_assert_uint_eq(clock.burst, 1);
    csh_park_clock_load(&clock, &weights[2]);
    ck_assert_uint_eq(weights[2].burst, 2);
    ck_assert_uint_eq(clock.wanted, 0);
    csh_park_clock_load(&clock, &weights[1]);
    ck_assert_uint_eq(weights[1].burst, 2);
    ck_assert_uint_eq(clock.wanted, 1);
    ck_assert(is_wanted(&weights[0], &clock));
    ck_assert(!is_wanted(&weights[2], &clock));
    /* A second load in the same burst asks for no burst. */
    csh_park_clock_load(&clock, &weights[1]);
    ck_assert_uint_eq(clock.wanted, 1);
    /* And the next burst wants nothing yet. */
    csh_park_clock_free(&clock);
    csh_park_clock_load(&clock, &(struct csh_park_history){0});
    ck_assert_uint_eq(clock.wanted, 0);
    ck_assert(!is_wanted(&weights[0], &clock));
}
END_TEST

/* The second interval is taken as it is; of each later one a quarter. */
START_TEST(interval_is_smoothed)
{
    struct csh_park_clock clock = {0};
    struct csh_park_history history = {0};

    clock.now = 99;
    csh_park_clock_load(&clock, &history);
    ck_assert_uint_eq(history.last_use, 100);
    clock.now = 179;
    csh_park_clock_load(&clock, &history);
    ck_assert_uint_eq(history.interval, 80);
    clock.now = 579;
    csh_park_clock_load(&clock, &history);
    ck_assert_uint_eq(history.interval, 80 - 20 + 100);
    ck_assert_uint_eq(history.last_use, 580);
}
END_TEST

/* It never becomes 0, which means something else. */
START_TEST(interval_stays_positive)
{
    struct csh_park_clock clock = {0};
    struct csh_park_history history = {0};
    int i;

    csh_park_clock_load(&clock, &history);
    clock.now = 1000;
    for (i = 0; i < 100; i++) {
        csh_park_clock_load(&clock, &history);
        ck_assert_uint_gt(history.interval, 0);
    }
    ck_assert_uint_le(history.interval, 3);
}
END_TEST

enum { N_MODELS = 3, N_WEIGHTS = 10 };

static void load_model(struct csh_park_clock *clock,
                       struct csh_park_history *model, int n)
{
    int i;

    for (i = 0; i < n; i++) {
        csh_park_clock_load(clock, &model[i]);
    }
}

/* Three models in turn. While the first is loaded, the third goes before the
 * second, which is due first; within a model what is loaded last goes first;
 * and of the first itself nothing goes before any other. */
START_TEST(models_in_turn)
{
    struct csh_park_clock clock = {0};
    struct csh_park_history models[N_MODELS][N_WEIGHTS] = {{{0}}};
    int round, model, i;

    for (round = 0; round < 4; round++) {
        for (model = 0; model < N_MODELS; model++) {
            load_model(&clock, models[model], N_WEIGHTS);
            csh_park_clock_free(&clock);
        }
    }
    load_model(&clock, models[0], 1);
    for (i = 0; i < N_WEIGHTS; i++) {
        uint64_t second = csh_park_history_rank(&models[1][i], &clock);
        uint64_t third = csh_park_history_rank(&models[2][i], &clock);

        ck_assert_uint_lt(third, second);
        if (i > 0) {
            ck_assert_uint_lt(csh_park_history_rank(&models[1][i], &clock),
                              csh_park_history_rank(&models[1][i - 1], &clock));
            ck_assert_uint_gt(csh_park_history_rank(&models[0][i], &clock),
                              second);
        }
    }
    ck_assert_uint_lt(csh_park_history_rank(&models[0][9], &clock),
                      csh_park_history_rank(&models[0][1], &clock));
}
END_TEST

/* Of two models that were loaded once, the one that is being loaded for the
 * second time stays. The least recently used would be it. */
START_TEST(the_model_that_comes_back_stays)
{
    struct csh_park_clock clock = {0};
    struct csh_park_history models[2][N_WEIGHTS] = {{{0}}};

    load_model(&clock, models[0], N_WEIGHTS);
    csh_park_clock_free(&clock);
    load_model(&clock, models[1], N_WEIGHTS);
    csh_park_clock_free(&clock);
    ck_assert_uint_lt(csh_park_history_rank(&models[0][5], &clock),
                      csh_park_history_rank(&models[1][5], &clock));
    load_model(&clock, models[0], 1);
    ck_assert_uint_gt(csh_park_history_rank(&models[0][5], &clock),
                      csh_park_history_rank(&models[1][5], &clock));
}
END_TEST

/* A stranger, seen once, goes before a model that comes again and again. */
START_TEST(strangers_go_first)
{
    struct csh_park_clock clock = {0};
    struct csh_park_history model[N_WEIGHTS] = {{0}}, stranger = {0};
    int round;

    for (round = 0; round < 3; round++) {
        load_model(&clock, model, N_WEIGHTS);
        csh_park_clock_free(&clock);
    }
    csh_park_clock_load(&clock, &stranger);
    csh_park_clock_free(&clock);
    clock.now += 5;
    ck_assert_uint_lt(csh_park_history_rank(&stranger, &clock),
                      csh_park_history_rank(&model[N_WEIGHTS - 1], &clock));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("park_history");
    TCase *cases = tcase_create("cells");
    SRunner *runner;
    int failed;

    tcase_add_loop_test(cases, every_case, 0, (int)CSH_ARRAY_LENGTH(cells) * 4);
    tcase_add_test(cases, nothing_has_happened);
    tcase_add_test(cases, first_load);
    tcase_add_test(cases, bursts_end_with_a_free);
    tcase_add_test(cases, interval_is_smoothed);
    tcase_add_test(cases, interval_stays_positive);
    tcase_add_test(cases, models_in_turn);
    tcase_add_test(cases, the_model_that_comes_back_stays);
    tcase_add_test(cases, strangers_go_first);
    suite_add_tcase(suite, cases);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
