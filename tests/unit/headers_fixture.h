/*
 * headers_fixture.h - what the tests of headers share: one image of a file and
 * the tensors that were read from it. Included once by each test program.
 */
#ifndef CSH_TESTS_HEADERS_FIXTURE_H
#define CSH_TESTS_HEADERS_FIXTURE_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "weights/headers.h"
#include "weights_fixture.h"

static struct csh_json *json;
static struct image image;
static struct csh_tensors tensors;

static void setup(void)
{
    json = csh_json_open();
    ck_assert_ptr_nonnull(json);
}

static void forget(void)
{
    image_free(&image);
    csh_tensors_clear(&tensors);
}

static void teardown(void)
{
    forget();
    csh_json_close(json);
}

static const char *name(size_t i)
{
    return tensors.names + tensors.entries[i].name;
}

static void expect(size_t n_entries, unsigned n_faults)
{
    ck_assert_msg((tensors.n_entries == n_entries) &&
                  (tensors.fault.n_faults == n_faults),
                  "%zu tensors, %u faults (%s) instead of %zu and %u",
                  tensors.n_entries, tensors.fault.n_faults,
                  tensors.fault.text, n_entries, n_faults);
}

#endif
