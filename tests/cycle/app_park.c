/*
 * app_park.c - weights that stay on the device when the program frees their
 * memory, and that the program cannot tell it. CUSHADOW_VRAM_KEEP and the
 * device's size come from park.tap.
 */
#include "weight.h"

#include <stdlib.h>
#include <string.h>

#define LARGE (4 * MIB)

static uint64_t within(void)
{
    return cu.simcuda_bytes(SIM_D2D);
}

/* Frees it and loads it into new memory. */
static void reload_expecting(struct weight *weight, uint64_t wanted)
{
    OK(cu.cuMemFree_v2(weight->device));
    OK(cu.cuMemAlloc_v2(&weight->device, weight->bytes));
    REACHES(h2d, wanted, weight->bytes,
            upload(weight->device, weight->host, weight->bytes, NULL));
    CHECK(device_holds(weight->device, weight->bytes, weight->seed));
}

/* Of two that are alike in size the program gets none; one comes by a copy. */
static void comes_back_within_the_device(void)
{
    struct weight a = learned(LARGE, 1, NULL), b = learned(LARGE, 2, NULL);
    uint64_t before;

    OK(cu.cuMemFree_v2(a.device));
    OK(cu.cuMemFree_v2(b.device));
    OK(cu.cuMemAlloc_v2(&a.device, LARGE));
    before = within();
    REACHES(h2d, 0, LARGE, upload(a.device, a.host, LARGE, NULL));
    CHECK_EQUAL(within() - before, under_shim ? LARGE : 0);
    CHECK(device_holds(a.device, LARGE, 1));
    offload_expecting(&a, 0, NULL);
    OK(cu.cuMemAlloc_v2(&b.device, LARGE));
    REACHES(h2d, 0, LARGE, upload(b.device, b.host, LARGE, NULL));
    CHECK(device_holds(b.device, LARGE, 2));
    offload_expecting(&b, 0, NULL);
}

/* Leaves so little of the device that something parked has to make way when
 * as much is allocated as there is: 12.8 MiB are left free of 128. */
static void leave_little(void)
{
    size_t free_bytes, total;

    OK(more.cuMemGetInfo_v2(&free_bytes, &total));
    OK(more.simcuda_take_elsewhere(0, free_bytes - 14 * MIB));
}

/* The very block, with the bytes in it. */
static void is_handed_out_in_place(void)
{
    struct weight weight = learned(LARGE, 3, NULL);
    uint64_t before, calls;
    int i;

    leave_little();
    for (i = 0; i < 4; i++) {
        OK(cu.cuMemFree_v2(weight.device));
        before = within();
        calls = cu.simcuda_calls("cuMemAlloc_v2");
        OK(cu.cuMemAlloc_v2(&weight.device, LARGE));
        CHECK_EQUAL(cu.simcuda_calls("cuMemAlloc_v2") - calls, !under_shim);
        REACHES(h2d, 0, LARGE,
                upload(weight.device, weight.host, LARGE, NULL));
        CHECK_EQUAL(within(), before);
        CHECK(device_holds(weight.device, LARGE, 3));
        offload_expecting(&weight, 0, NULL);
    }
}

/* Offloads are all copies in that mode; parking is not less for it. */
static void is_handed_out_copying(void)
{
    struct weight weight = learned(LARGE, 12, NULL);
    int i;

    leave_little();
    for (i = 0; i < 3; i++) {
        reload_expecting(&weight, 0);
        offload_expecting(&weight, LARGE, NULL);
    }
}

/* Nobody knows what is loaded to memory that is asked for: as long as there is
 * room, another weight of the same size costs none that is parked. */
