/*
 * wrappers.h - the exported wrappers by row, and the choice between a wrapper
 * and the driver's own entry.
 */
#ifndef CSH_INTERPOSE_WRAPPERS_H
#define CSH_INTERPOSE_WRAPPERS_H

#include "driver/lookup.h"

/* The wrapper of a row. */
void *csh_wrapper(enum csh_entry entry);

/* How many rows' wrappers are handed out: the hooked ones, and all with cohorts
 * or parked memory.
 * Loads the options. */
enum csh_entry csh_wrappers_served(void);

/* What a program shall have instead of the driver's answer to its request:
 * the wrapper of exactly that entry, or the answer itself, which ends cohorts
 * if it is neither watched nor a query. */
void *csh_procaddr_choose(const struct csh_request *request, void *answer);

/* Called by dlsym_trampoline.S for every dlsym of the process. NULL: the real
 * dlsym shall answer. Keeps errno. */
void *csh_dlsym_filter(void *handle, const char *name,
                       const void *return_address);

#endif
