/*
 * summary.c - the walk over the tables.
 *
 * Owns nothing. There is one walk for both forms, so a row added to
 * counter_table.h appears in both. JSON has every figure; text leaves out what
 * is 0, puts the rest under headings, and adds shares of the whole.
 */
#include "report/summary.h"

#include <string.h>

#include "base/compiler.h"
#include "base/human.h"
#include "report/headline.h"
#include "report/live_page.h"
#include "report/models.h"
#include "report/ranking.h"
#include "report/reasons.h"

static void walk_outcome(struct csh_emitter *emitter,
                         const struct csh_statistics *s,
                         enum csh_direction direction,
                         enum csh_outcome outcome)
{
    const struct csh_tally *tally = &s->outcome[direction][outcome];

    if (csh_report_is_for_people(emitter) && (tally->calls == 0)) {
        return;
    }
    csh_emitter_open_row(emitter, csh_outcome_name(outcome));
    csh_report_share(emitter, tally, &s->asked[direction]);
    csh_emitter_close_row(emitter, csh_outcome_sentence(outcome));
}

static void walk_direction(struct csh_emitter *emitter,
                           const struct csh_statistics *s,
                           enum csh_direction direction)
{
    static const char *const headings[] = {
        [CSH_D2H] = "offloads, device to host\tcalls\tbytes\tshare",
        [CSH_H2D] = "reloads, host to device\tcalls\tbytes\tshare",
    };
    struct csh_ranked ranked[CSH_MAX_RANKED];
    unsigned n_ranked;
    int outcome;

    csh_emitter_open(emitter, '{', csh_direction_name(direction),
                     headings[direction]);
    csh_emitter_open_row(emitter, "asked");
    csh_report_tally(emitter, &s->asked[direction]);
    csh_emitter_close_row(emitter, "");
    for (outcome = 0; outcome < CSH_N_OUTCOMES; ++outcome) {
        walk_outcome(emitter, s, direction, (enum csh_outcome)outcome);
    }
    n_ranked = csh_rank_cells(s, direction, ranked);
    csh_emitter_open(emitter, '[', "reasons",
                     (n_ranked > 0) ? "reasons, most bytes first" : NULL);
    csh_report_reasons(emitter, ranked, n_ranked, &s->asked[direction]);
    csh_emitter_close(emitter, ']');
    csh_emitter_close(emitter, '}');
}

/* The unit is in the name, so the table needs no column for it. */
static enum csh_emitter_unit gauge_unit(const char *name)
{
    size_t length = strlen(name);

    if ((length > 3) && (strcmp(name + length - 3, "_ns") == 0)) {
        return CSH_UNIT_NANOSECONDS;
    }
    return (strstr(name, "bytes") != NULL) ? CSH_UNIT_BYTES : CSH_UNIT_COUNT;
}

/* Under its heading, if anything of it is not 0; in JSON the gauges follow
 * one another, 0 or not. */
static void walk_gauge_group(struct csh_emitter *emitter,
                             const struct csh_statistics *s,
                             const char *heading, int first, int end)
{
    bool is_headed = false;
    const char *name;
    int gauge;

    for (gauge = first; gauge < end; ++gauge) {
        if (csh_report_is_for_people(emitter) && (s->gauge[gauge] == 0)) {
            continue;
        }
        if (csh_report_is_for_people(emitter) && !is_headed) {
            csh_emitter_open(emitter, '{', NULL, heading);
            is_headed = true;
        }
        name = csh_gauge_name((enum csh_gauge)gauge);
        csh_emitter_number(emitter, name, s->gauge[gauge], gauge_unit(name),
                           csh_gauge_sentence((enum csh_gauge)gauge));
    }
    if (is_headed) {
        csh_emitter_close(emitter, '}');
    }
}

