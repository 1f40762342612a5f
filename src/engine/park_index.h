/*
 * park_index.h - which block holds a shadow's bytes, without looking through
 * all blocks.
 *
 * A hash from a context and a shadow to a piece of a block. What could not be
 * entered because memory was short is not found, and that is all. The index
 * has no lock: the caller holds its own around every call. It refers to blocks
 * by address and reads their pieces, so a block is removed before its pieces
 * change or it is freed.
 */
#ifndef CSH_ENGINE_PARK_INDEX_H
#define CSH_ENGINE_PARK_INDEX_H

#include <cuda.h>
#include <stddef.h>

#include "engine/park_table.h"

struct csh_park_entry;

/* All zero: empty. */
struct csh_park_index { struct csh_park_entry *entries; };

/* All pieces of a block that are somebody's. */
void csh_park_index_add(struct csh_park_index *index,
                        struct csh_parked *block);
void csh_park_index_remove(struct csh_park_index *index,
                           const struct csh_parked *block);

/* One piece, which has been entered or not. */
void csh_park_index_remove_piece(struct csh_park_index *index,
                                 const struct csh_parked *block,
                                 size_t place);

/* A block with the shadow's bytes, and which of its pieces they are; NULL:
 * none is known. */
struct csh_parked *csh_park_index_find(const struct csh_park_index *index,
                                       CUcontext context,
                                       struct csh_shadow_ref shadow,
                                       size_t *place_p);

#endif
