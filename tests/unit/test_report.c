/*
 * test_report.c - the report says what the counters say, in a form that a
 * strict reader takes.
 */
#include "report/summary.h"

#include "base/human.h"
#include "report/ranking.h"
#include "report_text.h"

/* Every cell another figure, so that no two can be mixed up unseen. */
static void count_everywhere(void)
{
    int direction, outcome, reason;
    uint64_t bytes = 1;

    for (direction = 0; direction < CSH_N_DIRECTIONS; ++direction) {
        for (outcome = 0; outcome < CSH_N_OUTCOMES; ++outcome) {
            for (reason = 0; reason < CSH_N_REASONS; ++reason) {
                count((enum csh_direction)direction,
                      (enum csh_outcome)outcome, (enum csh_reason)reason,
                      bytes);
                bytes = bytes * 7 % 1000003;
            }
        }
    }
    for (reason = 0; reason < CSH_N_GAUGES; ++reason) {
        csh_statistics_add((enum csh_gauge)reason, 1000 + reason);
    }
    for (reason = 0; reason < CSH_N_WEIGHT_RULES; ++reason) {
        csh_statistics_count_weight((enum csh_weight_rule)reason,
                                    (uint64_t)(7 + reason));
    }
}

static const char check_schema[] =
    "import json, sys\n"
    "j = json.load(open(sys.argv[1]))\n"
    "assert list(j) == [\"schema\", \"pid\", \"mode\", \"copies\","
    " \"models\", \"rules\", \"gauges\", \"process\"], list(j)\n"
    "m = [\"rss_anon_bytes\", \"rss_file_bytes\", \"rss_shmem_bytes\"]\n"
    "assert list(j[\"process\"]) == m + [\"rss_peak_bytes\"]\n"
    "assert list(j[\"process\"].values()) == [3, 4, 5, 6]\n"
    "assert [r[\"bytes\"] for r in j[\"rules\"].values()] == "
    "list(range(7, 7 + len(j[\"rules\"])))\n"
    "assert j[\"schema\"] == 1 and j[\"pid\"] == 42\n"
    "assert j[\"mode\"] == \"observe\"\n"
    "assert list(j[\"copies\"]) == [\"d2h\", \"h2d\"]\n"
    "for d in j[\"copies\"].values():\n"
    "    for u in (\"calls\", \"bytes\"):\n"
    "        o = [\"elided\", \"served\", \"passed\", \"failed\"]\n"
    "        assert list(d) == [\"asked\"] + o + [\"reasons\"]\n"
    "        assert d[\"asked\"][u] == sum(d[k][u] for k in o) > 0\n"
    "        for k in o:\n"
    "            assert d[k][u] == sum(r[u] for r in d[\"reasons\"]"
    " if r[\"outcome\"] == k) > 0\n"
    "    r = [x[\"bytes\"] for x in d[\"reasons\"]]\n"
    "    assert r == sorted(r, reverse=True)\n"
    "    v = {x[\"reason\"]: x[\"variable\"] for x in d[\"reasons\"]}\n"
    "    assert v[\"small\"] == \"CUSHADOW_MIN_BYTES\"\n"
    "    assert v[\"dirty\"] == \"\"\n"
    "assert j[\"gauges\"][\"weights\"] >= 1000\n";

START_TEST(json_is_read_back)
{
    const char *end;
    char count_rows[128];

    count_everywhere();
    report.mode = CSH_MODE_OBSERVE;
    report.pid = 42;
    report.memory = (struct csh_process_memory){{3, 4, 5, 6}};
    write_report(CSH_STATS_JSON);
    end = strchr(text, '\n');
    ck_assert_ptr_eq(end, text + n_text - 1); /* one line, so JSON lines */
    write_file(text, n_text);
    assert_python(check_schema);
    snprintf(count_rows, sizeof(count_rows),
             "import json, sys\n"
             "j = json.load(open(sys.argv[1]))\n"
             "assert len(j[\"gauges\"]) == %d\n", CSH_N_GAUGES);
    assert_python(count_rows);
}
END_TEST

