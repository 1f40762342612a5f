/*
 * test_identify.c - uploads are recognised as what they are, and nothing is
 * called what it is not.
 */
#include "weights/identify.h"

#include <check.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "weights_fixture.h"

#define MODEL "m/a.safetensors"
#define N_BIG 70000

/* Four of one size among others. */
static const size_t sizes[] = {1000, N_BIG, 1000, 1000, 40, 5000, 1000, 0};
static struct csh_catalog *catalog;
static struct image source;
static size_t data_start;

static void open_catalog(void)
{
    static struct csh_weight_rules rules;
    char text[512];

    snprintf(text, sizeof(text), "manifest=%s", folder_path("m"));
    ck_assert(csh_parse_weights(text, &rules));
    csh_catalog_close(catalog);
    catalog = csh_catalog_open(&rules);
    ck_assert_ptr_nonnull(catalog);
}

static void setup(void)
{
    csh_log_threshold = CSH_LOG_OFF;
    folder_make();
    folder_write_model(MODEL, "t", sizes, 100);
    data_start = model_data_start(MODEL);
    open_catalog();
}

static void teardown(void)
{
    image_free(&source);
    csh_catalog_close(catalog);
    catalog = NULL;
    folder_remove();
}

static uint64_t start_of(unsigned i)
{
    return catalog->tensors[i].start;
}

/* The source: n noise bytes by that seed. */
static void set_source(uint64_t seed, size_t n)
{
    image_free(&source);
    image_put_noise(&source, seed, n);
}

static struct csh_identity identify(void)
{
    struct csh_bytes bytes = image_bytes(&source);

    return csh_weights_identify(catalog, &bytes, NULL);
}

static bool confirm(struct csh_identity *identity)
{
    struct csh_bytes bytes = image_bytes(&source);

    return csh_weights_confirm(catalog, &bytes, identity);
}

static struct csh_identity identify_place(uint64_t offset, size_t n)
{
    struct csh_file_place place = {catalog->files[0].id.device,
                                   catalog->files[0].id.inode, offset, NULL};
    struct csh_bytes bytes;

    set_source(1, n); /* any bytes: the place decides */
    bytes = image_bytes(&source);
    return csh_weights_identify(catalog, &bytes, &place);
}

static void overwrite(const char *name, size_t offset, const void *bytes,
                      size_t n)
{
    int fd = open(folder_path(name), O_WRONLY);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(pwrite(fd, bytes, n, (off_t)offset), (ssize_t)n);
    close(fd);
}

START_TEST(every_tensor_is_recognised_by_its_bytes)
{
    struct csh_identity identity;
    unsigned i;

    for (i = 0; sizes[i] != 0; ++i) {
        set_source(100 + i, sizes[i]);
        identity = identify();
        ck_assert_int_eq(identity.match, CSH_MATCH_SAMPLED);
        ck_assert_int_eq(identity.part, CSH_PART_WHOLE);
        ck_assert_uint_eq(identity.tensor, i);
        ck_assert_uint_eq(identity.n_tensors, 1);
        ck_assert(!identity.is_alias);
        ck_assert(confirm(&identity));
        ck_assert_int_eq(identity.match, CSH_MATCH_EXACT);
        ck_assert_uint_eq(identity.tensor, i);
        ck_assert(!identity.is_alias);
    }
    ck_assert_str_eq(csh_catalog_model(catalog, 0), "a.safetensors");
}
END_TEST

START_TEST(other_bytes_and_sizes_are_nothing)
{
    struct csh_identity identity;
    unsigned i;

    for (i = 0; sizes[i] != 0; ++i) {
        set_source(500 + i, sizes[i]);
        identity = identify();
        ck_assert_int_eq(identity.match, CSH_MATCH_NONE);
        ck_assert(!confirm(&identity));
        set_source(100 + i, sizes[i] + 1);
        ck_assert_int_eq(identify().match, CSH_MATCH_NONE);
        set_source(100 + i, sizes[i] - 1);
        ck_assert_int_eq(identify().match, CSH_MATCH_NONE);
    }
    set_source(101, 1000); /* a piece of t1, of the size of t0 */
    ck_assert_int_eq(identify().match, CSH_MATCH_NONE);
    set_source(1, 0);
    ck_assert_int_eq(identify().match, CSH_MATCH_NONE);
}
END_TEST

/* Any one changed byte ends in no name: where samples lie at once, elsewhere
 * when all bytes are compared. */
