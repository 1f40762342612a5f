/*
 * app_untouched.c - captures, kernels that own the device, contexts that are
 * broken, children of fork: what the shim must leave alone, and which calls of
 * its own it must not make. Each scenario says what the program sees and what
 * reached the driver, with the shim and without.
 */
#include "weight.h"

#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static uint64_t launches(void)
{
    return cu.simcuda_calls("cuLaunchKernel");
}

/* --- captures, kernels, contexts, children ----------------------------- */

static PFN_cuStreamBeginCapture_v10010 begin_unseen(void)
{
    return (PFN_cuStreamBeginCapture_v10010)unseen("cuStreamBeginCapture_v2");
}

/* A query, or a proof, would end the capture of the stream itself. */
static void unseen_capture_of_the_stream_is_kept(void)
{
    CUstream stream = new_stream(CU_STREAM_NON_BLOCKING);
    struct weight weight = learned(WEIGHT, 30, stream);
    CUgraphExec exec;
    CUgraph graph;

    memset(weight.host, 0, WEIGHT);
    OK(begin_unseen()(stream, CU_STREAM_CAPTURE_MODE_RELAXED));
    OK(cu.cuMemcpyDtoHAsync_v2(weight.host, weight.device, WEIGHT, stream));
    OK(cu.cuStreamEndCapture(stream, &graph));
    CHECK_EQUAL(weight.host[0], 0);
    OK(cu.cuGraphInstantiateWithFlags(&exec, graph, 0));
    REACHES(d2h, WEIGHT, WEIGHT, OK(cu.cuGraphLaunch(exec, stream));
            OK(cu.cuStreamSynchronize(stream)));
    CHECK(holds(weight.host, WEIGHT, 30));
    offload_expecting(&weight, 0, stream);
}

/* The same of a reload. */
static void unseen_capture_of_a_reload_is_kept(void)
{
    CUstream stream = new_stream(CU_STREAM_NON_BLOCKING);
    struct weight weight = learned(WEIGHT, 31, stream);
    CUgraphExec exec;
    CUgraph graph;

    OK(cu.cuMemsetD8_v2(weight.device, 0x61, WEIGHT));
    OK(cu.cuStreamSynchronize(NULL));
    OK(begin_unseen()(stream, CU_STREAM_CAPTURE_MODE_RELAXED));
    OK(cu.cuMemcpyHtoDAsync_v2(weight.device, weight.host, WEIGHT, stream));
    OK(cu.cuStreamEndCapture(stream, &graph));
    CHECK(!device_holds(weight.device, WEIGHT, 31));
    OK(cu.cuGraphInstantiateWithFlags(&exec, graph, 0));
    REACHES(h2d, WEIGHT, WEIGHT, OK(cu.cuGraphLaunch(exec, stream));
            OK(cu.cuStreamSynchronize(stream)));
    CHECK(device_holds(weight.device, WEIGHT, 31));
}

/* A GLOBAL capture forbids some calls to every thread; the program makes none
 * of them, so the shim's own must not count. */
static void unseen_global_capture_is_not_disturbed(void)
{
    CUstream capturing = new_stream(CU_STREAM_NON_BLOCKING);
    CUstream copying = new_stream(CU_STREAM_NON_BLOCKING);
    struct weight weight = learned(WEIGHT, 32, copying);
    CUgraph graph;

    OK(begin_unseen()(capturing, CU_STREAM_CAPTURE_MODE_GLOBAL));
    REACHES(d2h, 0, WEIGHT,
            OK(cu.cuMemcpyDtoHAsync_v2(weight.host, weight.device, WEIGHT,
                                       copying)));
    spoil(weight.device);
    REACHES(h2d, WEIGHT, WEIGHT,
            OK(cu.cuMemcpyHtoDAsync_v2(weight.device, weight.host, WEIGHT,
                                       copying)));
    launch_fill(weight.device, 1, 1, capturing);
    OK(cu.cuStreamEndCapture(capturing, &graph));
    CHECK(graph != NULL);
    OK(cu.cuStreamSynchronize(copying));
    CHECK(holds(weight.host, WEIGHT, 32));
}

static double seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* A kernel owns the device. After one proof that was in vain the context is
 * left alone for a second: no further kernel of the shim's is queued. */