/* What is touched is private memory, and is counted as such. */
START_TEST(process_memory_is_that_of_this_process)
{
    enum { BYTES = 64 << 20 };
    struct csh_process_memory before, after;
    volatile char *memory;
    int i;

    csh_process_memory_read(&before);
    ck_assert_uint_gt(before.bytes[CSH_PROCESS_MEMORY_rss_anon_bytes], 0);
    ck_assert_uint_gt(before.bytes[CSH_PROCESS_MEMORY_rss_file_bytes], 0);
    memory = malloc(BYTES);
    for (i = 0; i < BYTES; i += 4096) {
        memory[i] = 1;
    }
    csh_process_memory_read(&after);
    ck_assert_uint_ge(after.bytes[CSH_PROCESS_MEMORY_rss_anon_bytes],
                      before.bytes[CSH_PROCESS_MEMORY_rss_anon_bytes] +
                          BYTES / 2);
    ck_assert_uint_ge(after.bytes[CSH_PROCESS_MEMORY_rss_peak_bytes],
                      BYTES / 2);
    free((void *)memory);
}
END_TEST

/* The same figures, found one by one. */
START_TEST(json_has_each_cell_as_counted)
{
    char expected[160];
    const struct csh_tally *cell;
    int outcome, reason;

    count_everywhere();
    write_report(CSH_STATS_JSON);
    for (outcome = 0; outcome < CSH_N_OUTCOMES; ++outcome) {
        for (reason = 0; reason < CSH_N_REASONS; ++reason) {
            cell = &report.statistics.reason[CSH_D2H][outcome][reason];
            snprintf(expected, sizeof(expected),
                     "{\"outcome\":\"%s\",\"reason\":\"%s\",\"variable\":"
                     "\"%s\",\"calls\":1,\"bytes\":%llu}",
                     csh_outcome_name((enum csh_outcome)outcome),
                     csh_reason_name((enum csh_reason)reason),
                     csh_reason_variable((enum csh_reason)reason),
                     (unsigned long long)cell->bytes);
            ck_assert_msg(strstr(text, expected) != NULL, "%s", expected);
        }
    }
}
END_TEST

START_TEST(json_of_nothing_is_json)
{
    write_report(CSH_STATS_JSON);
    write_file(text, n_text);
    assert_python("import json, sys\n"
                  "j = json.load(open(sys.argv[1]))\n"
                  "assert j[\"copies\"][\"d2h\"][\"reasons\"] == []\n"
                  "assert j[\"copies\"][\"h2d\"][\"asked\"] == "
                  "{\"calls\": 0, \"bytes\": 0}\n");
}
END_TEST

static void emit_string(enum csh_stats form, const char *string)
{
    struct csh_emitter emitter;

    n_text = 0;
    csh_emitter_begin(&emitter, form, gather, &n_text);
    csh_emitter_open(&emitter, '{', NULL, NULL);
    csh_emitter_string(&emitter, string, string, string);
    csh_emitter_close(&emitter, '}');
    csh_emitter_end(&emitter);
}

START_TEST(strings_of_any_bytes_are_json)
{
    char all[256];
    int i;

    for (i = 1; i < 256; ++i) {
        all[i - 1] = (char)i;
    }
    all[255] = '\0';
    emit_string(CSH_STATS_JSON, all);
    write_file(text, n_text);
    assert_python(
        "import json, sys\n"
        "(k, v), = json.load(open(sys.argv[1], encoding=\"utf8\")).items()\n"
        "assert k == v\n"
        "assert v == \"\".join(map(chr, range(1, 128))) +"
        " \"\\ufffd\" * 128, ascii(v)\n");
}
END_TEST

