/*
 * test_log.c - one event, one line, whole and in its place.
 */
#include "base/log.h"
#include "base/utf8.h"

#include <check.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define N_THREADS 4
#define N_ROUNDS 300
#define MAX_REPEATS CSH_LOG_REPEATS
#define MAX_LINE_BYTES 512

static char path[] = "/tmp/test_log_XXXXXX";
static struct csh_log_target target;
static char text[1 << 20];

static void open_log(enum csh_log_level level, const char *name)
{
    target.level = level;
    snprintf(target.path, sizeof(target.path), "%s", name);
    csh_log_open(&target);
}

static void setup(void)
{
    int fd = mkstemp(path);

    ck_assert_int_ge(fd, 0);
    close(fd);
    open_log(CSH_LOG_INFO, path);
}

static void teardown(void)
{
    ck_assert_int_eq(unlink(path), 0);
}

/* The log so far into text; returns its length. */
static size_t read_log(void)
{
    FILE *file = fopen(path, "r");
    size_t n_bytes;

    ck_assert_ptr_nonnull(file);
    n_bytes = fread(text, 1, sizeof(text) - 1, file);
    fclose(file);
    text[n_bytes] = '\0';
    return n_bytes;
}

static unsigned count_lines(void)
{
    unsigned n_lines = 0;
    const char *c;

    read_log();
    for (c = text; *c != '\0'; ++c) {
        n_lines += (*c == '\n');
    }
    return n_lines;
}

START_TEST(a_line_names_who_when_and_what)
{
    char expected[64];
    const char *rest = text;

    csh_info("shadow", "kept %d of %s", 3, "five");
    read_log();
    snprintf(expected, sizeof(expected), "cushadow[%ld.%ld] ", (long)getpid(),
             syscall(SYS_gettid));
    ck_assert_int_eq(strncmp(rest, expected, strlen(expected)), 0);
    rest += strlen(expected);
    ck_assert(isdigit((unsigned char)*rest));
    rest += strspn(rest, "0123456789");
    ck_assert_int_eq(*rest++, '.');
    ck_assert_uint_eq(strspn(rest, "0123456789"), 6);
    ck_assert_str_eq(rest + 6, " info shadow: kept 3 of five\n");
}
END_TEST

static int count_evaluation(int *n_p)
{
    return ++*n_p;
}

START_TEST(levels_above_the_threshold_cost_nothing)
{
    int n = 0;

    csh_debug("test", "%d", count_evaluation(&n));
    ck_assert_int_eq(n, 0);
    csh_log_write(CSH_LOG_DEBUG, "test", "not even directly");
    csh_log_write(CSH_LOG_OFF, "test", "nor this");
    ck_assert_uint_eq(read_log(), 0);
    csh_info("test", "%d", count_evaluation(&n));
    ck_assert_int_eq(n, 1);
    ck_assert_uint_eq(count_lines(), 1);
    open_log(CSH_LOG_OFF, path);
    csh_error("test", "%d", count_evaluation(&n));
    ck_assert_int_eq(n, 1);
    ck_assert_uint_eq(count_lines(), 1);
}
END_TEST

START_TEST(all_but_events_are_capped)
{
    int i;

    for (i = 0; i < 5 * MAX_REPEATS; ++i) {
        csh_warn("test", "again %d", i);
    }
    ck_assert_uint_eq(count_lines(), MAX_REPEATS + 1);
    for (i = 0; i < 5 * MAX_REPEATS; ++i) {
        csh_error("test", "again %d", i);
    }
    ck_assert_uint_eq(count_lines(), 2 * (MAX_REPEATS + 1));
    for (i = 0; i < 5 * MAX_REPEATS; ++i) {
        csh_info("test", "again %d", i);
    }
    ck_assert_uint_eq(count_lines(), 3 * (MAX_REPEATS + 1));
    csh_info("test", "another place");
    ck_assert_uint_eq(count_lines(), 3 * (MAX_REPEATS + 1) + 1);
    open_log(CSH_LOG_DEBUG, path);
    for (i = 0; i < 5 * MAX_REPEATS; ++i) {
        csh_debug("test", "one an event %d", i);
    }
    ck_assert_uint_eq(count_lines(), 3 * (MAX_REPEATS + 1) + 1 +
                                     5 * MAX_REPEATS);
}
END_TEST

