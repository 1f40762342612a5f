/*
 * prometheus.h - figures in Prometheus' text exposition format, version 0.0.4.
 *
 * Each family is written once, with the samples of all processes behind one
 * another, as the format wants it. Times are in seconds. A figure that only
 * rises is a counter and ends in _total; names of models are labels, with what
 * is no sound UTF-8 or a control character replaced, and with the model's
 * number beside it, so that no two are the same.
 */
#ifndef CSH_CLI_PROMETHEUS_H
#define CSH_CLI_PROMETHEUS_H

#include <stddef.h>
#include <stdio.h>

#include "report/summary.h"

/* Of running processes: report->shared is not NULL. */
void csh_prometheus_write(FILE *out, const struct csh_report *reports,
                          size_t n_reports);

#endif
