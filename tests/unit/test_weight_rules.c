/*
 * test_weight_rules.c - CUSHADOW_WEIGHTS: every form of a list, and every
 * cell of the decision.
 */
#include "weights/rules.h"

#include <check.h>
#include <string.h>

#include "base/compiler.h"
#include "base/options.h"

static struct csh_weight_rules rules;

static bool parse(const char *text)
{
    memset(&rules, 0x5a, sizeof(rules));
    return csh_parse_weights(text, &rules);
}

static const char *glob(unsigned i)
{
    return rules.text + rules.globs[i].start;
}

START_TEST(a_list_is_read_as_written)
{
    ck_assert(parse("learn"));
    ck_assert(rules.learns && !rules.registers_all);
    ck_assert_uint_eq(rules.n_globs, 0);
    ck_assert_uint_eq(rules.min_bytes, 0);
    ck_assert_uint_eq(rules.max_bytes, UINT64_MAX);
    ck_assert(parse("ALL"));
    ck_assert(!rules.learns && rules.registers_all);
    ck_assert(parse("none"));
    ck_assert(!rules.learns && !rules.registers_all);
    ck_assert(parse("all,learn,Min=1M,MAX=2g"));
    ck_assert(rules.learns && rules.registers_all);
    ck_assert_uint_eq(rules.min_bytes, 1 << 20);
    ck_assert_uint_eq(rules.max_bytes, UINT64_C(2) << 30);
    ck_assert(parse("file=*.safetensors,manifest=/m/a=b,file= x"));
    ck_assert(!rules.learns);
    ck_assert_uint_eq(rules.n_globs, 3);
    ck_assert_str_eq(glob(0), "*.safetensors");
    ck_assert_str_eq(glob(1), "/m/a=b");
    ck_assert_str_eq(glob(2), " x");
    ck_assert(!rules.globs[0].is_manifest && rules.globs[1].is_manifest &&
              !rules.globs[2].is_manifest);
}
END_TEST

START_TEST(bounds_alone_bound_learning)
{
    ck_assert(parse("min=4K"));
    ck_assert(rules.learns && !rules.registers_all);
    ck_assert(parse("max=0"));
    ck_assert(rules.learns);
    ck_assert_uint_eq(rules.max_bytes, 0);
    ck_assert(parse("min=7,max=7"));
    ck_assert(parse("min=7,all"));
    ck_assert(!rules.learns);
}
END_TEST

START_TEST(bad_lists_change_nothing)
{
    static const char *const bad[] = {
        "", ",", "learn,", ",learn", "learn,,all", " learn", "learn ",
        "lear", "learned", "learn=1", "all=1", "none=", "file", "file=",
        "manifest=", "min", "min=", "min=x", "min=-1", "min=1.5M", "max=",
        "min=99999999999999999999", "min=1,min=1", "max=1,max=2",
        "min=2,max=1", "none,learn", "learn,none", "none,min=1",
        "none,none", "file =a", "=a", "min=16777216T"};
    struct csh_weight_rules before;
    size_t i;

    for (i = 0; i < CSH_ARRAY_LENGTH(bad); ++i) {
        memset(&before, 0x5a, sizeof(before));
        ck_assert_msg(!parse(bad[i]), "accepted: %s", bad[i]);
        ck_assert_mem_eq(&rules, &before, sizeof(rules));
    }
}
END_TEST

START_TEST(length_and_number_of_patterns_are_bounded)
{
    char text[2 * CSH_WEIGHT_RULES_BYTES];
    unsigned i;

    memset(text, 'x', sizeof(text));
    memcpy(text, "file=", 5);
    text[CSH_WEIGHT_RULES_BYTES] = '\0';
    ck_assert(!parse(text));
    text[CSH_WEIGHT_RULES_BYTES - 1] = '\0';
    ck_assert(parse(text));
    ck_assert_uint_eq(strlen(glob(0)), CSH_WEIGHT_RULES_BYTES - 6);
    text[0] = '\0';
    for (i = 0; i < CSH_MAX_WEIGHT_GLOBS; ++i) {
        strcat(text, (i == 0) ? "file=a" : ",manifest=a");
    }
    ck_assert(parse(text));
    ck_assert_uint_eq(rules.n_globs, CSH_MAX_WEIGHT_GLOBS);
    strcat(text, ",file=a");
    ck_assert(!parse(text));
}
END_TEST

