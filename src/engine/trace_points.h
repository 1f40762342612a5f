/*
 * trace_points.h - what the engine tells the trace (report/trace.h).
 *
 * A call of the program that is looked at gathers its spans in a small record
 * and hands them over when it has ended, with no lock held. With the trace off
 * each of these costs one load.
 */
#ifndef CSH_ENGINE_TRACE_POINTS_H
#define CSH_ENGINE_TRACE_POINTS_H

#include "base/clock.h"
#include "base/options.h"
#include "engine/journal.h"
#include "report/trace.h"
#include "verify/prover.h"

#define CSH_TRACE_MOST_PARTS 2

/* What a call was made of so far. All zero: nothing. Small, since each call
 * begins with an empty one. */
struct csh_trace_parts {
    unsigned n;
    struct csh_trace_part {
        enum csh_trace_event event;
        uint64_t begun_ns, ended_ns;
        const char *result;
    } part[CSH_TRACE_MOST_PARTS];
};

/* The present, if it is wanted. */
static inline uint64_t csh_trace_now_ns(void)
{
    return csh_trace_is_on() ? csh_clock_now_ns() : 0;
}

/* Something that began then has ended; 0 is the trace being off. More parts
 * than there is room for are left out. The result is a word of static
 * storage, or NULL. */
void csh_trace_note_part(struct csh_trace_parts *parts,
                         enum csh_trace_event event, uint64_t begun_ns,
                         const char *result);

const char *csh_trace_proof_word(enum csh_proof proof);

/* A proof of its own, from then until now. Through the trace's switch. */
void csh_trace_proof(const struct csh_context *context,
                     const struct csh_stream *stream, uint64_t bytes,
                     enum csh_proof proof, uint64_t begun_ns);

/* A copy that was looked at has come to its end. */
void csh_trace_write_copy(const struct csh_event *event,
                          const struct csh_trace_parts *parts);
#define csh_trace_copy(parts_, ...)                              \
    do {                                                         \
        if (csh_trace_is_on()) {                                 \
            csh_trace_write_copy(&(struct csh_event){__VA_ARGS__}, \
                                 (parts_));                      \
        }                                                        \
    } while (0)

/* Parked memory: park, unpark or release, of so many bytes on the device,
 * from then until now; the mark may be all zero. The stream is NULL for what
 * is of no stream. */
void csh_trace_parking(enum csh_trace_event event, CUdevice device,
                       const struct csh_stream *stream, uint64_t bytes,
                       struct csh_weight_mark mark, uint64_t begun_ns);

/* Work of a thread of the shim's, from then until now. */
void csh_trace_own_work(enum csh_trace_event event, CUcontext context,
                        uint64_t bytes, struct csh_weight_mark mark,
                        uint64_t begun_ns);

/* Once, when the options are known. */
void csh_trace_points_start(const struct csh_options *options);

#endif
