/*
 * test_chunk.c - what a chunk may do to its process: descriptors, signals,
 * seals, limits, fork. Each test runs in a process of its own.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* memfd_create, seals */
#endif
#include "shadow/chunk.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "sanitizer.h"

#define MIB ((size_t)1 << 20)

static struct csh_chunk chunk;

static void set_limit(int resource, rlim_t soft)
{
    struct rlimit limit;

    ck_assert_int_eq(getrlimit((__rlimit_resource_t)resource, &limit), 0);
    limit.rlim_cur = soft;
    ck_assert_int_eq(setrlimit((__rlimit_resource_t)resource, &limit), 0);
}

static void start(void)
{
    csh_log_threshold = CSH_LOG_OFF;
    set_limit(RLIMIT_NOFILE, 4096);
}

static int refuse_file(const char *name, unsigned flags)
{
    (void)name;
    (void)flags;
    errno = EPERM;
    return -1;
}

/* Remembers the last descriptor. */
static int created;
static int note_file(const char *name, unsigned flags)
{
    ck_assert_str_eq(name, "cushadow");
    ck_assert_uint_eq(flags, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    return created = memfd_create(name, flags);
}

static void open_chunk(size_t least, size_t bytes, csh_chunk_create_fn *create)
{
    ck_assert(csh_chunk_open(&chunk, least, bytes, create));
    ck_assert_uint_ge(chunk.bytes, least);
    ck_assert_uint_eq((uintptr_t)chunk.address % csh_page_bytes(), 0);
    ck_assert(csh_chunk_populate(&chunk, 0, least));
    memset(chunk.address, 0x5a, least);
}

/* Whether a line of /proc/self/maps covers an address. */
static bool is_mapped(const void *address)
{
    unsigned long from, to;
    bool is_found = false;
    char line[512];
    FILE *file = fopen("/proc/self/maps", "r");

    ck_assert_ptr_nonnull(file);
    while (!is_found && (fgets(line, sizeof(line), file) != NULL)) {
        is_found = (sscanf(line, "%lx-%lx", &from, &to) == 2) &&
                   ((uintptr_t)address >= from) &&
                   ((uintptr_t)address < to);
    }
    fclose(file);
    return is_found;
}

/* Bytes of the chunk that are in memory. */
static size_t present_bytes(void)
{
    size_t n = 0, i, pages = chunk.bytes / csh_page_bytes();
    unsigned char *vector = malloc(pages);

    ck_assert_int_eq(mincore(chunk.address, chunk.bytes, vector), 0);
    for (i = 0; i < pages; i++) {
        n += (vector[i] & 1);
    }
    free(vector);
    return n * csh_page_bytes();
}

/* --- the file ------------------------------------------------------------ */

/* A kernel before 5.1 has no such seal. */
static bool knows_future_write(void)
{
    int fd     = memfd_create("probe", MFD_ALLOW_SEALING);
    bool knows = (fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE) == 0);

    ck_assert_int_eq(close(fd), 0);
    return knows;
}

START_TEST(test_sealed)
{
    int seals;
    void *map;

    open_chunk(MIB, 64 * MIB, memfd_create);
    ck_assert_uint_eq(chunk.bytes, 64 * MIB);
    ck_assert_int_eq(fcntl(chunk.fd, F_GETFD), FD_CLOEXEC);
    seals = fcntl(chunk.fd, F_GET_SEALS);
    ck_assert_int_eq(seals & (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL),
                     F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
    ck_assert_int_ne(ftruncate(chunk.fd, 0), 0);
    ck_assert_int_ne(ftruncate(chunk.fd, 65 * MIB), 0);
    if (knows_future_write()) {
        ck_assert_int_ne(seals & F_SEAL_FUTURE_WRITE, 0);
        ck_assert_int_lt(pwrite(chunk.fd, "x", 1, 0), 0);
        ck_assert_ptr_eq(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED,
                              chunk.fd, 0), MAP_FAILED);
        ck_assert_int_ne(fallocate(chunk.fd, FALLOC_FL_PUNCH_HOLE |
                                   FALLOC_FL_KEEP_SIZE, 0, 4096), 0);
    }
    /* What aliases are made of still works, and so does growing. */
    map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, chunk.fd, 0);
    ck_assert_ptr_ne(map, MAP_FAILED);
    ck_assert_int_eq(*(unsigned char *)map, 0x5a);
    *(unsigned char *)map = 1;
    ck_assert_int_eq(chunk.address[0], 0x5a);
    ck_assert(csh_chunk_populate(&chunk, MIB, 16 * MIB));
    memset(chunk.address + MIB, 1, 16 * MIB);
}
END_TEST

