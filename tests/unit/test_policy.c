/*
 * test_policy.c - every cell of both decision tables.
 *
 * The expectation is written a second time in another form: rows with
 * wildcards, first match wins. Besides, properties that must hold whatever
 * the rows say: an elision is only ever considered when nothing is unknown,
 * and asking before all facts are known can only be too hopeful.
 */
#include <check.h>
#include <stdlib.h>

#include "base/compiler.h"
#include "engine/policy.h"

#define ANY (-1)
#define YES 1
#define NO 0

struct offload_row {
    int mode, large, capturing, suited, knowledge, host, plain, idle, prove;
    int belief, paused, immutable;
    enum csh_verdict verdict;
    enum csh_reason reason;
};

#define FWD(reason_) CSH_VERDICT_FORWARD, CSH_REASON_##reason_

static const struct offload_row offload_rows[] = {
    {CSH_MODE_OFF, ANY, ANY, ANY, ANY, ANY, ANY, ANY, ANY, ANY, ANY, ANY,
     FWD(mode)},
    {ANY, ANY, ANY, ANY, ANY, ANY, ANY, ANY, ANY, ANY, YES, ANY, FWD(paused)},
    {ANY, NO, ANY, ANY, ANY, ANY, ANY, ANY, ANY, ANY, ANY, ANY, FWD(small)},
    {ANY, ANY, YES, ANY, ANY, ANY, ANY, ANY, ANY, ANY, ANY, ANY,
     FWD(capturing)},
    {ANY, ANY, ANY, ANY, CSH_KNOWS_NOTHING, ANY, ANY, ANY, ANY, ANY, ANY, ANY,
     FWD(unlearned)},
    {ANY, ANY, ANY, ANY, CSH_KNOWS_OVERLAP, ANY, ANY, ANY, ANY, ANY, ANY, ANY,
     FWD(partial)},
    {ANY, ANY, ANY, ANY, CSH_KNOWS_EXCLUDED, ANY, ANY, ANY, ANY, ANY, ANY, ANY,
     FWD(excluded)},
    {ANY, ANY, ANY, NO, ANY, ANY, ANY, ANY, ANY, ANY, ANY, ANY, FWD(device)},
    {ANY, ANY, ANY, ANY, ANY, CSH_HOST_PINNED, ANY, ANY, ANY, ANY, ANY, ANY,
     FWD(pinned)},
    {ANY, ANY, ANY, ANY, ANY, CSH_HOST_FOREIGN, ANY, ANY, ANY, ANY, ANY, ANY,
     FWD(foreign)},
    {ANY, ANY, ANY, ANY, ANY, ANY, NO, ANY, ANY, ANY, ANY, ANY, FWD(foreign)},
    {ANY, ANY, ANY, ANY, ANY, ANY, ANY, NO, ANY, ANY, ANY, ANY, FWD(busy)},
    {CSH_MODE_OBSERVE, ANY, ANY, ANY, ANY, ANY, ANY, ANY, ANY, ANY, ANY, ANY,
     CSH_VERDICT_OBSERVE, CSH_REASON_mode},
    {ANY, ANY, ANY, ANY, CSH_KNOWS_UPLOADED, ANY, ANY, ANY, ANY, ANY, ANY, ANY,
     CSH_VERDICT_CAPTURE, CSH_REASON_first},
    {CSH_MODE_COPY, ANY, ANY, ANY, ANY, ANY, ANY, ANY, ANY, ANY, ANY, ANY,
     CSH_VERDICT_CAPTURE, CSH_REASON_mode},
    {CSH_MODE_TRUST, ANY, ANY, ANY, ANY, ANY, ANY, ANY, ANY, ANY, ANY, YES,
     CSH_VERDICT_TRUST, CSH_REASON_trusted},
    {ANY, ANY, ANY, ANY, ANY, ANY, ANY, ANY, NO, ANY, ANY, ANY, FWD(unready)},
    {CSH_MODE_VERIFY, YES, NO, YES, CSH_KNOWS_SHADOW, CSH_HOST_PAGEABLE, YES,
     YES, YES, CSH_BELIEF_NONE, NO, ANY, CSH_VERDICT_PROVE, CSH_REASON_proven},
    {CSH_MODE_TRUST, YES, NO, YES, CSH_KNOWS_SHADOW, CSH_HOST_PAGEABLE, YES,
     YES, YES, CSH_BELIEF_NONE, NO, NO, CSH_VERDICT_PROVE, CSH_REASON_proven},
    {CSH_MODE_VERIFY, YES, NO, YES, CSH_KNOWS_SHADOW, CSH_HOST_PAGEABLE, YES,
     YES, YES, CSH_BELIEF_DIFFERENT, NO, ANY, CSH_VERDICT_CAPTURE,
     CSH_REASON_dirty},
    {CSH_MODE_TRUST, YES, NO, YES, CSH_KNOWS_SHADOW, CSH_HOST_PAGEABLE, YES,
     YES, YES, CSH_BELIEF_DIFFERENT, NO, NO, CSH_VERDICT_CAPTURE,
     CSH_REASON_dirty},
    {CSH_MODE_VERIFY, YES, NO, YES, CSH_KNOWS_SHADOW, CSH_HOST_PAGEABLE, YES,
     YES, YES, CSH_BELIEF_EQUAL, NO, ANY, CSH_VERDICT_BELIEVE,
     CSH_REASON_cohort},
    {CSH_MODE_TRUST, YES, NO, YES, CSH_KNOWS_SHADOW, CSH_HOST_PAGEABLE, YES,
     YES, YES, CSH_BELIEF_EQUAL, NO, NO, CSH_VERDICT_BELIEVE,
     CSH_REASON_cohort},
};

