/*
 * test_platform.c - WSL2 or not, in made trees of /proc and /dev.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* nftw */
#endif
#include "base/platform.h"

#include <check.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static char root[64], proc[96], dev[96];

static void put(const char *name, const char *text)
{
    char path[256];
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", root, name);
    file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    ck_assert_int_eq(fclose(file), 0);
}

static void make_folder(const char *name)
{
    char path[256];

    snprintf(path, sizeof(path), "%s/%s", root, name);
    ck_assert_int_eq(mkdir(path, 0700), 0);
}

static void start(void)
{
    strcpy(root, "/tmp/test_platform.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(root));
    make_folder("proc");
    make_folder("proc/sys");
    make_folder("proc/sys/kernel");
    make_folder("dev");
    snprintf(proc, sizeof(proc), "%s/proc", root);
    snprintf(dev, sizeof(dev), "%s/dev", root);
}

static int remove_one(const char *path, const struct stat *status, int kind,
                      struct FTW *place)
{
    (void)status;
    (void)kind;
    (void)place;
    return remove(path);
}

static void stop(void)
{
    nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static bool is_wsl2(void)
{
    const struct csh_platform_roots roots = {proc, dev};

    return csh_platform_is_wsl2(&roots);
}

#define RELEASE "proc/sys/kernel/osrelease"

START_TEST(test_both_signs_are_needed)
{
    ck_assert(!is_wsl2());
    put(RELEASE, "5.15.167.4-microsoft-standard-WSL2\n");
    ck_assert(!is_wsl2());
    put("dev/dxg", "");
    ck_assert(is_wsl2());
    put(RELEASE, "6.1.0-28-amd64\n");
    ck_assert(!is_wsl2());
    put(RELEASE, "4.4.0-19041-Microsoft\n");
    ck_assert(is_wsl2());
    put(RELEASE, "");
    ck_assert(!is_wsl2());
}
END_TEST

START_TEST(test_what_cannot_be_read_is_no)
{
    char long_root[400];
    const struct csh_platform_roots nowhere = {"/nowhere", "/nowhere"};
    const struct csh_platform_roots too_long = {long_root, long_root};

    memset(long_root, 'x', sizeof(long_root) - 1);
    long_root[0]                     = '/';
    long_root[sizeof(long_root) - 1] = '\0';
    errno = 77;
    ck_assert(!csh_platform_is_wsl2(&nowhere));
    ck_assert(!csh_platform_is_wsl2(&too_long));
    ck_assert_int_eq(errno, 77);
    make_folder(RELEASE); /* is there, and cannot be read */
    put("dev/dxg", "");
    ck_assert(!is_wsl2());
    ck_assert_int_eq(errno, 77);
}
END_TEST

START_TEST(test_longer_than_any_release)
{
    char text[4096];

    memset(text, 'm', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    put("dev/dxg", "");
    put(RELEASE, text);
    ck_assert(!is_wsl2());
    memcpy(text, "microsoft", 9);
    put(RELEASE, text);
    ck_assert(is_wsl2());
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("platform");
    TCase *tcase = tcase_create("WSL2");

    tcase_add_checked_fixture(tcase, start, stop);
    tcase_add_test(tcase, test_both_signs_are_needed);
    tcase_add_test(tcase, test_what_cannot_be_read_is_no);
    tcase_add_test(tcase, test_longer_than_any_release);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    SRunner *runner = srunner_create(make_suite());
    int n_failed;

    srunner_run_all(runner, CK_ENV);
    n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return (n_failed == 0) ? EXIT_SUCCESS : EXIT_FAILURE;
}
