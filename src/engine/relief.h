/*
 * relief.h - memory goes back when others want it (shadow/pressure.h says
 * when and how much).
 */
#ifndef CSH_ENGINE_RELIEF_H
#define CSH_ENGINE_RELIEF_H

#include "track/stream.h"

/* Before anything else here, once the store is there. */
void csh_relief_start(void);

/* In a copy of the program's on this stream, before it: what is pinned goes
 * back only if everything is found idle. Any thread, no lock held; costs a
 * look at the clock unless it is time. */
void csh_relief_at_copy(const struct csh_stream *stream);

/* In a call of the program's that may synchronise, with a context current,
 * inside csh_own_calls_begin(). */
void csh_relief_at_sync(void);

#endif
