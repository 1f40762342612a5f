/*
 * test_at_exit.c - the report is written where and when it should be, and by
 * whom. Each test ends processes of its own.
 */
#include "report/at_exit.h"

#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "report_fixture.h"

#define MIB (UINT64_C(1) << 20)

static void read_file(void)
{
    FILE *file = fopen(path, "r");

    ck_assert_ptr_nonnull(file);
    n_text = fread(text, 1, sizeof(text) - 1, file);
    fclose(file);
    text[n_text] = '\0';
}

/* A process that counts, perhaps says that it is active, and ends. */
static void run_process(const char *stats, const char *stats_file,
                        void (*act)(void))
{
    int status;
    pid_t child = fork();

    ck_assert_int_ge(child, 0);
    if (child == 0) {
        setenv("CUSHADOW_STATS", stats, 1);
        setenv("CUSHADOW_STATS_FILE", stats_file, 1);
        count(CSH_D2H, CSH_OUTCOME_elided, CSH_REASON_proven, MIB);
        act();
        csh_report_at_exit();
        _exit(0);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 0);
}

static void act_enable(void)
{
    csh_report_enable(true);
}

static void act_nothing(void)
{
}

static void act_disable(void)
{
    csh_report_enable(true);
    csh_report_enable(false);
}

/* The child of a fork goes on to the end; the parent leaves without it. */
static void act_fork(void)
{
    int status;
    pid_t child;

    csh_report_enable(true);
    child = fork();
    if (child > 0) {
        _exit((waitpid(child, &status, 0) == child) ? status : 1);
    }
}

/* A child that starts CUDA for itself has a report of its own. */
static void act_fork_and_enable(void)
{
    act_fork();
    csh_report_enable(true);
}

static bool is_file_there(void)
{
    return access(path, F_OK) == 0;
}

START_TEST(only_an_active_process_reports)
{
    run_process("json", path, act_nothing);
    ck_assert(!is_file_there());
    run_process("json", path, act_disable);
    ck_assert(!is_file_there());
    run_process("off", path, act_enable);
    ck_assert(!is_file_there());
    run_process("json", path, act_fork);
    ck_assert(!is_file_there());
    run_process("json", path, act_fork_and_enable);
    ck_assert(is_file_there());
}
END_TEST

START_TEST(a_json_file_holds_one_report)
{
    static char junk[10000];

    memset(junk, 'j', sizeof(junk));
    write_file(junk, sizeof(junk));
    run_process("json", path, act_enable);
    run_process("json", path, act_enable);
    assert_python("import json, sys\n"
                  "j = json.load(open(sys.argv[1]))\n"
                  "d = j[\"copies\"][\"d2h\"]\n"
                  "assert d[\"elided\"][\"bytes\"] == 1 << 20\n");
}
END_TEST

START_TEST(a_text_file_gathers_reports)
{
    size_t n_first;

    run_process("text", path, act_enable);
    read_file();
    n_first = n_text;
    assert_said("1.00 MiB of 1.00 MiB elided");
    assert_said("reasons, most bytes first"); /* the table too */
    run_process("text", path, act_enable);
    read_file();
    ck_assert_uint_ge(n_text, 2 * n_first - 10); /* ids differ in length */
}
END_TEST

/* Ends once more than the process does. */
static void act_report_twice(void)
{
    csh_report_enable(true);
    csh_report_at_exit();
}

static void act_report_and_move(void)
{
    act_report_twice();
    count(CSH_D2H, CSH_OUTCOME_elided, CSH_REASON_proven, MIB);
}

START_TEST(it_is_said_again_only_if_something_moved)
{
    run_process("text", path, act_report_twice);
    read_file();
    assert_said("1.00 MiB of 1.00 MiB elided");
    ck_assert_ptr_null(strstr(strstr(text, "elided,") + 1, "elided,"));
    ck_assert_int_eq(unlink(path), 0);
    run_process("text", path, act_report_and_move);
    read_file();
    assert_said("1.00 MiB of 1.00 MiB elided");
    assert_said("2.00 MiB of 2.00 MiB elided");
}
END_TEST

