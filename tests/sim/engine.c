/*
 * engine.c - how work gets done: the engines, who runs an item, and when.
 *
 * An item waits for its blockers, is then ready, runs on its engine, is done
 * and unblocks its dependents. Every engine of a device runs one item at a
 * time: the compute engine belongs to a kernel until that ends, while copies
 * go on.
 * Items without an engine (events, values) happen under the lock at the
 * moment when nothing is ahead of them any more.
 *
 * Who runs an item: the thread of its engine, or a thread that waits for it
 * ("demanded"), if the engine is free, the item is the one the engine would
 * take next, and it is sure to end. That makes a small synchronous copy a
 * matter of microseconds, and changes no order.
 *
 * Order: by arrival among the ready items of an engine. With SIMCUDA_SEED a
 * random one is taken, and some are held back for a moment even when the
 * engine is idle, so that work which nobody ordered is seen out of order. An
 * item that somebody waits for is not held back.
 *
 * All state is guarded by the one lock. Threads are started when first
 * needed, are detached, and block all signals.
 */
#include "sim.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define HOLD_NS 500000u  /* longest time that a seeded order holds back */
#define POLL_NS 50000u   /* how often a waited-for value is looked at */

struct engine {
    struct sim_item *ready; /* by sequence */
    bool is_busy;
    bool has_thread;
    bool has_condition;
    pthread_cond_t wake;
};

/* Of every device. */
static struct engine engines[SIM_MAX_DEVICES * SIM_N_ENGINES];
enum { N_ENGINES = SIM_MAX_DEVICES * SIM_N_ENGINES };
static pthread_cond_t done = PTHREAD_COND_INITIALIZER;
static unsigned n_waiting;
static struct sim_item *polled; /* WAIT_VALUE items whose turn has come */
static pthread_cond_t poll = PTHREAD_COND_INITIALIZER;
static struct sim_item *instant, **instant_end = &instant;
static bool is_settling;
static bool has_unhurried; /* ready items for which no thread was woken */

static void start_thread(void *(*function)(void *), void *argument)
{
    sigset_t all, old;
    pthread_attr_t attributes;
    pthread_t thread;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    if (pthread_create(&thread, &attributes, function, argument) != 0) {
        abort();
    }
    pthread_attr_destroy(&attributes);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
}

static struct engine *engine_of(const struct sim_item *item)
{
    return &engines[item->context->device * SIM_N_ENGINES +
                    (int)item->engine];
}

static void timed_wait(pthread_cond_t *condition, uint64_t ns)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    ns += (uint64_t)until.tv_nsec;
    until.tv_sec += (time_t)(ns / 1000000000u);
    until.tv_nsec = (long)(ns % 1000000000u);
    pthread_cond_timedwait(condition, sim_mutex(), &until);
}

static bool may_help(const struct sim_item *item)
{
    return item->engine != SIM_ENGINE_NONE &&
           item->engine != SIM_ENGINE_HOST && sim_work_is_finite(&item->work);
}

static bool is_held(const struct sim_item *item, uint64_t now_ns)
{
    return !item->demanded && item->held_until_ns > now_ns;
}

/* The item that the engine would take next; demanded: only if somebody waits
 * for it. *hold_ns_p: when to look again if all are held back. */
static struct sim_item **choose(struct engine *engine, bool demanded,
                                uint64_t *hold_ns_p)
{
    struct sim_item **chosen = NULL, **endless = NULL;
    uint64_t now_ns;
    size_t n = 0;

    *hold_ns_p = 0;
    if (engine->ready == NULL || engine->is_busy) {
        return NULL;
    }
    if (sim_settings()->seed == 0) {
        return demanded && !engine->ready->demanded ? NULL : &engine->ready;
    }
    now_ns = sim_now_ns();
    for (struct sim_item **at = &engine->ready; *at != NULL;
         at = &(*at)->next) {
        if ((demanded && !((*at)->demanded && may_help(*at))) ||
            is_held(*at, now_ns)) {
            *hold_ns_p = HOLD_NS;
        } else if (!sim_work_is_finite(&(*at)->work)) {
            endless = at; /* only when nothing else can run */
        } else if (sim_random() % ++n == 0) {
            chosen = at;
        }
    }
    return chosen != NULL ? chosen : endless;
}

static void *serve(void *argument);