static void is_not_given_to_another(void)
{
    struct weight a = learned(LARGE, 16, NULL), b = {.seed = 17};
    int i;

    OK(cu.cuMemFree_v2(a.device));
    b = learned(LARGE, b.seed, NULL);
    OK(cu.cuMemFree_v2(b.device));
    for (i = 0; i < 3; i++) {
        OK(cu.cuMemAlloc_v2(&a.device, LARGE));
        REACHES(h2d, 0, LARGE, upload(a.device, a.host, LARGE, NULL));
        CHECK(device_holds(a.device, LARGE, 16));
        OK(cu.cuMemFree_v2(a.device));
        OK(cu.cuMemAlloc_v2(&b.device, LARGE));
        REACHES(h2d, 0, LARGE, upload(b.device, b.host, LARGE, NULL));
        CHECK(device_holds(b.device, LARGE, 17));
        OK(cu.cuMemFree_v2(b.device));
    }
}

/* What was handed out and is used for something else holds nothing. */
static void handed_out_to_another(void)
{
    struct weight a = learned(LARGE, 4, NULL), b = learned(LARGE, 5, NULL);
    uint64_t calls;

    leave_little();
    OK(cu.cuMemFree_v2(a.device));
    calls = cu.simcuda_calls("cuMemAlloc_v2");
    OK(cu.cuMemAlloc_v2(&a.device, LARGE));
    CHECK_EQUAL(cu.simcuda_calls("cuMemAlloc_v2") - calls, !under_shim);
    upload(a.device, b.host, LARGE, NULL);
    CHECK(device_holds(a.device, LARGE, 5));
    launch_fill(a.device, 0x11223344u, 4, NULL);
    OK(cu.cuCtxSynchronize());
    upload(a.device, a.host, LARGE, NULL);
    CHECK(device_holds(a.device, LARGE, 4));
}

/* Dirty at the free: not parked. */
static void patched_weight_is_not_parked(void)
{
    uint64_t (*allocated)(void) =
        (uint64_t (*)(void))unseen("simcuda_allocated_bytes");
    struct weight weight = learned(LARGE, 6, NULL);
    uint64_t before = allocated();

    launch_fill(weight.device + MIB, 0xABCD0123u, 1, NULL);
    OK(cu.cuMemFree_v2(weight.device));
    CHECK_EQUAL(allocated(), before - LARGE);
    OK(cu.cuMemAlloc_v2(&weight.device, LARGE));
    REACHES(h2d, LARGE, LARGE,
            upload(weight.device, weight.host, LARGE, NULL));
    CHECK(device_holds(weight.device, LARGE, 6));
}

/* Work that is under way when the memory is freed, and changes it. */
static void patched_by_work_under_way(void)
{
    CUstream stream = new_stream(CU_STREAM_NON_BLOCKING);
    struct weight weight = learned(LARGE, 7, stream);
    uint32_t *flag = pinned(sizeof(*flag));
    pthread_t thread;

    hold_back(stream, flag);
    OK(more.cuMemsetD8Async(weight.device + 100, 7, 1, stream));
    thread = release_soon(flag);
    reload_expecting(&weight, LARGE);
    join(thread);
}

/* The parked bytes themselves are changed by a kernel that has an address
 * which is the program's no more, or by another process. */
static void parked_bytes_are_proven(void)
{
    struct weight a = learned(LARGE, 8, NULL), b = learned(LARGE, 9, NULL);
    CUdeviceptr block = 0, near;
    uint8_t bytes[64];

    OK(cu.cuMemFree_v2(a.device));
    OK(cu.cuMemFree_v2(b.device));
    /* Wherever a's bytes are now. */
    for (near = a.device - 64 * MIB; near < a.device + 64 * MIB;
         near += 512) {
        if (more.simcuda_peek(bytes, near, 64) == CUDA_SUCCESS &&
            memcmp(bytes, a.host, 64) == 0) {
            block = near;
        }
    }
    CHECK(!under_shim || block != 0);
    if (block != 0) {
        spoil(block + MIB);
    }
    OK(cu.cuMemAlloc_v2(&a.device, LARGE));
    REACHES(h2d, LARGE, LARGE, upload(a.device, a.host, LARGE, NULL));
    CHECK(device_holds(a.device, LARGE, 8));
    OK(cu.cuMemAlloc_v2(&b.device, LARGE));
    REACHES(h2d, 0, LARGE, upload(b.device, b.host, LARGE, NULL));
    CHECK(device_holds(b.device, LARGE, 9));
}

