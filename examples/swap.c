/*
 * swap.c - a program that keeps several models in RAM and swaps them through
 * one GPU, as image generators do. It knows nothing of cushadow.
 *
 * Owns the command line and the order of things: every model in turn, as many
 * cycles as asked. `swap --help` says the rest. Exit status: 0 all well; 1 a
 * driver call failed or a tensor was not what it must be; 2 wrong usage.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "swap_cycle.h"
#include "swap_device.h"
#include "swap_report.h"

enum { MOST_CYCLES = 100000 };

struct settings {
    unsigned n_cycles;
    const char *patch; /* name of a model, or NULL */
    const char *json;  /* file to write, or NULL */
    bool check, probe;
};

static const char help[] =
    "usage: swap [OPTION...] [NAME=]FILE.safetensors...\n"
    "\n"
    "Loads each model into VRAM tensor by tensor, computes a digest of all\n"
    "its weights on the GPU, offloads it into new host memory, frees the\n"
    "VRAM and the old host memory, and goes on with the next model.\n"
    "\n"
    "  --cycles N     go round N times (default 3)\n"
    "  --patch NAME   invert one bit of that model's largest tensor in VRAM\n"
    "                 in each cycle before computing, and put the bit of the\n"
    "                 cycle before back; the host gets the changed bytes\n"
    "  --json FILE    write every measurement and the digests there\n"
    "  --no-check     do not read the host's bytes to compare digests\n"
    "  --probe        only print which GPU would be used and the bytes of its\n"
    "                 VRAM that are free; status 1 if there is none\n"
    "  --help         this text\n";

static bool parse_count(const char *text, unsigned *count_p)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);

    if (*end != '\0' || text[0] < '0' || text[0] > '9' || value < 1 ||
        value > MOST_CYCLES) {
        fprintf(stderr, "swap: --cycles %s: not a number from 1 to %d\n",
                text, MOST_CYCLES);
        return false;
    }
    *count_p = (unsigned)value;
    return true;
}

/* -1: go on; else the exit status. */
static int parse_options(int argc, char **argv, struct settings *settings)
{
    static const struct option options[] = {
        {"cycles", required_argument, NULL, 'c'},
        {"patch", required_argument, NULL, 'p'},
        {"json", required_argument, NULL, 'j'},
        {"no-check", no_argument, NULL, 'n'},
        {"probe", no_argument, NULL, 'P'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'c':
            if (!parse_count(optarg, &settings->n_cycles)) {
                return 2;
            }
            break;
        case 'p': settings->patch = optarg; break;
        case 'j': settings->json = optarg; break;
        case 'n': settings->check = false; break;
        case 'P': settings->probe = true; break;
        case 'h': fputs(help, stdout); return 0;
        default: return 2;
        }
    }
    if (optind == argc && !settings->probe) {
        fputs("swap: no files; see swap --help\n", stderr);
        return 2;
    }
    return -1;
}

/* NAME=PATH, or a path whose last part without .safetensors is the name. A
 * path with a slash before the equals sign has no name before it. */
static bool open_argument(struct swap_model *model, const char *argument)
{
    static const char suffix[] = ".safetensors";
    const char *equals = strchr(argument, '=');
    const char *slash = strchr(argument, '/');
    const char *path = argument, *from = argument;
    size_t length;
    char *name;
    bool opened;

    if (equals != NULL && (slash == NULL || equals < slash)) {
        path = equals + 1;
        length = (size_t)(equals - from);
    } else {
        slash = strrchr(argument, '/');
        from = slash != NULL ? slash + 1 : argument;
        length = strlen(from);
        if (length > strlen(suffix) &&
            strcmp(from + length - strlen(suffix), suffix) == 0) {
            length -= strlen(suffix);
        }
    }
    name = strndup(from, length);
    opened = name != NULL && swap_model_open(model, name, path);
    free(name);
    return opened;
}

static struct swap_job *find_job(struct swap_job *jobs, size_t n_jobs,
                                 const char *name)
{
    size_t i;

    for (i = 0; i < n_jobs; i++) {
        if (strcmp(jobs[i].model.name, name) == 0) {
            return &jobs[i];
        }
    }
    return NULL;
}

static bool open_jobs(struct swap_job *jobs, char **arguments, size_t n_jobs,
                      const struct settings *settings)
{
    size_t i;

    for (i = 0; i < n_jobs; i++) {
        if (!open_argument(&jobs[i].model, arguments[i])) {
            return false;
        }
        if (find_job(jobs, i, jobs[i].model.name) != NULL) {
            fprintf(stderr, "swap: two models are named %s; say NAME=FILE\n",
                    jobs[i].model.name);
            return false;
        }
        jobs[i].times = calloc(settings->n_cycles, sizeof(*jobs[i].times));
        if (jobs[i].times == NULL) {
            fprintf(stderr, "swap: out of memory\n");
            return false;
        }
    }
    if (settings->patch != NULL) {
        struct swap_job *job = find_job(jobs, n_jobs, settings->patch);

        if (job == NULL) {
            fprintf(stderr, "swap: --patch %s: no model of that name\n",
                    settings->patch);
            return false;
        }
        job->patch.wanted = true;
    }
    return true;
}

static bool run(struct swap_device *device, struct swap_job *jobs,
                size_t n_jobs, const struct settings *settings)
{
    struct swap_outcome outcome = {.check = settings->check};
    struct swap_report report = {device, jobs, n_jobs, settings->n_cycles,
                                 &outcome};
    unsigned cycle;
    bool written = true;
    size_t i;

    for (i = 0; i < n_jobs; i++) {
        swap_cycle_prepare(&jobs[i], settings->check);
    }
    for (cycle = 0; cycle < settings->n_cycles; cycle++) {
        for (i = 0; i < n_jobs; i++) {
            swap_cycle_run(device, &jobs[i], cycle, &outcome);
        }
    }
    swap_report_print(&report);
    if (settings->json != NULL) {
        written = swap_report_write_json(&report, settings->json);
    }
    return written && outcome.n_wrong == 0;
}

static int probe(void)
{
    struct swap_device device;
    size_t free_bytes, total_bytes;

    if (!swap_device_open(&device)) {
        return 1;
    }
    swap_call(&device.driver, cuMemGetInfo_v2, &free_bytes, &total_bytes);
    printf("%s\n%zu\n", device.name, free_bytes);
    swap_device_close(&device);
    return 0;
}

static int swap_models(char **arguments, size_t n_jobs,
                       const struct settings *settings)
{
    struct swap_job *jobs = calloc(n_jobs, sizeof(*jobs));
    struct swap_device device;
    int status = 2;
    size_t i;

    if (jobs == NULL) {
        return 1;
    }
    if (open_jobs(jobs, arguments, n_jobs, settings)) {
        status = 1;
        if (swap_device_open(&device)) {
            status = run(&device, jobs, n_jobs, settings) ? 0 : 1;
            swap_device_close(&device);
        }
    }
    for (i = 0; i < n_jobs; i++) {
        swap_cycle_finish(&jobs[i]);
    }
    free(jobs);
    return status;
}

int main(int argc, char **argv)
{
    struct settings settings = {.n_cycles = 3, .check = true};
    int status = parse_options(argc, argv, &settings);

    if (status != -1) {
        return status;
    }
    if (settings.probe) {
        return probe();
    }
    return swap_models(argv + optind, (size_t)(argc - optind), &settings);
}
