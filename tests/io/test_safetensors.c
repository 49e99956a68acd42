/* safetensors: what is written is read back; damaged files of every kind are refused with a sentence; tensors lie in the
   mapped file and outlive the archive. Files under test are built here from the format's definition. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/util.h"
#include "support/temp_folder.h"
#include "tensor/tensor_impl.h"
#include "tessera/io.h"
#include "tessera/memory.h"

/* ---- making files ---- */

typedef struct image {
    _Alignas(64) unsigned char data[4096];
    int64_t size;
} image;

/* A file with this header and `n` data bytes 0, 1, 2, ... */
static image file_of(const char *header, int n)
{
    image f = {.size = 8 + (int64_t)strlen(header) + n};
    uint64_t length = strlen(header);
    memcpy(f.data, &length, 8);
    memcpy(f.data + 8, header, length);
    for (int i = 0; i < n; i++) f.data[8 + length + (size_t)i] = (unsigned char)i;
    return f;
}

static const char good_header[] = "{\"__metadata__\":{\"format\":\"pt\",\"note\":\"\\u00e9\"},"
                                  "\"w\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]},"
                                  "\"b\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[24,27]},"
                                  "\"none\":{\"dtype\":\"I64\",\"shape\":[0,5],\"data_offsets\":[27,27]},"
                                  "\"s\":{\"dtype\":\"I32\",\"shape\":[],\"data_offsets\":[27,31]}}  ";

static void expect_refused(const char *header, int n, const char *part)
{
    image f = file_of(header, n);
    assert_null(tsr_archive_open_memory(f.data, f.size, NULL, NULL));
    assert_int_equal(tsr_error_status(), TSR_EFORMAT);
    if (!strstr(tsr_error_message(), part)) fail_msg("\"%s\" does not say \"%s\"", tsr_error_message(), part);
    tsr_error_clear();
}

/* ---- reading ---- */

static void names_shapes_and_dtypes_are_known_without_loading(void **state)
{
    (void)state;
    image f = file_of(good_header, 31);
    tsr_archive *a = tsr_archive_open_memory(f.data, f.size, NULL, NULL);
    assert_non_null(a);
    assert_int_equal(tsr_archive_count(a), 4);
    tsr_entry e;
    assert_true(tsr_archive_entry(a, 0, &e));
    assert_string_equal(e.name, "w");
    assert_string_equal(e.dtype_name, "F32");
    assert_int_equal(e.dtype, TSR_F32);
    assert_int_equal(e.shape.n, 2);
    assert_int_equal(e.shape.v[1], 3);
    assert_int_equal(e.bytes, 24);
    assert_null(e.problem);
    assert_false(tsr_archive_entry(a, 4, &e));
    assert_int_equal(tsr_archive_find(a, "none"), 2);
    assert_int_equal(tsr_archive_find(a, "W"), -1);
    assert_false(tsr_error_pending());
    assert_string_equal(tsr_archive_metadata(a, "format"), "pt");
    assert_string_equal(tsr_archive_metadata(a, "note"), "\xc3\xa9");
    assert_null(tsr_archive_metadata(a, "other"));
    assert_string_equal(tsr_archive_metadata_key(a, 1), "note");
    assert_null(tsr_archive_metadata_key(a, 2));
    tsr_archive_close(a);
}

static void tensors_have_the_files_elements(void **state)
{
    (void)state;
    image f = file_of(good_header, 31);
    tsr_archive *a = tsr_archive_open_memory(f.data, f.size, NULL, NULL);
    uint8_t b[3];
    tsr_tensor *t = tsr_archive_get_named(a, "b");
    assert_int_equal(tsr_to_host(t, b, 3, TSR_U8), TSR_OK);
    assert_int_equal(b[2], 26);
    tsr_tensor *s = tsr_archive_get_named(a, "s"); /* bytes 27, 28, 29, 30: not aligned, so copied */
    assert_int_equal(tsr_ndim(s), 0);
    assert_int_equal(tsr_item_int(s), 0x1e1d1c1b);
    tsr_tensor *none = tsr_archive_get_named(a, "none");
    assert_int_equal(tsr_numel(none), 0);
    assert_int_equal(tsr_size(none, 1), 5);
    tsr_release(t);
    tsr_release(s);
    tsr_release(none);
    tsr_archive_close(a);
    assert_int_equal(tsr_live_tensors(), 0);
}