static void copies_no_rows(CUdeviceptr freed, void *host)
{
    CUDA_MEMCPY2D rows = {
        .srcMemoryType = CU_MEMORYTYPE_DEVICE,
        .srcDevice = freed,
        .srcPitch = 64,
        .dstMemoryType = CU_MEMORYTYPE_HOST,
        .dstHost = host,
        .dstPitch = 64,
        .WidthInBytes = 32,
        .Height = 4,
    };

    CHECK_EQUAL(more.cuMemcpy2D_v2(&rows), CUDA_ERROR_INVALID_VALUE);
    CHECK_EQUAL(rows.srcDevice, freed); /* his own stays as it was */
    rows.srcMemoryType = CU_MEMORYTYPE_UNIFIED;
    CHECK_EQUAL(more.cuMemcpy2D_v2(&rows), CUDA_ERROR_INVALID_VALUE);
    rows.srcMemoryType = CU_MEMORYTYPE_HOST;
    rows.srcHost = host;
    rows.dstMemoryType = CU_MEMORYTYPE_DEVICE;
    rows.dstDevice = freed + MIB;
    CHECK_EQUAL(more.cuMemcpy2D_v2(&rows), CUDA_ERROR_INVALID_VALUE);
}

/* A freed address is freed: a second free, questions, copies and fills fail as
 * they do without, wherever the driver put parked blocks meanwhile. */
static void freed_is_freed(void)
{
    CUpointer_attribute names[2] = {CU_POINTER_ATTRIBUTE_MEMORY_TYPE,
                                    CU_POINTER_ATTRIBUTE_IS_MANAGED};
    struct weight weights[6];
    unsigned int type;
    CUdeviceptr base;
    uint8_t *host = fresh(LARGE);
    CUipcMemHandle handle;
    size_t n, i;

    for (i = 0; i < 6; i++) {
        weights[i] = learned(LARGE, 20 + (uint32_t)i, NULL);
    }
    for (i = 0; i < 6; i++) {
        OK(cu.cuMemFree_v2(weights[i].device));
    }
    for (i = 0; i < 6; i++) {
        CUdeviceptr old = weights[i].device;
        unsigned managed = 7;
        void *data[2] = {&type, &managed};

        type = 7;
        CHECK_EQUAL(cu.cuMemFree_v2(old), CUDA_ERROR_INVALID_VALUE);
        CHECK_EQUAL(cu.cuMemFreeAsync(old, NULL), CUDA_ERROR_INVALID_VALUE);
        CHECK_EQUAL(more.cuPointerGetAttribute(&type, names[0], old),
                    CUDA_ERROR_INVALID_VALUE);
        OK(more.cuPointerGetAttributes(2, names, data, old));
        CHECK_EQUAL(type, 0);
        CHECK_EQUAL(more.cuMemGetAddressRange_v2(&base, &n, old),
                    CUDA_ERROR_NOT_FOUND);
        CHECK_EQUAL(more.cuMemGetAddressRange_v2(&base, &n, old + MIB),
                    CUDA_ERROR_NOT_FOUND);
        CHECK_EQUAL(cu.cuMemcpyDtoH_v2(host, old, LARGE),
                    CUDA_ERROR_INVALID_VALUE);
        CHECK_EQUAL(cu.cuMemcpyHtoD_v2(old, host, LARGE),
                    CUDA_ERROR_INVALID_VALUE);
        CHECK_EQUAL(cu.cuMemcpyDtoHAsync_v2(host, old, 64, NULL),
                    CUDA_ERROR_INVALID_VALUE);
        CHECK_EQUAL(cu.cuMemsetD8_v2(old, 1, 64), CUDA_ERROR_INVALID_VALUE);
        CHECK_EQUAL(more.cuMemsetD8Async(old + 64, 1, 64, NULL),
                    CUDA_ERROR_INVALID_VALUE);
        CHECK_EQUAL(cu.cuMemcpyDtoD_v2(old, old + MIB, 64),
                    CUDA_ERROR_INVALID_VALUE);
        CHECK_EQUAL(cu.cuMemcpy((CUdeviceptr)(uintptr_t)host, old, 64),
                    CUDA_ERROR_INVALID_VALUE);
        CHECK_EQUAL(cu.cuMemcpyAsync(old, (CUdeviceptr)(uintptr_t)host, 64,
                                     NULL),
                    CUDA_ERROR_INVALID_VALUE);
        copies_no_rows(old, host);
        CHECK_EQUAL(more.cuIpcGetMemHandle(&handle, old),
                    CUDA_ERROR_INVALID_VALUE);
    }
    for (i = 0; i < 6; i++) {
        OK(cu.cuMemAlloc_v2(&weights[i].device, LARGE));
        REACHES(h2d, 0, LARGE,
                upload(weights[i].device, weights[i].host, LARGE, NULL));
        CHECK(device_holds(weights[i].device, LARGE, weights[i].seed));
    }
}

