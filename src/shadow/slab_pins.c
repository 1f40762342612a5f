/*
 * slab_pins.c - registers steps with the driver, and gives chunks back.
 *
 * Owns the changes of a step's state (slab_pool.h). The thread that sets a
 * step to `changing` under the lock calls the driver without it and then sets
 * the outcome; the step keeps its bounds meanwhile, because it is not open.
 *
 * A refusal is no error: the memory serves unpinned, only slower. It ends the
 * round, since the next would be refused for the same reason (locked memory
 * used up, or the small limit of a virtual machine) and each attempt costs
 * the driver milliseconds; the following tries are 1, 2, 4 ... calls apart.
 */
#include "shadow/slab_pool.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/statistics.h"

#define MOST_CALLS_TO_SKIP 1024u
/* The tries go on as long as the program does. */
#define MOST_SAID 8
/* Steps at a time, under the lock: some microseconds. */
#define MOST_LOOKED_AT 256u

/* No address of a shadow is used by a kernel, so mapping it into the device's
 * addresses is not asked for; every context may copy from it. */
#define REGISTER_FLAGS CU_MEMHOSTREGISTER_PORTABLE

static bool is_waiting(unsigned state)
{
    return (state == CSH_STEP_UNREGISTERED) || (state == CSH_STEP_REFUSED);
}

static void stop_waiting_locked(struct csh_slab_pool *pool,
                                struct csh_slab_step *step)
        CSH_REQUIRES(pool->lock)
{
    if (is_waiting(atomic_load(&step->state))) {
        /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
        DL_DELETE2(pool->waiting, step, waiting_prev, waiting_next);
    }
}

static void set_state_locked(struct csh_slab_pool *pool,
                             struct csh_slab_step *step,
                             enum csh_step_state state)
        CSH_REQUIRES(pool->lock)
{
    stop_waiting_locked(pool, step);
    atomic_store(&step->state, (unsigned)state);
    if (is_waiting(state)) {
        DL_APPEND2(pool->waiting, step, waiting_prev, waiting_next);
    }
}

static bool is_pending(const struct csh_slab_step *step)
{
    const struct csh_slab_chunk *chunk = step->chunk;

    /* Chunks that nothing uses are left for csh_slab_trim(); the last step of
     * a growing chunk is becoming longer just now. */
    return is_waiting(atomic_load(&step->state)) &&
           (chunk->used_bytes > 0) && (step->bytes > 0) &&
           !(chunk->is_growing && (step == chunk->last));
}

/* Whether registering a step would pin too much; counted once a step. */
static bool is_over_limit(struct csh_slab_pool *pool,
                          struct csh_slab_step *step, uint64_t limit)
        CSH_REQUIRES(pool->lock)
{
    if ((pool->pinned_bytes <= limit) &&
        (step->bytes <= limit - pool->pinned_bytes)) {
        return false;
    }

    if (!step->is_over) {
        step->is_over = true;
        csh_statistics_add(CSH_GAUGE_unpinned_by_limit, 1);
    }
    return true;
}

static bool is_registered(const struct csh_slab_step *step)
{
    return atomic_load(&step->state) == CSH_STEP_REGISTERED;
}

static bool is_in_doubt(const struct csh_slab_step *step)
{
    return step->is_doubtful && is_registered(step);
}

static bool is_changing_in_doubt(const struct csh_slab_step *step)
{
    return step->is_doubtful &&
           (atomic_load(&step->state) == CSH_STEP_CHANGING);
}

typedef bool step_test_fn(const struct csh_slab_step *step);

/* Goes through all steps: only once a context has ended, or to the end. */
static struct csh_slab_step *find_locked(struct csh_slab_pool *pool,
                                         step_test_fn *is_wanted)
        CSH_REQUIRES(pool->lock)
{
    struct csh_slab_chunk *chunk;
    struct csh_slab_step *step;

    for (chunk = pool->chunks; chunk != NULL; chunk = chunk->next) {
        for (step = chunk->last; step != NULL; step = step->older) {
            if (is_wanted(step)) {
                return step;
            }
        }
    }

    return NULL;
}

