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

uint32_t csh_bursts_note(struct csh_bursts *bursts, uint64_t now_ns)
{
    bool is_new = (bursts->sequence == 0) ||
                  ((now_ns > bursts->last_ns) &&
                   (now_ns - bursts->last_ns > bursts->gap_ns));

    if (is_new && (bursts->sequence < CSH_BURST_LIMIT - 1)) {
        ++bursts->sequence;
    }
    if (now_ns > bursts->last_ns) {
        bursts->last_ns = now_ns;
    }
    return bursts->sequence;
}

/* The number of the group of that burst, a new one if need be. */
static unsigned group_of(struct csh_bursts *bursts, uint32_t sequence)
{
    unsigned number;

    for (number = bursts->n_bursts; number > 0; --number) {
        if (bursts->bursts[number - 1].sequence == sequence) {
            return number;
        }
    }
    if (bursts->n_bursts < CSH_MAX_BURSTS) {
        bursts->bursts[bursts->n_bursts++].sequence = sequence;
    }
    return bursts->n_bursts;
}

unsigned csh_bursts_add(struct csh_bursts *bursts, uint32_t sequence,
                        uint64_t bytes)
{
    unsigned number = group_of(bursts, sequence);
    struct csh_burst *burst = &bursts->bursts[number - 1];

    burst->n_tensors += 1;
    burst->n_bytes += bytes;
    if (burst->n_tensors > burst->most_tensors) {
        burst->most_tensors = burst->n_tensors;
    }
    if (burst->n_bytes > burst->most_bytes) {
        burst->most_bytes = burst->n_bytes;
    }
    return number;
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
    struct csh_burst burst = {.sequence = 0};
    char count[CSH_HUMAN_BYTES], bytes[CSH_HUMAN_BYTES];

    if ((number > 0) && (number <= bursts->n_bursts)) {
        burst = bursts->bursts[number - 1];
    }
    snprintf(text_p, CSH_BURST_LABEL_BYTES, "model %u (%s tensor%s, %s)",
             number, csh_human_count(burst.most_tensors, count),
             (burst.most_tensors == 1) ? "" : "s",
             csh_human_bytes(burst.most_bytes, bytes));
    return text_p;
}
