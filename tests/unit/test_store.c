/*
 * test_store.c - handles that outlive what they named, who keeps a shadow,
 * and which is given up first.
 */
#include "store_fixture.h"

/* --- life -------------------------------------------------------------- */

START_TEST(test_found_only_once_published)
{
    struct csh_shadow *shadow = allocate(MIB);
    struct csh_shadow_ref ref = csh_shadow_ref(shadow);

    ck_assert_ptr_null(csh_store_acquire(store, ref));
    ck_assert(!csh_store_reference_device(store, ref));
    ck_assert(!csh_store_reference_host(store, ref));
    publish(shadow, 7);
    ck_assert(csh_store_reference_host(store, ref));
    csh_store_release(store, shadow);
    ck_assert(is_there(ref, 7));
    ck_assert_uint_eq(gauge(CSH_GAUGE_shadow_bytes), MIB);
    ck_assert_uint_eq(gauge(CSH_GAUGE_shadow_bytes_peak), MIB);
}
END_TEST

START_TEST(test_abandoned_before_it_was_published)
{
    struct csh_shadow *shadow = allocate(4 * MIB);
    struct csh_shadow_ref ref = csh_shadow_ref(shadow);

    csh_store_release(store, shadow);
    ck_assert_uint_eq(gauge(CSH_GAUGE_shadow_bytes), 0);
    ck_assert_ptr_null(csh_store_acquire(store, ref));
    make(4 * MIB, 1);
    ck_assert_uint_eq(gauge(CSH_GAUGE_evictions), 0);
}
END_TEST

START_TEST(test_abandoned_while_work_still_writes_it)
{
    struct csh_shadow *shadow = allocate(4 * MIB);

    ck_assert(csh_store_note_use(store, shadow, event(0)));
    csh_store_release(store, shadow);
    ck_assert_int_eq(refused(MIB), CSH_REASON_budget);
    csh_store_collect(store);
    ck_assert_uint_eq(gauge(CSH_GAUGE_shadow_bytes), 4 * MIB);
    is_over_now[0] = true;
    csh_store_collect(store);
    ck_assert_uint_eq(gauge(CSH_GAUGE_shadow_bytes), 0);
    ck_assert_int_eq(n_given_back[0], 1);
    make(4 * MIB, 1);
}
END_TEST

START_TEST(test_handles_go_stale)
{
    struct csh_shadow_ref ref = make(4 * MIB, 1), next;

    next = make(4 * MIB, 2); /* in the same slot */
    ck_assert_uint_eq(next.index, ref.index);
    ck_assert_uint_ne(next.generation, ref.generation);
    ck_assert(!is_there(ref, 1));
    ck_assert(is_there(next, 2));
    ck_assert(!csh_store_reference_device(store, ref));
    ck_assert(!csh_store_reference_host(store, ref));
    /* Taking back through a stale handle touches nobody else. */
    ck_assert(csh_store_reference_device(store, next));
    csh_store_unreference_device(store, ref);
    csh_store_unreference_host(store, ref);
    ck_assert_int_eq(refused(MIB), CSH_REASON_budget);
}
END_TEST

START_TEST(test_made_up_handles_find_nothing)
{
    const struct csh_shadow_ref none = {0, 0}, far = {1u << 30, 1},
                                free_slot = {5, 1};

    ck_assert_ptr_null(csh_store_acquire(store, none));
    make(MIB, 1);
    ck_assert_ptr_null(csh_store_acquire(store, none));
    ck_assert_ptr_null(csh_store_acquire(store, far));
    ck_assert_ptr_null(csh_store_acquire(store, free_slot));
}
END_TEST

START_TEST(test_references_are_never_below_zero)
{
    struct csh_shadow_ref ref = make(4 * MIB, 1);

    csh_store_unreference_device(store, ref);
    csh_store_unreference_host(store, ref);
    csh_store_unreference_host(store, ref);
    ck_assert(csh_store_check(store));
    ck_assert(csh_store_reference_device(store, ref));
    ck_assert_int_eq(refused(MIB), CSH_REASON_budget);
    ck_assert(csh_store_reference_host(store, ref));
    csh_store_unreference_device(store, ref);
    csh_store_collect(store);
    ck_assert(is_there(ref, 1));
}
END_TEST

/* --- eviction ---------------------------------------------------------- */

START_TEST(test_least_recently_used_goes_first)
{
    struct csh_shadow_ref refs[4];
    unsigned char i;

    for (i = 0; i < 4; i++) {
        refs[i] = make(MIB, i);
    }
    ck_assert(is_there(refs[0], 0)); /* uses it */
    ck_assert(csh_store_reference_host(store, refs[1]));
    csh_store_unreference_host(store, refs[3]); /* no use, an orphan now */
    ck_assert(csh_store_reference_host(store, refs[3]));
    /* In order of use: 2, 0, 1, 3. */
    make(MIB, 10);
    ck_assert_uint_eq(gauge(CSH_GAUGE_evictions), 1);
    ck_assert(!is_there(refs[2], 2));
    make(MIB, 11);
    ck_assert(!is_there(refs[0], 0));
    make(MIB, 12);
    ck_assert(!is_there(refs[1], 1));
    ck_assert(is_there(refs[3], 3));
    ck_assert_uint_eq(gauge(CSH_GAUGE_evictions), 3);
}
END_TEST

