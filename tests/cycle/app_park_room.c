/*
 * app_park_room.c - parked memory makes way for whoever wants memory: this
 * program, by whatever call, and other processes. CUSHADOW_VRAM_KEEP and the
 * device's size come from park.tap.
 */
#include "weight.h"

#include <string.h>
#include <time.h>

#define LARGE (4 * MIB)

static void nap_a_millisecond(void)
{
    const struct timespec nap = {0, 1000000};

    (void)nanosleep(&nap, NULL);
}

/* What is free is what can be had. */
static void parked_memory_is_free(void)
{
    struct weight weights[4];
    size_t free_bytes, total, after;
    CUdeviceptr all;
    size_t i;

    OK(more.cuMemGetInfo_v2(&free_bytes, &total));
    for (i = 0; i < 4; i++) {
        weights[i] = learned(LARGE, 40 + (uint32_t)i, NULL);
    }
    for (i = 0; i < 4; i++) {
        OK(cu.cuMemFree_v2(weights[i].device));
    }
    OK(more.cuMemGetInfo_v2(&after, &total));
    CHECK_EQUAL(after, free_bytes);
    OK(cu.cuMemAlloc_v2(&all, after));
    CHECK(cu.cuMemAlloc_v2(&all, MIB) == CUDA_ERROR_OUT_OF_MEMORY);
}

/* Every way in which memory is asked for finds what is parked. */
static void every_allocation_makes_it_go(void)
{
    const CUmemAllocationProp properties = {
        .type = CU_MEM_ALLOCATION_TYPE_PINNED,
        .location = {.type = CU_MEM_LOCATION_TYPE_DEVICE},
    };
    CUmemGenericAllocationHandle handle;
    size_t free_bytes, total, pitch;
    CUdeviceptr memory, rest;
    int way;

    for (way = 0; way < 5; way++) {
        struct weight weight = learned(16 * MIB, 50 + (uint32_t)way, NULL);

        OK(more.cuMemGetInfo_v2(&free_bytes, &total));
        CHECK(free_bytes > 40 * MIB);
        OK(cu.cuMemAlloc_v2(&rest, free_bytes - 30 * MIB));
        OK(cu.cuMemFree_v2(weight.device));
        switch (way) {
        case 0:
            OK(cu.cuMemAlloc_v2(&memory, 40 * MIB));
            OK(cu.cuMemFree_v2(memory));
            break;
        case 1:
            OK(more.cuMemAllocPitch_v2(&memory, &pitch, 1 << 20, 40, 4));
            OK(cu.cuMemFree_v2(memory));
            break;
        case 2:
            OK(cu.cuMemAllocAsync(&memory, 40 * MIB, NULL));
            OK(cu.cuMemFreeAsync(memory, NULL));
            OK(cu.cuCtxSynchronize());
            break;
        case 3:
            OK(more.cuMemCreate(&handle, 40 * MIB, &properties, 0));
            OK(more.cuMemRelease(handle));
            break;
        default:
            OK(more.cuMemAllocManaged(&memory, 40 * MIB,
                                      CU_MEM_ATTACH_GLOBAL));
            OK(cu.cuMemFree_v2(memory));
            break;
        }
        OK(cu.cuMemFree_v2(rest));
    }
}

/* What else fails for want of device memory, whatever it is, is made once more
 * when there is some; and once only. */
static void every_call_is_made_once_more(void)
{
    static const struct { const char *faults; bool is_helped; } cases[] = {
        {"cuStreamCreate:1:2", true},
        {"cuModuleLoadData:1:2", true},
        {"cuLaunchKernel:1:2", true},
        {"cuMemAddressReserve:1:2", true},
        {"cuStreamCreate:1:2,cuStreamCreate:2:2", false},
    };
    CUdeviceptr memory, reserved;
    uint64_t count = 1;
    uint32_t value = 1;
    void *params[] = {&memory, &value, &count};
    CUfunction fill_kernel;
    CUmodule module;
    CUresult results[4];
    CUstream stream;
    size_t i, j;

    OK(cu.cuMemAlloc_v2(&memory, MIB));
    OK(cu.cuModuleLoadData(&module, "test kernels"));
    OK(cu.cuModuleGetFunction(&fill_kernel, module, "fill_u32"));
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct weight weight = learned(LARGE, 58 + (uint32_t)i, NULL);
        bool is_any = false;

        OK(cu.cuMemFree_v2(weight.device));
        more.simcuda_counters_reset();
        CHECK_EQUAL(more.simcuda_set_faults(cases[i].faults), 0);
        results[0] = cu.cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING);
        results[1] = cu.cuModuleLoadData(&module, "test kernels");
        results[2] = cu.cuLaunchKernel(fill_kernel, 1, 1, 1, 32, 1, 1, 0, NULL,
                                       params, NULL);
        results[3] = more.cuMemAddressReserve(&reserved, LARGE, 0, 0, 0);
        CHECK_EQUAL(more.simcuda_set_faults(NULL), 0);
        for (j = 0; j < 4; j++) {
            is_any |= results[j] != CUDA_SUCCESS;
        }
        CHECK_EQUAL(is_any, !under_shim || !cases[i].is_helped);
    }
}

