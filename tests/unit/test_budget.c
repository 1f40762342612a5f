/*
 * test_budget.c - the budget and what it is made from, in made trees of
 * /proc and of cgroups.
 */
#include "memory_tree.h"

#include "shadow/budget.h"

static struct csh_budget budget;

static void start(void)
{
    budget.roots        = plant_tree();
    budget.limit.unit   = CSH_SIZE_AUTO;
    budget.limit.value  = 0;
}

static uint64_t room(void)
{
    struct csh_headroom headroom;

    csh_headroom_read(&budget.roots, &headroom);
    ck_assert(headroom.is_known);
    ck_assert_uint_eq(headroom.total, 16 * GIB);
    return headroom.bytes;
}

START_TEST(test_available_memory_alone)
{
    ck_assert_uint_eq(room(), 8 * GIB);
    /* Linux before 3.14. */
    put("proc/meminfo", "MemTotal: 16777216 kB\nMemFree: 2048 kB\n");
    ck_assert_uint_eq(room(), 2 * MIB);
}
END_TEST

START_TEST(test_nothing_known)
{
    struct csh_headroom headroom;

    put("proc/meminfo", "%s", "");
    csh_headroom_read(&budget.roots, &headroom);
    ck_assert(!headroom.is_known);
    put("proc/meminfo", "MemTotal: many kB\nMemAvailable: 1 kB\n");
    csh_headroom_read(&budget.roots, &headroom);
    ck_assert(!headroom.is_known);
    ck_assert_uint_eq(csh_budget_bytes(&budget, 5), 0);
    budget.limit.unit  = CSH_SIZE_PERCENT;
    budget.limit.value = 50;
    ck_assert_uint_eq(csh_budget_bytes(&budget, 5), 0);
    budget.limit.unit  = CSH_SIZE_BYTES;
    ck_assert_uint_eq(csh_budget_bytes(&budget, 5), 50);
}
END_TEST

START_TEST(test_commit_limit_counts_in_mode_2_only)
{
    put("proc/sys/vm/overcommit_memory", "0\n");
    ck_assert_uint_eq(room(), 8 * GIB);
    put("proc/sys/vm/overcommit_memory", "2\n");
    ck_assert_uint_eq(room(), 3 * GIB);
    put("proc/meminfo", "MemTotal: 16777216 kB\nMemAvailable: 4096 kB\n"
        "CommitLimit: 1000 kB\nCommitted_AS: 1001 kB\n");
    ck_assert_uint_eq(room(), 0);
}
END_TEST

START_TEST(test_version_2_limits_and_file_cache)
{
    put("proc/self/cgroup", "0::/job\n");
    put_group("cgroup/job", "4294967296", "max", GIB, 0, 0);
    ck_assert_uint_eq(room(), 3 * GIB);
    /* Of the active half only. */
    put_group("cgroup/job", "4294967296", "max", 3 * GIB, GIB, GIB);
    ck_assert_uint_eq(room(), 2 * GIB + GIB / 2);
    put_group("cgroup/job", "4294967296", "2147483648", GIB, 0, 0);
    ck_assert_uint_eq(room(), GIB);
    put_group("cgroup/job", "max", "max", 3 * GIB, 0, 0);
    ck_assert_uint_eq(room(), 8 * GIB);
    put_group("cgroup/job", "1048576", "max", GIB, 0, 0);
    ck_assert_uint_eq(room(), 0);
    /* More cache than usage (the files are read one after the other). */
    put_group("cgroup/job", "1048576", "max", 5, GIB, 0);
    ck_assert_uint_eq(room(), MIB);
}
END_TEST

START_TEST(test_version_2_every_ancestor)
{
    put("proc/self/cgroup", "0::/a/b/c\n");
    put_group("cgroup/a/b/c", "max", "max", 0, 0, 0);
    put_group("cgroup/a/b", "3221225472", "max", GIB, 0, 0);
    put_group("cgroup/a", "6442450944", "max", 5 * GIB, 0, 0);
    ck_assert_uint_eq(room(), GIB);
    put_group("cgroup/a", "max", "max", 5 * GIB, 0, 0);
    ck_assert_uint_eq(room(), 2 * GIB);
    /* The mount's root: a container's own group. */
    put_group("cgroup", "1073741824", "max", GIB / 2, 0, 0);
    ck_assert_uint_eq(room(), GIB / 2);
}
END_TEST

