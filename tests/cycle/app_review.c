/*
 * app_review.c - sequences in which a shim that looks at the named stream, at
 * a call's result or at an old handle alone would show itself.
 */
#include "program.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WEIGHT (((size_t)2 << 20) + 192)

/* An entry that the other programs do not need. */
static void *entry(const char *symbol)
{
    void *library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
    void *found = library != NULL ? dlsym(library, symbol) : NULL;

    CHECK(found != NULL);
    return found;
}

struct weight {
    CUdeviceptr device;
    uint8_t *host;
};

/* Uploaded, offloaded into host, still at device. */
static struct weight learned(uint32_t seed)
{
    struct weight weight = {0, fresh(WEIGHT)};
    void *src = fresh(WEIGHT);

    fill(src, WEIGHT, seed);
    OK(cu.cuMemAlloc_v2(&weight.device, WEIGHT));
    upload(weight.device, src, WEIGHT, NULL);
    free(src);
    offload(weight.host, weight.device, WEIGHT, NULL);
    CHECK(holds(weight.host, WEIGHT, seed));
    return weight;
}

/* Changes the last byte of the host buffer, and takes its time. */
static void CUDA_CB patch_slowly(void *host)
{
    usleep(100000);
    ((uint8_t *)host)[WEIGHT - 1] ^= 0x40;
}

/* An empty blocking stream is behind the legacy stream all the same: what a
 * host function there writes is what the copy has to read. Needs a driver
 * that reads pageable sources in stream order (pageable_h2d_reads_late). */
static void legacy_work_writes_the_source(void)
{
    struct weight weight = learned(1);
    PFN_cuLaunchHostFunc_v10000 launch =
        (PFN_cuLaunchHostFunc_v10000)entry("cuLaunchHostFunc");
    uint8_t wanted = weight.host[WEIGHT - 1] ^ 0x40;
    uint8_t *back = fresh(WEIGHT);
    CUstream blocking;

    OK(cu.cuStreamCreate(&blocking, CU_STREAM_DEFAULT));
    OK(launch(NULL, patch_slowly, weight.host));
    OK(cu.cuMemcpyHtoDAsync_v2(weight.device, weight.host, WEIGHT,
                               blocking));
    OK(cu.cuStreamSynchronize(blocking));
    OK(cu.cuMemcpyDtoH_v2(back, weight.device, WEIGHT));
    CHECK_EQUAL(back[WEIGHT - 1], wanted);
}

/* To end a capture on a stream that has none ends no other. */
static void failed_end_of_capture_ends_none(void)
{
    struct weight weight = {0, fresh(WEIGHT)};
    CUstream capturing, other;
    CUgraph graph = NULL;

    fill(weight.host, WEIGHT, 2);
    OK(cu.cuMemAlloc_v2(&weight.device, WEIGHT));
    upload(weight.device, weight.host, WEIGHT, NULL);
    OK(cu.cuStreamCreate(&capturing, CU_STREAM_NON_BLOCKING));
    OK(cu.cuStreamCreate(&other, CU_STREAM_NON_BLOCKING));
    OK(cu.cuStreamBeginCapture_v2(capturing,
                                  CU_STREAM_CAPTURE_MODE_RELAXED));
    CHECK(cu.cuStreamEndCapture(other, &graph) != CUDA_SUCCESS);
    OK(cu.cuMemcpyDtoHAsync_v2(weight.host, weight.device, WEIGHT, other));
    launch_fill(weight.device, 1, 1, capturing);
    OK(cu.cuStreamEndCapture(capturing, &graph));
    CHECK(graph != NULL);
    OK(cu.cuGraphDestroy(graph));
}

static void null_destination_fails_as_ever(void)
{
    struct weight weight = learned(3);

    CHECK_EQUAL(cu.cuMemcpyDtoH_v2(NULL, weight.device, WEIGHT),
                CUDA_ERROR_INVALID_VALUE);
    CHECK_EQUAL(cu.cuMemcpyHtoD_v2(weight.device, NULL, WEIGHT),
                CUDA_ERROR_INVALID_VALUE);
}

/* An event dies with its context, and its handle may be another's then: the
 * shim must neither ask about it nor destroy it. */