START_TEST(the_files_name_is_expanded)
{
    char pattern[128], expanded[128], host[256] = "";
    int status;
    pid_t child;

    gethostname(host, sizeof(host) - 1);
    snprintf(pattern, sizeof(pattern), "%s/%%p.%%h", folder);
    child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        setenv("CUSHADOW_STATS", "json", 1);
        setenv("CUSHADOW_STATS_FILE", pattern, 1);
        csh_report_enable(true);
        csh_report_at_exit();
        _exit(0);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    snprintf(expanded, sizeof(expanded), "%s/%ld.%.40s", folder, (long)child,
             host);
    ck_assert_int_eq(unlink(expanded), 0);
}
END_TEST

static void act_without_stderr(void)
{
    csh_report_enable(true);
    close(STDERR_FILENO);
}

START_TEST(what_cannot_be_written_harms_nobody)
{
    run_process("json", "/no/such/folder/file", act_without_stderr);
    run_process("json", "/dev/full", act_without_stderr);
    run_process("text", "", act_without_stderr);
}
END_TEST

/* The program's own data under number 2. */
static void act_replace_stderr(void)
{
    int fd = open(path, O_CREAT | O_RDWR, 0600);

    csh_report_enable(true);
    dup2(fd, STDERR_FILENO);
}

START_TEST(the_programs_file_under_number_two_is_left_alone)
{
    run_process("text", "", act_replace_stderr);
    read_file();
    ck_assert_uint_eq(n_text, 0);
}
END_TEST

static void act_log_to_file(void)
{
    char value[128];

    snprintf(value, sizeof(value), "warn:%s", path);
    setenv("CUSHADOW_LOG", value, 1);
    csh_report_enable(true);
}

START_TEST(without_a_file_the_line_goes_where_the_log_goes)
{
    run_process("text", "", act_log_to_file);
    read_file();
    assert_one_line();
    assert_said("1.00 MiB of 1.00 MiB elided");
}
END_TEST

/* A bad name costs the file, not the statistics. */
static void act_log_beside(void)
{
    act_log_to_file();
    setenv("CUSHADOW_STATS_FILE", "/no/such/folder/file", 1);
}

START_TEST(without_its_file_it_goes_where_the_log_goes)
{
    run_process("text", "", act_log_beside);
    read_file();
    assert_said("cannot open the statistics file /no/such/folder/file: ");
    assert_said("1.00 MiB of 1.00 MiB elided");
    assert_said("reasons, most bytes first");
}
END_TEST

START_TEST(the_destructor_reports)
{
    int status;
    pid_t child = fork();

    ck_assert_int_ge(child, 0);
    if (child == 0) {
        setenv("CUSHADOW_STATS", "json", 1);
        setenv("CUSHADOW_STATS_FILE", path, 1);
        csh_report_enable(true);
        exit(0);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(is_file_there());
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("at_exit");
    TCase *tcase = tcase_create("exit");
    SRunner *runner = srunner_create(suite);
    int n_failed;

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, only_an_active_process_reports);
    tcase_add_test(tcase, a_json_file_holds_one_report);
    tcase_add_test(tcase, a_text_file_gathers_reports);
    tcase_add_test(tcase, it_is_said_again_only_if_something_moved);
    tcase_add_test(tcase, the_files_name_is_expanded);
    tcase_add_test(tcase, what_cannot_be_written_harms_nobody);
    tcase_add_test(tcase, the_programs_file_under_number_two_is_left_alone);
    tcase_add_test(tcase,
                   without_a_file_the_line_goes_where_the_log_goes);
    tcase_add_test(tcase, without_its_file_it_goes_where_the_log_goes);
    tcase_add_test(tcase, the_destructor_reports);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_ENV);
    n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed != 0;
}