/* What must come of an upload of 100 bytes, for each combination of rules
 * and facts, said again in other words: by set membership, not by order. */
static enum csh_weight_rule expected(unsigned bits, uint64_t bytes)
{
    bool learns = bits & 1, all = bits & 2, has_file = bits & 4;
    bool has_manifest = bits & 8, in_file = bits & 16, in_model = bits & 32;

    if (!learns && !all && !has_file && !has_manifest) {
        return CSH_WEIGHT_RULE_none;
    }
    return bytes < 10                    ? CSH_WEIGHT_RULE_min
           : bytes > 100                 ? CSH_WEIGHT_RULE_max
           : (has_manifest && in_model)  ? CSH_WEIGHT_RULE_manifest
           : (has_file && in_file)       ? CSH_WEIGHT_RULE_file
           : all                         ? CSH_WEIGHT_RULE_all
           : learns                      ? CSH_WEIGHT_RULE_learn
                                         : CSH_WEIGHT_RULE_unmatched;
}

START_TEST(every_cell_of_the_decision)
{
    static const uint64_t sizes[] = {0, 9, 10, 100, 101, UINT64_MAX};
    struct csh_weight_decision decision;
    unsigned bits, i, n_seen[CSH_N_WEIGHT_RULES] = {0};

    for (bits = 0; bits < 64; ++bits) {
        memset(&rules, 0, sizeof(rules));
        rules.min_bytes = 10;
        rules.max_bytes = 100;
        rules.learns = bits & 1;
        rules.registers_all = bits & 2;
        if (bits & 4) {
            rules.globs[rules.n_globs++].is_manifest = false;
        }
        if (bits & 8) {
            rules.globs[rules.n_globs++].is_manifest = true;
        }
        for (i = 0; i < CSH_ARRAY_LENGTH(sizes); ++i) {
            decision = csh_weights_decide(
                &rules, &(struct csh_weight_facts){
                            sizes[i], (bits & 16) != 0, (bits & 32) != 0});
            ck_assert_int_eq(decision.rule, expected(bits, sizes[i]));
            ck_assert_int_eq(decision.is_registered,
                             decision.rule == CSH_WEIGHT_RULE_manifest ||
                                 decision.rule == CSH_WEIGHT_RULE_file ||
                                 decision.rule == CSH_WEIGHT_RULE_all);
            ck_assert_int_eq(decision.may_learn,
                             decision.rule == CSH_WEIGHT_RULE_learn);
            ++n_seen[decision.rule];
        }
    }
    for (i = 0; i < CSH_N_WEIGHT_RULES; ++i) {
        /* What the program declares is no rule's to decide. */
        ck_assert_int_eq(n_seen[i] == 0, i == CSH_WEIGHT_RULE_declared);
    }
}
END_TEST

START_TEST(what_the_text_means_in_the_decision)
{
    struct csh_weight_facts facts = {1 << 20, true, true};

    ck_assert(parse("file=a,max=1M"));
    ck_assert(csh_weights_has_files(&rules));
    ck_assert(!csh_weights_has_manifests(&rules));
    ck_assert_int_eq(csh_weights_decide(&rules, &facts).rule,
                     CSH_WEIGHT_RULE_file);
    facts.bytes += 1;
    ck_assert_int_eq(csh_weights_decide(&rules, &facts).rule,
                     CSH_WEIGHT_RULE_max);
    ck_assert(parse("manifest=a"));
    ck_assert(!csh_weights_has_files(&rules));
    ck_assert(csh_weights_has_manifests(&rules));
    facts.is_in_model = false;
    ck_assert_int_eq(csh_weights_decide(&rules, &facts).rule,
                     CSH_WEIGHT_RULE_unmatched);
    ck_assert(parse("learn"));
    ck_assert(csh_weights_decide(&rules, &facts).may_learn);
    ck_assert(parse("none"));
    ck_assert_int_eq(csh_weights_decide(&rules, &facts).rule,
                     CSH_WEIGHT_RULE_none);
}
END_TEST

