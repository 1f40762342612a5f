/*
 * app_elide.c - the full cycle of weights, and every case of it that must
 * not be elided. Each scenario says what the program sees and what reached
 * the driver, with the shim and without.
 */
#include "program.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB ((size_t)1 << 20)
#define WEIGHT (2 * MIB + 192) /* no multiple of a page or of a tile */

/* A weight that has gone through its first cycle: uploaded from src,
 * offloaded into host, still at device. */
struct weight {
    CUdeviceptr device;
    void *host;
    uint32_t seed;
};

static struct weight learned(size_t bytes, uint32_t seed, CUstream stream)
{
    struct weight weight = {0, fresh(bytes), seed};
    void *src = fresh(bytes);

    fill(src, bytes, seed);
    OK(cu.cuMemAlloc_v2(&weight.device, bytes));
    REACHES(h2d, bytes, bytes, upload(weight.device, src, bytes, stream));
    free(src);
    REACHES(d2h, bytes, bytes,
            offload(weight.host, weight.device, bytes, stream));
    CHECK(holds(weight.host, bytes, seed));
    return weight;
}

/* Offloads again into new memory and checks the bytes; wanted is how many
 * reach the driver under the shim. */
static void offload_expecting(const struct weight *weight, size_t bytes,
                              uint64_t wanted, CUstream stream)
{
    void *host = fresh(bytes);

    REACHES(d2h, wanted, bytes, offload(host, weight->device, bytes, stream));
    CHECK(holds(host, bytes, weight->seed));
    free(host);
}

static void cycle_moves_no_bytes_back(void)
{
    struct weight weight = learned(WEIGHT, 1, NULL);
    int i;

    for (i = 0; i < 3; i++) {
        void *host = fresh(WEIGHT);

        OK(cu.cuMemFree_v2(weight.device));
        OK(cu.cuMemAlloc_v2(&weight.device, WEIGHT));
        REACHES(h2d, WEIGHT, WEIGHT,
                upload(weight.device, weight.host, WEIGHT, NULL));
        REACHES(d2h, 0, WEIGHT, offload(host, weight.device, WEIGHT, NULL));
        CHECK(holds(host, WEIGHT, weight.seed));
        free(weight.host);
        weight.host = host;
    }
}

static void reload_comes_from_pinned_memory(void)
{
    struct weight weight = learned(WEIGHT, 2, NULL);
    uint64_t pinned;

    OK(cu.cuMemFree_v2(weight.device));
    OK(cu.cuMemAlloc_v2(&weight.device, WEIGHT));
    pinned = cu.simcuda_bytes(SIM_H2D_PINNED);
    upload(weight.device, weight.host, WEIGHT, NULL);
    CHECK_EQUAL(cu.simcuda_bytes(SIM_H2D_PINNED) - pinned,
                under_shim ? WEIGHT : 0);
    offload_expecting(&weight, WEIGHT, 0, NULL);
}

static void two_models_in_turn(void)
{
    struct weight a[8], b[8];
    size_t i, bytes = MIB;
    int cycle;

    for (i = 0; i < 8; i++) {
        a[i] = learned(bytes, 100 + (uint32_t)i, NULL);
    }
    for (i = 0; i < 8; i++) {
        OK(cu.cuMemFree_v2(a[i].device));
        b[i] = learned(bytes, 200 + (uint32_t)i, NULL);
    }
    for (cycle = 0; cycle < 3; cycle++) {
        struct weight *out = cycle % 2 ? a : b, *in = cycle % 2 ? b : a;

        for (i = 0; i < 8; i++) {
            offload_expecting(&out[i], bytes, 0, NULL);
            OK(cu.cuMemFree_v2(out[i].device));
        }
        for (i = 0; i < 8; i++) {
            OK(cu.cuMemAlloc_v2(&in[i].device, bytes));
            upload(in[i].device, in[i].host, bytes, NULL);
        }
    }
}

