/*
 * app_negative.c - writes to device memory by every route and at every moment,
 * and other threads that free, write and destroy: copies of what changed must
 * be true copies. Each scenario says what the program sees and what reached the
 * driver, with the shim and without.
 */
#include "weight.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static uint64_t launches(void)
{
    return cu.simcuda_calls("cuLaunchKernel");
}

/* --- writes by every route ---------------------------------------------- */

static void two_swapped_words_are_copied(void)
{
    static const size_t places[][2] = {
        {0, 4}, {0, 8}, {4, 16}, {16, 512}, {512, 16384}, {8, WEIGHT - 12}};
    size_t i;

    for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        struct weight weight = learned(WEIGHT, 1 + (uint32_t)i, NULL);
        uint8_t *want = fresh(WEIGHT), *host = fresh(WEIGHT);
        size_t a = places[i][0], b = places[i][1];

        memcpy(want, weight.host, WEIGHT);
        memcpy(want + a, weight.host + b, 4);
        memcpy(want + b, weight.host + a, 4);
        CHECK(memcmp(want, weight.host, WEIGHT) != 0);
        cu.simcuda_poke(weight.device + a, want + a, 4);
        cu.simcuda_poke(weight.device + b, want + b, 4);
        REACHES(d2h, WEIGHT, WEIGHT,
                offload(host, weight.device, WEIGHT, NULL));
        CHECK(memcmp(host, want, WEIGHT) == 0);
        free(host);
        free(want);
    }
}

static void written_by_d2d_is_copied(void)
{
    struct weight weight = learned(WEIGHT, 10, NULL);
    CUdeviceptr source;

    OK(cu.cuMemAlloc_v2(&source, WEIGHT));
    OK(cu.cuMemsetD8_v2(source, 0x31, WEIGHT));
    OK(more.cuMemcpyDtoDAsync_v2(weight.device + 5, source, 4097, NULL));
    changed_expecting(&weight, 5, 4097, 0x31, NULL);
}

static void written_by_2d_copy_is_copied(void)
{
    struct weight weight = learned(WEIGHT, 11, NULL);
    CUdeviceptr source;
    CUDA_MEMCPY2D copy = {
        .srcMemoryType = CU_MEMORYTYPE_DEVICE,
        .dstMemoryType = CU_MEMORYTYPE_DEVICE,
        .srcPitch = 256,
        .dstPitch = 64,
        .WidthInBytes = 64,
        .Height = 8,
    };

    OK(cu.cuMemAlloc_v2(&source, WEIGHT));
    OK(cu.cuMemsetD8_v2(source, 0x32, WEIGHT));
    copy.srcDevice = source;
    copy.dstDevice = weight.device + 65536;
    OK(more.cuMemcpy2D_v2(&copy));
    changed_expecting(&weight, 65536, 512, 0x32, NULL);
}

/* The graph was made before the weight was learned and is launched after. */
static void written_by_graph_is_copied(void)
{
    CUstream stream = new_stream(CU_STREAM_NON_BLOCKING);
    struct weight weight = uploaded(WEIGHT, 12, stream);
    CUgraphExec exec;
    CUgraph graph;

    OK(cu.cuStreamBeginCapture_v2(stream, CU_STREAM_CAPTURE_MODE_GLOBAL));
    launch_fill(weight.device + 1024, 0x33333333, 256, stream);
    OK(cu.cuStreamEndCapture(stream, &graph));
    OK(cu.cuGraphInstantiateWithFlags(&exec, graph, 0));
    offload_expecting(&weight, WEIGHT, stream);
    offload_expecting(&weight, 0, stream);
    OK(cu.cuGraphLaunch(exec, stream));
    changed_expecting(&weight, 1024, 1024, 0x33, stream);
}

