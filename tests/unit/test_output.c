/*
 * test_output.c - writing into descriptors does a program no harm: not its
 * files, not its signals, not its time.
 */
#include "base/output.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char folder[64];
static char path[PATH_MAX];
static struct csh_output output;

static void setup(void)
{
    snprintf(folder, sizeof(folder), "/tmp/test_output_XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/file", folder);
}

static void teardown(void)
{
    unlink(path);
    ck_assert_int_eq(rmdir(folder), 0);
}

static struct csh_output output_of(int fd)
{
    struct csh_output made = {.fd = fd};
    struct stat file;

    ck_assert_int_eq(fstat(fd, &file), 0);
    made.device = file.st_dev;
    made.inode = file.st_ino;
    return made;
}

static off_t file_size(const char *name)
{
    struct stat file;

    ck_assert_int_eq(stat(name, &file), 0);
    return file.st_size;
}

static bool is_pending(int signal_number)
{
    sigset_t pending;

    ck_assert_int_eq(sigpending(&pending), 0);
    return sigismember(&pending, signal_number) == 1;
}

static bool is_blocked(int signal_number)
{
    sigset_t mask;

    ck_assert_int_eq(pthread_sigmask(SIG_BLOCK, NULL, &mask), 0);
    return sigismember(&mask, signal_number) == 1;
}

START_TEST(files_are_appended_to_or_begun_anew)
{
    ck_assert(csh_output_open(path, CSH_OUTPUT_APPEND, &output));
    ck_assert(csh_output_write(&output, "12345", 5));
    csh_output_close(&output);
    ck_assert(csh_output_open(path, CSH_OUTPUT_APPEND, &output));
    ck_assert(csh_output_write(&output, "678", 3));
    ck_assert_int_eq(file_size(path), 8);
    csh_output_close(&output);
    ck_assert(csh_output_open(path, CSH_OUTPUT_TRUNCATE, &output));
    ck_assert(csh_output_write(&output, "9", 1));
    csh_output_close(&output);
    ck_assert_int_eq(file_size(path), 1);
    ck_assert(!csh_output_write(&output, "x", 1));
}
END_TEST

START_TEST(descriptors_are_high_and_end_with_exec)
{
    struct rlimit limit;

    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    ck_assert_uint_gt(limit.rlim_max, 1024);
    limit.rlim_cur = limit.rlim_max;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    ck_assert(csh_output_open(path, CSH_OUTPUT_APPEND, &output));
    ck_assert_int_ge(output.fd, 1024);
    ck_assert_int_ne(fcntl(output.fd, F_GETFD) & FD_CLOEXEC, 0);
    ck_assert_int_ne(fcntl(output.fd, F_GETFL) & O_APPEND, 0);
}
END_TEST

START_TEST(a_low_limit_is_lived_with)
{
    struct rlimit limit = {64, 64};

    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    ck_assert(csh_output_open(path, CSH_OUTPUT_APPEND, &output));
    ck_assert_int_ge(output.fd, 48);
    ck_assert(csh_output_write(&output, "1", 1));
}
END_TEST

START_TEST(symbolic_links_are_not_followed)
{
    char link[PATH_MAX + 8];

    snprintf(link, sizeof(link), "%s.link", path);
    ck_assert_int_eq(symlink(path, link), 0);
    output.fd = 4711;
    errno = 0;
    ck_assert(!csh_output_open(link, CSH_OUTPUT_APPEND, &output));
    ck_assert_int_eq(errno, ELOOP);
    ck_assert_int_eq(output.fd, 4711);
    ck_assert_int_eq(unlink(link), 0);
    ck_assert_int_eq(access(path, F_OK), -1);
}
END_TEST

START_TEST(what_cannot_be_opened_says_why)
{
    errno = 0;
    ck_assert(!csh_output_open(folder, CSH_OUTPUT_APPEND, &output));
    ck_assert_int_eq(errno, EISDIR);
    ck_assert(!csh_output_open("/no/such/folder/x", CSH_OUTPUT_APPEND,
                               &output));
    ck_assert_int_eq(errno, ENOENT);
    ck_assert_int_eq(mkfifo(path, 0600), 0); /* and nobody reads it */
    ck_assert(!csh_output_open(path, CSH_OUTPUT_APPEND, &output));
    ck_assert_int_eq(errno, ENXIO);
}
END_TEST