static void starved_context_is_left_alone(void)
{
    CUstream owning = new_stream(CU_STREAM_NON_BLOCKING);
    CUstream copying = new_stream(CU_STREAM_NON_BLOCKING);
    struct weight weight = learned(WEIGHT, 33, copying);
    uint32_t *flag = pinned(4096);
    uint64_t before;
    double since;

    launch_wait((CUdeviceptr)(uintptr_t)flag, 1, owning);
    do { /* again if this thread was kept from running for so long */
        before = launches();
        since = seconds();
        offload_expecting(&weight, WEIGHT, copying);
        before = under_shim ? before + 1 : before;
        offload_expecting(&weight, WEIGHT, copying);
        offload_expecting(&weight, WEIGHT, copying);
    } while (seconds() - since > 1);
    CHECK_EQUAL(launches() - before, 0);
    release(flag);
    OK(cu.cuStreamSynchronize(owning));
}

static void nothing_is_done_after_a_final_error(void)
{
    static const char *const own[] = {
        "cuThreadExchangeStreamCaptureMode", "cuCtxGetCurrent",
        "cuPointerGetAttribute", "cuStreamQuery", "cuLaunchKernel",
    };
    struct weight weight = learned(WEIGHT, 34, NULL);
    uint64_t calls[sizeof(own) / sizeof(own[0])];
    size_t i;

    OK(more.simcuda_break(NULL, CUDA_ERROR_ILLEGAL_ADDRESS));
    CHECK_EQUAL(cu.cuMemcpyDtoH_v2(weight.host, weight.device, WEIGHT),
                CUDA_ERROR_ILLEGAL_ADDRESS);
    for (i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        calls[i] = cu.simcuda_calls(own[i]);
    }
    CHECK_EQUAL(cu.cuMemcpyDtoH_v2(weight.host, weight.device, WEIGHT),
                CUDA_ERROR_ILLEGAL_ADDRESS);
    for (i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        CHECK_EQUAL(cu.simcuda_calls(own[i]) - calls[i], 0);
    }
}

/* The child's calls reach the driver, which says no; none of the shim's own
 * does. The simulated driver counts for each process. */
