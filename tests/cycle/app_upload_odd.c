/*
 * app_upload_odd.c - captured uploads whose source changes or has to be
 * brought while it is read, and those that something refuses on the way: the
 * program's own call is made, and nothing is believed that is not so.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* syscall */
#endif
#include "../unit/sanitizer.h"
#include "lazy.h"
#include "upload.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* --- who else is there --------------------------------------------------- */

static _Atomic bool is_over;

static void *scribble(void *bytes)
{
    volatile uint64_t *words = bytes;
    uint64_t n = 0;
    size_t i;

    while (!is_over) {
        for (i = 0; i < LARGE / 8; i += 97) {
            words[i] = ++n;
        }
    }
    return NULL;
}

/* A source that changes while it is read gives whatever bytes; but those of
 * the device and of what an offload gives back are the same ever after. */
static void racing_source_leaves_nothing_wrong(void)
{
    struct weight weight = learned(LARGE, 12, NULL);
    uint8_t *on_device = fresh(LARGE);
    pthread_t thread;
    int i;

    CHECK_EQUAL(pthread_create(&thread, NULL, scribble, weight.host), 0);
    for (i = 0; i < 8; i++) {
        upload(weight.device, weight.host, LARGE, NULL);
        OK(more.simcuda_peek(on_device, weight.device, LARGE));
        check_offload(weight.device, on_device, LARGE, 0, NULL);
    }
    is_over = true;
    join(thread);
    /* Still now, when everything has come to rest. */
    upload(weight.device, weight.host, LARGE, NULL);
    check_device(weight.device, weight.host, LARGE);
    check_offload(weight.device, weight.host, LARGE, 0, NULL);
}

static uint8_t *watched; /* a source one of whose pages cannot be read */

static void change_what_was_read(int signal_number, siginfo_t *info,
                                 void *context)
{
    (void)signal_number;
    (void)info;
    (void)context;
    mprotect(watched + WEIGHT / 2 / 4096 * 4096, 4096,
             PROT_READ | PROT_WRITE);
    watched[4096 + 100] ^= 0x40;
    watched[WEIGHT - 100] ^= 0x40;
}

/* While the middle is read, something before and something behind it changes
 * (libc copies forwards or backwards as it likes): whichever bytes the device
 * got, an offload gives back. */
