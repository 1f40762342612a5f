/*
 * park_watch.c - see park_watch.h.
 *
 * Owns the thread, which has every signal blocked and the capture mode
 * RELAXED for its life, and touches memory of the shim's only. It is in a
 * context only as a visitor (park_memory.h), so it is out of it before that
 * can end. In a child forked afterwards there is none, and the shim is inert.
 */
#include "engine/park_watch.h"

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/options.h"
#include "engine/calls.h"
#include "engine/park_memory.h"
#include "engine/phase.h"
#include "track/captures.h"

#define MOST_PLACES 64u

static sem_t waiting;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static atomic_bool has_thread;

/* In the context; the excess of its device, as far as it is in it. */
static void relieve(CUdevice device, CUcontext context)
{
    struct csh_park_room room;
    struct csh_parked *block;

    while (csh_park_memory_ask(device, &room) &&
           csh_park_excess(&csh_options()->vram_keep, &room) > 0) {
        block = csh_park_table_evict(device, context);
        if (block == NULL ||
            !csh_park_memory_give(block, CSH_GAUGE_park_evicted_pressure)) {
            return;
        }
    }
}

static void look(void)
{
    CUcontext contexts[MOST_PLACES];
    CUdevice devices[MOST_PLACES];
    struct csh_park_visit visit;
    size_t n = csh_park_table_places(devices, contexts, MOST_PLACES), i;

    for (i = 0; i < n && csh_phase_is_active(); i++) {
        if (csh_captures_any_active()) {
            return;
        }
        csh_park_memory_moving(1);
        csh_park_memory_lose_ended(contexts[i]);
        if (csh_park_visit(contexts[i], &visit)) {
            relieve(devices[i], contexts[i]);
            csh_park_leave(&visit);
        }
        csh_park_memory_moving(-1);
    }
}

static void *run(void *unused)
{
    struct csh_own_calls own = csh_own_calls_begin();

    (void)own; /* for life */
    while (!csh_phase_is_over()) {
        if (csh_park_table_n() == 0) {
            (void)sem_wait(&waiting);
            continue;
        }
        csh_clock_nap_ns(CSH_PARK_WATCH_MS * UINT64_C(1000000));
        look();
    }
    return unused;
}

static void make_thread(void)
{
    pthread_attr_t attributes;
    sigset_t all, before;
    pthread_t thread;
    int error;

    (void)sem_init(&waiting, 0, 0);
    (void)sigfillset(&all);
    if (pthread_attr_init(&attributes) != 0 ||
        pthread_sigmask(SIG_SETMASK, &all, &before) != 0) {
        return;
    }
    (void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    (void)pthread_attr_setstacksize(&attributes, (size_t)1 << 20);
    error = pthread_create(&thread, &attributes, run, NULL);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    (void)pthread_attr_destroy(&attributes);
    atomic_store(&has_thread, error == 0);
    if (error != 0) {
        csh_warn("engine", "no thread to watch over parked memory: %s; it is "
                 "given back only when this program needs it",
                 strerror(error));
    }
}

void csh_park_watch_wake(void)
{
    (void)pthread_once(&once, make_thread);
    if (atomic_load(&has_thread)) {
        (void)sem_post(&waiting);
    }
}
