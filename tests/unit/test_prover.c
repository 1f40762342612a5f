/*
 * test_prover.c - the prover against a scripted driver: outcomes, the calls
 * that lead to them, what is left behind when any of them fails.
 *
 * Time is the fake's: it passes by looking at the clock and by sleeping.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "fake_prover_driver.h"
#include "verify/field.h"
#include "verify/fingerprint_kernel.h"

#define N_BYTES (20 * CSH_FINGERPRINT_TILE_BYTES + 123)
#define MS UINT64_C(1000000)
#define TIMEOUT (20 * MS)

static struct csh_fingerprint_key key;
static unsigned char memory[N_BYTES];
static struct csh_fingerprint expected; /* of memory */
static struct csh_prover *prover;

static const struct csh_stream plain = {FAKE_STREAM, CSH_PLAIN};

static void fill(void)
{
    uint32_t nh[CSH_FINGERPRINT_KEY_WORDS];
    uint64_t kappa[2] = {UINT64_C(0x123456789abcdef), 987654321};
    size_t i;

    srand(7);
    for (i = 0; i < CSH_FINGERPRINT_KEY_WORDS; ++i) {
        nh[i] = (uint32_t)rand() * 2654435761u;
    }
    for (i = 0; i < N_BYTES; ++i) {
        memory[i] = (unsigned char)rand();
    }
    csh_fingerprint_key_derive(nh, kappa, &key);
    csh_fingerprint_compute(&key, memory, N_BYTES, &expected);
    fake_reset(memory, N_BYTES);
}

static void set_up(void)
{
    fill();
    prover = csh_prover_create(fake_calls(true), &key);
    ck_assert_ptr_nonnull(prover);
    csh_prover_set_clock(prover, &fake_clock);
}

static void assert_nothing_left(void)
{
    ck_assert_int_eq(fake.n_modules, 0);
    ck_assert_int_eq(fake.n_hosts, 0);
    ck_assert_int_eq(fake.n_streams, 0);
    ck_assert_int_eq(fake.n_events, 0);
    ck_assert_int_eq(fake.mode, CU_STREAM_CAPTURE_MODE_GLOBAL);
    ck_assert(!fake.called_unrelaxed);
}

static void tear_down(void)
{
    fake.fail_entry = FAKE_N_ENTRIES;
    csh_prover_destroy(prover);
    assert_nothing_left();
}

static enum csh_proof prove(void)
{
    return csh_prover_prove(prover, &plain, FAKE_DEVICE_BASE, N_BYTES,
                            &expected, TIMEOUT);
}

static struct fake_launch *last_launch(void)
{
    return &fake.launch[fake.n_launches - 1];
}

/* No thread block that has not read yet will ever read: run them all now. */
static void assert_never_reads(struct fake_launch *launch)
{
    uint64_t before = fake.n_reads;

    fake_run_all(launch);
    ck_assert_uint_eq(fake.n_reads, before);
}

/* ---- making ------------------------------------------------------------ */

START_TEST(create_makes_lanes_and_loads_eagerly)
{
    ck_assert_int_eq(fake.n_modules, 1);
    ck_assert_int_eq(fake.n_hosts, 1);
    ck_assert_int_eq(fake.n_streams, CSH_PROVER_LANES);
    ck_assert_int_eq(fake.n_events, CSH_PROVER_LANES);
    ck_assert_uint_eq(fake.n_calls[FAKE_cuFuncLoad], 1);
    ck_assert_uint_eq(fake.n_launches, 0);
    ck_assert_int_eq(fake.mode, CU_STREAM_CAPTURE_MODE_GLOBAL);
}
END_TEST