START_TEST(good_utf8_stays_and_bad_is_replaced)
{
    /* U+00E4 U+20AC U+1F600, then: a surrogate, an overlong slash, beyond
     * U+10FFFF, a cut sequence. */
    emit_string(CSH_STATS_JSON,
                "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80|\xed\xa0\x80|\xc0\xaf|"
                "\xe0\x80\xaf|\xf4\x90\x80\x80|\xf0\x80\x80\xaf|\xe2\x82");
    write_file(text, n_text);
    assert_python(
        "import json, sys\n"
        "(k, v), = json.load(open(sys.argv[1], encoding=\"utf8\")).items()\n"
        "assert v == \"\\u00e4\\u20ac\\U0001f600|\" + \"\\ufffd\" * 3 +"
        " \"|\" + \"\\ufffd\" * 2 + \"|\" + \"\\ufffd\" * 3 + \"|\" +"
        " \"\\ufffd\" * 4 + \"|\" + \"\\ufffd\" * 4 + \"|\" +"
        " \"\\ufffd\" * 2, ascii(v)\n");
}
END_TEST

START_TEST(text_gives_a_terminal_no_orders)
{
    const char *c;

    emit_string(CSH_STATS_TEXT, "a\x1b[2J\n\r\x7f\xc2\x9b\xff\xc3\xa4");
    ck_assert_ptr_nonnull(strstr(text, "a?[2J????\?\xc3\xa4"));
    for (c = text; *c != '\0'; ++c) {
        ck_assert(((unsigned char)*c >= ' ') || (*c == '\n'));
    }
}
END_TEST

START_TEST(figures_for_people)
{
    static const struct { uint64_t bytes; const char *expected; } cases[] = {
        {0, "0 B"}, {1023, "1023 B"}, {1024, "1.00 KiB"},
        {1029, "1.00 KiB"}, {1030, "1.01 KiB"}, {10234, "9.99 KiB"},
        {10235, "10.0 KiB"}, {97517568, "93.0 MiB"},
        {2040109466, "1.90 GiB"}, {102348, "99.9 KiB"},
        {102349, "100 KiB"}, {1023 * 1024, "1023 KiB"},
        {MIB - 1, "1.00 MiB"}, {MIB, "1.00 MiB"},
        {GIB - 1, "1.00 GiB"}, {UINT64_C(3) << 40, "3.00 TiB"},
        {UINT64_C(5) << 50, "5.00 PiB"}, {UINT64_MAX, "16.0 EiB"},
    };
    char human[CSH_HUMAN_BYTES];
    size_t i;

    for (i = 0; i < CSH_ARRAY_LENGTH(cases); ++i) {
        ck_assert_str_eq(csh_human_bytes(cases[i].bytes, human),
                         cases[i].expected);
    }
    ck_assert_str_eq(csh_human_seconds(0, human), "0.000 s");
    ck_assert_str_eq(csh_human_seconds(1999499999, human), "1.999 s");
    ck_assert_str_eq(csh_human_seconds(1999500000, human), "2.000 s");
    ck_assert_str_eq(csh_human_seconds(UINT64_MAX, human),
                     "18446744073.710 s");
    ck_assert_uint_eq(csh_human_percent(199, 199), 100);
    ck_assert_uint_eq(csh_human_percent(198, 199), 99);
    ck_assert_uint_eq(csh_human_percent(0, 0), 0);
    ck_assert_uint_eq(csh_human_percent(UINT64_MAX / 2, UINT64_MAX), 50);
    ck_assert_str_eq(csh_human_count(0, human), "0");
    ck_assert_str_eq(csh_human_count(999, human), "999");
    ck_assert_str_eq(csh_human_count(1000, human), "1,000");
    ck_assert_str_eq(csh_human_count(UINT64_MAX, human),
                     "18,446,744,073,709,551,615");
}
END_TEST

