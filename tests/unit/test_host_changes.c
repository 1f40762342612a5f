/*
 * test_host_changes.c - which advice is told to whom, the rounding, and the
 * marks: none lost, by threads either, and forgotten never.
 *
 * Compiles host_changes.c itself, to begin each test without marks.
 */
#include "base/host_changes.c"

#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define PAGE UINT64_C(4096)

static struct {
    unsigned n;
    uintptr_t start;
    size_t bytes;
    enum csh_host_change change;
} told;

static void watcher(uintptr_t start, size_t bytes,
                    enum csh_host_change change)
{
    told.n++;
    told.start = start;
    told.bytes = bytes;
    told.change = change;
    errno = EILSEQ;
}

static void setup(void)
{
    memset(&told, 0, sizeof(told));
    memset(marks, 0, sizeof(marks));
    csh_host_watch(watcher);
}

static const struct {
    int advice;
    enum csh_host_change change;
} advices[] = {
    {MADV_NORMAL, CSH_CHANGE_NONE},
    {MADV_HUGEPAGE, CSH_CHANGE_NONE},
    {MADV_DOFORK, CSH_CHANGE_NONE},
    {ADVICE_POPULATE_WRITE, CSH_CHANGE_NONE},
    {MADV_DONTNEED, CSH_CHANGE_DISCARD},
    {MADV_FREE, CSH_CHANGE_DISCARD},
    {ADVICE_DONTNEED_LOCKED, CSH_CHANGE_DISCARD},
    {MADV_DONTFORK, CSH_CHANGE_MARK},
    {MADV_WIPEONFORK, CSH_CHANGE_RETYPE_AND_MARK},
    {MADV_DONTDUMP, CSH_CHANGE_MARK},
    {MADV_REMOVE, CSH_CHANGE_RETYPE},
    {MADV_HWPOISON, CSH_CHANGE_RETYPE},
    {25 /* MADV_COLLAPSE */, CSH_CHANGE_RETYPE},
    {102 /* MADV_GUARD_INSTALL */, CSH_CHANGE_RETYPE},
    {103 /* MADV_GUARD_REMOVE */, CSH_CHANGE_RETYPE},
    {9999, CSH_CHANGE_RETYPE},
    {-1, CSH_CHANGE_RETYPE},
};

START_TEST(test_advice_is_told)
{
    enum csh_host_change change = advices[_i].change;

    errno = 0;
    csh_host_advising(16 * PAGE, 2 * PAGE + 1, advices[_i].advice);
    ck_assert_int_eq(errno, 0);
    ck_assert_uint_eq(told.n, change != CSH_CHANGE_NONE &&
                                  change != CSH_CHANGE_MARK);
    if (told.n != 0) {
        ck_assert_uint_eq(told.start, 16 * PAGE);
        ck_assert_uint_eq(told.bytes, 3 * PAGE);
        ck_assert_int_eq(told.change, change == CSH_CHANGE_RETYPE_AND_MARK
                                          ? CSH_CHANGE_RETYPE
                                          : change);
    }
    ck_assert(csh_host_is_marked(16 * PAGE, 1) ==
              (change == CSH_CHANGE_MARK ||
               change == CSH_CHANGE_RETYPE_AND_MARK));
}
END_TEST

/* Nothing may be lost for a call that the kernel refuses. */
START_TEST(test_refused_ranges_are_not_told)
{
    csh_host_advising(16 * PAGE + 64, PAGE, MADV_DONTNEED);
    csh_host_advising(16 * PAGE, SIZE_MAX, MADV_DONTNEED);
    csh_host_advising(16 * PAGE, SIZE_MAX - 16 * PAGE, MADV_DONTNEED);
    csh_host_advising(16 * PAGE, 0, MADV_DONTNEED);
    ck_assert_uint_eq(told.n, 0);
}
END_TEST

START_TEST(test_marked_memory_keeps_its_bytes)
{
    csh_host_changing(16 * PAGE, PAGE, CSH_CHANGE_MARK);
    csh_host_advising(16 * PAGE, PAGE, MADV_DONTNEED);
    ck_assert_int_eq(told.change, CSH_CHANGE_RETYPE);
    csh_host_advising(17 * PAGE, PAGE, MADV_DONTNEED);
    ck_assert_int_eq(told.change, CSH_CHANGE_DISCARD);
}
END_TEST

