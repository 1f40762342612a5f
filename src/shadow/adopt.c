/*
 * adopt.c - see adopt.h.
 *
 * Owns nothing that lasts; records are in alias_records.c. The memory is
 * adopted in pieces, from the front: waits of other threads are as short as
 * the comparison of one piece, and no more memory is needed than the pages
 * that are aside. Where a piece stays as it is after one that was adopted, the
 * rest does too: so what is adopted is one mapping.
 *
 * Invariant, as in alias.c: a record is in the map before the first page is
 * mapped.
 *
 * Can fail: every failure leaves the program's own pages where they were.
 */
#include "shadow/adopt.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "shadow/alias_files.h"
#include "shadow/alias_inside.h"
#include "shadow/libc_block.h"
#include "shadow/page_move.h"
#include "shadow/vma_marks.h"

/* Less is not worth a mapping, as in alias.c. */
#define LEAST_BYTES ((uint64_t)64 << 10)
/* Compared in some milliseconds. */
#define PIECE ((uint64_t)16 << 20)
#define MAPPINGS_A_RUN 2u

struct adoption {
    struct csh_aliases *aliases;
    struct csh_page_view view;
    const struct csh_alias_source *source;
    const struct csh_chunk *chunk;
    uint64_t start, end;  /* the program's memory */
    uint64_t first, last; /* whole pages of it */
    uint64_t offset;      /* of `start` in the chunk's file */
    enum csh_adopt_obstacle obstacle;
};

static bool stop_at(struct adoption *adoption,
                    enum csh_adopt_obstacle obstacle)
{
    if (adoption->obstacle == CSH_ADOPT_none) {
        adoption->obstacle = obstacle;
    }

    return false;
}

/* --- before anything is changed ------------------------------------------ */

static bool is_plain(const struct csh_vma *vma, uint64_t address,
                     uint64_t *end_p, void *opaque)
{
    (void)address;
    (void)opaque;
    *end_p = vma->end;
    return csh_vma_is_plain(vma);
}

static bool prepare(struct adoption *adoption)
{
    struct csh_aliases *aliases = adoption->aliases;
    uint64_t page               = aliases->page;
    struct csh_slab_file file;

    adoption->first = (adoption->start + page - 1) & ~(page - 1);
    adoption->last  = adoption->end & ~(page - 1);
    if ((adoption->last < adoption->first) ||
        (adoption->last - adoption->first < LEAST_BYTES)) {
        return stop_at(adoption, CSH_ADOPT_small);
    }
    if (!csh_slab_find_file(&adoption->source->extent, &file)) {
        return stop_at(adoption, CSH_ADOPT_file);
    }
    adoption->chunk  = file.chunk;
    adoption->offset = file.offset;
    if ((adoption->offset - adoption->start) % page != 0) {
        return stop_at(adoption, CSH_ADOPT_phase);
    }
    if (!aliases->setup.libc_owns_malloc ||
        !csh_libc_block_holds(&adoption->view, adoption->start,
                              adoption->end - adoption->start, is_plain,
                              NULL)) {
        return stop_at(adoption, CSH_ADOPT_block);
    }

    return true;
}

/* Before the first page is mapped. */
static bool add_record(struct adoption *adoption)
{
    struct csh_alias_record record = {
        .ref          = adoption->source->ref,
        .device       = adoption->chunk->device,
        .inode        = adoption->chunk->inode,
        .start        = adoption->start,
        .offset       = adoption->offset,
        .mapped_bytes = adoption->last - adoption->first,
        .n_mappings   = MAPPINGS_A_RUN,
    };
    enum csh_alias_obstacle obstacle;

    if (!csh_alias_add_record(adoption->aliases, &record,
                              adoption->end - adoption->start, &obstacle) ||
        !csh_alias_files_add(adoption->aliases->setup.state, record.device,
                             record.inode)) {
        return stop_at(adoption, CSH_ADOPT_limit);
    }

    csh_slab_mark_aliased(adoption->aliases->setup.pool,
                          &adoption->source->extent);
    return true;
}

/* --- one piece ----------------------------------------------------------- */