/* Of one place, at any level, whichever threads come there. */
static void *repeat(void *opaque)
{
    int i;

    (void)opaque;
    for (i = 0; i < N_ROUNDS; ++i) {
        csh_log_capped(5, CSH_LOG_INFO, "test", "again %d", i);
    }
    return NULL;
}

START_TEST(one_places_lines_are_capped)
{
    pthread_t threads[N_THREADS];
    int i;

    open_log(CSH_LOG_WARN, path);
    repeat(NULL); /* what is not written is not counted */
    open_log(CSH_LOG_INFO, path);
    for (i = 0; i < N_THREADS; ++i) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, repeat, NULL), 0);
    }
    for (i = 0; i < N_THREADS; ++i) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    }
    ck_assert_uint_eq(count_lines(), 5 + 1);
    ck_assert_ptr_nonnull(strstr(text, "further lines like the last"));
    csh_log_capped(5, CSH_LOG_INFO, "test", "another place");
    ck_assert_uint_eq(count_lines(), 5 + 2);
}
END_TEST

static void log_at_exit(void)
{
    csh_warn("test", "during exit");
}

static void log_in_destructor(void) __attribute__((destructor(101)));
static bool has_exited;
static void log_in_destructor(void)
{
    if (has_exited) {
        csh_warn("test", "in a destructor");
    }
}

/* A child's lines are its own; and they are written until the very end. */
START_TEST(a_child_logs_until_its_end)
{
    char expected[64];
    int status;
    pid_t child;

    csh_warn("test", "before");
    child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        atexit(log_at_exit);
        has_exited = true;
        csh_warn("test", "after fork");
        exit(0);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_uint_eq(count_lines(), 4);
    snprintf(expected, sizeof(expected), "cushadow[%ld.%ld] ", (long)child,
             (long)child);
    ck_assert_ptr_nonnull(strstr(text, expected));
    ck_assert_ptr_nonnull(strstr(text, "during exit"));
    ck_assert_ptr_nonnull(strstr(text, "in a destructor"));
}
END_TEST

static char early_path[] = "/tmp/test_log_early_XXXXXX";

/* Before main, in a child, since descriptor 2 is what it was when somebody
 * first asks: of a file of its own there. */
static void log_before_main(void) __attribute__((constructor(101)));
static void log_before_main(void)
{
    int fd = mkstemp(early_path);
    pid_t child = fork();

    if (child == 0) {
        dup2(fd, STDERR_FILENO);
        csh_warn("test", "before main");
        _exit(0);
    }
    waitpid(child, NULL, 0);
    close(fd);
}

START_TEST(a_line_before_main_is_written)
{
    FILE *file = fopen(early_path, "r");
    size_t n_bytes;

    ck_assert_ptr_nonnull(file);
    n_bytes = fread(text, 1, sizeof(text) - 1, file);
    fclose(file);
    text[n_bytes] = '\0';
    ck_assert_ptr_nonnull(strstr(text, " warn test: before main\n"));
}
END_TEST

START_TEST(long_lines_are_cut_and_say_so)
{
    static char longest[4096];
    size_t n_bytes, n_prefix;

    csh_info("test", "%s", "");
    n_prefix = read_log() - 1;
    memset(longest, 'x', sizeof(longest) - 1);
    csh_info("test", "%s", longest);
    n_bytes = read_log() - n_prefix - 1;
    ck_assert_uint_eq(n_bytes, MAX_LINE_BYTES);
    ck_assert_str_eq(text + n_prefix + 1 + n_bytes - 5, "x...\n");
}
END_TEST

