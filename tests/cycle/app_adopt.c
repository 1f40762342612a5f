/*
 * app_adopt.c - a program that keeps its copy of the model in RAM, with
 * CUSHADOW_ADOPT=1: what RAM holds after the upload, and that the copy stays
 * the program's own. Figures of RAM are asserted where pages can be moved
 * (Linux 6.8 and CAP_SYS_PTRACE) and malloc is glibc's.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* syscall */
#endif
#include "upload.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define N_WEIGHTS 4
#define ALL THREE " CUSHADOW_WEIGHTS=all CUSHADOW_ADOPT=1"

/* Of /proc/self/status, "Name:       number kB". */
static unsigned long read_kib(const char *key)
{
    char line[256];
    unsigned long kib = 0;
    FILE *status = fopen("/proc/self/status", "r");

    CHECK(status != NULL);
    while (fgets(line, sizeof(line), status) != NULL) {
        if (strncmp(line, key, strlen(key)) == 0) {
            kib = strtoul(line + strlen(key), NULL, 10);
        }
    }
    fclose(status);
    return kib;
}

static unsigned long anonymous_kib(void)
{
    return read_kib("RssAnon:");
}

/* UFFDIO_API with the features EVENT_FORK and MOVE. */
static bool can_adopt(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return false;
#else
    uint64_t api[3] = {0xaa, 1 << 16 | 1 << 1, 0};
    int fd = (int)syscall(SYS_userfaultfd, 0);
    bool can = fd >= 0 && ioctl(fd, _IOWR(0xaa, 0x3f, api), api) == 0;

    if (fd >= 0) {
        close(fd);
    }
    return can && under_shim;
#endif
}

struct model {
    struct weight weights[N_WEIGHTS];
};

/* In RAM, with room in VRAM that takes its memory now. */
static struct model model_of(uint32_t seed)
{
    struct model model;
    int i;

    for (i = 0; i < N_WEIGHTS; i++) {
        struct weight *weight = &model.weights[i];

        *weight = (struct weight){0, fresh(LARGE), LARGE,
                                  seed + (uint32_t)i};
        fill(weight->host, LARGE, weight->seed);
        OK(cu.cuMemAlloc_v2(&weight->device, LARGE));
        OK(cu.cuMemsetD8_v2(weight->device, 1, LARGE));
    }
    OK(cu.cuCtxSynchronize());
    return model;
}

static void load(const struct model *model)
{
    int i;

    for (i = 0; i < N_WEIGHTS; i++) {
        spoil(model->weights[i].device);
        upload(model->weights[i].device, model->weights[i].host, LARGE, NULL);
    }
}

static void check_model(const struct model *model)
{
    int i;

    for (i = 0; i < N_WEIGHTS; i++) {
        const struct weight *weight = &model->weights[i];

        CHECK(holds(weight->host, LARGE, weight->seed));
        CHECK(device_holds(weight->device, LARGE, weight->seed));
    }
}

static void model_is_in_ram_once(void)
{
    struct model model = model_of(1);
    unsigned long before = anonymous_kib(), after;

    load(&model);
    after = anonymous_kib();
    if (can_adopt()) {
        CHECK(after + N_WEIGHTS * LARGE / 1024 < before + 4096);
    } else if (!under_shim) {
        CHECK(after + 4096 > before);
    }
    check_model(&model);
}

static void untouched_copy_is_served(void)
{
    struct model model = model_of(11);
    uint64_t before;

    load(&model);
    before = from_pinned();
    REACHES(h2d, N_WEIGHTS * LARGE, N_WEIGHTS * LARGE, load(&model));
    CHECK_EQUAL(from_pinned() - before, under_shim ? N_WEIGHTS * LARGE : 0);
    check_model(&model);
}

