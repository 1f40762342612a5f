/*
 * test_output_planted.c - what another user has put where our file was to be is
 * not written to (output.h): a pipe of theirs, or a second name of a file of
 * ours.
 */
#include "base/output.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];
static char path[PATH_MAX], second[PATH_MAX];
static struct csh_output output;

static void setup(void)
{
    snprintf(folder, sizeof(folder), "/tmp/test_planted_XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/file", folder);
    snprintf(second, sizeof(second), "%s/second", folder);
}

static void teardown(void)
{
    unlink(path);
    unlink(second);
    ck_assert_int_eq(rmdir(folder), 0);
}

START_TEST(a_pipe_of_another_user_is_not_written_to)
{
    int reader;

    ck_assert_int_eq(mkfifo(path, 0666), 0);
    reader = open(path, O_RDONLY | O_NONBLOCK);
    ck_assert_int_ge(reader, 0);
    ck_assert(csh_output_open(path, CSH_OUTPUT_APPEND, &output));
    csh_output_close(&output);
    if (chown(path, 65534, (gid_t)-1) == 0) { /* only root can make one */
        errno = 0;
        ck_assert(!csh_output_open(path, CSH_OUTPUT_APPEND, &output));
        ck_assert_int_eq(errno, EPERM);
    }
    close(reader);
}
END_TEST

START_TEST(a_second_name_is_not_written_to)
{
    struct stat file;

    ck_assert(csh_output_open(path, CSH_OUTPUT_APPEND, &output));
    ck_assert(csh_output_write(&output, "12345", 5));
    csh_output_close(&output);
    ck_assert_int_eq(link(path, second), 0);
    errno = 0;
    ck_assert(!csh_output_open(second, CSH_OUTPUT_TRUNCATE, &output));
    ck_assert_int_eq(errno, EMLINK);
    ck_assert(!csh_output_claim(second, &output));
    ck_assert_int_eq(stat(path, &file), 0);
    ck_assert_int_eq(file.st_size, 5);
}
END_TEST

int main(void)
{
    Suite *suite     = suite_create("output_planted");
    TCase *tcase     = tcase_create("output_planted");
    SRunner *runner  = srunner_create(suite);
    int n_failed;

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_pipe_of_another_user_is_not_written_to);
    tcase_add_test(tcase, a_second_name_is_not_written_to);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_ENV);
    n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed != 0;
}