static void events_die_with_their_context(void)
{
    CUcontext primary, context;
    struct weight weight;
    CUdeviceptr spare;
    CUdevice device;
    uint64_t queries, ends;

    OK(cu.cuDeviceGet(&device, 0));
    OK(cu.cuDevicePrimaryCtxRetain(&primary, device));
    OK(cu.cuCtxCreate_v2(&context, 0, device));
    weight = learned(4);
    OK(cu.cuMemcpyHtoDAsync_v2(weight.device, weight.host, WEIGHT, NULL));
    OK(cu.cuStreamSynchronize(NULL));
    OK(cu.cuCtxDestroy_v2(context));
    OK(cu.cuCtxSetCurrent(primary));
    queries = cu.simcuda_calls("cuEventQuery");
    ends = cu.simcuda_calls("cuEventDestroy_v2");
    OK(cu.cuMemAlloc_v2(&spare, WEIGHT));
    OK(cu.cuMemFree_v2(spare));
    CHECK_EQUAL(cu.simcuda_calls("cuEventQuery"), queries);
    CHECK_EQUAL(cu.simcuda_calls("cuEventDestroy_v2"), ends);
}

/* A library's use of the primary context begins and ends beside a context of
 * the program's own, of which nothing changes. */
static void release_of_the_primary_ends_no_other(void)
{
    PFN_cuDevicePrimaryCtxRelease_v11000 release =
        (PFN_cuDevicePrimaryCtxRelease_v11000)entry(
            "cuDevicePrimaryCtxRelease_v2");
    CUcontext primary, context;
    struct weight weight;
    CUdeviceptr spare;
    CUdevice device;
    uint64_t loads;
    int i;

    OK(cu.cuDeviceGet(&device, 0));
    OK(cu.cuCtxCreate_v2(&context, 0, device));
    weight = learned(5);
    loads = cu.simcuda_calls("cuModuleLoadData");
    OK(release(device)); /* what the start of the program retained */
    for (i = 0; i < 3; i++) {
        OK(cu.cuDevicePrimaryCtxRetain(&primary, device));
        OK(release(device));
        OK(cu.cuMemAlloc_v2(&spare, WEIGHT));
        OK(cu.cuMemFree_v2(spare));
        REACHES(d2h, 0, WEIGHT,
                offload(weight.host, weight.device, WEIGHT, NULL));
        CHECK(holds(weight.host, WEIGHT, 5));
    }
    CHECK_EQUAL(cu.simcuda_calls("cuModuleLoadData"), loads);
}

/* A caching allocator allocates nothing for hours: what is over has to be
 * seen to be over all the same. */
static void many_reloads_stay_asynchronous(void)
{
    struct weight weight = learned(6);
    uint64_t waits;
    int i;

    for (i = 0; i < 12; i++) {
        waits = cu.simcuda_calls("cuStreamSynchronize");
        OK(cu.cuMemcpyHtoDAsync_v2(weight.device, weight.host, WEIGHT,
                                   NULL));
        CHECK_EQUAL(cu.simcuda_calls("cuStreamSynchronize"), waits);
        OK(cu.cuStreamSynchronize(NULL));
    }
}

/* Kilobytes of shared memory (slabs among it) in this process. */
static unsigned long shared_kib(void)
{
    char line[256];
    unsigned long kib = 0;
    FILE *status = fopen("/proc/self/status", "r");

    CHECK(status != NULL);
    while (fgets(line, sizeof(line), status) != NULL) {
        (void)sscanf(line, "RssShmem: %lu kB", &kib);
    }
    fclose(status);
    return kib;
}

static void shadows_of_old_bytes_do_not_pile_up(void)
{
    struct weight weight = learned(7);
    unsigned long before = shared_kib();
    uint32_t i;

    for (i = 0; i < 32; i++) {
        launch_fill(weight.device, i, WEIGHT / 4, NULL);
        offload(weight.host, weight.device, WEIGHT, NULL);
        CHECK_EQUAL(weight.host[0], i);
    }
    CHECK(shared_kib() < before + 16 * 1024);
}

/* Run with a driver that refuses the shim's copies, which are asynchronous:
 * the program's are not. */
static void refused_captures_do_not_pile_up(void)
{
    uint8_t *host = fresh(WEIGHT);
    CUdeviceptr device;
    unsigned long before;
    uint32_t i;

    fill(host, WEIGHT, 8);
    OK(cu.cuMemAlloc_v2(&device, WEIGHT));
    upload(device, host, WEIGHT, NULL);
    before = shared_kib();
    for (i = 0; i < 32; i++) {
        OK(cu.cuMemcpyDtoH_v2(host, device, WEIGHT));
        CHECK(holds(host, WEIGHT, 8));
    }
    CHECK(shared_kib() < before + 16 * 1024);
}

