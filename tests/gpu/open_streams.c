/*
 * open_streams.c - what a stream waits for, what a query of it covers, and
 * when a pageable copy has read its source: what the shim rests on before it
 * answers a copy by itself.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gpu.h"

enum { BYTES = 1 << 20 };

static struct gpu_gate gate;
static CUstream blocking, other, free_running; /* the last: non-blocking */

static void prepare(void)
{
    if (gate.word == NULL) {
        gpu_gate_make(&gate);
        OK(cu.cuStreamCreate(&blocking, CU_STREAM_DEFAULT));
        OK(cu.cuStreamCreate(&other, CU_STREAM_DEFAULT));
        OK(cu.cuStreamCreate(&free_running, CU_STREAM_NON_BLOCKING));
    }
}

static void pause_ms(long ms)
{
    struct timespec span = {.tv_sec = ms / 1000,
                            .tv_nsec = ms % 1000 * 1000000};

    nanosleep(&span, NULL);
}

/* Of `asked`, while a kernel runs on `busy`. */
static bool is_idle(CUstream asked, CUstream busy)
{
    CUresult result;

    gpu_gate_launch(&gate, busy, false);
    pause_ms(20);
    result = cu.cuStreamQuery(asked);
    gpu_gate_release(&gate);
    OK(cu.cuStreamSynchronize(busy));
    OK(cu.cuCtxSynchronize());
    return result == CUDA_SUCCESS;
}

static void queries(void)
{
    prepare();
    gpu_say_truth("legacy_idle_while_blocking_busy",
                  is_idle(NULL, blocking), false,
                  "cuStreamQuery(0) beside work on a blocking stream");
    gpu_say_truth("legacy_idle_while_nonblocking_busy",
                  is_idle(NULL, free_running), true, NULL);
    gpu_say_truth("blocking_idle_while_legacy_busy", is_idle(blocking, NULL),
                  true, "empty, but what comes to it must wait: why the "
                  "legacy stream is asked as well");
    gpu_say_truth("per_thread_idle_while_legacy_busy",
                  is_idle(CU_STREAM_PER_THREAD, NULL), true, NULL);
    gpu_say_truth("blocking_idle_while_other_blocking_busy",
                  is_idle(other, blocking), true, NULL);
}

/* A thread that opens the gate after some time: by a host word alone, so that
 * nothing of the driver is needed for it. */
static void *release_later(void *opaque)
{
    pause_ms(200);
    gpu_gate_release((struct gpu_gate *)opaque);
    return NULL;
}

/* While the gate is shut: a copy from the device to pageable memory. */
static void download_has_come(void)
{
    uint32_t *host = calloc(1, BYTES);
    CUdeviceptr device;
    pthread_t thread;
    double start, took;

    prepare();
    OK(cu.cuMemAlloc_v2(&device, BYTES));
    gpu_fill(device, 1, BYTES, blocking);
    OK(cu.cuStreamSynchronize(blocking));
    gpu_gate_launch(&gate, blocking, false);
    gpu_fill(device, 2, BYTES, blocking);
    start = gpu_now();
    if (host == NULL ||
        pthread_create(&thread, NULL, release_later, &gate) != 0) {
        exit(1);
    }
    OK(cu.cuMemcpyDtoHAsync_v2(host, device, BYTES, blocking));
    took = gpu_now() - start;
    gpu_say_truth("pageable_download_is_complete_on_return",
                  host[0] == 2 && host[BYTES / 4 - 1] == 2, true,
                  "cuMemcpyDtoHAsync behind a kernel that runs for 0.2 s");
    gpu_say_number("pageable_download_blocked_s", took, "s", NULL);
    pthread_join(thread, NULL);
    OK(cu.cuStreamSynchronize(blocking));
    OK(cu.cuMemFree_v2(device));
    free(host);
}

/* Which bytes arrive, if the program writes the source after the call. */
static void upload_reads_its_source(size_t bytes, const char *name,
                                    const char *name_of_time)
{
    uint32_t *host = malloc(bytes), back = 0;
    CUdeviceptr device;
    pthread_t thread;
    double start, took;

    prepare();
    OK(cu.cuMemAlloc_v2(&device, bytes));
    if (host == NULL) {
        exit(1);
    }
    memset(host, 1, bytes);
    gpu_gate_launch(&gate, blocking, false);
    start = gpu_now();
    if (pthread_create(&thread, NULL, release_later, &gate) != 0) {
        exit(1);
    }
    OK(cu.cuMemcpyHtoDAsync_v2(device, host, bytes, blocking));
    took = gpu_now() - start;
    memset(host, 2, bytes);
    pthread_join(thread, NULL);
    OK(cu.cuStreamSynchronize(blocking));
    OK(cu.cuMemcpyDtoH_v2(&back, device + bytes - 4, 4));
    gpu_say_text(name,
                 back == 0x01010101 ? "before the call returned"
                                    : "after the call returned",
                 "when cuMemcpyHtoDAsync from pageable memory read its source");
    gpu_say_number(name_of_time, took, "s",
                   "how long that call took, the stream being busy for 0.2 s");
    OK(cu.cuMemFree_v2(device));
    free(host);
}

static void uploads(void)
{
    upload_reads_its_source(16 << 10, "pageable_upload_16K",
                            "pageable_upload_16K_call");
    upload_reads_its_source(1 << 20, "pageable_upload_1M",
                            "pageable_upload_1M_call");
    upload_reads_its_source(64 << 20, "pageable_upload_64M",
                            "pageable_upload_64M_call");
}

/* A kernel on every multiprocessor: does a copy engine still run? */
static void copies_beside_a_kernel(void)
{
    CUdeviceptr device;
    CUevent event;
    void *pinned;
    bool done = false;
    double start;

    prepare();
    OK(cu.cuMemAlloc_v2(&device, BYTES));
    OK(cu.cuMemHostAlloc(&pinned, BYTES, 0));
    OK(cu.cuEventCreate(&event, CU_EVENT_DISABLE_TIMING));
    gpu_gate_launch(&gate, free_running, true);
    OK(cu.cuMemcpyDtoHAsync_v2(pinned, device, BYTES, other));
    OK(cu.cuEventRecord(event, other));
    for (start = gpu_now(); !done && gpu_now() - start < 10;) {
        done = cu.cuEventQuery(event) == CUDA_SUCCESS;
    }
    gpu_say_truth("copy_runs_beside_a_persistent_kernel", done, true,
                  "pinned, on another stream");
    done = false;
    gpu_fill(device, 1, BYTES, other);
    OK(cu.cuEventRecord(event, other));
    for (start = gpu_now(); !done && gpu_now() - start < 0.2;) {
        done = cu.cuEventQuery(event) == CUDA_SUCCESS;
    }
    gpu_say_truth("kernel_starts_beside_a_persistent_kernel", done, false,
                  "why a proof waits with a bound");
    gpu_gate_release(&gate);
    OK(cu.cuCtxSynchronize());
    OK(cu.cuEventDestroy_v2(event));
    OK(cu.cuMemFreeHost(pinned));
    OK(cu.cuMemFree_v2(device));
}

static const struct gpu_point points[] = {
    {"queries", queries},
    {"download_has_come", download_has_come},
    {"uploads", uploads},
    {"copies_beside_a_kernel", copies_beside_a_kernel},
};

int main(int argc, char **argv)
{
    return gpu_main(argc, argv, points, sizeof(points) / sizeof(points[0]));
}
