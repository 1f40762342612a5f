/*
 * test_live_page.c - the shared page: whole reads under constant writing, of a
 * writer that was stopped half-way, and of pages that nobody vouches for.
 *
 * Every write fills the figures with one number, so that a reader which gets
 * words of two writes sees two numbers. tests/check/mutations.txt takes the
 * protocol away, step by step, and this test must notice.
 */
#include "report/live_page.h"

#include <check.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/options.h"

/* Long enough for a writer to come round within one read. */
#define N_MODELS 40
#define N_READERS 2
#define LAST_NS UINT64_C(2000000000)

static struct csh_live_page *page;
static struct csh_live_figures figures;

static void setup(void)
{
    page = calloc(1, sizeof(*page));
    ck_assert_ptr_nonnull(page);
    csh_live_page_init(page, 7, 8);
    memset(&figures, 0, sizeof(figures));
}

static void teardown(void)
{
    free(page);
}

/* Every word but the number of models, the mode and the names' last bytes. */
static void fill(struct csh_live_figures *filled, uint64_t number)
{
    uint64_t *words = (uint64_t *)filled;
    size_t n = csh_live_figures_bytes(N_MODELS) / sizeof(*words), i;

    for (i = 0; i < n; ++i) {
        words[i] = number;
    }
    filled->n_models = N_MODELS;
    filled->mode = CSH_MODE_VERIFY;
    for (i = 0; i < N_MODELS; ++i) {
        memset(filled->models[i].name, 0, CSH_LIVE_NAME_BYTES);
        memcpy(filled->models[i].name, &number, sizeof(number));
    }
}

static bool is_whole(const struct csh_live_figures *read)
{
    static __thread struct csh_live_figures wanted;

    fill(&wanted, read->written_ns);
    return memcmp(read, &wanted, csh_live_figures_bytes(N_MODELS)) == 0;
}

/* --- one writer, many readers -------------------------------------------- */

static atomic_bool is_over;

static void *write_on(void *unused)
{
    static struct csh_live_figures own;
    uint64_t number;

    for (number = 1; !atomic_load(&is_over); ++number) {
        fill(&own, number);
        csh_live_page_write(page, &own);
    }
    return unused;
}

/* What a slot says that it holds is what it holds, at every moment: a slot
 * that is being written to says so. */
static void *watch_slots(void *opaque)
{
    unsigned *n_wrong = opaque;
    uint64_t state, word;
    unsigned i;

    for (i = 0; !atomic_load(&is_over); ++i) {
        struct csh_live_slot *slot = &page->slots[i % 2];

        state = atomic_load(&slot->state);
        word = atomic_load(&slot->words[1]);
        *n_wrong += (state % 2 == 0) && (word != state / 2) &&
                    (state == atomic_load(&slot->state));
    }
    return NULL;
}

struct reader {
    pthread_t thread;
    unsigned n_read, n_torn, n_backwards;
    struct csh_live_figures read;
};

static void *read_on(void *opaque)
{
    struct reader *reader = opaque;
    uint64_t until = csh_clock_now_ns() + LAST_NS, latest = 0;

    while (csh_clock_now_ns() < until) {
        if (csh_live_page_read(page, &reader->read) != CSH_LIVE_GOOD) {
            continue;
        }
        ++reader->n_read;
        reader->n_torn += !is_whole(&reader->read);
        reader->n_backwards += reader->read.written_ns < latest;
        latest = reader->read.written_ns;
    }
    return NULL;
}

START_TEST(reads_are_whole_under_constant_writing)
{
    struct reader *readers = calloc(N_READERS, sizeof(*readers));
    pthread_t writer, watcher;
    unsigned n_wrong = 0;
    int i;

    atomic_store(&is_over, false);
    ck_assert_int_eq(pthread_create(&writer, NULL, write_on, NULL), 0);
    ck_assert_int_eq(pthread_create(&watcher, NULL, watch_slots, &n_wrong),
                     0);
    for (i = 0; i < N_READERS; ++i) {
        ck_assert_int_eq(pthread_create(&readers[i].thread, NULL, read_on,
                                        &readers[i]), 0);
    }
    for (i = 0; i < N_READERS; ++i) {
        pthread_join(readers[i].thread, NULL);
    }
    atomic_store(&is_over, true);
    pthread_join(writer, NULL);
    pthread_join(watcher, NULL);
    ck_assert_uint_eq(n_wrong, 0);
    for (i = 0; i < N_READERS; ++i) {
        ck_assert_uint_gt(readers[i].n_read, 0);
        ck_assert_uint_eq(readers[i].n_torn, 0);
        ck_assert_uint_eq(readers[i].n_backwards, 0);
    }
    free(readers);
}
END_TEST

