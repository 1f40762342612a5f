/*
 * test_store_uses.c - work in flight, what is collected, and threads.
 */
#include "store_fixture.h"

/* --- work in flight ---------------------------------------------------- */

START_TEST(test_work_in_flight_keeps_a_shadow)
{
    struct csh_shadow_ref busy = make(2 * MIB, 1), other = make(2 * MIB, 2);
    struct csh_shadow *shadow  = csh_store_acquire(store, busy);

    ck_assert(csh_store_note_use(store, shadow, event(0)));
    ck_assert(csh_store_note_use(store, shadow, event(1)));
    csh_store_release(store, shadow);
    ck_assert(is_there(other, 2)); /* the busy one is the older */
    is_over_now[1] = true;
    make(2 * MIB, 3);
    ck_assert(is_there(busy, 1));
    ck_assert(!is_there(other, 2));
    ck_assert_int_eq(n_asked[0], 1);
    ck_assert_int_eq(n_given_back[0], 0);
    ck_assert_int_eq(n_given_back[1], 1);
    ck_assert(csh_store_reference_device(store, busy));
    is_over_now[0] = true;
    csh_store_unreference_device(store, busy);
    csh_store_unreference_host(store, busy);
    make(2 * MIB, 4);
    ck_assert(!is_there(busy, 1));
    ck_assert_int_eq(n_given_back[0], 1);
}
END_TEST

START_TEST(test_a_shadow_remembers_four_uses)
{
    struct csh_shadow_ref ref = make(MIB, 1);
    struct csh_shadow *shadow = csh_store_acquire(store, ref);
    int i;

    for (i = 0; i < CSH_SHADOW_MAX_USES; i++) {
        ck_assert(csh_store_note_use(store, shadow, event((uintptr_t)i)));
    }
    ck_assert(!csh_store_note_use(store, shadow, event(9)));
    is_over_now[2] = true;
    csh_store_collect(store);
    ck_assert(csh_store_check(store));
    ck_assert(csh_store_note_use(store, shadow, event(9)));
    ck_assert(!csh_store_note_use(store, shadow, event(10)));
    csh_store_release(store, shadow);
    ck_assert_int_eq(n_given_back[2], 1);
    ck_assert_int_eq(n_asked[10], 0);
}
END_TEST

START_TEST(test_collect_asks_each_event_once)
{
    struct csh_shadow *shadow;
    struct csh_shadow_ref refs[8];
    unsigned char i;

    for (i = 0; i < 8; i++) {
        refs[i] = make(MIB / 4, i);
        shadow  = csh_store_acquire(store, refs[i]);
        ck_assert(csh_store_note_use(store, shadow, event(i)));
        ck_assert(csh_store_reference_device(store, refs[i]));
        csh_store_release(store, shadow);
    }
    is_over_now[3] = is_over_now[6] = true;
    csh_store_collect(store);
    csh_store_collect(store);
    for (i = 0; i < 8; i++) {
        ck_assert_int_eq(n_given_back[i], (i == 3) || (i == 6));
        ck_assert_int_eq(n_asked[i], ((i == 3) || (i == 6)) ? 1 : 2);
        ck_assert(is_there(refs[i], i));
    }
}
END_TEST

START_TEST(test_collect_frees_what_nobody_refers_to)
{
    struct csh_shadow_ref kept = make(MIB, 1), resident = make(MIB, 2),
                          orphan = make(MIB, 3), used = make(MIB, 4);
    struct csh_shadow *shadow;

    ck_assert(csh_store_reference_device(store, resident));
    csh_store_unreference_host(store, resident);
    csh_store_unreference_host(store, orphan);
    csh_store_unreference_host(store, used);
    shadow = csh_store_acquire(store, used);
    csh_store_collect(store);
    ck_assert(is_there(kept, 1));
    ck_assert(is_there(resident, 2));
    ck_assert(!is_there(orphan, 3));
    csh_store_release(store, shadow);
    ck_assert(is_there(used, 4));
    csh_store_collect(store);
    ck_assert(!is_there(used, 4));
    ck_assert_uint_eq(gauge(CSH_GAUGE_shadow_bytes), 2 * MIB);
    ck_assert_uint_eq(gauge(CSH_GAUGE_evictions), 0);
}
END_TEST

