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

#endif