/* A block of malloc's begins elsewhere in its page than one that is aligned. */
static void source_of_malloc(void)
{
    struct weight weight = {0, malloc(LARGE), LARGE, 71};
    unsigned long before;

    OK(cu.cuMemAlloc_v2(&weight.device, LARGE));
    OK(cu.cuMemsetD8_v2(weight.device, 1, LARGE));
    OK(cu.cuCtxSynchronize());
    fill(weight.host, LARGE, weight.seed);
    before = anonymous_kib();
    upload(weight.device, weight.host, LARGE, NULL);
    CHECK(!can_adopt() || anonymous_kib() + LARGE / 1024 < before + 4096);
    CHECK(holds(weight.host, LARGE, weight.seed));
    CHECK(device_holds(weight.device, LARGE, weight.seed));
}

/* Giving them up would give nothing back: room for one more there is not. */
static void mapped_shadows_are_kept(void)
{
    struct model model = model_of(81);
    struct weight more_weight = model_of(91).weights[0];
    uint64_t before;

    load(&model);
    OK(cu.cuMemFree_v2(model.weights[0].device));
    before = from_pinned();
    upload(more_weight.device, more_weight.host, LARGE, NULL);
    if (can_adopt()) {
        CHECK_EQUAL(from_pinned() - before, 0);
    }
    CHECK(device_holds(more_weight.device, LARGE, 91));
    CHECK(holds(model.weights[0].host, LARGE, 81));
    OK(cu.cuMemAlloc_v2(&model.weights[0].device, LARGE));
    before = from_pinned();
    upload(model.weights[0].device, model.weights[0].host, LARGE, NULL);
    if (can_adopt()) {
        CHECK_EQUAL(from_pinned() - before, LARGE);
    }
    check_model(&model);
}

/* CUSHADOW_ADOPT=0. */
static void nothing_is_adopted_unasked(void)
{
    struct model model = model_of(95);
    unsigned long before = anonymous_kib();

    load(&model);
    CHECK(anonymous_kib() + 4096 > before);
    check_model(&model);
}

/* As a LoRA that is merged in RAM, and taken out again. */
static void changed_copy_is_uploaded(void)
{
    struct weight weight = model_of(21).weights[0];
    uint8_t *wanted = fresh(LARGE);
    int i;

    memcpy(wanted, weight.host, LARGE);
    for (i = 0; i < 4; i++) {
        upload(weight.device, weight.host, LARGE, NULL);
        check_device(weight.device, wanted, LARGE);
        check_offload(weight.device, wanted, LARGE, 0, NULL);
        change(weight.host, LARGE, (uint8_t)(i / 2 + 1));
        change(wanted, LARGE, (uint8_t)(i / 2 + 1));
        CHECK(memcmp(weight.host, wanted, LARGE) == 0);
    }
}

/* The shadow is another's by then: what one writes the other does not see. */
static void equal_copies_stay_apart(void)
{
    struct weight one = model_of(31).weights[0];
    struct weight two = model_of(31).weights[0];

    upload(one.device, one.host, LARGE, NULL);
    upload(two.device, two.host, LARGE, NULL);
    memset(one.host + LARGE / 2, 0xEE, 100);
    CHECK(holds(two.host, LARGE, 31));
    upload(two.device, two.host, LARGE, NULL);
    CHECK(device_holds(two.device, LARGE, 31));
    upload(one.device, one.host, LARGE, NULL);
    check_device(one.device, one.host, LARGE);
    CHECK(device_holds(two.device, LARGE, 31));
}

/* Freed and made anew again and again: RAM does not grow. */
static void copies_come_and_go(void)
{
    unsigned long before = 0;
    int i, k;

    for (i = 0; i < 12; i++) {
        struct model model = model_of(100 + 10 * (uint32_t)i);

        load(&model);
        check_model(&model);
        for (k = 0; k < N_WEIGHTS; k++) {
            free(model.weights[k].host);
            OK(cu.cuMemFree_v2(model.weights[k].device));
        }
        if (i == 3) {
            before = anonymous_kib() + read_kib("RssShmem:");
        }
    }
    CHECK(!can_adopt() || anonymous_kib() + read_kib("RssShmem:") <
                                  before + 2 * LARGE / 1024);
}