static void patched_by_a_kernel_is_copied(void)
{
    struct weight weight = learned(WEIGHT, 3, NULL);
    uint32_t *host = fresh(WEIGHT);

    launch_fill(weight.device + MIB, 0xABCD1234u, 1, NULL);
    REACHES(d2h, WEIGHT, WEIGHT, offload(host, weight.device, WEIGHT, NULL));
    CHECK_EQUAL(host[MIB / 4], 0xABCD1234u);
    CHECK(holds(host, MIB, weight.seed));
    /* The patched bytes are a weight of their own now. */
    REACHES(d2h, 0, WEIGHT, offload(host, weight.device, WEIGHT, NULL));
    CHECK_EQUAL(host[MIB / 4], 0xABCD1234u);
}

/* One bit at the first, the last and the middle byte, and around every
 * border of the fingerprint's tiles near the start. */
static void one_bit_in_vram_is_copied(void)
{
    static const size_t places[] = {0, 1, 15, 16, 511, 512, 16383, 16384,
                                    16385, WEIGHT / 2, WEIGHT - 1};
    size_t i;

    for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        struct weight weight = learned(WEIGHT, 4 + (uint32_t)i, NULL);
        uint8_t *host = fresh(WEIGHT), old, new;

        old = ((uint8_t *)weight.host)[places[i]];
        new = old ^ (uint8_t)(1u << (i % 8));
        cu.simcuda_poke(weight.device + places[i], &new, 1);
        REACHES(d2h, WEIGHT, WEIGHT,
                offload(host, weight.device, WEIGHT, NULL));
        CHECK_EQUAL(host[places[i]], new);
        host[places[i]] = old;
        CHECK(holds(host, WEIGHT, weight.seed));
        cu.simcuda_poke(weight.device + places[i], &old, 1);
        free(host);
    }
}

static void written_by_memset_is_copied(void)
{
    struct weight weight = learned(WEIGHT, 20, NULL);
    uint8_t *host = fresh(WEIGHT);

    OK(cu.cuMemsetD8_v2(weight.device, 0x5A, WEIGHT));
    REACHES(d2h, WEIGHT, WEIGHT, offload(host, weight.device, WEIGHT, NULL));
    CHECK(host[0] == 0x5A && host[WEIGHT - 1] == 0x5A);
}

static void swapped_weights_are_copied(void)
{
    struct weight a = learned(MIB, 21, NULL), b = learned(MIB, 22, NULL);
    CUdeviceptr spare;
    void *host = fresh(MIB);

    OK(cu.cuMemAlloc_v2(&spare, MIB));
    OK(cu.cuMemcpyDtoD_v2(spare, a.device, MIB));
    OK(cu.cuMemcpyDtoD_v2(a.device, b.device, MIB));
    OK(cu.cuMemcpyDtoD_v2(b.device, spare, MIB));
    REACHES(d2h, MIB, MIB, offload(host, a.device, MIB, NULL));
    CHECK(holds(host, MIB, b.seed));
    REACHES(d2h, MIB, MIB, offload(host, b.device, MIB, NULL));
    CHECK(holds(host, MIB, a.seed));
}

static void reused_address_is_copied(void)
{
    struct weight weight = learned(WEIGHT, 23, NULL);
    void *src = fresh(WEIGHT), *host = fresh(WEIGHT);
    CUdeviceptr again;

    OK(cu.cuMemFree_v2(weight.device));
    OK(cu.cuMemAlloc_v2(&again, WEIGHT));
    CHECK_EQUAL(again, weight.device); /* the simulated driver reuses it */
    fill(src, WEIGHT, 24);
    upload(again, src, WEIGHT, NULL);
    REACHES(d2h, WEIGHT, WEIGHT, offload(host, again, WEIGHT, NULL));
    CHECK(holds(host, WEIGHT, 24));
}

static void patched_in_ram_is_uploaded(void)
{
    struct weight weight = learned(WEIGHT, 25, NULL);
    uint8_t *bytes = weight.host, changed;
    uint8_t *back = fresh(WEIGHT);

    OK(cu.cuMemFree_v2(weight.device));
    OK(cu.cuMemAlloc_v2(&weight.device, WEIGHT));
    changed = bytes[WEIGHT - 5] ^= 0x10;
    REACHES(h2d, WEIGHT, WEIGHT,
            upload(weight.device, weight.host, WEIGHT, NULL));
    REACHES(d2h, 0, WEIGHT, offload(back, weight.device, WEIGHT, NULL));
    CHECK_EQUAL(back[WEIGHT - 5], changed);
    back[WEIGHT - 5] ^= 0x10;
    CHECK(holds(back, WEIGHT, weight.seed));
}

