/*
 * prometheus.c - see prometheus.h. Owns nothing.
 */
#include "cli/prometheus.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "base/compiler.h"
#include "base/utf8.h"

#define PREFIX "cushadow_"

struct page {
    FILE *out;
    const struct csh_report *reports;
    size_t n_reports;
};

/* help is one of the shim's own sentences. */
static void begin_family(const struct page *page, const char *name,
                         const char *type, const char *help)
{
    fprintf(page->out, "# HELP " PREFIX "%s %s\n# TYPE " PREFIX "%s %s\n",
            name, help, name, type);
}

/* A label's value: quotes, backslashes and newlines are escaped. */
static void put_value(FILE *out, const char *text)
{
    size_t n;

    for (; *text != '\0'; text += (n > 0) ? n : 1) {
        n = csh_utf8_length(text);
        if ((n == 0) || csh_utf8_is_hidden(text)) {
            fputs("\xef\xbf\xbd", out); /* U+FFFD */
        } else if ((*text == '"') || (*text == '\\')) {
            fprintf(out, "\\%c", *text);
        } else {
            fwrite(text, 1, n, out);
        }
    }
}

/* A burst's label goes on with how much it was at most, which may rise: a
 * label must not. */
static void put_model(FILE *out, const struct csh_model_figures *figures)
{
    char label[CSH_BURST_LABEL_BYTES];

    if (figures->name != NULL) {
        put_value(out, figures->name);
        return;
    }
    snprintf(label, sizeof(label), "%s", figures->label);
    label[strcspn(label, "(")] = '\0';
    if ((strlen(label) > 0) && (label[strlen(label) - 1] == ' ')) {
        label[strlen(label) - 1] = '\0';
    }
    put_value(out, label);
}

/* --- families of whole processes ------------------------------------- */

static void write_reason(const struct page *page,
                         const struct csh_report *report, int direction,
                         const char *name, bool is_bytes)
{
    const struct csh_tally *tally;
    int outcome, reason;

    for (outcome = 0; outcome < CSH_N_OUTCOMES; ++outcome) {
        for (reason = 0; reason < CSH_N_REASONS; ++reason) {
            tally = &report->statistics.reason[direction][outcome][reason];
            if (tally->calls == 0) {
                continue;
            }
            fprintf(page->out, PREFIX "%s{pid=\"%" PRIu64 "\",direction=\"%s"
                    "\",outcome=\"%s\",reason=\"%s\"} %" PRIu64 "\n", name,
                    report->pid,
                    csh_direction_name((enum csh_direction)direction),
                    csh_outcome_name((enum csh_outcome)outcome),
                    csh_reason_name((enum csh_reason)reason),
                    is_bytes ? tally->bytes : tally->calls);
        }
    }
}

static void write_copies(const struct page *page, const char *name,
                         const char *help, bool is_bytes)
{
    size_t i;
    int direction;

    begin_family(page, name, "counter", help);
    for (i = 0; i < page->n_reports; ++i) {
        for (direction = 0; direction < CSH_N_DIRECTIONS; ++direction) {
            write_reason(page, &page->reports[i], direction, name, is_bytes);
        }
    }
}

static void write_rules(const struct page *page, const char *name,
                        const char *help, bool is_bytes)
{
    const struct csh_tally *tally;
    size_t i;
    int rule;

    begin_family(page, name, "counter", help);
    for (i = 0; i < page->n_reports; ++i) {
        for (rule = 0; rule < CSH_N_WEIGHT_RULES; ++rule) {
            tally = &page->reports[i].statistics.weight_rule[rule];
            fprintf(page->out, PREFIX "%s{pid=\"%" PRIu64
                    "\",rule=\"%s\"} %" PRIu64 "\n", name,
                    page->reports[i].pid,
                    csh_weight_rule_name((enum csh_weight_rule)rule),
                    is_bytes ? tally->bytes : tally->calls);
        }
    }
}

static bool ends_in(const char *name, const char *end)
{
    size_t n_name = strlen(name), n_end = strlen(end);

    return (n_name >= n_end) && (strcmp(name + n_name - n_end, end) == 0);
}

static bool is_gauge(const char *name)
{
    int i;

    for (i = 0; i < CSH_N_GAUGES; ++i) {
        if (strcmp(csh_gauge_name((enum csh_gauge)i), name) == 0) {
            return true;
        }
    }
    return false;
}

/* What may fall, or is only ever 0 or 1: what is held now, whatever has a
 * peak, peaks, and the flags. */
