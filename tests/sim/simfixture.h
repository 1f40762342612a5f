/*
 * simfixture.h - what the tests of the simulated driver share: a context,
 * three streams, a gate that a kernel waits at, allocations that end with the
 * test.
 *
 * Included once by each test program, which is linked with the simulated
 * libcuda. Streams: a is blocking, b is not (CU_STREAM_NON_BLOCKING), c is
 * blocking.
 */
#ifndef SIM_FIXTURE_H
#define SIM_FIXTURE_H

#include "entry.h" /* before check.h: cuda.h's macros off, prototypes */

#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "simcuda.h"

#define TIME_LIMIT_S 300
#define ok(call_) ck_assert_int_eq((call_), CUDA_SUCCESS)

static CUcontext context;
static CUstream stream_a, stream_b, stream_c;
static CUmodule module;
static CUfunction fill, axpy, digest, wait_flag;

static inline CUdeviceptr allocate_device(size_t bytes)
{
    CUdeviceptr device = 0;

    ok(cuMemAlloc_v2(&device, bytes));
    return device;
}

static inline void *allocate_pinned(size_t bytes)
{
    void *host = NULL;

    ok(cuMemHostAlloc(&host, bytes, 0));
    return host;
}

/* Page-aligned pageable memory, for free(). */
static inline void *allocate_pages(size_t bytes)
{
    void *host = NULL;

    ck_assert_int_eq(posix_memalign(&host, 4096, bytes), 0);
    memset(host, 0, bytes);
    return host;
}

static inline CUresult launch(CUfunction function, CUstream stream,
                              void **params)
{
    return cuLaunchKernel(function, 1, 1, 1, 1, 1, 1, 0, stream, params, NULL);
}

static inline void launch_fill(CUstream stream, CUdeviceptr dst,
                               uint32_t value, uint64_t count)
{
    void *params[] = {&dst, &value, &count};

    ok(launch(fill, stream, params));
}

/* A kernel in a stream that ends when the test says so. */
struct gate {
    uint32_t *flag; /* pinned */
    CUstream query_stream;
    pthread_t opener;
    bool has_opener;
    struct gate *next;
};

static struct gate *gates; /* that gate_end() has not seen yet */

static inline void gate_close(struct gate **gate_p, CUstream stream)
{
    struct gate *gate = calloc(1, sizeof(*gate));
    uint32_t one = 1;
    CUdeviceptr address;
    void *params[] = {&address, &one};

    ck_assert_ptr_nonnull(gate);
    gate->flag = allocate_pinned(sizeof(*gate->flag));
    gate->query_stream = stream;
    gate->next = gates;
    gates = *gate_p = gate;
    __atomic_store_n(gate->flag, 0, __ATOMIC_RELEASE);
    address = (uintptr_t)gate->flag;
    ok(launch(wait_flag, stream, params));
}

static inline void gate_open(struct gate *gate)
{
    __atomic_store_n(gate->flag, 1, __ATOMIC_RELEASE);
}

static inline void *gate_opener(void *argument)
{
    static const struct timespec moment = {.tv_nsec = 20000000};

    nanosleep(&moment, NULL);
    gate_open(argument);
    return NULL;
}

/* From another thread, a moment from now. */
static inline void gate_open_soon(struct gate *gate)
{
    ck_assert_int_eq(pthread_create(&gate->opener, NULL, gate_opener, gate),
                     0);
    gate->has_opener = true;
}

static inline void gate_end(struct gate *gate)
{
    struct gate **at = &gates;

    while (*at != gate) {
        at = &(*at)->next;
    }
    *at = gate->next;
    gate_open(gate);
    if (gate->has_opener) {
        pthread_join(gate->opener, NULL);
    }
    cuMemFreeHost(gate->flag); /* in vain if the test broke the context */
    free(gate);
}

static inline void fixture_begin(void)
{
    ok(cuInit(0));
    ok(cuCtxCreate_v2(&context, 0, 0));
    ok(cuStreamCreate(&stream_a, CU_STREAM_DEFAULT));
    ok(cuStreamCreate(&stream_b, CU_STREAM_NON_BLOCKING));
    ok(cuStreamCreate(&stream_c, CU_STREAM_DEFAULT));
    ok(cuModuleLoadData(&module, "any image"));
    ok(cuModuleGetFunction(&fill, module, "fill_u32"));
    ok(cuModuleGetFunction(&axpy, module, "axpy_f32"));
    ok(cuModuleGetFunction(&digest, module, "digest_u64"));
    ok(cuModuleGetFunction(&wait_flag, module, "wait_u32"));
}

/* All memory, streams and modules of a test end with its context. A test that
 * failed has left its gates closed. */
static inline void fixture_end(void)
{
    while (gates != NULL) {
        gate_end(gates);
    }
    while (cuCtxPopCurrent_v2(NULL) == CUDA_SUCCESS) {
    }
    ok(cuCtxDestroy_v2(context));
}

/* The driver's threads do not survive fork, so tests run in one process, and
 * one that hangs is ended with all others. */
static inline int run_tests(const char *name, TCase *tests)
{
    Suite *suite = suite_create(name);
    SRunner *runner;
    int failed;

    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    alarm(TIME_LIMIT_S);
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}

#endif
