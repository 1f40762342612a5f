/*
 * contexts.c - one entry for each context that copies were seen in.
 *
 * Owns the entries, their provers and the fingerprint key of the process. An
 * entry lives until the program ends its context and the last call that holds
 * it has let go; a handle that comes back afterwards (the driver reuses
 * them) gets a new entry. The lock guards the table and the counts and is
 * never held across a driver call: whoever turns an entry from unprepared to
 * preparing makes its prover, and until that is there the context has none.
 */
#include "engine/contexts.h"

#include <stdatomic.h>
#include <stdlib.h>

#define HASH_NONFATAL_OOM 1 /* uthash would exit(-1) */
#include <uthash.h>

#include "base/lock.h"
#include "base/log.h"
#include "base/options.h"
#include "engine/calls.h"
#include "engine/declared.h"
#include "engine/devices.h"
#include "engine/idle.h"
#include "engine/park.h"
#include "engine/residency.h"
#include "track/watch.h"

enum prepared { UNPREPARED, PREPARING, PREPARED };

struct entry {
    struct csh_context context; /* first: what the callers see */
    unsigned long long id;      /* of the handle when the entry was made */
    bool is_primary;            /* of its device; true in doubt */
    unsigned n_users;           /* under the lock */
    bool is_ended;              /* under the lock; out of the table */
    _Atomic int prepared;
    _Atomic(struct csh_prover *) prover;
    UT_hash_handle hh;
};

static struct csh_lock lock = CSH_LOCK_INIT(CSH_RANK_CONTEXTS);
static struct entry *entries CSH_GUARDED_BY(lock);

static const struct csh_fingerprint_key *key;
static _Atomic int key_state; /* enum prepared */

/* The key is made once; a failure is final and means no proving. */
static const struct csh_fingerprint_key *process_key(void)
{
    int expected = UNPREPARED;

    if (atomic_compare_exchange_strong(&key_state, &expected, PREPARING)) {
        key = csh_fingerprint_key_create();
        if (key == NULL) {
            csh_warn("engine", "no random key from the system: nothing is "
                               "proven, nothing is elided");
        }
        atomic_store(&key_state, PREPARED);
    }
    return atomic_load(&key_state) == PREPARED ? key : NULL;
}

const struct csh_fingerprint_key *csh_context_key(void)
{
    return process_key();
}

/* The driver names a device's primary context only to those who retain it;
 * one that is active stays what it is meanwhile. True in doubt. */
static bool is_primary(CUcontext handle, CUdevice device)
{
    const struct csh_engine_calls *calls = csh_calls();
    CUcontext primary = handle;
    unsigned int flags;
    int is_active = 1;

    if (calls->cuDevicePrimaryCtxGetState(device, &flags, &is_active) ==
            CUDA_SUCCESS &&
        is_active == 0) {
        return false;
    }
    if (calls->cuDevicePrimaryCtxRetain(&primary, device) == CUDA_SUCCESS) {
        calls->cuDevicePrimaryCtxRelease_v2(device);
    }
    return primary == handle;
}

static struct entry *entry_create(CUcontext handle, unsigned long long id)
{
    struct entry *entry = calloc(1, sizeof(*entry));

    if (entry == NULL) {
        return NULL;
    }
    entry->context.handle = handle;
    entry->id = id;
    if (csh_calls()->cuCtxGetDevice(&entry->context.device) !=
        CUDA_SUCCESS) {
        free(entry);
        return NULL;
    }
    entry->context.is_suited = csh_device_is_suited(entry->context.device);
    entry->is_primary = is_primary(handle, entry->context.device);
    return entry;
}

/* The context took its driver objects along; only memory is left. */
static void entry_free(struct entry *entry)
{
    csh_prover_forget(atomic_load(&entry->prover));
    free(entry);
}

static struct entry *find_locked(CUcontext handle) CSH_REQUIRES(lock)
{
    struct entry *entry;

    HASH_FIND_PTR(entries, &handle, entry);
    return entry;
}

/* Adds a new entry, or finds that another thread was first. */
static struct entry *add(struct entry *fresh)
{
    struct entry *entry;

    csh_lock_acquire(&lock);
    entry = find_locked(fresh->context.handle);
    if (entry == NULL) {
        HASH_ADD_PTR(entries, context.handle, fresh);
        entry = find_locked(fresh->context.handle);
    }
    if (entry != NULL) {
        entry->n_users++;
    }
    csh_lock_release(&lock);
    if (entry != fresh) {
        entry_free(fresh);
    }
    return entry;
}

static void release(struct entry *entry)
{
    bool is_last;

    csh_lock_acquire(&lock);
    entry->n_users--;
    is_last = entry->is_ended && entry->n_users == 0;
    csh_lock_release(&lock);
    if (is_last) {
        entry_free(entry);
    }
}

/* All that others remember of a context: records, events, streams. Under the
 * lock, so that it is over before a new context that has the handle now is
 * known to anybody. */
static void forget(CUcontext handle) CSH_REQUIRES(lock)
{
    csh_residency_forget_context(handle);
    csh_declared_forget_context(handle);
    csh_idle_context_ended(handle);
    csh_park_forget_context(handle);
}

