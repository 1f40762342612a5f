/*
 * test_parse.c - the kinds of values: what each accepts, what it refuses,
 * and that a refused value changes nothing.
 */
#include "base/parse.h"

#include <check.h>
#include <string.h>

struct size_case {
    const char *text;
    bool is_good;
    uint64_t value;
};

static const struct size_case size_cases[] = {
    {"0", true, 0},
    {"1", true, 1},
    {"65536", true, 65536},
    {"0064", true, 64},
    {"64K", true, 65536},
    {"64k", true, 65536},
    {"64KB", true, 65536},
    {"64KiB", true, 65536},
    {"64kib", true, 65536},
    {"64Ki", true, 65536},
    {"3M", true, UINT64_C(3) << 20},
    {"8GiB", true, UINT64_C(8) << 30},
    {"2T", true, UINT64_C(2) << 40},
    {"512B", true, 512},
    {"18446744073709551615", true, UINT64_MAX},
    {"18446744073709551616", false, 0},
    {"18014398509481983K", true, UINT64_MAX - 1023},
    {"18014398509481984K", false, 0},
    {"16777216T", false, 0},
    {"99999999999999999999999999", false, 0},
    {"", false, 0},
    {"K", false, 0},
    {"-1", false, 0},
    {"+1", false, 0},
    {" 1", false, 0},
    {"1 ", false, 0},
    {"1 K", false, 0},
    {"1.5G", false, 0},
    {"0x10", false, 0},
    {"1e6", false, 0},
    {"1P", false, 0},
    {"1i", false, 0},
    {"1KK", false, 0},
    {"1KiBs", false, 0},
    {"10%", false, 0},
    {"auto", false, 0},
};

START_TEST(sizes)
{
    const struct size_case *c = &size_cases[_i];
    struct csh_size_or_share share = {CSH_SIZE_AUTO, 4711};
    uint64_t value = 4711;

    ck_assert_msg(csh_parse_size(c->text, &value) == c->is_good, "%s",
                  c->text);
    ck_assert_uint_eq(value, c->is_good ? c->value : 4711);
    if (c->is_good) {
        ck_assert(csh_parse_size_or_share(c->text, &share));
        ck_assert_int_eq(share.unit, CSH_SIZE_BYTES);
        ck_assert_uint_eq(share.value, c->value);
    }
}
END_TEST

START_TEST(shares)
{
    static const char *const bad[] = {"101%", "%", "-1%", "5%%", "5 %",
                                      "50%K", "1.5%", "automatic", "aut", "",
                                      "18446744073709551617%"};
    struct csh_size_or_share share;
    size_t i;

    ck_assert(csh_parse_size_or_share("0%", &share));
    ck_assert_int_eq(share.unit, CSH_SIZE_PERCENT);
    ck_assert_uint_eq(share.value, 0);
    ck_assert(csh_parse_size_or_share("100%", &share));
    ck_assert_uint_eq(share.value, 100);
    ck_assert(csh_parse_size_or_share("Auto", &share));
    ck_assert_int_eq(share.unit, CSH_SIZE_AUTO);
    ck_assert_uint_eq(share.value, 0);
    for (i = 0; i < CSH_ARRAY_LENGTH(bad); ++i) {
        share.value = 4711;
        ck_assert_msg(!csh_parse_size_or_share(bad[i], &share), "%s", bad[i]);
        ck_assert_uint_eq(share.value, 4711);
    }
}
END_TEST

START_TEST(numbers)
{
    static const char *const bad[] = {"", "-1", "1000000001", "1K", "1 ",
                                      "0x1", "250ms",
                                      "18446744073709551617"};
    uint64_t value;
    size_t i;

    ck_assert(csh_parse_number("0", &value));
    ck_assert_uint_eq(value, 0);
    ck_assert(csh_parse_number("1000000000", &value));
    ck_assert_uint_eq(value, CSH_NUMBER_MAX);
    for (i = 0; i < CSH_ARRAY_LENGTH(bad); ++i) {
        ck_assert_msg(!csh_parse_number(bad[i], &value), "%s", bad[i]);
        ck_assert_uint_eq(value, CSH_NUMBER_MAX);
    }
}
END_TEST

START_TEST(threads)
{
    static const char *const bad[] = {"", "-1", "65", "1000000001", "4 ",
                                      "all", "auto4", "0x1"};
    unsigned value = 4711;
    size_t i;

    ck_assert(csh_parse_threads("64", &value));
    ck_assert_uint_eq(value, CSH_THREADS_MAX);
    ck_assert(csh_parse_threads("0", &value));
    ck_assert_uint_eq(value, 0);
    value = 1;
    ck_assert(csh_parse_threads("Auto", &value));
    ck_assert_uint_eq(value, 0);
    for (i = 0; i < CSH_ARRAY_LENGTH(bad); ++i) {
        ck_assert_msg(!csh_parse_threads(bad[i], &value), "%s", bad[i]);
        ck_assert_uint_eq(value, 0);
    }
}
END_TEST

