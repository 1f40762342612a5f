/*
 * watched_rows.c - each entry of the driver is called twice, while armed: the
 * first call of a wrapper settles which way the later ones go. Every one fails
 * at once (a scripted error), so arguments are not looked at.
 *
 * Oracle for what there is: tests/sim/entries.h, from NVIDIA's typedefs. What
 * forbids ends cohorts for good, so each such call is made in a child.
 */
#include "watched.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../sim/entries.h"

static const char zeros[4096];

static enum outcome call_once(void *entry, uintptr_t any, CUresult expected)
{
    uint64_t generation = csh_watch_arm();

    if (generation == 0 || call_with(entry, any) != expected) {
        return WRONG;
    }
    return outcome_of(generation);
}

static enum outcome call_armed(void *entry, uintptr_t any, CUresult expected)
{
    enum outcome outcome = call_once(entry, any, expected);

    if (outcome == FORBIDDEN) { /* nothing can be armed any more */
        return call_with(entry, any) == expected ? outcome : WRONG;
    }
    return call_once(entry, any, expected) == outcome ? outcome : WRONG;
}

static enum outcome call_in_child(void *entry, uintptr_t any)
{
    int status = 0;
    pid_t child = fork();

    APP_CHECK(child >= 0);
    if (child == 0) {
        _exit(call_armed(entry, any, SCRIPTED));
    }
    APP_CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* Hooked entries that end nothing: answers. (And copies to the host, but here
 * the driver does not say that it is the host: copy_to_the_host.) */
static enum outcome expected_of_hooked(const char *symbol)
{
    static const char *const harmless[] = {
        "cuGetProcAddress",        "cuGetProcAddress_v2",
        "cuPointerGetAttribute",   "cuPointerGetAttributes",
        "cuMemGetInfo_v2",         "cuMemGetAddressRange_v2",
    };
    static const char *const opening[] = {
        "cuIpc",    "cuMemExport",  "cuMemImport",   "cuMemPoolExport",
        "cuMemPoolImport", "cuMemGetHandleForAddressRange",
        "cuImportExternal", "cuExternalMemory", "cuGraphicsResourceGet",
        "cuPointerSetAttribute", "cuCtxEnablePeerAccess",
        "cuMemPoolSetAccess", "cuMulticast", "cuMemcpyPeer",
        "cuMemcpy3DPeer",
    };
    size_t i;

