/*
 * test_fill.c - a copy by several threads is that of one, for any length and
 * place, and where workers can or may not write. Each test runs in a process
 * of its own.
 */
#include "pages_fixture.h"

#include <signal.h>

#include "base/process.h"
#include "base/workers.h"
#include "shadow/fill.h"

enum { MOST = 9 << 20 };

static unsigned char from[MOST];

static void start(void)
{
    size_t i;

    ck_assert_int_eq(setenv("CUSHADOW_THREADS", "3", 1), 0);
    for (i = 0; i < MOST; i++) {
        from[i] = (unsigned char)(i * 2654435761u >> 20) | 1;
    }
}

/* To fresh pages, with some bytes around it that stay as they are. */
static unsigned char *fill_some(size_t n, size_t offset)
{
    size_t n_pages      = (offset + n + 64) / PAGE + 1;
    unsigned char *pages = anonymous(n_pages * PAGE);

    csh_fill(pages + offset, from + offset, n);
    ck_assert_mem_eq(pages + offset, from + offset, n);
    ck_assert(offset == 0 || pages[offset - 1] == 0);
    ck_assert_uint_eq(pages[offset + n], 0);
    return pages;
}

START_TEST(test_lengths)
{
    static const size_t lengths[] = {1, 4096, 65537, (2 << 20) - 1, 2 << 20,
                                     (2 << 20) + 1, 5000001, 8 << 20};

    (void)fill_some(lengths[_i], 0);
    (void)fill_some(lengths[_i], 4033);
    ck_assert(lengths[_i] >= CSH_WORK_LEAST_BYTES || csh_workers_count() == 0);
}
END_TEST

START_TEST(test_workers_help)
{
    (void)fill_some(8 << 20, 1);
    ck_assert(csh_process_handles_faults() || csh_workers_count() == 2);
}
END_TEST

START_TEST(test_workers_are_forbidden_to)
{
    refuse(SYS_process_vm_writev, ~0u, EPERM);
    (void)fill_some(8 << 20, 1);
}
END_TEST

/* Each page is opened by whoever touches it first. */
static unsigned char *closed;
static volatile sig_atomic_t n_opened;

static void open_page(int signal, siginfo_t *info, void *context)
{
    unsigned char *page = (unsigned char *)info->si_addr -
                          (uintptr_t)info->si_addr % PAGE;

    (void)signal, (void)context;
    if (page < closed || page >= closed + (4 << 20) ||
        mprotect(page, PAGE, PLAIN) != 0) {
        _exit(1);
    }
    n_opened++;
}

START_TEST(test_handled_faults)
{
    struct sigaction action = {.sa_sigaction = open_page,
                               .sa_flags     = SA_SIGINFO};

    closed = anonymous(4 << 20);
    ck_assert_int_eq(sigaction(SIGSEGV, &action, NULL), 0);
    ck_assert(csh_process_handles_faults());
    ck_assert_int_eq(mprotect(closed, 4 << 20, PROT_READ), 0);
    csh_fill(closed, from, 4 << 20);
    ck_assert_mem_eq(closed, from, 4 << 20);
    ck_assert_int_eq(n_opened, (4 << 20) / (int)PAGE);
    ck_assert_uint_eq(csh_workers_count(), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fill");
    TCase *tcase = tcase_create("fill");

    tcase_add_checked_fixture(tcase, start, NULL);
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, test_lengths, 0, 8);
    tcase_add_test(tcase, test_workers_help);
    tcase_add_test(tcase, test_workers_are_forbidden_to);
    tcase_add_test(tcase, test_handled_faults);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
