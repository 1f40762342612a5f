/*
 * test_registry.c - weights have one number and one name, figures go to the
 * model that a weight turned out to be of, and what is gone takes no room.
 * Each test has a process of its own, and so a registry of its own.
 */
#include "weights/registry.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "weights_fixture.h"

#define MIB (UINT64_C(1) << 20)

static const size_t sizes[] = {1000, 2000, 1000, 0};
static struct csh_model_figures figures;

static void setup(void)
{
    static struct csh_weight_rules rules;
    char text[512];

    csh_log_threshold = CSH_LOG_OFF;
    folder_make();
    folder_write_model("m.safetensors", "t", sizes, 1);
    snprintf(text, sizeof(text), "manifest=%s", folder_path("m.safetensors"));
    ck_assert(csh_parse_weights(text, &rules));
    csh_registry_open(csh_catalog_open(&rules));
    ck_assert_ptr_nonnull(csh_registry_catalog());
    folder_remove();
}

static const struct csh_identity *tensor(uint32_t i)
{
    static struct csh_identity identity;

    identity = (struct csh_identity){.match = CSH_MATCH_EXACT, .tensor = i,
                                     .n_tensors = 1};
    return &identity;
}

static void count(uint32_t weight, enum csh_direction direction,
                  uint64_t bytes)
{
    const struct csh_weight_mark mark = {.weight = weight};

    csh_registry_count(mark, direction, CSH_OUTCOME_served, CSH_REASON_first,
                       bytes, 10);
}

static uint64_t served(enum csh_direction direction)
{
    return figures.account.reason[direction][CSH_OUTCOME_served]
                                 [CSH_REASON_first].bytes;
}

START_TEST(one_number_for_one_name)
{
    uint32_t first = csh_registry_identified(tensor(0), 1000);
    uint32_t third = csh_registry_identified(tensor(2), 1000);
    uint32_t own = csh_registry_named("mine", "w", 5);

    ck_assert_uint_ne(first, 0);
    ck_assert_uint_ne(first, third);
    ck_assert_uint_eq(csh_registry_identified(tensor(0), 1000), first);
    ck_assert_uint_eq(csh_registry_named("mine", "w", 5), own);
    ck_assert_uint_ne(csh_registry_named("mine", "v", 5), own);
    ck_assert_uint_ne(csh_registry_named("yours", "w", 5), own);
    ck_assert_uint_ne(csh_registry_named("mine", "w", 6), own);
    ck_assert(csh_registry_model(0, &figures));
    ck_assert_str_eq(figures.name, "m.safetensors");
    ck_assert_uint_eq(figures.known.calls, 2);
    ck_assert_uint_eq(figures.known.bytes, 2000);
    ck_assert(csh_registry_model(1, &figures));
    ck_assert_str_eq(figures.name, "mine");
    ck_assert_uint_eq(figures.known.calls, 3);
    ck_assert(csh_registry_model(2, &figures));
    ck_assert(!csh_registry_model(3, &figures));
}
END_TEST

START_TEST(figures_wait_for_the_name)
{
    uint32_t pending = csh_registry_unnamed(1, 1000, true);

    ck_assert_uint_ne(pending, 0);
    ck_assert(!csh_registry_model(0, &figures));
    csh_registry_refer(pending, CSH_PLACE_DEVICE);
    count(pending, CSH_H2D, 1000);
    ck_assert(csh_registry_begin_settling(pending));
    ck_assert(!csh_registry_begin_settling(pending));
    csh_registry_settle(pending, tensor(2));
    count(pending, CSH_D2H, 1000);
    ck_assert(csh_registry_model(0, &figures));
    ck_assert_str_eq(figures.name, "m.safetensors");
    ck_assert_uint_eq(served(CSH_H2D), 1000);
    ck_assert_uint_eq(served(CSH_D2H), 1000);
    ck_assert_uint_eq(figures.account.times[CSH_H2D], 1);
    ck_assert_uint_eq(figures.account.times[CSH_D2H], 1);
    ck_assert_uint_eq(figures.account.ns[CSH_H2D], 10);
    ck_assert_uint_eq(figures.on_device.bytes, 1000);
    ck_assert_uint_eq(csh_registry_identified(tensor(2), 1000), pending);
    ck_assert(!csh_registry_model(1, &figures));
}
END_TEST

/* The tensor came twice before anybody had looked. */
START_TEST(two_numbers_become_one_weight)
{
    uint32_t first = csh_registry_identified(tensor(0), 1000), cursor = 0;
    uint32_t again = csh_registry_unnamed(1, 1000, true);
    struct csh_weight_figures weight;

    csh_registry_refer(again, CSH_PLACE_DEVICE);
    count(first, CSH_H2D, 1000);
    count(again, CSH_H2D, 1000);
    csh_registry_settle(again, tensor(0));
    count(again, CSH_D2H, 1000);
    ck_assert(csh_registry_model(0, &figures));
    ck_assert_uint_eq(figures.known.calls, 1);
    ck_assert_uint_eq(served(CSH_H2D), 2000);
    ck_assert_uint_eq(figures.on_device.calls, 1);
    ck_assert(csh_registry_weight(0, &cursor, &weight));
    ck_assert_str_eq(weight.tensor, "t0");
    ck_assert_uint_eq(weight.n_copies[CSH_H2D], 2);
    ck_assert_uint_eq(weight.n_copies[CSH_D2H], 1);
    ck_assert(!csh_registry_weight(0, &cursor, &weight));
    csh_registry_unrefer(again, CSH_PLACE_DEVICE);
    ck_assert(csh_registry_model(0, &figures));
    ck_assert_uint_eq(figures.on_device.calls, 0);
    /* The second number is free again. */
    ck_assert_uint_eq(csh_registry_unnamed(1, 5, false), again);
}
END_TEST