/* Memory is pinned for every context, and so may wait for every context: not
 * inside a copy, when only one of them is known to be idle. */
static void copies_beside_another_context_pin_nothing(void)
{
    CUcontext context;
    struct weight weight = learned(9);
    uint8_t *host = fresh(WEIGHT);
    CUdeviceptr device;
    CUdevice number;
    uint64_t pins;

    OK(cu.cuDeviceGet(&number, 0));
    OK(cu.cuCtxCreate_v2(&context, 0, number));
    OK(cu.cuMemAlloc_v2(&device, WEIGHT));
    upload(device, weight.host, WEIGHT - 64, NULL);
    pins = cu.simcuda_calls("cuMemHostRegister_v2");
    offload(host, device, WEIGHT - 64, NULL);
    CHECK(holds(host, WEIGHT - 64, 9));
    CHECK_EQUAL(cu.simcuda_calls("cuMemHostRegister_v2"), pins);
}

/* Another thread may just be ending the context that an event belongs to: it
 * is asked about, and given back, where that context is current. */
static void events_are_left_to_their_context(void)
{
    CUcontext primary, context;
    struct weight weight;
    CUdeviceptr spare;
    CUdevice device;
    uint64_t queries, ends;

    OK(cu.cuDeviceGet(&device, 0));
    OK(cu.cuDevicePrimaryCtxRetain(&primary, device));
    OK(cu.cuCtxCreate_v2(&context, 0, device));
    weight = learned(10);
    spoil(weight.device);
    OK(cu.cuMemcpyHtoDAsync_v2(weight.device, weight.host, WEIGHT, NULL));
    OK(cu.cuStreamSynchronize(NULL));
    OK(cu.cuCtxSetCurrent(primary));
    queries = cu.simcuda_calls("cuEventQuery");
    ends = cu.simcuda_calls("cuEventDestroy_v2");
    OK(cu.cuMemAlloc_v2(&spare, WEIGHT));
    OK(cu.cuMemFree_v2(spare));
    CHECK_EQUAL(cu.simcuda_calls("cuEventQuery"), queries);
    CHECK_EQUAL(cu.simcuda_calls("cuEventDestroy_v2"), ends);
    OK(cu.cuCtxSetCurrent(context));
    OK(cu.cuMemAlloc_v2(&spare, WEIGHT));
    CHECK_EQUAL(cu.simcuda_calls("cuEventDestroy_v2") - ends, under_shim);
}

/* Whoever attached to a context twice detaches twice: only then it is gone,
 * and until then what runs in it goes on reading shadows. */
static void context_outlives_one_of_two_detachments(void)
{
    PFN_cuCtxAttach_v2000 attach = (PFN_cuCtxAttach_v2000)entry("cuCtxAttach");
    PFN_cuCtxDetach_v2000 detach = (PFN_cuCtxDetach_v2000)entry("cuCtxDetach");
    CUcontext context, same;
    struct weight weight;
    CUdeviceptr spare;
    CUdevice device;
    uint64_t ends, loads;

    OK(cu.cuDeviceGet(&device, 0));
    OK(cu.cuCtxCreate_v2(&context, 0, device));
    OK(attach(&same, 0));
    CHECK(same == context);
    weight = learned(14);
    spoil(weight.device);
    OK(cu.cuMemcpyHtoDAsync_v2(weight.device, weight.host, WEIGHT, NULL));
    loads = cu.simcuda_calls("cuModuleLoadData");
    ends = cu.simcuda_calls("cuEventDestroy_v2");
    OK(detach(context));
    OK(cu.cuStreamSynchronize(NULL));
    OK(cu.cuMemAlloc_v2(&spare, WEIGHT));
    CHECK_EQUAL(cu.simcuda_calls("cuEventDestroy_v2") - ends, under_shim);
    CHECK_EQUAL(cu.simcuda_calls("cuModuleLoadData"), loads);
    OK(detach(context));
    CHECK(cu.cuCtxSetCurrent(context) != CUDA_SUCCESS);
}

/* A reset ends streams too, also in a context that nothing else was seen in:
 * one that was asked about afterwards would keep copies from being pinned. */
