/*
 * table.c - the array of entry points, built from entries.h.
 *
 * Read-only after linking, so no locks. cuda.h is not included: the entries
 * are declared without their parameters, only their addresses are wanted. The
 * addresses must be this library's own even when another object exports the
 * same names in front of it, so the library is linked with -Bsymbolic.
 */
#include <stdlib.h>
#include <string.h>
#include "entries.h"
#include "table.h"

#define SIM_DECLARE(symbol_, base_, since_, flavour_, pfn_) \
    extern void symbol_(void);
SIM_ENTRIES(SIM_DECLARE)

#define SIM_IS_PLAIN false
#define SIM_IS_PER_THREAD true
#define SIM_ROW(symbol_, base_, since_, flavour_, pfn_) \
    {#symbol_, base_, since_, SIM_IS_##flavour_, symbol_},

const struct sim_row sim_rows[] = {SIM_ENTRIES(SIM_ROW)};

static int compare_symbol(const void *name, const void *row)
{
    return strcmp(name, ((const struct sim_row *)row)->symbol);
}

const struct sim_row *sim_row_find(const char *symbol)
{
    return bsearch(symbol, sim_rows, SIM_ENTRIES_COUNT, sizeof(sim_rows[0]),
                   compare_symbol);
}