/* A textual inversion grows an embedding: other bytes, other shape, partly
 * in the same buffer. */
static void changed_shape_is_uploaded(void)
{
    struct weight weight = learned(WEIGHT, 26, NULL);
    size_t larger = WEIGHT + 3 * 4096;
    uint8_t *grown = realloc(weight.host, larger), *back = fresh(larger);
    CUdeviceptr device;

    CHECK(grown != NULL);
    memset(grown + WEIGHT, 0x77, larger - WEIGHT);
    OK(cu.cuMemAlloc_v2(&device, larger));
    REACHES(h2d, larger, larger, upload(device, grown, larger, NULL));
    REACHES(d2h, larger, larger, offload(back, device, larger, NULL));
    CHECK(holds(back, WEIGHT, weight.seed) && back[larger - 1] == 0x77);
    /* A part of the old buffer. */
    REACHES(h2d, WEIGHT - 4096, WEIGHT - 4096,
            upload(device, grown, WEIGHT - 4096, NULL));
}

static void parts_and_unions_are_passed(void)
{
    struct weight weight = learned(WEIGHT, 27, NULL);
    uint8_t *host = fresh(2 * WEIGHT);

    REACHES(d2h, MIB, MIB, offload(host, weight.device, MIB, NULL));
    CHECK(holds(host, MIB, weight.seed));
    REACHES(d2h, MIB, MIB,
            offload(host, weight.device + 4096, MIB, NULL));
    REACHES(d2h, WEIGHT - 1, WEIGHT - 1,
            offload(host, weight.device, WEIGHT - 1, NULL));
    offload_expecting(&weight, WEIGHT, 0, NULL);
}

static void small_copies_are_passed(void)
{
    size_t bytes = 64 * 1024 - 1;
    struct weight weight = learned(bytes, 28, NULL);
    struct weight bound = learned(bytes + 1, 29, NULL);

    offload_expecting(&weight, bytes, bytes, NULL);
    offload_expecting(&bound, bytes + 1, 0, NULL);
}

static void pinned_memory_is_left_alone(void)
{
    struct weight weight = learned(WEIGHT, 30, NULL);
    void *pinned;

    OK(cu.cuMemHostAlloc(&pinned, WEIGHT, 0));
    REACHES(d2h, WEIGHT, WEIGHT,
            offload(pinned, weight.device, WEIGHT, NULL));
    CHECK(holds(pinned, WEIGHT, weight.seed));
    REACHES(h2d, WEIGHT, WEIGHT,
            upload(weight.device, pinned, WEIGHT, NULL));
    OK(cu.cuMemFreeHost(pinned));
}

/* Registered in the middle only: neither end is known to the driver. */
static void unknown_memory_is_passed(void)
{
    CUdeviceptr device;
    void *host = fresh(WEIGHT);

    OK(cu.cuMemAlloc_v2(&device, WEIGHT));
    OK(cu.cuMemsetD8_v2(device, 1, WEIGHT));
    REACHES(d2h, WEIGHT, WEIGHT, offload(host, device, WEIGHT, NULL));
    REACHES(d2h, WEIGHT, WEIGHT, offload(host, device, WEIGHT, NULL));
}

/* Work that the same thread releases only after its copy has returned: a
 * pageable copy may complete on return, so the gate is another stream's. */
static void work_on_another_stream_is_not_waited_for(void)
{
    struct weight weight = learned(WEIGHT, 31, NULL);
    CUstream gated, copying;
    uint32_t *flag;

    OK(cu.cuMemHostAlloc((void **)&flag, 4096, CU_MEMHOSTALLOC_DEVICEMAP));
    __atomic_store_n(flag, 0, __ATOMIC_SEQ_CST);
    OK(cu.cuStreamCreate(&gated, CU_STREAM_NON_BLOCKING));
    OK(cu.cuStreamCreate(&copying, CU_STREAM_NON_BLOCKING));
    /* The kernel owns the device; copy engines go on beside it. */
    launch_wait((CUdeviceptr)(uintptr_t)flag, 1, gated);
    offload_expecting(&weight, WEIGHT, WEIGHT, copying);
    offload_expecting(&weight, WEIGHT, WEIGHT, copying);
    __atomic_store_n(flag, 1, __ATOMIC_SEQ_CST);
    OK(cu.cuStreamSynchronize(gated));
}

