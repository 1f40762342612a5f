/*
 * app_process.c - what a program may do with its own process beside CUDA:
 * close descriptors that it does not know, fork, hand its pages to a pipe,
 * and let pages come and go by its own handler. None of it may be felt.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* vmsplice, close_range */
#endif
#include "weight.h"

#include <dirent.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lazy.h"
#include "soak.h"

enum { MODEL = 4 };

/* A change of the device's bytes, offloaded over what the host had before. */
static void go_on(struct weight *model, int rounds)
{
    int i, round;

    for (round = 0; round < rounds; round++) {
        for (i = 0; i < MODEL; i++) {
            uint8_t *bytes = fresh(WEIGHT);

            model[i].seed += 1000;
            fill(bytes, WEIGHT, model[i].seed);
            cu.simcuda_poke(model[i].device, bytes, WEIGHT);
            REACHES(d2h, WEIGHT, WEIGHT,
                    offload(model[i].host, model[i].device, WEIGHT, NULL));
            CHECK(holds(model[i].host, WEIGHT, model[i].seed));
            offload_expecting(&model[i], 0, NULL);
            spoil(model[i].device);
            REACHES(h2d, WEIGHT, WEIGHT,
                    upload(model[i].device, model[i].host, WEIGHT, NULL));
            offload_expecting(&model[i], 0, NULL);
            free(bytes);
        }
    }
}

static void learn_model(struct weight *model, uint32_t seed)
{
    int i;

    for (i = 0; i < MODEL; i++) {
        model[i] = learned(WEIGHT, seed + (uint32_t)i, NULL);
        memset(model[i].host, 0, WEIGHT);
        REACHES(d2h, 0, WEIGHT,
                offload(model[i].host, model[i].device, WEIGHT, NULL));
    }
}

/* --- descriptors ---------------------------------------------------------- */

/* Memory beyond what is held so far: another slab. */
static void need_more_room(uint32_t seed)
{
    struct weight large = learned(24 * MIB, seed, NULL);

    offload_expecting(&large, 0, NULL);
    OK(cu.cuMemFree_v2(large.device));
    free(large.host);
}

static void every_descriptor_is_closed(void)
{
    struct weight model[MODEL];

    learn_model(model, 1);
    CHECK_EQUAL(syscall(SYS_close_range, 3u, ~0u, 0u), 0);
    go_on(model, 2);
    need_more_room(9);
    CHECK_EQUAL(syscall(SYS_close_range, 3u, ~0u, 0u), 0);
    go_on(model, 1);
}

/* As a daemon does it: up to the limit, one by one. */
static void descriptors_are_closed_one_by_one(void)
{
    struct rlimit limit;
    struct weight model[MODEL];
    int fd;

    CHECK_EQUAL(getrlimit(RLIMIT_NOFILE, &limit), 0);
    learn_model(model, 11);
    for (fd = 3; fd < (int)limit.rlim_cur && fd < 70000; fd++) {
        close(fd);
    }
    go_on(model, 2);
    need_more_room(19);
}

/* Calls a function with each open descriptor above 2 but `keep`. */
static unsigned for_each_descriptor(int keep, void (*each)(int fd, int keep))
{
    DIR *folder = opendir("/proc/self/fd");
    struct dirent *item;
    unsigned count = 0;

    CHECK(folder != NULL);
    while ((item = readdir(folder)) != NULL) {
        int fd = atoi(item->d_name);

        if (fd > 2 && fd != keep && fd != dirfd(folder)) {
            each(fd, keep);
            count++;
        }
    }
    closedir(folder);
    return count;
}

static void replace(int fd, int keep)
{
    CHECK_EQUAL(dup2(keep, fd), fd);
}

