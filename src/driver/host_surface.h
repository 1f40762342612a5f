/*
 * host_surface.h - the symbols of libc that the shim exports besides dlsym.
 *
 * X(symbol, result, parameters, arguments, system call that does the same).
 * The real slots, their look-up, the export list and its test come from here.
 * Why each is needed: base/host_changes.h; the allocators: base/host_placer.h.
 */
#ifndef CSH_DRIVER_HOST_SURFACE_H
#define CSH_DRIVER_HOST_SURFACE_H

#define CSH_HOST_SURFACE(X)                                                   \
    X(madvise, int, (void *start, size_t bytes, int advice),                  \
      (start, bytes, advice), SYS_madvise)                                    \
    X(process_madvise, ssize_t,                                               \
      (int process, const struct iovec *ranges, size_t n, int advice,         \
       unsigned int flags),                                                   \
      (process, ranges, n, advice, flags), SYS_process_madvise)               \
    X(mlock, int, (const void *start, size_t bytes), (start, bytes),          \
      SYS_mlock)                                                              \
    X(mlock2, int, (const void *start, size_t bytes, unsigned int flags),     \
      (start, bytes, flags), SYS_mlock2)                                      \
    X(mlockall, int, (int flags), (flags), SYS_mlockall)                      \
    X(mprotect, int, (void *start, size_t bytes, int protection),             \
      (start, bytes, protection), SYS_mprotect)                               \
    X(pkey_mprotect, int,                                                     \
      (void *start, size_t bytes, int protection, int key),                   \
      (start, bytes, protection, key), SYS_pkey_mprotect)                     \
    X(mbind, long,                                                            \
      (void *start, unsigned long bytes, int mode,                            \
       const unsigned long *nodes, unsigned long max_node,                    \
       unsigned int flags),                                                   \
      (start, bytes, mode, nodes, max_node, flags), SYS_mbind)

#define CSH_HOST_ALLOCATORS(X)                                                \
    X(posix_memalign, int,                                                    \
      (void **block_p, size_t alignment, size_t bytes))                       \
    X(aligned_alloc, void *, (size_t alignment, size_t bytes))                \
    X(memalign, void *, (size_t alignment, size_t bytes))

/* mremap ends in a variable argument, and is written out. */
#define CSH_HOST_SYMBOLS(X) X(mremap)

#endif
