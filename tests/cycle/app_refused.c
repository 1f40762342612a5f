/*
 * app_refused.c - what the driver, the budget or the kernel refuse the shim,
 * what they leave in doubt, and what must not be touched: the program gets
 * its own call. Each scenario says what the program sees and what reached the
 * driver, with the shim and without.
 */
#include "weight.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* A non-sticky error that no entry returns by itself. */
#define REFUSED "999"

static uint64_t launches(void)
{
    return cu.simcuda_calls("cuLaunchKernel");
}

static uint64_t pageable(void)
{
    return cu.simcuda_bytes(SIM_D2H_PAGEABLE);
}

/* --- refused ------------------------------------------------------------- */

/* The shim finds no prover in this context: a first offload may go through a
 * shadow, every other is the program's own call. */
static void nothing_is_proven_without_a_prover(void)
{
    struct weight weight = learned(WEIGHT, 1, NULL);
    uint64_t before = launches();
    int i;

    for (i = 0; i < 3; i++) {
        offload_expecting(&weight, WEIGHT, NULL);
        OK(cu.cuMemFree_v2(weight.device));
        OK(cu.cuMemAlloc_v2(&weight.device, WEIGHT));
        REACHES(h2d, WEIGHT, WEIGHT,
                upload(weight.device, weight.host, WEIGHT, NULL));
        CHECK(device_holds(weight.device, WEIGHT, 1));
    }
    CHECK_EQUAL(launches() - before, 0);
}

/* Slabs that the driver does not pin are shadows all the same. */
static void slabs_need_not_be_pinned(void)
{
    struct weight weight = learned(WEIGHT, 2, NULL);
    uint64_t from_pinned = cu.simcuda_bytes(SIM_H2D_PINNED);

    offload_expecting(&weight, 0, NULL);
    OK(cu.cuMemFree_v2(weight.device));
    OK(cu.cuMemAlloc_v2(&weight.device, WEIGHT));
    REACHES(h2d, WEIGHT, WEIGHT,
            upload(weight.device, weight.host, WEIGHT, NULL));
    CHECK_EQUAL(cu.simcuda_bytes(SIM_H2D_PINNED) - from_pinned, 0);
    CHECK(device_holds(weight.device, WEIGHT, 2));
    offload_expecting(&weight, 0, NULL);
}

/* No shadow, so every copy is the program's own. */
static void no_room_forwards_everything(void)
{
    struct weight weight = uploaded(2 * WEIGHT, 3, NULL);
    uint64_t before = pageable();
    int i;

    weight.host = fresh(weight.bytes);
    for (i = 1; i <= 3; i++) {
        REACHES(d2h, weight.bytes, weight.bytes,
                offload(weight.host, weight.device, weight.bytes, NULL));
        CHECK(holds(weight.host, weight.bytes, 3));
        CHECK_EQUAL(pageable() - before, (uint64_t)i * weight.bytes);
        REACHES(h2d, weight.bytes, weight.bytes,
                upload(weight.device, weight.host, weight.bytes, NULL));
        CHECK(device_holds(weight.device, weight.bytes, 3));
    }
}

/* Room for a shadow or two of eight: those that have none, and those that
 * lose theirs, come back right. */
static void little_room_is_shared(void)
{
    enum { N = 8 };
    struct weight weights[N];
    unsigned i, round;

    for (i = 0; i < N; i++) {
        weights[i] = uploaded(600 * KIB, 10 + i, NULL);
        weights[i].host = fresh(weights[i].bytes);
    }
    for (round = 0; round < 4; round++) {
        for (i = 0; i < N; i++) {
            struct weight *weight = &weights[i];

            offload(weight->host, weight->device, weight->bytes, NULL);
            CHECK(holds(weight->host, weight->bytes, weight->seed));
            OK(cu.cuMemFree_v2(weight->device));
            OK(cu.cuMemAlloc_v2(&weight->device, weight->bytes));
            upload(weight->device, weight->host, weight->bytes, NULL);
            CHECK(device_holds(weight->device, weight->bytes, weight->seed));
        }
    }
}

/* --- in doubt ------------------------------------------------------------ */

/* Each question that the shim asks before a proof is left without an answer;
 * the program itself asks none of them. */