static unsigned n_same;
static void count_same(int fd, int keep)
{
    struct stat one, other;

    n_same += fstat(fd, &one) == 0 && fstat(keep, &other) == 0 &&
              one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

/* All that was open is the program's file now. It stays as it is, and open,
 * whatever the shim gives back. */
static void descriptors_become_the_programs(void)
{
    static const char text[] = "not a weight";
    FILE *file = tmpfile();
    char got[64] = "";
    struct weight model[MODEL], larger;
    unsigned n_replaced;
    struct stat status;
    int i;

    CHECK(file != NULL);
    CHECK_EQUAL(fwrite(text, 1, sizeof(text), file), sizeof(text));
    CHECK_EQUAL(fflush(file), 0);
    learn_model(model, 21);
    need_more_room(29);
    n_replaced = for_each_descriptor(fileno(file), replace);
    CHECK(n_replaced > 0 || !under_shim);
    go_on(model, 2);
    /* There is no room for all this and another one: it is given back. */
    for (i = 0; i < MODEL; i++) {
        OK(cu.cuMemFree_v2(model[i].device));
    }
    larger = learned(36 * MIB, 39, NULL);
    OK(cu.cuMemFree_v2(larger.device));
    OK(cu.cuMemAlloc_v2(&larger.device, WEIGHT));
    CHECK_EQUAL(fstat(fileno(file), &status), 0);
    CHECK_EQUAL(status.st_size, sizeof(text));
    CHECK_EQUAL(pread(fileno(file), got, sizeof(got), 0), sizeof(text));
    CHECK(strcmp(got, text) == 0);
    n_same = 0;
    for_each_descriptor(fileno(file), count_same);
    CHECK_EQUAL(n_same, n_replaced);
}

/* Above these are the shim's: above 1023, or under the usual limit in its last
 * quarter. */
static int first_high(void)
{
    struct rlimit limit;

    CHECK_EQUAL(getrlimit(RLIMIT_NOFILE, &limit), 0);
    return limit.rlim_cur > 1024 ? 1024 : (int)(limit.rlim_cur / 4 * 3);
}

static unsigned n_low;
static void count_low(int fd, int keep)
{
    (void)keep;
    n_low += fd < first_high();
}

/* The number that the program gets next is the one that it would get. */
static void low_descriptors_stay_the_programs(void)
{
    struct weight model[MODEL];
    unsigned before;
    int first, second;

    for_each_descriptor(-1, count_low);
    before = n_low;
    first = dup(0);
    CHECK_EQUAL(close(first), 0);
    learn_model(model, 31);
    go_on(model, 1);
    n_low = 0;
    for_each_descriptor(-1, count_low);
    CHECK_EQUAL(n_low, before);
    second = dup(0);
    CHECK_EQUAL(second, first);
}

/* --- host memory that goes ----------------------------------------------- */

/* What the memory files of the shim hold. */
static uint64_t slab_bytes(void)
{
    struct soak_figures figures;

    soak_look(&figures);
    return figures.value[SOAK_slab_kib] * KIB;
}

/* Each offload goes to addresses that were never used and never will be, and
 * each time to changed bytes: what was there is nowhere any more. */
static void shadows_of_gone_buffers_do_not_pile_up(void)
{
    struct weight weight = learned(WEIGHT, 91, NULL);
    uint8_t *area, *host;
    uint64_t before;
    uint32_t i;

    area = mmap(NULL, 256 * MIB, PROT_NONE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(area != MAP_FAILED);
    before = slab_bytes();
    for (i = 0; i < 40; i++) {
        host = area + (2 * i + 1) * 2 * MIB;
        CHECK_EQUAL(mprotect(host, 2 * MIB, PROT_READ | PROT_WRITE), 0);
        launch_fill(weight.device, i, WEIGHT / 4, NULL);
        REACHES(d2h, WEIGHT, WEIGHT,
                offload(host, weight.device, WEIGHT, NULL));
        CHECK_EQUAL(*(uint32_t *)host, i);
        CHECK_EQUAL(munmap(host, 2 * MIB), 0);
    }
    CHECK(slab_bytes() <= before + 8 * MIB);
}

/* --- children ------------------------------------------------------------- */

/* Lines of /proc/self/maps that are shared mappings of a slab. */
static unsigned slabs_mapped(void)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[512], flags[8];
    unsigned count = 0;

    CHECK(maps != NULL);
    while (fgets(line, sizeof(line), maps) != NULL) {
        count += strstr(line, "memfd:cushadow") != NULL &&
                 sscanf(line, "%*s %7s", flags) == 1 && flags[3] == 's';
    }
    fclose(maps);
    return count;
}

/* In the child: every second weight is written, the others only read. */
static int look_on(const struct weight *seen, int read_from, int write_to)
{
    int i, at, turn;
    char word;

    for (turn = 0; turn < 3; turn++) {
        if (read(read_from, &word, 1) != 1) {
            return 2;
        }
        for (i = 0; i < MODEL; i++) {
            uint8_t *host = seen[i].host;

            if (turn == 1 && i % 2 == 0) {
                memset(host, 0x3c, WEIGHT);
            }
            if (turn == 0 || i % 2 != 0) {
                if (!holds(host, WEIGHT, seen[i].seed)) {
                    return 3;
                }
                continue;
            }
            for (at = 0; at < (int)WEIGHT; at++) {
                if (host[at] != 0x3c) {
                    return 4;
                }
            }
        }
        if (write(write_to, "", 1) != 1) {
            return 5;
        }
    }
    return 0;
}

static pid_t raw_clone(void)
{
    return (pid_t)syscall(SYS_clone, (unsigned long)SIGCHLD, 0ul, 0ul, 0ul,
                          0ul);
}

static void child_looks_on(pid_t (*start)(void), uint32_t seed)
{
    struct weight model[MODEL], seen[MODEL];
    int to_child[2], to_parent[2], turn, status;
    pid_t child;
    char word;

    learn_model(model, seed);
    memcpy(seen, model, sizeof(seen));
    CHECK_EQUAL(slabs_mapped() > 0, under_shim);
    CHECK_EQUAL(pipe(to_child) | pipe(to_parent), 0);
    child = start();
    CHECK(child >= 0);
    if (child == 0) {
        _exit(slabs_mapped() > 0 ? 9
                                 : look_on(seen, to_child[0], to_parent[1]));
    }
    close(to_parent[1]);
    for (turn = 0; turn < 3; turn++) {
        go_on(model, 1);
        CHECK_EQUAL(write(to_child[1], "", 1), 1);
        if (read(to_parent[0], &word, 1) != 1) {
            break;
        }
    }
    CHECK_EQUAL(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status));
    CHECK_EQUAL(WEXITSTATUS(status), 0);
    go_on(model, 1);
}

