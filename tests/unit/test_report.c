/*
 * test_report.c - the report says what the counters say, in a form that a
 * strict reader takes.
 */
#include "report/summary.h"

#include "base/human.h"
#include "report/headline.h"
#include "report/ranking.h"
#include "report_fixture.h"

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

static struct csh_report report;

static void gather(void *opaque, const char *piece, size_t n_bytes)
{
    ck_assert_ptr_eq(opaque, &n_text);
    ck_assert_uint_lt(n_text + n_bytes, sizeof(text));
    memcpy(text + n_text, piece, n_bytes);
    n_text += n_bytes;
    text[n_text] = '\0';
}

static void write_report(enum csh_stats form)
{
    n_text = 0;
    text[0] = '\0';
    csh_statistics_snapshot(&report.statistics);
    csh_report_write(&report, form, gather, &n_text);
}

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
}

static const char check_schema[] =
    "import json, sys\n"
    "j = json.load(open(sys.argv[1]))\n"
    "assert list(j) == [\"schema\", \"pid\", \"mode\", \"copies\","
    " \"gauges\", \"process\"], list(j)\n"
    "m = [\"rss_anon_bytes\", \"rss_file_bytes\", \"rss_shmem_bytes\"]\n"
    "assert list(j[\"process\"]) == m + [\"rss_peak_bytes\"]\n"
    "assert list(j[\"process\"].values()) == [3, 4, 5, 6]\n"
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

START_TEST(nothing_seen_nothing_said)
{
    write_report(CSH_STATS_TEXT);
    ck_assert_uint_eq(n_text, 0);
    count(CSH_D2H, CSH_OUTCOME_passed, CSH_REASON_small, 100);
    count(CSH_H2D, CSH_OUTCOME_failed, CSH_REASON_small, 100);
    write_report(CSH_STATS_TEXT);
    ck_assert_uint_eq(n_text, 0);
    count(CSH_H2D, CSH_OUTCOME_passed, CSH_REASON_unlearned, MIB);
    write_report(CSH_STATS_TEXT);
    ck_assert_uint_gt(n_text, 0);
    report.mode = CSH_MODE_OFF;
    write_report(CSH_STATS_TEXT);
    ck_assert_uint_eq(n_text, 0);
    report.mode = CSH_MODE_VERIFY;
    write_report(CSH_STATS_OFF);
    ck_assert_uint_eq(n_text, 0);
}
END_TEST

START_TEST(the_usual_line)
{
    count(CSH_D2H, CSH_OUTCOME_elided, CSH_REASON_proven, 3 * GIB);
    count(CSH_D2H, CSH_OUTCOME_passed, CSH_REASON_budget, 93 * MIB);
    count(CSH_D2H, CSH_OUTCOME_served, CSH_REASON_first, GIB);
    count(CSH_H2D, CSH_OUTCOME_served, CSH_REASON_unchanged, 2 * GIB);
    count(CSH_H2D, CSH_OUTCOME_passed, CSH_REASON_unlearned, 5 * GIB);
    csh_statistics_add(CSH_GAUGE_shadow_bytes, (int64_t)GIB);
    csh_statistics_add(CSH_GAUGE_shadow_bytes, -(int64_t)GIB);
    write_report(CSH_STATS_TEXT);
    assert_one_line();
    assert_said("3.00 GiB of 4.09 GiB elided, 1.09 GiB copied");
    assert_said("2.00 GiB of 7.00 GiB");
    assert_said("shadows 1.00 GiB");
    ck_assert_ptr_null(strstr(text, "NO OFFLOAD"));
}
END_TEST

START_TEST(the_loud_line_names_reasons_in_order_of_bytes)
{
    const char *largest, *next;

    count(CSH_D2H, CSH_OUTCOME_passed, CSH_REASON_timeout, 12 * MIB);
    count(CSH_D2H, CSH_OUTCOME_passed, CSH_REASON_budget, 500 * MIB);
    count(CSH_D2H, CSH_OUTCOME_passed, CSH_REASON_small, GIB);
    write_report(CSH_STATS_TEXT);
    assert_one_line();
    assert_said("NO OFFLOAD WAS ELIDED");
    assert_said("512 MiB in 2 copies");
    largest = strstr(text, "CUSHADOW_RAM_LIMIT");
    next = strstr(text, "CUSHADOW_PROOF_TIMEOUT_MS");
    ck_assert_ptr_nonnull(largest);
    ck_assert_ptr_nonnull(next);
    ck_assert(largest < next);
    ck_assert_ptr_null(strstr(text, "CUSHADOW_MIN_BYTES"));
    count(CSH_D2H, CSH_OUTCOME_elided, CSH_REASON_proven, 1);
    write_report(CSH_STATS_TEXT);
    ck_assert_ptr_null(strstr(text, "NO OFFLOAD"));
}
END_TEST

