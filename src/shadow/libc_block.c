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
 *
 * A head in the page of the block's first byte is read by a load: the program
 * has just named that byte to be written to, so the page is there. One in any
 * other page is read by process_vm_readv(), 2 us: what lies there may be
 * somebody else's, who unmaps it meanwhile.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* dladdr, process_vm_readv */
#endif
#include "shadow/libc_block.h"

#include <dlfcn.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
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
    struct csh_page_view *view;
    csh_vma_test_fn *test;
    void *opaque;
};

static bool passes(const struct span *span, uint64_t start,
                   uint64_t end)
{
    struct csh_vma vma;
    uint64_t to;

    for (; start < end; start = to) {
        if ((csh_page_view_find_vma(span->view, start, &vma) !=
             CSH_PAGES_FOUND) || !span->test(&vma, start, &to, span->opaque)) {
            return false;
        }
    }

    return true;
}

/* Two heads, the second of them where the first mostly leads to. Where the
 * kernel copies, what cannot be read is an error, not a signal. */
static bool read_heads(uint64_t address, uint64_t other, uint64_t start,
                       struct head heads[2])
{
    const size_t bytes   = sizeof(heads[0]);
    uint64_t page        = csh_page_bytes();
    struct iovec to      = {heads, 2 * bytes};
    struct iovec from[2] = {{(void *)(uintptr_t)address, bytes},
                            {(void *)(uintptr_t)other, bytes}};

    if ((address / page == start / page) && (other / page == start / page)) {
        memcpy(&heads[0], from[0].iov_base, bytes);
        memcpy(&heads[1], from[1].iov_base, bytes);
        return true;
    }

    /* All of them long: of an int on the stack half is whatever was there. */
    return syscall(SYS_process_vm_readv, (long)getpid(), &to, 1L, from, 2L,
                   0L) == (long)(2 * bytes);
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

bool csh_libc_block_holds(struct csh_page_view *view, uint64_t start,
                          uint64_t bytes, csh_vma_test_fn *test, void *opaque)
{
    const struct span span = {view, test, opaque};
    uint64_t at            = start - sizeof(struct head);
    uint64_t first         = at - at % csh_page_bytes();
    struct head heads[2]; /* before the block, and the mapping's */
    uint64_t end;

    if ((start % sizeof(struct head) != 0) || (start < csh_page_bytes()) ||
        !passes(&span, first, start) ||
        !read_heads(at, first, start, heads) ||
        !is_plausible(at, &heads[0], bytes + sizeof(struct head))) {
        return false;
    }

    end = at + (heads[0].size & ~FLAGS);
    if (!passes(&span, at - heads[0].before, end)) {
        return false;
    }
    if (first != at - heads[0].before) {
        first = at - heads[0].before;
        if (!read_heads(at, first, start, heads)) {
            return false;
        }
    }

    /* realloc() writes the new size into the second head only. */
    return (at == first) ||
           ((heads[1].before == 0) &&
            ((heads[1].size & FLAGS) == IS_MMAPPED) &&
            ((heads[1].size & ~FLAGS) % csh_page_bytes() == 0));
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
