/* .npy and .npz: files made by NumPy (goldens/make.py) are read; ours come back; damaged ones are refused. */
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

#define GOLDENS TSR_SOURCE_DIR "/tests/io/goldens/"

static void expect_error(tsr_status status, const char *part)
{
    assert_int_equal(tsr_error_status(), status);
    if (!strstr(tsr_error_message(), part)) fail_msg("\"%s\" does not say \"%s\"", tsr_error_message(), part);
    tsr_error_clear();
}

/* ---- files of NumPy's ---- */

static void a_compressed_npz_of_numpy_is_read(void **state)
{
    (void)state;
    tsr_archive *a = tsr_archive_open(GOLDENS "compressed.npz");
    assert_int_equal(tsr_archive_count(a), 5);
    float grid[6];
    tsr_tensor *t = tsr_archive_get_named(a, "grid"); /* saved in Fortran order */
    assert_int_equal(tsr_to_host(t, grid, 6, TSR_F32), TSR_OK);
    for (int i = 0; i < 6; i++) assert_true(grid[i] == (float)i);
    assert_true(tsr_is_contiguous(t));
    tsr_release(t);
    t = tsr_archive_get_named(a, "count");
    assert_int_equal(tsr_numel(t), 1000);
    for (int i = 0; i < 1000; i++) assert_int_equal(((const int64_t *)tsr_const_data(t))[i], i);
    tsr_release(t);
    t = tsr_archive_get_named(a, "scalar");
    assert_int_equal(tsr_ndim(t), 0);
    assert_true(tsr_item(t) == 2.5);
    tsr_release(t);
    t = tsr_archive_get_named(a, "truth");
    assert_int_equal(tsr_dtype_of(t), TSR_BOOL);
    assert_memory_equal(tsr_const_data(t), "\1\0", 2);
    tsr_release(t);
    assert_null(tsr_archive_get_named(a, "u2"));
    expect_error(TSR_EFORMAT, "\"u2\" has dtype <u2");
    tsr_archive_close(a);
}

static void a_stored_npz_of_numpy_is_read(void **state)
{
    (void)state;
    tsr_archive *a = tsr_archive_open(GOLDENS "stored.npz");
    tsr_tensor *b = tsr_archive_get_named(a, "b");
    assert_int_equal(tsr_dtype_of(b), TSR_F16);
    tsr_archive_close(a); /* the tensor has memory of its own */
    double values[6];
    assert_int_equal(tsr_to_host(b, values, 6, TSR_F64), TSR_OK);
    for (int i = 0; i < 6; i++) assert_true(values[i] == i);
    tsr_release(b);
}

static void fortran_order_becomes_row_major(void **state)
{
    (void)state;
    tsr_tensor *t = tsr_load_one(GOLDENS "fortran.npy");
    tsr_shape s = tsr_shape_of(t);
    assert_int_equal(s.n, 3);
    assert_int_equal(s.v[2], 4);
    for (int i = 0; i < 24; i++) assert_int_equal(((const int32_t *)tsr_const_data(t))[i], i);
    tsr_release(t);
}

static void dtypes_we_lack_are_refused_by_name(void **state)
{
    (void)state;
    assert_null(tsr_load_one(GOLDENS "big_endian.npy"));
    expect_error(TSR_EFORMAT, "big-endian dtype >f4");
    assert_null(tsr_load_one(GOLDENS "structured.npy"));
    expect_error(TSR_EFORMAT, "dtype [('x', '<f4'), ('y', '<i4')]");
}

static void a_file_of_the_safetensors_package_is_read(void **state)
{
    (void)state;
    tsr_archive *a = tsr_archive_open(GOLDENS "official.safetensors");
    assert_int_equal(tsr_archive_count(a), 3);
    assert_string_equal(tsr_archive_metadata(a, "by"), "safetensors");
    tsr_tensor *t = tsr_archive_get_named(a, "bias");
    assert_int_equal(((const int64_t *)tsr_const_data(t))[1], -2);
    tsr_release(t);
    t = tsr_archive_get_named(a, "weight");
    for (int i = 0; i < 6; i++) assert_true(((const float *)tsr_const_data(t))[i] == (float)i);
    tsr_release(t);
    tsr_archive_close(a);
}

