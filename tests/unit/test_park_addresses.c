/*
 * test_park_addresses.c - which allocation lies around an address: to the
 * byte, by number, and while others come and go. Each test runs in a process
 * of its own; no driver is called.
 */
#include "engine/park_addresses.h"

#include <check.h>
#include <pthread.h>
#include <stdatomic.h>

#define UNIT ((size_t)512)
#define BASE ((CUdeviceptr)0x10000000)

static CUcontext const here = (CUcontext)0x1000, there = (CUcontext)0x2000;

static struct csh_park_address place(CUcontext context, CUdeviceptr base,
                                     size_t bytes, uint64_t number)
{
    return (struct csh_park_address){base, bytes, number, context};
}

static void list(CUcontext context, CUdeviceptr base, size_t bytes,
                 uint64_t number)
{
    const struct csh_park_address fresh = place(context, base, bytes, number);

    ck_assert(csh_park_addresses_add(&fresh));
}

/* The number around an address; 0: nothing. */
static uint64_t number_at(CUdeviceptr address)
{
    struct csh_park_address found = {0};

    return csh_park_addresses_find(address, &found) ? found.number : 0;
}

START_TEST(to_the_byte)
{
    struct csh_park_address found;

    ck_assert(!csh_park_addresses_find(BASE, &found));
    list(here, BASE, UNIT, 1);
    list(there, BASE + UNIT, 2 * UNIT, 2); /* the very next */
    list(here, BASE + 4 * UNIT, UNIT, 3);
    ck_assert_uint_eq(number_at(BASE - 1), 0);
    ck_assert_uint_eq(number_at(BASE), 1);
    ck_assert_uint_eq(number_at(BASE + UNIT - 1), 1);
    ck_assert_uint_eq(number_at(BASE + UNIT), 2);
    ck_assert_uint_eq(number_at(BASE + 3 * UNIT - 1), 2);
    ck_assert_uint_eq(number_at(BASE + 3 * UNIT), 0);
    ck_assert_uint_eq(number_at(BASE + 4 * UNIT - 1), 0);
    ck_assert_uint_eq(number_at(BASE + 5 * UNIT - 1), 3);
    ck_assert_uint_eq(number_at(BASE + 5 * UNIT), 0);
    ck_assert_uint_eq(number_at(0), 0);
    ck_assert_uint_eq(number_at(~(CUdeviceptr)0), 0);
    ck_assert(csh_park_addresses_find(BASE + 2 * UNIT, &found));
    ck_assert_uint_eq(found.base, BASE + UNIT);
    ck_assert_uint_eq(found.bytes, 2 * UNIT);
    ck_assert_ptr_eq(found.context, there);
}
END_TEST

/* What has the address by now is another allocation. */
START_TEST(the_number_says_which)
{
    const struct csh_park_address old = place(here, BASE, 4 * UNIT, 1);
    struct csh_park_address fresh = place(there, BASE, 4 * UNIT, 2);

    list(here, BASE, 4 * UNIT, 1);
    ck_assert(csh_park_addresses_add(&fresh));
    csh_park_addresses_remove(&old);
    ck_assert_uint_eq(number_at(BASE), 2);
    csh_park_addresses_remove(&fresh);
    csh_park_addresses_remove(&fresh);
    ck_assert_uint_eq(number_at(BASE), 0);

    list(here, BASE, 4 * UNIT, 3); /* and of another size */
    list(here, BASE + 3 * UNIT, 4 * UNIT, 4);
    ck_assert_uint_eq(number_at(BASE), 0);
    ck_assert_uint_eq(number_at(BASE + 3 * UNIT), 4);
}
END_TEST

START_TEST(a_context_ends)
{
    struct csh_park_address found = {0};
    unsigned i;

    for (i = 0; i < 10; i++) {
        list(i % 2 == 0 ? here : there, BASE + i * UNIT, UNIT, 1 + i);
    }
    for (i = 0; i < 5; i++) { /* in order, and those of the one alone */
        ck_assert(csh_park_addresses_next(there, found.base + found.bytes,
                                          &found));
        ck_assert_uint_eq(found.number, 2 * i + 2);
    }
    ck_assert(!csh_park_addresses_next(there, found.base + found.bytes,
                                       &found));
    csh_park_addresses_forget(there);
    ck_assert(!csh_park_addresses_next(there, 0, &found));
    for (i = 0; i < 10; i++) {
        ck_assert_uint_eq(number_at(BASE + i * UNIT),
                          i % 2 == 0 ? 1 + i : 0);
    }
    csh_park_addresses_forget(here);
    ck_assert(!csh_park_addresses_find(BASE, &found));
}
END_TEST

/* ---- threads ------------------------------------------------------------ */

enum { N_THREADS = 4, N_ROUNDS = 3000 };

static atomic_bool is_wrong;

/* Each has places of its own between the others'; one in the middle stays. */
static void *come_and_go(void *which)
{
    unsigned mine = (unsigned)(uintptr_t)which, i;
    CUdeviceptr base = BASE + mine * UNIT;
    struct csh_park_address fresh, found;

    for (i = 0; i < N_ROUNDS; i++) {
        fresh = place(here, base, UNIT, 100 + mine);
        if (!csh_park_addresses_add(&fresh) || number_at(base) != 100 + mine ||
            number_at(BASE + N_THREADS * UNIT) != 7 ||
            !csh_park_addresses_next(there, 0, &found)) {
            atomic_store(&is_wrong, true);
        }
        csh_park_addresses_remove(&fresh);
        if (number_at(base) != 0) {
            atomic_store(&is_wrong, true);
        }
    }
    return NULL;
}

START_TEST(threads)
{
    pthread_t ids[N_THREADS];
    uintptr_t i;

    list(there, BASE + N_THREADS * UNIT, UNIT, 7);
    for (i = 0; i < N_THREADS; i++) {
        ck_assert_int_eq(pthread_create(&ids[i], NULL, come_and_go,
                                        (void *)i), 0);
    }
    for (i = 0; i < N_THREADS; i++) {
        ck_assert_int_eq(pthread_join(ids[i], NULL), 0);
    }
    ck_assert(!atomic_load(&is_wrong));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("park_addresses");
    TCase *cases = tcase_create("cases");
    SRunner *runner;
    int failed;

    tcase_set_timeout(cases, 60);
    tcase_add_test(cases, to_the_byte);
    tcase_add_test(cases, the_number_says_which);
    tcase_add_test(cases, a_context_ends);
    tcase_add_test(cases, threads);
    suite_add_tcase(suite, cases);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