/* Takes one step of a kind: it is `changing` now, and the caller's. */
static struct csh_slab_step *take_locked(struct csh_slab_pool *pool,
                                         step_test_fn *is_wanted)
        CSH_REQUIRES(pool->lock)
{
    struct csh_slab_step *step = find_locked(pool, is_wanted);

    if (step != NULL) {
        set_state_locked(pool, step, CSH_STEP_CHANGING);
    }
    return step;
}

/* The same for a step to be registered, of those that may be. What is over the
 * limit goes to the end of the list: of very many of them each call looks at
 * others. */
static struct csh_slab_step *take_pending_locked(struct csh_slab_pool *pool,
                                                 uint64_t limit)
        CSH_REQUIRES(pool->lock)
{
    struct csh_slab_step *step = pool->waiting;
    struct csh_slab_step *next;
    unsigned n_looked_at;

    for (n_looked_at = 0; (step != NULL) && (n_looked_at < MOST_LOOKED_AT);
         n_looked_at++) {
        next = step->waiting_next;
        if (is_pending(step) && !is_over_limit(pool, step, limit)) {
            /* Counted from here on, against others at the same. */
            pool->pinned_bytes += step->bytes;
            set_state_locked(pool, step, CSH_STEP_CHANGING);
            /* What contexts took along before matters no more. */
            step->is_doubtful = false;
            return step;
        }
        stop_waiting_locked(pool, step);
        DL_APPEND2(pool->waiting, step, waiting_prev, waiting_next);
        step = next;
    }

    return NULL;
}

/* The limit costs a look at the system's files: asked for only if there is
 * something to register. */
static bool has_pending(struct csh_slab_pool *pool, uint64_t *held_p)
{
    const struct csh_slab_step *step;

    csh_lock_acquire(&pool->lock);
    *held_p = pool->held_bytes;
    step    = pool->is_refused_for_good ? NULL : pool->waiting;
    while ((step != NULL) && !is_pending(step)) {
        step = step->waiting_next;
    }
    csh_lock_release(&pool->lock);

    return step != NULL;
}

static void settle_locked(struct csh_slab_pool *pool,
                          struct csh_slab_step *step, CUresult result)
        CSH_REQUIRES(pool->lock)
{
    if (result == CUDA_SUCCESS) {
        pool->n_refused = 0;
        set_state_locked(pool, step, CSH_STEP_REGISTERED);
        return;
    }

    pool->pinned_bytes -= step->bytes;
    set_state_locked(pool, step, CSH_STEP_REFUSED);
    pool->n_calls_to_skip = (pool->n_refused < 10) ? 1u << pool->n_refused
                                                   : MOST_CALLS_TO_SKIP;
    pool->n_refused++;
    pool->is_refused_for_good = pool->refusal_is_final;
}

/* Ends the registration of a step that is `changing`. False when the driver
 * may still know the addresses. */
static bool unregister(struct csh_slab_pool *pool, struct csh_slab_step *step)
{
    CUresult result;

    csh_lock_assert_none();
    result = pool->pins->host_unregister(step->address);
    csh_statistics_add(CSH_GAUGE_pinned_bytes, -(int64_t)step->bytes);
    if ((result == CUDA_SUCCESS) ||
        (result == CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED)) {
        return true;
    }

    csh_warn("shadow", "%zu bytes stay registered: the driver answered %d",
             step->bytes, (int)result);
    return false;
}

/* Registers again what a context may have taken along: the driver says of
 * memory that it still knows that it is registered already. */
static void settle_doubts(struct csh_slab_pool *pool)
{
    struct csh_slab_step *step;
    enum csh_step_state state;
    CUresult result;

    csh_lock_acquire(&pool->lock);
    if (!pool->has_doubts) {
        csh_lock_release(&pool->lock);
        return;
    }
    pool->has_doubts = false;
    while ((step = take_locked(pool, is_in_doubt)) != NULL) {
        step->is_doubtful = false; /* looked at in this round */
        csh_lock_release(&pool->lock);
        csh_lock_assert_none();
        result = pool->pins->host_register(step->address, step->bytes,
                                           REGISTER_FLAGS);
        if ((result == CUDA_SUCCESS) ||
            (result == CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED)) {
            state = CSH_STEP_REGISTERED;
        } else {
            state = unregister(pool, step) ? CSH_STEP_REFUSED
                                           : CSH_STEP_STUCK;
        }
        csh_lock_acquire(&pool->lock);
        if (state != CSH_STEP_REGISTERED) {
            pool->pinned_bytes -= step->bytes;
        }
        set_state_locked(pool, step, state);
    }
    /* One that is being registered is looked at in a later round. */
    pool->has_doubts = pool->has_doubts ||
                       (find_locked(pool, is_changing_in_doubt) != NULL);
    csh_lock_release(&pool->lock);
}

