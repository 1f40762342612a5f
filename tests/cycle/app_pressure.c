/*
 * app_pressure.c - limits of the process and of its cgroup, and a program that
 * wants the memory back which its shadows take.
 *
 * The first group of scenarios makes a limit of its own and runs anywhere; the
 * second is run by pressure.tap in a cgroup of so little memory that with
 * shadows, if they were kept, the program would be killed.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* SIGXFSZ, memfd_create's number */
#endif
#include "weight.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* --- limits of the process ------------------------------------------------ */

static volatile sig_atomic_t n_signals;

static void count_signal(int number)
{
    (void)number;
    n_signals++;
}

static void limit(int resource, rlim_t value)
{
    const struct rlimit both = {value, value};

    CHECK_EQUAL(setrlimit(resource, &both), 0);
}

/* Offloaded, proven, reloaded; pinned says whether from pinned memory. */
static void cycle_works(uint32_t seed, bool pinned)
{
    struct weight weight = learned(WEIGHT, seed, NULL);
    uint64_t before;

    offload_expecting(&weight, 0, NULL);
    OK(cu.cuMemFree_v2(weight.device));
    OK(cu.cuMemAlloc_v2(&weight.device, WEIGHT));
    before = cu.simcuda_bytes(SIM_H2D_PINNED);
    REACHES(h2d, WEIGHT, WEIGHT,
            upload(weight.device, weight.host, WEIGHT, NULL));
    CHECK_EQUAL(cu.simcuda_bytes(SIM_H2D_PINNED) - before,
                under_shim && pinned ? WEIGHT : 0);
    CHECK(device_holds(weight.device, WEIGHT, seed));
    offload_expecting(&weight, 0, NULL);
    free(weight.host);
}

/* SIGXFSZ kills who does not handle it. */
static void file_size_limit(void)
{
    limit(RLIMIT_FSIZE, 64 * KIB);
    cycle_works(1, true);
}

static void file_size_limit_with_a_handler(void)
{
    const struct sigaction action = {.sa_handler = count_signal};
    char path[] = "/tmp/app_pressure.XXXXXX";
    int fd = mkstemp(path);

    CHECK(fd >= 0);
    unlink(path);
    limit(RLIMIT_FSIZE, 64 * KIB);
    CHECK_EQUAL(sigaction(SIGXFSZ, &action, NULL), 0);
    /* The program's own is the program's, and the only one. */
    CHECK(ftruncate(fd, 65 * KIB) != 0 && errno == EFBIG);
    CHECK_EQUAL(n_signals, 1);
    cycle_works(2, true);
    CHECK_EQUAL(n_signals, 1);
    close(fd);
}

static void locked_memory_limit(void)
{
    limit(RLIMIT_MEMLOCK, 0);
    cycle_works(4, true);
}

