/*
 * bursts.c - see bursts.h. Owns nothing.
 */
#include "weights/bursts.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/human.h"

void csh_bursts_init(struct csh_bursts *bursts, uint64_t gap_ns)
{
    memset(bursts, 0, sizeof(*bursts));
    bursts->gap_ns = gap_ns;
}

unsigned csh_bursts_add(struct csh_bursts *bursts, uint64_t now_ns,
                        uint64_t bytes)
{
    bool is_new = (bursts->n_bursts == 0) ||
                  ((now_ns > bursts->last_ns) &&
                   (now_ns - bursts->last_ns > bursts->gap_ns));
    struct csh_burst *burst;

    if (is_new && (bursts->n_bursts < CSH_MAX_BURSTS)) {
        ++bursts->n_bursts;
    }
    if (now_ns > bursts->last_ns) {
        bursts->last_ns = now_ns;
    }
    burst = &bursts->bursts[bursts->n_bursts - 1];
    burst->n_tensors += 1;
    burst->n_bytes += bytes;
    return bursts->n_bursts;
}

void csh_bursts_remove(struct csh_bursts *bursts, unsigned number,
                       uint64_t bytes)
{
    struct csh_burst *burst;

    if ((number == 0) || (number > bursts->n_bursts)) {
        return;
    }
    burst = &bursts->bursts[number - 1];
    burst->n_tensors -= (burst->n_tensors > 0);
    burst->n_bytes -= (bytes < burst->n_bytes) ? bytes : burst->n_bytes;
}

const char *csh_bursts_label(const struct csh_bursts *bursts, unsigned number,
                             char text_p[CSH_BURST_LABEL_BYTES])
{
    struct csh_burst burst = {0, 0};
    char count[CSH_HUMAN_BYTES], bytes[CSH_HUMAN_BYTES];

    if ((number > 0) && (number <= bursts->n_bursts)) {
        burst = bursts->bursts[number - 1];
    }
    snprintf(text_p, CSH_BURST_LABEL_BYTES, "model %u (%s tensor%s, %s)",
             number, csh_human_count(burst.n_tensors, count),
             (burst.n_tensors == 1) ? "" : "s",
             csh_human_bytes(burst.n_bytes, bytes));
    return text_p;
}