START_TEST(a_reused_descriptor_is_left_alone)
{
    char other[PATH_MAX + 8];
    int fd;

    snprintf(other, sizeof(other), "%s.other", path);
    ck_assert(csh_output_open(path, CSH_OUTPUT_APPEND, &output));
    fd = open(other, O_CREAT | O_RDWR, 0600);
    ck_assert_int_eq(dup2(fd, output.fd), output.fd);
    ck_assert(!csh_output_write(&output, "ours", 4));
    ck_assert_int_eq(file_size(other), 0);
    fd = output.fd;
    csh_output_close(&output); /* must not close the program's file */
    ck_assert_int_ge(fcntl(fd, F_GETFD), 0);
    ck_assert_int_eq(file_size(path), 0);
    ck_assert_int_eq(unlink(other), 0);
}
END_TEST

START_TEST(a_closed_descriptor_is_lived_with)
{
    ck_assert(csh_output_open(path, CSH_OUTPUT_APPEND, &output));
    close(output.fd);
    errno = ENOTTY;
    ck_assert(!csh_output_write(&output, "ours", 4));
    csh_output_close(&output);
    ck_assert_int_eq(errno, ENOTTY);
}
END_TEST

START_TEST(stderr_is_what_it_was_at_load)
{
    struct csh_output here = csh_output_stderr();
    int fd;

    ck_assert_int_eq(here.fd, STDERR_FILENO);
    fd = open(path, O_CREAT | O_RDWR, 0600);
    ck_assert_int_eq(dup2(fd, STDERR_FILENO), STDERR_FILENO);
    here = csh_output_stderr();
    ck_assert(!csh_output_write(&here, "ours", 4));
    ck_assert_int_eq(file_size(path), 0);
    close(STDERR_FILENO);
    ck_assert(!csh_output_write(&here, "ours", 4));
}
END_TEST

START_TEST(a_pipe_without_reader_raises_nothing)
{
    int fds[2];

    ck_assert_int_eq(pipe(fds), 0);
    output = output_of(fds[1]);
    ck_assert(csh_output_write(&output, "1", 1));
    close(fds[0]);
    errno = ENOTTY;
    ck_assert(!csh_output_write(&output, "2", 1));
    ck_assert_int_eq(errno, ENOTTY);
    ck_assert(!is_blocked(SIGPIPE));
    ck_assert(!is_pending(SIGPIPE));
}
END_TEST

/* A program that blocks SIGPIPE and looks for it later finds its own one,
 * and none of ours. */
START_TEST(a_blocked_sigpipe_stays_as_it_was)
{
    sigset_t set;
    int fds[2];

    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    ck_assert_int_eq(pthread_sigmask(SIG_BLOCK, &set, NULL), 0);
    ck_assert_int_eq(pipe(fds), 0);
    close(fds[0]);
    output = output_of(fds[1]);
    ck_assert(!csh_output_write(&output, "1", 1));
    ck_assert(is_blocked(SIGPIPE));
    ck_assert(!is_pending(SIGPIPE));
    ck_assert_int_eq(raise(SIGPIPE), 0);
    ck_assert(!csh_output_write(&output, "1", 1));
    ck_assert(is_pending(SIGPIPE));
}
END_TEST

START_TEST(a_reader_that_takes_nothing_is_not_waited_for)
{
    static char text[1 << 20];
    int fds[2];

    memset(text, 'x', sizeof(text));
    ck_assert_int_eq(pipe(fds), 0);
    output = output_of(fds[1]); /* blocking: a plain write would hang here */
    ck_assert(!csh_output_write(&output, text, sizeof(text)));
    ck_assert(!csh_output_write(&output, text, sizeof(text)));
    /* And once it reads again, lines come through again. */
    ck_assert_int_gt(read(fds[0], text, sizeof(text)), 0);
    ck_assert(csh_output_write(&output, text, 512));
}
END_TEST

/* 300 lines, each of them waited for, would take 30 seconds. */
START_TEST(a_stuck_reader_is_waited_for_once)
{
    static char text[1 << 17];
    time_t begin;
    int fds[2], i;

    ck_assert_int_eq(pipe(fds), 0);
    output = output_of(fds[1]);
    ck_assert(!csh_output_write(&output, text, sizeof(text)));
    begin = time(NULL);
    for (i = 0; i < 300; ++i) {
        ck_assert(!csh_output_write(&output, "line\n", 5));
    }
    ck_assert_int_lt(time(NULL) - begin, 20);
}
END_TEST

