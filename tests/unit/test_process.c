/*
 * test_process.c - marks that tell a process from its children, however these
 * were made.
 */
#include <check.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/process.h"

static struct csh_process_mark mark;

static bool child_says_marked(pid_t child)
{
    int status;

    if (child == 0) {
        _exit(csh_process_is_marked(&mark) ? 1 : 0);
    }
    ck_assert_int_gt(child, 0);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status));
    return WEXITSTATUS(status) != 0;
}

static pid_t clone_raw(void)
{
    return (pid_t)syscall(SYS_clone, (long)SIGCHLD, 0L, 0L, 0L, 0L);
}

START_TEST(nobody_is_marked_before)
{
    ck_assert(!csh_process_is_marked(&mark));
}
END_TEST

START_TEST(children_are_not_marked)
{
    errno = 1234;
    csh_process_mark_make(&mark);
    ck_assert_int_eq(errno, 1234);
    ck_assert(csh_process_is_marked(&mark));
    ck_assert(!child_says_marked(fork()));
    ck_assert(!child_says_marked(clone_raw()));
    ck_assert(csh_process_is_marked(&mark));
}
END_TEST

/* As on a kernel that does not wipe pages. */
START_TEST(the_number_tells_too)
{
    csh_process_mark_make(&mark);
    atomic_store(&mark.page, NULL);
    ck_assert(csh_process_is_marked(&mark));
    ck_assert(!child_says_marked(fork()));
    ck_assert(!child_says_marked(clone_raw()));
}
END_TEST

/* A page tells even where the numbers are the same, as in a new namespace of
 * process ids. */
START_TEST(the_page_tells_without_the_number)
{
    pid_t child;

    csh_process_mark_make(&mark);
    child = fork();
    if (child == 0) {
        atomic_store(&mark.owner, getpid());
    }
    ck_assert(!child_says_marked(child));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("process");
    TCase *cases = tcase_create("marks");
    SRunner *runner;
    int failed;

    tcase_add_test(cases, nobody_is_marked_before);
    tcase_add_test(cases, children_are_not_marked);
    tcase_add_test(cases, the_number_tells_too);
    tcase_add_test(cases, the_page_tells_without_the_number);
    suite_add_tcase(suite, cases);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
