/*
 * watched.c - the wrappers and the watch in one program, so that it can be
 * seen what a call does to a generation. Linked from the shim's own objects;
 * the simulated driver is loaded as libcuda.so.1, whose every entry fails at
 * once (a scripted error), so that arguments are not looked at.
 *
 *   watched rows        each entry of the driver: what ends, and what does not
 *   watched own-stream  each entry that takes a stream: its per-thread handle
 *   watched NAME        a condition that forbids cohorts, or must not
 *
 * Oracle for what there is: tests/sim/entries.h, from NVIDIA's typedefs. What
 * forbids ends cohorts for good, so each such call is made in a child.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../sim/entries.h"
#include "app.h"
#include "driver/driver.h"
#include "interpose/wrappers.h"
#include "track/watch.h"

#define SCRIPTED CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED

typedef CUresult any_call(uintptr_t, uintptr_t, uintptr_t, uintptr_t,
                          uintptr_t, uintptr_t, uintptr_t, uintptr_t,
                          uintptr_t, uintptr_t, uintptr_t, uintptr_t,
                          uintptr_t, uintptr_t, uintptr_t, uintptr_t);

enum outcome { NOTHING, TRIPPED, FORBIDDEN, WRONG };

static const char zeros[4096];
static void *library;
static int n_wrong;

static void load_driver(const char *faults)
{
    int (*set_faults)(const char *);

    library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
    APP_CHECK(library != NULL);
    set_faults =
        (int (*)(const char *))dlsym(library, "simcuda_set_faults");
    APP_CHECK(set_faults != NULL);
    APP_CHECK(faults == NULL || set_faults(faults) == 0);
    APP_CHECK(csh_driver_claim(dlsym(library, "simcuda_calls")));
    APP_CHECK(csh_watch_is_on() && csh_watch_is_allowed());
}

static CUresult call_with(void *entry, uintptr_t any)
{
    return ((any_call *)entry)(any, any, any, any, any, any, any, any, any,
                               any, any, any, any, any, any, any);
}

static enum outcome outcome_of(uint64_t generation)
{
    if (!csh_watch_is_allowed()) {
        return csh_watch_holds(generation) ? WRONG : FORBIDDEN;
    }
    return csh_watch_holds(generation) ? NOTHING : TRIPPED;
}

static enum outcome call_armed(void *entry, uintptr_t any, CUresult expected)
{
    uint64_t generation = csh_watch_arm();

    if (generation == 0 || call_with(entry, any) != expected) {
        return WRONG;
    }
    return outcome_of(generation);
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

static void expect(const char *what, enum outcome expected, enum outcome got)
{
    static const char *const words[] = {"nothing", "tripped", "forbidden",
                                        "wrong"};

    if (got != expected) {
        n_wrong++;
        fprintf(stderr, "%s: %s, not %s\n", what, words[got],
                words[expected]);
    }
}

/* Hooked entries that end nothing: answers. (And copies to the host, but here
 * the driver does not say that it is the host: copy_to_the_host.) */
