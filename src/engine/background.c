/*
 * background.c - one thread and its queue.
 *
 * Owns the queue, a ring under a lock of its own of rank LEAF, which is held
 * for a copy of a job and nothing else, and a bell that the thread sleeps on.
 * The thread has every signal blocked from its first instruction. In a child
 * forked afterwards there is none, and the shim is inert.
 *
 * At the end of the process what still waits is done by whoever reports, as
 * far as a bound of bytes allows; what is left then has no name.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* syscall */
#endif
#include "engine/background.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/options.h"
#include "engine/contexts.h"
#include "engine/fresh.h"
#include "engine/residency.h"
#include "engine/sharing.h"
#include "engine/trace_points.h"
#include "verify/fingerprint.h"

#define MOST_JOBS 1024u
#define MOST_BYTES_AT_END (UINT64_C(256) << 20)
#define MOST_NAPS_AT_END 1000
#define NAP_NS UINT64_C(1000000)

struct job {
    bool is_capture;
    struct csh_captured captured; /* of a weight to name: shadow, mark */
};

static struct csh_lock lock = CSH_LOCK_INIT(CSH_RANK_LEAF);
static struct job jobs[MOST_JOBS] CSH_GUARDED_BY(lock);
static unsigned n_taken CSH_GUARDED_BY(lock), n_put CSH_GUARDED_BY(lock);
static bool is_tried CSH_GUARDED_BY(lock); /* to make the thread */

static atomic_bool has_thread, is_ending;
static atomic_uint n_running;
static _Atomic uint32_t bell; /* rung (counted up) when there is news */

