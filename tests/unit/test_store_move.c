/*
 * test_store_move.c - shadows that are moved off chunks that are mostly lost,
 * and shadows that the program's memory is mapped to.
 */
#include "store_fixture.h"

enum { N = 24 };

static struct csh_shadow_ref refs[N];

static void limit(uint64_t bytes)
{
    budget.limit.value = bytes;
}

/* Shadows of 1 MiB side by side, every other of which was once mapped; those
 * are then dropped, so that half of the chunk is lost. */
static void waste_half(void)
{
    struct csh_shadow *shadow;
    int i;

    limit(64 * MIB);
    for (i = 0; i < N; i++) {
        refs[i] = make(MIB, (unsigned char)(i + 1));
        ck_assert(csh_store_reference_host(store, refs[i]));
    }
    for (i = 0; i < N; i += 2) {
        shadow = csh_store_acquire(store, refs[i]);
        csh_slab_mark_aliased(pool, csh_shadow_extent(shadow));
        csh_store_release(store, shadow);
        csh_store_unreference_host(store, refs[i]);
        csh_store_unreference_host(store, refs[i]);
    }
    csh_store_collect(store);
    ck_assert(csh_slab_check(pool));
}

static uint64_t held(void)
{
    struct csh_slab_usage usage;

    csh_slab_read_usage(pool, &usage);
    return usage.held_bytes;
}

static void check_the_others(void)
{
    int i;

    for (i = 1; i < N; i += 2) {
        ck_assert(is_there(refs[i], (unsigned char)(i + 1)));
    }
    ck_assert(csh_store_check(store));
    ck_assert(csh_slab_check(pool));
}

START_TEST(test_waste_goes)
{
    uint64_t before;

    waste_half();
    before = held();
    ck_assert(csh_slab_has_waste(pool));
    ck_assert_uint_eq(csh_slab_trim(pool), 0);
    ck_assert_uint_eq(csh_store_move_off_waste(store, UINT64_MAX),
                      N / 2 * MIB);
    ck_assert_uint_ge(csh_slab_trim(pool), N * MIB);
    ck_assert(!csh_slab_has_waste(pool));
    ck_assert_uint_lt(held(), before);
    ck_assert_uint_le(held(), N / 2 * MIB + 2 * MIB);
    check_the_others();
    ck_assert_uint_eq(csh_store_move_off_waste(store, UINT64_MAX), 0);
}
END_TEST

START_TEST(test_so_many_and_one_more)
{
    waste_half();
    ck_assert_uint_eq(csh_store_move_off_waste(store, 2 * MIB), 2 * MIB);
    ck_assert_uint_eq(csh_store_move_off_waste(store, 1), MIB);
    check_the_others();
}
END_TEST

START_TEST(test_less_waste_stays)
{
    struct csh_shadow *shadow;
    int i;

    limit(64 * MIB);
    for (i = 0; i < N; i++) {
        refs[i] = make(MIB, (unsigned char)(i + 1));
    }
    shadow = csh_store_acquire(store, refs[0]);
    csh_slab_mark_aliased(pool, csh_shadow_extent(shadow));
    csh_store_release(store, shadow);
    csh_store_unreference_host(store, refs[0]);
    csh_store_collect(store);
    ck_assert(!csh_slab_has_waste(pool));
    ck_assert_uint_eq(csh_store_move_off_waste(store, UINT64_MAX), 0);
}
END_TEST

static const unsigned char *place_of(struct csh_shadow_ref ref)
{
    struct csh_shadow *shadow = csh_store_acquire(store, ref);
    const unsigned char *place = csh_shadow_address(shadow);

    csh_store_release(store, shadow);
    return place;
}

/* Somebody's pointer, a DMA, or the program's own pages would be left behind.
 */
START_TEST(test_what_is_in_use_stays)
{
    const unsigned char *places[N];
    struct csh_shadow *user, *read;
    int i;

    waste_half();
    user = csh_store_acquire(store, refs[1]);
    read = csh_store_acquire(store, refs[3]);
    ck_assert(csh_store_note_use(store, read, event(0)));
    csh_store_release(store, read);
    csh_store_reference_mapping(store, refs[5]);
    for (i = 1; i < N; i += 2) {
        places[i] = place_of(refs[i]);
    }
    ck_assert_uint_eq(csh_store_move_off_waste(store, UINT64_MAX),
                      (N / 2 - 3) * MIB);
    for (i = 1; i < N; i += 2) {
        ck_assert((place_of(refs[i]) == places[i]) == (i <= 5));
    }
    check_the_others();
    ck_assert_uint_eq(csh_slab_trim(pool), (N - 8) * MIB); /* all but theirs */

    csh_store_release(store, user);
    is_over_now[0] = 1;
    csh_store_collect(store);
    csh_store_unreference_mapping(store, refs[5]);
    ck_assert_uint_eq(csh_store_move_off_waste(store, UINT64_MAX), 3 * MIB);
    ck_assert_uint_gt(csh_slab_trim(pool), 0);
    check_the_others();
}
END_TEST

