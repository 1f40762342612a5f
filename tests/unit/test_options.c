/*
 * test_options.c - from the environment to settings, with bad and hostile
 * entries, once, whoever comes first.
 *
 * Compiles options.c itself, to stand in for the kernel's word on raised
 * privileges and to leave the loader as a fork may leave it.
 */
#define getauxval fake_auxval
static unsigned long fake_auxval(unsigned long type);
#include "base/options.c"

#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "base/compiler.h"

#define N_THREADS 4

static bool is_privileged;
static struct csh_options options;

static unsigned long fake_auxval(unsigned long type)
{
    return (type == AT_SECURE) && is_privileged;
}

/* What is warned about is not what is tested here. */
static void setup(void)
{
    csh_log_threshold = CSH_LOG_OFF;
}

static unsigned parse_one(const char *entry)
{
    char *const environment[] = {(char *)(intptr_t)entry, NULL};

    return csh_options_parse(environment, &options);
}

START_TEST(defaults_are_what_the_table_says)
{
    ck_assert_uint_eq(csh_options_parse(NULL, &options), 0);
    ck_assert_int_eq(options.mode, CSH_MODE_VERIFY);
    ck_assert_int_eq(options.host, CSH_HOST_ALIAS);
    ck_assert_uint_eq(options.min_bytes, 65536);
    ck_assert_int_eq(options.pinned_limit.unit, CSH_SIZE_AUTO);
    ck_assert_uint_eq(options.proof_timeout_ms, 250);
    ck_assert_uint_eq(options.threads, 0);
    ck_assert_int_eq(options.log.level, CSH_LOG_WARN);
    ck_assert_str_eq(options.log.path, "");
    ck_assert_int_eq(options.stats, CSH_STATS_TEXT);
    ck_assert_str_eq(options.stats_file, "");
    ck_assert(!options.strict);
}
END_TEST

/* A row added to the table is tested here without a change. */
START_TEST(every_default_is_accepted)
{
    const struct csh_option *option = NULL;
    unsigned n_rows = 0;
    size_t i;

    while ((option = csh_option_next(option)) != NULL) {
        ck_assert_int_eq(strncmp(option->name, "CUSHADOW_", 9), 0);
        ck_assert_str_ne(option->help, "");
        ck_assert_str_ne(option->accepted, "");
        ck_assert_ptr_eq(csh_option_nearest(option->name), option);
        ++n_rows;
    }
    ck_assert_uint_eq(n_rows, CSH_ARRAY_LENGTH(rows));
    for (i = 0; i < CSH_ARRAY_LENGTH(rows); ++i) {
        memset(&options, 0x5a, sizeof(options));
        ck_assert_msg(row_parse(&rows[i], rows[i].option.default_text,
                                &options), "%s", rows[i].option.name);
    }
}
END_TEST

START_TEST(every_variable_reaches_its_field)
{
    ck_assert_uint_eq(parse_one("CUSHADOW_MODE=observe"), 0);
    ck_assert_int_eq(options.mode, CSH_MODE_OBSERVE);
    ck_assert_uint_eq(parse_one("CUSHADOW_MIN_BYTES=0"), 0);
    ck_assert_uint_eq(options.min_bytes, 0);
    ck_assert_uint_eq(parse_one("CUSHADOW_RAM_LIMIT=3G"), 0);
    ck_assert_int_eq(options.ram_limit.unit, CSH_SIZE_BYTES);
    ck_assert_uint_eq(options.ram_limit.value, UINT64_C(3) << 30);
    ck_assert_int_eq(options.pinned_limit.unit, CSH_SIZE_AUTO);
    ck_assert_uint_eq(parse_one("CUSHADOW_PINNED_LIMIT=40%"), 0);
    ck_assert_int_eq(options.ram_limit.unit, CSH_SIZE_AUTO);
    ck_assert_int_eq(options.pinned_limit.unit, CSH_SIZE_PERCENT);
    ck_assert_uint_eq(options.pinned_limit.value, 40);
    ck_assert_uint_eq(parse_one("CUSHADOW_PROOF_TIMEOUT_MS=7"), 0);
    ck_assert_uint_eq(options.proof_timeout_ms, 7);
    ck_assert_uint_eq(parse_one("CUSHADOW_THREADS=7"), 0);
    ck_assert_uint_eq(options.threads, 7);
    ck_assert_uint_eq(parse_one("CUSHADOW_LOG=trace:/a:b"), 0);
    ck_assert_int_eq(options.log.level, CSH_LOG_TRACE);
    ck_assert_str_eq(options.log.path, "/a:b");
    ck_assert_uint_eq(parse_one("CUSHADOW_STATS=json"), 0);
    ck_assert_int_eq(options.stats, CSH_STATS_JSON);
    ck_assert_uint_eq(parse_one("CUSHADOW_STATS_FILE=/x=y %p"), 0);
    ck_assert_str_eq(options.stats_file, "/x=y %p");
    ck_assert_uint_eq(parse_one("CUSHADOW_STRICT=1"), 0);
    ck_assert(options.strict);
}
END_TEST