static void forked_child_looks_on(void)
{
    child_looks_on(fork, 41);
}

static void cloned_child_looks_on(void)
{
    child_looks_on(raw_clone, 51);
}

/* --- pipes ---------------------------------------------------------------- */

#define SPLICED (512 * KIB)

static void splice_in(int pipe_end, const uint8_t *host)
{
    struct iovec whole = {(void *)host, SPLICED};

    CHECK(fcntl(pipe_end, F_SETPIPE_SZ, 1 << 20) >= 0);
    CHECK_EQUAL(vmsplice(pipe_end, &whole, 1, 0), SPLICED);
}

static void check_read(int pipe_end, uint32_t seed)
{
    uint8_t *got = fresh(SPLICED);
    size_t done = 0;
    ssize_t n;

    while (done < SPLICED &&
           (n = read(pipe_end, got + done, SPLICED - done)) > 0) {
        done += (size_t)n;
    }
    CHECK_EQUAL(done, SPLICED);
    CHECK(holds(got, SPLICED, seed));
    free(got);
}

/* Pages wait in a pipe while their owner has given them back: nobody has
 * written them, so the reader gets the bytes of then. The budget has no room
 * for anything but what is in use. */
static void spliced_pages_keep_their_bytes(void)
{
    struct weight weight;
    uint8_t *again, *bytes = fresh(SPLICED);
    int ends[2], i;

    if (mallopt(M_MMAP_THRESHOLD, 64 * (int)KIB) != 1) {
        puts("malloc is a sanitizer's, which keeps what is freed");
        exit(77);
    }
    CHECK_EQUAL(pipe(ends), 0);
    weight = learned(SPLICED, 61, NULL);
    free(weight.host);
    weight.host = fresh(SPLICED);
    REACHES(d2h, 0, SPLICED,
            offload(weight.host, weight.device, SPLICED, NULL));
    splice_in(ends[1], weight.host);
    free(weight.host); /* glibc gives it to the kernel */
    for (i = 0; i < 12; i++) {
        fill(bytes, SPLICED, 600 + (uint32_t)i);
        cu.simcuda_poke(weight.device, bytes, SPLICED);
        again = fresh(SPLICED);
        offload(again, weight.device, SPLICED, NULL);
        CHECK(memcmp(again, bytes, SPLICED) == 0);
        memset(again, 0xdd, SPLICED);
        free(again);
    }
    check_read(ends[0], 61);
}

