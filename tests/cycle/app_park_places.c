/*
 * app_park_places.c - parked memory of several contexts and devices, how much
 * of it there may be, and when it goes. CUSHADOW_VRAM_KEEP and the device's
 * size come from park.tap, unless a scenario has its own.
 */
#include "weight.h"

#include <stdatomic.h>
#include <string.h>
#include <time.h>

#define LARGE (4 * MIB)
#define GIB ((size_t)1 << 30)

static void nap_ms(long ms)
{
    const struct timespec nap = {ms / 1000, ms % 1000 * 1000000};

    (void)nanosleep(&nap, NULL);
}

static CUcontext primary_of(CUdevice device)
{
    CUcontext context;

    OK(cu.cuDevicePrimaryCtxRetain(&context, device));
    return context;
}

/* Into new memory, which it leaves with the program; wanted is how many bytes
 * come over the link under the shim. */
static void load_expecting(struct weight *weight, uint64_t wanted)
{
    OK(cu.cuMemAlloc_v2(&weight->device, weight->bytes));
    REACHES(h2d, wanted, weight->bytes,
            upload(weight->device, weight->host, weight->bytes, NULL));
    CHECK(device_holds(weight->device, weight->bytes, weight->seed));
}

/* Frees it and loads it again. */
static void reload_expecting(struct weight *weight, uint64_t wanted)
{
    OK(cu.cuMemFree_v2(weight->device));
    load_expecting(weight, wanted);
}

static size_t free_now(void)
{
    size_t free_bytes, total;

    OK(more.cuMemGetInfo_v2(&free_bytes, &total));
    return free_bytes;
}

/* Where bytes of the weight are that the program has freed; 0: nowhere. */
static CUdeviceptr find_parked(const struct weight *weight)
{
    CUdeviceptr near;
    uint8_t bytes[64];

    for (near = weight->device - 64 * MIB; near < weight->device + 64 * MIB;
         near += 512) {
        if (more.simcuda_peek(bytes, near, 64) == CUDA_SUCCESS &&
            memcmp(bytes, weight->host, 64) == 0) {
            return near;
        }
    }
    return 0;
}

/* ---- contexts ----------------------------------------------------------- */

/* The end of a context stands still between the driver's part and the shim's,
 * in its thread, until another has begun to use the memory. */
static pthread_t ender;
static atomic_bool is_detached, is_ended, is_in_use;

static int stand_still(const char *symbol)
{
    if (pthread_equal(pthread_self(), ender) &&
        atomic_load(&is_detached) && strcmp(symbol, "cuCtxGetCurrent") == 0) {
        atomic_store(&is_detached, false);
        atomic_store(&is_ended, true);
        while (!atomic_load(&is_in_use)) {
            nap_ms(1);
        }
        nap_ms(20);
    } else if (strcmp(symbol, "cuCtxDetach") == 0) {
        atomic_store(&is_detached, true);
    }
    return 0;
}

static void *park_and_end(void *block_p)
{
    struct weight weight;
    CUcontext context;
    CUdevice device;

    ender = pthread_self();
    OK(cu.cuDeviceGet(&device, 0));
    OK(cu.cuCtxCreate_v2(&context, 0, device));
    weight = learned(LARGE, 100, NULL);
    reload_expecting(&weight, 0);
    OK(cu.cuMemFree_v2(weight.device));
    *(CUdeviceptr *)block_p = find_parked(&weight);
    OK(more.cuCtxDetach(context));
    atomic_store(&is_ended, true);
    return NULL;
}

/* What was parked in a context is the driver's when that has ended: another
 * thread that gets the same memory has it at once. */
static void context_ends_elsewhere(void)
{
    CUdeviceptr block = 0, memory;
    pthread_t thread;
    int tries;

    more.simcuda_on_call(under_shim ? stand_still : NULL);
    CHECK(pthread_create(&thread, NULL, park_and_end, &block) == 0);
    while (!atomic_load(&is_ended)) {
        nap_ms(1);
    }
    CHECK(block != 0 || !under_shim);
    for (tries = 0; tries < 16; tries++) {
        OK(cu.cuMemAlloc_v2(&memory, LARGE));
        if (memory == block) {
            break;
        }
    }
    CHECK(tries < 16 || !under_shim);
    atomic_store(&is_in_use, true);
    OK(cu.cuMemsetD8_v2(memory, 7, LARGE));
    join(thread);
    more.simcuda_on_call(NULL);
    OK(cu.cuMemFree_v2(memory));
}