static void free_waits_for_work(void)
{
    CUstream stream = new_stream(CU_STREAM_NON_BLOCKING);
    struct weight weight = learned(LARGE, 30, stream);
    uint32_t *flag = pinned(sizeof(*flag));
    uint8_t *mark = pinned(64);
    pthread_t thread;

    mark[0] = 0;
    hold_back(stream, flag);
    OK(cu.cuMemcpyDtoHAsync_v2(mark, weight.device, 64, stream));
    thread = release_soon(flag);
    OK(cu.cuMemFree_v2(weight.device));
    CHECK(memcmp(mark, weight.host, 64) == 0);
    join(thread);
}

/* Of the asynchronous way: nothing is waited for, and what is parked is
 * parked. */
static void freed_in_stream_order(void)
{
    CUstream stream = new_stream(CU_STREAM_NON_BLOCKING);
    uint8_t *host = fresh(LARGE);
    struct weight weight = {.host = host, .bytes = LARGE, .seed = 60};

    fill(host, LARGE, 60);
    OK(cu.cuMemAllocAsync(&weight.device, LARGE, stream));
    upload(weight.device, host, LARGE, stream);
    offload(host, weight.device, LARGE, stream);
    OK(cu.cuMemFreeAsync(weight.device, stream));
    OK(cu.cuMemAllocAsync(&weight.device, LARGE, stream));
    OK(cu.cuStreamSynchronize(stream));
    REACHES(h2d, 0, LARGE, upload(weight.device, host, LARGE, stream));
    CHECK(device_holds(weight.device, LARGE, 60));
}

static void freed_in_stream_order_behind_work(void)
{
    CUstream stream = new_stream(CU_STREAM_NON_BLOCKING);
    uint32_t *flag = pinned(sizeof(*flag));
    uint8_t *host = fresh(LARGE);
    struct weight weight = {.host = host, .bytes = LARGE, .seed = 61};

    fill(host, LARGE, 61);
    OK(cu.cuMemAllocAsync(&weight.device, LARGE, stream));
    upload(weight.device, host, LARGE, stream);
    offload(host, weight.device, LARGE, stream);
    hold_back(stream, flag);
    OK(cu.cuMemFreeAsync(weight.device, stream)); /* does not wait */
    release(flag);
    OK(cu.cuStreamSynchronize(stream));
    OK(cu.cuMemAlloc_v2(&weight.device, LARGE));
    REACHES(h2d, LARGE, LARGE, upload(weight.device, host, LARGE, stream));
    CHECK(device_holds(weight.device, LARGE, 61));
}

