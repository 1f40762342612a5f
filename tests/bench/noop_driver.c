/*
 * noop_driver.c - a libcuda.so.1 whose entries all return success at once.
 *
 * What a call costs on the way to a driver is measured against this: a real
 * entry takes microseconds, in which a few nanoseconds cannot be seen.
 * Nothing is written through any pointer, so only calls whose outputs nobody
 * reads may be made. The list of entries is the simulated driver's.
 */
#include "../sim/entries.h"

#define NOOP_X(symbol_, ...)                                      \
    __attribute__((visibility("default"))) int symbol_(void);     \
    int symbol_(void)                                             \
    {                                                             \
        return 0;                                                 \
    }
SIM_ENTRIES(NOOP_X)