/* Allocates until it has memory where a block was. */
static CUdeviceptr get_again(CUdeviceptr block, size_t bytes)
{
    CUdeviceptr memory = 0;
    int tries;

    for (tries = 0; tries < 16 && (memory == 0 || memory != block); tries++) {
        OK(cu.cuMemAlloc_v2(&memory, bytes));
    }
    CHECK(memory == block || !under_shim);
    return memory;
}

/* A context that ends by a way that the shim does not stand in takes what was
 * parked in it along. Whoever has that memory then is not mistaken for the
 * shim, whatever he does with it, and keeps it. */
static void context_ends_unseen(void)
{
    CUresult (*destroy)(CUcontext) =
        (CUresult(*)(CUcontext))unseen("cuCtxDestroy_v2");
    CUcontext context, primary = primary_of(0);
    struct weight weights[3];
    CUdeviceptr blocks[3] = {0}, memory, other, base;
    uint8_t *host = fresh(LARGE);
    unsigned type;
    size_t i;

    OK(cu.cuCtxCreate_v2(&context, 0, 0));
    for (i = 0; i < 3; i++) {
        weights[i] = learned(LARGE, 170 + (uint32_t)i, NULL);
    }
    for (i = 0; i < 3; i++) {
        OK(cu.cuMemFree_v2(weights[i].device));
        blocks[i] = find_parked(&weights[i]);
        CHECK(blocks[i] != 0 || !under_shim);
    }
    OK(destroy(context));
    OK(cu.cuCtxSetCurrent(primary));
    memory = get_again(blocks[0], LARGE);
    OK(more.cuPointerGetAttribute(&type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE,
                                  memory + MIB));
    OK(more.cuMemGetAddressRange_v2(&base, NULL, memory + 1));
    CHECK_EQUAL(base, memory);
    OK(cu.cuMemsetD8_v2(memory, 9, LARGE));
    OK(cu.cuMemcpyDtoH_v2(host, memory, LARGE));
    CHECK(host[0] == 9 && host[LARGE - 1] == 9);
    other = get_again(blocks[1], LARGE);
    /* All is to be had that there is, and nothing of it is freed by others. */
    CHECK(cu.cuMemAlloc_v2(&base, (size_t)1 << 40) ==
          CUDA_ERROR_OUT_OF_MEMORY);
    OK(cu.cuMemcpyDtoH_v2(host, memory, LARGE));
    CHECK(host[0] == 9 && host[LARGE - 1] == 9);
    OK(cu.cuMemFree_v2(other));
    OK(cu.cuMemFree_v2(memory));
    CHECK_EQUAL(cu.cuMemFree_v2(memory), CUDA_ERROR_INVALID_VALUE);
    CHECK_EQUAL(cu.cuMemFree_v2(other), CUDA_ERROR_INVALID_VALUE);
}

/* The same of a context whose handle is another's at once, with a driver that
 * does not tell the two apart: what the shim gives back is its own only. */
static void context_is_another_unseen(void)
{
    CUresult (*reset)(CUdevice) =
        (CUresult(*)(CUdevice))unseen("cuDevicePrimaryCtxReset_v2");
    struct weight weight = learned(LARGE, 177, NULL);
    CUdeviceptr block, memory, base = 0;

    (void)primary_of(0);
    OK(cu.cuMemFree_v2(weight.device));
    block = find_parked(&weight);
    CHECK(block != 0 || !under_shim);
    OK(reset(0));
    memory = get_again(block, LARGE);
    CHECK(cu.cuMemAlloc_v2(&base, (size_t)1 << 40) ==
          CUDA_ERROR_OUT_OF_MEMORY);
    OK(more.cuMemGetAddressRange_v2(&base, NULL, memory));
    CHECK_EQUAL(base, memory);
    OK(cu.cuMemFree_v2(memory));
}

/* The same, and nobody asks about it: it does not count for long. */
static void context_ends_unseen_and_unasked(void)
{
    CUresult (*destroy)(CUcontext) =
        (CUresult(*)(CUcontext))unseen("cuCtxDestroy_v2");
    CUcontext context, primary = primary_of(0);
    struct weight weight;
    CUdeviceptr other;
    size_t before;
    int naps;

    OK(cu.cuMemAlloc_v2(&other, 4 * LARGE));
    before = free_now();
    OK(cu.cuCtxCreate_v2(&context, 0, 0));
    weight = learned(LARGE, 175, NULL);
    OK(cu.cuMemFree_v2(weight.device));
    OK(destroy(context));
    OK(cu.cuCtxSetCurrent(primary));
    for (naps = 0; free_now() != before; naps++) {
        CHECK(naps < 20000);
        nap_ms(1);
    }
}

