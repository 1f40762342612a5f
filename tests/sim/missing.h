/*
 * missing.h - entry points that exist but are not simulated.
 */
#ifndef SIM_MISSING_H
#define SIM_MISSING_H

/* Counts the call, says on stderr that sim_rows[row] is not simulated and
 * returns CUDA_ERROR_NOT_SUPPORTED, or the scripted fault. */
int sim_missing(unsigned row);

#endif
