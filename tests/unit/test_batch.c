/*
 * test_batch.c - the proof of many ranges by one launch: every fingerprint is
 * the one of the host, each range has its own answer, a launch that is given
 * up or called off never reads again, and what is refused leaves nothing.
 *
 * The driver is scripted (fake_prover_driver.h); time is the fake's.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "fake_prover_driver.h"
#include "verify/batch.h"

#define PIECE CSH_BATCH_PIECE_BYTES
#define N_BYTES (3 * PIECE + 12345)
#define MS UINT64_C(1000000)
#define TIMEOUT (20 * MS)
#define N_MANY 300 /* more ranges than thread blocks */

static struct csh_fingerprint_key key;
static unsigned char memory[N_BYTES];
static struct csh_prover *prover;
static struct csh_prover_item item[CSH_BATCH_MAX_PIECES + 2];

static void fill(void)
{
    uint32_t nh[CSH_FINGERPRINT_KEY_WORDS];
    uint64_t kappa[2] = {UINT64_C(0x123456789abcdef), 987654321};
    size_t i;

    srand(11);
    for (i = 0; i < CSH_FINGERPRINT_KEY_WORDS; ++i) {
        nh[i] = (uint32_t)rand() * 2654435761u;
    }
    for (i = 0; i < N_BYTES; ++i) {
        memory[i] = (unsigned char)rand();
    }
    csh_fingerprint_key_derive(nh, kappa, &key);
    fake_reset(memory, N_BYTES);
}