START_TEST(test_path_of_the_host_in_a_container)
{
    put("proc/self/cgroup", "0::/docker/0123456789abcdef\n");
    put_group("cgroup", "2147483648", "max", GIB, 0, 0);
    ck_assert_uint_eq(room(), GIB);
}
END_TEST

START_TEST(test_version_2_beside_version_1)
{
    put("proc/self/cgroup", "1:cpu:/x\n0::/job\n");
    put_group("cgroup/unified/job", "2147483648", "max", GIB, 0, 0);
    ck_assert_uint_eq(room(), GIB);
}
END_TEST

START_TEST(test_version_1)
{
    static const char none[] = "9223372036854771712";

    put("proc/self/cgroup", "9:name=systemd:/\n8:notmemory:/job\n"
        "7:memoryless:/trap\n6:mem,memor:/trap\n"
        "4:cpu,memory:/job/task\n1:cpuset:/other\n");
    put_group_1("cgroup/memory/trap", "4096", none, 0, 0);
    put_group_1("cgroup/memory/job/task", none, none, 3 * GIB, 0);
    ck_assert_uint_eq(room(), 8 * GIB);
    put_group_1("cgroup/memory/job/task", "4294967296", none, 3 * GIB, GIB);
    ck_assert_uint_eq(room(), 2 * GIB);
    put_group_1("cgroup/memory/job", "4294967296", none, 3 * GIB, 0);
    ck_assert_uint_eq(room(), GIB);
    /* An ancestor that the mount does not show. */
    put_group_1("cgroup/memory/job/task", none, "3221225473", 3 * GIB, 0);
    ck_assert_uint_eq(room(), 1);
}
END_TEST

START_TEST(test_limit_without_usage_leaves_nothing)
{
    put("proc/self/cgroup", "0::/job\n");
    put("cgroup/job/memory.max", "4294967296\n");
    ck_assert_uint_eq(room(), 0);
}
END_TEST

START_TEST(test_odd_lines_are_survived)
{
    char path[3000];

    memset(path, 'x', sizeof(path) - 1);
    path[sizeof(path) - 1] = '\0';
    put("proc/self/cgroup", "no colons\n:\n::\n0::\n0::/%s\n0::/job", path);
    put_group("cgroup/job", "4294967296", "max", GIB, 0, 0);
    ck_assert_uint_eq(room(), 3 * GIB);
    put("proc/self/cgroup", "%s", "");
    ck_assert_uint_eq(room(), 8 * GIB);
}
END_TEST

START_TEST(test_long_path_keeps_its_ancestors)
{
    char path[1200];

    memset(path, 'x', sizeof(path) - 1);
    path[sizeof(path) - 1] = '\0';
    put("proc/self/cgroup", "0::/job/%s\n", path);
    put_group("cgroup/job", "4294967296", "max", GIB, 0, 0);
    ck_assert_uint_eq(room(), 3 * GIB);
}
END_TEST

START_TEST(test_auto_is_half_of_what_would_be_free)
{
    ck_assert_uint_eq(csh_budget_bytes(&budget, 0), 4 * GIB);
    /* What is held has left the room: the limit stays where it was. */
    put_meminfo(8192 - 4096);
    ck_assert_uint_eq(csh_budget_bytes(&budget, 4 * GIB), 4 * GIB);
    /* The program took two more. */
    put_meminfo(8192 - 4096 - 2048);
    ck_assert_uint_eq(csh_budget_bytes(&budget, 4 * GIB), 3 * GIB);
    put_meminfo(0);
    ck_assert_uint_eq(csh_budget_bytes(&budget, 4 * GIB), 2 * GIB);
    put_meminfo(16384 * 4);
    ck_assert_uint_eq(csh_budget_bytes(&budget, 0), 16 * GIB / 100 * 80);
    put("proc/self/cgroup", "0::/job\n");
    put_group("cgroup/job", "4294967296", "max", 2 * GIB, 0, 0);
    ck_assert_uint_eq(csh_budget_bytes(&budget, GIB), GIB + GIB / 2);
}
END_TEST

