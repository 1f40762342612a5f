/*
 * observe.h - mode observe: what would have been elided, found out from the
 * host bytes of the program's own copies. Nothing is launched, held or
 * skipped.
 */
#ifndef CSH_ENGINE_OBSERVE_H
#define CSH_ENGINE_OBSERVE_H

#include "engine/engine.h"

/* After the program's own offload has completed: its bytes lie in copy->host.
 * Counts it when the range held the same bytes when it was last known. */
void csh_observe_offloaded(const struct csh_copy *copy);

/* After the program's own upload: the range holds what copy->host held, if
 * those are bytes that an offload left there. */
void csh_observe_uploaded(const struct csh_copy *copy);

/* The range is gone. */
void csh_observe_forget(CUdeviceptr base, size_t bytes);

#endif
