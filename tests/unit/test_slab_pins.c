/*
 * test_slab_pins.c - registration with the driver: when, of what, and what
 * becomes of refusals; and growth that goes on meanwhile.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* mkdtemp */
#endif
#include "slab_fixture.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- registration ------------------------------------------------------ */

START_TEST(test_registration_is_a_step_of_its_own)
{
    struct csh_extent extent = take(5 * MIB);

    ck_assert(!csh_slab_is_pinned(&extent));
    ck_assert_uint_eq(n_calls, 0);
    ck_assert_uint_eq(csh_slab_register_pending(pool), 5 * MIB);
    ck_assert(csh_slab_is_pinned(&extent));
    ck_assert_uint_eq(csh_slab_register_pending(pool), 0);
    ck_assert_uint_eq(n_calls, 1);
    ck_assert_uint_eq(usage().pinned_bytes, 5 * MIB);
}
END_TEST

/* Each pinned at once, as captures are, and each a little more than a page. */
START_TEST(test_small_extents_share_registrations)
{
    const size_t bytes = 4096 + 128, n = 2048;
    struct csh_extent extent;
    size_t i;

    for (i = 0; i < n; i++) {
        extent = take(bytes);
        csh_slab_register_pending(pool);
        ck_assert(csh_slab_is_pinned(&extent));
    }
    ck_assert_uint_le(n_registered, n / 12);
    ck_assert_uint_le(usage().held_bytes, n * bytes * 106 / 100);
}
END_TEST

START_TEST(test_idle_chunks_are_not_pinned)
{
    struct csh_extent extent = take(MIB);

    csh_slab_free(pool, &extent);
    ck_assert_uint_eq(csh_slab_register_pending(pool), 0);
    ck_assert_uint_eq(n_calls, 0);
}
END_TEST

/* Past what the map by size tells apart, two of them are of one size. */
START_TEST(test_very_large_neighbours_join)
{
    struct csh_extent whole, large, small;

    csh_slab_destroy(pool);
    make_pool(288 * MIB, NULL);
    whole = take(260 * MIB);
    csh_slab_free(pool, &whole);
    large = take(257 * MIB);
    small = take(3 * MIB);
    ck_assert_ptr_eq(large.address, whole.address);
    ck_assert_ptr_eq(small.address, large.address + 257 * MIB);
    csh_slab_free(pool, &large);
    csh_slab_free(pool, &small);
    ck_assert(csh_slab_check(pool));
    small = take(260 * MIB);
    ck_assert_ptr_eq(small.address, whole.address);
}
END_TEST

START_TEST(test_long_extents_are_registered_alone)
{
    struct csh_extent large, small, medium;

    /* So much is held that the next chunk is longer than a step. */
    budget.limit.value = 512 * MIB;
    ck_assert_int_eq(csh_slab_allocate(pool, 300 * MIB, &large),
                     CSH_SLAB_OK);
    small  = take(20 * MIB);
    medium = take(50 * MIB);
    ck_assert_uint_eq(usage().n_chunks, 2);
    csh_slab_register_pending(pool);
    ck_assert(driver_knows(&large));
    ck_assert(driver_knows(&small));
    ck_assert(driver_knows(&medium));
    ck_assert_uint_eq(n_registered, 3);
}
END_TEST

/* Refused at the first, second, third step; the others get pinned later. */
START_TEST(test_refused_at_the_nth)
{
    struct csh_extent extents[3];
    int i, n = 0;

    refuse_from  = (unsigned)_i + 1;
    refuse_until = refuse_from + 1;
    for (i = 0; i < 3; i++) {
        extents[i] = take(64 * MIB);
    }
    csh_slab_register_pending(pool);
    ck_assert_uint_eq(n_registered, (unsigned)_i);
    ck_assert_uint_eq(gauge(CSH_GAUGE_registrations_refused), 1);
    for (i = 0; i < 3; i++) {
        ck_assert_int_eq(csh_slab_is_pinned(&extents[i]),
                         driver_knows(&extents[i]));
        memset(extents[i].address, 1, extents[i].bytes);
        n += csh_slab_is_pinned(&extents[i]);
    }
    ck_assert_int_eq(n, _i);
    /* One call is let pass. */
    csh_slab_register_pending(pool);
    ck_assert_uint_eq(n_registered, (unsigned)_i);
    csh_slab_register_pending(pool);
    ck_assert_uint_eq(n_registered, 3);
    ck_assert_uint_eq(usage().pinned_bytes, 192 * MIB);
}
END_TEST

