/*
 * test_safetensors.c - headers of safetensors files and the JSON beside them,
 * sound ones and every kind of bad one: what is wrong is said with its byte,
 * and the rest is used.
 */
#include "headers_fixture.h"
#include "weights_fixture.h"

#define U8(name_, begin_, end_, n_)                               \
    "\"" name_ "\":{\"dtype\":\"U8\",\"shape\":[" #n_ "],"        \
    "\"data_offsets\":[" #begin_ "," #end_ "]}"

/* Lists the tensors of a file with this header and n_data bytes of data. */
static void read_safetensors(const char *header, size_t n_data)
{
    struct csh_bytes bytes;

    forget();
    image_put_safetensors(&image, header);
    image_put_zeros(&image, n_data);
    bytes = image_bytes(&image);
    csh_safetensors_read(&bytes, json, &tensors);
}

START_TEST(safetensors_are_listed_by_place)
{
    static const char header[] =
        "{\"__metadata__\":{\"format\":\"pt\"}," U8("b", 4, 10, 6) ","
        "\"a\":{\"dtype\":\"F16\",\"shape\":[2,1],\"data_offsets\":[0,4]},"
        "\"empty\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[4,4]},"
        "\"s\":{\"dtype\":\"F64\",\"shape\":[],\"data_offsets\":[10,18]},"
        "\"new\":{\"dtype\":\"Q9\",\"shape\":[3],\"data_offsets\":[18,19]}}  ";
    uint64_t start = 8 + strlen(header);

    read_safetensors(header, 20);
    expect(4, 0);
    ck_assert_str_eq(name(0), "a");
    ck_assert_uint_eq(tensors.entries[0].start, start);
    ck_assert_uint_eq(tensors.entries[0].bytes, 4);
    ck_assert_str_eq(name(1), "b");
    ck_assert_uint_eq(tensors.entries[1].start, start + 4);
    ck_assert_uint_eq(tensors.entries[1].bytes, 6);
    ck_assert_str_eq(name(2), "s");
    ck_assert_str_eq(name(3), "new");
    ck_assert_uint_eq(tensors.entries[3].start, start + 18);
    ck_assert(!tensors.entries[0].is_tied);
}
END_TEST

START_TEST(the_length_of_a_header_is_checked)
{
    static const uint64_t lengths[] = {
        0, 1, 9, 1000, CSH_MAX_JSON_BYTES, CSH_MAX_JSON_BYTES + 1,
        UINT32_MAX, INT64_MAX, UINT64_MAX - 8, UINT64_MAX - 7, UINT64_MAX};
    struct csh_bytes bytes;
    size_t i;

    for (i = 0; i < CSH_ARRAY_LENGTH(lengths); ++i) {
        forget();
        image_put_number(&image, lengths[i], 8);
        image_put_text(&image, "{      }");
        bytes = image_bytes(&image);
        csh_safetensors_read(&bytes, json, &tensors);
        expect(0, 1);
        ck_assert_uint_eq(tensors.fault.byte, /* its end, or its length */
                          ((lengths[i] > 7) &&
                           (lengths[i] <= CSH_MAX_JSON_BYTES)) ? 16 : 0);
    }
    for (i = 0; i < 8; ++i) {
        forget();
        image_put_zeros(&image, i);
        bytes = image_bytes(&image);
        csh_safetensors_read(&bytes, json, &tensors);
        expect(0, 1);
        ck_assert_uint_eq(tensors.fault.byte, 0);
    }
    read_safetensors("{}", 0);
    expect(0, 0);
}
END_TEST

/* Each of these says one wrong thing of "x" beside a sound "ok". */
START_TEST(a_bad_tensor_is_left_out_and_the_rest_is_used)
{
    static const char *const bad[] = {
        "\"x\":1", "\"x\":null", "\"x\":[]", "\"x\":{}",
        "\"x\":{\"dtype\":\"U8\",\"shape\":[2]}",
        "\"x\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":7}",
        "\"x\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[4]}",
        "\"x\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[4,6,8]}",
        "\"x\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[4,\"6\"]}",
        "\"x\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[4,6.0]}",
        "\"x\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[4,6e0]}",
        "\"x\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[-4,6]}",
        "\"x\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[6,4]}",
        "\"x\":{\"shape\":[2],\"data_offsets\":[4,6]}",
        "\"x\":{\"dtype\":8,\"shape\":[2],\"data_offsets\":[4,6]}",
        "\"x\":{\"dtype\":\"U8\",\"data_offsets\":[4,6]}",
        "\"x\":{\"dtype\":\"U8\",\"shape\":2,\"data_offsets\":[4,6]}",
        "\"x\":{\"dtype\":\"U8\",\"shape\":[null],\"data_offsets\":[4,6]}",
        "\"x\":{\"dtype\":\"U8\",\"shape\":[-2],\"data_offsets\":[4,6]}",
        "\"x\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[4,6]}",
        "\"x\":{\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[4,6]}",
        "\"x\":{\"dtype\":\"F4\",\"shape\":[5],\"data_offsets\":[4,6]}",
        "\"x\":{\"dtype\":\"U8\",\"shape\":[4294967296,4294967298],"
        "\"data_offsets\":[4,6]}",
        "\"x\":{\"dtype\":\"Q9\",\"shape\":[4294967296,4294967298],"
        "\"data_offsets\":[4,6]}",
        U8("x", 4, 9, 5), U8("x", 8, 10, 2), U8("x", 9, 10, 1),
        U8("x", 9223372036854775806, 9223372036854775807, 1),
        U8("x", 0, 9223372036854775807, 9223372036854775807),
        U8("x", 3, 6, 3), U8("x", 0, 3, 3), U8("x", 2, 4, 2),
        U8("", 4, 6, 2),
    };
    char header[1024];
    size_t i;

    for (i = 0; i < CSH_ARRAY_LENGTH(bad); ++i) {
        snprintf(header, sizeof(header), "{" U8("ok", 0, 4, 4) ",%s}",
                 bad[i]);
        read_safetensors(header, 8);
        ck_assert_msg((tensors.n_entries == 1) &&
                      (tensors.fault.n_faults == 1),
                      "%s: %zu tensors, %u faults (%s)", bad[i],
                      tensors.n_entries, tensors.fault.n_faults,
                      tensors.fault.text);
        ck_assert_str_eq(name(0), "ok");
        if (strchr(bad[i], 'x') == bad[i] + 1) {
            ck_assert_uint_eq(tensors.fault.byte,
                              8 + (uint64_t)(strchr(header, 'x') - header));
        }
    }
}
END_TEST

