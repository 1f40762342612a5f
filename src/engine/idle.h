/*
 * idle.h - whether anything of the program's runs in a context.
 *
 * Work of the shim that may synchronise the whole device (pinning) is done
 * only where the program's own call may synchronise, or when the answer here
 * is yes: then there is nothing to wait for.
 */
#ifndef CSH_ENGINE_IDLE_H
#define CSH_ENGINE_IDLE_H

#include <cuda.h>
#include <stdbool.h>

#include "track/stream.h"

/* A stream of the current context was created, or met in a copy. */
void csh_idle_note_stream(CUcontext context, const struct csh_stream *stream);

/* A stream was created in a context that is not known. */
void csh_idle_note_unknown_stream(void);

/* Before the program destroys a stream. */
void csh_idle_stream_ending(CUstream handle);

/* After the program destroyed a context. */
void csh_idle_context_ended(CUcontext context);

/* Every stream of the current context is known and answers that it is done.
 * Asks the driver; waits for nothing. False in doubt and during captures. */
bool csh_idle_is_everything_idle(CUcontext context);

#endif
