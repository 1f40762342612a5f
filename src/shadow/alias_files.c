/*
 * alias_files.c - finds aliases by what the kernel says, without records.
 *
 * Owns the list of files: it only grows, an entry is written before the count
 * that makes it visible. Files of the shim are unlinked from birth, so only a
 * mapping that came from the shim, or was inherited from one, can be of them;
 * inode numbers of memory files are given out in turn, 2^32 before one comes
 * again.
 *
 * Threads: the list is added to under no lock by csh_alias_materialise(), so
 * the slot is taken by an atomic count. Readers take nothing.
 *
 * Can fail: where mappings cannot be told (not even from the text), or memory
 * is short, the range stays as it is, and the program's call does to it what
 * it does to a mapped file. What that discards is filled with zeros then.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* mremap flags */
#endif
#include "shadow/alias_files.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "shadow/vma_marks.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif

/* Of 64 MiB to 1 GiB each, as many as are retired and still mapped. */
#define MOST_FILES 1024u
/* Copied at once, so that little memory is needed besides. */
#define STEP ((uint64_t)16 << 20)

static struct {
    _Atomic(const struct csh_page_state *) state;
    _Atomic unsigned n_taken;
    struct {
        _Atomic uint64_t device, inode; /* inode 0: not yet */
    } files[MOST_FILES];
} aliased;

static unsigned count_files(void)
{
    unsigned n = atomic_load(&aliased.n_taken);

    return (n < MOST_FILES) ? n : MOST_FILES;
}

static bool has_file(uint64_t device, uint64_t inode)
{
    unsigned i, n = count_files();

    for (i = 0; i < n; i++) {
        if ((atomic_load(&aliased.files[i].inode) == inode) &&
            (atomic_load(&aliased.files[i].device) == device)) {
            return true;
        }
    }

    return false;
}

bool csh_alias_files_add(const struct csh_page_state *state, dev_t device,
                         ino_t inode)
{
    const struct csh_page_state *before = NULL;
    unsigned i;

    if (!atomic_compare_exchange_strong(&aliased.state, &before, state) &&
        (before != state)) {
        return false;
    }
    if (!has_file(device, inode)) {
        i = atomic_fetch_add(&aliased.n_taken, 1);
        if (i >= MOST_FILES) {
            atomic_store(&aliased.n_taken, MOST_FILES);
            return false;
        }
        atomic_store(&aliased.files[i].device, device);
        atomic_store(&aliased.files[i].inode, inode);
    }

    csh_host_watch(csh_alias_files_turn_back);
    return true;
}

void csh_alias_files_forget(void)
{
    unsigned i;

    csh_host_watch(NULL);
    atomic_store(&aliased.n_taken, 0);
    for (i = 0; i < MOST_FILES; i++) {
        atomic_store(&aliased.files[i].inode, 0);
    }
    atomic_store(&aliased.state, NULL);
}

bool csh_alias_files_hold(const struct csh_vma *vma)
{
    return ((vma->flags & CSH_VMA_SHARED) == 0) && (vma->inode != 0) &&
           has_file(vma->device, vma->inode);
}

static int protection_of(const struct csh_vma *vma)
{
    return (((vma->flags & CSH_VMA_READABLE) != 0) ? PROT_READ : 0) |
           (((vma->flags & CSH_VMA_WRITABLE) != 0) ? PROT_WRITE : 0) |
           (((vma->flags & CSH_VMA_EXECUTABLE) != 0) ? PROT_EXEC : 0);
}