/* Within 2 s, on however slow a machine. */
static void takes_elsewhere(uint64_t bytes)
{
    int naps = 2000;

    while (more.simcuda_take_elsewhere(0, bytes) != CUDA_SUCCESS) {
        CHECK(naps-- > 0);
        nap_a_millisecond();
    }
}

/* Another process takes memory, some at a time: what is parked makes way. */
static void neighbour_takes_memory(void)
{
    struct weight weights[4];
    size_t free_bytes, total, left, i;

    for (i = 0; i < 4; i++) {
        weights[i] = learned(8 * MIB, 80 + (uint32_t)i, NULL);
    }
    for (i = 0; i < 4; i++) {
        OK(cu.cuMemFree_v2(weights[i].device));
    }
    OK(more.cuMemGetInfo_v2(&free_bytes, &total));
    for (left = 34 * MIB; left > 4 * MIB; left -= 4 * MIB) {
        takes_elsewhere(free_bytes - left);
    }
    OK(more.simcuda_take_elsewhere(0, 0));
    for (i = 0; i < 4; i++) {
        OK(cu.cuMemAlloc_v2(&weights[i].device, 8 * MIB));
        REACHES(h2d, 8 * MIB, 8 * MIB,
                upload(weights[i].device, weights[i].host, 8 * MIB, NULL));
        CHECK(device_holds(weights[i].device, 8 * MIB, weights[i].seed));
    }
}

/* -------------------------------------------------------------- storm --- */

#define N_SLOTS 24
#define UNIT (256 * KIB)

struct slot {
    struct weight weight; /* its host bytes are for ever */
    bool is_allocated;
};

/* Loads a weight and puts it away again, or finds that it was. */
static void use(struct slot *slot)
{
    struct weight *weight = &slot->weight;

    OK(cu.cuMemcpyHtoD_v2(weight->device, weight->host, weight->bytes));
    OK(cu.cuMemcpyDtoH_v2(weight->host, weight->device, weight->bytes));
    CHECK(holds(weight->host, weight->bytes, weight->seed));
    CHECK(device_holds(weight->device, weight->bytes, weight->seed));
}

/* More is asked for than there is, all the time: what can be had is what could
 * be had if nothing were parked, to the byte. */
static void storm(void)
{
    struct slot slots[N_SLOTS];
    uint32_t random = 12345, n_refused = 0, i;
    size_t left, total, now;

    for (i = 0; i < N_SLOTS; i++) {
        size_t bytes = UNIT * (1 + i * 7 % 29);

        slots[i] = (struct slot){{0, fresh(bytes), bytes, 300 + i}, false};
        fill(slots[i].weight.host, bytes, 300 + i);
    }
    OK(more.cuMemGetInfo_v2(&left, &total));
    for (i = 0; i < 600; i++) {
        struct slot *slot;

        random = random * 1664525u + 1013904223u;
        slot = &slots[(random >> 16) % N_SLOTS];
        if (slot->is_allocated) {
            OK(cu.cuMemFree_v2(slot->weight.device));
            left += slot->weight.bytes;
            slot->is_allocated = false;
        } else {
            slot->is_allocated = slot->weight.bytes <= left;
            CHECK_EQUAL(cu.cuMemAlloc_v2(&slot->weight.device,
                                         slot->weight.bytes),
                        slot->is_allocated ? CUDA_SUCCESS
                                           : CUDA_ERROR_OUT_OF_MEMORY);
            n_refused += !slot->is_allocated;
            if (slot->is_allocated) {
                left -= slot->weight.bytes;
                use(slot);
            }
        }
        OK(more.cuMemGetInfo_v2(&now, &total));
        CHECK_EQUAL(now, left);
    }
    CHECK(n_refused > 20);
}

/* Threads that swap models of their own. */
static void *swap(void *seed)
{
    struct weight weight = {.host = fresh(LARGE), .bytes = LARGE,
                            .seed = (uint32_t)(uintptr_t)seed};
    CUcontext context;
    CUdevice device;
    int i;

    OK(cu.cuDeviceGet(&device, 0));
    OK(cu.cuDevicePrimaryCtxRetain(&context, device));
    OK(cu.cuCtxSetCurrent(context));
    fill(weight.host, LARGE, weight.seed);
    for (i = 0; i < 20; i++) {
        OK(cu.cuMemAlloc_v2(&weight.device, LARGE));
        OK(cu.cuMemcpyHtoD_v2(weight.device, weight.host, LARGE));
        OK(cu.cuMemcpyDtoH_v2(weight.host, weight.device, LARGE));
        CHECK(holds(weight.host, LARGE, weight.seed));
        CHECK(device_holds(weight.device, LARGE, weight.seed));
        OK(cu.cuMemFree_v2(weight.device));
    }
    return NULL;
}

