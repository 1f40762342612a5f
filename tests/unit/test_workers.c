/*
 * test_workers.c - that each part of a job is done once, whichever worker is
 * missing, late or unable.
 */
#include "workers_fixture.h"

START_TEST(each_part_is_done_once)
{
    static const size_t counts[] = {0, 1, 2, 3, 64, 1000,
                                    CSH_WORK_MAX_PARTS};
    size_t i;

    set_threads("4");
    for (i = 0; i < CSH_ARRAY_LENGTH(counts); i++) {
        run_counted(counts[i]);
        assert_each_part_once(counts[i]);
        set_threads("4");
    }
    ck_assert_uint_eq(csh_workers_count(), 3);
}
END_TEST

START_TEST(no_thread_before_it_is_needed)
{
    set_threads("3");
    run_counted(1);
    ck_assert_uint_eq(n_created, 0);
    run_counted(N_PARTS);
    ck_assert_uint_eq(n_created, 2);
    run_counted(N_PARTS);
    ck_assert_uint_eq(n_created, 2);
}
END_TEST

/* They say so themselves, when they come to it. */
START_TEST(workers_have_a_name)
{
    int patience = 5000;

    set_threads("3");
    run_counted(N_PARTS);
    while (count_threads("cushadow-worker") < 2 && patience-- > 0) {
        usleep(1000);
    }
    ck_assert_uint_eq(count_threads("cushadow-worker"), 2);
}
END_TEST

START_TEST(one_thread_is_the_calling_one)
{
    set_threads("1");
    run_counted(N_PARTS);
    assert_each_part_once(N_PARTS);
    ck_assert_uint_eq(n_created, 0);
    ck_assert_uint_eq(atomic_load(&n_by_workers), 0);
}
END_TEST

START_TEST(a_job_may_be_the_callers_alone)
{
    struct csh_work work = {count_part, N_PARTS, true};
    char state           = 0;

    set_threads("4");
    csh_workers_run(&work, &state, sizeof(state));
    assert_each_part_once(N_PARTS);
    ck_assert_uint_eq(n_created, 0);
}
END_TEST

START_TEST(refused_threads_are_done_without)
{
    set_threads("5");
    creations_to_allow = _i; /* of four */
    run_counted(N_PARTS);
    assert_each_part_once(N_PARTS);
    ck_assert_uint_eq(csh_workers_count(), (unsigned)_i);
    creations_to_allow = INT_MAX;
    run_counted(N_PARTS);
    ck_assert_uint_eq(csh_workers_count(), (unsigned)_i);
}
END_TEST

static bool count_in_state(void *state, size_t i, bool is_caller)
{
    (void)i;
    (void)is_caller;
    atomic_fetch_add((_Atomic unsigned *)state, 1);
    return true;
}

START_TEST(the_state_comes_back)
{
    struct csh_work work = {.part = count_in_state, .n_parts = 500};
    _Atomic unsigned n   = 7;

    set_threads(_i == 0 ? "1" : "4");
    csh_workers_run(&work, (void *)&n, sizeof(n));
    ck_assert_uint_eq(atomic_load(&n), 507);
}
END_TEST

static unsigned count_begun(void)
{
    unsigned i, n = 0;

    for (i = 0; i < CSH_WORK_MAX_PARTS; i++) {
        n += atomic_load(&begun[i]);
    }
    return n;
}

static _Atomic unsigned n_left;

static bool only_the_caller_can(void *state, size_t i, bool is_caller)
{
    (void)state;
    let_a_worker_in(is_caller);
    if (!is_caller) {
        atomic_fetch_add(&n_left, 1);
        return false;
    }
    atomic_fetch_add(&begun[i], 1);
    return true;
}

START_TEST(what_workers_cannot_do_is_done)
{
    struct csh_work work = {only_the_caller_can, N_PARTS, false};
    char state           = 0;

    set_threads("4");
    csh_workers_run(&work, &state, sizeof(state));
    assert_each_part_once(N_PARTS);
    ck_assert_uint_le(atomic_load(&n_left), 3); /* one each, then they stop */
    ck_assert_uint_gt(atomic_load(&n_left), 0);
}
END_TEST

/* A worker in a part stays there until the caller has done all the rest. */
static bool workers_are_stuck(void *state, size_t i, bool is_caller)
{
    (void)state;
    if (is_caller) {
        usleep(200);
        atomic_fetch_add(&begun[i], 1);
        return true;
    }
    atomic_fetch_add(&n_by_workers, 1);
    while (count_begun() + atomic_load(&n_by_workers) < N_PARTS) {
        usleep(100);
    }
    atomic_fetch_add(&begun[i], 1);
    return true;
}

