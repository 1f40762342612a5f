/*
 * report_page.c - the order of the page, and its head. Owns nothing.
 */
#include "cli/report_page.h"

#include <string.h>

#include "cli/report_html.h"
#include "cli/report_picture.h"

/* --- the head -------------------------------------------------------- */

void csh_report_run_name(FILE *page, const struct csh_runs *runs, size_t i)
{
    if (runs->n == 2) {
        fputs(i == 0 ? "before" : "after", page);
    } else if (runs->n > 2) {
        fprintf(page, "run %zu", i + 1);
    }
}

static void put_file(FILE *page, const char *file, const char *before)
{
    const char *slash;

    if (file != NULL) {
        slash = strrchr(file, '/');
        fputs(before, page);
        csh_html_name(page, slash != NULL ? slash + 1 : file);
    }
}

static void put_run(FILE *page, const struct csh_runs *runs, size_t i)
{
    const struct csh_run *run = &runs->run[i];

    fputs("<li>", page);
    if (runs->n > 1) {
        fputs("<span class=\"tag\">", page);
        csh_report_run_name(page, runs, i);
        fputs("</span>", page);
    }
    if (run->program != NULL) {
        fputs("<b>", page);
        csh_html_name(page, run->program);
        fputs("</b>, ", page);
    }
    fprintf(page, "process %llu", (unsigned long long)run->process);
    if (run->mode != NULL) {
        fputs(", mode ", page);
        csh_html_name(page, run->mode);
    }
    if (run->trace_file != NULL) {
        fputs(", ", page);
        csh_html_time(page, run->ended_ns - run->begun_ns);
    }
    fputs(" <span class=\"soft\">(", page);
    put_file(page, run->trace_file, "");
    put_file(page, run->statistics_file,
             run->trace_file != NULL ? ", " : "");
    fputs(")</span></li>\n", page);
}

static void put_notes(FILE *page, const struct csh_run *run)
{
    if (run->is_full) {
        fputs("<p class=\"note\">The trace met its bound "
              "(<code>CUSHADOW_TRACE_LIMIT</code>): ", page);
        csh_html_count(page, run->n_left_out);
        fputs(run->has_end ? "" : " or more", page);
        fputs(" events are not in it, and the picture ends there.</p>\n",
              page);
    }
    if (run->trace_file != NULL && !run->has_end) {
        fprintf(page, "<p class=\"note\">The trace has no end: the process "
                "was killed, still runs, or its file could not grow%s.</p>\n",
                run->is_cut ? "; its last event is not whole" : "");
    }
    if (run->leaves_out) {
        fputs("<p class=\"note\">The files name more than this page holds; "
              "the rest is left out.</p>\n", page);
    }
}

static void put_head(FILE *page, const struct csh_runs *runs)
{
    size_t i;

    fputs("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width,"
          "initial-scale=1\">\n<meta http-equiv=\"Content-Security-Policy\" "
          "content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
          "<title>cushadow report</title>\n<style>\n", page);
    fputs(csh_report_style, page);
    fputs("</style></head>\n<body><main>\n<h1>cushadow <span>report</span>"
          "</h1>\n<ul class=\"runs\">\n", page);
    for (i = 0; i < runs->n; ++i) {
        put_run(page, runs, i);
    }
    fputs("</ul>\n", page);
    for (i = 0; i < runs->n; ++i) {
        put_notes(page, &runs->run[i]);
    }
}

/* --- sections -------------------------------------------------------- */

static bool has_parked(const struct csh_runs *runs)
{
    size_t i;

    for (i = 0; i < runs->n; ++i) {
        if (runs->run[i].series[CSH_RUN_PARKED].most > 0) {
            return true;
        }
    }
    return false;
}