START_TEST(test_explicit_limits_stay_within_the_room)
{
    budget.limit.unit  = CSH_SIZE_PERCENT;
    budget.limit.value = 25;
    ck_assert_uint_eq(csh_budget_bytes(&budget, 0), 16 * GIB / 100 * 25);
    budget.limit.value = 100;
    ck_assert_uint_eq(csh_budget_bytes(&budget, 0), 8 * GIB - GIB / 2);
    ck_assert_uint_eq(csh_budget_bytes(&budget, GIB), 9 * GIB - GIB / 2);

    put_meminfo(16384 * 4);
    budget.limit.value = 300;
    ck_assert_uint_eq(csh_budget_bytes(&budget, 0), 16 * GIB / 100 * 100);
    put_meminfo(8192);

    budget.limit.unit  = CSH_SIZE_BYTES;
    budget.limit.value = 123456789;
    ck_assert_uint_eq(csh_budget_bytes(&budget, GIB), 123456789);
    budget.limit.value = UINT64_MAX;
    ck_assert_uint_eq(csh_budget_bytes(&budget, 0), 8 * GIB - GIB / 2);
    put_meminfo(100);
    ck_assert_uint_eq(csh_budget_bytes(&budget, 7), 68 * MIB + 7);
    put_meminfo(20);
    ck_assert_uint_eq(csh_budget_bytes(&budget, 7), 7);
    budget.limit.value = 0;
    ck_assert_uint_eq(csh_budget_bytes(&budget, 7), 0);
}
END_TEST

static struct csh_budget_state state(uint64_t held)
{
    struct csh_budget_state result;

    csh_budget_read(&budget, held, &result);
    ck_assert_uint_eq(result.bytes, csh_budget_bytes(&budget, held));
    return result;
}

/* Whether a larger limit could help is what a refusal's reason says. */
START_TEST(test_what_any_limit_could_reach)
{
    ck_assert_uint_eq(state(0).bytes, 4 * GIB);
    ck_assert_uint_eq(state(0).room, 8 * GIB);
    ck_assert_uint_eq(state(GIB).reachable, 9 * GIB - GIB / 2);
    budget.limit.unit  = CSH_SIZE_BYTES;
    budget.limit.value = MIB;
    ck_assert_uint_eq(state(0).bytes, MIB);
    ck_assert_uint_eq(state(GIB).reachable, 9 * GIB - GIB / 2);
    put("proc/meminfo", "%s", "");
    ck_assert_uint_eq(state(0).bytes, MIB);
    ck_assert_uint_eq(state(0).reachable, UINT64_MAX);
    ck_assert(!state(0).is_severe);
}
END_TEST

START_TEST(test_pinned_limit)
{
    budget.pinned_limit.unit  = CSH_SIZE_AUTO;
    ck_assert_uint_eq(csh_budget_pinned_bytes(&budget, 0), 4 * GIB);
    ck_assert_uint_eq(csh_budget_pinned_bytes(&budget, 2 * GIB), 5 * GIB);
    budget.pinned_limit.unit  = CSH_SIZE_PERCENT;
    budget.pinned_limit.value = 25;
    ck_assert_uint_eq(csh_budget_pinned_bytes(&budget, 0),
                      16 * GIB / 100 * 25);
    ck_assert_uint_eq(csh_budget_bytes(&budget, 0), 4 * GIB);
    put("proc/meminfo", "%s", "");
    ck_assert_uint_eq(csh_budget_pinned_bytes(&budget, 0), 0);
    budget.pinned_limit.unit  = CSH_SIZE_BYTES;
    ck_assert_uint_eq(csh_budget_pinned_bytes(&budget, 0), 25);
}
END_TEST