START_TEST(bad_json_is_a_fault_with_its_byte)
{
    static const char *const bad[] = {
        "  ", "[]", "7 ", "\"a\"", "{ ", "} ", "{\"a\":}", "{\"a\" 1}",
        "{" U8("a", 0, 1, 1) "", "{" U8("a", 0, 1, 1) ",}",
        "{" U8("a", 0, 1, 1) "}x", "{\"a\xff\":{}}", "{\"\xc0\x80\":{}}",
        "{\"\xed\xa0\x80\":{}}", "{\"a\\u0000b\":{}}", "{\"\\ud800\":{}}",
        "{\"a\":99999999999999999999}", "{\"a\":-99999999999999999999}",
        "{\"a\nb\":{}}", "{\"a", "{\"a\\", "{\"a\":nan}", "{'a':1}",
        "{" U8("a", 0, 1, 1) "," U8("a", 1, 2, 1) "}",
        "{\"a\":{\"dtype\":\"U8\",\"dtype\":\"U8\"}}"};
    size_t i;

    for (i = 0; i < CSH_ARRAY_LENGTH(bad); ++i) {
        read_safetensors(bad[i], 4);
        ck_assert_msg((tensors.n_entries == 0) &&
                      (tensors.fault.n_faults == 1), "%s", bad[i]);
        ck_assert_uint_ge(tensors.fault.byte, 8);
        ck_assert_uint_le(tensors.fault.byte, 8 + strlen(bad[i]) + 1);
    }
    read_safetensors("{\"abc\":{}x}", 4);
    ck_assert_uint_ge(tensors.fault.byte, 16);
}
END_TEST

START_TEST(hostile_json_is_bounded)
{
    size_t n = CSH_JSON_MAX_VALUES + 16, i;
    char *text = malloc(2 * n + 16);
    struct csh_fault fault = {.n_faults = 0};

    ck_assert_ptr_nonnull(text);
    memset(text, '[', n);
    text[n] = '\0';
    read_safetensors(text, 0);
    expect(0, 1);
    ck_assert_uint_eq(tensors.fault.byte, 8 + CSH_JSON_MAX_DEPTH);
    for (i = 0; i < n; ++i) {
        memcpy(text + 2 * i, "1,", 2);
    }
    ck_assert(!csh_json_prepare(text, 2 * n, 0, &fault));
    ck_assert_uint_eq(fault.n_faults, 1);
    ck_assert_uint_eq(fault.byte, 2 * (uint64_t)CSH_JSON_MAX_VALUES - 1);
    /* In a string, brackets and commas mean nothing. */
    memset(&fault, 0, sizeof(fault));
    memset(text, ',', n);
    memset(text + 1, '[', 100);
    text[0] = '"';
    text[50] = '\\';
    text[51] = '"';
    ck_assert(csh_json_prepare(text, n, 0, &fault));
    free(text);
}
END_TEST

START_TEST(fractions_become_empty_strings)
{
    char text[] = "[1.5,-2e9, 10 ,1e5,\"1.5\",0.000,-1,\"\\\"2.5\"]";
    struct csh_fault fault = {.n_faults = 0};

    ck_assert(csh_json_prepare(text, strlen(text), 0, &fault));
    ck_assert_str_eq(
        text, "[\"\" ,\"\"  , 10 ,\"\" ,\"1.5\",\"\"   ,-1,\"\\\"2.5\"]");
}
END_TEST

