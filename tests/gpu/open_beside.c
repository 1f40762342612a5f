/*
 * open_beside.c - what calls do while a kernel owns the whole device: which of
 * those that the shim makes for itself wait for it, and how soon a kernel sees
 * a word that the host writes.
 *
 * A call runs in a thread of its own; if it has not come back within half a
 * second the kernel is let go, and the answer is that it waits.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "gpu.h"

enum { BYTES = 64 << 20, TIMES = 101 };

static struct gpu_gate gate;
static CUstream busy;

static void prepare(void)
{
    if (gate.word == NULL) {
        gpu_gate_make(&gate);
        OK(cu.cuStreamCreate(&busy, CU_STREAM_NON_BLOCKING));
    }
}

/* What the calls work with. */
static struct {
    char *ptx;
    CUmodule module;
    CUfunction function;
    void *host, *pinned;
    CUdeviceptr device, spare;
    CUstream stream, idle; /* the shim's, the program's */
    CUevent event;
} with;

static CUresult module_load(void)
{
    return cu.cuModuleLoadData(&with.module, with.ptx);
}

static CUresult module_find(void)
{
    return cu.cuModuleGetFunction(&with.function, with.module,
                                  "csh_fingerprint_kernel");
}

static CUresult module_unload(void)
{
    return cu.cuModuleUnload(with.module);
}

static CUresult host_register(void)
{
    return cu.cuMemHostRegister_v2(with.host, BYTES,
                                   CU_MEMHOSTREGISTER_PORTABLE);
}

static CUresult host_unregister(void)
{
    return cu.cuMemHostUnregister(with.host);
}

static CUresult host_allocate(void)
{
    return cu.cuMemHostAlloc(&with.pinned, 1 << 20, 0);
}

static CUresult host_free(void)
{
    return cu.cuMemFreeHost(with.pinned);
}

static CUresult device_allocate(void)
{
    return cu.cuMemAlloc_v2(&with.spare, BYTES);
}

static CUresult device_free(void)
{
    return cu.cuMemFree_v2(with.spare);
}

static CUresult stream_create(void)
{
    return cu.cuStreamCreate(&with.stream, CU_STREAM_NON_BLOCKING);
}

static CUresult stream_destroy(void)
{
    return cu.cuStreamDestroy_v2(with.stream);
}

static CUresult event_create(void)
{
    return cu.cuEventCreate(&with.event, CU_EVENT_DISABLE_TIMING);
}

static CUresult event_destroy(void)
{
    return cu.cuEventDestroy_v2(with.event);
}

static CUresult ask_attributes(void)
{
    uint64_t type = 0;

    return cu.cuPointerGetAttribute(&type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE,
                                    with.device);
}

static CUresult ask_free_memory(void)
{
    size_t left, total;

    return cu.cuMemGetInfo_v2(&left, &total);
}

static CUresult ask_range(void)
{
    CUdeviceptr base;
    size_t size;

    return cu.cuMemGetAddressRange_v2(&base, &size, with.device);
}

static CUresult event_record(void)
{
    return cu.cuEventRecord(with.event, NULL);
}

static CUresult event_wait(void)
{
    return cu.cuStreamWaitEvent(with.stream, with.event, 0);
}

static CUresult event_query(void)
{
    CUresult result = cu.cuEventQuery(with.event);

    return result == CUDA_ERROR_NOT_READY ? CUDA_SUCCESS : result;
}

static CUresult idle_stream_wait(void)
{
    return cu.cuStreamSynchronize(with.idle);
}

/* The launch, not the kernel, which comes to run when it can. */
static CUresult launch(void)
{
    gpu_fill(with.device, 1, 4096, with.stream);
    return CUDA_SUCCESS;
}

static CUresult pinned_upload(void)
{
    return cu.cuMemcpyHtoDAsync_v2(with.device, with.pinned, 1 << 20,
                                   with.idle);
}

static CUresult pageable_download(void)
{
    return cu.cuMemcpyDtoHAsync_v2(with.host, with.device, 1 << 20,
                                   with.idle);
}

static const struct {
    const char *name;
    CUresult (*call)(void);
} calls[] = {
    {"cuPointerGetAttribute", ask_attributes},
    {"cuMemGetAddressRange", ask_range},
    {"cuMemGetInfo", ask_free_memory},
    {"cuStreamCreate", stream_create},
    {"cuEventCreate", event_create},
    {"cuEventRecord_on_legacy", event_record},
    {"cuStreamWaitEvent", event_wait},
    {"cuEventQuery", event_query},
    {"cuStreamSynchronize_of_an_idle_one", idle_stream_wait},
    {"cuModuleLoadData", module_load},
    {"cuModuleGetFunction", module_find},
    {"cuMemHostRegister", host_register},
    {"cuMemHostUnregister", host_unregister},
    {"pageable_cuMemcpyDtoHAsync", pageable_download},
    {"cuMemHostAlloc", host_allocate},
    {"pinned_cuMemcpyHtoDAsync", pinned_upload},
    {"cuLaunchKernel", launch},
    {"cuMemFreeHost", host_free},
    {"cuMemAlloc", device_allocate},
    {"cuMemFree", device_free},
    {"cuEventDestroy", event_destroy},
    {"cuStreamDestroy", stream_destroy},
    {"cuModuleUnload", module_unload},
};

struct trial {
    CUresult (*call)(void);
    CUresult result;
    double took;
    atomic_bool is_over;
};

