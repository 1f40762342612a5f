/*
 * alias.c - maps whole untouched pages, and copies all others.
 *
 * Owns nothing that lasts; records are in alias_records.c. Conditions, each of
 * which alone would lose bytes, attributes or the program if it were left out,
 * in the order in which they are asked: a file to map, at a congruent offset;
 * a block of glibc's own; pages that nothing of the program's lies under and
 * that nobody has pinned; room below the limit of mappings; a mapping without
 * marks; the descriptor still the slab's. After the mapping: it is of the right
 * file at the right offset, and not locked.
 *
 * Invariant: a record is in the map before its first page is mapped, so that
 * there is no mapping of ours without one; the reverse is usual.
 *
 * Threads: see alias.h. The memory is the calling thread's for the time of the
 * program's call; others may map, unmap and write beside it.
 *
 * Can fail: every failure ends in copying.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* MAP_FIXED_NOREPLACE, syscall */
#endif
#include "shadow/alias_inside.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "shadow/alias_files.h"
#include "shadow/fill.h"
#include "shadow/libc_block.h"
#include "shadow/vma_marks.h"

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000 /* Linux 4.17 */
#endif

/* A mapping takes some 10 us, as long as copying this many bytes into fresh
 * pages; and each may part the program's mapping in three. */
#define LEAST_RUN ((uint64_t)64 << 10)
#define MAPPINGS_A_RUN 2u
#define MOST_RUNS 8u
/* Questions about pages that are asked of one destination. */
#define MOST_QUESTIONS 64u

struct run {
    uint64_t start, end;
    bool is_in_place; /* these very pages of the file lie there already */
};

struct job {
    struct csh_aliases *aliases;
    struct csh_page_view view;
    const struct csh_alias_source *source;
    const struct csh_chunk *chunk;
    uint64_t start, end;    /* the destination */
    uint64_t offset;        /* of `start` in the chunk's file */
    unsigned n_questions;
    unsigned n_runs;
    struct run runs[MOST_RUNS]; /* rising */
    enum csh_alias_obstacle obstacle;
};

static void *pointer(uint64_t address)
{
    return (void *)(uintptr_t)address;
}

static bool stop_at(struct job *job, enum csh_alias_obstacle obstacle)
{
    if (job->obstacle == CSH_ALIAS_none) {
        job->obstacle = obstacle;
    }

    return false;
}

/* --- which pages --------------------------------------------------------- */

static bool is_plain_or_ours(const struct csh_vma *vma, uint64_t address,
                             uint64_t *end_p, void *opaque)
{
    struct csh_alias_record record;

    return csh_alias_classify(opaque, vma, address, end_p, &record) !=
           CSH_ALIAS_FOREIGN;
}

static void add_run(struct job *job, uint64_t start, uint64_t end,
                    bool is_in_place)
{
    if (start >= end) {
        return;
    }
    if ((!is_in_place && (end - start < LEAST_RUN)) ||
        (job->n_runs == MOST_RUNS)) {
        stop_at(job, CSH_ALIAS_touched);
        return;
    }

    job->runs[job->n_runs].start       = start;
    job->runs[job->n_runs].end         = end;
    job->runs[job->n_runs].is_in_place = is_in_place;
    job->n_runs++;
}

/* Adds what was never touched of a part of one mapping. */
static bool add_untouched(struct job *job, uint64_t at, uint64_t end,
                          bool is_in_place)
{
    struct csh_page_run touched;

    for (; at < end; at = touched.end) {
        if (job->n_questions++ == MOST_QUESTIONS) {
            return stop_at(job, CSH_ALIAS_touched);
        }
        switch (csh_page_view_find_pages(&job->view, CSH_PAGES_TOUCHED, at, end,
                                         &touched)) {
        case CSH_PAGES_NONE:
            add_run(job, at, end, is_in_place);
            return true;
        case CSH_PAGES_FOUND:
            stop_at(job, CSH_ALIAS_touched);
            add_run(job, at, touched.start, is_in_place);
            break;
        default:
            return stop_at(job, CSH_ALIAS_unknown);
        }
    }

    return true;
}

/* Whether what is ours there is what is wanted there. */
static bool is_in_place(const struct job *job,
                        const struct csh_alias_record *record)
{
    return (record->device == job->chunk->device) &&
           (record->inode == job->chunk->inode) &&
           (record->offset - record->start == job->offset - job->start);
}

