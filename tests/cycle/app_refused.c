/*
 * app_refused.c - what the driver or the budget refuse the shim, what they
 * leave in doubt, and what is known in part: the program gets its own call.
 * Each scenario says what the program sees and what reached the driver, with
 * the shim and without.
 */
#include "weight.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

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

/* The key of fingerprints is drawn where it is first needed. Without one there
 * is nothing to believe in. */
static void no_key_forwards_everything(void)
{
    uint64_t before = launches();

    forbid(SYS_getrandom, SECCOMP_RET_ERRNO | EPERM);
    no_room_forwards_everything();
    CHECK_EQUAL(launches() - before, 0);
}

/* Room for a shadow or two of eight: those that have none, and those that
 * lose theirs, come back right. */
static void little_room_is_shared(void)
{
    enum { N = 8 };
    struct weight weights[N];
    unsigned i, round;
    uint64_t before = pageable();

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
    CHECK(pageable() - before >= 4 * (N - 2) * weights[0].bytes);
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
    struct weight first = uploaded(WEIGHT, 28, NULL);
    CUcontext own, another;
    CUstream stream;
    uint64_t before;

    OK(more.cuCtxGetCurrent(&own));
    OK(cu.cuCtxCreate_v2(&another, 0, 0));
    stream = new_stream(CU_STREAM_NON_BLOCKING);
    OK(cu.cuCtxSetCurrent(own));
    before = pageable();
    offload_expecting(&weight, WEIGHT, stream);
    offload_expecting(&first, WEIGHT, stream);
    CHECK_EQUAL(pageable() - before, 2 * WEIGHT);
    offload_expecting(&weight, 0, NULL);
    offload_expecting(&first, WEIGHT, NULL); /* nothing was made of it */
    OK(cu.cuCtxDestroy_v2(another));
}

/* An elided copy fails where the copy would have: on a stream that is gone, and
 * behind a kernel that ends the context. */
static void dead_stream_fails_as_ever(void)
{
    CUstream stream = new_stream(CU_STREAM_NON_BLOCKING);
    struct weight weight = learned(WEIGHT, 29, stream);

    OK(cu.cuStreamDestroy_v2(stream));
    memset(weight.host, 0, 64);
    REACHES(d2h, 0, 0,
            CHECK_EQUAL(cu.cuMemcpyDtoHAsync_v2(weight.host, weight.device,
                                                WEIGHT, stream),
                        CUDA_ERROR_INVALID_HANDLE));
    REACHES(h2d, 0, 0,
            CHECK_EQUAL(cu.cuMemcpyHtoDAsync_v2(weight.device, weight.host,
                                                WEIGHT, stream),
                        CUDA_ERROR_INVALID_HANDLE));
    CHECK_EQUAL(weight.host[0], 0);
    OK(cu.cuCtxSynchronize());
    offload_expecting(&weight, 0, NULL);
}

static void error_of_a_kernel_is_met(void)
{
    CUstream stream = new_stream(CU_STREAM_NON_BLOCKING);
    struct weight weight = learned(WEIGHT, 30, stream);

    memset(weight.host, 0, 64);
    launch_fill(0x1000, 1, 1, stream); /* where nothing is */
    CHECK_EQUAL(cu.cuMemcpyDtoHAsync_v2(weight.host, weight.device, WEIGHT,
                                        stream),
                CUDA_ERROR_ILLEGAL_ADDRESS);
    CHECK_EQUAL(weight.host[0], 0);
    CHECK_EQUAL(cu.cuStreamSynchronize(stream), CUDA_ERROR_ILLEGAL_ADDRESS);
}

static void launch_is_refused(void)
{
    struct weight weight = learned(WEIGHT, 40, NULL);

    CHECK_EQUAL(more.simcuda_set_faults("cuLaunchKernel:*:" REFUSED), 0);
    offload_expecting(&weight, WEIGHT, NULL);
    CHECK_EQUAL(more.simcuda_set_faults(NULL), 0);
    offload_expecting(&weight, 0, NULL);
}

/* --- known in part -------------------------------------------------------- */

/* Checks that n bytes at `at` come by the program's own copy. */
static void passed_expecting(const struct weight *weight, size_t at, size_t n)
{
    uint8_t *want = fresh(weight->bytes), *host = fresh(n);
    uint64_t before = pageable();

    fill(want, weight->bytes, weight->seed);
    REACHES(d2h, n, n, offload(host, weight->device + at, n, NULL));
    CHECK_EQUAL(pageable() - before, n);
    CHECK(memcmp(host, want + at, n) == 0);
    free(host);
    free(want);
}

static void small_parts_of_an_upload_are_passed(void)
{
    struct weight weight = uploaded(WEIGHT, 41, NULL);

    passed_expecting(&weight, 0, 64 * KIB - 1);
    passed_expecting(&weight, 8, 1);
    offload_expecting(&weight, WEIGHT, NULL);
    offload_expecting(&weight, 0, NULL);
}

static void parts_of_a_weight_are_passed(void)
{
    struct weight weight = learned(WEIGHT, 42, NULL);

    passed_expecting(&weight, 0, 512 * KIB);
    passed_expecting(&weight, 4096, 512 * KIB);
    passed_expecting(&weight, 0, WEIGHT - 1);
    offload_expecting(&weight, 0, NULL);
}

/* Both ends were uploaded, what lies between was not. */
static void uploads_with_a_gap_are_passed(void)
{
    struct weight weight = {.bytes = MIB, .seed = 43};
    uint8_t *bytes = fresh(MIB);

    fill(bytes, MIB, 43);
    OK(cu.cuMemAlloc_v2(&weight.device, MIB));
    cu.simcuda_poke(weight.device, bytes, MIB);
    upload(weight.device, bytes, 256 * KIB, NULL);
    upload(weight.device + MIB - 256 * KIB, bytes + MIB - 256 * KIB,
           256 * KIB, NULL);
    passed_expecting(&weight, 0, MIB);
    passed_expecting(&weight, 0, MIB);
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
    {"nothing_may_be_pinned", slabs_need_not_be_pinned,
     "CUSHADOW_PINNED_LIMIT=0"},
    {"no_room_at_all", no_room_forwards_everything, "CUSHADOW_RAM_LIMIT=0"},
    {"room_for_less_than_one", no_room_forwards_everything,
     "CUSHADOW_RAM_LIMIT=1M"},
    {"little_room_is_shared", little_room_is_shared,
     "CUSHADOW_RAM_LIMIT=1M"},
    {"no_key_to_be_had", no_key_forwards_everything, NULL},
    PLAIN(doubt_is_a_no),
    PLAIN(elision_synchronises_its_stream),
    PLAIN(failed_synchronisation_is_no_elision),
    PLAIN(failed_capture_is_no_shadow),
    PLAIN(memory_pinned_at_one_end_is_left_alone),
    PLAIN(memory_freed_unseen_is_not_read),
    PLAIN(stream_of_another_context_is_passed),
    PLAIN(dead_stream_fails_as_ever),
    PLAIN(error_of_a_kernel_is_met),
    PLAIN(launch_is_refused),
    PLAIN(small_parts_of_an_upload_are_passed),
    PLAIN(parts_of_a_weight_are_passed),
    PLAIN(uploads_with_a_gap_are_passed),
};

int main(int argc, char **argv)
{
    return negative_main(argc, argv, negatives,
                         sizeof(negatives) / sizeof(negatives[0]));
}
