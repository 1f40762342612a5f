/*
 * open_costs.c - what the calls cost that the shim makes for itself on the
 * way of a copy, each by itself: they decide how short an elided offload can
 * become. Also what is free while weights are parked.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gpu.h"

enum { BURSTS = 41, BURST = 200, WEIGHT = 32 << 20 };

static struct {
    CUdeviceptr memory;
    CUstream stream, other;
    CUevent event;
    void *pageable;
} with;

static void attribute(void)
{
    uint64_t value = 0;

    OK(cu.cuPointerGetAttribute(&value, CU_POINTER_ATTRIBUTE_MEMORY_TYPE,
                                with.memory));
}

/* Of memory that the driver does not know: it says so, and no more. */
static void attribute_of_pageable(void)
{
    uint64_t value = 0;

    cu.cuPointerGetAttribute(&value, CU_POINTER_ATTRIBUTE_MEMORY_TYPE,
                             (CUdeviceptr)(uintptr_t)with.pageable);
}

static void attributes(void)
{
    CUpointer_attribute asked[] = {
        CU_POINTER_ATTRIBUTE_MEMORY_TYPE, CU_POINTER_ATTRIBUTE_IS_MANAGED,
        CU_POINTER_ATTRIBUTE_MAPPED, CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL,
        CU_POINTER_ATTRIBUTE_CONTEXT, CU_POINTER_ATTRIBUTE_ACCESS_FLAGS};
    uint64_t values[6];
    void *places[] = {&values[0], &values[1], &values[2],
                      &values[3], &values[4], &values[5]};

    OK(cu.cuPointerGetAttributes(6, asked, places, with.memory));
}

static void address_range(void)
{
    CUdeviceptr base;
    size_t size;

    OK(cu.cuMemGetAddressRange_v2(&base, &size, with.memory));
}

static void query_legacy(void)
{
    OK(cu.cuStreamQuery(NULL));
}

static void query_stream(void)
{
    OK(cu.cuStreamQuery(with.stream));
}

static void wait_for_idle(void)
{
    OK(cu.cuStreamSynchronize(with.stream));
}

static void is_capturing(void)
{
    CUstreamCaptureStatus status;

    OK(cu.cuStreamIsCapturing(with.stream, &status));
}

static void record(void)
{
    OK(cu.cuEventRecord(with.event, with.stream));
}

static void record_and_wait(void)
{
    OK(cu.cuEventRecord(with.event, with.stream));
    OK(cu.cuStreamWaitEvent(with.other, with.event, 0));
}

static void query_event(void)
{
    OK(cu.cuEventQuery(with.event));
}

static void current_context(void)
{
    CUcontext context;

    OK(cu.cuCtxGetCurrent(&context));
}

static void free_memory(void)
{
    size_t left, total;

    OK(cu.cuMemGetInfo_v2(&left, &total));
}

/* As a proof: behind an event of the program's stream, and waited for. */
static void round_trip(void)
{
    record_and_wait();
    gpu_fill(with.memory, 1, 4, with.other);
    OK(cu.cuEventRecord(with.event, with.other));
    while (cu.cuEventQuery(with.event) == CUDA_ERROR_NOT_READY) {
    }
}

static const struct {
    const char *name;
    void (*call)(void);
} costs[] = {
    {"cost_cuPointerGetAttribute", attribute},
    {"cost_cuPointerGetAttribute_of_pageable", attribute_of_pageable},
    {"cost_cuPointerGetAttributes_6", attributes},
    {"cost_cuMemGetAddressRange", address_range},
    {"cost_cuStreamQuery_legacy", query_legacy},
    {"cost_cuStreamQuery", query_stream},
    {"cost_cuStreamSynchronize_idle", wait_for_idle},
    {"cost_cuStreamIsCapturing", is_capturing},
    {"cost_cuEventRecord", record},
    {"cost_cuEventRecord_cuStreamWaitEvent", record_and_wait},
    {"cost_cuEventQuery", query_event},
    {"cost_cuCtxGetCurrent", current_context},
    {"cost_cuMemGetInfo", free_memory},
    {"cost_empty_proof", round_trip},
};

