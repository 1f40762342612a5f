/*
 * process.c - marks of a process, and its handlers.
 *
 * Owns one page for each mark, never given back. It is MADV_WIPEONFORK: in a
 * child of any kind of fork it reads zero. A kernel without the advice is
 * asked for the process id instead. No lock; a mark is made by one thread.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* MADV_WIPEONFORK */
#endif
#include "base/process.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/host_changes.h"

#define ALIVE 0x63736873u

bool csh_process_is_marked(const struct csh_process_mark *mark)
{
    uint32_t *page = atomic_load_explicit(&mark->page, memory_order_relaxed);

    if (page != NULL) {
        return *(volatile uint32_t *)page == ALIVE;
    }
    return getpid() ==
           atomic_load_explicit(&mark->owner, memory_order_relaxed);
}

void csh_process_mark_make(struct csh_process_mark *mark)
{
    size_t bytes = (size_t)sysconf(_SC_PAGESIZE);
    int saved_errno = errno;
    uint32_t *page = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    atomic_store(&mark->owner, getpid());
    if (page != MAP_FAILED) {
        if (csh_own_madvise(page, bytes, MADV_WIPEONFORK) == 0) {
            *page = ALIVE;
            atomic_store(&mark->page, page);
        } else {
            munmap(page, bytes);
        }
    }
    errno = saved_errno;
}

static bool is_handled(int signal_number)
{
    struct sigaction action;

    return sigaction(signal_number, NULL, &action) != 0 ||
           (action.sa_flags & SA_SIGINFO) != 0 ||
           (action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN);
}

bool csh_process_handles_faults(void)
{
    return is_handled(SIGSEGV) || is_handled(SIGBUS);
}
