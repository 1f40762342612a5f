/*
 * at_exit.h - the report when the process ends.
 */
#ifndef CSH_REPORT_AT_EXIT_H
#define CSH_REPORT_AT_EXIT_H

#include <stdbool.h>

/* The engine says when it becomes active, and when the shim is inert for
 * good. Until the former nothing is written: most processes that the library
 * is loaded into never use CUDA. Only the process that said so reports; a
 * child that it forks has its figures but did not do its work. Any thread. */
void csh_report_enable(bool is_enabled);

/* Writes the report as CUSHADOW_STATS and CUSHADOW_STATS_FILE say: into the
 * file (text is appended, JSON replaces what the file held), else where the
 * log goes; again only if a copy was made since. Called by the destructor of
 * the library; keeps errno. */
void csh_report_at_exit(void);

#endif