/* ---- headers ---- */

typedef struct npy {
    _Alignas(64) unsigned char data[512];
    int64_t size;
} npy;

/* A version 1 file with this dictionary and n bytes of data. */
static npy file_of(const char *dictionary, int n)
{
    npy f = {{0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0}, 0};
    size_t length = strlen(dictionary);
    f.data[8] = (unsigned char)length;
    f.data[9] = (unsigned char)(length >> 8);
    memcpy(f.data + 10, dictionary, length);
    for (int i = 0; i < n; i++) f.data[10 + length + (size_t)i] = (unsigned char)(i + 1);
    f.size = 10 + (int64_t)length + n;
    return f;
}

static void headers_may_be_spelled_in_other_ways(void **state)
{
    (void)state;
    static const char *const spellings[] = {"{'descr': '|u1', 'fortran_order': False, 'shape': (2, 2), }   \n",
                                            "{\"shape\":(2,2),\"descr\":\"<u1\",\"fortran_order\":False}",
                                            "{'descr': '|u1', 'fortran_order': False, 'shape': (2L, 2L,)}",
                                            " { 'fortran_order' : True , 'shape' : ( 4 , ) , 'descr' : '=u1' } "};
    for (int64_t i = 0; i < TSR_COUNT(spellings); i++) {
        npy f = file_of(spellings[i], 4);
        tsr_archive *a = tsr_archive_open_memory(f.data, f.size, NULL, NULL);
        tsr_tensor *t = tsr_archive_get(a, 0);
        assert_non_null(t);
        assert_int_equal(tsr_numel(t), 4);
        assert_memory_equal(tsr_const_data(t), "\1\2\3\4", 4);
        tsr_release(t);
        tsr_archive_close(a);
    }
}

static void headers_of_versions_2_and_3_are_longer(void **state)
{
    (void)state;
    for (unsigned char version = 2; version <= 3; version++) {
        npy f = {{0x93, 'N', 'U', 'M', 'P', 'Y', version, 0}, 0};
        const char *dictionary = "{'descr': '<i4', 'fortran_order': False, 'shape': ()}";
        f.data[8] = (unsigned char)strlen(dictionary);
        memcpy(f.data + 12, dictionary, strlen(dictionary));
        f.size = 12 + (int64_t)strlen(dictionary) + 4;
        f.data[f.size - 4] = 42;
        tsr_archive *a = tsr_archive_open_memory(f.data, f.size, NULL, NULL);
        tsr_tensor *t = tsr_archive_get(a, 0);
        assert_int_equal(tsr_item_int(t), 42);
        tsr_release(t);
        tsr_archive_close(a);
    }
}

static void expect_refused(const char *dictionary, int n, const char *part)
{
    npy f = file_of(dictionary, n);
    assert_null(tsr_archive_open_memory(f.data, f.size, NULL, NULL));
    expect_error(TSR_EFORMAT, part);
}

static void headers_that_cannot_be_are_refused(void **state)
{
    (void)state;
    expect_refused("", 0, "not descr");
    expect_refused("{}", 0, "not descr");
    expect_refused("{'descr': '|u1', 'fortran_order': False, 'shape': (1,)", 1, "not descr");
    expect_refused("{'descr': '|u1', 'fortran_order': 0, 'shape': (1,)}", 1, "not descr");
    expect_refused("{'descr': '|u1', 'fortran_order': False, 'shape': (-1,)}", 1, "not descr");
    expect_refused("{'descr': '|u1', 'fortran_order': False, 'shape': (1,)}; x", 1, "not descr");
    expect_refused("{'descr': '|u1', 'fortran_order': False, 'other': (1,)}", 1, "not descr");
    expect_refused("{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999999999999,)}", 1, "not descr");
    expect_refused("{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", 7,
                   "7 bytes where its shape and dtype <f4 need 8");
    expect_refused("{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", 9, "need 8");
    expect_refused("{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 4)}", 0, "need -1");
    npy f = file_of("{'descr': '|u1', 'fortran_order': False, 'shape': (1,)}", 1);
    f.data[6] = 4;
    assert_null(tsr_archive_open_memory(f.data, f.size, NULL, NULL));
    expect_error(TSR_EFORMAT, "version 4");
}

