/*
 * ranking.h - the cells of the statistics in the order that matters to a
 * reader: most bytes first.
 */
#ifndef CSH_REPORT_RANKING_H
#define CSH_REPORT_RANKING_H

#include "base/statistics.h"

#define CSH_MAX_RANKED (CSH_N_OUTCOMES * CSH_N_REASONS)

struct csh_ranked {
    enum csh_outcome outcome;
    enum csh_reason reason;
    struct csh_tally tally;
};

/* The cells that counted a copy, most bytes first, of equal
 * ones that with more calls, then in the tables' order. Returns how many. */
unsigned csh_rank_cells(const struct csh_statistics *statistics,
                        enum csh_direction direction,
                        struct csh_ranked ranked_p[CSH_MAX_RANKED]);
unsigned
csh_rank_tallies(const struct csh_tally tallies[CSH_N_OUTCOMES][CSH_N_REASONS],
                 struct csh_ranked ranked_p[CSH_MAX_RANKED]);

#endif
