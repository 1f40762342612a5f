/*
 * app_alias_odd.c - memory that somebody else has a hand in, kernels that do
 * not answer, and a process that has used up its mappings: offloads that must
 * be copied, or be mapped by another way, and hold the right bytes.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* O_DIRECT, vmsplice */
#endif
#include "aliased.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "../unit/uring.h"

static uint8_t *first_page(const struct weight *weight)
{
    return (uint8_t *)(((uintptr_t)weight->host + PAGE - 1) & ~(PAGE - 1));
}

/* ---------------------------------------------------------- other hands --- */

static void locked_memory_stays_locked(void)
{
    struct weight weight = uploaded(LARGE, 1, NULL);

    weight.host = fresh(LARGE);
    if (mlock(weight.host, LARGE) != 0) {
        puts("no memory may be locked");
        exit(77);
    }
    offload_mapping(&weight, weight.host, 0);
    CHECK(madvise(first_page(&weight), PAGE, MADV_DONTNEED) != 0);
    CHECK(holds(weight.host, LARGE, 1));
    reload_and_check(&weight);
    CHECK_EQUAL(munlock(weight.host, LARGE), 0);
    drop(&weight);
}

/* Locked when it is mapped already. */
static void aliases_can_be_locked(void)
{
    struct weight weight = mapped_weight(LARGE, 2);

    if (mlock(weight.host, LARGE) != 0) {
        puts("no memory may be locked");
        exit(77);
    }
    CHECK(holds(weight.host, LARGE, 2));
    CHECK(madvise(first_page(&weight), PAGE, MADV_DONTNEED) != 0);
    CHECK(holds(weight.host, LARGE, 2));
    CHECK_EQUAL(munlock(weight.host, LARGE), 0);
    CHECK_EQUAL(madvise(first_page(&weight), PAGE, MADV_DONTNEED), 0);
    CHECK(first_page(&weight)[0] == 0 &&
          memcmp(first_page(&weight), first_page(&weight) + 1, PAGE - 1) == 0);
    reload_and_check(&weight);
    drop(&weight);
}

/* The driver has a part of it: what it writes there must be seen. */
static void registered_in_the_middle(void)
{
    struct weight weight = uploaded(LARGE, 3, NULL);
    uint8_t *middle;

    weight.host = fresh(LARGE);
    middle = first_page(&weight) + 16 * PAGE;
    OK(cu.cuMemHostRegister_v2(middle, 8 * PAGE, 0));
    memset(middle, 1, 8 * PAGE); /* as a real driver, which pins pages */
    offload(weight.host, weight.device, LARGE, NULL);
    CHECK(holds(weight.host, LARGE, 3));
    CHECK_EQUAL(aliased_bytes(middle, 8 * PAGE), 0);
    OK(cu.cuMemHostUnregister(middle));
    drop(&weight);
}

/* The same of memory that is mapped already, for reading alone. The driver has
 * the pages that are there then: a pipe takes them as it does. */
static void registered_for_reading(void)
{
    struct weight weight = mapped_weight(LARGE, 12);
    uint8_t *at = first_page(&weight) + 16 * PAGE, *seen = fresh(8 * PAGE);
    struct iovec vector = {at, 8 * PAGE};
    int pinned[2];

    CHECK_EQUAL(pipe(pinned), 0);
    OK(cu.cuMemHostRegister_v2(at, 8 * PAGE, CU_MEMHOSTREGISTER_READ_ONLY));
    CHECK_EQUAL(vmsplice(pinned[1], &vector, 1, 0), 8 * PAGE);
    CHECK(holds(weight.host, LARGE, 12));
    memset(at, 0x33, 8 * PAGE);
    CHECK_EQUAL(read(pinned[0], seen, 8 * PAGE), 8 * PAGE);
    CHECK(seen[0] == 0x33 && memcmp(seen, seen + 1, 8 * PAGE - 1) == 0);
    OK(cu.cuMemHostUnregister(at));
    free(seen);
    reload_and_check(&weight);
    drop(&weight);
}

static int scratch_file(void)
{
    FILE *file = tmpfile();

    CHECK(file != NULL);
    return fileno(file);
}

