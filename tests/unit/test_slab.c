/*
 * test_slab.c - extents, the budget, and what is given back.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* memfd_create */
#endif
#include "slab_fixture.h"

#include <errno.h>
#include <sys/mman.h>

static bool overlap(const struct csh_extent *a, const struct csh_extent *b)
{
    return (a->address < b->address + b->bytes) &&
           (b->address < a->address + a->bytes);
}

static int refuse_file(const char *name, unsigned flags)
{
    (void)name;
    (void)flags;
    errno = EPERM;
    return -1;
}

/* --- extents ---------------------------------------------------------- */

START_TEST(test_sizes_are_exact)
{
    /* SDXL's most frequent sizes, and odd ones. */
    static const size_t sizes[] = {
        3276800, 13107200, 26214400, 2457600, 819200, 65536, 65537, 1,
        63, 64, 4095, 98304, 1638400, 77 * 2048, 12345678,
    };
    const size_t n = sizeof(sizes) / sizeof(sizes[0]);
    struct csh_extent extents[45];
    size_t sum = 0, i, j;

    for (i = 0; i < 3 * n; i++) {
        extents[i] = take(sizes[i % n]);
        sum       += sizes[i % n];
        csh_slab_register_pending(pool);
        for (j = 0; j < i; j++) {
            ck_assert(!overlap(&extents[i], &extents[j]));
        }
    }
    ck_assert(csh_slab_check(pool));
    ck_assert_uint_le(usage().held_bytes, sum + sum / 100);
    ck_assert_uint_eq(usage().held_bytes, usage().pinned_bytes);
    for (i = 0; i < 3 * n; i++) {
        ck_assert(csh_slab_is_pinned(&extents[i]));
        ck_assert(driver_knows(&extents[i]));
    }
}
END_TEST

/* Every phase that malloc gives, freed and taken again in another one; below
 * 64 KiB a wish is none. */
START_TEST(test_phases_are_exact)
{
    static const size_t sizes[]    = {3276800, 13107200, 819200, 65536, 65537,
                                      98304, 1638400, 12345678};
    static const uint64_t phases[] = {0x40, 0x10, 0x40, 4095, 0, 0xfc1};
    struct csh_extent extents[48];
    struct csh_slab_file file;
    size_t sum = 0, i, j;
    unsigned round;

    for (round = 0; round < 2; round++) {
        for (i = 0; i < 48; i++) {
            ck_assert_int_eq(csh_slab_allocate_at(
                                     pool, sizes[i / 6],
                                     UINT64_C(0x7f0000001000) +
                                             phases[(i + round) % 6],
                                     &extents[i]), CSH_SLAB_OK);
            ck_assert_uint_eq((uintptr_t)extents[i].address % 4096,
                              phases[(i + round) % 6]);
            ck_assert(csh_slab_find_file(&extents[i], &file));
            ck_assert_ptr_eq(file.chunk->address + file.offset,
                             extents[i].address);
            sum += (round == 0) ? sizes[i / 6] : 0;
            memset(extents[i].address, (int)i, extents[i].bytes);
            for (j = 0; j < i; j++) {
                ck_assert(!overlap(&extents[i], &extents[j]));
            }
        }
        ck_assert(csh_slab_check(pool));
        /* In the second round what lies free has the wrong phase. */
        ck_assert_uint_le(usage().held_bytes,
                          sum + sum / ((round == 0) ? 100 : 10));
        for (i = 0; i < 48; i++) {
            csh_slab_free(pool, &extents[i]);
        }
        ck_assert_uint_eq(usage().free_bytes, usage().held_bytes);
    }
    ck_assert_int_eq(csh_slab_allocate_at(pool, 100, 0x10, &extents[0]),
                     CSH_SLAB_OK);
    ck_assert_uint_eq((uintptr_t)extents[0].address % 64, 0);
}
END_TEST

/* Larger than a chunk would be by itself. */
START_TEST(test_a_large_extent_may_be_the_first)
{
    struct csh_extent extent;

    ck_assert_int_eq(csh_slab_allocate_at(pool, 80 * MIB, 0x40, &extent),
                     CSH_SLAB_OK);
    ck_assert_uint_eq((uintptr_t)extent.address % 4096, 0x40);
    ck_assert(csh_slab_check(pool));
    csh_slab_free(pool, &extent);
    ck_assert_int_eq(csh_slab_allocate_at(pool, 96 * MIB, 4095, &extent),
                     CSH_SLAB_OK);
    ck_assert(csh_slab_check(pool));
}
END_TEST

