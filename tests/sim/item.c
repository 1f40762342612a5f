/*
 * item.c - items: pieces of work, and which of them wait for which.
 *
 * An item keeps the list of its blockers that are not done, and of those that
 * wait for it. It is freed when nobody refers to it; engine.c has a reference
 * from its submission until it is done. The lock is held in all functions.
 */
#include "sim.h"

#include <stdlib.h>

static uint64_t n_items;

struct sim_item *sim_item_new(CUcontext context, const struct sim_work *work)
{
    struct sim_item *item = sim_allocate(sizeof(*item));

    item->work = *work;
    item->context = context->root; /* whose errors and whose device */
    item->engine = sim_work_engine(work);
    item->references = 1;
    item->sequence = ++n_items;
    item->state = SIM_WAITING;
    return item;
}

struct sim_item *sim_item_reference(struct sim_item *item)
{
    item->references++;
    return item;
}

void sim_item_release(struct sim_item *item)
{
    if (item == NULL || --item->references > 0) {
        return;
    }
    free(item->blockers);
    free(item->dependents);
    free(item);
}

bool sim_item_is_done(const struct sim_item *item)
{
    return item == NULL || item->state == SIM_DONE;
}

static void append(struct sim_item ***array_p, size_t *n_p, size_t *max_p,
                   struct sim_item *item)
{
    if (*n_p == *max_p) {
        *max_p = *max_p == 0 ? 4 : 2 * *max_p;
        *array_p = realloc(*array_p, *max_p * sizeof(**array_p));
        if (*array_p == NULL) {
            abort();
        }
    }
    (*array_p)[(*n_p)++] = item;
}

void sim_item_after(struct sim_item *item, struct sim_item *blocker)
{
    if (sim_item_is_done(blocker) || blocker == item) {
        return;
    }
    append(&item->blockers, &item->n_blockers, &item->max_blockers, blocker);
    append(&blocker->dependents, &blocker->n_dependents,
           &blocker->max_dependents, item);
}

void sim_item_unblock(struct sim_item *item, const struct sim_item *blocker)
{
    for (size_t i = 0; i < item->n_blockers; i++) {
        if (item->blockers[i] == blocker) {
            item->blockers[i] = item->blockers[--item->n_blockers];
            return;
        }
    }
}