/* Every length around the limit, for the sanitizers and for off-by-ones. */
START_TEST(lines_of_any_length_are_one_line)
{
    char body[MAX_LINE_BYTES + 20];
    size_t length;

    open_log(CSH_LOG_DEBUG, path);
    for (length = 400; length < sizeof(body); ++length) {
        memset(body, 'y', length);
        body[length] = '\0';
        csh_debug("test", "%s", body);
    }
    ck_assert_uint_eq(count_lines(), sizeof(body) - 400);
    ck_assert_uint_eq(strlen(text), read_log());
}
END_TEST

START_TEST(a_line_cannot_pretend_to_be_two)
{
    csh_info("test", "%s", "one\ncushadow[1.1] 0.0 error x: two\r\x1b[2J");
    ck_assert_uint_eq(count_lines(), 1);
    ck_assert_ptr_null(strpbrk(text, "\r\x1b"));
}
END_TEST

/* A control of one byte in ISO 8859 and of two in UTF-8, an override of the
 * direction, sequences that are none, and one that is cut by the line's end. */
START_TEST(a_line_is_text_in_every_encoding)
{
    char body[MAX_LINE_BYTES];
    size_t n;

    csh_info("test", "%s", "a\x9b" "b\xc2\x9b" "c\xe2\x80\xae" "d\xff\xc3");
    ck_assert_uint_eq(count_lines(), 1);
    ck_assert_ptr_nonnull(strstr(text, ": a?b??c???d??\n"));
    csh_info("test", "%s", "gr\xc3\xbc\xc3\x9f" "e \xf0\x9f\x8e\x89");
    read_log();
    ck_assert_ptr_nonnull(strstr(text, "gr\xc3\xbc\xc3\x9f"
                                       "e \xf0\x9f\x8e\x89\n"));
    memset(body, 0xc3, sizeof(body));
    for (n = 1; n < sizeof(body); n += 2) {
        body[n] = '\xbc';
    }
    body[sizeof(body) - 1] = '\0';
    csh_info("test", "%s", body);
    csh_info("test", "x%s", body);
    n = read_log();
    ck_assert_uint_gt(n, MAX_LINE_BYTES);
    ck_assert_ptr_nonnull(strstr(text, "..."));
    for (n = 0; text[n] != '\0'; n += csh_utf8_length(text + n)) {
        ck_assert_uint_ne(csh_utf8_length(text + n), 0);
    }
}
END_TEST

START_TEST(errno_is_kept_and_can_be_said)
{
    errno = ENOSPC;
    csh_info("test", "%m");
    ck_assert_int_eq(errno, ENOSPC);
    read_log();
    ck_assert_ptr_nonnull(strstr(text, strerror(ENOSPC)));
    close(csh_log_output().fd);
    errno = EXDEV;
    csh_info("test", "nowhere");
    ck_assert_int_eq(errno, EXDEV);
}
END_TEST

START_TEST(the_programs_file_under_our_number_is_left_alone)
{
    char other[] = "/tmp/test_log_other_XXXXXX";
    int fd = mkstemp(other), log_fd = csh_log_output().fd;
    struct stat file;

    ck_assert_int_ge(fd, 0);
    csh_info("test", "first");
    ck_assert_int_eq(dup2(fd, log_fd), log_fd);
    csh_info("test", "second");
    ck_assert_int_eq(fstat(fd, &file), 0);
    ck_assert_int_eq(file.st_size, 0);
    ck_assert_uint_eq(count_lines(), 1);
    ck_assert_int_eq(unlink(other), 0);
}
END_TEST

START_TEST(the_programs_file_under_number_two_is_left_alone)
{
    int fd = open(path, O_RDWR);

    open_log(CSH_LOG_INFO, "");
    ck_assert_int_eq(csh_log_output().fd, STDERR_FILENO);
    ck_assert_int_eq(dup2(fd, STDERR_FILENO), STDERR_FILENO);
    csh_info("test", "to nowhere");
    ck_assert_uint_eq(read_log(), 0);
    close(STDERR_FILENO);
    csh_info("test", "to nowhere");
}
END_TEST