/* What may not be pinned is memory all the same, and is pinned when there is
 * room for it. */
START_TEST(test_pinned_limit)
{
    struct csh_extent first = take(60 * MIB), second = take(60 * MIB), small;
    int i;

    budget.pinned_limit.value = 100 * MIB;
    for (i = 0; i < 3; i++) {
        csh_slab_register_pending(pool);
    }
    ck_assert_uint_eq(n_registered, 1);
    ck_assert_uint_eq(n_calls, 1);
    ck_assert_uint_eq(gauge(CSH_GAUGE_registrations_refused), 0);
    ck_assert_uint_eq(gauge(CSH_GAUGE_unpinned_by_limit), 1);
    ck_assert(csh_slab_is_pinned(&first) != csh_slab_is_pinned(&second));
    /* A smaller one still fits, and what is given back makes room. */
    small = take(10 * MIB);
    csh_slab_register_pending(pool);
    ck_assert(csh_slab_is_pinned(&small));
    ck_assert_uint_le(usage().pinned_bytes, 100 * MIB);
    csh_slab_unregister_all(pool);
    budget.pinned_limit.value = 200 * MIB;
    csh_slab_register_pending(pool);
    ck_assert(csh_slab_is_pinned(&first) && csh_slab_is_pinned(&second));
    ck_assert_uint_eq(gauge(CSH_GAUGE_unpinned_by_limit), 1);
}
END_TEST

START_TEST(test_pinned_limit_of_nothing)
{
    struct csh_extent extent = take(MIB);

    budget.pinned_limit.value = 0;
    ck_assert_uint_eq(csh_slab_register_pending(pool), 0);
    ck_assert_uint_eq(n_calls, 0);
    ck_assert(!csh_slab_is_pinned(&extent));
    /* Unknown memory, by auto: nothing either. */
    budget.pinned_limit.unit = CSH_SIZE_AUTO;
    ck_assert_uint_eq(csh_slab_register_pending(pool), 0);
    ck_assert_uint_eq(n_calls, 0);
}
END_TEST

START_TEST(test_refusals_are_asked_again_less_and_less)
{
    struct csh_extent extent = take(MIB);
    int i;

    refuse_from  = 0;
    refuse_until = ~0u;
    for (i = 0; i < 5000; i++) {
        csh_slab_register_pending(pool);
    }
    ck_assert(!csh_slab_is_pinned(&extent));
    ck_assert_uint_gt(n_calls, 10);
    ck_assert_uint_lt(n_calls, 17);
    ck_assert_uint_eq(gauge(CSH_GAUGE_registrations_refused), n_calls);
    refuse_from = ~0u;
    for (i = 0; i <= 1024; i++) {
        csh_slab_register_pending(pool);
    }
    ck_assert(csh_slab_is_pinned(&extent));
}
END_TEST

/* Where a refusal may do harm there is no second one. */
START_TEST(test_pinned_until_refused)
{
    struct csh_extent first, second, third;
    int i;

    csh_slab_pin_until_refused(pool);
    first = take(64 * MIB);
    ck_assert_uint_eq(csh_slab_register_pending(pool), 64 * MIB);
    second       = take(64 * MIB);
    refuse_from  = 2;
    refuse_until = 3;
    ck_assert_uint_eq(csh_slab_register_pending(pool), 0);
    third = take(64 * MIB);
    for (i = 0; i < 3000; i++) {
        csh_slab_register_pending(pool);
    }
    ck_assert_uint_eq(n_calls, 2);
    ck_assert(csh_slab_is_pinned(&first));
    ck_assert(!csh_slab_is_pinned(&second));
    ck_assert(!csh_slab_is_pinned(&third));
    ck_assert_uint_eq(usage().pinned_bytes, 64 * MIB);
}
END_TEST

