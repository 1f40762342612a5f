/*
 * test_report_models.c - the section by model, as text and as JSON, and that
 * by rule. Names are hostile: they come out of files.
 */
#include "report/summary.h"

#include "report_fixture.h"
#include "weights/registry.h"

#define MIB (UINT64_C(1) << 20)

static struct csh_report report;

static void gather(void *opaque, const char *piece, size_t n_bytes)
{
    (void)opaque;
    ck_assert_uint_lt(n_text + n_bytes, sizeof(text));
    memcpy(text + n_text, piece, n_bytes);
    n_text += n_bytes;
    text[n_text] = '\0';
}

static void write_report(enum csh_stats form)
{
    n_text = 0;
    text[0] = '\0';
    report.is_full = true;
    csh_statistics_snapshot(&report.statistics);
    csh_report_write(&report, form, gather, &n_text);
}

static void copy(uint32_t weight, enum csh_direction direction,
                 enum csh_outcome outcome, enum csh_reason reason,
                 uint64_t bytes)
{
    const struct csh_weight_mark mark = {.weight = weight};

    count(direction, outcome, reason, bytes);
    csh_registry_count(mark, direction, outcome, reason, bytes, 1000000);
}

/* Ten tensors of i MiB, changed i times, and one without a name. */
static void count_models(void)
{
    char name[32];
    uint32_t weight;
    unsigned i, n;

    for (i = 1; i <= 10; ++i) {
        snprintf(name, sizeof(name), "w%u\n\"\xff", i);
        weight = csh_registry_named("a\x1b[31m/b.safetensors", name, i * MIB);
        csh_registry_refer(weight, CSH_PLACE_DEVICE);
        copy(weight, CSH_H2D, CSH_OUTCOME_served, CSH_REASON_first, i * MIB);
        for (n = 0; n < i; ++n) {
            copy(weight, CSH_D2H, CSH_OUTCOME_served, CSH_REASON_dirty,
                 i * MIB);
        }
    }
    weight = csh_registry_unnamed(csh_registry_burst(1), 3 * MIB, false);
    copy(weight, CSH_D2H, CSH_OUTCOME_elided, CSH_REASON_proven, 3 * MIB);
    csh_statistics_count_weight(CSH_WEIGHT_RULE_file, 5);
    csh_statistics_count_weight(CSH_WEIGHT_RULE_file, 6);
}

START_TEST(json_has_every_tensor)
{
    count_models();
    write_report(CSH_STATS_JSON);
    assert_one_line();
    write_file(text, n_text);
    assert_python(
        "import json, sys\n"
        "j = json.load(open(sys.argv[1]))\n"
        "a, b = j[\"models\"]\n"
        "assert a[\"model\"] == \"a\\x1b[31m/b.safetensors\", a[\"model\"]\n"
        "assert a[\"tensors\"] == 10 and a[\"bytes\"] == 55 << 20\n"
        "w = a[\"weights\"]\n"
        "assert [x[\"changed\"] for x in w] == list(range(1, 11))\n"
        "assert w[2][\"tensor\"] == \"w3\\n\\\"\\ufffd\"\n"
        "assert w[2][\"loads\"] == 1 and w[2][\"bytes\"] == 3 << 20\n"
        "assert a[\"loads\"][\"ns\"] == 10000000\n"
        "assert a[\"loads\"][\"times\"] == 10\n"
        "assert a[\"unloads\"][\"bytes\"] == 385 << 20\n"
        "r = a[\"unloads\"][\"reasons\"]\n"
        "assert len(r) == 1 and r[0][\"reason\"] == \"dirty\"\n"
        "assert a[\"on_device\"][\"bytes\"] == 55 << 20\n"
        "assert a[\"in_shadows\"][\"bytes\"] == 0\n");
    assert_python(
        "import json, sys\n"
        "j = json.load(open(sys.argv[1]))\n"
        "b = j[\"models\"][1]\n"
        "assert b[\"model\"] == \"\" and b[\"weights\"] == []\n"
        "assert b[\"label\"] == \"model 1 (1 tensor, 3.00 MiB)\"\n"
        "r = j[\"rules\"]\n"
        "assert r[\"file\"] == {\"calls\": 2, \"bytes\": 11}\n"
        "assert r[\"none\"] == {\"calls\": 0, \"bytes\": 0}\n"
        "assert {\"manifest\", \"learn\", \"unmatched\"} < r.keys()\n");
}
END_TEST

/* Text shows the eight with the most bytes, and no orders to a terminal. */
START_TEST(text_shows_what_changed_most)
{
    const char *w10, *w9, *w3;

    count_models();
    write_report(CSH_STATS_TEXT);
    assert_said("a?[31m/b.safetensors (10 tensors, 55.0 MiB)");
    assert_said("model 1 (1 tensor, 3.00 MiB)");
    assert_said("10 times, 0.010 s, 5.77 GB/s");
    w10 = strstr(text, "w10?\"?");
    w9 = strstr(text, "w9?\"?");
    w3 = strstr(text, "w3?\"?");
    ck_assert_ptr_nonnull(w10);
    ck_assert_ptr_nonnull(w9);
    ck_assert_ptr_nonnull(w3);
    ck_assert(w10 < w9 && w9 < w3);
    ck_assert_ptr_null(strstr(text, "w2?"));
    ck_assert_ptr_null(strchr(text, 0x1b));
}
END_TEST

START_TEST(nothing_is_an_empty_list)
{
    write_report(CSH_STATS_JSON);
    assert_said("\"models\":[],");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("report_models");
    TCase *tcase = tcase_create("core");
    SRunner *runner = srunner_create(suite);
    int n_failed;

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, json_has_every_tensor);
    tcase_add_test(tcase, text_shows_what_changed_most);
    tcase_add_test(tcase, nothing_is_an_empty_list);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_ENV);
    n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed != 0;
}
