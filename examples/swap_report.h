/*
 * swap_report.h - what the run showed: a table for people, JSON for programs.
 */
#ifndef SWAP_REPORT_H
#define SWAP_REPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "swap_cycle.h"

struct swap_report {
    const struct swap_device *device;
    const struct swap_job *jobs;
    size_t n_jobs;
    unsigned n_cycles;
    const struct swap_outcome *outcome;
};

/* On stdout: per model and direction the seconds of the first cycle, and the
 * median of the later ones with its rate; then the digests. */
void swap_report_print(const struct swap_report *report);

/* False, with a line on stderr, if the file cannot be written. */
bool swap_report_write_json(const struct swap_report *report,
                            const char *path);

#endif
