/*
 * forward.c - the wrappers that do nothing but forward, made from their rows.
 *
 * Owns nothing. On the launch path nothing is added but this: the slot is
 * loaded and tested, and the real entry is jumped to with the program's own
 * arguments where they are. Whatever a first call may need is in a function
 * of its own, so that the wrapper keeps no register and needs no stack. The
 * load is relaxed, or gcc moves every argument on the stack for it; nothing
 * but the address is read through it, and the code behind that was in place
 * before anybody could call.
 */
#include "driver/driver.h"

#define CSH_FORWARD(symbol_, pfn_, parameters_, arguments_)                   \
    static CSH_COLD CUresult csh_late_##symbol_ parameters_                   \
    {                                                                         \
        pfn_ real = csh_real_##symbol_();                                     \
                                                                              \
        return real == NULL ? csh_driver_absent() : real arguments_;          \
    }                                                                         \
                                                                              \
    CUresult symbol_ parameters_                                              \
    {                                                                         \
        pfn_ real = atomic_load_explicit(&csh_driver.symbol_,                 \
                                         memory_order_relaxed);               \
                                                                              \
        if (CSH_UNLIKELY(real == NULL)) {                                     \
            real = csh_late_##symbol_;                                        \
        }                                                                     \
        return real arguments_;                                               \
    }
#define CSH_X(symbol_, base_, since_, flavour_, pfn_, tier_, ...)             \
    CSH_FORWARD(symbol_, pfn_, __VA_ARGS__)
CSH_SURFACE_FORWARDED(CSH_X)
#undef CSH_X