static void wake(struct engine *engine)
{
    if (!engine->has_condition) {
        pthread_cond_init(&engine->wake, NULL);
        engine->has_condition = true;
    }
    if (!engine->has_thread) {
        engine->has_thread = true;
        start_thread(serve, engine);
    }
    pthread_cond_signal(&engine->wake);
}

static void wake_all(void)
{
    for (int i = 0; i < N_ENGINES; i++) {
        if (engines[i].ready != NULL && !engines[i].is_busy) {
            wake(&engines[i]);
        }
    }
    has_unhurried = false;
}

static void enqueue(struct sim_item *item)
{
    struct engine *engine = engine_of(item);
    struct sim_item **at = &engine->ready;

    item->state = SIM_READY;
    if (sim_settings()->seed != 0 && sim_random() % 2 == 0) {
        item->held_until_ns = sim_now_ns() + sim_random() % HOLD_NS;
    }
    while (*at != NULL && (*at)->sequence < item->sequence) {
        at = &(*at)->next;
    }
    item->next = *at;
    *at = item;
}

bool sim_engine_is_free(CUdevice device, enum sim_engine engine)
{
    const struct engine *own = &engines[device * SIM_N_ENGINES + (int)engine];

    return own->ready == NULL && !own->is_busy;
}

static void *poll_values(void *argument);

static void settle(struct sim_item *item);

/* Nothing is ahead of the item any more. */
static void make_ready(struct sim_item *item, bool unhurried)
{
    static bool has_poller;

    if (item->engine != SIM_ENGINE_NONE) {
        enqueue(item);
        item->is_unhurried = unhurried;
        if (unhurried) {
            has_unhurried = true;
        } else if (!engine_of(item)->is_busy) {
            wake(engine_of(item));
        }
    } else if (item->work.op == SIM_OP_WAIT_VALUE &&
               item->context->sticky == CUDA_SUCCESS &&
               !sim_value_holds(&item->work.value)) {
        item->state = SIM_RUNNING;
        item->next = polled;
        polled = item;
        if (!has_poller) {
            has_poller = true;
            start_thread(poll_values, NULL);
        }
        pthread_cond_signal(&poll);
    } else {
        settle(item);
    }
}

static void finish(struct sim_item *item)
{
    item->state = SIM_DONE;
    item->done_ns = sim_now_ns();
    sim_work_dispose(&item->work);
    for (size_t i = 0; i < item->n_dependents; i++) {
        struct sim_item *dependent = item->dependents[i];

        sim_item_unblock(dependent, item);
        if (dependent->n_blockers == 0 && dependent->state == SIM_WAITING) {
            /* Whoever demanded it looks again when it hears of this one. */
            make_ready(dependent, dependent->demanded && n_waiting > 0 &&
                                      may_help(dependent));
        }
    }
    item->n_dependents = 0;
    sim_item_release(item);
}

/* Items that need no engine, one after the other and not one inside the
 * other: a chain of ten thousand events is no deep recursion. */
static void settle(struct sim_item *item)
{
    item->next = NULL;
    *instant_end = item;
    instant_end = &item->next;
    if (is_settling) {
        return;
    }
    is_settling = true;
    while (instant != NULL) {
        item = instant;
        instant = item->next;
        if (instant == NULL) {
            instant_end = &instant;
        }
        if (item->work.op != SIM_OP_MARK &&
            item->context->sticky == CUDA_SUCCESS) {
            item->context->sticky = sim_work_run(&item->work, item->context);
        }
        finish(item);
    }
    is_settling = false;
}

static void *poll_values(void *argument)
{
    (void)argument;
    sim_lock();
    for (;;) {
        struct sim_item **at = &polled;
        bool settled = false;

        while (*at != NULL) {
            struct sim_item *item = *at;

            if (item->context->sticky != CUDA_SUCCESS ||
                sim_value_holds(&item->work.value)) {
                *at = item->next;
                settle(item);
                settled = true;
                at = &polled;
            } else {
                at = &item->next;
            }
        }
        if (settled && n_waiting > 0) {
            pthread_cond_broadcast(&done);
        }
        if (polled != NULL) {
            timed_wait(&poll, POLL_NS);
        } else {
            pthread_cond_wait(&poll, sim_mutex());
        }
    }
    return NULL;
}

