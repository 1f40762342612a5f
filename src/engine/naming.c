/*
 * naming.c - see naming.h. Owns nothing: what is found out is the registry's.
 */
#include "engine/naming.h"

#include <string.h>

#include "base/clock.h"
#include "base/options.h"
#include "engine/background.h"
#include "engine/declared.h"
#include "engine/residency.h"
#include "engine/source.h"

static const struct csh_weight_rules *rules(void)
{
    return &csh_options()->weights;
}

void csh_naming_start(void)
{
    csh_registry_open(csh_weights_has_manifests(rules())
                          ? csh_catalog_open(rules())
                          : NULL);
    if (csh_weights_has_files(rules()) || csh_registry_catalog() != NULL) {
        csh_source_start();
    }
    csh_background_start();
}

bool csh_naming_may_register(size_t bytes)
{
    const struct csh_weight_facts best = {
        .bytes = bytes,
        .is_in_file = csh_weights_has_files(rules()),
        .is_in_model = csh_weights_has_manifests(rules()),
    };

    return csh_declared_any() ||
           csh_weights_decide(rules(), &best).is_registered;
}

bool csh_naming_may_learn(size_t bytes)
{
    return bytes >= rules()->min_bytes && bytes <= rules()->max_bytes;
}

bool csh_naming_find_declared(const struct csh_copy *copy,
                              struct csh_weight_mark *mark)
{
    struct csh_declaration declaration;

    if (!csh_declared_find(CSH_DECLARED_DEVICE, copy->device, copy->bytes,
                           &declaration) &&
        (copy->direction != CSH_H2D ||
         !csh_declared_find(CSH_DECLARED_HOST, (uintptr_t)copy->host,
                            copy->bytes, &declaration))) {
        return false;
    }
    if (declaration.weight != 0) {
        mark->weight = declaration.weight;
    }
    mark->is_registered = true;
    mark->is_immutable = declaration.is_immutable;
    mark->is_excluded = false;
    mark->is_unsure = false;
    return true;
}

static bool read_source(void *opaque, uint64_t offset, void *to_p, size_t n)
{
    memcpy(to_p, (const unsigned char *)opaque + offset, n);
    return true;
}

static bool read_nothing(void *opaque, uint64_t offset, void *to_p, size_t n)
{
    (void)opaque, (void)offset, (void)to_p, (void)n;
    return false;
}

static struct csh_identity look_at_source(const struct csh_copy *copy,
                                          bool may_read,
                                          struct csh_weight_facts *facts)
{
    const struct csh_bytes bytes = {may_read ? read_source : read_nothing,
                                    copy->host, copy->bytes};
    struct csh_identity identity = {.match = CSH_MATCH_NONE};
    struct csh_source source;
    bool is_mapped = csh_source_find(copy->host, copy->bytes, &source);

    if (csh_registry_catalog() != NULL) {
        identity = csh_weights_identify(csh_registry_catalog(), &bytes,
                                        is_mapped ? &source.place : NULL);
    }
    facts->is_in_model = identity.match != CSH_MATCH_NONE;
    facts->is_in_file =
        is_mapped && csh_weights_file_matches(rules(), source.place.path);
    return identity;
}

static uint32_t weight_of(const struct csh_identity *identity, size_t bytes,
                          uint32_t burst)
{
    switch (identity->match) {
    case CSH_MATCH_EXACT:
        return csh_registry_identified(identity, bytes);
    case CSH_MATCH_SAMPLED:
    case CSH_MATCH_UNDECIDED:
        return csh_registry_unnamed(burst, bytes, true);
    case CSH_MATCH_NONE:
        break;
    }
    return 0;
}

void csh_naming_decide(const struct csh_copy *copy, bool may_read,
                       struct csh_naming *naming)
{
    struct csh_weight_facts facts = {.bytes = copy->bytes};
    struct csh_identity identity = {.match = CSH_MATCH_NONE};
    struct csh_weight_decision decision;

    if (naming->is_decided) {
        return;
    }
    naming->is_decided = true;
    naming->mark.burst = csh_registry_burst(csh_clock_now_ns());
    if (naming->is_declared) {
        naming->is_registered = true;
        csh_statistics_count_weight(CSH_WEIGHT_RULE_declared, copy->bytes);
        return;
    }
    if (csh_naming_may_learn(copy->bytes) &&
        (csh_weights_has_files(rules()) ||
         csh_weights_has_manifests(rules()))) {
        identity = look_at_source(copy, may_read, &facts);
    }
    decision = csh_weights_decide(rules(), &facts);
    csh_statistics_count_weight(decision.rule, copy->bytes);
    naming->is_registered = decision.is_registered;
    naming->mark.is_registered = decision.is_registered;
    naming->mark.is_immutable = decision.is_registered;
    naming->mark.is_excluded = !decision.is_registered && !decision.may_learn;
    naming->mark.weight =
        weight_of(&identity, copy->bytes, (uint32_t)naming->mark.burst);
}

void csh_naming_learned(size_t bytes, struct csh_weight_mark *mark)
{
    struct csh_catalog *catalog = csh_registry_catalog();
    uint32_t first;

    if (mark->burst == 0) {
        mark->burst = csh_registry_burst(csh_clock_now_ns());
    }
    if (mark->weight == 0) {
        mark->weight = csh_registry_unnamed(
            (uint32_t)mark->burst, bytes,
            catalog != NULL &&
                csh_catalog_of_bytes(catalog, bytes, &first) > 0);
    }
}

void csh_naming_published(struct csh_shadow *shadow,
                          struct csh_weight_mark mark)
{
    if ((csh_statistics_are_on() || csh_log_is_on(CSH_LOG_DEBUG)) &&
        csh_registry_begin_settling((uint32_t)mark.weight)) {
        csh_background_confirm(shadow, (uint32_t)mark.weight);
    }
}
