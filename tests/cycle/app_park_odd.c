/*
 * app_park_odd.c - programs that do odd things to memory that is, was or will
 * be parked, and that get what they get without the shim. CUSHADOW_VRAM_KEEP
 * and the device's size come from park.tap.
 */
#include "weight.h"

#include <string.h>

#define LARGE (4 * MIB)

/* Something parked has to make way when as much is allocated as there is. */
static void leave_little(void)
{
    size_t free_bytes, total;

    OK(more.cuMemGetInfo_v2(&free_bytes, &total));
    OK(more.simcuda_take_elsewhere(0, free_bytes - 14 * MIB));
}

/* The weight's memory is freed, and the program is given the block. */
static void hand_out(struct weight *weight)
{
    uint64_t calls;

    OK(more.simcuda_take_elsewhere(0, 0));
    OK(cu.cuMemFree_v2(weight->device));
    leave_little();
    calls = cu.simcuda_calls("cuMemAlloc_v2");
    OK(cu.cuMemAlloc_v2(&weight->device, LARGE));
    CHECK_EQUAL(cu.simcuda_calls("cuMemAlloc_v2") - calls, !under_shim);
}

/* Its bytes at `at` were changed; all come by a true copy. */
static void offload_changed(const struct weight *weight, size_t at, size_t n,
                            uint8_t value)
{
    uint8_t *host = fresh(LARGE), *wanted = fresh(LARGE);

    fill(wanted, LARGE, weight->seed);
    memset(wanted + at, value, n);
    offload(host, weight->device, LARGE, NULL);
    CHECK(memcmp(host, wanted, LARGE) == 0);
}

/* ---- blocks that are handed out ------------------------------------------ */

/* Nothing is in memory that the program was given, as far as it knows: what it
 * writes is there, whatever part it is, and by whatever stream. */
static void written_in_parts(void)
{
    CUstream streams[2] = {new_stream(CU_STREAM_NON_BLOCKING),
                           new_stream(CU_STREAM_NON_BLOCKING)};
    struct weight weight = learned(LARGE, 900, NULL);
    uint8_t *part = fresh(MIB);

    memset(part, 0x77, MIB);
    hand_out(&weight);
    upload(weight.device, weight.host, LARGE, NULL);
    upload(weight.device + MIB + 100, part, MIB - 100, streams[0]);
    offload_changed(&weight, MIB + 100, MIB - 100, 0x77);

    upload(weight.device, weight.host, LARGE, NULL);
    offload(weight.host, weight.device, LARGE, NULL);
    hand_out(&weight);
    OK(cu.cuMemcpyHtoDAsync_v2(weight.device, weight.host, 2 * MIB,
                               streams[0]));
    OK(cu.cuMemcpyHtoDAsync_v2(weight.device + 2 * MIB,
                               weight.host + 2 * MIB, 2 * MIB, streams[1]));
    OK(more.cuMemsetD8Async(weight.device + 3 * MIB, 5, MIB, streams[1]));
    OK(cu.cuStreamSynchronize(streams[0]));
    OK(cu.cuStreamSynchronize(streams[1]));
    offload_changed(&weight, 3 * MIB, MIB, 5);
}

/* The first half is loaded, and all of it goes back: the driver says what the
 * other half holds, and so does the offload. */
static void written_in_half(void)
{
    struct weight weight = learned(LARGE, 902, NULL);
    uint8_t *seen = fresh(LARGE), *host = fresh(LARGE);

    hand_out(&weight);
    upload(weight.device, weight.host, LARGE / 2, NULL);
    OK(more.simcuda_peek(seen, weight.device, LARGE));
    offload(host, weight.device, LARGE, NULL);
    CHECK(memcmp(host, seen, LARGE) == 0);
    OK(cu.cuMemsetD8_v2(weight.device, 3, LARGE / 2));
    offload(host, weight.device + LARGE / 2, LARGE / 2, NULL);
    CHECK(memcmp(host, seen + LARGE / 2, LARGE / 2) == 0);
}

