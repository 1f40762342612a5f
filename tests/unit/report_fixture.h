/*
 * report_fixture.h - what the tests of the report share: counting, a folder
 * of their own, its one file, and python3 as a reader of JSON.
 *
 * python3 must be there: a reader of our own might share our mistakes.
 * Included once by each test program.
 */
#ifndef CSH_TESTS_REPORT_FIXTURE_H
#define CSH_TESTS_REPORT_FIXTURE_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/statistics.h"

static char folder[64], path[96];
static char text[1 << 16];
static size_t n_text;

static void setup(void)
{
    snprintf(folder, sizeof(folder), "/tmp/test_report_XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/file", folder);
}

static void teardown(void)
{
    unlink(path);
    ck_assert_int_eq(rmdir(folder), 0);
}

static void count(enum csh_direction direction, enum csh_outcome outcome,
                  enum csh_reason reason, uint64_t bytes)
{
    csh_statistics_count(direction, outcome, reason, bytes);
}

static inline void write_file(const char *bytes, size_t n_bytes)
{
    FILE *file = fopen(path, "w");

    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes, 1, n_bytes, file), n_bytes);
    ck_assert_int_eq(fclose(file), 0);
}

/* Runs a python program over the file; it fails by an exception. */
static inline void assert_python(const char *program)
{
    char command[2048];

    ck_assert_int_lt(snprintf(command, sizeof(command),
                              "python3 -c '%s' %s", program, path),
                     (int)sizeof(command));
    ck_assert_int_eq(system(command), 0);
}

static inline void assert_said(const char *part)
{
    ck_assert_msg(strstr(text, part) != NULL, "no \"%s\" in: %s", part, text);
}

static inline void assert_one_line(void)
{
    ck_assert_uint_gt(n_text, 0);
    ck_assert_ptr_eq(strchr(text, '\n'), text + n_text - 1);
}

#endif