/* --- one thread: each state that a reader can meet ----------------------- */

static enum csh_live_status read_again(void)
{
    memset(&figures, 0, sizeof(figures));
    return csh_live_page_read(page, &figures);
}

static void write_number(uint64_t number)
{
    fill(&figures, number);
    csh_live_page_write(page, &figures);
}

START_TEST(empty_page_is_said_to_be)
{
    ck_assert_int_eq(read_again(), CSH_LIVE_EMPTY);
}
END_TEST

START_TEST(the_latest_write_is_read)
{
    uint64_t number;

    for (number = 1; number <= 5; ++number) {
        write_number(number);
        ck_assert_int_eq(read_again(), CSH_LIVE_GOOD);
        ck_assert_uint_eq(figures.written_ns, number);
        ck_assert(is_whole(&figures));
    }
}
END_TEST

/* The write that was begun last is not there yet, in whatever state the other
 * slot is. */
START_TEST(writer_stopped_half_way_leaves_the_one_before)
{
    struct csh_live_slot *next;

    write_number(1);
    write_number(2);
    next = &page->slots[3 % 2];
    atomic_store(&next->state, 2 * 3 - 1);
    atomic_store(&next->words[1], 99);
    ck_assert_int_eq(read_again(), CSH_LIVE_GOOD);
    ck_assert_uint_eq(figures.written_ns, 2);
    ck_assert(is_whole(&figures));
}
END_TEST

/* A slot that is being written, or has been written anew, is not the one that
 * was meant. */
START_TEST(slot_of_another_write_is_not_taken)
{
    write_number(1);
    atomic_store(&page->slots[1].state, 2 * 3 - 1);
    ck_assert_int_eq(read_again(), CSH_LIVE_BUSY);
    atomic_store(&page->slots[1].state, 2 * 3);
    ck_assert_int_eq(read_again(), CSH_LIVE_BUSY);
}
END_TEST

START_TEST(other_layouts_are_told_apart)
{
    static struct csh_live_page other;
    uint64_t *fields[] = {&page->layout, &page->page_bytes, &page->tables};
    size_t i;

    ck_assert_int_eq(csh_live_page_check(page, sizeof(*page)),
                     CSH_LIVE_GOOD);
    for (i = 0; i < 3; ++i) {
        ++*fields[i];
        ck_assert_int_eq(csh_live_page_check(page, sizeof(*page)),
                         CSH_LIVE_OTHER_LAYOUT);
        --*fields[i];
    }
    ck_assert_int_eq(csh_live_page_check(page, sizeof(*page) - 1),
                     CSH_LIVE_OTHER_LAYOUT);
    ck_assert_int_eq(csh_live_page_check(page, 8), CSH_LIVE_NO_PAGE);
    ck_assert_int_eq(csh_live_page_check(&other, sizeof(other)),
                     CSH_LIVE_NO_PAGE);
}
END_TEST

START_TEST(what_comes_out_is_bounded)
{
    static struct csh_model_figures models[CSH_MAX_MODELS];
    struct csh_live_slot *slot = &page->slots[1];
    size_t i;

    write_number(1);
    for (i = 0; i < CSH_LIVE_WORDS; ++i) {
        atomic_store(&slot->words[i], UINT64_MAX);
    }
    ck_assert_int_eq(read_again(), CSH_LIVE_GOOD);
    ck_assert_uint_eq(figures.n_models, CSH_MAX_MODELS);
    ck_assert_uint_lt(figures.mode, CSH_N_MODES);
    csh_live_models(&figures, models);
    for (i = 0; i < CSH_MAX_MODELS; ++i) {
        ck_assert_uint_lt(strlen(models[i].name), CSH_LIVE_NAME_BYTES);
        ck_assert_uint_lt(strlen(models[i].label), CSH_BURST_LABEL_BYTES);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("live_page");
    TCase *tests = tcase_create("core");
    SRunner *runner;
    int n_failed;

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, reads_are_whole_under_constant_writing);
    tcase_add_test(tests, empty_page_is_said_to_be);
    tcase_add_test(tests, the_latest_write_is_read);
    tcase_add_test(tests, writer_stopped_half_way_leaves_the_one_before);
    tcase_add_test(tests, slot_of_another_write_is_not_taken);
    tcase_add_test(tests, other_layouts_are_told_apart);
    tcase_add_test(tests, what_comes_out_is_bounded);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed != 0;
}