static bool find_runs(struct job *job)
{
    size_t page   = job->aliases->page;
    uint64_t at   = (job->start + page - 1) & ~(uint64_t)(page - 1);
    uint64_t last = job->end & ~(uint64_t)(page - 1);
    struct csh_alias_record record;
    enum csh_alias_kind kind;
    struct csh_vma vma;
    uint64_t to;

    for (; at < last; at = to) {
        if (csh_page_view_find_vma(&job->view, at, &vma) !=
            CSH_PAGES_FOUND) {
            return stop_at(job, CSH_ALIAS_unknown);
        }
        kind = csh_alias_classify(job->aliases, &vma, at, &to, &record);
        to   = csh_alias_smaller(to, last);
        /* The program may have taken write access away: its call will find
         * that out, and a mapping would give it back. */
        if ((kind == CSH_ALIAS_FOREIGN) ||
            ((vma.flags & CSH_VMA_WRITABLE) == 0)) {
            return stop_at(job, CSH_ALIAS_block);
        }
        if (!add_untouched(job, at, to, (kind == CSH_ALIAS_OURS) &&
                                                is_in_place(job, &record))) {
            return false;
        }
    }

    return true;
}

/* A run lies in one mapping and is long: two pages of it, nobody's. */
static bool is_unmarked(struct job *job, const struct run *run)
{
    return csh_vma_marks(&job->view, run->start + job->aliases->page,
                         run->start) == 0;
}

/* --- mapping ------------------------------------------------------------- */

bool csh_alias_is_mapped_right(struct csh_page_view *view,
                               const struct csh_chunk *chunk, uint64_t start,
                               uint64_t end, uint64_t offset)
{
    struct csh_vma vma;

    csh_page_view_renew(view);
    return (csh_page_view_find_vma(view, start, &vma) == CSH_PAGES_FOUND) &&
           (vma.end >= end) && (vma.device == chunk->device) &&
           (vma.inode == chunk->inode) &&
           (vma.offset + (start - vma.start) == offset) &&
           (vma.flags == (CSH_VMA_READABLE | CSH_VMA_WRITABLE)) &&
           (syscall(SYS_msync, start, end - start,
                    MS_ASYNC | MS_INVALIDATE) == 0);
}

static bool map_anonymous(uint64_t start, uint64_t end, int flags)
{
    void *address = mmap(pointer(start), end - start, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);

    if ((address != MAP_FAILED) && (address != pointer(start))) {
        munmap(address, end - start); /* a kernel without NOREPLACE */
        return false;
    }

    return address != MAP_FAILED;
}

/* Makes a run plain again: its pages were never touched, so nothing is lost.
 * Another thread's mapping that got into a hole is left alone. */
static bool repair(struct job *job, const struct run *run)
{
    enum csh_page_answer answer;
    struct csh_vma vma;
    uint64_t at, to;
    bool is_whole = true;

    for (at = run->start; at < run->end; at = to) {
        csh_page_view_renew(&job->view);
        answer = csh_page_view_find_vma(&job->view, at, &vma);
        if (answer == CSH_PAGES_UNKNOWN) {
            return map_anonymous(at, run->end, MAP_FIXED);
        }

        to = csh_alias_smaller((answer == CSH_PAGES_FOUND) ? vma.end
                                                           : vma.start,
                               run->end);
        if (answer == CSH_PAGES_NONE) {
            is_whole = map_anonymous(at, to, MAP_FIXED_NOREPLACE) && is_whole;
        } else if (!csh_vma_is_plain(&vma)) {
            is_whole = map_anonymous(at, to, MAP_FIXED) && is_whole;
        }
    }

    return is_whole;
}

/* True when the run is mapped. *is_whole_p becomes false when it is lost. */
static bool map_run(struct job *job, const struct run *run, bool *is_whole_p)
{
    uint64_t offset = job->offset + (run->start - job->start);
    void *address;

    if (run->is_in_place) {
        return true;
    }
    if (!is_unmarked(job, run)) {
        return stop_at(job, CSH_ALIAS_marked);
    }
    if (!csh_chunk_owns_descriptor(job->chunk)) {
        return stop_at(job, CSH_ALIAS_file);
    }

    address = job->aliases->setup.map(pointer(run->start),
                                      run->end - run->start, job->chunk->fd,
                                      (off_t)offset);
    if ((address == pointer(run->start)) &&
        csh_alias_is_mapped_right(&job->view, job->chunk, run->start,
                                  run->end, offset)) {
        return true;
    }

    csh_debug("shadow", "a mapping of %zu bytes failed (errno %d)",
              (size_t)(run->end - run->start), errno);
    if (!repair(job, run)) {
        csh_error("shadow", "%zu bytes of the program could not be mapped "
                  "again after a mapping failed (errno %d)",
                  (size_t)(run->end - run->start), errno);
        *is_whole_p = false;
    }
    return stop_at(job, CSH_ALIAS_refused);
}

