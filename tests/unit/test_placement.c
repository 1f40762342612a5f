/*
 * test_placement.c - blocks of expected sizes: glibc's own in every respect,
 * mapped, untouched; whatever the heap looks like; and what is refused.
 *
 * Compiles placement.c itself, to count and to begin anew. The allocator is
 * libc's by its own names, also where a sanitizer brings another one.
 */
#include "shadow/placement.c"

#include <check.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sanitizer.h"

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)

static struct csh_placement_libc real;
static int (*real_mallopt)(int, int);
static void *(*real_calloc)(size_t, size_t);
static int (*real_malloc_trim)(size_t);
static size_t page;

static void *find(const char *symbol)
{
    void *found = dlsym(dlopen("libc.so.6", RTLD_NOW), symbol);

    ck_assert_ptr_nonnull(found);
    return found;
}

static void setup(void)
{
    *(void **)&real.posix_memalign = find("posix_memalign");
    *(void **)&real.realloc = find("realloc");
    *(void **)&real.free = find("free");
    *(void **)&real.malloc_usable_size = find("malloc_usable_size");
    *(void **)&real.mallinfo2 = find("mallinfo2");
    *(void **)&real_mallopt = find("mallopt");
    *(void **)&real_calloc = find("calloc");
    *(void **)&real_malloc_trim = find("malloc_trim");
    page = (size_t)sysconf(_SC_PAGESIZE);
}

static void setup_started(void)
{
    setup();
    ck_assert(csh_placement_start(&real, "/nowhere"));
}

/* Whole pages of the block that are in RAM or in swap. */
static size_t n_touched(const char *block, size_t bytes)
{
    uintptr_t start = ((uintptr_t)block + page - 1) & -page;
    uintptr_t end = ((uintptr_t)block + bytes) & -page;
    int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    size_t n = 0;

    ck_assert_int_ge(pagemap, 0);
    for (; start < end; start += page) {
        uint64_t entry;

        ck_assert_int_eq(pread(pagemap, &entry, 8,
                               (off_t)(start / page * 8)), 8);
        n += (entry >> 62) != 0;
    }
    close(pagemap);
    return n;
}

static void *place_expected(size_t bytes)
{
    void *block;

    csh_placement_expect(bytes);
    block = csh_placement_allocate(64, bytes);
    ck_assert_ptr_nonnull(block);
    ck_assert_uint_eq((uintptr_t)block % page,
                      bytes % page == 0 ? 0 : CSH_PLACEMENT_PHASE);
    ck_assert_uint_eq((uintptr_t)block % page, csh_placement_phase(bytes));
    ck_assert(is_mapped(block));
    ck_assert_uint_eq(n_touched(block, bytes), 0);
    ck_assert_uint_ge(real.malloc_usable_size(block), bytes);
    ck_assert_uint_lt(real.malloc_usable_size(block), bytes + 2 * page);
    return block;
}

static const size_t sizes[] = {65536, 65537, 3276800, 26214400, 33 * MIB,
                               75890688, 130 * MIB};

START_TEST(test_an_expected_block_is_mapped_and_untouched)
{
    char *block = place_expected(sizes[_i]);

    memset(block, 7, sizes[_i]);
    real.free(block);
}
END_TEST

/* What a program's frees do to the threshold and to the heap changes nothing:
 * a hole of 300 MiB, larger than the least excess. */
START_TEST(test_holes_of_the_heap_are_passed_over)
{
    void *hole = NULL, *end = NULL, *blocks[50];
    size_t i;

    real_mallopt(M_MMAP_MAX, 0);
    ck_assert_int_eq(real.posix_memalign(&hole, 64, 300 * MIB), 0);
    ck_assert_int_eq(real.posix_memalign(&end, 64, 2 * MIB), 0);
    real_mallopt(M_MMAP_MAX, 65536);
    ck_assert(!is_mapped(hole));
    real.free(hole);

    for (i = 0; i < 50; i++) {
        blocks[i] = place_expected(3276800);
    }
    ck_assert_uint_gt(excess, LEAST_EXCESS);
    for (i = 0; i < 50; i++) {
        real.free(blocks[i]);
    }
    real.free(end);
}
END_TEST

/* Address space between the blocks costs page tables. */
START_TEST(test_a_large_excess_is_not_kept_for_ever)
{
    size_t i;

    excess = (size_t)1 << 30;
    real.free(place_expected(3276800));
    ck_assert_uint_eq(excess, (size_t)1 << 30);
    for (i = 0; i < N_TRUSTED; i++) {
        real.free(place_expected(3276800));
    }
    ck_assert_uint_eq(excess, LEAST_EXCESS);
}
END_TEST