static void a_name_that_is_not_there_is_an_error_with_the_most_similar(void **state)
{
    (void)state;
    image f = file_of(good_header, 31);
    tsr_archive *a = tsr_archive_open_memory(f.data, f.size, NULL, NULL);
    assert_null(tsr_archive_get_named(a, "nine"));
    assert_int_equal(tsr_error_status(), TSR_EINVAL);
    assert_non_null(strstr(tsr_error_message(), "\"nine\"; the most similar name is \"none\""));
    tsr_error_clear();
    assert_null(tsr_archive_get(a, 4));
    assert_int_equal(tsr_error_status(), TSR_EINVAL);
    tsr_error_clear();
    tsr_archive_close(a);
}

static void a_dtype_we_lack_is_refused_only_when_it_is_asked_for(void **state)
{
    (void)state;
    image f = file_of("{\"q\":{\"dtype\":\"F8_E4M3\",\"shape\":[4],\"data_offsets\":[0,4]},"
                      "\"z\":{\"dtype\":\"FUTURE\",\"shape\":[4],\"data_offsets\":[4,5]},"
                      "\"d\":{\"dtype\":\"U8\",\"shape\":[1,1,1,1,1,1,1,1,3],\"data_offsets\":[5,8]},"
                      "\"u\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[8,9]}}",
                      9);
    tsr_archive *a = tsr_archive_open_memory(f.data, f.size, NULL, NULL);
    assert_non_null(a);
    static const char *const refused[][2] = {{"q", "\"q\" has dtype F8_E4M3"}, {"z", "FUTURE"}, {"d", "9 dimensions"}};
    for (int i = 0; i < 3; i++) {
        tsr_entry e;
        assert_true(tsr_archive_entry(a, i, &e));
        assert_non_null(e.problem);
        assert_null(tsr_archive_get_named(a, refused[i][0]));
        assert_int_equal(tsr_error_status(), TSR_EFORMAT);
        assert_non_null(strstr(tsr_error_message(), refused[i][1]));
        tsr_error_clear();
    }
    tsr_tensor *u = tsr_archive_get_named(a, "u");
    assert_int_equal(tsr_item_int(u), 8);
    tsr_release(u);
    tsr_archive_close(a);
}

static void bools_other_than_zero_become_one(void **state)
{
    (void)state;
    image f = file_of("{\"m\":{\"dtype\":\"BOOL\",\"shape\":[3],\"data_offsets\":[0,3]}}", 3);
    tsr_archive *a = tsr_archive_open_memory(f.data, f.size, NULL, NULL);
    tsr_tensor *m = tsr_archive_get(a, 0);
    const uint8_t *bytes = tsr_const_data(m);
    assert_int_equal(bytes[0], 0);
    assert_int_equal(bytes[1], 1);
    assert_int_equal(bytes[2], 1);
    tsr_release(m);
    tsr_archive_close(a);
}

/* ---- damage ---- */

static void every_truncation_is_refused(void **state)
{
    (void)state;
    image f = file_of(good_header, 31);
    for (int64_t n = 0; n < f.size; n++) {
        unsigned char *exact = tsr_alloc((size_t)n); /* so that a sanitizer sees any read beyond */
        memcpy(exact, f.data, (size_t)n);
        tsr_archive *a = tsr_archive_open_memory(exact, n, NULL, NULL);
        assert_null(a);
        assert_int_equal(tsr_error_status(), TSR_EFORMAT);
        tsr_error_clear();
        tsr_free(exact);
    }
}

static void every_changed_byte_is_refused_or_harmless(void **state)
{
    (void)state;
    image f = file_of(good_header, 31);
    for (int64_t i = 0; i < f.size; i++) {
        for (int bit = 0; bit < 8; bit++) {
            f.data[i] ^= (unsigned char)(1 << bit);
            tsr_archive *a = tsr_archive_open_memory(f.data, f.size, NULL, NULL);
            assert_true(a || tsr_error_status() == TSR_EFORMAT);
            for (int64_t k = 0; k < tsr_archive_count(a); k++) {
                tsr_error_clear();
                tsr_release(tsr_archive_get(a, k));
            }
            tsr_archive_close(a);
            tsr_error_clear();
            f.data[i] ^= (unsigned char)(1 << bit);
        }
    }
    assert_int_equal(tsr_live_tensors(), 0);
}