START_TEST(test_losing_one_host_reference_is_no_use)
{
    struct csh_shadow_ref first = make(2 * MIB, 1), second = make(2 * MIB, 2);

    ck_assert(csh_store_reference_host(store, first));
    ck_assert(csh_store_reference_host(store, second));
    csh_store_unreference_host(store, first);
    make(2 * MIB, 3);
    ck_assert(!is_there(first, 1));
    ck_assert(is_there(second, 2));
}
END_TEST

START_TEST(test_orphans_go_before_all_others)
{
    struct csh_shadow_ref first = make(2 * MIB, 1), second = make(2 * MIB, 2);

    csh_store_unreference_host(store, second);
    make(2 * MIB, 3);
    ck_assert(is_there(first, 1));
    ck_assert(!is_there(second, 2));
}
END_TEST

START_TEST(test_users_and_device_references_keep_a_shadow)
{
    struct csh_shadow_ref used = make(2 * MIB, 1), resident = make(2 * MIB, 2);
    struct csh_shadow *shadow  = csh_store_acquire(store, used);

    ck_assert(csh_store_reference_device(store, resident));
    ck_assert(csh_store_reference_device(store, resident));
    ck_assert_int_eq(refused(MIB), CSH_REASON_budget);
    ck_assert_uint_eq(gauge(CSH_GAUGE_refusals), 1);
    ck_assert_uint_eq(gauge(CSH_GAUGE_evictions), 0);
    csh_store_unreference_device(store, resident);
    ck_assert_int_eq(refused(MIB), CSH_REASON_budget);
    csh_store_unreference_device(store, resident);
    make(MIB, 3);
    ck_assert(!is_there(resident, 2));
    ck_assert_uint_eq(csh_shadow_address(shadow)[0], 1);
    csh_store_release(store, shadow);
    ck_assert(is_there(used, 1));
}
END_TEST

START_TEST(test_one_of_two_users_keeps_a_shadow)
{
    struct csh_shadow_ref ref = make(4 * MIB, 1);
    struct csh_shadow *first  = csh_store_acquire(store, ref);
    struct csh_shadow *second = csh_store_acquire(store, ref);

    ck_assert_ptr_eq(first, second);
    csh_store_release(store, first);
    ck_assert_int_eq(refused(MIB), CSH_REASON_budget);
    csh_store_unreference_host(store, ref);
    csh_store_collect(store);
    ck_assert_uint_eq(csh_shadow_address(second)[0], 1);
    csh_store_release(store, second);
    make(MIB, 2);
    ck_assert(!is_there(ref, 1));
}
END_TEST

START_TEST(test_nothing_is_given_up_in_vain)
{
    struct csh_shadow_ref first = make(2 * MIB, 1), second = make(2 * MIB, 2);

    ck_assert_int_eq(refused(5 * MIB), CSH_REASON_budget);
    ck_assert(csh_store_reference_device(store, second));
    ck_assert_int_eq(refused(3 * MIB), CSH_REASON_budget);
    ck_assert_uint_eq(gauge(CSH_GAUGE_evictions), 0);
    ck_assert(is_there(first, 1));
    ck_assert_int_eq(refused(0), CSH_REASON_error);
    ck_assert_int_eq(refused(SIZE_MAX), CSH_REASON_error);
    ck_assert_uint_eq(gauge(CSH_GAUGE_refusals), 4);
}
END_TEST

START_TEST(test_phase)
{
    struct csh_shadow *shadow;
    enum csh_reason reason;

    ck_assert(csh_store_allocate_at(store, 200000, 0x7f40, &shadow,
                                    &reason));
    ck_assert_uint_eq((uintptr_t)csh_shadow_address(shadow) % 4096, 0xf40);
    ck_assert_ptr_eq(csh_shadow_extent(shadow)->address,
                     csh_shadow_address(shadow));
    ck_assert_uint_eq(csh_shadow_extent(shadow)->bytes, 200000);
    csh_store_release(store, shadow);
}
END_TEST

START_TEST(test_neighbours_make_room_together)
{
    struct csh_shadow_ref refs[4];
    unsigned char i;

    for (i = 0; i < 4; i++) {
        refs[i] = make(MIB, i);
    }
    make(2 * MIB, 9);
    ck_assert_uint_eq(gauge(CSH_GAUGE_evictions), 2);
    ck_assert(!is_there(refs[0], 0));
    ck_assert(!is_there(refs[1], 1));
    ck_assert(is_there(refs[2], 2));
    ck_assert(is_there(refs[3], 3));
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("store");
    TCase *tcase = tcase_create("shadows");

    tcase_add_checked_fixture(tcase, start, stop);
    tcase_set_timeout(tcase, 300);
    tcase_add_test(tcase, test_found_only_once_published);
    tcase_add_test(tcase, test_abandoned_before_it_was_published);
    tcase_add_test(tcase, test_abandoned_while_work_still_writes_it);
    tcase_add_test(tcase, test_handles_go_stale);
    tcase_add_test(tcase, test_made_up_handles_find_nothing);
    tcase_add_test(tcase, test_references_are_never_below_zero);
    tcase_add_test(tcase, test_least_recently_used_goes_first);
    tcase_add_test(tcase, test_losing_one_host_reference_is_no_use);
    tcase_add_test(tcase, test_orphans_go_before_all_others);
    tcase_add_test(tcase, test_users_and_device_references_keep_a_shadow);
    tcase_add_test(tcase, test_one_of_two_users_keeps_a_shadow);
    tcase_add_test(tcase, test_nothing_is_given_up_in_vain);
    tcase_add_test(tcase, test_phase);
    tcase_add_test(tcase, test_neighbours_make_room_together);
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
