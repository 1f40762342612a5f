/*
 * libc_block.c - reads the heads that glibc's malloc puts before blocks.
 *
 * Owns nothing. Threads: any. The block must stay allocated meanwhile: it is
 * the destination of a copy that the program is in.
 *
 * A program's own data can look like a head, in a heap or in a mapping of its
 * own. What remains possible then is asked for in one piece: a distance and a
 * size that lead to page bounds, both heads where there are two, and nothing
 * but private anonymous memory from end to end.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* dladdr, process_vm_readv */
#endif
#include "shadow/libc_block.h"

#include <dlfcn.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/compiler.h"
#include "shadow/chunk.h"

#define IS_MMAPPED ((size_t)2)
#define FLAGS ((size_t)7)

struct head {
    size_t before; /* bytes of the mapping before this head */
    size_t size;   /* from this head to the end, and flags */
};

struct span {
    const struct csh_page_state *state;
    csh_vma_test_fn *test;
    void *opaque;
};

static bool passes(const struct span *span, uint64_t start,
                   uint64_t end)
{
    struct csh_vma vma;
    uint64_t to;

    for (; start < end; start = to) {
        if ((csh_page_state_find_vma(span->state, start, &vma) !=
             CSH_PAGES_FOUND) || !span->test(&vma, start, &to, span->opaque)) {
            return false;
        }
    }

    return true;
}

/* The kernel copies: what cannot be read is an error, not a signal. */
static bool read_head(uint64_t address, struct head *head_p)
{
    struct iovec to   = {head_p, sizeof(*head_p)};
    struct iovec from = {(void *)(uintptr_t)address, sizeof(*head_p)};

    return syscall(SYS_process_vm_readv, getpid(), &to, 1, &from, 1, 0) ==
           (long)sizeof(*head_p);
}

static bool is_plausible(uint64_t address, const struct head *head,
                         uint64_t least_bytes)
{
    size_t page = csh_page_bytes();
    size_t size = head->size & ~FLAGS;

    return ((head->size & FLAGS) == IS_MMAPPED) &&
           (head->before <= address) && (head->before < SIZE_MAX / 2) &&
           (size < SIZE_MAX / 2) && (size >= least_bytes) &&
           ((address - head->before) % page == 0) &&
           ((head->before + size) % page == 0) &&
           (address + size > address);
}

bool csh_libc_block_holds(const struct csh_page_state *state, uint64_t start,
                          uint64_t bytes, csh_vma_test_fn *test, void *opaque)
{
    const struct span span = {state, test, opaque};
    uint64_t at                     = start - sizeof(struct head);
    struct head head, first;
    uint64_t end;

    if ((start % sizeof(struct head) != 0) || (start < csh_page_bytes()) ||
        !passes(&span, at, start) || !read_head(at, &head) ||
        !is_plausible(at, &head, bytes + sizeof(struct head))) {
        return false;
    }

    end = at + (head.size & ~FLAGS);
    at -= head.before;
    if (!passes(&span, at, end)) {
        return false;
    }

    /* realloc() writes the new size into the second head only. */
    return (head.before == 0) ||
           (read_head(at, &first) && (first.before == 0) &&
            ((first.size & FLAGS) == IS_MMAPPED) &&
            ((first.size & ~FLAGS) % csh_page_bytes() == 0));
}

/* There under glibc alone. */
extern const char *gnu_get_libc_version(void) CSH_WEAK;

static const void *object_of(const void *address)
{
    Dl_info info;

    return (dladdr(address, &info) != 0) ? info.dli_fbase : NULL;
}

bool csh_libc_owns_malloc(void)
{
    union {
        const char *(*version)(void);
        void *(*allocate)(size_t bytes);
        void *(*resize)(void *block, size_t bytes);
        void (*release)(void *block);
        const void *address;
    } libc = {gnu_get_libc_version}, allocate, resize, release;

    if (libc.address == NULL) {
        return false;
    }

    allocate.allocate = malloc;
    resize.resize     = realloc;
    release.release   = free;
    libc.address      = object_of(libc.address);
    return (libc.address != NULL) &&
           (object_of(allocate.address) == libc.address) &&
           (object_of(resize.address) == libc.address) &&
           (object_of(release.address) == libc.address);
}