/* --- pages that come by the program's own handler ------------------------ */

static void faults_are_served(const struct lazy_kind *kind)
{
    struct weight weight = learned(WEIGHT, 71, NULL);
    size_t bytes = lazy_bytes(WEIGHT);
    uint8_t *lazy, *plain = fresh(WEIGHT);
    uint64_t before;
    int i;

    if (!kind->make(&lazy, bytes)) {
        puts("the kernel has no such faults, or not for us");
        exit(77);
    }
    fill(plain, WEIGHT, 71);
    for (i = 0; i < 3; i++) {
        /* An offload into pages that are not there. */
        lazy_take_away(kind, lazy, bytes);
        before = lazy_faults();
        REACHES(d2h, 0, WEIGHT, offload(lazy, weight.device, WEIGHT, NULL));
        CHECK(lazy_faults() > before);
        CHECK(holds(lazy, WEIGHT, 71));
        /* A reload from pages that are not there. */
        lazy_take_away(kind, lazy, bytes);
        before = lazy_faults();
        OK(cu.cuMemFree_v2(weight.device));
        OK(cu.cuMemAlloc_v2(&weight.device, WEIGHT));
        REACHES(h2d, WEIGHT, WEIGHT,
                upload(weight.device, lazy, WEIGHT, NULL));
        CHECK(lazy_faults() > before);
        CHECK(device_holds(weight.device, WEIGHT, 71));
        offload_expecting(&weight, 0, NULL);
    }
    /* What the handler brings may be other bytes than those that went. */
    lazy_take_away(kind, lazy, bytes);
    lazy_patch(WEIGHT / 2, 0xA7);
    REACHES(h2d, WEIGHT, WEIGHT, upload(weight.device, lazy, WEIGHT, NULL));
    plain[WEIGHT / 2] = 0xA7;
    CHECK(memcmp(lazy, plain, WEIGHT) == 0);
    known_expecting(&weight, WEIGHT / 2, 1, 0xA7, NULL);
}

static void signal_handler_brings_pages(void)
{
    faults_are_served(&lazy_by_signal);
}

static void userfaultfd_brings_pages(void)
{
    faults_are_served(&lazy_by_userfaultfd);
}

static const struct negative scenarios[] = {
#define PLAIN(name_) {#name_, name_, NULL}
    PLAIN(every_descriptor_is_closed),
    PLAIN(descriptors_are_closed_one_by_one),
    {"descriptors_become_the_programs", descriptors_become_the_programs,
     "CUSHADOW_RAM_LIMIT=40M"},
    PLAIN(low_descriptors_stay_the_programs),
    PLAIN(shadows_of_gone_buffers_do_not_pile_up),
    PLAIN(forked_child_looks_on),
    PLAIN(cloned_child_looks_on),
    {"spliced_pages_keep_their_bytes", spliced_pages_keep_their_bytes,
     "CUSHADOW_RAM_LIMIT=3M"},
    PLAIN(signal_handler_brings_pages),
    PLAIN(userfaultfd_brings_pages),
};

int main(int argc, char **argv)
{
    return negative_main(argc, argv, scenarios,
                         sizeof(scenarios) / sizeof(scenarios[0]));
}
