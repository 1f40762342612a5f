/*
 * test_park_policy.c - how much is kept parked, what goes first, and what is
 * handed out again: every case, and the orders of all small sets of blocks.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "engine/park_policy.h"

#define GB (UINT64_C(1) << 30)

static const struct csh_size_or_share automatic = {.unit = CSH_SIZE_AUTO};
static const struct csh_size_or_share nothing = {.unit = CSH_SIZE_BYTES};
static const struct csh_size_or_share no_share = {.unit = CSH_SIZE_PERCENT};

static struct csh_size_or_share bytes_of(uint64_t value)
{
    return (struct csh_size_or_share){.unit = CSH_SIZE_BYTES, .value = value};
}

static struct csh_size_or_share percent_of(uint64_t value)
{
    return (struct csh_size_or_share){.unit = CSH_SIZE_PERCENT, .value = value};
}

START_TEST(zero_is_off_and_auto_is_not)
{
    struct csh_size_or_share one = bytes_of(1);

    ck_assert(csh_park_is_off(&nothing));
    ck_assert(csh_park_is_off(&no_share));
    ck_assert(!csh_park_is_off(&automatic));
    ck_assert(!csh_park_is_off(&one));
}
END_TEST

/* auto: the larger of 1 GiB and a tenth; where the user names an amount, the
 * smaller. */
START_TEST(headroom)
{
    struct csh_size_or_share named = bytes_of(4 * GB);

    ck_assert_uint_eq(csh_park_headroom(&automatic, 80 * GB), 8 * GB);
    ck_assert_uint_eq(csh_park_headroom(&automatic, 10 * GB), GB);
    ck_assert_uint_eq(csh_park_headroom(&automatic, 4 * GB), GB);
    ck_assert_uint_eq(csh_park_headroom(&named, 80 * GB), GB);
    ck_assert_uint_eq(csh_park_headroom(&named, 10 * GB), GB);
    ck_assert_uint_eq(csh_park_headroom(&named, 5 * GB), GB / 2);
}
END_TEST

struct room_cell {
    struct csh_size_or_share keep;
    struct csh_park_room room; /* total, free, parked */
    uint64_t most, excess;
};

#define AUTO                  \
    {                         \
        .unit = CSH_SIZE_AUTO \
    }
#define BYTES(n_)                             \
    {                                         \
        .unit = CSH_SIZE_BYTES, .value = (n_) \
    }
#define PERCENT(n_)                             \
    {                                           \
        .unit = CSH_SIZE_PERCENT, .value = (n_) \
    }

static const struct room_cell rooms[] = {
    {AUTO, {80 * GB, 80 * GB, 0}, 72 * GB, 0},
    {AUTO, {80 * GB, 20 * GB, 10 * GB}, 22 * GB, 0},
    {AUTO, {80 * GB, 8 * GB, 10 * GB}, 10 * GB, 0},
    {AUTO, {80 * GB, 7 * GB, 10 * GB}, 9 * GB, GB},
    {AUTO, {80 * GB, 0, 10 * GB}, 2 * GB, 8 * GB},
    {AUTO, {80 * GB, 0, 8 * GB}, 0, 8 * GB},
    {AUTO, {80 * GB, 0, 3 * GB}, 0, 3 * GB},
    {AUTO, {80 * GB, 0, 0}, 0, 0},
    {BYTES(0), {80 * GB, 80 * GB, 0}, 0, 0},
    {BYTES(0), {80 * GB, 20 * GB, 5 * GB}, 0, 5 * GB},
    {BYTES(4 * GB), {80 * GB, 80 * GB, 0}, 4 * GB, 0},
    {BYTES(4 * GB), {80 * GB, 80 * GB, 5 * GB}, 4 * GB, GB},
    {BYTES(40 * GB), {80 * GB, 2 * GB, 5 * GB}, 6 * GB, 0},
    {BYTES(40 * GB), {80 * GB, 0, 5 * GB}, 4 * GB, GB},
    {PERCENT(0), {80 * GB, 20 * GB, 5 * GB}, 0, 5 * GB},
    {PERCENT(50), {100 * GB, 100 * GB, 0}, 50 * GB, 0},
    {PERCENT(50), {100 * GB, 60 * GB, 60 * GB}, 50 * GB, 10 * GB},
    {PERCENT(100), {100 * GB, 30 * GB, 20 * GB}, 49 * GB, 0},
};

START_TEST(most_and_excess)
{
    const struct room_cell *cell = &rooms[_i];

    ck_assert_uint_eq(csh_park_most(&cell->keep, &cell->room), cell->most);
    ck_assert_uint_eq(csh_park_excess(&cell->keep, &cell->room), cell->excess);
}
END_TEST

