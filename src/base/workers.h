/*
 * workers.h - a few threads that do parts of one large job beside the thread
 * that has it.
 *
 * The calling thread always takes part and could do all of it: workers that
 * are missing, busy elsewhere, late or unable only make it slower. One job
 * has the workers at a time; whoever comes meanwhile does its job alone.
 *
 * A worker touches memory of the shim only. What it must know of the job is
 * copied into memory of the pool's own, so that it touches no stack either:
 * the calling thread may vanish out of its part (a signal handler of the
 * program's that jumps away), and then the pool is merely never free again.
 *
 * Threads are made at the first large job: CUSHADOW_THREADS of them less the
 * calling one, with every signal blocked. They inherit the affinity of the
 * thread that made them. In a child forked afterwards there are none, and the
 * calling thread does all. The calling thread cannot be cancelled in a job.
 */
#ifndef CSH_BASE_WORKERS_H
#define CSH_BASE_WORKERS_H

#include <stdbool.h>
#include <stddef.h>

/* A smaller job would be over before a worker is awake. */
#define CSH_WORK_LEAST_BYTES ((size_t)2 << 20)
#define CSH_WORK_MAX_PARTS 4096u
#define CSH_WORK_STATE_BYTES 256u

struct csh_work {
    /* Part i of the job, once for each i, on any thread and in any order;
     * parts 0..n-1 are begun in that order. False from a worker: it cannot,
     * and the calling thread is asked for this part instead. */
    bool (*part)(void *state, size_t i, bool is_caller);

    size_t n_parts;  /* at most CSH_WORK_MAX_PARTS */
    bool is_callers; /* no worker may take part in this one */
};

/* Does all parts; none is under way afterwards. The state is copied before and
 * back after; `bytes` is at most CSH_WORK_STATE_BYTES. Keeps errno. */
void csh_workers_run(const struct csh_work *work, void *state, size_t bytes);

/* How long the parts of a job over so many bytes are: 256 KiB or a larger
 * power of two; a job that is not worth a worker is one part. */
size_t csh_workers_part_bytes(size_t bytes);

/* Threads that may work on one job, the calling one included: what
 * CUSHADOW_THREADS says, or for auto three quarters of the processors that
 * the calling thread may use, from 1 to 8. Each copies and hashes some 5 to 8
 * GB/s, so eight keep up with the fastest link in use (PCIe 5.0 x16: 50 GB/s
 * in practice), and a quarter of the machine is left to the program's other
 * threads. */
unsigned csh_workers_limit(void);

/* Workers that exist; for tests. */
unsigned csh_workers_count(void);

#endif
