/*
 * upload.h - the program's bytes go to the device through a fresh shadow.
 */
#ifndef CSH_ENGINE_UPLOAD_H
#define CSH_ENGINE_UPLOAD_H

#include "engine/contexts.h"
#include "engine/engine.h"
#include "shadow/store.h"

/* Copies a pageable source into a fresh shadow and the shadow to the device,
 * on the copy's stream, which the caller found idle. When it returns, the
 * source may change; the copies to the device may be under way. The shadow is
 * not published yet, and the caller its user; the fingerprint is that of its
 * bytes; where that can wait it is not taken, and fingerprint_p NULL. NULL,
 * with the reason, if the program's own call is to be made: what the device
 * range holds is then not known.
 *
 * Between csh_own_calls_begin and _end. The calling thread reads the source
 * by plain loads, so a fault is its own, with the program's handlers. */
struct csh_shadow *csh_upload_capture(const struct csh_copy *copy,
                                      const struct csh_context *context,
                                      struct csh_fingerprint *fingerprint_p,
                                      enum csh_reason *reason_p);

#endif