/* What is parked within the limit stays within it, whatever is free. */
START_TEST(excess_given_back_leaves_none)
{
    static const uint64_t sizes[] = {0, GB / 2, GB, 5 * GB, 9 * GB, 30 * GB};
    struct csh_size_or_share keeps[] = {automatic, bytes_of(6 * GB),
                                        percent_of(20)};
    size_t keep = (size_t)_i % 3, i, j;

    for (i = 0; i < CSH_ARRAY_LENGTH(sizes); i++) {
        for (j = 0; j < CSH_ARRAY_LENGTH(sizes); j++) {
            struct csh_park_room room = {60 * GB, sizes[i], sizes[j]};
            uint64_t excess = csh_park_excess(&keeps[keep], &room);

            ck_assert_uint_le(excess, room.parked);
            room.parked -= excess;
            room.free += excess;
            ck_assert_uint_eq(csh_park_excess(&keeps[keep], &room), 0);
        }
    }
}
END_TEST

START_TEST(worth_keeping)
{
    static const struct {
        uint64_t bytes, clean;
        bool is_worth;
    } cells[] = {
        {4096, 0, false},   {4096, 1, false},   {4096, 3071, false},
        {4096, 3072, true}, {4096, 4096, true}, {0, 0, false},
        {3, 1, true},       {1024, 767, false},
    };
    size_t i;

    for (i = 0; i < CSH_ARRAY_LENGTH(cells); i++) {
        struct csh_park_block block = {.bytes = cells[i].bytes,
                                       .clean_bytes = cells[i].clean};

        ck_assert_int_eq(csh_park_is_worth(&block), cells[i].is_worth);
    }
}
END_TEST

enum { N_BLOCKS = 4 };

/* Set number n of four blocks: each of one of two ranks, a twin or not, held
 * or not, and of 1 or 3 bytes. */
static void make_blocks(unsigned n, struct csh_park_block *blocks)
{
    int i;

    for (i = 0; i < N_BLOCKS; i++, n /= 16) {
        blocks[i] = (struct csh_park_block){.rank = n & 1,
                                            .is_twin = (n & 2) != 0,
                                            .is_held = (n & 4) != 0,
                                            .bytes = (n & 8) != 0 ? 3 : 1};
    }
}

/* Twins first, then by rank, then as they stand in the array. */
static unsigned order_of(const struct csh_park_block *block, unsigned i)
{
    return (block->is_twin ? 0u : 1u) * 100 + (unsigned)block->rank * 10 + i;
}

/* What is wrong with a choice, or NULL. */
static const char *fault_of(const struct csh_park_block *blocks,
                            uint64_t wanted, const size_t *chosen,
                            size_t n_chosen)
{
    bool goes[N_BLOCKS] = {false};
    unsigned i, last = 0, order;
    uint64_t got = 0, can_go = 0;
    size_t k;

    for (k = 0; k < n_chosen; k++) {
        if (got >= wanted) {
            return "more than needed";
        }
        if (chosen[k] >= N_BLOCKS || goes[chosen[k]] ||
            blocks[chosen[k]].is_held) {
            return "not to be chosen";
        }
        order = order_of(&blocks[chosen[k]], (unsigned)chosen[k]);
        if (k > 0 && order < last) {
            return "not in order";
        }
        goes[chosen[k]] = true;
        got += blocks[chosen[k]].bytes;
        last = order;
    }
    for (i = 0; i < N_BLOCKS; i++) {
        can_go += blocks[i].is_held ? 0 : blocks[i].bytes;
        if (!blocks[i].is_held && !goes[i] && n_chosen > 0 &&
            order_of(&blocks[i], i) < last) {
            return "what stays should have gone";
        }
    }
    return got < wanted && got < can_go ? "not enough" : NULL;
}

/* All 65,536 sets. */
START_TEST(chosen_in_order_and_no_more_than_needed)
{
    struct csh_park_block blocks[N_BLOCKS];
    size_t chosen[N_BLOCKS], n_chosen;
    const char *fault;
    unsigned n;

    for (n = 0; n < 65536; n++) {
        make_blocks(n, blocks);
        n_chosen = csh_park_choose(blocks, N_BLOCKS, (uint64_t)_i, chosen);
        fault = fault_of(blocks, (uint64_t)_i, chosen, n_chosen);
        if (fault != NULL) {
            ck_abort_msg("set %u, %d bytes: %s", n, _i, fault);
        }
    }
}
END_TEST

START_TEST(nothing_to_choose_from)
{
    size_t chosen = 7;

    ck_assert_uint_eq(csh_park_choose(NULL, 0, 100, &chosen), 0);
    ck_assert_uint_eq(chosen, 7);
}
END_TEST

/* Room for it is what is spare and what goes before it. */
START_TEST(admitted)
{
    struct csh_park_block fresh = {.bytes = 10, .rank = 50};
    struct csh_park_block blocks[] = {
        {.bytes = 4, .rank = 10},
        {.bytes = 4, .rank = 20},
        {.bytes = 100, .rank = 30, .is_held = true},
    };

    ck_assert(csh_park_admits(&fresh, NULL, 0, 10));
    ck_assert(!csh_park_admits(&fresh, NULL, 0, 9));
    ck_assert(csh_park_admits(&fresh, blocks, 3, 2));
    ck_assert(!csh_park_admits(&fresh, blocks, 3, 1));
    ck_assert(csh_park_admits(&fresh, blocks, 1, 6));
    ck_assert(!csh_park_admits(&fresh, blocks, 1, 5));
}
END_TEST

