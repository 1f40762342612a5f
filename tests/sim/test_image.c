/*
 * test_image.c - which module images a driver of which version takes.
 *
 * Links image.c alone; the settings are this file's.
 */
#include <check.h>
#include <stdio.h>
#include "entry.h"

static struct sim_settings settings;

const struct sim_settings *sim_settings(void)
{
    return &settings;
}

static CUresult load(int driver_version, const char *image)
{
    settings.driver_version = driver_version;
    return sim_check_image(image);
}

START_TEST(test_ptx_versions)
{
    static const struct {
        const char *version;
        int needs;
    } cases[] = {
        {"3.2", 6000},  {"6.0", 9000},  {"6.3", 10000}, {"6.5", 10020},
        {"7.0", 11000}, {"7.8", 11080}, {"8.0", 12000}, {"8.5", 12050},
        {"8.6", 12070}, {"8.8", 12090}, {"9.0", 13000},
    };
    char text[64];

    snprintf(text, sizeof(text), ".version %s\n.target sm_50\n",
             cases[_i].version);
    ck_assert_int_eq(load(cases[_i].needs, text), CUDA_SUCCESS);
    if (_i > 0) {
        ck_assert_int_eq(load(cases[_i].needs - 10, text),
                         CUDA_ERROR_UNSUPPORTED_PTX_VERSION);
    }
}
END_TEST

START_TEST(test_text_before_version)
{
    const char *image = "// written by a compiler\n/* .version 1.0 */\n"
                        "\t.version\t 9.0 // newest\n.target sm_75\n";

    ck_assert_int_eq(load(13000, image), CUDA_SUCCESS);
    ck_assert_int_eq(load(12090, image), CUDA_ERROR_UNSUPPORTED_PTX_VERSION);
}
END_TEST

START_TEST(test_other_images)
{
    ck_assert_int_eq(load(11000, NULL), CUDA_ERROR_INVALID_VALUE);
    ck_assert_int_eq(load(11000, ""), CUDA_SUCCESS);
    ck_assert_int_eq(load(11000, "\x7f" "ELF"), CUDA_SUCCESS);
    ck_assert_int_eq(load(11000, "/* never closed"), CUDA_SUCCESS);
    ck_assert_int_eq(load(13000, ".version 9.1"),
                     CUDA_ERROR_UNSUPPORTED_PTX_VERSION);
    ck_assert_int_eq(load(13000, ".version 99999999999.0"),
                     CUDA_ERROR_INVALID_PTX);
    ck_assert_int_eq(load(13000, ".version"), CUDA_ERROR_INVALID_PTX);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sim image");
    TCase *tcase = tcase_create("image");
    SRunner *runner;
    int failures;

    tcase_add_loop_test(tcase, test_ptx_versions, 0, 11);
    tcase_add_test(tcase, test_text_before_version);
    tcase_add_test(tcase, test_other_images);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failures = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failures != 0;
}
