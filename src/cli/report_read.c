/*
 * report_read.c - tells the two kinds of files apart and reads either. See
 * report_read.h. Owns nothing.
 */
#include "cli/report_read.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static bool refuse(char why_p[CSH_REPORT_WHY_BYTES], const char *format, ...)
    CSH_PRINTF(2, 3);

static bool refuse(char why_p[CSH_REPORT_WHY_BYTES], const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(why_p, CSH_REPORT_WHY_BYTES, format, args);
    va_end(args);
    return false;
}

/* --- runs ------------------------------------------------------------ */

/* A run of that process that has no file of that kind yet, or a new one; NULL
 * if there is no more room. */
static struct csh_run *run_of(struct csh_runs *runs, uint64_t process,
                              bool is_trace)
{
    struct csh_run *run;
    size_t i;

    for (i = 0; i < runs->n; ++i) {
        run = &runs->run[i];
        if (run->process == process &&
            (is_trace ? run->trace_file : run->statistics_file) == NULL) {
            return run;
        }
    }
    if (runs->n == CSH_REPORT_MOST_RUNS) {
        return NULL;
    }
    run = &runs->run[runs->n++];
    memset(run, 0, sizeof(*run));
    run->process = process;
    return run;
}

/* --- traces ---------------------------------------------------------- */

/* The next line without what stands between events; its length, 0 for an empty
 * one, or -1 at the end. *is_whole_p: it ended in a newline. */
static int read_line(FILE *file, char *line_p, bool *is_whole_p)
{
    size_t n = 0;
    int c;

    while ((c = getc(file)) != EOF && c != '\n') {
        if (n < CSH_REPORT_MOST_LINE - 1) {
            line_p[n] = (char)c;
        }
        n++;
    }
    *is_whole_p = c == '\n';
    if (c == EOF && n == 0) {
        return -1;
    }
    n = n < CSH_REPORT_MOST_LINE ? n : CSH_REPORT_MOST_LINE - 1;
    while (n > 0 && (line_p[n - 1] == ',' ||
                     isspace((unsigned char)line_p[n - 1]) != 0)) {
        n--;
    }
    line_p[n] = '\0';
    return (int)n;
}

/* What is not whole in the last line was never written to its end. */
static bool take_line(struct csh_run *run, const char *line, size_t n,
                      bool is_whole, char why_p[CSH_REPORT_WHY_BYTES])
{
    char why[CSH_REPORT_WHY_BYTES];
    struct csh_input_node *event =
        csh_input_read(line, n, why, sizeof(why));

    if (event == NULL && !is_whole) {
        run->is_cut = true;
        return true;
    }
    if (!csh_input_is_object(event)) {
        csh_input_release(event);
        return refuse(why_p, "event %llu is no JSON object%s%.160s",
                      (unsigned long long)run->n_events + 1,
                      event == NULL ? ": " : "", event == NULL ? why : "");
    }
    csh_report_take_event(run, event);
    csh_input_release(event);
    return true;
}

bool csh_report_read_trace(struct csh_run *run, FILE *file,
                           char why_p[CSH_REPORT_WHY_BYTES])
{
    char *line = malloc(CSH_REPORT_MOST_LINE);
    bool is_good = line != NULL, is_whole;
    int n;

    while (is_good && (n = read_line(file, line, &is_whole)) >= 0) {
        if (n > 0 && strcmp(line, "]") != 0) {
            is_good = take_line(run, line, (size_t)n, is_whole, why_p);
        }
    }
    free(line);
    if (is_good && run->n_events == 0) {
        return refuse(why_p, "a trace without events");
    }
    csh_run_settle(run);
    return is_good;
}

/* The first event, which has the process in it, is read for that alone. */
static bool begin_trace(struct csh_runs *runs, FILE *file, const char *name,
                        char why_p[CSH_REPORT_WHY_BYTES])
{
    char *line = malloc(CSH_REPORT_MOST_LINE);
    struct csh_input_node *event = NULL;
    struct csh_run *run;
    bool is_whole = false;
    int n = line != NULL ? read_line(file, line, &is_whole) : -1;

    while (n == 0) {
        n = read_line(file, line, &is_whole);
    }
    if (n > 0) {
        event = csh_input_read(line, (size_t)n, why_p, CSH_REPORT_WHY_BYTES);
    }
    free(line);
    if (!csh_input_is_object(event)) {
        csh_input_release(event);
        return refuse(why_p, "no trace of cushadow's: its first line is no "
                             "event");
    }
    run = run_of(runs, csh_input_count(csh_input_get(event, "pid")), true);
    if (run == NULL) {
        csh_input_release(event);
        return refuse(why_p, "more than %u runs", CSH_REPORT_MOST_RUNS);
    }
    run->trace_file = csh_report_keep(name);
    csh_report_take_event(run, event);
    csh_input_release(event);
    return csh_report_read_trace(run, file, why_p);
}

/* --- statistics ------------------------------------------------------ */

/* At most one byte more than what is accepted. */
static char *read_all(FILE *file, size_t *n_p)
{
    size_t capacity = 0, n = 0, got = 1;
    char *text = NULL;

    while (got > 0 && n <= CSH_REPORT_MOST_STATISTICS) {
        text = csh_report_grow(text, n, &capacity, 1);
        got = fread(text + n, 1, capacity - n, file);
        n += got;
    }
    *n_p = n;
    return text;
}

static bool begin_statistics(struct csh_runs *runs, FILE *file,
                             const char *name,
                             char why_p[CSH_REPORT_WHY_BYTES])
{
    struct csh_input_node *statistics = NULL;
    struct csh_run *run = NULL;
    char why[CSH_REPORT_WHY_BYTES] = "too long";
    bool is_good = false;
    size_t n;
    char *text = read_all(file, &n);

    if (n <= CSH_REPORT_MOST_STATISTICS) {
        statistics = csh_input_read(text, n, why, sizeof(why));
    }
    free(text);
    if (statistics == NULL) {
        return refuse(why_p, "no JSON: %.200s", why);
    }
    run = run_of(runs, csh_input_count(csh_input_get(statistics, "pid")),
                 false);
    if (run == NULL) {
        refuse(why_p, "more than %u runs", CSH_REPORT_MOST_RUNS);
    } else {
        run->statistics_file = csh_report_keep(name);
        is_good = csh_report_take_statistics(run, statistics, why_p);
    }
    csh_input_release(statistics);
    return is_good;
}

bool csh_report_read(struct csh_runs *runs, FILE *file, const char *name,
                     char why_p[CSH_REPORT_WHY_BYTES])
{
    int c = getc(file);

    while (c != EOF && isspace(c) != 0) {
        c = getc(file);
    }
    switch (c) {
    case '[':
        return begin_trace(runs, file, name, why_p);
    case '{':
        (void)ungetc(c, file);
        return begin_statistics(runs, file, name, why_p);
    case EOF:
        return refuse(why_p, "an empty file");
    default:
        return refuse(why_p, "neither a trace nor statistics as JSON "
                             "(CUSHADOW_STATS=json)");
    }
}