START_TEST(bad_values_are_counted_and_the_default_stands)
{
    char *const environment[] = {
        "CUSHADOW_MODE=sideways", "CUSHADOW_MIN_BYTES=many",
        "CUSHADOW_PINNED_LIMIT=200%", "CUSHADOW_PROOF_TIMEOUT_MS=soon",
        "CUSHADOW_LOG=loud", "CUSHADOW_STATS=xml", "CUSHADOW_STRICT=ja",
        "CUSHADOW_RAM_LIMIT=-1", "CUSHADOW_THREADS=65", "PATH=/bin", NULL};

    ck_assert_uint_eq(csh_options_parse(environment, &options), 9);
    ck_assert_int_eq(options.mode, CSH_MODE_VERIFY);
    ck_assert_uint_eq(options.min_bytes, 65536);
    ck_assert_int_eq(options.pinned_limit.unit, CSH_SIZE_AUTO);
    ck_assert_uint_eq(options.proof_timeout_ms, 250);
    ck_assert_int_eq(options.log.level, CSH_LOG_WARN);
    ck_assert_int_eq(options.stats, CSH_STATS_TEXT);
    ck_assert(!options.strict);
}
END_TEST

START_TEST(the_first_entry_of_a_name_counts_and_empty_is_unset)
{
    char *const environment[] = {"CUSHADOW_MODE=copy", "CUSHADOW_MODE=off",
                                 "CUSHADOW_MIN_BYTES=", "CUSHADOW_STATS",
                                 "=", "", NULL};

    ck_assert_uint_eq(csh_options_parse(environment, &options), 0);
    ck_assert_int_eq(options.mode, CSH_MODE_COPY);
    ck_assert_uint_eq(options.min_bytes, 65536);
    ck_assert_int_eq(options.stats, CSH_STATS_TEXT);
}
END_TEST

START_TEST(nearest_names)
{
    ck_assert_str_eq(csh_option_nearest("CUSHADOW_MOD")->name,
                     "CUSHADOW_MODE");
    ck_assert_str_eq(csh_option_nearest("CUSHADOW_PINED_LIMIT")->name,
                     "CUSHADOW_PINNED_LIMIT");
    ck_assert_str_eq(csh_option_nearest("CUSHADOW_STAT_FILE")->name,
                     "CUSHADOW_STATS_FILE");
    ck_assert_str_eq(csh_option_nearest("CUSHADOW_STATE")->name,
                     "CUSHADOW_STATS");
    ck_assert_ptr_nonnull(csh_option_nearest(""));
}
END_TEST

START_TEST(distances)
{
    static char longest[100000];

    memset(longest, 'x', sizeof(longest) - 1);
    ck_assert_uint_eq(distance("", ""), 0);
    ck_assert_uint_eq(distance("abc", ""), 3);
    ck_assert_uint_eq(distance("", "abc"), 3);
    ck_assert_uint_eq(distance("kitten", "sitting"), 3);
    ck_assert_uint_eq(distance("flaw", "lawn"), 2);
    ck_assert_uint_eq(distance(longest, longest), 0);
    ck_assert_uint_eq(distance(longest, ""), MAX_SHOWN);
}
END_TEST

