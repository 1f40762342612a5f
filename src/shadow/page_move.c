/*
 * page_move.c - see page_move.h.
 *
 * Owns nothing that outlives a move. Each has a userfaultfd of its own: a
 * child of fork inherits the descriptor, and the kernel's object lives as long
 * as any copy of it, so whatever was registered is unregistered by name.
 *
 * The area aside is not inherited by children, and is unregistered once the
 * pages are there: reading it never waits.
 *
 * Forks. The kernel lets nothing move between the moment at which a fork has
 * copied the memory and the moment at which its message was read (EAGAIN), so
 * what is aside when it is read is what the child lacks. fork() returns only
 * after that.
 *
 * Counts. Linux 6.18 was seen to move one page more than it says, when the
 * page became the process's own just then: it tries once more, and fails with
 * EEXIST at the page that it has moved. So after each call that fails without
 * any progress the kernel is asked where that page is.
 *
 * No malloc, lock or log from begin on, and bare system calls alone: none is a
 * cancellation point, and none is the shim's own export.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* mremap flags, syscall */
#endif
#include "shadow/page_move.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/host_changes.h"
#include "shadow/chunk.h"
#include "shadow/kernel_abi.h"

/* Pages that lie alike in their huge pages are moved a huge page at once. */
#define HUGE ((uint64_t)2 << 20)
/* A second altogether: a fork holds the memory for as long as it copies page
 * tables, and then sends its message at once. */
#define MOST_WAITS 2000u
#define WAIT_NS 500000l

/* Bytes of the kernel's signal set (include/uapi/asm-generic/signal.h). */
#define SIGNALS_BYTES sizeof(uint64_t)

static void *pointer(uint64_t address)
{
    return (void *)(uintptr_t)address;
}

static uint64_t number_of(const void *address)
{
    return (uint64_t)(uintptr_t)address;
}

static void wait_a_moment(void)
{
    const struct timespec moment = {0, WAIT_NS};

    syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &moment, NULL);
}

/* All of them, also those that libc keeps for itself. */
static void block_signals(uint64_t *before_p)
{
    const uint64_t all = UINT64_MAX;

    *before_p = 0;
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, before_p, SIGNALS_BYTES);
}

static void unblock_signals(const uint64_t *before)
{
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, before, NULL, SIGNALS_BYTES);
}

/* --- the area aside ------------------------------------------------------ */

