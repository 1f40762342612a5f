/*
 * process.h - is this still the process that made a thing, or a child of it?
 * And what it does about its faults.
 *
 * A mark tells a process from the children forked from it afterwards, by
 * whatever call, raw clone included, without a handler that would have to
 * run. Zero-initialised is a mark that nobody made.
 */
#ifndef CSH_BASE_PROCESS_H
#define CSH_BASE_PROCESS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct csh_process_mark {
    _Atomic(uint32_t *) page;
    _Atomic pid_t owner;
};

/* Once for each mark. Keeps errno. */
void csh_process_mark_make(struct csh_process_mark *mark);

/* True in the process that made the mark, false in its children and before.
 * Any thread. */
bool csh_process_is_marked(const struct csh_process_mark *mark);

/* Whether the program has a handler for SIGSEGV or SIGBUS now: then pages may
 * be brought or watched by it, in the thread that touches them. */
bool csh_process_handles_faults(void);

#endif
