/*
 * test_mappings.c - pieces of memory at two addresses, and devices that may
 * write: what forbids cohorts and what must not. Each test has a process of
 * its own.
 */
#include "track/mappings.h"

#include <check.h>
#include <stdlib.h>

#include "track/watch.h"

#define BYTES ((size_t)2 << 20)
#define ADDRESS(i_) ((uint64_t)(0x700000000000 + (i_) * BYTES))

static void turn_on(void)
{
    ck_assert_int_eq(setenv("CUSHADOW_COHORT", "1", 1), 0);
    ck_assert_int_eq(setenv("CUSHADOW_MODE", "verify", 1), 0);
    ck_assert(csh_watch_is_allowed());
}

static void map(uint64_t address, uint64_t handle)
{
    csh_mappings_mapping(handle);
    csh_mappings_mapped(address, BYTES, handle);
}

enum { N = 500 };

/* In an order that is not theirs, and over and over. */
START_TEST(test_pieces_come_and_go)
{
    uint64_t i, round;

    for (round = 0; round < 3; round++) {
        for (i = 0; i < N; i++) {
            map(ADDRESS(i), 1 + (i * 7 + round) % N);
        }
        ck_assert(csh_watch_is_allowed());
        for (i = 0; i < N; i += 2) {
            csh_mappings_unmapped(ADDRESS(i), BYTES);
        }
        csh_mappings_unmapped(ADDRESS(0), N * BYTES);
    }
    ck_assert(csh_watch_is_allowed());
}
END_TEST

/* The one in the middle, while its neighbours stay. */
START_TEST(test_a_second_address_forbids)
{
    uint64_t i;

    for (i = 0; i < N; i++) {
        map(ADDRESS(i), 1 + i);
    }
    csh_mappings_unmapped(ADDRESS(_i), BYTES);
    map(ADDRESS(N), 1 + (uint64_t)_i);
    ck_assert(csh_watch_is_allowed());
    csh_mappings_mapping(1 + (uint64_t)_i);
    ck_assert(!csh_watch_is_allowed());
}
END_TEST

START_TEST(test_an_unmapped_neighbour_does_not_help)
{
    map(ADDRESS(1), 5);
    csh_mappings_unmapped(ADDRESS(0), BYTES);
    csh_mappings_unmapped(ADDRESS(2), BYTES);
    csh_mappings_mapping(5);
    ck_assert(!csh_watch_is_allowed());
}
END_TEST

/* Neither saw the other's mapping before its own call. */
START_TEST(test_two_threads_at_once_forbid)
{
    csh_mappings_mapping(5);
    csh_mappings_mapping(5);
    csh_mappings_mapped(ADDRESS(0), BYTES, 5);
    ck_assert(csh_watch_is_allowed());
    csh_mappings_mapped(ADDRESS(1), BYTES, 5);
    ck_assert(!csh_watch_is_allowed());
}
END_TEST

START_TEST(test_one_device_only)
{
    static const int firsts[] = {0, 3, -1};
    static const int seconds[] = {1, 0, 2};

    csh_mappings_note_device(firsts[_i]);
    csh_mappings_note_device(firsts[_i]);
    ck_assert(csh_watch_is_allowed());
    csh_mappings_note_device(seconds[_i]);
    ck_assert(!csh_watch_is_allowed());
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mappings");
    TCase *tests = tcase_create("mappings");
    SRunner *runner;
    int n_failed;

    tcase_add_checked_fixture(tests, turn_on, NULL);
    tcase_add_test(tests, test_pieces_come_and_go);
    tcase_add_loop_test(tests, test_a_second_address_forbids, N / 2 - 1,
                        N / 2 + 1);
    tcase_add_test(tests, test_an_unmapped_neighbour_does_not_help);
    tcase_add_test(tests, test_two_threads_at_once_forbid);
    tcase_add_loop_test(tests, test_one_device_only, 0, 3);
    suite_add_tcase(suite, tests);

    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
