/*
 * park.h - weights whose memory the program frees stay on the device for a
 * while: CUSHADOW_VRAM_KEEP.
 *
 * The program's memory is never kept. When it is about to be freed, those of
 * its ranges that the records say are weights are copied to a block of the
 * shim's own, which is then proven: what does not hold the shadow's bytes is
 * not parked, and what is parked nobody but the shim has an address of. The
 * program's own free follows, with all that it means: its synchronisation, its
 * errors, addresses that are free, a second free that fails, sharing that
 * ends. So all ways of giving memory up are alike here, and where a block is
 * not made, nothing is different.
 *
 * The driver may give the block an address that the program had once. Of such
 * an address the program's calls are told what they would be of one that
 * nothing is at (csh_park_visible).
 *
 * A parked weight comes back in one of two ways. A load of its bytes is a copy
 * within the device, in the order of the program's stream, once the parked
 * bytes are proven anew in that very call. Or the program asks for memory of
 * the block's size when something parked has to make way for it, gets the
 * block, and the load finds the bytes in place, which is proven as ever
 * (proofs.h). Nobody knows what memory is asked for: where there is room for
 * both, no parked weight is risked for the sake of a copy within the device.
 *
 * With CUSHADOW_VRAM_KEEP=0, the default, none of this calls the driver. Any
 * thread, no lock held.
 */
#ifndef CSH_ENGINE_PARK_H
#define CSH_ENGINE_PARK_H

#include <cuda.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/statistics.h"
#include "engine/contexts.h"
#include "engine/engine.h"
#include "engine/park_table.h"

/* The option says so, in a mode that keeps shadows. Loads the options. */
bool csh_park_is_on(void);

/* The program is about to free or unmap this memory, in a call that may
 * wait for the device, or not. Before anything is forgotten about it. */
void csh_park_keep(CUdeviceptr base, size_t bytes, bool may_wait);

/* The program asks for memory: true, and it has a block that was parked. Else
 * parked memory has made way for what it asks for, as far as the head-room
 * goes. dptr_p: NULL for memory that no block can be. */
CSH_MUST_CHECK bool csh_park_allocate(size_t bytes, CUdeviceptr *dptr_p);

/* These bytes are parked in this context. Asks no driver. */
bool csh_park_has(const struct csh_context *context,
                  const struct csh_shadow *shadow);

/* Copies them to where the program loads them, on its stream, which is idle.
 * False: it has not been done, and what is known of them may be gone. */
CSH_MUST_CHECK bool csh_park_load(const struct csh_context *context,
                                  const struct csh_copy *copy,
                                  const struct csh_shadow *shadow,
                                  struct csh_weight_mark mark);

/* A load has ended well, in whatever way. */
void csh_park_note_load(const struct csh_copy *copy,
                        const struct csh_shadow *shadow, bool was_in_place);

/* Something failed for want of device memory: gives up all that is parked on
 * the current device. True: some memory is free that was not, try again. */
CSH_MUST_CHECK bool csh_park_give_all(void);

/* Bytes of the device that the shim has parked, and would give at once. */
uint64_t csh_park_bytes(CUdevice device);

/* The same, and what the driver says is free at one moment with it: no block
 * comes or goes between. *free_p stays as it is if the driver does not say. */
uint64_t csh_park_bytes_beside(CUdevice device, size_t *free_p);

/* What a call of the program's shall name instead of the address: the
 * address, unless a parked block lies there. */
CUdeviceptr csh_park_visible(CUdeviceptr address);

/* This memory is the program's no more, or is parked no more than any other;
 * for the statistics. */
void csh_park_forget_handed(CUdeviceptr base, size_t bytes);

/* A context has ended, with its memory. */
void csh_park_forget_context(CUcontext context);

#endif