/* Begins in a huge page where the program's memory does. */
static bool map_aside(struct csh_page_move *move)
{
    uint64_t room = move->bytes + HUGE;
    void *area    = mmap(NULL, room, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    uint64_t at, before;

    move->aside = NULL;
    if (area == MAP_FAILED) {
        return false;
    }

    at     = number_of(area);
    before = (move->start - at) % HUGE;
    if (before > 0) {
        munmap(area, before);
    }
    if (before < HUGE) {
        munmap(pointer(at + before + move->bytes), HUGE - before);
    }
    move->aside = pointer(at + before);
    return csh_own_madvise(move->aside, move->bytes, MADV_DONTFORK) == 0;
}

/* What was moved away by mremap may be another thread's by now. */
static void unmap_aside(const struct csh_page_move *move, uint64_t gone_from,
                        uint64_t gone_to)
{
    if (move->aside == NULL) {
        return;
    }
    if (gone_from > 0) {
        munmap(move->aside, gone_from);
    }
    if (gone_to < move->bytes) {
        munmap(move->aside + gone_to, move->bytes - gone_to);
    }
}

/* --- the userfaultfd ----------------------------------------------------- */

static int open_userfault(struct csh_page_move *move)
{
    struct csh_uffdio_api api = {CSH_UFFD_API, CSH_UFFD_FEATURE_EVENT_FORK |
                                               CSH_UFFD_FEATURE_MOVE, 0};
    long fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

    if ((fd < 0) || !csh_descriptor_take((int)fd, &move->userfault)) {
        move->userfault.fd = -1;
        return (errno != 0) ? errno : EBADF;
    }

    return (ioctl(move->userfault.fd, CSH_UFFDIO_API, &api) == 0) ? 0 : errno;
}

static int enlist(const struct csh_page_move *move, uint64_t start)
{
    struct csh_uffdio_register request = {{start, move->bytes},
                                          CSH_UFFDIO_MISSING, 0};

    return (ioctl(move->userfault.fd, CSH_UFFDIO_REGISTER, &request) == 0)
                   ? 0
                   : errno;
}

/* Wakes who waits there as well. */
static void delist(const struct csh_page_move *move, uint64_t start)
{
    struct csh_uffdio_range range = {start, move->bytes};

    ioctl(move->userfault.fd, CSH_UFFDIO_UNREGISTER, &range);
}

static void wake(const struct csh_page_move *move)
{
    struct csh_uffdio_range range = {move->start, move->bytes};

    ioctl(move->userfault.fd, CSH_UFFDIO_WAKE, &range);
}

/* Gives a child what is aside; it does not run yet. */
static void fill_child(const struct csh_page_move *move, int child)
{
    struct csh_uffdio_transfer copy;
    uint64_t at     = move->from;
    unsigned waits  = 0;

    while ((at < move->to) && (waits < MOST_WAITS)) {
        memset(&copy, 0, sizeof(copy));
        copy.to    = move->start + at;
        copy.from  = number_of(move->aside) + at;
        copy.bytes = move->to - at;
        if (ioctl(child, CSH_UFFDIO_COPY, &copy) == 0) {
            break;
        }
        if (copy.done > 0) {
            at += (uint64_t)copy.done;
        } else {
            waits++;
            wait_a_moment();
        }
    }
    csh_descriptor_close_number(child);
}

static void serve_forks(const struct csh_page_move *move)
{
    struct csh_uffd_message message;

    while (syscall(SYS_read, move->userfault.fd, &message, sizeof(message)) ==
           (long)sizeof(message)) {
        if (message.event == CSH_UFFD_EVENT_FORK) {
            fill_child(move, (int)message.argument.child);
        }
    }
}

/* Every fork that was under way gets its answer. The request itself is
 * nonsense, and refused for another reason when there is none. */
static void finish_forks(const struct csh_page_move *move)
{
    struct csh_uffdio_continue request;
    unsigned waits;

    for (waits = 0; waits < MOST_WAITS; waits++) {
        serve_forks(move);
        memset(&request, 0, sizeof(request));
        request.start = number_of(move->aside);
        request.bytes = csh_page_bytes();
        if ((ioctl(move->userfault.fd, CSH_UFFDIO_CONTINUE, &request) == 0) ||
            (errno != EAGAIN)) {
            return;
        }
        wait_a_moment();
    }
}

/* --- moving -------------------------------------------------------------- */

static int move_some(const struct csh_page_move *move,
                     struct csh_uffdio_transfer *request)
{
    request->mode |= CSH_UFFDIO_DONTWAKE;
    request->done  = 0;
    return (ioctl(move->userfault.fd, CSH_UFFDIO_MOVE, request) == 0) ? 0
                                                                      : errno;
}

/* Whether the page at an offset is aside now, so far as that can be asked. */
static bool is_aside(const struct csh_page_move *move, uint64_t offset,
                     bool otherwise)
{
    uint64_t page  = (number_of(move->aside) + offset) / csh_page_bytes();
    uint64_t entry = 0;
    long fd        = syscall(SYS_openat, AT_FDCWD, "/proc/self/pagemap",
                             O_RDONLY | O_CLOEXEC, 0);
    bool is_told   = (fd >= 0) &&
                     (syscall(SYS_pread64, fd, &entry, sizeof(entry),
                              (off_t)(page * sizeof(entry))) ==
                      (long)sizeof(entry));

    if (fd >= 0) {
        csh_descriptor_close_number((int)fd);
    }
    return is_told ? (entry & (CSH_PAGEMAP_PRESENT | CSH_PAGEMAP_SWAPPED)) != 0
                   : otherwise;
}

static uint64_t done_of(const struct csh_uffdio_transfer *request)
{
    return (request->done > 0) ? (uint64_t)request->done : 0;
}

static int move_away(struct csh_page_move *move)
{
    struct csh_uffdio_transfer request;
    unsigned waits = 0;
    int error;

    while (move->to < move->bytes) {
        memset(&request, 0, sizeof(request));
        request.to    = number_of(move->aside) + move->to;
        request.from  = move->start + move->to;
        request.bytes = move->bytes - move->to;
        error         = move_some(move, &request);
        move->to     += done_of(&request);
        if ((error == 0) || (done_of(&request) > 0)) {
            continue;
        }
        if (is_aside(move, move->to, error == EEXIST)) {
            move->to += csh_page_bytes();
        } else if ((error != EAGAIN) || (waits++ == MOST_WAITS)) {
            return error;
        } else {
            serve_forks(move);
            wait_a_moment();
        }
    }

    return 0;
}

static bool move_back(struct csh_page_move *move)
{
    struct csh_uffdio_transfer request;
    unsigned waits = 0;
    int error;

    while (move->from < move->to) {
        memset(&request, 0, sizeof(request));
        request.to    = move->start + move->from;
        request.from  = number_of(move->aside) + move->from;
        request.bytes = move->to - move->from;
        request.mode  = CSH_UFFDIO_ALLOW_HOLES;
        error         = move_some(move, &request);
        move->from   += done_of(&request);
        if ((error == 0) || (done_of(&request) > 0)) {
            continue;
        }
        if (!is_aside(move, move->from, error != EEXIST)) {
            move->from += csh_page_bytes();
        } else if ((error != EAGAIN) || (waits++ == MOST_WAITS)) {
            return false;
        } else {
            serve_forks(move);
            wait_a_moment();
        }
    }

    return true;
}

/* Atomic too, but makes a mapping of its own of it. */
static bool remap_back(const struct csh_page_move *move)
{
    uint64_t bytes = move->to - move->from;

    return (csh_own_madvise(move->aside + move->from, bytes, MADV_DOFORK) ==
            0) &&
           (syscall(SYS_mremap, move->aside + move->from, bytes, bytes,
                    MREMAP_MAYMOVE | MREMAP_FIXED,
                    move->start + move->from) != -1);
}

/* The last resort: memory is made where there is none, waits end, and the
 * bytes are stored. */
static void copy_back(struct csh_page_move *move, bool is_replaced)
{
    uint64_t at    = move->start + move->from;
    uint64_t bytes = move->to - move->from;

    if (is_replaced) {
        (void)mmap(pointer(at), bytes, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    }
    delist(move, move->start);
    csh_descriptor_close(&move->userfault);
    memcpy(pointer(at), move->aside + move->from, bytes);
}

/* --- the whole ----------------------------------------------------------- */

static void end(struct csh_page_move *move, uint64_t gone_from,
                uint64_t gone_to)
{
    unmap_aside(move, gone_from, gone_to);
    csh_descriptor_close(&move->userfault);
    unblock_signals(&move->blocked_signals);
}

void csh_page_move_finish(struct csh_page_move *move)
{
    wake(move);
    finish_forks(move);
    end(move, 0, 0);
}

bool csh_page_move_restore(struct csh_page_move *move, bool is_replaced)
{
    uint64_t gone_from = 0, gone_to = 0;
    bool is_right      = true;

    if (is_replaced || !move_back(move)) {
        finish_forks(move); /* while what the children lack is here */
        if (remap_back(move)) {
            gone_from  = move->from;
            gone_to    = move->to;
            move->from = move->to;
        } else {
            copy_back(move, is_replaced);
            is_right = false;
        }
    }
    delist(move, move->start);
    wake(move);
    finish_forks(move);
    end(move, gone_from, gone_to);
    return is_right;
}

int csh_page_move_begin(struct csh_page_move *move_p, uint64_t start,
                        uint64_t bytes)
{
    int error;

    memset(move_p, 0, sizeof(*move_p));
    move_p->start = start;
    move_p->bytes = bytes;
    block_signals(&move_p->blocked_signals);
    errno = 0;
    error = open_userfault(move_p);
    if (error == 0) {
        error = map_aside(move_p) ? enlist(move_p, number_of(move_p->aside))
                                  : ENOMEM;
    }
    if (error == 0) {
        error = enlist(move_p, start);
    }
    if (error != 0) {
        end(move_p, 0, 0);
        return error;
    }

    error = move_away(move_p);
    delist(move_p, number_of(move_p->aside));
    if ((error != 0) && !csh_page_move_restore(move_p, false)) {
        error = EIO;
    }
    return error;
}

int csh_page_move_probe(void)
{
    size_t page = csh_page_bytes();
    unsigned char *bytes = mmap(NULL, page, PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct csh_page_move move;
    int error;

    if (bytes == MAP_FAILED) {
        return ENOMEM;
    }

    bytes[0] = 1;
    error    = csh_page_move_begin(&move, number_of(bytes), page);
    if (error == 0) {
        error = csh_page_move_restore(&move, false) ? 0 : EIO;
    }
    munmap(bytes, page);
    return error;
}
