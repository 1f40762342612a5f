/*
 * report_statistics.c - schema 1 of the statistics (report/summary.h) into a
 * run. Owns nothing.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/report_read.h"

static struct csh_tally tally_of(const struct csh_input_node *node)
{
    return (struct csh_tally){
        csh_input_count(csh_input_get(node, "calls")),
        csh_input_count(csh_input_get(node, "bytes")),
    };
}

static void take_reason(struct csh_run *run, size_t *capacity_p,
                        enum csh_direction direction,
                        const struct csh_input_node *node)
{
    if (run->n_reasons == CSH_REPORT_MOST_REASONS) {
        run->leaves_out = true;
        return;
    }
    run->reasons = csh_report_grow(run->reasons, run->n_reasons, capacity_p,
                                   sizeof(run->reasons[0]));
    run->reasons[run->n_reasons++] = (struct csh_run_reason){
        csh_report_keep(csh_input_text(csh_input_get(node, "outcome"))),
        csh_report_keep(csh_input_text(csh_input_get(node, "reason"))),
        csh_report_keep(csh_input_text(csh_input_get(node, "variable"))),
        direction,
        tally_of(node),
    };
}

static void take_direction(struct csh_run *run, size_t *capacity_p,
                           enum csh_direction direction,
                           const struct csh_input_node *node)
{
    const struct csh_input_node *reasons = csh_input_get(node, "reasons");
    size_t i;
    int outcome;

    run->asked[direction] = tally_of(csh_input_get(node, "asked"));
    for (outcome = 0; outcome < CSH_N_OUTCOMES; ++outcome) {
        run->outcome[direction][outcome] = tally_of(csh_input_get(
            node, csh_outcome_name((enum csh_outcome)outcome)));
    }
    for (i = 0; i < csh_input_size(reasons); ++i) {
        take_reason(run, capacity_p, direction, csh_input_at(reasons, i));
    }
}

static void take_movement(struct csh_movement *movement,
                          const struct csh_input_node *node)
{
    const struct csh_input_node *reasons = csh_input_get(node, "reasons");
    size_t i;

    movement->times = csh_input_count(csh_input_get(node, "times"));
    movement->ns = csh_input_count(csh_input_get(node, "ns"));
    movement->calls = csh_input_count(csh_input_get(node, "calls"));
    movement->bytes = csh_input_count(csh_input_get(node, "bytes"));
    for (i = 0; i < csh_input_size(reasons); ++i) {
        const struct csh_input_node *row = csh_input_at(reasons, i);
        enum csh_outcome outcome = csh_report_outcome(
            csh_input_text(csh_input_get(row, "outcome")));

        if (outcome < CSH_N_OUTCOMES) {
            movement->outcome[outcome] +=
                csh_input_count(csh_input_get(row, "bytes"));
        }
    }
}

/* A trace calls what has no name "model 1", statistics say more behind it. */
static struct csh_run_model *model_of(struct csh_run *run, const char *name,
                                      const char *label)
{
    struct csh_run_model *model;
    char *key;

    if (*name != '\0') {
        return csh_run_model(run, name, 0);
    }
    key = csh_report_keep(label);
    if (strstr(key, " (") != NULL) {
        *strstr(key, " (") = '\0';
    }
    model = csh_run_model(run, key, 0);
    free(key);
    return model;
}

static void take_model(struct csh_run *run, const struct csh_input_node *node)
{
    const char *label = csh_input_text(csh_input_get(node, "label"));
    struct csh_run_model *model = model_of(
        run, csh_input_text(csh_input_get(node, "model")), label);

    if (model == NULL || model->has_statistics) {
        return;
    }
    model->label = csh_report_keep(label);
    model->has_statistics = true;
    model->tensors = csh_input_count(csh_input_get(node, "tensors"));
    model->bytes = csh_input_count(csh_input_get(node, "bytes"));
    model->on_device = csh_input_count(
        csh_input_get(csh_input_get(node, "on_device"), "bytes"));
    model->parked = csh_input_count(
        csh_input_get(csh_input_get(node, "parked"), "bytes"));
    model->in_shadows = csh_input_count(
        csh_input_get(csh_input_get(node, "in_shadows"), "bytes"));
    take_movement(&model->movement[CSH_H2D], csh_input_get(node, "loads"));
    take_movement(&model->movement[CSH_D2H], csh_input_get(node, "unloads"));
}

struct figures {
    struct csh_run *run;
    size_t capacity;
};

static void take_figure(void *opaque, const char *name,
                        const struct csh_input_node *value)
{
    struct figures *figures = opaque;
    struct csh_run *run = figures->run;

    run->figures = csh_report_grow(run->figures, run->n_figures,
                                   &figures->capacity,
                                   sizeof(run->figures[0]));
    run->figures[run->n_figures++] = (struct csh_run_figure){
        csh_report_keep(name), csh_input_count(value)};
}

bool csh_report_take_statistics(struct csh_run *run,
                                const struct csh_input_node *statistics,
                                char why_p[CSH_REPORT_WHY_BYTES])
{
    const struct csh_input_node *copies = csh_input_get(statistics, "copies");
    const struct csh_input_node *models = csh_input_get(statistics, "models");
    struct figures figures = {run, 0};
    size_t capacity = 0, i;
    int direction;

    if (csh_input_count(csh_input_get(statistics, "schema")) != 1 ||
        !csh_input_is_object(copies)) {
        snprintf(why_p, CSH_REPORT_WHY_BYTES,
                 "no statistics of cushadow's of schema 1");
        return false;
    }
    free(run->mode);
    run->mode =
        csh_report_keep(csh_input_text(csh_input_get(statistics, "mode")));
    for (direction = 0; direction < CSH_N_DIRECTIONS; ++direction) {
        const enum csh_direction d = (enum csh_direction)direction;

        take_direction(run, &capacity, d,
                       csh_input_get(copies, csh_direction_name(d)));
    }
    for (i = 0; i < csh_input_size(models); ++i) {
        take_model(run, csh_input_at(models, i));
    }
    csh_input_each(csh_input_get(statistics, "gauges"), take_figure,
                   &figures);
    csh_input_each(csh_input_get(statistics, "process"), take_figure,
                   &figures);
    return true;
}