static void sizes_that_cannot_be_are_refused(void **state)
{
    (void)state;
    image f = file_of(good_header, 31);
    uint64_t huge = 100000001;
    memcpy(f.data, &huge, 8);
    assert_null(tsr_archive_open_memory(f.data, f.size, NULL, NULL));
    assert_non_null(strstr(tsr_error_message(), "100000001"));
    assert_non_null(strstr(tsr_error_message(), "100 MB"));
    tsr_error_clear();
    uint64_t more = UINT64_MAX;
    memcpy(f.data, &more, 8);
    assert_null(tsr_archive_open_memory(f.data, f.size, NULL, NULL));
    tsr_error_clear();
    assert_null(tsr_archive_open_memory(f.data, 7, NULL, NULL));
    assert_non_null(strstr(tsr_error_message(), "7 bytes are too few"));
    tsr_error_clear();
    assert_null(tsr_archive_open_memory(NULL, 0, NULL, NULL));
    tsr_error_clear();
}

static void headers_that_are_not_json_are_refused(void **state)
{
    (void)state;
    expect_refused("", 0, "does not begin");
    expect_refused("[1]", 0, "does not begin");
    expect_refused(" {}", 0, "does not begin");
    expect_refused("{\"a\":", 0, "not JSON");
    expect_refused("{} x", 0, "not JSON");
    expect_refused("{\"\xff\":1}", 0, "not JSON");
    expect_refused("{\"a\":1,\"a\":1}", 0, "not JSON");
    expect_refused("{\"a\":{\"dtype\":\"U8\",\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1, "not JSON");
}

static void entries_that_lack_something_are_refused(void **state)
{
    (void)state;
    expect_refused("{\"a\":1}", 0, "\"a\" has no dtype");
    expect_refused("{\"a\":{\"shape\":[1],\"data_offsets\":[0,1]}}", 1, "no dtype");
    expect_refused("{\"a\":{\"dtype\":\"U8\",\"data_offsets\":[0,1]}}", 1, "no shape");
    expect_refused("{\"a\":{\"dtype\":\"U8\",\"shape\":[1]}}", 1, "no data_offsets");
    expect_refused("{\"a\":{\"dtype\":\"U8\",\"shape\":[-1],\"data_offsets\":[0,1]}}", 1, "not a natural number");
    expect_refused("{\"a\":{\"dtype\":\"U8\",\"shape\":[1.0],\"data_offsets\":[0,1]}}", 1, "not a natural number");
    expect_refused("{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1,2]}}", 1, "data_offsets");
    expect_refused("{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[-1,0]}}", 1, "data_offsets");
    expect_refused("{\"a\":{\"dtype\":\"U8\",\"shape\":[99999999999999999999],\"data_offsets\":[0,1]}}", 1, "not JSON");
    expect_refused("{\"__metadata__\":{\"a\":1}}", 0, "\"a\" is not a text");
    expect_refused("{\"__metadata__\":[]}", 0, "__metadata__");
}

static void ranges_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    expect_refused("{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]}}", 1, "bytes 0 to 2 of 1");
    expect_refused("{\"a\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[1,0]}}", 1, "bytes 1 to 0");
    expect_refused("{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", 2, "2 bytes follow");
    expect_refused("{}", 1, "1 bytes follow");
    expect_refused("{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,2]}}", 2, "begins at byte 1");
    expect_refused("{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},"
                   "\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[1,3]}}",
                   3, "begins at byte 1, the one before it ends at 2");
    expect_refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}", 4, "need 8");
    expect_refused("{\"a\":{\"dtype\":\"F8_E4M3\",\"shape\":[3],\"data_offsets\":[0,4]}}", 4, "need 3");
    expect_refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904,4],\"data_offsets\":[0,0]}}", 0,
                   "need -1");
}

static void an_empty_file_of_tensors_is_a_file(void **state)
{
    (void)state;
    image f = file_of("{}", 0);
    tsr_archive *a = tsr_archive_open_memory(f.data, f.size, NULL, NULL);
    assert_non_null(a);
    assert_int_equal(tsr_archive_count(a), 0);
    tsr_archive_close(a);
}

