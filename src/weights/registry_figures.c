/*
 * registry_figures.c - what became of the copies, by model. See registry.h
 * and registry_inside.h.
 */
#include <string.h>

#include "weights/registry_inside.h"

static struct csh_registry *const r = &csh_registry;

static void count_times(struct csh_registered_model *model,
                        enum csh_direction direction)
{
    if (!model->has_direction || (model->direction != direction)) {
        model->has_direction = true;
        model->direction = direction;
        ++model->account->times[direction];
    }
}

void csh_registry_count(struct csh_weight_mark mark,
                        enum csh_direction direction,
                        enum csh_outcome outcome, enum csh_reason reason,
                        uint64_t bytes, uint64_t ns)
{
    struct csh_model_account *account = NULL;
    struct csh_registered *weight;

    csh_lock_acquire(&r->lock);
    weight = csh_registry_find_locked((uint32_t)mark.weight);
    if (weight != NULL) {
        account = weight->pending;
        weight->n_copies[direction] += !mark.is_unsure;
        weight->n_changed += (direction == CSH_D2H) &&
                             (reason == CSH_REASON_dirty);
        if ((account == NULL) && (weight->model != CSH_NO_MODEL)) {
            account = r->models[weight->model].account;
            count_times(&r->models[weight->model], direction);
        }
    }
    if (account != NULL) {
        ++account->reason[direction][outcome][reason].calls;
        account->reason[direction][outcome][reason].bytes += bytes;
        account->ns[direction] += ns;
    }
    csh_lock_release(&r->lock);
}

static void add(struct csh_tally *tally,
                const struct csh_registered *weight)
{
    tally->calls += weight->n_tensors;
    tally->bytes += weight->bytes;
}

static void add_weights(uint32_t model, struct csh_model_figures *figures)
{
    const struct csh_registered *weight;
    uint32_t number;

    for (number = 1; number <= r->n_weights; ++number) {
        weight = csh_registry_find_locked(number);
        if ((weight == NULL) || (weight->number != number) ||
            (weight->model != model)) {
            continue;
        }
        add(&figures->known, weight);
        if (weight->n_refers[CSH_PLACE_DEVICE] > 0) {
            add(&figures->on_device, weight);
        }
        if (weight->has_shadow) {
            add(&figures->in_shadows, weight);
        }
    }
}

bool csh_registry_model(unsigned i, struct csh_model_figures *figures_p)
{
    bool is_there;

    csh_lock_acquire(&r->lock);
    is_there = i < r->n_models;
    if (is_there) {
        memset(figures_p, 0, sizeof(*figures_p));
        figures_p->name = r->models[i].name;
        figures_p->account = *r->models[i].account;
        add_weights(i, figures_p);
        if (figures_p->name == NULL) {
            csh_bursts_label(&r->bursts, r->models[i].burst,
                             figures_p->label);
            figures_p->known.calls =
                r->bursts.bursts[r->models[i].burst - 1].most_tensors;
            figures_p->known.bytes =
                r->bursts.bursts[r->models[i].burst - 1].most_bytes;
        }
    }
    csh_lock_release(&r->lock);
    return is_there;
}

bool csh_registry_weight(unsigned model, uint32_t *cursor_p,
                         struct csh_weight_figures *figures_p)
{
    const struct csh_registered *weight;
    uint32_t number;
    bool is_found = false;

    csh_lock_acquire(&r->lock);
    for (number = *cursor_p + 1; !is_found && (number <= r->n_weights);
         ++number) {
        weight = csh_registry_find_locked(number);
        if ((weight != NULL) && (weight->number == number) &&
            (weight->model == model) && (weight->name != NULL)) {
            *figures_p = (struct csh_weight_figures){
                .tensor = weight->name,
                .bytes = weight->bytes,
                .is_piece = weight->is_piece,
                .n_copies = {weight->n_copies[0], weight->n_copies[1]},
                .n_changed = weight->n_changed,
            };
            *cursor_p = number;
            is_found = true;
        }
    }
    csh_lock_release(&r->lock);
    return is_found;
}

bool csh_registry_names(uint32_t number, const char **model_p,
                        const char **tensor_p)
{
    const struct csh_registered *weight;
    bool is_named;

    csh_lock_acquire(&r->lock);
    weight = csh_registry_find_locked(number);
    is_named = (weight != NULL) && (weight->model < r->n_models) &&
               (r->models[weight->model].name != NULL);
    if (is_named) {
        *model_p = r->models[weight->model].name;
        *tensor_p = weight->name;
    }
    csh_lock_release(&r->lock);
    return is_named;
}

void csh_registry_on_look(void (*look)(void))
{
    csh_lock_acquire(&r->lock);
    r->look = look;
    csh_lock_release(&r->lock);
}

void csh_registry_look(void)
{
    struct csh_registered *weight;
    void (*look)(void);
    uint32_t number;

    csh_lock_acquire(&r->lock);
    look = r->look;
    for (number = 1; number <= r->n_weights; ++number) {
        weight = csh_registry_find_locked(number);
        if (weight != NULL) {
            weight->has_shadow = false;
        }
    }
    csh_lock_release(&r->lock);
    if (look != NULL) {
        look();
    }
}

void csh_registry_has_shadow(uint32_t number)
{
    struct csh_registered *weight;

    csh_lock_acquire(&r->lock);
    weight = csh_registry_find_locked(number);
    if (weight != NULL) {
        weight->has_shadow = true;
    }
    csh_lock_release(&r->lock);
}
