/*
 * trace.c - puts spans together and says when a sample of the counters is
 * due.
 *
 * Owns the switch, which is on from csh_trace_open() to csh_trace_close(), and
 * the times of the samples; atomics, no lock of its own. A sample costs as
 * much as there are weights: the next one waits until twenty times that has
 * passed, and a millisecond at least.
 */
#include "report/trace.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text_file.h"
#include "report/trace_counters.h"
#include "report/trace_file.h"
#include "report/trace_tracks.h"

#define SAMPLE_NS UINT64_C(1000000)
#define SAMPLE_COST 20

/* What a span needs at most: its own text, and two names of a new track. */
#define SPAN_BYTES 3500

bool csh_trace_switch;

#define CSH_X(name_, category_, sentence_) {#name_, category_},
static const struct {
    const char *name, *category;
} events[] = {CSH_TRACE_EVENTS(CSH_X)};
#undef CSH_X

static uint64_t process; /* set while the switch is off */
static _Atomic uint64_t next_sample_ns;
static _Atomic uint64_t unsampled_ns; /* of the latest change; 0: none */

static void turn_off(void)
{
    __atomic_store_n(&csh_trace_switch, false, __ATOMIC_RELAXED);
}

/* --- samples ----------------------------------------------------------- */

/* Nobody else samples until the time has come again. */
static bool is_due(uint64_t now_ns)
{
    uint64_t due_ns = atomic_load(&next_sample_ns);

    return (now_ns >= due_ns) &&
           atomic_compare_exchange_strong(&next_sample_ns, &due_ns,
                                          UINT64_MAX);
}

static void sample(uint64_t at_ns)
{
    uint64_t begun_ns = csh_clock_thread_ns(), wait_ns;

    atomic_store(&unsampled_ns, 0);
    csh_trace_counters_write(process, at_ns);
    wait_ns = SAMPLE_COST * (csh_clock_thread_ns() - begun_ns);
    atomic_store(&next_sample_ns,
                 csh_clock_now_ns() +
                     (wait_ns > SAMPLE_NS ? wait_ns : SAMPLE_NS));
}

static void note_change(uint64_t now_ns)
{
    if (is_due(now_ns)) {
        sample(now_ns);
    } else {
        atomic_store(&unsampled_ns, now_ns);
    }
}

void csh_trace_changed(void)
{
    int saved_errno = errno;
    uint64_t now_ns = csh_clock_now_ns();

    if (csh_trace_is_on() && !csh_trace_file_refuses(0, now_ns)) {
        note_change(now_ns);
    }
    errno = saved_errno;
}

void csh_trace_settle(void)
{
    int saved_errno = errno;
    uint64_t changed_ns = atomic_load(&unsampled_ns);

    if (csh_trace_is_on() && (changed_ns != 0) &&
        is_due(csh_clock_now_ns())) {
        sample(changed_ns);
    }
    errno = saved_errno;
}

/* --- spans ------------------------------------------------------------- */

/* A weight without a name goes by the burst in which it was uploaded until it
 * is known as one: then by its model. */
static void put_weight(struct csh_trace_writer *writer,
                       struct csh_weight_mark mark)
{
    const char *tensor;
    const struct csh_model_tag tag =
        csh_registry_tag_of((uint32_t)mark.weight, &tensor);

    csh_trace_put_text(writer, "model", tag.name);
    if (tag.group > 0) {
        csh_trace_put_number(writer, "group", tag.group);
    }
    csh_trace_put_text(writer, "tensor", tensor);
    if (mark.burst > 0) {
        csh_trace_put_number(writer, "burst", mark.burst);
    }
}

static void put_span(struct csh_trace_block *block, uint64_t track,
                     const struct csh_trace_span *span)
{
    const struct csh_trace_head head = {
        .name = events[span->event].name,
        .category = events[span->event].category,
        .phase = "X",
        .at_ns = span->begun_ns,
        .process = process,
        .track = track,
    };
    struct csh_trace_writer writer;

    csh_trace_begin_event(&writer, block, &head);
    csh_trace_put_time(&writer, "dur",
                       (span->ended_ns > span->begun_ns)
                           ? span->ended_ns - span->begun_ns : 0);
    csh_trace_begin_arguments(&writer);
    csh_trace_put_number(&writer, "bytes", span->bytes);
    csh_trace_put_text(&writer, "outcome", span->outcome);
    csh_trace_put_text(&writer, "reason", span->reason);
    put_weight(&writer, span->mark);
    csh_trace_end_event(&writer);
}

