/*
 * reasons.h - the rows that every table of copies is made of.
 */
#ifndef CSH_REPORT_REASONS_H
#define CSH_REPORT_REASONS_H

#include <stdbool.h>

#include "base/statistics.h"
#include "report/emitter.h"
#include "report/ranking.h"

bool csh_report_is_for_people(const struct csh_emitter *emitter);

/* "calls" and "bytes" of an open row. */
void csh_report_tally(struct csh_emitter *emitter,
                      const struct csh_tally *tally);

/* The same, and for people which share of all bytes that is. */
void csh_report_share(struct csh_emitter *emitter,
                      const struct csh_tally *tally,
                      const struct csh_tally *all);

/* The rows of a list "reasons". */
void csh_report_reasons(struct csh_emitter *emitter,
                        const struct csh_ranked *ranked, unsigned n_ranked,
                        const struct csh_tally *all);

#endif
