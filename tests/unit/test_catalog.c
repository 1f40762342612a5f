/*
 * test_catalog.c - which files a manifest= rule leads to, what their models
 * are called, and how the tensors are found again.
 */
#include "weights/catalog.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "weights/search.h"
#include "weights_fixture.h"

static const size_t small[] = {16, 32, 0};
static struct csh_catalog *catalog;

static void setup(void)
{
    csh_log_threshold = CSH_LOG_OFF;
    folder_make();
}

static void teardown(void)
{
    csh_catalog_close(catalog);
    catalog = NULL;
    folder_remove();
}

/* Opens the catalog of one rule for this name in the folder, or of two. */
static uint32_t list(const char *name, const char *other)
{
    static struct csh_weight_rules rules;
    char text[2048];

    snprintf(text, sizeof(text), "manifest=%s%s%s", folder_path(name),
             (other != NULL) ? ",manifest=" : "",
             (other != NULL) ? folder_path(other) : "");
    ck_assert(csh_parse_weights(text, &rules));
    csh_catalog_close(catalog);
    catalog = csh_catalog_open(&rules);
    return (catalog != NULL) ? catalog->n_tensors : 0;
}

/* The model of the tensor of that name; "" if there is none. */
static const char *model_of(const char *name)
{
    uint32_t i;

    for (i = 0; (catalog != NULL) && (i < catalog->n_tensors); ++i) {
        if (strcmp(catalog->tensors[i].name, name) == 0) {
            return csh_catalog_model(catalog, i);
        }
    }
    return "";
}

START_TEST(one_file)
{
    folder_write_model("a/m.safetensors", "t", small, 1);
    ck_assert_uint_eq(list("a/m.safetensors", NULL), 2);
    ck_assert_str_eq(model_of("t0"), "m.safetensors");
    ck_assert_str_eq(catalog->files[0].path, folder_path("a/m.safetensors"));
    ck_assert_uint_eq(catalog->files[0].n_bytes, 48);
    ck_assert_uint_eq(list("a/n.safetensors", NULL), 0);
    ck_assert_ptr_null(catalog);
    ck_assert_uint_eq(list("a", NULL), 2);
    ck_assert_str_eq(model_of("t1"), "m.safetensors");
}
END_TEST

START_TEST(a_pipeline_is_its_components)
{
    folder_write_model("p/unet/d.safetensors", "u", small, 1);
    folder_write_model("p/vae/d.safetensors", "v", small, 2);
    folder_write_model("p/old/d.safetensors", "o", small, 3);
    folder_write_model("p/all.safetensors", "a", small, 4);
    folder_write_text("p/model_index.json",
                      "{\"_class_name\":\"X\",\"unet\":[\"d\",\"U\"],"
                      "\"vae\":[\"d\",\"V\"],\"gone\":[\"d\",\"G\"]}");
    ck_assert_uint_eq(list("p", NULL), 4);
    ck_assert_str_eq(model_of("u0"), "unet/d.safetensors");
    ck_assert_str_eq(model_of("v1"), "vae/d.safetensors");
    ck_assert_uint_eq(list("p/model_index.json", NULL), 4);
    ck_assert_str_eq(model_of("u0"), "unet/d.safetensors");
    /* From above, too; what is no pipeline is searched as a whole. */
    folder_write_model("q/deep/er/d.safetensors", "q", small, 5);
    ck_assert_uint_eq(list("", NULL), 6);
    ck_assert_str_eq(model_of("u0"), "p/unet/d.safetensors");
    ck_assert_str_eq(model_of("q0"), "q/deep/er/d.safetensors");
    /* A broken one is searched like any folder. */
    folder_write_text("p/model_index.json", "{\"unet\"");
    ck_assert_uint_eq(list("p", NULL), 8);
}
END_TEST