/* It is memory like any other: of this size, this context, and free once. */
static void is_memory_like_any_other(void)
{
    struct weight weight = learned(LARGE, 903, NULL);
    CUcontext context, current;
    CUdeviceptr base, handed;
    size_t bytes;

    hand_out(&weight);
    handed = weight.device;
    OK(more.cuMemGetAddressRange_v2(&base, &bytes, handed + MIB));
    CHECK_EQUAL(base, handed);
    CHECK_EQUAL(bytes, LARGE);
    OK(more.cuPointerGetAttribute(&context, CU_POINTER_ATTRIBUTE_CONTEXT,
                                  handed));
    OK(more.cuCtxGetCurrent(&current));
    CHECK(context == current);
    CHECK_EQUAL(cu.cuMemFree_v2(handed + 512), CUDA_ERROR_INVALID_VALUE);
    CHECK_EQUAL(cu.cuMemFreeAsync(handed, NULL), CUDA_ERROR_INVALID_VALUE);
    upload(handed, weight.host, LARGE, NULL);
    OK(cu.cuMemFree_v2(handed));
    CHECK_EQUAL(cu.cuMemFree_v2(handed), CUDA_ERROR_INVALID_VALUE);
    CHECK_EQUAL(more.cuMemGetAddressRange_v2(&base, &bytes, handed),
                CUDA_ERROR_NOT_FOUND);
}

/* A stream begins to capture between the shim's own calls for an allocation:
 * both go on. */
static CUstream capturing;

static int begin_capture(const char *symbol)
{
    if (strcmp(symbol, "cuMemGetInfo_v2") == 0) {
        more.simcuda_on_call(NULL);
        OK(cu.cuStreamBeginCapture_v2(capturing,
                                      CU_STREAM_CAPTURE_MODE_RELAXED));
    }
    return 0;
}

static void capture_begins_meanwhile(void)
{
    struct weight weight = learned(LARGE, 904, NULL);
    CUgraph graph = NULL;
    size_t free_bytes, total;

    capturing = new_stream(CU_STREAM_NON_BLOCKING);
    OK(cu.cuMemFree_v2(weight.device));
    leave_little();
    more.simcuda_on_call(begin_capture);
    OK(cu.cuMemAlloc_v2(&weight.device, LARGE));
    OK(more.cuMemGetInfo_v2(&free_bytes, &total)); /* begins it by now */
    more.simcuda_on_call(NULL);
    OK(more.cuMemsetD8Async(weight.device, 1, 64, capturing));
    OK(cu.cuStreamEndCapture(capturing, &graph));
    CHECK(graph != NULL);
    OK(cu.cuGraphDestroy(graph));
    upload(weight.device, weight.host, LARGE, NULL);
    CHECK(device_holds(weight.device, LARGE, 904));
}

/* ---- frees ------------------------------------------------------------ */

/* Memory that is freed in one stream's order and used again in another's. */
static void freed_in_one_stream_used_in_another(void)
{
    CUstream streams[2] = {new_stream(CU_STREAM_NON_BLOCKING),
                           new_stream(CU_STREAM_NON_BLOCKING)};
    struct weight weights[2];
    int i, turn;

    for (i = 0; i < 2; i++) {
        weights[i] = (struct weight){0, fresh(LARGE), LARGE,
                                     910 + (uint32_t)i};
        fill(weights[i].host, LARGE, weights[i].seed);
    }
    for (turn = 0; turn < 6; turn++) {
        struct weight *weight = &weights[turn % 2];
        CUstream stream = streams[turn % 2], other = streams[1 - turn % 2];

        OK(cu.cuMemAllocAsync(&weight->device, LARGE, stream));
        OK(cu.cuStreamSynchronize(stream));
        OK(cu.cuStreamSynchronize(other));
        REACHES(h2d, turn < 2 ? LARGE : 0, LARGE,
                upload(weight->device, weight->host, LARGE, other));
        CHECK(device_holds(weight->device, LARGE, weight->seed));
        offload(weight->host, weight->device, LARGE, other);
        CHECK(holds(weight->host, LARGE, weight->seed));
        OK(cu.cuMemFreeAsync(weight->device, stream));
    }
}

static CUresult results[3];
static CUdeviceptr freed_inside;

