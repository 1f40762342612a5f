/*
 * test_pressure.c - each sign of pressure in a made tree of /proc and of
 * cgroups, on a clock of its own.
 */
#include "memory_tree.h"

#include "shadow/pressure.h"
#include "base/statistics.h"

#define S UINT64_C(1000000000)
#define MS UINT64_C(1000000)

static struct csh_budget budget;
static struct csh_pressure pressure;
static uint64_t now; /* ns */

static void start(void)
{
    budget.roots      = plant_tree();
    budget.limit.unit = CSH_SIZE_AUTO;
    now               = 1000 * S;
    csh_pressure_init(&pressure, &budget);
}

static uint64_t gauge(enum csh_gauge which)
{
    struct csh_statistics statistics;

    csh_statistics_snapshot(&statistics);
    return statistics.gauge[which];
}

/* One look that gives back what it should, after so long. */
static struct csh_pressure_order look(uint64_t later, uint64_t held)
{
    struct csh_pressure_order order;

    now += later;
    ck_assert(csh_pressure_begin(&pressure, now, false));
    csh_pressure_look(&pressure, now, held, &order);
    ck_assert_uint_le(order.bytes, held);
    ck_assert((order.sign == CSH_PRESSURE_NONE) == (order.bytes == 0));
    csh_pressure_end(&pressure, now, &order, order.bytes,
                     held - order.bytes);
    return order;
}

/* --- signs ------------------------------------------------------------- */

START_TEST(test_calm)
{
    put("proc/self/cgroup", "0::/job\n");
    put_group("cgroup/job", "8589934592", "max", GIB, 0, 0);
    put("cgroup/job/memory.events", "low 0\nhigh 1\nmax 2\noom 0\n");
    put("proc/pressure/memory", "some avg10=9.00 total=1000\nfull total=9\n");
    ck_assert_int_eq(look(S, GIB).sign, CSH_PRESSURE_NONE);
    ck_assert_int_eq(look(5 * S, GIB).sign, CSH_PRESSURE_NONE);
    ck_assert_int_eq(look(5 * S, 0).sign, CSH_PRESSURE_NONE);
    ck_assert_uint_eq(csh_budget_bytes(&budget, GIB), 4 * GIB);
    ck_assert_uint_eq(gauge(CSH_GAUGE_given_back), 0);
}
END_TEST

/* 4 GiB are held, and by auto as many may be, until others take memory. */
START_TEST(test_falling_available_memory)
{
    struct csh_pressure_order order;

    put_meminfo(4096);
    ck_assert_int_eq(look(S, 4 * GIB).sign, CSH_PRESSURE_NONE);
    put_meminfo(4096 - 256); /* within the slack */
    ck_assert_int_eq(look(S, 4 * GIB).sign, CSH_PRESSURE_NONE);
    put_meminfo(3072);
    order = look(S, 4 * GIB);
    ck_assert_int_eq(order.sign, CSH_PRESSURE_ROOM);
    ck_assert(!order.is_severe);
    ck_assert_uint_eq(order.bytes, GIB / 2 + 7 * GIB / 16);
    put_meminfo(2000); /* less than half of what is held */
    order = look(S, 4 * GIB);
    ck_assert(order.is_severe);
    ck_assert_uint_eq(gauge(CSH_GAUGE_pressure_room), 2);
    ck_assert_uint_eq(gauge(CSH_GAUGE_given_back), 2);
}
END_TEST

START_TEST(test_next_to_nothing_left)
{
    struct csh_pressure_order order;

    budget.limit.unit  = CSH_SIZE_BYTES;
    budget.limit.value = 4 * GIB;
    put_meminfo(70);
    ck_assert_int_eq(look(S, 4 * GIB).sign, CSH_PRESSURE_NONE);
    put_meminfo(60);
    order = look(S, 4 * GIB);
    ck_assert_int_eq(order.sign, CSH_PRESSURE_ROOM);
    ck_assert(order.is_severe);
    ck_assert_uint_eq(order.bytes, (128 - 60) * MIB);
    ck_assert_uint_eq(look(S, 10 * MIB).bytes, 10 * MIB);
}
END_TEST

