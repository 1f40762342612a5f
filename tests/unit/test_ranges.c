/*
 * test_ranges.c - the map of ranges, by every shape of overlap and against
 * a model that is one value a byte.
 */
#include "track/ranges.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static struct csh_ranges ranges;

/* What the callback was told, in order. */
static struct csh_range told[64];
static size_t n_told;

static void tell(const struct csh_range *range, void *opaque)
{
    ck_assert_ptr_eq(opaque, &ranges);
    ck_assert_uint_lt(n_told, 64);
    told[n_told++] = *range;
}

static bool insert(uint64_t start, uint64_t bytes, uint64_t value)
{
    struct csh_range range = {start, bytes, {.word = {value, ~value}}};

    n_told = 0;
    return csh_ranges_insert(&ranges, &range, tell, &ranges);
}

static void start(void)
{
    csh_ranges_init(&ranges);
    n_told = 0;
}

static void stop(void)
{
    ck_assert(csh_ranges_check(&ranges));
    csh_ranges_clear(&ranges, NULL, NULL);
    ck_assert_ptr_null(ranges.root);
    ck_assert_uint_eq(ranges.n_ranges, 0);
}

START_TEST(test_empty_map_finds_nothing)
{
    ck_assert_ptr_null(csh_ranges_first(&ranges));
    ck_assert_ptr_null(csh_ranges_find(&ranges, 0, 1));
    ck_assert_ptr_null(csh_ranges_containing(&ranges, 0, 1));
    ck_assert_ptr_null(csh_ranges_overlapping(&ranges, 0, UINT64_MAX));
    ck_assert_uint_eq(csh_ranges_remove(&ranges, 0, UINT64_MAX, tell,
                                        &ranges), 0);
    ck_assert_uint_eq(n_told, 0);
}
END_TEST

START_TEST(test_finds_exact_containing_overlapping)
{
    struct csh_range *range;

    ck_assert(insert(100, 50, 7));
    range = csh_ranges_find(&ranges, 100, 50);
    ck_assert_ptr_nonnull(range);
    ck_assert_uint_eq(range->value.word[0], 7);
    ck_assert_uint_eq(range->value.word[1], ~UINT64_C(7));
    ck_assert_ptr_null(csh_ranges_find(&ranges, 100, 49));
    ck_assert_ptr_null(csh_ranges_find(&ranges, 101, 49));
    ck_assert_ptr_null(csh_ranges_find(&ranges, 99, 51));

    ck_assert_ptr_eq(csh_ranges_containing(&ranges, 100, 50), range);
    ck_assert_ptr_eq(csh_ranges_containing(&ranges, 149, 1), range);
    ck_assert_ptr_null(csh_ranges_containing(&ranges, 149, 2));
    ck_assert_ptr_null(csh_ranges_containing(&ranges, 99, 2));

    ck_assert_ptr_eq(csh_ranges_overlapping(&ranges, 99, 2), range);
    ck_assert_ptr_eq(csh_ranges_overlapping(&ranges, 149, 9), range);
    ck_assert_ptr_null(csh_ranges_overlapping(&ranges, 150, 9));
    ck_assert_ptr_null(csh_ranges_overlapping(&ranges, 99, 1));
}
END_TEST

/* A new range against [100, 110), [110, 120), [130, 140); which of the three
 * it must remove, as bits. */
static const struct {
    uint64_t start, bytes;
    unsigned removes;
} shapes[] = {
    {90, 10, 0},   {90, 11, 1},   {90, 20, 1},   {90, 21, 3},
    {90, 60, 7},   {100, 1, 1},   {100, 10, 1},  {100, 11, 3},
    {104, 2, 1},   {109, 1, 1},   {109, 2, 3},   {110, 10, 2},
    {110, 20, 2},  {110, 21, 6},  {119, 11, 2},  {119, 12, 6},
    {120, 10, 0},  {120, 11, 4},  {139, 1, 4},   {139, 100, 4},
    {140, 10, 0},  {99, 1, 0},    {0, UINT64_MAX, 7}, {105, 30, 7},
};

START_TEST(test_insert_removes_whole_what_it_overlaps)
{
    const uint64_t starts[] = {100, 110, 130};
    size_t n = 0;
    unsigned i;

    for (i = 0; i < 3; i++) {
        ck_assert(insert(starts[i], 10, i));
        ck_assert_uint_eq(n_told, 0);
    }
    ck_assert(insert(shapes[_i].start, shapes[_i].bytes, 9));

    for (i = 0; i < 3; i++) {
        if (shapes[_i].removes & (1u << i)) {
            ck_assert_uint_lt(n, n_told);
            ck_assert_uint_eq(told[n].start, starts[i]);
            ck_assert_uint_eq(told[n].bytes, 10);
            ck_assert_uint_eq(told[n].value.word[0], i);
            n++;
        } else {
            ck_assert_ptr_nonnull(csh_ranges_find(&ranges, starts[i], 10));
        }
    }
    ck_assert_uint_eq(n_told, n);
    ck_assert_uint_eq(ranges.n_ranges, 4 - n);
    ck_assert_uint_eq(csh_ranges_find(&ranges, shapes[_i].start,
                                      shapes[_i].bytes)->value.word[0], 9);
}
END_TEST