static void child_of_fork_makes_no_calls_of_its_own(void)
{
    struct weight weight = learned(WEIGHT, 35, NULL);
    pid_t child = fork();
    int status;

    if (child == 0) {
        CHECK(cu.cuMemcpyDtoH_v2(weight.host, weight.device, WEIGHT) ==
              CUDA_ERROR_NOT_INITIALIZED);
        CHECK(cu.cuMemcpyHtoD_v2(weight.device, weight.host, WEIGHT) ==
              CUDA_ERROR_NOT_INITIALIZED);
        CHECK(cu.cuMemFree_v2(weight.device) != CUDA_SUCCESS);
        CHECK_EQUAL(cu.simcuda_calls("cuMemcpyDtoH_v2"), 1);
        CHECK_EQUAL(cu.simcuda_calls("cuThreadExchangeStreamCaptureMode"),
                    0);
        CHECK_EQUAL(cu.simcuda_calls("cuCtxGetCurrent"), 0);
        CHECK_EQUAL(cu.simcuda_calls("cuMemGetAddressRange_v2"), 0);
        _exit(0);
    }
    CHECK_EQUAL(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    offload_expecting(&weight, 0, NULL);
}

/* --- calls of the shim's own ---------------------------------------------- */

/* On a machine with other work a proof may take longer than it is given. */
static bool is_elided_again(const struct weight *weight, CUstream stream)
{
    uint8_t *host = fresh(weight->bytes);
    uint64_t before = 0;
    int tries = 50;

    do {
        before = reached_d2h();
        offload(host, weight->device, weight->bytes, stream);
        CHECK(holds(host, weight->bytes, weight->seed));
    } while (reached_d2h() != before && --tries > 0);
    free(host);
    return tries > 0;
}

/* The stream's way to the proof seems endless, and a kernel owns the device:
 * each proof is given up and leaves a kernel behind, in a lane that is used
 * no more until that has gone. After four there is none left. */
static void lanes_that_are_not_idle_are_not_used(void)
{
    CUstream owning = new_stream(CU_STREAM_NON_BLOCKING);
    CUstream copying = new_stream(CU_STREAM_NON_BLOCKING);
    struct weight weight = learned(WEIGHT, 36, copying);
    uint32_t *flag = pinned(4096);
    uint64_t before;
    int i;

    launch_wait((CUdeviceptr)(uintptr_t)flag, 1, owning);
    CHECK_EQUAL(more.simcuda_set_faults("cuEventQuery:*:600"), 0);
    for (i = 0; i < 6; i++) {
        before = launches();
        offload_expecting(&weight, WEIGHT, copying);
        CHECK_EQUAL(launches() - before, under_shim && i < 4 ? 1 : 0);
    }
    CHECK_EQUAL(more.simcuda_set_faults(NULL), 0);
    release(flag);
    OK(cu.cuCtxSynchronize());
    CHECK(!under_shim || is_elided_again(&weight, copying));
}

static void reload_beside_a_capture_is_passed(void)
{
    CUstream capturing = new_stream(CU_STREAM_NON_BLOCKING);
    CUstream copying = new_stream(CU_STREAM_NON_BLOCKING);
    struct weight weight = learned(WEIGHT, 37, copying);
    uint64_t pageable = cu.simcuda_bytes(SIM_H2D_PAGEABLE);
    CUgraph graph;

    OK(cu.cuStreamBeginCapture_v2(capturing,
                                  CU_STREAM_CAPTURE_MODE_RELAXED));
    launch_fill(weight.device, 1, 1, capturing);
    REACHES(h2d, WEIGHT, WEIGHT,
            upload(weight.device, weight.host, WEIGHT, copying));
    CHECK_EQUAL(cu.simcuda_bytes(SIM_H2D_PAGEABLE) - pageable, WEIGHT);
    OK(cu.cuStreamEndCapture(capturing, &graph));
    CHECK(graph != NULL);
    CHECK(device_holds(weight.device, WEIGHT, 37));
}

/* While any stream captures the shim makes no call of its own at all. */
static void nothing_is_asked_beside_a_capture(void)
{
    CUstream capturing = new_stream(CU_STREAM_NON_BLOCKING);
    CUstream copying = new_stream(CU_STREAM_NON_BLOCKING);
    struct weight weight = learned(WEIGHT, 41, copying);
    uint64_t asked, relaxed;
    CUgraph graph;

    OK(cu.cuStreamBeginCapture_v2(capturing,
                                  CU_STREAM_CAPTURE_MODE_RELAXED));
    asked = cu.simcuda_calls("cuPointerGetAttribute");
    relaxed = cu.simcuda_calls("cuThreadExchangeStreamCaptureMode");
    offload_expecting(&weight, WEIGHT, copying);
    REACHES(h2d, WEIGHT, WEIGHT,
            upload(weight.device, weight.host, WEIGHT, copying));
    CHECK_EQUAL(cu.simcuda_calls("cuPointerGetAttribute") - asked, 0);
    CHECK_EQUAL(cu.simcuda_calls("cuThreadExchangeStreamCaptureMode") -
                    relaxed, 0);
    OK(cu.cuStreamEndCapture(capturing, &graph));
    CHECK(graph != NULL);
    CHECK(device_holds(weight.device, WEIGHT, 41));
}

/* A source that the program pinned since is the driver's to read: the shim
 * adds no event and reads no shadow. */
static void source_pinned_since_is_left_to_the_driver(void)
{
    CUstream stream = new_stream(CU_STREAM_NON_BLOCKING);
    struct weight weight = learned(WEIGHT, 38, stream);
    uint64_t before;

    OK(cu.cuMemHostRegister_v2(weight.host, WEIGHT, 0));
    before = cu.simcuda_calls("cuEventRecord");
    REACHES(h2d, WEIGHT, WEIGHT,
            upload(weight.device, weight.host, WEIGHT, stream));
    CHECK_EQUAL(cu.simcuda_calls("cuEventRecord") - before, 0);
    CHECK(device_holds(weight.device, WEIGHT, 38));
    OK(cu.cuMemHostUnregister(weight.host));
}

/* The program's own call is the only one that names the bad range. */
static void reload_across_the_end_fails_as_ever(void)
{
    struct weight weight = learned(WEIGHT, 39, NULL);
    uint64_t before = cu.simcuda_calls("cuMemcpyHtoDAsync_v2");

    REACHES(h2d, 0, 0,
            CHECK(cu.cuMemcpyHtoD_v2(weight.device + 4096, weight.host,
                                     WEIGHT) == CUDA_ERROR_INVALID_VALUE));
    CHECK_EQUAL(cu.simcuda_calls("cuMemcpyHtoDAsync_v2") - before, 0);
    offload_expecting(&weight, 0, NULL);
}

static void capture_mode_of_the_thread_is_kept(void)
{
    struct weight weight = learned(WEIGHT, 40, NULL);
    CUstreamCaptureMode mode = CU_STREAM_CAPTURE_MODE_THREAD_LOCAL;

    offload_expecting(&weight, 0, NULL);
    OK(more.cuThreadExchangeStreamCaptureMode(&mode));
    CHECK_EQUAL(mode, CU_STREAM_CAPTURE_MODE_GLOBAL);
    offload_expecting(&weight, 0, NULL);
    upload(weight.device, weight.host, WEIGHT, NULL);
    OK(cu.cuMemFree_v2(weight.device));
    OK(more.cuThreadExchangeStreamCaptureMode(&mode));
    CHECK_EQUAL(mode, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL);
}

static unsigned n_synchronising;

/* What waits for more than its own stream on some driver. */
static int note_synchronising(const char *symbol)
{
    static const char *const names[] = {
        "cuModuleLoadData", "cuModuleUnload", "cuFuncLoad",
        "cuMemHostAlloc", "cuMemFreeHost", "cuMemHostRegister_v2",
        "cuMemHostUnregister", "cuMemAlloc_v2", "cuMemFree_v2",
        "cuCtxSynchronize", "cuEventSynchronize", "cuStreamDestroy_v2",
    };
    size_t i;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        n_synchronising += strcmp(symbol, names[i]) == 0;
    }
    return 0;
}

