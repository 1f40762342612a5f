/*
 * alias_files.h - which files the program's memory was ever mapped onto, and
 * the way back to anonymous memory.
 *
 * For csh_host_watch(), whose callback runs inside allocators, in signal
 * handlers and in forked children: nothing here locks or allocates.
 */
#ifndef CSH_SHADOW_ALIAS_FILES_H
#define CSH_SHADOW_ALIAS_FILES_H

#include "base/host_changes.h"
#include "shadow/page_state.h"

/* A file that the program's memory is about to be mapped onto; from the first
 * one on the program's changes are watched. False when there are too many to
 * be remembered, or another way to ask is in use: then do not map. The state
 * stays open until csh_alias_files_forget(). */
CSH_MUST_CHECK
bool csh_alias_files_add(const struct csh_page_state *state, dev_t device,
                         ino_t inode);

/* No mapping of any of them is left. */
void csh_alias_files_forget(void);

/* Whether this is a private mapping of one of the files. */
bool csh_alias_files_hold(const struct csh_vma *vma);

/*
 * Makes what the program's memory has of such mappings in a range of whole
 * pages anonymous memory: zeros for CSH_CHANGE_DISCARD, the same bytes for
 * CSH_CHANGE_RETYPE (what another thread stores there meanwhile may be lost,
 * and a range that cannot be read stays as it is). For CSH_CHANGE_OWN each page
 * gets a copy in place, without a loss, unless the kernel cannot do that (Linux
 * 5.14) or the range is not writable: then as for RETYPE. CSH_CHANGE_EMPTIED
 * fills what is still an alias with zeros, by stores. Protection, locks,
 * DONTFORK and DONTDUMP stay. A csh_host_watcher.
 */
void csh_alias_files_turn_back(uintptr_t start, size_t bytes,
                               enum csh_host_change change);

#endif