static void end(struct entry *entry) CSH_REQUIRES(lock)
{
    HASH_DEL(entries, entry);
    entry->is_ended = true;
    entry->n_users++;
    forget(entry->context.handle);
}

/* A context may end unseen (a private way into the driver) and its handle
 * come back; its number never does (cuda.h, cuCtxGetId). */
static unsigned long long id_of(CUcontext handle)
{
    unsigned long long id = 0;

    if (csh_calls()->cuCtxGetId == NULL ||
        csh_calls()->cuCtxGetId(handle, &id) != CUDA_SUCCESS) {
        id = 0;
    }
    return id;
}

static struct entry *acquire(void)
{
    struct entry *entry, *stale = NULL;
    unsigned long long id;
    CUcontext handle = NULL;

    csh_lock_assert_none();
    if (csh_calls()->cuCtxGetCurrent(&handle) != CUDA_SUCCESS ||
        handle == NULL) {
        return NULL;
    }
    id = id_of(handle);
    csh_lock_acquire(&lock);
    entry = find_locked(handle);
    if (entry != NULL && entry->id != id) {
        stale = entry;
        entry = NULL;
        end(stale);
    }
    if (entry != NULL) {
        entry->n_users++;
    }
    csh_lock_release(&lock);
    if (stale != NULL) {
        release(stale);
    }
    if (entry == NULL) {
        entry = entry_create(handle, id);
        entry = entry != NULL ? add(entry) : NULL;
    }
    return entry;
}

const struct csh_context *csh_context_acquire(void)
{
    struct entry *entry = acquire();

    return entry != NULL ? &entry->context : NULL;
}

void csh_context_release(const struct csh_context *context)
{
    if (context != NULL) {
        release((struct entry *)context);
    }
}

struct csh_prover *csh_context_prover(const struct csh_context *context)
{
    return atomic_load_explicit(&((struct entry *)context)->prover,
                                memory_order_acquire);
}

void csh_context_prepare(void)
{
    struct entry *entry;
    int expected = UNPREPARED;

    /* The other modes prove nothing and make nothing in a context. */
    entry = csh_mode_proves(csh_options()->mode) || csh_park_is_on()
                ? acquire()
                : NULL;
    if (entry == NULL) {
        return;
    }
    if (entry->context.is_suited && process_key() != NULL &&
        atomic_compare_exchange_strong(&entry->prepared, &expected,
                                       PREPARING)) {
        struct csh_prover *prover =
            csh_prover_create(csh_calls_of_prover(), process_key());

        if (prover != NULL && csh_watch_is_on()) {
            csh_prover_enable_batches(prover);
        }
        if (prover == NULL) {
            csh_info("engine", "no prover in context %p: its offloads are "
                               "forwarded", (void *)entry->context.handle);
        }
        atomic_store_explicit(&entry->prover, prover, memory_order_release);
        atomic_store(&entry->prepared, PREPARED);
    }
    release(entry);
}

int csh_context_device(CUcontext handle)
{
    struct entry *entry;
    int device;

    csh_lock_acquire(&lock);
    HASH_FIND_PTR(entries, &handle, entry);
    device = entry != NULL ? entry->context.device : -1;
    csh_lock_release(&lock);
    return device;
}

bool csh_context_is_the_only_one(void)
{
    bool is_only;

    csh_lock_acquire(&lock);
    is_only = HASH_COUNT(entries) == 1;
    csh_lock_release(&lock);
    return is_only;
}

bool csh_context_is_the_only_active_one(const struct csh_context *context)
{
    const struct csh_engine_calls *calls = csh_calls();
    int n_devices, device, is_active;
    unsigned int flags;

    if (!csh_context_is_the_only_one() ||
        calls->cuDeviceGetCount(&n_devices) != CUDA_SUCCESS) {
        return false;
    }
    for (device = 0; device < n_devices; device++) {
        if (device == context->device &&
            ((const struct entry *)context)->is_primary) {
            continue;
        }
        is_active = 1;
        if (calls->cuDevicePrimaryCtxGetState(device, &flags, &is_active) !=
                CUDA_SUCCESS ||
            is_active != 0) {
            return false;
        }
    }
    return true;
}

void csh_context_end(CUcontext handle)
{
    struct entry *entry;

    csh_lock_acquire(&lock);
    entry = find_locked(handle);
    if (entry != NULL) {
        end(entry);
    } else {
        forget(handle);
    }
    csh_lock_release(&lock);
    if (entry != NULL) {
        release(entry);
    }
}

void csh_context_end_primary(CUdevice device)
{
    struct entry *entry, *next;

    for (;;) {
        csh_lock_acquire(&lock);
        entry = entries;
        while (entry != NULL && (entry->context.device != device ||
                                 !entry->is_primary)) {
            next = entry->hh.next;
            entry = next;
        }
        if (entry != NULL) {
            end(entry);
        }
        csh_lock_release(&lock);
        if (entry == NULL) {
            return;
        }
        release(entry);
    }
}