/* Lock held; given away while the item runs. */
static void run(struct engine *engine, struct sim_item **chosen)
{
    struct sim_item *item = *chosen;
    CUcontext context = item->context;
    CUresult result;

    *chosen = item->next;
    item->next = NULL;
    item->state = SIM_RUNNING;
    engine->is_busy = true;
    if (context->sticky == CUDA_SUCCESS ||
        item->work.op == SIM_OP_CALLBACK) { /* these hear of the error */
        sim_unlock();
        result = sim_work_run(&item->work, context);
        sim_lock();
        if (result != CUDA_SUCCESS && context->sticky == CUDA_SUCCESS) {
            context->sticky = result;
        }
    }
    engine->is_busy = false;
    finish(item);
    if (engine->ready != NULL && !(engine->ready->demanded && n_waiting > 0 &&
                                   may_help(engine->ready))) {
        wake(engine);
    }
    if (n_waiting > 0) {
        pthread_cond_broadcast(&done);
    }
}

static void *serve(void *argument)
{
    struct engine *engine = argument;
    struct sim_item **chosen;
    uint64_t hold_ns;

    sim_lock();
    for (;;) {
        chosen = choose(engine, false, &hold_ns);
        if (chosen != NULL) {
            run(engine, chosen);
        } else if (hold_ns != 0) {
            timed_wait(&engine->wake, hold_ns);
        } else {
            pthread_cond_wait(&engine->wake, sim_mutex());
        }
    }
    return NULL;
}

/* ------------------------------------------------- submitting, waiting --- */

void sim_item_hurry(void)
{
    if (has_unhurried) {
        wake_all();
    }
}

void sim_item_submit(struct sim_item *item, bool unhurried)
{
    sim_item_reference(item); /* finish() drops it */
    if (item->n_blockers == 0) {
        make_ready(item, unhurried);
    }
    if (!unhurried) {
        sim_item_hurry();
    }
}

static void demand(struct sim_item *item)
{
    struct sim_item *todo = NULL;

    item->demanded = true;
    item->todo = NULL;
    todo = item;
    while (todo != NULL) {
        item = todo;
        todo = item->todo;
        for (size_t i = 0; i < item->n_blockers; i++) {
            struct sim_item *blocker = item->blockers[i];

            if (!blocker->demanded) {
                blocker->demanded = true;
                blocker->todo = todo;
                todo = blocker;
            }
        }
    }
}

/* With a seed, half of the time: any ready item that this thread may run,
 * held back or not, waited for or not. Otherwise what somebody waits for
 * would as good as always be the first to run. */
static bool stray(void)
{
    struct sim_item **chosen = NULL;
    struct engine *engine = NULL;
    size_t n = 0;

    if (sim_settings()->seed == 0 || sim_random() % 2 == 0) {
        return false;
    }
    for (int i = 0; i < N_ENGINES; i++) {
        for (struct sim_item **at = &engines[i].ready;
             *at != NULL && !engines[i].is_busy; at = &(*at)->next) {
            if (may_help(*at) && sim_random() % ++n == 0) {
                chosen = at;
                engine = &engines[i];
            }
        }
    }
    if (chosen == NULL) {
        return false;
    }
    run(engine, chosen);
    return true;
}

/* Runs one demanded item, if there is one that this thread may run. */
static bool help(void)
{
    struct sim_item **chosen;
    uint64_t hold_ns;

    if (stray()) {
        return true;
    }
    for (int i = 0; i < N_ENGINES; i++) {
        chosen = choose(&engines[i], true, &hold_ns);
        if (chosen != NULL && may_help(*chosen)) {
            run(&engines[i], chosen);
            return true;
        }
    }
    return false;
}

void sim_item_catch_up(void)
{
    for (int i = 0; has_unhurried && i < N_ENGINES; i++) {
        struct engine *engine = &engines[i];

        while (engine->ready != NULL && !engine->is_busy &&
               engine->ready->is_unhurried && may_help(engine->ready)) {
            run(engine, &engine->ready);
        }
    }
    sim_item_hurry();
}

void sim_item_wait(struct sim_item *item)
{
    if (sim_item_is_done(item)) {
        return;
    }
    demand(item);
    while (item->state != SIM_DONE) {
        if (help()) {
            continue;
        }
        if (has_unhurried || sim_settings()->seed != 0) {
            wake_all();
        }
        n_waiting++;
        pthread_cond_wait(&done, sim_mutex());
        n_waiting--;
    }
}