static void write_in_flight_on_the_stream_is_seen(void)
{
    CUstream stream;
    struct weight weight;
    uint32_t *host = fresh(WEIGHT);

    OK(cu.cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING));
    weight = learned(WEIGHT, 32, stream);
    launch_fill(weight.device, 7, WEIGHT / 4, stream);
    REACHES(d2h, WEIGHT, WEIGHT,
            offload(host, weight.device, WEIGHT, stream));
    CHECK(host[0] == 7 && host[WEIGHT / 4 - 1] == 7);
}

/* The legacy stream waits for blocking streams: the copy sees their work. */
static void legacy_order_is_kept(void)
{
    CUstream blocking;
    struct weight weight = learned(WEIGHT, 33, NULL);
    uint32_t *host = fresh(WEIGHT);

    OK(cu.cuStreamCreate(&blocking, CU_STREAM_DEFAULT));
    launch_fill(weight.device, 9, WEIGHT / 4, blocking);
    REACHES(d2h, WEIGHT, WEIGHT,
            OK(cu.cuMemcpyDtoH_v2(host, weight.device, WEIGHT)));
    CHECK(host[0] == 9 && host[WEIGHT / 4 - 1] == 9);
}

static void captured_copy_goes_into_the_graph(void)
{
    struct weight weight = learned(WEIGHT, 34, NULL);
    CUstream stream;
    CUgraph graph;
    CUgraphExec exec;
    void *pinned;

    OK(cu.cuMemHostAlloc(&pinned, WEIGHT, 0));
    OK(cu.cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING));
    OK(cu.cuStreamBeginCapture_v2(stream, CU_STREAM_CAPTURE_MODE_GLOBAL));
    OK(cu.cuMemcpyDtoHAsync_v2(pinned, weight.device, WEIGHT, stream));
    OK(cu.cuStreamEndCapture(stream, &graph));
    OK(cu.cuGraphInstantiateWithFlags(&exec, graph, 0));
    memset(pinned, 0, WEIGHT);
    REACHES(d2h, WEIGHT, WEIGHT, OK(cu.cuGraphLaunch(exec, stream));
            OK(cu.cuStreamSynchronize(stream)));
    CHECK(holds(pinned, WEIGHT, weight.seed));
    /* After the capture the shim is back. */
    offload_expecting(&weight, WEIGHT, 0, NULL);
}

static void capture_elsewhere_is_not_disturbed(void)
{
    struct weight weight = learned(WEIGHT, 35, NULL);
    CUstream capturing, copying;
    CUgraph graph;

    OK(cu.cuStreamCreate(&capturing, CU_STREAM_NON_BLOCKING));
    OK(cu.cuStreamCreate(&copying, CU_STREAM_NON_BLOCKING));
    OK(cu.cuStreamBeginCapture_v2(capturing,
                                  CU_STREAM_CAPTURE_MODE_RELAXED));
    launch_fill(weight.device, 1, 1, capturing);
    offload_expecting(&weight, WEIGHT, WEIGHT, copying);
    OK(cu.cuStreamEndCapture(capturing, &graph));
    CHECK(graph != NULL);
    OK(cu.cuGraphDestroy(graph));
}

static void destroyed_context_forgets(void)
{
    CUcontext context;
    CUdevice device;
    int i;

    OK(cu.cuDeviceGet(&device, 0));
    for (i = 0; i < 3; i++) {
        struct weight weight;

        OK(cu.cuCtxCreate_v2(&context, 0, device));
        weight = learned(WEIGHT, 360 + (uint32_t)i, NULL);
        offload_expecting(&weight, WEIGHT, 0, NULL);
        OK(cu.cuCtxDestroy_v2(context));
    }
}

/* The primary context goes on being retained, with all of its memory gone and
 * all that the shim had in it. */
