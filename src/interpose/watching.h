/*
 * watching.h - what a wrapper does around its real call for the sake of
 * cohorts (track/watch.h). Without them: one load, or nothing.
 */
#ifndef CSH_INTERPOSE_WATCHING_H
#define CSH_INTERPOSE_WATCHING_H

#include <cuda.h>
#include <stdbool.h>
#include <stddef.h>

#include "track/stream.h"
#include "track/watch.h"

/* Before a real call that names a stream. */
static inline void csh_watching_stream(CUstream handle,
                                       enum csh_flavour flavour)
{
    if (flavour == CSH_PER_THREAD || handle == CU_STREAM_PER_THREAD) {
        csh_watch_note_per_thread();
    }
}

static inline CUstream csh_watching_config_stream(const CUlaunchConfig *config)
{
    return config == NULL ? NULL : config->hStream;
}

/* An argument's stream, whatever its type: NULL if it names none. */
#define CSH_STREAM_OF(argument_)                                              \
    _Generic((argument_),                                                     \
        CUstream: (argument_),                                                \
        const CUlaunchConfig *: csh_watching_config_stream(                   \
            _Generic((argument_),                                             \
                const CUlaunchConfig *: (argument_),                          \
                default: (const CUlaunchConfig *)NULL)),                      \
        default: (CUstream)NULL)

/* Whether any argument of a call is the per-thread handle: by type, so that a
 * row need not say which is its stream. At most 16 arguments. */
#define CSH_IS_OWN(argument_)                                                 \
    (CSH_STREAM_OF(argument_) == CU_STREAM_PER_THREAD)
#define CSH_OWN_1(a_) CSH_IS_OWN(a_)
#define CSH_OWN_2(a_, ...) (CSH_IS_OWN(a_) || CSH_OWN_1(__VA_ARGS__))
#define CSH_OWN_3(a_, ...) (CSH_IS_OWN(a_) || CSH_OWN_2(__VA_ARGS__))
#define CSH_OWN_4(a_, ...) (CSH_IS_OWN(a_) || CSH_OWN_3(__VA_ARGS__))
#define CSH_OWN_5(a_, ...) (CSH_IS_OWN(a_) || CSH_OWN_4(__VA_ARGS__))
#define CSH_OWN_6(a_, ...) (CSH_IS_OWN(a_) || CSH_OWN_5(__VA_ARGS__))
#define CSH_OWN_7(a_, ...) (CSH_IS_OWN(a_) || CSH_OWN_6(__VA_ARGS__))
#define CSH_OWN_8(a_, ...) (CSH_IS_OWN(a_) || CSH_OWN_7(__VA_ARGS__))
#define CSH_OWN_9(a_, ...) (CSH_IS_OWN(a_) || CSH_OWN_8(__VA_ARGS__))
#define CSH_OWN_10(a_, ...) (CSH_IS_OWN(a_) || CSH_OWN_9(__VA_ARGS__))
#define CSH_OWN_11(a_, ...) (CSH_IS_OWN(a_) || CSH_OWN_10(__VA_ARGS__))
#define CSH_OWN_12(a_, ...) (CSH_IS_OWN(a_) || CSH_OWN_11(__VA_ARGS__))
#define CSH_OWN_13(a_, ...) (CSH_IS_OWN(a_) || CSH_OWN_12(__VA_ARGS__))
#define CSH_OWN_14(a_, ...) (CSH_IS_OWN(a_) || CSH_OWN_13(__VA_ARGS__))
#define CSH_OWN_15(a_, ...) (CSH_IS_OWN(a_) || CSH_OWN_14(__VA_ARGS__))
#define CSH_OWN_16(a_, ...) (CSH_IS_OWN(a_) || CSH_OWN_15(__VA_ARGS__))
#define CSH_OWN_17(a_, ...) (CSH_IS_OWN(a_) || CSH_OWN_16(__VA_ARGS__))
#define CSH_OWN_PICK(a_, b_, c_, d_, e_, f_, g_, h_, i_, j_, k_, l_, m_, n_,  \
                     o_, p_, q_, macro_, ...)                                 \
    macro_
/* The leading 0 stands for no argument at all. */
#define CSH_ANY_OWN_STREAM(...)                                               \
    CSH_OWN_PICK(0, ##__VA_ARGS__, CSH_OWN_17, CSH_OWN_16, CSH_OWN_15,        \
                 CSH_OWN_14, CSH_OWN_13, CSH_OWN_12, CSH_OWN_11, CSH_OWN_10,  \
                 CSH_OWN_9, CSH_OWN_8, CSH_OWN_7, CSH_OWN_6, CSH_OWN_5,       \
                 CSH_OWN_4, CSH_OWN_3, CSH_OWN_2, CSH_OWN_1, 0)               \
    (0, ##__VA_ARGS__)

#endif