START_TEST(shards_are_one_model)
{
    folder_write_model("s/m-1.safetensors", "a", small, 1);
    folder_write_model("s/m-2.safetensors", "b", small, 2);
    folder_write_model("s/x.safetensors", "x", small, 3);
    folder_write_text("s/m.safetensors.index.json",
                      "{\"weight_map\":{\"a0\":\"m-1.safetensors\","
                      "\"b0\":\"m-2.safetensors\",\"c\":\"m-3.safetensors\","
                      "\"a1\":\"m-1.safetensors\"}}");
    ck_assert_uint_eq(list("s", NULL), 6);
    ck_assert_str_eq(model_of("a0"), "m.safetensors");
    ck_assert_str_eq(model_of("b1"), "m.safetensors");
    ck_assert_str_eq(model_of("x0"), "x.safetensors");
    ck_assert_uint_eq(list("s/m.safetensors.index.json", NULL), 4);
    ck_assert_str_eq(model_of("b0"), "m.safetensors");
    /* As diffusers calls the index of a variant. */
    ck_assert_int_eq(rename(folder_path("s/m.safetensors.index.json"),
                            folder_path("s/m.safetensors.index.fp16.json")),
                     0);
    ck_assert_uint_eq(list("s", NULL), 6);
    ck_assert_str_eq(model_of("a0"), "m.safetensors");
}
END_TEST

START_TEST(globs_and_links_and_caches)
{
    folder_write_model("b/1", "a", small, 1);
    folder_write_model("b/2", "b", small, 2);
    mkdir(folder_path("c"), 0755);
    mkdir(folder_path("c/m1"), 0755);
    mkdir(folder_path("c/m2"), 0755);
    ck_assert_int_eq(symlink("../../b/1", folder_path("c/m1/x.safetensors")),
                     0);
    ck_assert_int_eq(symlink("../../b/2", folder_path("c/m2/x.safetensors")),
                     0);
    ck_assert_int_eq(symlink("nowhere", folder_path("c/a.safetensors")), 0);
    ck_assert_uint_eq(list("c", NULL), 4);
    ck_assert_str_eq(model_of("a0"), "m1/x.safetensors");
    ck_assert_uint_eq(list("c/*/x.safetensors", NULL), 4);
    ck_assert_str_eq(model_of("b0"), "m2/x.safetensors");
    ck_assert_uint_eq(list("c/m?", NULL), 4);
    ck_assert_str_eq(model_of("a0"), "x.safetensors");
    ck_assert_str_eq(model_of("b0"), folder_path("c/m2/x.safetensors"));
    ck_assert_uint_eq(list("b/1", "c"), 4); /* each file once */
    ck_assert_str_eq(model_of("a0"), "1");
}
END_TEST

START_TEST(folders_that_lead_in_a_circle)
{
    folder_write_model("c/m/a.safetensors", "a", small, 1);
    folder_write_model("c/n/b.safetensors", "b", small, 2);
    ck_assert_int_eq(symlink("..", folder_path("c/m/up")), 0);
    ck_assert_int_eq(symlink(".", folder_path("c/n/self")), 0);
    ck_assert_uint_eq(list("c", NULL), 4);
    ck_assert_str_eq(model_of("a0"), "m/a.safetensors");
    ck_assert_str_eq(model_of("b0"), "n/b.safetensors");
    ck_assert_uint_eq(list("c/m", NULL), 4);
    ck_assert_str_eq(model_of("b0"), "up/n/b.safetensors");
    /* A pipeline that is its own component. */
    folder_write_text("c/n/model_index.json", "{\"self\":[\"a\",\"b\"]}");
    ck_assert_uint_eq(list("c/n", NULL), 2);
}
END_TEST

START_TEST(shards_through_links_keep_one_name)
{
    folder_write_model("b/1", "a", small, 1);
    folder_write_model("b/2", "b", small, 2);
    mkdir(folder_path("c"), 0755);
    ck_assert_int_eq(symlink("../b/1", folder_path("c/m-1.safetensors")), 0);
    ck_assert_int_eq(symlink("../b/2", folder_path("c/m-2.safetensors")), 0);
    folder_write_text("c/m.safetensors.index.json",
                      "{\"weight_map\":{\"a0\":\"m-1.safetensors\","
                      "\"b0\":\"m-2.safetensors\"}}");
    ck_assert_uint_eq(list("c", NULL), 4);
    ck_assert_str_eq(model_of("a0"), "m.safetensors");
    ck_assert_str_eq(model_of("b0"), "m.safetensors");
}
END_TEST