static void reset_context_starts_anew(void)
{
    CUcontext context;
    CUdevice device;
    int i;

    OK(cu.cuDeviceGet(&device, 0));
    OK(cu.cuDevicePrimaryCtxRetain(&context, device));
    for (i = 0; i < 3; i++) {
        struct weight weight = learned(WEIGHT, 60 + (uint32_t)i, NULL);

        offload_expecting(&weight, WEIGHT, 0, NULL);
        OK(cu.cuDevicePrimaryCtxReset_v2(device));
        OK(cu.cuCtxSetCurrent(context));
    }
}

static void child_of_fork_is_inert(void)
{
    struct weight weight = learned(WEIGHT, 37, NULL);
    pid_t child = fork();
    int status;

    if (child == 0) {
        /* CUDA is dead in here; the call must simply say so. */
        CUresult result = cu.cuMemcpyDtoH_v2(weight.host, weight.device,
                                             WEIGHT);

        _exit(result == CUDA_ERROR_NOT_INITIALIZED ? 0 : 1);
    }
    CHECK_EQUAL(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    offload_expecting(&weight, WEIGHT, 0, NULL);
}

static void bad_arguments_fail_as_ever(void)
{
    struct weight weight = learned(WEIGHT, 38, NULL);
    void *host = fresh(WEIGHT);

    CHECK(cu.cuMemcpyDtoH_v2(host, 0x1000, WEIGHT) != CUDA_SUCCESS);
    CHECK(cu.cuMemcpyHtoD_v2(0x1000, host, WEIGHT) != CUDA_SUCCESS);
    CHECK(cu.cuMemcpyDtoH_v2(host, weight.device, 64 * MIB) != CUDA_SUCCESS);
    OK(cu.cuMemcpyDtoH_v2(host, weight.device, 0));
    OK(cu.cuMemFree_v2(weight.device));
    CHECK(cu.cuMemFree_v2(weight.device) != CUDA_SUCCESS);
    CHECK(cu.cuMemcpyDtoH_v2(host, weight.device, WEIGHT) != CUDA_SUCCESS);
}

static void pool_memory_cycles(void)
{
    CUstream stream;
    CUdeviceptr device;
    void *src = fresh(WEIGHT), *host = fresh(WEIGHT);
    int i;

    OK(cu.cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING));
    fill(src, WEIGHT, 39);
    for (i = 0; i < 3; i++) {
        OK(cu.cuMemAllocAsync(&device, WEIGHT, stream));
        upload(device, i == 0 ? src : host, WEIGHT, stream);
        if (i > 0) {
            free(host);
            host = fresh(WEIGHT);
        }
        offload(host, device, WEIGHT, stream);
        CHECK(holds(host, WEIGHT, 39));
        OK(cu.cuMemFreeAsync(device, stream));
        OK(cu.cuStreamSynchronize(stream));
    }
}

static const struct scenario scenarios[] = {
#define SCENARIO(name_) {#name_, name_}
    SCENARIO(cycle_moves_no_bytes_back),
    SCENARIO(reload_comes_from_pinned_memory),
    SCENARIO(two_models_in_turn),
    SCENARIO(patched_by_a_kernel_is_copied),
    SCENARIO(one_bit_in_vram_is_copied),
    SCENARIO(written_by_memset_is_copied),
    SCENARIO(swapped_weights_are_copied),
    SCENARIO(reused_address_is_copied),
    SCENARIO(patched_in_ram_is_uploaded),
    SCENARIO(changed_shape_is_uploaded),
    SCENARIO(parts_and_unions_are_passed),
    SCENARIO(small_copies_are_passed),
    SCENARIO(pinned_memory_is_left_alone),
    SCENARIO(unknown_memory_is_passed),
    SCENARIO(work_on_another_stream_is_not_waited_for),
    SCENARIO(write_in_flight_on_the_stream_is_seen),
    SCENARIO(legacy_order_is_kept),
    SCENARIO(captured_copy_goes_into_the_graph),
    SCENARIO(capture_elsewhere_is_not_disturbed),
    SCENARIO(destroyed_context_forgets),
    SCENARIO(reset_context_starts_anew),
    SCENARIO(child_of_fork_is_inert),
    SCENARIO(bad_arguments_fail_as_ever),
    SCENARIO(pool_memory_cycles),
};

int main(int argc, char **argv)
{
    return program_main(argc, argv, scenarios,
                        sizeof(scenarios) / sizeof(scenarios[0]));
}
