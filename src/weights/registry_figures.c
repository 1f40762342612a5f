/*
 * registry_figures.c - what became of the copies, by model. See registry.h
 * and registry_inside.h.
 */
#include <string.h>

#include "weights/registry_inside.h"

/* Some ten microseconds. */
#define WEIGHTS_AT_ONCE 1024u

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

static void add_weight(const struct csh_registered *weight,
                       struct csh_model_figures *figures)
{
    if (figures->name != NULL) {
        add(&figures->known, weight);
    }
    if (weight->n_refers[CSH_PLACE_DEVICE] > 0) {
        add(&figures->on_device, weight);
    }
    if (weight->n_refers[CSH_PLACE_PARKED] > 0) {
        add(&figures->parked, weight);
    }
    if ((r->n_looked > 0) && (weight->seen_in >= r->n_looked)) {
        add(&figures->in_shadows, weight);
        if (weight->pinned_in >= r->n_looked) {
            add(&figures->pinned, weight);
        }
    }
}

/* Weights from this number on, as many as one holding of the lock is worth, to
 * their models, of which the first is number `first`. */
static uint32_t add_some(uint32_t number, unsigned first,
                         struct csh_model_figures *figures, unsigned n_models)
{
    const struct csh_registered *weight;
    uint32_t end = number + WEIGHTS_AT_ONCE;

    for (; (number <= r->n_weights) && (number < end); ++number) {
        weight = csh_registry_find_locked(number);
        if ((weight != NULL) && (weight->number == number) &&
            (weight->model >= first) &&
            (weight->model - first < n_models)) {
            add_weight(weight, &figures[weight->model - first]);
        }
    }
    return (number <= r->n_weights) ? number : 0;
}

/* All but what the weights add. */
static void begin_figures(unsigned i, struct csh_model_figures *figures_p)
{
    const struct csh_burst *burst;

    memset(figures_p, 0, sizeof(*figures_p));
    figures_p->name = r->models[i].name;
    figures_p->account = *r->models[i].account;
    if (figures_p->name == NULL) {
        burst = &r->bursts.bursts[r->models[i].burst - 1];
        csh_bursts_label(&r->bursts, r->models[i].burst, figures_p->label);
        figures_p->known = (struct csh_tally){burst->most_tensors,
                                              burst->most_bytes};
    }
}

/* Models from number `first` on, as many as there is room for. */
static unsigned look_up(unsigned first, struct csh_model_figures *figures,
                        unsigned capacity)
{
    uint32_t number = 1;
    unsigned n;

    csh_lock_acquire(&r->lock);
    for (n = 0; (n < capacity) && (first + n < r->n_models); ++n) {
        begin_figures(first + n, &figures[n]);
    }
    while ((n > 0) && (number > 0)) {
        number = add_some(number, first, figures, n);
        csh_lock_release(&r->lock);
        csh_lock_acquire(&r->lock);
    }
    csh_lock_release(&r->lock);
    return n;
}

bool csh_registry_model(unsigned i, struct csh_model_figures *figures_p)
{
    return look_up(i, figures_p, 1) == 1;
}

unsigned csh_registry_models(struct csh_model_figures *figures,
                             unsigned capacity)
{
    return look_up(0, figures, capacity);
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

void csh_registry_look_by(void (*look)(void))
{
    uint64_t number;

    csh_lock_acquire(&r->lock);
    number = ++r->n_looks;
    csh_lock_release(&r->lock);
    if (look != NULL) {
        look();
    }
    csh_lock_acquire(&r->lock);
    if (number > r->n_looked) {
        r->n_looked = number;
    }
    csh_lock_release(&r->lock);
}

void csh_registry_look(void)
{
    void (*look)(void);

    csh_lock_acquire(&r->lock);
    look = r->look;
    csh_lock_release(&r->lock);
    csh_registry_look_by(look);
}

/* In a look that began later, as well: this is of now. */
void csh_registry_has_shadow(uint32_t number, bool is_pinned)
{
    struct csh_registered *weight;

    csh_lock_acquire(&r->lock);
    weight = csh_registry_find_locked(number);
    if (weight != NULL) {
        weight->seen_in = r->n_looks;
        if (is_pinned) {
            weight->pinned_in = r->n_looks;
        }
    }
    csh_lock_release(&r->lock);
}
