/*
 * uses.h - work in flight that reads a shadow.
 */
#ifndef CSH_ENGINE_USES_H
#define CSH_ENGINE_USES_H

#include <cuda.h>
#include <stdbool.h>

#include "shadow/store.h"

/* What the store asks about the events that are noted here. */
struct csh_use_calls csh_uses_calls(void);

/* Work that reads the shadow runs until the event of this context, which is
 * the store's from then on: until it is over or its context ends. False, the
 * event still the caller's, as csh_store_note_use. */
CSH_MUST_CHECK bool csh_uses_note(CUcontext context,
                                  struct csh_shadow *shadow, CUevent event);

/* The context has ended, and its events with it. */
void csh_uses_end(CUcontext context);

#endif
