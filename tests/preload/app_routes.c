/*
 * app_routes.c - asks for every entry of the driver by every route and looks
 * at what it gets: the wrapper of exactly that entry where the shim has one,
 * the driver's own pointer everywhere else.
 *
 *   app_routes lookups    dlsym, cuGetProcAddress v1 and v2: each name, each
 *                         version at which an answer changes, each flag
 *   app_routes calls      each entry that was found, called once: exactly the
 *                         entry of that name is reached
 *
 * Oracle for what a request means: tests/sim/entries.h, written from NVIDIA's
 * typedefs. Whether there is a wrapper: dlsym(RTLD_DEFAULT), which finds what
 * a preloaded object exports, the driver being loaded RTLD_LOCAL. Whether a
 * look-up finds it: only hooked rows without cohorts, with them all. The
 * driver's
 * own pointers: the same look-ups made by an injection library.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../sim/entries.h"
#include "app.h"
#include "driver/surface.h"

void *insider_dlsym(void *handle, const char *name);

enum { PLAIN, PER_THREAD };

static const struct entry {
    const char *symbol, *base;
    int since, flavour;
} entries[] = {
#define ROW(symbol_, base_, since_, flavour_, pfn_)                           \
    {#symbol_, base_, since_, flavour_},
    SIM_ENTRIES(ROW)
#undef ROW
};

enum { N_ENTRIES = sizeof(entries) / sizeof(entries[0]) };

/* Both ABIs of cuGetProcAddress, from the program and from an insider. */
struct routes {
    void *library;
    PFN_cuGetProcAddress_v11030 gpa1, insider_gpa1;
    PFN_cuGetProcAddress_v12000 gpa2, insider_gpa2;
    bool is_shadowed;
};

static int n_wrappers, n_own, n_wrong;

static void wrong(const char *route, const char *name, int version, int flags,
                  const char *what)
{
    n_wrong++;
    if (n_wrong < 20) {
        fprintf(stderr, "%s %s %d %d: %s\n", route, name, version, flags,
                what);
    }
}

static void *wrapper_of(const char *symbol)
{
    return dlsym(RTLD_DEFAULT, symbol);
}

static void open_routes(struct routes *routes_p)
{
    void *library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);

    APP_CHECK(library != NULL);
    routes_p->library = library;
    routes_p->gpa1 =
        (PFN_cuGetProcAddress_v11030)dlsym(library, "cuGetProcAddress");
    routes_p->gpa2 =
        (PFN_cuGetProcAddress_v12000)dlsym(library, "cuGetProcAddress_v2");
    routes_p->insider_gpa1 = (PFN_cuGetProcAddress_v11030)insider_dlsym(
        library, "cuGetProcAddress");
    routes_p->insider_gpa2 = (PFN_cuGetProcAddress_v12000)insider_dlsym(
        library, "cuGetProcAddress_v2");
    APP_CHECK(routes_p->gpa1 != NULL && routes_p->insider_gpa1 != NULL);
    routes_p->is_shadowed = wrapper_of("cuMemFree_v2") != NULL;
    APP_CHECK(routes_p->is_shadowed ==
              ((void *)routes_p->gpa1 != (void *)routes_p->insider_gpa1));
}

static const struct entry *newest(const char *base, int version, int flavour,
                                  int driver_version)
{
    const struct entry *best = NULL;
    int i;

    for (i = 0; i < N_ENTRIES; i++) {
        if (strcmp(entries[i].base, base) == 0 &&
            entries[i].flavour == flavour && entries[i].since <= version &&
            entries[i].since <= driver_version &&
            (best == NULL || entries[i].since > best->since)) {
            best = &entries[i];
        }
    }
    return best;
}

/* The symbol that a request means; NULL: none. */
static const char *meant(const char *base, int version, int flags,
                         int driver_version)
{
    const struct entry *best = NULL;

    if (flags == CU_GET_PROC_ADDRESS_PER_THREAD_DEFAULT_STREAM) {
        best = newest(base, version, PER_THREAD, driver_version);
    }
    if (best == NULL) {
        best = newest(base, version, PLAIN, driver_version);
    }
    return best == NULL ? NULL : best->symbol;
}