START_TEST(test_cgroup_of_version_1_fills)
{
    static const char none[] = "9223372036854771712";

    put("proc/self/cgroup", "4:memory:/job\n");
    put_group_1("cgroup/memory/job", "4294967296", none, 2 * GIB, 0);
    ck_assert_int_eq(look(S, GIB).sign, CSH_PRESSURE_NONE);
    put_group_1("cgroup/memory/job", "4294967296", none,
                3 * GIB + GIB / 2, 0);
    ck_assert_int_eq(look(S, GIB).sign, CSH_PRESSURE_ROOM);
}
END_TEST

START_TEST(test_commit_limit_nears)
{
    put("proc/sys/vm/overcommit_memory", "2\n"); /* leaves 3 GiB */
    ck_assert_int_eq(look(S, 2 * GIB).sign, CSH_PRESSURE_NONE);
    ck_assert_int_eq(look(S, 4 * GIB).sign, CSH_PRESSURE_ROOM);
}
END_TEST

/* A group full of file cache meets its limit all the time, and does no harm:
 * events count where little is left without that cache. */
START_TEST(test_cgroup_of_version_2_meets_its_limit)
{
    struct csh_pressure_order order;

    put("proc/self/cgroup", "0::/job\n");
    put_group("cgroup/job", "4294967296", "max", 3 * GIB + 600 * MIB, 0, 0);
    put("cgroup/job/memory.events", "high 3\nmax 7\noom 0\n");
    ck_assert_int_eq(look(S, 256 * MIB).sign, CSH_PRESSURE_NONE);
    ck_assert_int_eq(look(S, 256 * MIB).sign, CSH_PRESSURE_NONE);
    put("cgroup/job/memory.events", "high 3\nmax 8\noom 0\n");
    order = look(S, 256 * MIB);
    ck_assert_int_eq(order.sign, CSH_PRESSURE_EVENTS);
    ck_assert(order.is_severe);
    ck_assert_uint_eq(order.bytes, 64 * MIB);
    ck_assert_int_eq(look(S, 192 * MIB).sign, CSH_PRESSURE_NONE);
    put("cgroup/job/memory.events", "high 4\nmax 8\noom 0\n");
    ck_assert_int_eq(look(S, 192 * MIB).sign, CSH_PRESSURE_EVENTS);
    /* The same with cache that can go. */
    put_group("cgroup/job", "4294967296", "max", 4 * GIB, 2 * GIB, 0);
    put("cgroup/job/memory.events", "high 4\nmax 99\noom 0\n");
    ck_assert_int_eq(look(S, 128 * MIB).sign, CSH_PRESSURE_NONE);
    ck_assert_uint_eq(gauge(CSH_GAUGE_pressure_events), 2);
}
END_TEST

static void put_stall(const char *name, unsigned ms)
{
    put(name, "some avg10=0.00 avg60=0.00 avg300=0.00 total=%u000\n"
        "full avg10=0.00 avg60=0.00 avg300=0.00 total=99999999\n", ms);
}

START_TEST(test_stalls_in_the_cgroup)
{
    struct csh_pressure_order order;

    put("proc/self/cgroup", "0::/job\n");
    put_group("cgroup/job", "8589934592", "max", GIB, 0, 0);
    put_stall("cgroup/job/memory.pressure", 500000);
    ck_assert_int_eq(look(S, GIB).sign, CSH_PRESSURE_NONE);
    put_stall("cgroup/job/memory.pressure", 500150);
    ck_assert_int_eq(look(2 * S, GIB).sign, CSH_PRESSURE_NONE);
    put_stall("cgroup/job/memory.pressure", 500400);
    order = look(2 * S, GIB);
    ck_assert_int_eq(order.sign, CSH_PRESSURE_STALL);
    ck_assert(order.is_severe);
    ck_assert_uint_eq(order.bytes, GIB / 8);
    /* Between two sums of the kernel's nothing is new. */
    ck_assert_int_eq(look(S, GIB).sign, CSH_PRESSURE_NONE);
    put_stall("cgroup/job/memory.pressure", 500800);
    ck_assert_int_eq(look(S, GIB).sign, CSH_PRESSURE_STALL);
    /* Stalls in a group without a limit are not of our making. */
    put_group("cgroup/job", "max", "max", GIB, 0, 0);
    put_stall("cgroup/job/memory.pressure", 600000);
    ck_assert_int_eq(look(2 * S, GIB).sign, CSH_PRESSURE_NONE);
    ck_assert_uint_eq(gauge(CSH_GAUGE_pressure_stall), 2);
}
END_TEST

