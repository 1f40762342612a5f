/*
 * test_fingerprint_shared.c - the fingerprint by several threads is that by
 * one, for any length, place and number of threads.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/workers.h"
#include "fingerprint_fixture.h"
#include "verify/fingerprint_shared.h"

#define MIB ((size_t)1 << 20)

static void assert_same(const unsigned char *bytes, size_t n)
{
    struct csh_fingerprint shared, want = print_of(bytes, n);

    csh_fingerprint_compute_shared(&key, bytes, n, &shared);
    ck_assert_msg(csh_fingerprint_equal(&shared, &want), "%zu bytes", n);
}

static void set_threads(int n)
{
    char text[8];

    snprintf(text, sizeof(text), "%d", n);
    ck_assert_int_eq(setenv("CUSHADOW_THREADS", text, 1), 0);
}

START_TEST(short_ranges)
{
    static const size_t lengths[] = {0, 1, 15, 16, 17, 511, 512, 4095, 4096,
                                     4097, TILE - 1, TILE, TILE + 1,
                                     2 * TILE + 17};
    size_t i, offset;

    set_threads(_i);
    draw_bytes(arena, ARENA_BYTES);
    for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        for (offset = 0; offset < 17; offset++) {
            assert_same(message_at_end(lengths[i], offset), lengths[i]);
        }
    }
    ck_assert_uint_eq(csh_workers_count(), 0); /* not worth a thread */
}
END_TEST

START_TEST(random_long_ranges)
{
    int round;
    size_t n;

    set_threads(_i);
    draw_bytes(arena, ARENA_BYTES);
    for (round = 0; round < 60; round++) {
        n = 1 + (size_t)(draw() % (ARENA_BYTES - 64));
        assert_same(message_at_end(n, (size_t)(draw() % 64)), n);
    }
    n = CSH_WORK_LEAST_BYTES;
    assert_same(arena, n - 1);
    assert_same(arena, n);
    assert_same(arena + 1, n + 1);
    ck_assert_uint_eq(csh_workers_count(), (unsigned)_i - 1);
}
END_TEST

START_TEST(large_range)
{
    const size_t n       = 40 * MIB + 12345;
    unsigned char *bytes = malloc(n);
    size_t i;

    set_threads(_i);
    ck_assert_ptr_nonnull(bytes);
    for (i = 0; i < n; i++) {
        bytes[i] = (unsigned char)((i * 2654435761u) >> 13);
    }
    assert_same(bytes, n);
    bytes[n / 2] ^= 1;
    assert_same(bytes + 3, n - 3);
    free(bytes);
}
END_TEST

/* Shared out by hand, backwards, with the last part incomplete. */
START_TEST(parts_in_any_order)
{
    const size_t n = 10 * TILE + 777;
    struct csh_fingerprint print, want;
    uint64_t sum[CSH_FINGERPRINT_LANES] = {0, 0};
    size_t at;

    draw_bytes(arena, n);
    want = print_of(arena, n);
    for (at = 12 * TILE; at > 0;) {
        size_t part = 3 * TILE;

        at -= part;
        csh_fingerprint_add(&key, arena + at, n - at < part ? n - at : part,
                            at, sum);
    }
    csh_fingerprint_finish(sum, n, &print);
    ck_assert(csh_fingerprint_equal(&print, &want));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fingerprint_shared");
    TCase *cases = tcase_create("threads");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(cases, set_up, tear_down);
    tcase_add_loop_test(cases, short_ranges, 1, 4);
    tcase_add_loop_test(cases, random_long_ranges, 1, 6);
    tcase_add_loop_test(cases, large_range, 1, 5);
    tcase_add_test(cases, parts_in_any_order);
    suite_add_tcase(suite, cases);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
