/*
 * contexts.h - what the shim has in each of the program's contexts.
 */
#ifndef CSH_ENGINE_CONTEXTS_H
#define CSH_ENGINE_CONTEXTS_H

#include <cuda.h>
#include <stdbool.h>

#include "verify/prover.h"

struct csh_context {
    CUcontext handle;
    CUdevice device;
    bool is_suited; /* shadows help on this device */
};

/* The current context, held until released; NULL without one or when memory
 * is short. Asks the driver; makes nothing in the context. */
const struct csh_context *csh_context_acquire(void);
void csh_context_release(const struct csh_context *context);

/* The context's prover, or NULL; valid while the context is held. */
struct csh_prover *csh_context_prover(const struct csh_context *context);

/* The device of a context that copies were seen in, or -1. Asks nobody. */
int csh_context_device(CUcontext handle);

/* No context is known but the one that the caller holds. */
bool csh_context_is_the_only_one(void);

/* The same, and the driver says that no device's primary context is active
 * but the one that the caller holds: one nobody copies in is not known. */
bool csh_context_is_the_only_active_one(const struct csh_context *context);

/* In mode verify makes the prover of the current context, once. Loads device
 * code, so only inside a program call that may synchronise, and outside
 * capture. */
void csh_context_prepare(void);

/* The program has ended this context, and all driver objects in it with it:
 * the shim lets go of what it remembers: prover, records, events, streams.
 * Calls nothing, waits for no work. */
void csh_context_end(CUcontext handle);

/* The key of this process, or NULL: then nothing can be proven. */
const struct csh_fingerprint_key *csh_context_key(void);

/* The same for the primary context of a device. Other contexts of the device
 * live on. */
void csh_context_end_primary(CUdevice device);

#endif
