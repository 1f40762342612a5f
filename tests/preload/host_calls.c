/*
 * host_calls.c - a program without CUDA that makes every call of libc which
 * the shim exports, well and badly, and prints what came of it; from main,
 * from a signal handler and from a constructor. It shall say the same with
 * and without the shim, under each C library.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static size_t page;

static void print(const char *what, long value)
{
    printf("%s: %ld, errno %d\n", what, value, errno);
    errno = 7;
}

static void call_kernel(const char *where)
{
    char *pages = mmap(NULL, 8 * page, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *other = mmap(NULL, 8 * page, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    printf("%s\n", where);
    memset(pages, 1, 8 * page);
    errno = 7;
    print("DONTNEED", madvise(pages, page, MADV_DONTNEED));
    print("its byte", pages[0]);
    print("FREE", madvise(pages, page, MADV_FREE));
    print("misaligned", madvise(pages + 1, page, MADV_DONTNEED));
    print("unknown advice", madvise(pages, page, 12345));
    print("DONTFORK", madvise(pages, page, MADV_DONTFORK));
    print("WIPEONFORK", madvise(pages, page, 18));
    print("mlock", mlock(pages, page));
    print("mlock of nothing", mlock((void *)16, page));
    print("mlockall", mlockall(0));
    print("mprotect", mprotect(pages, page, PROT_READ));
    print("executable", mprotect(pages, page, PROT_READ | PROT_EXEC));
    print("misaligned", mprotect(pages + 1, page, PROT_READ));
    other = mremap(other, 8 * page, 16 * page, MREMAP_MAYMOVE);
    print("mremap", other == MAP_FAILED);
    other[page] = 3;
    print("smaller", mremap(other, 16 * page, 2 * page, 0) == other);
    print("its byte", other[page]);
    print("misaligned", mremap(other + 1, page, page, 0) == MAP_FAILED);
    print("of two kinds", mremap(pages, 8 * page, 16 * page,
                                 MREMAP_MAYMOVE) == MAP_FAILED);
}

/* A size that is never a weight's, and one of which nobody knows yet. */
static void call_allocator(size_t bytes)
{
    void *block = NULL;

    print("posix_memalign", posix_memalign(&block, 64, bytes));
    print("its place", (long)((uintptr_t)block % 64));
    block = realloc(block, 3 * bytes);
    print("its size", malloc_usable_size(block) >= 3 * bytes);
    free(block);
    print("alignment of 3", posix_memalign(&block, 3, bytes));
    print("alignment of 4", posix_memalign(&block, 4, bytes));
    print("too much", posix_memalign(&block, 64, SIZE_MAX / 2));
    block = aligned_alloc(64, bytes);
    print("aligned_alloc", (long)((uintptr_t)block % 64));
    free(block);
    block = memalign(256, bytes);
    print("memalign", (long)((uintptr_t)block % 256));
    free(block);
    print("too much", aligned_alloc(64, SIZE_MAX / 2) == NULL);
}

static void handler(int signal)
{
    (void)signal;
    call_kernel("in a signal handler");
}

__attribute__((constructor)) static void early(void)
{
    page = (size_t)sysconf(_SC_PAGESIZE);
    call_kernel("before main");
    call_allocator(1 << 20);
}

int main(void)
{
    call_kernel("in main");
    call_allocator(100);
    call_allocator(1 << 20);
    signal(SIGUSR1, handler);
    raise(SIGUSR1);
    return 5;
}