START_TEST(what_is_shown_of_a_value_is_short_and_printable)
{
    static const char sixty[] =
        "012345678901234567890123456789012345678901234567890123456789";
    char text[SHOWN_BYTES];
    char hostile[2 * MAX_SHOWN];

    ck_assert_str_eq(shown("plain 1", '\0', text), "plain 1");
    ck_assert_str_eq(shown("NAME=value", '=', text), "NAME");
    ck_assert_str_eq(shown("a\n\x1b[\"\\\xc3\x7f", '\0', text),
                     "a\\x0a\\x1b[\\x22\\x5c\\xc3\\x7f");
    shown(sixty, '\0', text);
    ck_assert_uint_eq(strlen(text), MAX_SHOWN + 3);
    ck_assert_str_eq(text + MAX_SHOWN, "...");
    memset(hostile, '\x1b', sizeof(hostile));
    hostile[sizeof(hostile) - 1] = '\0';
    shown(hostile, '\0', text);
    ck_assert_uint_eq(strlen(text), 4 * MAX_SHOWN + 3);
}
END_TEST

START_TEST(hostile_entries_are_survived)
{
    enum { N_BYTES = 1 << 20 };
    char *value = malloc(N_BYTES), *name = malloc(N_BYTES);
    char *environment[] = {value, name, "CUSHADOW_\n\x1b[2J\xff=\xff", NULL};

    ck_assert_ptr_nonnull(value);
    ck_assert_ptr_nonnull(name);
    csh_log_threshold = CSH_LOG_WARN;
    close(STDERR_FILENO);
    memset(value, '9', N_BYTES - 1);
    value[N_BYTES - 1] = '\0';
    memcpy(value, "CUSHADOW_MIN_BYTES=", 19);
    memset(name, 'Q', N_BYTES - 1);
    name[N_BYTES - 1] = '\0';
    memcpy(name, "CUSHADOW_", 9);
    ck_assert_uint_eq(csh_options_parse(environment, &options), 1);
    ck_assert_uint_eq(options.min_bytes, 65536);
    free(name);
    free(value);
}
END_TEST

/* How many lines the log has, in a file of this test. */
static unsigned count_lines(const char *path)
{
    FILE *file = fopen(path, "r");
    unsigned n_lines = 0;
    int c;

    ck_assert_ptr_nonnull(file);
    while ((c = fgetc(file)) != EOF) {
        n_lines += (c == '\n');
    }
    fclose(file);
    return n_lines;
}

START_TEST(each_complaint_is_one_line_in_the_log)
{
    char path[] = "/tmp/test_options_XXXXXX", value[64];
    int fd = mkstemp(path);

    ck_assert_int_ge(fd, 0);
    close(fd);
    snprintf(value, sizeof(value), "warn:%s", path);
    setenv("CUSHADOW_LOG", value, 1);
    setenv("CUSHADOW_MODE", "two\nlines", 1);
    setenv("CUSHADOW_STATS", "xml", 1);
    setenv("CUSHADOW_MOD", "copy", 1);
    csh_options_load();
    csh_options_load();
    ck_assert_uint_eq(count_lines(path), 3);
    ck_assert(csh_options_are_valid());
    ck_assert_int_eq(unlink(path), 0);
}
END_TEST

START_TEST(strict_makes_a_bad_value_count)
{
    setenv("CUSHADOW_LOG", "off", 1);
    setenv("CUSHADOW_STRICT", "1", 1);
    setenv("CUSHADOW_MODE", "sideways", 1);
    ck_assert(!csh_options_are_valid());
    ck_assert_int_eq(csh_options()->mode, CSH_MODE_VERIFY);
}
END_TEST

START_TEST(strict_lets_good_values_and_unknown_names_pass)
{
    setenv("CUSHADOW_LOG", "off", 1);
    setenv("CUSHADOW_STRICT", "1", 1);
    setenv("CUSHADOW_MODE", "off", 1);
    setenv("CUSHADOW_NO_SUCH", "1", 1);
    ck_assert(csh_options_are_valid());
    ck_assert_int_eq(csh_options()->mode, CSH_MODE_OFF);
}
END_TEST

