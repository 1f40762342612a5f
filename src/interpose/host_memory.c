/*
 * host_memory.c - the exported calls that treat an alias otherwise than the
 * program's own memory: tell base/host_changes.h, then call the real one.
 *
 * The real one is the next definition after the shim's, found by the
 * constructor: dlsym may take a lock that a caller inside an allocator must
 * not wait for. Whoever calls before that, or where nobody defines the symbol
 * (mbind is libnuma's), gets the system call, which is all that libc's
 * functions are. Written once, read by any thread; the wrappers are as safe
 * in a signal handler as the system calls.
 */
#include "driver/host_surface.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/compiler.h"
#include "base/host_changes.h"
#include "driver/driver.h"

/* asm-generic numbers, for headers older than the calls. */
#ifndef SYS_process_madvise
#define SYS_process_madvise 440
#endif

#define CSH_X(symbol_, result_, parameters_, ...)                             \
    extern CSH_EXPORT result_ symbol_ parameters_;                            \
    typedef result_ csh_host_##symbol_ parameters_;
CSH_HOST_SURFACE(CSH_X)
#undef CSH_X
extern CSH_EXPORT void *mremap(void *start, size_t bytes, size_t new_bytes,
                               int flags, ...);
typedef void *csh_host_mremap(void *start, size_t bytes, size_t new_bytes,
                              int flags, ...);

static struct {
#define CSH_X(symbol_, ...) _Atomic(csh_host_##symbol_ *) symbol_;
    CSH_HOST_SURFACE(CSH_X)
    CSH_HOST_SYMBOLS(CSH_X)
#undef CSH_X
} next;

/* csh_next_<symbol>(arguments) */
#define CSH_X(symbol_, result_, parameters_, arguments_, number_)             \
    static inline result_ csh_next_##symbol_ parameters_                      \
    {                                                                         \
        csh_host_##symbol_ *real =                                            \
            atomic_load_explicit(&next.symbol_, memory_order_relaxed);        \
                                                                              \
        return CSH_LIKELY(real != NULL)                                       \
                   ? real arguments_                                          \
                   : (result_)CSH_SYSCALL(number_, CSH_UNWRAP arguments_);    \
    }
#define CSH_UNWRAP(...) __VA_ARGS__
#define CSH_SYSCALL(...) syscall(__VA_ARGS__)
CSH_HOST_SURFACE(CSH_X)
#undef CSH_X

/* A failed look-up leaves a message behind that the program's next dlerror
 * would get. */
__attribute__((constructor)) static void find_next(void)
{
    csh_dlsym_function *find = csh_driver_dlsym();
    int saved_errno = errno;

#define CSH_X(symbol_, ...)                                                   \
    atomic_store(&next.symbol_,                                               \
                 (csh_host_##symbol_ *)find(RTLD_NEXT, #symbol_));
    CSH_HOST_SURFACE(CSH_X)
    CSH_HOST_SYMBOLS(CSH_X)
#undef CSH_X
    (void)dlerror();
    errno = saved_errno;
}

int madvise(void *start, size_t bytes, int advice)
{
    int result;

    csh_host_advising((uintptr_t)start, bytes, advice);
    result = csh_next_madvise(start, bytes, advice);
    if (result == 0) {
        csh_host_advised((uintptr_t)start, bytes, advice);
    }
    return result;
}

/* A list that cannot be read is the kernel's to refuse: it is read by a call
 * that fails where a load would crash, unless that call is forbidden. */
static bool read_range(const struct iovec *range, struct iovec *range_p)
{
    struct iovec to = {range_p, sizeof(*range_p)};
    struct iovec from = {(void *)(uintptr_t)range, sizeof(*range)};
    int saved_errno = errno;
    bool is_read = process_vm_readv(getpid(), &to, 1, &from, 1, 0) ==
                   (ssize_t)sizeof(*range_p);

    if (!is_read && errno != EFAULT) {
        *range_p = *range;
        is_read = true;
    }
    errno = saved_errno;
    return is_read;
}

/* The ranges may be another process's, where the same addresses mean other
 * memory: nothing of this one may lose its bytes for that. The kernel refuses
 * more than IOV_MAX (1024) of them. */
ssize_t process_madvise(int process, const struct iovec *ranges, size_t n,
                        int advice, unsigned int flags)
{
    enum csh_host_change change = csh_host_advice(advice);
    struct iovec range = {0};
    size_t i;

    if (change == CSH_CHANGE_DISCARD) {
        change = CSH_CHANGE_RETYPE;
    }
    for (i = 0; change != CSH_CHANGE_NONE && i < n && i < 1024 &&
                read_range(&ranges[i], &range);
         i++) {
        csh_host_changing((uintptr_t)range.iov_base, range.iov_len, change);
    }
    return csh_next_process_madvise(process, ranges, n, advice, flags);
}

int mlock(const void *start, size_t bytes)
{
    csh_host_changing((uintptr_t)start, bytes, CSH_CHANGE_MARK);
    return csh_next_mlock(start, bytes);
}

int mlock2(const void *start, size_t bytes, unsigned int flags)
{
    csh_host_changing((uintptr_t)start, bytes, CSH_CHANGE_MARK);
    return csh_next_mlock2(start, bytes, flags);
}

int mlockall(int flags)
{
    csh_host_changing(0, SIZE_MAX, CSH_CHANGE_MARK);
    return csh_next_mlockall(flags);
}

int mprotect(void *start, size_t bytes, int protection)
{
    if (CSH_UNLIKELY((protection & ~(PROT_READ | PROT_WRITE)) != 0)) {
        csh_host_changing((uintptr_t)start, bytes, CSH_CHANGE_RETYPE);
    }
    return csh_next_mprotect(start, bytes, protection);
}

int pkey_mprotect(void *start, size_t bytes, int protection, int key)
{
    if (key != -1) { /* -1: is mprotect (pkey_mprotect(2)) */
        csh_host_changing((uintptr_t)start, bytes, CSH_CHANGE_RETYPE_AND_MARK);
    } else if ((protection & ~(PROT_READ | PROT_WRITE)) != 0) {
        csh_host_changing((uintptr_t)start, bytes, CSH_CHANGE_RETYPE);
    }
    return csh_next_pkey_mprotect(start, bytes, protection, key);
}

long mbind(void *start, unsigned long bytes, int mode,
           const unsigned long *nodes, unsigned long max_node,
           unsigned int flags)
{
    csh_host_changing((uintptr_t)start, bytes, CSH_CHANGE_OWN_AND_MARK);
    return csh_next_mbind(start, bytes, mode, nodes, max_node, flags);
}

void *mremap(void *start, size_t bytes, size_t new_bytes, int flags, ...)
{
    csh_host_mremap *real = atomic_load(&next.mremap);
    void *target = NULL;
    va_list arguments;

    if ((flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) != 0) {
        va_start(arguments, flags);
        target = va_arg(arguments, void *);
        va_end(arguments);
    }
    csh_host_changing((uintptr_t)start, bytes, CSH_CHANGE_RETYPE);
    return real != NULL ? real(start, bytes, new_bytes, flags, target)
                        : (void *)syscall(SYS_mremap, start, bytes, new_bytes,
                                          flags, target);
}
