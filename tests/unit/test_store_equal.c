/*
 * test_store_equal.c - one shadow for equal bytes, and never one for others:
 * a proof, here a made-up one, only says where to look.
 */
#include "store_fixture.h"

/* A shadow with a proof of the test's own; the one that holds its bytes. */
static struct csh_shadow *publish_as(struct csh_shadow *shadow,
                                     unsigned char mark, uint64_t proof)
{
    const struct csh_shadow_proof made_up = {{proof, proof}};

    memset(csh_shadow_address(shadow), mark, csh_shadow_bytes(shadow));
    return csh_store_publish(store, shadow, &made_up);
}

static bool holds_only(const struct csh_shadow *shadow, unsigned char mark)
{
    size_t i;

    for (i = 0; i < csh_shadow_bytes(shadow); i++) {
        if (csh_shadow_address(shadow)[i] != mark) {
            return false;
        }
    }
    return true;
}

START_TEST(test_equal_bytes_are_held_once)
{
    struct csh_shadow *one = allocate(MIB), *two = allocate(MIB), *held;
    struct csh_shadow_ref stale = csh_shadow_ref(two);

    publish(one, 5);
    held = publish_any(two, 5);
    ck_assert_ptr_eq(held, one);
    ck_assert(csh_store_check(store));
    ck_assert_uint_eq(gauge(CSH_GAUGE_shadow_bytes), MIB);
    ck_assert_uint_eq(gauge(CSH_GAUGE_shared), 1);
    ck_assert_uint_eq(gauge(CSH_GAUGE_shared_bytes), MIB);
    ck_assert_uint_eq(gauge(CSH_GAUGE_evictions), 0);
    ck_assert_ptr_null(csh_store_acquire(store, stale));
    csh_store_release(store, one);
    csh_store_release(store, held);
    ck_assert(csh_store_check(store));
}
END_TEST

/* What is behind a proof is compared: one byte less, or another one at either
 * end, and it is another shadow. */
START_TEST(test_one_proof_is_not_one_content)
{
    static const size_t places[] = {0, MIB / 2, MIB - 1};
    struct csh_shadow *first = allocate(MIB), *other, *shorter;
    const struct csh_shadow_proof proof = {{9, 9}};
    size_t i;

    ck_assert_ptr_eq(publish_as(first, 1, 9), first);
    shorter = allocate(MIB - 1);
    ck_assert_ptr_eq(publish_as(shorter, 1, 9), shorter);
    for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        other = allocate(MIB);
        memset(csh_shadow_address(other), 1, MIB);
        csh_shadow_address(other)[places[i]] = 2;
        ck_assert_ptr_eq(csh_store_publish(store, other, &proof), other);
        ck_assert_uint_eq(csh_shadow_address(other)[places[i]], 2);
        ck_assert(csh_store_check(store));
        csh_store_release(store, other);
        csh_store_collect(store);
    }
    ck_assert(holds_only(first, 1));
    ck_assert_uint_eq(gauge(CSH_GAUGE_shared), 0);
    ck_assert_uint_eq(gauge(CSH_GAUGE_shadow_bytes), 2 * MIB - 1);
}
END_TEST

/* No two proofs are of one content, but if they were: nobody looks further. */
START_TEST(test_another_proof_is_another_shadow)
{
    struct csh_shadow *first = allocate(MIB), *second = allocate(MIB);

    ck_assert_ptr_eq(publish_as(first, 1, 9), first);
    ck_assert_ptr_eq(publish_as(second, 1, 8), second);
    ck_assert_uint_eq(gauge(CSH_GAUGE_shared), 0);
}
END_TEST

/* Bytes that came second under a proof are a shadow like any other, and go
 * without taking along what the index says of the first. */
START_TEST(test_published_beside_the_index)
{
    struct csh_shadow *first = allocate(MIB), *second = allocate(MIB), *third;

    ck_assert_ptr_eq(publish_as(first, 1, 9), first);
    ck_assert_ptr_eq(publish_as(second, 2, 9), second);
    ck_assert(csh_store_reference_host(store, csh_shadow_ref(second)));
    csh_store_release(store, second);
    third = csh_store_acquire(store, csh_shadow_ref(second));
    ck_assert_ptr_eq(third, second);
    ck_assert(holds_only(third, 2));
    csh_store_unreference_host(store, csh_shadow_ref(second));
    csh_store_release(store, third);
    csh_store_collect(store);
    ck_assert_uint_eq(gauge(CSH_GAUGE_shadow_bytes), MIB);
    third = allocate(MIB);
    ck_assert_ptr_eq(publish_as(third, 1, 9), first);
}
END_TEST