/* To glibc they are its own: the books are right before, between and after. */
START_TEST(test_the_books_are_right)
{
    struct mallinfo2 before = real.mallinfo2(), now;
    void *block = place_expected(3276800);

    now = real.mallinfo2();
    ck_assert_uint_eq(now.hblks, before.hblks + 1);
    ck_assert_uint_ge(now.hblkhd, before.hblkhd + 3276800);
    ck_assert_uint_lt(now.hblkhd, before.hblkhd + 3276800 + 3 * page);
    real.free(block);
    now = real.mallinfo2();
    ck_assert_uint_eq(now.hblks, before.hblks);
    ck_assert_uint_eq(now.hblkhd, before.hblkhd);
}
END_TEST

static bool all_are(const char *block, size_t bytes, char value)
{
    while (bytes > 0 && block[bytes - 1] == value) {
        bytes--;
    }
    return bytes == 0;
}

START_TEST(test_realloc_trim_and_calloc_are_as_ever)
{
    const size_t bytes = 3276800;
    char *block = place_expected(bytes), *zeros;

    memset(block, 5, bytes);
    ck_assert_int_ge(real_malloc_trim(0), 0);
    ck_assert(all_are(block, bytes, 5));
    block = real.realloc(block, 5 * bytes);
    ck_assert(all_are(block, bytes, 5));
    memset(block, 5, 5 * bytes);
    block = real.realloc(block, bytes / 3);
    ck_assert(all_are(block, bytes / 3, 5));
    block = real.realloc(block, 100);
    ck_assert(all_are(block, 100, 5));
    real.free(block);

    block = place_expected(bytes);
    memset(block, 6, bytes);
    real.free(block);
    zeros = real_calloc(1, bytes);
    ck_assert(all_are(zeros, bytes, 0));
    real.free(zeros);
}
END_TEST

START_TEST(test_other_requests_are_left_to_the_allocator)
{
    static const size_t alignments[] = {0, 3, 48, 128, 4096, SIZE_MAX};
    size_t i;

    csh_placement_expect(MIB);
    for (i = 0; i < CSH_ARRAY_LENGTH(alignments); i++) {
        ck_assert_ptr_null(csh_placement_allocate(alignments[i], MIB));
    }
    ck_assert_ptr_null(csh_placement_allocate(64, MIB - 1));
    ck_assert_ptr_null(csh_placement_allocate(64, MIB + 1));
    csh_placement_expect(0);
    ck_assert_ptr_null(csh_placement_allocate(64, 0));
    csh_placement_expect(SIZE_MAX);
    errno = 7;
    ck_assert_ptr_null(csh_placement_allocate(64, SIZE_MAX));
    csh_placement_expect(SIZE_MAX / 2);
    ck_assert_ptr_null(csh_placement_allocate(64, SIZE_MAX / 2));
    ck_assert_int_eq(errno, 7);
    real.free(place_expected(MIB));
}
END_TEST

/* A buffer that has a weight's size by accident is mapped anew some hundred
 * times, and then no more. */
START_TEST(test_a_size_is_placed_so_often_and_no_more)
{
    unsigned i;

    csh_placement_uploaded(65536);
    for (i = 0; i < AHEAD; i++) {
        void *block = csh_placement_allocate(64, 65536);

        ck_assert_ptr_nonnull(block);
        real.free(block);
    }
    ck_assert_ptr_null(csh_placement_allocate(64, 65536));
    csh_placement_uploaded(65536); /* inputs, say: no more for these */
    ck_assert_ptr_null(csh_placement_allocate(64, 65536));
    real.free(place_expected(65536));
}
END_TEST

START_TEST(test_more_sizes_than_slots)
{
    size_t i, n = 0;

    for (i = 1; i <= 4 * N_SLOTS; i++) {
        csh_placement_expect(i * KIB);
    }
    for (i = 1; i <= 4 * N_SLOTS; i++) {
        n += is_expected(i * KIB);
    }
    ck_assert_uint_gt(n, N_SLOTS / 2);
    ck_assert_uint_le(n, N_SLOTS);
    for (i = 1; i <= 4 * N_SLOTS; i++) {
        ck_assert(!is_expected(i * KIB + 1));
    }
}
END_TEST

START_TEST(test_nothing_is_placed_after_mlockall)
{
    csh_placement_expect(MIB);
    csh_host_changing(0, SIZE_MAX, CSH_CHANGE_MARK);
    ck_assert_ptr_null(csh_placement_allocate(64, MIB));
}
END_TEST

static int n_asked;

static int refuse(void **block_p, size_t alignment, size_t bytes)
{
    (void)block_p;
    (void)alignment;
    (void)bytes;
    n_asked++;
    errno = ENOMEM;
    return ENOMEM;
}

START_TEST(test_an_allocator_that_refuses_is_soon_left_alone)
{
    unsigned i;

    libc.posix_memalign = refuse;
    for (i = 0; i < 100; i++) {
        csh_placement_expect(MIB);
        errno = 7;
        ck_assert_ptr_null(csh_placement_allocate(64, MIB));
        ck_assert_int_eq(errno, 7);
    }
    ck_assert_int_le(n_asked, 2 * N_FAILURES);
}
END_TEST

