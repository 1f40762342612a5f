/*
 * cohort.h - what the programs of cohort.tap share.
 */
#ifndef CYCLE_COHORT_H
#define CYCLE_COHORT_H

#include "weight.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PART (192 * KIB + 40)

static inline uint64_t launches(void)
{
    return cu.simcuda_calls("cuLaunchKernel") +
           cu.simcuda_calls("cuLaunchKernel_ptsz");
}

/* Runs the statements and checks how many kernels the driver got besides the
 * program's own. */
#define LAUNCHES(with_shim_, own_, statements_)                              \
    do {                                                                     \
        uint64_t launches_ = launches();                                     \
        statements_;                                                         \
        CHECK_EQUAL(launches() - launches_,                                  \
                    (own_) + (uint64_t)(under_shim ? (with_shim_) : 0));     \
    } while (0)

/* Two weights, and a launch for the first finds out about both. */
static struct weight first, second;

static inline void burst(struct weight *weights, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        offload_expecting(&weights[i], 0, NULL);
    }
}

static inline struct weight *learn_many(size_t n, size_t bytes)
{
    struct weight *weights = calloc(n, sizeof(*weights));
    size_t i;

    CHECK(weights != NULL);
    for (i = 0; i < n; i++) {
        weights[i] = learned(bytes, 100 + (uint32_t)i, NULL);
    }
    return weights;
}

static inline void two_weights(CUstream stream)
{
    first = learned(WEIGHT, 1, stream);
    second = learned(WEIGHT, 2, stream);
}

/* A new thread has no context. */
static inline void enter_context(void)
{
    CUcontext context = NULL;

    OK(cu.cuDevicePrimaryCtxRetain(&context, 0));
    OK(cu.cuCtxSetCurrent(context));
}

/* Threads take turns by it. */
static _Atomic int step;

static inline void await_step(int wanted)
{
    const struct timespec moment = {0, 100000};

    while (step != wanted) {
        nanosleep(&moment, NULL);
    }
}

#define ON "CUSHADOW_COHORT=1"
#define WITH(name_) {#name_, name_, ON}

#endif
