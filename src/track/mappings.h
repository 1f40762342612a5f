/*
 * mappings.h - which pieces of device memory (handles of cuMemCreate) are
 * mapped where, as far as cohorts must know (track/watch.h): a second address
 * of the same memory is a way to write it that no range shows.
 *
 * Does nothing while cohorts are not allowed. Callable from any thread, with
 * no lock of leaf rank held.
 */
#ifndef CSH_TRACK_MAPPINGS_H
#define CSH_TRACK_MAPPINGS_H

#include <stddef.h>
#include <stdint.h>

/* Before cuMemMap, and after it succeeded: forbids cohorts if the handle is
 * mapped already. For want of memory they are forbidden, too. */
void csh_mappings_mapping(uint64_t handle);
void csh_mappings_mapped(uint64_t address, size_t bytes, uint64_t handle);

/* After cuMemUnmap succeeded. */
void csh_mappings_unmapped(uint64_t address, size_t bytes);

/* Memory was made on this device (its ordinal; -1: not on a device), or access
 * from there was granted: the second forbids. */
void csh_mappings_note_device(int device);

#endif