static bool is_level(enum csh_gauge gauge)
{
    static const char *const levels[] = {
#define CSH_X(name_, ...) #name_,
        CSH_GAUGES_HELD(CSH_X)
        CSH_COHORT_ENDS(CSH_X)
#undef CSH_X
        "adopt_unavailable",
    };
    const char *name = csh_gauge_name(gauge);
    char peak[96];
    size_t i;

    for (i = 0; i < CSH_ARRAY_LENGTH(levels); ++i) {
        if (strcmp(levels[i], name) == 0) {
            return true;
        }
    }
    snprintf(peak, sizeof(peak), "%s_peak", name);
    return ends_in(name, "_peak") || is_gauge(peak);
}

/* Nanoseconds as seconds, digit for digit. */
static void put_seconds(FILE *out, uint64_t ns)
{
    fprintf(out, "%" PRIu64 ".%09" PRIu64, ns / 1000000000, ns % 1000000000);
}

static void write_gauge(const struct page *page, enum csh_gauge gauge)
{
    const char *own = csh_gauge_name(gauge);
    bool is_time = ends_in(own, "_ns");
    char name[96];
    size_t i;

    snprintf(name, sizeof(name), "%.*s%s%s",
             (int)(strlen(own) - (is_time ? 3 : 0)), own,
             is_time ? "_seconds" : "", is_level(gauge) ? "" : "_total");
    begin_family(page, name, is_level(gauge) ? "gauge" : "counter",
                 csh_gauge_sentence(gauge));
    for (i = 0; i < page->n_reports; ++i) {
        fprintf(page->out, PREFIX "%s{pid=\"%" PRIu64 "\"} ", name,
                page->reports[i].pid);
        if (is_time) {
            put_seconds(page->out, page->reports[i].statistics.gauge[gauge]);
        } else {
            fprintf(page->out, "%" PRIu64,
                    page->reports[i].statistics.gauge[gauge]);
        }
        fputc('\n', page->out);
    }
}

static void write_memory(const struct page *page, int part)
{
    size_t i;

    begin_family(page, csh_process_memory_name(part), "gauge",
                 csh_process_memory_sentence(part));
    for (i = 0; i < page->n_reports; ++i) {
        fprintf(page->out, PREFIX "%s{pid=\"%" PRIu64 "\"} %" PRIu64 "\n",
                csh_process_memory_name(part), page->reports[i].pid,
                page->reports[i].memory.bytes[part]);
    }
}

static void write_process(const struct page *page)
{
    size_t i;

    begin_family(page, "info", "gauge",
                 "1; the labels say what there is to say of the process");
    for (i = 0; i < page->n_reports; ++i) {
        fprintf(page->out, PREFIX "info{pid=\"%" PRIu64
                "\",mode=\"%s\",schema=\"1\"} 1\n", page->reports[i].pid,
                csh_mode_name(page->reports[i].mode));
    }
    begin_family(page, "figures_age_seconds", "gauge",
                 "how long ago the process has written these figures");
    for (i = 0; i < page->n_reports; ++i) {
        fprintf(page->out,
                PREFIX "figures_age_seconds{pid=\"%" PRIu64 "\"} ",
                page->reports[i].pid);
        put_seconds(page->out, page->reports[i].shared->age_ns);
        fputc('\n', page->out);
    }
}

/* --- families of models ---------------------------------------------- */

static const struct place { const char *name; size_t offset; } places[] = {
    {"known", offsetof(struct csh_model_figures, known)},
    {"vram", offsetof(struct csh_model_figures, on_device)},
    {"parked", offsetof(struct csh_model_figures, parked)},
    {"shadow", offsetof(struct csh_model_figures, in_shadows)},
    {"shadow_pinned", offsetof(struct csh_model_figures, pinned)},
};

static struct csh_tally tally_at(const struct csh_model_figures *figures,
                                 const struct place *place)
{
    struct csh_tally tally;

    memcpy(&tally, (const char *)figures + place->offset, sizeof(tally));
    return tally;
}

static void put_labels(const struct page *page, size_t i, unsigned model,
                       const char *name)
{
    fprintf(page->out, PREFIX "%s{pid=\"%" PRIu64 "\",number=\"%u\",model=\"",
            name, page->reports[i].pid, model);
    put_model(page->out, &page->reports[i].shared->models[model]);
    fputc('"', page->out);
}

