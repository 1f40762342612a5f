/*
 * slab.h - memory for shadows: allocated exactly, pinned when the driver is
 * willing, given back whole.
 *
 * Any function may be called from any thread. Those that call the driver say
 * so; they must be called with no lock of the shim held, and only inside a
 * call of the program that may synchronise by itself.
 */
#ifndef CSH_SHADOW_SLAB_H
#define CSH_SHADOW_SLAB_H

#include <cuda.h>
#include <cudaTypedefs.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "shadow/budget.h"
#include "shadow/chunk.h"

/* The driver, as far as this folder needs it. */
struct csh_pin_calls {
    PFN_cuMemHostRegister_v6050 host_register;
    PFN_cuMemHostUnregister_v4000 host_unregister;
};

struct csh_slab_pool;
struct csh_slab_chunk;
struct csh_slab_step;

/* A piece of slab memory; its owner may read and write it. No two extents
 * share a byte, and none crosses the bounds of what was registered at once,
 * so a copy from or to one never spans two registrations. */
struct csh_extent {
    unsigned char *address; /* 64-byte aligned; from 64 KiB on, see below */
    size_t bytes;           /* as asked for */
    struct csh_slab_step *step;
};

enum csh_slab_status {
    CSH_SLAB_OK,
    CSH_SLAB_NO_BUDGET, /* csh_budget_bytes() does not allow it now */
    CSH_SLAB_REFUSED,   /* the kernel or malloc said no */
};

/* The calls and the budget are the caller's and outlive the pool. `create`
 * is NULL for memfd_create. NULL when memory is short. */
struct csh_slab_pool *csh_slab_create(const struct csh_pin_calls *pins,
                                      const struct csh_budget *budget,
                                      csh_chunk_create_fn *create);

/* Gives everything back, extents in use too. Calls the driver. */
void csh_slab_destroy(struct csh_slab_pool *pool);

CSH_MUST_CHECK
enum csh_slab_status csh_slab_allocate(struct csh_slab_pool *pool,
                                       size_t bytes,
                                       struct csh_extent *extent_p);

/* The same, and extents of 64 KiB or more begin at an address that is equal to
 * `phase` modulo 4096, as is its offset in the memory file: whole pages of it
 * can then be mapped under memory of that phase. Without a wish: 0. */
CSH_MUST_CHECK
enum csh_slab_status csh_slab_allocate_at(struct csh_slab_pool *pool,
                                          size_t bytes, uint64_t phase,
                                          struct csh_extent *extent_p);

/* Where an extent lies in a memory file: valid as long as the extent is. */
struct csh_slab_file {
    const struct csh_chunk *chunk;
    uint64_t offset; /* of the extent's first byte */
};

/* False where there is no file. */
bool csh_slab_find_file(const struct csh_extent *extent,
                        struct csh_slab_file *file_p);

void csh_slab_free(struct csh_slab_pool *pool,
                   const struct csh_extent *extent);

/* Pinned now: true only from a registration that succeeded until it is about
 * to be ended. Needs no lock. */
bool csh_slab_is_pinned(const struct csh_extent *extent);

/* Pages of this extent are about to be mapped into the program: its memory is
 * never handed out again, and goes back with its chunk (a reader of such a
 * mapping may outlive every trace that this process could see). */
void csh_slab_mark_aliased(struct csh_slab_pool *pool,
                           const struct csh_extent *extent);

/* Registers what is populated and in use, within csh_budget_pinned_bytes().
 * After a refusal by the driver fewer and fewer calls try again. Returns the
 * bytes newly pinned. Calls the driver. */
size_t csh_slab_register_pending(struct csh_slab_pool *pool);

/* The first refusal from here on is the last attempt: where each may do harm.
 * What is pinned then stays so, the rest serves unpinned. Before any other
 * thread knows the pool. */
void csh_slab_pin_until_refused(struct csh_slab_pool *pool);

/* A context of the program has ended, and with it perhaps registrations that
 * were made in it (CUDA does not say of portable ones). The next
 * csh_slab_register_pending() makes sure; until then copies may be slower than
 * csh_slab_is_pinned() says, and nothing else. Calls nothing. */
void csh_slab_note_context_ended(struct csh_slab_pool *pool);

/* Ends every registration, before the context that made them ends; a later
 * csh_slab_register_pending() makes them again. Nothing may be in flight
 * from or to any extent. Calls the driver. */
void csh_slab_unregister_all(struct csh_slab_pool *pool);

/* Gives chunks that hold no extent back to the kernel. Returns the bytes of
 * memory given back. Calls the driver. */
size_t csh_slab_trim(struct csh_slab_pool *pool);

/* The same, but without may_call_driver only those of which nothing is
 * registered. */
size_t csh_slab_discard(struct csh_slab_pool *pool, bool may_call_driver);

/* Memory goes back in whole chunks: which one an extent lies in, how much of
 * its used_bytes it is, and what it takes to give the chunk back. A chunk is
 * there for as long as it holds an extent. */
struct csh_slab_chunk_usage {
    size_t used_bytes;
    bool needs_driver; /* something in it is registered, or becoming so */
};
const struct csh_slab_chunk *csh_slab_chunk_of(const struct csh_extent *extent);
size_t csh_slab_span(const struct csh_extent *extent);
void csh_slab_read_chunk(struct csh_slab_pool *pool,
                         const struct csh_slab_chunk *chunk,
                         struct csh_slab_chunk_usage *usage_p);

/* Whether an extent lies in a chunk that is to end, because so much of it was
 * aliased and freed; whether there is any such chunk. */
bool csh_slab_is_wasted(struct csh_slab_pool *pool,
                        const struct csh_extent *extent);
bool csh_slab_has_waste(struct csh_slab_pool *pool);

/* Whether as much memory is lost as is in use, in chunks that cannot end, so
 * that nothing shall be aliased for now: what never was is used again. */
bool csh_slab_is_crowded(struct csh_slab_pool *pool);

/* Bytes that no extent uses but that are held, and all that are held. */
struct csh_slab_usage {
    uint64_t held_bytes, free_bytes, pinned_bytes;
    size_t n_chunks;
};
void csh_slab_read_usage(struct csh_slab_pool *pool,
                         struct csh_slab_usage *usage_p);

/* Bytes the budget would still let the pool take from the kernel. */
uint64_t csh_slab_read_headroom(struct csh_slab_pool *pool);

/* Whether so many more bytes are too many for the memory there is, and not
 * only for the user's limit. */
bool csh_slab_is_memory_short(struct csh_slab_pool *pool, uint64_t bytes);

/* True while the pool keeps its own rules; for tests and debug builds. */
bool csh_slab_check(struct csh_slab_pool *pool);

#endif
