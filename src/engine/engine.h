/*
 * engine.h - what the wrappers ask and tell.
 *
 * A wrapper describes the program's call and hands over a function that
 * makes that very call. The engine makes it at most once, unless the copy is
 * proven redundant or moved through a shadow, and returns what the program
 * shall see. All functions may be called from any thread, keep errno, hold
 * no lock across a driver call, and do nothing but forward while the shim is
 * off, inert after fork, or not yet ready.
 */
#ifndef CSH_ENGINE_ENGINE_H
#define CSH_ENGINE_ENGINE_H

#include <cuda.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/statistics.h"
#include "track/stream.h"

/* A contiguous copy between host and device memory, as the program named it. */
struct csh_copy {
    enum csh_direction direction;
    bool is_async;            /* an *Async entry point */
    void *host;               /* read (H2D) or written (D2H) by the copy */
    CUdeviceptr device;
    size_t bytes;
    struct csh_stream stream; /* NULL handle for the synchronous forms */
    /* The program's own call. */
    CUresult (*forward)(const struct csh_copy *copy);
};

CUresult csh_engine_copy(const struct csh_copy *copy);

/* cuMemcpy and cuMemcpyAsync: the direction is in the pointers. */
struct csh_copy_uva {
    bool is_async;
    CUdeviceptr dst, src;
    size_t bytes;
    struct csh_stream stream;
    CUresult (*forward)(const struct csh_copy_uva *copy);
};

CUresult csh_engine_copy_uva(const struct csh_copy_uva *copy);

/* After an allocation or mapping call of the program returned. May do the
 * shim's own synchronising work (these calls may synchronise themselves):
 * prepare the current context, register slabs. */
void csh_engine_allocated(CUresult result);

/* Around a call that ends device memory. begin before the real call (it may
 * query the driver about the pointer), end after it. */
struct csh_release { CUdeviceptr base; size_t bytes; };
struct csh_release csh_engine_release_begin(CUdeviceptr dptr);
void csh_engine_release_end(const struct csh_release *release,
                            CUresult result, bool may_synchronise);
/* cuMemUnmap names its size itself. */
void csh_engine_unmapped(CUdeviceptr dptr, size_t bytes, CUresult result);

/* Before a context is destroyed or reset: the shim lets go of all it has in
 * it. NULL: the current context. csh_engine_device_resetting: the primary
 * context of that device. */
void csh_engine_context_ending(CUcontext context);
void csh_engine_device_resetting(CUdevice device);

/* Stream capture: counted, so that nothing of ours runs beside a capture. */
void csh_engine_capture_begun(CUresult result);
void csh_engine_capture_ended(struct csh_stream stream, CUresult result);

#endif
