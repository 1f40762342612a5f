/*
 * test_relief.c - which shadows are given up when memory is wanted elsewhere,
 * and that memory goes back for it.
 */
#include "memory_tree.h"

#include "base/log.h"
#include "shadow/store.h"

static struct csh_budget budget;

static uint64_t gauge(enum csh_gauge which)
{
    struct csh_statistics statistics;

    csh_statistics_snapshot(&statistics);
    return statistics.gauge[which];
}

static unsigned n_pinned, n_unpinned;

static CUresult CUDAAPI fake_register(void *address, size_t bytes,
                                      unsigned flags)
{
    (void)address;
    (void)bytes;
    (void)flags;
    n_pinned++;
    return CUDA_SUCCESS;
}

static CUresult CUDAAPI fake_unregister(void *address)
{
    (void)address;
    n_unpinned++;
    return CUDA_SUCCESS;
}

static bool is_over_now;

static bool is_over(CUevent which, void *opaque)
{
    (void)which;
    (void)opaque;
    return is_over_now;
}

static void give_back(CUevent which, void *opaque)
{
    (void)which;
    (void)opaque;
}

static const struct csh_pin_calls pins = {fake_register, fake_unregister};
static struct csh_slab_pool *pool;
static struct csh_store *store;

/* Each of these fills a chunk of its own. */
enum { SHADOWS = 4 };
static const size_t bytes_each = 64 * MIB;
static struct csh_shadow_ref refs[SHADOWS];

static bool is_there(int i)
{
    struct csh_shadow *shadow = csh_store_acquire(store, refs[i]);

    if (shadow != NULL) {
        ck_assert_uint_eq(csh_shadow_address(shadow)[bytes_each - 1], i);
        csh_store_release(store, shadow);
    }
    return shadow != NULL;
}

static uint64_t held(void)
{
    struct csh_slab_usage usage;

    csh_slab_read_usage(pool, &usage);
    ck_assert_uint_eq(usage.held_bytes, gauge(CSH_GAUGE_slab_bytes));
    return usage.held_bytes;
}

/* Published, with a host reference; the caller is its user. */
static struct csh_shadow *make_shadow(size_t bytes, int mark)
{
    struct csh_shadow_proof proof = {{(uint64_t)mark, 0}};
    struct csh_shadow *shadow;
    enum csh_reason reason;

    ck_assert(csh_store_allocate(store, bytes, &shadow, &reason));
    memset(csh_shadow_address(shadow), mark, bytes);
    shadow = csh_store_publish(store, shadow, &proof);
    ck_assert(csh_store_reference_host(store, csh_shadow_ref(shadow)));
    return shadow;
}

static void fill_store(void)
{
    const struct csh_use_calls uses = {is_over, give_back, NULL};
    struct csh_shadow *shadow;
    int i;

    csh_log_threshold   = CSH_LOG_OFF;
    budget.roots        = plant_tree();
    budget.limit.unit   = CSH_SIZE_AUTO;
    budget.pinned_limit = (struct csh_size_or_share){CSH_SIZE_BYTES,
                                                     UINT64_MAX};
    pool  = csh_slab_create(&pins, &budget, NULL);
    store = csh_store_create(pool, &uses);
    for (i = 0; i < SHADOWS; i++) {
        shadow  = make_shadow(bytes_each, i);
        refs[i] = csh_shadow_ref(shadow);
        csh_store_release(store, shadow);
    }
    ck_assert_uint_eq(held(), SHADOWS * bytes_each);
}

static void empty_store(void)
{
    ck_assert(csh_store_check(store));
    ck_assert(csh_slab_check(pool));
    csh_store_destroy(store);
    csh_slab_destroy(pool);
    ck_assert_uint_eq(n_pinned, n_unpinned);
    fell_tree();
}

START_TEST(test_least_recently_used_chunk_goes_first)
{
    ck_assert(is_there(0)); /* and so the latest used */
    ck_assert_uint_eq(csh_store_give_back(store, 1, false, false),
                      bytes_each);
    ck_assert(!is_there(1));
    ck_assert(is_there(0) && is_there(2) && is_there(3));
    ck_assert_uint_eq(held(), 3 * bytes_each);
    ck_assert_uint_eq(gauge(CSH_GAUGE_given_back_shadows), 1);
    ck_assert_uint_eq(csh_store_give_back(store, 65 * MIB, false, false),
                      2 * bytes_each);
    ck_assert(is_there(3));
}
END_TEST

START_TEST(test_orphans_go_first)
{
    csh_store_unreference_host(store, refs[3]);
    ck_assert_uint_eq(csh_store_give_back(store, 1, false, false),
                      bytes_each);
    ck_assert(!is_there(3));
    ck_assert(is_there(0) && is_there(1) && is_there(2));
}
END_TEST