/* The write is still to come when the copy on the same stream is asked for. */
static void written_on_per_thread_stream_is_copied(void)
{
    struct weight weight = learned(WEIGHT, 13, NULL);
    uint32_t *flag = pinned(4096);
    uint8_t *host = fresh(WEIGHT);
    pthread_t thread;

    hold_back(CU_STREAM_PER_THREAD, flag);
    OK(more.cuMemsetD8Async_ptsz(weight.device, 0x34, WEIGHT, NULL));
    thread = release_soon(flag);
    REACHES(d2h, WEIGHT, WEIGHT,
            OK(cu.cuMemcpyDtoHAsync_v2_ptsz(host, weight.device, WEIGHT,
                                            NULL));
            OK(cu.cuStreamSynchronize_ptsz(NULL)));
    CHECK(host[0] == 0x34 && host[WEIGHT - 1] == 0x34);
    join(thread);
}

static void *write_there(void *weight)
{
    CUcontext context = NULL;

    OK(more.cuCtxGetCurrent(&context));
    CHECK(context == NULL); /* threads begin without one */
    OK(cu.cuDevicePrimaryCtxRetain(&context, 0));
    OK(cu.cuCtxSetCurrent(context));
    OK(more.cuMemsetD8Async(((struct weight *)weight)->device + 7, 0x35, 9,
                            NULL));
    OK(cu.cuStreamSynchronize(NULL));
    return NULL;
}

static void written_by_another_thread_is_copied(void)
{
    struct weight weight = learned(WEIGHT, 14, NULL);
    pthread_t thread;

    CHECK_EQUAL(pthread_create(&thread, NULL, write_there, &weight), 0);
    join(thread);
    changed_expecting(&weight, 7, 9, 0x35, NULL);
}

/* --- at every moment ----------------------------------------------------- */

static void poke(const struct weight *weight, size_t at, uint8_t value)
{
    cu.simcuda_poke(weight->device + at, &value, 1);
}

/* Unseen writes after the upload; then before and after the proof of a
 * neighbour; then after a reload from the shadow. */
static void unseen_writes_are_copied_at_every_moment(void)
{
    struct weight weight = uploaded(WEIGHT, 20, NULL);
    struct weight neighbour = learned(WEIGHT, 21, NULL);
    uint8_t *host;

    poke(&weight, 3, 0x41);
    changed_expecting(&weight, 3, 1, 0x41, NULL);
    poke(&weight, 3, 0x42);
    offload_expecting(&neighbour, 0, NULL);
    changed_expecting(&weight, 3, 1, 0x42, NULL);
    offload_expecting(&neighbour, 0, NULL);
    poke(&weight, 3, 0x43);
    changed_expecting(&weight, 3, 1, 0x43, NULL);

    host = fresh(WEIGHT);
    offload(host, weight.device, WEIGHT, NULL);
    OK(cu.cuMemFree_v2(weight.device));
    OK(cu.cuMemAlloc_v2(&weight.device, WEIGHT));
    upload(weight.device, host, WEIGHT, NULL);
    poke(&weight, 3, 0x44);
    changed_expecting(&weight, 3, 1, 0x44, NULL);
    offload_expecting(&neighbour, 0, NULL);
}

static void weights_of_equal_content_are_two(void)
{
    struct weight a = learned(WEIGHT, 22, NULL);
    struct weight b = learned(WEIGHT, 22, NULL);

    offload_expecting(&a, 0, NULL);
    offload_expecting(&b, 0, NULL);
    poke(&a, 100, 0x45);
    offload_expecting(&b, 0, NULL);
    changed_expecting(&a, 100, 1, 0x45, NULL);
    OK(cu.cuMemFree_v2(a.device));
    offload_expecting(&b, 0, NULL);
}

/* What is freed is not known any more, whatever comes to lie there: a first
 * look at it is the program's own, pageable copy, and no proof. */
