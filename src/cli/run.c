/*
 * run.c - `cushadow run`: the program, with the shim preloaded.
 *
 * Changes the environment of its own process and replaces itself by the
 * program, so signals, exit status and process id are the program's.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/compiler.h"
#include "cli/commands.h"
#include "cli/option_names.h"
#include "cli/places.h"
#include "cli/program.h"

#define MAX_OPTIONS 64

enum { OPT_HELP = 256, OPT_LIBRARY, OPT_SIM, OPT_FIRST_VARIABLE };

struct request {
    char shim[PATH_MAX];
    bool has_shim, is_simulated, is_help;
};

extern char **environ;

static void print_usage(void)
{
    puts("Usage: cushadow run [OPTION]... [--] PROGRAM [ARGUMENT]...\n"
         "Runs PROGRAM under the shim. Its exit status is PROGRAM's; 125 if "
         "cushadow itself\nfailed, 126 if PROGRAM cannot be run, 127 if it "
         "is not found.\n\n"
         "  --library=FILE\n      preload this shim, not the one that came "
         "with the command\n"
         "  --sim\n      let the simulated driver stand in for a GPU; its "
         "speed says nothing about one\n"
         "  --help\n      print this\n\n"
         "Each of these sets the variable of its name (--min-bytes is "
         "CUSHADOW_MIN_BYTES):\n");
    csh_option_print_help();
}

/* --- options --------------------------------------------------------- */

/* Built from the table of variables; names[] holds the texts. */
static size_t list_options(struct option longs[MAX_OPTIONS],
                           char names[MAX_OPTIONS][CSH_OPTION_NAME_BYTES])
{
    static const struct option own[] = {
        {"help", no_argument, NULL, OPT_HELP},
        {"library", required_argument, NULL, OPT_LIBRARY},
        {"sim", no_argument, NULL, OPT_SIM},
    };
    const struct csh_option *row = NULL;
    size_t n = CSH_ARRAY_LENGTH(own), i;

    memcpy(longs, own, sizeof(own));
    for (i = 0; (row = csh_option_next(row)) != NULL && n < MAX_OPTIONS - 1;
         ++i, ++n) {
        longs[n] = (struct option){csh_option_long_name(row, names[i]),
                                   required_argument, NULL,
                                   OPT_FIRST_VARIABLE + (int)i};
    }
    memset(&longs[n], 0, sizeof(longs[n]));
    return n;
}

static const struct csh_option *variable_of(int code)
{
    const struct csh_option *row = csh_option_next(NULL);
    int i;

    for (i = OPT_FIRST_VARIABLE; i < code; ++i) {
        row = csh_option_next(row);
    }
    return row;
}

/* The parser of the shim itself judges the value. */
static bool set_variable(const struct csh_option *row, const char *value)
{
    char name[CSH_OPTION_NAME_BYTES];

    if (!csh_option_takes(row, value)) {
        fprintf(stderr, "cushadow run: --%s is \"%s\", but must be %s\n",
                csh_option_long_name(row, name), value, row->accepted);
        return false;
    }
    return setenv(row->name, value, 1) == 0;
}

static bool take_library(const char *file, struct request *request)
{
    if (realpath(file, request->shim) == NULL) {
        fprintf(stderr, "cushadow run: %s: %s\n", file, strerror(errno));
        return false;
    }
    request->has_shim = true;
    return true;
}