/* ---- devices ------------------------------------------------------------ */

/* What is parked on one device is of no use and no harm on another. */
static void several_devices(void)
{
    CUcontext contexts[2] = {primary_of(0), primary_of(1)};
    struct weight weights[2], copy;
    CUdeviceptr all;
    size_t before[2];
    int i;

    for (i = 0; i < 2; i++) {
        OK(cu.cuCtxSetCurrent(contexts[i]));
        before[i] = free_now();
        weights[i] = learned(LARGE, 110 + (uint32_t)i, NULL);
        OK(cu.cuMemFree_v2(weights[i].device));
        CHECK_EQUAL(free_now(), before[i]);
    }
    copy = weights[0]; /* on device 1 */
    load_expecting(&copy, LARGE);
    OK(cu.cuMemFree_v2(copy.device));

    OK(cu.cuMemAlloc_v2(&all, free_now())); /* nothing is parked there now */
    OK(cu.cuMemFree_v2(all));
    load_expecting(&weights[1], LARGE);
    OK(cu.cuCtxSetCurrent(contexts[0]));
    load_expecting(&weights[0], 0);
    CHECK_EQUAL(free_now(), before[0] - LARGE);
}

static void peers(void)
{
    CUcontext contexts[2] = {primary_of(0), primary_of(1)};
    struct weight weight;
    CUdeviceptr far;
    int i;

    OK(cu.cuCtxSetCurrent(contexts[1]));
    OK(more.cuCtxEnablePeerAccess(contexts[0], 0));
    OK(cu.cuMemAlloc_v2(&far, LARGE));
    OK(cu.cuCtxSetCurrent(contexts[0]));
    OK(more.cuCtxEnablePeerAccess(contexts[1], 0));
    weight = learned(LARGE, 120, NULL);
    for (i = 0; i < 3; i++) {
        CUdeviceptr old = weight.device;

        OK(cu.cuMemFree_v2(old));
        CHECK_EQUAL(more.cuMemcpyPeer(far, contexts[1], old, contexts[0],
                                      LARGE),
                    CUDA_ERROR_INVALID_VALUE);
        load_expecting(&weight, 0);
        OK(cu.cuMemsetD8_v2(far, 0, LARGE));
        OK(more.cuMemcpyPeer(far, contexts[1], weight.device, contexts[0],
                             LARGE));
        OK(cu.cuCtxSynchronize());
        CHECK(device_holds(far, LARGE, 120));
    }
    /* The peer writes to it: what is loaded next is what was parked before. */
    OK(more.cuMemcpyPeer(weight.device + MIB, contexts[0], far, contexts[1],
                         64));
    reload_expecting(&weight, 0);
}

/* ---- how much ----------------------------------------------------------- */

/* What auto leaves free to the byte: with one byte less nothing is parked. */
static void leaves_free(size_t headroom)
{
    struct weight weight = learned(LARGE, 130, NULL);
    size_t left = free_now();

    CHECK(left > headroom);
    OK(more.simcuda_take_elsewhere(0, left - headroom + 1));
    reload_expecting(&weight, LARGE);
    OK(more.simcuda_take_elsewhere(0, left - headroom));
    reload_expecting(&weight, 0);
    reload_expecting(&weight, 0);
}

static void auto_leaves_a_gibibyte(void)
{
    leaves_free(GIB);
}

static void auto_leaves_a_tenth(void)
{
    leaves_free(16 * GIB / 10);
}

/* ---- when it goes ------------------------------------------------------- */

static uint64_t (*allocated)(void);
static uint64_t most_allocated;
static atomic_bool is_ever;

/* The driver finds no room for an allocation of the program's as long as there
 * is more than that, wherever it lies; or ever. */
static int is_fragmented(const char *symbol)
{
    return strcmp(symbol, "cuMemAlloc_v2") == 0 &&
                   (atomic_load(&is_ever) || allocated() > most_allocated)
               ? CUDA_ERROR_OUT_OF_MEMORY
               : CUDA_SUCCESS;
}

