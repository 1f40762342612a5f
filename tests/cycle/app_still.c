/*
 * app_still.c - uploads to where the bytes are already: nothing moves then,
 * and whatever is one bit short of it is uploaded as ever.
 */
#include "weight.h"

#include <stdlib.h>
#include <string.h>

static void reload_expecting(const struct weight *weight, uint64_t wanted,
                             CUstream stream)
{
    REACHES(h2d, wanted, weight->bytes,
            upload(weight->device, weight->host, weight->bytes, stream));
    CHECK(device_holds(weight->device, weight->bytes, weight->seed));
}

/* A caching allocator gives the same memory out again. */
static void found_in_place(void)
{
    struct weight weight = learned(WEIGHT, 1, NULL);
    int i;

    for (i = 0; i < 3; i++) {
        reload_expecting(&weight, 0, NULL);
        offload_expecting(&weight, 0, NULL);
    }
}

static void found_on_every_kind_of_stream(void)
{
    struct weight weight = learned(WEIGHT, 2, NULL);
    CUstream stream = new_stream(CU_STREAM_NON_BLOCKING);

    reload_expecting(&weight, 0, stream);
    REACHES(h2d, 0, WEIGHT,
            OK(cu.cuMemcpyHtoD_v2(weight.device, weight.host, WEIGHT)));
    REACHES(h2d, 0, WEIGHT,
            OK(cu.cuMemcpyHtoD_v2_ptds(weight.device, weight.host, WEIGHT)));
    REACHES(h2d, 0, WEIGHT,
            OK(cu.cuMemcpyHtoDAsync_v2_ptsz(weight.device, weight.host,
                                            WEIGHT, NULL)));
    REACHES(h2d, 0, WEIGHT,
            OK(cu.cuMemcpy(weight.device, (CUdeviceptr)weight.host,
                           WEIGHT)));
    CHECK(device_holds(weight.device, WEIGHT, 2));
}

/* At the first, the last and a middle byte. */
static void one_bit_in_vram(void)
{
    static const size_t places[] = {0, 15, 16383, WEIGHT / 2, WEIGHT - 1};
    size_t i;

    for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        struct weight weight = learned(WEIGHT, 10 + (uint32_t)i, NULL);
        uint8_t byte = weight.host[places[i]] ^ (uint8_t)(1u << i);

        cu.simcuda_poke(weight.device + places[i], &byte, 1);
        reload_expecting(&weight, WEIGHT, NULL);
        reload_expecting(&weight, 0, NULL);
    }
}

static void one_bit_in_ram(void)
{
    struct weight weight = learned(WEIGHT, 20, NULL);
    uint8_t *want = malloc(WEIGHT), *got = malloc(WEIGHT);

    CHECK(want != NULL && got != NULL);
    weight.host[WEIGHT - 1] ^= 1;
    memcpy(want, weight.host, WEIGHT);
    REACHES(h2d, WEIGHT, WEIGHT,
            upload(weight.device, weight.host, WEIGHT, NULL));
    OK(more.simcuda_peek(got, weight.device, WEIGHT));
    CHECK(memcmp(want, got, WEIGHT) == 0);
    free(want);
    free(got);
}

/* Elsewhere, and only a part of it. */
static void other_places(void)
{
    struct weight weight = learned(WEIGHT, 21, NULL), other = weight;

    OK(cu.cuMemAlloc_v2(&other.device, 2 * WEIGHT));
    reload_expecting(&other, WEIGHT, NULL);
    reload_expecting(&other, 0, NULL);
    other.device += 64;
    reload_expecting(&other, WEIGHT, NULL);
    REACHES(h2d, WEIGHT - 64, WEIGHT - 64,
            upload(weight.device, weight.host, WEIGHT - 64, NULL));
    CHECK(device_holds(weight.device, WEIGHT, 21));
}

/* Work that the upload waits for writes the memory. */
static void written_by_the_same_stream(void)
{
    struct weight weight = learned(WEIGHT, 22, NULL);

    launch_fill(weight.device + 4096, 0x55AA1234u, 1, NULL);
    reload_expecting(&weight, WEIGHT, NULL);
}

static void written_by_the_same_stream_later(void)
{
    CUstream stream = new_stream(CU_STREAM_NON_BLOCKING);
    struct weight weight = learned(WEIGHT, 23, stream);
    uint32_t *flag = pinned(sizeof(*flag));
    pthread_t thread;

    hold_back(stream, flag);
    OK(more.cuMemsetD8Async(weight.device + 100, 7, 1, stream));
    thread = release_soon(flag);
    reload_expecting(&weight, WEIGHT, stream);
    join(thread);
}

/* Not ordered before the upload: whichever comes last, no other byte is
 * touched by it and nothing waits for it. */
