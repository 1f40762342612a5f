/*
 * test_lock.c - the order of locks is checked, and the checker is checked.
 *
 * Compiles lock.c itself with CSH_DEBUG, so that the violations are tested
 * in release builds of the rest too.
 */
#undef CSH_DEBUG
#define CSH_DEBUG 1
#include "base/lock.c"

#ifdef __clang__
/* What the analysis would object to is done here on purpose. */
#pragma clang diagnostic ignored "-Wthread-safety"
#endif

#include <check.h>
#include <sched.h>
#include <signal.h>
#include <string.h>

#define N_THREADS 4
#define N_ROUNDS 500

static struct csh_lock contexts = CSH_LOCK_INIT(CSH_RANK_CONTEXTS);
static struct csh_lock other_contexts = CSH_LOCK_INIT(CSH_RANK_CONTEXTS);
static struct csh_lock ranges = CSH_LOCK_INIT(CSH_RANK_RANGES);
static struct csh_lock other_ranges = CSH_LOCK_INIT(CSH_RANK_RANGES);
static struct csh_lock store = CSH_LOCK_INIT(CSH_RANK_STORE);
static struct csh_lock leaf = CSH_LOCK_INIT(CSH_RANK_LEAF);

static unsigned n_violations;
static unsigned long counter;

static void count_violation(void)
{
    ++n_violations;
}

static void (*default_abort)(void);

static void setup(void)
{
    n_violations = 0;
    default_abort = csh_lock_abort;
    csh_lock_abort = count_violation;
}

START_TEST(rising_ranks_are_fine)
{
    csh_lock_acquire(&contexts);
    csh_lock_acquire(&ranges);
    csh_lock_acquire(&leaf);
    csh_lock_release(&leaf);
    csh_lock_acquire(&store);
    csh_lock_release(&store);
    csh_lock_release(&ranges);
    csh_lock_release(&contexts);
    csh_lock_assert_none();
    ck_assert_uint_eq(n_violations, 0);
}
END_TEST

START_TEST(a_lower_rank_is_a_violation)
{
    csh_lock_acquire(&store);
    csh_lock_acquire(&ranges);
    ck_assert_uint_eq(n_violations, 1);
}
END_TEST

START_TEST(an_equal_rank_is_a_violation)
{
    csh_lock_acquire(&ranges);
    csh_lock_acquire(&other_ranges);
    ck_assert_uint_eq(n_violations, 1);
}
END_TEST

START_TEST(the_driver_is_called_without_locks)
{
    csh_lock_assert_none();
    ck_assert_uint_eq(n_violations, 0);
    csh_lock_acquire(&leaf);
    csh_lock_assert_none();
    ck_assert_uint_eq(n_violations, 1);
    csh_lock_release(&leaf);
    csh_lock_assert_none();
    ck_assert_uint_eq(n_violations, 1);
}
END_TEST

START_TEST(locks_are_released_in_any_order)
{
    csh_lock_acquire(&contexts);
    csh_lock_acquire(&ranges);
    csh_lock_acquire(&store);
    csh_lock_release(&ranges);
    csh_lock_release(&store);
    ck_assert_uint_eq(n_violations, 0);
    csh_lock_acquire(&ranges); /* above contexts, which alone is held */
    ck_assert_uint_eq(n_violations, 0);
    csh_lock_release(&contexts);
    /* Below ranges, which alone is held now; another one than before, for
     * ThreadSanitizer knows the order of those. */
    csh_lock_acquire(&other_contexts);
    ck_assert_uint_eq(n_violations, 1);
}
END_TEST

START_TEST(a_release_needs_an_acquire)
{
    csh_lock_acquire(&ranges);
    lock_note_release(CSH_RANK_STORE);
    ck_assert_uint_eq(n_violations, 1);
    csh_lock_release(&ranges);
    ck_assert_uint_eq(n_violations, 1);
}
END_TEST

static void *take_a_lower_rank(void *unused)
{
    (void)unused;
    csh_lock_assert_none();
    csh_lock_acquire(&contexts);
    csh_lock_release(&contexts);
    return NULL;
}

START_TEST(ranks_are_counted_by_thread)
{
    pthread_t thread;

    csh_lock_acquire(&leaf);
    ck_assert_int_eq(pthread_create(&thread, NULL, take_a_lower_rank, NULL),
                     0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    csh_lock_release(&leaf);
    ck_assert_uint_eq(n_violations, 0);
}
END_TEST

static void *count_up(void *unused)
{
    unsigned long seen;
    int i;

    (void)unused;
    for (i = 0; i < N_ROUNDS; ++i) {
        csh_lock_acquire(&ranges);
        seen = counter;
        sched_yield(); /* lets the others in, if the lock does */
        counter = seen + 1;
        csh_lock_release(&ranges);
    }
    return NULL;
}

START_TEST(a_lock_excludes)
{
    pthread_t threads[N_THREADS];
    int i;

    for (i = 0; i < N_THREADS; ++i) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, count_up, NULL),
                         0);
    }
    for (i = 0; i < N_THREADS; ++i) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    }
    ck_assert_uint_eq(counter, (unsigned long)N_THREADS * N_ROUNDS);
    ck_assert_uint_eq(n_violations, 0);
}
END_TEST

START_TEST(a_violation_is_one_line_on_stderr)
{
    char text[512];
    ssize_t n_bytes;
    int pipe_fds[2];

    ck_assert_int_eq(pipe(pipe_fds), 0);
    ck_assert_int_eq(dup2(pipe_fds[1], STDERR_FILENO), STDERR_FILENO);
    csh_lock_acquire(&store);
    csh_lock_acquire(&contexts);
    n_bytes = read(pipe_fds[0], text, sizeof(text));
    ck_assert_int_gt(n_bytes, 1);
    ck_assert_ptr_eq(memchr(text, '\n', (size_t)n_bytes), text + n_bytes - 1);
}
END_TEST

START_TEST(a_violation_aborts)
{
    close(STDERR_FILENO);
    csh_lock_abort = default_abort;
    csh_lock_acquire(&store);
    csh_lock_acquire(&ranges);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("lock");
    TCase *tcase = tcase_create("order");
    SRunner *runner = srunner_create(suite);
    int n_failed;

    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_test(tcase, rising_ranks_are_fine);
    tcase_add_test(tcase, a_lower_rank_is_a_violation);
    tcase_add_test(tcase, an_equal_rank_is_a_violation);
    tcase_add_test(tcase, the_driver_is_called_without_locks);
    tcase_add_test(tcase, locks_are_released_in_any_order);
    tcase_add_test(tcase, a_release_needs_an_acquire);
    tcase_add_test(tcase, ranks_are_counted_by_thread);
    tcase_add_test(tcase, a_lock_excludes);
    tcase_add_test(tcase, a_violation_is_one_line_on_stderr);
    tcase_add_test_raise_signal(tcase, a_violation_aborts, SIGABRT);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_ENV);
    n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed != 0;
}
