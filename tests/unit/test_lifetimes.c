/*
 * test_lifetimes.c - a batch and the end of memory find each other in every
 * order: the launch is not made, or declines, or is waited for.
 *
 * Each test runs in a process of its own. The driver is scripted.
 */
#include "engine/lifetimes.h"

#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "fake_prover_driver.h"
#include "track/watch.h"

#define N_BYTES (4 * CSH_FINGERPRINT_TILE_BYTES)

static struct csh_fingerprint_key key;
static unsigned char memory[N_BYTES];
static struct csh_prover *prover;
static struct csh_prover_item item;

static void set_up(void)
{
    const uint32_t nh[CSH_FINGERPRINT_KEY_WORDS] = {1, 2, 3};
    const uint64_t kappa[2] = {5, 7};

    ck_assert_int_eq(setenv("CUSHADOW_COHORT", "1", 1), 0);
    ck_assert_int_eq(setenv("CUSHADOW_MODE", "verify", 1), 0);
    csh_fingerprint_key_derive(nh, kappa, &key);
    memset(memory, 0x5a, sizeof(memory));
    fake_reset(memory, sizeof(memory));
    prover = csh_prover_create(fake_calls(true), &key);
    ck_assert_ptr_nonnull(prover);
    csh_prover_set_clock(prover, &fake_clock);
    csh_prover_enable_batches(prover);
    item = (struct csh_prover_item){.src = FAKE_DEVICE_BASE, .n = N_BYTES};
    csh_fingerprint_compute(&key, memory, N_BYTES, &item.expected);
}

static void tear_down(void)
{
    csh_prover_destroy(prover);
}

static enum csh_proof prove(void)
{
    return csh_prover_batch_prove(prover, &item, 1, UINT64_C(1000000000));
}

START_TEST(nobody_ends_memory)
{
    ck_assert(csh_prover_batch_begin(prover));
    ck_assert(csh_lifetimes_enter(prover));
    ck_assert_int_eq(prove(), CSH_PROOF_EQUAL);
    ck_assert(csh_lifetimes_leave());
    csh_prover_batch_end(prover);
    csh_lifetimes_ending(); /* nothing to wait for */
    csh_lifetimes_ended();
}
END_TEST

START_TEST(memory_that_is_ending_is_not_read)
{
    ck_assert(csh_prover_batch_begin(prover));
    csh_lifetimes_ending();
    csh_lifetimes_ending(); /* two at once */
    ck_assert(!csh_lifetimes_enter(prover));
    csh_lifetimes_ended();
    ck_assert(!csh_lifetimes_enter(prover));
    csh_lifetimes_ended();
    ck_assert(csh_lifetimes_enter(prover));
    ck_assert_int_eq(prove(), CSH_PROOF_EQUAL);
    ck_assert(csh_lifetimes_leave());
    csh_prover_batch_end(prover);
}
END_TEST

/* The end is between: what is launched after it reads nothing. */
START_TEST(launches_after_the_end_decline)
{
    ck_assert(csh_prover_batch_begin(prover));
    ck_assert(csh_lifetimes_enter(prover));
    csh_lifetimes_ending();
    csh_lifetimes_ended();
    ck_assert_int_eq(prove(), CSH_PROOF_BUSY);
    ck_assert_uint_eq(fake.n_reads, 0);
    ck_assert(!csh_lifetimes_leave());
    csh_prover_batch_end(prover);
}
END_TEST

START_TEST(the_watch_is_tripped_before)
{
    uint64_t generation = csh_watch_arm();

    ck_assert_uint_ne(generation, 0);
    csh_lifetimes_ending();
    ck_assert(!csh_watch_holds(generation));
    csh_lifetimes_ended();
}
END_TEST

static struct csh_proof_control *control;
static _Atomic bool has_ended;

static void *end_memory(void *unused)
{
    csh_lifetimes_ending();
    has_ended = true;
    csh_lifetimes_ended();
    return unused;
}

/* A thread block that began before is waited for, and only that. */
START_TEST(blocks_that_read_are_waited_for)
{
    pthread_t thread;
    int i;

    ck_assert(csh_prover_batch_begin(prover));
    ck_assert(csh_lifetimes_enter(prover));
    ck_assert_int_eq(prove(), CSH_PROOF_EQUAL);
    control = (struct csh_proof_control *)(
        (uintptr_t)fake.launch[0].batch.control - FAKE_DEVICE_BASE);
    __atomic_store_n(&control->slot[0].state, CSH_SLOT_RUNNING,
                     __ATOMIC_SEQ_CST);
    ck_assert_int_eq(pthread_create(&thread, NULL, end_memory, NULL), 0);
    for (i = 0; i < 1000; ++i) {
        if (__atomic_load_n(&control->cancel, __ATOMIC_SEQ_CST) != 0) {
            csh_clock_nap_ns(5000000);
            break;
        }
        csh_clock_nap_ns(1000000);
    }
    ck_assert_uint_ne(control->cancel, 0);
    ck_assert(!has_ended);
    __atomic_store_n(&control->slot[0].state, CSH_SLOT_DECLINED,
                     __ATOMIC_SEQ_CST);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert(!csh_lifetimes_leave());
    csh_prover_batch_end(prover);
}
END_TEST

START_TEST(memory_is_known_while_it_lasts)
{
    ck_assert(!csh_lifetimes_covers(0x1000, 1));
    csh_lifetimes_begun(0x1000, 0x1000);
    csh_lifetimes_begun(0x3000, 0x1000);
    ck_assert(csh_lifetimes_covers(0x1000, 0x1000));
    ck_assert(csh_lifetimes_covers(0x1fff, 1));
    ck_assert(!csh_lifetimes_covers(0x1fff, 2));
    ck_assert(!csh_lifetimes_covers(0xfff, 2));
    csh_lifetimes_begun(0x2000, 0x1000);
    ck_assert(!csh_lifetimes_covers(0x1fff, 2)); /* two pieces */
    csh_lifetimes_forget(0x1800, 1);
    ck_assert(!csh_lifetimes_covers(0x1000, 1));
    ck_assert(csh_lifetimes_covers(0x2000, 0x1000));
    csh_lifetimes_forget_all();
    ck_assert(!csh_lifetimes_covers(0x2000, 1));
}
END_TEST

START_TEST(nothing_is_kept_with_cohorts_off)
{
    csh_watch_forbid(CSH_GAUGE_cohorts_off_shared);
    csh_lifetimes_begun(0x1000, 0x1000);
    ck_assert(!csh_lifetimes_covers(0x1000, 1));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("lifetimes");
    TCase *cases = tcase_create("all");
    SRunner *runner;
    int failed;

    tcase_set_timeout(cases, 30);
    tcase_add_checked_fixture(cases, set_up, tear_down);
    tcase_add_test(cases, nobody_ends_memory);
    tcase_add_test(cases, memory_that_is_ending_is_not_read);
    tcase_add_test(cases, launches_after_the_end_decline);
    tcase_add_test(cases, the_watch_is_tripped_before);
    tcase_add_test(cases, blocks_that_read_are_waited_for);
    tcase_add_test(cases, memory_is_known_while_it_lasts);
    tcase_add_test(cases, nothing_is_kept_with_cohorts_off);
    suite_add_tcase(suite, cases);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
