/*
 * trust.c - see trust.h. Owns one flag: the first drop was said.
 */
#include "engine/trust.h"

#include <errno.h>
#include <stdatomic.h>

#include "base/log.h"
#include "base/options.h"
#include "base/statistics.h"
#include "engine/phase.h"
#include "engine/residency.h"

bool csh_trust_is_on(void)
{
    return csh_options()->mode == CSH_MODE_TRUST;
}

void csh_trust_start(void)
{
    const struct csh_weight_rules *rules = &csh_options()->weights;

    if (!csh_trust_is_on()) {
        return;
    }
    csh_info("engine", "mode trust: weights that are registered by a rule or "
                       "the program are not read when they are first "
                       "offloaded after an upload; what was written to them "
                       "is dropped");
    if (rules->registers_all) {
        csh_warn("engine", "mode trust with CUSHADOW_WEIGHTS=all: whatever "
                           "the program uploads is taken for a weight, so "
                           "results that it computes in place are dropped");
    }
}

void csh_trust_note_written(CUdeviceptr device, size_t bytes)
{
    int saved_errno = errno;

    if (csh_phase_is_active()) {
        csh_residency_written(device, bytes);
    }
    errno = saved_errno;
}

void csh_trust_note_dropped(uint32_t weight, size_t bytes)
{
    static atomic_bool is_said;

    csh_statistics_add(CSH_GAUGE_trusted_dropped, 1);
    csh_statistics_add(CSH_GAUGE_trusted_dropped_bytes, (int64_t)bytes);
    if (!atomic_exchange(&is_said, true)) {
        csh_warn("engine", "mode trust: weight %u, %zu bytes, was written in "
                           "VRAM after its upload, and that was dropped by "
                           "its offload; further ones are only counted, as "
                           "trusted_dropped", weight, bytes);
    }
}
