/*
 * test_lookup.c - the look-ups of surface.h against the driver's own list.
 *
 * The oracle is tests/sim/entries.h, written from NVIDIA's cudaTypedefs.h and
 * not from the table under test: all 637 entries with base, version and
 * flavour. Every question that cuGetProcAddress can be asked about any of
 * them, at each version where the answer changes, just before and after it,
 * with each flag, must end at exactly the entry that the driver would answer,
 * or at none if that entry is not hooked.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "../sim/entries.h"
#include "driver/lookup.h"

enum { PLAIN, PER_THREAD };

static const struct oracle {
    const char *symbol, *base;
    int since, flavour;
} oracle[] = {
#define ROW(symbol_, base_, since_, flavour_, pfn_)                           \
    {#symbol_, base_, since_, flavour_},
    SIM_ENTRIES(ROW)
#undef ROW
};

enum { N_ORACLE = sizeof(oracle) / sizeof(oracle[0]) };

static const struct oracle *newest(const char *base, int version, int flavour)
{
    const struct oracle *best = NULL;
    int i;

    for (i = 0; i < N_ORACLE; i++) {
        if (strcmp(oracle[i].base, base) == 0 &&
            oracle[i].flavour == flavour && oracle[i].since <= version &&
            (best == NULL || oracle[i].since > best->since)) {
            best = &oracle[i];
        }
    }
    return best;
}

static const struct oracle *answer(const char *base, int version,
                                   cuuint64_t flags)
{
    const struct oracle *best = NULL;

    if (flags == CU_GET_PROC_ADDRESS_PER_THREAD_DEFAULT_STREAM) {
        best = newest(base, version, PER_THREAD);
    }
    return best != NULL ? best : newest(base, version, PLAIN);
}

static bool is_hooked(const char *symbol)
{
    enum csh_entry entry;

    for (entry = 0; entry < CSH_N_ENTRIES; entry++) {
        if (strcmp(csh_rows[entry].symbol, symbol) == 0) {
            return true;
        }
    }
    return false;
}

/* Returns 1 if the question ends at a wrapper. */
static int ask(const char *base, int version, cuuint64_t flags)
{
    const struct csh_request request = {base, version, flags};
    const struct oracle *expected = answer(base, version, flags);
    enum csh_entry entry = csh_lookup_request(&request);

    if (expected != NULL && is_hooked(expected->symbol)) {
        ck_assert_msg(entry < CSH_N_ENTRIES &&
                          strcmp(csh_rows[entry].symbol, expected->symbol) ==
                              0,
                      "%s %d %d: %s, not %s", base, version, (int)flags,
                      entry < CSH_N_ROWS ? csh_rows[entry].symbol : "none",
                      expected->symbol);
        return 1;
    }
    ck_assert_msg(entry >= CSH_N_ENTRIES, "%s %d %d: %s, not the driver's own",
                  base, version, (int)flags, csh_rows[entry].symbol);
    return 0;
}

START_TEST(rows_are_entries_of_the_driver)
{
    enum csh_entry entry;
    int i;

    for (entry = 0; entry < CSH_N_ROWS; entry++) {
        const struct csh_row *row = &csh_rows[entry];

        for (i = 0; i < N_ORACLE; i++) {
            if (strcmp(oracle[i].symbol, row->symbol) == 0) {
                break;
            }
        }
        ck_assert_msg(i < N_ORACLE, "no driver has %s", row->symbol);
        ck_assert_str_eq(row->base, oracle[i].base);
        ck_assert_int_eq(row->since, oracle[i].since);
        ck_assert_int_eq(row->is_per_thread, oracle[i].flavour);
        ck_assert_uint_eq(row->symbol_bytes, strlen(row->symbol));
        ck_assert_uint_eq(row->base_bytes, strlen(row->base));
    }
}
END_TEST

START_TEST(every_request_ends_at_exactly_its_row)
{
    int i, j, k, flags;
    int n_wrapped = 0;

    for (i = 0; i < N_ORACLE; i++) {
        for (j = 0; j < N_ORACLE; j++) {
            for (k = -1; k <= 1; k++) {
                /* Versions of the headers' future have no rows. */
                if (oracle[j].since + k > CUDA_VERSION) {
                    continue;
                }
                for (flags = 0; flags <= 2; flags++) {
                    if (strcmp(oracle[j].base, oracle[i].base) == 0) {
                        n_wrapped += ask(oracle[i].base, oracle[j].since + k,
                                         (cuuint64_t)flags);
                    }
                }
            }
        }
        for (flags = 0; flags <= 2; flags++) {
            n_wrapped += ask(oracle[i].base, CUDA_VERSION, (cuuint64_t)flags);
            (void)ask(oracle[i].base, 0, (cuuint64_t)flags);
        }
    }
    ck_assert_int_gt(n_wrapped, 1000);
}
END_TEST