START_TEST(test_nonsense_is_refused)
{
    struct csh_extent extent;

    ck_assert_int_eq(csh_slab_allocate(pool, 0, &extent), CSH_SLAB_REFUSED);
    ck_assert_int_eq(csh_slab_allocate(pool, SIZE_MAX, &extent),
                     CSH_SLAB_REFUSED);
    ck_assert_int_eq(csh_slab_allocate(pool, SIZE_MAX / 8, &extent),
                     CSH_SLAB_NO_BUDGET);
    ck_assert_uint_eq(usage().held_bytes, 0);
}
END_TEST

START_TEST(test_freed_neighbours_join)
{
    struct csh_extent extents[8], whole;
    uint64_t held;
    int i;

    for (i = 0; i < 8; i++) {
        extents[i] = take(MIB);
    }
    held = usage().held_bytes;
    /* In an order that joins to the left, to the right and to both. */
    csh_slab_free(pool, &extents[2]);
    csh_slab_free(pool, &extents[3]);
    csh_slab_free(pool, &extents[5]);
    csh_slab_free(pool, &extents[4]);
    ck_assert(csh_slab_check(pool));
    whole = take(4 * MIB);
    ck_assert_ptr_eq(whole.address, extents[2].address);
    ck_assert_uint_eq(usage().held_bytes, held);
}
END_TEST

START_TEST(test_best_fit_keeps_large_gaps)
{
    struct csh_extent extents[6], small;
    int i;

    for (i = 0; i < 6; i++) {
        extents[i] = take((i == 1) ? 8 * MIB : MIB);
    }
    csh_slab_free(pool, &extents[1]);
    csh_slab_free(pool, &extents[4]);
    small = take(MIB);
    ck_assert_ptr_eq(small.address, extents[4].address);
    small = take(8 * MIB);
    ck_assert_ptr_eq(small.address, extents[1].address);
}
END_TEST

/* Holes that are large enough but begin at the wrong place in a page. */
START_TEST(test_large_gap_behind_many_that_do_not_fit)
{
    struct csh_extent gaps[40], large, found;
    int i;

    for (i = 0; i < 40; i++) {
        ck_assert_int_eq(csh_slab_allocate_at(pool, 64 * KIB, 64, &gaps[i]),
                         CSH_SLAB_OK);
        (void)take(4096);
    }
    large = take(256 * KIB);
    (void)take(4096);
    for (i = 0; i < 40; i++) {
        csh_slab_free(pool, &gaps[i]);
    }
    csh_slab_free(pool, &large);
    ck_assert(csh_slab_check(pool));
    for (i = 0; i < 3; i++) {
        found = take(64 * KIB);
        ck_assert_ptr_eq(found.address, large.address + i * 64 * KIB);
    }
}
END_TEST

START_TEST(test_no_extent_crosses_a_registration)
{
    struct csh_extent first = take(3 * MIB), second = take(MIB), third;

    csh_slab_register_pending(pool);
    third = take(3 * MIB);
    csh_slab_register_pending(pool);
    ck_assert_uint_eq(n_registered, 2);
    /* A gap at the end of the one and one at the beginning of the other. */
    ck_assert_ptr_eq(second.address + MIB, first.address + 4 * MIB);
    csh_slab_free(pool, &second);
    csh_slab_free(pool, &third);
    ck_assert(csh_slab_check(pool));
    third = take(4 * MIB - 4096);
    csh_slab_register_pending(pool);
    ck_assert(driver_knows(&third));
}
END_TEST

START_TEST(test_random_use_agrees_with_its_bytes)
{
    struct csh_extent extents[64];
    unsigned char mark[64] = {0};
    uint64_t seed          = 1;
    size_t i, j, k;

    for (i = 0; i < 2000; i++) {
        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
        j    = (seed >> 33) % 64;
        if (mark[j] != 0) {
            for (k = 0; (k < extents[j].bytes) &&
                        (extents[j].address[k] == mark[j]); k++) {
            }
            ck_assert_uint_eq(k, extents[j].bytes);
            csh_slab_free(pool, &extents[j]);
            mark[j] = 0;
        } else {
            extents[j] = take(1 + (seed >> 40) % (200 * KIB));
            mark[j]    = (unsigned char)(1 + i % 255);
            memset(extents[j].address, mark[j], extents[j].bytes);
        }
        if (i % 64 == 0) {
            csh_slab_register_pending(pool);
            ck_assert(csh_slab_check(pool));
        }
    }
    for (j = 0; j < 64; j++) {
        if (mark[j] != 0) {
            csh_slab_free(pool, &extents[j]);
        }
    }
    ck_assert_uint_eq(usage().free_bytes, usage().held_bytes);
    ck_assert_uint_gt(usage().held_bytes, 0);
    csh_slab_trim(pool);
    ck_assert_uint_eq(usage().held_bytes, 0);
    ck_assert_uint_eq(n_registered, 0);
}
END_TEST

