/*
 * report_trace.c - the events of a trace (report/trace_table.h) into a run.
 * Owns nothing.
 *
 * Events stand in the file in the order in which they ended, and those of
 * several threads by turns; an episode takes copies in that order.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/report_read.h"
#include "report/trace_table.h"

/* A load that pauses for longer is two. */
#define PAUSE_NS UINT64_C(250000000)

#define CSH_X(name_, category_, sentence_) #name_,
static const char *const spans[] = {CSH_TRACE_EVENTS(CSH_X)};
#undef CSH_X
#define CSH_X(id_, name_) name_,
static const char *const names[] = {CSH_TRACE_NAMES(CSH_X)};
#undef CSH_X
static const char *const counted[CSH_N_RUN_SERIES] = {
    [CSH_RUN_SHADOWS] = "shadows",
    [CSH_RUN_PINNED] = "pinned slabs",
    [CSH_RUN_PARKED] = "parked",
};

static bool is(const struct csh_input_node *node, const char *text)
{
    return strcmp(csh_input_text(node), text) == 0;
}

/* --- copies ---------------------------------------------------------- */

/* Remembers what a burst turned out to be. A burst of which no model is known
 * is one of its own. */
static struct csh_run_model *model_of(struct csh_run *run,
                                      const struct csh_input_node *args)
{
    const char *name = csh_input_text(csh_input_get(args, "model"));
    uint64_t group = csh_input_count(csh_input_get(args, "group"));
    uint64_t burst = csh_input_count(csh_input_get(args, "burst"));
    struct csh_run_model *model, *unknown;
    char text[40];

    snprintf(text, sizeof(text), "model %llu", (unsigned long long)group);
    if (*name == '\0' && group == 0) {
        return csh_run_model(run, "", burst != 0 ? burst : UINT64_MAX);
    }
    model = csh_run_model(run, *name != '\0' ? name : text, 0);
    if (model == NULL || burst == 0 || *name != '\0') {
        return model;
    }
    unknown = csh_run_model(run, "", burst);
    if (unknown != NULL) {
        unknown->same_as = model->same_as;
    }
    return model;
}

static struct csh_episode *new_episode(struct csh_run *run,
                                       struct csh_run_model *model,
                                       enum csh_direction direction,
                                       uint64_t begun_ns)
{
    struct csh_episode *episode;

    if (run->n_episodes == CSH_REPORT_MOST_EPISODES) {
        run->leaves_out = true;
        return NULL;
    }
    run->episodes = csh_report_grow(run->episodes, run->n_episodes,
                                    &run->episodes_capacity,
                                    sizeof(run->episodes[0]));
    episode = &run->episodes[run->n_episodes++];
    *episode = (struct csh_episode){.model = (uint32_t)(model - run->models),
                                    .direction = direction,
                                    .begun_ns = begun_ns,
                                    .ended_ns = begun_ns};
    model->last_episode[direction] = run->n_episodes;
    model->last_episode[1 - direction] = 0;
    return episode;
}

/* The model's latest, unless it went the other way since, or has paused. */
static struct csh_episode *episode_of(struct csh_run *run,
                                      struct csh_run_model *model,
                                      enum csh_direction direction,
                                      uint64_t begun_ns)
{
    uint64_t number = model->last_episode[direction];
    struct csh_episode *episode;

    if (number == 0) {
        return new_episode(run, model, direction, begun_ns);
    }
    episode = &run->episodes[number - 1];
    if (begun_ns > episode->ended_ns &&
        begun_ns - episode->ended_ns > PAUSE_NS) {
        return new_episode(run, model, direction, begun_ns);
    }
    return episode;
}

static void take_copy(struct csh_run *run, enum csh_direction direction,
                      const struct csh_input_node *event, uint64_t at_ns,
                      uint64_t ns)
{
    const struct csh_input_node *args = csh_input_get(event, "args");
    enum csh_outcome outcome =
        csh_report_outcome(csh_input_text(csh_input_get(args, "outcome")));
    struct csh_run_model *model = model_of(run, args);
    struct csh_episode *episode;

    if (outcome == CSH_N_OUTCOMES || model == NULL) {
        return;
    }
    episode = episode_of(run, model, direction, at_ns);
    if (episode == NULL) {
        return;
    }
    episode->copies++;
    episode->call_ns += ns;
    episode->bytes[outcome] += csh_input_count(csh_input_get(args, "bytes"));
    episode->changed += is(csh_input_get(args, "reason"), "dirty");
    if (at_ns + ns > episode->ended_ns) {
        episode->ended_ns = at_ns + ns;
    }
    if (at_ns < episode->begun_ns) {
        episode->begun_ns = at_ns;
    }
}

