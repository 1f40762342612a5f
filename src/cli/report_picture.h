/*
 * report_picture.h - a run over time, as SVG.
 */
#ifndef CSH_CLI_REPORT_PICTURE_H
#define CSH_CLI_REPORT_PICTURE_H

#include <stdio.h>

#include "cli/report_data.h"

/* Of one run, drawn as if it had lasted so long; two of one scale can be
 * compared. Of more models than fit, the first ones. */
void csh_report_picture(FILE *page, const struct csh_run *run,
                        uint64_t scale_ns);

/* What the model is called on the page. */
const char *csh_report_model_name(const struct csh_run_model *model);

/* A model that has something to show: not a burst that became another one, nor
 * one that was never copied. */
bool csh_report_is_shown(const struct csh_run *run, uint32_t model);

#endif