START_TEST(a_full_disk_is_lived_with)
{
    ck_assert(csh_output_open("/dev/full", CSH_OUTPUT_APPEND, &output));
    ck_assert(!csh_output_write(&output, "1", 1));
    csh_output_close(&output);
}
END_TEST

/* Asserts nothing while the limit is set: libcheck writes a file of its own
 * at each assertion. */
START_TEST(a_file_size_limit_kills_nobody)
{
    static char text[8192];
    struct rlimit limit = {100, RLIM_INFINITY};
    bool has_room, has_more_room;

    ck_assert(csh_output_open(path, CSH_OUTPUT_APPEND, &output));
    setrlimit(RLIMIT_FSIZE, &limit);
    has_room = csh_output_write(&output, text, sizeof(text));
    has_more_room = csh_output_write(&output, text, 1);
    limit.rlim_cur = RLIM_INFINITY;
    setrlimit(RLIMIT_FSIZE, &limit);
    ck_assert(!has_room);
    ck_assert(!has_more_room);
    ck_assert(!is_pending(SIGXFSZ));
    ck_assert_int_eq(file_size(path), 100);
}
END_TEST

START_TEST(long_texts_arrive_whole)
{
    static char text[100000], back[100000];
    FILE *file;
    size_t i;

    for (i = 0; i < sizeof(text); ++i) {
        text[i] = (char)(i * 7 + i / 251);
    }
    ck_assert(csh_output_open(path, CSH_OUTPUT_APPEND, &output));
    ck_assert(csh_output_write(&output, text, sizeof(text)));
    file = fopen(path, "r");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fread(back, 1, sizeof(back), file), sizeof(back));
    fclose(file);
    ck_assert_mem_eq(text, back, sizeof(text));
}
END_TEST

static bool has_passed;

static void *write_when_cancelled(void *unused)
{
    (void)unused;
    pthread_cancel(pthread_self());
    csh_output_write(&output, "1", 1);
    has_passed = true;
    pthread_testcancel();
    return NULL;
}

START_TEST(a_cancelled_thread_leaves_only_where_the_program_lets_it)
{
    pthread_t thread;
    void *result;

    ck_assert(csh_output_open(path, CSH_OUTPUT_APPEND, &output));
    ck_assert_int_eq(pthread_create(&thread, NULL, write_when_cancelled,
                                    NULL), 0);
    ck_assert_int_eq(pthread_join(thread, &result), 0);
    ck_assert(has_passed);
    ck_assert_ptr_eq(result, PTHREAD_CANCELED);
}
END_TEST

/* In a child, as an flock is the open file's: 0, or errno. */
static int claim_in_child(const char *name)
{
    struct csh_output claimed;
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        _exit(csh_output_claim(name, &claimed) ? 0 : errno);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFEXITED(status));
    return WEXITSTATUS(status);
}

START_TEST(a_file_is_its_owners_alone)
{
    struct stat file;
    mode_t mask = umask(0);

    ck_assert(csh_output_open(path, CSH_OUTPUT_APPEND, &output));
    umask(mask);
    ck_assert_int_eq(stat(path, &file), 0);
    ck_assert_int_eq(file.st_mode & 0777, 0600);
    csh_output_close(&output);
}
END_TEST

/* As by another user in a folder that both may write to. */
START_TEST(a_planted_file_is_left_alone)
{
    ck_assert(csh_output_open(path, CSH_OUTPUT_APPEND, &output));
    ck_assert(csh_output_write(&output, "12345", 5));
    csh_output_close(&output);
    if (chown(path, 65534, (gid_t)-1) != 0) {
        return; /* only root can make one */
    }
    errno = 0;
    ck_assert(!csh_output_open(path, CSH_OUTPUT_TRUNCATE, &output));
    ck_assert_int_eq(errno, EPERM);
    ck_assert(!csh_output_open(path, CSH_OUTPUT_APPEND, &output));
    ck_assert(!csh_output_claim(path, &output));
    ck_assert_int_eq(file_size(path), 5);
}
END_TEST

START_TEST(a_claimed_file_is_private_and_begun_anew)
{
    struct stat file;
    mode_t mask = umask(0);

    ck_assert(csh_output_claim(path, &output));
    umask(mask);
    ck_assert_int_eq(stat(path, &file), 0);
    ck_assert_int_eq(file.st_mode & 0777, 0600);
    ck_assert(csh_output_write(&output, "12345", 5));
    ck_assert_int_eq(claim_in_child(path), EWOULDBLOCK);
    ck_assert_int_eq(file_size(path), 5);
    csh_output_close(&output);
    ck_assert_int_eq(claim_in_child(path), 0);
    ck_assert_int_eq(file_size(path), 0);
}
END_TEST

