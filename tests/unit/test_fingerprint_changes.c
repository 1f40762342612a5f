/*
 * test_fingerprint_changes.c - changes of a message that its fingerprint
 * must not miss, in either lane.
 */
#include <check.h>
#include <string.h>

#include "fingerprint_fixture.h"

#define N_FLIPS 1000000

static void assert_changed(const struct csh_fingerprint *before,
                           const unsigned char *bytes, size_t n,
                           const char *what, size_t where)
{
    struct csh_fingerprint after = print_of(bytes, n);

    ck_assert_msg((after.lane[0] != before->lane[0]) &&
                      (after.lane[1] != before->lane[1]),
                  "%s at %zu of %zu missed by a lane", what, where, n);
}

static void swap_bytes(unsigned char *a, unsigned char *b, size_t n)
{
    size_t i;

    for (i = 0; i < n; ++i) {
        unsigned char t = a[i];

        a[i] = b[i];
        b[i] = t;
    }
}

/* Every distance of two pieces, in both lanes: words, units, rows, columns,
 * tiles. */
START_TEST(swapped_pieces_are_seen)
{
    static const size_t pieces[] = {1, 2, 4, 8, 16, 512, TILE};
    const size_t n = 6 * TILE + 777;
    struct csh_fingerprint before;
    size_t p, round;

    draw_bytes(arena, n);
    before = print_of(arena, n);
    for (p = 0; p < sizeof(pieces) / sizeof(pieces[0]); ++p) {
        for (round = 0; round < 300; ++round) {
            size_t a = draw() % (n / pieces[p]) * pieces[p];
            size_t b = (round % 2 == 0) ? a + pieces[p] :
                                          draw() % (n / pieces[p]) * pieces[p];

            if ((b + pieces[p] > n) ||
                (memcmp(arena + a, arena + b, pieces[p]) == 0)) {
                continue;
            }
            swap_bytes(arena + a, arena + b, pieces[p]);
            assert_changed(&before, arena, n, "swap", a);
            swap_bytes(arena + a, arena + b, pieces[p]);
        }
    }
}
END_TEST

/* Two whole columns change places: each unit of one with its twin. */
START_TEST(swapped_columns_are_seen)
{
    const size_t n = 2 * TILE;
    struct csh_fingerprint before;
    size_t a, b, r;

    draw_bytes(arena, n);
    before = print_of(arena, n);
    for (a = 0; a < 64; ++a) {
        b = (a + 1 + draw() % 63) % 64;
        for (r = 0; r < 32; ++r) {
            swap_bytes(arena + a / 32 * TILE + r * 512 + a % 32 * 16,
                       arena + b / 32 * TILE + r * 512 + b % 32 * 16, 16);
        }
        assert_changed(&before, arena, n, "columns", a);
        before = print_of(arena, n);
    }
}
END_TEST

START_TEST(length_counts)
{
    struct csh_fingerprint before, after;
    size_t n;

    memset(arena, 0, 4096);
    before = print_of(arena, 0);
    for (n = 1; n <= 4096; ++n) {
        after = print_of(arena, n);
        ck_assert(!csh_fingerprint_equal(&before, &after));
        before = after;
    }
}
END_TEST

static size_t flip_length(int round)
{
    static const size_t sizes[] = {1, 16, 100, 512, 3000, 4096, TILE,
                                   TILE + 17};

    return sizes[round % (int)(sizeof(sizes) / sizeof(sizes[0]))];
}

START_TEST(single_bit_flips_are_seen)
{
    struct csh_fingerprint before[8];
    int round;

    draw_bytes(arena, 2 * TILE);
    for (round = 0; round < 8; ++round) {
        before[round] = print_of(arena, flip_length(round));
    }
    for (round = 0; round < N_FLIPS; ++round) {
        size_t n   = flip_length(round);
        size_t bit = draw() % (8 * n);

        arena[bit / 8] ^= (unsigned char)(1u << (bit % 8));
        assert_changed(&before[round % 8], arena, n, "bit", bit);
        arena[bit / 8] ^= (unsigned char)(1u << (bit % 8));
    }
}
END_TEST

/* Every bit of the first, the last and a middle unit of a long range. */
START_TEST(flips_at_borders_are_seen)
{
    const size_t n           = ARENA_BYTES - 5;
    const size_t middle      = 64 * TILE;
    const size_t borders[]   = {0, 512, TILE, middle, n - 16};
    struct csh_fingerprint before;
    size_t i, bit;

    draw_bytes(arena, n);
    before = print_of(arena, n);
    for (i = 0; i < sizeof(borders) / sizeof(borders[0]); ++i) {
        for (bit = 0; bit < 128; bit += 5) {
            arena[borders[i] + bit / 8] ^= (unsigned char)(1u << (bit % 8));
            assert_changed(&before, arena, n, "border", borders[i]);
            arena[borders[i] + bit / 8] ^= (unsigned char)(1u << (bit % 8));
        }
    }
}
END_TEST

/* Inner values that differ by p are one element of the field, and those that
 * differ by 2^63 are one half of the time equal under a key mod 2^64. Under
 * key words of zero one unit's inner value is w0*w1 + w2*w3. */
START_TEST(inner_values_are_weighted_by_halves)
{
    static const uint32_t zero[4]  = {0, 0, 0, 0};
    static const uint32_t prime[4] = {0xffffffff, 0x20000000, 0x1fffffff, 1};
    static const uint32_t top[4]   = {0x80000000, 0x80000000, 0x80000000,
                                      0x80000000};
    uint32_t nh[CSH_FINGERPRINT_KEY_WORDS] = {0};
    struct csh_fingerprint_key plain;
    struct csh_fingerprint of_zero, of_prime, of_top;

    ck_assert_uint_eq((uint64_t)prime[0] * prime[1] +
                          (uint64_t)prime[2] * prime[3], CSH_FIELD_P);
    csh_fingerprint_key_derive(nh, key.kappa, &plain);
    csh_fingerprint_compute(&plain, zero, sizeof(zero), &of_zero);
    csh_fingerprint_compute(&plain, prime, sizeof(prime), &of_prime);
    csh_fingerprint_compute(&plain, top, sizeof(top), &of_top);
    ck_assert_uint_ne(of_zero.lane[0], of_prime.lane[0]);
    ck_assert_uint_ne(of_zero.lane[1], of_prime.lane[1]);
    ck_assert_uint_ne(of_zero.lane[0], of_top.lane[0]);
    ck_assert_uint_ne(of_zero.lane[1], of_top.lane[1]);
}
END_TEST

static Suite *changes_suite(void)
{
    Suite *suite  = suite_create("fingerprint changes");
    TCase *change = tcase_create("changes");

    tcase_add_checked_fixture(change, set_up, tear_down);
    tcase_set_timeout(change, 120);
    tcase_add_test(change, swapped_pieces_are_seen);
    tcase_add_test(change, swapped_columns_are_seen);
    tcase_add_test(change, length_counts);
    tcase_add_test(change, single_bit_flips_are_seen);
    tcase_add_test(change, flips_at_borders_are_seen);
    tcase_add_test(change, inner_values_are_weighted_by_halves);
    suite_add_tcase(suite, change);
    return suite;
}

int main(void)
{
    SRunner *runner = srunner_create(changes_suite());
    int n_failed;

    srunner_run_all(runner, CK_ENV);
    n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed != 0;
}
