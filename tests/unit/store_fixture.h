/*
 * store_fixture.h - a store over real slabs; events are numbers, and a table
 * says which are over. For test_store*.c.
 */
#ifndef CSH_TESTS_STORE_FIXTURE_H
#define CSH_TESTS_STORE_FIXTURE_H

#include "shadow/store.h"

#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/lock.h"
#include "base/log.h"

#define MIB ((size_t)1 << 20)

static struct csh_budget budget;
static struct csh_slab_pool *pool;
static struct csh_store *store;

/* --- pins and events --------------------------------------------------- */

static CUresult CUDAAPI fake_register(void *address, size_t bytes,
                                      unsigned flags)
{
    (void)address;
    (void)bytes;
    (void)flags;
    return CUDA_SUCCESS;
}

static CUresult CUDAAPI fake_unregister(void *address)
{
    (void)address;
    return CUDA_SUCCESS;
}

static const struct csh_pin_calls pin_calls = {fake_register,
                                               fake_unregister};

enum { EVENTS = 64 };
static atomic_int is_over_now[EVENTS], n_asked[EVENTS], n_given_back[EVENTS];

static CUevent event(uintptr_t i)
{
    return (CUevent)(0x100 + i);
}

static bool is_over(CUevent which, void *opaque)
{
    uintptr_t i = (uintptr_t)which - 0x100;

    ck_assert_ptr_eq(opaque, &budget);
    ck_assert_uint_lt(i, EVENTS);
    csh_lock_assert_none();
    ck_assert_int_eq(n_given_back[i], 0);
    n_asked[i]++;
    return is_over_now[i];
}

static void give_back(CUevent which, void *opaque)
{
    ck_assert_ptr_eq(opaque, &budget);
    csh_lock_assert_none();
    n_given_back[(uintptr_t)which - 0x100]++;
}

/* --- the store --------------------------------------------------------- */

static void start(void)
{
    const struct csh_use_calls uses = {is_over, give_back, &budget};

    csh_log_threshold   = CSH_LOG_OFF;
    budget.limit.unit   = CSH_SIZE_BYTES;
    budget.limit.value  = 4 * MIB;
    budget.pinned_limit = (struct csh_size_or_share){CSH_SIZE_BYTES,
                                                     UINT64_MAX};
    budget.roots.proc   = "/nowhere";
    budget.roots.cgroup = "/nowhere";
    pool  = csh_slab_create(&pin_calls, &budget, NULL);
    store = csh_store_create(pool, &uses);
    ck_assert_ptr_nonnull(store);
}

static uint64_t gauge(enum csh_gauge which)
{
    struct csh_statistics statistics;

    csh_statistics_snapshot(&statistics);
    return statistics.gauge[which];
}

static void stop(void)
{
    ck_assert(csh_store_check(store));
    ck_assert(csh_slab_check(pool));
    csh_store_destroy(store);
    ck_assert_uint_eq(gauge(CSH_GAUGE_shadow_bytes), 0);
    ck_assert(csh_slab_check(pool));
    ck_assert_uint_gt(csh_slab_trim(pool), 0); /* nothing is in use */
    csh_slab_destroy(pool);
}

static struct csh_shadow *allocate(size_t bytes)
{
    struct csh_shadow *shadow = NULL;
    enum csh_reason reason;

    ck_assert(csh_store_allocate(store, bytes, &shadow, &reason));
    ck_assert(csh_store_check(store));
    ck_assert_uint_eq(csh_shadow_bytes(shadow), bytes);
    return shadow;
}

static enum csh_reason refused(size_t bytes)
{
    struct csh_shadow *shadow = NULL;
    enum csh_reason reason    = CSH_N_REASONS;

    ck_assert(!csh_store_allocate(store, bytes, &shadow, &reason));
    ck_assert_ptr_null(shadow);
    ck_assert(csh_store_check(store));
    return reason;
}

/* The one of the shadows that holds these bytes afterwards. */
static struct csh_shadow *publish_any(struct csh_shadow *shadow,
                                      unsigned char mark)
{
    const struct csh_shadow_proof proof = {{mark, ~UINT64_C(0)}};

    memset(csh_shadow_address(shadow), mark, csh_shadow_bytes(shadow));
    return csh_store_publish(store, shadow, &proof);
}

static void publish(struct csh_shadow *shadow, unsigned char mark)
{
    ck_assert_ptr_eq(publish_any(shadow, mark), shadow);
}

/* A published shadow with a host reference and no user. */
static struct csh_shadow_ref make(size_t bytes, unsigned char mark)
{
    struct csh_shadow *shadow = allocate(bytes);
    struct csh_shadow_ref ref = csh_shadow_ref(shadow);

    publish(shadow, mark);
    ck_assert(csh_store_reference_host(store, ref));
    csh_store_release(store, shadow);
    return ref;
}

static bool is_there(struct csh_shadow_ref ref, unsigned char mark)
{
    struct csh_shadow *shadow = csh_store_acquire(store, ref);

    if (shadow == NULL) {
        return false;
    }
    ck_assert_uint_eq(csh_shadow_address(shadow)[0], mark);
    ck_assert_uint_eq(csh_shadow_address(shadow)
                              [csh_shadow_bytes(shadow) - 1], mark);
    ck_assert_uint_eq(csh_shadow_proof(shadow).lane[0], mark);
    ck_assert_uint_eq(csh_shadow_proof(shadow).lane[1], ~UINT64_C(0));
    csh_store_release(store, shadow);
    return true;
}

#endif
