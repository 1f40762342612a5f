/*
 * adopt.h - puts a shadow's pages under the very memory that the shadow was
 * made of, so that RAM holds these bytes once.
 *
 * Unlike the destination of an offload this memory is in use: other threads
 * may read and write it, the kernel may have pinned it for somebody, children
 * may share it. So its pages are taken out of their place first (page_move.h,
 * which refuses what is pinned or shared), compared with the shadow where
 * nobody can write them, and put back unless they are equal.
 *
 * Conditions as for an alias (alias.h), in the order in which they are asked:
 * large enough, a file at a congruent offset, a block of glibc's own, no mark,
 * room below the limit of mappings; the rest by moving. From then on the
 * memory is an alias like any other, with its record. Differences that remain:
 * pages that were given to a pipe by vmsplice() stay with the pipe, and a page
 * that is marked WIPE_ON_FORK is not for some microseconds (vma_marks.h).
 */
#ifndef CSH_SHADOW_ADOPT_H
#define CSH_SHADOW_ADOPT_H

#include <stddef.h>

#include "base/counter_table.h"
#include "shadow/alias.h"

#define CSH_X(name_, text_) CSH_ADOPT_##name_,
enum csh_adopt_obstacle {
    CSH_ADOPT_none, /* all whole pages are the shadow's */
    CSH_ADOPT_OBSTACLES(CSH_X, ) CSH_N_ADOPT_OBSTACLES
};
#undef CSH_X

struct csh_adopt_result {
    size_t adopted_bytes;
    enum csh_adopt_obstacle obstacle; /* the first that was met */
};

/*
 * Puts the pages of a published shadow, whose user the caller is, under as
 * much of [memory, memory + extent.bytes) as is possible without a gap: the
 * program must be in a call that reads this memory. No byte of it changes
 * that the program does not change. No lock may be held; see page_move.h for
 * what happens to signals and other threads meanwhile.
 */
void csh_adopt(struct csh_aliases *aliases, void *memory,
               const struct csh_alias_source *source,
               struct csh_adopt_result *result_p);

#endif