static void every_truncation_of_a_npy_is_refused(void **state)
{
    (void)state;
    npy f = file_of("{'descr': '<i4', 'fortran_order': True, 'shape': (2, 1)}", 8);
    for (int64_t n = 0; n < f.size; n++) {
        unsigned char *exact = tsr_alloc((size_t)n);
        memcpy(exact, f.data, (size_t)n);
        assert_null(tsr_archive_open_memory(exact, n, NULL, NULL));
        assert_int_equal(tsr_error_status(), TSR_EFORMAT);
        tsr_error_clear();
        tsr_free(exact);
    }
}

/* Open, and load all that is listed; what is damaged must be refused, not read. Returns whether all of it loaded. */
static bool loads_whole(void *data, int64_t size)
{
    tsr_archive *a = tsr_archive_open_memory(data, size, NULL, NULL);
    bool whole = a != NULL;
    for (int64_t i = 0; i < tsr_archive_count(a); i++) {
        tsr_tensor *t = tsr_archive_get(a, i);
        whole = whole && t;
        assert_true(t || tsr_error_status() == TSR_EFORMAT);
        tsr_release(t);
        tsr_error_clear();
    }
    assert_true(a || tsr_error_status() == TSR_EFORMAT);
    tsr_error_clear();
    tsr_archive_close(a);
    return whole;
}

static void every_truncation_of_an_npz_is_refused(void **state)
{
    (void)state;
    tsr_bytes b;
    assert_int_equal(tsr_read_file(GOLDENS "stored.npz", &b), TSR_OK);
    assert_true(loads_whole(b.data, b.size));
    for (int64_t n = 0; n < b.size; n++) {
        unsigned char *exact = tsr_alloc((size_t)n);
        memcpy(exact, b.data, (size_t)n);
        assert_false(loads_whole(exact, n));
        tsr_free(exact);
    }
    tsr_bytes_free(&b);
    assert_int_equal(tsr_live_tensors(), 0);
}

static void changed_bytes_of_an_npz_are_refused_or_harmless(void **state)
{
    (void)state;
    tsr_bytes b;
    assert_int_equal(tsr_read_file(GOLDENS "compressed.npz", &b), TSR_OK);
    for (int64_t i = 0; i < b.size; i++) {
        unsigned char *at = (unsigned char *)b.data + i, was = *at;
        *at = (unsigned char)(was ^ 0x55);
        loads_whole(b.data, b.size);
        *at = was;
    }
    tsr_bytes_free(&b);
    assert_int_equal(tsr_live_tensors(), 0);
}

static void elements_that_do_not_match_their_checksum_are_refused(void **state)
{
    (void)state;
    tsr_bytes b;
    assert_int_equal(tsr_read_file(GOLDENS "stored.npz", &b), TSR_OK);
    static const float three = 3; /* an element of `a` */
    unsigned char *p = b.data;
    while (memcmp(p, &three, 4) != 0) p++;
    p[0] ^= 1;
    tsr_archive *a = tsr_archive_open_memory(b.data, b.size, NULL, NULL);
    assert_null(tsr_archive_get_named(a, "a"));
    expect_error(TSR_EFORMAT, "\"a\" cannot be unpacked: CRC error");
    tsr_archive_close(a);
    tsr_bytes_free(&b);
}

/* ---- writing ---- */