static void freed_memory_is_unlearned(void)
{
    struct weight weight = learned(WEIGHT, 23, NULL);
    uint8_t *host = fresh(WEIGHT);
    CUdeviceptr again;
    uint64_t pageable;

    OK(cu.cuMemFree_v2(weight.device));
    OK(cu.cuMemAlloc_v2(&again, WEIGHT));
    CHECK_EQUAL(again, weight.device);
    OK(cu.cuMemsetD8_v2(again, 0x46, WEIGHT));
    pageable = cu.simcuda_bytes(SIM_D2H_PAGEABLE);
    offload(host, again, WEIGHT, NULL);
    CHECK_EQUAL(cu.simcuda_bytes(SIM_D2H_PAGEABLE) - pageable, WEIGHT);
    CHECK(host[0] == 0x46 && host[WEIGHT - 1] == 0x46);
}

/* This memory was not mapped by a handle, so the call fails; the range is only
 * known no more. */
static void unmapped_memory_is_unlearned(void)
{
    struct weight weight = learned(WEIGHT, 24, NULL);
    uint64_t pageable;

    CHECK(more.cuMemUnmap(weight.device, WEIGHT) != CUDA_SUCCESS);
    pageable = cu.simcuda_bytes(SIM_D2H_PAGEABLE);
    offload_expecting(&weight, WEIGHT, NULL);
    CHECK_EQUAL(cu.simcuda_bytes(SIM_D2H_PAGEABLE) - pageable, WEIGHT);
}

/* Bytes from elsewhere were uploaded to the same place: there is nothing to
 * prove, and nothing of the shadow's is left to be believed. */
static void uploaded_bytes_are_captured_anew(void)
{
    struct weight weight = learned(WEIGHT, 25, NULL);
    void *other = fresh(WEIGHT);
    uint64_t before;

    fill(other, WEIGHT, weight.seed = 26);
    REACHES(h2d, WEIGHT, WEIGHT,
            upload(weight.device, other, WEIGHT, NULL));
    CHECK(device_holds(weight.device, WEIGHT, 26));
    before = launches();
    offload_expecting(&weight, WEIGHT, NULL);
    CHECK_EQUAL(launches() - before, 0);
    offload_expecting(&weight, 0, NULL);
    CHECK_EQUAL(launches() - before, under_shim ? 1 : 0);
}

/* --- threads ------------------------------------------------------------- */

enum { ROUNDS = 60 };

static _Atomic bool is_over;

static void *free_neighbours(void *context)
{
    CUdeviceptr device;
    uint8_t *host = fresh(WEIGHT);

    OK(cu.cuCtxSetCurrent(context));
    fill(host, WEIGHT, 50);
    while (!is_over) {
        OK(cu.cuMemAlloc_v2(&device, WEIGHT));
        OK(cu.cuMemcpyHtoD_v2(device, host, WEIGHT));
        OK(cu.cuMemFree_v2(device));
    }
    return NULL;
}

/* Only the range that a call names is read: one that another thread frees
 * meanwhile would end the context. */
static void neighbour_is_freed_during_a_proof(void)
{
    struct weight weight = learned(WEIGHT, 51, NULL);
    CUcontext context;
    pthread_t thread;
    int round;

    OK(more.cuCtxGetCurrent(&context));
    CHECK_EQUAL(pthread_create(&thread, NULL, free_neighbours, context), 0);
    for (round = 0; round < ROUNDS; round++) {
        offload_expecting(&weight, 0, NULL);
    }
    is_over = true;
    join(thread);
}

static void *write_by_turns(void *weight)
{
    uint8_t value = 0;

    while (!is_over) {
        poke(weight, 12345, ++value);
        poke(weight, WEIGHT - 1, value);
    }
    return NULL;
}

/* Offloads beside a writer may see any of its bytes, but what is remembered
 * must agree with itself: every later offload shows what is there. */
