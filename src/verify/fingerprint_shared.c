/*
 * fingerprint_shared.c - shares the tiles of a range out among the workers.
 *
 * The outer sums of runs of tiles add up in the field in any order, so the
 * result does not depend on who took which part. Owns nothing; any thread.
 */
#include "verify/fingerprint_shared.h"

#include "base/workers.h"
#include "verify/field.h"

/* Of one fingerprint; all but the sum is constant. */
struct task {
    const struct csh_fingerprint_key *key;
    const unsigned char *bytes;
    size_t n, part_bytes;
    uint64_t sum[CSH_FINGERPRINT_LANES];
};

void csh_fingerprint_merge(const uint64_t found[CSH_FINGERPRINT_LANES],
                           uint64_t sum[CSH_FINGERPRINT_LANES])
{
    unsigned lane;
    uint64_t old;

    for (lane = 0; lane < CSH_FINGERPRINT_LANES; ++lane) {
        old = __atomic_load_n(&sum[lane], __ATOMIC_RELAXED);
        while (!__atomic_compare_exchange_n(
            &sum[lane], &old, csh_field_add(old, found[lane]), true,
            __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
        }
    }
}

static bool add_part(void *state, size_t i, bool is_caller)
{
    struct task *task = state;
    size_t offset     = i * task->part_bytes;
    size_t n          = task->n - offset;
    uint64_t found[CSH_FINGERPRINT_LANES] = {0, 0};

    (void)is_caller;
    n = (n < task->part_bytes) ? n : task->part_bytes;
    csh_fingerprint_add(task->key, task->bytes + offset, n, offset, found);
    csh_fingerprint_merge(found, task->sum);
    return true;
}

void csh_fingerprint_compute_shared(const struct csh_fingerprint_key *key,
                                    const void *bytes, size_t n,
                                    struct csh_fingerprint *out_p)
{
    struct task task     = {key, bytes, n, csh_workers_part_bytes(n), {0, 0}};
    struct csh_work work = {.part = add_part};

    work.n_parts = (n + task.part_bytes - 1) / task.part_bytes;
    csh_workers_run(&work, &task, sizeof(task));
    csh_fingerprint_finish(task.sum, n, out_p);
}
