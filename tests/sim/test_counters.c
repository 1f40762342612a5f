/*
 * test_counters.c - what the simulated driver counts, writes down, and fails
 * because a script says so.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include "entry.h"
#include "test_child.h"

static char folder[100];
static char file_name[120];     /* in that folder */
static char assignment[3][260]; /* "NAME=value", kept alive for putenv */

static void make_folder(void)
{
    strcpy(folder, "/tmp/test_counters.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(file_name, sizeof(file_name), "%s/file", folder);
}

static void remove_folder(void)
{
    char command[300];

    snprintf(command, sizeof(command), "rm -r %s", folder);
    ck_assert_int_eq(system(command), 0);
}

/* The whole file, or NULL; valid until the next call. */
static const char *contents(const char *name)
{
    static char text[65536];
    FILE *file = fopen(name, "r");
    size_t n;

    if (file == NULL) {
        return NULL;
    }
    n = fread(text, 1, sizeof(text) - 1, file);
    text[n] = '\0';
    fclose(file);
    return text;
}

static bool holds(const char *name, const char *part)
{
    const char *text = contents(name);

    return text != NULL && strstr(text, part) != NULL;
}

static const char *counters_in_file(void)
{
    snprintf(assignment[0], sizeof(assignment[0]), "SIMCUDA_COUNTERS=%s",
             file_name);
    return assignment[0];
}

static void ask_version(int times)
{
    int version;

    while (times-- > 0) {
        ENTRY(cuDriverGetVersion)(&version);
    }
}

static void call_some(void)
{
    __typeof__(&simcuda_calls) calls = symbol_address("simcuda_calls");
    const char *text;

    EXPECT(calls("cuDriverGetVersion") == 0);
    ask_version(3);
    ENTRY(cuGetErrorName)(0, &text);
    EXPECT(calls("cuDriverGetVersion") == 3);
    EXPECT(calls("cuGetErrorName") == 1);
    EXPECT(calls("cuGetErrorString") == 0);
    EXPECT(calls("cuMemcpyDtoH") == 0);
}

START_TEST(test_file_at_exit)
{
    IN_CHILD(call_some, counters_in_file());
    ck_assert(holds(file_name, "\"cuDriverGetVersion\": 3,\n"));
    ck_assert(holds(file_name, "\"cuGetErrorName\": 1\n"));
    ck_assert(!holds(file_name, "cuGetErrorString"));
    ck_assert(holds(file_name,
                    "\"h2d_pageable\": {\"calls\": 0, \"bytes\": 0}"));
    ck_assert(holds(file_name, "\"peak_bytes\": 0"));
}
END_TEST

static void call_then_fork(void)
{
    pid_t child;
    int status;

    ask_version(3);
    child = fork();
    if (child == 0) {
        ask_version(1);
        exit(0);
    }
    EXPECT(waitpid(child, &status, 0) == child && status == 0);
    EXPECT(contents(file_name) == NULL);
}

START_TEST(test_fork_keeps_the_file)
{
    IN_CHILD(call_then_fork, counters_in_file());
    ck_assert(holds(file_name, "\"cuDriverGetVersion\": 3\n"));
}
END_TEST

static void fork_and_compare(void)
{
    char name[300];
    pid_t child;
    int status;

    ask_version(3);
    child = fork();
    if (child == 0) {
        ask_version(1);
        exit(0);
    }
    EXPECT(waitpid(child, &status, 0) == child && status == 0);
    snprintf(name, sizeof(name), "%s/of.%ld.json", folder, (long)child);
    EXPECT(holds(name, "\"cuDriverGetVersion\": 1\n"));
}

START_TEST(test_fork_writes_its_own)
{
    snprintf(assignment[0], sizeof(assignment[0]),
             "SIMCUDA_COUNTERS=%s/of.%%p.json", folder);
    IN_CHILD(fork_and_compare, assignment[0]);
}
END_TEST

static void write_and_reset(void)
{
    __typeof__(&simcuda_counters_write) write_file =
        symbol_address("simcuda_counters_write");
    __typeof__(&simcuda_counters_reset) reset =
        symbol_address("simcuda_counters_reset");

    ask_version(2);
    EXPECT(write_file(file_name) == 0);
    EXPECT(holds(file_name, "\"cuDriverGetVersion\": 2\n"));
    reset();
    EXPECT(write_file(file_name) == 0);
    EXPECT(!holds(file_name, "cuDriverGetVersion"));
    EXPECT(write_file("/nonexistent/file") == ENOENT);
    EXPECT(write_file("") == EINVAL);
}

START_TEST(test_write_and_reset)
{
    IN_CHILD(write_and_reset);
}
END_TEST

static void make_context(void)
{
    CUcontext context;

    EXPECT(ENTRY(cuInit)(0) == CUDA_SUCCESS);
    EXPECT(ENTRY(cuDevicePrimaryCtxRetain)(&context, 0) == CUDA_SUCCESS);
    EXPECT(ENTRY(cuCtxSetCurrent)(context) == CUDA_SUCCESS);
}

static void expect_moved(enum sim_tally tally, uint64_t bytes)
{
    __typeof__(&simcuda_bytes) moved = symbol_address("simcuda_bytes");
    __typeof__(&simcuda_moves) moves = symbol_address("simcuda_moves");

    EXPECT(moved(tally) == bytes);
    EXPECT(moves(tally) == (bytes > 0 ? 1 : 0));
}

static void move_bytes(void)
{
    __typeof__(&simcuda_allocated_bytes) allocated =
        symbol_address("simcuda_allocated_bytes");
    __typeof__(&simcuda_allocated_peak_bytes) peak =
        symbol_address("simcuda_allocated_peak_bytes");
    CUdeviceptr dptr;
    char pageable[4096] = {0};
    void *pinned;
    uint64_t most;

    make_context();
    EXPECT(ENTRY(cuMemHostAlloc)(&pinned, 4096, 0) == CUDA_SUCCESS);
    EXPECT(allocated() == 0);
    EXPECT(ENTRY(cuMemAlloc_v2)(&dptr, 1 << 20) == CUDA_SUCCESS);
    most = allocated();
    EXPECT(most >= 1 << 20);
    EXPECT(ENTRY(cuMemcpyHtoD_v2)(dptr, pageable, 1000) == CUDA_SUCCESS);
    EXPECT(ENTRY(cuMemcpyHtoD_v2)(dptr, pinned, 2000) == CUDA_SUCCESS);
    EXPECT(ENTRY(cuMemcpyDtoH_v2)(pageable, dptr, 3000) == CUDA_SUCCESS);
    EXPECT(ENTRY(cuMemcpyDtoH_v2)(pinned, dptr, 4000) == CUDA_SUCCESS);
    EXPECT(ENTRY(cuMemcpyDtoD_v2)(dptr + 8192, dptr, 500) == CUDA_SUCCESS);
    EXPECT(ENTRY(cuMemsetD32_v2)(dptr, 1, 60) == CUDA_SUCCESS);
    EXPECT(ENTRY(cuCtxSynchronize)() == CUDA_SUCCESS);
    expect_moved(SIM_H2D_PAGEABLE, 1000);
    expect_moved(SIM_H2D_PINNED, 2000);
    expect_moved(SIM_D2H_PAGEABLE, 3000);
    expect_moved(SIM_D2H_PINNED, 4000);
    expect_moved(SIM_D2D, 500);
    expect_moved(SIM_MEMSET, 240);
    expect_moved(SIM_H2H, 0);
    EXPECT(ENTRY(cuMemFree_v2)(dptr) == CUDA_SUCCESS);
    EXPECT(allocated() == 0);
    EXPECT(peak() == most);
}

START_TEST(test_moved_bytes)
{
    IN_CHILD(move_bytes, counters_in_file());
    ck_assert(holds(file_name,
                    "\"d2h_pinned\": {\"calls\": 1, \"bytes\": 4000}"));
    ck_assert(holds(file_name, "\"allocated\": {\"count\": 0, \"bytes\": 0, "));
}
END_TEST

static void small_device(void)
{
    size_t total;
    CUdeviceptr dptr;
    void *host;

    make_context();
    EXPECT(ENTRY(cuDeviceTotalMem_v2)(&total, 0) == CUDA_SUCCESS);
    EXPECT(total == 64 << 20);
    EXPECT(ENTRY(cuMemAlloc_v2)(&dptr, 32 << 20) == CUDA_SUCCESS);
    EXPECT(ENTRY(cuMemAlloc_v2)(&dptr, 33 << 20) == CUDA_ERROR_OUT_OF_MEMORY);
    EXPECT(ENTRY(cuMemHostAlloc)(&host, 1 << 20, 0) == CUDA_SUCCESS);
    EXPECT(ENTRY(cuMemHostAlloc)(&host, 2 << 20, 0) ==
           CUDA_ERROR_OUT_OF_MEMORY);
}

START_TEST(test_limits)
{
    IN_CHILD(small_device, "SIMCUDA_MEMORY=64M", "SIMCUDA_PIN_LIMIT=2048K");
}
END_TEST

static void misspell(void)
{
    __typeof__(&simcuda_calls) calls = symbol_address("simcuda_calls");

    EXPECT(calls("cuMemcpyDtoH_v9") == UINT64_MAX);
}

START_TEST(test_misspelt_entry)
{
    ck_assert_int_eq(run_child((const char *const[]){NULL}, misspell,
                               file_name),
                     0);
    ck_assert(holds(file_name, "cuMemcpyDtoH_v9"));
}
END_TEST

/* Results of n calls as letters: '.' success, 'F' out of memory, 'L' 999. */
static void expect_results(const char *results)
{
    int version;

    for (; *results != '\0'; results++) {
        CUresult expected = *results == '.'   ? CUDA_SUCCESS
                            : *results == 'F' ? CUDA_ERROR_OUT_OF_MEMORY
                                              : CUDA_ERROR_UNKNOWN;

        EXPECT(ENTRY(cuDriverGetVersion)(&version) == expected);
    }
}

static void results_2(void) { expect_results(".F...."); }
static void results_2_4(void) { expect_results(".F.L.."); }
static void results_3_on(void) { expect_results("..LLLL"); }
static void results_all(void) { expect_results("FFFFFF"); }
static void results_none(void) { expect_results("......"); }

static void change_faults(void)
{
    __typeof__(&simcuda_set_faults) set = symbol_address("simcuda_set_faults");

    expect_results("F.");
    EXPECT(set("cuDriverGetVersion:4:999") == 0);
    expect_results(".L.");
    EXPECT(set("cuDriverGetVersion:*:2") == 0);
    expect_results("FF");
    EXPECT(set("cuDriverGetVersion:*:2,rubbish") == EINVAL);
    expect_results("..");
    EXPECT(set(NULL) == 0);
    expect_results("..");
}

START_TEST(test_faults)
{
    IN_CHILD(results_2, "SIMCUDA_FAULT=cuDriverGetVersion:2:2");
    IN_CHILD(results_2, "SIMCUDA_FAULT=cuInit:1:3,cuDriverGetVersion:2:"
                        "CUDA_ERROR_OUT_OF_MEMORY");
    IN_CHILD(results_2_4, "SIMCUDA_FAULT=cuDriverGetVersion:2:2,"
                          "cuDriverGetVersion:4:999");
    IN_CHILD(results_3_on, "SIMCUDA_FAULT=cuDriverGetVersion:3+:999");
    IN_CHILD(results_all, "SIMCUDA_FAULT=cuDriverGetVersion:*:2");
    IN_CHILD(results_all, "SIMCUDA_FAULT=*:*:2");
    IN_CHILD(results_none, "SIMCUDA_FAULT=cuGetErrorName:*:2");
    IN_CHILD(change_faults, "SIMCUDA_FAULT=cuDriverGetVersion:1:2");
}
END_TEST

static char heard[64];
static unsigned n_heard;

static int hear(const char *symbol)
{
    snprintf(heard, sizeof(heard), "%s", symbol);
    return ++n_heard == 3 ? CUDA_ERROR_UNKNOWN : 0;
}

/* A call is told of, whether it fails or not, and may be made to fail, until
 * nobody asks. */
static void tell_of_calls(void)
{
    __typeof__(&simcuda_on_call) on_call = symbol_address("simcuda_on_call");

    expect_results(".");
    on_call(hear);
    expect_results(".FL.");
    EXPECT(n_heard == 4);
    EXPECT(strcmp(heard, "cuDriverGetVersion") == 0);
    EXPECT(ENTRY(cuCtxSynchronize)() != CUDA_SUCCESS);
    EXPECT(strcmp(heard, "cuCtxSynchronize") == 0);
    on_call(NULL);
    expect_results(".");
    EXPECT(n_heard == 5);
}

START_TEST(test_calls_are_told)
{
    IN_CHILD(tell_of_calls, "SIMCUDA_FAULT=cuDriverGetVersion:3:2");
}
END_TEST

static const char *const bad_values[] = {
    "SIMCUDA_FAULT=cuDriverGetVersion",
    "SIMCUDA_FAULT=cuDriverGetVersion:*:2,cuDriverGetVersion:0:2",
    "SIMCUDA_FAULT=cuDriverGetVersion:*:2,cuNoSuchEntry:1:2",
    "SIMCUDA_FAULT=cuDriverGetVersion:1:0",
    "SIMCUDA_FAULT=cuDriverGetVersion:1:CUDA_ERROR_NO_SUCH",
    "SIMCUDA_FAULT=cuDriverGetVersion:1-2:3",
    "SIMCUDA_DRIVER_VERSION=12",
    "SIMCUDA_DRIVER_VERSION=12.4",
    "SIMCUDA_MEMORY=lots",
    "SIMCUDA_MEMORY=1X",
    "SIMCUDA_MEMORY=99999999999999999999",
    "SIMCUDA_PIN_LIMIT=16777217T",
    "SIMCUDA_PIN_LIMIT=-1",
    "SIMCUDA_SEED=x",
    "SIMCUDA_LINK=1,2",
    "SIMCUDA_LINK=1,2,-3",
    "SIMCUDA_LINK=1,2,3,4",
    "SIMCUDA_LINK=1,nan,3",
    "SIMCUDA_BEHAVIOUR=free_synchronises_not,unheard_of",
    "SIMCUDA_RESOLVER=guess",
    "SIMCUDA_COUNTERS=",
    "SIMCUDA_MEMROY=1G",
};

/* Said in one line that names the variable and the value; the defaults stay. */
START_TEST(test_bad_value)
{
    const char *bad = bad_values[_i];
    const char *said;

    ck_assert_int_eq(run_child((const char *const[]){bad, NULL},
                               results_none, file_name),
                     0);
    said = contents(file_name);
    ck_assert_ptr_nonnull(said);
    ck_assert_msg(strncmp(said, "simcuda: ", 9) == 0 &&
                      strncmp(said + 9, bad, strcspn(bad, "=")) == 0 &&
                      strchr(said, '\n') == said + strlen(said) - 1,
                  "for %s: %s", bad, said);
}
END_TEST

static const char *const good_values[] = {
    "SIMCUDA_MEMORY=16G",     "SIMCUDA_MEMORY=1",
    "SIMCUDA_PIN_LIMIT=0",    "SIMCUDA_SEED=18446744073709551615",
    "SIMCUDA_LINK=25,0,3.5",  "SIMCUDA_DRIVER_VERSION=13000",
    "SIMCUDA_RESOLVER=table", "SIMCUDA_BEHAVIOUR=pageable_h2d_reads_late",
};

START_TEST(test_good_value)
{
    ck_assert_int_eq(run_child((const char *const[]){good_values[_i], NULL},
                               results_none, file_name),
                     0);
    ck_assert_str_eq(contents(file_name), "");
}
END_TEST

static void record_three(void)
{
    void *address;

    ENTRY(cuGetProcAddress_v2)("", &address, 0, 0, NULL);
    ENTRY(cuGetProcAddress_v2)("cuMemcpy", &address, 7000, 2, NULL);
    ENTRY(cuGetProcAddress)("cuNone", &address, 12000, 0);
}

START_TEST(test_lookups_file)
{
    snprintf(assignment[0], sizeof(assignment[0]), "SIMCUDA_LOOKUPS=%s",
             file_name);
    IN_CHILD(record_three, assignment[0]);
    ck_assert_str_eq(contents(file_name), "\t0\t0\t-\n"
                                          "cuMemcpy\t7000\t2\tcuMemcpy_ptds\n"
                                          "cuNone\t12000\t0\t-\n");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sim counters");
    TCase *tcase = tcase_create("counters");
    SRunner *runner;
    int failures;

    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, make_folder, remove_folder);
    tcase_add_test(tcase, test_file_at_exit);
    tcase_add_test(tcase, test_fork_keeps_the_file);
    tcase_add_test(tcase, test_fork_writes_its_own);
    tcase_add_test(tcase, test_write_and_reset);
    tcase_add_test(tcase, test_moved_bytes);
    tcase_add_test(tcase, test_limits);
    tcase_add_test(tcase, test_misspelt_entry);
    tcase_add_test(tcase, test_faults);
    tcase_add_test(tcase, test_calls_are_told);
    tcase_add_loop_test(tcase, test_bad_value, 0,
                        sizeof(bad_values) / sizeof(bad_values[0]));
    tcase_add_loop_test(tcase, test_good_value, 0,
                        sizeof(good_values) / sizeof(good_values[0]));
    tcase_add_test(tcase, test_lookups_file);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failures = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failures != 0;
}
