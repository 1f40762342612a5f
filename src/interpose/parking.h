/*
 * parking.h - what a wrapper does around its real call for the sake of parked
 * memory (engine/park.h), whatever its arguments are.
 */
#ifndef CSH_INTERPOSE_PARKING_H
#define CSH_INTERPOSE_PARKING_H

#include <cuda.h>

#include "engine/engine.h"

/* One end of a copy of rows. What nothing is at is not host memory either. */
static inline void csh_see(CUmemorytype *type, CUdeviceptr *address)
{
    CUdeviceptr seen;

    if (*type == CU_MEMORYTYPE_DEVICE || *type == CU_MEMORYTYPE_UNIFIED) {
        seen = csh_engine_visible(*address);
        *type = seen != *address ? CU_MEMORYTYPE_DEVICE : *type;
        *address = seen;
    }
}

/* The description of one, with addresses as below: in `seen`, which is the
 * caller's. */
#define CSH_SEEN_ROWS(type_)                                                  \
    static inline const type_ *csh_seen_##type_(const type_ *copy,            \
                                                type_ *seen)                  \
    {                                                                         \
        if (copy == NULL) {                                                   \
            return NULL;                                                      \
        }                                                                     \
        *seen = *copy;                                                        \
        csh_see(&seen->srcMemoryType, &seen->srcDevice);                      \
        csh_see(&seen->dstMemoryType, &seen->dstDevice);                      \
        return seen;                                                          \
    }
CSH_SEEN_ROWS(CUDA_MEMCPY2D)
CSH_SEEN_ROWS(CUDA_MEMCPY3D)
CSH_SEEN_ROWS(CUDA_MEMCPY3D_PEER)
#define CSH_SEEN_IN(type_, argument_)                                         \
    csh_seen_##type_(_Generic((argument_),                                    \
                         const type_ *: (argument_), default: NULL),          \
                     &(type_){0})

/* An argument as the driver shall see it: an address of a parked block as one
 * that nothing is at. By type, so that a row need not say which it is; no flag
 * or number of that type is as large as an address. */
#define CSH_SEEN(argument_)                                                   \
    _Generic((argument_),                                                     \
        CUdeviceptr: csh_engine_visible(                                      \
            _Generic((argument_), CUdeviceptr: (argument_), default: 0)),     \
        const CUDA_MEMCPY2D *: CSH_SEEN_IN(CUDA_MEMCPY2D, argument_),         \
        const CUDA_MEMCPY3D *: CSH_SEEN_IN(CUDA_MEMCPY3D, argument_),         \
        const CUDA_MEMCPY3D_PEER *:                                           \
            CSH_SEEN_IN(CUDA_MEMCPY3D_PEER, argument_),                       \
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
