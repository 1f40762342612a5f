/*
 * observe.h - mode observe: what would have been elided, found out from the
 * host bytes of the program's own copies. Nothing is launched, held or
 * skipped.
 */
#ifndef CSH_ENGINE_OBSERVE_H
#define CSH_ENGINE_OBSERVE_H

#include "engine/engine.h"

/* After the program's own offload has completed, which took its call so long:
 * its bytes lie in copy->host. Counts what would have become of it, by what
 * the range held when it was last known. */
void csh_observe_offloaded(const struct csh_copy *copy, uint64_t ns);

/* After the program's own upload: the range holds what copy->host held, if
 * those are bytes that an offload left there, or if it would have been
 * captured, which takes that the source may be read. */
void csh_observe_uploaded(const struct csh_copy *copy, bool is_captured,
                          uint64_t ns);

/* The range is gone. */
void csh_observe_forget(CUdeviceptr base, size_t bytes);

#endif