/* What io_uring pinned it reads and writes past the page tables. */
static void pinned_by_io_uring(void)
{
    struct weight weight = uploaded(LARGE, 4, NULL);
    uint8_t *at, *read_back = fresh(8 * PAGE);
    int file = scratch_file();
    struct uring uring;

    weight.host = fresh(LARGE);
    at = first_page(&weight) + 32 * PAGE;
    if (!uring_pin(&uring, at, 8 * PAGE)) {
        puts("no io_uring");
        exit(77);
    }
    offload_somehow(&weight, weight.host);
    CHECK_EQUAL(aliased_bytes(at, 8 * PAGE), 0);
    /* To a file goes what the program sees. */
    CHECK_EQUAL(uring_run(&uring, IORING_OP_WRITE_FIXED, file, at, 8 * PAGE),
                8 * PAGE);
    CHECK_EQUAL(pread(file, read_back, 8 * PAGE, 0), 8 * PAGE);
    CHECK(memcmp(read_back, at, 8 * PAGE) == 0);
    /* What comes from a file is seen, and goes up. */
    memset(read_back, 0x77, 8 * PAGE);
    CHECK_EQUAL(pwrite(file, read_back, 8 * PAGE, 0), 8 * PAGE);
    CHECK_EQUAL(uring_run(&uring, IORING_OP_READ_FIXED, file, at, 8 * PAGE),
                8 * PAGE);
    CHECK(memcmp(read_back, at, 8 * PAGE) == 0);
    upload(weight.device, weight.host, LARGE, NULL);
    CHECK(!device_holds(weight.device, LARGE, 4));
    OK(cu.cuMemcpyDtoH_v2(read_back, weight.device + (size_t)(at - weight.host),
                          8 * PAGE));
    CHECK(read_back[0] == 0x77 &&
          memcmp(read_back, read_back + 1, 8 * PAGE - 1) == 0);
    uring_unpin(&uring);
    free(read_back);
    drop(&weight);
}

/* The kernel writes to the pages of an alias by DMA. */
static void read_from_a_file(void)
{
    struct weight weight = mapped_weight(LARGE, 5);
    int file = scratch_file(), flags = fcntl(file, F_GETFL);
    uint8_t *at = first_page(&weight) + 4 * PAGE;
    uint8_t *bytes = fresh(16 * PAGE);

    memset(bytes, 0x55, 16 * PAGE);
    CHECK_EQUAL(pwrite(file, bytes, 16 * PAGE, 0), 16 * PAGE);
    (void)fcntl(file, F_SETFL, flags | O_DIRECT); /* where it may be */
    CHECK_EQUAL(pread(file, at, 16 * PAGE, 0), 16 * PAGE);
    CHECK(memcmp(at, bytes, 16 * PAGE) == 0);
    reload_and_check(&weight);
    free(bytes);
    drop(&weight);
}

/* Attributes that a mapping of the shim's would not have. */
static void marked_memory_keeps_its_marks(void)
{
    struct weight weight = uploaded(LARGE, 6, NULL);
    size_t bytes;

    weight.host = fresh(LARGE);
    bytes = whole_pages(weight.host, LARGE);
    CHECK_EQUAL(madvise(first_page(&weight), bytes, MADV_DONTFORK), 0);
    offload_mapping(&weight, weight.host, 0);
    CHECK_EQUAL(madvise(first_page(&weight), bytes, MADV_DOFORK), 0);
    reload_and_check(&weight);
    drop(&weight);
}

static void discarded_memory_reads_as_zeros(void)
{
    struct weight weight = mapped_weight(LARGE, 7);
    uint8_t *at = first_page(&weight);
    size_t i;

    CHECK_EQUAL(madvise(at, 32 * PAGE, MADV_DONTNEED), 0);
    for (i = 0; i < 32 * PAGE; i++) {
        CHECK(at[i] == 0);
    }
    CHECK(at[32 * PAGE] != 0 || at[32 * PAGE + 1] != 0);
    reload_and_check(&weight);
    drop(&weight);
}

/* ------------------------------------------------- a lack of something --- */

static size_t most_mappings(void)
{
    FILE *file = fopen("/proc/sys/vm/max_map_count", "r");
    unsigned long n = 0;

    CHECK(file != NULL && fscanf(file, "%lu", &n) == 1);
    fclose(file);
    return n;
}

/* The program has as many mappings as a process may have. */
static void no_mapping_is_left(void)
{
    struct weight weight = mapped_weight(LARGE, 8);
    size_t n = most_mappings() + 16, i;
    uint8_t *many, *host = fresh(LARGE);

    if (n > 300000) {
        puts("too many mappings are allowed");
        exit(77);
    }
    many = mmap(NULL, n * PAGE, PROT_NONE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(many != MAP_FAILED);
    reload_and_check(&weight); /* the driver has all its threads then */
    for (i = 1; i < n; i += 2) {
        if (mprotect(many + i * PAGE, PAGE, PROT_READ) != 0) {
            break;
        }
    }
    CHECK(i < n && errno == ENOMEM);
    offload_mapping(&weight, host, 0);
    spoil(weight.device);
    REACHES(h2d, LARGE, LARGE,
            upload(weight.device, host, LARGE, NULL));
    CHECK(device_holds(weight.device, LARGE, 8));
    CHECK(holds(weight.host, LARGE, 8));
    CHECK_EQUAL(munmap(many, n * PAGE), 0);
    free(host);
    reload_and_check(&weight);
    drop(&weight);
}

/* ------------------------------------------------------------- sandbox --- */

#define PROCMAP_QUERY 0xc0686611u /* _IOWR(0x66, 17, 104 bytes) */
#define PAGEMAP_SCAN 0xc0606610u  /* _IOWR(0x66, 16, 96 bytes) */
#define LOAD(field_) \
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field_))
#define UNLESS(value_, skip_) \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value_), 0, (skip_))
#define ANSWER(value_) BPF_STMT(BPF_RET | BPF_K, (value_))