static void *make_call(void *opaque)
{
    struct trial *trial = (struct trial *)opaque;
    CUcontext context;
    double start;

    OK(cu.cuDevicePrimaryCtxRetain(&context, gpu_device));
    OK(cu.cuCtxSetCurrent(context));
    start = gpu_now();
    trial->result = trial->call();
    trial->took = gpu_now() - start;
    atomic_store(&trial->is_over, true);
    return NULL;
}

static void try_call(const char *name, CUresult (*call)(void))
{
    static const struct timespec moment = {.tv_nsec = 200000};
    struct trial trial = {.call = call};
    char label[80];
    pthread_t thread;
    bool waits;
    double start;

    gpu_gate_launch(&gate, busy, true);
    start = gpu_now();
    while (gpu_now() - start < 0.02) { /* the kernel is on the device */
        nanosleep(&moment, NULL);
    }
    if (pthread_create(&thread, NULL, make_call, &trial) != 0) {
        exit(1);
    }
    for (start = gpu_now();
         !atomic_load(&trial.is_over) && gpu_now() - start < 0.5;) {
        nanosleep(&moment, NULL);
    }
    waits = !atomic_load(&trial.is_over);
    gpu_gate_release(&gate);
    pthread_join(thread, NULL);
    OK(cu.cuStreamSynchronize(busy));
    snprintf(label, sizeof(label), "beside_%s", name);
    if (waits || trial.result != CUDA_SUCCESS) {
        gpu_say_text(label, waits ? "waits for the kernel"
                                  : gpu_error_name(trial.result),
                     "beside a kernel that owns the device");
    } else {
        gpu_say_number(label, trial.took * 1e3, "ms",
                       "beside a kernel that owns the device");
    }
}

static void calls_beside_a_kernel(void)
{
    size_t i;

    prepare();
    with.ptx = gpu_kernel_text("src/verify/fingerprint.ptx");
    with.host = mmap(NULL, BYTES, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (with.ptx == NULL || with.host == MAP_FAILED) {
        exit(1);
    }
    OK(cu.cuMemAlloc_v2(&with.device, 1 << 20));
    OK(cu.cuStreamCreate(&with.idle, CU_STREAM_NON_BLOCKING));
    for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        try_call(calls[i].name, calls[i].call);
    }
    OK(cu.cuStreamDestroy_v2(with.idle));
    OK(cu.cuMemFree_v2(with.device));
    munmap(with.host, BYTES);
    free(with.ptx);
}

/* From the host's store to the stream being seen idle by the host. */
static void word_to_the_device(void)
{
    static const struct timespec moment = {.tv_nsec = 2000000};
    double took[TIMES], start;
    int i;

    prepare();
    for (i = 0; i < TIMES; i++) {
        gpu_gate_launch(&gate, busy, false);
        nanosleep(&moment, NULL);
        start = gpu_now();
        gpu_gate_release(&gate);
        while (cu.cuStreamQuery(busy) == CUDA_ERROR_NOT_READY) {
        }
        took[i] = gpu_now() - start;
    }
    gpu_say_number("cancel_median_us", gpu_median(took, TIMES) * 1e6, "us",
                   "from a store to mapped memory until the stream that "
                   "waits for it is idle");
    gpu_say_number("cancel_worst_us", took[TIMES - 1] * 1e6, "us", NULL);
}

/* A weight, loaded, then offloaded while another stream's kernel owns the
 * device, twice: with the shim the first is captured, the second would be
 * proven, and neither may wait for the kernel. */
static void offload_beside_a_kernel(void)
{
    size_t bytes = 8 << 20, i;
    unsigned char *host = malloc(bytes), *back = malloc(bytes);
    CUdeviceptr weight;
    CUstream stream;
    bool same = true;
    double start, took[2];
    int round;

    prepare();
    if (host == NULL || back == NULL) {
        exit(1);
    }
    for (i = 0; i < bytes; i++) {
        host[i] = (unsigned char)(i * 2654435761u >> 13);
    }
    OK(cu.cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING));
    OK(cu.cuMemAlloc_v2(&weight, bytes));
    OK(cu.cuMemcpyHtoDAsync_v2(weight, host, bytes, stream));
    OK(cu.cuMemcpyDtoHAsync_v2(back, weight, bytes, stream));
    OK(cu.cuStreamSynchronize(stream));
    for (round = 0; round < 2; round++) {
        memset(back, 0, bytes);
        gpu_gate_launch(&gate, busy, true);
        start = gpu_now();
        OK(cu.cuMemcpyDtoHAsync_v2(back, weight, bytes, stream));
        OK(cu.cuStreamSynchronize(stream));
        took[round] = gpu_now() - start;
        same = same && memcmp(host, back, bytes) == 0;
        gpu_gate_release(&gate);
        OK(cu.cuStreamSynchronize(busy));
    }
    gpu_say_truth("offload_beside_a_kernel_is_right", same, true, NULL);
    gpu_say_number("offload_beside_a_kernel_first_ms", took[0] * 1e3, "ms",
                   "with the shim at most its bound, CUSHADOW_PROOF_TIMEOUT_MS"
                   ", more than without");
    gpu_say_number("offload_beside_a_kernel_second_ms", took[1] * 1e3, "ms",
                   "after that it does not try for a while");
    OK(cu.cuMemFree_v2(weight));
    OK(cu.cuStreamDestroy_v2(stream));
    free(host);
    free(back);
}

static const struct gpu_point points[] = {
    {"calls_beside_a_kernel", calls_beside_a_kernel},
    {"word_to_the_device", word_to_the_device},
    {"offload_beside_a_kernel", offload_beside_a_kernel},
};

int main(int argc, char **argv)
{
    return gpu_main(argc, argv, points, sizeof(points) / sizeof(points[0]));
}
