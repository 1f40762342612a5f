/*
 * frame.c - see frame.h. Owns nothing. Every figure may be any number: what is
 * a part of something is bounded by it here.
 */
#include "cli/frame.h"

#include <stdio.h>
#include <string.h>

#include "base/compiler.h"
#include "base/human.h"
#include "report/ranking.h"

#define NAME_LEAST 12u
#define NAME_MOST 40u
#define BAR_LEAST 4u
#define BAR_MOST 32u
#define FIGURE 9u /* "1023 MiB", and a blank */
#define MOST_REASONS 5u

/* --- bars -------------------------------------------------------------- */

/* How many of the cells a part fills: at least one if it is there at all. */
static unsigned cells_of(uint64_t part, uint64_t whole, unsigned cells)
{
    unsigned n;

    if ((part == 0) || (whole == 0)) {
        return 0;
    }
    if (part >= whole) {
        return cells;
    }
    n = (unsigned)((double)part / (double)whole * cells + 0.5);
    n = (n > cells) ? cells : n;
    return (n > 0) ? n : 1;
}

/* Two parts, one behind the other. */
static void put_bar(struct csh_canvas *canvas, enum csh_ink ink,
                    uint64_t first, enum csh_ink second_ink, uint64_t second,
                    uint64_t whole, unsigned cells)
{
    unsigned n = cells_of(first, whole, cells);
    unsigned n_second = cells_of(second, whole, cells);

    n_second = (n_second < cells - n) ? n_second : cells - n;
    csh_canvas_print(canvas, CSH_INK_FAINT, "[");
    csh_canvas_repeat(canvas, ink, "\u2588", '#', n);
    csh_canvas_repeat(canvas, second_ink, "\u2592", '=', n_second);
    csh_canvas_repeat(canvas, CSH_INK_FAINT, "\u00b7", '.',
                      cells - n - n_second);
    csh_canvas_print(canvas, CSH_INK_FAINT, "]");
}

struct widths { unsigned name, bar; };

/* " NAME [BAR] 1023 MiB [BAR] 1023 MiB" */
static struct widths widths_of(const struct csh_canvas *canvas)
{
    const unsigned fixed = 1 + 2 * (1 + 2 + FIGURE);
    unsigned rest = (canvas->columns > fixed) ? canvas->columns - fixed : 0;
    struct widths widths;

    widths.name = rest * 2 / 5;
    widths.name = (widths.name < NAME_LEAST) ? NAME_LEAST : widths.name;
    widths.name = (widths.name > NAME_MOST) ? NAME_MOST : widths.name;
    rest = (rest > widths.name) ? rest - widths.name : 0;
    widths.bar = rest / 2;
    widths.bar = (widths.bar < BAR_LEAST) ? BAR_LEAST : widths.bar;
    widths.bar = (widths.bar > BAR_MOST) ? BAR_MOST : widths.bar;
    return widths;
}

static void put_bytes(struct csh_canvas *canvas, uint64_t bytes)
{
    char text[CSH_HUMAN_BYTES];

    csh_canvas_print(canvas, CSH_INK_PLAIN, "%*s", (int)FIGURE,
                     csh_human_bytes(bytes, text));
}

/* --- models -------------------------------------------------------------- */

static void put_headings(struct csh_canvas *canvas,
                         const struct widths *widths)
{
    csh_canvas_print(canvas, CSH_INK_FAINT, " model");
    csh_canvas_pad_to(canvas, 2 + widths->name);
    csh_canvas_print(canvas, CSH_INK_FAINT, "VRAM");
    csh_canvas_pad_to(canvas, 2 + widths->name + widths->bar + 3 + FIGURE);
    csh_canvas_print(canvas, CSH_INK_FAINT, "shadows in RAM");
    csh_canvas_end_line(canvas);
}

static uint64_t rest_of(uint64_t whole, uint64_t part)
{
    return (whole > part) ? whole - part : 0;
}

