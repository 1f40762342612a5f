/*
 * slab_fixture.h - a pool over pin calls that remember what is registered.
 * For test_slab.c and test_slab_pins.c: each has a pool of its own.
 */
#ifndef CSH_TESTS_SLAB_FIXTURE_H
#define CSH_TESTS_SLAB_FIXTURE_H

#include "shadow/slab.h"

#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/statistics.h"

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)

/* --- what the driver would know -------------------------------------- */

enum { MOST_PINS = 256 };
static struct { unsigned char *address; size_t bytes; } pins[MOST_PINS];
static unsigned n_registered, n_calls, refuse_from, refuse_until;
static CUresult unregister_result;
static pthread_mutex_t pins_lock = PTHREAD_MUTEX_INITIALIZER;

static CUresult CUDAAPI fake_register(void *address, size_t bytes,
                                      unsigned flags)
{
    unsigned char *start = address;
    CUresult result      = CUDA_SUCCESS;
    unsigned i;

    pthread_mutex_lock(&pins_lock);
    ck_assert_uint_eq(flags, CU_MEMHOSTREGISTER_PORTABLE);
    ck_assert_uint_eq((uintptr_t)address % 4096, 0);
    ck_assert_uint_eq(bytes % 4096, 0);
    n_calls++;
    if ((n_calls >= refuse_from) && (n_calls < refuse_until)) {
        result = CUDA_ERROR_OUT_OF_MEMORY;
    } else {
        for (i = 0; i < n_registered; i++) {
            if ((pins[i].address == start) && (pins[i].bytes == bytes)) {
                pthread_mutex_unlock(&pins_lock);
                return CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED;
            }
            ck_assert((start >= pins[i].address + pins[i].bytes) ||
                      (start + bytes <= pins[i].address));
        }
        ck_assert_uint_lt(n_registered, MOST_PINS);
        pins[n_registered].address = start;
        pins[n_registered].bytes   = bytes;
        n_registered++;
        start[0]         = start[0]; /* it is memory */
        start[bytes - 1] = start[bytes - 1];
    }
    pthread_mutex_unlock(&pins_lock);
    return result;
}

static CUresult CUDAAPI fake_unregister(void *address)
{
    unsigned char *start = address;
    CUresult result      = CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED;
    unsigned i;

    pthread_mutex_lock(&pins_lock);
    for (i = 0; i < n_registered; i++) {
        if (pins[i].address == start) {
            start[0] = start[0]; /* still mapped */
            result   = unregister_result;
            if (result == CUDA_SUCCESS) {
                pins[i] = pins[--n_registered];
            }
            break;
        }
    }
    pthread_mutex_unlock(&pins_lock);
    return result;
}

static bool driver_knows(const struct csh_extent *extent)
{
    unsigned i;

    for (i = 0; i < n_registered; i++) {
        if ((extent->address >= pins[i].address) &&
            (extent->address + extent->bytes <=
             pins[i].address + pins[i].bytes)) {
            return true;
        }
    }
    return false;
}

/* --- the pool --------------------------------------------------------- */

static const struct csh_pin_calls calls = {fake_register, fake_unregister};
static struct csh_budget budget;
static struct csh_slab_pool *pool;

/* No /proc there: the budget is the bytes given. */
static void make_pool(size_t limit, csh_chunk_create_fn *create)
{
    budget.limit.unit   = CSH_SIZE_BYTES;
    budget.limit.value  = limit;
    budget.pinned_limit = (struct csh_size_or_share){CSH_SIZE_BYTES,
                                                     UINT64_MAX};
    budget.roots.proc   = "/nowhere";
    budget.roots.cgroup = "/nowhere";
    pool = csh_slab_create(&calls, &budget, create);
    ck_assert_ptr_nonnull(pool);
}

static void start(void)
{
    csh_log_threshold          = CSH_LOG_OFF;
    refuse_from = refuse_until = ~0u;
    unregister_result          = CUDA_SUCCESS;
    make_pool(256 * MIB, NULL);
}

static uint64_t gauge(enum csh_gauge which)
{
    struct csh_statistics statistics;

    csh_statistics_snapshot(&statistics);
    return statistics.gauge[which];
}

static struct csh_slab_usage usage(void)
{
    struct csh_slab_usage result;

    csh_slab_read_usage(pool, &result);
    ck_assert_uint_eq(result.held_bytes, gauge(CSH_GAUGE_slab_bytes));
    ck_assert_uint_eq(result.pinned_bytes, gauge(CSH_GAUGE_pinned_bytes));
    return result;
}

static void stop(void)
{
    ck_assert(csh_slab_check(pool));
    csh_slab_destroy(pool);
    ck_assert_uint_eq(gauge(CSH_GAUGE_slab_bytes), 0);
    ck_assert_uint_eq(gauge(CSH_GAUGE_pinned_bytes), 0);
}

static struct csh_extent take(size_t bytes)
{
    struct csh_extent extent;

    ck_assert_int_eq(csh_slab_allocate(pool, bytes, &extent), CSH_SLAB_OK);
    ck_assert_uint_eq(extent.bytes, bytes);
    ck_assert_uint_eq((uintptr_t)extent.address % 64, 0);
    if (bytes >= 64 * KIB) {
        ck_assert_uint_eq((uintptr_t)extent.address % 4096, 0);
    }
    memset(extent.address, 0x5a, bytes);
    return extent;
}

/* A line of /proc/self/maps that covers an address; false when none. */
static bool find_mapping(const void *address, char line[512])
{
    unsigned long from, to;
    bool is_found = false;
    FILE *file    = fopen("/proc/self/maps", "r");

    ck_assert_ptr_nonnull(file);
    while (!is_found && (fgets(line, 512, file) != NULL)) {
        is_found = (sscanf(line, "%lx-%lx", &from, &to) == 2) &&
                   ((uintptr_t)address >= from) &&
                   ((uintptr_t)address < to);
    }
    fclose(file);
    return is_found;
}

#endif