START_TEST(bad_files_do_not_hide_good_ones)
{
    struct image image = {NULL, 0, 0};

    folder_write_model("m/good.safetensors", "g", small, 1);
    folder_write_text("m/bad.safetensors", "no header at all");
    folder_write_text("m/empty.safetensors", "");
    folder_write_text("m/bad.gguf", "GGUF");
    folder_write_text("m/b.safetensors.index.json", "[");
    mkdir(folder_path("m/folder.safetensors"), 0755);
    ck_assert_int_eq(mkfifo(folder_path("m/pipe.safetensors"), 0644), 0);
    image_put_gguf(&image, 3, 1, 0);
    image_put_info(&image, "blk", 32, 24, 0);
    image_align(&image, 32);
    image_put_noise(&image, 7, 32);
    folder_write("m/any-name.gguf", &image);
    image_free(&image);
    ck_assert_uint_eq(list("m", NULL), 3);
    ck_assert_str_eq(model_of("g0"), "good.safetensors");
    ck_assert_str_eq(model_of("blk"), "any-name.gguf");
    ck_assert_uint_eq(list("m/pipe.safetensors", NULL), 0);
}
END_TEST

START_TEST(depth_is_bounded)
{
    folder_write_model("1/2/3/4/5/6/m.safetensors", "a", small, 1);
    folder_write_model("1/2/3/4/5/6/7/m.safetensors", "b", small, 2);
    ck_assert_uint_eq(list("", NULL), 2);
    ck_assert_str_eq(model_of("a0"), "1/2/3/4/5/6/m.safetensors");
    ck_assert_int_eq(CSH_MAX_FOLDER_DEPTH, 6);
}
END_TEST

START_TEST(look_up_by_size_and_by_file)
{
    static const size_t sizes[] = {32, 8, 32, 64, 8, 32, 0};
    uint32_t first, i;

    folder_write_model("m/a.safetensors", "a", sizes, 1);
    folder_write_model("m/b.safetensors", "b", sizes, 2);
    ck_assert_uint_eq(list("m", NULL), 12);
    ck_assert_uint_eq(csh_catalog_of_bytes(catalog, 32, &first), 6);
    for (i = 0; i < 6; ++i) {
        ck_assert_uint_eq(
            catalog->tensors[catalog->by_bytes[first + i]].bytes, 32);
        ck_assert(i == 0 || catalog->by_bytes[first + i] >
                                catalog->by_bytes[first + i - 1]);
    }
    ck_assert_uint_eq(csh_catalog_of_bytes(catalog, 8, &first), 4);
    ck_assert_uint_eq(csh_catalog_of_bytes(catalog, 64, &first), 2);
    ck_assert_uint_eq(csh_catalog_of_bytes(catalog, 0, &first), 0);
    ck_assert_uint_eq(csh_catalog_of_bytes(catalog, 33, &first), 0);
    ck_assert_uint_eq(csh_catalog_of_bytes(catalog, UINT64_MAX, &first), 0);
    for (i = 0; i < catalog->n_files; ++i) {
        ck_assert_ptr_eq(csh_catalog_file(catalog,
                                          catalog->files[i].id.device,
                                          catalog->files[i].id.inode),
                         &catalog->files[i]);
    }
    ck_assert_ptr_null(csh_catalog_file(catalog, 0, 0));
    ck_assert_ptr_null(csh_catalog_file(
        catalog, catalog->files[0].id.device + 1,
        catalog->files[0].id.inode));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("catalog");
    TCase *tcase = tcase_create("core");
    SRunner *runner = srunner_create(suite);
    int n_failed;

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, one_file);
    tcase_add_test(tcase, a_pipeline_is_its_components);
    tcase_add_test(tcase, shards_are_one_model);
    tcase_add_test(tcase, globs_and_links_and_caches);
    tcase_add_test(tcase, folders_that_lead_in_a_circle);
    tcase_add_test(tcase, shards_through_links_keep_one_name);
    tcase_add_test(tcase, bad_files_do_not_hide_good_ones);
    tcase_add_test(tcase, depth_is_bounded);
    tcase_add_test(tcase, look_up_by_size_and_by_file);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_ENV);
    n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed != 0;
}