START_TEST(test_registrations_end_and_begin_again)
{
    struct csh_extent first = take(MIB), second = take(70 * MIB);

    csh_slab_register_pending(pool);
    csh_slab_unregister_all(pool);
    ck_assert_uint_eq(n_registered, 0);
    ck_assert(!csh_slab_is_pinned(&first));
    ck_assert(!csh_slab_is_pinned(&second));
    ck_assert_uint_eq(usage().pinned_bytes, 0);
    ck_assert_uint_eq(first.address[0], 0x5a);
    csh_slab_register_pending(pool);
    ck_assert(csh_slab_is_pinned(&first));
    ck_assert(csh_slab_is_pinned(&second));
}
END_TEST

/* The context that made them may take registrations along. */
START_TEST(test_registrations_are_made_sure_of_after_a_context)
{
    struct csh_extent extent = take(MIB);

    ck_assert_uint_gt(csh_slab_register_pending(pool), 0);
    csh_slab_note_context_ended(pool); /* it took nothing along */
    csh_slab_register_pending(pool);
    ck_assert(csh_slab_is_pinned(&extent) && driver_knows(&extent));

    n_registered = 0;
    csh_slab_note_context_ended(pool); /* it took all along */
    csh_slab_register_pending(pool);
    ck_assert(csh_slab_is_pinned(&extent) && driver_knows(&extent));

    n_registered = 0;
    refuse_from  = 0;
    csh_slab_note_context_ended(pool); /* and now the driver has had enough */
    csh_slab_register_pending(pool);
    ck_assert(!csh_slab_is_pinned(&extent) && !driver_knows(&extent));
    ck_assert_uint_eq(usage().pinned_bytes, 0);
    csh_slab_free(pool, &extent);
}
END_TEST

START_TEST(test_addresses_that_stay_registered_are_never_reused)
{
    struct csh_extent extent = take(5 * MIB);
    char line[512];

    csh_slab_register_pending(pool);
    csh_slab_free(pool, &extent);
    unregister_result = CUDA_ERROR_UNKNOWN;
    ck_assert_uint_ge(csh_slab_trim(pool), 5 * MIB);
    ck_assert_uint_eq(usage().n_chunks, 0);
    ck_assert(find_mapping(extent.address, line));
    ck_assert_ptr_nonnull(strstr(line, "---p"));
    ck_assert_uint_eq(usage().pinned_bytes, 0);
}
END_TEST

START_TEST(test_registration_that_would_not_end_in_use)
{
    struct csh_extent extent = take(5 * MIB);
    char line[512];

    csh_slab_register_pending(pool);
    unregister_result = CUDA_ERROR_UNKNOWN;
    csh_slab_unregister_all(pool);
    ck_assert(!csh_slab_is_pinned(&extent));
    ck_assert_uint_eq(extent.address[0], 0x5a);
    unregister_result = CUDA_SUCCESS;
    csh_slab_free(pool, &extent);
    csh_slab_trim(pool);
    ck_assert_uint_eq(usage().n_chunks, 0);
    ck_assert(find_mapping(extent.address, line));
    ck_assert_ptr_nonnull(strstr(line, "---p"));
}
END_TEST

/* --- while a chunk grows ------------------------------------------------ */

static char proc[64], meminfo[96], next_meminfo[96];

static const char plenty[] = "MemTotal: 67108864 kB\n"
                             "MemAvailable: 67108864 kB\n";

/* What the next look at the room finds: a pipe, so that whoever looks waits
 * until the test has written, or a plain file. */
static void put_meminfo(bool is_pipe)
{
    int fd;

    if (is_pipe) {
        ck_assert_int_eq(mkfifo(next_meminfo, 0600), 0);
    } else {
        fd = open(next_meminfo, O_WRONLY | O_CREAT, 0600);
        ck_assert_int_eq(write(fd, plenty, sizeof(plenty) - 1),
                         (int)sizeof(plenty) - 1);
        ck_assert_int_eq(close(fd), 0);
    }
    ck_assert_int_eq(rename(next_meminfo, meminfo), 0);
}

