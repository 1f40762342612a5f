/*
 * ranking.c - an insertion sort, since no allocation is wanted (qsort of
 * some libraries makes one) and there are few cells. Owns nothing; any thread.
 */
#include "report/ranking.h"

#include <stdbool.h>

static bool tally_is_less(const struct csh_tally *a, const struct csh_tally *b)
{
    return (a->bytes != b->bytes) ? (a->bytes < b->bytes) :
                                    (a->calls < b->calls);
}

static void rank_insert(struct csh_ranked *ranked, unsigned n_ranked,
                        const struct csh_ranked *cell)
{
    unsigned i = n_ranked;

    while ((i > 0) && tally_is_less(&ranked[i - 1].tally, &cell->tally)) {
        ranked[i] = ranked[i - 1];
        --i;
    }
    ranked[i] = *cell;
}

unsigned
csh_rank_tallies(const struct csh_tally tallies[CSH_N_OUTCOMES][CSH_N_REASONS],
                 struct csh_ranked ranked_p[CSH_MAX_RANKED])
{
    struct csh_ranked cell;
    unsigned n_ranked = 0;
    int outcome, reason;

    for (outcome = 0; outcome < CSH_N_OUTCOMES; ++outcome) {
        for (reason = 0; reason < CSH_N_REASONS; ++reason) {
            cell.outcome = (enum csh_outcome)outcome;
            cell.reason = (enum csh_reason)reason;
            cell.tally = tallies[outcome][reason];
            if (cell.tally.calls > 0) {
                rank_insert(ranked_p, n_ranked++, &cell);
            }
        }
    }
    return n_ranked;
}

unsigned csh_rank_cells(const struct csh_statistics *statistics,
                        enum csh_direction direction,
                        struct csh_ranked ranked_p[CSH_MAX_RANKED])
{
    return csh_rank_tallies(statistics->reason[direction], ranked_p);
}