/* False after a message. Leaves optind at the program. */
static bool read_arguments(int argc, char **argv, struct request *request)
{
    struct option longs[MAX_OPTIONS];
    char names[MAX_OPTIONS][CSH_OPTION_NAME_BYTES];
    char own_name[] = "cushadow run";
    int code;

    list_options(longs, names);
    argv[0] = own_name; /* getopt's messages begin with it */
    while ((code = getopt_long(argc, argv, "+", longs, NULL)) != -1) {
        if (code == OPT_HELP) {
            request->is_help = true;
        } else if (code == OPT_SIM) {
            request->is_simulated = true;
        } else if (code == OPT_LIBRARY) {
            if (!take_library(optarg, request)) {
                return false;
            }
        } else if (code < OPT_FIRST_VARIABLE) { /* getopt has said it */
            fputs("cushadow run: `cushadow run --help' lists the options\n",
                  stderr);
            return false;
        } else if (!set_variable(variable_of(code), optarg)) {
            return false;
        }
    }
    if (optind == argc && !request->is_help) {
        fputs("cushadow run: no program is named; `cushadow run --help' "
              "says how\n", stderr);
        return false;
    }
    return true;
}

/* --- the environment ------------------------------------------------- */

/* Puts `value` before or behind what the variable already has. */
static bool add_to_list(const char *name, const char *value, bool is_last)
{
    const char *old = getenv(name);
    size_t n = strlen(value) + (old != NULL ? strlen(old) : 0) + 2;
    char *list;
    bool is_set;

    if (old == NULL || old[0] == '\0') {
        return setenv(name, value, 1) == 0;
    }
    list = malloc(n);
    if (list == NULL) {
        return false;
    }
    snprintf(list, n, "%s:%s", is_last ? old : value, is_last ? value : old);
    is_set = setenv(name, list, 1) == 0;
    free(list);
    return is_set;
}

/* What is preloaded already stays first: sanitizers insist on it. */
static bool preload(struct request *request)
{
    if (!request->has_shim && !csh_place_shim(request->shim)) {
        fprintf(stderr, "cushadow run: the shim is not at %s\n",
                request->shim);
        return false;
    }
    if (strpbrk(request->shim, ": ") != NULL) {
        fprintf(stderr,
                "cushadow run: LD_PRELOAD cannot name %s, which has a blank "
                "or a colon; move it, or name a link with --library\n",
                request->shim);
        return false;
    }
    return add_to_list("LD_PRELOAD", request->shim, true);
}

static bool simulate(void)
{
    char folder[PATH_MAX];

    if (!csh_place_simulated_driver(folder)) {
        fprintf(stderr,
                "cushadow run: --sim: the simulated driver is not at %s\n",
                folder);
        return false;
    }
    return add_to_list("LD_LIBRARY_PATH", folder, false);
}

/* --- the program ----------------------------------------------------- */

/* The program runs all the same: as without the shim. */
static void warn_if_out_of_reach(const char *name)
{
    char file[PATH_MAX];
    struct stat status;
    int fd;

    if (!csh_program_find(name, file)) {
        return;
    }
    fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return;
    }
    if (csh_program_is_static(fd)) {
        fprintf(stderr, "cushadow run: %s is a static executable: nothing "
                        "can be preloaded into it\n", file);
    } else if (fstat(fd, &status) == 0 &&
               (status.st_mode & (S_ISUID | S_ISGID)) != 0) {
        fprintf(stderr, "cushadow run: %s is setuid or setgid: the shim "
                        "keeps out of it\n", file);
    }
    close(fd);
}

int csh_command_run(int argc, char **argv)
{
    struct request request = {.has_shim = false};
    int error;

    if (!read_arguments(argc, argv, &request)) {
        return CSH_EXIT_OWN;
    }
    if (request.is_help) {
        print_usage();
        return fflush(stdout) == 0 ? 0 : CSH_EXIT_OWN;
    }
    if ((request.is_simulated && !simulate()) || !preload(&request)) {
        return CSH_EXIT_OWN;
    }
    argv += optind;
    warn_if_out_of_reach(argv[0]);
    execvp(argv[0], argv);
    error = errno;
    fprintf(stderr, "cushadow run: %s: %s\n", argv[0], strerror(error));
    return error == ENOENT ? CSH_EXIT_NOT_FOUND : CSH_EXIT_CANNOT_RUN;
}