START_TEST(what_matches_nothing_is_of_its_burst)
{
    const struct csh_identity none = {.match = CSH_MATCH_NONE};
    const struct csh_identity unsure = {.match = CSH_MATCH_SAMPLED,
                                        .n_tensors = 1};
    uint32_t burst = csh_registry_burst(1);
    uint32_t a = csh_registry_unnamed(burst, MIB, true), cursor = 0;
    uint32_t b = csh_registry_unnamed(burst, MIB, true);
    struct csh_weight_figures weight;

    csh_registry_refer(a, CSH_PLACE_DEVICE);
    csh_registry_refer(b, CSH_PLACE_HOST);
    csh_registry_settle(a, &none);
    csh_registry_settle(b, &unsure);
    ck_assert(csh_registry_model(0, &figures));
    ck_assert_ptr_null(figures.name);
    ck_assert_str_eq(figures.label, "model 1 (2 tensors, 2.00 MiB)");
    ck_assert(!csh_registry_weight(0, &cursor, &weight));
    csh_registry_unrefer(a, CSH_PLACE_DEVICE);
    csh_registry_unrefer(b, CSH_PLACE_HOST);
    ck_assert(csh_registry_model(0, &figures));
    ck_assert_uint_eq(figures.on_device.calls, 0);
    ck_assert_str_eq(figures.label, "model 1 (2 tensors, 2.00 MiB)");
}
END_TEST

START_TEST(room_is_used_again)
{
    uint32_t last = 0, weight, burst = csh_registry_burst(1);
    unsigned i;

    for (i = 0; i < 3 * CSH_MAX_WEIGHTS; ++i) {
        weight = csh_registry_unnamed(burst, 1, (i % 2) == 1);
        ck_assert_uint_ne(weight, 0);
        ck_assert((i == 0) || (weight == last));
        csh_registry_refer(weight, CSH_PLACE_DEVICE);
        csh_registry_unrefer(weight, CSH_PLACE_DEVICE);
        last = weight;
    }
    ck_assert(csh_registry_model(0, &figures));
    ck_assert_str_eq(figures.label, "model 1 (1 tensor, 1 B)");
}
END_TEST

START_TEST(room_ends)
{
    unsigned i;

    for (i = 0; i < CSH_MAX_WEIGHTS; ++i) {
        ck_assert_uint_ne(csh_registry_unnamed(1, 1, false), 0);
    }
    ck_assert_uint_eq(csh_registry_unnamed(1, 1, false), 0);
    ck_assert_uint_eq(csh_registry_identified(tensor(0), 1000), 0);
    ck_assert_uint_eq(csh_registry_named("m", "t", 1), 0);
    csh_registry_refer(0, CSH_PLACE_HOST);
    csh_registry_unrefer(0, CSH_PLACE_HOST);
    count(0, CSH_H2D, 1);
    count(UINT32_MAX, CSH_H2D, 1);
}
END_TEST

static uint32_t shadowed;
static bool is_shadow_pinned;

static void look(void)
{
    csh_registry_has_shadow(shadowed, is_shadow_pinned);
}

START_TEST(who_knows_says_what_has_a_shadow)
{
    shadowed = csh_registry_identified(tensor(1), 2000);
    csh_registry_on_look(look);
    csh_registry_look();
    ck_assert(csh_registry_model(0, &figures));
    ck_assert_uint_eq(figures.in_shadows.bytes, 2000);
    ck_assert_uint_eq(figures.pinned.bytes, 0);
    is_shadow_pinned = true;
    csh_registry_look();
    ck_assert(csh_registry_model(0, &figures));
    ck_assert_uint_eq(figures.in_shadows.bytes, 2000);
    ck_assert_uint_eq(figures.pinned.bytes, 2000);
    shadowed = 0;
    csh_registry_look();
    ck_assert(csh_registry_model(0, &figures));
    ck_assert_uint_eq(figures.in_shadows.bytes, 0);
}
END_TEST

START_TEST(loads_and_unloads_take_turns)
{
    uint32_t a = csh_registry_identified(tensor(0), 1000);
    uint32_t b = csh_registry_identified(tensor(1), 2000);
    int i;

    for (i = 0; i < 3; ++i) {
        count(a, CSH_H2D, 1000);
        count(b, CSH_H2D, 2000);
        count(a, CSH_D2H, 1000);
        count(b, CSH_D2H, 2000);
    }
    count(a, CSH_H2D, 1000);
    ck_assert(csh_registry_model(0, &figures));
    ck_assert_uint_eq(figures.account.times[CSH_H2D], 4);
    ck_assert_uint_eq(figures.account.times[CSH_D2H], 3);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("registry");
    TCase *tcase = tcase_create("core");
    SRunner *runner = srunner_create(suite);
    int n_failed;

    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_test(tcase, one_number_for_one_name);
    tcase_add_test(tcase, figures_wait_for_the_name);
    tcase_add_test(tcase, two_numbers_become_one_weight);
    tcase_add_test(tcase, what_matches_nothing_is_of_its_burst);
    tcase_add_test(tcase, room_is_used_again);
    tcase_add_test(tcase, room_ends);
    tcase_add_test(tcase, who_knows_says_what_has_a_shadow);
    tcase_add_test(tcase, loads_and_unloads_take_turns);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_ENV);
    n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed != 0;
}