START_TEST(test_close_leaves_nothing)
{
    unsigned char *address;
    int i, fd = -1;

    for (i = 0; i < 50; i++) {
        open_chunk(MIB, 64 * MIB, note_file);
        ck_assert_int_lt(fcntl(created, F_GETFD), 0); /* it was moved */
        ck_assert((fd == -1) || (fd == chunk.fd));
        fd      = chunk.fd;
        address = chunk.address;
        csh_chunk_close(&chunk, false);
        ck_assert(!is_mapped(address));
        ck_assert_int_lt(fcntl(fd, F_GETFD), 0);
    }
}
END_TEST

START_TEST(test_close_and_keep_the_addresses)
{
    unsigned char *address;
    int fd;

    open_chunk(MIB, 64 * MIB, memfd_create);
    fd      = chunk.fd;
    address = chunk.address;
    csh_chunk_close(&chunk, true);
    ck_assert_int_lt(fcntl(fd, F_GETFD), 0);
    ck_assert(is_mapped(address));
    ck_assert(is_mapped(address + 64 * MIB - 1));
    ck_assert_int_lt(write(-1, address, 1), 0);
    chunk.address = address;
    chunk.bytes   = 64 * MIB;
    ck_assert_uint_eq(present_bytes(), 0);
}
END_TEST

/* --- descriptors --------------------------------------------------------- */

/* The limit, and the least descriptor that is high enough under it. */
static const struct { rlim_t limit; int least; } descriptor_limits[] = {
    {4096, 1024}, {2048, 1024}, {1025, 1024}, {1024, 768}, {256, 192},
};

START_TEST(test_descriptor_is_high)
{
    set_limit(RLIMIT_NOFILE, descriptor_limits[_i].limit);
    open_chunk(MIB, 64 * MIB, memfd_create);
    ck_assert_int_ge(chunk.fd, descriptor_limits[_i].least);
    ck_assert_int_lt(chunk.fd, (int)descriptor_limits[_i].limit);
    ck_assert(csh_chunk_owns_descriptor(&chunk));
}
END_TEST

START_TEST(test_no_descriptor_left)
{
    int fd = open("/dev/null", O_RDONLY);

    /* Nothing at or above the lowest free one may be opened. */
    ck_assert_int_eq(close(fd), 0);
    set_limit(RLIMIT_NOFILE, (rlim_t)fd);
    open_chunk(MIB, 64 * MIB, memfd_create);
    set_limit(RLIMIT_NOFILE, 4096);
    ck_assert_int_eq(chunk.fd, -1);
    ck_assert(!csh_chunk_owns_descriptor(&chunk));
}
END_TEST

/* The program closes every descriptor, and a file of its own gets our
 * number: that one must stay open. */
START_TEST(test_descriptor_that_became_the_programs)
{
    int own = open("/dev/null", O_RDONLY);
    int fd;

    open_chunk(MIB, 64 * MIB, memfd_create);
    fd = chunk.fd;
    ck_assert_int_eq(close(fd), 0);
    ck_assert(!csh_chunk_owns_descriptor(&chunk));
    ck_assert_int_eq(dup2(own, fd), fd);
    ck_assert(!csh_chunk_owns_descriptor(&chunk));
    csh_chunk_close(&chunk, false);
    ck_assert_int_ge(fcntl(fd, F_GETFD), 0);
}
END_TEST

