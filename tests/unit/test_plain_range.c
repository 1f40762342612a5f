/*
 * test_plain_range.c - which ranges a kernel may read, by what the driver
 * says of them: each attribute alone turns a yes into a no.
 */
#include <check.h>

#include "fake_prover_driver.h"

#define RANGE_BYTES 100000

static void set_up(void)
{
    fake_reset(NULL, RANGE_BYTES);
}

static bool is_plain(CUdeviceptr src, size_t n)
{
    return csh_prover_range_is_plain(fake_calls(true), src, n, FAKE_CONTEXT,
                                     FAKE_DEVICE);
}

START_TEST(ranges_inside_a_mapping_are_plain)
{
    const CUdeviceptr base = FAKE_DEVICE_BASE;
    unsigned before        = fake.n_order;

    ck_assert(is_plain(base, RANGE_BYTES));
    ck_assert_uint_eq(fake.n_order - before, 2);
    ck_assert(is_plain(base, 1));
    ck_assert(is_plain(base + RANGE_BYTES - 1, 1));
    ck_assert(!is_plain(base, 0));
    ck_assert(!is_plain(base, RANGE_BYTES + 1));
    ck_assert(!is_plain(base + 1, RANGE_BYTES));
    ck_assert(!is_plain(base + RANGE_BYTES, 1));
    ck_assert(!is_plain(base - 1, 2));
    ck_assert(!is_plain(base + 8, SIZE_MAX - 4));
    ck_assert(!csh_prover_range_is_plain(fake_calls(true), base, 1, NULL,
                                         FAKE_DEVICE));
    fake.owner = 0; /* pools, cuMemMap */
    ck_assert(is_plain(base, RANGE_BYTES));
    fake.access = CU_POINTER_ATTRIBUTE_ACCESS_FLAG_READ;
    ck_assert(is_plain(base, RANGE_BYTES));
}
END_TEST

START_TEST(doubtful_ranges_are_not_plain)
{
    struct fake_driver good = fake;

#define ASSERT_NOT_PLAIN(change_)                      \
    do {                                               \
        ck_assert(is_plain(FAKE_DEVICE_BASE, RANGE_BYTES)); \
        change_;                                       \
        ck_assert(!is_plain(FAKE_DEVICE_BASE, RANGE_BYTES)); \
        fake = good;                                   \
    } while (0)

    ASSERT_NOT_PLAIN(fake.memory_type = CU_MEMORYTYPE_HOST);
    ASSERT_NOT_PLAIN(fake.memory_type = 0);
    ASSERT_NOT_PLAIN(fake.is_managed = 1);
    ASSERT_NOT_PLAIN(fake.is_mapped = 0);
    ASSERT_NOT_PLAIN(fake.ordinal = FAKE_DEVICE + 1);
    ASSERT_NOT_PLAIN(fake.ordinal = (uint64_t)CU_DEVICE_INVALID);
    ASSERT_NOT_PLAIN(fake.owner = 0x5555);
    ASSERT_NOT_PLAIN(fake.access = CU_POINTER_ATTRIBUTE_ACCESS_FLAG_NONE);
    ASSERT_NOT_PLAIN((fake.fail_entry = FAKE_cuPointerGetAttributes,
                      fake.fail_nth = fake.n_calls[fake.fail_entry] + 1));
    ASSERT_NOT_PLAIN((fake.fail_entry = FAKE_cuMemGetAddressRange_v2,
                      fake.fail_nth = fake.n_calls[fake.fail_entry] + 1));
}
END_TEST

static Suite *plain_range_suite(void)
{
    Suite *suite = suite_create("plain range");
    TCase *tcase = tcase_create("ranges");

    tcase_add_checked_fixture(tcase, set_up, NULL);
    tcase_add_test(tcase, ranges_inside_a_mapping_are_plain);
    tcase_add_test(tcase, doubtful_ranges_are_not_plain);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    SRunner *runner = srunner_create(plain_range_suite());
    int n_failed;

    srunner_run_all(runner, CK_ENV);
    n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed != 0;
}
