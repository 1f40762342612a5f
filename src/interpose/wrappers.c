/*
 * wrappers.c - owns the list of wrappers by row. No thread can change it.
 */
#include "interpose/wrappers.h"

#include "driver/driver.h"
#include "engine/engine.h"
#include "track/watch.h"

static void *const csh_wrappers[CSH_N_ROWS] = {
#define CSH_X(symbol_, ...) [CSH_ENTRY_##symbol_] = (void *)symbol_,
    CSH_SURFACE_ALL(CSH_X)
#undef CSH_X
};

void *csh_wrapper(enum csh_entry entry)
{
    return csh_wrappers[entry];
}

enum csh_entry csh_wrappers_served(void)
{
    return csh_watch_is_on() || csh_engine_gives_room() ? CSH_N_ROWS
                                                        : CSH_N_ENTRIES;
}
