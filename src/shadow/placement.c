/*
 * placement.c - sizes that are expected, and blocks of those sizes.
 *
 * glibc maps a big block by itself only while nothing on its heap is big
 * enough for it and the block exceeds a threshold that follows what was freed,
 * up to 32 MiB (mallopt(3), M_MMAP_THRESHOLD). So a block is asked for with 33
 * MiB too many, or with more than all the holes of the heap where those are
 * larger, and given the rest back by realloc, which cuts a mapped block in
 * place. It begins at a page if its size is whole pages, so that an offload has
 * no edges to copy: into one of them glibc has written its header, and to touch
 * the other, fresh, costs a page fault. What comes out is a block that glibc
 * mapped, in glibc's books, made by public functions; the program's free,
 * realloc and malloc_usable_size, by whatever route they come, meet nothing
 * new.
 *
 * Owns the table of expected sizes. A size gets into it when the program moves
 * a weight of that size, and never out; each offload allows AHEAD more blocks
 * of it, so that a program whose other buffers have a weight's size by accident
 * pays for that many fresh mappings and no more. An upload allows none after
 * the first: who sends its inputs from fresh blocks, and never gets them back,
 * would pay for ever. Slots are claimed and
 * counted by compare-and-swap; no locks; any thread.
 */
#include "shadow/placement.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/resource.h>

#include "base/host_changes.h"
#include "base/text_file.h"
#include "shadow/chunk.h"

enum { N_SLOTS = 1024, N_PROBES = 16, AHEAD = 256 };

static struct slot {
    _Atomic size_t bytes;      /* 0: free */
    _Atomic unsigned n_asked; /* since a weight of this size was moved */
} slots[N_SLOTS];

#define LEAST_EXCESS ((size_t)33 << 20)
enum { N_TRUSTED = 256, N_FAILURES = 16 };

/* What has worked last; tried anew from the least one every N_TRUSTED blocks,
 * because address space between the blocks costs page tables. */
static _Atomic size_t excess = LEAST_EXCESS;
static _Atomic unsigned n_made, n_refused;

static struct csh_placement_libc libc;
static atomic_bool is_started;

/* Where the bytes are, or a free slot, or NULL if all that may be are taken
 * by others. */
static struct slot *find_slot(size_t bytes)
{
    size_t i = (size_t)(((uint64_t)bytes * UINT64_C(0x9e3779b97f4a7c15)) >>
                        (64 - 10));
    unsigned n;

    for (n = 0; n < N_PROBES; n++, i = (i + 1) % N_SLOTS) {
        size_t seen = atomic_load_explicit(&slots[i].bytes,
                                           memory_order_relaxed);

        if (seen == bytes || seen == 0) {
            return &slots[i];
        }
    }
    return NULL;
}

static void note(size_t bytes, bool renews)
{
    struct slot *slot = bytes == 0 ? NULL : find_slot(bytes);
    size_t empty = 0;

    while (slot != NULL &&
           !atomic_compare_exchange_strong(&slot->bytes, &empty, bytes)) {
        if (empty == bytes) {
            if (renews) {
                atomic_store_explicit(&slot->n_asked, 0,
                                      memory_order_relaxed);
            }
            return;
        }
        empty = 0;
        slot = find_slot(bytes);
    }
}

void csh_placement_expect(size_t bytes)
{
    note(bytes, true);
}

void csh_placement_uploaded(size_t bytes)
{
    note(bytes, false);
}

static bool is_expected(size_t bytes)
{
    struct slot *slot = bytes == 0 ? NULL : find_slot(bytes);

    return slot != NULL &&
           atomic_load_explicit(&slot->bytes, memory_order_relaxed) ==
               bytes &&
           atomic_load_explicit(&slot->n_asked, memory_order_relaxed) <
               AHEAD &&
           atomic_fetch_add_explicit(&slot->n_asked, 1,
                                     memory_order_relaxed) < AHEAD;
}

/* The word before a block of glibc: its size, and in bit 1 that it is a
 * mapping of its own (malloc/malloc.c, IS_MMAPPED). */
static bool is_mapped(const void *block)
{
    return (((const size_t *)block)[-1] & 2) != 0;
}

static size_t alignment_of(size_t bytes)
{
    return bytes % csh_page_bytes() == 0 ? csh_page_bytes()
                                         : CSH_PLACEMENT_PHASE;
}

