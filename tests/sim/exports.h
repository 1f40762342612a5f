/*
 * exports.h - which address an entry point is found at.
 */
#ifndef SIM_EXPORTS_H
#define SIM_EXPORTS_H

struct sim_row;

/* The address that cuGetProcAddress answers for this row, by the variant that
 * SIMCUDA_RESOLVER names. */
void *sim_export_address(const struct sim_row *row);

#endif
