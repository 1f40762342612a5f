/*
 * report_html.h - text and figures of the page. Whatever comes from a file
 * goes through csh_html_text() or is a number.
 */
#ifndef CSH_CLI_REPORT_HTML_H
#define CSH_CLI_REPORT_HTML_H

#include <stdint.h>
#include <stdio.h>

#include "cli/report_data.h"

/* Escaped for elements and for quoted attributes; control characters become
 * U+FFFD. */
void csh_html_text(FILE *page, const char *text);

/* The same, of at most so many characters, with an ellipsis if it is longer. */
void csh_html_cut(FILE *page, const char *text, unsigned most);

/* The same in an element of its own, so that what writes from right to left
 * does so in itself only. */
void csh_html_name(FILE *page, const char *text);

/* "18.1 MiB", "1,680", "12.3 ms", "0.45 GB/s", "97%" (of nothing: "-"). */
void csh_html_bytes(FILE *page, uint64_t bytes);
void csh_html_count(FILE *page, uint64_t count);
void csh_html_time(FILE *page, uint64_t ns);
void csh_html_rate(FILE *page, uint64_t bytes, uint64_t ns);
void csh_html_share(FILE *page, uint64_t part, uint64_t whole);

/* A bar in the colours of the outcomes, by bytes. */
void csh_html_outcomes(FILE *page, const uint64_t bytes[CSH_N_OUTCOMES]);

/* The style sheet, light and dark. */
extern const char csh_report_style[];

#endif
