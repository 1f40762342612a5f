/*
 * declare.h - what programs that use cushadow.h share: results, and figures
 * from the statistics. Included once by a program.
 */
#ifndef CYCLE_DECLARE_H
#define CYCLE_DECLARE_H

#include "weight.h"

#include <cushadow.h>
#include <stdlib.h>
#include <string.h>

/* A call of cushadow.h has this result under the shim, and without it says
 * that there is none. */
#define ANSWERS(call_, result_) \
    CHECK_EQUAL((call_), under_shim ? (result_) : CUSHADOW_ABSENT)

#define PATCH_AT 5
#define PATCH_BYTES 4097
#define PATCH 0x31

struct figure {
    const char *model; /* NULL: of the process */
    const char *name;
    uint64_t value; /* 0: not told */
};

static inline void find_figure(const char *model, const char *name,
                               uint64_t value, void *opaque)
{
    struct figure *figure = opaque;
    bool is_model = model == NULL || figure->model == NULL
                        ? model == figure->model
                        : strcmp(model, figure->model) == 0;

    if (is_model && strcmp(name, figure->name) == 0) {
        figure->value = value;
    }
}

static inline void check_figure_of(const char *model, const char *name,
                                   uint64_t wanted)
{
    struct figure figure = {model, name, 0};

    ANSWERS(cushadow_statistics(find_figure, &figure), CUSHADOW_OK);
    CHECK_EQUAL(figure.value, under_shim ? wanted : 0);
}

static inline void check_figure(const char *name, uint64_t wanted)
{
    check_figure_of(NULL, name, wanted);
}

/* Writes to a weight in VRAM: by a call that is seen. */
static inline void patch(const struct weight *weight)
{
    OK(cu.cuMemsetD8_v2(weight->device + PATCH_AT, PATCH, PATCH_BYTES));
}

/* The next offload moves nothing and launches nothing, and what was written
 * in VRAM is not in it. Returns the host memory. */
static inline void *dropped(const struct weight *weight)
{
    uint8_t *host = fresh(weight->bytes);
    uint64_t before = cu.simcuda_calls("cuLaunchKernel");

    REACHES(d2h, 0, weight->bytes,
            offload(host, weight->device, weight->bytes, NULL));
    CHECK_EQUAL(cu.simcuda_calls("cuLaunchKernel") - before, 0);
    CHECK_EQUAL(host[PATCH_AT] == PATCH &&
                    host[PATCH_AT + PATCH_BYTES - 1] == PATCH,
                !under_shim);
    CHECK_EQUAL(holds(host, weight->bytes, weight->seed), under_shim);
    return host;
}

/* It is a true copy, patch and all. */
static inline void kept(const struct weight *weight)
{
    changed_expecting(weight, PATCH_AT, PATCH_BYTES, PATCH, NULL);
}

#endif