START_TEST(one_changed_byte_is_never_named)
{
    unsigned n_sampled = 0, n_seen = 0;
    struct csh_identity identity;
    size_t at;

    set_source(102, 1000);
    for (at = 0; at < 1000; ++at) {
        source.bytes[at] ^= 0x10;
        identity = identify();
        n_seen += (identity.match == CSH_MATCH_NONE);
        n_sampled += (identity.match == CSH_MATCH_SAMPLED);
        ck_assert(!confirm(&identity));
        ck_assert_int_eq(identity.match, CSH_MATCH_NONE);
        source.bytes[at] ^= 0x10;
    }
    ck_assert_uint_eq(n_seen, CSH_SAMPLED_BYTES);
    ck_assert_uint_eq(n_sampled, 1000 - CSH_SAMPLED_BYTES);
}
END_TEST

START_TEST(equal_tensors_take_the_first_name)
{
    static const size_t other[] = {1000, 0};
    struct csh_identity identity;

    folder_write_model("m/b.safetensors", "copy", other, 100);
    open_catalog();
    set_source(100, 1000);
    identity = identify();
    ck_assert_int_eq(identity.match, CSH_MATCH_UNDECIDED);
    ck_assert(confirm(&identity));
    ck_assert_str_eq(catalog->tensors[identity.tensor].name, "t0");
    ck_assert(identity.is_alias);
    identity = identify(); /* known now without reading them whole */
    ck_assert_int_eq(identity.match, CSH_MATCH_SAMPLED);
    ck_assert_str_eq(catalog->tensors[identity.tensor].name, "t0");
    ck_assert(identity.is_alias);
    /* When the first is gone, the other is itself again. */
    ck_assert_int_eq(unlink(folder_path(MODEL)), 0);
    csh_catalog_set_stale(&catalog->files[0]);
    identity = identify();
    ck_assert_int_eq(identity.match, CSH_MATCH_SAMPLED);
    ck_assert_str_eq(catalog->tensors[identity.tensor].name, "copy0");
    ck_assert(confirm(&identity));
    ck_assert_str_eq(catalog->tensors[identity.tensor].name, "copy0");
}
END_TEST

/* Two tensors that differ in one byte outside all samples. */
START_TEST(equal_samples_are_decided_by_all_bytes)
{
    static const size_t other[] = {1000, 0};
    struct csh_identity identity;
    size_t start;
    uint8_t byte;

    folder_write_model("m/b.safetensors", "twin", other, 100);
    set_source(100, 1000);
    byte = source.bytes[999] ^ 1;
    start = model_data_start("m/b.safetensors");
    overwrite("m/b.safetensors", start + 999, &byte, 1);
    open_catalog();
    identity = identify();
    ck_assert_int_eq(identity.match, CSH_MATCH_UNDECIDED);
    ck_assert(confirm(&identity));
    ck_assert_str_eq(catalog->tensors[identity.tensor].name, "t0");
    ck_assert(!identity.is_alias);
    source.bytes[999] ^= 1;
    identity = identify();
    ck_assert_int_eq(identity.match, CSH_MATCH_UNDECIDED);
    ck_assert(confirm(&identity));
    ck_assert_str_eq(catalog->tensors[identity.tensor].name, "twin0");
    ck_assert(!identity.is_alias);
}
END_TEST

START_TEST(places_in_the_file_are_exact)
{
    struct csh_identity identity;
    unsigned i;

    for (i = 0; sizes[i] != 0; ++i) {
        identity = identify_place(start_of(i), sizes[i]);
        ck_assert_int_eq(identity.match, CSH_MATCH_EXACT);
        ck_assert_int_eq(identity.part, CSH_PART_WHOLE);
        ck_assert_uint_eq(identity.tensor, i);
        ck_assert_uint_eq(identity.offset, 0);
        identity = identify_place(start_of(i) + 7, sizes[i] - 7);
        ck_assert_int_eq(identity.match, CSH_MATCH_EXACT);
        ck_assert_int_eq(identity.part, CSH_PART_PIECE);
        ck_assert_uint_eq(identity.tensor, i);
        ck_assert_uint_eq(identity.offset, 7);
        identity = identify_place(start_of(i), 1);
        ck_assert_int_eq(identity.part, CSH_PART_PIECE);
        ck_assert_uint_eq(identity.tensor, i);
    }
}
END_TEST

static void expect_several(uint64_t offset, size_t n, uint32_t tensor,
                           uint32_t n_tensors, uint64_t at)
{
    struct csh_identity identity = identify_place(offset, n);

    if (n_tensors == 0) {
        ck_assert_int_eq(identity.match, CSH_MATCH_NONE);
        return;
    }
    ck_assert_int_eq(identity.match, CSH_MATCH_EXACT);
    ck_assert_int_eq(identity.part, CSH_PART_SEVERAL);
    ck_assert_uint_eq(identity.tensor, tensor);
    ck_assert_uint_eq(identity.n_tensors, n_tensors);
    ck_assert_uint_eq(identity.offset, at);
}

