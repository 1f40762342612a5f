/*
 * trust.h - CUSHADOW_MODE=trust: what is said of it, and what it drops.
 *
 * What a rule other than learn, or the program, has declared to be a weight is
 * not read at the first offload after its upload: the program gets the bytes
 * of that upload, and what was written to the range since is dropped with it.
 * A partial upload counts as an upload of something else; what was learned is
 * proven as in mode verify, and so is every further offload.
 */
#ifndef CSH_ENGINE_TRUST_H
#define CSH_ENGINE_TRUST_H

#include <cuda.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Says in the log what the mode changes, if it is on. Once, with the options
 * loaded. */
void csh_trust_start(void);

/* Whether writes are to be told of, below. Loads the options. */
bool csh_trust_is_on(void);

/* The program was seen to write device memory, other than by an upload. */
void csh_trust_note_written(CUdeviceptr device, size_t bytes);

/* A weight was offloaded without being read, though it was seen written. */
void csh_trust_note_dropped(uint32_t weight, size_t bytes);

#endif