void csh_background_wake(void)
{
    atomic_fetch_add(&bell, 1);
    syscall(SYS_futex, &bell, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

/* The bare call: sem_timedwait() follows a clock that may be set. */
static void wait_for_bell(uint32_t heard, uint64_t ns)
{
    const struct timespec span = {(time_t)(ns / UINT64_C(1000000000)),
                                  (long)(ns % UINT64_C(1000000000))};

    syscall(SYS_futex, &bell, FUTEX_WAIT_PRIVATE, heard,
            (ns == UINT64_MAX) ? NULL : &span, NULL, 0);
}

static bool read_shadow(void *opaque, uint64_t offset, void *to_p, size_t n)
{
    memcpy(to_p, csh_shadow_address(opaque) + offset, n);
    return true;
}

static void confirm(struct csh_shadow *shadow, uint32_t weight)
{
    const struct csh_bytes bytes = {read_shadow, shadow,
                                    csh_shadow_bytes(shadow)};
    struct csh_identity identity = {.match = CSH_MATCH_UNDECIDED};

    (void)csh_weights_confirm(csh_registry_catalog(), &bytes, &identity);
    csh_registry_settle(weight, &identity);
}

static void leave_unnamed(uint32_t weight)
{
    const struct csh_identity none = {.match = CSH_MATCH_NONE};

    csh_registry_settle(weight, &none);
}

/* Returns the shadow that has the bytes now, the caller its user. */
static struct csh_shadow *publish(const struct csh_captured *captured)
{
    struct csh_fingerprint fingerprint;
    struct csh_shadow *shadow;
    uint64_t cpu_ns = csh_clock_thread_ns();
    uint64_t begun_ns = csh_trace_now_ns();

    csh_fingerprint_compute(csh_context_key(),
                            csh_shadow_address(captured->shadow),
                            captured->bytes, &fingerprint);
    csh_trace_own_work(CSH_TRACE_fingerprint, captured->context,
                       captured->bytes, captured->mark, begun_ns);
    csh_statistics_add(CSH_GAUGE_captured_cpu_ns,
                       (int64_t)(csh_clock_thread_ns() - cpu_ns));
    shadow = csh_fresh_publish(captured->shadow, &fingerprint);
    csh_statistics_add(CSH_GAUGE_captured_ready_ns,
                       (int64_t)(csh_clock_now_ns() - captured->begun_ns));
    csh_residency_adopt(captured->context, captured->device, captured->bytes,
                        shadow, captured->mark);
    csh_residency_captured(captured->host, captured->bytes, shadow,
                           captured->mark);
    return shadow;
}

static void work_on(const struct job *job)
{
    uint32_t weight = (uint32_t)job->captured.mark.weight;
    struct csh_shadow *shadow = job->captured.shadow;

    if (job->is_capture) {
        shadow = publish(&job->captured);
    }
    if (!job->is_capture || csh_registry_begin_settling(weight)) {
        confirm(shadow, weight);
    }
    csh_store_release(csh_residency_store(), shadow);
}

static bool take(struct job *job_p)
{
    bool is_taken;

    csh_lock_acquire(&lock);
    is_taken = n_taken != n_put;
    if (is_taken) {
        *job_p = jobs[n_taken++ % MOST_JOBS];
        atomic_fetch_add(&n_running, 1);
    }
    csh_lock_release(&lock);
    return is_taken;
}

static bool put(const struct job *job)
{
    bool is_put;

    csh_lock_acquire(&lock);
    is_put = n_put - n_taken < MOST_JOBS;
    if (is_put) {
        jobs[n_put++ % MOST_JOBS] = *job;
    }
    csh_lock_release(&lock);
    if (is_put) {
        csh_background_wake();
    }
    return is_put;
}

static void *run(void *unused)
{
    uint32_t heard;
    uint64_t ns;
    struct job job;

    for (;;) {
        heard = atomic_load(&bell);
        ns = csh_sharing_serve();
        if (!atomic_load(&is_ending) && take(&job)) {
            work_on(&job);
            atomic_fetch_sub(&n_running, 1);
        } else if (ns > 0) {
            wait_for_bell(heard, ns);
        }
    }
    return unused;
}

static void make_thread(void)
{
    pthread_attr_t attributes;
    sigset_t all, before;
    pthread_t thread;
    int error;

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
        csh_info("engine", "no thread to work in the background: %s",
                 strerror(error));
    }
}

/* What is left when the process reports. */
static void finish(void)
{
    uint64_t n_bytes = 0;
    struct job job;
    int naps = MOST_NAPS_AT_END;

    atomic_store(&is_ending, true);
    while (take(&job)) {
        n_bytes += csh_shadow_bytes(job.captured.shadow);
        if (n_bytes <= MOST_BYTES_AT_END) {
            work_on(&job);
        } else {
            leave_unnamed((uint32_t)job.captured.mark.weight);
        }
        atomic_fetch_sub(&n_running, 1);
    }
    while (atomic_load(&n_running) > 0 && naps-- > 0) {
        csh_clock_nap_ns(NAP_NS);
    }
    atomic_store(&is_ending, false);
    csh_background_wake();
}

static void look(void)
{
    finish();
    csh_residency_look();
}

void csh_background_start(void)
{
    csh_registry_on_look(look);
}

bool csh_background_can_publish(void)
{
    bool is_first;

    if (csh_options()->threads == 1) {
        return false;
    }
    csh_lock_acquire(&lock);
    is_first = !is_tried;
    is_tried = true;
    csh_lock_release(&lock);
    if (is_first) {
        make_thread();
    }
    return atomic_load(&has_thread);
}

void csh_background_confirm(struct csh_shadow *shadow, uint32_t weight)
{
    struct job job = {.captured = {.mark = {.weight = weight}}};

    if (!csh_background_can_publish()) {
        confirm(shadow, weight);
        return;
    }
    job.captured.shadow =
        csh_store_acquire(csh_residency_store(), csh_shadow_ref(shadow));
    if (job.captured.shadow == NULL || !put(&job)) {
        leave_unnamed(weight);
        if (job.captured.shadow != NULL) {
            csh_store_release(csh_residency_store(), shadow);
        }
    }
}

bool csh_background_publish(const struct csh_captured *captured)
{
    const struct job job = {.is_capture = true, .captured = *captured};

    return put(&job);
}
