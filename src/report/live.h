/*
 * live.h - the page of this process (live_page.h).
 *
 * One page, made once; one thread at a time writes. Can fail: for want of
 * memory files, descriptors or memory, or under a limit on the size of files;
 * then there is no page, and nothing else changes. In a forked child the page
 * is not mapped: it must not be written there, and is not the child's.
 */
#ifndef CSH_REPORT_LIVE_H
#define CSH_REPORT_LIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"

/* Makes the page, without figures. False, and the log says why, if there is
 * none. */
CSH_MUST_CHECK bool csh_live_open(void);

/* Writes the figures of now. A page whose descriptor the program has closed,
 * so that nobody can find it any more, is replaced by a new one. No driver is
 * called; the locks of the registry are taken. False: there is no page any
 * more. Keeps errno. */
CSH_MUST_CHECK bool csh_live_write(uint64_t now_ns);

#endif
