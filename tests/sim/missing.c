/*
 * missing.c - a weak definition of every entry point, which fails loudly.
 *
 * An entry that another file of the driver defines (strongly) replaces the one
 * here when the library is linked. Whoever calls an entry that nobody wrote
 * must see it at once: a stub that returned success would make tests pass that
 * test nothing. cuda.h is not included, because the definitions here have no
 * parameters: a caller's arguments are left where they are, unread.
 */
#include "entries.h"
#include "missing.h"

enum {
#define SIM_NUMBER(symbol_, base_, since_, flavour_, pfn_) SIM_ROW_##symbol_,
    SIM_ENTRIES(SIM_NUMBER)
};

#define SIM_MISSING(symbol_, base_, since_, flavour_, pfn_)            \
    __attribute__((weak, visibility("default"))) int symbol_(void);    \
    int symbol_(void)                                                  \
    {                                                                  \
        return sim_missing(SIM_ROW_##symbol_);                         \
    }

SIM_ENTRIES(SIM_MISSING)
