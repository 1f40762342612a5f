/*
 * report_page.h - the page of `cushadow report`: one file, no script, nothing
 * fetched.
 */
#ifndef CSH_CLI_REPORT_PAGE_H
#define CSH_CLI_REPORT_PAGE_H

#include <stdio.h>

#include "cli/report_data.h"

/* Of at least one run. Two are compared, the first as what was before. */
void csh_report_page(FILE *page, const struct csh_runs *runs);

/* ---- parts of it -------------------------------------------------------- */

/* "before" and "after" of two runs, "run 3" of more, "" of one. */
void csh_report_run_name(FILE *page, const struct csh_runs *runs, size_t i);

/* Figures of the last run, and how they differ from the first of two. */
void csh_report_cards(FILE *page, const struct csh_runs *runs);
/* Of exactly two. */
void csh_report_comparison(FILE *page, const struct csh_runs *runs);

void csh_report_models_table(FILE *page, const struct csh_run *run);
void csh_report_episodes_table(FILE *page, const struct csh_run *run);
void csh_report_reasons_table(FILE *page, const struct csh_run *run);
void csh_report_figures_table(FILE *page, const struct csh_runs *runs);

#endif
