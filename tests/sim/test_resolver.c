/*
 * test_resolver.c - what cuGetProcAddress and dlsym find in the simulated
 * driver, for every entry, version and flag, and in every variant.
 *
 * The oracle is entries.h, which comes from the toolkit; the rule is written
 * here a second time, the other way round: from a version downwards.
 */
#include <check.h>
#include <link.h>
#include "entry.h"
#include "exports.h"
#include "test_child.h"

struct row {
    const char *symbol, *base;
    int since;
    bool per_thread;
};

#define ROW_PLAIN false
#define ROW_PER_THREAD true
#define ROW(symbol_, base_, since_, flavour_, pfn_) \
    {#symbol_, base_, since_, ROW_##flavour_},
static const struct row rows[] = {SIM_ENTRIES(ROW)};

enum { N_ROWS = sizeof(rows) / sizeof(rows[0]) };

struct answer {
    CUresult result;
    CUdriverProcAddressQueryResult status;
    void *address;
};

static struct answer ask(const char *name, int version, cuuint64_t flags)
{
    struct answer answer = {.status = 77, /* none of the enum */
                            .address = &answer};

    answer.result = ENTRY(cuGetProcAddress_v2)(name, &answer.address, version,
                                               flags, &answer.status);
    return answer;
}

/* The symbol that a request means, or NULL, counting down from `version` to
 * the release that introduced it. */
static const char *expected_symbol(const char *base, int version, bool twin)
{
    int since, i;

    for (since = version; since >= 2000; since -= 10) {
        for (i = 0; i < N_ROWS; i++) {
            if (rows[i].since == since && rows[i].per_thread == twin &&
                strcmp(rows[i].base, base) == 0) {
                return rows[i].symbol;
            }
        }
    }
    return twin ? expected_symbol(base, version, false) : NULL;
}

static void check_request(const char *base, int version, cuuint64_t flags)
{
    const char *symbol = expected_symbol(base, version, flags == 2);
    struct answer answer = ask(base, version, flags);
    void *address = &answer;

    EXPECT(ENTRY(cuGetProcAddress)(base, &address, version, flags) ==
           answer.result);
    EXPECT(address == answer.address);
    if (symbol != NULL) {
        EXPECT(answer.result == CUDA_SUCCESS);
        EXPECT(answer.status == CU_GET_PROC_ADDRESS_SUCCESS);
        EXPECT(answer.address == symbol_address(symbol));
    } else {
        EXPECT(answer.result == CUDA_ERROR_NOT_FOUND);
        EXPECT(answer.status == CU_GET_PROC_ADDRESS_VERSION_NOT_SUFFICIENT);
        EXPECT(answer.address == NULL);
    }
}

/* Each ABI is asked for in its own release, the one before, and today's. */
static void every_request(void)
{
    int i;

    for (i = 0; i < N_ROWS; i++) {
        cuuint64_t flags;

        for (flags = 0; flags <= 2; flags++) {
            check_request(rows[i].base, rows[i].since, flags);
            check_request(rows[i].base, rows[i].since - 10, flags);
            check_request(rows[i].base, 13000, flags);
        }
    }
}

START_TEST(test_every_request)
{
    IN_CHILD(every_request, "SIMCUDA_RESOLVER=table");
    IN_CHILD(every_request, "SIMCUDA_RESOLVER=dlsym");
}
END_TEST

static void known_requests(void)
{
    static const struct {
        const char *base;
        int version;
        cuuint64_t flags;
        const char *symbol;
    } known[] = {
        {"cuGetProcAddress", 11030, 0, "cuGetProcAddress"},
        {"cuGetProcAddress", 12000, 0, "cuGetProcAddress_v2"},
        {"cuMemcpyHtoDAsync", 3020, 0, "cuMemcpyHtoDAsync_v2"},
        {"cuMemcpyHtoDAsync", 7000, 2, "cuMemcpyHtoDAsync_v2_ptsz"},
        {"cuMemcpyHtoDAsync", 6050, 2, "cuMemcpyHtoDAsync_v2"},
        {"cuMemcpyHtoDAsync", 3010, 0, "cuMemcpyHtoDAsync"},
        {"cuMemcpy", 4000, 1, "cuMemcpy"},
        {"cuMemcpy", 7000, 1, "cuMemcpy"},
        {"cuMemcpy", 7000, 2, "cuMemcpy_ptds"},
        {"cuMemcpyBatchAsync", 12080, 0, "cuMemcpyBatchAsync"},
        {"cuMemcpyBatchAsync", 12080, 2, "cuMemcpyBatchAsync_ptsz"},
        {"cuMemcpyBatchAsync", 13000, 0, "cuMemcpyBatchAsync_v2"},
        {"cuMemcpyBatchAsync", 13000, 2, "cuMemcpyBatchAsync_v2_ptsz"},
        {"cuMemAlloc", 13000, 2, "cuMemAlloc_v2"},
        {"cuDevicePrimaryCtxRelease", 7000, 0, "cuDevicePrimaryCtxRelease"},
        {"cuStreamGetCaptureInfo", 11030, 2, "cuStreamGetCaptureInfo_v2_ptsz"},
    };
    size_t i;

    for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        struct answer answer =
            ask(known[i].base, known[i].version, known[i].flags);

        EXPECT(answer.result == CUDA_SUCCESS);
        EXPECT(answer.address == symbol_address(known[i].symbol));
    }
}