static void threads_swap(void)
{
    pthread_t threads[4];
    uintptr_t i;

    for (i = 0; i < 4; i++) {
        CHECK(pthread_create(&threads[i], NULL, swap,
                             (void *)(400 + i)) == 0);
    }
    for (i = 0; i < 4; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
}

/* One stays behind: what the program has again in whole is not handed out. */
#define N_PIECES 4
#define N_LOADED 3

/* Several read from one block at once, and it is handed out while their copies
 * may be under way: it goes after the last of them. */
struct piece {
    struct weight weight;
    CUstream stream;
};

static void *load_piece(void *opaque)
{
    struct piece *piece = opaque;
    struct weight *weight = &piece->weight;
    CUcontext context;
    CUdevice device;

    OK(cu.cuDeviceGet(&device, 0));
    OK(cu.cuDevicePrimaryCtxRetain(&context, device));
    OK(cu.cuCtxSetCurrent(context));
    OK(cu.cuMemcpyHtoDAsync_v2(weight->device, weight->host, weight->bytes,
                               piece->stream));
    return NULL;
}

static void load_pieces(struct piece *pieces)
{
    pthread_t threads[N_LOADED];
    size_t i;

    for (i = 0; i < N_LOADED; i++) {
        CHECK(pthread_create(&threads[i], NULL, load_piece,
                             &pieces[i]) == 0);
    }
    for (i = 0; i < N_LOADED; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
}

static void threads_load_from_one_block(void)
{
    struct piece pieces[N_PIECES];
    CUdeviceptr block;
    size_t left, total;
    uint64_t calls;
    int round;
    size_t i;

    for (i = 0; i < N_PIECES; i++) {
        struct weight *weight = &pieces[i].weight;

        *weight = (struct weight){0, fresh(MIB), MIB, 500 + (uint32_t)i};
        fill(weight->host, MIB, weight->seed);
        OK(cu.cuMemAlloc_v2(&weight->device, MIB));
        pieces[i].stream = new_stream(CU_STREAM_NON_BLOCKING);
    }
    for (round = 0; round < 10; round++) {
        OK(cu.cuMemAlloc_v2(&block, N_PIECES * MIB));
        for (i = 0; i < N_PIECES; i++) {
            upload(block + i * MIB, pieces[i].weight.host, MIB, NULL);
            offload(pieces[i].weight.host, block + i * MIB, MIB, NULL);
            OK(cu.cuMemsetD8_v2(pieces[i].weight.device, 0, MIB));
        }
        OK(cu.cuMemFree_v2(block));
        REACHES(h2d, 0, N_LOADED * MIB, load_pieces(pieces));
        OK(more.cuMemGetInfo_v2(&left, &total)); /* something has to go */
        OK(more.simcuda_take_elsewhere(0, left - 19 * MIB));
        calls = cu.simcuda_calls("cuMemAlloc_v2");
        OK(cu.cuMemAlloc_v2(&block, N_PIECES * MIB));
        OK(more.simcuda_take_elsewhere(0, 0));
        CHECK_EQUAL(cu.simcuda_calls("cuMemAlloc_v2") - calls, !under_shim);
        OK(cu.cuMemsetD8_v2(block, 0x5a, N_PIECES * MIB));
        OK(cu.cuMemFree_v2(block));
        for (i = 0; i < N_LOADED; i++) {
            OK(cu.cuStreamSynchronize(pieces[i].stream));
            CHECK(device_holds(pieces[i].weight.device, MIB,
                               pieces[i].weight.seed));
        }
    }
}

/* ------------------------------------------------------ work under way --- */

static CUstream held;
static uint32_t *flag;

/* What the shim copies within the device stands still. */
static int hold_copies(const char *symbol)
{
    if (under_shim && strcmp(symbol, "cuMemcpyDtoDAsync_v2") == 0) {
        more.simcuda_on_call(NULL);
        hold_back(held, flag);
    }
    return 0;
}

static void *release_in_a_second(void *unused)
{
    int naps = 1000;

    while (naps-- > 0) {
        nap_a_millisecond();
    }
    release(flag);
    return unused;
}

/* One that is still read from when patience ends holds up no other. */
static void one_that_is_read_holds_up_no_other(void)
{
    struct weight a = learned(LARGE, 600, NULL), b = learned(LARGE, 601, NULL);
    size_t free_bytes, total;
    CUdeviceptr memory, rest;
    pthread_t thread;

    held = new_stream(CU_STREAM_NON_BLOCKING);
    flag = pinned(sizeof(*flag));
    OK(cu.cuMemAlloc_v2(&memory, LARGE));
    OK(cu.cuMemFree_v2(a.device));
    OK(cu.cuMemFree_v2(b.device));
    more.simcuda_on_call(hold_copies);
    OK(cu.cuMemcpyHtoDAsync_v2(memory, a.host, LARGE, held));
    more.simcuda_on_call(NULL);
    OK(more.cuMemGetInfo_v2(&free_bytes, &total));
    CHECK_EQUAL(pthread_create(&thread, NULL, release_in_a_second, NULL), 0);
    OK(cu.cuMemAlloc_v2(&rest, free_bytes - LARGE));
    join(thread);
    OK(cu.cuStreamSynchronize(held));
    CHECK(device_holds(memory, LARGE, 600));
}

/* Head-room is not worth a wait: work that ends only after the allocation has
 * returned does not hang the program. */
static void head_room_waits_for_nothing(void)
{
    struct weight weights[4];
    size_t free_bytes, total, i;
    CUdeviceptr memory;

    held = new_stream(CU_STREAM_NON_BLOCKING);
    flag = pinned(sizeof(*flag));
    for (i = 0; i < 4; i++) {
        weights[i] = learned(LARGE, 610 + (uint32_t)i, NULL);
    }
    for (i = 0; i < 4; i++) {
        OK(cu.cuMemFree_v2(weights[i].device));
    }
    OK(more.cuMemGetInfo_v2(&free_bytes, &total));
    OK(more.simcuda_take_elsewhere(0, free_bytes - 20 * MIB - 4 * LARGE));
    hold_back(held, flag);
    OK(cu.cuMemAlloc_v2(&memory, 16 * MIB)); /* 4 are left, beside those */
    release(flag);
    OK(cu.cuStreamSynchronize(held));
    OK(cu.cuMemAlloc_v2(&weights[0].device, LARGE - MIB));
}

/* With the option off: no call of the driver's that is only for parking. */
static void off(void)
{
    static const char *const own[] = {
        "cuMemGetInfo_v2", "cuMemcpyDtoDAsync_v2", "cuCtxPushCurrent_v2",
        "cuCtxPopCurrent_v2", "cuCtxGetDevice",
    };
    struct weight weight = learned(LARGE, 90, NULL);
    uint64_t allocations = cu.simcuda_calls("cuMemAlloc_v2");
    uint64_t frees = cu.simcuda_calls("cuMemFree_v2"), before[5];
    size_t i;

    for (i = 0; i < 5; i++) {
        before[i] = cu.simcuda_calls(own[i]);
    }
    OK(cu.cuMemFree_v2(weight.device));
    OK(cu.cuMemAlloc_v2(&weight.device, LARGE));
    REACHES(h2d, LARGE, LARGE,
            upload(weight.device, weight.host, LARGE, NULL));
    offload_expecting(&weight, 0, NULL);
    CHECK_EQUAL(cu.simcuda_calls("cuMemAlloc_v2"), allocations + 1);
    CHECK_EQUAL(cu.simcuda_calls("cuMemFree_v2"), frees + 1);
    for (i = 0; i < 5; i++) {
        CHECK_EQUAL(cu.simcuda_calls(own[i]), before[i]);
    }
}

static const struct negative scenarios[] = {
    {"off", off, "CUSHADOW_VRAM_KEEP=0"},
    {"storm", storm, "SIMCUDA_MEMORY=48M"},
    {"storm_with_little_room", storm,
     "SIMCUDA_MEMORY=48M CUSHADOW_VRAM_KEEP=3M"},
    {"threads_swap", threads_swap, NULL},
    {"threads_swap_with_little_room", threads_swap, "CUSHADOW_VRAM_KEEP=6M"},
    {"threads_load_from_one_block", threads_load_from_one_block, NULL},
    {"one_that_is_read_holds_up_no_other", one_that_is_read_holds_up_no_other,
     "CUSHADOW_PROOF_TIMEOUT_MS=300"},
    {"head_room_waits_for_nothing", head_room_waits_for_nothing, NULL},
    {"parked_memory_is_free", parked_memory_is_free, NULL},
    {"every_allocation_makes_it_go", every_allocation_makes_it_go, NULL},
    {"every_call_is_made_once_more", every_call_is_made_once_more, NULL},
    {"neighbour_takes_memory", neighbour_takes_memory, NULL},
};

int main(int argc, char **argv)
{
    return negative_main(argc, argv, scenarios,
                         sizeof(scenarios) / sizeof(scenarios[0]));
}
