/*
 * vma_marks.h - properties of the program's memory that PROCMAP_QUERY does not
 * tell and that a mapping put in its place would not have.
 *
 * The only text that lists them, /proc/self/smaps, walks all pages of all
 * mappings below; it would cost a program with some thousand mappings tens of
 * milliseconds for each destination. What was set cannot be remembered
 * either: programs and their libraries make bare system calls. So the kernel
 * is asked, in the call, by requests that change nothing where nothing is
 * marked (all together under 3 us):
 *
 *   LOCKED      msync(MS_INVALIDATE) fails with EBUSY
 *   DONT_FORK, WIPE_ON_FORK, DONT_DUMP
 *               madvise() with the opposite, on one untouched page; where it
 *               was set, that page becomes a mapping of its own, which the
 *               mapping query shows; then it is set again
 *   POLICY      get_mempolicy() of the address against that of the thread
 *   KEY         some protection key besides 0 is writable for this thread:
 *               then pages may have one. With no such key, memory that the
 *               thread may write has key 0
 *   USERFAULT   UFFDIO_CONTINUE through a descriptor that registered nothing
 *               fails with ENOENT; for memory that another has, otherwise
 *
 * Advice that is only about speed (huge pages, merging) is not looked for.
 */
#ifndef CSH_SHADOW_VMA_MARKS_H
#define CSH_SHADOW_VMA_MARKS_H

#include <stdint.h>

#include "shadow/page_state.h"

#define CSH_MARK_DONT_FORK 1u
#define CSH_MARK_WIPE_ON_FORK 2u
#define CSH_MARK_DONT_DUMP 4u
#define CSH_MARK_LOCKED 8u
#define CSH_MARK_POLICY 16u
#define CSH_MARK_KEY 32u
#define CSH_MARK_USERFAULT 64u
#define CSH_MARK_UNKNOWN 128u /* could not be asked */

/*
 * The marks of the mapping that holds both this page, which nobody may be
 * using and which was never touched, and a neighbouring page. 0: none. While
 * it runs, a page that is marked DONT_FORK or WIPE_ON_FORK is not, for
 * microseconds: a child forked then would read zeros in it.
 */
unsigned csh_vma_marks(struct csh_page_view *view, uint64_t page_address,
                       uint64_t neighbour);

/* CSH_MARK_LOCKED, CSH_MARK_UNKNOWN or 0: of any page, alone or not. */
unsigned csh_vma_lock_mark(uint64_t page_address);

/* What madvise() and locks gave to the mapping that holds an address, from the
 * text of /proc/self/smaps, or CSH_MARK_UNKNOWN. Of any page, alone or not; but
 * the kernel looks at every page of the process for it, which takes tens of
 * milliseconds where there are gigabytes. */
unsigned csh_vma_marks_in_text(uint64_t address);

/* Whether the machine has protection keys; for csh_page_state_open(), since
 * under a hypervisor it takes microseconds to find out. */
bool csh_vma_has_keys(void);

/* Gives the marks that madvise() can give; what was asked for by DONT_FORK,
 * WIPE_ON_FORK and DONT_DUMP. False when the kernel refuses. */
CSH_MUST_CHECK
bool csh_vma_set_marks(uint64_t start, uint64_t end, unsigned marks);

#endif
