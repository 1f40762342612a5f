/*
 * cohort.c - forms cohorts and keeps what they found.
 *
 * Owns the answers of the latest cohort: a map of ranges with the handle of a
 * shadow and the answer, all of one context and one generation of the watch;
 * they are dropped as soon as the generation is seen not to hold. And how
 * useful the latest cohorts were: after one whose answers nobody used, the
 * next few offloads form none, and more of them each time.
 *
 * Forming, in the order that makes it right: the watch is armed; the batch is
 * made known to those who end memory; every stream is asked; the ranges are
 * chosen; the launch.
 *
 * Threads: any. The lock is a leaf and never held across a driver call; one
 * thread at a time forms (is_forming), the others do without.
 */
#include "engine/cohort.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/lock.h"
#include "base/statistics.h"
#include "engine/calls.h"
#include "engine/idle.h"
#include "engine/lifetimes.h"
#include "track/ranges.h"
#include "track/watch.h"

#define MAX_WEIGHTS 4096
/* Offloads that form no cohort after unused ones: 1, 3, 7, ... */
#define MAX_WASTED 6

static struct csh_lock lock = CSH_LOCK_INIT(CSH_RANK_LEAF);
static struct csh_ranges answers CSH_GUARDED_BY(lock);
static CUcontext context_of_all CSH_GUARDED_BY(lock);
static uint64_t generation CSH_GUARDED_BY(lock);
static unsigned n_reuses CSH_GUARDED_BY(lock); /* of these answers */
static unsigned n_wasted CSH_GUARDED_BY(lock), n_skips CSH_GUARDED_BY(lock);

static atomic_bool is_forming;

/* What a launch is about; one thread's at a time, and kept. */
struct cohort {
    size_t n;
    struct csh_weight weights[MAX_WEIGHTS];
    struct csh_prover_item items[MAX_WEIGHTS];
};

/* --- what is believed ---------------------------------------------------- */

static uint64_t word_of(const struct csh_shadow *shadow)
{
    struct csh_shadow_ref ref = csh_shadow_ref(shadow);

    return (uint64_t)ref.generation << 32 | ref.index;
}

/* The next few offloads form none. */
static void note_waste(void) CSH_REQUIRES(lock)
{
    n_wasted += n_wasted < MAX_WASTED;
    n_skips = (1u << n_wasted) - 1;
}

/* Only the program's doings end a generation. */
static void drop_stale(void) CSH_REQUIRES(lock)
{
    if (generation == 0 || csh_watch_holds(generation)) {
        return;
    }
    csh_ranges_clear(&answers, NULL, NULL);
    generation = 0;
    if (n_reuses > 0) {
        n_wasted = 0;
    } else {
        note_waste();
    }
    csh_statistics_add(CSH_GAUGE_cohort_trips, 1);
}

enum csh_belief csh_cohort_belief(const struct csh_context *context,
                                  const struct csh_weight *weight)
{
    enum csh_belief belief = CSH_BELIEF_NONE;
    const struct csh_range *range;

    if (!csh_watch_is_on()) {
        return CSH_BELIEF_NONE;
    }
    csh_lock_acquire(&lock);
    drop_stale();
    if (generation != 0 && context_of_all == context->handle) {
        range = csh_ranges_find(&answers, weight->device, weight->bytes);
        if (range != NULL && range->value.word[0] == word_of(weight->shadow)) {
            belief = (enum csh_belief)range->value.word[1];
        }
    }
    csh_lock_release(&lock);
    return belief;
}

void csh_cohort_note_reuse(void)
{
    csh_lock_acquire(&lock);
    n_reuses++;
    csh_lock_release(&lock);
    csh_statistics_add(CSH_GAUGE_cohort_reuses, 1);
}

