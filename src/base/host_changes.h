/*
 * host_changes.h - what the program asks of the kernel about its own memory,
 * told to whoever has mapped other pages there.
 *
 * An alias is a private mapping of a file where the program has anonymous
 * memory. The kernel treats the two alike, except in the calls of the first
 * table; those are exported by the shim (interpose/host_memory.c), which
 * tells the watcher before the kernel hears of it.
 *
 *   call                      on anonymous memory    on a mapped file
 *   madvise DONTNEED,         zeros from then on     the file's bytes again
 *     DONTNEED_LOCKED
 *   madvise FREE              old bytes or zeros     EINVAL
 *   madvise WIPEONFORK        zeros in a child       EINVAL
 *   madvise REMOVE            EINVAL                 EACCES
 *   madvise GUARD_INSTALL     works since 6.13,      works since 6.15,
 *     and GUARD_REMOVE        zeros afterwards       file's bytes afterwards
 *   madvise COLLAPSE,         of this memory         of the shadow's pages
 *     HWPOISON, SOFT_OFFLINE
 *   mprotect with more than   SELinux: execmem       SELinux: execmod
 *     PROT_READ, PROT_WRITE
 *   mremap that grows         zeros behind           more of the file behind
 *   mbind                     of this memory         of the shadow's pages
 *   cuMemHostRegister to      pins these pages       pins the shadow's, which
 *     read alone                                     a store leaves
 *   pkey_mprotect             has a key              has a key, which it would
 *                                                    lose if turned back
 *
 * Attributes belong to a mapping, and an alias that is made later would drop
 * them: madvise DONTFORK, WIPEONFORK and DONTDUMP, mlock, mbind and
 * pkey_mprotect. Ranges that were ever given one are marked and get no alias.
 * Those that only concern speed (HUGEPAGE, MERGEABLE, RANDOM) are not.
 *
 * An alias becomes anonymous memory by a copy that takes its place, and what
 * another thread stores there meanwhile is lost. So it stays where it may:
 * DONTFORK, DONTDUMP and locks are given while other threads compute (by
 * libraries that register memory, by mlockall), and mean the same on both;
 * to lock an alias makes each page the program's own, as it were without. Where
 * the pages alone must be the program's (mbind, cuMemHostRegister), each gets
 * its copy in place, as by a store, and nothing is lost. (The policy of a page
 * of a memory file belongs to the file: another alias of these bytes may get
 * new pages by it.) What is left are WIPEONFORK, pkey_mprotect, mprotect with
 * PROT_EXEC and mremap, given to memory that another thread stores to just
 * then.
 *
 * Alike on both, and left alone: the other advice (it changes no byte),
 * posix_madvise (in libc it is that other advice, or nothing), mprotect with
 * PROT_READ, PROT_WRITE or nothing, munlock, and munmap and MAP_FIXED, after
 * which the kernel says itself that the mapping is not an alias any more.
 * set_mempolicy is about a thread, not about a range. A name given by
 * prctl(PR_SET_VMA) is refused on an alias (EBADF): it can be seen in
 * /proc/self/maps only.
 *
 * Not seen: what libc does inside free, realloc and malloc_trim (munmap of
 * whole blocks, mremap, which fails on a block of several mappings so that
 * realloc copies, MADV_DONTNEED in heaps only, where no alias is); the same
 * calls by syscall(2) or through an explicit handle of libc; and whoever acts
 * from outside (process_madvise, ptrace). After those an alias holds the
 * bytes it would hold without the shim, except where the first table says
 * otherwise.
 *
 * Any thread, at any time: inside an allocator, in a signal handler, before
 * constructors, in a forked child. No locks, no allocation, errno kept.
 */
#ifndef CSH_BASE_HOST_CHANGES_H
#define CSH_BASE_HOST_CHANGES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

enum csh_host_change {
    CSH_CHANGE_NONE,    /* alike on both: nobody is told */
    CSH_CHANGE_DISCARD, /* the call succeeds, and no byte must be kept */
    CSH_CHANGE_RETYPE,  /* must be anonymous memory, with the same bytes */
    CSH_CHANGE_EMPTIED, /* DISCARD has failed, and the call is over: zeros */
    CSH_CHANGE_OWN,     /* every page must be the program's own */
    CSH_CHANGE_MARK,    /* gets an attribute, which an alias may have, too */
    CSH_CHANGE_RETYPE_AND_MARK,
    CSH_CHANGE_OWN_AND_MARK,
};

/* Called before the program's own call with whole pages, [start, start +
 * bytes) cut at the end of the address space; change is DISCARD, RETYPE or
 * OWN. When it returns every alias there shall be anonymous memory or, for
 * OWN, hold no page of a shadow. After the call for EMPTIED. In the same places
 * as everything here. */
typedef void csh_host_watcher(uintptr_t start, size_t bytes,
                              enum csh_host_change change);

/* NULL: there is no alias. Hidden, so that a wrapper tests it by one load. */
extern _Atomic(csh_host_watcher *) csh_host_watcher_set
    __attribute__((visibility("hidden")));

/* From now on, if there may be an alias; NULL if there is none any more.
 * Before the first alias is mapped: a call that does not see the watcher yet
 * came before the alias. */
void csh_host_watch(csh_host_watcher *watcher);

/* What this madvise does to an alias; advice of kernels to come: RETYPE. */
enum csh_host_change csh_host_advice(int advice);

/* The program is about to give this advice: csh_host_changing() with what
 * that means, unless the kernel refuses the range anyway. */
void csh_host_advising(uintptr_t start, size_t bytes, int advice);

/* The kernel has taken that advice. */
void csh_host_advised(uintptr_t start, size_t bytes, int advice);

/* The watcher could not make an alias anonymous memory: from now on it is
 * asked again after each call that discards. */
void csh_host_keep(void);

/* Tells the watcher, and marks the range. Bytes are rounded up to pages as
 * the kernel does; a start that is not at a page is rounded down. */
void csh_host_changing(uintptr_t start, size_t bytes,
                       enum csh_host_change change);

/* Marked now or ever, at least: marks are 64 ranges, which only grow, and one
 * more is given to the nearest. */
bool csh_host_is_marked(uintptr_t start, size_t bytes);

/* madvise for the shim's own memory: the kernel's, past the wrapper, which
 * would take it for the program's. */
int csh_own_madvise(void *start, size_t bytes, int advice);

#endif