START_TEST(a_claim_is_refused)
{
    char link[PATH_MAX + 8];

    output.fd = -7;
    ck_assert(!csh_output_claim("/nowhere/file", &output));
    ck_assert_int_eq(errno, ENOENT);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    ck_assert(!csh_output_claim(path, &output)); /* nobody reads it */
    ck_assert_int_eq(errno, ENXIO);
    if (access("/dev/null", W_OK) == 0) {
        ck_assert(!csh_output_claim("/dev/null", &output));
        ck_assert_int_eq(errno, EINVAL);
    }
    snprintf(link, sizeof(link), "%s.link", path);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(symlink("file", link), 0);
    ck_assert(!csh_output_claim(link, &output));
    ck_assert_int_eq(errno, ELOOP);
    ck_assert_int_eq(unlink(link), 0);
    ck_assert_int_eq(output.fd, -7);
}
END_TEST

START_TEST(a_file_is_cut_where_it_is_still_ours)
{
    int other;

    ck_assert(csh_output_claim(path, &output));
    ck_assert(csh_output_write(&output, "12345678", 8));
    ck_assert(csh_output_cut(&output, 3));
    ck_assert_int_eq(file_size(path), 3);
    ck_assert(csh_output_write(&output, "9", 1));
    ck_assert_int_eq(file_size(path), 4);
    other = open("/dev/null", O_WRONLY);
    ck_assert_int_ge(dup2(other, output.fd), 0);
    close(other);
    ck_assert(!csh_output_cut(&output, 0));
    ck_assert_int_eq(file_size(path), 4);
    close(output.fd);
}
END_TEST

START_TEST(names_are_expanded)
{
    char host[256] = "", expected[600], text[600];

    gethostname(host, sizeof(host) - 1);
    ck_assert(csh_output_expand("a.%p.%h.%%.%x.%", text, sizeof(text)));
    snprintf(expected, sizeof(expected), "a.%ld.%s.%%.%%x.%%",
             (long)getpid(), host);
    ck_assert_str_eq(text, expected);
    ck_assert(csh_output_expand("", text, 1));
    ck_assert_str_eq(text, "");
    ck_assert(csh_output_expand("abc", text, 4));
    ck_assert(!csh_output_expand("abcd", text, 4));
    ck_assert(!csh_output_expand("ab%p", text, 3));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("output");
    TCase *tcase = tcase_create("harmless");
    SRunner *runner = srunner_create(suite);
    int n_failed;

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, files_are_appended_to_or_begun_anew);
    tcase_add_test(tcase, descriptors_are_high_and_end_with_exec);
    tcase_add_test(tcase, a_low_limit_is_lived_with);
    tcase_add_test(tcase, symbolic_links_are_not_followed);
    tcase_add_test(tcase, what_cannot_be_opened_says_why);
    tcase_add_test(tcase, a_reused_descriptor_is_left_alone);
    tcase_add_test(tcase, a_closed_descriptor_is_lived_with);
    tcase_add_test(tcase, stderr_is_what_it_was_at_load);
    tcase_add_test(tcase, a_pipe_without_reader_raises_nothing);
    tcase_add_test(tcase, a_blocked_sigpipe_stays_as_it_was);
    tcase_add_test(tcase, a_reader_that_takes_nothing_is_not_waited_for);
    tcase_add_test(tcase, a_stuck_reader_is_waited_for_once);
    tcase_add_test(tcase, a_full_disk_is_lived_with);
    tcase_add_test(tcase, a_file_size_limit_kills_nobody);
    tcase_add_test(tcase, long_texts_arrive_whole);
    tcase_add_test(tcase,
                   a_cancelled_thread_leaves_only_where_the_program_lets_it);
    tcase_add_test(tcase, a_file_is_its_owners_alone);
    tcase_add_test(tcase, a_planted_file_is_left_alone);
    tcase_add_test(tcase, a_claimed_file_is_private_and_begun_anew);
    tcase_add_test(tcase, a_claim_is_refused);
    tcase_add_test(tcase, a_file_is_cut_where_it_is_still_ours);
    tcase_add_test(tcase, names_are_expanded);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_ENV);
    n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed != 0;
}