START_TEST(a_bad_value_alone_is_not_fatal)
{
    setenv("CUSHADOW_LOG", "off", 1);
    setenv("CUSHADOW_MODE", "sideways", 1);
    ck_assert(csh_options_are_valid());
}
END_TEST

START_TEST(options_are_read_once_and_errno_is_kept)
{
    setenv("CUSHADOW_MODE", "copy", 1);
    errno = ENOTTY;
    ck_assert_int_eq(csh_options()->mode, CSH_MODE_COPY);
    ck_assert_int_eq(errno, ENOTTY);
    setenv("CUSHADOW_MODE", "off", 1);
    ck_assert_int_eq(csh_options()->mode, CSH_MODE_COPY);
}
END_TEST

START_TEST(privileged_programs_read_nothing)
{
    is_privileged = true;
    setenv("CUSHADOW_MODE", "off", 1);
    setenv("CUSHADOW_STATS_FILE", "/etc/passwd", 1);
    ck_assert_int_eq(csh_options()->mode, CSH_MODE_VERIFY);
    ck_assert_str_eq(csh_options()->stats_file, "");
}
END_TEST

/* The child's only thread must not wait for one that it does not have. */
START_TEST(a_fork_in_the_middle_of_the_load_leaves_no_waiter)
{
    pid_t child;
    int status;

    setenv("CUSHADOW_MODE", "copy", 1);
    atomic_store(&loader, getpid());
    child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        _exit((csh_options()->mode == CSH_MODE_COPY) ? 0 : 1);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 0);
}
END_TEST

static void *read_mode(void *mode_p)
{
    *(enum csh_mode *)mode_p = csh_options()->mode;
    return NULL;
}

START_TEST(threads_may_load_at_once)
{
    enum csh_mode modes[N_THREADS];
    pthread_t threads[N_THREADS];
    int i;

    setenv("CUSHADOW_MODE", "observe", 1);
    for (i = 0; i < N_THREADS; ++i) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, read_mode,
                                        &modes[i]), 0);
    }
    for (i = 0; i < N_THREADS; ++i) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
        ck_assert_int_eq(modes[i], CSH_MODE_OBSERVE);
    }
}
END_TEST

static void add_parser_tests(TCase *tcase)
{
    tcase_add_test(tcase, defaults_are_what_the_table_says);
    tcase_add_test(tcase, every_default_is_accepted);
    tcase_add_test(tcase, every_variable_reaches_its_field);
    tcase_add_test(tcase, bad_values_are_counted_and_the_default_stands);
    tcase_add_test(tcase,
                   the_first_entry_of_a_name_counts_and_empty_is_unset);
    tcase_add_test(tcase, nearest_names);
    tcase_add_test(tcase, distances);
    tcase_add_test(tcase, what_is_shown_of_a_value_is_short_and_printable);
    tcase_add_test(tcase, hostile_entries_are_survived);
}

static void add_loader_tests(TCase *tcase)
{
    tcase_add_test(tcase, each_complaint_is_one_line_in_the_log);
    tcase_add_test(tcase, strict_makes_a_bad_value_count);
    tcase_add_test(tcase, strict_lets_good_values_and_unknown_names_pass);
    tcase_add_test(tcase, a_bad_value_alone_is_not_fatal);
    tcase_add_test(tcase, options_are_read_once_and_errno_is_kept);
    tcase_add_test(tcase, privileged_programs_read_nothing);
    tcase_add_test(tcase,
                   a_fork_in_the_middle_of_the_load_leaves_no_waiter);
    tcase_add_test(tcase, threads_may_load_at_once);
}

int main(void)
{
    Suite *suite = suite_create("options");
    TCase *parser = tcase_create("parser"), *load = tcase_create("loader");
    SRunner *runner = srunner_create(suite);
    int n_failed;

    tcase_add_checked_fixture(parser, setup, NULL);
    tcase_set_timeout(parser, 60);
    tcase_set_timeout(load, 60);
    add_parser_tests(parser);
    add_loader_tests(load);
    suite_add_tcase(suite, parser);
    suite_add_tcase(suite, load);
    srunner_run_all(runner, CK_ENV);
    n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed != 0;
}
