/*
 * models.c - the walk over models. Owns nothing.
 *
 * Text shows what a reader asks first: where each model is, how it came and
 * went and how fast, and which of its tensors came back changed. JSON has
 * every named tensor besides.
 */
#include "report/models.h"

#include <stdio.h>
#include <string.h>

#include "base/human.h"
#include "base/options.h"
#include "report/reasons.h"
#include "weights/registry.h"

/* The most changed tensors that text shows of a model. */
#define MOST_CHANGED 8

/* --- one model --------------------------------------------------------- */

static const char *label_of(const struct csh_model_figures *figures,
                            char *text_p, size_t n_bytes)
{
    char count[CSH_HUMAN_BYTES], bytes[CSH_HUMAN_BYTES];

    if (figures->name == NULL) {
        return figures->label;
    }
    snprintf(text_p, n_bytes, "%s (%s tensor%s, %s)", figures->name,
             csh_human_count(figures->known.calls, count),
             (figures->known.calls == 1) ? "" : "s",
             csh_human_bytes(figures->known.bytes, bytes));
    return text_p;
}

static struct csh_tally total(const struct csh_model_account *account,
                              enum csh_direction direction)
{
    struct csh_tally sum = {0, 0};
    int outcome, reason;

    for (outcome = 0; outcome < CSH_N_OUTCOMES; ++outcome) {
        for (reason = 0; reason < CSH_N_REASONS; ++reason) {
            sum.calls += account->reason[direction][outcome][reason].calls;
            sum.bytes += account->reason[direction][outcome][reason].bytes;
        }
    }
    return sum;
}

/* "4 times, 0.213 s, 1.62 GB/s" */
static void describe(char *note_p, size_t n_bytes,
                     const struct csh_model_account *account,
                     enum csh_direction direction,
                     const struct csh_tally *sum)
{
    const uint64_t ns = account->ns[direction];
    const uint64_t times = account->times[direction];
    char count[CSH_HUMAN_BYTES];

    snprintf(note_p, n_bytes, "%s time%s, %.3f s, %.2f GB/s",
             csh_human_count(times, count), (times == 1) ? "" : "s",
             (double)ns * 1e-9,
             (ns > 0) ? (double)sum->bytes / (double)ns : 0.0);
}

static void walk_direction(struct csh_emitter *emitter,
                           const struct csh_model_account *account,
                           enum csh_direction direction, const char *key)
{
    const struct csh_tally sum = total(account, direction);
    struct csh_ranked ranked[CSH_MAX_RANKED];
    char note[96];

    describe(note, sizeof(note), account, direction, &sum);
    csh_emitter_open_row(emitter, key);
    if (emitter->form == CSH_STATS_JSON) {
        csh_emitter_number(emitter, "times", account->times[direction],
                           CSH_UNIT_PLAIN, "");
        csh_emitter_number(emitter, "ns", account->ns[direction],
                           CSH_UNIT_PLAIN, "");
    }
    csh_report_share(emitter, &sum, &sum);
    if (emitter->form == CSH_STATS_TEXT) {
        csh_emitter_close_row(emitter, note);
    }
    csh_emitter_open(emitter, '[', "reasons", NULL);
    csh_report_reasons(
        emitter, ranked,
        csh_rank_tallies(account->reason[direction], ranked), &sum);
    csh_emitter_close(emitter, ']');
    if (emitter->form == CSH_STATS_JSON) {
        csh_emitter_close_row(emitter, "");
    }
}

static void walk_place(struct csh_emitter *emitter, const char *key,
                       const struct csh_tally *tally, const char *note)
{
    csh_emitter_open_row(emitter, key);
    csh_emitter_number(emitter, "tensors", tally->calls, CSH_UNIT_COUNT, "");
    csh_emitter_number(emitter, "bytes", tally->bytes, CSH_UNIT_BYTES, "");
    csh_emitter_close_row(emitter, note);
}

static void walk_weights(struct csh_emitter *emitter, unsigned model)
{
    struct csh_weight_figures weight;
    uint32_t cursor = 0;

    csh_emitter_open(emitter, '[', "weights", NULL);
    while (csh_registry_weight(model, &cursor, &weight)) {
        csh_emitter_open_row(emitter, NULL);
        csh_emitter_string(emitter, "tensor", weight.tensor, "");
        csh_emitter_number(emitter, "bytes", weight.bytes, CSH_UNIT_PLAIN,
                           "");
        csh_emitter_number(emitter, "is_piece", weight.is_piece,
                           CSH_UNIT_PLAIN, "");
        csh_emitter_number(emitter, "loads", weight.n_copies[CSH_H2D],
                           CSH_UNIT_PLAIN, "");
        csh_emitter_number(emitter, "unloads", weight.n_copies[CSH_D2H],
                           CSH_UNIT_PLAIN, "");
        csh_emitter_number(emitter, "changed", weight.n_changed,
                           CSH_UNIT_PLAIN, "");
        csh_emitter_close_row(emitter, "");
    }
    csh_emitter_close(emitter, ']');
}

static uint64_t changed_bytes(const struct csh_weight_figures *weight)
{
    return weight->n_changed * weight->bytes;
}