static bool put(const struct csh_trace_block *block, uint64_t now_ns)
{
    bool goes_on = csh_trace_file_put(block, now_ns);

    if (!goes_on) {
        turn_off();
    }
    return goes_on;
}

static void write_spans(const struct csh_trace_place *place,
                        const struct csh_trace_span *spans, size_t n_spans,
                        uint64_t now_ns)
{
    struct csh_trace_block block;
    uint64_t track;
    size_t i;

    csh_trace_block_begin(&block);
    track = csh_trace_track(&block, process, place->device, place->stream);
    for (i = 0; i < n_spans; ++i) {
        if ((block.n_bytes > sizeof(block.text) - SPAN_BYTES) &&
            (block.n_events > 0)) {
            if (!put(&block, now_ns)) {
                return;
            }
            csh_trace_block_begin(&block);
        }
        put_span(&block, track, &spans[i]);
    }
    (void)put(&block, now_ns);
}

void csh_trace_spans(const struct csh_trace_place *place,
                     const struct csh_trace_span *spans, size_t n_spans)
{
    int saved_errno = errno;
    uint64_t now_ns = csh_clock_now_ns();

    if (csh_trace_is_on() && (n_spans > 0) &&
        !csh_trace_file_refuses((unsigned)n_spans, now_ns)) {
        write_spans(place, spans, n_spans, now_ns);
        note_change(now_ns);
    }
    errno = saved_errno;
}

void csh_trace_span(const struct csh_trace_place *place,
                    const struct csh_trace_span *span)
{
    struct csh_trace_span ended = *span;

    ended.ended_ns = csh_clock_now_ns();
    csh_trace_spans(place, &ended, 1);
}

/* --- the beginning and the end ----------------------------------------- */

/* Of the main thread, which is what the program is called. */
static void read_program_name(char *name_p, size_t n_bytes)
{
    if (!csh_text_read("/proc/self", "comm", name_p, n_bytes)) {
        memcpy(name_p, "?", 2);
    }
    name_p[strcspn(name_p, "\n")] = '\0';
}

static void put_start(struct csh_trace_block *block,
                      const struct csh_options *options)
{
    struct csh_trace_head head = {.name = "process_name", .phase = "M",
                                  .process = process};
    struct csh_trace_writer writer;
    char name[64];

    read_program_name(name, sizeof(name));
    csh_trace_begin_event(&writer, block, &head);
    csh_trace_begin_arguments(&writer);
    csh_trace_put_text(&writer, "name", name);
    csh_trace_end_event(&writer);
    head.name = "cushadow";
    head.phase = "i";
    head.category = CSH_TRACE_OF_TRACE;
    head.at_ns = csh_clock_now_ns();
    csh_trace_begin_event(&writer, block, &head);
    csh_trace_begin_arguments(&writer);
    csh_trace_put_number(&writer, "schema", CSH_TRACE_SCHEMA);
    csh_trace_put_text(&writer, "program", name);
    csh_trace_put_text(&writer, "mode", csh_mode_name(options->mode));
    csh_trace_end_event(&writer);
}

void csh_trace_open(const struct csh_options *options,
                    csh_trace_vram_fn *vram)
{
    int saved_errno = errno;
    struct csh_trace_block block;

    if (options->trace[0] == '\0') {
        return;
    }
    process = (uint64_t)getpid();
    csh_trace_counters_start(vram);
    csh_trace_block_begin(&block);
    put_start(&block, options);
    if (csh_trace_file_open(options->trace, options->trace_limit, &block)) {
        __atomic_store_n(&csh_trace_switch, true, __ATOMIC_RELEASE);
    }
    errno = saved_errno;
}

void csh_trace_close(void)
{
    int saved_errno = errno;
    uint64_t now_ns = csh_clock_now_ns();

    if (csh_trace_is_on()) {
        if (!csh_trace_file_refuses(0, now_ns)) {
            sample(now_ns);
        }
        turn_off();
        csh_trace_file_close(csh_clock_now_ns());
    }
    errno = saved_errno;
}
