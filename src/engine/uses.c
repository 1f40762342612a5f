/*
 * uses.c - the events behind work that reads shadows.
 *
 * Owns a list of them, which the store keeps by the address of their entry.
 * Its lock (rank RANGES) is never held across a call of the driver; the
 * store's lock is taken under it.
 */
#include "engine/uses.h"

#include <stdlib.h>
#include <utlist.h> /* after base/compiler.h */

#include "base/lock.h"
#include "engine/calls.h"
#include "engine/residency.h"

static struct csh_lock lock = CSH_LOCK_INIT(CSH_RANK_RANGES);

/* What the store keeps as an event. The real one ends with its context, and
 * its handle may then be that of an event of the program's: it must neither
 * be asked about nor destroyed. */
struct use {
    CUevent event;
    CUcontext context;
    bool is_ended;
    struct use *prev, *next;
};

static struct use *uses_noted CSH_GUARDED_BY(lock);

static bool has_ended(const struct use *use)
{
    bool is_ended;

    csh_lock_acquire(&lock);
    is_ended = use->is_ended;
    csh_lock_release(&lock);
    return is_ended;
}

static bool is_current(CUcontext context)
{
    CUcontext current = NULL;

    return csh_calls()->cuCtxGetCurrent(&current) == CUDA_SUCCESS &&
           current == context;
}

/* Another thread may just be ending a context that is not this one's, and the
 * event with it: such work counts as going on until its own context asks. An
 * error of another kind says nothing about the work behind the event. */
static bool use_is_over(CUevent handle, void *opaque)
{
    struct use *use = (struct use *)handle;
    CUresult result;

    (void)opaque;
    if (has_ended(use)) {
        return true;
    }
    if (!is_current(use->context)) {
        return false;
    }
    result = csh_calls()->cuEventQuery(use->event);
    return result == CUDA_SUCCESS ||
           result == CUDA_ERROR_CONTEXT_IS_DESTROYED;
}

static void give_event_back(CUevent handle, void *opaque)
{
    struct use *use = (struct use *)handle;

    (void)opaque;
    if (!has_ended(use)) { /* so use_is_over() found its context current */
        csh_calls()->cuEventDestroy_v2(use->event);
    }
    csh_lock_acquire(&lock);
    DL_DELETE(uses_noted, use);
    csh_lock_release(&lock);
    free(use);
}

struct csh_use_calls csh_uses_calls(void)
{
    return (struct csh_use_calls){use_is_over, give_event_back, NULL};
}

bool csh_uses_note(CUcontext context, struct csh_shadow *shadow,
                   CUevent event)
{
    struct use *use = calloc(1, sizeof(*use));
    bool is_noted;

    if (use == NULL) {
        return false;
    }
    use->event = event;
    use->context = context;
    csh_lock_acquire(&lock);
    DL_APPEND(uses_noted, use);
    is_noted =
        csh_store_note_use(csh_residency_store(), shadow, (CUevent)use);
    if (!is_noted) {
        DL_DELETE(uses_noted, use);
    }
    csh_lock_release(&lock);
    if (!is_noted) {
        free(use);
    }
    return is_noted;
}

void csh_uses_end(CUcontext context)
{
    struct use *use;

    csh_lock_acquire(&lock);
    DL_FOREACH(uses_noted, use) {
        use->is_ended = use->is_ended || use->context == context;
    }
    csh_lock_release(&lock);
}