/* Drivers before 12.4: the kernel is launched once, and declines. */
START_TEST(create_without_func_load_launches_a_decline)
{
    csh_prover_destroy(prover);
    fill();
    fake.pace = FAKE_NEVER;
    prover    = csh_prover_create(fake_calls(false), &key);
    ck_assert_ptr_nonnull(prover);
    csh_prover_set_clock(prover, &fake_clock);
    ck_assert_uint_eq(fake.n_launches, 1);
    ck_assert_uint_eq(fake.launch[0].grid, 1);
    ck_assert_uint_eq(fake.n_calls[FAKE_cuStreamQuery], 0);

    /* Its lane is not used before it is idle. */
    fake.pace = FAKE_AT_ONCE;
    ck_assert_int_eq(prove(), CSH_PROOF_EQUAL);
    ck_assert_ptr_ne(fake.launch[1].stream, fake.launch[0].stream);
    assert_never_reads(&fake.launch[0]);
    ck_assert_int_eq(prove(), CSH_PROOF_EQUAL);
    ck_assert_ptr_eq(fake.launch[2].stream, fake.launch[0].stream);
}
END_TEST

/* Each call of create fails in turn, and each time of each. */
START_TEST(create_undoes_everything_when_refused)
{
    unsigned n_calls[FAKE_N_ENTRIES], nth, n_failed = 0;
    int entry, with_func_load;

    csh_prover_destroy(prover);
    for (with_func_load = 0; with_func_load < 2; ++with_func_load) {
        fill();
        prover = csh_prover_create(fake_calls(with_func_load != 0), &key);
        memcpy(n_calls, fake.n_calls, sizeof(n_calls));
        csh_prover_destroy(prover);
        /* The last exchange only gives the mode back. */
        n_calls[FAKE_cuThreadExchangeStreamCaptureMode] = 1;
        for (entry = 0; entry < FAKE_N_ENTRIES; ++entry) {
            for (nth = 1; nth <= n_calls[entry]; ++nth) {
                fill();
                fake.fail_entry = (enum fake_entry)entry;
                fake.fail_nth   = nth;
                ck_assert_ptr_null(csh_prover_create(
                    fake_calls(with_func_load != 0), &key));
                assert_nothing_left();
                ++n_failed;
            }
        }
    }
    ck_assert_uint_eq(n_failed, 2 * (1 + 2 + 2 + 2 * CSH_PROVER_LANES + 1));
    set_up();
}
END_TEST

START_TEST(forget_calls_nothing)
{
    unsigned before;

    ck_assert_int_eq(prove(), CSH_PROOF_EQUAL);
    before = fake.n_order;
    csh_prover_forget(prover);
    csh_prover_forget(NULL);
    csh_prover_destroy(NULL);
    ck_assert_uint_eq(fake.n_order, before);
    fake_end_context();
    prover = NULL;
}
END_TEST

/* ---- outcomes ---------------------------------------------------------- */

START_TEST(equal_and_different)
{
    static const enum fake_entry steps[] = {
        FAKE_cuThreadExchangeStreamCaptureMode, FAKE_cuEventRecord,
        FAKE_cuStreamWaitEvent, FAKE_cuLaunchKernel,
        FAKE_cuThreadExchangeStreamCaptureMode,
    };
    unsigned first = fake.n_order, i;

    ck_assert_int_eq(prove(), CSH_PROOF_EQUAL);
    ck_assert_uint_eq(fake.n_order - first, 5);
    for (i = 0; i < 5; ++i) {
        ck_assert_int_eq(fake.order[first + i], steps[i]);
    }
    ck_assert_ptr_eq(fake.recorded_on, FAKE_STREAM);
    ck_assert(last_launch()->stream != FAKE_STREAM);
    ck_assert_uint_eq(fake.n_reads, last_launch()->grid);

    memory[N_BYTES - 1] ^= 0x80;
    ck_assert_int_eq(prove(), CSH_PROOF_DIFFERENT);
    memory[N_BYTES - 1] ^= 0x80;
    expected.lane[1] ^= 1;
    ck_assert_int_eq(prove(), CSH_PROOF_DIFFERENT);
    ck_assert(csh_prover_may_prove(prover));
}
END_TEST

