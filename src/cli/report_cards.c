/*
 * report_cards.c - what is said first: sums of a run, and of two how they
 * differ. Owns nothing.
 */
#include <string.h>

#include "cli/report_html.h"
#include "cli/report_page.h"

/* What the cards are about, of one run. */
struct summary {
    uint64_t asked[CSH_N_DIRECTIONS];
    uint64_t outcome[CSH_N_DIRECTIONS][CSH_N_OUTCOMES];
    uint64_t ns[CSH_N_DIRECTIONS];
    uint64_t later_ns[CSH_N_DIRECTIONS]; /* without each model's first */
    uint64_t later_bytes[CSH_N_DIRECTIONS];
    uint64_t shadows, pinned, parked;
};

/* --- sums ------------------------------------------------------------ */

static void sum_statistics(const struct csh_run *run, struct summary *summary)
{
    int d, o;

    for (d = 0; d < CSH_N_DIRECTIONS; ++d) {
        summary->asked[d] = run->asked[d].bytes;
        for (o = 0; o < CSH_N_OUTCOMES; ++o) {
            summary->outcome[d][o] = run->outcome[d][o].bytes;
        }
    }
    summary->shadows = csh_run_figure(run, "shadow_bytes_peak");
    summary->pinned = csh_run_figure(run, "pinned_bytes_peak");
    summary->parked = csh_run_figure(run, "parked_bytes_peak");
}

static uint64_t bytes_of(const struct csh_episode *episode)
{
    uint64_t bytes = 0;
    int o;

    for (o = 0; o < CSH_N_OUTCOMES; ++o) {
        bytes += episode->bytes[o];
    }
    return bytes;
}

static void sum_trace(const struct csh_run *run, struct summary *summary)
{
    size_t i;
    int o;

    for (i = 0; i < run->n_episodes; ++i) {
        const struct csh_episode *episode = &run->episodes[i];

        summary->asked[episode->direction] += bytes_of(episode);
        for (o = 0; o < CSH_N_OUTCOMES; ++o) {
            summary->outcome[episode->direction][o] += episode->bytes[o];
        }
    }
    summary->shadows = run->series[CSH_RUN_SHADOWS].most;
    summary->pinned = run->series[CSH_RUN_PINNED].most;
    summary->parked = run->series[CSH_RUN_PARKED].most;
}

/* A model's first load makes its shadow, where that is to be. */
static void sum_times(const struct csh_run *run, struct summary *summary)
{
    bool is_known[CSH_N_DIRECTIONS][CSH_REPORT_MOST_MODELS];
    size_t i;

    memset(is_known, 0, sizeof(is_known));
    for (i = 0; i < run->n_episodes; ++i) {
        const struct csh_episode *episode = &run->episodes[i];
        const int d = (int)episode->direction;

        summary->ns[d] += episode->call_ns;
        if (is_known[d][episode->model]) {
            summary->later_ns[d] += episode->call_ns;
            summary->later_bytes[d] += bytes_of(episode);
        }
        is_known[d][episode->model] = true;
    }
}

/* Times are the trace's, which has every copy that is looked at; without one
 * those of the statistics' models. */
static struct summary sum_up(const struct csh_run *run)
{
    struct summary summary;
    size_t i;

    memset(&summary, 0, sizeof(summary));
    if (run->statistics_file != NULL) {
        sum_statistics(run, &summary);
    } else {
        sum_trace(run, &summary);
    }
    sum_times(run, &summary);
    for (i = 0; i < run->n_models && run->trace_file == NULL; ++i) {
        summary.ns[CSH_D2H] += run->models[i].movement[CSH_D2H].ns;
        summary.ns[CSH_H2D] += run->models[i].movement[CSH_H2D].ns;
    }
    return summary;
}

/* --- cards ----------------------------------------------------------- */

static void begin_card(FILE *page, const char *title)
{
    fprintf(page, "<div class=\"card\"><h3>%s</h3><div class=\"big\">",
            title);
}

/* "3.1 times less" in green, or "1.2 times more" in red. */
static void put_change(FILE *page, uint64_t before, uint64_t after,
                       const char *less, const char *more)
{
    double ratio;

    if (before == 0 || after == 0 || before == after) {
        return;
    }
    ratio = before > after ? (double)before / (double)after
                           : (double)after / (double)before;
    if (ratio < 1.05) {
        return;
    }
    fprintf(page, "<span class=\"%s\">%.*f times %s</span>",
            before > after ? "good" : "bad", ratio < 10 ? 1 : 0, ratio,
            before > after ? less : more);
}

/* What the card is about: unloads that moved no byte; loads that came from
 * shadows, from parked memory, or moved none. */
static uint64_t helped(const struct summary *summary,
                       enum csh_direction direction)
{
    const uint64_t *outcome = summary->outcome[direction];

    return outcome[CSH_OUTCOME_elided] +
           (direction == CSH_H2D ? outcome[CSH_OUTCOME_served] : 0);
}

static void put_shares_card(FILE *page, const struct summary *summaries,
                            size_t n, enum csh_direction direction,
                            const char *title)
{
    const struct summary *last = &summaries[n - 1];

    begin_card(page, title);
    if (n == 2) {
        fputs("<span class=\"was\">", page);
        csh_html_share(page, helped(&summaries[0], direction),
                       summaries[0].asked[direction]);
        fputs(" &rarr; </span>", page);
    }
    csh_html_share(page, helped(last, direction),
                   last->asked[direction]);
    fputs("</div><p class=\"soft\">", page);
    csh_html_bytes(page, helped(last, direction));
    fputs(" of ", page);
    csh_html_bytes(page, last->asked[direction]);
    fputs("</p>", page);
    csh_html_outcomes(page, last->outcome[direction]);
    fputs("</div>\n", page);
}

