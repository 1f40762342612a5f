/*
 * test_declared.c - exact ranges, what ends them, and forked children.
 */
#include <check.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/statistics.h"
#include "engine/declared.h"

#define D CSH_DECLARED_DEVICE
#define H CSH_DECLARED_HOST
#define DONE CSH_DECLARED_DONE

static const struct csh_declaration seven = {7, true}, eight = {8, false};

static CUcontext context(uintptr_t number)
{
    return (CUcontext)number;
}

static bool is_there(enum csh_declared_place place, uint64_t start,
                     uint64_t bytes)
{
    struct csh_declaration found;

    return csh_declared_find(place, start, bytes, &found);
}

static void add(enum csh_declared_place place, uint64_t start,
                uint64_t bytes, CUcontext of)
{
    ck_assert_int_eq(csh_declared_add(place, start, bytes, of, &seven),
                     DONE);
}

static uint64_t gauge(void)
{
    struct csh_statistics s;

    csh_statistics_snapshot(&s);
    return s.gauge[CSH_GAUGE_declared];
}

START_TEST(only_the_exact_range_is_found)
{
    struct csh_declaration found;

    ck_assert(!csh_declared_any());
    add(D, 4096, 4096, NULL);
    ck_assert(csh_declared_any());
    ck_assert(csh_declared_find(D, 4096, 4096, &found));
    ck_assert_uint_eq(found.weight, 7);
    ck_assert(found.is_immutable);
    ck_assert(!is_there(D, 4096, 4095) && !is_there(D, 4096, 4097));
    ck_assert(!is_there(D, 4097, 4095) && !is_there(D, 4095, 4097));
    ck_assert(!is_there(H, 4096, 4096));
}
END_TEST

START_TEST(what_is_said_last_counts)
{
    struct csh_declaration found;

    add(H, 4096, 4096, NULL);
    ck_assert_int_eq(csh_declared_add(H, 4096, 4096, NULL, &eight), DONE);
    ck_assert(csh_declared_find(H, 4096, 4096, &found));
    ck_assert_uint_eq(found.weight, 8);
    ck_assert(!found.is_immutable);
    ck_assert_uint_eq(gauge(), 1);
}
END_TEST

START_TEST(overlaps_are_refused)
{
    add(D, 4096, 4096, NULL);
    ck_assert_int_eq(csh_declared_add(D, 4096, 4097, NULL, &eight),
                     CSH_DECLARED_OVERLAPS);
    ck_assert_int_eq(csh_declared_add(D, 8191, 4096, NULL, &eight),
                     CSH_DECLARED_OVERLAPS);
    ck_assert_int_eq(csh_declared_add(D, 1, 4096, NULL, &eight),
                     CSH_DECLARED_OVERLAPS);
    ck_assert_int_eq(csh_declared_add(D, 0, 4096, NULL, &eight), DONE);
    ck_assert_int_eq(csh_declared_add(D, 8192, 4096, NULL, &eight), DONE);
    ck_assert(is_there(D, 4096, 4096));
    ck_assert_uint_eq(gauge(), 3);
}
END_TEST

START_TEST(removed_by_its_first_address)
{
    uint64_t bytes = 0;

    ck_assert(!csh_declared_remove(D, 4096, &bytes));
    add(D, 4096, 4096, NULL);
    ck_assert(!csh_declared_remove(D, 4095, &bytes));
    ck_assert(!csh_declared_remove(D, 4097, &bytes));
    ck_assert(!csh_declared_remove(H, 4096, &bytes));
    ck_assert(csh_declared_remove(D, 4096, &bytes));
    ck_assert_uint_eq(bytes, 4096);
    ck_assert(!csh_declared_any());
    ck_assert_uint_eq(gauge(), 0);
}
END_TEST

START_TEST(any_end_of_its_memory_ends_all_of_it)
{
    add(D, 4096, 4096, NULL);
    add(D, 8192, 4096, NULL);
    add(D, 16384, 4096, NULL);
    add(H, 4096, 4096, NULL);
    csh_declared_forget(8191, 2);
    ck_assert(!is_there(D, 4096, 4096) && !is_there(D, 8192, 4096));
    ck_assert(is_there(D, 16384, 4096) && is_there(H, 4096, 4096));
}
END_TEST

START_TEST(a_context_takes_its_own_with_it)
{
    add(D, 4096, 4096, context(1));
    add(D, 8192, 4096, context(2));
    add(D, 16384, 4096, NULL);
    add(H, 4096, 4096, NULL);
    csh_declared_forget_context(context(1));
    ck_assert(!is_there(D, 4096, 4096));
    ck_assert(is_there(D, 8192, 4096));
    ck_assert(!is_there(D, 16384, 4096));
    ck_assert(is_there(H, 4096, 4096));
}
END_TEST

START_TEST(room_is_bounded)
{
    uint64_t i;

    for (i = 0; i < CSH_MAX_DECLARED; i++) {
        add(i % 2 != 0 ? D : H, (i + 1) * 16, 16, NULL);
    }
    ck_assert_int_eq(csh_declared_add(D, 1, 1, NULL, &eight),
                     CSH_DECLARED_FULL);
    ck_assert_int_eq(csh_declared_add(H, 16, 16, NULL, &eight), DONE);
    csh_declared_forget(32, 1);
    ck_assert_int_eq(csh_declared_add(D, 1, 1, NULL, &eight), DONE);
}
END_TEST

START_TEST(a_child_knows_that_it_is_another_process)
{
    int status = -1;
    pid_t child;

    ck_assert(!csh_declared_elsewhere());
    add(H, 4096, 4096, NULL);
    ck_assert(!csh_declared_elsewhere());
    child = fork();
    if (child == 0) {
        _exit(csh_declared_elsewhere() ? 0 : 1);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("declared");
    TCase *cases = tcase_create("core"); /* each in a process of its own */
    SRunner *runner;
    int failed;

    tcase_add_test(cases, only_the_exact_range_is_found);
    tcase_add_test(cases, what_is_said_last_counts);
    tcase_add_test(cases, overlaps_are_refused);
    tcase_add_test(cases, removed_by_its_first_address);
    tcase_add_test(cases, any_end_of_its_memory_ends_all_of_it);
    tcase_add_test(cases, a_context_takes_its_own_with_it);
    tcase_add_test(cases, room_is_bounded);
    tcase_add_test(cases, a_child_knows_that_it_is_another_process);
    suite_add_tcase(suite, cases);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
