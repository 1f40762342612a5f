/*
 * table.h - the entry points of entries.h as an array with their addresses.
 */
#ifndef SIM_TABLE_H
#define SIM_TABLE_H

#include <stdbool.h>

struct sim_row {
    const char *symbol; /* ELF name */
    const char *base;   /* the name cuGetProcAddress is asked for */
    int since;          /* first CUDA version with this ABI */
    bool per_thread;    /* _ptds or _ptsz */
    void (*address)(void);
};

/* Sorted by symbol as strcmp() sorts; SIM_ENTRIES_COUNT rows. */
extern const struct sim_row sim_rows[];

/* The row of an ELF symbol, or NULL. */
const struct sim_row *sim_row_find(const char *symbol);

#endif