START_TEST(files_match_by_name_or_by_path)
{
    ck_assert(parse("file=*.safetensors,file=/m/*/x?z,manifest=/q"));
    ck_assert(csh_weights_file_matches(&rules, "/a/b.c/d.safetensors"));
    ck_assert(csh_weights_file_matches(&rules, "d.safetensors"));
    ck_assert(!csh_weights_file_matches(&rules, "/a.safetensors/b"));
    ck_assert(csh_weights_file_matches(&rules, "/m/a/b/xyz"));
    ck_assert(!csh_weights_file_matches(&rules, "/n/a/b/xyz"));
    ck_assert(!csh_weights_file_matches(&rules, "/q"));
    ck_assert(!csh_weights_file_matches(&rules, ""));
    ck_assert(!csh_weights_file_matches(&rules, NULL));
    ck_assert(parse("all"));
    ck_assert(!csh_weights_file_matches(&rules, "/a"));
}
END_TEST

START_TEST(the_variable_reaches_its_field_and_is_counted)
{
    char *const good[] = {"CUSHADOW_WEIGHTS=all,min=1M", NULL};
    char *const bad[] = {"CUSHADOW_WEIGHTS=everything", NULL};
    static struct csh_options options;
    struct csh_statistics statistics;

    csh_log_threshold = CSH_LOG_OFF;
    ck_assert_uint_eq(csh_options_parse(good, &options), 0);
    ck_assert(options.weights.registers_all && !options.weights.learns);
    ck_assert_uint_eq(options.weights.min_bytes, 1 << 20);
    ck_assert_uint_eq(csh_options_parse(bad, &options), 1);
    ck_assert(options.weights.learns && !options.weights.registers_all);
    csh_statistics_count_weight(CSH_WEIGHT_RULE_file, 5);
    csh_statistics_count_weight(CSH_WEIGHT_RULE_file, 6);
    csh_statistics_count_weight(CSH_WEIGHT_RULE_none, 1);
    csh_statistics_snapshot(&statistics);
    ck_assert_uint_eq(statistics.weight_rule[CSH_WEIGHT_RULE_file].calls, 2);
    ck_assert_uint_eq(statistics.weight_rule[CSH_WEIGHT_RULE_file].bytes, 11);
    ck_assert_uint_eq(statistics.weight_rule[CSH_WEIGHT_RULE_none].calls, 1);
    ck_assert_uint_eq(statistics.weight_rule[CSH_WEIGHT_RULE_all].calls, 0);
    ck_assert_str_eq(csh_weight_rule_name(CSH_WEIGHT_RULE_min), "min");
    ck_assert_str_ne(csh_weight_rule_sentence(CSH_WEIGHT_RULE_min), "");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("weight_rules");
    TCase *tcase = tcase_create("core");
    SRunner *runner;
    int n_failed;

    tcase_add_test(tcase, a_list_is_read_as_written);
    tcase_add_test(tcase, bounds_alone_bound_learning);
    tcase_add_test(tcase, bad_lists_change_nothing);
    tcase_add_test(tcase, length_and_number_of_patterns_are_bounded);
    tcase_add_test(tcase, every_cell_of_the_decision);
    tcase_add_test(tcase, what_the_text_means_in_the_decision);
    tcase_add_test(tcase, files_match_by_name_or_by_path);
    tcase_add_test(tcase, the_variable_reaches_its_field_and_is_counted);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return (n_failed == 0) ? 0 : 1;
}
