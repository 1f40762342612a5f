/*
 * trace_counters.h - the counters of the trace: what changed since the last
 * sample.
 */
#ifndef CSH_REPORT_TRACE_COUNTERS_H
#define CSH_REPORT_TRACE_COUNTERS_H

#include <stdint.h>

#include "report/trace.h"

/* Before the first sample. */
void csh_trace_counters_start(csh_trace_vram_fn *vram);

/* Writes what changed, as of that time. No lock held. */
void csh_trace_counters_write(uint64_t process, uint64_t at_ns);

#endif