START_TEST(test_pinned_once_registered)
{
    struct csh_shadow *shadow = allocate(MIB);

    ck_assert(!csh_shadow_is_pinned(shadow));
    ck_assert_uint_ge(csh_slab_register_pending(pool), MIB);
    ck_assert(csh_shadow_is_pinned(shadow));
    csh_store_release(store, shadow);
}
END_TEST

START_TEST(test_destroy_gives_events_back)
{
    struct csh_shadow_ref ref = make(MIB, 1);
    struct csh_shadow *shadow = csh_store_acquire(store, ref);
    const struct csh_use_calls uses = {is_over, give_back, &budget};

    ck_assert(csh_store_note_use(store, shadow, event(5)));
    csh_store_release(store, shadow);
    csh_store_destroy(store);
    ck_assert_int_eq(n_given_back[5], 1);
    store = csh_store_create(pool, &uses);
}
END_TEST

START_TEST(test_many_shadows)
{
    static struct csh_shadow_ref refs[5000];
    size_t held = 0, i;

    for (i = 0; i < 5000; i++) {
        /* Equal bytes would be held once. */
        refs[i] = make(512 + i / 256, (unsigned char)i);
    }
    for (i = 0; i < 5000; i++) {
        ck_assert(is_there(refs[i], (unsigned char)i));
        if (i % 2 == 0) {
            csh_store_unreference_host(store, refs[i]);
        }
    }
    csh_store_collect(store);
    for (i = 0; i < 5000; i++) {
        ck_assert_int_eq(is_there(refs[i], (unsigned char)i), i % 2);
        held += i % 2 * (512 + i / 256);
    }
    ck_assert_uint_eq(gauge(CSH_GAUGE_shadow_bytes), held);
}
END_TEST

/* --- an event asked about while others go on ---------------------------- */

static struct csh_shadow_ref asked_about;
static bool freed_meanwhile;

/* Called without a lock while the shadow is being asked about: what others
 * could do at this moment. */
static bool meddle(CUevent which, void *opaque)
{
    struct csh_shadow *shadow;

    if (which == event(0)) {
        n_asked[0]++;
        shadow = csh_store_acquire(store, asked_about);
        ck_assert_ptr_nonnull(shadow);
        ck_assert(csh_store_note_use(store, shadow, event(1)));
        csh_store_release(store, shadow);
        csh_store_unreference_host(store, asked_about);
        csh_store_collect(store);
        freed_meanwhile = !is_there(asked_about, 1);
        return true;
    }
    return is_over(which, opaque);
}

START_TEST(test_store_changes_while_an_event_is_asked)
{
    const struct csh_use_calls uses = {meddle, give_back, &budget};
    struct csh_shadow *shadow;

    csh_store_destroy(store);
    store       = csh_store_create(pool, &uses);
    asked_about = make(4 * MIB, 1);
    shadow      = csh_store_acquire(store, asked_about);
    ck_assert(csh_store_note_use(store, shadow, event(0)));
    csh_store_release(store, shadow);
    /* The first event is over, the one added meanwhile is not. */
    ck_assert_int_eq(refused(MIB), CSH_REASON_budget);
    ck_assert(!freed_meanwhile);
    ck_assert(is_there(asked_about, 1));
    ck_assert_int_eq(n_asked[0], 1);
    ck_assert_int_eq(n_given_back[0], 1);
    ck_assert_int_eq(n_given_back[1], 0);
    is_over_now[1] = true;
    csh_store_collect(store);
    ck_assert(!is_there(asked_about, 1));
}
END_TEST

/* --- threads ------------------------------------------------------------ */

enum { THREADS = 4, ROUNDS = 400, SHARED = 8 };
static _Atomic uint64_t shared[SHARED]; /* handles, as numbers */

/* Each event is in one place only: it may be noted again when given back. */
static atomic_int is_taken[EVENTS];