static enum csh_adopt_obstacle obstacle_of(int error)
{
    switch (error) {
    case EBUSY:
        return CSH_ADOPT_busy;
    case ENOENT:
        return CSH_ADOPT_untouched;
    default:
        return CSH_ADOPT_refused;
    }
}

/* Up to where memory without marks is one mapping; `at` if it has any. */
static uint64_t find_unmarked(struct adoption *adoption, uint64_t at,
                              uint64_t end)
{
    struct csh_vma vma;

    csh_page_view_renew(&adoption->view);
    if ((csh_page_view_find_vma(&adoption->view, at, &vma) !=
         CSH_PAGES_FOUND) || !csh_vma_is_plain(&vma)) {
        stop_at(adoption, CSH_ADOPT_block);
        return at;
    }

    end = csh_alias_smaller(end, vma.end);
    if ((end - at < 2 * adoption->aliases->page) ||
        (csh_vma_marks(&adoption->view, at + adoption->aliases->page, at) !=
         0)) {
        stop_at(adoption, CSH_ADOPT_marked);
        return at;
    }
    return end;
}

/* Of pages that are aside, where nobody writes them. */
static bool map_if_equal(struct adoption *adoption,
                         const struct csh_page_move *move, bool *is_replaced_p)
{
    uint64_t distance = move->start - adoption->start;
    void *wanted      = (void *)(uintptr_t)move->start;

    *is_replaced_p = false;
    if (memcmp(move->aside, adoption->source->extent.address + distance,
               move->bytes) != 0) {
        return stop_at(adoption, CSH_ADOPT_changed);
    }
    if (!csh_chunk_owns_descriptor(adoption->chunk)) {
        return stop_at(adoption, CSH_ADOPT_file);
    }

    *is_replaced_p = true;
    if ((adoption->aliases->setup.map(wanted, move->bytes,
                                      adoption->chunk->fd,
                                      (off_t)(adoption->offset + distance)) !=
         wanted) ||
        !csh_alias_is_mapped_right(&adoption->view, adoption->chunk,
                                   move->start, move->start + move->bytes,
                                   adoption->offset + distance)) {
        return stop_at(adoption, CSH_ADOPT_refused);
    }

    return true;
}

static bool adopt_piece(struct adoption *adoption, uint64_t at, uint64_t end)
{
    struct csh_page_move move;
    bool is_replaced, is_right;
    int error = csh_page_move_begin(&move, at, end - at);

    if (error != 0) {
        return stop_at(adoption, obstacle_of(error));
    }
    if (map_if_equal(adoption, &move, &is_replaced)) {
        csh_page_move_finish(&move);
        return true;
    }

    is_right = csh_page_move_restore(&move, is_replaced);
    if (!is_right) {
        csh_error("shadow", "%zu bytes of the program had to be copied back "
                  "to their place", (size_t)(end - at));
    }
    return false;
}

/* --- the whole ----------------------------------------------------------- */

/* Returns the bytes adopted, which are one run. */
static uint64_t adopt_pieces(struct adoption *adoption)
{
    uint64_t n = 0;
    uint64_t at, end, to;

    for (at = adoption->first; at < adoption->last; at = to) {
        to  = csh_alias_smaller(at + PIECE, adoption->last);
        end = find_unmarked(adoption, at, to);
        if ((end > at) && adopt_piece(adoption, at, end)) {
            n += end - at;
            to = end;
        } else if (n > 0) {
            break;
        }
    }

    return n;
}

void csh_adopt(struct csh_aliases *aliases, void *memory,
               const struct csh_alias_source *source,
               struct csh_adopt_result *result_p)
{
    struct adoption adoption;

    memset(&adoption, 0, sizeof(adoption));
    adoption.aliases = aliases;
    adoption.source  = source;
    adoption.start   = (uint64_t)(uintptr_t)memory;
    adoption.end     = adoption.start + source->extent.bytes;
    csh_page_view_begin(&adoption.view, aliases->setup.state);
    result_p->adopted_bytes = 0;
    if (prepare(&adoption) && add_record(&adoption)) {
        result_p->adopted_bytes = adopt_pieces(&adoption);
        if (result_p->adopted_bytes == 0) {
            csh_alias_forget(aliases, memory, source->extent.bytes);
        }
    }
    result_p->obstacle = adoption.obstacle;
}
