/*
 * app_park_figures.c - what the statistics and cuMemGetInfo say of parked
 * memory adds up, at any time, with what the driver says: of each device and
 * in all. CUSHADOW_VRAM_KEEP comes from park.tap.
 */
#include <unistd.h>

#include "declare.h"

enum { N_DEVICES = 2, N_WEIGHTS = 8, N_STEPS = 200 };

static CUcontext contexts[N_DEVICES];

static uint64_t figure(const char *name)
{
    struct figure found = {NULL, name, 0};

    ANSWERS(cushadow_statistics(find_figure, &found), CUSHADOW_OK);
    return found.value;
}

static size_t free_of(int device,
                      CUresult (*get_info)(size_t *free_p, size_t *total_p))
{
    size_t free_bytes, total;

    OK(cu.cuCtxSetCurrent(contexts[device]));
    OK(get_info(&free_bytes, &total));
    return free_bytes;
}

/* What the program has of each device, as the test counts. */
static size_t used[N_DEVICES], at_first[N_DEVICES];
/* The most that was seen parked, and the most that can have been between two
 * looks, when a thread of the shim's gave some of it back at once. */
static uint64_t most_parked, most_possible;

/* What the program is told is free and the driver has not: nothing of it is
 * lost, on no device. */
static uint64_t parked_by_driver(void)
{
    CUresult (*driver)(size_t *, size_t *) =
        (CUresult(*)(size_t *, size_t *))unseen("cuMemGetInfo_v2");
    uint64_t parked = 0;
    size_t told, real;
    int i;

    for (i = 0; i < N_DEVICES; i++) {
        real = free_of(i, driver);
        told = free_of(i, more.cuMemGetInfo_v2);
        CHECK_EQUAL(told, at_first[i] - used[i]);
        CHECK(told >= real);
        parked += told - real;
    }
    return parked;
}

/* The shim's figures add up with the driver's. A thread of the shim's gives
 * blocks back while we look, at most a few a second: figures that do not add
 * up are looked at again, and those that never do are wrong. */
static void check_sums(void)
{
    uint64_t said, parked;
    int looks = 0;

    do {
        said = figure("parked_bytes");
        parked = parked_by_driver();
    } while ((said != parked || figure("parked_bytes") != said) &&
             ++looks < 1000 && !usleep(2000));
    CHECK_EQUAL(said, parked);
    most_parked = parked > most_parked ? parked : most_parked;
    CHECK(figure("parked_bytes_peak") >= most_parked);
    CHECK(figure("parked_bytes_peak") <= most_possible);
}

struct owned {
    struct weight weight;
    int device;
    bool is_there;
};

/* How many bytes came without crossing the link. */
static uint64_t load(struct owned *owned)
{
    struct weight *weight = &owned->weight;
    uint64_t before = reached_h2d();

    OK(cu.cuMemAlloc_v2(&weight->device, weight->bytes));
    OK(cu.cuMemcpyHtoD_v2(weight->device, weight->host, weight->bytes));
    before = weight->bytes - (reached_h2d() - before);
    OK(cu.cuMemcpyDtoH_v2(weight->host, weight->device, weight->bytes));
    CHECK(holds(weight->host, weight->bytes, weight->seed));
    CHECK(device_holds(weight->device, weight->bytes, weight->seed));
    used[owned->device] += weight->bytes;
    owned->is_there = true;
    return before;
}

static void unload(struct owned *owned)
{
    uint64_t possible = figure("parked_bytes") + owned->weight.bytes;

    most_possible = possible > most_possible ? possible : most_possible;
    OK(cu.cuMemFree_v2(owned->weight.device));
    used[owned->device] -= owned->weight.bytes;
    owned->is_there = false;
}