static void keep_answer(const struct csh_weight *weight, enum csh_proof proof)
    CSH_REQUIRES(lock)
{
    struct csh_range range = {.start = weight->device,
                              .bytes = weight->bytes};

    if (proof == CSH_PROOF_EQUAL || proof == CSH_PROOF_DIFFERENT) {
        range.value.word[0] = word_of(weight->shadow);
        range.value.word[1] = proof == CSH_PROOF_EQUAL ? CSH_BELIEF_EQUAL
                                                       : CSH_BELIEF_DIFFERENT;
        /* Memory being short only loses the answer, or an older one. */
        if (!csh_ranges_insert(&answers, &range, NULL, NULL)) {
            csh_ranges_remove(&answers, range.start, range.bytes, NULL, NULL);
        }
        csh_statistics_add(CSH_GAUGE_cohort_ranges, 1);
        csh_statistics_add(CSH_GAUGE_proof_bytes, (int64_t)weight->bytes);
    }
}

static void keep_answers(const struct cohort *cohort, CUcontext context,
                         uint64_t armed)
{
    size_t i;

    csh_lock_acquire(&lock);
    drop_stale();
    if (answers.allocate == NULL) {
        csh_ranges_init(&answers);
    }
    csh_ranges_clear(&answers, NULL, NULL);
    for (i = 0; i < cohort->n; i++) {
        keep_answer(&cohort->weights[i], cohort->items[i].proof);
    }
    context_of_all = context;
    generation = armed;
    n_reuses = 0;
    csh_lock_release(&lock);
    csh_statistics_add(CSH_GAUGE_cohorts, 1);
    csh_statistics_add(CSH_GAUGE_proofs, 1);
}

/* --- what is asked about ------------------------------------------------- */

/* Memory that was not seen to begin may end unseen: of pools, of graphs, of
 * modules, imported. */
static bool may_read(const struct csh_context *context,
                     const struct csh_weight *weight)
{
    return csh_lifetimes_covers(weight->device, weight->bytes) &&
           csh_prover_range_is_plain(csh_calls_of_prover(), weight->device,
                                     weight->bytes, context->handle,
                                     context->device);
}

static void add_item(struct cohort *cohort, const struct csh_weight *weight)
{
    const struct csh_shadow_proof known = csh_shadow_proof(weight->shadow);
    struct csh_prover_item *item = &cohort->items[cohort->n];

    cohort->weights[cohort->n++] = *weight;
    item->src = weight->device;
    item->n = weight->bytes;
    memcpy(item->expected.lane, known.lane, sizeof(item->expected.lane));
}

/* The weight, and others that are likely to follow: neighbours first. Those
 * of them are held until release_others(). */
static void choose(struct cohort *cohort, const struct csh_context *context,
                   const struct csh_weight *weight)
{
    size_t n_others, i;

    cohort->n = 0;
    add_item(cohort, weight);
    n_others = csh_residency_list(context->handle, weight->device,
                                  cohort->weights + 1, MAX_WEIGHTS - 1);
    for (i = 1; i <= n_others; i++) {
        /* add_item() writes at or before i */
        struct csh_weight other = cohort->weights[i];

        if (may_read(context, &other)) {
            add_item(cohort, &other);
        } else {
            csh_store_release(csh_residency_store(), other.shadow);
        }
    }
}

static void release_others(struct cohort *cohort)
{
    size_t i;

    for (i = 1; i < cohort->n; i++) {
        csh_store_release(csh_residency_store(), cohort->weights[i].shadow);
    }
    cohort->n = 0;
}

/* --- forming ------------------------------------------------------------- */

static enum csh_proof refuse(enum csh_gauge why)
{
    csh_statistics_add(why, 1);
    return CSH_PROOF_BUSY;
}

static enum csh_proof refuse_range(void)
{
    csh_lock_acquire(&lock);
    note_waste();
    csh_lock_release(&lock);
    return refuse(CSH_GAUGE_cohorts_refused_range);
}

static bool is_worth_it(void)
{
    bool is_worth_it;

    csh_lock_acquire(&lock);
    drop_stale();
    is_worth_it = n_skips == 0;
    n_skips -= !is_worth_it;
    csh_lock_release(&lock);
    return is_worth_it;
}

/* Per-thread streams are used by launches as well, which idle.h does not hear
 * of; another thread's cannot be asked at all. */
