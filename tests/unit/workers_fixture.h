/*
 * workers_fixture.h - the pool, with an eye on how its threads are made, and
 * jobs that count which of their parts were done.
 *
 * Included once by a test program, in place of workers.c. Each test runs in a
 * process of its own.
 */
#ifndef WORKERS_FIXTURE_H
#define WORKERS_FIXTURE_H

#include <pthread.h>

static int fake_create(pthread_t *thread, const pthread_attr_t *attributes,
                       void *(*run)(void *), void *argument);
#define pthread_create fake_create
#include "base/workers.c"
#undef pthread_create

#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#define N_PARTS 64u

static int creations_to_allow = INT_MAX;
static unsigned n_created;
static bool was_open_to_signals;

static int fake_create(pthread_t *thread, const pthread_attr_t *attributes,
                       void *(*run)(void *), void *argument)
{
    sigset_t mask;

    if (creations_to_allow-- <= 0) {
        return EAGAIN;
    }
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    was_open_to_signals = was_open_to_signals ||
                          sigismember(&mask, SIGUSR1) != 1 ||
                          sigismember(&mask, SIGSEGV) != 1;
    n_created++;
    return pthread_create(thread, attributes, run, argument);
}

/* The state is copied, so what is counted lies here. */
static _Atomic unsigned begun[CSH_WORK_MAX_PARTS];
static _Atomic unsigned n_by_workers;

static void set_threads(const char *n)
{
    size_t i;

    ck_assert_int_eq(setenv("CUSHADOW_THREADS", n, 1), 0);
    for (i = 0; i < CSH_WORK_MAX_PARTS; i++) {
        atomic_store(&begun[i], 0);
    }
    atomic_store(&n_by_workers, 0);
}

static _Atomic bool is_caller_here, is_worker_here;

/* For what the calling thread does in its part: it has one, as long as there
 * are more parts than workers. */
static inline void let_the_caller_in(bool is_caller)
{
    if (is_caller) {
        atomic_store(&is_caller_here, true);
    }
    while (!atomic_load(&is_caller_here)) {
        usleep(100);
    }
}

/* The other way round, as far as patience goes. */
static inline void let_a_worker_in(bool is_caller)
{
    int patience = 100000;

    if (!is_caller) {
        atomic_store(&is_worker_here, true);
    }
    while (!atomic_load(&is_worker_here) && patience-- > 0) {
        usleep(100);
    }
}

/* A little work, so that others get some of it. */
static void dawdle(void)
{
    volatile unsigned i;

    for (i = 0; i < 20000; i++) {
    }
}

static bool count_part(void *state, size_t i, bool is_caller)
{
    (void)state;
    atomic_fetch_add(&begun[i], 1);
    atomic_fetch_add(&n_by_workers, is_caller ? 0 : 1);
    dawdle();
    return true;
}

static inline void assert_each_part_once(size_t n)
{
    size_t i;

    for (i = 0; i < CSH_WORK_MAX_PARTS; i++) {
        ck_assert_msg(atomic_load(&begun[i]) == (i < n),
                      "part %zu of %zu: %u times", i, n, begun[i]);
    }
}

static void run_counted(size_t n_parts)
{
    struct csh_work work = {.part = count_part, .n_parts = n_parts};
    char state           = 0;
    size_t i;

    for (i = 0; i < n_parts; i++) {
        atomic_store(&begun[i], 0);
    }
    csh_workers_run(&work, &state, sizeof(state));
}

/* Threads of this process; of one name, unless that is NULL. */
static inline unsigned count_threads(const char *name)
{
    DIR *tasks = opendir("/proc/self/task");
    struct dirent *entry;
    char path[300], comm[32];
    unsigned n = 0;
    FILE *file;

    ck_assert_ptr_nonnull(tasks);
    while ((entry = readdir(tasks)) != NULL) {
        if (entry->d_name[0] == '.') {
            continue;
        }
        snprintf(path, sizeof(path), "/proc/self/task/%s/comm",
                 entry->d_name);
        file = fopen(path, "r");
        ck_assert_ptr_nonnull(file);
        ck_assert_ptr_nonnull(fgets(comm, sizeof(comm), file));
        fclose(file);
        comm[strcspn(comm, "\n")] = '\0';
        n += name == NULL || strcmp(comm, name) == 0;
    }
    closedir(tasks);
    return n;
}

#endif