START_TEST(copies_of_several_tensors)
{
    expect_several(0, data_start, 0, 0, 0);          /* the header */
    expect_several(0, data_start + 1000, 0, 1, data_start);
    expect_several(0, data_start + 999, 0, 0, 0);
    expect_several(start_of(0), 1000 + N_BIG, 0, 2, 0);
    expect_several(start_of(0), 1001, 0, 1, 0);      /* and a byte of t1 */
    expect_several(start_of(0) + 1, 999 + N_BIG, 1, 1, 999);
    expect_several(start_of(0) + 999, 2, 0, 0, 0);   /* parts of two */
    expect_several(start_of(2) - 1, 2001, 2, 2, 1);
    expect_several(0, data_start + 79040, 0, 7, data_start);
    expect_several(0, data_start + 100000, 0, 7, data_start);
    expect_several(data_start + 79040, 5, 0, 0, 0);  /* behind the end */
    expect_several(start_of(6) + 1, 2000, 0, 0, 0);
    expect_several(UINT64_MAX, 2, 0, 0, 0);
}
END_TEST

START_TEST(a_place_in_another_file_says_nothing)
{
    struct csh_file_place place = {catalog->files[0].id.device,
                                   catalog->files[0].id.inode + 1,
                                   start_of(1), NULL};
    struct csh_bytes bytes;
    struct csh_identity identity;

    set_source(102, 1000);
    bytes = image_bytes(&source);
    identity = csh_weights_identify(catalog, &bytes, &place);
    ck_assert_int_eq(identity.match, CSH_MATCH_SAMPLED); /* by its bytes */
    ck_assert_uint_eq(identity.tensor, 2);
    /* A device that maps has and stat has not: asked by the path. */
    place.device += 1;
    place.inode -= 1;
    place.offset = start_of(3);
    identity = csh_weights_identify(catalog, &bytes, &place);
    ck_assert_uint_eq(identity.tensor, 2);
    place.path = folder_path(MODEL);
    identity = csh_weights_identify(catalog, &bytes, &place);
    ck_assert_int_eq(identity.match, CSH_MATCH_EXACT);
    ck_assert_uint_eq(identity.tensor, 3);
    place.inode += 1;
    identity = csh_weights_identify(catalog, &bytes, &place);
    ck_assert_uint_eq(identity.tensor, 2);
}
END_TEST

/* What can happen to a file after the start; none may name or harm. */
static void spoil(int how)
{
    struct image image = {NULL, 0, 0};

    switch (how) {
    case 0:
        ck_assert_int_eq(unlink(folder_path(MODEL)), 0);
        break;
    case 1:
        ck_assert_int_eq(truncate(folder_path(MODEL), 10), 0);
        break;
    case 2: /* another of its name */
        folder_write_model("m/new", "t", sizes, 100);
        ck_assert_int_eq(rename(folder_path("m/new"), folder_path(MODEL)),
                         0);
        break;
    case 3:
        overwrite(MODEL, data_start, "x", 1);
        break;
    case 4:
        ck_assert_int_eq(unlink(folder_path(MODEL)), 0);
        ck_assert_int_eq(mkfifo(folder_path(MODEL), 0644), 0);
        break;
    default: /* longer */
        image_put_noise(&image, 1, 200000);
        folder_write(MODEL, &image);
        image_free(&image);
        break;
    }
}

START_TEST(a_file_that_changes_names_nothing_any_more)
{
    struct csh_identity identity;

    set_source(105, 5000);
    identity.match = CSH_MATCH_UNDECIDED;
    if (_i < 6) { /* samples are in memory already */
        identity = identify();
        ck_assert_int_eq(identity.match, CSH_MATCH_SAMPLED);
    }
    spoil(_i % 6);
    if (_i >= 12) {
        ck_assert_int_eq(identify_place(start_of(1), N_BIG).match,
                         CSH_MATCH_NONE);
        set_source(105, 5000);
    }
    ck_assert(!confirm(&identity));
    ck_assert_int_eq(identity.match, CSH_MATCH_NONE);
    ck_assert_int_eq(identify().match, CSH_MATCH_NONE);
    ck_assert_int_eq(identify_place(start_of(1), N_BIG).match,
                     CSH_MATCH_NONE);
}
END_TEST

