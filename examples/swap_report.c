/*
 * swap_report.c - prints and writes the figures of a run.
 *
 * GB/s are 10^9 bytes a second of the model's tensors. The JSON carries every
 * single measurement, and "schema" so that readers can refuse another form.
 * One thread.
 */
#include "swap_report.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

enum step { LOAD, COMPUTE, OFFLOAD, DROP, N_STEPS };
static const char *const step_names[N_STEPS] = {"load", "compute", "offload",
                                                "drop"};

static double seconds(const struct swap_job *job, unsigned cycle,
                      enum step step)
{
    const struct swap_times *times = &job->times[cycle];
    const double by_step[N_STEPS] = {times->load, times->compute,
                                     times->offload, times->drop};

    return by_step[step];
}

static int compare_doubles(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;

    return (left > right) - (left < right);
}

/* Median over all cycles but the first; 0 if there was only one. */
static double later_median(const struct swap_report *report,
                           const struct swap_job *job, enum step step)
{
    unsigned n = report->n_cycles - 1, i;
    double *sorted, median;

    if (n == 0) {
        return 0;
    }
    sorted = calloc(n, sizeof(*sorted));
    if (sorted == NULL) {
        return 0;
    }
    for (i = 0; i < n; i++) {
        sorted[i] = seconds(job, i + 1, step);
    }
    qsort(sorted, n, sizeof(*sorted), compare_doubles);
    median = (sorted[(n - 1) / 2] + sorted[n / 2]) / 2;
    free(sorted);
    return median;
}

static void print_row(const struct swap_report *report,
                      const struct swap_job *job, enum step step,
                      const char *from, const char *to)
{
    double first = seconds(job, 0, step);
    double later = later_median(report, job, step);
    double shown = report->n_cycles > 1 ? later : first;

    printf("%-20s %9.1f  %-4s %-4s %10.4f", job->model.name,
           (double)job->model.bytes / 1e6, from, to, first);
    if (report->n_cycles > 1) {
        printf(" %10.4f", later);
    } else {
        printf(" %10s", "-");
    }
    printf(" %8.2f\n", (double)job->model.bytes / 1e9 / shown);
}

void swap_report_print(const struct swap_report *report)
{
    const struct swap_outcome *outcome = report->outcome;
    size_t i;

    printf("%s, driver %d.%d, %u cycle%s\n", report->device->name,
           report->device->driver_version / 1000,
           report->device->driver_version % 1000 / 10, report->n_cycles,
           report->n_cycles == 1 ? "" : "s");
    printf("%-20s %9s  %-4s %-4s %10s %10s %8s\n", "model", "MB", "from",
           "to", "first (s)", "later (s)", "GB/s");
    for (i = 0; i < report->n_jobs; i++) {
        print_row(report, &report->jobs[i], LOAD, "RAM", "VRAM");
        print_row(report, &report->jobs[i], OFFLOAD, "VRAM", "RAM");
    }
    printf("digest of all results: %016" PRIx64 "\n", outcome->result_digest);
    if (outcome->check) {
        printf("digest of all offloaded bytes: %016" PRIx64 "\n",
               outcome->offloaded_digest);
        printf("tensors that were not what they must be: %" PRIu64 "\n",
               outcome->n_wrong);
    }
}

static json_t *describe_digest(uint64_t digest)
{
    return json_sprintf("%016" PRIx64, digest);
}

static json_t *describe_job(const struct swap_report *report,
                            const struct swap_job *job)
{
    const struct swap_model *model = &job->model;
    json_t *description = json_object();
    unsigned cycle;
    int step;

    json_object_set_new(description, "name", json_string(model->name));
    json_object_set_new(description, "path", json_string(model->path));
    json_object_set_new(description, "tensors",
                        json_integer((json_int_t)model->n_tensors));
    json_object_set_new(description, "bytes",
                        json_integer((json_int_t)model->bytes));
    for (step = 0; step < N_STEPS; step++) {
        json_t *list = json_array();

        for (cycle = 0; cycle < report->n_cycles; cycle++) {
            json_array_append_new(
                list, json_real(seconds(job, cycle, (enum step)step)));
        }
        json_object_set_new(description, step_names[step], list);
    }
    if (job->patch.wanted) {
        const struct swap_tensor *tensor =
            &model->tensors[job->patch.tensor];

        json_object_set_new(
            description, "patched",
            json_pack("{s:s, s:I}", "tensor", tensor->name, "bytes",
                      (json_int_t)tensor->bytes));
    }
    return description;
}

bool swap_report_write_json(const struct swap_report *report,
                            const char *path)
{
    const struct swap_outcome *outcome = report->outcome;
    json_t *models = json_array(), *root;
    bool written;
    size_t i;

    for (i = 0; i < report->n_jobs; i++) {
        json_array_append_new(models, describe_job(report, &report->jobs[i]));
    }
    root = json_pack("{s:i, s:s, s:i, s:i, s:o, s:o, s:o}", "schema", 1,
                     "device", report->device->name, "driver_version",
                     report->device->driver_version, "cycles",
                     (int)report->n_cycles, "result_digest",
                     describe_digest(outcome->result_digest), "models",
                     models, "offloaded_digest",
                     outcome->check
                         ? describe_digest(outcome->offloaded_digest)
                         : json_null());
    json_object_set_new(root, "wrong_tensors",
                        outcome->check
                            ? json_integer((json_int_t)outcome->n_wrong)
                            : json_null());
    written = root != NULL &&
              json_dump_file(root, path, JSON_INDENT(2)) == 0;
    if (!written) {
        fprintf(stderr, "swap: %s: %m\n", path);
    }
    json_decref(root);
    return written;
}