/* Each of those that share is a reference of its own. */
START_TEST(test_shared_until_the_last_lets_go)
{
    struct csh_shadow *shadow = allocate(MIB), *again;
    struct csh_shadow_ref ref = csh_shadow_ref(shadow);
    int i;

    publish(shadow, 3);
    for (i = 0; i < 3; i++) {
        again = publish_any(allocate(MIB), 3);
        ck_assert_ptr_eq(again, shadow);
        ck_assert(csh_store_reference_device(store, ref));
        ck_assert(csh_store_reference_host(store, ref));
        csh_store_release(store, again);
    }
    csh_store_release(store, shadow);
    for (i = 0; i < 3; i++) {
        ck_assert_int_eq(refused(4 * MIB), CSH_REASON_budget);
        csh_store_unreference_device(store, ref);
    }
    /* Nobody has it on a device: it may be given up, but need not. */
    for (i = 0; i < 3; i++) {
        csh_store_collect(store);
        ck_assert(csh_store_check(store));
        ck_assert_uint_eq(gauge(CSH_GAUGE_shadow_bytes), MIB);
        csh_store_unreference_host(store, ref);
    }
    csh_store_collect(store);
    ck_assert_uint_eq(gauge(CSH_GAUGE_shadow_bytes), 0);
}
END_TEST

START_TEST(test_sharing_is_a_use)
{
    struct csh_shadow_ref old = make(MIB, 1), young = make(MIB, 2);
    struct csh_shadow *shadow = publish_any(allocate(MIB), 1);

    csh_store_release(store, shadow);
    csh_store_release(store, allocate(3 * MIB)); /* one of the two must go */
    ck_assert_uint_eq(gauge(CSH_GAUGE_evictions), 1);
    ck_assert(is_there(old, 1));
    ck_assert(!is_there(young, 2));
}
END_TEST

START_TEST(test_gone_is_not_found)
{
    struct csh_shadow_ref ref = make(4 * MIB, 1);
    struct csh_shadow *shadow;

    csh_store_release(store, allocate(4 * MIB)); /* it had to go */
    ck_assert_uint_eq(gauge(CSH_GAUGE_evictions), 1);
    ck_assert_ptr_null(csh_store_acquire(store, ref));
    shadow = allocate(4 * MIB);
    publish(shadow, 1);
    ck_assert_uint_eq(gauge(CSH_GAUGE_shared), 0);
    csh_store_release(store, shadow);
}
END_TEST

/* What is still being written for a shadow that turned out to be there. */
START_TEST(test_own_memory_waits_for_work_in_flight)
{
    struct csh_shadow *first = allocate(MIB), *second = allocate(MIB);

    publish(first, 1);
    ck_assert(csh_store_note_use(store, second, event(0)));
    ck_assert_ptr_eq(publish_any(second, 1), first);
    csh_store_collect(store);
    ck_assert_uint_eq(gauge(CSH_GAUGE_shadow_bytes), 2 * MIB);
    is_over_now[0] = true;
    csh_store_collect(store);
    ck_assert_uint_eq(gauge(CSH_GAUGE_shadow_bytes), MIB);
    ck_assert_int_eq(n_given_back[0], 1);
}
END_TEST

/* --- threads ------------------------------------------------------------- */

enum { THREADS = 4, ROUNDS = 200, CONTENTS = 3 };

/* Publishes, lets go and gives up shadows of few contents. */
static void *publish_often(void *number)
{
    uintptr_t seed = (uintptr_t)number;
    unsigned char mark;
    struct csh_shadow *shadow;
    enum csh_reason reason;
    int i;

    for (i = 0; i < ROUNDS; i++) {
        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
        mark = (unsigned char)((seed >> 33) % CONTENTS);
        if (!csh_store_allocate(store, 100000, &shadow, &reason)) {
            abort();
        }
        /* Every seventh says what is not so. */
        shadow = publish_as(shadow, mark, i % 7 == 0 ? 77 : mark);
        if (!holds_only(shadow, mark)) {
            abort();
        }
        csh_store_release(store, shadow);
        if (i % 5 == 0) {
            csh_store_collect(store);
        }
    }
    return NULL;
}

START_TEST(test_threads)
{
    pthread_t threads[THREADS];
    uintptr_t i;

    for (i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, publish_often,
                                        (void *)(i + 1)), 0);
    }
    for (i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    }
    ck_assert_uint_gt(gauge(CSH_GAUGE_shared), 0);
    csh_store_collect(store);
    ck_assert_uint_eq(gauge(CSH_GAUGE_shadow_bytes), 0);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("store equal");
    TCase *tcase = tcase_create("one shadow for equal bytes");

    tcase_add_checked_fixture(tcase, start, stop);
    tcase_set_timeout(tcase, 300);
    tcase_add_test(tcase, test_equal_bytes_are_held_once);
    tcase_add_test(tcase, test_one_proof_is_not_one_content);
    tcase_add_test(tcase, test_another_proof_is_another_shadow);
    tcase_add_test(tcase, test_published_beside_the_index);
    tcase_add_test(tcase, test_shared_until_the_last_lets_go);
    tcase_add_test(tcase, test_sharing_is_a_use);
    tcase_add_test(tcase, test_gone_is_not_found);
    tcase_add_test(tcase, test_own_memory_waits_for_work_in_flight);
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
