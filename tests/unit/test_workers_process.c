/*
 * test_workers_process.c - workers beside signals, forks and threads that
 * leave in the middle of a job: the process is as it was without them.
 */
#include "workers_fixture.h"

#include <setjmp.h>
#include <sys/wait.h>

static sigjmp_buf way_out;

static bool jump_away(void *state, size_t i, bool is_caller)
{
    (void)state;
    (void)i;
    let_the_caller_in(is_caller);
    if (is_caller) {
        siglongjmp(way_out, 1);
    }
    dawdle();
    return true;
}

static void jump_out_of_a_job(void)
{
    struct csh_work work = {.part = jump_away, .n_parts = N_PARTS};
    char state[200]      = {0};

    csh_workers_run(&work, state, sizeof(state));
}

START_TEST(a_caller_that_jumps_away_harms_nobody)
{
    set_threads("3");
    if (sigsetjmp(way_out, 1) == 0) {
        jump_out_of_a_job();
        ck_abort_msg("it did not jump");
    }
    run_counted(N_PARTS);
    assert_each_part_once(N_PARTS);
    ck_assert_uint_eq(atomic_load(&n_by_workers), 0);
}
END_TEST

static bool cancel_here(void *state, size_t i, bool is_caller)
{
    (void)state;
    let_the_caller_in(is_caller);
    if (is_caller) {
        pthread_testcancel();
    }
    atomic_fetch_add(&begun[i], 1);
    return true;
}

static void *run_to_be_cancelled(void *unused)
{
    /* Not on the stack, whose end is abrupt. */
    static const struct csh_work work = {.part = cancel_here,
                                         .n_parts = N_PARTS};
    static char state;

    (void)unused;
    pthread_cancel(pthread_self());
    csh_workers_run(&work, &state, sizeof(state));
    pthread_testcancel();
    return NULL;
}

START_TEST(cancelling_waits_for_the_end_of_the_job)
{
    pthread_t thread;
    void *result;

    set_threads("3");
    ck_assert_int_eq(pthread_create(&thread, NULL, run_to_be_cancelled, NULL),
                     0);
    ck_assert_int_eq(pthread_join(thread, &result), 0);
    ck_assert_ptr_eq(result, PTHREAD_CANCELED);
    assert_each_part_once(N_PARTS);
    run_counted(N_PARTS); /* and the pool is free again */
    ck_assert(!atomic_load(&pool.is_busy));
}
END_TEST

/* The masks of all threads but this one. */
static unsigned count_threads_open_to_signals(void)
{
    const uint64_t wanted = ~(UINT64_C(1) << (SIGKILL - 1) |
                              UINT64_C(1) << (SIGSTOP - 1) |
                              UINT64_C(3) << 31); /* 32, 33: of libc */
    DIR *tasks            = opendir("/proc/self/task");
    struct dirent *entry;
    char path[300], line[200];
    unsigned n = 0;
    unsigned long long mask;
    FILE *status;

    ck_assert_ptr_nonnull(tasks);
    while ((entry = readdir(tasks)) != NULL) {
        if (entry->d_name[0] == '.' || atoi(entry->d_name) == getpid()) {
            continue;
        }
        snprintf(path, sizeof(path), "/proc/self/task/%s/status",
                 entry->d_name);
        status = fopen(path, "r");
        ck_assert_ptr_nonnull(status);
        while (fgets(line, sizeof(line), status) != NULL) {
            if (sscanf(line, "SigBlk: %llx", &mask) == 1) {
                n += (mask & wanted) != wanted;
            }
        }
        fclose(status);
    }
    closedir(tasks);
    return n;
}

static _Atomic pid_t signalled;

static void note_thread(int number)
{
    (void)number;
    atomic_store(&signalled, (pid_t)syscall(SYS_gettid));
}

START_TEST(no_signal_is_taken_by_a_worker)
{
    struct sigaction action = {.sa_handler = note_thread};
    sigset_t usr1, mask;

    set_threads("4");
    ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    run_counted(N_PARTS);
    ck_assert(!was_open_to_signals);
    ck_assert_uint_eq(csh_workers_count(), 3);
    ck_assert_uint_eq(count_threads_open_to_signals(), 0);
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    ck_assert_int_eq(sigismember(&mask, SIGUSR1), 0); /* as it was */

    /* Nobody else takes it while this thread does not want it. */
    pthread_sigmask(SIG_BLOCK, &usr1, NULL);
    ck_assert_int_eq(kill(getpid(), SIGUSR1), 0);
    run_counted(CSH_WORK_MAX_PARTS);
    ck_assert_int_eq(atomic_load(&signalled), 0);
    pthread_sigmask(SIG_UNBLOCK, &usr1, NULL);
    ck_assert_int_eq(atomic_load(&signalled), getpid());
}
END_TEST

static void assert_child_works(void)
{
    pid_t child = fork();
    int status;

    if (child == 0) {
        bool is_fine;

        alarm(60);
        atomic_store(&n_by_workers, 0);
        run_counted(N_PARTS);
        is_fine = atomic_load(&n_by_workers) == 0 &&
                  count_threads(NULL) == 1;
        run_counted(N_PARTS);
        _exit(is_fine ? 0 : 1);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

START_TEST(a_forked_child_has_no_workers)
{
    set_threads("3");
    run_counted(N_PARTS);
    assert_child_works();
    run_counted(N_PARTS);
    ck_assert_uint_eq(csh_workers_count(), 2);
}
END_TEST

static _Atomic bool is_over;

static void *run_jobs(void *unused)
{
    (void)unused;
    while (!atomic_load(&is_over)) {
        run_counted(N_PARTS);
    }
    return NULL;
}

START_TEST(forks_while_a_job_runs)
{
    pthread_t thread;
    int i;

    set_threads("3");
    run_counted(N_PARTS); /* so that there are workers */
    ck_assert_int_eq(pthread_create(&thread, NULL, run_jobs, NULL), 0);
    for (i = 0; i < 20; i++) {
        assert_child_works();
    }
    atomic_store(&is_over, true);
    pthread_join(thread, NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("workers_process");
    TCase *cases = tcase_create("pool");
    SRunner *runner;
    int failed;

    tcase_add_test(cases, a_caller_that_jumps_away_harms_nobody);
    tcase_add_test(cases, cancelling_waits_for_the_end_of_the_job);
    tcase_add_test(cases, no_signal_is_taken_by_a_worker);
    tcase_add_test(cases, a_forked_child_has_no_workers);
    tcase_add_test(cases, forks_while_a_job_runs);
    suite_add_tcase(suite, cases);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
