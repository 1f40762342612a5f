/*
 * test_gguf.c - headers of GGUF files, sound ones and every kind of bad one:
 * what is wrong is said with its byte, and the rest is used.
 */
#include "headers_fixture.h"
#include "weights_fixture.h"

static void read_gguf(void)
{
    struct csh_bytes bytes = image_bytes(&image);

    csh_tensors_clear(&tensors);
    csh_gguf_read(&bytes, &tensors);
}

/* A sound file of two tensors, of 64 F32 and of 64 Q8_0, with one pair of
 * each type and an array of strings. */
static void put_sound_gguf(uint32_t version, uint32_t alignment)
{
    static const uint8_t type_bytes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
    uint32_t type;

    forget();
    image_put_gguf(&image, version, 2, 11 + 3);
    for (type = 0; type < 13; ++type) {
        if (type_bytes[type] > 0) {
            image_put_string(&image, "a.key");
            image_put_number(&image, type, 4);
            image_put_zeros(&image, type_bytes[type]);
        }
    }
    image_put_string(&image, "general.name");
    image_put_number(&image, 8, 4);
    image_put_string(&image, "toy");
    image_put_string(&image, "tokens");
    image_put_number(&image, 9, 4);
    image_put_number(&image, 8, 4);
    image_put_number(&image, 2, 8);
    image_put_string(&image, "one");
    image_put_string(&image, "");
    image_put_string(&image, "general.alignment");
    image_put_number(&image, 4, 4);
    image_put_number(&image, alignment, 4);
    image_put_info(&image, "blk.0.w", 64, 0, 0);
    image_put_info(&image, "blk.1.w", 64, 8, 256);
    image_align(&image, alignment);
    image_put_zeros(&image, 256 + 68);
}

START_TEST(gguf_is_listed)
{
    uint32_t version, alignment;

    for (version = 2; version <= 3; ++version) {
        for (alignment = 8; alignment <= 4096; alignment *= 8) {
            put_sound_gguf(version, alignment);
            read_gguf();
            expect(2, 0);
            ck_assert_str_eq(name(0), "blk.0.w");
            ck_assert_uint_eq(tensors.entries[0].start,
                              image.n_bytes - 256 - 68);
            ck_assert_uint_eq(tensors.entries[0].bytes, 256);
            ck_assert_uint_eq(tensors.entries[1].start, image.n_bytes - 68);
            ck_assert_uint_eq(tensors.entries[1].bytes, 68);
        }
    }
}
END_TEST

START_TEST(gguf_cut_anywhere_is_survived)
{
    size_t whole, n;

    put_sound_gguf(3, 32);
    whole = image.n_bytes;
    for (n = 0; n < whole; ++n) {
        image.n_bytes = n;
        read_gguf();
        ck_assert_uint_ge(tensors.fault.n_faults, 1);
        ck_assert_uint_eq(tensors.n_entries, n >= whole - 68);
        ck_assert_uint_le(tensors.fault.byte, n);
    }
}
END_TEST

static void expect_gguf_fault(uint64_t byte)
{
    read_gguf();
    expect(0, 1);
    ck_assert_uint_eq(tensors.fault.byte, byte);
    forget();
}

START_TEST(bad_starts_of_gguf)
{
    static const uint32_t versions[] = {0, 1, 4, 0x03000000, UINT32_MAX};
    size_t i;

    for (i = 0; i < CSH_ARRAY_LENGTH(versions); ++i) {
        image_put_gguf(&image, versions[i], 0, 0);
        expect_gguf_fault(4);
    }
    image_put_text(&image, "FUGG");
    image_put_zeros(&image, 100);
    expect_gguf_fault(0);
    image_put_gguf(&image, 3, CSH_MAX_TENSORS + 1, 0);
    expect_gguf_fault(8);
    image_put_gguf(&image, 3, UINT64_MAX, 0);
    expect_gguf_fault(8);
    image_put_gguf(&image, 3, 0, UINT64_MAX);
    expect_gguf_fault(8);
    image_put_gguf(&image, 3, 0, 0);
    read_gguf();
    expect(0, 0);
}
END_TEST

/* Starts a file whose first pair has a key of one byte: its value is next, at
 * byte 24 + 9. */
static void put_pair(uint32_t type)
{
    image_put_gguf(&image, 3, 0, 1);
    image_put_string(&image, "k");
    image_put_number(&image, type, 4);
}

static void put_array(uint32_t type, uint64_t n)
{
    image_put_number(&image, type, 4);
    image_put_number(&image, n, 8);
}

START_TEST(bad_pairs_of_gguf)
{
    static const uint64_t lengths[] = {9, INT64_MAX, UINT64_MAX - 40,
                                       UINT64_MAX};
    size_t i;

    for (i = 0; i < CSH_ARRAY_LENGTH(lengths); ++i) {
        image_put_gguf(&image, 3, 0, 1);
        image_put_number(&image, lengths[i], 8);
        image_put_zeros(&image, 8);
        expect_gguf_fault(32);
        put_pair(8);
        image_put_number(&image, lengths[i], 8);
        image_put_zeros(&image, 8);
        expect_gguf_fault(45);
        put_pair(9);
        put_array(10, lengths[i]);
        image_put_zeros(&image, 8);
        expect_gguf_fault(49);
        put_pair(9);
        put_array(8, lengths[i]);
        image_put_zeros(&image, 8);
        expect_gguf_fault(57);
    }
    put_pair(13);
    image_put_zeros(&image, 64);
    expect_gguf_fault(37);
    put_pair(UINT32_MAX);
    image_put_zeros(&image, 64);
    expect_gguf_fault(37);
    put_pair(9);
    put_array(9, 1);
    put_array(9, 1);
    put_array(9, 1);
    image_put_zeros(&image, 64);
    expect_gguf_fault(73);
}
END_TEST

