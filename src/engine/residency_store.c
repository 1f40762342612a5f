/*
 * residency_store.c - the store of all shadows, with its slabs and budget, and
 * when it is tidied up.
 *
 * Owns the three of them; made once, before anything else of residency.h is
 * called, and unchanging afterwards but for what they lock themselves.
 */
#include "engine/residency.h"

#include <stdatomic.h>

#include "base/log.h"
#include "base/options.h"
#include "base/platform.h"
#include "engine/calls.h"
#include "engine/devices.h"
#include "engine/gone.h"
#include "engine/uses.h"

/* In one call of the program: some milliseconds of copying. */
#define MOST_MOVED (UINT64_C(16) << 20)

static _Atomic(struct csh_store *) store;
static struct csh_slab_pool *pool; /* set before store, then unchanging */
static struct csh_budget budget;

/* There the driver pins little, how little no query says, and each refusal may
 * leave an error behind that the program meets later. */
static void mind_the_platform(void)
{
    const struct csh_platform_roots roots = {"/proc", "/dev"};

    if (csh_platform_is_wsl2(&roots)) {
        csh_info("engine", "this is WSL2, where little host memory can be "
                           "pinned: shadows are pinned until the driver first "
                           "refuses, later ones serve unpinned, only slower");
        csh_slab_pin_until_refused(pool);
    }
}

bool csh_residency_start(void)
{
    const struct csh_use_calls uses = csh_uses_calls();
    struct csh_store *made;

    csh_residency_start_devices();
    csh_residency_start_hosts();
    budget.limit = csh_options()->ram_limit;
    budget.pinned_limit = csh_options()->pinned_limit;
    budget.roots = (struct csh_system_roots){"/proc", "/sys/fs/cgroup"};
    pool = csh_slab_create(csh_calls_of_pinning(), &budget, NULL);
    if (pool != NULL) {
        mind_the_platform();
    }
    made = pool != NULL ? csh_store_create(pool, &uses) : NULL;
    atomic_store_explicit(&store, made, memory_order_release);
    return made != NULL;
}

struct csh_store *csh_residency_store(void)
{
    return atomic_load_explicit(&store, memory_order_acquire);
}

struct csh_slab_pool *csh_residency_pool(void)
{
    return pool;
}

struct csh_budget *csh_residency_budget(void)
{
    return &budget;
}

void csh_residency_tidy(void)
{
    csh_store_collect(csh_residency_store());
    if (csh_slab_has_waste(pool)) {
        csh_gone_look_longer();
        csh_store_move_off_waste(csh_residency_store(), MOST_MOVED);
    }
    csh_residency_pin();
    csh_slab_trim(pool);
}

void csh_residency_pin(void)
{
    if (csh_devices_may_register()) {
        csh_slab_register_pending(pool);
    }
}