    for (i = 0; i < CSH_ARRAY_LENGTH(harmless); i++) {
        if (strcmp(symbol, harmless[i]) == 0) {
            return NOTHING;
        }
    }
    for (i = 0; i < CSH_ARRAY_LENGTH(opening); i++) {
        if (strncmp(symbol, opening[i], strlen(opening[i])) == 0) {
            return FORBIDDEN;
        }
    }
    return TRIPPED;
}

static enum outcome expected_of(enum csh_entry entry)
{
    switch (csh_rows[entry].tier) {
    case CSH_TIER_WATCHED:
        return TRIPPED;
    case CSH_TIER_OPENED:
    case CSH_TIER_PRIVATE:
    case CSH_TIER_LEGACY:
        return FORBIDDEN;
    default:
        return expected_of_hooked(csh_rows[entry].symbol);
    }
}

/* A query is handed out as the driver's own, and ends nothing. */
static void check_query(const char *symbol)
{
    void *entry = dlsym(library, symbol), *own = NULL;

    APP_CHECK(csh_driver_find(symbol, &own));
    if (entry != own) {
        expect(symbol, NOTHING, WRONG);
    }
    expect(symbol, NOTHING, call_armed(entry, (uintptr_t)zeros, SCRIPTED));
}

static void check_row(const char *symbol, enum csh_entry entry)
{
    enum outcome expected = expected_of(entry);
    void *wrapper = csh_wrapper(entry);

    if (dlsym(library, symbol) != wrapper) {
        expect(symbol, expected, WRONG);
    }
    if (expected == FORBIDDEN) {
        expect(symbol, expected, call_in_child(wrapper, (uintptr_t)zeros));
    } else {
        expect(symbol, expected,
               call_armed(wrapper, (uintptr_t)zeros, SCRIPTED));
    }
}

void check_rows(void)
{
    static const char *const symbols[] = {
#define ROW(symbol_, ...) #symbol_,
        SIM_ENTRIES(ROW)
#undef ROW
    };
    size_t i, n_rows = 0, n_queries = 0;

    for (i = 0; i < CSH_ARRAY_LENGTH(symbols); i++) {
        enum csh_entry entry = csh_lookup_symbol(symbols[i], CSH_N_ROWS);

        if (entry != CSH_ENTRY_NONE) {
            n_rows++;
            check_row(symbols[i], entry);
        } else if (csh_lookup_is_query_symbol(symbols[i])) {
            n_queries++;
            check_query(symbols[i]);
        } else {
            APP_CHECK(CUDA_VERSION < SIM_ENTRIES_CUDA_VERSION);
        }
    }
    APP_CHECK(n_rows == CSH_N_ROWS && n_queries > 80);
    printf("%zu rows, %zu queries\n", n_rows, n_queries);
}

/* --- per-thread streams -------------------------------------------------- */

static void *use_own_stream(void *unused)
{
    APP_CHECK(call_with((void *)cuLaunchKernel_ptsz, 0) == SCRIPTED);
    return unused;
}

static void use_own_stream_elsewhere(void)
{
    pthread_t thread;

    APP_CHECK(pthread_create(&thread, NULL, use_own_stream, NULL) == 0);
    APP_CHECK(pthread_join(thread, NULL) == 0);
    APP_CHECK(csh_watch_is_allowed());
}

/* Every argument is the per-thread handle: of those entries that take a stream
 * one is meant so, whatever its place. The rows' own text says which do. */
static const struct {
    const char *symbol, *parameters;
    bool is_per_thread;
    enum csh_tier tier;
} forwarded[] = {
#define IS_PLAIN false
#define IS_PER_THREAD true
#define TEXT(...) #__VA_ARGS__
#define ROW(symbol_, base_, since_, flavour_, pfn_, tier_, ...)               \
    {#symbol_, TEXT(__VA_ARGS__), IS_##flavour_, CSH_TIER_##tier_},
    CSH_SURFACE_FORWARDED(ROW)
    CSH_SURFACE_WATCHED_FORWARDED(ROW)
#undef ROW
};

void check_own_streams(void)
{
    size_t i, n_streams = 0;

    use_own_stream_elsewhere();
    for (i = 0; i < CSH_ARRAY_LENGTH(forwarded); i++) {
        const char *symbol = forwarded[i].symbol;
        void *wrapper = csh_wrapper(csh_lookup_symbol(symbol, CSH_N_ROWS));
        uintptr_t any = (uintptr_t)CU_STREAM_PER_THREAD;

        if (strstr(forwarded[i].parameters, "CUlaunchConfig") != NULL) {
            CUlaunchConfig config = {.hStream = CU_STREAM_PER_THREAD};

            n_streams++;
            expect(symbol, FORBIDDEN,
                   call_in_child(wrapper, (uintptr_t)&config));
        } else if (forwarded[i].is_per_thread ||
                   strstr(forwarded[i].parameters, "CUstream ") != NULL) {
            n_streams++;
            expect(symbol, FORBIDDEN, call_in_child(wrapper, any));
        } else if (forwarded[i].tier == CSH_TIER_WATCHED ||
                   forwarded[i].tier == CSH_TIER_WRITE) {
            expect(symbol, TRIPPED, call_armed(wrapper, any, SCRIPTED));
        }
    }
    APP_CHECK(n_streams > 100);
    printf("%zu entries take a stream\n", n_streams);
}

/* The wrappers written by hand, in the second thread that does so. */
void check_own_streams_by_hand(void)
{
    const CUstream own = CU_STREAM_PER_THREAD;
    static void *const entries[] = {
        (void *)cuMemcpyDtoH_v2_ptds,     (void *)cuMemcpyHtoD_v2_ptds,
        (void *)cuMemcpy_ptds,            (void *)cuMemcpyDtoHAsync_v2,
        (void *)cuMemcpyHtoDAsync_v2,     (void *)cuMemcpyAsync,
        (void *)cuMemAllocAsync,          (void *)cuMemAllocAsync_ptsz,
        (void *)cuMemAllocFromPoolAsync,  (void *)cuMemFreeAsync,
        (void *)cuMemFreeAsync_ptsz,      (void *)cuStreamBeginCapture_v2,
        (void *)cuStreamBeginCapture_ptsz, (void *)cuStreamEndCapture,
        (void *)cuStreamEndCapture_ptsz,
    };
    size_t i;

    use_own_stream_elsewhere();
    for (i = 0; i < CSH_ARRAY_LENGTH(entries); i++) {
        char what[32];

        snprintf(what, sizeof(what), "entry %zu", i);
        expect(what, FORBIDDEN, call_in_child(entries[i], (uintptr_t)own));
    }
}