static bool fits(int wanted, int got)
{
    return wanted == ANY || wanted == got;
}

static const struct offload_row *expect_offload(
    const struct csh_offload_facts *f)
{
    size_t i;

    for (i = 0; i < CSH_ARRAY_LENGTH(offload_rows); i++) {
        const struct offload_row *row = &offload_rows[i];

        if (fits(row->mode, (int)f->mode) && fits(row->large, f->is_large) &&
            fits(row->capturing, f->is_capturing) &&
            fits(row->suited, f->is_suited) &&
            fits(row->knowledge, (int)f->knowledge) &&
            fits(row->host, (int)f->host) && fits(row->plain, f->is_plain) &&
            fits(row->idle, f->is_idle) && fits(row->prove, f->may_prove) &&
            fits(row->belief, (int)f->belief) &&
            fits(row->paused, f->is_paused) &&
            fits(row->immutable, f->is_immutable)) {
            return row;
        }
    }
    return NULL;
}

/* The cell with number n of the whole table; false when there is no more. */
static bool offload_cell(unsigned n, struct csh_offload_facts *f)
{
#define TAKE(count_) (taken = n % (count_), n /= (count_), taken)
    unsigned taken;

    f->mode = (enum csh_mode)TAKE(CSH_N_MODES);
    f->is_paused = TAKE(2);
    f->is_large = TAKE(2);
    f->is_capturing = TAKE(2);
    f->is_suited = TAKE(2);
    f->knowledge = (enum csh_knowledge)TAKE(CSH_N_KNOWLEDGE);
    f->host = (enum csh_host_kind)TAKE(CSH_N_HOST_KINDS);
    f->is_plain = TAKE(2);
    f->is_idle = TAKE(2);
    f->may_prove = TAKE(2);
    f->belief = (enum csh_belief)TAKE(CSH_N_BELIEFS);
    f->is_immutable = TAKE(2);
    return n == 0;
}