size_t csh_placement_phase(size_t bytes)
{
    return atomic_load_explicit(&is_started, memory_order_relaxed)
               ? alignment_of(bytes) % csh_page_bytes()
               : CSH_PLACEMENT_PHASE;
}

/* NULL: refused, or not mapped with that excess. */
static void *allocate_with(size_t bytes, size_t more)
{
    void *block = NULL, *cut;

    if (bytes > SIZE_MAX - more ||
        libc.posix_memalign(&block, alignment_of(bytes), bytes + more) != 0) {
        return NULL;
    }
    if (!is_mapped(block)) {
        libc.free(block);
        return NULL;
    }
    cut = libc.realloc(block, bytes);
    /* Neither happens: to cut a mapping needs no memory, and moves nothing. */
    if (cut == NULL) {
        return block;
    }
    if (cut != block) {
        libc.free(cut);
        return NULL;
    }
    return cut;
}

/* No hole is larger than all that is free. That is asked for only when a hole
 * was met: libc looks through its whole heap for it. */
static void *allocate_past_holes(size_t bytes, size_t tried)
{
    size_t more = libc.mallinfo2().fordblks + LEAST_EXCESS;
    void *block = more <= tried ? NULL : allocate_with(bytes, more);

    if (block != NULL) {
        atomic_store_explicit(&excess, more, memory_order_relaxed);
    }
    return block;
}

/* Where it does not work, it is not tried for ever. */
static void *allocate(size_t bytes)
{
    size_t more = atomic_load_explicit(&excess, memory_order_relaxed);
    void *block;

    if (atomic_fetch_add_explicit(&n_made, 1, memory_order_relaxed) %
            N_TRUSTED == 0) {
        atomic_store_explicit(&excess, more = LEAST_EXCESS,
                              memory_order_relaxed);
    }
    block = allocate_with(bytes, more);
    if (block == NULL) {
        block = allocate_past_holes(bytes, more);
    }
    if (block != NULL) {
        atomic_store_explicit(&n_refused, 0, memory_order_relaxed);
    } else if (atomic_fetch_add_explicit(&n_refused, 1,
                                         memory_order_relaxed) + 1 ==
               N_FAILURES) {
        atomic_store(&is_started, false);
    }
    return block;
}

void *csh_placement_allocate(size_t alignment, size_t bytes)
{
    int saved_errno = errno;
    void *block = NULL;

    if (alignment <= CSH_PLACEMENT_PHASE && alignment != 0 &&
        (alignment & (alignment - 1)) == 0 &&
        atomic_load_explicit(&is_started, memory_order_acquire) &&
        is_expected(bytes) &&
        /* Every new mapping is populated after mlockall: see there. */
        !csh_host_is_marked(0, 1)) {
        block = allocate(bytes);
    }
    errno = saved_errno;
    return block;
}

static bool is_unlimited(int resource)
{
    struct rlimit limit;

    return getrlimit(resource, &limit) == 0 &&
           limit.rlim_cur == RLIM_INFINITY;
}

/* Mode 2 of proc(5): a mapping counts before it is touched. Where it cannot be
 * read it is taken for the default. */
static bool is_overcommitted(const char *proc)
{
    uint64_t mode;
    char text[32];

    return !csh_text_read(proc, "sys/vm/overcommit_memory", text,
                          sizeof(text)) ||
           !csh_text_number(text, &mode, NULL) || mode != 2;
}

/* The excess exists for some microseconds, as address space only; but where
 * that is limited, or charged to the whole machine, another allocation may
 * fail for it, in this process or in any. */
static bool has_room(const char *proc)
{
    return is_unlimited(RLIMIT_AS) && is_unlimited(RLIMIT_DATA) &&
           is_overcommitted(proc);
}

static bool trial_succeeds(size_t bytes)
{
    size_t page = csh_page_bytes();
    void *block = allocate(bytes);
    bool is_good;

    if (block == NULL) {
        return false;
    }
    is_good = (uintptr_t)block % page == alignment_of(bytes) % page &&
              libc.malloc_usable_size(block) >= bytes &&
              libc.malloc_usable_size(block) < bytes + 2 * page;
    libc.free(block);
    return is_good;
}

bool csh_placement_start(const struct csh_placement_libc *functions,
                         const char *proc)
{
    int saved_errno = errno;
    bool is_good;

    libc = *functions;
    is_good = has_room(proc) && trial_succeeds(16 * csh_page_bytes()) &&
              trial_succeeds(16 * csh_page_bytes() + 1);
    errno = saved_errno;
    atomic_store(&is_started, is_good);
    return is_good;
}
