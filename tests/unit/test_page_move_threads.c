/*
 * test_page_move_threads.c - what other threads, signal handlers and children
 * see of pages that are out of their place: what was there, or what came.
 */
#include "page_move_fixture.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <time.h>

static void nap(long milliseconds)
{
    const struct timespec time = {0, milliseconds * 1000000};

    nanosleep(&time, NULL);
}

/* --- other threads ------------------------------------------------------- */

static _Atomic int n_done;

static void *store_and_read(void *page)
{
    volatile unsigned char *byte = page;

    byte[1]++;
    atomic_fetch_add(&n_done, 1);
    return (void *)(uintptr_t)byte[0];
}

/* In the kernel, on the program's behalf. */
static void *write_out(void *page)
{
    int fd = memfd_create("out", 0);
    unsigned char byte = 0;

    ck_assert_int_eq((int)write(fd, page, 1), 1);
    atomic_fetch_add(&n_done, 1);
    ck_assert_int_eq((int)pread(fd, &byte, 1, 0), 1);
    close(fd);
    return (void *)(uintptr_t)byte;
}

/* Whoever touches a page waits, and then sees what is there, old or new. */
START_TEST(test_threads_wait)
{
    unsigned seed = (_i == 0) ? 1 : 3;
    unsigned char first, second;
    pthread_t threads[2];
    void *seen[2];

    if (!can_move()) {
        return;
    }
    ck_assert_int_eq(begin(), 0);
    pthread_create(&threads[0], NULL, store_and_read, memory + 8 * PAGE);
    pthread_create(&threads[1], NULL, write_out, memory + 9 * PAGE);
    nap(30);
    ck_assert_int_eq(n_done, 0);
    if (_i == 0) {
        ck_assert(csh_page_move_restore(&move, false));
    } else {
        put_other(3);
        csh_page_move_finish(&move);
    }
    pthread_join(threads[0], &seen[0]);
    pthread_join(threads[1], &seen[1]);
    first  = memory[8 * PAGE];
    second = memory[9 * PAGE];
    ck_assert_uint_eq((uintptr_t)seen[0], first);
    ck_assert_uint_eq((uintptr_t)seen[1], second);
    /* The store came last. */
    ck_assert_uint_eq(memory[8 * PAGE + 1],
                      (((unsigned)(8 * 7 + 8 * PAGE + 1 + seed) | 1) + 1) &
                              0xff);
    memory[8 * PAGE + 1]--;
    ck_assert(is_filled(memory, seed));
}
END_TEST

static volatile sig_atomic_t seen_by_handler;

static void read_in_handler(int number)
{
    (void)number;
    seen_by_handler = memory[5 * PAGE];
}

/* A handler of the program's that touches the memory runs afterwards. */
START_TEST(test_signals_wait)
{
    sigset_t before, after;

    if (!can_move()) {
        return;
    }
    signal(SIGUSR1, read_in_handler);
    sigprocmask(SIG_SETMASK, NULL, &before);
    ck_assert_int_eq(begin(), 0);
    raise(SIGUSR1);
    ck_assert_int_eq(seen_by_handler, 0);
    ck_assert(csh_page_move_restore(&move, false));
    ck_assert_int_eq(seen_by_handler, memory[5 * PAGE]);
    sigprocmask(SIG_SETMASK, NULL, &after);
    ck_assert_mem_eq(&before, &after, sizeof(uint64_t)); /* the kernel's */
}
END_TEST

/* --- children ------------------------------------------------------------ */

/* The child keeps a copy of the descriptor until it may end. */
static int may_end[2];

static void *fork_and_look(void *unused)
{
    pid_t child = (pid_t)syscall(SYS_fork);
    int status  = -1;
    char byte;

    (void)unused;
    if (child == 0) {
        _exit((is_filled(memory, 1) && (read(may_end[0], &byte, 1) == 1)) ? 0
                                                                       : 1);
    }
    atomic_fetch_add(&n_done, 1);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return (void *)(intptr_t)status;
}

/* Forked while the pages are out of their place: the child has the bytes. */
START_TEST(test_forked_meanwhile)
{
    pthread_t forker, reader;
    void *status;

    if (!can_move()) {
        return;
    }
    ck_assert_int_eq(pipe(may_end), 0);
    ck_assert_int_eq(begin(), 0);
    pthread_create(&forker, NULL, fork_and_look, NULL);
    pthread_create(&reader, NULL, store_and_read, memory + 8 * PAGE);
    nap(30);
    ck_assert_int_eq(n_done, 0);
    if (_i == 0) {
        ck_assert(csh_page_move_restore(&move, false));
    } else if (_i == 1) {
        put_other(3);
        csh_page_move_finish(&move);
    } else {
        put_other(3);
        ck_assert(csh_page_move_restore(&move, true));
    }
    pthread_join(reader, NULL);
    ck_assert_int_eq((int)write(may_end[1], "", 1), 1);
    pthread_join(forker, &status);
    ck_assert_int_eq((int)(intptr_t)status, 0);
    memory[8 * PAGE + 1]--;
    ck_assert(is_filled(memory, (_i == 1) ? 3 : 1));
}
END_TEST

static _Atomic bool is_over;

static void *fork_again_and_again(void *unused)
{
    struct timespec time = {0, 0};
    intptr_t n_wrong = 0;
    unsigned i;
    int status;
    pid_t child;

    (void)unused;
    for (i = 0; i < 100; i++) {
        time.tv_nsec = i * 104729 % 1000000;
        nanosleep(&time, NULL);
        child = (pid_t)syscall(SYS_fork);
        if (child == 0) {
            _exit(is_filled(memory, 1) ? 0 : 1);
        }
        waitpid(child, &status, 0);
        n_wrong += (status != 0);
        fill_with(memory, 1); /* own pages again */
    }
    atomic_store(&is_over, true);
    return (void *)n_wrong;
}

START_TEST(test_forks_at_any_time)
{
    unsigned n_moved = 0;
    pthread_t forker;
    void *n_wrong;

    /* The sanitizer does not survive a fork that it does not see. */
    if (UNDER_THREAD_SANITIZER || !can_move()) {
        return;
    }
    pthread_create(&forker, NULL, fork_again_and_again, NULL);
    while (!atomic_load(&is_over)) {
        if (begin() == 0) {
            n_moved++;
            ck_assert(csh_page_move_restore(&move, false));
        }
    }
    pthread_join(forker, &n_wrong);
    ck_assert_int_eq((int)(intptr_t)n_wrong, 0);
    ck_assert(is_filled(memory, 1));
    fprintf(stderr, "%u moves beside 100 forks\n", n_moved);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("page move");
    TCase *tcase = tcase_create("beside threads");

    tcase_add_checked_fixture(tcase, start, NULL);
    tcase_set_timeout(tcase, 30);
    tcase_add_loop_test(tcase, test_threads_wait, 0, 2);
    tcase_add_test(tcase, test_signals_wait);
    tcase_add_loop_test(tcase, test_forked_meanwhile, 0, 3);
    tcase_add_test(tcase, test_forks_at_any_time);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