static void free_inside(void *unused)
{
    (void)unused;
    results[0] = cu.cuMemFree_v2(freed_inside);
    results[1] = cu.cuMemFreeAsync(freed_inside, NULL);
    results[2] = cu.cuMemAlloc_v2(&freed_inside, LARGE);
}

/* A host function may make no call: it is told that, and its stream goes on. */
static void freed_by_a_host_function(void)
{
    CUstream stream = new_stream(CU_STREAM_NON_BLOCKING);
    struct weight weight = learned(LARGE, 912, stream);
    struct weight parked = learned(LARGE, 913, stream);
    int i;

    OK(cu.cuMemFree_v2(parked.device));
    freed_inside = weight.device;
    OK(more.cuLaunchHostFunc(stream, free_inside, NULL));
    OK(cu.cuStreamSynchronize(stream));
    for (i = 0; i < 3; i++) {
        CHECK_EQUAL(results[i], CUDA_ERROR_NOT_PERMITTED);
    }
    offload_expecting(&weight, 0, stream);
    CHECK(device_holds(weight.device, LARGE, 912));
    OK(cu.cuMemFree_v2(weight.device));
}

/* What cannot be freed that way stays as it is. */
static void frees_that_fail(void)
{
    struct weight weight = learned(LARGE, 914, NULL);

    CHECK_EQUAL(cu.cuMemFreeAsync(weight.device, NULL),
                CUDA_ERROR_INVALID_VALUE);
    CHECK_EQUAL(cu.cuMemFree_v2(weight.device + 512),
                CUDA_ERROR_INVALID_VALUE);
    CHECK_EQUAL(more.cuMemUnmap(weight.device, LARGE),
                CUDA_ERROR_INVALID_VALUE);
    CHECK(device_holds(weight.device, LARGE, 914));
    offload(weight.host, weight.device, LARGE, NULL);
    CHECK(holds(weight.host, LARGE, 914));
    OK(cu.cuMemsetD8_v2(weight.device, 1, 64));
    offload_changed(&weight, 0, 64, 1);
    OK(cu.cuMemFree_v2(weight.device));
    CHECK_EQUAL(cu.cuMemFree_v2(weight.device), CUDA_ERROR_INVALID_VALUE);
}

/* Memory of one context that another frees: that is not parked, and is gone. */
static void freed_in_another_context(void)
{
    CUcontext contexts[2];
    struct weight weight;

    OK(more.cuCtxGetCurrent(&contexts[0]));
    weight = learned(LARGE, 915, NULL);
    OK(cu.cuCtxCreate_v2(&contexts[1], 0, 0));
    OK(cu.cuMemFree_v2(weight.device));
    CHECK_EQUAL(cu.cuMemFree_v2(weight.device), CUDA_ERROR_INVALID_VALUE);
    OK(cu.cuMemAlloc_v2(&weight.device, LARGE));
    REACHES(h2d, LARGE, LARGE,
            upload(weight.device, weight.host, LARGE, NULL));
    CHECK(device_holds(weight.device, LARGE, 915));
    OK(cu.cuCtxDestroy_v2(contexts[1]));
    OK(cu.cuCtxSetCurrent(contexts[0]));
    CHECK_EQUAL(cu.cuMemFree_v2(weight.device), CUDA_ERROR_INVALID_VALUE);
}

static const struct negative scenarios[] = {
    {"written_in_parts", written_in_parts, NULL},
    {"written_in_half", written_in_half, NULL},
    {"is_memory_like_any_other", is_memory_like_any_other, NULL},
    {"capture_begins_meanwhile", capture_begins_meanwhile, NULL},
    {"freed_in_one_stream_used_in_another",
     freed_in_one_stream_used_in_another, NULL},
    {"freed_by_a_host_function", freed_by_a_host_function, NULL},
    {"frees_that_fail", frees_that_fail, NULL},
    {"freed_in_another_context", freed_in_another_context, NULL},
};

int main(int argc, char **argv)
{
    return negative_main(argc, argv, scenarios,
                         sizeof(scenarios) / sizeof(scenarios[0]));
}
