/*
 * counters.h - what entry.c and counters.c know of each other.
 */
#ifndef SIM_COUNTERS_H
#define SIM_COUNTERS_H

struct sim_entry;

/* The entries called so far, newest first; walk `next`. */
struct sim_entry *sim_entry_first(void);

/* Called at every entry: once the library's destructor has run, brings the
 * counters file up to date, because nobody else will. */
void sim_counters_late_call(void);

#endif
