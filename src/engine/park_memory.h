/*
 * park_memory.h - the driver's memory behind parked blocks: got, given back,
 * and counted. What park.c and park_watch.c share.
 *
 * Every function may be called from any thread, with no lock held, between
 * csh_own_calls_begin and _end.
 */
#ifndef CSH_ENGINE_PARK_MEMORY_H
#define CSH_ENGINE_PARK_MEMORY_H

#include <cuda.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/statistics.h"
#include "engine/park_addresses.h"
#include "engine/park_policy.h"
#include "engine/park_table.h"
#include "track/stream.h"

/* The driver has all entries that parking needs. */
bool csh_park_memory_can(void);

/* Memory of the block's size in the current context, which is the block's.
 * From then on it counts as the shim's. */
CSH_MUST_CHECK bool csh_park_memory_get(struct csh_parked *block);

/* Gives the memory of a block that is the caller's back to the driver, and
 * frees the block. False: work that reads it is still under way at that time,
 * or its context cannot be had, or the driver does not want it; the block is
 * the caller's still. With until_ns = 0 nothing is waited for, nor by the
 * driver: false also if anything of the program's runs in the context. */
CSH_MUST_CHECK bool csh_park_memory_give_until(struct csh_parked *block,
                                               enum csh_gauge cause,
                                               uint64_t until_ns);

/* The same, without waiting; a block that is not given back is parked again. */
bool csh_park_memory_give(struct csh_parked *block, enum csh_gauge cause);

/* For a wait that begins now. */
uint64_t csh_park_memory_until_ns(void);

/* The memory is the program's now; frees the block. */
void csh_park_memory_hand_over(struct csh_parked *block);

/* Gives the memory of a block of the current context back in which nothing is,
 * and frees the block; or parks it, empty, for somebody to do that later. */
void csh_park_memory_drop(struct csh_parked *block);

/* The context has ended, and all memory in it. */
void csh_park_memory_forget_context(CUcontext context);

/* ---- memory that ends unseen ------------------------------------------- */

/* What the driver says of an allocation: its number is that of something else,
 * or of nothing, and it has ended; or it does not say. */
enum csh_park_there {
    CSH_PARK_THERE,
    CSH_PARK_ENDED,
    CSH_PARK_UNKNOWN,
};
enum csh_park_there csh_park_memory_is_at(
    const struct csh_park_address *place);

/* The same of a block. */
enum csh_park_there csh_park_memory_is_there(const struct csh_parked *block);

/* Forgets an allocation that has ended, and the block. */
void csh_park_memory_lose(const struct csh_park_address *place);

/* The same of all of the context's, if the first of them has. */
void csh_park_memory_lose_ended(CUcontext context);

/* ------------------------------------------------------------------------ */

/* Adds a use behind all that the stream has queued, a copy out of a block of
 * the current context last. False: there is no memory, or no event. */
CSH_MUST_CHECK bool csh_park_memory_note_use(struct csh_park_use **uses_p,
                                             const struct csh_stream *stream);

/* Takes those away that are over. Waits for none. */
void csh_park_memory_drop_uses(struct csh_park_use **uses_p);

/* Waits until then for all copies out of a block that is the caller's. */
CSH_MUST_CHECK bool csh_park_memory_settle(struct csh_parked *block,
                                           uint64_t until_ns);

/* Bytes of the device that are the shim's, parked or about to be. */
uint64_t csh_park_memory_bytes(CUdevice device);

/* Threads in the middle of making blocks or giving them back. */
unsigned csh_park_memory_n_moving(void);
void csh_park_memory_moving(int by);

/* Changes whenever one of them begins or ends. */
unsigned csh_park_memory_n_moves(void);

/* The device of the current context, as its driver describes it. */
CSH_MUST_CHECK bool csh_park_memory_ask(CUdevice device,
                                        struct csh_park_room *room_p);

/* ---- other contexts ---------------------------------------------------- */

/*
 * Makes a context current that may be another than the caller's; false: it
 * may be about to end, and nothing has changed. While contexts end nobody
 * begins a visit, and an end waits for visits.
 */
struct csh_park_visit { bool is_pushed; };
CSH_MUST_CHECK bool csh_park_visit(CUcontext context,
                                   struct csh_park_visit *visit_p);
void csh_park_leave(struct csh_park_visit *visit);

/* Around a call that ends a context. Between them blocks in it may be gone and
 * known still: they count as in the middle of being given back. */
void csh_park_contexts_ending(void);
void csh_park_contexts_ended(void);

#endif
