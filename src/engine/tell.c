/*
 * tell.c - see tell.h. Owns nothing.
 */
#include "engine/tell.h"

#include <stdio.h>

#include "base/compiler.h"
#include "base/statistics.h"
#include "weights/registry.h"

#define NAME_BYTES 128 /* of the longest name, several times */

struct listener {
    csh_tell_fn *figure;
    void *opaque;
    const char *model;
};

static void tell(const struct listener *listener, const char *name,
                 uint64_t value)
{
    listener->figure(listener->model, name, value, listener->opaque);
}

static void tell_tally(const struct listener *listener, const char *first,
                       const char *second, const char *third,
                       const struct csh_tally *tally)
{
    char name[NAME_BYTES];

    (void)snprintf(name, sizeof(name), "%s_%s%s%s_calls", first, second,
                   third != NULL ? "_" : "", third != NULL ? third : "");
    tell(listener, name, tally->calls);
    (void)snprintf(name, sizeof(name), "%s_%s%s%s_bytes", first, second,
                   third != NULL ? "_" : "", third != NULL ? third : "");
    tell(listener, name, tally->bytes);
}

static void tell_reasons(
    const struct listener *listener, enum csh_direction direction,
    const struct csh_tally reason[CSH_N_OUTCOMES][CSH_N_REASONS])
{
    int outcome, i;

    for (outcome = 0; outcome < CSH_N_OUTCOMES; outcome++) {
        for (i = 0; i < CSH_N_REASONS; i++) {
            if (reason[outcome][i].calls > 0) {
                tell_tally(listener, csh_direction_name(direction),
                           csh_outcome_name((enum csh_outcome)outcome),
                           csh_reason_name((enum csh_reason)i),
                           &reason[outcome][i]);
            }
        }
    }
}

static void tell_process(const struct listener *listener)
{
    struct csh_statistics s;
    int direction, i;

    csh_statistics_snapshot(&s);
    for (direction = 0; direction < CSH_N_DIRECTIONS; direction++) {
        const char *name = csh_direction_name((enum csh_direction)direction);

        tell_tally(listener, name, "asked", NULL, &s.asked[direction]);
        for (i = 0; i < CSH_N_OUTCOMES; i++) {
            tell_tally(listener, name,
                       csh_outcome_name((enum csh_outcome)i), NULL,
                       &s.outcome[direction][i]);
        }
        tell_reasons(listener, (enum csh_direction)direction,
                     s.reason[direction]);
    }
    for (i = 0; i < CSH_N_WEIGHT_RULES; i++) {
        tell_tally(listener, "weights",
                   csh_weight_rule_name((enum csh_weight_rule)i), NULL,
                   &s.weight_rule[i]);
    }
    for (i = 0; i < CSH_N_GAUGES; i++) {
        tell(listener, csh_gauge_name((enum csh_gauge)i), s.gauge[i]);
    }
}

static void tell_model(const struct listener *listener,
                       const struct csh_model_figures *figures)
{
    int direction;

    tell(listener, "tensors", figures->known.calls);
    tell(listener, "bytes", figures->known.bytes);
    tell(listener, "device_tensors", figures->on_device.calls);
    tell(listener, "device_bytes", figures->on_device.bytes);
    for (direction = 0; direction < CSH_N_DIRECTIONS; direction++) {
        tell_reasons(listener, (enum csh_direction)direction,
                     figures->account.reason[direction]);
    }
}

void csh_tell(csh_tell_fn *figure, void *opaque)
{
    struct listener listener = {figure, opaque, NULL};
    struct csh_model_figures figures;
    unsigned i;

    tell_process(&listener);
    for (i = 0; csh_registry_model(i, &figures); i++) {
        listener.model =
            figures.name != NULL ? figures.name : figures.label;
        tell_model(&listener, &figures);
    }
}
