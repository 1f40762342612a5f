/*
 * trace_tracks.h - which track of the trace a span goes on.
 *
 * Spans of one track must nest, and two threads may use one stream at a time:
 * so a track is a stream of a device as one thread uses it. A fixed number of
 * them has names; beyond that each thread is one track of its own.
 */
#ifndef CSH_REPORT_TRACE_TRACKS_H
#define CSH_REPORT_TRACE_TRACKS_H

#include <stdint.h>

#include "report/trace_block.h"

#define CSH_TRACE_MOST_TRACKS 128u

/* The track of the calling thread for that stream (trace.h). The first time,
 * its name goes into the block as well. Any thread, no lock held. */
uint64_t csh_trace_track(struct csh_trace_block *block, uint64_t process,
                         int device, uint64_t stream);

#endif