void csh_slab_note_context_ended(struct csh_slab_pool *pool)
{
    struct csh_slab_chunk *chunk;
    struct csh_slab_step *step;

    csh_lock_acquire(&pool->lock);
    for (chunk = pool->chunks; chunk != NULL; chunk = chunk->next) {
        for (step = chunk->last; step != NULL; step = step->older) {
            step->is_doubtful = true;
        }
    }
    pool->has_doubts = true;
    csh_lock_release(&pool->lock);
}

void csh_slab_pin_until_refused(struct csh_slab_pool *pool)
{
    pool->refusal_is_final = true;
}

/* Whether this call is one that tries. */
static bool is_time_to_try_locked(struct csh_slab_pool *pool)
        CSH_REQUIRES(pool->lock)
{
    if (pool->is_refused_for_good) {
        return false;
    }
    if (pool->n_calls_to_skip > 0) {
        pool->n_calls_to_skip--;
        return false;
    }
    return true;
}

size_t csh_slab_register_pending(struct csh_slab_pool *pool)
{
    struct csh_slab_step *step;
    CUresult result = CUDA_SUCCESS;
    size_t bytes    = 0;
    uint64_t held, limit;

    settle_doubts(pool);
    if (!has_pending(pool, &held)) {
        return 0;
    }

    limit = csh_budget_pinned_bytes(pool->budget, held);
    csh_lock_acquire(&pool->lock);
    if (!is_time_to_try_locked(pool)) {
        result = CUDA_ERROR_NOT_READY;
    }
    while ((result == CUDA_SUCCESS) &&
           ((step = take_pending_locked(pool, limit)) != NULL)) {
        csh_lock_release(&pool->lock);
        csh_lock_assert_none();
        result = pool->pins->host_register(step->address, step->bytes,
                                           REGISTER_FLAGS);
        if (result == CUDA_SUCCESS) {
            bytes += step->bytes;
            csh_statistics_add(CSH_GAUGE_pinned_bytes, (int64_t)step->bytes);
        } else {
            csh_statistics_add(CSH_GAUGE_registrations_refused, 1);
            csh_log_capped(MOST_SAID, CSH_LOG_INFO, "shadow",
                           "%zu bytes stay unpinned: the driver answered %d",
                           step->bytes, (int)result);
        }
        csh_lock_acquire(&pool->lock);
        settle_locked(pool, step, result);
    }
    csh_lock_release(&pool->lock);

    return bytes;
}

void csh_slab_unregister_all(struct csh_slab_pool *pool)
{
    struct csh_slab_step *step;
    bool is_over;

    csh_lock_acquire(&pool->lock);
    while ((step = take_locked(pool, is_registered)) != NULL) {
        pool->pinned_bytes -= step->bytes;
        csh_lock_release(&pool->lock);
        is_over = unregister(pool, step);
        csh_lock_acquire(&pool->lock);
        set_state_locked(pool, step, is_over ? CSH_STEP_UNREGISTERED
                                             : CSH_STEP_STUCK);
    }
    pool->n_refused       = 0;
    pool->n_calls_to_skip = 0;
    csh_lock_release(&pool->lock);
}

static bool can_go(const struct csh_slab_chunk *chunk, bool may_call_driver)
{
    const struct csh_slab_step *step;
    unsigned state;

    if ((chunk->used_bytes > 0) || chunk->is_growing) {
        return false;
    }

    for (step = chunk->last; step != NULL; step = step->older) {
        state = atomic_load(&step->state);
        if ((state == CSH_STEP_CHANGING) ||
            ((state == CSH_STEP_REGISTERED) && !may_call_driver)) {
            return false;
        }
    }

    return true;
}