/* The wrapper that a look-up shall find. */
static void *handed_out(const char *symbol)
{
    static const char *const hooked[] = {
#define ROW(symbol_, ...) #symbol_,
        CSH_SURFACE(ROW)
#undef ROW
    };
    const char *cohort = getenv("CUSHADOW_COHORT");
    size_t i;

    if (cohort != NULL && strcmp(cohort, "1") == 0) {
        return wrapper_of(symbol);
    }
    for (i = 0; i < sizeof(hooked) / sizeof(hooked[0]); i++) {
        if (strcmp(hooked[i], symbol) == 0) {
            return wrapper_of(symbol);
        }
    }
    return NULL;
}

static void judge(const char *route, const char *symbol, const char *name,
                  int version, int flags, void *got, void *own)
{
    void *wrapper = symbol == NULL ? NULL : handed_out(symbol);

    if (own == NULL) {
        if (got != NULL) {
            wrong(route, name, version, flags, "found what is not there");
        }
    } else if (wrapper != NULL && got == own && version > CUDA_VERSION) {
        /* Built with headers older than this request, the shim may not know
         * an answer at an address that dlsym does not give. */
        n_own++;
    } else if (wrapper != NULL) {
        n_wrappers++;
        if (got != wrapper) {
            Dl_info info;

            wrong(route, name, version, flags,
                  dladdr(got, &info) != 0 && info.dli_sname != NULL
                      ? info.dli_sname
                      : "not its wrapper");
        }
    } else {
        n_own++;
        if (got != own) {
            wrong(route, name, version, flags, "not the driver's own");
        }
    }
}

static void ask_dlsym(const struct routes *routes)
{
    int i;

    for (i = 0; i < N_ENTRIES; i++) {
        const char *symbol = entries[i].symbol;

        judge("dlsym", symbol, symbol, 0, 0, dlsym(routes->library, symbol),
              insider_dlsym(routes->library, symbol));
    }
}

/* The answers to both ABIs of the resolver, with the driver's own beside. */
static void ask_resolver(const struct routes *routes, const char *name,
                         int version, int flags, int driver_version)
{
    const char *symbol = meant(name, version, flags, driver_version);
    CUdriverProcAddressQueryResult status = 99, own_status = 99;
    void *got = &got, *own = &own;
    CUresult result, own_result;

    result = routes->gpa1(name, &got, version, (cuuint64_t)flags);
    own_result = routes->insider_gpa1(name, &own, version,
                                      (cuuint64_t)flags);
    if (result != own_result) {
        wrong("gpa1", name, version, flags, "another result");
    } else if (result == CUDA_SUCCESS) {
        judge("gpa1", symbol, name, version, flags, got, own);
    } else if ((got == &got) != (own == &own)) {
        wrong("gpa1", name, version, flags, "another output on failure");
    }
    if (routes->gpa2 == NULL) {
        return;
    }
    got = &got;
    own = &own;
    result = routes->gpa2(name, &got, version, (cuuint64_t)flags, &status);
    own_result = routes->insider_gpa2(name, &own, version, (cuuint64_t)flags,
                                      &own_status);
    if (result != own_result || status != own_status) {
        wrong("gpa2", name, version, flags, "another result or status");
    } else if (result == CUDA_SUCCESS) {
        judge("gpa2", symbol, name, version, flags, got, own);
    } else if ((got == &got) != (own == &own)) {
        wrong("gpa2", name, version, flags, "another output on failure");
    }
}

static void ask_all(const struct routes *routes, int driver_version)
{
    int i, j, offset, flags;

    for (i = 0; i < N_ENTRIES; i++) {
        for (j = 0; j < N_ENTRIES; j++) {
            if (strcmp(entries[i].base, entries[j].base) != 0) {
                continue;
            }
            for (offset = -1; offset <= 1; offset++) {
                for (flags = 0; flags <= 3; flags++) {
                    ask_resolver(routes, entries[i].base,
                                 entries[j].since + offset, flags,
                                 driver_version);
                }
            }
        }
        for (flags = 0; flags <= 2; flags++) {
            ask_resolver(routes, entries[i].base, driver_version, flags,
                         driver_version);
            ask_resolver(routes, entries[i].base, 99000, flags,
                         driver_version);
        }
    }
}

static void ask_oddly(const struct routes *routes)
{
    static const char *const names[] = {"", "cu", "cuNoSuchThing",
                                        "cudnnCreate", "cuMemcpyWith"};
    void *unchanged = &unchanged;
    size_t i;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        ask_resolver(routes, names[i], 0, 0, 13000);
        ask_resolver(routes, names[i], 12000, 2, 13000);
        APP_CHECK(dlsym(routes->library, names[i]) == NULL);
    }
    APP_CHECK(routes->gpa1(NULL, &unchanged, 12000, 0) ==
              routes->insider_gpa1(NULL, &unchanged, 12000, 0));
    APP_CHECK(routes->gpa1("cuMemAlloc", NULL, 12000, 0) ==
              routes->insider_gpa1("cuMemAlloc", NULL, 12000, 0));
}