/* The ones with the most bytes, most first. Returns how many. */
static unsigned find_changed(unsigned model,
                             struct csh_weight_figures most[MOST_CHANGED])
{
    struct csh_weight_figures weight;
    uint32_t cursor = 0;
    unsigned n = 0, i;

    while (csh_registry_weight(model, &cursor, &weight)) {
        if (weight.n_changed == 0) {
            continue;
        }
        i = (n < MOST_CHANGED) ? n++ : MOST_CHANGED - 1;
        if ((i == MOST_CHANGED - 1) && (n == MOST_CHANGED) &&
            (most[i].tensor != NULL) &&
            (changed_bytes(&most[i]) >= changed_bytes(&weight))) {
            continue;
        }
        for (; (i > 0) && (changed_bytes(&most[i - 1]) <
                           changed_bytes(&weight)); --i) {
            most[i] = most[i - 1];
        }
        most[i] = weight;
    }
    return n;
}

static void show_changed(struct csh_emitter *emitter, unsigned model)
{
    struct csh_weight_figures most[MOST_CHANGED];
    unsigned n, i;

    memset(most, 0, sizeof(most));
    n = find_changed(model, most);
    if (n == 0) {
        return;
    }
    csh_emitter_open(emitter, '[', NULL,
                     "changed when offloaded\ttimes\tbytes");
    for (i = 0; i < n; ++i) {
        csh_emitter_open_row(emitter, NULL);
        csh_emitter_number(emitter, "", most[i].n_changed, CSH_UNIT_COUNT,
                           "");
        csh_emitter_number(emitter, "", changed_bytes(&most[i]),
                           CSH_UNIT_BYTES, "");
        csh_emitter_close_row(emitter, most[i].tensor);
    }
    csh_emitter_close(emitter, ']');
}

/* Pins and parking only where there are some. */
static void walk_places(struct csh_emitter *emitter,
                        const struct csh_model_figures *figures)
{
    bool is_json = emitter->form == CSH_STATS_JSON;

    walk_place(emitter, "on_device", &figures->on_device,
               "tensors in VRAM now");
    walk_place(emitter, "in_shadows", &figures->in_shadows,
               "tensors with a shadow in RAM now");
    if (is_json || (figures->pinned.calls > 0)) {
        walk_place(emitter, "pinned", &figures->pinned,
                   "of these, with a pinned one");
    }
    if (is_json || (figures->parked.calls > 0)) {
        walk_place(emitter, "parked", &figures->parked,
                   "tensors that the program freed, kept in VRAM");
    }
}

/* What only this process knows of each tensor. */
static void walk_tensors(struct csh_emitter *emitter, unsigned model)
{
    if (emitter->form == CSH_STATS_JSON) {
        walk_weights(emitter, model);
    } else {
        show_changed(emitter, model);
    }
}

/* Opens its group, which the caller closes. */
static void walk_model(struct csh_emitter *emitter,
                       const struct csh_model_figures *figures)
{
    bool is_json = emitter->form == CSH_STATS_JSON;
    char text[512];
    const char *label = label_of(figures, text, sizeof(text));

    if (!is_json) {
        csh_emitter_open_row(emitter, label);
        csh_emitter_close_row(emitter, "");
    }
    csh_emitter_open(emitter, '{', NULL, NULL);
    if (is_json) {
        csh_emitter_string(emitter, "model",
                           (figures->name != NULL) ? figures->name : "", "");
        csh_emitter_string(emitter, "label", label, "");
        csh_emitter_number(emitter, "tensors", figures->known.calls,
                           CSH_UNIT_PLAIN, "");
        csh_emitter_number(emitter, "bytes", figures->known.bytes,
                           CSH_UNIT_PLAIN, "");
    }
    walk_direction(emitter, &figures->account, CSH_H2D, "loads");
    walk_direction(emitter, &figures->account, CSH_D2H, "unloads");
    walk_places(emitter, figures);
}

static void walk_own(struct csh_emitter *emitter)
{
    struct csh_model_figures figures;
    unsigned model;

    for (model = 0; csh_registry_model(model, &figures); ++model) {
        walk_model(emitter, &figures);
        walk_tensors(emitter, model);
        csh_emitter_close(emitter, '}');
    }
}

static void walk_shared(struct csh_emitter *emitter,
                        const struct csh_report_shared *shared)
{
    unsigned i;

    for (i = 0; i < shared->n_models; ++i) {
        walk_model(emitter, &shared->models[i]);
        csh_emitter_close(emitter, '}');
    }
}

void csh_report_models(struct csh_emitter *emitter,
                       const struct csh_report_shared *shared)
{
    struct csh_model_figures first;
    bool is_any = (shared != NULL) ? shared->n_models > 0 :
                                     csh_registry_model(0, &first);

    csh_emitter_open(emitter, '[', "models",
                     is_any ? "models\tcopies\tbytes\tshare" : NULL);
    if (shared != NULL) {
        walk_shared(emitter, shared);
    } else {
        walk_own(emitter);
    }
    csh_emitter_close(emitter, ']');
}
