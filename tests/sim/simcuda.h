/*
 * simcuda.h - what the simulated driver offers to tests beside cu*: looks at
 * device memory, and changes to it, that no driver call makes.
 *
 * The counters are in simcuda_counters.h. All functions may be called from
 * any thread; they take addresses of device or pinned memory as programs see
 * them, wait for nothing, and are not ordered with work that is under way.
 */
#ifndef SIMCUDA_H
#define SIMCUDA_H

#include <cuda.h>
#include <stddef.h>

#include "simcuda_counters.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Writes bytes into device memory unseen by any driver call, as a peer or a
 * network card would. CUDA_ERROR_INVALID_VALUE: not all of it is live. */
CUresult simcuda_poke(CUdeviceptr dst, const void *src, size_t bytes);
CUresult simcuda_peek(void *dst, CUdeviceptr src, size_t bytes);

/* Reads device memory whether it is allocated or not: freed memory is full of
 * simcuda_poison() until it is handed out and written again. */
CUresult simcuda_peek_any(void *dst, CUdeviceptr src, size_t bytes);
unsigned char simcuda_poison(void);

/* What other processes have of a device from now on, in bytes.
 * CUDA_ERROR_OUT_OF_MEMORY: this process has too much for that, and nothing
 * changes. */
CUresult simcuda_take_elsewhere(CUdevice device, uint64_t bytes);

/* Bytes of the objects that handles stand for. They stay to the end of the
 * process, so that the use of a destroyed one is seen: a program that makes
 * and destroys many has that much more heap here. */
size_t simcuda_handle_bytes(void);

/* Makes the context fail as if a kernel had done wrong. NULL: the current
 * one of the calling thread. */
CUresult simcuda_break(CUcontext context, CUresult error);

#ifdef __cplusplus
}
#endif

#endif