static void unmapped(void)
{
    const CUmemAllocationProp properties = {
        .type = CU_MEM_ALLOCATION_TYPE_PINNED,
        .location = {.type = CU_MEM_LOCATION_TYPE_DEVICE},
    };
    const CUmemAccessDesc access = {
        .location = {.type = CU_MEM_LOCATION_TYPE_DEVICE},
        .flags = CU_MEM_ACCESS_FLAGS_PROT_READWRITE,
    };
    struct weight weight = {.host = fresh(LARGE), .bytes = LARGE, .seed = 62};
    CUmemGenericAllocationHandle handle;
    int i;

    fill(weight.host, LARGE, 62);
    OK(more.cuMemAddressReserve(&weight.device, LARGE, 0, 0, 0));
    for (i = 0; i < 3; i++) {
        OK(more.cuMemCreate(&handle, LARGE, &properties, 0));
        OK(more.cuMemMap(weight.device, LARGE, 0, handle, 0));
        OK(more.cuMemSetAccess(weight.device, LARGE, &access, 1));
        REACHES(h2d, i == 0 ? LARGE : 0, LARGE,
                upload(weight.device, weight.host, LARGE, NULL));
        CHECK(device_holds(weight.device, LARGE, 62));
        offload(weight.host, weight.device, LARGE, NULL);
        OK(more.cuMemUnmap(weight.device, LARGE));
        OK(more.cuMemRelease(handle));
    }
}

/* Exported before, or after it came back: it is the program's own memory
 * that is exported, and its free ends it. */
static void exported(void)
{
    struct weight weight = learned(LARGE, 63, NULL);
    CUipcMemHandle handle;
    int i;

    for (i = 0; i < 3; i++) {
        OK(more.cuIpcGetMemHandle(&handle, weight.device));
        reload_expecting(&weight, 0);
    }
}

static void context_ends(void)
{
    CUcontext context, primary;
    struct weight weight;
    size_t before, after, total;
    CUdeviceptr other;
    CUdevice device;
    int i;

    OK(cu.cuDeviceGet(&device, 0));
    OK(cu.cuDevicePrimaryCtxRetain(&primary, device));
    for (i = 0; i < 3; i++) {
        OK(cu.cuMemAlloc_v2(&other, 4 * LARGE));
        OK(more.cuMemGetInfo_v2(&before, &total));
        OK(cu.cuCtxCreate_v2(&context, 0, device));
        weight = learned(LARGE, 64, NULL);
        reload_expecting(&weight, 0);
        OK(cu.cuMemFree_v2(weight.device));
        OK(cu.cuCtxDestroy_v2(context));
        OK(cu.cuCtxSetCurrent(primary));
        OK(more.cuMemGetInfo_v2(&after, &total));
        CHECK_EQUAL(after, before);
        OK(cu.cuMemAlloc_v2(&weight.device, LARGE));
        REACHES(h2d, LARGE, LARGE,
                upload(weight.device, weight.host, LARGE, NULL));
        CHECK(device_holds(weight.device, LARGE, 64));
        OK(cu.cuMemFree_v2(weight.device));
        OK(cu.cuDevicePrimaryCtxReset_v2(device));
        CHECK_EQUAL(more.cuMemGetAddressRange_v2(NULL, NULL, weight.device),
                    CUDA_ERROR_NOT_FOUND);
    }
}

static void capture_goes_on(void)
{
    CUstream stream = new_stream(CU_STREAM_NON_BLOCKING);
    struct weight weight = learned(LARGE, 65, NULL);
    CUgraph graph;

    OK(cu.cuStreamBeginCapture_v2(stream, CU_STREAM_CAPTURE_MODE_RELAXED));
    OK(cu.cuMemFree_v2(weight.device));
    OK(cu.cuMemAlloc_v2(&weight.device, LARGE));
    OK(cu.cuStreamEndCapture(stream, &graph));
    REACHES(h2d, LARGE, LARGE,
            upload(weight.device, weight.host, LARGE, NULL));
    CHECK(device_holds(weight.device, LARGE, 65));
}