START_TEST(test_stalls_of_the_machine)
{
    put_stall("proc/pressure/memory", 100);
    ck_assert_int_eq(look(S, MIB).sign, CSH_PRESSURE_NONE);
    put_stall("proc/pressure/memory", 900);
    ck_assert_int_eq(look(2 * S, MIB).sign, CSH_PRESSURE_NONE);
    put_meminfo(4095); /* less than a quarter */
    ck_assert_int_eq(look(2 * S, MIB).sign, CSH_PRESSURE_NONE);
    put_stall("proc/pressure/memory", 1700);
    ck_assert_int_eq(look(2 * S, MIB).sign, CSH_PRESSURE_STALL);
}
END_TEST

/* --- looks ------------------------------------------------------------- */

START_TEST(test_looks_are_rare_and_one_at_a_time)
{
    struct csh_pressure_order order;

    ck_assert(csh_pressure_begin(&pressure, now, false));
    ck_assert(!csh_pressure_begin(&pressure, now + S, false));
    ck_assert(!csh_pressure_begin(&pressure, now + S, true));
    csh_pressure_look(&pressure, now, 0, &order);
    csh_pressure_end(&pressure, now, &order, 0, 0);
    ck_assert(!csh_pressure_begin(&pressure, now + 99 * MS, false));
    ck_assert(!csh_pressure_begin(&pressure, now + 99 * MS, true));
    look(100 * MS, 0);
}
END_TEST

/* What one call could not give back, a call that may do more does at once. */
START_TEST(test_what_is_owed_is_given_at_the_next_chance)
{
    struct csh_pressure_order order;

    put_meminfo(1024);
    ck_assert(csh_pressure_begin(&pressure, now, false));
    csh_pressure_look(&pressure, now, 4 * GIB, &order);
    csh_pressure_end(&pressure, now, &order, 0, 4 * GIB);
    ck_assert(!csh_pressure_begin(&pressure, now + MS, false));
    ck_assert(csh_pressure_begin(&pressure, now + MS, true));
    csh_pressure_look(&pressure, now, 4 * GIB, &order);
    csh_pressure_end(&pressure, now, &order, order.bytes, GIB);
    ck_assert(!csh_pressure_begin(&pressure, now + 2 * MS, true));
    ck_assert_uint_eq(gauge(CSH_GAUGE_pressure_room), 2);
    ck_assert_uint_eq(gauge(CSH_GAUGE_given_back), 1);
}
END_TEST

START_TEST(test_shadows_come_back_after_a_while)
{
    uint64_t left;

    put_meminfo(2048);
    left = 4 * GIB - look(S, 4 * GIB).bytes;
    put_meminfo(8192); /* at once there is room again */
    ck_assert_uint_eq(csh_budget_bytes(&budget, left), left);
    ck_assert_int_eq(look(5 * S, left).sign, CSH_PRESSURE_NONE);
    ck_assert_uint_eq(csh_budget_bytes(&budget, left), left);
    look(4 * S, left);
    ck_assert_uint_eq(csh_budget_bytes(&budget, left), left);
    look(S, left);
    ck_assert_uint_gt(csh_budget_bytes(&budget, left), left);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("pressure");
    TCase *tcase = tcase_create("signs");

    tcase_add_checked_fixture(tcase, start, fell_tree);
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, test_calm);
    tcase_add_test(tcase, test_falling_available_memory);
    tcase_add_test(tcase, test_next_to_nothing_left);
    tcase_add_test(tcase, test_cgroup_of_version_1_fills);
    tcase_add_test(tcase, test_commit_limit_nears);
    tcase_add_test(tcase, test_cgroup_of_version_2_meets_its_limit);
    tcase_add_test(tcase, test_stalls_in_the_cgroup);
    tcase_add_test(tcase, test_stalls_of_the_machine);
    tcase_add_test(tcase, test_looks_are_rare_and_one_at_a_time);
    tcase_add_test(tcase, test_what_is_owed_is_given_at_the_next_chance);
    tcase_add_test(tcase, test_shadows_come_back_after_a_while);
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
