/*
 * parking.h - what a wrapper does around its real call for the sake of parked
 * memory (engine/park.h), whatever its arguments are.
 */
#ifndef CSH_INTERPOSE_PARKING_H
#define CSH_INTERPOSE_PARKING_H

#include <cuda.h>

#include "engine/engine.h"

/* An argument as the driver shall see it: an address of a parked block as one
 * that nothing is at. By type, so that a row need not say which it is; no flag
 * or number of that type is as large as an address. */
#define CSH_SEEN(argument_)                                                   \
    _Generic((argument_),                                                     \
        CUdeviceptr: csh_engine_visible(                                      \
            _Generic((argument_), CUdeviceptr: (argument_), default: 0)),     \
        default: (argument_))

/* The arguments of a call, with their parentheses. At most 16. */
#define CSH_SEEN_0()
#define CSH_SEEN_1(a_) CSH_SEEN(a_)
#define CSH_SEEN_2(a_, ...) CSH_SEEN(a_), CSH_SEEN_1(__VA_ARGS__)
#define CSH_SEEN_3(a_, ...) CSH_SEEN(a_), CSH_SEEN_2(__VA_ARGS__)
#define CSH_SEEN_4(a_, ...) CSH_SEEN(a_), CSH_SEEN_3(__VA_ARGS__)
#define CSH_SEEN_5(a_, ...) CSH_SEEN(a_), CSH_SEEN_4(__VA_ARGS__)
#define CSH_SEEN_6(a_, ...) CSH_SEEN(a_), CSH_SEEN_5(__VA_ARGS__)
#define CSH_SEEN_7(a_, ...) CSH_SEEN(a_), CSH_SEEN_6(__VA_ARGS__)
#define CSH_SEEN_8(a_, ...) CSH_SEEN(a_), CSH_SEEN_7(__VA_ARGS__)
#define CSH_SEEN_9(a_, ...) CSH_SEEN(a_), CSH_SEEN_8(__VA_ARGS__)
#define CSH_SEEN_10(a_, ...) CSH_SEEN(a_), CSH_SEEN_9(__VA_ARGS__)
#define CSH_SEEN_11(a_, ...) CSH_SEEN(a_), CSH_SEEN_10(__VA_ARGS__)
#define CSH_SEEN_12(a_, ...) CSH_SEEN(a_), CSH_SEEN_11(__VA_ARGS__)
#define CSH_SEEN_13(a_, ...) CSH_SEEN(a_), CSH_SEEN_12(__VA_ARGS__)
#define CSH_SEEN_14(a_, ...) CSH_SEEN(a_), CSH_SEEN_13(__VA_ARGS__)
#define CSH_SEEN_15(a_, ...) CSH_SEEN(a_), CSH_SEEN_14(__VA_ARGS__)
#define CSH_SEEN_16(a_, ...) CSH_SEEN(a_), CSH_SEEN_15(__VA_ARGS__)
#define CSH_SEEN_PICK(zero_, a_, b_, c_, d_, e_, f_, g_, h_, i_, j_, k_, l_,  \
                      m_, n_, o_, p_, macro_, ...)                            \
    macro_
#define CSH_SEEN_ALL(...)                                                     \
    (CSH_SEEN_PICK(0, ##__VA_ARGS__, CSH_SEEN_16, CSH_SEEN_15, CSH_SEEN_14,   \
                   CSH_SEEN_13, CSH_SEEN_12, CSH_SEEN_11, CSH_SEEN_10,        \
                   CSH_SEEN_9, CSH_SEEN_8, CSH_SEEN_7, CSH_SEEN_6,            \
                   CSH_SEEN_5, CSH_SEEN_4, CSH_SEEN_3, CSH_SEEN_2,            \
                   CSH_SEEN_1, CSH_SEEN_0)(__VA_ARGS__))

#endif