static void doubt_is_a_no(void)
{
    static const char *const questions[] = {
        "cuCtxGetCurrent",        "cuStreamIsCapturing",
        "cuPointerGetAttribute",  "cuPointerGetAttributes",
        "cuMemGetAddressRange_v2", "cuStreamGetCtx",
        "cuStreamQuery",
    };
    CUstream stream = new_stream(CU_STREAM_NON_BLOCKING);
    struct weight weight = learned(WEIGHT, 20, stream);
    size_t i;

    for (i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
        uint64_t before = launches();
        char fault[64];

        offload_expecting(&weight, 0, stream);
        strcpy(fault, questions[i]);
        strcat(fault, ":*:" REFUSED);
        CHECK_EQUAL(more.simcuda_set_faults(fault), 0);
        offload_expecting(&weight, WEIGHT, stream);
        CHECK_EQUAL(more.simcuda_set_faults(NULL), 0);
        CHECK_EQUAL(launches() - before, under_shim ? 1 : 0);
    }
    offload_expecting(&weight, 0, stream);
}

static uint64_t synchronisations(void)
{
    return cu.simcuda_calls("cuStreamSynchronize");
}

/* An elided copy is as good a barrier as a copy: inside its own call there is
 * a real synchronisation of its stream. */
static void elision_synchronises_its_stream(void)
{
    CUstream stream = new_stream(CU_STREAM_NON_BLOCKING);
    struct weight weight = learned(WEIGHT, 21, stream);
    uint64_t before = synchronisations();

    REACHES(d2h, 0, WEIGHT,
            OK(cu.cuMemcpyDtoHAsync_v2(weight.host, weight.device, WEIGHT,
                                       stream)));
    CHECK_EQUAL(synchronisations() - before, under_shim ? 1 : 0);
}

static void fail_next_synchronisation(void)
{
    char fault[96] = "cuStreamSynchronize:";
    uint64_t nth = synchronisations() + 1;
    char digits[24], *digit = digits + sizeof(digits) - 1;

    *digit = '\0';
    do {
        *--digit = (char)('0' + nth % 10);
    } while ((nth /= 10) > 0);
    strcat(fault, digit);
    strcat(fault, ":" REFUSED);
    CHECK_EQUAL(more.simcuda_set_faults(fault), 0);
}

/* If that synchronisation fails, the copy is made: its code is what the
 * program gets. */
static void failed_synchronisation_is_no_elision(void)
{
    CUstream stream = new_stream(CU_STREAM_NON_BLOCKING);
    struct weight weight = learned(WEIGHT, 22, stream);

    memset(weight.host, 0, WEIGHT);
    fail_next_synchronisation();
    REACHES(d2h, WEIGHT, WEIGHT,
            OK(cu.cuMemcpyDtoHAsync_v2(weight.host, weight.device, WEIGHT,
                                       stream)));
    CHECK_EQUAL(more.simcuda_set_faults(NULL), 0);
    CHECK(holds(weight.host, WEIGHT, 22));
    offload_expecting(&weight, 0, stream);
}

/* The same of a first offload: what did not arrive for certain is nobody's
 * shadow. */
static void failed_capture_is_no_shadow(void)
{
    CUstream stream = new_stream(CU_STREAM_NON_BLOCKING);
    struct weight weight = uploaded(WEIGHT, 23, stream);
    uint64_t before = pageable();

    weight.host = fresh(WEIGHT);
    fail_next_synchronisation();
    OK(cu.cuMemcpyDtoHAsync_v2(weight.host, weight.device, WEIGHT, stream));
    CHECK_EQUAL(more.simcuda_set_faults(NULL), 0);
    CHECK(holds(weight.host, WEIGHT, 23));
    CHECK_EQUAL(pageable() - before, WEIGHT);
    offload_expecting(&weight, WEIGHT, stream);
    offload_expecting(&weight, 0, stream);
}

static void memory_pinned_at_one_end_is_left_alone(void)
{
    struct weight weight = learned(WEIGHT, 24, NULL);
    uint8_t *host;
    int at_end;

    CHECK_EQUAL(posix_memalign((void **)&host, 4096, 2 * MIB), 0);
    for (at_end = 0; at_end < 2; at_end++) {
        uint8_t *page = host + (at_end ? WEIGHT / 4096 * 4096 : 0);

        OK(cu.cuMemHostRegister_v2(page, 4096, 0));
        REACHES(d2h, WEIGHT, WEIGHT,
                offload(host, weight.device, WEIGHT, NULL));
        CHECK(holds(host, WEIGHT, 24));
        OK(cu.cuMemHostUnregister(page));
        offload_expecting(&weight, 0, NULL);
    }
}

