/*
 * copy.h - a copy as an entry point describes it.
 */
#ifndef SIM_COPY_H
#define SIM_COPY_H

#include "sim.h"

/* What the name of the entry point says of each side. */
enum sim_kind { SIM_KIND_H2D, SIM_KIND_D2H, SIM_KIND_D2D, SIM_KIND_ANY };

/* When host memory is read and written. */
enum sim_timing {
    SIM_TIMED_BY_KIND, /* as the table in copy.c has it */
    SIM_READS_AT_CALL, /* the source before the return, all else late */
    SIM_ALL_LATE,      /* when the stream gets there */
};

struct sim_request {
    enum sim_kind kind;
    bool is_async;
    enum sim_flavour flavour;
    CUstream stream;      /* NULL for the synchronous forms */
    uint64_t dst, src;
    size_t width, height; /* bytes a row, rows; 0 height: 1 row */
    size_t dst_pitch, src_pitch;
    enum sim_timing timing;
};

CUresult sim_copy(const struct sim_request *request);

#endif
