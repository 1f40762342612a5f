/*
 * copy.h - a copy as an entry point describes it.
 */
#ifndef SIM_COPY_H
#define SIM_COPY_H

#include "sim.h"

/* What the name of the entry point says of each side. */
enum sim_kind { SIM_KIND_H2D, SIM_KIND_D2H, SIM_KIND_D2D, SIM_KIND_ANY };

struct sim_request {
    enum sim_kind kind;
    bool is_async;
    enum sim_flavour flavour;
    CUstream stream;      /* NULL for the synchronous forms */
    uint64_t dst, src;
    size_t width, height; /* bytes a row, rows; 0 height: 1 row */
    size_t dst_pitch, src_pitch;
};

CUresult sim_copy(const struct sim_request *request);

#endif
