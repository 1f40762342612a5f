/*
 * relief.h - memory goes back when others want it (shadow/pressure.h says
 * when and how much).
 */
#ifndef CSH_ENGINE_RELIEF_H
#define CSH_ENGINE_RELIEF_H

#include <stdint.h>

#include "track/stream.h"

/* Before anything else here, once the store is there. */
void csh_relief_start(void);

/* In a copy of the program's on this stream, before it: what is pinned goes
 * back only if everything is found idle. The time is now. Any thread, no lock
 * held. */
void csh_relief_at_copy(const struct csh_stream *stream, uint64_t now_ns);

/* In a call of the program's that may synchronise, with a context current,
 * inside csh_own_calls_begin(). */
void csh_relief_at_sync(void);

#endif