/* A burst's label without how much it was, which has a line of its own. */
static void put_name(struct csh_canvas *canvas, unsigned columns,
                     const struct csh_model_figures *model)
{
    char label[CSH_BURST_LABEL_BYTES];

    if (model->name != NULL) {
        (void)csh_canvas_foreign(canvas, CSH_INK_TITLE, model->name,
                                 columns);
        return;
    }
    (void)snprintf(label, sizeof(label), "%s", model->label);
    label[strcspn(label, "(")] = '\0';
    (void)csh_canvas_foreign(canvas, CSH_INK_TITLE, label, columns);
}

static void put_model(struct csh_canvas *canvas, const struct widths *widths,
                      const struct csh_model_figures *model)
{
    csh_canvas_print(canvas, CSH_INK_PLAIN, " ");
    put_name(canvas, widths->name, model);
    csh_canvas_pad_to(canvas, 2 + widths->name);
    put_bar(canvas, CSH_INK_VRAM, model->on_device.bytes, CSH_INK_PARKED,
            model->parked.bytes, model->known.bytes, widths->bar);
    put_bytes(canvas, model->on_device.bytes + model->parked.bytes);
    csh_canvas_print(canvas, CSH_INK_PLAIN, " ");
    put_bar(canvas, CSH_INK_PINNED, model->pinned.bytes, CSH_INK_UNPINNED,
            rest_of(model->in_shadows.bytes, model->pinned.bytes),
            model->known.bytes, widths->bar);
    put_bytes(canvas, model->in_shadows.bytes);
    csh_canvas_end_line(canvas);
}

static uint64_t bytes_of(const struct csh_model_account *account,
                         enum csh_direction direction)
{
    uint64_t bytes = 0;
    int outcome, reason;

    for (outcome = 0; outcome < CSH_N_OUTCOMES; ++outcome) {
        for (reason = 0; reason < CSH_N_REASONS; ++reason) {
            bytes += account->reason[direction][outcome][reason].bytes;
        }
    }
    return bytes;
}

static void put_way(struct csh_canvas *canvas,
                    const struct csh_model_account *account,
                    enum csh_direction direction, const char *word)
{
    uint64_t ns = account->ns[direction];
    char count[CSH_HUMAN_BYTES];

    csh_canvas_print(canvas, CSH_INK_FAINT, "%s %s at %.2f GB/s", word,
                     csh_human_count(account->times[direction], count),
                     (ns > 0) ? (double)bytes_of(account, direction) /
                                    (double)ns : 0.0);
}

static void put_model_rates(struct csh_canvas *canvas,
                            const struct csh_model_figures *model)
{
    char count[CSH_HUMAN_BYTES], bytes[CSH_HUMAN_BYTES];

    csh_canvas_print(canvas, CSH_INK_FAINT, "   %s tensors, %s; ",
                     csh_human_count(model->known.calls, count),
                     csh_human_bytes(model->known.bytes, bytes));
    put_way(canvas, &model->account, CSH_H2D, "loaded");
    csh_canvas_print(canvas, CSH_INK_FAINT, ", ");
    put_way(canvas, &model->account, CSH_D2H, "unloaded");
    csh_canvas_end_line(canvas);
}

static void put_models(struct csh_canvas *canvas,
                       const struct csh_report_shared *shared)
{
    const struct widths widths = widths_of(canvas);
    unsigned i;

    if (shared->n_models == 0) {
        csh_canvas_print(canvas, CSH_INK_FAINT, " no weight is known yet");
        csh_canvas_end_line(canvas);
        return;
    }
    put_headings(canvas, &widths);
    for (i = 0; i < shared->n_models; ++i) {
        put_model(canvas, &widths, &shared->models[i]);
        put_model_rates(canvas, &shared->models[i]);
    }
}

/* --- the process ------------------------------------------------------ */

