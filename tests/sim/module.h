/*
 * module.h - modules, libraries and what is looked up in them.
 */
#ifndef SIM_MODULE_H
#define SIM_MODULE_H

#include "sim.h"

struct CUmod_st {
    uint32_t mark;
    CUcontext context;
    char *text;           /* the image if it is PTX, else NULL */
    CUfunction functions;
    CUmodule next;
};

struct CUlib_st {
    uint32_t mark;
    char *text;
    CUfunction functions;
};

struct CUfunc_st {
    uint32_t mark;
    const struct sim_kernel *kernel;
    CUmodule module;   /* NULL: of a library */
    CUlibrary library;
    bool is_loaded;
    int shared_limit_bytes; /* MAX_DYNAMIC_SHARED_SIZE_BYTES */
    CUfunction next;
};

/* The function behind a CUfunction, or a CUkernel cast to one; or NULL. */
CUfunction sim_function(CUfunction function);

#endif