static void fragments(void)
{
    struct weight weights[4];
    CUdeviceptr memory;
    uint64_t calls;
    size_t i;

    *(void **)&allocated = unseen("simcuda_allocated_bytes");
    for (i = 0; i < 4; i++) {
        weights[i] = learned(LARGE, 140 + (uint32_t)i, NULL);
    }
    most_allocated = allocated() - 4 * LARGE;
    for (i = 0; i < 4; i++) {
        OK(cu.cuMemFree_v2(weights[i].device));
    }
    CHECK_EQUAL(allocated() - most_allocated, under_shim ? 4 * LARGE : 0);
    more.simcuda_on_call(is_fragmented);
    OK(cu.cuMemAlloc_v2(&memory, 5 * LARGE));
    more.simcuda_on_call(NULL);
    for (i = 0; i < 4; i++) {
        load_expecting(&weights[i], LARGE);
        OK(cu.cuMemFree_v2(weights[i].device));
    }
    /* Tried once more, and no more. */
    atomic_store(&is_ever, true);
    calls = cu.simcuda_calls("cuMemAlloc_v2");
    more.simcuda_on_call(is_fragmented);
    CHECK_EQUAL(cu.cuMemAlloc_v2(&memory, 5 * LARGE),
                CUDA_ERROR_OUT_OF_MEMORY);
    CHECK_EQUAL(cu.simcuda_calls("cuMemAlloc_v2") - calls,
                under_shim ? 2 : 1);
    more.simcuda_on_call(NULL);
}

/* Memory of another size is another block; the weight comes to it all the
 * same. */
static void other_sizes(void)
{
    struct weight weight = learned(LARGE, 150, NULL);
    CUdeviceptr smaller, larger;
    uint64_t calls;

    OK(cu.cuMemFree_v2(weight.device));
    calls = cu.simcuda_calls("cuMemAlloc_v2");
    OK(cu.cuMemAlloc_v2(&smaller, LARGE - MIB));
    OK(cu.cuMemAlloc_v2(&larger, LARGE + MIB));
    CHECK_EQUAL(cu.simcuda_calls("cuMemAlloc_v2") - calls, 2);
    REACHES(h2d, 0, LARGE, upload(larger + MIB, weight.host, LARGE, NULL));
    CHECK(device_holds(larger + MIB, LARGE, 150));
    OK(cu.cuMemsetD8_v2(smaller, 1, LARGE - MIB));
    OK(cu.cuMemsetD8_v2(larger, 1, LARGE + MIB));
    OK(cu.cuMemFree_v2(larger)); /* parked still, and the only copy */
    weight.device = smaller;
    reload_expecting(&weight, 0);
}

static long ms_since(const struct timespec *begun)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (now.tv_sec - begun->tv_sec) * 1000 +
           (now.tv_nsec - begun->tv_nsec) / 1000000;
}

/* Milliseconds until a parked weight is gone after somebody else has taken
 * memory. */
static long ms_until_gone(struct weight *weight)
{
    struct timespec begun;
    uint64_t before;

    OK(cu.cuMemFree_v2(weight->device));
    before = allocated();
    (void)clock_gettime(CLOCK_MONOTONIC, &begun);
    OK(more.simcuda_take_elsewhere(0, free_now() - LARGE - MIB));
    while (allocated() == before) {
        CHECK(ms_since(&begun) < 20000);
        nap_ms(1);
    }
    CHECK_EQUAL(before - allocated(), LARGE);
    return ms_since(&begun);
}

/* The best of many: on a busy machine any one may take longer. */
static void gone_within_200_ms(void)
{
    struct weight weight = learned(LARGE, 160, NULL);
    int tries;

    *(void **)&allocated = unseen("simcuda_allocated_bytes");
    for (tries = 0; under_shim && ms_until_gone(&weight) > 200; tries++) {
        CHECK(tries < 20);
        OK(more.simcuda_take_elsewhere(0, 0));
        load_expecting(&weight, LARGE);
    }
}

static const struct negative scenarios[] = {
    {"context_ends_elsewhere", context_ends_elsewhere, NULL},
    {"context_ends_unseen", context_ends_unseen, NULL},
    {"context_is_another_unseen", context_is_another_unseen,
     "SIMCUDA_DRIVER_VERSION=11080"},
    {"context_ends_unseen_and_unasked", context_ends_unseen_and_unasked, NULL},
    {"several_devices", several_devices, "SIMCUDA_DEVICES=2"},
    {"peers", peers, "SIMCUDA_DEVICES=2"},
    {"auto_leaves_a_gibibyte", auto_leaves_a_gibibyte,
     "SIMCUDA_MEMORY=4G CUSHADOW_VRAM_KEEP=auto"},
    {"auto_leaves_a_tenth", auto_leaves_a_tenth,
     "SIMCUDA_MEMORY=16G CUSHADOW_VRAM_KEEP=auto"},
    {"fragments", fragments, NULL},
    {"other_sizes", other_sizes, NULL},
    {"gone_within_200_ms", gone_within_200_ms, NULL},
};

int main(int argc, char **argv)
{
    return negative_main(argc, argv, scenarios,
                         sizeof(scenarios) / sizeof(scenarios[0]));
}