static void put_title(struct csh_canvas *canvas,
                      const struct csh_report *report, const char *command)
{
    uint64_t seconds = report->shared->up_ns / 1000000000;
    uint64_t tenths = report->shared->age_ns / 100000000;

    csh_canvas_print(canvas, CSH_INK_TITLE, "%llu ",
                     (unsigned long long)report->pid);
    (void)csh_canvas_foreign(canvas, CSH_INK_TITLE, command, 16);
    csh_canvas_print(canvas, CSH_INK_FAINT, "  mode %s, up %llu:%02u:%02u, "
                     "figures of %llu.%u s ago", csh_mode_name(report->mode),
                     (unsigned long long)(seconds / 3600),
                     (unsigned)(seconds / 60 % 60), (unsigned)(seconds % 60),
                     (unsigned long long)(tenths / 10),
                     (unsigned)(tenths % 10));
    csh_canvas_end_line(canvas);
}

static void put_sums(struct csh_canvas *canvas,
                     const struct csh_report *report)
{
    const uint64_t *gauge = report->statistics.gauge;
    char a[CSH_HUMAN_BYTES], b[CSH_HUMAN_BYTES], c[CSH_HUMAN_BYTES];
    char d[CSH_HUMAN_BYTES];
    uint64_t vram = 0;
    unsigned i;

    for (i = 0; i < report->shared->n_models; ++i) {
        vram += report->shared->models[i].on_device.bytes;
    }
    csh_canvas_print(canvas, CSH_INK_PLAIN, " VRAM %s of weights, %s parked; "
                     "shadows %s; pinned %s", csh_human_bytes(vram, a),
                     csh_human_bytes(gauge[CSH_GAUGE_parked_bytes], b),
                     csh_human_bytes(gauge[CSH_GAUGE_shadow_bytes], c),
                     csh_human_bytes(gauge[CSH_GAUGE_pinned_bytes], d));
    csh_canvas_end_line(canvas);
}

static double per_second(uint64_t now, uint64_t then, double seconds)
{
    return ((now > then) && (seconds > 0)) ? (double)(now - then) / seconds :
                                             0.0;
}

/* " offloads  1.62 GB/s, 340/s; 12.1 GiB asked: elided 87%, served 13%" */
static void put_direction(struct csh_canvas *canvas,
                          const struct csh_statistics *s,
                          enum csh_direction direction, double seconds,
                          const struct csh_tally *then)
{
    const struct csh_tally *asked = &s->asked[direction];
    char bytes[CSH_HUMAN_BYTES];
    const char *between = ": ";
    int outcome;

    csh_canvas_print(canvas, CSH_INK_PLAIN,
                     " %-8s %7.2f GB/s, %.0f/s; %s asked",
                     (direction == CSH_D2H) ? "offloads" : "reloads",
                     per_second(asked->bytes, then->bytes, seconds) / 1e9,
                     per_second(asked->calls, then->calls, seconds),
                     csh_human_bytes(asked->bytes, bytes));
    for (outcome = 0; outcome < CSH_N_OUTCOMES; ++outcome) {
        if (s->outcome[direction][outcome].calls > 0) {
            csh_canvas_print(
                canvas, (outcome == CSH_OUTCOME_failed) ? CSH_INK_ALERT :
                                                          CSH_INK_PLAIN,
                "%s%s %u%%", between,
                csh_outcome_name((enum csh_outcome)outcome),
                csh_human_percent(s->outcome[direction][outcome].bytes,
                                  asked->bytes));
            between = ", ";
        }
    }
    csh_canvas_end_line(canvas);
}

static void put_directions(struct csh_canvas *canvas,
                           const struct csh_report *report, uint64_t now_ns,
                           struct csh_frame_past *past)
{
    uint64_t since = (past->ns != 0) ? past->ns :
                                       now_ns - report->shared->up_ns;
    double seconds = (now_ns > since) ? (double)(now_ns - since) * 1e-9 : 0;
    int direction;

    for (direction = 0; direction < CSH_N_DIRECTIONS; ++direction) {
        put_direction(canvas, &report->statistics,
                      (enum csh_direction)direction, seconds,
                      &past->asked[direction]);
        past->asked[direction] = report->statistics.asked[direction];
    }
    past->ns = now_ns;
}

/* --- refusals ------------------------------------------------------------ */

/* Why copies were passed on or failed, and what would change it. */
static void put_reasons(struct csh_canvas *canvas,
                        const struct csh_statistics *s,
                        enum csh_direction direction)
{
    struct csh_ranked ranked[CSH_MAX_RANKED];
    unsigned n = csh_rank_cells(s, direction, ranked), i, n_put = 0;
    char bytes[CSH_HUMAN_BYTES];