START_TEST(names_of_one_place_are_tied)
{
    read_safetensors("{" U8("x", 0, 4, 4) "," U8("y", 0, 4, 4) ","
                     U8("z", 4, 6, 2) "}", 6);
    expect(2, 0);
    ck_assert_str_eq(name(0), "x");
    ck_assert(tensors.entries[0].is_tied);
    ck_assert_str_eq(name(1), "z");
    ck_assert(!tensors.entries[1].is_tied);
}
END_TEST

START_TEST(a_file_cut_anywhere_is_survived)
{
    static const char header[] =
        "{" U8("a", 0, 4, 4) "," U8("b", 4, 10, 6) "}";
    size_t whole, n;
    struct csh_bytes bytes;

    read_safetensors(header, 10);
    expect(2, 0);
    whole = image.n_bytes;
    for (n = 0; n < whole; ++n) {
        csh_tensors_clear(&tensors);
        image.n_bytes = n;
        bytes = image_bytes(&image);
        csh_safetensors_read(&bytes, json, &tensors);
        ck_assert_uint_ge(tensors.fault.n_faults, 1);
        ck_assert_uint_eq(tensors.n_entries, n >= whole - 6);
    }
}
END_TEST

/* A file that grows shorter while it is read: reads fail. */
static bool read_nothing(void *opaque, uint64_t offset, void *to_p, size_t n)
{
    (void)opaque, (void)offset, (void)to_p, (void)n;
    return false;
}

START_TEST(a_file_that_cannot_be_read_is_a_fault)
{
    struct csh_bytes bytes = {read_nothing, NULL, 1000};

    csh_safetensors_read(&bytes, json, &tensors);
    expect(0, 1);
    csh_tensors_clear(&tensors);
    csh_gguf_read(&bytes, &tensors);
    expect(0, 1);
}
END_TEST

static char parts[256];

static bool note_part(void *opaque, const char *part)
{
    (void)opaque;
    strcat(strcat(parts, part), ";");
    return strcmp(part, "last") != 0;
}

static struct csh_fault read_parts(const char *text, bool is_index)
{
    struct csh_fault fault = {.n_faults = 0};
    struct csh_bytes bytes;

    forget();
    parts[0] = '\0';
    image_put_text(&image, text);
    bytes = image_bytes(&image);
    (is_index ? csh_shard_index_read : csh_pipeline_read)(
        &bytes, json, note_part, NULL, &fault);
    return fault;
}

START_TEST(an_index_names_its_shards)
{
    ck_assert_uint_eq(
        read_parts("{\"metadata\":{\"total_size\":2.5e10},\"weight_map\":"
                   "{\"a\":\"s1\",\"b\":\"s1\",\"c\":\"s2\"}}", true).n_faults,
        0);
    ck_assert_str_eq(parts, "s1;s2;");
    ck_assert_uint_eq(read_parts("{\"weight_map\":{\"a\":\"../s\",\"b\":7,"
                                 "\"c\":\"/s\",\"d\":\"..\",\"e\":\"\","
                                 "\"f\":\"a/b\",\"g\":\"ok\"}}", true)
                          .n_faults, 6);
    ck_assert_str_eq(parts, "ok;");
    read_parts("{\"weight_map\":{\"a\":\"last\",\"b\":\"more\"}}", true);
    ck_assert_str_eq(parts, "last;");
    ck_assert_uint_eq(read_parts("{\"weight_map\":[]}", true).n_faults, 1);
    ck_assert_uint_eq(read_parts("{}", true).n_faults, 1);
    ck_assert_uint_eq(read_parts("[]", true).n_faults, 1);
    ck_assert_uint_eq(read_parts("", true).n_faults, 1);
    ck_assert_str_eq(parts, "");
}
END_TEST

START_TEST(a_pipeline_names_its_components)
{
    ck_assert_uint_eq(
        read_parts("{\"_class_name\":\"P\",\"unet\":[\"diffusers\",\"U\"],"
                   "\"safety\":[null,null],\"n\":1,\"vae\":[\"d\",\"V\"]}",
                   false).n_faults, 0);
    ck_assert_str_eq(parts, "unet;vae;");
    ck_assert_uint_eq(read_parts("{\"../x\":[\"d\",\"V\"]}", false).n_faults,
                      1);
    ck_assert_str_eq(parts, "");
    ck_assert_uint_eq(read_parts("[]", false).n_faults, 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("safetensors");
    TCase *tcase = tcase_create("core");
    SRunner *runner = srunner_create(suite);
    int n_failed;

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, safetensors_are_listed_by_place);
    tcase_add_test(tcase, the_length_of_a_header_is_checked);
    tcase_add_test(tcase, a_bad_tensor_is_left_out_and_the_rest_is_used);
    tcase_add_test(tcase, bad_json_is_a_fault_with_its_byte);
    tcase_add_test(tcase, hostile_json_is_bounded);
    tcase_add_test(tcase, fractions_become_empty_strings);
    tcase_add_test(tcase, names_of_one_place_are_tied);
    tcase_add_test(tcase, a_file_cut_anywhere_is_survived);
    tcase_add_test(tcase, a_file_that_cannot_be_read_is_a_fault);
    tcase_add_test(tcase, an_index_names_its_shards);
    tcase_add_test(tcase, a_pipeline_names_its_components);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_ENV);
    n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed != 0;
}