START_TEST(any_range_and_grid)
{
    static const size_t sizes[] = {1, 15, 16, 512, 16384, 16385,
                                   8 * 16384, 8 * 16384 + 1, N_BYTES};
    struct csh_fingerprint print;
    size_t n = sizes[_i], offset = (size_t)_i * 7;

    n = (n + offset > N_BYTES) ? N_BYTES - offset : n;
    csh_fingerprint_compute(&key, memory + offset, n, &print);
    ck_assert_int_eq(csh_prover_prove(prover, &plain,
                                      FAKE_DEVICE_BASE + offset, n, &print,
                                      TIMEOUT), CSH_PROOF_EQUAL);
    ck_assert_uint_eq(last_launch()->grid, (n + 8 * 16384 - 1) / (8 * 16384));
}
END_TEST

START_TEST(large_ranges_have_a_bounded_grid)
{
    fake.pace = FAKE_NEVER;
    ck_assert_int_eq(csh_prover_prove(prover, &plain, FAKE_DEVICE_BASE,
                                      (size_t)40 << 30, &expected, TIMEOUT),
                     CSH_PROOF_TIMEOUT);
    ck_assert_uint_eq(last_launch()->grid, CSH_PROOF_MAX_BLOCKS);
    assert_never_reads(last_launch());
}
END_TEST

START_TEST(impossible_lengths_are_refused)
{
    unsigned before = fake.n_order;

    ck_assert_int_eq(csh_prover_prove(prover, &plain, FAKE_DEVICE_BASE, 0,
                                      &expected, TIMEOUT), CSH_PROOF_ERROR);
    ck_assert_int_eq(csh_prover_prove(prover, &plain, FAKE_DEVICE_BASE,
                                      CSH_FINGERPRINT_MAX_BYTES + 1,
                                      &expected, TIMEOUT), CSH_PROOF_ERROR);
    ck_assert_uint_eq(fake.n_order, before);
}
END_TEST

START_TEST(streams_are_named_in_their_flavour)
{
    static const CUstream handles[] = {NULL, CU_STREAM_LEGACY,
                                       CU_STREAM_PER_THREAD, FAKE_STREAM};
    struct csh_stream stream = {handles[_i / 2],
                                (_i % 2 == 0) ? CSH_PLAIN : CSH_PER_THREAD};

    ck_assert_int_eq(csh_prover_prove(prover, &stream, FAKE_DEVICE_BASE,
                                      N_BYTES, &expected, TIMEOUT),
                     CSH_PROOF_EQUAL);
    ck_assert_ptr_eq(fake.recorded_on, stream.handle);
    ck_assert_int_eq(fake.recorded_per_thread, _i % 2);
}
END_TEST

START_TEST(a_kernel_that_runs_later_is_waited_for)
{
    fake.pace         = FAKE_LATER;
    fake.pace_queries = 50;
    ck_assert_int_eq(prove(), CSH_PROOF_EQUAL);
    ck_assert(csh_prover_may_prove(prover));
}
END_TEST

/* A persistent kernel owns the device: the program's stream is there, ours
 * never gets to run. */
START_TEST(a_starved_kernel_times_out_and_never_reads)
{
    uint64_t begun = fake.now_ns, n_calls;

    fake.pace = FAKE_NEVER;
    ck_assert_int_eq(prove(), CSH_PROOF_TIMEOUT);
    ck_assert_uint_ge(fake.now_ns - begun, TIMEOUT);
    ck_assert_uint_lt(fake.now_ns - begun, 2 * TIMEOUT);
    ck_assert_uint_eq(fake.n_reads, 0);
    assert_never_reads(last_launch());

    n_calls = fake.n_calls[FAKE_cuStreamQuery];
    ck_assert_uint_lt(n_calls, 1000);
}
END_TEST

START_TEST(a_stream_that_is_not_there_is_busy)
{
    uint64_t begun     = fake.now_ns;
    fake.event_pending = true;
    fake.pace          = FAKE_NEVER;
    ck_assert_int_eq(prove(), CSH_PROOF_BUSY);
    ck_assert_uint_ge(fake.now_ns - begun, TIMEOUT);
    ck_assert(csh_prover_may_prove(prover));
    assert_never_reads(last_launch());
}
END_TEST

