/*
 * lazy.c - see lazy.h. Owns the region, the bytes stored for it, the handler
 * of SIGSEGV and the thread that serves a userfaultfd.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* syscall */
#endif
#include "lazy.h"

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "program.h"

static uint8_t *region, *stored;
static size_t region_bytes;
static volatile uint64_t n_faults;
static int uffd = -1;

static size_t page_bytes(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

size_t lazy_bytes(size_t bytes)
{
    return (bytes + page_bytes() - 1) / page_bytes() * page_bytes();
}

static bool map_region(size_t bytes)
{
    region = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    stored = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    region_bytes = bytes;
    return region != MAP_FAILED && stored != MAP_FAILED;
}

void lazy_take_away(const struct lazy_kind *kind, const uint8_t *address,
                    size_t bytes)
{
    CHECK(address == region && bytes == region_bytes);
    memcpy(stored, region, bytes);
    kind->remove_pages();
}

void lazy_patch(size_t at, uint8_t value)
{
    stored[at] = value;
}

uint64_t lazy_faults(void)
{
    return __atomic_load_n(&n_faults, __ATOMIC_SEQ_CST);
}

/* --- SIGSEGV ------------------------------------------------------------- */

/* Runs in the thread that touched the page, and only there is it any use. */
static void bring_back(int signal_number, siginfo_t *info, void *context)
{
    uint8_t *page = (uint8_t *)((uintptr_t)info->si_addr &
                                ~(uintptr_t)(page_bytes() - 1));

    (void)signal_number;
    (void)context;
    if (page < region || page >= region + region_bytes) {
        _exit(99); /* not one of ours: a fault of somebody's own */
    }
    if (mprotect(page, page_bytes(), PROT_READ | PROT_WRITE) != 0) {
        _exit(98);
    }
    memcpy(page, stored + (page - region), page_bytes());
    __atomic_add_fetch(&n_faults, 1, __ATOMIC_SEQ_CST);
}

static bool make_by_signal(uint8_t **address_p, size_t bytes)
{
    struct sigaction action = {.sa_sigaction = bring_back,
                               .sa_flags = SA_SIGINFO};

    sigemptyset(&action.sa_mask);
    if (!map_region(bytes) || sigaction(SIGSEGV, &action, NULL) != 0) {
        return false;
    }
    *address_p = region;
    return true;
}

static void remove_by_signal(void)
{
    CHECK_EQUAL(madvise(region, region_bytes, MADV_DONTNEED), 0);
    CHECK_EQUAL(mprotect(region, region_bytes, PROT_NONE), 0);
}

const struct lazy_kind lazy_by_signal = {make_by_signal, remove_by_signal};

/* --- userfaultfd --------------------------------------------------------- */

static void *serve_faults(void *opaque)
{
    struct uffd_msg message;

    (void)opaque;
    while (read(uffd, &message, sizeof(message)) ==
           (ssize_t)sizeof(message)) {
        uint64_t page = message.arg.pagefault.address &
                        ~(uint64_t)(page_bytes() - 1);
        struct uffdio_copy copy = {
            .dst = page,
            .src = (uintptr_t)stored + (page - (uintptr_t)region),
            .len = page_bytes(),
        };

        if (message.event != UFFD_EVENT_PAGEFAULT) {
            continue;
        }
        /* Counted first: the thread that waits goes on at once. */
        __atomic_add_fetch(&n_faults, 1, __ATOMIC_SEQ_CST);
        ioctl(uffd, UFFDIO_COPY, &copy);
    }
    return NULL;
}

static bool make_by_userfaultfd(uint8_t **address_p, size_t bytes)
{
    struct uffdio_api api = {.api = UFFD_API};
    struct uffdio_register range = {.mode = UFFDIO_REGISTER_MODE_MISSING};
    pthread_t thread;

    uffd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
    if (uffd < 0) { /* not for us; faults of the kernel's stay unserved */
        uffd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);
    }
    if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api) != 0 ||
        !map_region(bytes)) {
        return false;
    }
    range.range.start = (uintptr_t)region;
    range.range.len = bytes;
    if (ioctl(uffd, UFFDIO_REGISTER, &range) != 0 ||
        pthread_create(&thread, NULL, serve_faults, NULL) != 0) {
        return false;
    }
    *address_p = region;
    return true;
}

static void remove_by_userfaultfd(void)
{
    CHECK_EQUAL(madvise(region, region_bytes, MADV_DONTNEED), 0);
}

const struct lazy_kind lazy_by_userfaultfd = {make_by_userfaultfd,
                                              remove_by_userfaultfd};
