/*
 * models.h - the statistics by model.
 */
#ifndef CSH_REPORT_MODELS_H
#define CSH_REPORT_MODELS_H

#include "report/emitter.h"
#include "report/summary.h"

/* Every model of the registry (weights/registry.h), or those that another
 * process shares. */
void csh_report_models(struct csh_emitter *emitter,
                       const struct csh_report_shared *shared);

#endif