/* Copies of every kind, larger than any before, beside work that this thread
 * lets go afterwards: they make no call that might wait for it. */
static void copies_make_no_synchronising_calls(void)
{
    CUstream gated = new_stream(CU_STREAM_NON_BLOCKING);
    CUstream copying = new_stream(CU_STREAM_NON_BLOCKING);
    struct weight known = learned(WEIGHT, 42, copying);
    struct weight first = uploaded(40 * MIB, 43, copying);
    uint32_t *flag = pinned(4096);

    hold_back(gated, flag);
    more.simcuda_on_call(note_synchronising);
    offload_expecting(&known, 0, copying);
    spoil(known.device);
    offload(known.host, known.device, WEIGHT, copying);
    offload(first.host = fresh(first.bytes), first.device, first.bytes,
            copying);
    CHECK(holds(first.host, first.bytes, 43));
    upload(first.device, known.host, WEIGHT, copying);
    fill(first.host, first.bytes, 44);
    upload(first.device, first.host, first.bytes, copying);
    more.simcuda_on_call(NULL);
    CHECK_EQUAL(n_synchronising, 0);
    CHECK(device_holds(first.device, first.bytes, 44));
    release(flag);
    OK(cu.cuStreamSynchronize(gated));
}

static const struct negative negatives[] = {
#define PLAIN(name_) {#name_, name_, NULL}
    PLAIN(unseen_capture_of_the_stream_is_kept),
    PLAIN(unseen_capture_of_a_reload_is_kept),
    PLAIN(unseen_global_capture_is_not_disturbed),
    {"starved_context_is_left_alone", starved_context_is_left_alone,
     "CUSHADOW_PROOF_TIMEOUT_MS=300"},
    PLAIN(nothing_is_done_after_a_final_error),
    PLAIN(child_of_fork_makes_no_calls_of_its_own),
    {"lanes_that_are_not_idle_are_not_used",
     lanes_that_are_not_idle_are_not_used, "CUSHADOW_PROOF_TIMEOUT_MS=200"},
    {"nothing_is_asked_beside_a_capture", nothing_is_asked_beside_a_capture,
     "CUSHADOW_PROOF_TIMEOUT_MS=500"},
    PLAIN(reload_beside_a_capture_is_passed),
    PLAIN(source_pinned_since_is_left_to_the_driver),
    PLAIN(reload_across_the_end_fails_as_ever),
    PLAIN(capture_mode_of_the_thread_is_kept),
    {"copies_make_no_synchronising_calls", copies_make_no_synchronising_calls,
     "SIMCUDA_BEHAVIOUR=pinning_synchronises,lazy_load_synchronises"},
};

int main(int argc, char **argv)
{
    return negative_main(argc, argv, negatives,
                         sizeof(negatives) / sizeof(negatives[0]));
}
