/*
 * report_read.h - files of statistics (CUSHADOW_STATS=json) and traces
 * (CUSHADOW_TRACE) become runs.
 *
 * Nothing is taken for granted of a file. What is not understood in a sound
 * one is passed over, as its schema says that readers do.
 */
#ifndef CSH_CLI_REPORT_READ_H
#define CSH_CLI_REPORT_READ_H

#include <stdio.h>

#include "cli/report_data.h"
#include "cli/report_json.h"

#define CSH_REPORT_WHY_BYTES 256

/* Traces are read a line at a time, statistics as a whole: a longer line, or
 * more statistics, are refused. */
#define CSH_REPORT_MOST_LINE (UINT32_C(64) << 10)
#define CSH_REPORT_MOST_STATISTICS (UINT32_C(64) << 20)

/* Adds what the file says to the runs: to that of the other kind of file of
 * the same process, if there is one, else to a new one. False with a sentence
 * if it is neither kind of file, or there is no more room for runs. */
CSH_MUST_CHECK
bool csh_report_read(struct csh_runs *runs, FILE *file, const char *name,
                     char why_p[CSH_REPORT_WHY_BYTES]);

/* ---- the parts of it ---------------------------------------------------- */

/* The rest of a file whose first line was "[". */
CSH_MUST_CHECK
bool csh_report_read_trace(struct csh_run *run, FILE *file,
                           char why_p[CSH_REPORT_WHY_BYTES]);
/* One event. */
void csh_report_take_event(struct csh_run *run,
                           const struct csh_input_node *event);

CSH_MUST_CHECK
bool csh_report_take_statistics(struct csh_run *run,
                                const struct csh_input_node *statistics,
                                char why_p[CSH_REPORT_WHY_BYTES]);

#endif
