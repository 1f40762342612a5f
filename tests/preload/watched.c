/*
 * watched.c - the wrappers and the watch in one program, so that it can be
 * seen what a call does to a generation. Linked from the shim's own objects;
 * the simulated driver is loaded as libcuda.so.1.
 *
 *   watched NAME        a scenario: the entries one by one (watched_rows.c), or
 *                       a condition that forbids cohorts, or must not
 *   watched             the names of the scenarios
 */
#include "watched.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

typedef CUresult any_call(uintptr_t, uintptr_t, uintptr_t, uintptr_t,
                          uintptr_t, uintptr_t, uintptr_t, uintptr_t,
                          uintptr_t, uintptr_t, uintptr_t, uintptr_t,
                          uintptr_t, uintptr_t, uintptr_t, uintptr_t);

void *library;
int n_wrong;

void load_driver(const char *faults)
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

CUresult call_with(void *entry, uintptr_t any)
{
    return ((any_call *)entry)(any, any, any, any, any, any, any, any, any,
                               any, any, any, any, any, any, any);
}

enum outcome outcome_of(uint64_t generation)
{
    if (!csh_watch_is_allowed()) {
        return csh_watch_holds(generation) ? WRONG : FORBIDDEN;
    }
    return csh_watch_holds(generation) ? NOTHING : TRIPPED;
}

