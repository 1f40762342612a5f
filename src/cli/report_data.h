/*
 * report_data.h - what `cushadow report` knows of the runs that it was given.
 *
 * A run is what a trace and the statistics of one process say; either may be
 * missing. Everything in it comes from files that anybody may have written:
 * texts are valid UTF-8 (the JSON reader sees to that) and nothing else about
 * them is known, numbers are any. One thread; memory is given back all at
 * once.
 */
#ifndef CSH_CLI_REPORT_DATA_H
#define CSH_CLI_REPORT_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/statistics.h"

/* More in one run are left out, and the page says so. */
#define CSH_REPORT_MOST_MODELS 512u
#define CSH_REPORT_MOST_EPISODES 200000u
#define CSH_REPORT_MOST_REASONS 256u
#define CSH_REPORT_MOST_RUNS 8u

/* Values over time, each valid until the next. */
struct csh_series {
    struct csh_series_point { uint64_t ns, value; } *points;
    size_t n, capacity;
    uint64_t most; /* the largest value */
};

/* Copies of one model that went the same way without a long pause: one load or
 * one unload of it. */
struct csh_episode {
    uint32_t model;
    enum csh_direction direction;
    uint64_t begun_ns, ended_ns; /* of the run's clock */
    uint64_t call_ns;            /* in the program's calls */
    uint64_t copies;
    uint64_t bytes[CSH_N_OUTCOMES];
    uint64_t changed; /* copies of bytes that differed from the shadow's */
};

/* Of the statistics: how often, in how many copies and bytes. */
struct csh_movement {
    uint64_t times, ns, calls, bytes;
    uint64_t outcome[CSH_N_OUTCOMES]; /* bytes */
};

struct csh_run_model {
    char *name;  /* as the trace has it, or the statistics */
    char *label; /* NULL: the name */
    uint64_t burst; /* 0, or: only known by the burst that it came in */
    uint32_t same_as; /* itself, or the one that the burst turned out to be */
    bool has_statistics;
    uint64_t tensors, bytes, on_device, parked, in_shadows;
    struct csh_movement movement[CSH_N_DIRECTIONS];
    uint64_t last_episode[CSH_N_DIRECTIONS]; /* 1 + its number; 0: none */
    uint64_t episodes; /* of either direction */
    struct csh_series vram, kept; /* in VRAM: the program's, parked */
};

struct csh_run_reason {
    char *outcome, *reason, *variable;
    enum csh_direction direction;
    struct csh_tally tally;
};

struct csh_run_figure {
    char *name;
    uint64_t value;
};

/* Counters of a trace that are no model's. */
enum csh_run_series {
    CSH_RUN_SHADOWS,
    CSH_RUN_PINNED,
    CSH_RUN_VRAM, /* of all devices */
    CSH_RUN_PARKED,
    CSH_N_RUN_SERIES
};

struct csh_run {
    char *trace_file, *statistics_file; /* NULL: none */
    char *program, *mode;               /* NULL: not known */
    uint64_t process;

    struct csh_run_model *models;
    uint32_t n_models;
    struct csh_episode *episodes;
    size_t n_episodes, episodes_capacity;
    bool leaves_out; /* more than the bounds above */

    /* Of the trace. */
    uint64_t begun_ns, ended_ns;
    uint64_t n_events, n_left_out;
    bool is_full, has_end, is_cut; /* cut: its last line is no event */
    struct csh_series series[CSH_N_RUN_SERIES];
    uint64_t device_bytes[64]; /* latest of each device */

    /* Of the statistics. */
    struct csh_tally asked[CSH_N_DIRECTIONS];
    struct csh_tally outcome[CSH_N_DIRECTIONS][CSH_N_OUTCOMES];
    struct csh_run_reason *reasons;
    size_t n_reasons;
    struct csh_run_figure *figures; /* gauges, then memory */
    size_t n_figures;
};

/* The runs of all files, in the order in which they were named. */
struct csh_runs {
    struct csh_run run[CSH_REPORT_MOST_RUNS];
    size_t n;
};

/* All of these: memory being short ends the command (exit status 125), which
 * has changed nothing by then. */
void *csh_report_grow(void *memory, size_t n, size_t *capacity_p,
                      size_t bytes);
char *csh_report_keep(const char *text);

void csh_series_add(struct csh_series *series, uint64_t ns, uint64_t value);

/* The model of that name, made if there is room for it; NULL if not. The
 * pointer is good until the next one is made. */
struct csh_run_model *csh_run_model(struct csh_run *run, const char *name,
                                    uint64_t burst);
/* Tells the models' numbers again once what each burst is is known. */
void csh_run_settle(struct csh_run *run);
void csh_runs_free(struct csh_runs *runs);

/* The name in a table of outcomes; CSH_N_OUTCOMES if it is none. */
enum csh_outcome csh_report_outcome(const char *name);

/* A gauge or a figure of memory; 0 if the file has none. */
uint64_t csh_run_figure(const struct csh_run *run, const char *name);

#endif
