/*
 * park_table.h - the parked blocks: which weights are in which, and which
 * block is whose.
 *
 * A block is the table's from csh_park_table_add() until a function here hands
 * it out, and then the caller's alone: he frees its memory, gives it to the
 * program, or puts it back. While a block is read from it is not handed out. No
 * function calls the driver. Any thread.
 */
#ifndef CSH_ENGINE_PARK_TABLE_H
#define CSH_ENGINE_PARK_TABLE_H

#include <cuda.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "shadow/store.h"
#include "weights/registry.h"

/* A weight in a block. */
struct csh_park_piece {
    size_t offset, bytes;
    struct csh_shadow_ref shadow;
    uint64_t content; /* csh_park_content(): whose history it has */
    struct csh_weight_mark mark;
    bool is_loaded;   /* copied to the program's memory since it was parked */
};

/* A copy out of a block that may still be under way. */
struct csh_park_use {
    CUevent event; /* behind it; of the block's context, and ends with that */
    struct csh_park_use *next;
};

/* A block of memory of the shim's, from cuMemAlloc in this context. */
struct csh_parked {
    CUcontext context;
    CUdevice device;
    CUdeviceptr base;
    size_t bytes;
    uint64_t number; /* of the allocation: park_addresses.h */
    struct csh_park_use *uses; /* but those that readers have */
    unsigned n_readers; /* the table's */
    bool is_gone;       /* the table's: its memory has ended */
    struct csh_parked *prev, *next;
    size_t n_pieces;
    struct csh_park_piece piece[];
};

/* Bytes that are equal have the same. */
static inline uint64_t csh_park_content(const struct csh_shadow *shadow)
{
    return csh_shadow_proof(shadow).lane[0] ^ csh_shadow_bytes(shadow);
}

/* NULL when memory is short. */
struct csh_parked *csh_park_block_create(size_t n_pieces);

/* The memory behind it is no concern of this, nor are events of uses: there
 * are none left, or they have ended with the context. */
void csh_park_block_free(struct csh_parked *block);

/* Bytes of the weights in it. */
size_t csh_park_block_clean_bytes(const struct csh_parked *block);

/* Takes the block over. */
void csh_park_table_add(struct csh_parked *block);

/* How many blocks there are; one load. */
unsigned csh_park_table_n(void);

/* These bytes are parked already: they count as parked anew. */
bool csh_park_table_renew(CUcontext context, struct csh_shadow_ref shadow);

bool csh_park_table_has(CUcontext context, struct csh_shadow_ref shadow);

/*
 * Where the shadow's bytes are parked; the block is read from until _end, by as
 * many as like. Its uses are the reader's until then: he drops those that are
 * over and adds his own. So each event is of one thread at any time, and is
 * with the block again before anybody can be handed it.
 */
struct csh_park_reading {
    struct csh_parked *block;
    struct csh_park_use *uses;
    CUdeviceptr address;
    size_t place; /* of the piece */
};
CSH_MUST_CHECK
bool csh_park_table_read(CUcontext context, struct csh_shadow_ref shadow,
                         struct csh_park_reading *reading_p);

enum csh_park_read {
    CSH_PARK_READ_NOTHING, /* the piece stays as it was */
    CSH_PARK_READ_COPIED,  /* the program has a copy of it */
    CSH_PARK_READ_SPOILT,  /* it does not hold these bytes: it is forgotten */
};
void csh_park_table_end(const struct csh_park_reading *reading,
                        enum csh_park_read how);

/* The block that the program shall get for so many bytes, for which something
 * on the device has to make way, handed out; NULL: none. */
struct csh_parked *csh_park_table_pick(CUcontext context, CUdevice device,
                                       size_t bytes);

/* The block of the device that goes first, handed out; NULL: none can. In any
 * context if `context` is NULL. */
struct csh_parked *csh_park_table_evict(CUdevice device, CUcontext context);

/* Whether a block that is not in the table yet shall be parked, if so many
 * bytes more may be, at the price of others. */
bool csh_park_table_admits(const struct csh_parked *fresh, uint64_t spare);

/* The contexts that have parked blocks, each with its device. Returns how
 * many were filled in. */
size_t csh_park_table_places(CUdevice *devices, CUcontext *contexts,
                             size_t capacity);

/* The context has ended, and all memory in it. Returns how many bytes are
 * forgotten, and sets of which device if there are any. */
uint64_t csh_park_table_forget(CUcontext context, CUdevice *device_p);

/* The same of the one allocation. */
uint64_t csh_park_table_lose(uint64_t number, CUdevice *device_p);

/* ---- what is remembered of weights, parked or not ---------------------- */

/* The shadow's bytes were loaded to a device. */
void csh_park_table_loaded(uint64_t content);

/* The same, unless it was loaded before: it is on a device now. */
void csh_park_table_met(uint64_t content);

/* Memory of weights was freed. */
void csh_park_table_freed(void);

#endif