/* One that never maps: its blocks look like glibc's and are given back. */
START_TEST(test_an_allocator_that_never_maps_is_not_used)
{
    size_t in_use;

    setup();
    real_mallopt(M_MMAP_MAX, 0);
    in_use = real.mallinfo2().uordblks;
    ck_assert(!csh_placement_start(&real, "/nowhere"));
    ck_assert_uint_lt(real.mallinfo2().uordblks, in_use + page);
    csh_placement_expect(MIB);
    ck_assert_ptr_null(csh_placement_allocate(64, MIB));
}
END_TEST

START_TEST(test_limits_forbid_it)
{
    struct rlimit limit = {(rlim_t)1 << 46, (rlim_t)1 << 46};

    setup();
    if (setrlimit(_i == 0 ? RLIMIT_AS : RLIMIT_DATA, &limit) != 0) {
        return; /* a sanitizer's address space is larger */
    }
    ck_assert(!csh_placement_start(&real, "/nowhere"));
}
END_TEST

static bool starts_in_mode(char mode)
{
    char folder[] = "/tmp/placement.XXXXXX", path[64];
    bool is_started_now;
    FILE *file;

    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(chdir(folder), 0);
    ck_assert_int_eq(mkdir("sys", 0700) | mkdir("sys/vm", 0700), 0);
    file = fopen("sys/vm/overcommit_memory", "w");
    ck_assert_ptr_nonnull(file);
    fprintf(file, "%c\n", mode);
    ck_assert_int_eq(fclose(file), 0);
    snprintf(path, sizeof(path), "%s", folder);
    is_started_now = csh_placement_start(&real, path);
    ck_assert_int_eq(unlink("sys/vm/overcommit_memory"), 0);
    ck_assert_int_eq(rmdir("sys/vm") | rmdir("sys") | chdir("/"), 0);
    ck_assert_int_eq(rmdir(folder), 0);
    return is_started_now;
}

START_TEST(test_a_kernel_that_does_not_overcommit_forbids_it)
{
    setup();
    ck_assert(starts_in_mode('0'));
    ck_assert(starts_in_mode('1'));
    ck_assert(!starts_in_mode('2'));
    csh_placement_expect(MIB);
    ck_assert_ptr_null(csh_placement_allocate(64, MIB));
}
END_TEST

enum { N_THREADS = 4, N_EACH = 300 };

static void *place_many(void *argument)
{
    size_t bytes = 65536 * (1 + (uintptr_t)argument % 2), i;
    char *last = NULL;

    for (i = 0; i < N_EACH; i++) {
        char *block;

        csh_placement_expect(bytes);
        block = csh_placement_allocate(64, bytes);
        if (block == NULL || block[0] != 0 || block[bytes - 1] != 0) {
            return argument == NULL ? &real : argument;
        }
        memset(block, (int)i, bytes);
        real.free(last);
        last = block;
    }
    real.free(last);
    return NULL;
}

START_TEST(test_threads_place_at_once)
{
    pthread_t threads[N_THREADS];
    uintptr_t i;

    if (UNDER_THREAD_SANITIZER) {
        return; /* sees a race at each address that libc's free gave back */
    }
    for (i = 0; i < N_THREADS; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, place_many,
                                        (void *)i), 0);
    }
    for (i = 0; i < N_THREADS; i++) {
        void *failed = &threads;

        ck_assert_int_eq(pthread_join(threads[i], &failed), 0);
        ck_assert_ptr_null(failed);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("placement");
    TCase *started = tcase_create("started"), *limits = tcase_create("limits");
    SRunner *runner;
    int n_failed;

    tcase_add_checked_fixture(started, setup_started, NULL);
    tcase_add_loop_test(started,
                        test_an_expected_block_is_mapped_and_untouched, 0,
                        (int)CSH_ARRAY_LENGTH(sizes));
    tcase_add_test(started, test_holes_of_the_heap_are_passed_over);
    tcase_add_test(started, test_a_large_excess_is_not_kept_for_ever);
    tcase_add_test(started, test_the_books_are_right);
    tcase_add_test(started, test_realloc_trim_and_calloc_are_as_ever);
    tcase_add_test(started, test_other_requests_are_left_to_the_allocator);
    tcase_add_test(started, test_a_size_is_placed_so_often_and_no_more);
    tcase_add_test(started, test_more_sizes_than_slots);
    tcase_add_test(started, test_nothing_is_placed_after_mlockall);
    tcase_add_test(started,
                   test_an_allocator_that_refuses_is_soon_left_alone);
    tcase_add_test(started, test_threads_place_at_once);
    suite_add_tcase(suite, started);
    tcase_add_test(limits, test_an_allocator_that_never_maps_is_not_used);
    tcase_add_loop_test(limits, test_limits_forbid_it, 0, 2);
    tcase_add_test(limits,
                   test_a_kernel_that_does_not_overcommit_forbids_it);
    suite_add_tcase(suite, limits);

    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return (n_failed == 0) ? EXIT_SUCCESS : EXIT_FAILURE;
}