static void racing_writer_leaves_nothing_wrong(void)
{
    struct weight weight = learned(WEIGHT, 52, NULL);
    uint8_t *host = fresh(WEIGHT), *want = fresh(WEIGHT);
    pthread_t thread;
    unsigned value, round;

    for (round = 0; round < 10; round++) {
        is_over = false;
        CHECK_EQUAL(pthread_create(&thread, NULL, write_by_turns, &weight),
                    0);
        offload(host, weight.device, WEIGHT, NULL);
        offload(host, weight.device, WEIGHT, NULL);
        is_over = true;
        join(thread);
        for (value = 0; value < 256; value += round == 9 ? 1 : 37) {
            poke(&weight, 12345, (uint8_t)value);
            poke(&weight, WEIGHT - 1, (uint8_t)value);
            memset(host, 0, 4096);
            offload(host, weight.device, WEIGHT, NULL);
            OK(more.simcuda_peek(want, weight.device, WEIGHT));
            CHECK(memcmp(host, want, WEIGHT) == 0);
        }
    }
    REACHES(d2h, 0, WEIGHT, offload(want, weight.device, WEIGHT, NULL));
    CHECK(memcmp(host, want, WEIGHT) == 0);
}

struct replacement {
    CUcontext old, new;
};

static void *replace_context(void *opaque)
{
    struct replacement *replacement = opaque;

    OK(cu.cuCtxDestroy_v2(replacement->old));
    OK(cu.cuCtxCreate_v2(&replacement->new, 0, 0));
    OK(cu.cuCtxSetCurrent(NULL));
    return NULL;
}

/* The new context may have the old one's handle, and the new memory the old
 * one's address. */
static void context_is_replaced_by_another_thread(void)
{
    struct replacement replacement;
    uint64_t before;
    int round;

    OK(cu.cuCtxCreate_v2(&replacement.new, 0, 0));
    for (round = 0; round < 3; round++) {
        /* Other bytes each time: equal ones would be recognised. */
        struct weight weight = learned(WEIGHT, 530 + (uint32_t)round, NULL);
        uint8_t *host = fresh(WEIGHT);
        CUdeviceptr again;
        pthread_t thread;

        offload_expecting(&weight, 0, NULL);
        replacement.old = replacement.new;
        CHECK_EQUAL(pthread_create(&thread, NULL, replace_context,
                                   &replacement), 0);
        join(thread);
        OK(cu.cuCtxSetCurrent(replacement.new));
        OK(cu.cuMemAlloc_v2(&again, WEIGHT));
        CHECK_EQUAL(again, weight.device);
        OK(cu.cuMemsetD8_v2(again, 0x53, WEIGHT));
        before = launches();
        REACHES(d2h, WEIGHT, WEIGHT, offload(host, again, WEIGHT, NULL));
        REACHES(d2h, WEIGHT, WEIGHT, offload(host, again, WEIGHT, NULL));
        CHECK_EQUAL(launches() - before, 0); /* nothing is known of it */
        CHECK(host[0] == 0x53 && host[WEIGHT - 1] == 0x53);
        OK(cu.cuMemFree_v2(again));
        free(host);
    }
}

static const struct negative negatives[] = {
#define PLAIN(name_) {#name_, name_, NULL}
    PLAIN(two_swapped_words_are_copied),
    PLAIN(written_by_d2d_is_copied),
    PLAIN(written_by_2d_copy_is_copied),
    PLAIN(written_by_graph_is_copied),
    PLAIN(written_on_per_thread_stream_is_copied),
    PLAIN(written_by_another_thread_is_copied),
    PLAIN(unseen_writes_are_copied_at_every_moment),
    PLAIN(weights_of_equal_content_are_two),
    PLAIN(freed_memory_is_unlearned),
    PLAIN(unmapped_memory_is_unlearned),
    PLAIN(uploaded_bytes_are_captured_anew),
    PLAIN(neighbour_is_freed_during_a_proof),
    PLAIN(racing_writer_leaves_nothing_wrong),
    PLAIN(context_is_replaced_by_another_thread),
};

int main(int argc, char **argv)
{
    return negative_main(argc, argv, negatives,
                         sizeof(negatives) / sizeof(negatives[0]));
}
