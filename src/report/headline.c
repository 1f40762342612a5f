/*
 * headline.c - the line at exit.
 *
 * Three voices. Usually: what became of the offloads and reloads. Loud: none
 * of the offloads that could have been elided was; then the reasons follow,
 * and what changes them, for the user who set the shim up is owed an answer
 * to "why does it not help". Observe mode: what would have been. Owns
 * nothing; reads a snapshot, in whichever thread ends the process.
 */
#include "report/headline.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/compiler.h"
#include "base/human.h"
#include "report/ranking.h"

/* The rest is in the table. */
#define MAX_REASONS 3

struct line {
    char *text;
    size_t n_bytes;
};

/* A human figure that lives as long as the expression it stands in. */
#define HUMAN(bytes_) csh_human_bytes((bytes_), (char[CSH_HUMAN_BYTES]){0})
#define COUNT(count_) csh_human_count((count_), (char[CSH_HUMAN_BYTES]){0})
#define PLURAL(count_) (((count_) == 1) ? "y" : "ies")

/* Leaves room for the newline; what does not fit is cut. */
static void CSH_PRINTF(2, 3) line_add(struct line *line, const char *format,
                                      ...)
{
    size_t room = CSH_HEADLINE_BYTES - 1 - line->n_bytes;
    va_list args;
    int length;

    va_start(args, format);
    length = vsnprintf(line->text + line->n_bytes, room, format, args);
    va_end(args);
    if (length > 0) {
        line->n_bytes += ((size_t)length < room) ? (size_t)length : room - 1;
    }
}

/* There are rules that register, and they fit no upload of the program: a
 * mistyped name, most likely. */
static bool is_missing_the_rules(const struct csh_statistics *s)
{
    static const enum csh_weight_rule fitting[] = {
        CSH_WEIGHT_RULE_declared, CSH_WEIGHT_RULE_manifest,
        CSH_WEIGHT_RULE_file, CSH_WEIGHT_RULE_all, CSH_WEIGHT_RULE_learn,
    };
    size_t i;

    for (i = 0; i < CSH_ARRAY_LENGTH(fitting); ++i) {
        if (s->weight_rule[fitting[i]].calls > 0) {
            return false;
        }
    }
    return s->weight_rule[CSH_WEIGHT_RULE_unmatched].calls > 0;
}

/* Whether an offload that the program made itself, for this reason, is one
 * that the shim exists to spare it. The others are as they should be (small,
 * mode, dirty, first), or beyond what the shim may touch (pinned, foreign). */
static bool is_missed(const struct csh_statistics *s,
                      const struct csh_ranked *cell)
{
    if (cell->outcome != CSH_OUTCOME_passed) {
        return false;
    }
    switch (cell->reason) {
    case CSH_REASON_excluded:
        return is_missing_the_rules(s);
    case CSH_REASON_unlearned:
    case CSH_REASON_partial:
    case CSH_REASON_capturing:
    case CSH_REASON_busy:
    case CSH_REASON_unready:
    case CSH_REASON_timeout:
    case CSH_REASON_budget:
    case CSH_REASON_memory:
    case CSH_REASON_device:
    case CSH_REASON_error:
        return true;
    default:
        return false;
    }
}

static struct csh_tally missed_offloads(const struct csh_statistics *s)
{
    struct csh_tally missed = {0, 0};
    struct csh_ranked ranked[CSH_MAX_RANKED];
    unsigned n_ranked, i;

    n_ranked = csh_rank_cells(s, CSH_D2H, ranked);
    for (i = 0; i < n_ranked; ++i) {
        if (is_missed(s, &ranked[i])) {
            missed.calls += ranked[i].tally.calls;
            missed.bytes += ranked[i].tally.bytes;
        }
    }
    return missed;
}

/* "1.50 GiB (no room for a shadow within the limit; see CUSHADOW_RAM_LIMIT),
 * 12.0 MiB .." */
