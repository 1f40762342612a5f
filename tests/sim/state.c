/*
 * state.c - the one lock, whether the driver is usable here, threads.
 *
 * Usable means: cuInit has been called in this process, the process is not a
 * child forked after that, and the library has not been torn down. A child
 * forked before cuInit starts afresh. Everything a thread owns (its stack of
 * contexts, its capture mode) is thread-local and needs no lock.
 */
#include "sim.h"
#include "simcuda.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_bool is_initialised;
static atomic_bool is_forked;
static atomic_bool is_torn_down;
static atomic_uint_fast64_t n_ids;
static atomic_uint_fast64_t n_threads;
static uint64_t random_state;
static struct { void **all; size_t n, max, bytes; } handles;

static void child_after_fork(void)
{
    if (atomic_load(&is_initialised)) {
        atomic_store(&is_forked, true);
    }
}

__attribute__((constructor)) static void watch_forks(void)
{
    pthread_atfork(NULL, NULL, child_after_fork);
}

__attribute__((destructor)) static void tear_down(void)
{
    atomic_store(&is_torn_down, true);
}

struct sim_thread *sim_thread(void)
{
    static __thread struct sim_thread thread;

    if (thread.number == 0) {
        thread.number = atomic_fetch_add(&n_threads, 1) + 1;
        thread.capture_mode = CU_STREAM_CAPTURE_MODE_GLOBAL;
    }
    return &thread;
}

/* A thread that is cancelled while it waits in here would end with the lock. */
static __thread int cancellation;

void sim_lock(void)
{
    int before;

    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
    pthread_mutex_lock(&lock);
    cancellation = before;
}

void sim_unlock(void)
{
    int before = cancellation;

    pthread_mutex_unlock(&lock);
    pthread_setcancelstate(before, &before);
}

pthread_mutex_t *sim_mutex(void)
{
    return &lock;
}

static CUresult check_process(void)
{
    if (atomic_load(&is_torn_down)) {
        return CUDA_ERROR_DEINITIALIZED;
    }
    if (atomic_load(&is_forked)) {
        return CUDA_ERROR_NOT_INITIALIZED;
    }
    if (sim_thread()->in_callback) {
        return CUDA_ERROR_NOT_PERMITTED;
    }
    return CUDA_SUCCESS;
}

CUresult cuInit(unsigned int flags)
{
    CUresult result;

    SIM_ENTER(cuInit);
    result = check_process();
    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (flags != 0) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    sim_lock();
    if (!atomic_load(&is_initialised)) {
        random_state = sim_settings()->seed;
        if (!sim_device_init(sim_settings()->memory_bytes,
                             (int)sim_settings()->n_devices)) {
            return sim_end(CUDA_ERROR_OUT_OF_MEMORY);
        }
        atomic_store(&is_initialised, true);
    }
    return sim_end(CUDA_SUCCESS);
}

CUresult sim_begin_driver(void)
{
    CUresult result = check_process();

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (!atomic_load(&is_initialised)) {
        return CUDA_ERROR_NOT_INITIALIZED;
    }
    sim_lock();
    return CUDA_SUCCESS;
}

CUresult sim_begin(CUcontext *context_p)
{
    CUresult result = sim_begin_driver();
    CUcontext context;

    if (result != CUDA_SUCCESS) {
        return result;
    }
    context = sim_context_current();
    if (context == NULL) {
        return sim_end(CUDA_ERROR_INVALID_CONTEXT);
    }
    if (!sim_context_is_alive(context)) {
        return sim_end(CUDA_ERROR_CONTEXT_IS_DESTROYED);
    }
    if (context->root->sticky != CUDA_SUCCESS) {
        return sim_end(context->root->sticky);
    }
    *context_p = context;
    return CUDA_SUCCESS;
}

CUresult sim_begin_unsafe(CUcontext *context_p)
{
    CUresult result = sim_begin(context_p);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    result = sim_capture_check_unsafe();
    return result == CUDA_SUCCESS ? CUDA_SUCCESS : sim_end(result);
}

CUresult sim_end(CUresult result)
{
    sim_unlock();
    return result;
}

void *sim_allocate(size_t bytes)
{
    void *memory = calloc(1, bytes > 0 ? bytes : 1);

    if (memory == NULL) {
        fprintf(stderr, "simcuda: out of host memory\n");
        abort();
    }
    return memory;
}

void *sim_duplicate(const void *bytes, size_t n_bytes)
{
    void *copy = malloc(n_bytes > 0 ? n_bytes : 1);

    if (copy == NULL) {
        fprintf(stderr, "simcuda: out of host memory\n");
        abort();
    }
    memcpy(copy, bytes, n_bytes);
    return copy;
}

void *sim_handle_new(size_t bytes)
{
    void *handle = sim_allocate(bytes);

    if (handles.n == handles.max) {
        handles.max = handles.max == 0 ? 256 : 2 * handles.max;
        handles.all = realloc(handles.all, handles.max * sizeof(void *));
        if (handles.all == NULL) {
            abort();
        }
    }
    handles.all[handles.n++] = handle;
    /* As the heap counts a block: with its head, in steps of 16. */
    handles.bytes += (bytes + 8 + 15) / 16 * 16;
    return handle;
}

size_t simcuda_handle_bytes(void)
{
    size_t bytes;

    sim_lock();
    bytes = handles.bytes + handles.max * sizeof(void *);
    sim_unlock();
    return bytes;
}

void sim_array_grow(void *array_p, size_t n, size_t *max_p,
                    size_t element_bytes)
{
    void **array = array_p;

    if (n < *max_p) {
        return;
    }
    *max_p = *max_p == 0 ? 64 : 2 * *max_p;
    *array = realloc(*array, *max_p * element_bytes);
    if (*array == NULL) {
        abort();
    }
}

uint64_t sim_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t sim_next_id(void)
{
    return atomic_fetch_add(&n_ids, 1) + 1;
}

/* splitmix64 (Steele, Lea, Flood 2014). */
uint64_t sim_random(void)
{
    uint64_t z = (random_state += 0x9e3779b97f4a7c15u);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}
