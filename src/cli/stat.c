/*
 * stat.c - `cushadow stat`: the figures of running processes, once, in the
 * form that is asked for. Owns what it has opened until it has printed it.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/prometheus.h"
#include "cli/shared.h"

#define MOST_PROCESSES 4096

enum form { FORM_TEXT, FORM_JSON, FORM_PROMETHEUS };

/* One process, read. */
struct reading {
    struct csh_shared shared;
    struct csh_live_figures figures;
    struct csh_model_figures models[CSH_MAX_MODELS];
    struct csh_report_shared more;
};

struct readings {
    struct reading **each; /* they are large */
    struct csh_report *reports;
    size_t n;
};

static void print_usage(void)
{
    puts("Usage: cushadow stat [--json|--prometheus] [PID]...\n"
         "Prints the figures of running processes, or of all that share "
         "theirs and may be\nlooked at. The processes are not stopped.\n\n"
         "  --json\n      one line of JSON for each, as CUSHADOW_STATS=json "
         "writes it\n  --prometheus\n      Prometheus' text format, all in "
         "one\n  --help\n      print this\n\nExit status: 0 if there was one, "
         "1 if a process that was named, or every one,\nshares nothing, 2 "
         "for bad use.");
}

static void write_out(void *opaque, const char *text, size_t n_bytes)
{
    (void)opaque;
    fwrite(text, 1, n_bytes, stdout);
}

/* True if the array has room for one more; it may have moved. */
static bool has_room(void **array, size_t n, size_t item_bytes)
{
    void *larger = realloc(*array, (n + 1) * item_bytes);

    if (larger == NULL) {
        return false;
    }
    *array = larger;
    return true;
}

/* One reading more; NULL when memory is short. */
static struct reading *add(struct readings *readings)
{
    void *each = readings->each, *reports = readings->reports;
    struct reading *reading = NULL;

    if (has_room(&each, readings->n, sizeof(struct reading *)) &&
        has_room(&reports, readings->n, sizeof(struct csh_report))) {
        reading = calloc(1, sizeof(*reading));
    }
    readings->each = each;
    readings->reports = reports;
    if (reading != NULL) {
        memset(&readings->reports[readings->n], 0,
               sizeof(struct csh_report));
        readings->each[readings->n] = reading;
    }
    return reading;
}

static enum csh_shared_status take(struct readings *readings, pid_t pid)
{
    struct csh_shared shared = {.pid = pid};
    enum csh_shared_status status = csh_shared_open("/proc", pid, &shared);
    struct reading *reading;

    if (status != CSH_SHARED_GOOD) {
        return status;
    }
    reading = add(readings);
    status = CSH_SHARED_UNREADABLE;
    if (reading != NULL) {
        reading->shared = shared;
        status = csh_shared_read(&shared, &reading->figures);
        if (status == CSH_SHARED_GOOD) {
            csh_shared_report(&reading->shared, &reading->figures,
                              reading->models, &readings->reports[readings->n],
                              &reading->more);
            ++readings->n;
        } else {
            free(reading);
        }
    }
    csh_shared_close(&shared);
    return status;
}

/* Returns the exit status: 0 if all of them could be read. One that is named
 * twice is read once. */
static int take_named(struct readings *readings, int n, char **names)
{
    enum csh_shared_status status;
    int result = 0, i;
    size_t known;
    pid_t pid;

    for (i = 0; i < n; ++i) {
        if (!csh_shared_parse_pid(names[i], &pid)) {
            fprintf(stderr, "cushadow stat: `%s' is no process id\n",
                    names[i]);
            return CSH_EXIT_USAGE;
        }
        for (known = 0; (known < readings->n) &&
                        (readings->each[known]->shared.pid != pid); ++known) {
        }
        if (known < readings->n) {
            continue;
        }
        status = take(readings, pid);
        if (status != CSH_SHARED_GOOD) {
            csh_shared_explain("cushadow stat", pid, status);
            result = 1;
        }
    }
    return result;
}

/* Those that share nothing are most of them. */
static int take_all(struct readings *readings)
{
    static pid_t pids[MOST_PROCESSES];
    size_t n = csh_shared_candidates("/proc", pids, MOST_PROCESSES), i;
    enum csh_shared_status status;

    for (i = 0; i < n; ++i) {
        status = take(readings, pids[i]);
        if ((status == CSH_SHARED_OTHER_LAYOUT) ||
            (status == CSH_SHARED_UNREADABLE)) {
            csh_shared_explain("cushadow stat", pids[i], status);
        }
    }
    if (readings->n == 0) {
        fputs("cushadow stat: no process shares figures\n", stderr);
    }
    return (readings->n > 0) ? 0 : 1;
}

static void print_all(const struct readings *readings, enum form form)
{
    size_t i;

    if (form == FORM_PROMETHEUS) {
        csh_prometheus_write(stdout, readings->reports, readings->n);
        return;
    }
    for (i = 0; i < readings->n; ++i) {
        csh_report_write(&readings->reports[i],
                         (form == FORM_JSON) ? CSH_STATS_JSON :
                                               CSH_STATS_TEXT,
                         write_out, NULL);
    }
}

static void clear(struct readings *readings)
{
    size_t i;

    for (i = 0; i < readings->n; ++i) {
        free(readings->each[i]);
    }
    free(readings->each);
    free(readings->reports);
}

/* False: bad use, and said so; or nothing but help was asked for. */
static bool parse(int argc, char **argv, enum form *form_p, int *status_p)
{
    static const struct option longs[] = {
        {"help", no_argument, NULL, 'h'},
        {"json", no_argument, NULL, 'j'},
        {"prometheus", no_argument, NULL, 'p'},
        {NULL, 0, NULL, 0},
    };
    static char own_name[] = "cushadow stat";
    int code;

    argv[0] = own_name;
    *form_p = FORM_TEXT;
    while ((code = getopt_long(argc, argv, "", longs, NULL)) != -1) {
        if (code == 'h') {
            print_usage();
            *status_p = (fflush(stdout) == 0) ? 0 : CSH_EXIT_USAGE;
            return false;
        }
        if (code == '?') {
            *status_p = CSH_EXIT_USAGE;
            return false;
        }
        *form_p = (code == 'j') ? FORM_JSON : FORM_PROMETHEUS;
    }
    return true;
}

int csh_command_stat(int argc, char **argv)
{
    struct readings readings = {.n = 0};
    int status = 0;
    enum form form;

    if (!parse(argc, argv, &form, &status)) {
        return status;
    }
    status = (optind < argc) ? take_named(&readings, argc - optind,
                                          argv + optind)
                             : take_all(&readings);
    if (readings.n > 0) {
        print_all(&readings, form);
    }
    clear(&readings);
    return (fflush(stdout) == 0) ? status : 1;
}
