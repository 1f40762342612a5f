/*
 * trace_file.h - the file of CUSHADOW_TRACE: blocks go in whole, up to a
 * bound, and what does not go in is counted.
 *
 * One write(2) a block, appended; the system has it from then on, whatever
 * becomes of the process. Once the file has its most bytes it says so in an
 * event of its own, and how many events were left out: a counter at 1, 2, 4, 8
 * and so on, which is exact in the last event of a process that ends by itself.
 * Nothing is written by a child of the process that opened the file.
 *
 * Any thread. One lock, of rank LEAF, held for the write.
 */
#ifndef CSH_REPORT_TRACE_FILE_H
#define CSH_REPORT_TRACE_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "report/trace_block.h"

/* A bound below this is taken for this. */
#define CSH_TRACE_LEAST_BYTES (UINT64_C(64) << 10)

/* Opens the file of that name (output.h: %p, %h), and begins it with the
 * block. Once, before anything else here. If it cannot be had, one warning
 * says why. */
CSH_MUST_CHECK
bool csh_trace_file_open(const char *pattern, uint64_t most_bytes,
                         const struct csh_trace_block *first);

/* Writes the events of the block, or counts them as left out. The time is
 * for what the file has to say itself. False once nothing more will ever be
 * taken, since the system refused a write. */
bool csh_trace_file_put(const struct csh_trace_block *block, uint64_t now_ns);

/* True if the events would only be counted; counts them then. */
bool csh_trace_file_refuses(unsigned n_events, uint64_t now_ns);

/* The last event, and the bracket that ends a JSON array. Nothing is written
 * afterwards. */
void csh_trace_file_close(uint64_t now_ns);

#endif