static void *grow_pool(void *extent_p)
{
    enum csh_slab_status status = csh_slab_allocate(pool, 3 * MIB, extent_p);

    return (status == CSH_SLAB_OK) ? extent_p : NULL;
}

/* Lets a thread begin to make a chunk longer and returns, while it waits to
 * be told of the room, the pipe that it waits for. */
static int begin_growth(pthread_t *thread_p, struct csh_extent *extent_p)
{
    strcpy(proc, "/tmp/test_slab.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(proc));
    snprintf(meminfo, sizeof(meminfo), "%s/meminfo", proc);
    snprintf(next_meminfo, sizeof(next_meminfo), "%s/next", proc);
    budget.roots.proc = proc;
    put_meminfo(true);
    ck_assert_int_eq(pthread_create(thread_p, NULL, grow_pool, extent_p), 0);
    return open(meminfo, O_WRONLY); /* once the thread reads it */
}

static void end_growth(pthread_t thread, int fd)
{
    void *extent;

    put_meminfo(false);
    ck_assert_int_eq(write(fd, plenty, sizeof(plenty) - 1),
                     (int)sizeof(plenty) - 1);
    ck_assert_int_eq(close(fd), 0);
    ck_assert_int_eq(pthread_join(thread, &extent), 0);
    ck_assert_ptr_nonnull(extent);
    budget.roots.proc = "/nowhere";
    ck_assert_int_eq(unlink(meminfo), 0);
    ck_assert_int_eq(rmdir(proc), 0);
}

START_TEST(test_a_growing_step_is_not_registered)
{
    struct csh_extent first = take(MIB), second;
    pthread_t thread;
    int fd = begin_growth(&thread, &second);

    ck_assert_uint_eq(csh_slab_register_pending(pool), 0);
    ck_assert_uint_eq(n_calls, 0);
    end_growth(thread, fd);
    ck_assert(csh_slab_check(pool));
    csh_slab_register_pending(pool);
    ck_assert(driver_knows(&first));
    ck_assert(driver_knows(&second));
}
END_TEST

START_TEST(test_a_growing_chunk_is_not_given_back)
{
    struct csh_extent first = take(MIB), second;
    pthread_t thread;
    int fd;

    csh_slab_free(pool, &first);
    fd = begin_growth(&thread, &second);
    ck_assert_uint_eq(csh_slab_trim(pool), 0);
    end_growth(thread, fd);
    memset(second.address, 1, second.bytes);
    /* What was free at its end is part of it. */
    ck_assert_ptr_eq(second.address, first.address);
    ck_assert_uint_eq(usage().held_bytes, 3 * MIB);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("slab pins");
    TCase *tcase = tcase_create("registration");

    tcase_add_checked_fixture(tcase, start, stop);
    tcase_set_timeout(tcase, 300);
    tcase_add_test(tcase, test_registration_is_a_step_of_its_own);
    tcase_add_test(tcase, test_small_extents_share_registrations);
    tcase_add_test(tcase, test_idle_chunks_are_not_pinned);
    tcase_add_test(tcase, test_very_large_neighbours_join);
    tcase_add_test(tcase, test_long_extents_are_registered_alone);
    tcase_add_loop_test(tcase, test_refused_at_the_nth, 0, 3);
    tcase_add_test(tcase, test_pinned_limit);
    tcase_add_test(tcase, test_pinned_limit_of_nothing);
    tcase_add_test(tcase, test_refusals_are_asked_again_less_and_less);
    tcase_add_test(tcase, test_pinned_until_refused);
    tcase_add_test(tcase, test_registrations_end_and_begin_again);
    tcase_add_test(tcase, test_registrations_are_made_sure_of_after_a_context);
    tcase_add_test(tcase, test_addresses_that_stay_registered_are_never_reused);
    tcase_add_test(tcase, test_registration_that_would_not_end_in_use);
    tcase_add_test(tcase, test_a_growing_step_is_not_registered);
    tcase_add_test(tcase, test_a_growing_chunk_is_not_given_back);
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
