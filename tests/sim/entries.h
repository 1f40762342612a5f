/*
 * entries.h - every entry point that the driver library of CUDA 13.0
 * exports: 672 symbols. Written by make_entries.py, not by hand.
 * 35 of them are for OpenGL, EGL and VDPAU; their types need headers of
 * others, so sim_interop stands for NVIDIA's typedef.
 *
 * X(symbol, base, since, flavour, pfn): the ELF symbol, the name that
 * cuGetProcAddress knows it by, the CUDA version that introduced this ABI,
 * PLAIN or PER_THREAD, NVIDIA's typedef (cudaTypedefs.h or
 * cudaProfilerTypedefs.h; some exist only under __CUDA_API_VERSION_INTERNAL).
 * Sorted by symbol as strcmp() sorts. cuda.h makes macros of many of these
 * names: a file that includes it before using this list defines
 * __CUDA_API_VERSION_INTERNAL first.
 */
#ifndef SIM_ENTRIES_H
#define SIM_ENTRIES_H

#include "entries_a_to_g.h"
#include "entries_h_to_z.h"

#define SIM_ENTRIES_CUDA_VERSION 13000
#define SIM_ENTRIES_COUNT 672

#define SIM_ENTRIES(X) SIM_ENTRIES_A_TO_G(X) SIM_ENTRIES_H_TO_Z(X)

#endif