static void add_reasons(struct line *line, const struct csh_statistics *s,
                        bool only_missed)
{
    struct csh_ranked ranked[CSH_MAX_RANKED];
    unsigned n_ranked, i, n_said = 0;
    const char *variable;

    n_ranked = csh_rank_cells(s, CSH_D2H, ranked);
    for (i = 0; (i < n_ranked) && (n_said < MAX_REASONS); ++i) {
        if ((only_missed && !is_missed(s, &ranked[i])) ||
            (ranked[i].outcome == CSH_OUTCOME_elided)) {
            continue;
        }
        variable = csh_reason_variable(ranked[i].reason);
        line_add(line, "%s%s (%s%s%s)", (n_said++ > 0) ? ", " : "",
                 HUMAN(ranked[i].tally.bytes),
                 csh_reason_sentence(ranked[i].reason),
                 (variable[0] != '\0') ? "; see " : "", variable);
    }
}

/* Where some were elided, only what settings or memory kept from the others
 * is said: ", 93.0 MiB of it for want of room (see CUSHADOW_RAM_LIMIT)". */
static void add_lack_of_room(struct line *line,
                             const struct csh_statistics *s)
{
    const struct csh_tally *passed =
            s->reason[CSH_D2H][CSH_OUTCOME_passed];

    if (passed[CSH_REASON_budget].calls > 0) {
        line_add(line, ", %s of it for want of room (see %s)",
                 HUMAN(passed[CSH_REASON_budget].bytes),
                 csh_reason_variable(CSH_REASON_budget));
    }
    if (passed[CSH_REASON_memory].calls > 0) {
        line_add(line, ", %s of it because memory is short",
                 HUMAN(passed[CSH_REASON_memory].bytes));
    }
}

static void add_usual_offloads(struct line *line,
                               const struct csh_statistics *s)
{
    uint64_t asked = s->asked[CSH_D2H].bytes;
    uint64_t elided = s->outcome[CSH_D2H][CSH_OUTCOME_elided].bytes;

    if (s->asked[CSH_D2H].calls == 0) {
        line_add(line, "no offloads");
        return;
    }
    line_add(line, "offloads %s of %s elided, %s copied", HUMAN(elided),
             HUMAN(asked), HUMAN(asked - elided));
    if (elided == 0) {
        line_add(line, ": ");
        add_reasons(line, s, false);
    } else {
        add_lack_of_room(line, s);
    }
}

static void add_seconds(struct line *line, uint64_t ns)
{
    line_add(line, ", which took %llu.%02u s",
             (unsigned long long)(ns / 1000000000),
             (unsigned)(ns % 1000000000 / 10000000));
}

/* What somebody turns observe mode on for: would it help, and what would it
 * take? A tenth of what is copied back is where it begins to be felt. */
static void add_answer(struct line *line, const struct csh_statistics *s)
{
    uint64_t asked = s->asked[CSH_D2H].bytes;
    uint64_t would_elide = s->gauge[CSH_GAUGE_would_elide_bytes];
    uint64_t would_serve = s->gauge[CSH_GAUGE_would_serve_bytes];

    line_add(line, "%s: offloads %s of %s would have been elided (%u%%)",
             (would_elide == 0) ? "it would not help" :
             (would_elide < asked / 10) ? "it would help a little" :
             "it would help",
             HUMAN(would_elide), HUMAN(asked),
             csh_human_percent(would_elide, asked));
    if (would_elide > 0) {
        add_seconds(line, s->gauge[CSH_GAUGE_would_elide_ns]);
    }
    if (would_serve > 0) {
        line_add(line, "; reloads %s of %s would have come from shadows",
                 HUMAN(would_serve), HUMAN(s->asked[CSH_H2D].bytes));
        add_seconds(line, s->gauge[CSH_GAUGE_would_serve_ns]);
    }
    if (s->gauge[CSH_GAUGE_would_hold_bytes_peak] > 0) {
        line_add(line, "; shadows would take %s of RAM",
                 HUMAN(s->gauge[CSH_GAUGE_would_hold_bytes_peak]));
    }
    line_add(line, "; nothing was changed");
}