/* --- the budget ------------------------------------------------------- */

START_TEST(test_budget_refuses_and_takes_nothing)
{
    struct csh_extent extent;

    budget.limit.value = 10 * MIB;
    ck_assert_int_eq(csh_slab_allocate(pool, 10 * MIB + 1, &extent),
                     CSH_SLAB_NO_BUDGET);
    ck_assert_uint_eq(usage().held_bytes, 0);
    ck_assert_uint_eq(usage().n_chunks, 0);
    extent = take(10 * MIB);
    ck_assert_uint_eq(csh_slab_read_headroom(pool), 0);
    ck_assert_int_eq(csh_slab_allocate(pool, 64, &extent),
                     CSH_SLAB_NO_BUDGET);
    /* A limit that falls refuses more but takes nothing away. */
    budget.limit.value = MIB;
    ck_assert_uint_eq(csh_slab_read_headroom(pool), 0);
    ck_assert_uint_eq(usage().held_bytes, 10 * MIB);
}
END_TEST

START_TEST(test_budget_room_in_use_is_used_again)
{
    struct csh_extent extent;

    budget.limit.value = 10 * MIB;
    extent             = take(10 * MIB);
    csh_slab_register_pending(pool);
    csh_slab_free(pool, &extent);
    extent = take(9 * MIB);
    ck_assert(csh_slab_is_pinned(&extent));
    csh_slab_free(pool, &extent);
    /* More than the limit allows besides: an idle chunk goes for it, but not
     * one that is pinned, since here the driver may not be called. */
    budget.limit.value = 100 * MIB;
    ck_assert_int_eq(csh_slab_allocate(pool, 100 * MIB, &extent),
                     CSH_SLAB_NO_BUDGET);
    ck_assert_uint_eq(n_registered, 1);
    csh_slab_unregister_all(pool);
    extent = take(100 * MIB);
    ck_assert_uint_eq(usage().n_chunks, 1);
}
END_TEST

/* The limit falls after the whole was found to fit: the stand-in for
 * memfd_create is called just there. What is populated by then goes back. */
static int lower_budget(const char *name, unsigned flags)
{
    budget.limit.value = 20 * MIB;
    return memfd_create(name, flags);
}

START_TEST(test_limit_that_falls_while_populating)
{
    struct csh_extent extent;

    csh_slab_destroy(pool);
    make_pool(64 * MIB, lower_budget);
    ck_assert_int_eq(csh_slab_allocate(pool, 40 * MIB, &extent),
                     CSH_SLAB_NO_BUDGET);
    ck_assert_uint_eq(usage().held_bytes, 0);
    ck_assert_uint_eq(usage().n_chunks, 0);
    /* Beside an extent in use it stays, as free room. */
    extent             = take(MIB);
    budget.limit.value = 64 * MIB;
    ck_assert_int_eq(csh_slab_allocate(pool, 64 * MIB, &extent),
                     CSH_SLAB_NO_BUDGET);
    ck_assert_uint_eq(usage().held_bytes, MIB);
}
END_TEST

/* --- giving back ------------------------------------------------------- */

START_TEST(test_trim_takes_whole_chunks_only)
{
    struct csh_extent first = take(60 * MIB), second = take(60 * MIB);
    char line[512];

    csh_slab_register_pending(pool);
    ck_assert_uint_eq(usage().n_chunks, 2);
    ck_assert_uint_eq(gauge(CSH_GAUGE_shmem_bytes), usage().held_bytes);
    ck_assert_uint_eq(csh_slab_trim(pool), 0);
    csh_slab_free(pool, &first);
    ck_assert_uint_ge(csh_slab_trim(pool), 60 * MIB);
    ck_assert_uint_eq(gauge(CSH_GAUGE_shmem_bytes), usage().held_bytes);
    ck_assert_uint_ge(gauge(CSH_GAUGE_shmem_bytes_peak), 120 * MIB);
    ck_assert_uint_ge(gauge(CSH_GAUGE_slab_bytes_peak), 120 * MIB);
    ck_assert_uint_eq(usage().n_chunks, 1);
    ck_assert_uint_eq(n_registered, 1);
    ck_assert(!find_mapping(first.address, line));
    ck_assert(csh_slab_is_pinned(&second));
    csh_slab_free(pool, &second);
    csh_slab_trim(pool);
    ck_assert_uint_eq(usage().held_bytes, 0);
}
END_TEST

