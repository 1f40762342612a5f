/*
 * sdxl_sizes.h - the sizes of SDXL's tensors, from examples/sdxl, which is
 * looked for in the working folder.
 */
#ifndef SDXL_SIZES_H
#define SDXL_SIZES_H

#include <stddef.h>

enum { SDXL_MOST_TENSORS = 4096 };

/* Of all tensors, ordered by size, every so-maniest, which keeps the
 * distribution of sizes. Returns how many. Ends the program with a line on
 * stderr if the files cannot be read. */
size_t sdxl_sizes(size_t sizes[SDXL_MOST_TENSORS], size_t every);

#endif
