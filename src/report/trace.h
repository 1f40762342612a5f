/*
 * trace.h - what the shim does, as it happens: CUSHADOW_TRACE.
 *
 * A Chrome trace (JSON array form; one event a line), which Perfetto opens:
 * spans of copies and, inside them, of proofs and captures; counters of what
 * each model has in VRAM, of what was uploaded to each device, and of shadow
 * memory, at most one sample a millisecond. A track is a stream of a device as
 * one thread uses it, so the spans of a track never overlap. Copies that are
 * too small to be looked at are not in it.
 *
 * Whoever tells something asks csh_trace_is_on() first, which is one load.
 * Any thread, with no lock held; keeps errno; a fixed amount of memory.
 */
#ifndef CSH_REPORT_TRACE_H
#define CSH_REPORT_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/options.h"
#include "report/trace_table.h"
#include "weights/registry.h"

extern bool csh_trace_switch;
#define csh_trace_is_on() \
    CSH_UNLIKELY(__atomic_load_n(&csh_trace_switch, __ATOMIC_RELAXED))

/* The program's default streams; other streams go by their handles. */
enum {
    CSH_TRACE_STREAM_DEFAULT = 0,
    CSH_TRACE_STREAM_PER_THREAD = 2,
    CSH_TRACE_STREAM_OWN = 3, /* no stream: the shim's own thread */
};
#define CSH_TRACE_NO_DEVICE (-1) /* the driver was not asked */

struct csh_trace_place {
    int device;
    uint64_t stream;
};

struct csh_trace_span {
    enum csh_trace_event event;
    uint64_t begun_ns, ended_ns; /* csh_clock_now_ns() */
    uint64_t bytes;
    const char *outcome, *reason; /* NULL: it has none. Static storage. */
    struct csh_weight_mark mark;  /* all zero: of no weight */
};

/* The spans of one call: what it is made of, and itself. All on the track of
 * that place and of the calling thread. */
void csh_trace_spans(const struct csh_trace_place *place,
                     const struct csh_trace_span *spans, size_t n_spans);

/* One span, with the present as its end. */
void csh_trace_span(const struct csh_trace_place *place,
                    const struct csh_trace_span *span);

/* Something changed what is in VRAM, without a span: memory was freed. */
void csh_trace_changed(void);

/* Before a change after a while without any: writes the sample that was not
 * due when the latest change came. */
void csh_trace_settle(void);

/* Bytes uploaded to a device, and not freed since. */
#define CSH_TRACE_MOST_DEVICES 16
struct csh_trace_vram {
    int device;
    uint64_t bytes;
};
/* Fills the array, each device once; returns how many. Called with no lock
 * held. */
typedef size_t csh_trace_vram_fn(
    struct csh_trace_vram vram[CSH_TRACE_MOST_DEVICES]);

/* Opens the file that the options name, if they do. Once. */
void csh_trace_open(const struct csh_options *options,
                    csh_trace_vram_fn *vram);

/* Ends the file as a whole JSON array, in the process that opened it. */
void csh_trace_close(void);

#endif
