/*
 * journal.c - see journal.h. Owns nothing.
 *
 * The time is that of the program's call. An asynchronous copy that was
 * passed goes on after it, so its rate says nothing and is left out.
 */
#include "engine/journal.h"

#include <stdbool.h>
#include <stdio.h>

#include "base/clock.h"

#define TEXT_BYTES 240

static const char *event_word(const struct csh_event *event)
{
    return (event->copy->direction == CSH_D2H) ? "offload" : "reload";
}

/* A shadow was made of its bytes. */
static bool is_capture(const struct csh_event *event)
{
    return (event->outcome == CSH_OUTCOME_served) &&
           ((event->reason == CSH_REASON_first) ||
            (event->reason == CSH_REASON_dirty) ||
            (event->reason == CSH_REASON_modified));
}

/* ", device 0"; nothing if the driver was not asked. */
static const char *device_text(const struct csh_event *event,
                               char text_p[TEXT_BYTES])
{
    text_p[0] = '\0';
    if (event->context != NULL) {
        snprintf(text_p, TEXT_BYTES, ", device %d",
                 (int)event->context->device);
    }
    return text_p;
}

static const char *name_text(const struct csh_event *event,
                             char text_p[TEXT_BYTES])
{
    const char *model, *tensor;

    text_p[0] = '\0';
    if (csh_registry_names((uint32_t)event->mark.weight, &model, &tensor)) {
        snprintf(text_p, TEXT_BYTES, ", %.100s of %.100s",
                 (tensor != NULL) ? tensor : "a tensor", model);
    }
    return text_p;
}

/* ", 0.000812 s, 1.29 GB/s": bytes a nanosecond are GB/s. */
static const char *time_text(const struct csh_event *event,
                             char text_p[TEXT_BYTES])
{
    uint64_t ns = csh_clock_now_ns() - event->begun_ns + 1;
    uint64_t rate = event->copy->bytes / ns * 100 +
                    event->copy->bytes % ns * 100 / ns;
    bool has_ended = !event->copy->is_async ||
                     (event->outcome == CSH_OUTCOME_elided);
    int n;

    text_p[0] = '\0';
    if (event->begun_ns == 0) {
        return text_p;
    }
    n = snprintf(text_p, TEXT_BYTES, ", %llu.%06u s",
                 (unsigned long long)(ns / 1000000000),
                 (unsigned)(ns % 1000000000 / 1000));
    if (has_ended && (event->outcome != CSH_OUTCOME_failed)) {
        snprintf(text_p + n, (size_t)(TEXT_BYTES - n), ", %llu.%02u GB/s",
                 (unsigned long long)(rate / 100), (unsigned)(rate % 100));
    }
    return text_p;
}

void csh_journal_write(const struct csh_event *event)
{
    enum csh_log_level level = (event->begun_ns != 0) ? CSH_LOG_DEBUG :
                                                        CSH_LOG_TRACE;
    char device[TEXT_BYTES], name[TEXT_BYTES], time[TEXT_BYTES];

    csh_log(level, "engine", "%s of %zu bytes%s%s%s: %s, %s%s",
            event_word(event), event->copy->bytes,
            device_text(event, device), name_text(event, name),
            time_text(event, time), csh_outcome_name(event->outcome),
            csh_reason_name(event->reason),
            is_capture(event) ? ", captured" : "");
}