START_TEST(offload_every_cell)
{
    struct csh_offload_facts facts;
    unsigned n, seen[CSH_N_VERDICTS] = {0};

    for (n = 0; offload_cell(n, &facts); n++) {
        const struct offload_row *row = expect_offload(&facts);
        struct csh_decision got = csh_policy_offload(&facts);

        ck_assert_ptr_nonnull(row);
        ck_assert_msg(got.verdict == row->verdict &&
                          got.reason == row->reason,
                      "cell %u: verdict %d reason %s, expected %d %s", n,
                      (int)got.verdict, csh_reason_name(got.reason),
                      (int)row->verdict, csh_reason_name(row->reason));
        seen[got.verdict]++;
    }
    ck_assert_uint_eq(n, 5u * 2 * 2 * 2 * 2 * 5 * 3 * 2 * 2 * 2 * 3 * 2);
    /* Mode verify, immutable or not, and mode trust of what is not. */
    ck_assert_uint_eq(seen[CSH_VERDICT_PROVE], 2 + 1);
    ck_assert_uint_eq(seen[CSH_VERDICT_BELIEVE], 2 + 1);
    /* With or without a prover, whatever a launch found. */
    ck_assert_uint_eq(seen[CSH_VERDICT_TRUST], 2 * 3);
    ck_assert_uint_eq(seen[CSH_VERDICT_SERVE], 0);
}
END_TEST

/* With every costly fact at its favourable value. */
static struct csh_offload_facts hopeful(struct csh_offload_facts facts)
{
    facts.host = CSH_HOST_PAGEABLE;
    facts.is_plain = facts.is_idle = facts.may_prove = true;
    facts.is_suited = true;
    facts.is_capturing = false;
    return facts;
}

START_TEST(offload_asking_early_is_only_too_hopeful)
{
    struct csh_offload_facts facts, early;
    unsigned n;

    for (n = 0; offload_cell(n, &facts); n++) {
        struct csh_decision full = csh_policy_offload(&facts), hope;

        early = hopeful(facts);
        hope = csh_policy_offload(&early);
        if (full.verdict != CSH_VERDICT_FORWARD) {
            ck_assert_int_eq(hope.verdict, full.verdict);
        }
        if (hope.verdict == CSH_VERDICT_FORWARD) {
            ck_assert_int_eq(full.verdict, CSH_VERDICT_FORWARD);
        }
    }
}
END_TEST

static bool reload_cell(unsigned n, struct csh_reload_facts *f)
{
    unsigned taken;

    f->mode = (enum csh_mode)TAKE(CSH_N_MODES);
    f->is_paused = TAKE(2);
    f->is_large = TAKE(2);
    f->is_capturing = TAKE(2);
    f->is_suited = TAKE(2);
    f->has_shadow = TAKE(2);
    f->is_registered = TAKE(2);
    f->host = (enum csh_host_kind)TAKE(CSH_N_HOST_KINDS);
    f->is_plain = TAKE(2);
    f->is_idle = TAKE(2);
    f->is_equal = TAKE(2);
    f->may_be_there = TAKE(2);
    f->is_parked = TAKE(2);
    return n == 0;
}

static enum csh_reason expect_reload(const struct csh_reload_facts *f)
{
    return f->mode == CSH_MODE_OFF || f->mode == CSH_MODE_OBSERVE
               ? CSH_REASON_mode
           : f->is_paused                   ? CSH_REASON_paused
           : !f->is_large                   ? CSH_REASON_small
           : f->is_capturing                ? CSH_REASON_capturing
           : !f->has_shadow && !f->is_registered ? CSH_REASON_unlearned
           : !f->is_suited                  ? CSH_REASON_device
           : f->host == CSH_HOST_PINNED     ? CSH_REASON_pinned
           : f->host == CSH_HOST_FOREIGN    ? CSH_REASON_foreign
           : !f->is_plain                   ? CSH_REASON_foreign
           : !f->is_idle                    ? CSH_REASON_busy
           : !f->has_shadow                 ? CSH_REASON_first
           : !f->is_equal                   ? CSH_REASON_modified
           : f->may_be_there                ? CSH_REASON_in_place
           : f->is_parked                   ? CSH_REASON_parked
                                            : CSH_REASON_unchanged;
}