static void sums(void)
{
    struct owned owned[N_DEVICES * N_WEIGHTS], *one;
    uint32_t random = 99;
    uint64_t saved = 0;
    int i;

    for (i = 0; i < N_DEVICES; i++) {
        OK(cu.cuDevicePrimaryCtxRetain(&contexts[i], i));
        at_first[i] = free_of(i, more.cuMemGetInfo_v2);
    }
    for (i = 0; i < N_DEVICES * N_WEIGHTS; i++) {
        one = &owned[i];
        one->device = i % N_DEVICES;
        one->is_there = false;
        one->weight = (struct weight){0, fresh(MIB * (1 + (size_t)i % 5)),
                                      MIB * (1 + (size_t)i % 5),
                                      800 + (uint32_t)i};
        fill(one->weight.host, one->weight.bytes, one->weight.seed);
    }
    for (i = 0; i < N_STEPS; i++) {
        random = random * 1664525u + 1013904223u;
        one = &owned[(random >> 16) % (N_DEVICES * N_WEIGHTS)];
        OK(cu.cuCtxSetCurrent(contexts[one->device]));
        if (one->is_there) {
            unload(one);
        } else if (one->weight.bytes <=
                   at_first[one->device] - used[one->device]) {
            saved += load(one);
        }
        check_sums();
    }
    CHECK_EQUAL(figure("park_hits_device_bytes") +
                    figure("park_hits_in_place_bytes"),
                saved);
    CHECK(saved > 40 * MIB || !under_shim);
    CHECK(most_parked > 4 * MIB || !under_shim);
}

static void pool_state(cuuint64_t *values)
{
    CUresult (*get_pool)(CUmemoryPool *, CUdevice) =
        (CUresult(*)(CUmemoryPool *, CUdevice))unseen("cuDeviceGetMemPool");
    CUresult (*get)(CUmemoryPool, CUmemPool_attribute, void *) =
        (CUresult(*)(CUmemoryPool, CUmemPool_attribute, void *))unseen(
            "cuMemPoolGetAttribute");
    CUmemoryPool pool;

    OK(get_pool(&pool, 0));
    OK(get(pool, CU_MEMPOOL_ATTR_USED_MEM_CURRENT, &values[0]));
    OK(get(pool, CU_MEMPOOL_ATTR_RESERVED_MEM_CURRENT, &values[1]));
}

/* Pools have what is the program's in them, and nothing of the shim's. */
static void pools(void)
{
    struct weight weight = {.host = fresh(4 * MIB), .bytes = 4 * MIB,
                            .seed = 850};
    cuuint64_t before[2], now[2];
    CUstream stream = new_stream(CU_STREAM_NON_BLOCKING);
    CUmemoryPool pool;
    CUresult (*get_pool)(CUmemoryPool *, CUdevice) =
        (CUresult(*)(CUmemoryPool *, CUdevice))unseen("cuDeviceGetMemPool");
    CUresult (*trim)(CUmemoryPool, size_t) =
        (CUresult(*)(CUmemoryPool, size_t))unseen("cuMemPoolTrimTo");
    int i;

    fill(weight.host, weight.bytes, weight.seed);
    OK(get_pool(&pool, 0));
    pool_state(before);
    for (i = 0; i < 3; i++) {
        OK(cu.cuMemAllocAsync(&weight.device, weight.bytes, stream));
        pool_state(now);
        CHECK_EQUAL(now[0], before[0] + weight.bytes);
        OK(cu.cuStreamSynchronize(stream));
        REACHES(h2d, i == 0 ? weight.bytes : 0, weight.bytes,
                upload(weight.device, weight.host, weight.bytes, stream));
        CHECK(device_holds(weight.device, weight.bytes, weight.seed));
        offload(weight.host, weight.device, weight.bytes, stream);
        OK(cu.cuMemFreeAsync(weight.device, stream));
        OK(cu.cuStreamSynchronize(stream));
        OK(trim(pool, 0));
        pool_state(now);
        CHECK_EQUAL(now[0], before[0]);
        CHECK_EQUAL(now[1], before[1]);
    }
}

static const struct negative scenarios[] = {
    {"sums", sums, "SIMCUDA_DEVICES=2 SIMCUDA_MEMORY=24M"},
    {"pools", pools, NULL},
};

int main(int argc, char **argv)
{
    return negative_main(argc, argv, scenarios,
                         sizeof(scenarios) / sizeof(scenarios[0]));
}
