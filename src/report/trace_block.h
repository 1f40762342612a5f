/*
 * trace_block.h - events of the Chrome trace format (JSON array form), put
 * together in memory for one write.
 *
 * A block is on its caller's stack, and its events are whole: one that does
 * not fit is left out and counted. Each begins with ",\n", so that a file
 * which ends behind any event lacks nothing but its "]", which readers of the
 * format do without. Times go in as nanoseconds and out as microseconds with
 * three decimals. No allocation, no lock, no failure.
 */
#ifndef CSH_REPORT_TRACE_BLOCK_H
#define CSH_REPORT_TRACE_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "report/emitter.h"

/* One write(2) takes as much: PIPE_BUF, in base/output.c. */
#define CSH_TRACE_BLOCK_BYTES 4096

/* Longer names are cut. All the names of an event, each byte of them escaped,
 * fit into a block. */
#define CSH_TRACE_NAME_BYTES 200

struct csh_trace_block {
    size_t n_bytes;
    unsigned n_events, n_left_out;
    char text[CSH_TRACE_BLOCK_BYTES];
};

/* One event under way; its fields are the event's own. */
struct csh_trace_writer {
    struct csh_trace_block *block;
    size_t first_byte;
    bool is_cut;
    struct csh_emitter emitter;
};

void csh_trace_block_begin(struct csh_trace_block *block);

/* What every event has. The name is two texts, one after the other; the
 * category may be NULL; phase is the format's ("X", "C", "i", "M"). */
struct csh_trace_head {
    const char *name, *more;
    const char *category, *phase;
    uint64_t at_ns;
    uint64_t process, track; /* 0: the whole process */
};
void csh_trace_begin_event(struct csh_trace_writer *writer,
                           struct csh_trace_block *block,
                           const struct csh_trace_head *head);

/* In any order, before the arguments. */
void csh_trace_put_time(struct csh_trace_writer *writer, const char *key,
                        uint64_t ns);
void csh_trace_begin_arguments(struct csh_trace_writer *writer);

/* Arguments. NULL leaves one out. */
void csh_trace_put_number(struct csh_trace_writer *writer, const char *key,
                          uint64_t value);
void csh_trace_put_text(struct csh_trace_writer *writer, const char *key,
                        const char *text);

void csh_trace_end_event(struct csh_trace_writer *writer);

/* A counter with the one value "bytes" or whatever the key is. */
void csh_trace_put_counter(struct csh_trace_block *block,
                           const struct csh_trace_head *head,
                           const char *key, uint64_t value);

#endif