/* ---- lifetime ---- */

static void count_call(void *user) { ++*(int *)user; }

static void the_memory_is_released_once_when_archive_and_tensors_are_gone(void **state)
{
    (void)state;
    image f = file_of(good_header, 31);
    int done = 0;
    tsr_archive *a = tsr_archive_open_memory(f.data, f.size, count_call, &done);
    tsr_tensor *t = tsr_archive_get_named(a, "b");
    tsr_archive_close(a);
    assert_int_equal(done, 0);
    assert_int_equal(*(const uint8_t *)tsr_const_data(t), 24);
    tsr_release(t);
    assert_int_equal(done, 1);
    assert_null(tsr_archive_open_memory(f.data, 5, count_call, &done));
    assert_int_equal(done, 2);
    tsr_error_clear();
    assert_null(tsr_archive_open_memory(NULL, -1, count_call, &done));
    assert_int_equal(done, 3);
    tsr_error_clear();
}

static void writing_into_a_loaded_tensor_leaves_the_file(void **state)
{
    (void)state;
    float values[4] = {1, 2, 3, 4};
    tsr_tensor *t = tsr_from_data(values, TSR_SHAPE(4), TSR_F32);
    assert_int_equal(tsr_save_one(temp_path("cow.safetensors"), t), TSR_OK);
    tsr_release(t);
    tsr_tensor *first = tsr_load_one(temp_path("cow.safetensors"));
    ((float *)tsr_data(first))[0] = 99;
    tsr_tensor *second = tsr_load_one(temp_path("cow.safetensors"));
    assert_true(((const float *)tsr_const_data(second))[0] == 1);
    assert_true(((const float *)tsr_const_data(first))[0] == 99);
    tsr_release(first);
    tsr_release(second);
    unlink(temp_path("cow.safetensors"));
}

static void a_file_can_be_saved_over_itself_while_its_tensors_are_alive(void **state)
{
    (void)state;
    float values[2] = {1, 2};
    tsr_tensor *t = tsr_from_data(values, TSR_SHAPE(2), TSR_F32);
    assert_int_equal(tsr_save_one(temp_path("self"), t), TSR_OK);
    tsr_release(t);
    tsr_tensor *old = tsr_load_one(temp_path("self"));
    ((float *)tsr_data(old))[0] = 5;
    assert_int_equal(tsr_save_one(temp_path("self"), old), TSR_OK);
    tsr_tensor *new = tsr_load_one(temp_path("self"));
    assert_true(((const float *)tsr_const_data(new))[0] == 5);
    assert_true(((const float *)tsr_const_data(old))[1] == 2);
    tsr_release(new);
    tsr_release(old);
    unlink(temp_path("self"));
}

/* ---- writing ---- */

static void all_dtypes_come_back(void **state)
{
    (void)state;
    static const tsr_dtype dtypes[] = {TSR_BOOL, TSR_F16, TSR_F64, TSR_U8, TSR_BF16, TSR_I64, TSR_F32, TSR_I32};
    _Alignas(8) static const unsigned char bytes[48] = {1, 0, 1, 1, 0, 0};
    tsr_named named[8];
    for (int i = 0; i < 8; i++)
        named[i] = (tsr_named){tsr_dtype_name(dtypes[i]), tsr_from_data(bytes, TSR_SHAPE(2, 3), dtypes[i])};
    tsr_text_pair metadata[] = {{"config", "{\"a\": [1, \"\\\\\"]}\n"}, {"empty", ""}};
    assert_int_equal(tsr_save_safetensors(temp_path("all.safetensors"), named, 8, metadata, 2), TSR_OK);
    tsr_archive *a = tsr_archive_open(temp_path("all.safetensors"));
    assert_int_equal(tsr_archive_count(a), 8);
    for (int i = 0; i < 8; i++) {
        tsr_tensor *t = tsr_archive_get_named(a, named[i].name);
        size_t size = tsr_dtype_size(dtypes[i]);
        assert_int_equal(tsr_dtype_of(t), dtypes[i]);
        assert_int_equal(tsr_numel(t), 6);
        assert_memory_equal(tsr_const_data(t), bytes, 6 * size);
        assert_int_equal((uintptr_t)tsr_const_data(t) % size, 0);
        tsr_release(t);
        tsr_release(named[i].tensor);
    }
    assert_string_equal(tsr_archive_metadata(a, "config"), metadata[0].value);
    assert_string_equal(tsr_archive_metadata(a, "empty"), "");
    tsr_entry e;
    tsr_archive_entry(a, 0, &e);
    assert_string_equal(e.name, "f64"); /* largest elements first, in the given order among equals */
    tsr_archive_entry(a, 1, &e);
    assert_string_equal(e.name, "i64");
    tsr_archive_entry(a, 7, &e);
    assert_string_equal(e.name, "u8");
    tsr_archive_close(a);
    unlink(temp_path("all.safetensors"));
}