START_TEST(test_what_device_memory_refers_to_goes_last)
{
    ck_assert(csh_store_reference_device(store, refs[0]));
    ck_assert_uint_eq(csh_store_give_back(store, GIB, false, false),
                      3 * bytes_each);
    ck_assert(is_there(0));
    ck_assert_uint_eq(csh_store_give_back(store, GIB, true, false),
                      bytes_each);
    ck_assert(!is_there(0));
    csh_store_unreference_device(store, refs[0]); /* stale: nothing */
    ck_assert_uint_eq(held(), 0);
}
END_TEST

START_TEST(test_with_both_the_host_only_go_first)
{
    ck_assert(csh_store_reference_device(store, refs[0]));
    ck_assert_uint_eq(csh_store_give_back(store, 1, true, false),
                      bytes_each);
    ck_assert(is_there(0) && !is_there(1));
}
END_TEST

START_TEST(test_users_and_work_in_flight_keep_a_chunk)
{
    struct csh_shadow *used = csh_store_acquire(store, refs[0]);
    struct csh_shadow *busy = csh_store_acquire(store, refs[1]);

    ck_assert(csh_store_note_use(store, busy, (CUevent)0x100));
    csh_store_release(store, busy);
    ck_assert_uint_eq(csh_store_give_back(store, GIB, true, true),
                      2 * bytes_each);
    ck_assert(is_there(0) && is_there(1));
    is_over_now = true;
    csh_store_release(store, used);
    ck_assert_uint_eq(csh_store_give_back(store, GIB, true, true),
                      2 * bytes_each);
}
END_TEST

START_TEST(test_what_is_pinned_goes_only_with_the_driver)
{
    csh_slab_register_pending(pool);
    ck_assert_uint_eq(n_pinned, SHADOWS);
    ck_assert_uint_eq(csh_store_give_back(store, GIB, true, false), 0);
    ck_assert(is_there(0) && is_there(1) && is_there(2) && is_there(3));
    ck_assert_uint_eq(n_unpinned, 0);
    ck_assert_uint_eq(csh_store_give_back(store, 1, true, true), bytes_each);
    ck_assert_uint_eq(n_unpinned, 1);
    ck_assert_uint_eq(gauge(CSH_GAUGE_pinned_bytes), held());
}
END_TEST

/* Shadows that share a chunk with one that must stay are not given up in
 * vain. */
START_TEST(test_nothing_is_given_up_in_vain)
{
    struct csh_shadow *idle  = make_shadow(MIB, 9);
    struct csh_shadow *used  = make_shadow(MIB, 10);
    struct csh_shadow_ref at = csh_shadow_ref(idle);

    csh_store_release(store, idle);
    ck_assert_uint_eq(csh_store_give_back(store, GIB, true, true),
                      SHADOWS * bytes_each);
    idle = csh_store_acquire(store, at);
    ck_assert_ptr_nonnull(idle);
    csh_store_release(store, idle);
    csh_store_release(store, used);
    ck_assert_uint_ge(csh_store_give_back(store, GIB, true, true), 2 * MIB);
    ck_assert_ptr_null(csh_store_acquire(store, at));
}
END_TEST

/* With the memory of the machine: a refusal that no setting would change. */
START_TEST(test_refused_for_want_of_memory_or_of_a_larger_limit)
{
    struct csh_shadow *shadow;
    enum csh_reason reason;

    put_meminfo(33);
    ck_assert(!csh_store_allocate(store, 8 * GIB, &shadow, &reason));
    ck_assert_int_eq(reason, CSH_REASON_memory);
    put_meminfo(8192);
    ck_assert(!csh_store_allocate(store, 5 * GIB, &shadow, &reason));
    ck_assert_int_eq(reason, CSH_REASON_budget);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("relief");
    TCase *tcase = tcase_create("shadows");

    tcase_add_checked_fixture(tcase, fill_store, empty_store);
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, test_least_recently_used_chunk_goes_first);
    tcase_add_test(tcase, test_orphans_go_first);
    tcase_add_test(tcase, test_what_device_memory_refers_to_goes_last);
    tcase_add_test(tcase, test_with_both_the_host_only_go_first);
    tcase_add_test(tcase, test_users_and_work_in_flight_keep_a_chunk);
    tcase_add_test(tcase, test_what_is_pinned_goes_only_with_the_driver);
    tcase_add_test(tcase, test_nothing_is_given_up_in_vain);
    tcase_add_test(tcase, test_refused_for_want_of_memory_or_of_a_larger_limit);
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