#define CSH_ONE(...) +1
#define CSH_GROUP(group_, heading_) \
    {heading_, 0 CSH_GAUGES_##group_(CSH_ONE)},
static const struct {
    const char *heading;
    int n_gauges;
} gauge_groups[] = {CSH_GAUGE_GROUPS(CSH_GROUP)};
#undef CSH_GROUP
#define CSH_GROUP(group_, heading_) CSH_GAUGES_##group_(CSH_ONE)
_Static_assert(0 CSH_GAUGE_GROUPS(CSH_GROUP) == CSH_N_GAUGES,
               "each gauge is in one group");
#undef CSH_GROUP
#undef CSH_ONE

static void walk_gauges(struct csh_emitter *emitter,
                        const struct csh_statistics *s)
{
    size_t group;
    int first = 0;

    if (!csh_report_is_for_people(emitter)) {
        csh_emitter_open(emitter, '{', "gauges", NULL);
    }
    for (group = 0; group < CSH_ARRAY_LENGTH(gauge_groups); ++group) {
        walk_gauge_group(emitter, s, gauge_groups[group].heading, first,
                         first + gauge_groups[group].n_gauges);
        first += gauge_groups[group].n_gauges;
    }
    if (!csh_report_is_for_people(emitter)) {
        csh_emitter_close(emitter, '}');
    }
}

static bool has_rules(const struct csh_statistics *s)
{
    uint64_t n_calls = 0;
    int rule;

    for (rule = 0; rule < CSH_N_WEIGHT_RULES; ++rule) {
        n_calls += s->weight_rule[rule].calls;
    }
    return n_calls > 0;
}

static void walk_rules(struct csh_emitter *emitter,
                       const struct csh_statistics *s)
{
    int rule;

    csh_emitter_open(
        emitter, '{', "rules",
        has_rules(s) ? "uploads by CUSHADOW_WEIGHTS rule\tcalls\tbytes" : NULL);
    for (rule = 0; rule < CSH_N_WEIGHT_RULES; ++rule) {
        if (csh_report_is_for_people(emitter) &&
            (s->weight_rule[rule].calls == 0)) {
            continue;
        }
        csh_emitter_open_row(emitter,
                             csh_weight_rule_name((enum csh_weight_rule)rule));
        csh_report_tally(emitter, &s->weight_rule[rule]);
        csh_emitter_close_row(
            emitter, csh_weight_rule_sentence((enum csh_weight_rule)rule));
    }
    csh_emitter_close(emitter, '}');
}

static void walk_memory(struct csh_emitter *emitter,
                        const struct csh_process_memory *memory)
{
    int part;

    csh_emitter_open(emitter, '{', "process",
                     "the process, by the kernel's account");
    for (part = 0; part < CSH_N_PROCESS_MEMORY; ++part) {
        csh_emitter_number(emitter, csh_process_memory_name(part),
                           memory->bytes[part], CSH_UNIT_BYTES,
                           csh_process_memory_sentence(part));
    }
    csh_emitter_close(emitter, '}');
}

static void walk_live(struct csh_emitter *emitter,
                      const struct csh_report_shared *shared)
{
    csh_emitter_open(emitter, '{', "live", "shared while it runs");
    if (!csh_report_is_for_people(emitter)) {
        csh_emitter_number(emitter, "layout", CSH_LIVE_LAYOUT,
                           CSH_UNIT_PLAIN, "");
    }
    csh_emitter_number(emitter, "age_ns", shared->age_ns,
                       CSH_UNIT_NANOSECONDS, "since they were written");
    csh_emitter_number(emitter, "up_ns", shared->up_ns, CSH_UNIT_NANOSECONDS,
                       "since the first use of CUDA");
    csh_emitter_close(emitter, '}');
}

static void walk(struct csh_emitter *emitter, const struct csh_report *report)
{
    int direction;

    csh_emitter_open(emitter, '{', NULL, "cushadow statistics");
    if (!csh_report_is_for_people(emitter)) {
        csh_emitter_number(emitter, "schema", 1, CSH_UNIT_PLAIN, "");
    }
    csh_emitter_number(emitter, "pid", report->pid, CSH_UNIT_PLAIN, "");
    csh_emitter_string(emitter, "mode", csh_mode_name(report->mode), "");
    if (report->shared != NULL) {
        walk_live(emitter, report->shared);
    }
    csh_emitter_open(emitter, '{', "copies", "copies that the program made");
    for (direction = 0; direction < CSH_N_DIRECTIONS; ++direction) {
        walk_direction(emitter, &report->statistics,
                       (enum csh_direction)direction);
    }
    csh_emitter_close(emitter, '}');
    csh_report_models(emitter, report->shared);
    walk_rules(emitter, &report->statistics);
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