static void restrict_to(struct sock_filter *filter, size_t n)
{
    struct sock_fprog program = {(unsigned short)n, filter};

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
        puts("no seccomp");
        exit(77);
    }
}

/* One request of ioctl fails from now on. */
static void refuse_request(unsigned request, unsigned error)
{
    struct sock_filter filter[] = {
        LOAD(nr),
        UNLESS(SYS_ioctl, 3),
        LOAD(args[1]),
        UNLESS(request, 1),
        ANSWER(SECCOMP_RET_ERRNO | error),
        ANSWER(SECCOMP_RET_ALLOW),
    };

    restrict_to(filter, sizeof(filter) / sizeof(filter[0]));
}

static void refuse_call(unsigned number, unsigned error)
{
    struct sock_filter filter[] = {
        LOAD(nr),
        UNLESS(number, 1),
        ANSWER(SECCOMP_RET_ERRNO | error),
        ANSWER(SECCOMP_RET_ALLOW),
    };

    restrict_to(filter, sizeof(filter) / sizeof(filter[0]));
}

/* Before the shim has asked for anything: settings of a scenario are made
 * first, and this is how a sandbox looks that was there first. */
static bool has_word(const char *word)
{
    const char *refused = getenv("ALIAS_REFUSED");

    return refused != NULL && strstr(refused, word) != NULL;
}

static void refuse_all_that_are_named(void)
{
    if (has_word("query")) {
        refuse_request(PROCMAP_QUERY, ENOTTY);
    }
    if (has_word("scan")) {
        refuse_request(PAGEMAP_SCAN, ENOTTY);
    }
    if (has_word("pagemap")) {
        refuse_call(SYS_pread64, EPERM);
    }
    if (has_word("readv")) {
        refuse_call(SYS_process_vm_readv, EPERM);
    }
    if (has_word("userfault")) {
        refuse_call(SYS_userfaultfd, EPERM);
    }
}

static void cycle(size_t bytes, uint32_t seed)
{
    struct weight weight = mapped_weight(bytes, seed);

    reload_and_check(&weight);
    weight.host[bytes / 2] ^= 1;
    reload_and_check(&weight);
    drop(&weight);
}

static void cycles(void)
{
    cycle(LARGE, 9);
    cycle(80 * KIB + 1, 10);
    cycle(6 * MIB + 4095, 11);
}

/* Those begin at a page, and what malloc wrote lies in another. */
static void cycles_of_whole_pages(void)
{
    cycle(64 * KIB, 14);
    cycle(80 * KIB, 15);
    cycle(6 * MIB, 16);
}

/* The sandbox closes behind the program. */
static void later(void (*refuse)(void))
{
    struct weight weight = mapped_weight(LARGE, 13);

    refuse();
    reload_and_check(&weight);
    weight.host[LARGE / 2] ^= 1;
    reload_and_check(&weight);
    drop(&weight);
    cycles();
}

static void refuse_query(void)
{
    refuse_request(PROCMAP_QUERY, EPERM);
}

static void refuse_scan(void)
{
    refuse_request(PAGEMAP_SCAN, EPERM);
}

static void query_is_refused_later(void)
{
    later(refuse_query);
}

static void scan_is_refused_later(void)
{
    later(refuse_scan);
}

__attribute__((constructor)) static void before_everything(void)
{
    refuse_all_that_are_named();
}

int main(int argc, char **argv)
{
    static const struct negative scenarios[] = {
        {"locked_memory_stays_locked", locked_memory_stays_locked, NULL},
        {"aliases_can_be_locked", aliases_can_be_locked, NULL},
        {"registered_in_the_middle", registered_in_the_middle, NULL},
        {"registered_for_reading", registered_for_reading, NULL},
        {"pinned_by_io_uring", pinned_by_io_uring, NULL},
        {"read_from_a_file", read_from_a_file, NULL},
        {"marked_memory_keeps_its_marks", marked_memory_keeps_its_marks,
         NULL},
        {"discarded_memory_reads_as_zeros", discarded_memory_reads_as_zeros,
         NULL},
        {"no_mapping_is_left", no_mapping_is_left, NULL},
        {"query_is_refused_later", query_is_refused_later, NULL},
        {"scan_is_refused_later", scan_is_refused_later, NULL},
        {"cycles", cycles, NULL},
        {"cycles_of_whole_pages", cycles_of_whole_pages, NULL},
    };

    return negative_main(argc, argv, scenarios,
                         sizeof(scenarios) / sizeof(scenarios[0]));
}
