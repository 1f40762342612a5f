/*
 * registry_sample.c - where models are now, for who looks often. See
 * registry.h and registry_inside.h.
 */
#include <string.h>

#include "weights/registry_inside.h"

static struct csh_registry *const r = &csh_registry;

static void add(struct csh_model_sample *sample,
                const struct csh_registered *weight)
{
    if (weight->n_refers[CSH_PLACE_DEVICE] > 0) {
        sample->on_device += weight->bytes;
    }
    if (weight->n_refers[CSH_PLACE_PARKED] > 0) {
        sample->parked += weight->bytes;
    }
}

unsigned csh_registry_sample(struct csh_model_sample samples_p[CSH_MAX_MODELS])
{
    const struct csh_registered *weight;
    uint32_t number;
    unsigned n_models;

    csh_lock_acquire(&r->lock);
    n_models = r->n_models;
    memset(samples_p, 0, n_models * sizeof(samples_p[0]));
    for (number = 1; number <= r->n_weights; ++number) {
        weight = csh_registry_find_locked(number);
        if ((weight != NULL) && (weight->number == number) &&
            (weight->model < n_models)) {
            add(&samples_p[weight->model], weight);
        }
    }
    csh_lock_release(&r->lock);
    return n_models;
}

/* With the lock; model may be CSH_NO_MODEL. */
static struct csh_model_tag tag_of(uint32_t model)
{
    struct csh_model_tag tag = {NULL, 0};

    if (model < r->n_models) {
        tag.name = r->models[model].name;
        tag.group = (tag.name == NULL) ? r->models[model].burst : 0;
    }
    return tag;
}

struct csh_model_tag csh_registry_tag(unsigned model)
{
    struct csh_model_tag tag;

    csh_lock_acquire(&r->lock);
    tag = tag_of(model);
    csh_lock_release(&r->lock);
    return tag;
}

struct csh_model_tag csh_registry_tag_of(uint32_t number,
                                         const char **tensor_p)
{
    const struct csh_registered *weight;
    struct csh_model_tag tag = {NULL, 0};

    *tensor_p = NULL;
    csh_lock_acquire(&r->lock);
    weight = csh_registry_find_locked(number);
    if (weight != NULL) {
        tag = tag_of(weight->model);
        *tensor_p = weight->name;
    }
    csh_lock_release(&r->lock);
    return tag;
}
