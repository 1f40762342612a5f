/*
 * statistics.c - the counters.
 *
 * Owns one cell a (direction, outcome, reason), in calls and bytes, and one a
 * gauge. Outcomes and what was asked are sums over the cells, made when a
 * snapshot is taken: a copy is counted by two additions, and no figure can
 * disagree with its parts. Nothing here fails, blocks or allocates.
 */
#include "base/statistics.h"

#include <stdatomic.h>
#include <string.h>

#include "base/compiler.h"

struct cell {
    _Atomic uint64_t calls;
    _Atomic uint64_t bytes;
};

static struct cell cells[CSH_N_DIRECTIONS][CSH_N_OUTCOMES][CSH_N_REASONS];
static struct cell weight_rules[CSH_N_WEIGHT_RULES];
static _Atomic uint64_t gauges[CSH_N_GAUGES];
static atomic_bool are_off;

#define CSH_X(name_, ...) #name_,
static const char *const outcome_names[] = {CSH_OUTCOMES(CSH_X)};
static const char *const reason_names[] = {CSH_REASONS(CSH_X)};
static const char *const weight_rule_names[] = {CSH_WEIGHT_RULES(CSH_X)};
static const char *const gauge_names[] = {CSH_GAUGES(CSH_X)};
#undef CSH_X
#define CSH_X(name_, sentence_) (sentence_),
static const char *const outcome_sentences[] = {CSH_OUTCOMES(CSH_X)};
static const char *const weight_rule_sentences[] = {CSH_WEIGHT_RULES(CSH_X)};
static const char *const gauge_sentences[] = {CSH_GAUGES(CSH_X)};
#undef CSH_X
#define CSH_X(name_, sentence_, variable_) (sentence_),
static const char *const reason_sentences[] = {CSH_REASONS(CSH_X)};
#undef CSH_X
#define CSH_X(name_, sentence_, variable_) variable_,
static const char *const reason_variables[] = {CSH_REASONS(CSH_X)};
#undef CSH_X

static const char *const direction_names[] = {
    [CSH_D2H] = "d2h",
    [CSH_H2D] = "h2d",
};

void csh_statistics_enable(bool is_enabled)
{
    atomic_store(&are_off, !is_enabled);
}

bool csh_statistics_are_on(void)
{
    return !atomic_load_explicit(&are_off, memory_order_relaxed);
}

static void cell_add(struct cell *cell, uint64_t bytes)
{
    if (!csh_statistics_are_on()) {
        return;
    }
    atomic_fetch_add_explicit(&cell->calls, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&cell->bytes, bytes, memory_order_relaxed);
}

static struct csh_tally cell_read(struct cell *cell)
{
    return (struct csh_tally){
        atomic_load_explicit(&cell->calls, memory_order_relaxed),
        atomic_load_explicit(&cell->bytes, memory_order_relaxed)};
}

void csh_statistics_count(enum csh_direction direction,
                          enum csh_outcome outcome, enum csh_reason reason,
                          uint64_t bytes)
{
    cell_add(&cells[direction][outcome][reason], bytes);
}

void csh_statistics_count_weight(enum csh_weight_rule rule, uint64_t bytes)
{
    cell_add(&weight_rules[rule], bytes);
}

void csh_statistics_count_own_call(enum csh_direction direction,
                                   bool has_succeeded,
                                   enum csh_reason reason, uint64_t bytes)
{
    csh_statistics_count(direction,
                         has_succeeded ? CSH_OUTCOME_passed
                                       : CSH_OUTCOME_failed,
                         reason, bytes);
}

/* The twin that keeps a gauge's highest value, or the gauge itself if it has
 * none. The unit test holds this against the names in the table. */
static enum csh_gauge gauge_peak(enum csh_gauge gauge)
{
    switch (gauge) {
    case CSH_GAUGE_shadow_bytes:
        return CSH_GAUGE_shadow_bytes_peak;
    case CSH_GAUGE_pinned_bytes:
        return CSH_GAUGE_pinned_bytes_peak;
    case CSH_GAUGE_slab_bytes:
        return CSH_GAUGE_slab_bytes_peak;
    case CSH_GAUGE_shmem_bytes:
        return CSH_GAUGE_shmem_bytes_peak;
    case CSH_GAUGE_would_hold_bytes:
        return CSH_GAUGE_would_hold_bytes_peak;
    case CSH_GAUGE_parked_bytes:
        return CSH_GAUGE_parked_bytes_peak;
    default:
        return gauge;
    }
}

