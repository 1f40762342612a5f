/*
 * test_trace_file.c - the file of a trace has a bound, ends behind a whole
 * event whatever the system refuses, and is its opener's alone.
 */
#include "report/trace_file.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define BOUND CSH_TRACE_LEAST_BYTES

static char path[] = "/tmp/test_trace_file_XXXXXX";
static char *text; /* of the file, as last read */

static struct csh_trace_block one_event(uint64_t number)
{
    const struct csh_trace_head head = {.name = "event", .category = "test",
                                        .phase = "C", .at_ns = number};
    struct csh_trace_block block;

    csh_trace_block_begin(&block);
    csh_trace_put_counter(&block, &head, "number", number);
    return block;
}

static void setup(void)
{
    const struct csh_trace_block first = one_event(0);
    int fd = mkstemp(path);

    ck_assert_int_ge(fd, 0);
    close(fd);
    ck_assert(csh_trace_file_open(path, BOUND, &first));
}

static void teardown(void)
{
    free(text);
    unlink(path);
}

static uint64_t size_of_file(void)
{
    struct stat status;

    ck_assert_int_eq(stat(path, &status), 0);
    return (uint64_t)status.st_size;
}

static bool put(uint64_t number)
{
    const struct csh_trace_block block = one_event(number);

    return csh_trace_file_put(&block, number);
}

static void read_file(void)
{
    uint64_t n_bytes = size_of_file();
    FILE *file = fopen(path, "re");

    ck_assert_ptr_nonnull(file);
    text = malloc(n_bytes + 1);
    ck_assert_ptr_nonnull(text);
    ck_assert_uint_eq(fread(text, 1, n_bytes, file), n_bytes);
    text[n_bytes] = '\0';
    (void)fclose(file);
}

static unsigned count(const char *what)
{
    const char *at = text;
    unsigned n = 0;

    while ((at = strstr(at, what)) != NULL) {
        at += strlen(what);
        n++;
    }
    return n;
}

START_TEST(has_its_bound_and_says_so)
{
    const unsigned n_events = 3000;
    unsigned n_left_out;
    const char *end;
    uint64_t i;

    for (i = 1; i <= n_events; ++i) {
        ck_assert(put(i));
        ck_assert_uint_le(size_of_file(), BOUND);
    }
    csh_trace_file_close(i);
    ck_assert_uint_le(size_of_file(), BOUND);
    read_file();
    ck_assert_uint_eq(count("\"name\":\"trace full\""), 1);
    ck_assert_uint_eq(count("\"name\":\"trace end\""), 1);
    end = strstr(text, "\"left_out\":");
    ck_assert_ptr_nonnull(end);
    n_left_out = (unsigned)strtoul(end + strlen("\"left_out\":"), NULL, 10);
    ck_assert_uint_gt(n_left_out, 0);
    ck_assert_uint_eq(count("\"name\":\"event\"") + n_left_out,
                      n_events + 1);
    ck_assert_str_eq(text + strlen(text) - 4, "}\n]\n");
}
END_TEST

/* A limit in the middle of an event, and a block of several. */
START_TEST(refused_write_leaves_whole_events)
{
    const struct rlimit limit = {20000, RLIM_INFINITY};
    uint64_t i = 0, n_bytes;

    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    while (put(++i)) {
        ck_assert_uint_lt(i, 1000);
    }
    n_bytes = size_of_file();
    ck_assert_uint_le(n_bytes, 20000);
    ck_assert_uint_gt(n_bytes, 19800);
    ck_assert(!put(++i));
    csh_trace_file_close(i);
    ck_assert_uint_eq(size_of_file(), n_bytes);
    read_file();
    ck_assert_str_eq(text + strlen(text) - 2, "}}");
    ck_assert_uint_eq(count("\n{"), count("}}"));
}
END_TEST

START_TEST(child_writes_nothing)
{
    uint64_t n_bytes = size_of_file();
    int status;
    pid_t child = fork();

    if (child == 0) {
        (void)put(1);
        csh_trace_file_close(2);
        _exit(0);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_uint_eq(size_of_file(), n_bytes);
    ck_assert(put(3));
    ck_assert_uint_gt(size_of_file(), n_bytes);
}
END_TEST

START_TEST(each_event_is_in_the_file_at_once)
{
    uint64_t n_bytes, i;

    for (i = 1; i < 10; ++i) {
        n_bytes = size_of_file();
        ck_assert(put(i));
        ck_assert_uint_gt(size_of_file(), n_bytes);
    }
    read_file();
    ck_assert_uint_eq(count("\"number\":9}"), 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("trace_file");
    TCase *tcase = tcase_create("trace_file");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, has_its_bound_and_says_so);
    tcase_add_test(tcase, refused_write_leaves_whole_events);
    tcase_add_test(tcase, child_writes_nothing);
    tcase_add_test(tcase, each_event_is_in_the_file_at_once);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