/* Whether an offload that ended so, alone, calls for the loud line. */
START_TEST(only_what_could_have_been_elided_is_loud)
{
    static const enum csh_reason quiet[] = {
        CSH_REASON_first, CSH_REASON_dirty, CSH_REASON_mode,
        CSH_REASON_pinned, CSH_REASON_foreign,
    };
    size_t i;

    for (i = 0; i < CSH_ARRAY_LENGTH(quiet); ++i) {
        count(CSH_D2H, CSH_OUTCOME_passed, quiet[i], MIB);
    }
    count(CSH_D2H, CSH_OUTCOME_failed, CSH_REASON_error, MIB);
    count(CSH_D2H, CSH_OUTCOME_served, CSH_REASON_first, MIB);
    count(CSH_H2D, CSH_OUTCOME_passed, CSH_REASON_unlearned, MIB);
    write_report(CSH_STATS_TEXT);
    assert_one_line();
    ck_assert_ptr_null(strstr(text, "NO OFFLOAD"));
    assert_said("1 copy ended in the driver's error");
    count(CSH_D2H, CSH_OUTCOME_passed, CSH_REASON_unlearned, MIB);
    write_report(CSH_STATS_TEXT);
    assert_said("NO OFFLOAD WAS ELIDED, 1.00 MiB in 1 copy");
}
END_TEST

START_TEST(observe_and_copy_have_their_words)
{
    report.mode = CSH_MODE_OBSERVE;
    count(CSH_D2H, CSH_OUTCOME_passed, CSH_REASON_mode, 2 * GIB);
    csh_statistics_add(CSH_GAUGE_would_elide_calls, 1);
    csh_statistics_add(CSH_GAUGE_would_elide_bytes, (int64_t)GIB);
    write_report(CSH_STATS_TEXT);
    assert_one_line();
    assert_said("1.00 GiB of 2.00 GiB would have been elided");
    report.mode = CSH_MODE_COPY;
    count(CSH_D2H, CSH_OUTCOME_passed, CSH_REASON_unlearned, MIB);
    write_report(CSH_STATS_TEXT);
    assert_one_line();
    assert_said("copy mode");
    ck_assert_ptr_null(strstr(text, "NO OFFLOAD"));
}
END_TEST

START_TEST(observe_is_loud_when_it_would_not_help)
{
    report.mode = CSH_MODE_OBSERVE;
    count(CSH_D2H, CSH_OUTCOME_passed, CSH_REASON_unlearned, GIB);
    write_report(CSH_STATS_TEXT);
    assert_one_line();
    assert_said("NO OFFLOAD WOULD HAVE BEEN ELIDED");
}
END_TEST

/* With every cell at its largest, and the sanitizers looking on. */
START_TEST(the_line_has_room_for_the_largest_figures)
{
    int reason;

    for (reason = 0; reason < CSH_N_REASONS; ++reason) {
        count(CSH_D2H, CSH_OUTCOME_passed, (enum csh_reason)reason,
              UINT64_MAX / 64);
        count(CSH_H2D, CSH_OUTCOME_failed, (enum csh_reason)reason,
              UINT64_MAX / 64);
    }
    write_report(CSH_STATS_TEXT);
    assert_one_line();
    ck_assert_uint_lt(n_text, CSH_HEADLINE_BYTES - 1);
}
END_TEST

START_TEST(the_full_text_has_every_row)
{
    int i;

    report.is_full = true;
    write_report(CSH_STATS_TEXT);
    for (i = 0; i < CSH_N_GAUGES; ++i) {
        assert_said(csh_gauge_name((enum csh_gauge)i));
    }
    ck_assert_ptr_null(strstr(text, "most bytes first"));
    count_everywhere();
    write_report(CSH_STATS_TEXT);
    for (i = 0; i < CSH_N_REASONS; ++i) {
        assert_said(csh_reason_sentence((enum csh_reason)i));
    }
    for (i = 0; i < CSH_N_OUTCOMES; ++i) {
        assert_said(csh_outcome_sentence((enum csh_outcome)i));
    }
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
}

static void add_line_tests(TCase *tcase)
{
    tcase_add_test(tcase, nothing_seen_nothing_said);
    tcase_add_test(tcase, the_usual_line);
    tcase_add_test(tcase, the_loud_line_names_reasons_in_order_of_bytes);
    tcase_add_test(tcase, only_what_could_have_been_elided_is_loud);
    tcase_add_test(tcase, observe_and_copy_have_their_words);
    tcase_add_test(tcase, observe_is_loud_when_it_would_not_help);
    tcase_add_test(tcase, the_line_has_room_for_the_largest_figures);
}

static void add_case(Suite *suite, const char *name, void (*add)(TCase *))
{
    TCase *tcase = tcase_create(name);

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 120);
    add(tcase);
    suite_add_tcase(suite, tcase);
}

int main(void)
{
    Suite *suite = suite_create("report");
    SRunner *runner = srunner_create(suite);
    int n_failed;

    add_case(suite, "form", add_form_tests);
    add_case(suite, "line", add_line_tests);
    srunner_run_all(runner, CK_ENV);
    n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed != 0;
}