START_TEST(test_remove_takes_what_the_query_touches)
{
    size_t n;

    ck_assert(insert(100, 10, 0));
    ck_assert(insert(110, 10, 1));
    ck_assert(insert(130, 10, 2));
    n = csh_ranges_remove(&ranges, shapes[_i].start, shapes[_i].bytes, tell,
                          &ranges);
    ck_assert_uint_eq(n, n_told);
    ck_assert_uint_eq(n, (size_t)__builtin_popcount(shapes[_i].removes));
    ck_assert_uint_eq(ranges.n_ranges, 3 - n);
}
END_TEST

START_TEST(test_edges_of_the_address_space)
{
    ck_assert(!insert(5, 0, 1));
    ck_assert(!insert(UINT64_MAX, 2, 1));
    ck_assert(!insert(2, UINT64_MAX, 1));
    ck_assert_uint_eq(ranges.n_ranges, 0);

    ck_assert(insert(UINT64_MAX, 1, 1));
    ck_assert(insert(0, 1, 2));
    ck_assert_ptr_nonnull(csh_ranges_find(&ranges, UINT64_MAX, 1));
    ck_assert_ptr_nonnull(csh_ranges_overlapping(&ranges, 10, UINT64_MAX));
    ck_assert_ptr_null(csh_ranges_overlapping(&ranges, 10, 0));
    ck_assert_ptr_null(csh_ranges_overlapping(&ranges, 0, 0));
    ck_assert_ptr_null(csh_ranges_containing(&ranges, UINT64_MAX, 2));
    ck_assert_ptr_null(csh_ranges_next(
            &ranges, csh_ranges_find(&ranges, UINT64_MAX, 1)));
    ck_assert_uint_eq(csh_ranges_remove(&ranges, 0, 0, tell, &ranges), 0);
    ck_assert_uint_eq(csh_ranges_remove(&ranges, 10, UINT64_MAX, tell,
                                        &ranges), 1);
    ck_assert(insert(1, UINT64_MAX, 3));
    ck_assert_uint_eq(n_told, 0);
    ck_assert_uint_eq(ranges.n_ranges, 2);
}
END_TEST

static void *no_memory(size_t bytes)
{
    (void)bytes;
    return NULL;
}

START_TEST(test_no_memory_loses_nothing)
{
    ck_assert(insert(100, 10, 1));
    ck_assert(insert(110, 10, 2));
    ranges.allocate = no_memory;
    ck_assert(!insert(105, 10, 3));
    ck_assert_uint_eq(n_told, 0);
    ck_assert_ptr_nonnull(csh_ranges_find(&ranges, 100, 10));
    ck_assert_ptr_nonnull(csh_ranges_find(&ranges, 110, 10));
}
END_TEST

static bool is_odd(const struct csh_range *range, void *opaque)
{
    ck_assert_ptr_eq(opaque, &ranges);
    return (range->value.word[0] & 1) != 0;
}

START_TEST(test_remove_if_and_order)
{
    struct csh_range *range;
    uint64_t i;

    for (i = 0; i < 20; i++) {
        /* A permutation of 0..19. */
        ck_assert(insert(1000 + ((i * 7) % 20) * 10, 10, (i * 7) % 20));
    }
    n_told = 0;
    ck_assert_uint_eq(csh_ranges_remove_if(&ranges, is_odd, tell, &ranges),
                      10);
    for (i = 0; i < 10; i++) {
        ck_assert_uint_eq(told[i].value.word[0], 2 * i + 1);
    }
    range = csh_ranges_first(&ranges);
    for (i = 0; i < 10; i++) {
        ck_assert_uint_eq(range->value.word[0], 2 * i);
        range = csh_ranges_next(&ranges, range);
    }
    ck_assert_ptr_null(range);
}
END_TEST

/* The model: per address the number of the range there, 0 for none, and the
 * extent of each number. */
enum { SPACE = 512, OPERATIONS = 100000 };
static uint32_t model[SPACE];
static struct { uint64_t start, bytes; } extent[OPERATIONS + 1];

static uint64_t seed = 88172645463325252u;
static uint64_t draw(uint64_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed % n;
}

static void model_remove(uint64_t from, uint64_t bytes)
{
    uint64_t i, j;
    uint32_t number;

    for (i = from; i < from + bytes; i++) {
        number = model[i];
        if (number != 0) {
            for (j = 0; j < extent[number].bytes; j++) {
                model[extent[number].start + j] = 0;
            }
        }
    }
}