static void the_file_is_what_the_format_says_to_the_byte(void **state)
{
    (void)state;
    uint8_t values[2] = {7, 9};
    tsr_tensor *t = tsr_from_data(values, TSR_SHAPE(2), TSR_U8);
    assert_int_equal(tsr_save_one(temp_path("bytes"), t), TSR_OK);
    tsr_release(t);
    static const char expected[] =
        "\x48\0\0\0\0\0\0\0{\"tensor\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]}}"
        "                \x07\x09";
    tsr_bytes b;
    assert_int_equal(tsr_read_file(temp_path("bytes"), &b), TSR_OK);
    uint64_t header;
    memcpy(&header, b.data, 8);
    assert_int_equal(header % 8, 0);
    assert_int_equal(b.size, (int64_t)(8 + header + 2));
    assert_memory_equal((char *)b.data + 8, expected + 8, 56);
    assert_memory_equal((char *)b.data + b.size - 2, values, 2);
    tsr_bytes_free(&b);
    unlink(temp_path("bytes"));
}

static void a_strided_tensor_is_saved_in_row_major_order(void **state)
{
    (void)state;
    int32_t values[24];
    for (int i = 0; i < 24; i++) values[i] = i;
    tsr_tensor *t = tsr_from_data(values, TSR_SHAPE(2, 3, 4), TSR_I32);
    tsr_tensor *v = tensor_view(t, 3, (int64_t[]){4, 2, 2}, (int64_t[]){1, 12, 8}, 0); /* [k, i, j] = t[i, 2 j, k] */
    assert_int_equal(tsr_save_one(temp_path("strided"), v), TSR_OK);
    tsr_tensor *r = tsr_load_one(temp_path("strided"));
    const int32_t *p = tsr_const_data(r);
    for (int k = 0; k < 4; k++)
        for (int i = 0; i < 2; i++)
            for (int j = 0; j < 2; j++) assert_int_equal(*p++, i * 12 + j * 8 + k);
    tsr_release(r);
    tsr_release(v);
    tsr_release(t);
    unlink(temp_path("strided"));
}

static void expect_invalid(const tsr_named *named, int64_t n, const tsr_text_pair *pairs, int64_t pairs_n,
                           const char *part)
{
    assert_int_equal(tsr_save_safetensors(temp_path("bad"), named, n, pairs, pairs_n), TSR_EINVAL);
    assert_non_null(strstr(tsr_error_message(), part));
    tsr_error_clear();
    assert_int_equal(temp_count(), 0);
}

static void names_that_cannot_be_are_refused_and_nothing_is_written(void **state)
{
    (void)state;
    float x = 1;
    tsr_tensor *t = tsr_from_data(&x, TSR_SCALAR_SHAPE, TSR_F32);
    expect_invalid((tsr_named[]){{"a", t}, {"a", t}}, 2, NULL, 0, "\"a\" is given twice");
    expect_invalid((tsr_named[]){{"__metadata__", t}}, 1, NULL, 0, "taken by the format");
    expect_invalid((tsr_named[]){{"\xff", t}}, 1, NULL, 0, "not UTF-8");
    expect_invalid((tsr_named[]){{NULL, t}}, 1, NULL, 0, "the name of entry 0 is NULL");
    expect_invalid((tsr_named[]){{"a", NULL}}, 1, NULL, 0, "the tensor of entry 0 is NULL");
    expect_invalid(NULL, 0, (tsr_text_pair[]){{"k", "1"}, {"k", "2"}}, 2, "\"k\" is given twice");
    expect_invalid(NULL, 0, (tsr_text_pair[]){{"k", "\xc3"}}, 1, "not UTF-8");
    expect_invalid(NULL, 0, (tsr_text_pair[]){{"k", NULL}}, 1, "NULL");
    tsr_release(t);
}

