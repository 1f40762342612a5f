/*
 * statistics.h - the counters of counter_table.h.
 *
 * Relaxed atomics, no lock; a snapshot is not one instant, but once the
 * program's threads have stopped copying the conservation law holds in it.
 */
#ifndef CSH_BASE_STATISTICS_H
#define CSH_BASE_STATISTICS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/counter_table.h"

enum csh_direction { CSH_D2H, CSH_H2D, CSH_N_DIRECTIONS };

#define CSH_X(name_, ...) CSH_OUTCOME_##name_,
enum csh_outcome { CSH_OUTCOMES(CSH_X) CSH_N_OUTCOMES };
#undef CSH_X
#define CSH_X(name_, ...) CSH_REASON_##name_,
enum csh_reason { CSH_REASONS(CSH_X) CSH_N_REASONS };
#undef CSH_X
#define CSH_X(name_, ...) CSH_WEIGHT_RULE_##name_,
enum csh_weight_rule { CSH_WEIGHT_RULES(CSH_X) CSH_N_WEIGHT_RULES };
#undef CSH_X
#define CSH_X(name_, ...) CSH_GAUGE_##name_,
enum csh_gauge { CSH_GAUGES(CSH_X) CSH_N_GAUGES };
#undef CSH_X

struct csh_tally { uint64_t calls, bytes; };

struct csh_statistics {
    struct csh_tally asked[CSH_N_DIRECTIONS];
    struct csh_tally outcome[CSH_N_DIRECTIONS][CSH_N_OUTCOMES];
    struct csh_tally reason[CSH_N_DIRECTIONS][CSH_N_OUTCOMES][CSH_N_REASONS];
    struct csh_tally weight_rule[CSH_N_WEIGHT_RULES];
    uint64_t gauge[CSH_N_GAUGES];
};

/* Whether anything is counted: it is, unless told otherwise, which is done
 * once, before the first copy. Nothing that the shim does depends on a figure,
 * so that with CUSHADOW_STATS=off there are none. */
void csh_statistics_enable(bool is_enabled);
bool csh_statistics_are_on(void);

/* One copy that the program asked for has come to its end. */
void csh_statistics_count(enum csh_direction direction,
                          enum csh_outcome outcome, enum csh_reason reason,
                          uint64_t bytes);

/* The same for the program's own call: passed, or failed. */
void csh_statistics_count_own_call(enum csh_direction direction,
                                   bool has_succeeded,
                                   enum csh_reason reason, uint64_t bytes);

/* One upload was looked at; beside the copy's own outcome. */
void csh_statistics_count_weight(enum csh_weight_rule rule, uint64_t bytes);

/* Moves a gauge; delta may be negative. Gauges with a _peak twin keep it. */
void csh_statistics_add(enum csh_gauge gauge, int64_t delta);

/* The outcomes and what was asked are summed from the reasons here. */
void csh_statistics_snapshot(struct csh_statistics *snapshot_p);

/* The same for cells that came from elsewhere: sets the outcomes and what was
 * asked to the sums of the reasons. */
void csh_statistics_add_up(struct csh_statistics *statistics);

const char *csh_direction_name(enum csh_direction direction);
const char *csh_outcome_name(enum csh_outcome outcome);
const char *csh_outcome_sentence(enum csh_outcome outcome);
const char *csh_reason_name(enum csh_reason reason);
const char *csh_reason_sentence(enum csh_reason reason);
const char *csh_reason_variable(enum csh_reason reason); /* "" if none */
const char *csh_weight_rule_name(enum csh_weight_rule rule);
const char *csh_weight_rule_sentence(enum csh_weight_rule rule);
const char *csh_gauge_name(enum csh_gauge gauge);
const char *csh_gauge_sentence(enum csh_gauge gauge);

#endif