static enum outcome expected_of_hooked(const char *symbol)
{
    static const char *const harmless[] = {
        "cuGetProcAddress",        "cuGetProcAddress_v2",
        "cuPointerGetAttribute",   "cuPointerGetAttributes",
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

static void check_rows(void)
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

static void check_own_streams(void)
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
static void check_own_streams_by_hand(void)
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

/* --- conditions ---------------------------------------------------------- */

static CUcontext begin_for_real(void)
{
    CUdevice device;
    CUcontext context;

    load_driver(NULL);
    APP_CHECK(((PFN_cuInit_v2000)dlsym(library, "cuInit"))(0) == 0);
    APP_CHECK(((PFN_cuDeviceGet_v2000)dlsym(library, "cuDeviceGet"))(
                  &device, 0) == 0);
    APP_CHECK(cuDevicePrimaryCtxRetain(&context, device) == 0);
    APP_CHECK(((PFN_cuCtxSetCurrent_v4000)dlsym(
                  library, "cuCtxSetCurrent"))(context) == 0);
    return context;
}

static CUmemGenericAllocationHandle make_piece(size_t bytes)
{
    const CUmemAllocationProp properties = {
        .type = CU_MEM_ALLOCATION_TYPE_PINNED,
        .location = {.type = CU_MEM_LOCATION_TYPE_DEVICE, .id = 0},
    };
    CUmemGenericAllocationHandle handle;

    APP_CHECK(cuMemCreate(&handle, bytes, &properties, 0) == 0);
    return handle;
}

/* Mapped elsewhere: after it was unmapped, or beside the first address. */
static void map_elsewhere(bool is_unmapped_first)
{
    const size_t bytes = (size_t)2 << 20;
    CUmemGenericAllocationHandle handle;
    CUdeviceptr address;
    uint64_t generation;

    (void)begin_for_real();
    handle = make_piece(bytes);
    APP_CHECK(cuMemAddressReserve(&address, 2 * bytes, 0, 0, 0) == 0);
    APP_CHECK(cuMemMap(address, bytes, 0, handle, 0) == 0);
    generation = csh_watch_arm();
    if (is_unmapped_first) {
        APP_CHECK(cuMemUnmap(address, bytes) == 0);
        APP_CHECK(!csh_watch_holds(generation));
    }
    (void)cuMemMap(address + bytes, bytes, 0, handle, 0);
    expect("mapped elsewhere", is_unmapped_first ? TRIPPED : FORBIDDEN,
           outcome_of(generation));
}

static void map_twice(void)
{
    map_elsewhere(false);
}

static void map_again(void)
{
    map_elsewhere(true);
}

/* What is called host memory by a copy may be device memory. */
static void copy_to_the_host(void)
{
    static char host[4096];
    CUdeviceptr device, other;
    uint64_t generation;

    (void)begin_for_real();
    APP_CHECK(cuMemAlloc_v2(&device, sizeof(host)) == 0);
    APP_CHECK(cuMemAlloc_v2(&other, sizeof(host)) == 0);
    generation = csh_watch_arm();
    APP_CHECK(cuMemcpyDtoH_v2(host, device, sizeof(host)) == 0);
    expect("to the host", NOTHING, outcome_of(generation));
    (void)cuMemcpyDtoH_v2((void *)(uintptr_t)other, device, sizeof(host));
    expect("to the device", TRIPPED, outcome_of(generation));
    generation = csh_watch_arm();
    APP_CHECK(cuMemcpyHtoD_v2(device, host, sizeof(host)) == 0);
    expect("from the host", TRIPPED, outcome_of(generation));
}

static void launch_by_the_device(void)
{
    CUgraphExec exec;
    CUgraph graph;
    uint64_t generation;

    (void)begin_for_real();
    APP_CHECK(cuGraphCreate(&graph, 0) == 0);
    generation = csh_watch_arm();
    APP_CHECK(cuGraphInstantiateWithFlags(&exec, graph, 0) == 0);
    expect("a graph", TRIPPED, outcome_of(generation));
    if (cuGraphInstantiateWithFlags(
            &exec, graph, CUDA_GRAPH_INSTANTIATE_FLAG_DEVICE_LAUNCH) == 0) {
        expect("a graph of the device", FORBIDDEN, outcome_of(generation));
    }
}

static void give_tokens(void)
{
    CUDA_POINTER_ATTRIBUTE_P2P_TOKENS tokens;
    unsigned int type;
    CUdeviceptr device;
    uint64_t generation;

    (void)begin_for_real();
    APP_CHECK(cuMemAlloc_v2(&device, 4096) == 0);
    generation = csh_watch_arm();
    APP_CHECK(cuPointerGetAttribute(
                  &type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE, device) == 0);
    expect("a type", NOTHING, outcome_of(generation));
    if (cuPointerGetAttribute(&tokens, CU_POINTER_ATTRIBUTE_P2P_TOKENS,
                              device) == 0) {
        expect("tokens", FORBIDDEN, outcome_of(generation));
    }
}

/* --- what is handed out -------------------------------------------------- */

static void hand_out(const char *name, int version, enum outcome expected)
{
    const struct csh_request request = {name, version, 0};
    uint64_t generation = csh_watch_arm();
    void *somewhere = dlsym(library, "simcuda_calls");

    APP_CHECK(generation != 0);
    APP_CHECK(csh_procaddr_choose(&request, somewhere) == somewhere);
    expect(name, expected, outcome_of(generation));
}

static void hand_out_queries(void)
{
    load_driver(NULL);
    hand_out("cuStreamQuery", 2000, NOTHING);
    hand_out("cuStreamQuery", CUDA_VERSION, NOTHING);
    hand_out("cuStreamQuery", CUDA_VERSION + 10, FORBIDDEN);
}

static void hand_out_newer(void)
{
    load_driver(NULL);
    hand_out("cuMemcpyWithAttributesAsync", 13020, FORBIDDEN);
}

static void hand_out_interop(void)
{
    load_driver(NULL);
    hand_out("cuGraphicsGLRegisterBuffer", 3000, FORBIDDEN);
}

CUresult cuOfNoTable(void);

/* Stands for an entry that no table names; exported by this program. */
__attribute__((visibility("default"))) CUresult cuOfNoTable(void)
{
    return CUDA_SUCCESS;
}

static void look_up(void *handle, const char *name, enum outcome expected)
{
    uint64_t generation = csh_watch_arm();

    APP_CHECK(generation != 0);
    (void)dlsym(handle, name);
    expect(name, expected, outcome_of(generation));
}

static void look_up_unknown(void)
{
    void *self = dlopen(NULL, RTLD_NOW);

    load_driver(NULL);
    look_up(library, "cuOfNoTable", NOTHING); /* not found there */
    look_up(library, "cuLaunchKernel", NOTHING);
    look_up(library, "cuInit", NOTHING);
    look_up(RTLD_DEFAULT, "cuLaunchKernel", NOTHING);
    look_up(self, "printf", NOTHING);
    look_up(self, "cuOfNoTable", FORBIDDEN);
}

static void look_up_behind(void)
{
    load_driver(NULL);
    look_up(RTLD_NEXT, "cuInit", NOTHING);
    look_up(RTLD_NEXT, "cuLaunchKernel", FORBIDDEN);
}

static void look_up_as_a_tool(void)
{
    void *(*insider_dlsym)(void *, const char *);
    uint64_t generation;
    void *tool;

    load_driver(NULL);
    tool = dlopen("libnv-test-injection.so", RTLD_NOW);
    APP_CHECK(tool != NULL);
    insider_dlsym = (void *(*)(void *, const char *))dlsym(
        tool, "insider_dlsym");
    generation = csh_watch_arm();
    APP_CHECK(insider_dlsym(library, "cuInit") != NULL);
    expect("a tool's query", NOTHING, outcome_of(generation));
    APP_CHECK(insider_dlsym(library, "cuLaunchKernel") !=
              (void *)cuLaunchKernel);
    expect("a tool", FORBIDDEN, outcome_of(generation));
}

static void rows(void)
{
    load_driver("*:*:713");
    check_rows();
}

static void own_stream(void)
{
    load_driver("*:*:713");
    check_own_streams();
}

static void own_stream_by_hand(void)
{
    load_driver("*:*:713");
    check_own_streams_by_hand();
}

static const struct {
    const char *name;
    void (*run)(void);
} scenarios[] = {
#define SCENARIO(name_) {#name_, name_}
    SCENARIO(rows),           SCENARIO(own_stream),
    SCENARIO(own_stream_by_hand),
    SCENARIO(map_twice),      SCENARIO(map_again),
    SCENARIO(copy_to_the_host), SCENARIO(launch_by_the_device),
    SCENARIO(give_tokens),    SCENARIO(hand_out_queries),
    SCENARIO(hand_out_newer), SCENARIO(hand_out_interop),
    SCENARIO(look_up_unknown), SCENARIO(look_up_behind),
    SCENARIO(look_up_as_a_tool),
};

/* Without an argument: the names of the scenarios. */
int main(int argc, char **argv)
{
    size_t i;

    for (i = 0; i < CSH_ARRAY_LENGTH(scenarios); i++) {
        if (argc == 1) {
            printf("%s\n", scenarios[i].name);
        } else if (strcmp(argv[1], scenarios[i].name) == 0) {
            scenarios[i].run();
            return n_wrong == 0 ? 0 : 1;
        }
    }
    return argc == 1 ? 0 : 2;
}
