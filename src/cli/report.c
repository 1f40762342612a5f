/*
 * report.c - `cushadow report`: reads the files, makes the page in memory, and
 * writes it in one go, so that a bad input leaves no half of one.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/report_page.h"
#include "cli/report_read.h"

static void print_usage(void)
{
    puts("Usage: cushadow report FILE... [-o PAGE.html]\n"
         "Makes one page of traces (CUSHADOW_TRACE) and statistics "
         "(CUSHADOW_STATS=json),\nfor any browser: models in VRAM over time, "
         "loads and unloads, reasons, figures.\nThe two kinds of files of one "
         "process are one run; of two runs the first is what\nwas before.\n\n"
         "  -o, --output=FILE  where the page goes (default: standard "
         "output)\n"
         "      --help         print this");
}

/* What a file system says of a file is said with its name. */
static bool read_file(struct csh_runs *runs, const char *name)
{
    char why[CSH_REPORT_WHY_BYTES] = "";
    FILE *file = fopen(name, "re");
    bool is_read = false;

    if (file == NULL) {
        fprintf(stderr, "cushadow report: %s: %s\n", name, strerror(errno));
        return false;
    }
    is_read = csh_report_read(runs, file, name, why);
    if (ferror(file) != 0) {
        snprintf(why, sizeof(why), "it cannot be read");
        is_read = false;
    }
    if (!is_read) {
        fprintf(stderr, "cushadow report: %s: %s\n", name, why);
    }
    (void)fclose(file);
    return is_read;
}

static bool write_text(const char *name, const char *text, size_t n_bytes)
{
    FILE *out = name != NULL ? fopen(name, "we") : stdout;
    bool is_written;

    if (out == NULL) {
        fprintf(stderr, "cushadow report: %s: %s\n", name, strerror(errno));
        return false;
    }
    is_written = fwrite(text, 1, n_bytes, out) == n_bytes;
    if (name == NULL) {
        is_written = fflush(out) == 0 && is_written;
    } else {
        is_written = fclose(out) == 0 && is_written;
    }
    if (!is_written) {
        fprintf(stderr, "cushadow report: %s: %s\n",
                name != NULL ? name : "standard output", strerror(errno));
    }
    return is_written;
}

static bool write_page(const struct csh_runs *runs, const char *name)
{
    char *text = NULL;
    size_t n_bytes = 0;
    FILE *page = open_memstream(&text, &n_bytes);
    bool is_written = page != NULL;

    if (is_written) {
        csh_report_page(page, runs);
        is_written = ferror(page) == 0;
        is_written = fclose(page) == 0 && is_written;
    }
    if (!is_written) {
        fputs("cushadow report: out of memory\n", stderr);
    }
    is_written = is_written && write_text(name, text, n_bytes);
    free(text);
    return is_written;
}

static int make(char **files, const char *output)
{
    static struct csh_runs runs;
    const char *why;
    int status = 0;

    if (!csh_input_load(&why)) {
        fprintf(stderr, "cushadow report: %s\n", why);
        return CSH_EXIT_OWN;
    }
    for (; *files != NULL && status == 0; ++files) {
        status = read_file(&runs, *files) ? 0 : CSH_EXIT_OWN;
    }
    if (status == 0 && !write_page(&runs, output)) {
        status = CSH_EXIT_OWN;
    }
    csh_runs_free(&runs);
    return status;
}

int csh_command_report(int argc, char **argv)
{
    static const struct option longs[] = {
        {"output", required_argument, NULL, 'o'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    const char *output = NULL;
    int code;

    optind = 0;
    while ((code = getopt_long(argc, argv, "o:", longs, NULL)) != -1) {
        if (code == 'h') {
            print_usage();
            return fflush(stdout) == 0 ? 0 : CSH_EXIT_OWN;
        }
        if (code != 'o') {
            return CSH_EXIT_USAGE;
        }
        output = optarg;
    }
    if (optind == argc) {
        fputs("cushadow report: no files; `cushadow report --help' says "
              "more\n", stderr);
        return CSH_EXIT_USAGE;
    }
    return make(argv + optind, output);
}
