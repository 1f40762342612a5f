/*
 * trace_table.h - what a trace tells of, one row each: the writer, the reader
 * of `cushadow report` and the manual come from here.
 */
#ifndef CSH_REPORT_TRACE_TABLE_H
#define CSH_REPORT_TRACE_TABLE_H

/* Events with a beginning and an end. X(name, category, sentence). */
#define CSH_TRACE_EVENTS(X)                                                  \
    X(load, "copy", "a copy to the device that was looked at")               \
    X(offload, "copy", "a copy to the host that was looked at")              \
    X(proof, "proof", "the device range was read for its fingerprint")       \
    X(cohort, "proof", "many device ranges were, by one launch")             \
    X(capture, "capture", "a shadow was made")                               \
    X(fingerprint, "capture", "a captured shadow's, taken in the background")\
    X(park, "park", "freed memory of weights was kept")                      \
    X(unpark, "park", "a load came from parked memory")                      \
    X(release, "park", "parked memory was given to the driver")

/* Gauges that are counters of the trace. X(gauge, name). */
#define CSH_TRACE_GAUGES(X)        \
    X(shadow_bytes, "shadows")     \
    X(slab_bytes, "slabs")         \
    X(pinned_bytes, "pinned slabs") \
    X(parked_bytes, "parked")

/* What else stands in a trace. X(id, name). The first three go before the name
 * of a model and the number of a device. */
#define CSH_TRACE_NAMES(X)                \
    X(model, "VRAM of ")                  \
    X(parked, "parked of ")               \
    X(device, "VRAM of device ")          \
    X(full, "trace full")                 \
    X(dropped, "events left out")         \
    X(end, "trace end")                   \
    X(start, "cushadow")

/* Categories of counters: by it a reader tells a model from a device. */
#define CSH_TRACE_OF_MODEL "model"
#define CSH_TRACE_OF_PARKED "parked"
#define CSH_TRACE_OF_DEVICE "device"
#define CSH_TRACE_OF_MEMORY "memory"
#define CSH_TRACE_OF_TRACE "trace"

#define CSH_X(name_, ...) CSH_TRACE_##name_,
enum csh_trace_event { CSH_TRACE_EVENTS(CSH_X) CSH_N_TRACE_EVENTS };
#undef CSH_X
#define CSH_X(id_, name_) CSH_TRACE_NAME_##id_,
enum csh_trace_name { CSH_TRACE_NAMES(CSH_X) CSH_N_TRACE_NAMES };
#undef CSH_X

/* Of the format; the first event has it in its arguments. */
#define CSH_TRACE_SCHEMA 1

#endif