static void single_calls(void)
{
    int n = gpu_is_simulated ? 10 : BURST, k;
    double took[BURSTS], start;
    size_t i, j;

    OK(cu.cuMemAlloc_v2(&with.memory, 1 << 20));
    OK(cu.cuStreamCreate(&with.stream, CU_STREAM_NON_BLOCKING));
    OK(cu.cuStreamCreate(&with.other, CU_STREAM_NON_BLOCKING));
    OK(cu.cuEventCreate(&with.event, CU_EVENT_DISABLE_TIMING));
    with.pageable = malloc(1 << 20);
    for (i = 0; i < sizeof(costs) / sizeof(costs[0]); i++) {
        for (j = 0; j < BURSTS; j++) {
            start = gpu_now();
            for (k = 0; k < n; k++) {
                costs[i].call();
            }
            took[j] = (gpu_now() - start) / n;
            OK(cu.cuCtxSynchronize());
        }
        gpu_say_number(costs[i].name, gpu_median(took, BURSTS) * 1e9, "ns",
                       "median of bursts");
    }
    free(with.pageable);
    OK(cu.cuEventDestroy_v2(with.event));
    OK(cu.cuStreamDestroy_v2(with.stream));
    OK(cu.cuStreamDestroy_v2(with.other));
    OK(cu.cuMemFree_v2(with.memory));
}

static void allocations(void)
{
    double took[21], freed[21], start;
    CUdeviceptr memory;
    size_t i;

    for (i = 0; i < 21; i++) {
        start = gpu_now();
        OK(cu.cuMemAlloc_v2(&memory, 20 << 20));
        took[i] = gpu_now() - start;
        start = gpu_now();
        OK(cu.cuMemFree_v2(memory));
        freed[i] = gpu_now() - start;
    }
    gpu_say_number("cost_cuMemAlloc_20M", gpu_median(took, 21) * 1e6, "us",
                   "what a framework's segments cost by themselves");
    gpu_say_number("cost_cuMemFree_20M", gpu_median(freed, 21) * 1e6, "us",
                   NULL);
}

/* With the shim and CUSHADOW_VRAM_KEEP the freed weight is kept, and counts as
 * free all the same; its address is that of freed memory. */
static void freed_weight(void)
{
    size_t before, after, total;
    unsigned char *host = malloc(WEIGHT);
    CUdeviceptr weight;
    uint64_t type = 0;
    int round;

    if (host == NULL) {
        exit(1);
    }
    memset(host, 3, WEIGHT);
    for (round = 0; round < 3; round++) {
        OK(cu.cuMemAlloc_v2(&weight, WEIGHT));
        OK(cu.cuMemcpyHtoD_v2(weight, host, WEIGHT));
        OK(cu.cuMemcpyDtoH_v2(host, weight, WEIGHT));
        OK(cu.cuMemGetInfo_v2(&before, &total));
        OK(cu.cuMemFree_v2(weight));
        OK(cu.cuMemGetInfo_v2(&after, &total));
    }
    gpu_say_number("freed_by_a_free", (double)after - (double)before, "B",
                   "by cuMemGetInfo, after cuMemFree of 32 MiB");
    gpu_say_truth("free_counts_as_free", after >= before + WEIGHT, true, NULL);
    gpu_say_truth("freed_weight_is_known",
                  cu.cuPointerGetAttribute(
                      &type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE, weight) ==
                      CUDA_SUCCESS,
                  false, "by cuPointerGetAttribute");
    free(host);
}

static const struct gpu_point points[] = {
    {"single_calls", single_calls},
    {"allocations", allocations},
    {"freed_weight", freed_weight},
};

int main(int argc, char **argv)
{
    return gpu_main(argc, argv, points, sizeof(points) / sizeof(points[0]));
}