static void streams_die_with_a_reset(void)
{
    CUcontext primary;
    CUdevice device;
    CUstream stream;
    uint64_t pins;

    OK(cu.cuDeviceGet(&device, 0));
    OK(cu.cuDevicePrimaryCtxRetain(&primary, device));
    OK(cu.cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING));
    OK(cu.cuDevicePrimaryCtxReset_v2(device));
    OK(cu.cuCtxSetCurrent(primary));
    pins = cu.simcuda_calls("cuMemHostRegister_v2");
    (void)learned(11);
    CHECK_EQUAL(cu.simcuda_calls("cuMemHostRegister_v2") - pins, under_shim);
}

/* The driver's own entry, from libc's own dlsym: no wrapper hears of what it
 * does. */
static void *unseen_entry(const char *symbol)
{
    static const char *const versions[] = {"GLIBC_2.34", "GLIBC_2.17",
                                           "GLIBC_2.2.5"};
    void *library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
    void *(*look_up)(void *, const char *) = NULL;
    void *found;
    size_t i;

    for (i = 0; look_up == NULL && i < 3; i++) {
        look_up = (void *(*)(void *, const char *))dlvsym(
            RTLD_DEFAULT, "dlsym", versions[i]);
    }
    CHECK(library != NULL && look_up != NULL);
    found = look_up(library, symbol);
    CHECK(found != NULL);
    return found;
}

/* The number of a context tells that its handle is another's: events and
 * streams of the old one are gone, and must not be asked about either. */
static void unseen_end_of_a_context_ends_all_of_it(void)
{
    PFN_cuDevicePrimaryCtxReset_v11000 reset =
        (PFN_cuDevicePrimaryCtxReset_v11000)unseen_entry(
            "cuDevicePrimaryCtxReset_v2");
    CUcontext primary;
    struct weight weight;
    CUdeviceptr spare;
    CUdevice device;
    CUstream stream;
    uint64_t queries, ends, pins;

    OK(cu.cuDeviceGet(&device, 0));
    OK(cu.cuDevicePrimaryCtxRetain(&primary, device));
    OK(cu.cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING));
    weight = learned(12);
    OK(cu.cuMemcpyHtoDAsync_v2(weight.device, weight.host, WEIGHT, NULL));
    OK(cu.cuStreamSynchronize(NULL));
    OK(reset(device));
    OK(cu.cuCtxSetCurrent(primary));
    queries = cu.simcuda_calls("cuEventQuery");
    ends = cu.simcuda_calls("cuEventDestroy_v2");
    OK(cu.cuMemAlloc_v2(&spare, WEIGHT));
    OK(cu.cuMemFree_v2(spare));
    CHECK_EQUAL(cu.simcuda_calls("cuEventQuery"), queries);
    CHECK_EQUAL(cu.simcuda_calls("cuEventDestroy_v2"), ends);
    pins = cu.simcuda_calls("cuMemHostRegister_v2");
    (void)learned(13);
    CHECK(!under_shim || cu.simcuda_calls("cuMemHostRegister_v2") > pins);
}

/* Of a copy whose direction is in the pointers, from device to device. */
static void questions_keep_errno(void)
{
    CUdeviceptr from, to;

    OK(cu.cuMemAlloc_v2(&from, WEIGHT));
    OK(cu.cuMemAlloc_v2(&to, WEIGHT));
    errno = 77;
    OK(cu.cuMemcpy(to, from, WEIGHT));
    CHECK(!under_shim || errno == 77);
}

static const struct scenario scenarios[] = {
#define SCENARIO(name_) {#name_, name_}
    SCENARIO(legacy_work_writes_the_source),
    SCENARIO(failed_end_of_capture_ends_none),
    SCENARIO(null_destination_fails_as_ever),
    SCENARIO(events_die_with_their_context),
    SCENARIO(release_of_the_primary_ends_no_other),
    SCENARIO(many_reloads_stay_asynchronous),
    SCENARIO(shadows_of_old_bytes_do_not_pile_up),
    SCENARIO(refused_captures_do_not_pile_up),
    SCENARIO(copies_beside_another_context_pin_nothing),
    SCENARIO(events_are_left_to_their_context),
    SCENARIO(context_outlives_one_of_two_detachments),
    SCENARIO(streams_die_with_a_reset),
    SCENARIO(unseen_end_of_a_context_ends_all_of_it),
    SCENARIO(questions_keep_errno),
};

int main(int argc, char **argv)
{
    return program_main(argc, argv, scenarios,
                        sizeof(scenarios) / sizeof(scenarios[0]));
}
