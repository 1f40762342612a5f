/*
 * test_watch.c - generations, what ends them, and what ends cohorts.
 *
 * Each test runs in a process of its own, so each finds everything unarmed.
 */
#include "track/watch.h"

#include <check.h>
#include <dlfcn.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static void turn_on(void)
{
    ck_assert_int_eq(setenv("CUSHADOW_COHORT", "1", 1), 0);
    ck_assert_int_eq(setenv("CUSHADOW_MODE", "verify", 1), 0);
}

static uint64_t gauge(enum csh_gauge which)
{
    struct csh_statistics now;

    csh_statistics_snapshot(&now);
    return now.gauge[which];
}

static void *after_in_a_thread(void *unused)
{
    csh_watch_after();
    return unused;
}

static void run_thread(void *(*function)(void *), void *argument)
{
    pthread_t thread;

    ck_assert_int_eq(pthread_create(&thread, NULL, function, argument), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
}

START_TEST(test_off_by_default)
{
    ck_assert_int_eq(unsetenv("CUSHADOW_COHORT"), 0);
    ck_assert(!csh_watch_is_on());
    ck_assert(!csh_watch_is_allowed());
    ck_assert(!csh_watch_look_at_libraries());
    ck_assert_uint_eq(csh_watch_arm(), 0);
    ck_assert_uint_eq(csh_watch_armed, 0);
    csh_watch_forbid(CSH_GAUGE_cohorts_off_shared);
    ck_assert_uint_eq(gauge(CSH_GAUGE_cohorts_off_shared), 0);
}
END_TEST

START_TEST(test_off_in_other_modes)
{
    static const char *const modes[] = {"copy", "observe", "off"};

    turn_on();
    ck_assert_int_eq(setenv("CUSHADOW_MODE", modes[_i], 1), 0);
    ck_assert(!csh_watch_is_on());
    ck_assert_uint_eq(csh_watch_arm(), 0);
}
END_TEST

START_TEST(test_a_call_ends_what_was_armed)
{
    uint64_t first, second;

    turn_on();
    ck_assert(!csh_watch_holds(0));
    csh_watch_after();
    first = csh_watch_arm();
    ck_assert_uint_ne(first, 0);
    ck_assert(csh_watch_holds(first));
    ck_assert_uint_ne(csh_watch_armed, 0);
    csh_watch_after();
    ck_assert(!csh_watch_holds(first));
    ck_assert_uint_eq(csh_watch_armed, 0);

    second = csh_watch_arm();
    ck_assert_uint_gt(second, first);
    ck_assert(csh_watch_holds(second));
    ck_assert(!csh_watch_holds(first));
    run_thread(after_in_a_thread, NULL);
    ck_assert(!csh_watch_holds(second));
    ck_assert(csh_watch_is_allowed());
}
END_TEST

START_TEST(test_a_call_ends_all_that_were_armed)
{
    uint64_t first, second;

    turn_on();
    first = csh_watch_arm();
    second = csh_watch_arm();
    ck_assert(csh_watch_holds(first) && csh_watch_holds(second));
    csh_watch_after();
    ck_assert(!csh_watch_holds(first) && !csh_watch_holds(second));
    ck_assert(!csh_watch_holds(0));
}
END_TEST

START_TEST(test_forbidding_is_for_good)
{
    uint64_t generation;

    turn_on();
    generation = csh_watch_arm();
    errno = EDOM;
    csh_watch_forbid(CSH_GAUGE_cohorts_off_legacy);
    csh_watch_forbid(CSH_GAUGE_cohorts_off_legacy);
    csh_watch_forbid(CSH_GAUGE_cohorts_off_unknown);
    ck_assert_int_eq(errno, EDOM);
    ck_assert(!csh_watch_holds(generation));
    ck_assert(csh_watch_is_on());
    ck_assert(!csh_watch_is_allowed());
    ck_assert(!csh_watch_look_at_libraries());
    ck_assert_uint_eq(csh_watch_arm(), 0);
    ck_assert_uint_eq(csh_watch_armed, 0);
    ck_assert_uint_eq(gauge(CSH_GAUGE_cohorts_off_legacy), 1);
    ck_assert_uint_eq(gauge(CSH_GAUGE_cohorts_off_unknown), 1);
    ck_assert_uint_eq(gauge(CSH_GAUGE_cohorts_off_shared), 0);
}
END_TEST

static void refuse_membarrier(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_membarrier, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {CSH_ARRAY_LENGTH(code), code};

    ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    ck_assert_int_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

START_TEST(test_no_barrier_no_cohorts)
{
    turn_on();
    refuse_membarrier();
    errno = EDOM;
    ck_assert_uint_eq(csh_watch_arm(), 0);
    ck_assert_int_eq(errno, EDOM);
    ck_assert(!csh_watch_is_allowed());
    ck_assert_uint_eq(csh_watch_armed, 0);
    ck_assert_uint_eq(gauge(CSH_GAUGE_cohorts_off_no_barrier), 1);
}
END_TEST

static void *note_per_thread(void *unused)
{
    csh_watch_note_per_thread();
    csh_watch_note_per_thread();
    return unused;
}

START_TEST(test_the_second_per_thread_stream_forbids)
{
    turn_on();
    run_thread(note_per_thread, NULL);
    ck_assert(csh_watch_is_allowed());
    /* Perhaps at the address of the first, which has ended. */
    run_thread(note_per_thread, NULL);
    ck_assert(!csh_watch_is_allowed());
    ck_assert_uint_eq(gauge(CSH_GAUGE_cohorts_off_per_thread), 1);
}
END_TEST

/* A copy of some library under another name. */
static void load_as(const char *name)
{
    char folder[] = "/tmp/watch.XXXXXX", path[128], command[256];
    void *handle;

    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    snprintf(command, sizeof(command),
             "echo 'int nothing;' | ${CC:-cc} -shared -x c - -o '%s'", path);
    ck_assert_int_eq(system(command), 0);
    handle = dlopen(path, RTLD_NOW);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(rmdir(folder), 0);
    ck_assert_ptr_nonnull(handle);
}

static const char *const unseen_writers[] = {
    "libcufile.so.0", "libgdrapi.so.2", "libibverbs.so.1", "libnvoptix.so.1",
    "liboptix.so", "libnvcuvid.so.1", "libnvidia-encode.so.1",
    "libcupti.so.13", "libcuda-debugger.so", "libToolsInjection64.so",
};

START_TEST(test_libraries_that_write_unseen_forbid)
{
    turn_on();
    ck_assert(csh_watch_look_at_libraries());
    ck_assert(csh_watch_look_at_libraries());
    load_as("libharmless.so.1");
    ck_assert(csh_watch_look_at_libraries());
    load_as(unseen_writers[_i]);
    ck_assert(!csh_watch_look_at_libraries());
    ck_assert(!csh_watch_is_allowed());
    ck_assert_uint_eq(gauge(CSH_GAUGE_cohorts_off_library), 1);
}
END_TEST

/* Writers write, then pass their wrapper, then tell; readers arm, look at
 * what is written, and may believe it only as long as they hold. Whatever a
 * writer told of before a reader's last look must not be believed unseen. */
enum { WRITERS = 2, READERS = 2, ROUNDS = 20000 };

static struct {
    _Atomic(uint64_t) written, told;
} slots[WRITERS];
static _Atomic(bool) is_over;

static void *write_and_tell(void *slot)
{
    __typeof__(&slots[0]) own = slot;
    uint64_t i;

    for (i = 1; !atomic_load(&is_over); i++) {
        atomic_store_explicit(&own->written, i, memory_order_relaxed);
        csh_watch_after();
        atomic_store_explicit(&own->told, i, memory_order_release);
    }
    return NULL;
}

static void *arm_and_believe(void *n_wrong_p)
{
    uint64_t verdict[WRITERS], told[WRITERS], generation;
    unsigned long *n_wrong = n_wrong_p;
    int i, round;

    for (round = 0; round < ROUNDS; round++) {
        generation = csh_watch_arm();
        for (i = 0; i < WRITERS; i++) {
            verdict[i] = atomic_load_explicit(&slots[i].written,
                                              memory_order_relaxed);
        }
        for (i = 0; i < WRITERS; i++) {
            told[i] = atomic_load_explicit(&slots[i].told,
                                           memory_order_acquire);
        }
        if (csh_watch_holds(generation)) {
            for (i = 0; i < WRITERS; i++) {
                *n_wrong += told[i] > verdict[i] ? 1 : 0;
            }
        }
    }
    return NULL;
}

START_TEST(test_threads_believe_nothing_stale)
{
    unsigned long n_wrong[READERS] = {0};
    pthread_t writers[WRITERS], readers[READERS];
    int i;

    turn_on();
    for (i = 0; i < WRITERS; i++) {
        ck_assert_int_eq(pthread_create(&writers[i], NULL, write_and_tell,
                                        &slots[i]), 0);
    }
    for (i = 0; i < READERS; i++) {
        ck_assert_int_eq(pthread_create(&readers[i], NULL, arm_and_believe,
                                        &n_wrong[i]), 0);
    }
    for (i = 0; i < READERS; i++) {
        ck_assert_int_eq(pthread_join(readers[i], NULL), 0);
        ck_assert_uint_eq(n_wrong[i], 0);
    }
    atomic_store(&is_over, true);
    for (i = 0; i < WRITERS; i++) {
        ck_assert_int_eq(pthread_join(writers[i], NULL), 0);
    }
    ck_assert(csh_watch_is_allowed());
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("watch");
    TCase *tests = tcase_create("watch");
    SRunner *runner;
    int n_failed;

    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, test_off_by_default);
    tcase_add_loop_test(tests, test_off_in_other_modes, 0, 3);
    tcase_add_test(tests, test_a_call_ends_what_was_armed);
    tcase_add_test(tests, test_a_call_ends_all_that_were_armed);
    tcase_add_test(tests, test_forbidding_is_for_good);
    tcase_add_test(tests, test_no_barrier_no_cohorts);
    tcase_add_test(tests, test_the_second_per_thread_stream_forbids);
    tcase_add_loop_test(tests, test_libraries_that_write_unseen_forbid, 0,
                        CSH_ARRAY_LENGTH(unseen_writers));
    tcase_add_test(tests, test_threads_believe_nothing_stale);
    suite_add_tcase(suite, tests);

    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
