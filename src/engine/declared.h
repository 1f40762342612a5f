/*
 * declared.h - memory that the program says is a weight (cushadow.h).
 *
 * Two maps of exact ranges, of device and of host memory. A declaration says
 * what an upload is, as a rule of CUSHADOW_WEIGHTS does, and wins over these.
 * Device declarations end with their memory; those of host memory when the
 * program says so. Any thread; hold no lock of rank RANGES or above.
 */
#ifndef CSH_ENGINE_DECLARED_H
#define CSH_ENGINE_DECLARED_H

#include <cuda.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

/* Room for so many, of both kinds together; also the registry's. */
#define CSH_MAX_DECLARED 131072u

struct csh_declaration {
    uint32_t weight;   /* of the registry; 0: without a name */
    bool is_immutable;
};

enum csh_declared_place { CSH_DECLARED_DEVICE, CSH_DECLARED_HOST };

enum csh_declared_result {
    CSH_DECLARED_DONE,
    CSH_DECLARED_OVERLAPS, /* another, which is not the same range */
    CSH_DECLARED_FULL,     /* no room, or memory is short */
};

/* The context is that of the device memory, NULL if it is not known. */
CSH_MUST_CHECK enum csh_declared_result
csh_declared_add(enum csh_declared_place place, uint64_t start,
                 uint64_t bytes, CUcontext context,
                 const struct csh_declaration *declaration);

/* The one that begins there: false if there is none; its size. */
CSH_MUST_CHECK bool csh_declared_remove(enum csh_declared_place place,
                                        uint64_t start, uint64_t *bytes_p);

/* What was said of exactly this range. */
CSH_MUST_CHECK bool csh_declared_find(enum csh_declared_place place,
                                      uint64_t start, uint64_t bytes,
                                      struct csh_declaration *declaration_p);

/* One load: whether there is any at all. */
bool csh_declared_any(void);

/* The declarations were made by the process that this one was forked from,
 * perhaps in the middle of one. */
bool csh_declared_elsewhere(void);

/* Device memory has ended, all of it or all of a context; also of declarations
 * whose context is not known. */
void csh_declared_forget(CUdeviceptr base, size_t bytes);
void csh_declared_forget_context(CUcontext context);

#endif