static void model_compare(uint64_t from, uint64_t bytes)
{
    struct csh_range *range = csh_ranges_overlapping(&ranges, from, bytes);
    uint64_t i;

    for (i = from; (i < from + bytes) && (model[i] == 0); i++) {
    }
    if (i == from + bytes) {
        ck_assert_ptr_null(range);
    } else {
        ck_assert_ptr_nonnull(range);
        ck_assert_uint_eq(range->value.word[0], model[i]);
        ck_assert_uint_eq(range->start, extent[model[i]].start);
        ck_assert_uint_eq(range->bytes, extent[model[i]].bytes);
    }
}

static void model_step(uint32_t number)
{
    uint64_t from  = draw(SPACE);
    uint64_t bytes = draw(((draw(4) == 0) ? SPACE - from : 12));
    uint64_t i;

    if (bytes > SPACE - from) {
        bytes = SPACE - from;
    }
    switch (draw(4)) {
    case 0:
        csh_ranges_remove(&ranges, from, bytes, NULL, NULL);
        model_remove(from, bytes);
        break;
    case 1:
    case 2:
        n_told = 0;
        ck_assert(insert(from, bytes, number) == (bytes != 0));
        model_remove(from, bytes);
        extent[number].start = from;
        extent[number].bytes = bytes;
        for (i = 0; i < bytes; i++) {
            model[from + i] = number;
        }
        break;
    default:
        model_compare(from, bytes);
    }
}

static void tell_nobody(const struct csh_range *range, void *opaque)
{
    struct csh_range *gone = opaque;

    ck_assert_uint_eq(gone->start, range->start);
    ck_assert_uint_eq(gone->bytes, range->bytes);
    gone->value.word[0]++;
}

START_TEST(test_agrees_with_a_model)
{
    uint32_t i;
    uint64_t from;
    struct csh_range *range;
    size_t n = 0;

    for (i = 1; i <= OPERATIONS; i++) {
        model_step(i);
        if (i % 1000 == 0) {
            ck_assert(csh_ranges_check(&ranges));
            for (from = 0; from < SPACE; from++) {
                model_compare(from, 1);
            }
        }
    }
    for (range = csh_ranges_first(&ranges); range != NULL;
         range = csh_ranges_next(&ranges, range)) {
        n++;
    }
    ck_assert_uint_eq(n, ranges.n_ranges);

    /* Empty it one by one: each callback is told exactly once. */
    while ((range = csh_ranges_first(&ranges)) != NULL) {
        struct csh_range gone = *range;

        gone.value.word[0] = 0;
        ck_assert_uint_eq(csh_ranges_remove(&ranges, gone.start, 1,
                                            tell_nobody, &gone), 1);
        ck_assert_uint_eq(gone.value.word[0], 1);
    }
}
END_TEST

START_TEST(test_200000_ranges)
{
    /* Rising order is the worst case of an unbalanced tree, which would take
     * minutes here. */
    const uint64_t n = 200000, base = 0x7f0000000000, step = 2 << 20;
    struct csh_range range = {0, step, {.word = {0, 0}}};
    uint64_t i;

    for (i = 0; i < n; i++) {
        range.start         = base + i * step;
        range.value.word[0] = i;
        ck_assert(csh_ranges_insert(&ranges, &range, NULL, NULL));
    }
    ck_assert_uint_eq(ranges.n_ranges, n);
    ck_assert(csh_ranges_check(&ranges));
    for (i = 0; i < n; i++) {
        ck_assert_uint_eq(csh_ranges_containing(
                &ranges, base + i * step + 4096, 4096)->value.word[0], i);
    }
    ck_assert_uint_eq(csh_ranges_remove(&ranges, base, n / 2 * step, NULL,
                                        NULL), n / 2);
}
END_TEST

int main(void)
{
    const int n_shapes = (int)(sizeof(shapes) / sizeof(shapes[0]));
    Suite *suite       = suite_create("ranges");
    TCase *tcase       = tcase_create("map");
    SRunner *runner;
    int n_failed;

    tcase_add_checked_fixture(tcase, start, stop);
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, test_empty_map_finds_nothing);
    tcase_add_test(tcase, test_finds_exact_containing_overlapping);
    tcase_add_loop_test(tcase, test_insert_removes_whole_what_it_overlaps, 0,
                        n_shapes);
    tcase_add_loop_test(tcase, test_remove_takes_what_the_query_touches, 0,
                        n_shapes);
    tcase_add_test(tcase, test_edges_of_the_address_space);
    tcase_add_test(tcase, test_no_memory_loses_nothing);
    tcase_add_test(tcase, test_remove_if_and_order);
    tcase_add_test(tcase, test_agrees_with_a_model);
    tcase_add_test(tcase, test_200000_ranges);
    suite_add_tcase(suite, tcase);

    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return (n_failed == 0) ? EXIT_SUCCESS : EXIT_FAILURE;
}
