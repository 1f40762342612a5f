/*
 * test_json_missing.c - a machine without libjansson: GGUF files are listed
 * all the same, what needs JSON is passed over, and the library is looked for
 * once.
 *
 * Compiles jansson.c itself, to stand in for the dynamic loader.
 */
#include <stdbool.h>
#include <stddef.h>

static unsigned n_asked;

#define dlopen fake_dlopen
static void *fake_dlopen(const char *name, int flags);
#include "weights/jansson.c"

#include <check.h>
#include <stdio.h>

#include "base/log.h"
#include "weights/catalog.h"
#include "weights/json.h"
#include "weights_fixture.h"

static void *fake_dlopen(const char *name, int flags)
{
    (void)name, (void)flags;
    ++n_asked;
    return NULL;
}

START_TEST(what_needs_no_json_is_listed)
{
    static const size_t sizes[] = {16, 32, 0};
    static struct csh_weight_rules rules;
    struct image image = {NULL, 0, 0};
    struct csh_catalog *catalog;
    char text[256];

    csh_log_threshold = CSH_LOG_OFF;
    folder_make();
    folder_write_model("m/a.safetensors", "a", sizes, 1);
    folder_write_model("m/b.safetensors", "b", sizes, 2);
    folder_write_text("m/model_index.json", "{\"u\":[\"d\",\"U\"]}");
    folder_write_text("m/m.safetensors.index.json", "{}");
    image_put_gguf(&image, 3, 1, 0);
    image_put_info(&image, "blk", 32, 24, 0);
    image_align(&image, 32);
    image_put_noise(&image, 7, 32);
    folder_write("m/c.gguf", &image);
    image_free(&image);
    snprintf(text, sizeof(text), "manifest=%s", folder_path("m"));
    ck_assert(csh_parse_weights(text, &rules));
    catalog = csh_catalog_open(&rules);
    ck_assert_ptr_nonnull(catalog);
    ck_assert_uint_eq(catalog->n_tensors, 1);
    ck_assert_str_eq(catalog->tensors[0].name, "blk");
    ck_assert_uint_eq(n_asked, 1);
    csh_catalog_close(catalog);
    folder_remove();
}
END_TEST

START_TEST(the_library_is_looked_for_only_when_there_is_json)
{
    struct csh_json *json;

    n_asked = 0;
    json = csh_json_open();
    ck_assert_ptr_nonnull(json);
    csh_json_close(json);
    ck_assert_uint_eq(n_asked, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("json_missing");
    TCase *tcase = tcase_create("core");
    SRunner *runner = srunner_create(suite);
    int n_failed;

    tcase_add_test(tcase, what_needs_no_json_is_listed);
    tcase_add_test(tcase, the_library_is_looked_for_only_when_there_is_json);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_ENV);
    n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed != 0;
}