START_TEST(ranking_is_by_bytes)
{
    struct csh_ranked ranked[CSH_MAX_RANKED];
    unsigned n, i;

    count(CSH_D2H, CSH_OUTCOME_passed, CSH_REASON_error, 0);
    count(CSH_D2H, CSH_OUTCOME_passed, CSH_REASON_small, 5);
    count(CSH_D2H, CSH_OUTCOME_elided, CSH_REASON_proven, 50);
    count(CSH_D2H, CSH_OUTCOME_served, CSH_REASON_dirty, 20);
    count(CSH_H2D, CSH_OUTCOME_served, CSH_REASON_unchanged, 999);
    csh_statistics_snapshot(&report.statistics);
    n = csh_rank_cells(&report.statistics, CSH_D2H, ranked);
    ck_assert_uint_eq(n, 4);
    ck_assert_int_eq(ranked[0].reason, CSH_REASON_proven);
    ck_assert_int_eq(ranked[3].reason, CSH_REASON_error);
    for (i = 1; i < n; ++i) {
        ck_assert_uint_le(ranked[i].tally.bytes, ranked[i - 1].tally.bytes);
    }
    count_everywhere();
    csh_statistics_snapshot(&report.statistics);
    n = csh_rank_cells(&report.statistics, CSH_D2H, ranked);
    ck_assert_uint_eq(n, CSH_MAX_RANKED);
}
END_TEST

START_TEST(the_full_text_has_every_row)
{
    int i;

    report.is_full = true;
    count_everywhere();
    write_report(CSH_STATS_TEXT);
    for (i = 0; i < CSH_N_GAUGES; ++i) {
        assert_said(csh_gauge_name((enum csh_gauge)i));
    }
    for (i = 0; i < CSH_N_REASONS; ++i) {
        assert_said(csh_reason_sentence((enum csh_reason)i));
    }
    for (i = 0; i < CSH_N_OUTCOMES; ++i) {
        assert_said(csh_outcome_sentence((enum csh_outcome)i));
    }
    for (i = 0; i < CSH_N_WEIGHT_RULES; ++i) {
        assert_said(csh_weight_rule_sentence((enum csh_weight_rule)i));
    }
}
END_TEST

/* People get no line about nothing; a reader of JSON gets every key. */
START_TEST(text_leaves_out_what_is_zero)
{
    int i;

    report.is_full = true;
    csh_statistics_add(CSH_GAUGE_proofs, 3);
    count(CSH_D2H, CSH_OUTCOME_elided, CSH_REASON_proven, 3 * GIB);
    count(CSH_D2H, CSH_OUTCOME_served, CSH_REASON_first, GIB);
    write_report(CSH_STATS_TEXT);
    for (i = 0; i < CSH_N_GAUGES; ++i) {
        if (i != CSH_GAUGE_proofs) {
            assert_silent(csh_gauge_sentence((enum csh_gauge)i));
        }
    }
    assert_said("what the shim did");
    assert_said("proofs");
    assert_silent("what shadows hold");
    assert_silent("CUSHADOW_WEIGHTS");
    assert_silent(csh_outcome_sentence(CSH_OUTCOME_failed));
    assert_said("75%");
    assert_said("25%");
    write_report(CSH_STATS_JSON);
    for (i = 0; i < CSH_N_GAUGES; ++i) {
        assert_said(csh_gauge_name((enum csh_gauge)i));
    }
    assert_silent("%");
}
END_TEST

static void add_form_tests(TCase *tcase)
{
    tcase_add_test(tcase, json_is_read_back);
    tcase_add_test(tcase, process_memory_is_that_of_this_process);
    tcase_add_test(tcase, json_has_each_cell_as_counted);
    tcase_add_test(tcase, json_of_nothing_is_json);
    tcase_add_test(tcase, strings_of_any_bytes_are_json);
    tcase_add_test(tcase, good_utf8_stays_and_bad_is_replaced);
    tcase_add_test(tcase, text_gives_a_terminal_no_orders);
    tcase_add_test(tcase, figures_for_people);
    tcase_add_test(tcase, ranking_is_by_bytes);
    tcase_add_test(tcase, the_full_text_has_every_row);
    tcase_add_test(tcase, text_leaves_out_what_is_zero);
}

int main(void)
{
    Suite *suite = suite_create("report");
    TCase *tcase = tcase_create("form");
    SRunner *runner = srunner_create(suite);
    int n_failed;

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 120);
    add_form_tests(tcase);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_ENV);
    n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed != 0;
}