static bool discard(uint64_t start, uint64_t end, int protection)
{
    return mmap((void *)(uintptr_t)start, end - start, protection,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED;
}

/* Where there is no mapping more to be had. */
static void empty(uint64_t start, uint64_t end, int protection)
{
    void *memory = (void *)(uintptr_t)start;
    int writable = protection | PROT_READ | PROT_WRITE;

    if ((protection != writable) &&
        (syscall(SYS_mprotect, start, end - start, writable) != 0)) {
        return;
    }
    memset(memory, 0, end - start);
    if (protection != writable) {
        (void)syscall(SYS_mprotect, start, end - start, protection);
    }
}

/* A copy is made aside and moved over it, so that whoever reads meanwhile
 * sees the same bytes throughout. Bare calls: the shim exports these. */
static bool retype_step(uint64_t start, uint64_t bytes, int protection)
{
    void *copy = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (copy == MAP_FAILED) {
        return false;
    }

    memcpy(copy, (const void *)(uintptr_t)start, bytes);
    if ((syscall(SYS_mprotect, copy, bytes, protection) == 0) &&
        (syscall(SYS_mremap, copy, bytes, bytes,
                 MREMAP_MAYMOVE | MREMAP_FIXED, start) != -1)) {
        return true;
    }

    munmap(copy, bytes);
    return false;
}

static bool retype(uint64_t start, uint64_t end, int protection)
{
    uint64_t bytes;

    if ((protection & PROT_READ) == 0) {
        return false;
    }

    for (; start < end; start += bytes) {
        bytes = (end - start < STEP) ? end - start : STEP;
        if (!retype_step(start, bytes, protection)) {
            return false;
        }
    }

    return true;
}

/* What the mapping at an address was given since it is an alias. */
static unsigned read_marks(const struct csh_page_state *state,
                           const struct csh_vma *vma, uint64_t at)
{
    uint64_t neighbour = (at > vma->start) ? at - vma->page_bytes
                                           : at + vma->page_bytes;
    struct csh_page_view view;

    if (!csh_host_is_marked(at, vma->page_bytes)) {
        return 0;
    }
    if (neighbour >= vma->end) {
        return csh_vma_marks_in_text(at) | csh_vma_lock_mark(at);
    }

    csh_page_view_begin(&view, state);
    return csh_vma_marks(&view, at, neighbour);
}

static void retype_with_marks(const struct csh_page_state *state,
                              const struct csh_vma *vma, uint64_t start,
                              uint64_t end)
{
    unsigned marks = read_marks(state, vma, start);

    if (!retype(start, end, protection_of(vma))) {
        csh_host_keep();
    } else if (csh_vma_set_marks(start, end, marks) &&
        ((marks & CSH_MARK_LOCKED) != 0)) {
        (void)syscall(SYS_mlock, start, end - start);
    }
}

/* A write fault for each page, without a write. */
static bool own_in_place(uint64_t start, uint64_t end)
{
    return csh_own_madvise((void *)(uintptr_t)start, end - start,
                           MADV_POPULATE_WRITE) == 0;
}

static void turn_back(const struct csh_page_state *state,
                      const struct csh_vma *vma, uint64_t start, uint64_t end,
                      enum csh_host_change change)
{
    if (change == CSH_CHANGE_EMPTIED) {
        empty(start, end, protection_of(vma));
    } else if (change == CSH_CHANGE_DISCARD) {
        if (!discard(start, end, protection_of(vma))) {
            csh_host_keep();
        }
    } else if ((change != CSH_CHANGE_OWN) || !own_in_place(start, end)) {
        retype_with_marks(state, vma, start, end);
    }
}

void csh_alias_files_turn_back(uintptr_t start, size_t bytes,
                               enum csh_host_change change)
{
    const struct csh_page_state *state = atomic_load(&aliased.state);
    uint64_t at                        = start;
    uint64_t end                       = at + bytes;
    int saved_errno                    = errno;
    enum csh_page_answer answer        = CSH_PAGES_NONE;
    struct csh_vma vma                 = {.start = UINT64_MAX};
    uint64_t to;

    end = (end < at) ? UINT64_MAX : end;
    while ((state != NULL) && (at < end) && (answer != CSH_PAGES_UNKNOWN)) {
        answer = csh_page_state_find_vma(state, at, &vma);
        to     = (answer == CSH_PAGES_FOUND) ? vma.end : vma.start;
        to     = (to < end) ? to : end;
        if ((answer == CSH_PAGES_FOUND) && csh_alias_files_hold(&vma)) {
            turn_back(state, &vma, at, to, change);
        }
        at = to;
    }
    errno = saved_errno;
}