static void every_dtype_and_rank_comes_back(void **state)
{
    (void)state;
    static const tsr_dtype dtypes[] = {TSR_F32, TSR_F64, TSR_I64, TSR_I32, TSR_U8, TSR_BOOL, TSR_F16};
    static const tsr_shape shapes[] = {{{0}, 0}, {{5}, 1}, {{0, 3}, 2}, {{2, 3, 1}, 3}, {{1, 2, 1, 1, 1, 1, 1, 2}, 8}};
    _Alignas(8) static const unsigned char bytes[64] = {1, 0, 1, 1};
    for (int64_t d = 0; d < TSR_COUNT(dtypes); d++) {
        for (int64_t s = 0; s < TSR_COUNT(shapes); s++) {
            tsr_tensor *t = tsr_from_data(bytes, shapes[s], dtypes[d]);
            assert_int_equal(tsr_save_npy(temp_path("t.npy"), t), TSR_OK);
            tsr_tensor *r = tsr_load_one(temp_path("t.npy"));
            tsr_shape shape = tsr_shape_of(r);
            assert_int_equal(tsr_dtype_of(r), dtypes[d]);
            assert_int_equal(shape.n, shapes[s].n);
            assert_memory_equal(shape.v, shapes[s].v, (size_t)shape.n * sizeof shape.v[0]);
            assert_memory_equal(tsr_const_data(r), tsr_const_data(t), (size_t)tsr_numel(t) * tsr_dtype_size(dtypes[d]));
            tsr_release(r);
            tsr_release(t);
        }
    }
    unlink(temp_path("t.npy"));
}

static void our_npy_begins_as_numpy_writes_it(void **state)
{
    (void)state;
    int32_t values[24];
    for (int i = 0; i < 24; i++) values[i] = i;
    tsr_tensor *t = tsr_from_data(values, TSR_SHAPE(24), TSR_I32);
    assert_int_equal(tsr_save_one(temp_path("t.npy"), t), TSR_OK);
    tsr_release(t);
    tsr_bytes ours;
    assert_int_equal(tsr_read_file(temp_path("t.npy"), &ours), TSR_OK);
    static const char start[] = "\x93NUMPY\x01\x00\x76\x00{'descr': '<i4', 'fortran_order': False, 'shape': (24,), } ";
    assert_memory_equal(ours.data, start, sizeof start - 1);
    assert_int_equal(ours.size, 128 + 96);
    assert_int_equal(((char *)ours.data)[127], '\n');
    tsr_bytes_free(&ours);
    unlink(temp_path("t.npy"));
}

static void an_npz_comes_back_and_is_the_same_file_each_time(void **state)
{
    (void)state;
    double values[6] = {1, 2, 3, 4, 5, 6};
    tsr_tensor *t = tsr_from_data(values, TSR_SHAPE(2, 3), TSR_F64);
    tsr_tensor *v = tensor_view(t, 2, (int64_t[]){3, 2}, (int64_t[]){1, 3}, 0);
    tsr_tensor *empty = tsr_from_data(values, TSR_SHAPE(0), TSR_U8);
    tsr_named named[] = {{"rows", t}, {"columns/\xc3\xa9", v}, {"empty", empty}};
    assert_int_equal(tsr_save_npz(temp_path("a.npz"), named, 3), TSR_OK);
    assert_int_equal(tsr_save_npz(temp_path("b.npz"), named, 3), TSR_OK);
    assert_int_equal(temp_count(), 2);
    tsr_bytes a, b;
    tsr_read_file(temp_path("a.npz"), &a);
    tsr_read_file(temp_path("b.npz"), &b);
    assert_int_equal(a.size, b.size);
    assert_memory_equal(a.data, b.data, (size_t)a.size);
    tsr_bytes_free(&a);
    tsr_bytes_free(&b);
    tsr_archive *z = tsr_archive_open(temp_path("a.npz"));
    assert_int_equal(tsr_archive_count(z), 3);
    tsr_tensor *r = tsr_archive_get_named(z, named[1].name);
    static const double transposed[] = {1, 4, 2, 5, 3, 6};
    assert_memory_equal(tsr_const_data(r), transposed, sizeof transposed);
    tsr_release(r);
    r = tsr_archive_get_named(z, "empty");
    assert_int_equal(tsr_numel(r), 0);
    tsr_release(r);
    tsr_archive_close(z);
    tsr_release(empty);
    tsr_release(v);
    tsr_release(t);
    unlink(temp_path("a.npz"));
    unlink(temp_path("b.npz"));
}

