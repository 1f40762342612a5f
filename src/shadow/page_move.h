/*
 * page_move.h - takes pages of the program out of their place, and puts them
 * back or something else there, while its other threads run.
 *
 * By userfaultfd: the kernel moves pages one by one, atomically, and refuses
 * those that anybody has pinned or shares with a child of fork. Whoever
 * touches a page that is out of its place waits, in the kernel, until it is
 * back or another is there: no thread sees anything in between, whether it
 * reads, writes, or makes a system call that does. A child forked meanwhile
 * gets the bytes that the memory had.
 *
 * From begin until finish or restore the calling thread must not touch that
 * memory, and all its signals are blocked, since a handler of the program's
 * might; it must wait for no other thread, since that may be waiting for it.
 * Any threads may do this at once, with different moves. errno may change.
 *
 * Not covered, as the program's call names the memory as its source: a thread
 * that meanwhile unmaps it or gives advice that changes its bytes; and one
 * that closes every descriptor of the process.
 */
#ifndef CSH_SHADOW_PAGE_MOVE_H
#define CSH_SHADOW_PAGE_MOVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/descriptor.h"

struct csh_page_move {
    struct csh_descriptor userfault;
    uint64_t start, bytes;    /* the program's memory */
    unsigned char *aside;     /* after begin: its pages, in order */
    uint64_t from, to;        /* offsets: the pages that are aside now */
    uint64_t blocked_signals; /* before, by the kernel's numbers */
};

/* 0 if the kernel lets this process move pages; else why not: ENOSYS (no
 * userfaultfd), EPERM or EACCES (it needs CAP_SYS_PTRACE), EINVAL (Linux
 * before 6.8), or another errno. Moves a page of its own to find out. */
int csh_page_move_probe(void);

/*
 * Whole pages of private anonymous memory, plain by csh_vma_is_plain(), in one
 * mapping without marks. 0: all of them are aside. Else nothing has changed,
 * and it is EBUSY (a page is pinned or shared, or the memory is under another
 * userfaultfd), ENOENT (a page was never touched), or another errno.
 */
CSH_MUST_CHECK
int csh_page_move_begin(struct csh_page_move *move_p, uint64_t start,
                        uint64_t bytes);

/* The bytes are needed no more: something is mapped in their place. */
void csh_page_move_finish(struct csh_page_move *move);

/* The pages go back, over whatever lies there if is_replaced. False: the
 * kernel refuses even that, and the bytes were copied back, so that what other
 * threads stored there since may be lost. */
CSH_MUST_CHECK
bool csh_page_move_restore(struct csh_page_move *move, bool is_replaced);

#endif