/* Look-ups that succeed leave errno alone, before and after the shim has
 * looked at the driver; what it is after a failed one is libc's business. */
static void look_up_with_errno(void)
{
    void *library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
    PFN_cuGetProcAddress_v11030 gpa;
    void *entry;

    APP_CHECK(library != NULL);
    errno = 77;
    gpa = (PFN_cuGetProcAddress_v11030)dlsym(library, "cuGetProcAddress");
    APP_CHECK(errno == 77);
    /* The driver's own first call may do as it likes. */
    APP_CHECK(gpa("cuInit", &entry, 2000, 0) == 0);
    errno = 77;
    APP_CHECK(dlsym(library, "cuMemFree_v2") != NULL && errno == 77);
    APP_CHECK(dlsym(library, "cuInit") != NULL && errno == 77);
    APP_CHECK(gpa("cuMemFree", &entry, 3020, 0) == 0 && errno == 77);
    APP_CHECK(gpa("cuInit", &entry, 2000, 0) == 0 && errno == 77);
    errno = 0;
}

static void look_up(const struct routes *routes)
{
    int driver_version;
    PFN_cuDriverGetVersion_v2020 get_version;

    get_version = (PFN_cuDriverGetVersion_v2020)dlsym(routes->library,
                                                      "cuDriverGetVersion");
    APP_CHECK(get_version(&driver_version) == CUDA_SUCCESS);
    ask_dlsym(routes);
    ask_all(routes, driver_version);
    ask_oddly(routes);
    if (routes->is_shadowed) {
        APP_CHECK(n_wrappers > 1000);
    } else {
        APP_CHECK(n_wrappers == 0);
    }
    APP_CHECK(n_own > 1000);
    fprintf(stderr, "%d wrappers, %d of the driver's own\n", n_wrappers,
            n_own);
}

typedef CUresult any_call(uintptr_t, uintptr_t, uintptr_t, uintptr_t,
                          uintptr_t, uintptr_t, uintptr_t, uintptr_t,
                          uintptr_t, uintptr_t, uintptr_t);

/* Every entry of the driver fails at once with an error that none returns by
 * itself, so arguments are not looked at, but for structs passed by value,
 * which some processors pass by their address. */
static void call_all(const struct routes *routes)
{
    static const char zeros[4096];
    const CUresult scripted = CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED;
    const uintptr_t any = (uintptr_t)zeros;
    int (*set_faults)(const char *);
    uint64_t (*calls)(const char *);
    void (*reset)(void);
    int i, j;

    set_faults = (int (*)(const char *))dlsym(routes->library,
                                              "simcuda_set_faults");
    calls = (uint64_t(*)(const char *))dlsym(routes->library,
                                             "simcuda_calls");
    reset = (void (*)(void))dlsym(routes->library, "simcuda_counters_reset");
    APP_CHECK(set_faults != NULL && calls != NULL && reset != NULL);
    APP_CHECK(set_faults("*:*:713") == 0);
    for (i = 0; i < N_ENTRIES; i++) {
        any_call *call = (any_call *)wrapper_of(entries[i].symbol);

        if (call == NULL) {
            continue;
        }
        n_wrappers++;
        reset();
        if (call(any, any, any, any, any, any, any, any, any, any, any) !=
            scripted) {
            wrong("call", entries[i].symbol, 0, 0, "another result");
        }
        for (j = 0; j < N_ENTRIES; j++) {
            if (calls(entries[j].symbol) != (uint64_t)(i == j)) {
                wrong("call", entries[i].symbol, (int)calls(entries[j].symbol),
                      0, entries[j].symbol);
            }
        }
    }
    APP_CHECK(!routes->is_shadowed || n_wrappers > 400);
    fprintf(stderr, "%d wrappers called\n", n_wrappers);
}

int main(int argc, char **argv)
{
    struct routes routes;

    APP_CHECK(argc == 2);
    app_check_preload();
    look_up_with_errno();
    open_routes(&routes);
    if (strcmp(argv[1], "lookups") == 0) {
        look_up(&routes);
    } else {
        APP_CHECK(strcmp(argv[1], "calls") == 0);
        call_all(&routes);
    }
    return n_wrong == 0 ? 0 : 1;
}
