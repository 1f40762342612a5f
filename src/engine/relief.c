/*
 * relief.c - looks for pressure in the program's own calls.
 *
 * Owns the one struct csh_pressure. There is no thread: unpinning may
 * synchronise the device and must not happen behind the program's back, and a
 * program that makes no call has nobody whom the shim could act for.
 */
#include "engine/relief.h"

#include "base/clock.h"
#include "base/log.h"
#include "engine/calls.h"
#include "engine/contexts.h"
#include "engine/facts.h"
#include "engine/gone.h"
#include "engine/idle.h"
#include "engine/residency.h"
#include "shadow/pressure.h"
#include "track/captures.h"

/* Under lasting pressure there are ten looks a second. */
#define MAX_SAID 32

static struct csh_pressure pressure;

static uint64_t held_bytes(void)
{
    struct csh_slab_usage usage;

    csh_slab_read_usage(csh_residency_pool(), &usage);
    return usage.held_bytes;
}

/* Carries an order out; returns the bytes given back. What is mapped to host
 * memory stays, unless the program has freed that. */
static uint64_t obey(const struct csh_pressure_order *order,
                     bool may_call_driver)
{
    uint64_t given;

    csh_gone_look_longer();
    given = csh_store_give_back(csh_residency_store(), order->bytes,
                                order->is_severe, may_call_driver);
    if (given > 0) {
        csh_log_capped(MAX_SAID, CSH_LOG_INFO, "engine",
                       "memory is wanted elsewhere: %llu MiB of shadows given "
                       "back, %llu MiB are held",
                       (unsigned long long)(given >> 20),
                       (unsigned long long)(held_bytes() >> 20));
    }
    return given;
}

/* Nothing runs that unpinning could wait for. A stream that captures, unseen
 * by us, would lose its capture by being asked whether it is idle. */
static bool may_unpin(const struct csh_context *context,
                      const struct csh_stream *stream)
{
    return context != NULL && csh_context_is_the_only_one() &&
           !csh_facts_is_capturing(stream) &&
           csh_idle_is_everything_idle(context->handle);
}

static uint64_t obey_at_copy(const struct csh_pressure_order *order,
                             const struct csh_stream *stream)
{
    struct csh_own_calls own = csh_own_calls_begin();
    const struct csh_context *context = csh_context_acquire();
    uint64_t given = obey(order, may_unpin(context, stream));

    csh_context_release(context);
    csh_own_calls_end(&own);
    return given;
}

/* No stream: in a call that may synchronise. */
static void relieve(const struct csh_stream *stream, uint64_t now)
{
    bool is_at_sync = stream == NULL;
    uint64_t given = 0;
    struct csh_pressure_order order;

    if (CSH_LIKELY(!csh_pressure_begin(&pressure, now, is_at_sync))) {
        return;
    }
    csh_pressure_look(&pressure, now, held_bytes(), &order);
    if (order.sign != CSH_PRESSURE_NONE) {
        given = is_at_sync ? obey(&order, true)
                           : obey_at_copy(&order, stream);
    }
    csh_pressure_end(&pressure, csh_clock_now_ns(), &order, given,
                     held_bytes());
}

void csh_relief_start(void)
{
    csh_pressure_init(&pressure, csh_residency_budget());
}

void csh_relief_at_copy(const struct csh_stream *stream, uint64_t now_ns)
{
    if (!csh_captures_any_active()) {
        relieve(stream, now_ns);
    }
}

void csh_relief_at_sync(void)
{
    relieve(NULL, csh_clock_now_ns());
}