START_TEST(words)
{
    static const char *const bad[] = {"", "verif", "verifyy", "verify ",
                                      "trusted", "1", "text,json"};
    enum csh_mode mode = CSH_N_MODES;
    enum csh_stats stats = CSH_N_STATS;
    enum csh_host host = CSH_N_HOSTS;
    int i;

    for (i = 0; i < CSH_N_MODES; ++i) {
        ck_assert(csh_parse_mode(csh_mode_name((enum csh_mode)i), &mode));
        ck_assert_int_eq(mode, i);
    }
    ck_assert(csh_parse_mode("VeRiFy", &mode));
    ck_assert_int_eq(mode, CSH_MODE_VERIFY);
    ck_assert(csh_parse_host("Copy", &host));
    ck_assert_int_eq(host, CSH_HOST_COPY);
    ck_assert(csh_parse_stats("OFF", &stats));
    ck_assert_int_eq(stats, CSH_STATS_OFF);
    for (i = 0; i < (int)CSH_ARRAY_LENGTH(bad); ++i) {
        ck_assert_msg(!csh_parse_mode(bad[i], &mode), "%s", bad[i]);
        ck_assert_msg(!csh_parse_stats(bad[i], &stats), "%s", bad[i]);
        ck_assert_msg(!csh_parse_host(bad[i], &host), "%s", bad[i]);
    }
    ck_assert_int_eq(host, CSH_HOST_COPY);
    ck_assert_int_eq(mode, CSH_MODE_VERIFY);
    ck_assert_int_eq(stats, CSH_STATS_OFF);
}
END_TEST

START_TEST(switches)
{
    static const char *const bad[] = {"", "2", "01", "1 ", "yes", "on"};
    bool value = true;
    size_t i;

    ck_assert(csh_parse_switch("0", &value));
    ck_assert(!value);
    ck_assert(csh_parse_switch("1", &value));
    ck_assert(value);
    for (i = 0; i < CSH_ARRAY_LENGTH(bad); ++i) {
        ck_assert_msg(!csh_parse_switch(bad[i], &value), "%s", bad[i]);
        ck_assert(value);
    }
}
END_TEST

START_TEST(paths_fit_or_are_refused)
{
    static char text[2 * CSH_PATH_BYTES], path[CSH_PATH_BYTES];
    struct csh_log_target target = {.level = CSH_LOG_OFF};

    memset(text, 'x', sizeof(text) - 1);
    ck_assert(!csh_parse_path(text, path));
    text[CSH_PATH_BYTES] = '\0';
    ck_assert(!csh_parse_path(text, path));
    text[CSH_PATH_BYTES - 1] = '\0';
    ck_assert(csh_parse_path(text, path));
    ck_assert_str_eq(path, text);
    memset(text, 'x', sizeof(text) - 1);
    memcpy(text, "info:", 5);
    text[CSH_PATH_BYTES + 4] = '\0';
    ck_assert(csh_parse_log(text, &target));
    ck_assert_int_eq(target.level, CSH_LOG_INFO);
    text[CSH_PATH_BYTES + 4] = 'x';
    text[CSH_PATH_BYTES + 5] = '\0';
    target.level = CSH_LOG_OFF;
    ck_assert(!csh_parse_log(text, &target));
    ck_assert_int_eq(target.level, CSH_LOG_OFF);
}
END_TEST

START_TEST(log_targets)
{
    static const char *const bad[] = {"", ":", ":/x", "warn:", "loud",
                                      "loud:/x", "warn/x", "warn :/x"};
    struct csh_log_target target;
    size_t i;

    ck_assert(csh_parse_log("Debug", &target));
    ck_assert_int_eq(target.level, CSH_LOG_DEBUG);
    ck_assert_str_eq(target.path, "");
    ck_assert(csh_parse_log("off:x", &target));
    ck_assert_int_eq(target.level, CSH_LOG_OFF);
    ck_assert_str_eq(target.path, "x");
    for (i = 0; i < CSH_ARRAY_LENGTH(bad); ++i) {
        ck_assert_msg(!csh_parse_log(bad[i], &target), "%s", bad[i]);
        ck_assert_str_eq(target.path, "x");
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("parse");
    TCase *tcase = tcase_create("kinds");
    SRunner *runner = srunner_create(suite);
    int n_failed;

    tcase_add_loop_test(tcase, sizes, 0, CSH_ARRAY_LENGTH(size_cases));
    tcase_add_test(tcase, shares);
    tcase_add_test(tcase, numbers);
    tcase_add_test(tcase, threads);
    tcase_add_test(tcase, words);
    tcase_add_test(tcase, switches);
    tcase_add_test(tcase, paths_fit_or_are_refused);
    tcase_add_test(tcase, log_targets);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_ENV);
    n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed != 0;
}
