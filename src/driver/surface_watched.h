/*
 * surface_watched.h - the rest of libcuda: entries that the shim stands in
 * front of only under CUSHADOW_COHORT=1. Part of surface.h; not included
 * elsewhere.
 *
 * A verdict that outlives its call may be believed only while the program has
 * done nothing (track/watch.h). So every entry of the driver is in exactly one
 * of three lists: the hooked rows of surface.h, the rows here, and the queries
 * of surface_queries.h; what is in none of them is unknown, and being handed
 * out ends cohorts for good. Without cohorts these rows are handed out by
 * nobody: a program gets the driver's own entries. A program that is linked
 * with libcuda calls the exported wrapper, which jumps to the real entry.
 *
 * Columns are those of surface.h. Tiers:
 *
 *   WATCHED  forwarded; afterwards ends what was proven
 *   OPENED   ends cohorts for good: memory is, or may be, written by others
 *            from now on
 *   PRIVATE  the same, but for the tables of export_tables.h: hands out
 *            entries that nobody can stand in front of
 *   LEGACY   the same: addresses and sizes of 32 bits, gone since CUDA 3.2
 */
#ifndef CSH_DRIVER_SURFACE_WATCHED_H
#define CSH_DRIVER_SURFACE_WATCHED_H

#include "driver/surface_watched_code.h"
#include "driver/surface_watched_graphs.h"
#include "driver/surface_watched_interop.h"
#include "driver/surface_watched_legacy.h"
#include "driver/surface_watched_memory.h"
#include "driver/surface_watched_streams.h"
#include "driver/surface_watched_textures.h"

/* Whether cohorts end depends on the arguments: which table is asked for, and
 * whether the flags say that the device may launch a graph. */
#define CSH_SURFACE_WATCHED_HANDWRITTEN(X)                                    \
    X(cuGetExportTable, "cuGetExportTable", 3000, PLAIN,                      \
      PFN_cuGetExportTable_v3000, PRIVATE)                                    \
    X(cuGraphInstantiateWithFlags, "cuGraphInstantiateWithFlags", 11040,      \
      PLAIN, PFN_cuGraphInstantiateWithFlags_v11040, WATCHED)                 \
    X(cuGraphInstantiateWithParams, "cuGraphInstantiateWithParams", 12000,    \
      PLAIN, PFN_cuGraphInstantiateWithParams_v12000, WATCHED)                \
    X(cuGraphInstantiateWithParams_ptsz, "cuGraphInstantiateWithParams",      \
      12000, PER_THREAD, PFN_cuGraphInstantiateWithParams_v12000_ptsz,        \
      WATCHED)

#define CSH_SURFACE_WATCHED_FORWARDED(X)                                      \
    CSH_SURFACE_WATCHED_MEMORY(X)                                             \
    CSH_SURFACE_WATCHED_TEXTURES(X)                                           \
    CSH_SURFACE_WATCHED_GRAPHS(X)                                             \
    CSH_SURFACE_WATCHED_STREAMS(X)                                            \
    CSH_SURFACE_WATCHED_CODE(X)                                               \
    CSH_SURFACE_WATCHED_INTEROP(X)                                            \
    CSH_SURFACE_WATCHED_LEGACY(X)

#define CSH_SURFACE_WATCHED(X)                                                \
    CSH_SURFACE_WATCHED_HANDWRITTEN(X)                                        \
    CSH_SURFACE_WATCHED_FORWARDED(X)

#endif