void expect(const char *what, enum outcome expected, enum outcome got)
{
    static const char *const words[] = {"nothing", "tripped", "forbidden",
                                        "wrong"};

    if (got != expected) {
        n_wrong++;
        fprintf(stderr, "%s: %s, not %s\n", what, words[got],
                words[expected]);
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
    APP_CHECK(cuGraphInstantiateWithFlags(
                  &exec, graph,
                  CUDA_GRAPH_INSTANTIATE_FLAG_DEVICE_LAUNCH) == 0);
    expect("a graph of the device", FORBIDDEN, outcome_of(generation));
}

static void launch_params_by_the_device(void)
{
    CUDA_GRAPH_INSTANTIATE_PARAMS params = {.flags = 0};
    CUgraphExec exec;
    CUgraph graph;
    uint64_t generation;

    (void)begin_for_real();
    APP_CHECK(cuGraphCreate(&graph, 0) == 0);
    generation = csh_watch_arm();
    APP_CHECK(cuGraphInstantiateWithParams(&exec, graph, &params) == 0);
    expect("a graph", TRIPPED, outcome_of(generation));
    params.flags = CUDA_GRAPH_INSTANTIATE_FLAG_DEVICE_LAUNCH;
    APP_CHECK(cuGraphInstantiateWithParams(&exec, graph, &params) == 0);
    expect("a graph of the device", FORBIDDEN, outcome_of(generation));
}

/* Allocates, arms. */
static uint64_t begin_with_memory(CUdeviceptr *device_p)
{
    uint64_t generation;

    (void)begin_for_real();
    APP_CHECK(cuMemAlloc_v2(device_p, 4096) == 0);
    generation = csh_watch_arm();
    APP_CHECK(generation != 0);
    return generation;
}

static void give_tokens(void)
{
    CUDA_POINTER_ATTRIBUTE_P2P_TOKENS tokens;
    unsigned int type;
    CUdeviceptr device;
    uint64_t generation = begin_with_memory(&device);

    APP_CHECK(cuPointerGetAttribute(
                  &type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE, device) == 0);
    expect("a type", NOTHING, outcome_of(generation));
    (void)cuPointerGetAttribute(&tokens, CU_POINTER_ATTRIBUTE_P2P_TOKENS,
                                device);
    expect("tokens", FORBIDDEN, outcome_of(generation));
}

static void give_tokens_among_others(void)
{
    CUpointer_attribute attributes[2] = {CU_POINTER_ATTRIBUTE_MEMORY_TYPE,
                                         CU_POINTER_ATTRIBUTE_IS_MANAGED};
    CUDA_POINTER_ATTRIBUTE_P2P_TOKENS tokens;
    unsigned int type;
    void *data[2] = {&type, &tokens};
    CUdeviceptr device;
    uint64_t generation = begin_with_memory(&device);

    APP_CHECK(cuPointerGetAttributes(2, attributes, data, device) == 0);
    expect("a type", NOTHING, outcome_of(generation));
    attributes[1] = CU_POINTER_ATTRIBUTE_P2P_TOKENS;
    (void)cuPointerGetAttributes(2, attributes, data, device);
    expect("tokens", FORBIDDEN, outcome_of(generation));
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

/* What the runtimes of CUDA 12.0 and 13.0 ask for as they start: logged. */
static const char *const tables_of_the_runtime[] = {
    "f8cff95121468b4eb9e2fb469e7c0dd9", "6bd5fb6c5bf4e74a8987d93912fd9df9",
    "a094798c2e742e7493f20800200c0a66", "42d85a8123f6cb478298f6e78a3aecdc",
    "c693336e1121df11a8c368f355d89593", "263e88607cd2614392f6bbd5006dfa7e",
    "d4082055bde6704b8d34ba123c66e1f2",
};

static enum outcome ask_for_table(const char *hex, int spoilt_byte)
{
    uint64_t generation = csh_watch_arm();
    const void *table;
    unsigned int byte;
    CUuuid id;
    int i;

    for (i = 0; i < (int)sizeof(id.bytes); i++) {
        APP_CHECK(sscanf(hex + 2 * (size_t)i, "%2x", &byte) == 1);
        id.bytes[i] = (char)(byte ^ (i == spoilt_byte ? 1u : 0u));
    }
    APP_CHECK(generation != 0);
    APP_CHECK(cuGetExportTable(&table, &id) == CUDA_ERROR_NOT_FOUND);
    return outcome_of(generation);
}

static void ask_for_tables_of_the_runtime(void)
{
    size_t i;

    load_driver(NULL);
    for (i = 0; i < CSH_ARRAY_LENGTH(tables_of_the_runtime); i++) {
        expect(tables_of_the_runtime[i], TRIPPED,
               ask_for_table(tables_of_the_runtime[i], -1));
    }
}

/* Forbidding is for good, so each is asked for in a child. */
static void ask_for_other_tables(void)
{
    enum { N_RUNS = 3 + 2 * CSH_ARRAY_LENGTH(tables_of_the_runtime) };
    int i, status;
    pid_t child;

    load_driver(NULL);
    for (i = 0; i < N_RUNS; i++) {
        child = fork();
        APP_CHECK(child >= 0);
        if (child == 0) {
            if (i == 0) {
                APP_CHECK(csh_watch_arm() != 0);
                APP_CHECK(cuGetExportTable(NULL, NULL) ==
                          CUDA_ERROR_INVALID_VALUE);
                _exit(csh_watch_is_allowed() ? NOTHING : FORBIDDEN);
            }
            /* cuBLAS's; a hundred entries, of which one is known */
            _exit(i <= 2 ? ask_for_table(i == 1
                                  ? "21318c60971432488ca641ff7324c8f2"
                                  : "00000000000000000000000000000000", -1)
                         : ask_for_table(tables_of_the_runtime[(i - 3) / 2],
                                         i % 2 == 0 ? 0 : 15));
        }
        APP_CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status));
        expect("another table", FORBIDDEN, WEXITSTATUS(status));
    }
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

/* Handed out to the runtime whether it needs them or not; called by few. */
static void hand_out_interop(void)
{
    static const char *const names[] = {
        "cuGraphicsGLRegisterBuffer", "cuEGLStreamConsumerConnect",
        "cuGraphicsVDPAURegisterVideoSurface", "cuEventCreateFromEGLSync",
    };
    uint64_t generation;
    void *wrapper = NULL;
    size_t i;

    load_driver("*:*:713");
    generation = csh_watch_arm();
    for (i = 0; i < CSH_ARRAY_LENGTH(names); i++) {
        const struct csh_request request = {names[i], CUDA_VERSION, 0};
        void *own = NULL;

        APP_CHECK(csh_driver_find(names[i], &own));
        wrapper = csh_procaddr_choose(&request, own);
        APP_CHECK(wrapper != own);
        expect(names[i], NOTHING, outcome_of(generation));
    }
    APP_CHECK(call_with(wrapper, 0) == SCRIPTED);
    expect("a call", FORBIDDEN, outcome_of(generation));
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

static void room(void)
{
    APP_CHECK(setenv("CUSHADOW_VRAM_KEEP", "50%", 1) == 0);
    (void)begin_for_real();
    check_room();
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
    SCENARIO(launch_params_by_the_device),
    SCENARIO(give_tokens),    SCENARIO(give_tokens_among_others),
    SCENARIO(ask_for_tables_of_the_runtime), SCENARIO(ask_for_other_tables),
    SCENARIO(hand_out_queries),
    SCENARIO(hand_out_newer), SCENARIO(hand_out_interop),
    SCENARIO(look_up_unknown), SCENARIO(look_up_behind),
    SCENARIO(look_up_as_a_tool), SCENARIO(room),
};

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