void csh_statistics_add(enum csh_gauge gauge, int64_t delta)
{
    enum csh_gauge peak = gauge_peak(gauge);
    uint64_t value, highest;

    if (!csh_statistics_are_on()) {
        return;
    }
    /* Unsigned arithmetic wraps, so a negative delta subtracts. */
    value = atomic_fetch_add_explicit(&gauges[gauge], (uint64_t)delta,
                                      memory_order_relaxed) +
            (uint64_t)delta;
    if ((peak == gauge) || (delta <= 0)) {
        return;
    }
    highest = atomic_load_explicit(&gauges[peak], memory_order_relaxed);
    while ((value > highest) &&
           !atomic_compare_exchange_weak_explicit(&gauges[peak], &highest,
                                                  value, memory_order_relaxed,
                                                  memory_order_relaxed)) {
    }
}

static void tally_add(struct csh_tally *sum, const struct csh_tally *part)
{
    sum->calls += part->calls;
    sum->bytes += part->bytes;
}

static void add_up(struct csh_statistics *statistics, int direction)
{
    int outcome, reason;

    memset(&statistics->asked[direction], 0,
           sizeof(statistics->asked[direction]));
    memset(statistics->outcome[direction], 0,
           sizeof(statistics->outcome[direction]));
    for (outcome = 0; outcome < CSH_N_OUTCOMES; ++outcome) {
        for (reason = 0; reason < CSH_N_REASONS; ++reason) {
            tally_add(&statistics->outcome[direction][outcome],
                      &statistics->reason[direction][outcome][reason]);
        }
        tally_add(&statistics->asked[direction],
                  &statistics->outcome[direction][outcome]);
    }
}

void csh_statistics_add_up(struct csh_statistics *statistics)
{
    int direction;

    for (direction = 0; direction < CSH_N_DIRECTIONS; ++direction) {
        add_up(statistics, direction);
    }
}

static void snapshot_cells(struct csh_statistics *snapshot)
{
    int direction, outcome, reason;

    for (direction = 0; direction < CSH_N_DIRECTIONS; ++direction) {
        for (outcome = 0; outcome < CSH_N_OUTCOMES; ++outcome) {
            for (reason = 0; reason < CSH_N_REASONS; ++reason) {
                snapshot->reason[direction][outcome][reason] =
                    cell_read(&cells[direction][outcome][reason]);
            }
        }
    }
}

void csh_statistics_snapshot(struct csh_statistics *snapshot_p)
{
    int i;

    snapshot_cells(snapshot_p);
    csh_statistics_add_up(snapshot_p);
    for (i = 0; i < CSH_N_WEIGHT_RULES; ++i) {
        snapshot_p->weight_rule[i] = cell_read(&weight_rules[i]);
    }
    for (i = 0; i < CSH_N_GAUGES; ++i) {
        snapshot_p->gauge[i] = atomic_load_explicit(&gauges[i],
                                                    memory_order_relaxed);
    }
}

const char *csh_direction_name(enum csh_direction direction)
{
    return direction_names[direction];
}

const char *csh_outcome_name(enum csh_outcome outcome)
{
    return outcome_names[outcome];
}

const char *csh_outcome_sentence(enum csh_outcome outcome)
{
    return outcome_sentences[outcome];
}

const char *csh_reason_name(enum csh_reason reason)
{
    return reason_names[reason];
}

const char *csh_reason_sentence(enum csh_reason reason)
{
    return reason_sentences[reason];
}

const char *csh_reason_variable(enum csh_reason reason)
{
    return reason_variables[reason];
}

const char *csh_weight_rule_name(enum csh_weight_rule rule)
{
    return weight_rule_names[rule];
}

const char *csh_weight_rule_sentence(enum csh_weight_rule rule)
{
    return weight_rule_sentences[rule];
}

const char *csh_gauge_name(enum csh_gauge gauge)
{
    return gauge_names[gauge];
}

const char *csh_gauge_sentence(enum csh_gauge gauge)
{
    return gauge_sentences[gauge];
}