static void a_full_disk_is_an_error_when_saving(void **state)
{
    (void)state;
    if (access("/dev/full", W_OK) != 0) skip();
    float x = 1;
    tsr_tensor *t = tsr_from_data(&x, TSR_SCALAR_SHAPE, TSR_F32);
    assert_int_equal(tsr_save_one("/dev/full", t), TSR_EIO);
    assert_non_null(strstr(tsr_error_message(), "No space left"));
    tsr_error_clear();
    tsr_release(t);
}

static void load_one_wants_exactly_one(void **state)
{
    (void)state;
    image f = file_of(good_header, 31);
    temp_write("four", f.data, f.size);
    assert_null(tsr_load_one(temp_path("four")));
    assert_non_null(strstr(tsr_error_message(), "holds 4 tensors"));
    tsr_error_clear();
    assert_null(tsr_load_one(temp_path("missing")));
    assert_int_equal(tsr_error_status(), TSR_EIO);
    tsr_error_clear();
    unlink(temp_path("four"));
}

static void every_failed_allocation_is_reported_and_leaks_nothing(void **state)
{
    (void)state;
    float values[6] = {0};
    tsr_tensor *t = tsr_from_data(values, TSR_SHAPE(2, 3), TSR_F32);
    tsr_tensor *v = tensor_view(t, 2, (int64_t[]){3, 2}, (int64_t[]){1, 3}, 0);
    tsr_named named[] = {{"a", t}, {"b", v}};
    tsr_text_pair pair = {"k", "v"};
    int64_t before = tsr_memory_get_stats().blocks;
    for (int64_t nth = 1;; nth++) {
        tsr_alloc_fail_at(nth);
        tsr_status status = tsr_save_safetensors(temp_path("oom"), named, 2, &pair, 1);
        tsr_archive *a = status == TSR_OK ? tsr_archive_open(temp_path("oom")) : NULL;
        tsr_tensor *r = tsr_archive_get_named(a, "b");
        bool failed = tsr_alloc_failed();
        tsr_alloc_fail_at(0);
        assert_true(failed ? tsr_error_status() == TSR_ENOMEM : r != NULL);
        tsr_error_clear();
        tsr_release(r);
        tsr_archive_close(a);
        assert_int_equal(tsr_memory_get_stats().blocks, before);
        assert_true(temp_count() <= 1);
        if (!failed) break;
    }
    tsr_release(v);
    tsr_release(t);
    unlink(temp_path("oom"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_shapes_and_dtypes_are_known_without_loading),
        cmocka_unit_test(tensors_have_the_files_elements),
        cmocka_unit_test(a_name_that_is_not_there_is_an_error_with_the_most_similar),
        cmocka_unit_test(a_dtype_we_lack_is_refused_only_when_it_is_asked_for),
        cmocka_unit_test(bools_other_than_zero_become_one),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(every_changed_byte_is_refused_or_harmless),
        cmocka_unit_test(sizes_that_cannot_be_are_refused),
        cmocka_unit_test(headers_that_are_not_json_are_refused),
        cmocka_unit_test(entries_that_lack_something_are_refused),
        cmocka_unit_test(ranges_that_do_not_fit_are_refused),
        cmocka_unit_test(an_empty_file_of_tensors_is_a_file),
        cmocka_unit_test(the_memory_is_released_once_when_archive_and_tensors_are_gone),
        cmocka_unit_test(writing_into_a_loaded_tensor_leaves_the_file),
        cmocka_unit_test(a_file_can_be_saved_over_itself_while_its_tensors_are_alive),
        cmocka_unit_test(all_dtypes_come_back),
        cmocka_unit_test(the_file_is_what_the_format_says_to_the_byte),
        cmocka_unit_test(a_strided_tensor_is_saved_in_row_major_order),
        cmocka_unit_test(names_that_cannot_be_are_refused_and_nothing_is_written),
        cmocka_unit_test(a_full_disk_is_an_error_when_saving),
        cmocka_unit_test(load_one_wants_exactly_one),
        cmocka_unit_test(every_failed_allocation_is_reported_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, temp_folder_make, temp_folder_remove);
}
