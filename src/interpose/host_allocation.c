/*
 * host_allocation.c - the exported allocators of aligned memory: the placer
 * may have a big request, all others are the program's allocator's.
 *
 * That is the next definition after the shim's, looked up by the constructor
 * or at the first call, if that comes earlier. malloc and its like are left
 * alone: what torch, XLA and ggml copy weights into comes from these, and an
 * interposed malloc would be in the way of every allocation of the process.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>

#include "base/compiler.h"
#include "base/host_placer.h"
#include "driver/driver.h"
#include "driver/host_surface.h"

#define CSH_X(symbol_, result_, parameters_, ...)                             \
    extern CSH_EXPORT result_ symbol_ parameters_;                            \
    typedef result_ csh_host_##symbol_ parameters_;
CSH_HOST_ALLOCATORS(CSH_X)
#undef CSH_X

/* csh_next_<symbol>(): the program's allocator's, or NULL. */
#define CSH_X(symbol_, ...)                                                   \
    static _Atomic(csh_host_##symbol_ *) symbol_##_found;                     \
                                                                              \
    static CSH_COLD csh_host_##symbol_ *csh_find_##symbol_(void)              \
    {                                                                         \
        int saved_errno = errno;                                              \
        csh_host_##symbol_ *found =                                           \
            (csh_host_##symbol_ *)csh_driver_dlsym()(RTLD_NEXT, #symbol_);    \
                                                                              \
        atomic_store(&symbol_##_found, found);                                \
        errno = saved_errno;                                                  \
        return found;                                                         \
    }                                                                         \
                                                                              \
    static inline csh_host_##symbol_ *csh_next_##symbol_(void)                \
    {                                                                         \
        csh_host_##symbol_ *found = atomic_load_explicit(                     \
            &symbol_##_found, memory_order_acquire);                          \
                                                                              \
        return CSH_LIKELY(found != NULL) ? found : csh_find_##symbol_();      \
    }
CSH_HOST_ALLOCATORS(CSH_X)
#undef CSH_X

__attribute__((constructor)) static void find_allocators(void)
{
#define CSH_X(symbol_, ...) (void)csh_find_##symbol_();
    CSH_HOST_ALLOCATORS(CSH_X)
#undef CSH_X
}

static inline void *place(size_t alignment, size_t bytes)
{
    csh_host_placer *placer;

    if (CSH_LIKELY(bytes < CSH_PLACED_LEAST)) {
        return NULL;
    }
    placer = atomic_load_explicit(&csh_host_placer_set, memory_order_acquire);
    return placer == NULL ? NULL : placer(alignment, bytes);
}

int posix_memalign(void **block_p, size_t alignment, size_t bytes)
{
    csh_host_posix_memalign *next;
    void *block;

    /* Other alignments are errors (posix_memalign(3)). */
    block = alignment % sizeof(void *) == 0 ? place(alignment, bytes) : NULL;
    if (block != NULL) {
        *block_p = block;
        return 0;
    }
    next = csh_next_posix_memalign();
    return next == NULL ? ENOMEM : next(block_p, alignment, bytes);
}

void *aligned_alloc(size_t alignment, size_t bytes)
{
    csh_host_aligned_alloc *next;
    void *block = place(alignment, bytes);

    if (block == NULL) {
        next = csh_next_aligned_alloc();
        block = next == NULL ? NULL : next(alignment, bytes);
    }
    return block;
}

void *memalign(size_t alignment, size_t bytes)
{
    csh_host_memalign *next;
    void *block = place(alignment, bytes);

    if (block == NULL) {
        next = csh_next_memalign();
        block = next == NULL ? NULL : next(alignment, bytes);
    }
    return block;
}
