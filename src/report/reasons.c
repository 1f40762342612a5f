/*
 * reasons.c - the rows that every table of copies is made of. Owns nothing.
 */
#include "report/reasons.h"

#include <stdio.h>

#include "base/human.h"

bool csh_report_is_for_people(const struct csh_emitter *emitter)
{
    return emitter->form == CSH_STATS_TEXT;
}

void csh_report_tally(struct csh_emitter *emitter,
                      const struct csh_tally *tally)
{
    csh_emitter_number(emitter, "calls", tally->calls, CSH_UNIT_COUNT, "");
    csh_emitter_number(emitter, "bytes", tally->bytes, CSH_UNIT_BYTES, "");
}

/* A reader of the JSON divides for himself. */
void csh_report_share(struct csh_emitter *emitter,
                      const struct csh_tally *tally,
                      const struct csh_tally *all)
{
    csh_report_tally(emitter, tally);
    if (csh_report_is_for_people(emitter)) {
        csh_emitter_number(emitter, "share",
                           csh_human_percent(tally->bytes, all->bytes),
                           CSH_UNIT_PERCENT, "");
    }
}

static void walk_reason(struct csh_emitter *emitter,
                        const struct csh_ranked *cell,
                        const struct csh_tally *all)
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
    csh_report_share(emitter, &cell->tally, all);
    snprintf(note, sizeof(note), "%s%s%s%s",
             csh_reason_sentence(cell->reason),
             (variable[0] != '\0') ? " (" : "", variable,
             (variable[0] != '\0') ? ")" : "");
    csh_emitter_close_row(emitter, note);
}

void csh_report_reasons(struct csh_emitter *emitter,
                        const struct csh_ranked *ranked, unsigned n_ranked,
                        const struct csh_tally *all)
{
    unsigned i;

    for (i = 0; i < n_ranked; ++i) {
        walk_reason(emitter, &ranked[i], all);
    }
}
