/*
 * doctor.c - `cushadow doctor`: runs the table of checks and prints what each
 * has found. Owns nothing.
 */
#include "cli/doctor.h"

#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/places.h"
#include "cli/wrapped.h"

#define INDENT 23

static const struct check {
    const char *name;
    void (*look)(struct csh_doctor *doctor, struct csh_finding *finding_p);
} checks[] = {
#define CSH_X(name_, title_) {#name_, csh_doctor_check_##name_},
    CSH_DOCTOR_CHECKS(CSH_X)
#undef CSH_X
};

static const char *const words[] = {
    [CSH_DOCTOR_GOOD] = "ok",
    [CSH_DOCTOR_SLOW] = "slower",
    [CSH_DOCTOR_BAD] = "BAD",
};

static void print_usage(void)
{
    puts("Usage: cushadow doctor [--sim] [PROGRAM]\n"
         "Says what of this machine the shim needs or profits from, what that "
         "means for\nspeed and what to do; of PROGRAM, whether the shim "
         "reaches it. Exit status: 0 if\neverything essential is there, 1 if "
         "a line begins with BAD, 2 for bad use.\n\n"
         "  --sim\n      look at the simulated driver, as `cushadow run "
         "--sim' does\n  --help\n      print this\n\nWhat is looked at:");
#define CSH_X(name_, title_) printf("  %-13s %s\n", #name_, title_);
    CSH_DOCTOR_CHECKS(CSH_X)
#undef CSH_X
}

static void print_finding(const char *name, const struct csh_finding *finding)
{
    printf("%-7s %-14s ", words[finding->verdict], name);
    csh_print_wrapped(finding->found, INDENT, INDENT);
    if (finding->meaning[0] != '\0') {
        csh_print_wrapped(finding->meaning, 0, INDENT);
    }
    if (finding->advice[0] != '\0') {
        fputs("                    -> ", stdout);
        csh_print_wrapped(finding->advice, INDENT, INDENT);
    }
}

/* False if something essential is missing. */
static bool run_checks(struct csh_doctor *doctor)
{
    struct csh_finding finding;
    bool is_good = true;
    size_t i;

    for (i = 0; i < CSH_ARRAY_LENGTH(checks); ++i) {
        checks[i].look(doctor, &finding);
        if (finding.verdict != CSH_DOCTOR_SKIPPED) {
            print_finding(checks[i].name, &finding);
            is_good = is_good && (finding.verdict != CSH_DOCTOR_BAD);
        }
    }
    return is_good;
}

/* The library by its place: the environment was read before we came. */
static bool simulate(struct csh_doctor *doctor, char path_p[PATH_MAX])
{
    size_t n;

    if (!csh_place_simulated_driver(path_p)) {
        fprintf(stderr,
                "cushadow doctor: --sim: the simulated driver is not at %s\n",
                path_p);
        return false;
    }
    n = strlen(path_p);
    snprintf(path_p + n, PATH_MAX - n, "/libcuda.so.1");
    doctor->driver = path_p;
    puts("This is the simulated driver, not a GPU.");
    return true;
}

int csh_command_doctor(int argc, char **argv)
{
    static const struct option longs[] = {
        {"help", no_argument, NULL, 'h'},
        {"sim", no_argument, NULL, 's'},
        {NULL, 0, NULL, 0},
    };
    char own_name[] = "cushadow doctor", path[PATH_MAX];
    struct csh_doctor doctor;
    bool is_good;
    int code;

    csh_doctor_begin(&doctor);
    argv[0] = own_name;
    while ((code = getopt_long(argc, argv, "+", longs, NULL)) != -1) {
        if (code == 'h') {
            print_usage();
            return fflush(stdout) == 0 ? 0 : CSH_EXIT_USAGE;
        }
        if (code != 's') { /* getopt has said it */
            fputs("cushadow doctor: `cushadow doctor --help' lists the "
                  "options\n", stderr);
            return CSH_EXIT_USAGE;
        }
        if (!simulate(&doctor, path)) {
            return CSH_EXIT_USAGE;
        }
    }
    if (argc - optind > 1) {
        fputs("cushadow doctor: takes one program, without arguments\n",
              stderr);
        return CSH_EXIT_USAGE;
    }
    doctor.program = argv[optind];
    is_good = run_checks(&doctor);
    return fflush(stdout) == 0 && is_good ? 0 : 1;
}