START_TEST(test_what_was_aliased_is_never_reused)
{
    struct csh_extent first = take(MIB), second = take(MIB), other;
    unsigned char *address  = first.address;

    csh_slab_mark_aliased(pool, &first);
    csh_slab_free(pool, &first);
    ck_assert(csh_slab_check(pool));
    other = take(MIB);
    ck_assert_ptr_ne(other.address, address);
    ck_assert_uint_eq(address[0], 0x5a);
    csh_slab_free(pool, &other);
    ck_assert_uint_eq(csh_slab_trim(pool), 0);
    csh_slab_free(pool, &second);
    ck_assert_uint_gt(csh_slab_trim(pool), 0);
}
END_TEST

START_TEST(test_without_files)
{
    struct csh_extent first, second;
    char line[512];

    csh_slab_destroy(pool);
    make_pool(256 * MIB, refuse_file);
    first  = take(MIB);
    second = take(100 * MIB);
    csh_slab_register_pending(pool);
    ck_assert(csh_slab_is_pinned(&first));
    ck_assert(csh_slab_is_pinned(&second));
    ck_assert_uint_eq(gauge(CSH_GAUGE_shmem_bytes), 0);
    csh_slab_free(pool, &first);
    csh_slab_free(pool, &second);
    csh_slab_trim(pool);
    ck_assert(!find_mapping(first.address, line));
}
END_TEST

/* --- threads ----------------------------------------------------------- */

enum { THREADS = 4, ROUNDS = 150 };

static void *use_pool(void *number)
{
    struct csh_extent extents[4];
    unsigned char mark = (unsigned char)(uintptr_t)number;
    size_t bytes, k;
    int i, j;

    for (i = 0; i < ROUNDS; i++) {
        for (j = 0; j < 4; j++) {
            bytes = (size_t)(1 + (i * 7 + j * 13 + mark) % 40) * 20000;
            if (csh_slab_allocate(pool, bytes, &extents[j]) != CSH_SLAB_OK) {
                abort();
            }
            memset(extents[j].address, mark, bytes);
        }
        switch ((i + mark) % 8) {
        case 0:
            csh_slab_register_pending(pool);
            break;
        case 3:
            csh_slab_trim(pool);
            break;
        case 5:
            csh_slab_unregister_all(pool);
            break;
        default:
            break;
        }
        for (j = 0; j < 4; j++) {
            for (k = 0; k < extents[j].bytes; k += 4096) {
                if (extents[j].address[k] != mark) {
                    abort();
                }
            }
            csh_slab_free(pool, &extents[j]);
        }
    }
    return NULL;
}

START_TEST(test_threads)
{
    pthread_t threads[THREADS];
    uintptr_t i;

    for (i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, use_pool,
                                        (void *)(i + 1)), 0);
    }
    for (i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    }
    ck_assert(csh_slab_check(pool));
    csh_slab_trim(pool);
    ck_assert_uint_eq(usage().held_bytes, 0);
    ck_assert_uint_eq(n_registered, 0);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("slab");
    TCase *tcase = tcase_create("extents");

    tcase_add_checked_fixture(tcase, start, stop);
    tcase_set_timeout(tcase, 300);
    tcase_add_test(tcase, test_sizes_are_exact);
    tcase_add_test(tcase, test_phases_are_exact);
    tcase_add_test(tcase, test_a_large_extent_may_be_the_first);
    tcase_add_test(tcase, test_nonsense_is_refused);
    tcase_add_test(tcase, test_freed_neighbours_join);
    tcase_add_test(tcase, test_best_fit_keeps_large_gaps);
    tcase_add_test(tcase, test_large_gap_behind_many_that_do_not_fit);
    tcase_add_test(tcase, test_no_extent_crosses_a_registration);
    tcase_add_test(tcase, test_random_use_agrees_with_its_bytes);
    tcase_add_test(tcase, test_budget_refuses_and_takes_nothing);
    tcase_add_test(tcase, test_budget_room_in_use_is_used_again);
    tcase_add_test(tcase, test_limit_that_falls_while_populating);
    tcase_add_test(tcase, test_trim_takes_whole_chunks_only);
    tcase_add_test(tcase, test_what_was_aliased_is_never_reused);
    tcase_add_test(tcase, test_without_files);
    tcase_add_test(tcase, test_threads);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    SRunner *runner = srunner_create(make_suite());
    int n_failed;

    srunner_run_all(runner, CK_ENV);
    n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return (n_failed == 0) ? EXIT_SUCCESS : EXIT_FAILURE;
}