static bool over_in_threads(CUevent which, void *opaque)
{
    static atomic_uint n;

    (void)which;
    (void)opaque;
    return n++ % 3 != 0;
}

static void free_event(CUevent which, void *opaque)
{
    (void)opaque;
    if (atomic_exchange(&is_taken[(uintptr_t)which - 0x100], 0) != 1) {
        abort();
    }
}

static CUevent take_event(void)
{
    uintptr_t i;

    for (i = 0; i < EVENTS; i++) {
        if (atomic_exchange(&is_taken[i], 1) == 0) {
            return event(i);
        }
    }
    return NULL;
}

static void use_shared(unsigned slot)
{
    const uint64_t number           = shared[slot];
    const struct csh_shadow_ref ref = {(uint32_t)number,
                                       (uint32_t)(number >> 32)};
    struct csh_shadow *shadow       = csh_store_acquire(store, ref);
    unsigned char mark;
    size_t i;
    CUevent used;

    if (shadow == NULL) {
        return;
    }
    mark = (unsigned char)csh_shadow_proof(shadow).lane[0];
    for (i = 0; i < csh_shadow_bytes(shadow); i += 509) {
        if (csh_shadow_address(shadow)[i] != mark) {
            abort();
        }
    }
    used = take_event();
    if ((used != NULL) && !csh_store_note_use(store, shadow, used)) {
        free_event(used, NULL);
    }
    if (csh_store_reference_device(store, ref)) {
        csh_store_unreference_device(store, ref);
    }
    csh_store_release(store, shadow);
}

static void *work(void *number)
{
    uintptr_t seed = (uintptr_t)number * 7919;
    struct csh_shadow_ref ref;
    struct csh_shadow *shadow;
    enum csh_reason reason;
    int i;

    for (i = 0; i < ROUNDS; i++) {
        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
        if (csh_store_allocate(store, 100000 + (seed >> 40) % 300000, &shadow,
                               &reason)) {
            shadow = publish_any(shadow, (unsigned char)(seed >> 33));
            ref = csh_shadow_ref(shadow);
            if (!csh_store_reference_host(store, ref)) {
                abort();
            }
            csh_store_release(store, shadow);
            shared[(seed >> 50) % SHARED] = ref.index |
                                            (uint64_t)ref.generation << 32;
        } else if (reason != CSH_REASON_budget) {
            abort();
        }
        use_shared((unsigned)(seed >> 55) % SHARED);
        if (i % 16 == 0) {
            csh_slab_register_pending(pool);
            csh_store_collect(store);
            csh_slab_trim(pool);
        }
    }
    return NULL;
}

START_TEST(test_threads)
{
    const struct csh_use_calls uses = {over_in_threads, free_event, NULL};
    pthread_t threads[THREADS];
    uintptr_t i;

    csh_store_destroy(store);
    store = csh_store_create(pool, &uses);
    for (i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, work,
                                        (void *)(i + 1)), 0);
    }
    for (i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    }
    ck_assert_uint_gt(gauge(CSH_GAUGE_evictions), 0);
    ck_assert(csh_store_check(store));
    ck_assert(csh_slab_check(pool));
    csh_store_destroy(store);
    for (i = 0; i < EVENTS; i++) {
        ck_assert_int_eq(is_taken[i], 0);
    }
    csh_slab_trim(pool); /* what is left may lie in pieces */
    store = csh_store_create(pool, &uses);
    allocate(MIB);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("store uses");
    TCase *tcase = tcase_create("work in flight");

    tcase_add_checked_fixture(tcase, start, stop);
    tcase_set_timeout(tcase, 300);
    tcase_add_test(tcase, test_work_in_flight_keeps_a_shadow);
    tcase_add_test(tcase, test_a_shadow_remembers_four_uses);
    tcase_add_test(tcase, test_collect_asks_each_event_once);
    tcase_add_test(tcase, test_collect_frees_what_nobody_refers_to);
    tcase_add_test(tcase, test_pinned_once_registered);
    tcase_add_test(tcase, test_destroy_gives_events_back);
    tcase_add_test(tcase, test_many_shadows);
    tcase_add_test(tcase, test_store_changes_while_an_event_is_asked);
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
