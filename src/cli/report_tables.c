/*
 * report_tables.c - the tables of the page. Owns nothing.
 */
#include <string.h>

#include "cli/report_html.h"
#include "cli/report_page.h"
#include "cli/report_picture.h"

/* Rows that are shown of more; the others' number is said. */
#define FIRST_EPISODES 40u
#define MOST_EPISODES 400u

static void begin_table(FILE *page, const char *heads)
{
    fprintf(page, "<div class=\"scroll\"><table><thead><tr>%s</tr></thead>"
            "<tbody>\n", heads);
}

static void end_table(FILE *page)
{
    fputs("</tbody></table></div>\n", page);
}

/* --- models ---------------------------------------------------------- */

/* The statistics', or else what the trace adds up to. */
static struct csh_movement movement_of(const struct csh_run *run,
                                       uint32_t number,
                                       enum csh_direction direction)
{
    struct csh_movement movement = run->models[number].movement[direction];
    size_t i;
    int o;

    if (run->models[number].has_statistics) {
        return movement;
    }
    for (i = 0; i < run->n_episodes; ++i) {
        const struct csh_episode *episode = &run->episodes[i];

        if (episode->model != number || episode->direction != direction) {
            continue;
        }
        movement.times++;
        movement.ns += episode->call_ns;
        movement.calls += episode->copies;
        for (o = 0; o < CSH_N_OUTCOMES; ++o) {
            movement.outcome[o] += episode->bytes[o];
            movement.bytes += episode->bytes[o];
        }
    }
    return movement;
}

static void put_movement(FILE *page, const char *word,
                         const struct csh_movement *movement)
{
    fprintf(page, "<td class=\"l\">%s</td><td>", word);
    csh_html_count(page, movement->times);
    fputs("</td><td>", page);
    csh_html_count(page, movement->calls);
    fputs("</td><td>", page);
    csh_html_bytes(page, movement->bytes);
    fputs("</td><td>", page);
    csh_html_time(page, movement->ns);
    fputs("</td><td>", page);
    csh_html_rate(page, movement->bytes, movement->ns);
    fputs("</td><td>", page);
    csh_html_outcomes(page, movement->outcome);
    fputs("</td>", page);
}

static void put_model_name(FILE *page, const struct csh_run_model *model)
{
    fputs("<td class=\"name\" rowspan=\"2\"><b>", page);
    csh_html_name(page, csh_report_model_name(model));
    fputs("</b>", page);
    if (model->has_statistics) {
        fputs("<br><span class=\"soft\">", page);
        csh_html_count(page, model->tensors);
        fputs(" tensors, ", page);
        csh_html_bytes(page, model->bytes);
        fputs("</span>", page);
    }
    fputs("</td>", page);
}

/* A series' value in the end, if the statistics do not say it. */
static uint64_t at_end(const struct csh_run_model *model, uint64_t value,
                       const struct csh_series *series)
{
    return model->has_statistics || series->n == 0
               ? value : series->points[series->n - 1].value;
}

/* Where it was in the end; a trace says nothing of shadows. */
static void put_places(FILE *page, const struct csh_run_model *model)
{
    uint64_t parked = at_end(model, model->parked, &model->kept);

    fputs("<td rowspan=\"2\">", page);
    csh_html_bytes(page, at_end(model, model->on_device, &model->vram));
    if (parked > 0) {
        fputs("<br><span class=\"soft\">", page);
        csh_html_bytes(page, parked);
        fputs(" parked</span>", page);
    }
    fputs("</td><td rowspan=\"2\">", page);
    if (model->has_statistics) {
        csh_html_bytes(page, model->in_shadows);
    }
    fputs("</td>", page);
}

static void put_model(FILE *page, const struct csh_run *run, uint32_t number)
{
    const struct csh_run_model *model = &run->models[number];
    const struct csh_movement loads = movement_of(run, number, CSH_H2D);
    const struct csh_movement unloads = movement_of(run, number, CSH_D2H);

    fputs("<tr class=\"two\">", page);
    put_model_name(page, model);
    put_movement(page, "loads", &loads);
    put_places(page, model);
    fputs("</tr>\n<tr>", page);
    put_movement(page, "unloads", &unloads);
    fputs("</tr>\n", page);
}