START_TEST(half_run_kernels_do_not_read_on)
{
    uint64_t n_read;

    fake.pace = FAKE_HALF;
    ck_assert_int_eq(prove(), CSH_PROOF_TIMEOUT);
    n_read = last_launch()->grid / 2;
    ck_assert_uint_gt(n_read, 0);
    ck_assert_uint_eq(fake.n_reads, n_read);
    assert_never_reads(last_launch());
}
END_TEST

/* A block that reads when time is up is waited for. */
START_TEST(running_blocks_are_waited_for)
{
    unsigned stuck;

    fake.pace         = FAKE_STUCK;
    fake.pace_queries = 40;
    ck_assert_int_eq(prove(), CSH_PROOF_TIMEOUT);
    stuck = last_launch()->grid / 2;
    ck_assert(last_launch()->has_run[stuck]);
    assert_never_reads(last_launch());
}
END_TEST

/* ... and if that makes it complete, the proof is one. */
START_TEST(a_late_end_still_counts)
{
    struct csh_fingerprint print;
    const size_t n = 16384;

    csh_fingerprint_compute(&key, memory, n, &print);
    fake.pace         = FAKE_STUCK;
    fake.pace_queries = 3;
    ck_assert_int_eq(csh_prover_prove(prover, &plain, FAKE_DEVICE_BASE, n,
                                      &print, TIMEOUT), CSH_PROOF_EQUAL);
    ck_assert(csh_prover_may_prove(prover));
}
END_TEST

START_TEST(a_kernel_that_vanishes_is_an_error)
{
    fake.pace = FAKE_VANISHES;
    ck_assert_int_eq(prove(), CSH_PROOF_ERROR);
}
END_TEST

/* The context is dead: a block is RUNNING for ever, and is given up. */
START_TEST(a_dead_context_is_an_error_and_ends)
{
    fake.pace = FAKE_FAULTS;
    ck_assert_int_eq(prove(), CSH_PROOF_ERROR);
    ck_assert_uint_lt(fake.n_calls[FAKE_cuStreamQuery], 10);
}
END_TEST

/* A few wrong answers of a query are no proof that nothing runs: the second
 * query is the watch's, the third and fourth come after the cancellation. */
START_TEST(a_passing_error_waits_for_running_blocks)
{
    fake.pace         = FAKE_STUCK;
    fake.pace_queries = 5;
    fake.fail_entry   = FAKE_cuStreamQuery;
    fake.fail_nth     = 2;
    fake.fail_more    = 2;
    ck_assert_int_eq(prove(), CSH_PROOF_ERROR);
    ck_assert(last_launch()->has_run[last_launch()->grid / 2]);
    assert_never_reads(last_launch());
}
END_TEST

/* Each call of a proof fails in turn. */
START_TEST(refused_calls_are_errors)
{
    static const enum fake_entry entries[] = {
        FAKE_cuThreadExchangeStreamCaptureMode, FAKE_cuEventRecord,
        FAKE_cuStreamWaitEvent, FAKE_cuLaunchKernel, FAKE_cuStreamQuery,
        FAKE_cuEventQuery,
    };
    size_t i;

    for (i = 0; i < sizeof(entries) / sizeof(entries[0]); ++i) {
        fake.pace         = FAKE_LATER;
        fake.pace_queries = 5;
        fake.fail_entry   = entries[i];
        fake.fail_nth     = fake.n_calls[entries[i]] + 1;
        ck_assert_int_eq(prove(), CSH_PROOF_ERROR);
        if (fake.n_launches > 0) {
            assert_never_reads(last_launch());
        }
        ck_assert_int_eq(fake.mode, CU_STREAM_CAPTURE_MODE_GLOBAL);
        fake.fail_entry = FAKE_N_ENTRIES;
        ck_assert_int_eq(prove(), CSH_PROOF_EQUAL);
    }
    ck_assert(csh_prover_may_prove(prover));
}
END_TEST

/* ---- lanes and back-off ------------------------------------------------ */

