/*
 * wrappers.c - owns the list of wrappers by row. No thread can change it.
 */
#include "interpose/wrappers.h"

#include "driver/driver.h"

static void *const csh_wrappers[CSH_N_ENTRIES] = {
#define CSH_X(symbol_, ...) [CSH_ENTRY_##symbol_] = (void *)symbol_,
    CSH_SURFACE(CSH_X)
#undef CSH_X
};

void *csh_wrapper(enum csh_entry entry)
{
    return csh_wrappers[entry];
}
