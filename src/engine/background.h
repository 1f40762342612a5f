/*
 * background.h - what can wait until the program's call has returned.
 *
 * A thread of the shim's own that reads shadows, which nobody writes any
 * more, and model files: it compares all bytes of a weight with the tensors
 * that it may be, and fingerprints what an upload has captured. It calls no
 * driver and never touches the program's memory. There is one, made at the
 * first job, and none if CUSHADOW_THREADS is 1: then the calling thread does
 * the same at once. Besides, it writes the figures that are shared (sharing.h).
 */
#ifndef CSH_ENGINE_BACKGROUND_H
#define CSH_ENGINE_BACKGROUND_H

#include <cuda.h>
#include <stdbool.h>
#include <stddef.h>

#include "shadow/store.h"
#include "weights/registry.h"

void csh_background_start(void);

/* Finds out which tensor a pending weight is, of which the published shadow
 * has the bytes; the caller is a user of the shadow, and stays one. */
void csh_background_confirm(struct csh_shadow *shadow, uint32_t weight);

/* Lets the thread ask csh_sharing_serve() again. */
void csh_background_wake(void);

/* A capture whose bytes are complete. */
struct csh_captured {
    struct csh_shadow *shadow; /* unpublished; whose user the thread becomes */
    CUcontext context;
    CUdeviceptr device;
    const void *host;
    size_t bytes;
    struct csh_weight_mark mark;
    uint64_t begun_ns; /* when the program's call was made */
};

/* Whether a capture can be finished behind the program's back. */
bool csh_background_can_publish(void);

/* Takes the fingerprint of the shadow's bytes, publishes it, and records that
 * the device range holds them, if that is still known as uploaded with this
 * mark. False, and nothing done, if too much is waiting already. */
CSH_MUST_CHECK bool csh_background_publish(const struct csh_captured *captured);

#endif
