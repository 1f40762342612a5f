/*
 * tell.h - the statistics, one figure at a time, for the program itself.
 */
#ifndef CSH_ENGINE_TELL_H
#define CSH_ENGINE_TELL_H

#include <stdint.h>

typedef void csh_tell_fn(const char *model, const char *name, uint64_t value,
                         void *opaque);

/* First what is of the whole process, model NULL, then each model's in turn.
 * Names come from the tables of base/counter_table.h: DIRECTION_asked_calls,
 * DIRECTION_OUTCOME_bytes, DIRECTION_OUTCOME_REASON_bytes where it is not 0,
 * weights_RULE_bytes, the gauges. What the shim's thread has still to name is
 * in no model yet. Any thread; holds no lock while it calls. */
void csh_tell(csh_tell_fn *figure, void *opaque);

#endif