    for (i = 0; (i < n) && (n_put < MOST_REASONS); ++i) {
        const char *variable = csh_reason_variable(ranked[i].reason);

        if ((ranked[i].outcome != CSH_OUTCOME_passed) &&
            (ranked[i].outcome != CSH_OUTCOME_failed)) {
            continue;
        }
        csh_canvas_print(canvas, CSH_INK_ALERT, " %s %-9s",
                         (direction == CSH_D2H) ? "not elided" : "not served",
                         csh_human_bytes(ranked[i].tally.bytes, bytes));
        csh_canvas_print(canvas, CSH_INK_PLAIN, " %s: %s%s%s",
                         csh_reason_name(ranked[i].reason),
                         csh_reason_sentence(ranked[i].reason),
                         (variable[0] != '\0') ? " -> " : "", variable);
        csh_canvas_end_line(canvas);
        ++n_put;
    }
}

/* What was refused besides, with what would change it. */
static void put_gauges(struct csh_canvas *canvas,
                       const struct csh_statistics *s)
{
    static const struct { enum csh_gauge gauge; const char *knob; } rows[] = {
        {CSH_GAUGE_refusals, "CUSHADOW_RAM_LIMIT"},
        {CSH_GAUGE_evictions, "CUSHADOW_RAM_LIMIT"},
        {CSH_GAUGE_given_back_shadows, "memory for this process"},
        {CSH_GAUGE_unpinned_by_limit, "CUSHADOW_PINNED_LIMIT"},
        {CSH_GAUGE_registrations_refused, "cushadow doctor"},
        {CSH_GAUGE_slabs_without_file, "cushadow doctor"},
        {CSH_GAUGE_adopt_unavailable, "CUSHADOW_ADOPT, CAP_SYS_PTRACE"},
    };
    char count[CSH_HUMAN_BYTES];
    size_t i;

    for (i = 0; i < CSH_ARRAY_LENGTH(rows); ++i) {
        if (s->gauge[rows[i].gauge] > 0) {
            csh_canvas_print(canvas, CSH_INK_ALERT, " refused    %-9s",
                             csh_human_count(s->gauge[rows[i].gauge],
                                             count));
            csh_canvas_print(canvas, CSH_INK_PLAIN, " %s -> %s",
                             csh_gauge_sentence(rows[i].gauge),
                             rows[i].knob);
            csh_canvas_end_line(canvas);
        }
    }
}

void csh_frame_process(struct csh_canvas *canvas,
                       const struct csh_report *report, const char *command,
                       uint64_t now_ns, struct csh_frame_past *past)
{
    put_title(canvas, report, command);
    put_sums(canvas, report);
    put_directions(canvas, report, now_ns, past);
    put_models(canvas, report->shared);
    put_reasons(canvas, &report->statistics, CSH_D2H);
    put_reasons(canvas, &report->statistics, CSH_H2D);
    put_gauges(canvas, &report->statistics);
}

void csh_frame_legend(struct csh_canvas *canvas)
{
    csh_canvas_print(canvas, CSH_INK_FAINT, " VRAM: ");
    csh_canvas_repeat(canvas, CSH_INK_VRAM, "\u2588", '#', 1);
    csh_canvas_print(canvas, CSH_INK_FAINT, " in use, ");
    csh_canvas_repeat(canvas, CSH_INK_PARKED, "\u2592", '=', 1);
    csh_canvas_print(canvas, CSH_INK_FAINT, " parked; shadows: ");
    csh_canvas_repeat(canvas, CSH_INK_PINNED, "\u2588", '#', 1);
    csh_canvas_print(canvas, CSH_INK_FAINT, " pinned, ");
    csh_canvas_repeat(canvas, CSH_INK_UNPINNED, "\u2592", '=', 1);
    csh_canvas_print(canvas, CSH_INK_FAINT, " not pinned");
    csh_canvas_end_line(canvas);
}