static bool is_everything_idle(const struct csh_context *context)
{
    static const struct csh_stream own = {CU_STREAM_PER_THREAD, CSH_PLAIN};

    if (csh_watch_others_use_per_thread()) {
        return false;
    }
    if (csh_watch_uses_per_thread()) {
        csh_idle_note_stream(context->handle, &own);
    }
    return csh_idle_is_everything_idle(context->handle);
}

/* With the batch begun and known: nobody ends memory now. BUSY: refused. */
static enum csh_proof prove_many(struct cohort *cohort,
                                 const struct csh_context *context,
                                 const struct csh_weight *weight,
                                 uint64_t timeout_ns)
{
    enum csh_proof proof;

    if (!is_everything_idle(context)) {
        return refuse(CSH_GAUGE_cohorts_refused_busy);
    }
    if (!may_read(context, weight)) {
        return refuse_range();
    }
    choose(cohort, context, weight);
    proof = csh_prover_batch_prove(csh_context_prover(context),
                                   cohort->items, cohort->n, timeout_ns);
    return proof == CSH_PROOF_BUSY ? CSH_PROOF_ERROR : proof;
}

/* The launch itself: from when memory may not end to when it may again. */
static enum csh_proof launch(struct cohort *cohort,
                             const struct csh_context *context,
                             const struct csh_weight *weight,
                             uint64_t timeout_ns)
{
    struct csh_prover *prover = csh_context_prover(context);
    enum csh_proof proof;
    bool was_left_alone;

    if (!csh_prover_batch_begin(prover)) {
        return refuse(CSH_GAUGE_cohorts_refused_lane);
    }
    if (csh_lifetimes_enter(prover)) {
        proof = prove_many(cohort, context, weight, timeout_ns);
        was_left_alone = csh_lifetimes_leave();
        if (!was_left_alone && proof != CSH_PROOF_BUSY) {
            proof = refuse(CSH_GAUGE_cohorts_refused_ending);
        } else if (proof == CSH_PROOF_ERROR) {
            proof = refuse(CSH_GAUGE_cohorts_refused_error);
        }
    } else {
        proof = refuse(CSH_GAUGE_cohorts_refused_ending);
    }
    csh_prover_batch_end(prover);
    return proof;
}

static enum csh_proof form(struct cohort *cohort,
                           const struct csh_context *context,
                           const struct csh_weight *weight,
                           uint64_t timeout_ns)
{
    uint64_t armed;
    enum csh_proof proof;

    if (!csh_watch_look_at_libraries()) {
        return refuse(CSH_GAUGE_cohorts_refused_off);
    }
    if (!csh_context_is_the_only_active_one(context)) {
        return refuse(CSH_GAUGE_cohorts_refused_contexts);
    }
    armed = csh_watch_arm();
    if (armed == 0) {
        return refuse(CSH_GAUGE_cohorts_refused_off);
    }
    proof = launch(cohort, context, weight, timeout_ns);
    if (proof == CSH_PROOF_EQUAL) {
        keep_answers(cohort, context->handle, armed);
        proof = cohort->items[0].proof;
    }
    release_others(cohort);
    return proof;
}

enum csh_proof csh_cohort_form(const struct csh_context *context,
                               const struct csh_weight *weight,
                               uint64_t timeout_ns)
{
    static struct cohort *kept;
    enum csh_proof proof = CSH_PROOF_BUSY;

    if (!csh_watch_is_on()) {
        return CSH_PROOF_BUSY;
    }
    if (!is_worth_it()) {
        return refuse(CSH_GAUGE_cohorts_refused_wasted);
    }
    if (atomic_exchange(&is_forming, true)) {
        return refuse(CSH_GAUGE_cohorts_refused_lane);
    }
    if (kept == NULL) {
        kept = calloc(1, sizeof(*kept));
    }
    if (kept != NULL) {
        proof = form(kept, context, weight, timeout_ns);
    }
    atomic_store(&is_forming, false);
    return proof;
}