START_TEST(test_known_requests)
{
    IN_CHILD(known_requests);
}
END_TEST

static const char *const unknown_names[] = {
    "", "cu", "cuMemAlloc_v2", "cuMemcpy_ptds", "cumemalloc", "cuMemAllo",
    "cuMemAllocX", "cudnnCreate", "curl_easy_init", " cuMemAlloc",
};

static void unknown_requests(CUresult expected)
{
    size_t i;

    for (i = 0; i < sizeof(unknown_names) / sizeof(unknown_names[0]); i++) {
        struct answer answer = ask(unknown_names[i], 0, 0);

        EXPECT(answer.result == expected);
        EXPECT(answer.address == NULL);
        EXPECT(answer.status == CU_GET_PROC_ADDRESS_SYMBOL_NOT_FOUND);
        answer = ask(unknown_names[i], 13000, 2);
        EXPECT(answer.result == expected);
        EXPECT(answer.address == NULL);
    }
}

static void unknown_fail(void)
{
    unknown_requests(CUDA_ERROR_NOT_FOUND);
}

static void unknown_succeed(void)
{
    unknown_requests(CUDA_SUCCESS);
}

START_TEST(test_unknown_names)
{
    IN_CHILD(unknown_fail);
    IN_CHILD(unknown_succeed, "SIMCUDA_BEHAVIOUR=lookup_miss_succeeds");
}
END_TEST

static void bad_arguments(void)
{
    void *address = &address;

    EXPECT(ask("cuInit", 13010, 0).result == CUDA_ERROR_INVALID_VALUE);
    EXPECT(ask("cuInit", 13010, 0).address != NULL);
    EXPECT(ask("cuInit", 13000, 3).result == CUDA_ERROR_INVALID_VALUE);
    EXPECT(ask(NULL, 13000, 0).result == CUDA_ERROR_INVALID_VALUE);
    EXPECT(ENTRY(cuGetProcAddress_v2)("cuInit", NULL, 13000, 0, NULL) ==
           CUDA_ERROR_INVALID_VALUE);
    EXPECT(ENTRY(cuGetProcAddress_v2)("cuInit", &address, 13000, 0, NULL) ==
           CUDA_SUCCESS);
    EXPECT(address == symbol_address("cuInit"));
}

START_TEST(test_bad_arguments)
{
    IN_CHILD(bad_arguments);
}
END_TEST

static uintptr_t object_of(void *address)
{
    Dl_info info;

    return dladdr(address, &info) != 0 ? (uintptr_t)info.dli_fbase : 0;
}

/* With every entry failing at its start, each can be called without arguments.
 * What is looked up, called and counted must be one and the same entry. */
static void call_every_entry(void)
{
    __typeof__(&simcuda_set_faults) set_faults =
        symbol_address("simcuda_set_faults");
    __typeof__(&simcuda_calls) calls = symbol_address("simcuda_calls");
    CUresult (*entries[N_ROWS])(void);
    int i;

    for (i = 0; i < N_ROWS; i++) {
        entries[i] = (CUresult(*)(void))ask(rows[i].base, rows[i].since,
                                            rows[i].per_thread ? 2 : 0)
                         .address;
    }
    EXPECT(set_faults("*:*:214") == 0);
    for (i = 0; i < N_ROWS; i++) {
        uint64_t before = calls(rows[i].symbol);

        if (entries[i]() != CUDA_ERROR_ECC_UNCORRECTABLE ||
            calls(rows[i].symbol) != before + 1) {
            fprintf(stderr, "%s does not begin with its own SIM_ENTER\n",
                    rows[i].symbol);
            exit(1);
        }
    }
}

static void other_addresses(void)
{
    int i;

    for (i = 0; i < N_ROWS; i++) {
        void *symbol = symbol_address(rows[i].symbol);
        void *answer =
            ask(rows[i].base, rows[i].since, rows[i].per_thread ? 2 : 0)
                .address;

        EXPECT(answer != NULL && answer != symbol);
        EXPECT(object_of(answer) == object_of(symbol));
    }
    call_every_entry();
}

START_TEST(test_other_addresses)
{
    IN_CHILD(call_every_entry);
    IN_CHILD(other_addresses, "SIMCUDA_RESOLVER=other");
}
END_TEST

