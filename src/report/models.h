/*
 * models.h - the statistics by model.
 */
#ifndef CSH_REPORT_MODELS_H
#define CSH_REPORT_MODELS_H

#include "report/emitter.h"

/* Every model of the registry (weights/registry.h). */
void csh_report_models(struct csh_emitter *emitter);

#endif