START_TEST(a_file_that_cannot_be_opened_leaves_stderr)
{
    close(STDERR_FILENO); /* the complaint itself */
    open_log(CSH_LOG_DEBUG, "/no/such/folder/log");
    ck_assert_int_eq(csh_log_output().fd, STDERR_FILENO);
    ck_assert_int_eq(csh_log_threshold, CSH_LOG_DEBUG);
}
END_TEST

START_TEST(the_files_name_is_expanded)
{
    char name[64];

    snprintf(name, sizeof(name), "/tmp/test_log_%ld_x", (long)getpid());
    ck_assert_int_eq(access(name, F_OK), -1);
    open_log(CSH_LOG_INFO, "/tmp/test_log_%p_x");
    ck_assert_int_eq(access(name, F_OK), 0);
    ck_assert_int_eq(unlink(name), 0);
}
END_TEST

START_TEST(a_pipe_without_reader_is_lived_with)
{
    char fifo[64];
    int fd;

    snprintf(fifo, sizeof(fifo), "%s.fifo", path);
    ck_assert_int_eq(mkfifo(fifo, 0600), 0);
    fd = open(fifo, O_RDONLY | O_NONBLOCK);
    ck_assert_int_ge(fd, 0);
    open_log(CSH_LOG_INFO, fifo);
    csh_info("test", "heard");
    ck_assert_int_gt(read(fd, text, sizeof(text)), 0);
    close(fd);
    csh_info("test", "unheard"); /* SIGPIPE would end this process */
    ck_assert_int_eq(unlink(fifo), 0);
}
END_TEST

static void *say_much(void *name)
{
    int i;

    for (i = 0; i < N_ROUNDS; ++i) {
        csh_debug("test", "%s %d %s", (const char *)name, i,
                 "........................................");
        csh_warn("test", "%s %d", (const char *)name, i);
    }
    return NULL;
}

START_TEST(threads_lines_are_whole)
{
    static char names[N_THREADS][2] = {"a", "b", "c", "d"};
    pthread_t threads[N_THREADS];
    const char *line;
    unsigned i;

    open_log(CSH_LOG_DEBUG, path);
    for (i = 0; i < N_THREADS; ++i) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, say_much,
                                        names[i]), 0);
    }
    for (i = 0; i < N_THREADS; ++i) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    }
    ck_assert_uint_eq(count_lines(), N_THREADS * N_ROUNDS + MAX_REPEATS + 1);
    for (line = text; *line != '\0'; line = strchr(line, '\n') + 1) {
        ck_assert_int_eq(strncmp(line, "cushadow[", 9), 0);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("log");
    TCase *tcase = tcase_create("lines");
    SRunner *runner = srunner_create(suite);
    int n_failed;

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, a_line_names_who_when_and_what);
    tcase_add_test(tcase, levels_above_the_threshold_cost_nothing);
    tcase_add_test(tcase, all_but_events_are_capped);
    tcase_add_test(tcase, one_places_lines_are_capped);
    tcase_add_test(tcase, a_child_logs_until_its_end);
    tcase_add_test(tcase, a_line_before_main_is_written);
    tcase_add_test(tcase, long_lines_are_cut_and_say_so);
    tcase_add_test(tcase, lines_of_any_length_are_one_line);
    tcase_add_test(tcase, a_line_cannot_pretend_to_be_two);
    tcase_add_test(tcase, a_line_is_text_in_every_encoding);
    tcase_add_test(tcase, errno_is_kept_and_can_be_said);
    tcase_add_test(tcase, the_programs_file_under_our_number_is_left_alone);
    tcase_add_test(tcase, the_programs_file_under_number_two_is_left_alone);
    tcase_add_test(tcase, a_file_that_cannot_be_opened_leaves_stderr);
    tcase_add_test(tcase, the_files_name_is_expanded);
    tcase_add_test(tcase, a_pipe_without_reader_is_lived_with);
    tcase_add_test(tcase, threads_lines_are_whole);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_ENV);
    n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    unlink(early_path);
    return n_failed != 0;
}