static void what_npz_cannot_hold_is_refused_and_nothing_is_written(void **state)
{
    (void)state;
    uint16_t half = 0;
    tsr_tensor *t = tsr_from_data(&half, TSR_SCALAR_SHAPE, TSR_F16),
               *bf = tsr_from_data(&half, TSR_SCALAR_SHAPE, TSR_BF16);
    assert_int_equal(tsr_save_npz(temp_path("x.npz"), (tsr_named[]){{"a", t}, {"b", bf}}, 2), TSR_EINVAL);
    expect_error(TSR_EINVAL, "no dtype bf16");
    assert_int_equal(tsr_save_npy(temp_path("x.npy"), bf), TSR_EINVAL);
    expect_error(TSR_EINVAL, "no dtype bf16");
    assert_int_equal(tsr_save_npz(temp_path("x.npz"), (tsr_named[]){{"a", t}, {"a", t}}, 2), TSR_EINVAL);
    expect_error(TSR_EINVAL, "\"a\" is given twice");
    assert_int_equal(tsr_save_npz(temp_path("x.npz"), (tsr_named[]){{"a", NULL}}, 1), TSR_EINVAL);
    expect_error(TSR_EINVAL, "the tensor of entry 0 is NULL");
    assert_int_equal(tsr_save_npz(temp_path("no/x.npz"), (tsr_named[]){{"a", t}}, 1), TSR_EIO);
    expect_error(TSR_EIO, "No such file");
    if (access("/dev/full", W_OK) == 0) {
        assert_int_equal(tsr_save_npz("/dev/full", (tsr_named[]){{"a", t}}, 1), TSR_EIO);
        expect_error(TSR_EIO, "regular file");
        assert_int_equal(tsr_save_npy("/dev/full", t), TSR_EIO);
        expect_error(TSR_EIO, "No space left");
    }
    assert_int_equal(temp_count(), 0);
    tsr_release(bf);
    tsr_release(t);
}

static void every_failed_allocation_is_reported_and_leaks_nothing(void **state)
{
    (void)state;
    double values[6] = {0};
    tsr_tensor *t = tsr_from_data(values, TSR_SHAPE(2, 3), TSR_F64);
    tsr_tensor *v = tensor_view(t, 2, (int64_t[]){3, 2}, (int64_t[]){1, 3}, 0);
    tsr_named named[] = {{"a", t}, {"b", v}};
    int64_t before = tsr_memory_get_stats().blocks;
    for (int64_t nth = 1;; nth++) {
        tsr_alloc_fail_at(nth);
        tsr_status status = tsr_save_npz(temp_path("oom"), named, 2);
        tsr_archive *a = status == TSR_OK ? tsr_archive_open(temp_path("oom")) : NULL;
        tsr_tensor *r = tsr_archive_get_named(a, "b");
        tsr_tensor *fortran = r ? tsr_load_one(GOLDENS "fortran.npy") : NULL;
        bool failed = tsr_alloc_failed();
        tsr_alloc_fail_at(0);
        assert_true(failed ? tsr_error_status() == TSR_ENOMEM : fortran != NULL);
        tsr_error_clear();
        tsr_release(r);
        tsr_release(fortran);
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
        cmocka_unit_test(a_compressed_npz_of_numpy_is_read),
        cmocka_unit_test(a_stored_npz_of_numpy_is_read),
        cmocka_unit_test(fortran_order_becomes_row_major),
        cmocka_unit_test(dtypes_we_lack_are_refused_by_name),
        cmocka_unit_test(a_file_of_the_safetensors_package_is_read),
        cmocka_unit_test(headers_may_be_spelled_in_other_ways),
        cmocka_unit_test(headers_of_versions_2_and_3_are_longer),
        cmocka_unit_test(headers_that_cannot_be_are_refused),
        cmocka_unit_test(every_truncation_of_a_npy_is_refused),
        cmocka_unit_test(every_truncation_of_an_npz_is_refused),
        cmocka_unit_test(changed_bytes_of_an_npz_are_refused_or_harmless),
        cmocka_unit_test(elements_that_do_not_match_their_checksum_are_refused),
        cmocka_unit_test(every_dtype_and_rank_comes_back),
        cmocka_unit_test(our_npy_begins_as_numpy_writes_it),
        cmocka_unit_test(an_npz_comes_back_and_is_the_same_file_each_time),
        cmocka_unit_test(what_npz_cannot_hold_is_refused_and_nothing_is_written),
        cmocka_unit_test(every_failed_allocation_is_reported_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, temp_folder_make, temp_folder_remove);
}