static void write_places(const struct page *page, const char *name,
                         const char *help, bool is_bytes)
{
    const struct csh_report_shared *shared;
    struct csh_tally tally;
    unsigned model;
    size_t i, place;

    begin_family(page, name, "gauge", help);
    for (i = 0; i < page->n_reports; ++i) {
        shared = page->reports[i].shared;
        for (model = 0; model < shared->n_models; ++model) {
            for (place = 0; place < CSH_ARRAY_LENGTH(places); ++place) {
                tally = tally_at(&shared->models[model], &places[place]);
                put_labels(page, i, model, name);
                fprintf(page->out, ",place=\"%s\"} %" PRIu64 "\n",
                        places[place].name,
                        is_bytes ? tally.bytes : tally.calls);
            }
        }
    }
}

/* What became of a model's copies, the reasons summed up. */
enum what { WHAT_CALLS, WHAT_BYTES };

static void write_outcomes(const struct page *page, size_t i, unsigned model,
                           const char *name, enum what what)
{
    const struct csh_model_account *account =
        &page->reports[i].shared->models[model].account;
    int direction, outcome, reason;
    uint64_t sum;

    for (direction = 0; direction < CSH_N_DIRECTIONS; ++direction) {
        for (outcome = 0; outcome < CSH_N_OUTCOMES; ++outcome) {
            for (reason = 0, sum = 0; reason < CSH_N_REASONS; ++reason) {
                const struct csh_tally *tally =
                    &account->reason[direction][outcome][reason];

                sum += (what == WHAT_BYTES) ? tally->bytes : tally->calls;
            }
            put_labels(page, i, model, name);
            fprintf(page->out, ",direction=\"%s\",outcome=\"%s\"} %" PRIu64
                    "\n", csh_direction_name((enum csh_direction)direction),
                    csh_outcome_name((enum csh_outcome)outcome), sum);
        }
    }
}

static void write_model_copies(const struct page *page, const char *name,
                               const char *help, enum what what)
{
    unsigned model;
    size_t i;

    begin_family(page, name, "counter", help);
    for (i = 0; i < page->n_reports; ++i) {
        for (model = 0; model < page->reports[i].shared->n_models; ++model) {
            write_outcomes(page, i, model, name, what);
        }
    }
}

static void write_turns(const struct page *page, const char *name,
                        const char *help, bool is_time)
{
    const struct csh_model_account *account;
    unsigned model;
    size_t i;
    int direction;

    begin_family(page, name, "counter", help);
    for (i = 0; i < page->n_reports; ++i) {
        for (model = 0; model < page->reports[i].shared->n_models; ++model) {
            account = &page->reports[i].shared->models[model].account;
            for (direction = 0; direction < CSH_N_DIRECTIONS; ++direction) {
                put_labels(page, i, model, name);
                fprintf(page->out, ",direction=\"%s\"} ",
                        csh_direction_name((enum csh_direction)direction));
                if (is_time) {
                    put_seconds(page->out, account->ns[direction]);
                } else {
                    fprintf(page->out, "%" PRIu64, account->times[direction]);
                }
                fputc('\n', page->out);
            }
        }
    }
}

void csh_prometheus_write(FILE *out, const struct csh_report *reports,
                          size_t n_reports)
{
    const struct page page = {out, reports, n_reports};
    int i;

    write_process(&page);
    write_copies(&page, "copies_total", "copies that the program made",
                 false);
    write_copies(&page, "copied_bytes_total", "their bytes", true);
    write_rules(&page, "uploads_total",
                "uploads by the CUSHADOW_WEIGHTS rule that decided", false);
    write_rules(&page, "uploaded_bytes_total", "their bytes", true);
    write_places(&page, "model_tensors", "tensors of a model by where they "
                 "are; known: all that were seen", false);
    write_places(&page, "model_bytes", "their bytes", true);
    write_model_copies(&page, "model_copies_total",
                       "copies of a model's tensors", WHAT_CALLS);
    write_model_copies(&page, "model_copied_bytes_total", "their bytes",
                       WHAT_BYTES);
    write_turns(&page, "model_turns_total", "how often a model began to be "
                "loaded (h2d) or unloaded (d2h)", false);
    write_turns(&page, "model_copy_seconds_total",
                "time in the program's calls that copied a model", true);
    for (i = 0; i < CSH_N_GAUGES; ++i) {
        write_gauge(&page, (enum csh_gauge)i);
    }
    for (i = 0; i < CSH_N_PROCESS_MEMORY; ++i) {
        write_memory(&page, i);
    }
}
