/*
 * headline.h - the one line that a program's end is worth.
 */
#ifndef CSH_REPORT_HEADLINE_H
#define CSH_REPORT_HEADLINE_H

#include <stddef.h>

#include "report/summary.h"

#define CSH_HEADLINE_BYTES 1024

/* Composes the line, with its newline. Returns its length, 0 if there is
 * nothing to say: the mode is off, or no copy was of a size looked at. */
size_t csh_headline(const struct csh_report *report,
                    char line_p[CSH_HEADLINE_BYTES]);

#endif