void csh_report_models_table(FILE *page, const struct csh_run *run)
{
    uint32_t i;

    begin_table(page,
                "<th class=\"l\">model</th><th></th><th>times</th>"
                "<th>copies</th><th>bytes</th><th>in calls</th>"
                "<th>rate</th><th>what became of them</th>"
                "<th>in VRAM<br>at the end</th><th>in shadows<br>at the end"
                "</th>");
    for (i = 0; i < run->n_models; ++i) {
        if (csh_report_is_shown(run, i)) {
            put_model(page, run, i);
        }
    }
    end_table(page);
}

/* --- loads and unloads ----------------------------------------------- */

static void put_episode(FILE *page, const struct csh_run *run,
                        const struct csh_episode *episode)
{
    uint64_t bytes = 0;
    int i;

    for (i = 0; i < CSH_N_OUTCOMES; ++i) {
        bytes += episode->bytes[i];
    }
    fputs("<tr><td>", page);
    csh_html_time(page, episode->begun_ns - run->begun_ns);
    fprintf(page, "</td><td class=\"l\">%s</td><td class=\"name\">",
            episode->direction == CSH_H2D ? "load" : "unload");
    csh_html_name(page,
                  csh_report_model_name(&run->models[episode->model]));
    fputs("</td><td>", page);
    csh_html_count(page, episode->copies);
    fputs("</td><td>", page);
    csh_html_bytes(page, bytes);
    fputs("</td><td>", page);
    csh_html_time(page, episode->ended_ns - episode->begun_ns);
    fputs("</td><td>", page);
    csh_html_rate(page, bytes, episode->ended_ns - episode->begun_ns);
    fputs("</td><td>", page);
    csh_html_outcomes(page, episode->bytes);
    fputs("</td><td>", page);
    if (episode->changed > 0) {
        csh_html_count(page, episode->changed);
    }
    fputs("</td></tr>\n", page);
}

static void put_episodes(FILE *page, const struct csh_run *run, size_t from,
                         size_t to)
{
    begin_table(page,
                "<th>at</th><th class=\"l\"></th><th class=\"l\">model</th>"
                "<th>copies</th><th>bytes</th><th>took</th><th>rate</th>"
                "<th>what became of them</th><th>changed<br>tensors</th>");
    for (; from < to; ++from) {
        put_episode(page, run, &run->episodes[from]);
    }
    end_table(page);
}

void csh_report_episodes_table(FILE *page, const struct csh_run *run)
{
    size_t n = run->n_episodes;
    size_t first = n < FIRST_EPISODES ? n : FIRST_EPISODES;
    size_t shown = n < MOST_EPISODES ? n : MOST_EPISODES;

    put_episodes(page, run, 0, first);
    if (shown > first) {
        fputs("<details><summary>", page);
        csh_html_count(page, shown - first);
        fputs(" more</summary>\n", page);
        put_episodes(page, run, first, shown);
        fputs("</details>\n", page);
    }
    if (n > shown) {
        fputs("<p class=\"soft\">", page);
        csh_html_count(page, n - shown);
        fputs(" later ones are in the picture only.</p>\n", page);
    }
}

/* --- reasons --------------------------------------------------------- */

/* The shim's own sentence, if it is a reason of this version. */
static const char *sentence_of(const char *reason)
{
    int i;

    for (i = 0; i < CSH_N_REASONS; ++i) {
        if (strcmp(csh_reason_name((enum csh_reason)i), reason) == 0) {
            return csh_reason_sentence((enum csh_reason)i);
        }
    }
    return reason;
}

