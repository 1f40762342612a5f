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

#include "base/compiler.h"
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

/* CUSHADOW_STRICT=1 and a value was not understood: calls that allocate shall
 * return CUDA_ERROR_INVALID_VALUE. Copies are refused by the engine itself. */
bool csh_engine_refuses(void);

/* After an allocation or mapping call of the program returned. may_synchronise
 * says that the call may synchronise by itself, so that the shim may do its
 * own synchronising work in it: prepare the current context, pin slabs. */
void csh_engine_allocated(CUresult result, bool may_synchronise);

/* The memory that an allocation or mapping call made, before it is told of by
 * the above. Only of calls whose memory ends by one of those below. */
void csh_engine_memory_begun(CUdeviceptr dptr, size_t bytes, CUresult result);

/* CUSHADOW_VRAM_KEEP, engine/park.h. Before a call that allocates: true, and
 * the program has its memory, the call is not to be made; allocating is for
 * memory that can be no parked block. After any call: true if it failed for
 * want of device memory and there is more of that now: the call is to be made
 * once more. */
CSH_MUST_CHECK bool csh_engine_allocate(size_t bytes, CUdeviceptr *dptr_p);
void csh_engine_allocating(size_t bytes);
CSH_MUST_CHECK bool csh_engine_makes_room(CUresult result);

/* The address, or what the driver shall be asked about in its place: memory of
 * the shim's own is not the program's. */
CUdeviceptr csh_engine_visible(CUdeviceptr address);

/* After cuMemGetInfo succeeded: what the program could have is free. */
void csh_engine_tell_free(size_t *free_p, size_t total);

/* Wrappers of every entry shall watch for failures, as above. */
bool csh_engine_gives_room(void);

/* Around a call that ends device memory: releasing before the real call (it
 * asks the driver about the pointer), released after it, always both.
 * may_synchronise as above. cuMemUnmap names its size itself. */
void csh_engine_releasing(CUdeviceptr dptr, bool may_synchronise);
void csh_engine_unmapping(CUdeviceptr dptr, size_t bytes);
void csh_engine_released(CUresult result, bool may_synchronise);

/* Before each of the calls below; one of them follows. */
void csh_engine_context_ending(void);

/* After a context was destroyed, or one was detached from or a primary context
 * was released (it may live on), or reset: then all that was in it is gone,
 * even if the context is retained and therefore still active. */
void csh_engine_context_ended(CUcontext context, CUresult result);
void csh_engine_context_detached(CUcontext context, CUresult result);
void csh_engine_primary_released(CUdevice device, CUresult result);
void csh_engine_primary_reset(CUdevice device, CUresult result);

/* After a stream was created; before one is destroyed. */
void csh_engine_stream_created(CUstream stream, CUresult result);
void csh_engine_stream_destroying(CUstream stream);

/* Stream capture: counted, so that nothing of ours runs beside a capture. */
void csh_engine_capture_beginning(void); /* before the real call */
void csh_engine_capture_begun(CUresult result);
void csh_engine_capture_ended(struct csh_stream stream, CUresult result);

#endif
