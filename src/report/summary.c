/*
 * summary.c - the walk over the tables.
 *
 * Owns nothing. There is one walk: text and JSON differ in the emitter only,
 * so a row added to counter_table.h appears in both.
 */
#include "report/summary.h"

#include <stdio.h>
#include <string.h>

#include "report/headline.h"
#include "report/ranking.h"

static void walk_tally(struct csh_emitter *emitter,
                       const struct csh_tally *tally)
{
    csh_emitter_number(emitter, "calls", tally->calls, CSH_UNIT_COUNT, "");
    csh_emitter_number(emitter, "bytes", tally->bytes, CSH_UNIT_BYTES, "");
}

static void walk_reason(struct csh_emitter *emitter,
                        const struct csh_ranked *cell)
{
    const char *variable = csh_reason_variable(cell->reason);
    char note[160];

    csh_emitter_open_row(emitter, NULL);
    csh_emitter_string(emitter, "outcome", csh_outcome_name(cell->outcome),
                       "");
    csh_emitter_string(emitter, "reason", csh_reason_name(cell->reason), "");
    if (emitter->form == CSH_STATS_JSON) {
        csh_emitter_string(emitter, "variable", variable, "");
    }
    walk_tally(emitter, &cell->tally);
    snprintf(note, sizeof(note), "%s%s%s%s",
             csh_reason_sentence(cell->reason),
             (variable[0] != '\0') ? " (" : "", variable,
             (variable[0] != '\0') ? ")" : "");
    csh_emitter_close_row(emitter, note);
}

static void walk_direction(struct csh_emitter *emitter,
                           const struct csh_statistics *s,
                           enum csh_direction direction)
{
    static const char *const headings[] = {
        [CSH_D2H] = "device to host\tcalls\tbytes",
        [CSH_H2D] = "host to device\tcalls\tbytes",
    };
    struct csh_ranked ranked[CSH_MAX_RANKED];
    unsigned n_ranked, i;
    int outcome;

    csh_emitter_open(emitter, '{', csh_direction_name(direction),
                     headings[direction]);
    csh_emitter_open_row(emitter, "asked");
    walk_tally(emitter, &s->asked[direction]);
    csh_emitter_close_row(emitter, "");
    for (outcome = 0; outcome < CSH_N_OUTCOMES; ++outcome) {
        csh_emitter_open_row(emitter,
                             csh_outcome_name((enum csh_outcome)outcome));
        walk_tally(emitter, &s->outcome[direction][outcome]);
        csh_emitter_close_row(
            emitter, csh_outcome_sentence((enum csh_outcome)outcome));
    }
    n_ranked = csh_rank_cells(s, direction, ranked);
    csh_emitter_open(emitter, '[', "reasons",
                     (n_ranked > 0) ? "reasons, most bytes first" : NULL);
    for (i = 0; i < n_ranked; ++i) {
        walk_reason(emitter, &ranked[i]);
    }
    csh_emitter_close(emitter, ']');
    csh_emitter_close(emitter, '}');
}

/* The unit is in the name, so the table needs no column for it. */
static enum csh_emitter_unit gauge_unit(const char *name)
{
    return (strstr(name, "bytes") != NULL) ? CSH_UNIT_BYTES : CSH_UNIT_COUNT;
}

static void walk_gauges(struct csh_emitter *emitter,
                        const struct csh_statistics *s)
{
    const char *name;
    int gauge;

    csh_emitter_open(emitter, '{', "gauges", "gauges");
    for (gauge = 0; gauge < CSH_N_GAUGES; ++gauge) {
        name = csh_gauge_name((enum csh_gauge)gauge);
        csh_emitter_number(emitter, name, s->gauge[gauge], gauge_unit(name),
                           csh_gauge_sentence((enum csh_gauge)gauge));
    }
    csh_emitter_close(emitter, '}');
}

static void walk_memory(struct csh_emitter *emitter,
                        const struct csh_process_memory *memory)
{
    int part;

    csh_emitter_open(emitter, '{', "process", "process");
    for (part = 0; part < CSH_N_PROCESS_MEMORY; ++part) {
        csh_emitter_number(emitter, csh_process_memory_name(part),
                           memory->bytes[part], CSH_UNIT_BYTES,
                           csh_process_memory_sentence(part));
    }
    csh_emitter_close(emitter, '}');
}

static void walk(struct csh_emitter *emitter, const struct csh_report *report)
{
    int direction;

    csh_emitter_open(emitter, '{', NULL, "cushadow statistics");
    csh_emitter_number(emitter, "schema", 1, CSH_UNIT_PLAIN, "");
    csh_emitter_number(emitter, "pid", report->pid, CSH_UNIT_PLAIN, "");
    csh_emitter_string(emitter, "mode", csh_mode_name(report->mode), "");
    csh_emitter_open(emitter, '{', "copies", "copies");
    for (direction = 0; direction < CSH_N_DIRECTIONS; ++direction) {
        walk_direction(emitter, &report->statistics,
                       (enum csh_direction)direction);
    }
    csh_emitter_close(emitter, '}');
    walk_gauges(emitter, &report->statistics);
    walk_memory(emitter, &report->memory);
    csh_emitter_close(emitter, '}');
}

void csh_report_write(const struct csh_report *report, enum csh_stats form,
                      csh_emitter_sink *sink, void *opaque)
{
    char line[CSH_HEADLINE_BYTES];
    struct csh_emitter emitter;
    size_t n_bytes;

    if (form == CSH_STATS_TEXT) {
        n_bytes = csh_headline(report, line);
        if (n_bytes > 0) {
            sink(opaque, line, n_bytes);
        }
    }
    if ((form == CSH_STATS_JSON) ||
        ((form == CSH_STATS_TEXT) && report->is_full)) {
        csh_emitter_begin(&emitter, form, sink, opaque);
        walk(&emitter, report);
        csh_emitter_end(&emitter);
    }
}