START_TEST(test_file_refused)
{
    open_chunk(MIB, 64 * MIB, refuse_file);
    ck_assert_int_eq(chunk.fd, -1);
    ck_assert_uint_eq(chunk.bytes, 64 * MIB);
    ck_assert(csh_chunk_populate(&chunk, MIB, MIB));
    ck_assert_uint_eq(present_bytes(), 2 * MIB);
}
END_TEST

/* --- file size and its signal --------------------------------------------- */

static volatile sig_atomic_t n_signals;
static void count_signal(int number)
{
    (void)number;
    n_signals++;
}

/* Without a handler the signal kills, and with it the test. */
static void catch_signal(int how)
{
    signal(SIGXFSZ, (how == 0) ? SIG_DFL : count_signal);
}

START_TEST(test_file_size_limit_is_kept)
{
    catch_signal(_i);
    set_limit(RLIMIT_FSIZE, 8 * MIB + 5);
    open_chunk(6 * MIB, 64 * MIB, memfd_create);
    ck_assert_int_ge(chunk.fd, 0);
    ck_assert_uint_eq(chunk.bytes, 8 * MIB);
    open_chunk(9 * MIB, 64 * MIB, memfd_create);
    ck_assert_int_eq(chunk.fd, -1);
    ck_assert_int_eq(n_signals, 0);
    set_limit(RLIMIT_FSIZE, RLIM_INFINITY);
}
END_TEST

/* The limit falls between the moment it is read and the sizing: the stand-in
 * for memfd_create is called just there. */
static int lower_limit(const char *name, unsigned flags)
{
    set_limit(RLIMIT_FSIZE, MIB);
    return memfd_create(name, flags);
}

static bool is_member(int how, int number)
{
    sigset_t set;

    ck_assert_int_eq((how < 0) ? sigpending(&set)
                               : pthread_sigmask(how, NULL, &set), 0);
    return sigismember(&set, number) == 1;
}

START_TEST(test_file_size_limit_that_falls)
{
    catch_signal(_i);
    open_chunk(6 * MIB, 64 * MIB, lower_limit);
    ck_assert_int_eq(chunk.fd, -1);
    ck_assert_int_eq(n_signals, 0);
    ck_assert(!is_member(-1, SIGXFSZ));
    ck_assert(!is_member(SIG_BLOCK, SIGXFSZ));
    set_limit(RLIMIT_FSIZE, RLIM_INFINITY);
}
END_TEST

/* Blocked by the program: nothing new is pending, what was pending stays. */
START_TEST(test_signal_of_the_program_stays)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGXFSZ);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    if (_i == 1) {
        raise(SIGXFSZ);
    }
    open_chunk(6 * MIB, 64 * MIB, lower_limit);
    ck_assert_int_eq(is_member(-1, SIGXFSZ), _i == 1);
    ck_assert(is_member(SIG_BLOCK, SIGXFSZ));
    set_limit(RLIMIT_FSIZE, RLIM_INFINITY);
}
END_TEST

/* --- memory --------------------------------------------------------------- */

START_TEST(test_not_inherited_by_fork)
{
    int status;
    pid_t child;

    open_chunk(MIB, 64 * MIB, (_i == 0) ? memfd_create : refuse_file);
    ck_assert(is_mapped(chunk.address));
    child = fork();
    if (child == 0) {
        _exit(is_mapped(chunk.address) ||
              is_mapped(chunk.address + chunk.bytes - 1));
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 0);
    ck_assert_int_eq(chunk.address[0], 0x5a);
}
END_TEST

START_TEST(test_only_what_is_asked_for_is_populated)
{
    csh_chunk_create_fn *create = (_i % 2 == 0) ? memfd_create : refuse_file;

    /* With this, new mappings would be populated whole and locked. */
    ck_assert_int_eq((_i >= 2) ? mlockall(MCL_FUTURE) : 0, 0);
    open_chunk(MIB, 64 * MIB, create);
    munlockall();
    ck_assert_uint_eq(present_bytes(), MIB);
}
END_TEST

