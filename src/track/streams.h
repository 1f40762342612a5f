/*
 * streams.h - the streams that the program has, so that "is everything idle?"
 * can be asked without waiting for anything.
 *
 * The answer is yes only when every stream of the context is known and says
 * so itself. Any function may be called from any thread, with no lock of
 * leaf rank held.
 */
#ifndef CSH_TRACK_STREAMS_H
#define CSH_TRACK_STREAMS_H

#include <cuda.h>
#include <cudaTypedefs.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/lock.h"

struct csh_stream_node;

struct csh_streams {
    struct csh_lock lock; /* CSH_RANK_LEAF; guards all below */
    struct csh_stream_node *nodes;
    uint64_t per_thread_user; /* 0: none */
    bool is_incomplete;       /* for good */
};

#define CSH_STREAMS_INIT {CSH_LOCK_INIT(CSH_RANK_LEAF), NULL, 0, false}

enum csh_idleness { CSH_IDLE, CSH_BUSY, CSH_IDLENESS_UNKNOWN };

/* After a stream was created, or a handle was met that is not known yet. A
 * handle that is known already stays as it is. */
void csh_streams_add(struct csh_streams *streams, CUcontext context,
                     CUstream stream);

/* There is a stream that cannot be asked about: nothing is known, for good. */
void csh_streams_note_unknown(struct csh_streams *streams);

/*
 * Before a stream is destroyed: from its return no thread asks the driver
 * about the handle (it waits for one that just does). Work may outlive its
 * stream: unless was_idle, what runs in the context is unknown until
 * csh_streams_note_synchronised(). False when the handle was not known.
 */
bool csh_streams_remove(struct csh_streams *streams, CUstream stream,
                        bool was_idle);

/* When a context ends, or has ended. */
void csh_streams_remove_context(struct csh_streams *streams,
                                CUcontext context);

/* Everything in the context was waited for (cuCtxSynchronize succeeded). */
void csh_streams_note_synchronised(struct csh_streams *streams,
                                   CUcontext context);

/* The calling thread used its per-thread default stream. Those of other
 * threads have no name here: from the second thread on, nothing is known. */
void csh_streams_note_per_thread(struct csh_streams *streams);
bool csh_streams_has_several_threads(struct csh_streams *streams);

/* Fills an array with the known streams of a context; returns how many there
 * are, which may be more than fit. */
size_t csh_streams_snapshot(struct csh_streams *streams, CUcontext context,
                            CUstream *array, size_t capacity);

/*
 * Asks every known stream of the current context, and its legacy stream,
 * with no lock held; stops at the first that is busy. Must not be called
 * while any stream captures (csh_captures_any_active(): the query would
 * break it). A stream created meanwhile is not asked.
 */
enum csh_idleness csh_streams_query(struct csh_streams *streams,
                                    CUcontext context,
                                    PFN_cuStreamQuery_v2000 query);

#endif
