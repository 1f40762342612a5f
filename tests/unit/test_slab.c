/*
 * test_slab.c - extents, chunks, registration and the limits of a process,
 * against pin calls that remember what is registered.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* memfd_create, seals */
#endif
#include "shadow/slab.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
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
static int created[64];
static unsigned n_created;

static int refuse_file(const char *name, unsigned flags)
{
    (void)name;
    (void)flags;
    errno = EPERM;
    return -1;
}

/* Remembers which files there are. */
static int note_file(const char *name, unsigned flags)
{
    ck_assert_str_eq(name, "cushadow");
    ck_assert_uint_eq(flags, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    ck_assert_uint_lt(n_created, 64);
    return created[n_created++] = memfd_create(name, flags);
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

static void limit_descriptors(rlim_t soft)
{
    struct rlimit limit;

    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = soft;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void start(void)
{
    limit_descriptors(4096);
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

/* The descriptor of the file that an address is mapped from, or -1. */
static int descriptor_of(const void *address)
{
    char line[512];
    unsigned long inode;
    struct stat status;
    int fd;

    ck_assert(find_mapping(address, line));
    ck_assert_int_eq(sscanf(line, "%*s %*s %*s %*s %lu", &inode), 1);
    if (strstr(line, "/memfd:cushadow") == NULL) {
        return -1;
    }
    for (fd = 0; fd < 4096; fd++) {
        if ((fstat(fd, &status) == 0) && (status.st_ino == inode)) {
            return fd;
        }
    }
    ck_abort_msg("no descriptor");
    return -1;
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
    /* Larger than the limit allows besides: an unpinned chunk goes for it,
     * a pinned one only where the driver may be called. */
    csh_slab_unregister_all(pool);
    budget.limit.value = 100 * MIB;
    extent             = take(100 * MIB);
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
    struct csh_extent small = take(MIB), large = take(100 * MIB);

    csh_slab_register_pending(pool);
    ck_assert(driver_knows(&small));
    ck_assert(driver_knows(&large));
    ck_assert_uint_eq(n_registered, 2);
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

/* --- the process ------------------------------------------------------- */

START_TEST(test_descriptor_is_high_and_sealed)
{
    struct csh_extent extent = take(MIB);
    int fd                   = descriptor_of(extent.address);
    int seals;
    void *map;

    ck_assert_int_ge(fd, 1024);
    ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
    seals = fcntl(fd, F_GET_SEALS);
    ck_assert_int_eq(seals & (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL),
                     F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
    ck_assert_int_ne(ftruncate(fd, 0), 0);
    /* Not refused by a kernel before 5.1. */
    if (seals & F_SEAL_FUTURE_WRITE) {
        ck_assert_int_lt(pwrite(fd, "x", 1, 0), 0);
        ck_assert_ptr_eq(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED,
                              fd, 0), MAP_FAILED);
        ck_assert_int_ne(fallocate(fd, FALLOC_FL_PUNCH_HOLE |
                                   FALLOC_FL_KEEP_SIZE, 0, 4096), 0);
    }
    /* What aliases are made of still works. */
    map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    ck_assert_ptr_ne(map, MAP_FAILED);
    ck_assert_int_eq(*(unsigned char *)map, 0x5a);
    munmap(map, 4096);
    /* Growing goes on behind the seals. */
    take(30 * MIB);
    csh_slab_free(pool, &extent);
}
END_TEST

START_TEST(test_first_descriptor_is_not_kept)
{
    struct csh_extent extent;
    int i, fd;

    csh_slab_destroy(pool);
    make_pool(256 * MIB, note_file);
    extent = take(MIB);
    ck_assert_uint_eq(n_created, 1);
    ck_assert_int_lt(fcntl(created[0], F_GETFD), 0);
    fd = descriptor_of(extent.address);
    csh_slab_free(pool, &extent);
    csh_slab_trim(pool);
    ck_assert_int_lt(fcntl(fd, F_GETFD), 0);
    /* Many rounds leave no descriptor behind. */
    for (i = 0; i < 50; i++) {
        extent = take(MIB);
        ck_assert_int_eq(descriptor_of(extent.address), fd);
        csh_slab_free(pool, &extent);
        csh_slab_trim(pool);
    }
}
END_TEST

/* The limit, and the least descriptor that is high enough under it. */
static const struct { rlim_t limit; int least; } descriptor_limits[] = {
    {2048, 1024}, {1025, 1024}, {1024, 768}, {256, 192},
};

START_TEST(test_low_descriptor_limit)
{
    struct csh_extent extent;
    int fd;

    limit_descriptors(descriptor_limits[_i].limit);
    extent = take(MIB);
    fd     = descriptor_of(extent.address);
    ck_assert_int_ge(fd, descriptor_limits[_i].least);
    ck_assert_int_lt(fd, (int)descriptor_limits[_i].limit);
}
END_TEST

START_TEST(test_no_descriptor_left)
{
    struct csh_extent extent;
    int fd = open("/dev/null", O_RDONLY);

    /* Nothing at or above the lowest free one may be opened. */
    ck_assert_int_eq(close(fd), 0);
    limit_descriptors((rlim_t)fd);
    ck_assert_int_eq(csh_slab_allocate(pool, MIB, &extent), CSH_SLAB_OK);
    limit_descriptors(4096);
    ck_assert_int_eq(descriptor_of(extent.address), -1);
    csh_slab_register_pending(pool);
    ck_assert(csh_slab_is_pinned(&extent));
}
END_TEST

/* The program closes every descriptor and opens a file of its own, which
 * gets our number: it must stay open. */
START_TEST(test_descriptor_that_became_the_programs)
{
    struct csh_extent extent = take(MIB);
    int fd                   = descriptor_of(extent.address);
    int own                  = open("/dev/null", O_RDONLY);

    ck_assert_int_eq(dup2(own, fd), fd);
    csh_slab_free(pool, &extent);
    ck_assert_uint_gt(csh_slab_trim(pool), 0);
    ck_assert_int_ge(fcntl(fd, F_GETFD), 0);
    close(fd);
    close(own);
}
END_TEST

START_TEST(test_file_refused)
{
    struct csh_extent first, second;
    char line[512];

    csh_slab_destroy(pool);
    make_pool(256 * MIB, refuse_file);
    first  = take(MIB);
    second = take(100 * MIB);
    ck_assert_int_eq(descriptor_of(first.address), -1);
    csh_slab_register_pending(pool);
    ck_assert(csh_slab_is_pinned(&first));
    ck_assert(csh_slab_is_pinned(&second));
    csh_slab_free(pool, &first);
    csh_slab_free(pool, &second);
    csh_slab_trim(pool);
    ck_assert(!find_mapping(first.address, line));
}
END_TEST

static volatile sig_atomic_t n_signals;
static void count_signal(int number)
{
    (void)number;
    n_signals++;
}

static void limit_files(rlim_t bytes)
{
    const struct rlimit limit = {bytes, RLIM_INFINITY};

    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

START_TEST(test_file_size_limit_is_kept)
{
    struct csh_extent small, large;
    struct stat status;

    signal(SIGXFSZ, (_i == 0) ? SIG_DFL : count_signal);
    limit_files(8 * MIB);
    small = take(6 * MIB);
    large = take(9 * MIB);
    ck_assert_int_eq(fstat(descriptor_of(small.address), &status), 0);
    ck_assert_int_eq(status.st_size, 8 * MIB);
    ck_assert_int_eq(descriptor_of(large.address), -1);
    ck_assert_int_eq(n_signals, 0);
    limit_files(RLIM_INFINITY);
}
END_TEST

/* The limit falls between the moment it is read and the sizing: the stand-in
 * for memfd_create is called just there. */
static int lower_limit(const char *name, unsigned flags)
{
    limit_files(MIB);
    return memfd_create(name, flags);
}

START_TEST(test_file_size_limit_that_falls)
{
    struct csh_extent extent;
    sigset_t pending, blocked;

    signal(SIGXFSZ, (_i == 0) ? SIG_DFL : count_signal);
    csh_slab_destroy(pool);
    make_pool(256 * MIB, lower_limit);
    extent = take(6 * MIB);
    ck_assert_int_eq(descriptor_of(extent.address), -1);
    ck_assert_int_eq(n_signals, 0);
    sigpending(&pending);
    ck_assert_int_eq(sigismember(&pending, SIGXFSZ), 0);
    pthread_sigmask(SIG_BLOCK, NULL, &blocked);
    ck_assert_int_eq(sigismember(&blocked, SIGXFSZ), 0);
    limit_files(RLIM_INFINITY);
}
END_TEST

START_TEST(test_pending_signal_of_the_program_stays)
{
    sigset_t set, pending;

    sigemptyset(&set);
    sigaddset(&set, SIGXFSZ);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    raise(SIGXFSZ);
    csh_slab_destroy(pool);
    make_pool(256 * MIB, lower_limit);
    take(6 * MIB);
    sigpending(&pending);
    ck_assert_int_eq(sigismember(&pending, SIGXFSZ), 1);
    limit_files(RLIM_INFINITY);
}
END_TEST

START_TEST(test_not_inherited_by_fork)
{
    struct csh_extent backed = take(MIB), anonymous;
    char line[512];
    int status;
    pid_t child;

    csh_slab_destroy(pool);
    make_pool(256 * MIB, (_i == 0) ? NULL : refuse_file);
    backed    = take(MIB);
    anonymous = take(70 * MIB);
    ck_assert(find_mapping(backed.address, line));
    child = fork();
    if (child == 0) {
        _exit((find_mapping(backed.address, line) ? 1 : 0) |
              (find_mapping(anonymous.address, line) ? 2 : 0));
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 0);
    ck_assert(find_mapping(backed.address, line));
}
END_TEST

/* Bytes of the mapping that are in memory. */
static size_t present(const unsigned char *address, size_t bytes)
{
    static unsigned char vector[65536];
    size_t n = 0, i;

    ck_assert_uint_le(bytes / 4096, sizeof(vector));
    ck_assert_int_eq(mincore((void *)(uintptr_t)address, bytes, vector), 0);
    for (i = 0; i < bytes / 4096; i++) {
        n += (vector[i] & 1);
    }
    return n * 4096;
}

START_TEST(test_only_what_is_used_is_populated)
{
    struct csh_extent extent;
    unsigned long from, to;
    char line[512];

    /* With this, new mappings would be populated whole and locked. */
    ck_assert_int_eq((_i == 1) ? mlockall(MCL_FUTURE) : 0, 0);
    ck_assert_int_eq(csh_slab_allocate(pool, MIB, &extent), CSH_SLAB_OK);
    munlockall();
    ck_assert(find_mapping(extent.address, line));
    ck_assert_int_eq(sscanf(line, "%lx-%lx", &from, &to), 2);
    ck_assert_uint_eq(to - from, 64 * MIB);
    ck_assert_uint_eq(present(extent.address, to - from), MIB);
}
END_TEST

/* mlockall() of everything to come takes a privilege or no limit. */
static bool may_lock_memory(void)
{
    struct rlimit limit;

    return (geteuid() == 0) || ((getrlimit(RLIMIT_MEMLOCK, &limit) == 0) &&
                                (limit.rlim_cur == RLIM_INFINITY));
}

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
    tcase_add_test(tcase, test_descriptor_is_high_and_sealed);
    tcase_add_test(tcase, test_first_descriptor_is_not_kept);
    tcase_add_loop_test(tcase, test_low_descriptor_limit, 0, 4);
    tcase_add_test(tcase, test_no_descriptor_left);
    tcase_add_test(tcase, test_descriptor_that_became_the_programs);
    tcase_add_test(tcase, test_file_refused);
    tcase_add_loop_test(tcase, test_file_size_limit_is_kept, 0, 2);
    tcase_add_loop_test(tcase, test_file_size_limit_that_falls, 0, 2);
    tcase_add_test(tcase, test_pending_signal_of_the_program_stays);
    tcase_add_loop_test(tcase, test_not_inherited_by_fork, 0, 2);
    tcase_add_loop_test(tcase, test_only_what_is_used_is_populated, 0,
                        may_lock_memory() ? 2 : 1);
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
