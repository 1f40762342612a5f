/*
 * test_trace_block.c - events are whole or not there, whatever their names
 * are.
 */
#include "report/trace_block.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

static struct csh_trace_block block;

static void setup(void)
{
    memset(&block, 0x5a, sizeof(block));
    csh_trace_block_begin(&block);
}

static const char *text(void)
{
    static char copy[CSH_TRACE_BLOCK_BYTES + 1];

    memcpy(copy, block.text, block.n_bytes);
    copy[block.n_bytes] = '\0';
    return copy;
}

START_TEST(an_event_is_a_line)
{
    const struct csh_trace_head head = {
        .name = "lo", .more = "ad", .category = "copy", .phase = "X",
        .at_ns = 1002003004, .process = 7, .track = 2};
    struct csh_trace_writer writer;

    csh_trace_begin_event(&writer, &block, &head);
    csh_trace_put_time(&writer, "dur", 45);
    csh_trace_begin_arguments(&writer);
    csh_trace_put_number(&writer, "bytes", UINT64_MAX);
    csh_trace_put_text(&writer, "none", NULL);
    csh_trace_put_text(&writer, "model", "a\"\\\n\x7f\xff");
    csh_trace_end_event(&writer);
    ck_assert_str_eq(text(),
                     ",\n{\"name\":\"load\",\"cat\":\"copy\",\"ph\":\"X\","
                     "\"ts\":1002003.004,\"pid\":7,\"tid\":2,\"dur\":0.045,"
                     "\"args\":{\"bytes\":18446744073709551615,"
                     "\"model\":\"a\\\"\\u005c\\u000a\\u007f\\ufffd\"}}");
    ck_assert_uint_eq(block.n_events, 1);
}
END_TEST

START_TEST(names_have_no_time_and_instants_a_scope)
{
    struct csh_trace_head head = {.name = "n", .phase = "M", .at_ns = 5000};

    csh_trace_put_counter(&block, &head, "k", 1);
    ck_assert_ptr_null(strstr(text(), "\"ts\""));
    head.phase = "i";
    csh_trace_put_counter(&block, &head, "k", 1);
    ck_assert_ptr_nonnull(strstr(text(), "\"ts\":5.000,"));
    ck_assert_ptr_nonnull(strstr(text(), "\"s\":\"p\","));
}
END_TEST

/* Each byte takes six: the most that a span can be. */
START_TEST(the_longest_event_fits)
{
    static char name[8000];
    struct csh_trace_head head = {.name = "release", .category = "capture",
                                  .phase = "X", .at_ns = UINT64_MAX,
                                  .process = UINT64_MAX, .track = UINT64_MAX};
    struct csh_trace_writer writer;

    memset(name, 1, sizeof(name) - 1);
    csh_trace_begin_event(&writer, &block, &head);
    csh_trace_put_time(&writer, "dur", UINT64_MAX);
    csh_trace_begin_arguments(&writer);
    csh_trace_put_number(&writer, "bytes", UINT64_MAX);
    csh_trace_put_text(&writer, "outcome", "different");
    csh_trace_put_text(&writer, "reason", "unchanged");
    csh_trace_put_text(&writer, "model", name);
    csh_trace_put_text(&writer, "tensor", name);
    csh_trace_put_number(&writer, "burst", UINT64_MAX);
    csh_trace_end_event(&writer);
    ck_assert_uint_eq(block.n_events, 1);
    ck_assert_uint_eq(block.n_left_out, 0);
    head.more = name;
    csh_trace_block_begin(&block);
    csh_trace_put_counter(&block, &head, "bytes", UINT64_MAX);
    ck_assert_uint_eq(block.n_events, 1);
    ck_assert_uint_lt(block.n_bytes, CSH_TRACE_BLOCK_BYTES / 2);
}
END_TEST

START_TEST(what_does_not_fit_is_left_out_whole)
{
    const struct csh_trace_head head = {.name = "name", .phase = "C"};
    unsigned n_put = 0;
    size_t n_bytes;

    do {
        n_bytes = block.n_bytes;
        csh_trace_put_counter(&block, &head, "bytes", 1);
        n_put++;
    } while (block.n_left_out == 0);
    ck_assert_uint_eq(block.n_events, n_put - 1);
    ck_assert_uint_eq(block.n_bytes, n_bytes);
    ck_assert_int_eq(block.text[n_bytes - 1], '}');
    ck_assert_uint_gt(n_put, 30);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("trace_block");
    TCase *tcase = tcase_create("events");
    SRunner *runner = srunner_create(suite);
    int n_failed;

    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_test(tcase, an_event_is_a_line);
    tcase_add_test(tcase, names_have_no_time_and_instants_a_scope);
    tcase_add_test(tcase, the_longest_event_fits);
    tcase_add_test(tcase, what_does_not_fit_is_left_out_whole);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_ENV);
    n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed != 0;
}
