/*
 * host_changes.c - owns the watcher's address and the marked ranges.
 *
 * A mark is a hull: its start only falls and its end only rises, so that it
 * can be read and grown without a lock. A reader who sees one half of a
 * growth is in a race that the program itself has: it copies into memory
 * whose attributes it is just changing.
 */
#include "base/host_changes.h"

#include <errno.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* include/uapi/asm-generic/mman-common.h of Linux 6.18: newer than some
 * libc's headers. */
enum {
    ADVICE_POPULATE_READ = 22,
    ADVICE_POPULATE_WRITE = 23,
    ADVICE_DONTNEED_LOCKED = 24,
};

enum { N_MARKS = 64 };

static struct mark {
    _Atomic uintptr_t not_start; /* ~start; 0: not set yet, covers nothing */
    _Atomic uintptr_t end;       /* 0: free */
} marks[N_MARKS];

_Atomic(csh_host_watcher *) csh_host_watcher_set;
static _Atomic bool has_kept;

void csh_host_watch(csh_host_watcher *watcher)
{
    atomic_store(&csh_host_watcher_set, watcher);
}

enum csh_host_change csh_host_advice(int advice)
{
    switch (advice) {
    case MADV_NORMAL:
    case MADV_RANDOM:
    case MADV_SEQUENTIAL:
    case MADV_WILLNEED:
    case MADV_DOFORK:
    case MADV_KEEPONFORK:
    case MADV_DODUMP:
    case MADV_MERGEABLE:
    case MADV_UNMERGEABLE:
    case MADV_HUGEPAGE:
    case MADV_NOHUGEPAGE:
    case MADV_COLD:
    case MADV_PAGEOUT:
    case ADVICE_POPULATE_READ:
    case ADVICE_POPULATE_WRITE:
        return CSH_CHANGE_NONE;
    case MADV_DONTNEED:
    case MADV_FREE:
    case ADVICE_DONTNEED_LOCKED:
        return CSH_CHANGE_DISCARD;
    case MADV_DONTFORK:
    case MADV_DONTDUMP:
        return CSH_CHANGE_MARK;
    case MADV_WIPEONFORK:
        return CSH_CHANGE_RETYPE_AND_MARK;
    default:
        return CSH_CHANGE_RETYPE;
    }
}

static uintptr_t mark_start(const struct mark *mark)
{
    return ~atomic_load(&mark->not_start);
}

static void raise_to(_Atomic uintptr_t *word, uintptr_t value)
{
    uintptr_t seen = atomic_load(word);

    while (seen < value && !atomic_compare_exchange_weak(word, &seen, value)) {
    }
}

static void grow(struct mark *mark, uintptr_t start, uintptr_t end)
{
    raise_to(&mark->end, end);
    raise_to(&mark->not_start, ~start);
}

/* Bytes between the two; 0 if they touch. */
static uintptr_t distance(const struct mark *mark, uintptr_t start,
                          uintptr_t end)
{
    uintptr_t other_start = mark_start(mark);
    uintptr_t other_end = atomic_load(&mark->end);

    if (end <= other_start) {
        return other_start - end;
    }
    return other_end <= start ? start - other_end : 0;
}

static void add_mark(uintptr_t start, uintptr_t end)
{
    uintptr_t least = UINTPTR_MAX;
    struct mark *nearest = &marks[0];
    size_t i;

    for (i = 0; i < N_MARKS && least != 0; i++) {
        uintptr_t empty = 0, here;

        if (atomic_compare_exchange_strong(&marks[i].end, &empty, end)) {
            nearest = &marks[i];
            break;
        }
        here = distance(&marks[i], start, end);
        if (here < least) {
            least = here;
            nearest = &marks[i];
        }
    }
    grow(nearest, start, end);
}

bool csh_host_is_marked(uintptr_t start, size_t bytes)
{
    uintptr_t end = bytes > UINTPTR_MAX - start ? UINTPTR_MAX : start + bytes;
    size_t i;

    for (i = 0; i < N_MARKS; i++) {
        if (mark_start(&marks[i]) < end &&
            start < atomic_load(&marks[i].end)) {
            return true;
        }
    }
    return false;
}

static bool gives_attribute(enum csh_host_change change)
{
    return change == CSH_CHANGE_MARK || change == CSH_CHANGE_RETYPE_AND_MARK ||
           change == CSH_CHANGE_OWN_AND_MARK;
}

/* Without the attribute. */
static enum csh_host_change change_alone(enum csh_host_change change)
{
    switch (change) {
    case CSH_CHANGE_RETYPE_AND_MARK:
        return CSH_CHANGE_RETYPE;
    case CSH_CHANGE_OWN_AND_MARK:
        return CSH_CHANGE_OWN;
    default:
        return change;
    }
}

void csh_host_changing(uintptr_t start, size_t bytes,
                       enum csh_host_change change)
{
    uintptr_t page = (uintptr_t)getauxval(AT_PAGESZ);
    uintptr_t last = UINTPTR_MAX - (page - 1), end;
    csh_host_watcher *watcher;
    int saved_errno = errno;

    if (bytes == 0 || change == CSH_CHANGE_NONE ||
        (!gives_attribute(change) &&
         atomic_load(&csh_host_watcher_set) == NULL)) {
        return;
    }
    end = bytes > last - 1 || start > last - 1 - bytes
              ? last
              : (start + bytes + page - 1) & -page;
    start &= -page;
    if (gives_attribute(change)) {
        add_mark(start, end);
    }
    watcher = atomic_load(&csh_host_watcher_set);
    if (watcher != NULL && change != CSH_CHANGE_MARK) {
        watcher(start, end - start, change_alone(change));
    }
    errno = saved_errno;
}

void csh_host_advising(uintptr_t start, size_t bytes, int advice)
{
    enum csh_host_change change = csh_host_advice(advice);
    uintptr_t page;

    if (change == CSH_CHANGE_NONE) {
        return;
    }
    page = (uintptr_t)getauxval(AT_PAGESZ);
    if ((start & (page - 1)) != 0 || bytes > -start - page) {
        return; /* EINVAL */
    }
    /* What is locked may refuse to be discarded. */
    if (change == CSH_CHANGE_DISCARD && csh_host_is_marked(start, bytes)) {
        change = CSH_CHANGE_RETYPE;
    }
    csh_host_changing(start, bytes, change);
}

void csh_host_keep(void)
{
    atomic_store(&has_kept, true);
}

void csh_host_advised(uintptr_t start, size_t bytes, int advice)
{
    if (CSH_UNLIKELY(atomic_load_explicit(&has_kept, memory_order_relaxed)) &&
        csh_host_advice(advice) == CSH_CHANGE_DISCARD) {
        csh_host_changing(start, bytes, CSH_CHANGE_EMPTIED);
    }
}

int csh_own_madvise(void *start, size_t bytes, int advice)
{
    return (int)syscall(SYS_madvise, start, bytes, advice);
}