/* Freed by a way that the shim does not see: the copy fails, and nothing
 * else does. A kernel that read there would end the context. */
static void memory_freed_unseen_is_not_read(void)
{
    struct weight weight = learned(WEIGHT, 25, NULL);
    struct weight other = learned(WEIGHT, 26, NULL);
    PFN_cuMemFree_v3020 free_unseen;
    uint8_t *host = fresh(WEIGHT);
    uint64_t before = launches();

    free_unseen = (PFN_cuMemFree_v3020)unseen("cuMemFree_v2");
    OK(free_unseen(weight.device));
    REACHES(d2h, 0, 0,
            CHECK(cu.cuMemcpyDtoH_v2(host, weight.device, WEIGHT) ==
                  CUDA_ERROR_INVALID_VALUE));
    CHECK_EQUAL(launches() - before, 0);
    offload_expecting(&other, 0, NULL);
}

static void stream_of_another_context_is_passed(void)
{
    struct weight weight = learned(WEIGHT, 27, NULL);
    CUcontext own, another;
    CUstream stream;
    uint64_t before;

    OK(more.cuCtxGetCurrent(&own));
    OK(cu.cuCtxCreate_v2(&another, 0, 0));
    stream = new_stream(CU_STREAM_NON_BLOCKING);
    OK(cu.cuCtxSetCurrent(own));
    before = pageable();
    offload_expecting(&weight, WEIGHT, stream);
    CHECK_EQUAL(pageable() - before, WEIGHT);
    offload_expecting(&weight, 0, NULL);
    OK(cu.cuCtxDestroy_v2(another));
}

/* --- not to be touched ---------------------------------------------------- */

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

static const struct negative negatives[] = {
#define PLAIN(name_) {#name_, name_, NULL}
    /* The program's own module load and stream come first. */
    {"device_code_is_refused", nothing_is_proven_without_a_prover,
     "SIMCUDA_FAULT=cuModuleLoadData:2:" REFUSED},
    {"kernel_is_not_found", nothing_is_proven_without_a_prover,
     "SIMCUDA_FAULT=cuModuleGetFunction:3:" REFUSED},
    {"buffers_are_refused", nothing_is_proven_without_a_prover,
     "SIMCUDA_FAULT=cuMemHostAlloc:1:2"},
    {"streams_are_refused", nothing_is_proven_without_a_prover,
     "SIMCUDA_FAULT=cuStreamCreate:1:2"},
    {"pinning_is_refused", nothing_is_proven_without_a_prover,
     "SIMCUDA_PIN_LIMIT=0"},
    {"slabs_are_refused", slabs_need_not_be_pinned, "SIMCUDA_PIN_LIMIT=64K"},
    {"no_room_at_all", no_room_forwards_everything, "CUSHADOW_PINNED_LIMIT=0"},
    {"room_for_less_than_one", no_room_forwards_everything,
     "CUSHADOW_PINNED_LIMIT=1M"},
    {"little_room_is_shared", little_room_is_shared,
     "CUSHADOW_PINNED_LIMIT=1M"},
    PLAIN(doubt_is_a_no),
    PLAIN(elision_synchronises_its_stream),
    PLAIN(failed_synchronisation_is_no_elision),
    PLAIN(failed_capture_is_no_shadow),
    PLAIN(memory_pinned_at_one_end_is_left_alone),
    PLAIN(memory_freed_unseen_is_not_read),
    PLAIN(stream_of_another_context_is_passed),
    PLAIN(unseen_capture_of_the_stream_is_kept),
    PLAIN(unseen_capture_of_a_reload_is_kept),
    PLAIN(unseen_global_capture_is_not_disturbed),
    {"starved_context_is_left_alone", starved_context_is_left_alone,
     "CUSHADOW_PROOF_TIMEOUT_MS=300"},
    PLAIN(nothing_is_done_after_a_final_error),
    PLAIN(child_of_fork_makes_no_calls_of_its_own),
};

int main(int argc, char **argv)
{
    return negative_main(argc, argv, negatives,
                         sizeof(negatives) / sizeof(negatives[0]));
}