START_TEST(elf_names_match_exactly)
{
    static const char *const others[] = {
        "",           "c",           "cu",           "cuMemAllo",
        "cuMemAlloc", "cuMemAlloc_", "cuMemAlloc_v", "cuMemAlloc_v2_",
        "cudnnCreate", "cublasCreate_v2", "curl_easy_init", "CuMemAlloc_v2",
        "cuMemAlloc_v2_ptsz", "cuMemcpyHtoDAsync_v2_ptds", "cuInit",
        "dlsym", "cuMemAlloc_v3",
    };
    char longer[128];
    size_t i;
    int j;

    for (j = 0; j < N_ORACLE; j++) {
        enum csh_entry entry = csh_lookup_symbol(oracle[j].symbol,
                                                 CSH_N_ENTRIES);

        ck_assert_int_eq(entry < CSH_N_ENTRIES, is_hooked(oracle[j].symbol));
        if (entry < CSH_N_ENTRIES) {
            ck_assert_str_eq(csh_rows[entry].symbol, oracle[j].symbol);
        }
        ck_assert_uint_lt(strlen(oracle[j].symbol), sizeof(longer) - 2);
        strcpy(longer, oracle[j].symbol);
        strcat(longer, "x");
        ck_assert_int_eq(csh_lookup_symbol(longer, CSH_N_ROWS),
                         CSH_ENTRY_NONE);
    }
    for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        ck_assert_msg(csh_lookup_symbol(others[i], CSH_N_ENTRIES) ==
                          CSH_ENTRY_NONE,
                      "%s", others[i]);
    }
}
END_TEST

static enum csh_entry n_served = CSH_N_ENTRIES;
static char places[CSH_N_ROWS + 1];
static _Atomic(void *) real[CSH_N_ROWS];

/* A driver with every entry at an address of its own. */
static void give_all_an_address(void)
{
    enum csh_entry entry;

    for (entry = 0; entry < CSH_N_ROWS; entry++) {
        atomic_store(&real[entry], &places[entry]);
    }
}

static enum csh_entry choose(const char *name, int version, cuuint64_t flags,
                             void *address)
{
    const struct csh_request request = {name, version, flags};

    return csh_lookup_answer(&request, address, real, n_served);
}

START_TEST(an_answer_is_known_by_its_address)
{
    enum csh_entry entry;

    for (entry = 0; entry < CSH_N_ENTRIES; entry++) {
        const struct csh_row *row = &csh_rows[entry];

        ck_assert_int_eq(choose(row->base, row->since,
                                row->is_per_thread ? 2 : 0, &places[entry]),
                         entry);
        /* The driver knows best which entry its answer is. */
        ck_assert_int_eq(choose(row->base, CUDA_VERSION, 0, &places[entry]),
                         entry);
        /* Some drivers take an ELF name too. */
        ck_assert_int_eq(choose(row->symbol, 2000, 0, &places[entry]), entry);
        /* An address that is no entry's. */
        ck_assert_int_eq(choose(row->base, row->since, 0, &places[CSH_N_ROWS]),
                         CSH_ENTRY_NONE);
    }
}
END_TEST

START_TEST(an_answer_of_another_base_is_left_alone)
{
    ck_assert_int_eq(choose("cuMemFree", 3020, 0,
                            &places[CSH_ENTRY_cuMemAlloc_v2]),
                     CSH_ENTRY_NONE);
    ck_assert_int_eq(choose("cuInit", 2000, 0,
                            &places[CSH_ENTRY_cuMemAlloc_v2]),
                     CSH_ENTRY_NONE);
    /* One address under two bases: each request gets its own row. */
    atomic_store(&real[CSH_ENTRY_cuMemAllocAsync],
                 &places[CSH_ENTRY_cuMemAllocFromPoolAsync]);
    ck_assert_int_eq(choose("cuMemAllocAsync", 11020, 0,
                            &places[CSH_ENTRY_cuMemAllocFromPoolAsync]),
                     CSH_ENTRY_cuMemAllocAsync);
    ck_assert_int_eq(choose("cuMemAllocFromPoolAsync", 11020, 0,
                            &places[CSH_ENTRY_cuMemAllocFromPoolAsync]),
                     CSH_ENTRY_cuMemAllocFromPoolAsync);
}
END_TEST

