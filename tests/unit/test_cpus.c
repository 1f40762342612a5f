/*
 * test_cpus.c - the processors that a thread may use, by its affinity and by
 * cgroup files of the test's own.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* sched_setaffinity */
#endif
#include <check.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cpus.h"

static char root[] = "cpus.XXXXXX", proc[64], cgroup[64];
static struct csh_system_roots roots = {proc, cgroup};
static unsigned all;

/* Files at root/NAME, folders made as needed. */
static void write_file(const char *name, const char *text)
{
    char path[256], *slash;
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", root, name);
    for (slash = strchr(path, '/'); slash != NULL;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        (void)mkdir(path, 0700);
        *slash = '/';
    }
    file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
}

static void set_up(void)
{
    strcpy(root, "cpus.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(root));
    snprintf(proc, sizeof(proc), "%s/proc", root);
    snprintf(cgroup, sizeof(cgroup), "%s/cgroup", root);
    all = csh_cpus_usable(&roots); /* no files: by affinity alone */
}

static void tear_down(void)
{
    char command[64];

    snprintf(command, sizeof(command), "rm -rf %s", root);
    ck_assert_int_eq(system(command), 0);
}

static unsigned at_most(unsigned n)
{
    return (n < all) ? n : all;
}

START_TEST(affinity_counts)
{
    cpu_set_t before, one;
    int cpu = 0;

    ck_assert_int_eq(sched_getaffinity(0, sizeof(before), &before), 0);
    ck_assert_uint_eq(all, (unsigned)CPU_COUNT(&before));
    while (!CPU_ISSET(cpu, &before)) {
        cpu++;
    }
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    ck_assert_int_eq(sched_setaffinity(0, sizeof(one), &one), 0);
    ck_assert_uint_eq(csh_cpus_usable(&roots), 1);
    ck_assert_int_eq(sched_setaffinity(0, sizeof(before), &before), 0);
}
END_TEST

START_TEST(version_2_quota_counts)
{
    write_file("proc/self/cgroup", "0::/a/b\n");
    write_file("cgroup/a/b/cpu.max", "max 100000\n");
    ck_assert_uint_eq(csh_cpus_usable(&roots), all);
    write_file("cgroup/a/b/cpu.max", "100000 100000\n");
    ck_assert_uint_eq(csh_cpus_usable(&roots), 1);
    write_file("cgroup/a/b/cpu.max", "100001 100000\n");
    ck_assert_uint_eq(csh_cpus_usable(&roots), at_most(2));
    write_file("cgroup/a/b/cpu.max", "1000 100000\n");
    ck_assert_uint_eq(csh_cpus_usable(&roots), 1);
}
END_TEST

START_TEST(ancestors_count)
{
    write_file("proc/self/cgroup", "0::/a/b\n");
    write_file("cgroup/a/b/cpu.max", "max 100000\n");
    write_file("cgroup/a/cpu.max", "50000 100000\n");
    ck_assert_uint_eq(csh_cpus_usable(&roots), 1);
    write_file("cgroup/a/cpu.max", "max 100000\n");
    write_file("cgroup/cpu.max", "50000 100000\n");
    ck_assert_uint_eq(csh_cpus_usable(&roots), 1);
}
END_TEST

/* In a container the path is the host's and leads nowhere. */
START_TEST(the_root_of_the_mount_counts)
{
    write_file("proc/self/cgroup", "0::/of/the/host\n");
    write_file("cgroup/cpu.max", "50000 100000\n");
    ck_assert_uint_eq(csh_cpus_usable(&roots), 1);
}
END_TEST

START_TEST(version_1_quota_counts)
{
    write_file("proc/self/cgroup", "5:cpuset:/s\n4:cpu,cpuacct:/c\n");
    write_file("cgroup/cpu/c/cpu.cfs_quota_us", "-1\n");
    write_file("cgroup/cpu/c/cpu.cfs_period_us", "100000\n");
    ck_assert_uint_eq(csh_cpus_usable(&roots), all);
    write_file("cgroup/cpu/c/cpu.cfs_quota_us", "60000\n");
    ck_assert_uint_eq(csh_cpus_usable(&roots), 1);
    /* The group of another controller is not this one's. */
    write_file("cgroup/cpu/c/cpu.cfs_quota_us", "-1\n");
    write_file("cgroup/cpu/s/cpu.cfs_quota_us", "60000\n");
    write_file("cgroup/cpu/s/cpu.cfs_period_us", "100000\n");
    ck_assert_uint_eq(csh_cpus_usable(&roots), all);
}
END_TEST

START_TEST(nonsense_sets_no_limit)
{
    static const char *const texts[] = {"", "x", "0 100000", "100000 0",
                                        "100000", "-5 100000"};
    size_t i;

    write_file("proc/self/cgroup", "nonsense\n::\n0::\n0::/a\n");
    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        write_file("cgroup/a/cpu.max", texts[i]);
        ck_assert_uint_eq(csh_cpus_usable(&roots), all);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cpus");
    TCase *cases = tcase_create("limits");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(cases, set_up, tear_down);
    tcase_add_test(cases, affinity_counts);
    tcase_add_test(cases, version_2_quota_counts);
    tcase_add_test(cases, ancestors_count);
    tcase_add_test(cases, the_root_of_the_mount_counts);
    tcase_add_test(cases, version_1_quota_counts);
    tcase_add_test(cases, nonsense_sets_no_limit);
    suite_add_tcase(suite, cases);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