START_TEST(bad_alignments_of_gguf)
{
    static const uint32_t bad[] = {0, 3, 24, 33, UINT32_C(1) << 21,
                                   UINT32_C(1) << 31, UINT32_MAX};
    size_t i;

    for (i = 0; i < CSH_ARRAY_LENGTH(bad); ++i) {
        image_put_gguf(&image, 3, 0, 1);
        image_put_string(&image, "general.alignment");
        image_put_number(&image, 4, 4);
        image_put_number(&image, bad[i], 4);
        image_put_zeros(&image, 64);
        expect_gguf_fault(24 + 8 + 17 + 4 + 4);
    }
}
END_TEST

/* A file of "ok" (32 bytes at 0) and one more, which is bad. */
static void read_beside(const char *bad_name, uint64_t extent, uint32_t type,
                        uint64_t start)
{
    forget();
    image_put_gguf(&image, 3, 2, 0);
    image_put_info(&image, "ok", 32, 24, 0);
    image_put_info(&image, bad_name, extent, type, start);
    image_align(&image, 32);
    image_put_zeros(&image, 64);
    read_gguf();
}

START_TEST(bad_tensors_of_gguf_are_left_out)
{
    static const struct {
        const char *name;
        uint64_t extent;
        uint32_t type;
        uint64_t start;
    } bad[] = {
        {"x", 33, 24, 32},  {"x", 32, 24, 33},  {"x", 1, 24, 64},
        {"x", 32, 24, UINT64_MAX}, {"x", UINT64_MAX, 24, 32},
        {"x", UINT64_MAX, 0, 32},  {"x", INT64_MAX, 0, 0},
        {"x", 8, 4, 32},    {"x", 8, 40, 32},   {"x", 8, UINT32_MAX, 32},
        {"x", 31, 8, 32},   {"x", 33, 12, 32},  {"x", 8, 24, 31},
        {"x", 40, 24, 0},   {"ok", 8, 24, 32},  {"", 8, 24, 32},
        {"\xff", 8, 24, 32}, {"\xc1\x81", 8, 24, 32},
        {"\xed\xa0\x80", 8, 24, 32}, {"\xf4\x90\x80\x80", 8, 24, 32},
        {"\xe2\x82", 8, 24, 32}, {"\xf8\x88\x80\x80\x80", 8, 24, 32},
        {"a\x80", 8, 24, 32},
    };
    size_t i;

    for (i = 0; i < CSH_ARRAY_LENGTH(bad); ++i) {
        read_beside(bad[i].name, bad[i].extent, bad[i].type, bad[i].start);
        ck_assert_msg((tensors.n_entries == 1) &&
                      (tensors.fault.n_faults == 1),
                      "%zu: %zu tensors, %u faults (%s)", i,
                      tensors.n_entries, tensors.fault.n_faults,
                      tensors.fault.text);
        ck_assert_str_eq(name(0), "ok");
        ck_assert_uint_eq(tensors.fault.byte, 24 + 8 + 2 + 4 + 8 + 4 + 8);
    }
    read_beside("\xe2\x82\xac \xf0\x9f\x98\x80", 32, 24, 32);
    expect(2, 0);
}
END_TEST

START_TEST(bad_infos_of_gguf_end_the_list)
{
    char longest[CSH_MAX_TENSOR_NAME + 2];

    memset(longest, 'n', sizeof(longest));
    longest[sizeof(longest) - 1] = '\0';
    read_beside(longest, 8, 24, 32);
    expect(0, 1);
    longest[sizeof(longest) - 2] = '\0';
    read_beside(longest, 8, 24, 32);
    expect(2, 0);
    forget();
    image_put_gguf(&image, 3, 1, 0);
    image_put_string(&image, "x");
    image_put_number(&image, 9, 4);
    image_put_zeros(&image, 200);
    read_gguf();
    expect(0, 1);
    forget();
    image_put_gguf(&image, 3, 1, 0);
    image_put_string(&image, "x");
    image_put_number(&image, 4, 4);
    image_put_number(&image, UINT64_C(1) << 40, 8);
    image_put_number(&image, UINT64_C(1) << 40, 8);
    image_put_zeros(&image, 200);
    read_gguf();
    expect(0, 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gguf");
    TCase *tcase = tcase_create("core");
    SRunner *runner = srunner_create(suite);
    int n_failed;

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, gguf_is_listed);
    tcase_add_test(tcase, gguf_cut_anywhere_is_survived);
    tcase_add_test(tcase, bad_starts_of_gguf);
    tcase_add_test(tcase, bad_pairs_of_gguf);
    tcase_add_test(tcase, bad_alignments_of_gguf);
    tcase_add_test(tcase, bad_tensors_of_gguf_are_left_out);
    tcase_add_test(tcase, bad_infos_of_gguf_end_the_list);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_ENV);
    n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed != 0;
}