static void put_legend(FILE *page, const struct csh_runs *runs)
{
    int i;

    fputs("<div class=\"legend\">", page);
    for (i = 0; i < CSH_N_OUTCOMES; ++i) {
        fprintf(page, "<span title=\"%s\"><i class=\"%s\"></i>%s</span>",
                csh_outcome_sentence((enum csh_outcome)i),
                csh_outcome_name((enum csh_outcome)i),
                csh_outcome_name((enum csh_outcome)i));
    }
    fputs("<span><i class=\"vram\"></i>in VRAM</span>", page);
    if (has_parked(runs)) {
        fputs("<span title=\"memory that the program freed and the shim keeps"
              "\"><i class=\"parked\"></i>parked in VRAM</span>", page);
    }
    fputs("<span><i class=\"shadow\"></i>shadows in RAM</span>"
          "<span><i class=\"pinned\"></i>pinned</span>"
          "<span><i class=\"dot\"></i>unload of changed tensors</span>"
          "</div>\n", page);
}

static void put_run_title(FILE *page, const struct csh_runs *runs, size_t i)
{
    if (runs->n > 1) {
        fputs("<h3><span class=\"tag\">", page);
        csh_report_run_name(page, runs, i);
        fputs("</span> ", page);
        if (runs->run[i].mode != NULL) {
            fputs("mode ", page);
            csh_html_name(page, runs->run[i].mode);
        }
        fputs("</h3>\n", page);
    }
}

static void put_pictures(FILE *page, const struct csh_runs *runs)
{
    uint64_t scale_ns = 0, ns;
    size_t i;

    for (i = 0; i < runs->n; ++i) {
        ns = runs->run[i].ended_ns - runs->run[i].begun_ns;
        scale_ns = ns > scale_ns ? ns : scale_ns;
    }
    if (scale_ns == 0) {
        return;
    }
    fputs("<h2>Over time</h2>\n", page);
    put_legend(page, runs);
    for (i = 0; i < runs->n; ++i) {
        if (runs->run[i].trace_file != NULL) {
            fputs("<div class=\"card\" style=\"margin-bottom:12px\">\n",
                  page);
            put_run_title(page, runs, i);
            csh_report_picture(page, &runs->run[i], scale_ns);
            fputs("</div>\n", page);
        }
    }
}

typedef void table_fn(FILE *page, const struct csh_run *run);

/* For each run that has something for it. */
static void put_tables(FILE *page, const struct csh_runs *runs,
                       const char *title, table_fn *table,
                       bool (*has_rows)(const struct csh_run *run))
{
    bool is_titled = false;
    size_t i;

    for (i = 0; i < runs->n; ++i) {
        if (!has_rows(&runs->run[i])) {
            continue;
        }
        if (!is_titled) {
            fprintf(page, "<h2>%s</h2>\n", title);
            is_titled = true;
        }
        fputs("<div class=\"card\" style=\"margin-bottom:12px\">\n", page);
        put_run_title(page, runs, i);
        table(page, &runs->run[i]);
        fputs("</div>\n", page);
    }
}

static bool has_models(const struct csh_run *run)
{
    return run->n_models > 0;
}

static bool has_episodes(const struct csh_run *run)
{
    return run->n_episodes > 0;
}

static bool has_reasons(const struct csh_run *run)
{
    return run->n_reasons > 0;
}

void csh_report_page(FILE *page, const struct csh_runs *runs)
{
    put_head(page, runs);
    csh_report_cards(page, runs);
    put_pictures(page, runs);
    if (runs->n == 2) {
        csh_report_comparison(page, runs);
    }
    put_tables(page, runs, "Models", csh_report_models_table, has_models);
    put_tables(page, runs, "Loads and unloads", csh_report_episodes_table,
               has_episodes);
    put_tables(page, runs, "Why", csh_report_reasons_table, has_reasons);
    if (runs->run[runs->n - 1].n_figures > 0) {
        fputs("<h2>Figures</h2>\n<div class=\"card\">\n", page);
        csh_report_figures_table(page, runs);
        fputs("</div>\n", page);
    }
    fputs("<footer>Elided: proven redundant, and no byte was moved. Served: "
          "moved through shadow memory. Passed: the program&#39;s own copy. "
          "Made by <code>cushadow report</code>.</footer>\n"
          "</main></body></html>\n", page);
}