START_TEST(test_aliases_count_as_if_they_were_written)
{
    csh_budget_note_aliased(&budget, 2 * GIB);
    ck_assert_uint_eq(state(GIB).room, 6 * GIB);
    ck_assert_uint_eq(state(GIB).bytes, 3 * GIB + GIB / 2);
    csh_budget_note_aliased(&budget, 100 * (int64_t)GIB);
    ck_assert_uint_eq(state(GIB).room, 0);
    ck_assert_uint_eq(state(GIB).reachable, GIB);
    csh_budget_note_aliased(&budget, -102 * (int64_t)GIB);
    ck_assert_uint_eq(state(GIB).room, 8 * GIB);
}
END_TEST

START_TEST(test_ceiling)
{
    csh_budget_set_ceiling(&budget, GIB);
    ck_assert_uint_eq(state(0).bytes, GIB);
    ck_assert_uint_eq(state(2 * GIB).reachable, GIB);
    csh_budget_set_ceiling(&budget, 0);
    ck_assert_uint_le(state(0).bytes, 1);
    budget.limit.unit  = CSH_SIZE_BYTES;
    budget.limit.value = MIB;
    put("proc/meminfo", "%s", "");
    ck_assert_uint_le(state(0).bytes, 1);
    csh_budget_set_ceiling(&budget, UINT64_MAX);
    ck_assert_uint_eq(state(0).bytes, MIB);
}
END_TEST

START_TEST(test_severe)
{
    ck_assert(!state(8 * GIB).is_severe);
    put_meminfo(4095); /* by auto: less than half of what is held */
    ck_assert(state(8 * GIB).is_severe);
    ck_assert(!state(7 * GIB).is_severe);
    budget.limit.unit  = CSH_SIZE_BYTES;
    budget.limit.value = 100 * GIB;
    ck_assert(!state(8 * GIB).is_severe);
    put_meminfo(63);
    ck_assert(state(0).is_severe);
    put_meminfo(64);
    ck_assert(!state(0).is_severe);
}
END_TEST

START_TEST(test_this_machine)
{
    budget.roots.proc   = "/proc";
    budget.roots.cgroup = "/sys/fs/cgroup";
    ck_assert_uint_gt(csh_budget_bytes(&budget, 0), 0);
    ck_assert_uint_le(csh_budget_bytes(&budget, 0),
                      (uint64_t)sysconf(_SC_PHYS_PAGES) *
                              (uint64_t)sysconf(_SC_PAGESIZE));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("budget");
    TCase *tcase = tcase_create("made trees");
    SRunner *runner;
    int n_failed;

    tcase_add_checked_fixture(tcase, start, fell_tree);
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, test_available_memory_alone);
    tcase_add_test(tcase, test_nothing_known);
    tcase_add_test(tcase, test_commit_limit_counts_in_mode_2_only);
    tcase_add_test(tcase, test_version_2_limits_and_file_cache);
    tcase_add_test(tcase, test_version_2_every_ancestor);
    tcase_add_test(tcase, test_path_of_the_host_in_a_container);
    tcase_add_test(tcase, test_version_2_beside_version_1);
    tcase_add_test(tcase, test_version_1);
    tcase_add_test(tcase, test_limit_without_usage_leaves_nothing);
    tcase_add_test(tcase, test_odd_lines_are_survived);
    tcase_add_test(tcase, test_long_path_keeps_its_ancestors);
    tcase_add_test(tcase, test_auto_is_half_of_what_would_be_free);
    tcase_add_test(tcase, test_explicit_limits_stay_within_the_room);
    tcase_add_test(tcase, test_what_any_limit_could_reach);
    tcase_add_test(tcase, test_pinned_limit);
    tcase_add_test(tcase, test_aliases_count_as_if_they_were_written);
    tcase_add_test(tcase, test_ceiling);
    tcase_add_test(tcase, test_severe);
    tcase_add_test(tcase, test_this_machine);
    suite_add_tcase(suite, tcase);

    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return (n_failed == 0) ? EXIT_SUCCESS : EXIT_FAILURE;
}