static void source_changes_behind_its_reader(void)
{
    struct weight weight = uploaded(WEIGHT, 30, NULL);
    struct sigaction action = {.sa_sigaction = change_what_was_read,
                               .sa_flags = SA_SIGINFO};
    uint8_t *on_device = fresh(WEIGHT);

    watched = mmap(NULL, 2 * WEIGHT, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(watched != MAP_FAILED);
    OK(cu.cuMemcpyDtoH_v2(watched, weight.device, WEIGHT));
    watched[0] ^= 1;
    CHECK_EQUAL(sigaction(SIGSEGV, &action, NULL), 0);
    CHECK_EQUAL(mprotect(watched + WEIGHT / 2 / 4096 * 4096, 4096,
                         PROT_NONE), 0);
    REACHES(h2d, WEIGHT, WEIGHT,
            upload(weight.device, watched, WEIGHT, NULL));
    OK(more.simcuda_peek(on_device, weight.device, WEIGHT));
    check_offload(weight.device, on_device, WEIGHT, 0, NULL);
}

/* Pages that the program's own handler brings when they are touched. */
static void lazy_pages_are_read(void)
{
    struct weight weight = uploaded(LARGE, 13, NULL);
    size_t bytes = lazy_bytes(LARGE);
    uint8_t *wanted = fresh(LARGE), *lazy;
    uint64_t before;
    int i;

    CHECK(lazy_by_signal.make(&lazy, bytes));
    offload(lazy, weight.device, LARGE, NULL);
    memcpy(wanted, lazy, LARGE);
    for (i = 1; i <= 3; i++) {
        lazy_take_away(&lazy_by_signal, lazy, bytes);
        lazy_patch((size_t)i, 0xA7); /* seen at once: the rest is untouched */
        wanted[i] = 0xA7;
        before = lazy_faults();
        REACHES(h2d, LARGE, LARGE,
                upload(weight.device, lazy, LARGE, NULL));
        CHECK_EQUAL(lazy_faults() - before, bytes / 4096);
        check_device(weight.device, wanted, LARGE);
        check_offload(weight.device, wanted, LARGE, 0, NULL);
    }
}

static uint8_t *blocks, *stored;

/* Opens a whole block, and takes its time to fill it. The first page is a
 * block, the one that is compared and found changed; the rest is another. */
static void bring_block(int signal_number, siginfo_t *info, void *context)
{
    const struct timespec moment = {0, 20000000};
    size_t at = (size_t)((uint8_t *)info->si_addr - blocks);
    size_t from = at < 4096 ? 0 : 4096, to = at < 4096 ? 4096 : LARGE + MIB;

    (void)signal_number;
    (void)context;
    if (at >= LARGE || mprotect(blocks + from, to - from,
                                PROT_READ | PROT_WRITE) != 0) {
        _exit(98);
    }
    nanosleep(&moment, NULL);
    memcpy(blocks + from, stored + from, to - from);
}

/* Blocks that nobody has opened yet, and what they will hold. */
static void close_blocks(uint32_t seed)
{
    struct sigaction action = {.sa_sigaction = bring_block,
                               .sa_flags = SA_SIGINFO};

    blocks = mmap(NULL, LARGE + MIB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
                  -1, 0);
    CHECK(blocks != MAP_FAILED);
    stored = fresh(LARGE + MIB);
    fill(stored, LARGE, seed);
    CHECK_EQUAL(sigaction(SIGSEGV, &action, NULL), 0);
}

/* Another thread that looked would not fault, and see what is not there yet.
 * Workers that look before the block is open are refused, and out of it; so
 * this sees them only sometimes, and the next test always. */
static void pages_that_are_filled_late_are_read(void)
{
    struct weight weight = uploaded(LARGE, 31, NULL);
    int i;

    close_blocks(31);
    CHECK_EQUAL(mprotect(blocks, LARGE, PROT_READ | PROT_WRITE), 0);
    offload(blocks, weight.device, LARGE, NULL);
    for (i = 1; i <= 8; i++) {
        stored[5]++;
        CHECK_EQUAL(madvise(blocks, LARGE + MIB, MADV_DONTNEED), 0);
        CHECK_EQUAL(mprotect(blocks, LARGE + MIB, PROT_NONE), 0);
        REACHES(h2d, LARGE, LARGE,
                upload(weight.device, blocks, LARGE, NULL));
        check_device(weight.device, stored, LARGE);
        check_offload(weight.device, stored, LARGE, 0, NULL);
    }
}

/* Threads of this process that copy for the shim. */
static int count_workers(void)
{
    char name[64];
    DIR *tasks = opendir("/proc/self/task");
    struct dirent *task;
    int n = 0, fd;

    CHECK(tasks != NULL);
    while ((task = readdir(tasks)) != NULL) {
        snprintf(name, sizeof(name), "/proc/self/task/%.20s/comm",
                 task->d_name);
        fd = open(name, O_RDONLY | O_CLOEXEC);
        if (fd >= 0) {
            n += read(fd, name, 15) == 15 &&
                 memcmp(name, "cushadow-worker", 15) == 0;
            close(fd);
        }
    }
    closedir(tasks);
    return n;
}

/* Workers are made when they are first needed, so it can be told whether they
 * were: not as long as the program has a handler. (A sanitizer has one.) */
static void who_handles_faults_is_not_helped(void)
{
    CUdeviceptr device;
    int i;

    OK(cu.cuMemAlloc_v2(&device, LARGE));
    close_blocks(32);
    for (i = 0; i < 2; i++) {
        REACHES(h2d, LARGE, LARGE, upload(device, blocks, LARGE, NULL));
        check_device(device, stored, LARGE);
        check_offload(device, stored, LARGE, 0, NULL);
        CHECK_EQUAL(count_workers(),
                    i == 0 || !under_shim || UNDER_SANITIZER ? 0 : 2);
        CHECK(signal(SIGSEGV, SIG_DFL) != SIG_ERR);
        blocks[6]++;
        stored[6]++;
    }
}

static void workers_may_not_read_the_program(void)
{
    struct weight weight = uploaded(LARGE, 14, NULL);
    uint64_t before;

    forbid(SYS_process_vm_readv, SECCOMP_RET_ERRNO | EPERM);
    weight.host = fresh(LARGE);
    REACHES(d2h, LARGE, LARGE,
            offload(weight.host, weight.device, LARGE, NULL));
    change(weight.host, LARGE, 3);
    before = from_pinned();
    upload(weight.device, weight.host, LARGE, NULL);
    CHECK_EQUAL(from_pinned() - before, under_shim ? LARGE : 0);
    check_device(weight.device, weight.host, LARGE);
    check_offload(weight.device, weight.host, LARGE, 0, NULL);
}

/* Of these a service under systemd's SystemCallFilter=@system-service would
 * die: the shim makes none. */
static void services_are_not_killed(void)
{
    static const int numbers[] = {SYS_mincore, SYS_ptrace, SYS_bpf,
                                  SYS_perf_event_open, SYS_swapon,
                                  SYS_process_madvise};
    struct weight weight = learned(LARGE, 15, NULL);
    size_t i;

    for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        forbid(numbers[i], SECCOMP_RET_KILL_PROCESS);
    }
    for (i = 1; i <= 3; i++) {
        change(weight.host, LARGE, (uint8_t)i);
        upload(weight.device, weight.host, LARGE, NULL);
        check_device(weight.device, weight.host, LARGE);
        check_offload(weight.device, weight.host, LARGE, 0, NULL);
    }
}

/* --- what is refused ----------------------------------------------------- */