static void put_time_card(FILE *page, const struct summary *summaries,
                          size_t n, enum csh_direction direction,
                          const char *title)
{
    const struct summary *last = &summaries[n - 1];

    begin_card(page, title);
    if (n == 2) {
        fputs("<span class=\"was\">", page);
        csh_html_time(page, summaries[0].ns[direction]);
        fputs(" &rarr; </span>", page);
    }
    csh_html_time(page, last->ns[direction]);
    fputs("</div><p class=\"soft\">", page);
    csh_html_rate(page, last->asked[direction], last->ns[direction]);
    fputs("</p>", page);
    if (n == 2) {
        put_change(page, summaries[0].ns[direction], last->ns[direction],
                   "faster", "slower");
    }
    fputs("</div>\n", page);
}

static void put_memory_card(FILE *page, const struct summary *summaries,
                            size_t n)
{
    const struct summary *last = &summaries[n - 1];

    begin_card(page, "Shadows held at most");
    csh_html_bytes(page, last->shadows);
    fputs("</div><p class=\"soft\">", page);
    csh_html_bytes(page, last->pinned);
    fputs(" of RAM pinned at most</p>", page);
    if (last->parked > 0) {
        fputs("<p class=\"soft\">", page);
        csh_html_bytes(page, last->parked);
        fputs(" of VRAM parked at most</p>", page);
    }
    fputs("</div>\n", page);
}

void csh_report_cards(FILE *page, const struct csh_runs *runs)
{
    struct summary summaries[CSH_REPORT_MOST_RUNS];
    size_t i;

    memset(summaries, 0, sizeof(summaries));
    for (i = 0; i < runs->n; ++i) {
        summaries[i] = sum_up(&runs->run[i]);
    }
    fputs("<section class=\"cards\">\n", page);
    put_shares_card(page, summaries, runs->n, CSH_D2H, "Unloads elided");
    put_time_card(page, summaries, runs->n, CSH_D2H, "Time in unloads");
    put_shares_card(page, summaries, runs->n, CSH_H2D,
                    "Loads served or elided");
    put_time_card(page, summaries, runs->n, CSH_H2D, "Time in loads");
    put_memory_card(page, summaries, runs->n);
    fputs("</section>\n", page);
}

/* --- before and after ------------------------------------------------ */

typedef void value_fn(FILE *page, uint64_t value);

static void put_compared(FILE *page, const char *title, uint64_t before,
                         uint64_t after, value_fn *value, const char *less,
                         const char *more)
{
    fprintf(page, "<tr><td class=\"l\">%s</td><td>", title);
    value(page, before);
    fputs("</td><td>", page);
    value(page, after);
    fputs("</td><td class=\"l\">", page);
    put_change(page, before, after, less, more);
    fputs("</td></tr>\n", page);
}

static uint64_t moved(const struct summary *summary, enum csh_direction d)
{
    uint64_t elided = summary->outcome[d][CSH_OUTCOME_elided];

    return summary->asked[d] > elided ? summary->asked[d] - elided : 0;
}

/* In nanoseconds for a gigabyte: runs may differ in what they did. */
static uint64_t cost(uint64_t ns, uint64_t bytes)
{
    return bytes > 0 ? (uint64_t)((double)ns * 1e9 / (double)bytes) : 0;
}

void csh_report_comparison(FILE *page, const struct csh_runs *runs)
{
    const struct summary before = sum_up(&runs->run[0]);
    const struct summary after = sum_up(&runs->run[1]);

    fputs("<h2>Before and after</h2>\n<div class=\"card\"><div "
          "class=\"scroll\"><table><thead><tr><th class=\"l\"></th>"
          "<th>before</th><th>after</th><th class=\"l\"></th></tr></thead>"
          "<tbody>\n", page);
    put_compared(page, "bytes that unloads moved", moved(&before, CSH_D2H),
                 moved(&after, CSH_D2H), csh_html_bytes, "less", "more");
    put_compared(page, "time in unloads", before.ns[CSH_D2H],
                 after.ns[CSH_D2H], csh_html_time, "less", "more");
    put_compared(page, "for each GB, after a model&#39;s first unload",
                 cost(before.later_ns[CSH_D2H], before.later_bytes[CSH_D2H]),
                 cost(after.later_ns[CSH_D2H], after.later_bytes[CSH_D2H]),
                 csh_html_time, "less", "more");
    put_compared(page, "bytes that loads moved", moved(&before, CSH_H2D),
                 moved(&after, CSH_H2D), csh_html_bytes, "less", "more");
    put_compared(page, "time in loads", before.ns[CSH_H2D],
                 after.ns[CSH_H2D], csh_html_time, "less", "more");
    put_compared(page, "for each GB, after a model&#39;s first load",
                 cost(before.later_ns[CSH_H2D], before.later_bytes[CSH_H2D]),
                 cost(after.later_ns[CSH_H2D], after.later_bytes[CSH_H2D]),
                 csh_html_time, "less", "more");
    put_compared(page, "RAM for shadows, at most", before.shadows,
                 after.shadows, csh_html_bytes, "less", "more");
    if (before.parked > 0 || after.parked > 0) {
        put_compared(page, "VRAM parked, at most", before.parked,
                     after.parked, csh_html_bytes, "less", "more");
    }
    fputs("</tbody></table></div></div>\n", page);
}