/* mlockall() of everything to come takes a privilege or no limit. */
static bool may_lock_memory(void)
{
    struct rlimit limit;

    return (geteuid() == 0) || ((getrlimit(RLIMIT_MEMLOCK, &limit) == 0) &&
                                (limit.rlim_cur == RLIM_INFINITY));
}

/* From here on madvise() knows no MADV_POPULATE_WRITE, as before 5.14. */
static void forget_populate(void)
{
    struct sock_filter rules[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_madvise, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                 offsetof(struct seccomp_data, args[2])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 23, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof(rules) / sizeof(rules[0]), rules};

    ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    ck_assert_int_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

START_TEST(test_populate_on_older_kernels)
{
    struct stat status;

    ck_assert(csh_chunk_open(&chunk, MIB, 64 * MIB,
                             (_i == 0) ? memfd_create : refuse_file));
    forget_populate();
    ck_assert(csh_chunk_populate(&chunk, 0, MIB));
    ck_assert(csh_chunk_populate(&chunk, 32 * MIB, 2 * MIB));
    if (_i == 1) {
        ck_assert_uint_eq(present_bytes(), 3 * MIB);
    } else {
        ck_assert_int_eq(fstat(chunk.fd, &status), 0);
        ck_assert_uint_eq((size_t)status.st_blocks * 512, 3 * MIB);
        ck_assert_int_eq(chunk.address[0], 0);
        /* Without its descriptor the file cannot be filled: a page fault in
         * its stead might be a signal. */
        close(chunk.fd);
        ck_assert(!csh_chunk_populate(&chunk, MIB, MIB));
    }
}
END_TEST

#if !UNDER_SANITIZER
START_TEST(test_scarce_addresses)
{
    static const struct { size_t more, chunk; } cases[] = {
        {1024, 64}, {128, 64}, {32, 1},
    };
    unsigned long pages;
    FILE *file = fopen("/proc/self/statm", "r");

    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fscanf(file, "%lu", &pages), 1);
    fclose(file);
    set_limit(RLIMIT_AS, pages * csh_page_bytes() + cases[_i].more * MIB);
    open_chunk(MIB, 256 * MIB, memfd_create);
    ck_assert_uint_eq(chunk.bytes, cases[_i].chunk * MIB);
    ck_assert(!csh_chunk_open(&chunk, 2048 * MIB, 2048 * MIB, memfd_create));
}
END_TEST
#endif

static Suite *make_suite(void)
{
    Suite *suite = suite_create("chunk");
    TCase *tcase = tcase_create("process");

    tcase_add_checked_fixture(tcase, start, NULL);
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, test_sealed);
    tcase_add_test(tcase, test_close_leaves_nothing);
    tcase_add_test(tcase, test_close_and_keep_the_addresses);
    tcase_add_loop_test(tcase, test_descriptor_is_high, 0, 5);
    tcase_add_test(tcase, test_no_descriptor_left);
    tcase_add_test(tcase, test_descriptor_that_became_the_programs);
    tcase_add_test(tcase, test_file_refused);
    tcase_add_loop_test(tcase, test_file_size_limit_is_kept, 0, 2);
    tcase_add_loop_test(tcase, test_file_size_limit_that_falls, 0, 2);
    tcase_add_loop_test(tcase, test_signal_of_the_program_stays, 0, 2);
    tcase_add_loop_test(tcase, test_not_inherited_by_fork, 0, 2);
    tcase_add_loop_test(tcase, test_only_what_is_asked_for_is_populated, 0,
                        may_lock_memory() ? 4 : 2);
    tcase_add_loop_test(tcase, test_populate_on_older_kernels, 0, 2);
#if !UNDER_SANITIZER
    tcase_add_loop_test(tcase, test_scarce_addresses, 0, 3);
#endif
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    SRunner *runner = srunner_create(make_suite());
    int n_failed;

    srunner_run_all(runner, CK_ENV);
    n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return (n_failed == 0) ? EXIT_SUCCESS : EXIT_FAILURE;
}