/* A block of which little is weights is not worth it. */
static void little_of_a_block(void)
{
    struct weight weight = {.host = fresh(MIB), .bytes = MIB, .seed = 66};

    fill(weight.host, MIB, 66);
    OK(cu.cuMemAlloc_v2(&weight.device, 2 * MIB));
    upload(weight.device, weight.host, MIB, NULL);
    offload(weight.host, weight.device, MIB, NULL);
    OK(cu.cuMemFree_v2(weight.device));
    OK(cu.cuMemAlloc_v2(&weight.device, 2 * MIB));
    REACHES(h2d, MIB, MIB, upload(weight.device, weight.host, MIB, NULL));
    CHECK(device_holds(weight.device, MIB, 66));
}

/* Several in one block, and a smaller and a larger block afterwards. */
static void many_in_a_block(void)
{
    struct weight part[4];
    CUdeviceptr block, other;
    size_t i;

    OK(cu.cuMemAlloc_v2(&block, 4 * MIB));
    for (i = 0; i < 4; i++) {
        part[i] = (struct weight){block + i * MIB, fresh(MIB), MIB,
                                  70 + (uint32_t)i};
        fill(part[i].host, MIB, part[i].seed);
        upload(part[i].device, part[i].host, MIB, NULL);
        offload(part[i].host, part[i].device, MIB, NULL);
    }
    OK(cu.cuMemFree_v2(block));
    OK(cu.cuMemAlloc_v2(&other, 3 * MIB));
    REACHES(h2d, 0, MIB, upload(other + MIB, part[2].host, MIB, NULL));
    CHECK(device_holds(other + MIB, MIB, 72));
    OK(cu.cuMemAlloc_v2(&block, 4 * MIB));
    for (i = 0; i < 4; i++) {
        REACHES(h2d, 0, MIB,
                upload(block + i * MIB, part[i].host, MIB, NULL));
        CHECK(device_holds(block + i * MIB, MIB, part[i].seed));
    }
}

static const struct negative scenarios[] = {
    {"comes_back_within_the_device", comes_back_within_the_device, NULL},
    {"is_handed_out_in_place", is_handed_out_in_place, NULL},
    {"is_handed_out_in_place_copying", is_handed_out_copying,
     "CUSHADOW_MODE=copy"},
    {"is_handed_out_in_place_trusted", is_handed_out_in_place,
     "CUSHADOW_MODE=trust"},
    {"is_not_given_to_another", is_not_given_to_another, NULL},
    {"handed_out_to_another", handed_out_to_another, NULL},
    {"patched_weight_is_not_parked", patched_weight_is_not_parked, NULL},
    {"patched_by_work_under_way", patched_by_work_under_way, NULL},
    {"parked_bytes_are_proven", parked_bytes_are_proven, NULL},
    {"freed_is_freed", freed_is_freed, NULL},
    {"free_waits_for_work", free_waits_for_work, NULL},
    {"freed_in_stream_order", freed_in_stream_order, NULL},
    {"freed_in_stream_order_behind_work", freed_in_stream_order_behind_work,
     NULL},
    {"unmapped", unmapped, NULL}, {"exported", exported, NULL},
    {"context_ends", context_ends, NULL},
    {"capture_goes_on", capture_goes_on, NULL},
    {"little_of_a_block", little_of_a_block, NULL},
    {"many_in_a_block", many_in_a_block, NULL},
};

int main(int argc, char **argv)
{
    return negative_main(argc, argv, scenarios,
                         sizeof(scenarios) / sizeof(scenarios[0]));
}