/* What is worth as much, or more, does not make room for it. */
START_TEST(admitted_by_rank)
{
    struct csh_park_block fresh = {.bytes = 10, .rank = 50};
    struct csh_park_block other = {.bytes = 10, .rank = 49};

    ck_assert(csh_park_admits(&fresh, &other, 1, 0));
    other.rank = 50;
    ck_assert(!csh_park_admits(&fresh, &other, 1, 0));
    other.rank = 51;
    ck_assert(!csh_park_admits(&fresh, &other, 1, 0));
    other.is_twin = true;
    ck_assert(csh_park_admits(&fresh, &other, 1, 0));
}
END_TEST

struct pick_cell {
    const char *what;
    struct csh_park_block blocks[3]; /* bytes, born, held, twin */
    uint64_t bytes, previous;
    bool must_lose_one;
    size_t picked;
};

#define BLOCK(bytes_, born_)               \
    {                                      \
        .bytes = (bytes_), .born = (born_) \
    }
#define HELD(bytes_, born_)                                 \
    {                                                       \
        .bytes = (bytes_), .born = (born_), .is_held = true \
    }
#define TWIN(bytes_, born_)                                 \
    {                                                       \
        .bytes = (bytes_), .born = (born_), .is_twin = true \
    }

static const struct pick_cell picks[] = {
    {"none fits",
     {BLOCK(8, 1), BLOCK(4, 2), BLOCK(2, 3)},
     5,
     0,
     true,
     CSH_PARK_NONE},
    {"the only one", {BLOCK(8, 1), BLOCK(4, 2), BLOCK(2, 3)}, 4, 0, true, 1},
    {"the only one, where none need go",
     {BLOCK(8, 1), BLOCK(4, 2), BLOCK(2, 3)},
     4,
     0,
     false,
     CSH_PARK_NONE},
    {"the only one, behind another",
     {BLOCK(8, 1), BLOCK(4, 2), BLOCK(2, 3)},
     4,
     3,
     true,
     1},
    {"held", {HELD(4, 1), BLOCK(8, 2), BLOCK(8, 3)}, 4, 0, true, CSH_PARK_NONE},
    {"a twin",
     {TWIN(4, 1), BLOCK(8, 2), BLOCK(8, 3)},
     4,
     0,
     true,
     CSH_PARK_NONE},
    {"two, no hint, where none need go",
     {BLOCK(4, 1), BLOCK(4, 2), BLOCK(8, 3)},
     4,
     0,
     false,
     CSH_PARK_NONE},
    {"two, no hint, short",
     {BLOCK(4, 2), BLOCK(4, 1), BLOCK(8, 3)},
     4,
     0,
     true,
     1},
    {"two, the one behind",
     {BLOCK(4, 1), BLOCK(4, 5), BLOCK(8, 3)},
     4,
     3,
     true,
     1},
    {"two, not the last used again",
     {BLOCK(4, 3), BLOCK(4, 5), BLOCK(8, 1)},
     4,
     3,
     true,
     1},
    {"three, the next behind",
     {BLOCK(4, 9), BLOCK(4, 5), BLOCK(4, 1)},
     4,
     3,
     true,
     1},
    {"two, none behind, where none need go",
     {BLOCK(4, 1), BLOCK(4, 2), BLOCK(8, 9)},
     4,
     9,
     false,
     CSH_PARK_NONE},
    {"two, none behind, short",
     {BLOCK(4, 2), BLOCK(4, 1), BLOCK(8, 9)},
     4,
     9,
     true,
     1},
};

START_TEST(picked)
{
    const struct pick_cell *cell = &picks[_i];

    ck_assert_msg(csh_park_pick(cell->blocks, 3, cell->bytes, cell->previous,
                                cell->must_lose_one) == cell->picked,
                  "%s", cell->what);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("park_policy");
    TCase *cases = tcase_create("cells");
    SRunner *runner;
    int failed;

    tcase_add_test(cases, zero_is_off_and_auto_is_not);
    tcase_add_test(cases, headroom);
    tcase_add_loop_test(cases, most_and_excess, 0,
                        (int)CSH_ARRAY_LENGTH(rooms));
    tcase_add_loop_test(cases, excess_given_back_leaves_none, 0, 3);
    tcase_add_test(cases, worth_keeping);
    tcase_add_loop_test(cases, chosen_in_order_and_no_more_than_needed, 0, 14);
    tcase_add_test(cases, nothing_to_choose_from);
    tcase_add_test(cases, admitted);
    tcase_add_test(cases, admitted_by_rank);
    tcase_add_loop_test(cases, picked, 0, (int)CSH_ARRAY_LENGTH(picks));
    suite_add_tcase(suite, cases);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