void csh_slab_read_chunk(struct csh_slab_pool *pool,
                         const struct csh_slab_chunk *chunk,
                         struct csh_slab_chunk_usage *usage_p)
{
    const struct csh_slab_step *step;
    unsigned state;

    csh_lock_acquire(&pool->lock);
    usage_p->used_bytes   = chunk->used_bytes;
    usage_p->needs_driver = false;
    for (step = chunk->last; step != NULL; step = step->older) {
        state = atomic_load(&step->state);
        usage_p->needs_driver = usage_p->needs_driver ||
                                (state == CSH_STEP_REGISTERED) ||
                                (state == CSH_STEP_CHANGING);
    }
    csh_lock_release(&pool->lock);
}

/* Unlinks a chunk that can go: afterwards this thread alone knows it. */
static struct csh_slab_chunk *take_idle_locked(struct csh_slab_pool *pool,
                                               bool may_call_driver)
        CSH_REQUIRES(pool->lock)
{
    struct csh_slab_chunk **link = &pool->chunks;
    struct csh_slab_chunk *chunk;
    struct csh_slab_step *step;
    uint64_t start;

    while ((*link != NULL) && !can_go(*link, may_call_driver)) {
        link = &(*link)->next;
    }
    chunk = *link;
    if (chunk == NULL) {
        return NULL;
    }

    *link = chunk->next;
    start = (uint64_t)(uintptr_t)chunk->memory.address;
    csh_slab_remove_room_locked(pool, start, chunk->memory.bytes);
    csh_ranges_remove(&pool->aliased, start, chunk->memory.bytes, NULL, NULL);
    for (step = chunk->last; step != NULL; step = step->older) {
        stop_waiting_locked(pool, step);
        if (atomic_load(&step->state) == CSH_STEP_REGISTERED) {
            pool->pinned_bytes -= step->bytes;
        }
    }

    return chunk;
}

static void close_chunk(struct csh_slab_pool *pool,
                        struct csh_slab_chunk *chunk)
{
    bool is_stuck = false;
    struct csh_slab_step *step, *older;
    unsigned state;

    for (step = chunk->last; step != NULL; step = older) {
        older = step->older;
        state = atomic_load(&step->state);
        if ((state == CSH_STEP_STUCK) ||
            ((state == CSH_STEP_REGISTERED) && !unregister(pool, step))) {
            is_stuck = true;
        }
        free(step);
    }

    csh_slab_count(chunk, -(int64_t)chunk->frontier);
    csh_chunk_close(&chunk->memory, is_stuck);
    free(chunk);
}

size_t csh_slab_discard(struct csh_slab_pool *pool, bool may_call_driver)
{
    struct csh_slab_chunk *chunk;
    size_t bytes = 0;
    size_t frontier;

    csh_lock_acquire(&pool->lock);
    while ((chunk = take_idle_locked(pool, may_call_driver)) != NULL) {
        csh_lock_release(&pool->lock);
        frontier = chunk->frontier;
        close_chunk(pool, chunk);
        bytes += frontier;
        csh_lock_acquire(&pool->lock);
        /* Only now: until it is unmapped the memory is held. */
        pool->held_bytes -= frontier;
    }
    csh_lock_release(&pool->lock);

    return bytes;
}

size_t csh_slab_trim(struct csh_slab_pool *pool)
{
    return csh_slab_discard(pool, true);
}

void csh_slab_destroy(struct csh_slab_pool *pool)
{
    struct csh_slab_chunk *chunk;

    csh_lock_acquire(&pool->lock);
    for (chunk = pool->chunks; chunk != NULL; chunk = chunk->next) {
        chunk->used_bytes = 0;
    }
    csh_lock_release(&pool->lock);

    csh_slab_trim(pool);
    csh_ranges_clear(&pool->free, NULL, NULL);
    csh_ranges_clear(&pool->sizes, NULL, NULL);
    csh_ranges_clear(&pool->aliased, NULL, NULL);
    free(pool);
}

bool csh_slab_is_pinned(const struct csh_extent *extent)
{
    return atomic_load(&extent->step->state) == CSH_STEP_REGISTERED;
}