START_TEST(test_ranges_are_rounded_outwards)
{
    csh_host_changing(16 * PAGE + 100, PAGE, CSH_CHANGE_RETYPE_AND_MARK);
    ck_assert_uint_eq(told.start, 16 * PAGE);
    ck_assert_uint_eq(told.bytes, 2 * PAGE);
    ck_assert(csh_host_is_marked(18 * PAGE - 1, 1));
    ck_assert(!csh_host_is_marked(18 * PAGE, 1));
    ck_assert(!csh_host_is_marked(15 * PAGE, PAGE));
    ck_assert(csh_host_is_marked(15 * PAGE, PAGE + 1));
    csh_host_changing(0, SIZE_MAX, CSH_CHANGE_RETYPE_AND_MARK);
    ck_assert_uint_eq(told.start, 0);
    ck_assert_uint_eq(told.start + told.bytes, -PAGE);
    ck_assert(csh_host_is_marked(UINTPTR_MAX - 3 * PAGE, 1));
    ck_assert(csh_host_is_marked(0, 1));
    csh_host_changing(-2 * PAGE + 5, PAGE + 20, CSH_CHANGE_RETYPE);
    ck_assert_uint_eq(told.start, -2 * PAGE);
    ck_assert_uint_eq(told.bytes, PAGE);
}
END_TEST

START_TEST(test_nobody_watching_is_told_nothing)
{
    csh_host_watch(NULL);
    csh_host_changing(16 * PAGE, PAGE, CSH_CHANGE_RETYPE);
    csh_host_advising(16 * PAGE, PAGE, MADV_DONTNEED);
    csh_host_changing(16 * PAGE, PAGE, CSH_CHANGE_MARK);
    ck_assert_uint_eq(told.n, 0);
    ck_assert(csh_host_is_marked(16 * PAGE, PAGE));
}
END_TEST

/* More ranges than there are marks, far apart: none is lost, and what is
 * marked besides lies between two that were. */
START_TEST(test_marks_are_never_lost)
{
    const uintptr_t step = 1024 * PAGE;
    uintptr_t i;

    for (i = 1; i <= 2 * N_MARKS; i++) {
        csh_host_changing(i * step, PAGE, CSH_CHANGE_MARK);
    }
    for (i = 1; i <= 2 * N_MARKS; i++) {
        ck_assert(csh_host_is_marked(i * step, PAGE));
    }
    ck_assert(!csh_host_is_marked(step - PAGE, PAGE));
    ck_assert(!csh_host_is_marked(2 * N_MARKS * step + PAGE, PAGE));
    ck_assert(!csh_host_is_marked(step + PAGE, PAGE));
}
END_TEST

enum { N_THREADS = 4, N_EACH = 5000 };

static void *mark_many(void *argument)
{
    uintptr_t thread = (uintptr_t)argument, i;

    for (i = 1; i <= N_EACH; i++) {
        uintptr_t start = (i * N_THREADS + thread) * 64 * PAGE;

        csh_host_changing(start, PAGE, CSH_CHANGE_MARK);
        if (!csh_host_is_marked(start, PAGE)) {
            return argument;
        }
    }
    return NULL;
}

START_TEST(test_threads_lose_no_mark)
{
    pthread_t threads[N_THREADS];
    uintptr_t i;

    csh_host_watch(NULL);
    for (i = 0; i < N_THREADS; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, mark_many,
                                        (void *)i), 0);
    }
    for (i = 0; i < N_THREADS; i++) {
        void *lost = &threads;

        ck_assert_int_eq(pthread_join(threads[i], &lost), 0);
        ck_assert_ptr_null(lost);
    }
    for (i = N_THREADS; i < (N_EACH + 1) * N_THREADS; i++) {
        ck_assert(csh_host_is_marked(i * 64 * PAGE, PAGE));
    }
}
END_TEST

START_TEST(test_own_madvise_is_not_told)
{
    ck_assert_int_eq(csh_own_madvise((void *)1, PAGE, MADV_DONTNEED), -1);
    ck_assert_int_eq(errno, EINVAL);
    ck_assert_uint_eq(told.n, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("host_changes");
    TCase *tcase = tcase_create("changes");
    SRunner *runner;
    int n_failed;

    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_loop_test(tcase, test_advice_is_told, 0,
                        (int)CSH_ARRAY_LENGTH(advices));
    tcase_add_test(tcase, test_refused_ranges_are_not_told);
    tcase_add_test(tcase, test_marked_memory_keeps_its_bytes);
    tcase_add_test(tcase, test_ranges_are_rounded_outwards);
    tcase_add_test(tcase, test_nobody_watching_is_told_nothing);
    tcase_add_test(tcase, test_marks_are_never_lost);
    tcase_add_test(tcase, test_threads_lose_no_mark);
    tcase_add_test(tcase, test_own_madvise_is_not_told);
    suite_add_tcase(suite, tcase);

    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return (n_failed == 0) ? EXIT_SUCCESS : EXIT_FAILURE;
}