static void fail_at(const char *entry, uint64_t nth)
{
    char fault[64];

    snprintf(fault, sizeof(fault), "%s:%llu:999", entry,
             (unsigned long long)(cu.simcuda_calls(entry) + nth));
    CHECK_EQUAL(more.simcuda_set_faults(under_shim ? fault : NULL), 0);
}

/* The program's own call is of another entry than the shim's. */
static void refused_copy_ends_in_the_programs_call(void)
{
    struct weight weight = learned(LARGE, 21, NULL);

    change(weight.host, LARGE, 1);
    fail_at("cuMemcpyHtoDAsync_v2", 1);
    REACHES(h2d, LARGE, LARGE,
            OK(cu.cuMemcpyHtoD_v2(weight.device, weight.host, LARGE)));
    CHECK_EQUAL(more.simcuda_set_faults(NULL), 0);
    OK(cu.cuCtxSynchronize());
    check_device(weight.device, weight.host, LARGE);
    /* Nothing is known of it, and nothing is believed. */
    check_offload(weight.device, weight.host, LARGE, LARGE, NULL);
}

/* The last wait of the call fails: the bytes may have arrived or not. */
static void refused_wait_ends_in_the_programs_call(void)
{
    struct weight weight = learned(LARGE, 25, NULL);

    change(weight.host, LARGE, 3);
    fail_at("cuStreamSynchronize", 2); /* the first is before the copy */
    REACHES(h2d, 2 * LARGE, LARGE,
            OK(cu.cuMemcpyHtoD_v2(weight.device, weight.host, LARGE)));
    CHECK_EQUAL(more.simcuda_set_faults(NULL), 0);
    OK(cu.cuCtxSynchronize());
    check_device(weight.device, weight.host, LARGE);
    check_offload(weight.device, weight.host, LARGE, LARGE, NULL);
}

static void events_are_refused(void)
{
    struct weight weight = learned(LARGE, 26, NULL);

    change(weight.host, LARGE, 3);
    fail_at("cuEventCreate", 1);
    REACHES(h2d, LARGE, LARGE,
            upload(weight.device, weight.host, LARGE, NULL));
    CHECK_EQUAL(more.simcuda_set_faults(NULL), 0);
    check_device(weight.device, weight.host, LARGE);
    check_offload(weight.device, weight.host, LARGE, 0, NULL);
}

/* One shadow fits; the device range holds it until its bytes are replaced. */
static void no_room_for_the_new_bytes(void)
{
    struct weight weight = learned(LARGE, 27, NULL);

    change(weight.host, LARGE, 3);
    REACHES(h2d, LARGE, LARGE,
            upload(weight.device, weight.host, LARGE, NULL));
    check_device(weight.device, weight.host, LARGE);
    check_offload(weight.device, weight.host, LARGE, LARGE, NULL);
}

/* Slabs that the driver does not pin. */
static void unpinned_slabs_will_do(void)
{
    struct weight weight = learned(LARGE, 28, NULL);

    change(weight.host, LARGE, 3);
    REACHES(h2d, LARGE, LARGE,
            upload(weight.device, weight.host, LARGE, NULL));
    CHECK_EQUAL(cu.simcuda_bytes(SIM_H2D_PINNED), 0);
    check_device(weight.device, weight.host, LARGE);
    check_offload(weight.device, weight.host, LARGE, 0, NULL);
}

/* The kernel gives no file for a slab, which then is memory without one. */
static void slabs_without_files_will_do(void)
{
    struct weight weight;

    forbid(SYS_memfd_create, SECCOMP_RET_ERRNO | EPERM);
    weight = uploaded(LARGE, 29, NULL);
    CHECK(device_holds(weight.device, LARGE, 29));
    offload_expecting(&weight, 0, NULL);
}

static const struct negative scenarios[] = {
#define PLAIN(name_) {#name_, name_, THREE}
    PLAIN(racing_source_leaves_nothing_wrong),
    PLAIN(source_changes_behind_its_reader),
    PLAIN(lazy_pages_are_read),
    PLAIN(pages_that_are_filled_late_are_read),
    {"who_handles_faults_is_not_helped", who_handles_faults_is_not_helped,
     THREE " CUSHADOW_WEIGHTS=all"},
    PLAIN(workers_may_not_read_the_program),
    {"services_are_not_killed", services_are_not_killed,
     THREE " CUSHADOW_HOST=copy"},
    PLAIN(refused_copy_ends_in_the_programs_call),
    PLAIN(refused_wait_ends_in_the_programs_call),
    PLAIN(events_are_refused),
    {"no_room_for_the_new_bytes", no_room_for_the_new_bytes,
     THREE " CUSHADOW_RAM_LIMIT=24M"},
    {"unpinned_slabs_will_do", unpinned_slabs_will_do,
     THREE " SIMCUDA_FAULT=cuMemHostRegister_v2:*:2"},
    {"slabs_without_files_will_do", slabs_without_files_will_do,
     THREE " CUSHADOW_WEIGHTS=all"},
};

int main(int argc, char **argv)
{
    return negative_main(argc, argv, scenarios,
                         sizeof(scenarios) / sizeof(scenarios[0]));
}
