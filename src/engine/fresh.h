/*
 * fresh.h - shadows that are just being made, by an offload or an upload.
 */
#ifndef CSH_ENGINE_FRESH_H
#define CSH_ENGINE_FRESH_H

#include <stddef.h>

#include "base/statistics.h"
#include "engine/contexts.h"
#include "shadow/store.h"
#include "track/stream.h"

/* A shadow with no bytes yet, of which the caller is the user. NULL, with the
 * reason, if nothing could be proven about it later or there is no room. Pins
 * it, and makes the context's prover, if every stream is idle. `host` is the
 * memory that is to get its bytes, if that is known, else NULL. */
struct csh_shadow *csh_fresh_allocate(const struct csh_context *context,
                                      const void *host, size_t bytes,
                                      enum csh_reason *reason_p);

/* The bytes are complete and the fingerprint was taken of them in place.
 * Returns the shadow that has them, as csh_store_publish. */
struct csh_shadow *
csh_fresh_publish(struct csh_shadow *shadow,
                  const struct csh_fingerprint *fingerprint);

/* Something went wrong: gives it back, once the stream says that no copy to
 * or from it can be under way; else nobody gets its memory ever again. */
void csh_fresh_abandon(struct csh_shadow *shadow,
                       const struct csh_stream *stream);

#endif
