/*
 * summary.h - what the shim did, as text for people or as JSON.
 *
 * JSON, schema 1, one line:
 * {"schema":1,"pid":P,"mode":"verify","copies":{"d2h":D,"h2d":D},
 * "models":[X,..],"rules":W,"gauges":G,"process":M}
 * D: {"asked":T,"elided":T,"served":T,"passed":T,"failed":T,"reasons":[R,..]}
 * T: {"calls":N,"bytes":N}; R: T with "outcome", "reason" and "variable" (the
 * CUSHADOW_* name that changes it, or "") in front, most bytes first; W: a T
 * for each of counter_table.h's rules; G: the names and values of its gauges;
 * M: those of its process memory.
 * X: {"model":NAME,"label":TEXT,"tensors":N,"bytes":N,"loads":L,"unloads":L,
 * "on_device":C,"in_shadows":C,"pinned":C,"parked":C,"weights":[K,..]}; NAME is
 * "" for tensors that are only known by when they were uploaded, of which the
 * label says how many there were at most; L: T with "times" (how often the
 * model began to be loaded or unloaded), "ns" (in the program's calls) and
 * "reasons" as in D; C:
 * {"tensors":N,"bytes":N}, now, "pinned" being some of those in shadows; K, for
 * each tensor with a name that was seen:
 * {"tensor":NAME,"bytes":N,"is_piece":0 or 1,"loads":N,"unloads":N,
 * "changed":N}, the last being unloads that found other bytes than the
 * shadow's. In each D, in calls and in
 * bytes: asked == elided + served + passed + failed == the sum of reasons.
 * Of a process that is running, as `cushadow stat' writes it, there are no
 * "weights", and {"layout":N,"age_ns":N,"up_ns":N} as "live": when the figures
 * were written, and how long ago the process began to use CUDA.
 * Keys may be added within a schema; none changes its meaning.
 */
#ifndef CSH_REPORT_SUMMARY_H
#define CSH_REPORT_SUMMARY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/options.h"
#include "base/statistics.h"
#include "report/emitter.h"
#include "report/process_memory.h"
#include "weights/registry.h"

/* Of another process, by what it shares. */
struct csh_report_shared {
    const struct csh_model_figures *models;
    unsigned n_models;
    uint64_t age_ns, up_ns;
};

struct csh_report {
    struct csh_statistics statistics;
    struct csh_process_memory memory;
    enum csh_mode mode;
    uint64_t pid;
    const struct csh_report_shared *shared; /* NULL: of this process */
    bool is_full; /* text: the table too, and even if nothing was seen */
};

/* Text is the headline, and the table if the report is full; it may be
 * empty. CSH_STATS_OFF writes nothing. No allocation, no failure. */
void csh_report_write(const struct csh_report *report, enum csh_stats form,
                      csh_emitter_sink *sink, void *opaque);

#endif