static void set_up(void)
{
    fill();
    prover = csh_prover_create(fake_calls(true), &key);
    ck_assert_ptr_nonnull(prover);
    csh_prover_set_clock(prover, &fake_clock);
    csh_prover_enable_batches(prover);
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

/* The range as it is in memory. */
static struct csh_prover_item item_at(size_t offset, size_t n)
{
    struct csh_prover_item made = {.src = FAKE_DEVICE_BASE + offset, .n = n};

    csh_fingerprint_compute(&key, memory + offset, n, &made.expected);
    made.proof = CSH_PROOF_ERROR;
    return made;
}

static size_t n_equal(size_t n_items)
{
    size_t i, n = 0;

    for (i = 0; i < n_items; ++i) {
        n += item[i].proof == CSH_PROOF_EQUAL;
    }
    return n;
}

static enum csh_proof prove(size_t n_items)
{
    enum csh_proof proof;

    ck_assert(csh_prover_batch_begin(prover));
    proof = csh_prover_batch_prove(prover, item, n_items, TIMEOUT);
    csh_prover_batch_end(prover);
    return proof;
}

/* As many small ranges as the table would never call crowded. */
static void many_items(void)
{
    size_t i;

    for (i = 0; i < N_MANY; ++i) {
        item[i] = item_at(i * 16384 + i % 3, 16384);
    }
}

static struct fake_launch *last_launch(void)
{
    return &fake.launch[fake.n_launches - 1];
}

/* There is room for a few only. */
static void forget_launches(void)
{
    memset(fake.launch, 0, sizeof(fake.launch));
    fake.n_launches = 0;
}

static void assert_never_reads(struct fake_launch *launch)
{
    uint64_t before = fake.n_reads;

    fake_run_all(launch);
    ck_assert_uint_eq(fake.n_reads, before);
}

static void assert_nothing_known(size_t n_items)
{
    size_t i;

    for (i = 0; i < n_items; ++i) {
        ck_assert_int_eq(item[i].proof, CSH_PROOF_BUSY);
    }
}

/* ---- making ------------------------------------------------------------- */

START_TEST(none_unless_enabled)
{
    csh_prover_destroy(prover);
    fill();
    prover = csh_prover_create(fake_calls(true), &key);
    ck_assert_ptr_nonnull(prover);
    ck_assert(!csh_prover_batch_begin(prover));
    ck_assert_uint_eq(fake.n_calls[FAKE_cuMemHostAlloc], 1);
}
END_TEST

START_TEST(memory_is_small_and_made_once)
{
    unsigned n_calls = fake.n_calls[FAKE_cuMemHostAlloc];

    csh_prover_enable_batches(prover);
    ck_assert_uint_eq(fake.n_calls[FAKE_cuMemHostAlloc], n_calls);
    ck_assert_int_eq(fake.n_hosts, 2);
    ck_assert_int_eq(fake.n_streams, CSH_PROVER_LANES + 1);
    ck_assert_uint_le(CSH_BATCH_MAX_PIECES * sizeof(struct csh_batch_piece),
                      128 << 10);
}
END_TEST

/* Each call that enabling makes fails in turn: single proofs go on. */
START_TEST(refused_batches_leave_the_prover)
{
    static const enum fake_entry entries[] = {
        FAKE_cuModuleGetFunction, FAKE_cuMemHostAlloc,
        FAKE_cuMemHostGetDevicePointer_v2, FAKE_cuStreamCreate,
        FAKE_cuEventCreate, FAKE_cuFuncLoad, FAKE_cuLaunchKernel};
    const struct csh_stream plain = {FAKE_STREAM, CSH_PLAIN};
    struct csh_prover_item whole;
    size_t i;

    for (i = 0; i < sizeof(entries) / sizeof(entries[0]); ++i) {
        csh_prover_destroy(prover);
        fill();
        prover = csh_prover_create(
            fake_calls(entries[i] != FAKE_cuLaunchKernel), &key);
        ck_assert_ptr_nonnull(prover);
        fake.fail_entry = entries[i];
        fake.fail_nth   = fake.n_calls[entries[i]] + 1;
        csh_prover_enable_batches(prover);
        ck_assert_uint_ge(fake.n_calls[entries[i]], fake.fail_nth);
        fake.fail_entry = FAKE_N_ENTRIES;
        ck_assert(!csh_prover_batch_begin(prover));
        ck_assert_int_eq(fake.n_hosts, 1);
        ck_assert_int_eq(fake.n_streams, CSH_PROVER_LANES);
        whole = item_at(0, N_BYTES);
        ck_assert_int_eq(csh_prover_prove(prover, &plain, whole.src, whole.n,
                                          &whole.expected, TIMEOUT),
                         CSH_PROOF_EQUAL);
    }
}
END_TEST

/* Drivers before 12.4: the batch kernel is launched once too, and declines. */
START_TEST(loaded_by_a_decline_where_it_must_be)
{
    csh_prover_destroy(prover);
    fill();
    fake.pace = FAKE_NEVER;
    prover    = csh_prover_create(fake_calls(false), &key);
    ck_assert_ptr_nonnull(prover);
    csh_prover_set_clock(prover, &fake_clock);
    csh_prover_enable_batches(prover);
    ck_assert_uint_eq(fake.n_launches, 2);
    ck_assert(last_launch()->is_batch);
    ck_assert(!csh_prover_batch_begin(prover)); /* not over yet */
    assert_never_reads(last_launch());
    fake.pace = FAKE_AT_ONCE;
    many_items();
    ck_assert_int_eq(prove(N_MANY), CSH_PROOF_EQUAL);
}
END_TEST

START_TEST(forget_calls_nothing)
{
    unsigned n_order = fake.n_order;

    csh_prover_forget(prover);
    prover = NULL;
    ck_assert_uint_eq(fake.n_order, n_order);
    fake_end_context();
}
END_TEST

/* ---- values ------------------------------------------------------------- */

START_TEST(one_launch_answers_for_each_range)
{
    size_t i;

    many_items();
    ck_assert_int_eq(prove(N_MANY), CSH_PROOF_EQUAL);
    ck_assert_uint_eq(n_equal(N_MANY), N_MANY);
    ck_assert_uint_eq(fake.n_launches, 1);
    ck_assert_uint_le(last_launch()->grid, CSH_PROOF_MAX_BLOCKS);
    ck_assert_uint_eq(fake.n_calls[FAKE_cuEventRecord], 0);
    ck_assert_uint_eq(fake.n_calls[FAKE_cuStreamWaitEvent], 0);

    memory[17 * 16384 + 5000] ^= 1;
    memory[N_MANY / 2 * 16384 + 77] ^= 0x80;
    ck_assert_int_eq(prove(N_MANY), CSH_PROOF_EQUAL);
    for (i = 0; i < N_MANY; ++i) {
        ck_assert_int_eq(item[i].proof, (i == 17) || (i == N_MANY / 2) ?
                                            CSH_PROOF_DIFFERENT :
                                            CSH_PROOF_EQUAL);
    }
}
END_TEST

static const size_t sizes[] = {
    1, 15, 16, 4095, 4096, 4097, 65536 + 192, PIECE - 1, PIECE, PIECE + 1,
    2 * PIECE, 2 * PIECE + 16384, 3 * PIECE + 12345 - 64,
};

/* Same fingerprints as of the host, at every alignment; and one bit anywhere
 * near a border of a piece, of a tile or of the range makes them differ. */
START_TEST(pieces_make_the_fingerprint_of_the_whole)
{
    static const size_t at[] = {0, 1, 16383, 16384, PIECE - 1, PIECE,
                                2 * PIECE - 1, 2 * PIECE};
    size_t n = sizes[_i], shift, i;

    for (shift = 0; shift < 17; shift += (n > PIECE) ? 7 : 1) {
        item[0] = item_at(shift, n);
        item[1] = item_at(64 - shift, (n < 1000) ? n : 1000);
        ck_assert_int_eq(prove(2), CSH_PROOF_EQUAL);
        ck_assert_uint_eq(n_equal(2), 2);
        forget_launches();
    }
    item[0] = item_at(3, n);
    for (i = 0; i <= sizeof(at) / sizeof(at[0]); ++i) {
        size_t where = (i < sizeof(at) / sizeof(at[0])) ? at[i] : n - 1;

        if (where < n) {
            memory[3 + where] ^= 4;
            ck_assert_int_eq(prove(1), CSH_PROOF_EQUAL);
            ck_assert_int_eq(item[0].proof, CSH_PROOF_DIFFERENT);
            memory[3 + where] ^= 4;
            forget_launches();
        }
    }
}
END_TEST

/* Equal pieces in another order are another range. */
START_TEST(swapped_pieces_are_seen)
{
    static unsigned char piece[PIECE];

    item[0] = item_at(0, 2 * PIECE);
    memcpy(piece, memory, PIECE);
    memmove(memory, memory + PIECE, PIECE);
    memcpy(memory + PIECE, piece, PIECE);
    ck_assert_int_eq(prove(1), CSH_PROOF_EQUAL);
    ck_assert_int_eq(item[0].proof, CSH_PROOF_DIFFERENT);
}
END_TEST

START_TEST(a_full_table_leaves_out_the_last)
{
    size_t i;

    for (i = 0; i < CSH_BATCH_MAX_PIECES - 1; ++i) {
        item[i] = item_at(i, 100);
    }
    item[i] = item_at(0, PIECE + 1); /* two pieces, room for one */
    item[i + 1] = item_at(5, 50);
    item[i + 2] = item_at(6, 50);
    ck_assert_int_eq(prove(i + 3), CSH_PROOF_EQUAL);
    ck_assert_int_eq(item[i].proof, CSH_PROOF_BUSY);
    ck_assert_int_eq(item[i + 1].proof, CSH_PROOF_EQUAL);
    ck_assert_int_eq(item[i + 2].proof, CSH_PROOF_BUSY);
    ck_assert_uint_eq(n_equal(i + 3), i + 1);
}
END_TEST

/* No range that would fit is left: nothing is launched. */
START_TEST(impossible_ranges_launch_nothing)
{
    item[0]   = item_at(0, 10);
    item[0].n = 0;
    item[1]   = item_at(0, 10);
    item[1].n = CSH_FINGERPRINT_MAX_BYTES;
    ck_assert_int_eq(prove(2), CSH_PROOF_BUSY);
    assert_nothing_known(2);
    ck_assert_uint_eq(fake.n_launches, 0);
}
END_TEST

/* ---- time, cancellation, errors ------------------------------------------ */

START_TEST(a_starved_batch_times_out_and_never_reads)
{
    many_items();
    fake.pace = FAKE_NEVER;
    ck_assert_int_eq(prove(N_MANY), CSH_PROOF_TIMEOUT);
    assert_nothing_known(N_MANY);
    ck_assert(!csh_prover_may_prove(prover));
    ck_assert(!csh_prover_batch_begin(prover)); /* its launch is not over */
    assert_never_reads(last_launch());
    ck_assert_uint_eq(fake.n_reads, 0);
    fake.pace = FAKE_AT_ONCE;
    ck_assert_int_eq(prove(N_MANY), CSH_PROOF_EQUAL);
    ck_assert_uint_eq(n_equal(N_MANY), N_MANY);
}
END_TEST

START_TEST(a_half_run_batch_is_no_proof)
{
    many_items();
    fake.pace = FAKE_HALF;
    ck_assert_int_eq(prove(N_MANY), CSH_PROOF_TIMEOUT);
    assert_nothing_known(N_MANY);
    assert_never_reads(last_launch());
}
END_TEST

START_TEST(running_blocks_are_waited_for)
{
    many_items();
    fake.pace         = FAKE_STUCK;
    fake.pace_queries = 50;
    ck_assert_int_eq(prove(N_MANY), CSH_PROOF_TIMEOUT);
    ck_assert_uint_eq(last_launch()->n_after_cancel, 50);
    assert_never_reads(last_launch());
}
END_TEST

/* Called off before the launch: the blocks decline, whenever they start. */
START_TEST(called_off_before_the_launch)
{
    many_items();
    ck_assert(csh_prover_batch_begin(prover));
    ck_assert(!csh_prover_batch_call_off(prover));
    ck_assert_int_eq(csh_prover_batch_prove(prover, item, N_MANY, TIMEOUT),
                     CSH_PROOF_BUSY);
    csh_prover_batch_end(prover);
    assert_nothing_known(N_MANY);
    ck_assert_uint_eq(fake.n_launches, 1);
    ck_assert_uint_eq(fake.n_reads, 0);
    ck_assert(csh_prover_may_prove(prover)); /* nobody starved */
    ck_assert_int_eq(prove(N_MANY), CSH_PROOF_EQUAL);
}
END_TEST

/* Called off between pieces: the thread block reads none further. */
START_TEST(called_off_between_pieces)
{
    struct fake_launch *launch;

    many_items();
    fake.pace = FAKE_NEVER;
    ck_assert_int_eq(prove(N_MANY), CSH_PROOF_TIMEOUT);
    launch = last_launch();
    ck_assert_uint_lt(launch->grid, N_MANY);
    ck_assert_uint_eq(launch->batch.n_pieces, N_MANY);
    ((struct csh_proof_control *)((uintptr_t)launch->batch.control -
                                  FAKE_DEVICE_BASE))->cancel = 0;
    fake.cancels_after = 1;
    fake_run_block(launch, 0); /* pieces 0 and grid */
    ck_assert_uint_eq(fake.n_reads, 1);
    ck_assert_uint_eq(((struct csh_proof_control *)((uintptr_t)
                           launch->batch.control - FAKE_DEVICE_BASE))
                          ->slot[0].state, CSH_SLOT_DECLINED);
}
END_TEST

/* The caller of csh_prover_batch_call_off is told of blocks that read. */
START_TEST(call_off_knows_who_still_reads)
{
    struct csh_proof_control *control;

    many_items();
    ck_assert(csh_prover_batch_begin(prover));
    fake.pace         = FAKE_STUCK;
    fake.pace_queries = 3;
    ck_assert_int_eq(csh_prover_batch_prove(prover, item, N_MANY, TIMEOUT),
                     CSH_PROOF_TIMEOUT);
    control = (struct csh_proof_control *)(
        (uintptr_t)last_launch()->batch.control - FAKE_DEVICE_BASE);
    ck_assert(!csh_prover_batch_call_off(prover));
    control->slot[CSH_PROOF_MAX_BLOCKS - 1].state = CSH_SLOT_RUNNING;
    ck_assert(csh_prover_batch_call_off(prover));
    control->slot[CSH_PROOF_MAX_BLOCKS - 1].state = CSH_SLOT_DONE;
    ck_assert(!csh_prover_batch_call_off(prover));
    csh_prover_batch_end(prover);
}
END_TEST

START_TEST(errors_are_errors)
{
    many_items();
    fake.fail_entry = FAKE_cuLaunchKernel;
    fake.fail_nth   = 1;
    ck_assert_int_eq(prove(N_MANY), CSH_PROOF_ERROR);
    assert_nothing_known(N_MANY);
    fake.fail_entry = FAKE_N_ENTRIES;
    fake.pace       = FAKE_VANISHES;
    ck_assert_int_eq(prove(N_MANY), CSH_PROOF_ERROR);
    forget_launches();
    fake.pace = FAKE_FAULTS;
    ck_assert_int_eq(prove(N_MANY), CSH_PROOF_ERROR);
    assert_nothing_known(N_MANY);
}
END_TEST

START_TEST(one_at_a_time)
{
    ck_assert(csh_prover_batch_begin(prover));
    ck_assert(!csh_prover_batch_begin(prover));
    csh_prover_batch_end(prover);
    ck_assert(csh_prover_batch_begin(prover));
    csh_prover_batch_end(prover);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("batch");
    TCase *cases = tcase_create("all");
    SRunner *runner;
    int failed;

    tcase_set_timeout(cases, 60);
    tcase_add_checked_fixture(cases, set_up, tear_down);
    tcase_add_test(cases, none_unless_enabled);
    tcase_add_test(cases, memory_is_small_and_made_once);
    tcase_add_test(cases, refused_batches_leave_the_prover);
    tcase_add_test(cases, loaded_by_a_decline_where_it_must_be);
    tcase_add_test(cases, forget_calls_nothing);
    tcase_add_test(cases, one_launch_answers_for_each_range);
    tcase_add_loop_test(cases, pieces_make_the_fingerprint_of_the_whole, 0,
                        (int)(sizeof(sizes) / sizeof(sizes[0])));
    tcase_add_test(cases, swapped_pieces_are_seen);
    tcase_add_test(cases, a_full_table_leaves_out_the_last);
    tcase_add_test(cases, impossible_ranges_launch_nothing);
    tcase_add_test(cases, a_starved_batch_times_out_and_never_reads);
    tcase_add_test(cases, a_half_run_batch_is_no_proof);
    tcase_add_test(cases, running_blocks_are_waited_for);
    tcase_add_test(cases, called_off_before_the_launch);
    tcase_add_test(cases, called_off_between_pieces);
    tcase_add_test(cases, call_off_knows_who_still_reads);
    tcase_add_test(cases, errors_are_errors);
    tcase_add_test(cases, one_at_a_time);
    suite_add_tcase(suite, cases);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
