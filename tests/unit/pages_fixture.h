/*
 * pages_fixture.h - memory with known pages, and system calls refused. For
 * the tests of page state, marks and aliases; each test runs in a process of
 * its own.
 */
#ifndef CSH_TESTS_PAGES_FIXTURE_H
#define CSH_TESTS_PAGES_FIXTURE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "shadow/page_state.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "sanitizer.h"
#include "shadow/kernel_abi.h"

#define PAGE ((size_t)4096)
#define MIB ((size_t)1 << 20)
#define PLAIN (PROT_READ | PROT_WRITE)

#define CSH_TEST_UNUSED __attribute__((unused))

CSH_TEST_UNUSED static uint64_t at(const void *address)
{
    return (uint64_t)(uintptr_t)address;
}

CSH_TEST_UNUSED static unsigned char *anonymous(size_t bytes)
{
    void *address = mmap(NULL, bytes, PLAIN, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                         0);

    ck_assert_ptr_ne(address, MAP_FAILED);
    return address;
}

/* Page i of the file is filled with i + 1. */
CSH_TEST_UNUSED static int make_file(unsigned n_pages)
{
    int fd = memfd_create("pages", MFD_CLOEXEC);
    unsigned char page[PAGE];
    unsigned i;

    ck_assert_int_ge(fd, 0);
    for (i = 0; i < n_pages; i++) {
        memset(page, (int)(i + 1), PAGE);
        ck_assert_int_eq(pwrite(fd, page, PAGE, (off_t)(i * PAGE)), PAGE);
    }
    return fd;
}

CSH_TEST_UNUSED static unsigned char *map_file(int fd, unsigned n_pages)
{
    void *address = mmap(NULL, n_pages * PAGE, PLAIN, MAP_PRIVATE, fd, 0);

    ck_assert_ptr_ne(address, MAP_FAILED);
    return address;
}

/* From here on a system call fails: always, or if its second argument is
 * this (the request of an ioctl); ~0: always. */
CSH_TEST_UNUSED static void refuse(unsigned number, unsigned argument,
                                   int error)
{
    struct sock_filter rules[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 4),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                 offsetof(struct seccomp_data, args[1])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, argument, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JA, (argument == ~0u) ? 0 : 1, 0, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof(rules) / sizeof(rules[0]), rules};

    ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    ck_assert_int_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

/* Runs a function in a child and returns what it returned. */
CSH_TEST_UNUSED static int in_child(int (*function)(void))
{
    pid_t child = fork();
    int status;

    if (child == 0) {
        _exit(function());
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* Whether the mapping at an address has a flag, two letters, in smaps. */
CSH_TEST_UNUSED static bool has_flag(const void *address, const char *flag)
{
    FILE *file   = fopen("/proc/self/smaps", "r");
    bool is_here = false;
    unsigned long from, to;
    char line[4096], word[8];

    ck_assert_ptr_nonnull(file);
    snprintf(word, sizeof(word), " %s", flag);
    while (fgets(line, sizeof(line), file) != NULL) {
        if (sscanf(line, "%lx-%lx ", &from, &to) == 2) {
            is_here = (at(address) >= from) && (at(address) < to);
        } else if (is_here && (strncmp(line, "VmFlags:", 8) == 0)) {
            fclose(file);
            return strstr(line, word) != NULL;
        }
    }
    fclose(file);
    return false;
}

/* One `main` for all. */
CSH_TEST_UNUSED static int run_suite(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    int n_failed;

    srunner_run_all(runner, CK_ENV);
    n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return (n_failed == 0) ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
