/*
 * report_data.c - see report_data.h. Owns nothing but what runs point to.
 */
#include "cli/report_data.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"

static void *must(void *memory)
{
    if (memory == NULL) {
        fputs("cushadow report: out of memory\n", stderr);
        exit(CSH_EXIT_OWN);
    }
    return memory;
}

/* Room for one more than n. */
void *csh_report_grow(void *memory, size_t n, size_t *capacity_p,
                      size_t bytes)
{
    size_t capacity = *capacity_p;

    if (n < capacity) {
        return memory;
    }
    capacity = capacity == 0 ? 16 : 2 * capacity;
    *capacity_p = capacity;
    return must(reallocarray(memory, capacity, bytes));
}

char *csh_report_keep(const char *text)
{
    return must(strdup(text));
}

void csh_series_add(struct csh_series *series, uint64_t ns, uint64_t value)
{
    series->points = csh_report_grow(series->points, series->n,
                                     &series->capacity,
                                     sizeof(series->points[0]));
    series->points[series->n++] = (struct csh_series_point){ns, value};
    series->most = value > series->most ? value : series->most;
}

static struct csh_run_model *find(struct csh_run *run, const char *name,
                                  uint64_t burst)
{
    uint32_t i;

    for (i = 0; i < run->n_models; ++i) {
        if (run->models[i].burst == burst &&
            (burst != 0 || strcmp(run->models[i].name, name) == 0)) {
            return &run->models[i];
        }
    }
    return NULL;
}

struct csh_run_model *csh_run_model(struct csh_run *run, const char *name,
                                    uint64_t burst)
{
    struct csh_run_model *model = find(run, name, burst);

    if (model != NULL) {
        return model;
    }
    if (run->n_models == CSH_REPORT_MOST_MODELS) {
        run->leaves_out = true;
        return NULL;
    }
    if (run->models == NULL) {
        run->models = must(calloc(CSH_REPORT_MOST_MODELS,
                                  sizeof(run->models[0])));
    }
    model = &run->models[run->n_models];
    model->name = csh_report_keep(name);
    model->burst = burst;
    model->same_as = run->n_models++;
    return model;
}

static int by_time(const void *a, const void *b)
{
    const struct csh_episode *x = a, *y = b;

    return (x->begun_ns > y->begun_ns) - (x->begun_ns < y->begun_ns);
}

/* Bursts that turned out to be no model are one. */
static void join_unknown(struct csh_run *run)
{
    uint32_t first = UINT32_MAX, i;

    for (i = 0; i < run->n_models; ++i) {
        if (run->models[i].burst != 0 && run->models[i].same_as == i) {
            first = first == UINT32_MAX ? i : first;
            run->models[i].same_as = first;
        }
    }
}

void csh_run_settle(struct csh_run *run)
{
    uint32_t i;
    size_t e;

    join_unknown(run);
    for (i = 0; i < run->n_models; ++i) {
        run->models[i].episodes = 0;
    }
    for (e = 0; e < run->n_episodes; ++e) {
        run->episodes[e].model = run->models[run->episodes[e].model].same_as;
        run->models[run->episodes[e].model].episodes++;
    }
    if (run->n_episodes > 0) {
        qsort(run->episodes, run->n_episodes, sizeof(run->episodes[0]),
              by_time);
    }
}

static void free_run(struct csh_run *run)
{
    size_t i;

    for (i = 0; i < run->n_models; ++i) {
        free(run->models[i].name);
        free(run->models[i].label);
        free(run->models[i].vram.points);
        free(run->models[i].kept.points);
    }
    for (i = 0; i < run->n_reasons; ++i) {
        free(run->reasons[i].outcome);
        free(run->reasons[i].reason);
        free(run->reasons[i].variable);
    }
    for (i = 0; i < run->n_figures; ++i) {
        free(run->figures[i].name);
    }
    for (i = 0; i < CSH_N_RUN_SERIES; ++i) {
        free(run->series[i].points);
    }
    free(run->models);
    free(run->episodes);
    free(run->reasons);
    free(run->figures);
    free(run->trace_file);
    free(run->statistics_file);
    free(run->program);
    free(run->mode);
}

void csh_runs_free(struct csh_runs *runs)
{
    while (runs->n > 0) {
        free_run(&runs->run[--runs->n]);
    }
}

enum csh_outcome csh_report_outcome(const char *name)
{
    int i;

    for (i = 0; i < CSH_N_OUTCOMES; ++i) {
        if (strcmp(csh_outcome_name((enum csh_outcome)i), name) == 0) {
            break;
        }
    }
    return (enum csh_outcome)i;
}

uint64_t csh_run_figure(const struct csh_run *run, const char *name)
{
    size_t i;

    for (i = 0; i < run->n_figures; ++i) {
        if (strcmp(run->figures[i].name, name) == 0) {
            return run->figures[i].value;
        }
    }
    return 0;
}