static void take_span(struct csh_run *run, const struct csh_input_node *event,
                      uint64_t at_ns)
{
    const struct csh_input_node *name = csh_input_get(event, "name");
    uint64_t ns = csh_input_thousandths(csh_input_get(event, "dur"));

    if (at_ns + ns > run->ended_ns) {
        run->ended_ns = at_ns + ns;
    }
    if (is(name, spans[CSH_TRACE_load])) {
        take_copy(run, CSH_H2D, event, at_ns, ns);
    } else if (is(name, spans[CSH_TRACE_offload])) {
        take_copy(run, CSH_D2H, event, at_ns, ns);
    }
}

/* --- counters -------------------------------------------------------- */

static void take_device(struct csh_run *run, const char *number,
                        uint64_t at_ns, uint64_t bytes)
{
    unsigned long device = strtoul(number, NULL, 10);
    uint64_t sum = 0;
    size_t i;

    if (device >= CSH_ARRAY_LENGTH(run->device_bytes)) {
        return;
    }
    run->device_bytes[device] = bytes;
    for (i = 0; i < CSH_ARRAY_LENGTH(run->device_bytes); ++i) {
        sum += run->device_bytes[i];
    }
    csh_series_add(&run->series[CSH_RUN_VRAM], at_ns, sum);
}

static void take_model(struct csh_run *run, const char *name, bool is_parked,
                       uint64_t at_ns, uint64_t bytes)
{
    struct csh_run_model *model = csh_run_model(run, name, 0);

    if (model != NULL) {
        csh_series_add(is_parked ? &model->kept : &model->vram, at_ns,
                       bytes);
    }
}

static void take_memory(struct csh_run *run, const char *name, uint64_t at_ns,
                        uint64_t bytes)
{
    size_t i;

    for (i = 0; i < CSH_ARRAY_LENGTH(counted); ++i) {
        if (counted[i] != NULL && strcmp(counted[i], name) == 0) {
            csh_series_add(&run->series[i], at_ns, bytes);
        }
    }
}

/* Behind the prefix, or NULL. */
static const char *behind(const char *text, const char *prefix)
{
    size_t n = strlen(prefix);

    return strncmp(text, prefix, n) == 0 ? text + n : NULL;
}

static void take_counter(struct csh_run *run,
                         const struct csh_input_node *event, uint64_t at_ns)
{
    const struct csh_input_node *args = csh_input_get(event, "args");
    const struct csh_input_node *category = csh_input_get(event, "cat");
    const char *name = csh_input_text(csh_input_get(event, "name"));
    uint64_t bytes = csh_input_count(csh_input_get(args, "bytes"));
    const char *rest;

    if (is(category, CSH_TRACE_OF_MODEL)) {
        rest = behind(name, names[CSH_TRACE_NAME_model]);
        if (rest != NULL) {
            take_model(run, rest, false, at_ns, bytes);
        }
    } else if (is(category, CSH_TRACE_OF_PARKED)) {
        rest = behind(name, names[CSH_TRACE_NAME_parked]);
        if (rest != NULL) {
            take_model(run, rest, true, at_ns, bytes);
        }
    } else if (is(category, CSH_TRACE_OF_DEVICE)) {
        rest = behind(name, names[CSH_TRACE_NAME_device]);
        if (rest != NULL) {
            take_device(run, rest, at_ns, bytes);
        }
    } else if (is(category, CSH_TRACE_OF_MEMORY)) {
        take_memory(run, name, at_ns, bytes);
    } else if (strcmp(name, names[CSH_TRACE_NAME_dropped]) == 0) {
        run->n_left_out = csh_input_count(csh_input_get(args, "events"));
    }
}

/* --- the rest -------------------------------------------------------- */

static void take_instant(struct csh_run *run,
                         const struct csh_input_node *event)
{
    const struct csh_input_node *args = csh_input_get(event, "args");
    const struct csh_input_node *name = csh_input_get(event, "name");

    if (is(name, names[CSH_TRACE_NAME_full])) {
        run->is_full = true;
    } else if (is(name, names[CSH_TRACE_NAME_end])) {
        run->has_end = true;
        run->n_left_out = csh_input_count(csh_input_get(args, "left_out"));
    } else if (is(name, names[CSH_TRACE_NAME_start]) &&
               run->program == NULL) {
        run->program =
            csh_report_keep(csh_input_text(csh_input_get(args, "program")));
        if (run->mode == NULL) {
            run->mode =
                csh_report_keep(csh_input_text(csh_input_get(args, "mode")));
        }
    }
}

void csh_report_take_event(struct csh_run *run,
                           const struct csh_input_node *event)
{
    const char *phase = csh_input_text(csh_input_get(event, "ph"));
    uint64_t at_ns = csh_input_thousandths(csh_input_get(event, "ts"));

    run->n_events++;
    if (*phase == 'M' || *phase == '\0') {
        return;
    }
    if (run->begun_ns == 0 || at_ns < run->begun_ns) {
        run->begun_ns = at_ns;
    }
    if (at_ns > run->ended_ns) {
        run->ended_ns = at_ns;
    }
    switch (*phase) {
    case 'X': take_span(run, event, at_ns); break;
    case 'C': take_counter(run, event, at_ns); break;
    case 'i': take_instant(run, event); break;
    default: break;
    }
}