/* As in a sandbox: every memfd_create() fails with EPERM. */
static void refuse_memory_files(void)
{
    struct sock_filter rules[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                 offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_memfd_create, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof(rules) / sizeof(rules[0]), rules};

    CHECK_EQUAL(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    CHECK_EQUAL(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
    CHECK(syscall(SYS_memfd_create, "x", 0) < 0 && errno == EPERM);
}

static void memory_files_are_refused(void)
{
    refuse_memory_files();
    cycle_works(5, true);
}

/* The first, second ... slab cannot be pinned, the others can: each is a
 * shadow, only slower until a later attempt. */
static void pinning_is_refused_once(const char *faults, int nth)
{
    enum { WEIGHTS = 4 };
    struct weight weights[WEIGHTS];
    uint64_t before;
    int i;

    CHECK_EQUAL(more.simcuda_set_faults(faults), 0);
    for (i = 0; i < WEIGHTS; i++) {
        /* Nothing is allocated or freed meanwhile: no second attempt. */
        weights[i] = uploaded(WEIGHT, 10u + (uint32_t)i, NULL);
    }
    for (i = 0; i < WEIGHTS; i++) {
        weights[i].host = fresh(WEIGHT);
        REACHES(d2h, WEIGHT, WEIGHT,
                offload(weights[i].host, weights[i].device, WEIGHT, NULL));
        CHECK(holds(weights[i].host, WEIGHT, weights[i].seed));
    }
    before = cu.simcuda_bytes(SIM_H2D_PINNED);
    for (i = 0; i < WEIGHTS; i++) {
        offload_expecting(&weights[i], 0, NULL);
        OK(more.cuMemsetD8Async(weights[i].device, 0, WEIGHT, NULL));
        OK(cu.cuStreamSynchronize(NULL));
        REACHES(h2d, WEIGHT, WEIGHT,
                upload(weights[i].device, weights[i].host, WEIGHT, NULL));
        CHECK(device_holds(weights[i].device, WEIGHT, weights[i].seed));
    }
    before = cu.simcuda_bytes(SIM_H2D_PINNED) - before;
    CHECK(!under_shim || (before <= WEIGHTS * WEIGHT &&
                          before % WEIGHT == 0));
    CHECK(!under_shim ||
          cu.simcuda_calls("cuMemHostRegister_v2") >= (uint64_t)nth);
}

static void pinning_is_refused_at_the_first(void)
{
    pinning_is_refused_once("cuMemHostRegister_v2:1:2", 1);
}

static void pinning_is_refused_at_the_second(void)
{
    pinning_is_refused_once("cuMemHostRegister_v2:2:2", 2);
}

static void pinning_is_refused_at_the_fourth(void)
{
    pinning_is_refused_once("cuMemHostRegister_v2:4:2", 4);
}

/* Room to pin for less than all that is held. */
static void a_part_is_pinned(void)
{
    uint64_t before = cu.simcuda_bytes(SIM_H2D_PINNED);
    struct weight weights[4];
    int i;

    for (i = 0; i < 4; i++) {
        weights[i] = learned(WEIGHT, 20u + (uint32_t)i, NULL);
    }
    for (i = 0; i < 4; i++) {
        OK(cu.cuMemFree_v2(weights[i].device));
        OK(cu.cuMemAlloc_v2(&weights[i].device, WEIGHT));
        REACHES(h2d, WEIGHT, WEIGHT,
                upload(weights[i].device, weights[i].host, WEIGHT, NULL));
        CHECK(device_holds(weights[i].device, WEIGHT, weights[i].seed));
        offload_expecting(&weights[i], 0, NULL);
    }
    before = cu.simcuda_bytes(SIM_H2D_PINNED) - before;
    CHECK(!under_shim || (before > 0 && before < 4 * WEIGHT));
}

/* --- a tight cgroup: 384 MiB, see pressure.tap ---------------------------- */

enum { TENSORS = 12, GROWTH = 45 };
#define TENSOR (8 * MIB)
#define GROWS_BY (4 * MIB)

static struct weight model[TENSORS];

/* 96 MiB of weights, offloaded; their device memory, which the simulated
 * driver takes from the same RAM, is freed. */
static void offload_model(void)
{
    int i;

    for (i = 0; i < TENSORS; i++) {
        model[i] = learned(TENSOR, 30u + (uint32_t)i, NULL);
        OK(cu.cuMemFree_v2(model[i].device));
    }
}

static void nap(void)
{
    const struct timespec moment = {0, 20000000};

    nanosleep(&moment, NULL);
}

/* The program takes up to 180 MiB for itself, in steps, with a CUDA call of a
 * kind in each: at most 24 MiB between two looks of the shim's. */
static void grow(void (*call)(void), int steps)
{
    char *memory;
    int i;

    for (i = 0; i < steps; i++) {
        memory = fresh(GROWS_BY);
        memset(memory, i + 1, GROWS_BY);
        if (under_shim) {
            nap();
        }
        call();
    }
}

static void check_model(void)
{
    int i;

    for (i = 0; i < TENSORS; i++) {
        CHECK(holds(model[i].host, TENSOR, model[i].seed));
        OK(cu.cuMemAlloc_v2(&model[i].device, TENSOR));
        REACHES(h2d, TENSOR, TENSOR,
                upload(model[i].device, model[i].host, TENSOR, NULL));
        CHECK(device_holds(model[i].device, TENSOR, model[i].seed));
        OK(cu.cuMemFree_v2(model[i].device));
    }
}

static CUdeviceptr small;
static CUstream stream;

static void allocate_and_free(void)
{
    CUdeviceptr memory;

    OK(cu.cuMemAlloc_v2(&memory, 64 * KIB));
    OK(cu.cuMemFree_v2(memory));
}

static void copy_a_little(void)
{
    char bytes[64] = {0};

    OK(cu.cuMemcpyHtoDAsync_v2(small, bytes, sizeof(bytes), NULL));
    OK(cu.cuStreamSynchronize(NULL));
}

static void grows_with_allocations(void)
{
    offload_model();
    grow(allocate_and_free, GROWTH);
    check_model();
}

static void grows_with_copies(void)
{
    OK(cu.cuMemAlloc_v2(&small, 64));
    offload_model();
    grow(copy_a_little, GROWTH);
    check_model();
}

/* A stream is busy all the time, so that nothing may be unpinned: but then
 * nothing was pinned (CUSHADOW_PINNED_LIMIT=0). */
static void grows_beside_a_busy_stream(void)
{
    uint32_t *flag = pinned(sizeof(*flag));

    OK(cu.cuMemAlloc_v2(&small, 64));
    stream = new_stream(CU_STREAM_NON_BLOCKING);
    offload_model();
    hold_back(stream, flag);
    grow(copy_a_little, GROWTH);
    release(flag);
    OK(cu.cuStreamSynchronize(stream));
    check_model();
}

static uint64_t unpinned(void)
{
    return cu.simcuda_calls("cuMemHostUnregister");
}

/* The same with pinned shadows: nothing is unpinned, which could wait for the
 * stream, before it is done. */
static void pinned_beside_a_busy_stream(void)
{
    uint32_t *flag = pinned(sizeof(*flag));
    uint64_t before;
    int i;

    OK(cu.cuMemAlloc_v2(&small, 64));
    stream = new_stream(CU_STREAM_NON_BLOCKING);
    offload_model();
    hold_back(stream, flag);
    before = unpinned();
    grow(copy_a_little, GROWTH - 15);
    CHECK_EQUAL(unpinned(), before);
    release(flag);
    OK(cu.cuStreamSynchronize(stream));
    for (i = 0; under_shim && i < 500 && unpinned() == before; i++) {
        nap();
        copy_a_little();
    }
    CHECK(!under_shim || unpinned() > before);
    check_model();
}

/* Only the device holds the model, and each shadow is one of its ranges': they
 * go last, but they go. The next offload is a true copy. */
static void grows_while_the_model_is_in_use(void)
{
    int i;

    OK(cu.cuMemAlloc_v2(&small, 64));
    offload_model();
    for (i = 0; i < TENSORS; i++) {
        OK(cu.cuMemAlloc_v2(&model[i].device, TENSOR));
        upload(model[i].device, model[i].host, TENSOR, NULL);
        free(model[i].host);
    }
    grow(copy_a_little, GROWTH);
    for (i = 0; i < TENSORS; i++) {
        model[i].host = fresh(TENSOR);
        offload(model[i].host, model[i].device, TENSOR, NULL);
        CHECK(holds(model[i].host, TENSOR, model[i].seed));
        free(model[i].host);
    }
}

/* 160 of 384 MiB more are the program's own, and it writes all it was given. */
static void little_is_left_from_the_start(void)
{
    int i;

    memset(fresh(160 * MIB), 1, 160 * MIB);
    for (i = 0; i < TENSORS; i++) {
        model[i] = learned(TENSOR, 40u + (uint32_t)i, NULL);
        fill(model[i].host, TENSOR, 50u + (uint32_t)i);
        OK(cu.cuMemFree_v2(model[i].device));
    }
}

static const struct negative scenarios[] = {
    {"file_size_limit", file_size_limit, NULL},
    {"file_size_limit_with_a_handler", file_size_limit_with_a_handler, NULL},
    {"locked_memory_limit", locked_memory_limit, NULL},
    {"memory_files_are_refused", memory_files_are_refused, NULL},
    {"pinning_is_refused_at_the_first", pinning_is_refused_at_the_first,
     NULL},
    {"pinning_is_refused_at_the_second", pinning_is_refused_at_the_second,
     NULL},
    {"pinning_is_refused_at_the_fourth", pinning_is_refused_at_the_fourth,
     NULL},
    {"the_driver_pins_a_part", a_part_is_pinned, "SIMCUDA_PIN_LIMIT=3M"},
    {"the_limit_pins_a_part", a_part_is_pinned, "CUSHADOW_PINNED_LIMIT=3M"},
    {"cgroup_grows_with_allocations", grows_with_allocations, NULL},
    {"cgroup_grows_with_copies", grows_with_copies, NULL},
    {"cgroup_grows_beside_a_busy_stream", grows_beside_a_busy_stream,
     "CUSHADOW_PINNED_LIMIT=0"},
    {"cgroup_grows_with_pins_beside_a_busy_stream",
     pinned_beside_a_busy_stream, NULL},
    {"cgroup_grows_while_the_model_is_in_use",
     grows_while_the_model_is_in_use, NULL},
    {"cgroup_little_is_left_from_the_start", little_is_left_from_the_start,
     NULL},
};

int main(int argc, char **argv)
{
    return negative_main(argc, argv, scenarios,
                         sizeof(scenarios) / sizeof(scenarios[0]));
}