START_TEST(the_caller_does_what_workers_do_not_begin)
{
    struct csh_work work = {.part = workers_are_stuck, .n_parts = N_PARTS};
    char state           = 0;

    set_threads("3");
    csh_workers_run(&work, &state, sizeof(state));
    assert_each_part_once(N_PARTS);
    ck_assert_uint_le(atomic_load(&n_by_workers), 2);
}
END_TEST

static bool another_job_inside(void *state, size_t i, bool is_caller)
{
    struct csh_work inner = {.part = count_part, .n_parts = 3};
    char nothing          = 0;

    (void)state;
    (void)i;
    let_the_caller_in(is_caller);
    if (is_caller) {
        csh_workers_run(&inner, &nothing, sizeof(nothing));
    }
    return true;
}

START_TEST(a_second_job_is_done_alone)
{
    struct csh_work work = {.part = another_job_inside, .n_parts = N_PARTS};
    char state           = 0;

    set_threads("3");
    csh_workers_run(&work, &state, sizeof(state));
    ck_assert_uint_eq(atomic_load(&n_by_workers), 0);
    ck_assert_uint_gt(atomic_load(&begun[0]), 0);
    ck_assert_uint_eq(atomic_load(&begun[0]), atomic_load(&begun[2]));
}
END_TEST

static void *run_some_jobs(void *unused)
{
    char state           = 0;
    struct csh_work work = {.part = count_part, .n_parts = 8};
    int i;

    (void)unused;
    for (i = 0; i < 200; i++) {
        csh_workers_run(&work, &state, sizeof(state));
    }
    return NULL;
}

START_TEST(several_threads_have_jobs)
{
    pthread_t threads[3];
    size_t i;

    set_threads("3");
    for (i = 0; i < 3; i++) {
        ck_assert_int_eq(
            pthread_create(&threads[i], NULL, run_some_jobs, NULL), 0);
    }
    for (i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
    }
    for (i = 0; i < 8; i++) {
        ck_assert_uint_eq(atomic_load(&begun[i]), 600);
    }
}
END_TEST

START_TEST(errno_is_kept)
{
    set_threads("3");
    errno = 1234;
    run_counted(N_PARTS);
    ck_assert_int_eq(errno, 1234);
}
END_TEST

START_TEST(parts_are_neither_tiny_nor_too_many)
{
    static const size_t sizes[] = {1, 1000, CSH_WORK_LEAST_BYTES - 1,
                                   CSH_WORK_LEAST_BYTES, (size_t)1 << 30,
                                   ((size_t)1 << 30) + 1, (size_t)1 << 40};
    size_t i, part, n;

    for (i = 0; i < CSH_ARRAY_LENGTH(sizes); i++) {
        part = csh_workers_part_bytes(sizes[i]);
        n    = (sizes[i] - 1) / part + 1;
        ck_assert_uint_le(n, CSH_WORK_MAX_PARTS);
        ck_assert_uint_ge(part, LEAST_PART);
        ck_assert_uint_eq(part & (part - 1), 0);
        ck_assert_uint_eq(n > 1, sizes[i] >= CSH_WORK_LEAST_BYTES);
    }
}
END_TEST

START_TEST(auto_leaves_some_processors)
{
    unsigned n;

    set_threads("auto");
    n = csh_workers_limit();
    ck_assert_uint_ge(n, 1);
    ck_assert_uint_le(n, MOST_BY_AUTO);
    ck_assert_uint_le(n, (unsigned)sysconf(_SC_NPROCESSORS_CONF));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("workers");
    TCase *cases = tcase_create("pool");
    SRunner *runner;
    int failed;

    tcase_add_test(cases, each_part_is_done_once);
    tcase_add_test(cases, no_thread_before_it_is_needed);
    tcase_add_test(cases, workers_have_a_name);
    tcase_add_test(cases, one_thread_is_the_calling_one);
    tcase_add_test(cases, a_job_may_be_the_callers_alone);
    tcase_add_loop_test(cases, refused_threads_are_done_without, 0, 4);
    tcase_add_loop_test(cases, the_state_comes_back, 0, 2);
    tcase_add_test(cases, what_workers_cannot_do_is_done);
    tcase_add_test(cases, the_caller_does_what_workers_do_not_begin);
    tcase_add_test(cases, a_second_job_is_done_alone);
    tcase_add_test(cases, several_threads_have_jobs);
    tcase_add_test(cases, errno_is_kept);
    tcase_add_test(cases, parts_are_neither_tiny_nor_too_many);
    tcase_add_test(cases, auto_leaves_some_processors);
    suite_add_tcase(suite, cases);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
