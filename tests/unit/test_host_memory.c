/*
 * test_host_memory.c - the exported wrappers: who is told what before the
 * kernel hears it, that the kernel's answer and errno come back, and that a
 * signal handler may call them.
 *
 * Compiles interpose/host_memory.c itself: this program's own madvise is the
 * wrapper, and what is next after it is libc's.
 */
#include "interpose/host_memory.c"

#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static size_t page;
static char *pages; /* four, of this process's own */

static struct told {
    unsigned n;
    uintptr_t start;
    size_t bytes;
    enum csh_host_change change;
} told;

static void watcher(uintptr_t start, size_t bytes,
                    enum csh_host_change change)
{
    told = (struct told){told.n + 1, start, bytes, change};
    errno = EILSEQ;
}

static void setup(void)
{
    page = (size_t)sysconf(_SC_PAGESIZE);
    pages = mmap(NULL, 4 * page, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert(pages != MAP_FAILED);
    memset(pages, 1, 4 * page);
    csh_host_watch(watcher);
}

static void expect_told(unsigned n, const void *start, size_t bytes,
                        enum csh_host_change change)
{
    ck_assert_uint_eq(told.n, n);
    if (n > 0) {
        ck_assert_uint_eq(told.start, (uintptr_t)start);
        ck_assert_uint_eq(told.bytes, bytes);
        ck_assert_int_eq(told.change, change);
    }
    memset(&told, 0, sizeof(told));
}

#define RETURNS(call_, value_, error_)           \
    do {                                         \
        errno = 7;                               \
        ck_assert_int_eq((long)(call_), value_); \
        ck_assert_int_eq(errno, error_);         \
    } while (0)

static void advise(void)
{
    RETURNS(madvise(pages, page + 1, MADV_DONTNEED), 0, 7);
    expect_told(1, pages, 2 * page, CSH_CHANGE_DISCARD);
    ck_assert_int_eq(pages[page], 0);
    ck_assert_int_eq(pages[2 * page], 1);
    RETURNS(madvise(pages, page, MADV_WIPEONFORK), 0, 7);
    expect_told(1, pages, page, CSH_CHANGE_RETYPE);
    ck_assert(csh_host_is_marked((uintptr_t)pages, page));
    RETURNS(madvise(pages, page, MADV_RANDOM), 0, 7);
    expect_told(0, NULL, 0, CSH_CHANGE_NONE);
    RETURNS(madvise(pages + 1, page, MADV_DONTNEED), -1, EINVAL);
    expect_told(0, NULL, 0, CSH_CHANGE_NONE);
    RETURNS(madvise(pages, page, 9999), -1, EINVAL);
    expect_told(1, pages, page, CSH_CHANGE_RETYPE);
    munmap(pages + 3 * page, page);
    RETURNS(madvise(pages + 2 * page, 2 * page, MADV_DONTNEED), -1, ENOMEM);
    expect_told(1, pages + 2 * page, 2 * page, CSH_CHANGE_DISCARD);
}

START_TEST(test_madvise)
{
    advise();
}
END_TEST

static void advise_process(void)
{
    const struct iovec ranges[] = {{pages, page}, {pages + 2 * page, page}};
    int self = (int)syscall(434 /* pidfd_open */, getpid(), 0);

    if (process_madvise(-1, ranges, 1, MADV_COLD, 0) != -1 ||
        errno != EBADF) {
        return; /* Linux before 5.10, or forbidden */
    }
    process_madvise(self, ranges, 2, MADV_DONTNEED, 0);
    expect_told(2, pages + 2 * page, page, CSH_CHANGE_RETYPE);
    ck_assert(!csh_host_is_marked((uintptr_t)pages, page));
    RETURNS(process_madvise(self, ranges, 2, MADV_COLD, 1), -1, EINVAL);
    expect_told(0, NULL, 0, CSH_CHANGE_NONE);
    RETURNS(process_madvise(-1, ranges, 1, MADV_FREE, 0), -1, EBADF);
    expect_told(1, pages, page, CSH_CHANGE_RETYPE);
    RETURNS(process_madvise(self, (void *)8, 2, MADV_PAGEOUT, 0), -1, EFAULT);
    RETURNS(process_madvise(self, (void *)8, 2, 25 /* COLLAPSE */, 0), -1,
            EFAULT);
    expect_told(0, NULL, 0, CSH_CHANGE_NONE);
    close(self);
}

START_TEST(test_process_madvise)
{
    advise_process();
}
END_TEST

START_TEST(test_locks)
{
    RETURNS(mlock(pages + 5, 1), 0, 7);
    ck_assert(csh_host_is_marked((uintptr_t)pages, page));
    RETURNS(mlock2(pages + page, page, MLOCK_ONFAULT), 0, 7);
    expect_told(0, NULL, 0, CSH_CHANGE_NONE);
    ck_assert(csh_host_is_marked((uintptr_t)pages + page, page));
    ck_assert(!csh_host_is_marked((uintptr_t)pages + 2 * page, page));
    RETURNS(mlock2(pages, page, 1 << 20), -1, EINVAL);
    ck_assert(!csh_host_is_marked(0, 1));
    (void)mlockall(1 << 20); /* EINVAL; sanitizers say 0 */
    ck_assert(csh_host_is_marked(0, 1));
    ck_assert(csh_host_is_marked((uintptr_t)pages + 3 * page, 1));
}
END_TEST

START_TEST(test_protections)
{
    RETURNS(mprotect(pages, page, PROT_READ), 0, 7);
    RETURNS(mprotect(pages, page, PROT_NONE), 0, 7);
    RETURNS(mprotect(pages + 1, page, PROT_NONE), -1, EINVAL);
    RETURNS(mprotect(pages, page, PROT_READ | PROT_WRITE), 0, 7);
    expect_told(0, NULL, 0, CSH_CHANGE_NONE);
    RETURNS(mprotect(pages, page, PROT_READ | PROT_EXEC), 0, 7);
    expect_told(1, pages, page, CSH_CHANGE_RETYPE);
    RETURNS(pkey_mprotect(pages, page, PROT_READ | PROT_WRITE, -1), 0, 7);
    expect_told(0, NULL, 0, CSH_CHANGE_NONE);
    RETURNS(pkey_mprotect(pages, page, PROT_EXEC | PROT_READ, -1), 0, 7);
    expect_told(1, pages, page, CSH_CHANGE_RETYPE);
    ck_assert(!csh_host_is_marked((uintptr_t)pages, page));
    pkey_mprotect(pages, page, PROT_READ, 1);
    expect_told(1, pages, page, CSH_CHANGE_RETYPE);
    ck_assert(csh_host_is_marked((uintptr_t)pages, page));
}
END_TEST

/* Where the kernel has no NUMA it says ENOSYS. */
START_TEST(test_mbind)
{
    long result = mbind(pages, page, 0 /* MPOL_DEFAULT */, NULL, 0, 0);

    expect_told(1, pages, page, CSH_CHANGE_OWN);
    ck_assert(result == 0 || errno == ENOSYS || errno == EPERM);
    ck_assert(csh_host_is_marked((uintptr_t)pages, page));
    ck_assert_int_eq(mbind(pages, page, 0, NULL, 0, ~0u), -1);
}
END_TEST

START_TEST(test_mremap)
{
    char *target = mmap(NULL, 8 * page, PROT_NONE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *moved;

    errno = 7;
    moved = mremap(pages, 4 * page, 2 * page, 0);
    ck_assert_ptr_eq(moved, pages);
    expect_told(1, pages, 4 * page, CSH_CHANGE_RETYPE);
    moved = mremap(pages, 2 * page, 2 * page, MREMAP_MAYMOVE | MREMAP_FIXED,
                   target);
    ck_assert_ptr_eq(moved, target);
    ck_assert_int_eq(errno, 7);
    ck_assert_int_eq(target[0], 1);
    expect_told(1, pages, 2 * page, CSH_CHANGE_RETYPE);
    ck_assert(mremap(target + 1, page, page, 0) == MAP_FAILED);
    ck_assert_int_eq(errno, EINVAL);
}
END_TEST

/* Before the constructor ran, and where no library has the symbol. */
START_TEST(test_without_a_next_definition)
{
    memset(&next, 0, sizeof(next));
    if (_i == 0) {
        advise();
    } else {
        advise_process();
    }
}
END_TEST

static volatile sig_atomic_t n_handled;

static void handler(int signal)
{
    (void)signal;
    n_handled += madvise(pages, page, MADV_DONTNEED) == 0 &&
                 mprotect(pages, page, PROT_READ | PROT_WRITE) == 0 &&
                 mlock(pages, page) == 0;
}

START_TEST(test_in_a_signal_handler)
{
    struct sigaction action = {.sa_handler = handler};

    ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
    RETURNS(raise(SIGUSR1), 0, 7);
    ck_assert_int_eq(n_handled, 1);
    ck_assert_uint_eq(told.n, 1);
}
END_TEST

START_TEST(test_nobody_is_told_without_a_watcher)
{
    csh_host_watch(NULL);
    RETURNS(madvise(pages, page, MADV_DONTNEED), 0, 7);
    RETURNS(mlock(pages, page), 0, 7);
    expect_told(0, NULL, 0, CSH_CHANGE_NONE);
    ck_assert(csh_host_is_marked((uintptr_t)pages, page));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("host_memory");
    TCase *tcase = tcase_create("wrappers");
    SRunner *runner;
    int n_failed;

    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_test(tcase, test_madvise);
    tcase_add_test(tcase, test_process_madvise);
    tcase_add_test(tcase, test_locks);
    tcase_add_test(tcase, test_protections);
    tcase_add_test(tcase, test_mbind);
    tcase_add_test(tcase, test_mremap);
    tcase_add_loop_test(tcase, test_without_a_next_definition, 0, 2);
    tcase_add_test(tcase, test_in_a_signal_handler);
    tcase_add_test(tcase, test_nobody_is_told_without_a_watcher);
    suite_add_tcase(suite, tcase);

    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return (n_failed == 0) ? EXIT_SUCCESS : EXIT_FAILURE;
}