/* A source that is a mapping, cut off while it is read: its reader fails. */
static bool read_first_bytes(void *opaque, uint64_t offset, void *to_p,
                             size_t n)
{
    unsigned *n_left = opaque;

    (void)offset;
    memset(to_p, 0, n);
    return (*n_left > 0) && (*n_left -= 1, true);
}

START_TEST(a_source_that_cannot_be_read_is_nothing)
{
    struct csh_identity identity = {.match = CSH_MATCH_UNDECIDED};
    unsigned n_left;
    struct csh_bytes bytes = {read_first_bytes, &n_left, N_BIG};

    for (n_left = 0; n_left < 4;) {
        unsigned n_before = n_left;

        ck_assert_int_eq(csh_weights_identify(catalog, &bytes, NULL).match,
                         CSH_MATCH_NONE);
        n_left = n_before + 1;
    }
    n_left = 4;
    ck_assert(!csh_weights_confirm(catalog, &bytes, &identity));
}
END_TEST

/* More tensors of a size than one call may look at. */
START_TEST(work_in_one_call_is_bounded)
{
    size_t many[CSH_MAX_READ_TENSORS + 7];
    struct csh_identity identity;
    unsigned i;

    for (i = 0; i < CSH_MAX_READ_TENSORS + 6; ++i) {
        many[i] = 777;
    }
    many[i] = 0;
    folder_write_model("m/many.safetensors", "x", many, 5000);
    open_catalog();
    set_source(5000 + CSH_MAX_READ_TENSORS + 5, 777);
    ck_assert_int_eq(identify().match, CSH_MATCH_UNDECIDED);
    identity = identify();
    ck_assert_int_eq(identity.match, CSH_MATCH_SAMPLED);
    ck_assert(confirm(&identity));
    ck_assert_str_eq(catalog->tensors[identity.tensor].name, "x69");
}
END_TEST

static void *identify_all(void *opaque)
{
    struct image mine = {NULL, 0, 0};
    struct csh_identity identity;
    struct csh_bytes bytes;
    unsigned i, round;

    for (round = 0; round < 3; ++round) {
        for (i = 0; sizes[i] != 0; ++i) {
            image_free(&mine);
            image_put_noise(&mine, 100 + i, sizes[i]);
            bytes = image_bytes(&mine);
            identity = csh_weights_identify(catalog, &bytes, NULL);
            if ((identity.match != CSH_MATCH_SAMPLED) ||
                (identity.tensor != i) ||
                !csh_weights_confirm(catalog, &bytes, &identity)) {
                return opaque;
            }
        }
    }
    image_free(&mine);
    return NULL;
}

START_TEST(threads_may_identify_at_once)
{
    pthread_t threads[4];
    void *failed;
    unsigned i;

    for (i = 0; i < 4; ++i) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, identify_all,
                                        &threads), 0);
    }
    for (i = 0; i < 4; ++i) {
        ck_assert_int_eq(pthread_join(threads[i], &failed), 0);
        ck_assert_ptr_null(failed);
    }
}
END_TEST

START_TEST(without_a_catalog_nothing_is_known)
{
    struct csh_identity identity = {.match = CSH_MATCH_UNDECIDED};
    struct csh_bytes bytes;

    set_source(1, 100);
    bytes = image_bytes(&source);
    ck_assert_int_eq(csh_weights_identify(NULL, &bytes, NULL).match,
                     CSH_MATCH_NONE);
    ck_assert(!csh_weights_confirm(NULL, &bytes, &identity));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("identify");
    TCase *tcase = tcase_create("core");
    SRunner *runner = srunner_create(suite);
    int n_failed;

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, every_tensor_is_recognised_by_its_bytes);
    tcase_add_test(tcase, other_bytes_and_sizes_are_nothing);
    tcase_add_test(tcase, one_changed_byte_is_never_named);
    tcase_add_test(tcase, equal_tensors_take_the_first_name);
    tcase_add_test(tcase, equal_samples_are_decided_by_all_bytes);
    tcase_add_test(tcase, places_in_the_file_are_exact);
    tcase_add_test(tcase, copies_of_several_tensors);
    tcase_add_test(tcase, a_place_in_another_file_says_nothing);
    tcase_add_loop_test(tcase, a_file_that_changes_names_nothing_any_more, 0,
                        18);
    tcase_add_test(tcase, a_source_that_cannot_be_read_is_nothing);
    tcase_add_test(tcase, work_in_one_call_is_bounded);
    tcase_add_test(tcase, threads_may_identify_at_once);
    tcase_add_test(tcase, without_a_catalog_nothing_is_known);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_ENV);
    n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed != 0;
}