START_TEST(given_up_lanes_rest_until_idle)
{
    unsigned i, j;

    fake.pace          = FAKE_NEVER;
    fake.event_pending = true;
    for (i = 0; i < CSH_PROVER_LANES; ++i) {
        ck_assert_int_eq(prove(), CSH_PROOF_BUSY);
        for (j = 0; j < i; ++j) {
            ck_assert_ptr_ne(fake.launch[i].stream, fake.launch[j].stream);
        }
    }
    /* All lanes have a launch queued: no more are made. */
    ck_assert_int_eq(prove(), CSH_PROOF_BUSY);
    ck_assert_uint_eq(fake.n_launches, CSH_PROVER_LANES);

    assert_never_reads(&fake.launch[2]);
    fake.pace = FAKE_AT_ONCE;
    ck_assert_int_eq(prove(), CSH_PROOF_EQUAL);
    ck_assert_ptr_eq(last_launch()->stream, fake.launch[2].stream);
    for (i = 0; i < CSH_PROVER_LANES; ++i) {
        assert_never_reads(&fake.launch[i]);
    }
}
END_TEST

static uint64_t silence_after_timeout(void)
{
    uint64_t begun;

    fake.pace = FAKE_NEVER;
    ck_assert_int_eq(prove(), CSH_PROOF_TIMEOUT);
    assert_never_reads(last_launch());
    begun = fake.now_ns;
    ck_assert(!csh_prover_may_prove(prover));
    while (!csh_prover_may_prove(prover)) {
        fake.now_ns += 10 * MS;
    }
    return fake.now_ns - begun;
}

START_TEST(back_off_doubles_and_ends)
{
    uint64_t want = CSH_PROVER_BACKOFF_NS, got;
    int i;

    for (i = 0; i < 9; ++i) {
        got = silence_after_timeout();
        ck_assert_uint_ge(got, want - 20 * MS);
        ck_assert_uint_le(got, want + 20 * MS);
        want *= (want < CSH_PROVER_BACKOFF_LIMIT_NS) ? 2 : 1;
    }
    fake.pace = FAKE_AT_ONCE;
    ck_assert_int_eq(prove(), CSH_PROOF_EQUAL);
    ck_assert_uint_le(silence_after_timeout(),
                      CSH_PROVER_BACKOFF_NS + 20 * MS);
}
END_TEST

static Suite *prover_suite(void)
{
    Suite *suite  = suite_create("prover");
    TCase *making = tcase_create("making");
    TCase *proof  = tcase_create("proof");

    tcase_add_checked_fixture(making, set_up, tear_down);
    tcase_add_test(making, create_makes_lanes_and_loads_eagerly);
    tcase_add_test(making, create_without_func_load_launches_a_decline);
    tcase_add_test(making, create_undoes_everything_when_refused);
    tcase_add_test(making, forget_calls_nothing);
    suite_add_tcase(suite, making);

    tcase_add_checked_fixture(proof, set_up, tear_down);
    tcase_add_test(proof, equal_and_different);
    tcase_add_loop_test(proof, any_range_and_grid, 0, 9);
    tcase_add_test(proof, large_ranges_have_a_bounded_grid);
    tcase_add_test(proof, impossible_lengths_are_refused);
    tcase_add_loop_test(proof, streams_are_named_in_their_flavour, 0, 8);
    tcase_add_test(proof, a_kernel_that_runs_later_is_waited_for);
    tcase_add_test(proof, a_starved_kernel_times_out_and_never_reads);
    tcase_add_test(proof, a_stream_that_is_not_there_is_busy);
    tcase_add_test(proof, half_run_kernels_do_not_read_on);
    tcase_add_test(proof, running_blocks_are_waited_for);
    tcase_add_test(proof, a_late_end_still_counts);
    tcase_add_test(proof, a_kernel_that_vanishes_is_an_error);
    tcase_add_test(proof, a_dead_context_is_an_error_and_ends);
    tcase_add_test(proof, a_passing_error_waits_for_running_blocks);
    tcase_add_test(proof, refused_calls_are_errors);
    tcase_add_test(proof, given_up_lanes_rest_until_idle);
    tcase_add_test(proof, back_off_doubles_and_ends);
    suite_add_tcase(suite, proof);
    return suite;
}

int main(void)
{
    SRunner *runner = srunner_create(prover_suite());
    int n_failed;

    srunner_run_all(runner, CK_ENV);
    n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed != 0;
}
