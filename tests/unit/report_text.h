/*
 * report_text.h - a report of what was counted so far, gathered in memory.
 *
 * Included once by each test program, instead of report_fixture.h.
 */
#ifndef CSH_TESTS_REPORT_TEXT_H
#define CSH_TESTS_REPORT_TEXT_H

#include "report/summary.h"
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

static inline void assert_silent(const char *part)
{
    ck_assert_msg(strstr(text, part) == NULL, "\"%s\" in: %s", part, text);
}

#endif