/* Maps the runs and keeps those that were. */
static bool map_runs(struct job *job)
{
    bool is_whole = true;
    unsigned i, n = 0;

    for (i = 0; i < job->n_runs; i++) {
        if (map_run(job, &job->runs[i], &is_whole)) {
            job->runs[n++] = job->runs[i];
        }
    }

    job->n_runs = n;
    return is_whole;
}

/* Before the first page is mapped. */
static bool add_record(struct job *job)
{
    struct csh_alias_record record = {
        .ref        = job->source->ref,
        .device     = job->chunk->device,
        .inode      = job->chunk->inode,
        .start      = job->start,
        .offset     = job->offset,
        .n_mappings = job->n_runs * MAPPINGS_A_RUN,
    };
    enum csh_alias_obstacle obstacle;
    unsigned i;

    for (i = 0; i < job->n_runs; i++) {
        record.mapped_bytes += job->runs[i].end - job->runs[i].start;
    }

    return csh_alias_add_record(job->aliases, &record, job->end - job->start,
                                &obstacle) || stop_at(job, obstacle);
}

/* --- the whole ----------------------------------------------------------- */

/* Everything that can be asked before anything is changed. */
static bool prepare(struct job *job)
{
    struct csh_aliases *aliases = job->aliases;
    struct csh_slab_file file;

    if (job->end - job->start < LEAST_RUN) {
        return stop_at(job, CSH_ALIAS_small);
    }
    if (!csh_slab_find_file(&job->source->extent, &file)) {
        return stop_at(job, CSH_ALIAS_file);
    }
    job->chunk  = file.chunk;
    job->offset = file.offset;
    if ((job->offset - job->start) % aliases->page != 0) {
        return stop_at(job, CSH_ALIAS_phase);
    }
    if (csh_slab_is_crowded(aliases->setup.pool)) {
        return stop_at(job, CSH_ALIAS_crowded);
    }
    if (!aliases->setup.libc_owns_malloc ||
        !csh_libc_block_holds(&job->view, job->start, job->end - job->start,
                              is_plain_or_ours, aliases)) {
        return stop_at(job, CSH_ALIAS_block);
    }

    /* What was found before something stopped the search can be mapped. */
    (void)find_runs(job);
    return (job->n_runs > 0) && add_record(job);
}

/* Copies what no run covers. Returns how much. */
static size_t copy_rest(const struct job *job)
{
    uint64_t at = job->start;
    size_t n    = 0;
    uint64_t end;
    unsigned i;

    for (i = 0; i <= job->n_runs; i++) {
        end = (i < job->n_runs) ? job->runs[i].start : job->end;
        csh_fill(pointer(at),
                 job->source->extent.address + (at - job->start), end - at);
        n += end - at;
        at = (i < job->n_runs) ? job->runs[i].end : end;
    }

    return n;
}

bool csh_alias_materialise(struct csh_aliases *aliases, void *destination,
                           const struct csh_alias_source *source,
                           struct csh_alias_result *result_p)
{
    size_t bytes  = source->extent.bytes;
    bool is_whole = true;
    struct job job;

    memset(&job, 0, sizeof(job));
    job.aliases = aliases;
    job.source  = source;
    job.start   = (uint64_t)(uintptr_t)destination;
    job.end     = job.start + bytes;

    csh_page_view_begin(&job.view, aliases->setup.state);
    if (prepare(&job)) {
        csh_slab_mark_aliased(aliases->setup.pool, &source->extent);
        if (csh_alias_files_add(aliases->setup.state, job.chunk->device,
                                job.chunk->inode)) {
            is_whole = map_runs(&job);
        } else {
            job.n_runs = 0;
            stop_at(&job, CSH_ALIAS_limit);
        }
    } else {
        job.n_runs = 0;
    }
    if (job.n_runs == 0) {
        csh_alias_forget(aliases, destination, bytes);
    }

    result_p->obstacle     = job.obstacle;
    result_p->copied_bytes = 0;
    result_p->mapped_bytes = 0;
    if (is_whole) {
        result_p->copied_bytes = copy_rest(&job);
        result_p->mapped_bytes = bytes - result_p->copied_bytes;
    }

    return is_whole;
}