static enum csh_verdict expect_verdict(enum csh_reason reason)
{
    return reason == CSH_REASON_unchanged ? CSH_VERDICT_SERVE
           : reason == CSH_REASON_in_place ? CSH_VERDICT_PROVE
           : reason == CSH_REASON_parked   ? CSH_VERDICT_UNPARK
           : reason == CSH_REASON_first || reason == CSH_REASON_modified
               ? CSH_VERDICT_CAPTURE
               : CSH_VERDICT_FORWARD;
}

START_TEST(reload_every_cell)
{
    struct csh_reload_facts facts;
    unsigned n, seen[CSH_N_VERDICTS] = {0};

    for (n = 0; reload_cell(n, &facts); n++) {
        struct csh_decision got = csh_policy_reload(&facts);
        enum csh_reason reason = expect_reload(&facts);

        ck_assert_msg(got.reason == reason, "cell %u: %s, expected %s", n,
                      csh_reason_name(got.reason), csh_reason_name(reason));
        ck_assert_int_eq(got.verdict, expect_verdict(reason));
        seen[got.verdict]++;
    }
    ck_assert_uint_eq(n, 5u * 2 * 2 * 2 * 2 * 2 * 2 * 3 * 2 * 2 * 2 * 2 * 2);
    /* Modes verify, trust and copy, registered or not; and without a shadow
     * only if registered, equal or not; in place or not, parked or not. */
    ck_assert_uint_eq(seen[CSH_VERDICT_SERVE], 3 * 2);
    ck_assert_uint_eq(seen[CSH_VERDICT_UNPARK], 3 * 2);
    ck_assert_uint_eq(seen[CSH_VERDICT_PROVE], 3 * 2 * 2);
    ck_assert_uint_eq(seen[CSH_VERDICT_CAPTURE], (3 * 2 + 3 * 2) * 2 * 2);
}
END_TEST

START_TEST(passed_uploads_say_what_the_rules_know)
{
    int reason;

    for (reason = 0; reason < CSH_N_REASONS; ++reason) {
        bool is_open = reason == CSH_REASON_unlearned;

        ck_assert_int_eq(csh_policy_passed_upload(reason, false, false),
                         reason);
        ck_assert_int_eq(csh_policy_passed_upload(reason, true, false),
                         is_open ? (int)CSH_REASON_excluded : reason);
        ck_assert_int_eq(csh_policy_passed_upload(reason, false, true),
                         is_open ? (int)CSH_REASON_deferred : reason);
    }
}
END_TEST

/* With every costly fact at its favourable value. */
START_TEST(reload_asking_early_is_only_too_hopeful)
{
    struct csh_reload_facts facts, early;
    unsigned n;

    for (n = 0; reload_cell(n, &facts); n++) {
        struct csh_decision full = csh_policy_reload(&facts), hope;

        early = facts;
        early.host = CSH_HOST_PAGEABLE;
        early.is_plain = early.is_idle = early.is_equal = true;
        early.is_suited = early.has_shadow = true;
        early.is_capturing = false;
        hope = csh_policy_reload(&early);
        if (hope.verdict == CSH_VERDICT_FORWARD) {
            ck_assert_int_eq(full.verdict, CSH_VERDICT_FORWARD);
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("policy");
    TCase *cases = tcase_create("cells");
    SRunner *runner;
    int failed;

    tcase_add_test(cases, offload_every_cell);
    tcase_add_test(cases, offload_asking_early_is_only_too_hopeful);
    tcase_add_test(cases, reload_every_cell);
    tcase_add_test(cases, passed_uploads_say_what_the_rules_know);
    tcase_add_test(cases, reload_asking_early_is_only_too_hopeful);
    suite_add_tcase(suite, cases);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
