/*
 * test_slab.c - extents, their registration and what is given back, against
 * pin calls that remember what is registered.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* memfd_create */
#endif
#include "shadow/slab.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

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

static int refuse_file(const char *name, unsigned flags)
{
    (void)name;
    (void)flags;
    errno = EPERM;
    return -1;
}

/* No /proc there: the budget is the bytes given. */
static void make_pool(size_t limit, csh_chunk_create_fn *create)
{
    budget.limit.unit   = CSH_SIZE_BYTES;
    budget.limit.value  = limit;
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

static bool overlap(const struct csh_extent *a, const struct csh_extent *b)
{
    return (a->address < b->address + b->bytes) &&
           (b->address < a->address + a->bytes);
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

/* --- extents ---------------------------------------------------------- */

START_TEST(test_sizes_are_exact)
{
    /* SDXL's most frequent sizes, and odd ones. */
    static const size_t sizes[] = {
        3276800, 13107200, 26214400, 2457600, 819200, 65536, 65537, 1,
        63, 64, 4095, 98304, 1638400, 77 * 2048, 12345678,
    };
    const size_t n = sizeof(sizes) / sizeof(sizes[0]);
    struct csh_extent extents[45];
    size_t sum = 0, i, j;

    for (i = 0; i < 3 * n; i++) {
        extents[i] = take(sizes[i % n]);
        sum       += sizes[i % n];
        csh_slab_register_pending(pool);
        for (j = 0; j < i; j++) {
            ck_assert(!overlap(&extents[i], &extents[j]));
        }
    }
    ck_assert(csh_slab_check(pool));
    ck_assert_uint_le(usage().held_bytes, sum + sum / 100);
    ck_assert_uint_eq(usage().held_bytes, usage().pinned_bytes);
    for (i = 0; i < 3 * n; i++) {
        ck_assert(csh_slab_is_pinned(&extents[i]));
        ck_assert(driver_knows(&extents[i]));
    }
}
END_TEST

START_TEST(test_nonsense_is_refused)
{
    struct csh_extent extent;

    ck_assert_int_eq(csh_slab_allocate(pool, 0, &extent), CSH_SLAB_REFUSED);
    ck_assert_int_eq(csh_slab_allocate(pool, SIZE_MAX, &extent),
                     CSH_SLAB_REFUSED);
    ck_assert_int_eq(csh_slab_allocate(pool, SIZE_MAX / 8, &extent),
                     CSH_SLAB_NO_BUDGET);
    ck_assert_uint_eq(usage().held_bytes, 0);
}
END_TEST

START_TEST(test_freed_neighbours_join)
{
    struct csh_extent extents[8], whole;
    uint64_t held;
    int i;

    for (i = 0; i < 8; i++) {
        extents[i] = take(MIB);
    }
    held = usage().held_bytes;
    /* In an order that joins to the left, to the right and to both. */
    csh_slab_free(pool, &extents[2]);
    csh_slab_free(pool, &extents[3]);
    csh_slab_free(pool, &extents[5]);
    csh_slab_free(pool, &extents[4]);
    ck_assert(csh_slab_check(pool));
    whole = take(4 * MIB);
    ck_assert_ptr_eq(whole.address, extents[2].address);
    ck_assert_uint_eq(usage().held_bytes, held);
}
END_TEST

START_TEST(test_best_fit_keeps_large_gaps)
{
    struct csh_extent extents[6], small;
    int i;

    for (i = 0; i < 6; i++) {
        extents[i] = take((i == 1) ? 8 * MIB : MIB);
    }
    csh_slab_free(pool, &extents[1]);
    csh_slab_free(pool, &extents[4]);
    small = take(MIB);
    ck_assert_ptr_eq(small.address, extents[4].address);
    small = take(8 * MIB);
    ck_assert_ptr_eq(small.address, extents[1].address);
}
END_TEST

START_TEST(test_no_extent_crosses_a_registration)
{
    struct csh_extent first = take(3 * MIB), second = take(MIB), third;

    csh_slab_register_pending(pool);
    third = take(3 * MIB);
    csh_slab_register_pending(pool);
    ck_assert_uint_eq(n_registered, 2);
    /* A gap at the end of the one and one at the beginning of the other. */
    ck_assert_ptr_eq(second.address + MIB, first.address + 4 * MIB);
    csh_slab_free(pool, &second);
    csh_slab_free(pool, &third);
    ck_assert(csh_slab_check(pool));
    third = take(4 * MIB - 4096);
    csh_slab_register_pending(pool);
    ck_assert(driver_knows(&third));
}
END_TEST

START_TEST(test_random_use_agrees_with_its_bytes)
{
    struct csh_extent extents[64];
    unsigned char mark[64] = {0};
    uint64_t seed          = 1;
    size_t i, j, k;

    for (i = 0; i < 2000; i++) {
        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
        j    = (seed >> 33) % 64;
        if (mark[j] != 0) {
            for (k = 0; (k < extents[j].bytes) &&
                        (extents[j].address[k] == mark[j]); k++) {
            }
            ck_assert_uint_eq(k, extents[j].bytes);
            csh_slab_free(pool, &extents[j]);
            mark[j] = 0;
        } else {
            extents[j] = take(1 + (seed >> 40) % (200 * KIB));
            mark[j]    = (unsigned char)(1 + i % 255);
            memset(extents[j].address, mark[j], extents[j].bytes);
        }
        if (i % 64 == 0) {
            csh_slab_register_pending(pool);
            ck_assert(csh_slab_check(pool));
        }
    }
    for (j = 0; j < 64; j++) {
        if (mark[j] != 0) {
            csh_slab_free(pool, &extents[j]);
        }
    }
    ck_assert_uint_eq(usage().free_bytes, usage().held_bytes);
    ck_assert_uint_gt(usage().held_bytes, 0);
    csh_slab_trim(pool);
    ck_assert_uint_eq(usage().held_bytes, 0);
    ck_assert_uint_eq(n_registered, 0);
}
END_TEST

/* --- the budget ------------------------------------------------------- */

START_TEST(test_budget_refuses_and_takes_nothing)
{
    struct csh_extent extent;

    budget.limit.value = 10 * MIB;
    ck_assert_int_eq(csh_slab_allocate(pool, 10 * MIB + 1, &extent),
                     CSH_SLAB_NO_BUDGET);
    ck_assert_uint_eq(usage().held_bytes, 0);
    ck_assert_uint_eq(usage().n_chunks, 0);
    extent = take(10 * MIB);
    ck_assert_uint_eq(csh_slab_read_headroom(pool), 0);
    ck_assert_int_eq(csh_slab_allocate(pool, 64, &extent),
                     CSH_SLAB_NO_BUDGET);
    /* A limit that falls refuses more but takes nothing away. */
    budget.limit.value = MIB;
    ck_assert_uint_eq(csh_slab_read_headroom(pool), 0);
    ck_assert_uint_eq(usage().held_bytes, 10 * MIB);
}
END_TEST

START_TEST(test_budget_room_in_use_is_used_again)
{
    struct csh_extent extent;

    budget.limit.value = 10 * MIB;
    extent             = take(10 * MIB);
    csh_slab_register_pending(pool);
    csh_slab_free(pool, &extent);
    extent = take(9 * MIB);
    ck_assert(csh_slab_is_pinned(&extent));
    csh_slab_free(pool, &extent);
    /* More than the limit allows besides: an idle chunk goes for it, but not
     * one that is pinned, since here the driver may not be called. */
    budget.limit.value = 100 * MIB;
    ck_assert_int_eq(csh_slab_allocate(pool, 100 * MIB, &extent),
                     CSH_SLAB_NO_BUDGET);
    ck_assert_uint_eq(n_registered, 1);
    csh_slab_unregister_all(pool);
    extent = take(100 * MIB);
    ck_assert_uint_eq(usage().n_chunks, 1);
}
END_TEST

/* The limit falls after the whole was found to fit: the stand-in for
 * memfd_create is called just there. What is populated by then goes back. */
static int lower_budget(const char *name, unsigned flags)
{
    budget.limit.value = 20 * MIB;
    return memfd_create(name, flags);
}

START_TEST(test_limit_that_falls_while_populating)
{
    struct csh_extent extent;

    csh_slab_destroy(pool);
    make_pool(64 * MIB, lower_budget);
    ck_assert_int_eq(csh_slab_allocate(pool, 40 * MIB, &extent),
                     CSH_SLAB_NO_BUDGET);
    ck_assert_uint_eq(usage().held_bytes, 0);
    ck_assert_uint_eq(usage().n_chunks, 0);
    /* Beside an extent in use it stays, as free room. */
    extent             = take(MIB);
    budget.limit.value = 64 * MIB;
    ck_assert_int_eq(csh_slab_allocate(pool, 64 * MIB, &extent),
                     CSH_SLAB_NO_BUDGET);
    ck_assert_uint_eq(usage().held_bytes, MIB);
}
END_TEST

/* --- registration ------------------------------------------------------ */

START_TEST(test_registration_is_a_step_of_its_own)
{
    struct csh_extent extent = take(5 * MIB);

    ck_assert(!csh_slab_is_pinned(&extent));
    ck_assert_uint_eq(n_calls, 0);
    ck_assert_uint_eq(csh_slab_register_pending(pool), 5 * MIB);
    ck_assert(csh_slab_is_pinned(&extent));
    ck_assert_uint_eq(csh_slab_register_pending(pool), 0);
    ck_assert_uint_eq(n_calls, 1);
    ck_assert_uint_eq(usage().pinned_bytes, 5 * MIB);
}
END_TEST

START_TEST(test_long_extents_are_registered_alone)
{
    struct csh_extent large, small, medium;

    /* So much is held that the next chunk is longer than a step. */
    budget.limit.value = 512 * MIB;
    ck_assert_int_eq(csh_slab_allocate(pool, 300 * MIB, &large),
                     CSH_SLAB_OK);
    small  = take(20 * MIB);
    medium = take(50 * MIB);
    ck_assert_uint_eq(usage().n_chunks, 2);
    csh_slab_register_pending(pool);
    ck_assert(driver_knows(&large));
    ck_assert(driver_knows(&small));
    ck_assert(driver_knows(&medium));
    ck_assert_uint_eq(n_registered, 3);
}
END_TEST

/* Refused at the first, second, third step; the others get pinned later. */
START_TEST(test_refused_at_the_nth)
{
    struct csh_extent extents[3];
    int i, n = 0;

    refuse_from  = (unsigned)_i + 1;
    refuse_until = refuse_from + 1;
    for (i = 0; i < 3; i++) {
        extents[i] = take(64 * MIB);
    }
    csh_slab_register_pending(pool);
    ck_assert_uint_eq(n_registered, (unsigned)_i);
    ck_assert_uint_eq(gauge(CSH_GAUGE_registrations_refused), 1);
    for (i = 0; i < 3; i++) {
        ck_assert_int_eq(csh_slab_is_pinned(&extents[i]),
                         driver_knows(&extents[i]));
        memset(extents[i].address, 1, extents[i].bytes);
        n += csh_slab_is_pinned(&extents[i]);
    }
    ck_assert_int_eq(n, _i);
    /* One call is let pass. */
    csh_slab_register_pending(pool);
    ck_assert_uint_eq(n_registered, (unsigned)_i);
    csh_slab_register_pending(pool);
    ck_assert_uint_eq(n_registered, 3);
    ck_assert_uint_eq(usage().pinned_bytes, 192 * MIB);
}
END_TEST

START_TEST(test_refusals_are_asked_again_less_and_less)
{
    struct csh_extent extent = take(MIB);
    int i;

    refuse_from  = 0;
    refuse_until = ~0u;
    for (i = 0; i < 5000; i++) {
        csh_slab_register_pending(pool);
    }
    ck_assert(!csh_slab_is_pinned(&extent));
    ck_assert_uint_gt(n_calls, 10);
    ck_assert_uint_lt(n_calls, 17);
    ck_assert_uint_eq(gauge(CSH_GAUGE_registrations_refused), n_calls);
    refuse_from = ~0u;
    for (i = 0; i <= 1024; i++) {
        csh_slab_register_pending(pool);
    }
    ck_assert(csh_slab_is_pinned(&extent));
}
END_TEST

START_TEST(test_registrations_end_and_begin_again)
{
    struct csh_extent first = take(MIB), second = take(70 * MIB);

    csh_slab_register_pending(pool);
    csh_slab_unregister_all(pool);
    ck_assert_uint_eq(n_registered, 0);
    ck_assert(!csh_slab_is_pinned(&first));
    ck_assert(!csh_slab_is_pinned(&second));
    ck_assert_uint_eq(usage().pinned_bytes, 0);
    ck_assert_uint_eq(first.address[0], 0x5a);
    csh_slab_register_pending(pool);
    ck_assert(csh_slab_is_pinned(&first));
    ck_assert(csh_slab_is_pinned(&second));
}
END_TEST

START_TEST(test_addresses_that_stay_registered_are_never_reused)
{
    struct csh_extent extent = take(5 * MIB);
    char line[512];

    csh_slab_register_pending(pool);
    csh_slab_free(pool, &extent);
    unregister_result = CUDA_ERROR_UNKNOWN;
    ck_assert_uint_ge(csh_slab_trim(pool), 5 * MIB);
    ck_assert_uint_eq(usage().n_chunks, 0);
    ck_assert(find_mapping(extent.address, line));
    ck_assert_ptr_nonnull(strstr(line, "---p"));
    ck_assert_uint_eq(usage().pinned_bytes, 0);
}
END_TEST

START_TEST(test_registration_that_would_not_end_in_use)
{
    struct csh_extent extent = take(5 * MIB);
    char line[512];

    csh_slab_register_pending(pool);
    unregister_result = CUDA_ERROR_UNKNOWN;
    csh_slab_unregister_all(pool);
    ck_assert(!csh_slab_is_pinned(&extent));
    ck_assert_uint_eq(extent.address[0], 0x5a);
    unregister_result = CUDA_SUCCESS;
    csh_slab_free(pool, &extent);
    csh_slab_trim(pool);
    ck_assert_uint_eq(usage().n_chunks, 0);
    ck_assert(find_mapping(extent.address, line));
    ck_assert_ptr_nonnull(strstr(line, "---p"));
}
END_TEST

/* --- giving back ------------------------------------------------------- */

START_TEST(test_trim_takes_whole_chunks_only)
{
    struct csh_extent first = take(60 * MIB), second = take(60 * MIB);
    char line[512];

    csh_slab_register_pending(pool);
    ck_assert_uint_eq(usage().n_chunks, 2);
    ck_assert_uint_eq(csh_slab_trim(pool), 0);
    csh_slab_free(pool, &first);
    ck_assert_uint_ge(csh_slab_trim(pool), 60 * MIB);
    ck_assert_uint_eq(usage().n_chunks, 1);
    ck_assert_uint_eq(n_registered, 1);
    ck_assert(!find_mapping(first.address, line));
    ck_assert(csh_slab_is_pinned(&second));
    csh_slab_free(pool, &second);
    csh_slab_trim(pool);
    ck_assert_uint_eq(usage().held_bytes, 0);
}
END_TEST

START_TEST(test_idle_chunks_are_not_pinned)
{
    struct csh_extent extent = take(MIB);

    csh_slab_free(pool, &extent);
    ck_assert_uint_eq(csh_slab_register_pending(pool), 0);
    ck_assert_uint_eq(n_calls, 0);
}
END_TEST

START_TEST(test_what_was_aliased_is_never_reused)
{
    struct csh_extent first = take(MIB), second = take(MIB), other;
    unsigned char *address  = first.address;

    csh_slab_mark_aliased(pool, &first);
    csh_slab_free(pool, &first);
    ck_assert(csh_slab_check(pool));
    other = take(MIB);
    ck_assert_ptr_ne(other.address, address);
    ck_assert_uint_eq(address[0], 0x5a);
    csh_slab_free(pool, &other);
    ck_assert_uint_eq(csh_slab_trim(pool), 0);
    csh_slab_free(pool, &second);
    ck_assert_uint_gt(csh_slab_trim(pool), 0);
}
END_TEST

START_TEST(test_without_files)
{
    struct csh_extent first, second;
    char line[512];

    csh_slab_destroy(pool);
    make_pool(256 * MIB, refuse_file);
    first  = take(MIB);
    second = take(100 * MIB);
    csh_slab_register_pending(pool);
    ck_assert(csh_slab_is_pinned(&first));
    ck_assert(csh_slab_is_pinned(&second));
    csh_slab_free(pool, &first);
    csh_slab_free(pool, &second);
    csh_slab_trim(pool);
    ck_assert(!find_mapping(first.address, line));
}
END_TEST

/* --- while a chunk grows ------------------------------------------------ */

static char proc[64], meminfo[96], next_meminfo[96];

static const char plenty[] = "MemTotal: 67108864 kB\n"
                             "MemAvailable: 67108864 kB\n";

/* What the next look at the room finds: a pipe, so that whoever looks waits
 * until the test has written, or a plain file. */
static void put_meminfo(bool is_pipe)
{
    int fd;

    if (is_pipe) {
        ck_assert_int_eq(mkfifo(next_meminfo, 0600), 0);
    } else {
        fd = open(next_meminfo, O_WRONLY | O_CREAT, 0600);
        ck_assert_int_eq(write(fd, plenty, sizeof(plenty) - 1),
                         (int)sizeof(plenty) - 1);
        ck_assert_int_eq(close(fd), 0);
    }
    ck_assert_int_eq(rename(next_meminfo, meminfo), 0);
}

static void *grow_pool(void *extent_p)
{
    enum csh_slab_status status = csh_slab_allocate(pool, 3 * MIB, extent_p);

    return (status == CSH_SLAB_OK) ? extent_p : NULL;
}

/* Lets a thread begin to make a chunk longer and returns, while it waits to
 * be told of the room, the pipe that it waits for. */
static int begin_growth(pthread_t *thread_p, struct csh_extent *extent_p)
{
    strcpy(proc, "/tmp/test_slab.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(proc));
    snprintf(meminfo, sizeof(meminfo), "%s/meminfo", proc);
    snprintf(next_meminfo, sizeof(next_meminfo), "%s/next", proc);
    budget.roots.proc = proc;
    put_meminfo(true);
    ck_assert_int_eq(pthread_create(thread_p, NULL, grow_pool, extent_p), 0);
    return open(meminfo, O_WRONLY); /* once the thread reads it */
}

static void end_growth(pthread_t thread, int fd)
{
    void *extent;

    put_meminfo(false);
    ck_assert_int_eq(write(fd, plenty, sizeof(plenty) - 1),
                     (int)sizeof(plenty) - 1);
    ck_assert_int_eq(close(fd), 0);
    ck_assert_int_eq(pthread_join(thread, &extent), 0);
    ck_assert_ptr_nonnull(extent);
    budget.roots.proc = "/nowhere";
    ck_assert_int_eq(unlink(meminfo), 0);
    ck_assert_int_eq(rmdir(proc), 0);
}

START_TEST(test_a_growing_step_is_not_registered)
{
    struct csh_extent first = take(MIB), second;
    pthread_t thread;
    int fd = begin_growth(&thread, &second);

    ck_assert_uint_eq(csh_slab_register_pending(pool), 0);
    ck_assert_uint_eq(n_calls, 0);
    end_growth(thread, fd);
    ck_assert(csh_slab_check(pool));
    csh_slab_register_pending(pool);
    ck_assert(driver_knows(&first));
    ck_assert(driver_knows(&second));
}
END_TEST

START_TEST(test_a_growing_chunk_is_not_given_back)
{
    struct csh_extent first = take(MIB), second;
    pthread_t thread;
    int fd;

    csh_slab_free(pool, &first);
    fd = begin_growth(&thread, &second);
    ck_assert_uint_eq(csh_slab_trim(pool), 0);
    end_growth(thread, fd);
    memset(second.address, 1, second.bytes);
    /* What was free at its end is part of it. */
    ck_assert_ptr_eq(second.address, first.address);
    ck_assert_uint_eq(usage().held_bytes, 3 * MIB);
}
END_TEST

/* --- threads ----------------------------------------------------------- */

enum { THREADS = 4, ROUNDS = 150 };

static void *use_pool(void *number)
{
    struct csh_extent extents[4];
    unsigned char mark = (unsigned char)(uintptr_t)number;
    size_t bytes, k;
    int i, j;

    for (i = 0; i < ROUNDS; i++) {
        for (j = 0; j < 4; j++) {
            bytes = (size_t)(1 + (i * 7 + j * 13 + mark) % 40) * 20000;
            if (csh_slab_allocate(pool, bytes, &extents[j]) != CSH_SLAB_OK) {
                abort();
            }
            memset(extents[j].address, mark, bytes);
        }
        switch ((i + mark) % 8) {
        case 0:
            csh_slab_register_pending(pool);
            break;
        case 3:
            csh_slab_trim(pool);
            break;
        case 5:
            csh_slab_unregister_all(pool);
            break;
        default:
            break;
        }
        for (j = 0; j < 4; j++) {
            for (k = 0; k < extents[j].bytes; k += 4096) {
                if (extents[j].address[k] != mark) {
                    abort();
                }
            }
            csh_slab_free(pool, &extents[j]);
        }
    }
    return NULL;
}

START_TEST(test_threads)
{
    pthread_t threads[THREADS];
    uintptr_t i;

    for (i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, use_pool,
                                        (void *)(i + 1)), 0);
    }
    for (i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    }
    ck_assert(csh_slab_check(pool));
    csh_slab_trim(pool);
    ck_assert_uint_eq(usage().held_bytes, 0);
    ck_assert_uint_eq(n_registered, 0);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("slab");
    TCase *tcase = tcase_create("pool");

    tcase_add_checked_fixture(tcase, start, stop);
    tcase_set_timeout(tcase, 300);
    tcase_add_test(tcase, test_sizes_are_exact);
    tcase_add_test(tcase, test_nonsense_is_refused);
    tcase_add_test(tcase, test_freed_neighbours_join);
    tcase_add_test(tcase, test_best_fit_keeps_large_gaps);
    tcase_add_test(tcase, test_no_extent_crosses_a_registration);
    tcase_add_test(tcase, test_random_use_agrees_with_its_bytes);
    tcase_add_test(tcase, test_budget_refuses_and_takes_nothing);
    tcase_add_test(tcase, test_budget_room_in_use_is_used_again);
    tcase_add_test(tcase, test_limit_that_falls_while_populating);
    tcase_add_test(tcase, test_registration_is_a_step_of_its_own);
    tcase_add_test(tcase, test_long_extents_are_registered_alone);
    tcase_add_loop_test(tcase, test_refused_at_the_nth, 0, 3);
    tcase_add_test(tcase, test_refusals_are_asked_again_less_and_less);
    tcase_add_test(tcase, test_registrations_end_and_begin_again);
    tcase_add_test(tcase, test_addresses_that_stay_registered_are_never_reused);
    tcase_add_test(tcase, test_registration_that_would_not_end_in_use);
    tcase_add_test(tcase, test_trim_takes_whole_chunks_only);
    tcase_add_test(tcase, test_idle_chunks_are_not_pinned);
    tcase_add_test(tcase, test_what_was_aliased_is_never_reused);
    tcase_add_test(tcase, test_without_files);
    tcase_add_test(tcase, test_a_growing_step_is_not_registered);
    tcase_add_test(tcase, test_a_growing_chunk_is_not_given_back);
    tcase_add_test(tcase, test_threads);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    SRunner *runner = srunner_create(make_suite());
    int n_failed;

    srunner_run_all(runner, CK_ENV);
    n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return (n_failed == 0) ? EXIT_SUCCESS : EXIT_FAILURE;
}