static void child_has_a_copy_of_its_own(void)
{
    struct model model = model_of(41);
    int status;
    pid_t child;

    load(&model);
    child = fork();
    if (child == 0) {
        bool is_right = holds(model.weights[1].host, LARGE, 42);

        memset(model.weights[0].host, 0, LARGE);
        _exit(is_right ? 0 : 1);
    }
    CHECK_EQUAL(waitpid(child, &status, 0), child);
    CHECK_EQUAL(status, 0);
    check_model(&model);
}

static _Atomic bool is_over;
static uint64_t last_stored[64];

static void *train(void *host)
{
    volatile uint64_t *words = host;
    uint64_t n_wrong = 0;
    size_t i, at;

    for (i = 0; !atomic_load(&is_over); i = (i + 1) % 64) {
        at = i * (LARGE / 64 / 8);
        n_wrong += words[at] != last_stored[i];
        words[at] = ++last_stored[i];
        usleep(50);
    }
    return (void *)(uintptr_t)n_wrong;
}

/* A thread that goes on training while another uploads what there is. */
static void stores_meanwhile_are_kept(void)
{
    struct weight weight = model_of(51).weights[0];
    volatile uint64_t *words = (void *)weight.host;
    pthread_t thread;
    void *n_wrong;
    size_t i;

#if defined(__SANITIZE_THREAD__)
    return; /* it is a race, and the program's own */
#endif
    for (i = 0; i < 64; i++) {
        words[i * (LARGE / 64 / 8)] = 0;
    }
    CHECK_EQUAL(pthread_create(&thread, NULL, train, weight.host), 0);
    for (i = 0; i < 8; i++) {
        upload(weight.device, weight.host, LARGE, NULL);
    }
    atomic_store(&is_over, true);
    CHECK_EQUAL(pthread_join(thread, &n_wrong), 0);
    CHECK_EQUAL((uintptr_t)n_wrong, 0);
    for (i = 0; i < 64; i++) {
        CHECK_EQUAL(words[i * (LARGE / 64 / 8)], last_stored[i]);
    }
    upload(weight.device, weight.host, LARGE, NULL);
    check_device(weight.device, weight.host, LARGE);
}

/* As in a container. */
static void userfaultfd_is_refused(void)
{
    struct sock_filter rules[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_userfaultfd, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof(rules) / sizeof(rules[0]), rules};
    struct model model;
    unsigned long before;

    CHECK_EQUAL(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    CHECK_EQUAL(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
    model = model_of(61);
    before = anonymous_kib();
    load(&model);
    CHECK(anonymous_kib() + 4096 > before);
    load(&model);
    check_model(&model);
}

static const struct negative scenarios[] = {
#define SCENARIO(name_) {#name_, name_, ALL}
    SCENARIO(model_is_in_ram_once),
    SCENARIO(untouched_copy_is_served),
    SCENARIO(source_of_malloc),
    {"mapped_shadows_are_kept", mapped_shadows_are_kept,
     ALL " CUSHADOW_RAM_LIMIT=80M"},
    {"nothing_is_adopted_unasked", nothing_is_adopted_unasked,
     THREE " CUSHADOW_WEIGHTS=all"},
    SCENARIO(changed_copy_is_uploaded),
    SCENARIO(equal_copies_stay_apart),
    SCENARIO(copies_come_and_go),
    SCENARIO(child_has_a_copy_of_its_own),
    SCENARIO(stores_meanwhile_are_kept),
    SCENARIO(userfaultfd_is_refused),
};

int main(int argc, char **argv)
{
    return negative_main(argc, argv, scenarios,
                         sizeof(scenarios) / sizeof(scenarios[0]));
}