START_TEST(rows_of_one_address_are_told_apart_by_the_request)
{
    void *shared = &places[CSH_ENTRY_cuMemFreeAsync];

    atomic_store(&real[CSH_ENTRY_cuMemFreeAsync_ptsz], shared);
    ck_assert_int_eq(choose("cuMemFreeAsync", 11020, 0, shared),
                     CSH_ENTRY_cuMemFreeAsync);
    ck_assert_int_eq(choose("cuMemFreeAsync", 11020, 1, shared),
                     CSH_ENTRY_cuMemFreeAsync);
    ck_assert_int_eq(choose("cuMemFreeAsync", 11020, 2, shared),
                     CSH_ENTRY_cuMemFreeAsync_ptsz);
    /* None fits: the request names no entry, or one of another address. */
    ck_assert_int_eq(choose("cuMemFreeAsync", 11010, 0, shared),
                     CSH_ENTRY_NONE);
    atomic_store(&real[CSH_ENTRY_cuIpcOpenMemHandle],
                 &places[CSH_ENTRY_cuIpcOpenMemHandle_v2]);
    ck_assert_int_eq(choose("cuIpcOpenMemHandle", 4010, 0,
                            &places[CSH_ENTRY_cuIpcOpenMemHandle_v2]),
                     CSH_ENTRY_cuIpcOpenMemHandle);
    ck_assert_int_eq(choose("cuIpcOpenMemHandle", 11000, 0,
                            &places[CSH_ENTRY_cuIpcOpenMemHandle_v2]),
                     CSH_ENTRY_cuIpcOpenMemHandle_v2);
}
END_TEST

START_TEST(an_unhooked_abi_is_left_alone)
{
    /* The 32-bit one, at its own address and at that of the modern one. */
    ck_assert_int_eq(choose("cuMemcpyDtoH", 2000, 0,
                            &places[CSH_ENTRY_cuMemcpyDtoH]),
                     CSH_ENTRY_NONE);
    atomic_store(&real[CSH_ENTRY_cuMemcpyDtoH],
                 &places[CSH_ENTRY_cuMemcpyDtoH_v2]);
    ck_assert_int_eq(choose("cuMemcpyDtoH", 2000, 0,
                            &places[CSH_ENTRY_cuMemcpyDtoH_v2]),
                     CSH_ENTRY_NONE);
    ck_assert_int_eq(choose("cuMemcpyDtoH", 3020, 0,
                            &places[CSH_ENTRY_cuMemcpyDtoH_v2]),
                     CSH_ENTRY_cuMemcpyDtoH_v2);
}
END_TEST

/* With cohorts every entry is known: as a row, or as a query, never both. */
START_TEST(every_entry_is_watched_or_a_query)
{
    int i, n_rows = 0, n_queries = 0;

    for (i = 0; i < N_ORACLE; i++) {
        const char *symbol = oracle[i].symbol;
        const struct csh_request request = {
            oracle[i].base, oracle[i].since,
            oracle[i].flavour == PER_THREAD ? 2 : 0};
        enum csh_entry entry = csh_lookup_symbol(symbol, CSH_N_ROWS);
        bool is_query = csh_lookup_is_query_symbol(symbol);

        if (oracle[i].since > CUDA_VERSION) {
            continue;
        }
        if (entry == CSH_ENTRY_NONE && CUDA_VERSION < 13000) {
            continue; /* these headers may not know it */
        }
        ck_assert_msg((entry < CSH_N_ROWS) != is_query, "%s", symbol);
        ck_assert(csh_lookup_is_like_ours(symbol));
        n_rows += is_query ? 0 : 1;
        n_queries += is_query ? 1 : 0;
        if (is_query) {
            /* No row of that base: a request could end at the wrong one. */
            ck_assert_msg(csh_lookup_is_query_request(&request), "%s",
                          symbol);
            ck_assert_int_eq(csh_lookup_request(&request), CSH_ENTRY_NONE);
        } else {
            ck_assert_int_eq(csh_lookup_request(&request), entry);
        }
    }
    ck_assert_int_eq(n_rows, CSH_N_ROWS);
    ck_assert_int_gt(n_queries, 80);
}
END_TEST