/* What is about to be mapped leaves, to where the memory wants it. */
START_TEST(test_before_mapping_it_leaves)
{
    struct csh_shadow *shadow;

    waste_half();
    shadow = csh_store_acquire(store, refs[1]);
    ck_assert(csh_store_leave_waste(store, shadow, 0x40));
    ck_assert_uint_eq((uintptr_t)csh_shadow_address(shadow) % 4096, 0x40);
    ck_assert(!csh_slab_is_wasted(pool, csh_shadow_extent(shadow)));
    ck_assert(!csh_store_leave_waste(store, shadow, 0x80));
    ck_assert_uint_eq((uintptr_t)csh_shadow_address(shadow) % 4096, 0x40);
    csh_store_release(store, shadow);
    ck_assert_uint_eq(gauge(CSH_GAUGE_moved_bytes), MIB);
    check_the_others();
}
END_TEST

START_TEST(test_before_mapping_others_come_first)
{
    struct csh_shadow *shadow, *other;
    const unsigned char *place;

    waste_half();
    shadow = csh_store_acquire(store, refs[1]);
    place  = csh_shadow_address(shadow);
    other  = csh_store_acquire(store, refs[1]);
    ck_assert(!csh_store_leave_waste(store, shadow, 0));
    csh_store_release(store, other);
    csh_store_reference_mapping(store, refs[1]);
    ck_assert(!csh_store_leave_waste(store, shadow, 0));
    csh_store_unreference_mapping(store, refs[1]);
    ck_assert(csh_store_note_use(store, shadow, event(0)));
    ck_assert(!csh_store_leave_waste(store, shadow, 0));
    ck_assert_ptr_eq(csh_shadow_address(shadow), place);
    ck_assert_int_gt(n_asked[0], 0);

    is_over_now[0] = 1;
    ck_assert(csh_store_leave_waste(store, shadow, 0));
    ck_assert_ptr_ne(csh_shadow_address(shadow), place);
    ck_assert_int_eq(n_given_back[0], 1);
    csh_store_release(store, shadow);
    check_the_others();
}
END_TEST

/* Each round a large shadow is mapped and dropped beside a small one that
 * stays mapped: so much may be lost, and no more. */
START_TEST(test_a_crowd_is_seen)
{
    struct csh_shadow_ref small, large;
    struct csh_shadow *shadow;
    uint64_t worst = 0;
    int i, n_crowded = 0;

    limit(1024 * MIB);
    for (i = 0; i < 16; i++) {
        small = make(MIB / 4, (unsigned char)(2 * i));
        csh_store_reference_mapping(store, small);
        large  = make(7 * MIB, (unsigned char)(2 * i + 1));
        shadow = csh_store_acquire(store, large);
        if (csh_slab_is_crowded(pool)) {
            n_crowded++;
        } else {
            csh_slab_mark_aliased(pool, csh_shadow_extent(shadow));
        }
        csh_store_release(store, shadow);
        csh_store_unreference_host(store, large);
        csh_store_collect(store);
        csh_slab_trim(pool);
        worst = (held() > worst) ? held() : worst;
    }
    ck_assert_int_gt(n_crowded, 8);
    ck_assert_uint_le(worst, 4 * 7 * MIB + 16 * MIB / 4 * 2);
}
END_TEST

START_TEST(test_without_room_nothing_moves)
{
    waste_half();
    limit(held());
    ck_assert_uint_eq(csh_store_move_off_waste(store, UINT64_MAX), 0);
    check_the_others();
}
END_TEST

/* The file keeps its pages for as long as they are mapped. */
START_TEST(test_mapped_shadows_are_not_given_up)
{
    struct csh_shadow_ref first = make(2 * MIB, 1), second = make(2 * MIB, 2);

    csh_store_reference_mapping(store, first);
    csh_store_reference_mapping(store, first);
    csh_store_reference_mapping(store, second);
    ck_assert_int_eq(refused(MIB), CSH_REASON_budget);
    ck_assert_uint_eq(csh_store_give_back(store, UINT64_MAX, true, true), 0);
    csh_store_unreference_mapping(store, first);
    ck_assert_int_eq(refused(MIB), CSH_REASON_budget);
    csh_store_unreference_mapping(store, first);
    make(MIB, 3);
    ck_assert(!is_there(first, 1));
    ck_assert(is_there(second, 2));
    csh_store_unreference_mapping(store, first); /* stale by now */
    csh_store_unreference_mapping(store, second);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store_move");
    TCase *tcase = tcase_create("store_move");
    SRunner *runner;
    int n_failed;

    tcase_add_checked_fixture(tcase, start, stop);
    tcase_add_test(tcase, test_waste_goes);
    tcase_add_test(tcase, test_so_many_and_one_more);
    tcase_add_test(tcase, test_less_waste_stays);
    tcase_add_test(tcase, test_what_is_in_use_stays);
    tcase_add_test(tcase, test_before_mapping_it_leaves);
    tcase_add_test(tcase, test_before_mapping_others_come_first);
    tcase_add_test(tcase, test_a_crowd_is_seen);
    tcase_add_test(tcase, test_without_room_nothing_moves);
    tcase_add_test(tcase, test_mapped_shadows_are_not_given_up);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed != 0;
}