static void add_offloads(struct line *line, const struct csh_report *report)
{
    const struct csh_statistics *s = &report->statistics;
    struct csh_tally missed = missed_offloads(s);
    uint64_t would_elide = s->gauge[CSH_GAUGE_would_elide_calls];

    if (report->mode == CSH_MODE_COPY) {
        line_add(line, "offloads %s of %s through pinned memory",
                 HUMAN(s->outcome[CSH_D2H][CSH_OUTCOME_served].bytes),
                 HUMAN(s->asked[CSH_D2H].bytes));
    } else if ((report->mode == CSH_MODE_OBSERVE) &&
               ((would_elide > 0) || (missed.calls == 0))) {
        add_answer(line, s);
    } else if ((missed.calls > 0) &&
               (s->outcome[CSH_D2H][CSH_OUTCOME_elided].calls == 0)) {
        line_add(line, "NO OFFLOAD %s, %s in %s cop%s could have been: ",
                 (report->mode == CSH_MODE_OBSERVE) ?
                 "WOULD HAVE BEEN ELIDED" : "WAS ELIDED",
                 HUMAN(missed.bytes), COUNT(missed.calls),
                 PLURAL(missed.calls));
        add_reasons(line, s, true);
    } else {
        add_usual_offloads(line, s);
    }
}

static void add_uploads(struct line *line, const struct csh_statistics *s)
{
    const struct csh_tally *outcome = s->outcome[CSH_H2D];

    if (s->asked[CSH_H2D].calls == 0) {
        return;
    }
    line_add(line, "; reloads %s of %s uploaded from shadows",
             HUMAN(outcome[CSH_OUTCOME_served].bytes),
             HUMAN(s->asked[CSH_H2D].bytes));
    if (outcome[CSH_OUTCOME_elided].calls > 0) {
        line_add(line, ", %s elided",
                 HUMAN(outcome[CSH_OUTCOME_elided].bytes));
    }
}

static void add_shadows(struct line *line, const struct csh_statistics *s)
{
    uint64_t shadows = s->gauge[CSH_GAUGE_shadow_bytes_peak];

    if (shadows > 0) {
        line_add(line, "; shadows %s at most, %s of slabs pinned%s%s",
                 HUMAN(shadows),
                 HUMAN(s->gauge[CSH_GAUGE_pinned_bytes_peak]),
                 (s->gauge[CSH_GAUGE_unpinned_by_limit] > 0) ?
                 " (more would be over CUSHADOW_PINNED_LIMIT)" : "",
                 (s->gauge[CSH_GAUGE_registrations_refused] > 0) ?
                 " (the driver refused to pin more)" : "");
    }
}

static void add_relief(struct line *line, const struct csh_statistics *s)
{
    uint64_t given = s->gauge[CSH_GAUGE_given_back_bytes];

    if (given > 0) {
        line_add(line, "; %s given back as memory became short",
                 HUMAN(given));
    }
}

static void add_failures(struct line *line, const struct csh_statistics *s)
{
    uint64_t n_failed = s->outcome[CSH_D2H][CSH_OUTCOME_failed].calls +
                        s->outcome[CSH_H2D][CSH_OUTCOME_failed].calls;

    if (n_failed > 0) {
        line_add(line, "; %s cop%s ended in the driver's error",
                 COUNT(n_failed), PLURAL(n_failed));
    }
}

/* A copy below CUSHADOW_MIN_BYTES is counted under the reason small, and in
 * no other way. */
static bool has_seen_copies(const struct csh_statistics *s)
{
    uint64_t n_bytes = 0;
    int direction, outcome;

    for (direction = 0; direction < CSH_N_DIRECTIONS; ++direction) {
        n_bytes += s->asked[direction].bytes;
        for (outcome = 0; outcome < CSH_N_OUTCOMES; ++outcome) {
            n_bytes -= s->reason[direction][outcome][CSH_REASON_small].bytes;
        }
    }
    return n_bytes > 0;
}

size_t csh_headline(const struct csh_report *report,
                    char line_p[CSH_HEADLINE_BYTES])
{
    const struct csh_statistics *s = &report->statistics;
    struct line line = {line_p, 0};

    if ((report->mode == CSH_MODE_OFF) || !has_seen_copies(s)) {
        return 0;
    }
    line_add(&line, "cushadow: %s%s",
             (report->mode != CSH_MODE_VERIFY) ?
             csh_mode_name(report->mode) : "",
             (report->mode != CSH_MODE_VERIFY) ? " mode: " : "");
    add_offloads(&line, report);
    if (report->mode != CSH_MODE_OBSERVE) {
        add_uploads(&line, s);
        add_shadows(&line, s);
        add_relief(&line, s);
    }
    add_failures(&line, s);
    line_p[line.n_bytes++] = '\n';
    return line.n_bytes;
}