START_TEST(a_query_of_a_later_version_is_none)
{
    const struct csh_request later = {"cuStreamQuery", CUDA_VERSION + 10, 0};
    const struct csh_request none = {"cuStreamQuer", 2000, 0};

    ck_assert(!csh_lookup_is_query_request(&later));
    ck_assert(!csh_lookup_is_query_request(&none));
    ck_assert(!csh_lookup_is_query_symbol("cuStreamQuery_v2"));
    ck_assert(!csh_lookup_is_query_symbol("cuStreamQuer"));
    ck_assert(!csh_lookup_is_query_symbol(""));
    ck_assert(!csh_lookup_is_like_ours("cublasCreate_v2"));
}
END_TEST

START_TEST(with_cohorts_all_rows_are_found)
{
    enum csh_entry entry;

    n_served = CSH_N_ROWS;
    for (entry = 0; entry < CSH_N_ROWS; entry++) {
        const struct csh_row *row = &csh_rows[entry];

        ck_assert_int_eq(choose(row->base, row->since,
                                row->is_per_thread ? 2 : 0, &places[entry]),
                         entry);
        ck_assert_int_eq(csh_lookup_symbol(row->symbol, CSH_N_ROWS), entry);
    }
    ck_assert_int_eq(choose("cuMemcpyDtoH", 2000, 0,
                            &places[CSH_ENTRY_cuMemcpyDtoH]),
                     CSH_ENTRY_cuMemcpyDtoH);
}
END_TEST

START_TEST(only_what_is_newer_is_called_unknown)
{
    const struct csh_request later = {"cuMemcpyBatchAsync", CUDA_VERSION + 10,
                                      0};
    const struct csh_request now = {"cuMemAlloc", CUDA_VERSION, 0};
    const struct csh_request other = {"cuInit", CUDA_VERSION + 10, 0};
    int i;

    for (i = 0; i < N_ORACLE; i++) {
        if (oracle[i].since <= 12000) {
            ck_assert_msg(!csh_lookup_is_unknown_symbol(oracle[i].symbol),
                          "%s", oracle[i].symbol);
        }
    }
    ck_assert(csh_lookup_is_unknown_symbol("cuMemcpyWithAttributesAsync"));
    ck_assert(
        csh_lookup_is_unknown_symbol("cuMemcpyWithAttributesAsync_ptsz"));
    ck_assert(csh_lookup_is_unknown_symbol("cuStreamBeginCaptureToCig_ptsz"));
    ck_assert(csh_lookup_is_unknown_symbol("cuLaunchSomethingNew_v2"));
    ck_assert(!csh_lookup_is_unknown_symbol("cudnnCreate"));
    ck_assert(!csh_lookup_is_unknown_symbol("cuMemAlloc_v2"));
    ck_assert(csh_lookup_is_unknown_request(&later));
    ck_assert(!csh_lookup_is_unknown_request(&now));
    ck_assert(!csh_lookup_is_unknown_request(&other));
}
END_TEST

static Suite *lookup_suite(void)
{
    Suite *suite = suite_create("lookup");
    TCase *requests = tcase_create("requests");
    TCase *answers = tcase_create("answers");

    tcase_add_test(requests, rows_are_entries_of_the_driver);
    tcase_add_test(requests, every_request_ends_at_exactly_its_row);
    tcase_add_test(requests, elf_names_match_exactly);
    tcase_add_test(requests, every_entry_is_watched_or_a_query);
    tcase_add_test(requests, a_query_of_a_later_version_is_none);
    tcase_add_test(requests, only_what_is_newer_is_called_unknown);
    tcase_set_timeout(requests, 120);
    suite_add_tcase(suite, requests);

    tcase_add_checked_fixture(answers, give_all_an_address, NULL);
    tcase_add_test(answers, an_answer_is_known_by_its_address);
    tcase_add_test(answers, an_answer_of_another_base_is_left_alone);
    tcase_add_test(answers, rows_of_one_address_are_told_apart_by_the_request);
    tcase_add_test(answers, an_unhooked_abi_is_left_alone);
    tcase_add_test(answers, with_cohorts_all_rows_are_found);
    suite_add_tcase(suite, answers);
    return suite;
}

int main(void)
{
    SRunner *runner = srunner_create(lookup_suite());
    int n_failed;

    srunner_run_all(runner, CK_ENV);
    n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