static void put_reason(FILE *page, const struct csh_run *run,
                       const struct csh_run_reason *reason)
{
    enum csh_outcome outcome = csh_report_outcome(reason->outcome);

    fprintf(page, "<tr><td class=\"l\">%s</td><td class=\"l\">",
            reason->direction == CSH_H2D ? "load" : "unload");
    if (outcome < CSH_N_OUTCOMES) {
        fputs("<span class=\"legend\" style=\"display:inline;margin:0\">"
              "<i class=\"", page);
        fputs(csh_outcome_name(outcome), page);
        fputs("\"></i></span>", page);
    }
    csh_html_name(page, reason->outcome);
    fputs("</td><td class=\"l wide\">", page);
    csh_html_name(page, sentence_of(reason->reason));
    fputs("</td><td>", page);
    csh_html_count(page, reason->tally.calls);
    fputs("</td><td>", page);
    csh_html_bytes(page, reason->tally.bytes);
    fputs("</td><td>", page);
    csh_html_share(page, reason->tally.bytes,
                   run->asked[reason->direction].bytes);
    fputs("</td><td class=\"l\">", page);
    if (reason->variable[0] != '\0') {
        fputs("<code>", page);
        csh_html_text(page, reason->variable);
        fputs("</code>", page);
    }
    fputs("</td></tr>\n", page);
}

void csh_report_reasons_table(FILE *page, const struct csh_run *run)
{
    size_t i;

    begin_table(page,
                "<th class=\"l\"></th><th class=\"l\">outcome</th>"
                "<th class=\"l\">why</th><th>copies</th><th>bytes</th>"
                "<th>share</th><th class=\"l\">changed by</th>");
    for (i = 0; i < run->n_reasons; ++i) {
        put_reason(page, run, &run->reasons[i]);
    }
    end_table(page);
}

/* --- figures --------------------------------------------------------- */

static const char *meaning_of(const char *name)
{
    int i;

    for (i = 0; i < CSH_N_GAUGES; ++i) {
        if (strcmp(csh_gauge_name((enum csh_gauge)i), name) == 0) {
            return csh_gauge_sentence((enum csh_gauge)i);
        }
    }
    return "";
}

/* The unit is the end of the name. */
static void put_value(FILE *page, const char *name, uint64_t value)
{
    size_t length = strlen(name);

    if (length > 3 && strcmp(name + length - 3, "_ns") == 0) {
        csh_html_time(page, value);
    } else if (strstr(name, "bytes") != NULL) {
        csh_html_bytes(page, value);
    } else {
        csh_html_count(page, value);
    }
}

static bool has_any(const struct csh_runs *runs, const char *name)
{
    size_t i;

    for (i = 0; i < runs->n; ++i) {
        if (csh_run_figure(&runs->run[i], name) != 0) {
            return true;
        }
    }
    return false;
}

static void begin_figures(FILE *page, const struct csh_runs *runs)
{
    size_t r;

    fputs("<div class=\"scroll\"><table><thead><tr>"
          "<th class=\"l\">figure</th>", page);
    for (r = 0; r < runs->n; ++r) {
        fputs("<th>", page);
        csh_report_run_name(page, runs, r);
        fputs("</th>", page);
    }
    fputs("<th class=\"l\"></th></tr></thead><tbody>\n", page);
}

/* The names are those of the last run that has figures: of two, what is. */
void csh_report_figures_table(FILE *page, const struct csh_runs *runs)
{
    const struct csh_run *last = &runs->run[runs->n - 1];
    size_t i, r;

    begin_figures(page, runs);
    for (i = 0; i < last->n_figures; ++i) {
        const char *name = last->figures[i].name;

        if (!has_any(runs, name)) {
            continue;
        }
        fputs("<tr><td class=\"l\"><code>", page);
        csh_html_name(page, name);
        fputs("</code></td>", page);
        for (r = 0; r < runs->n; ++r) {
            fputs("<td>", page);
            put_value(page, name, csh_run_figure(&runs->run[r], name));
            fputs("</td>", page);
        }
        fputs("<td class=\"l wide soft\">", page);
        csh_html_text(page, meaning_of(name));
        fputs("</td></tr>\n", page);
    }
    end_table(page);
}