static const char *alias_target(const char *symbol)
{
#define ALIAS(symbol_, target_)          \
    if (strcmp(symbol, #symbol_) == 0) { \
        return #target_;                 \
    }
    SIM_ALIASES(ALIAS)
#undef ALIAS
    return symbol;
}

/* By both routes: the pairs share an address, all others keep their own. */
static void aliased_addresses(void)
{
    int i, n_aliased = 0;

    for (i = 0; i < N_ROWS; i++) {
        const char *target = alias_target(rows[i].symbol);
        void *symbol = symbol_address(rows[i].symbol);
        Dl_info info;

        EXPECT(symbol == symbol_address(target));
        EXPECT(symbol == ask(rows[i].base, rows[i].since,
                             rows[i].per_thread ? 2 : 0)
                             .address);
        EXPECT(dladdr(symbol, &info) != 0 && info.dli_saddr == symbol);
        if (target != rows[i].symbol) {
            n_aliased++;
        } else {
            EXPECT(strcmp(alias_target(info.dli_sname), target) == 0);
        }
    }
    EXPECT(n_aliased == 5);
}

START_TEST(test_aliased_addresses)
{
    IN_CHILD(aliased_addresses, "SIMCUDA_RESOLVER=alias");
}
END_TEST

static void old_driver(int version)
{
    int i, reported = 0;

    EXPECT(ENTRY(cuDriverGetVersion)(&reported) == CUDA_SUCCESS);
    EXPECT(reported == version);
    for (i = 0; i < N_ROWS; i++) {
        bool there = dlsym(driver, rows[i].symbol) != NULL;

        EXPECT(there == (rows[i].since <= version));
    }
}

static void driver_11_2(void)
{
    old_driver(11020);
    EXPECT(dlsym(driver, "cuGetProcAddress") == NULL);
}

static void driver_12_0(void)
{
    struct answer answer;

    old_driver(12000);
    answer = ask("cuMemcpyBatchAsync", 12000, 0);
    EXPECT(answer.result == CUDA_ERROR_NOT_FOUND);
    EXPECT(answer.status == CU_GET_PROC_ADDRESS_SYMBOL_NOT_FOUND);
    EXPECT(ask("cuMemAlloc", 12010, 0).result == CUDA_ERROR_INVALID_VALUE);
    EXPECT(ask("cuMemAdvise", 12000, 0).address ==
           symbol_address("cuMemAdvise"));
}

START_TEST(test_old_drivers)
{
    IN_CHILD(driver_11_2, "SIMCUDA_DRIVER_VERSION=11020");
    IN_CHILD(driver_12_0, "SIMCUDA_DRIVER_VERSION=12000");
    IN_CHILD(driver_12_0, "SIMCUDA_DRIVER_VERSION=12000",
             "SIMCUDA_RESOLVER=dlsym");
}
END_TEST

/* A driver newer than its headers takes newer versions for what it knows. */
static void driver_13_1(void)
{
    old_driver(13010);
    EXPECT(ask("cuMemAlloc", 13010, 0).address ==
           symbol_address("cuMemAlloc_v2"));
}

START_TEST(test_new_driver)
{
    IN_CHILD(driver_13_1, "SIMCUDA_DRIVER_VERSION=13010");
}
END_TEST

static void names_of_errors(void)
{
    const char *text = "";

    EXPECT(ENTRY(cuGetErrorName)(CUDA_ERROR_ILLEGAL_ADDRESS, &text) ==
           CUDA_SUCCESS);
    EXPECT(strcmp(text, "CUDA_ERROR_ILLEGAL_ADDRESS") == 0);
    EXPECT(ENTRY(cuGetErrorString)(CUDA_SUCCESS, &text) == CUDA_SUCCESS);
    EXPECT(strcmp(text, "no error") == 0);
    EXPECT(ENTRY(cuGetErrorName)(12345, &text) == CUDA_ERROR_INVALID_VALUE);
    EXPECT(text == NULL);
    EXPECT(ENTRY(cuGetErrorString)(0, NULL) == CUDA_ERROR_INVALID_VALUE);
}

static void no_export_table(void)
{
    static const CUuuid id = {"0123456789abcde"};
    const void *table = &id;

    EXPECT(ENTRY(cuGetExportTable)(&table, &id) == CUDA_ERROR_NOT_FOUND);
    EXPECT(table == NULL);
}

START_TEST(test_names_of_errors)
{
    IN_CHILD(names_of_errors);
    IN_CHILD(no_export_table);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sim resolver");
    TCase *tcase = tcase_create("resolver");
    SRunner *runner;
    int failures;

    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, test_every_request);
    tcase_add_test(tcase, test_known_requests);
    tcase_add_test(tcase, test_unknown_names);
    tcase_add_test(tcase, test_bad_arguments);
    tcase_add_test(tcase, test_other_addresses);
    tcase_add_test(tcase, test_aliased_addresses);
    tcase_add_test(tcase, test_old_drivers);
    tcase_add_test(tcase, test_new_driver);
    tcase_add_test(tcase, test_names_of_errors);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failures = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failures != 0;
}