static void written_by_another_stream_afterwards(void)
{
    CUstream other = new_stream(CU_STREAM_NON_BLOCKING);
    CUstream stream = new_stream(CU_STREAM_NON_BLOCKING);
    struct weight weight = learned(WEIGHT, 24, stream);
    uint32_t *flag = pinned(sizeof(*flag));
    uint8_t byte = 0;

    hold_back(other, flag);
    OK(more.cuMemsetD8Async(weight.device + 100, 7, 1, other));
    reload_expecting(&weight, 0, stream);
    release(flag);
    OK(cu.cuStreamSynchronize(other));
    OK(more.simcuda_peek(&byte, weight.device + 100, 1));
    CHECK_EQUAL(byte, 7);
    reload_expecting(&weight, WEIGHT, stream);
}

static void recorded_in_a_graph(void)
{
    CUstream stream = new_stream(CU_STREAM_NON_BLOCKING);
    struct weight weight = learned(WEIGHT, 25, stream);
    CUgraphExec exec;
    CUgraph graph;
    int i;

    OK(cu.cuStreamBeginCapture_v2(stream, CU_STREAM_CAPTURE_MODE_RELAXED));
    OK(cu.cuMemcpyHtoDAsync_v2(weight.device, weight.host, WEIGHT, stream));
    OK(cu.cuStreamEndCapture(stream, &graph));
    OK(cu.cuGraphInstantiateWithFlags(&exec, graph, 0));
    for (i = 0; i < 2; i++) {
        spoil(weight.device);
        REACHES(h2d, WEIGHT, WEIGHT, OK(cu.cuGraphLaunch(exec, stream));
                OK(cu.cuStreamSynchronize(stream)));
        CHECK(device_holds(weight.device, WEIGHT, 25));
    }
}

/* Another weight came there in between. */
static void two_weights_in_turn(void)
{
    struct weight a = learned(WEIGHT, 26, NULL), b = learned(WEIGHT, 27, NULL);
    int i;

    b.device = a.device;
    for (i = 0; i < 3; i++) {
        reload_expecting(&b, WEIGHT, NULL);
        offload_expecting(&b, 0, NULL);
        reload_expecting(&a, WEIGHT, NULL);
        offload_expecting(&a, 0, NULL);
    }
}

/* New memory at the old address: no record says that it is worth a look. */
static void freed_and_allocated(void)
{
    struct weight weight = learned(WEIGHT, 28, NULL);
    CUdeviceptr old = weight.device;
    uint64_t launches;

    OK(cu.cuMemFree_v2(weight.device));
    OK(cu.cuMemAlloc_v2(&weight.device, WEIGHT));
    CHECK(weight.device == old);
    launches = cu.simcuda_calls("cuLaunchKernel");
    reload_expecting(&weight, WEIGHT, NULL);
    CHECK_EQUAL(cu.simcuda_calls("cuLaunchKernel"), launches);
}

/* A program that always changes its weights pays for few looks. */
static void looking_in_vain_ends(void)
{
    struct weight weight = learned(WEIGHT, 29, NULL);
    uint64_t launches = cu.simcuda_calls("cuLaunchKernel");
    int i;

    for (i = 0; i < 80; i++) {
        spoil(weight.device);
        reload_expecting(&weight, WEIGHT, NULL);
    }
    launches = cu.simcuda_calls("cuLaunchKernel") - launches;
    CHECK_EQUAL(launches, under_shim ? 16 + 64 / 32 : 0);
    for (i = 0; i < 32; i++) {
        upload(weight.device, weight.host, WEIGHT, NULL);
    }
    reload_expecting(&weight, 0, NULL);
}

static const struct negative scenarios[] = {
    {"found_in_place", found_in_place, NULL},
    {"found_in_place_mapped", found_in_place, "CUSHADOW_HOST=alias"},
    {"found_in_place_trusted", found_in_place, "CUSHADOW_MODE=trust"},
    {"found_on_every_kind_of_stream", found_on_every_kind_of_stream, NULL},
    {"one_bit_in_vram", one_bit_in_vram, NULL},
    {"one_bit_in_ram", one_bit_in_ram, NULL},
    {"other_places", other_places, NULL},
    {"written_by_the_same_stream", written_by_the_same_stream, NULL},
    {"written_by_the_same_stream_later", written_by_the_same_stream_later,
     NULL},
    {"written_by_another_stream_afterwards",
     written_by_another_stream_afterwards, NULL},
    {"recorded_in_a_graph", recorded_in_a_graph, NULL},
    {"two_weights_in_turn", two_weights_in_turn, NULL},
    {"freed_and_allocated", freed_and_allocated, NULL},
    {"looking_in_vain_ends", looking_in_vain_ends, NULL},
};

int main(int argc, char **argv)
{
    return negative_main(argc, argv, scenarios,
                         sizeof(scenarios) / sizeof(scenarios[0]));
}
