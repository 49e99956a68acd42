/* Pictures in files: every kind of PNG and JPEG (goldens of Pillow's, goldens/make.py) is read to the pixels that Pillow
   reads; EXIF orientations; damaged files are refused; what is written is read back; sheets. */
#include <math.h>
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
#include "tessera/image.h"
#include "tessera/memory.h"

#define GOLDENS TSR_SOURCE_DIR "/tests/io/goldens/"

/* picture() of make.py */
static int formula(int64_t y, int64_t x, int64_t c)
{
    return (int)((x * (3 + c) + y * (7 - c) * (c + 1) + x * y) % 256);
}

static void expect_error(tsr_status status, const char *part)
{
    assert_int_equal(tsr_error_status(), status);
    if (!strstr(tsr_error_message(), part)) fail_msg("\"%s\" does not say \"%s\"", tsr_error_message(), part);
    tsr_error_clear();
}

static tsr_tensor *load(const char *name, const tsr_image_options *options)
{
    char path[400];
    snprintf(path, sizeof path, GOLDENS "%s", name);
    return tsr_image_load(path, options);
}

static void expect_shape(const tsr_tensor *t, int64_t h, int64_t w, int64_t c, tsr_dtype dtype)
{
    assert_non_null(t);
    tsr_shape s = tsr_shape_of(t);
    assert_int_equal(s.n, 3);
    assert_int_equal(s.v[0], h);
    assert_int_equal(s.v[1], w);
    assert_int_equal(s.v[2], c);
    assert_int_equal(tsr_dtype_of(t), dtype);
}

static void expect_bytes(tsr_tensor *t, int64_t h, int64_t w, int64_t c, const uint8_t *expected)
{
    expect_shape(t, h, w, c, TSR_U8);
    assert_memory_equal(tsr_const_data(t), expected, (size_t)(h * w * c));
    tsr_release(t);
}

/* ---- PNG ---- */

static void png_with_1_to_4_channels_is_read_as_it_is(void **state)
{
    (void)state;
    static const char *const names[] = {"gray.png", "gray_alpha.png", "rgb.png", "rgba.png"};
    for (int channels = 1; channels <= 4; channels++) {
        uint8_t expected[24], *p = expected;
        for (int i = 0; i < 6; i++)
            for (int c = 0; c < channels; c++) *p++ = (uint8_t)formula(i / 3, i % 3, c);
        expect_bytes(load(names[channels - 1], NULL), 2, 3, channels, expected);
    }
}

static void png_of_one_bit_is_black_and_white(void **state)
{
    (void)state;
    uint8_t expected[6];
    for (int i = 0; i < 6; i++) expected[i] = formula(i / 3, i % 3, 0) > 20 ? 255 : 0;
    expect_bytes(load("gray1.png", NULL), 2, 3, 1, expected);
}

static void png_with_a_palette_is_rgb_and_with_transparency_rgba(void **state)
{
    (void)state;
    static const uint8_t rgb[] = {255, 0, 0, 0, 255, 0, 10, 20, 30, 10, 20, 30, 0, 255, 0, 255, 0, 0};
    static const uint8_t rgba[] = {255, 0,  0,  255, 0, 255, 0, 0, 10,  20, 30, 255,
                                   10,  20, 30, 255, 0, 255, 0, 0, 255, 0,  0,  255};
    expect_bytes(load("palette.png", NULL), 2, 3, 3, rgb);
    expect_bytes(load("palette_transparent.png", NULL), 2, 3, 4, rgba);
}

static void png_of_16_bits_is_i32_or_reduced_to_the_nearest(void **state)
{
    (void)state;
    tsr_tensor *t = load("gray16.png", NULL);
    expect_shape(t, 2, 3, 1, TSR_I32);
    for (int i = 0; i < 6; i++)
        assert_int_equal(((const int32_t *)tsr_const_data(t))[i], formula(i / 3, i % 3, 0) * 257 + 1);
    tsr_release(t);
    uint8_t expected[6];
    for (int i = 0; i < 6; i++) expected[i] = (uint8_t)formula(i / 3, i % 3, 0); /* (257 v + 1) / 257 is nearest to v */
    expect_bytes(load("gray16.png", &(tsr_image_options){.bits = 8}), 2, 3, 1, expected);
}

static void channels_are_converted_when_asked_for(void **state)
{
    (void)state;
    uint8_t gray3[18], luma[6], opaque[24], plain[18];
    for (int i = 0; i < 6; i++) {
        int c[3];
        for (int k = 0; k < 3; k++) c[k] = formula(i / 3, i % 3, k);
        for (int k = 0; k < 3; k++) gray3[3 * i + k] = (uint8_t)c[0];
        for (int k = 0; k < 3; k++) opaque[4 * i + k] = plain[3 * i + k] = (uint8_t)c[k];
        opaque[4 * i + 3] = 255;
        luma[i] = (uint8_t)(0.299 * c[0] + 0.587 * c[1] + 0.114 * c[2] + 0.5);
    }
    expect_bytes(load("gray.png", &(tsr_image_options){.channels = 3}), 2, 3, 3, gray3);
    expect_bytes(load("gray_alpha.png", &(tsr_image_options){.channels = 3}), 2, 3, 3, gray3);
    expect_bytes(load("rgb.png", &(tsr_image_options){.channels = 1}), 2, 3, 1, luma);
    expect_bytes(load("rgb.png", &(tsr_image_options){.channels = 4}), 2, 3, 4, opaque);
    expect_bytes(load("rgba.png", &(tsr_image_options){.channels = 3}), 2, 3, 3, plain);
    tsr_tensor *wide = load("gray16.png", &(tsr_image_options){.channels = 4});
    expect_shape(wide, 2, 3, 4, TSR_I32);
    assert_int_equal(((const int32_t *)tsr_const_data(wide))[3], 65535);
    tsr_release(wide);
    assert_null(load("rgb.png", &(tsr_image_options){.channels = 2}));
    expect_error(TSR_EINVAL, "channels = 2");
    assert_null(load("rgb.png", &(tsr_image_options){.bits = 16}));
    expect_error(TSR_EINVAL, "bits = 16");
}

/* ---- JPEG ---- */

static void jpeg_is_read_to_the_pixels_of_pillow(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int channels, tolerance;
    } cases[] = {{"rgb", 3, 0}, {"rgb_444_progressive", 3, 0}, {"gray", 1, 0}, {"cmyk", 3, 1}};
    for (int64_t i = 0; i < TSR_COUNT(cases); i++) {
        char name[60], path[400];
        snprintf(name, sizeof name, "%s.jpg", cases[i].name);
        tsr_tensor *t = load(name, NULL);
        expect_shape(t, 19, 29, cases[i].channels, TSR_U8);
        snprintf(path, sizeof path, GOLDENS "%s.npy", cases[i].name);
        tsr_tensor *expected = tsr_load_one(path);
        const uint8_t *a = tsr_const_data(t), *b = tsr_const_data(expected);
        for (int64_t k = 0; k < tsr_numel(t); k++)
            assert_in_range(a[k] - b[k] + 10, 10 - cases[i].tolerance, 10 + cases[i].tolerance);
        tsr_release(expected);
        tsr_release(t);
    }
}

/* A gray JPEG of 3 rows and 2 columns, bright in the top left corner alone, with this EXIF block after its first marker. */
static int64_t jpeg_with_exif(const unsigned char *block, int64_t n, unsigned char *out)
{
    static const uint8_t pixels[] = {250, 10, 10, 10, 10, 10};
    tsr_tensor *t = tsr_from_data(pixels, TSR_SHAPE(3, 2, 1), TSR_U8);
    tsr_bytes jpeg;
    assert_int_equal(tsr_image_encode_jpeg(t, 100, &jpeg), TSR_OK);
    tsr_release(t);
    unsigned char *p = out;
    memcpy(p, jpeg.data, 2);
    memcpy(p + 2, (unsigned char[]){0xff, 0xe1, (unsigned char)((n + 2) >> 8), (unsigned char)(n + 2)}, 4);
    memcpy(p + 6, block, (size_t)n);
    memcpy(p + 6 + n, (char *)jpeg.data + 2, (size_t)jpeg.size - 2);
    int64_t size = jpeg.size + 4 + n;
    tsr_bytes_free(&jpeg);
    return size;
}

static const unsigned char little_exif[] = "Exif\0\0II*\0\x08\0\0\0\x02\0"
                                           "\x0f\x01\x02\0\x01\0\0\0A\0\0\0"     /* another tag first */
                                           "\x12\x01\x03\0\x01\0\0\0\x01\0\0\0"; /* orientation at byte 6 + 30 */
static const unsigned char big_exif[] = "Exif\0\0MM\0*\0\0\0\x08\0\x01"
                                        "\x01\x12\0\x03\0\0\0\x01\0\x01\0\0";

/* Where the stored top left corner is to be seen, by the standard: (bottom?, right?) for orientations 1 to 8. */
static const int corner[9][2] = {{0}, {0, 0}, {0, 1}, {1, 1}, {1, 0}, {0, 0}, {0, 1}, {1, 1}, {1, 0}};

static void expect_corner(const unsigned char *jpeg, int64_t size, int orientation)
{
    tsr_tensor *t = tsr_image_decode(jpeg, size, NULL);
    int64_t h = orientation >= 5 ? 2 : 3, w = orientation >= 5 ? 3 : 2;
    expect_shape(t, h, w, 1, TSR_U8);
    const uint8_t *p = tsr_const_data(t);
    for (int64_t y = 0; y < h; y++) {
        for (int64_t x = 0; x < w; x++) {
            bool bright = y == (corner[orientation][0] ? h - 1 : 0) && x == (corner[orientation][1] ? w - 1 : 0);
            assert_int_equal(p[y * w + x] > 128, bright);
        }
    }
    tsr_release(t);
}

static void exif_orientation_turns_the_picture_upright(void **state)
{
    (void)state;
    unsigned char jpeg[2000], block[64];
    for (int o = 1; o <= 8; o++) {
        memcpy(block, little_exif, sizeof little_exif - 1);
        block[6 + 8 + 2 + 12 + 8] = (unsigned char)o;
        expect_corner(jpeg, jpeg_with_exif(block, sizeof little_exif - 1, jpeg), o);
        memcpy(block, big_exif, sizeof big_exif - 1);
        block[6 + 8 + 2 + 9] = (unsigned char)o;
        expect_corner(jpeg, jpeg_with_exif(block, sizeof big_exif - 1, jpeg), o);
    }
}

static void orientation_is_left_alone_when_asked_or_absurd(void **state)
{
    (void)state;
    unsigned char jpeg[2000], block[64];
    memcpy(block, little_exif, sizeof little_exif - 1);
    block[6 + 8 + 2 + 12 + 8] = 6;
    int64_t size = jpeg_with_exif(block, sizeof little_exif - 1, jpeg);
    tsr_tensor *t = tsr_image_decode(jpeg, size, &(tsr_image_options){.keep_orientation = true});
    expect_shape(t, 3, 2, 1, TSR_U8);
    tsr_release(t);
    block[6 + 8 + 2 + 12 + 8] = 9;
    expect_corner(jpeg, jpeg_with_exif(block, sizeof little_exif - 1, jpeg), 1);
    for (int64_t n = 0; n < (int64_t)sizeof little_exif - 5; n++) /* cut anywhere before the value: none */
        expect_corner(jpeg, jpeg_with_exif(little_exif, n, jpeg), 1);
    memcpy(block, little_exif, sizeof little_exif - 1);
    memcpy(block + 10, "\xff\xff\xff\xff", 4); /* the directory lies outside */
    expect_corner(jpeg, jpeg_with_exif(block, sizeof little_exif - 1, jpeg), 1);
}

/* ---- damage ---- */

static void expect_truncations_refused(const char *name)
{
    char path[400];
    snprintf(path, sizeof path, GOLDENS "%s", name);
    tsr_bytes b;
    assert_int_equal(tsr_read_file(path, &b), TSR_OK);
    for (int64_t n = 0; n < b.size; n++) {
        unsigned char *exact = tsr_alloc((size_t)n);
        memcpy(exact, b.data, (size_t)n);
        if (tsr_image_decode(exact, n, NULL)) fail_msg("%s is read from its first %d bytes", name, (int)n);
        assert_int_equal(tsr_error_status(), TSR_EFORMAT);
        tsr_error_clear();
        tsr_free(exact);
    }
    tsr_bytes_free(&b);
}

static void every_truncation_is_refused(void **state)
{
    (void)state;
    expect_truncations_refused("rgb.png");
    expect_truncations_refused("palette_transparent.png");
    expect_truncations_refused("gray16.png");
    expect_truncations_refused("rgb.jpg");
    expect_truncations_refused("rgb_444_progressive.jpg");
    expect_truncations_refused("cmyk.jpg");
    assert_int_equal(tsr_live_tensors(), 0);
}

/* Whatever the change, there is a picture or a sentence. */
static void every_changed_byte_is_survived(void **state)
{
    (void)state;
    static const char *const names[] = {"rgba.png", "palette_transparent.png", "gray.jpg", "rgb_444_progressive.jpg",
                                        "cmyk.jpg"};
    int64_t before = tsr_memory_get_stats().blocks;
    for (int64_t f = 0; f < TSR_COUNT(names); f++) {
        char path[400];
        snprintf(path, sizeof path, GOLDENS "%s", names[f]);
        tsr_bytes b;
        assert_int_equal(tsr_read_file(path, &b), TSR_OK);
        for (int64_t i = 0; i < b.size; i++) {
            ((unsigned char *)b.data)[i] ^= 0x81;
            tsr_tensor *t = tsr_image_decode(b.data, b.size, &(tsr_image_options){.max_pixels = 100000});
            assert_true(t || tsr_error_pending());
            tsr_error_clear();
            tsr_release(t);
            ((unsigned char *)b.data)[i] ^= 0x81;
        }
        tsr_bytes_free(&b);
    }
    assert_int_equal(tsr_memory_get_stats().blocks, before);
}

static void what_is_no_picture_is_refused_by_name(void **state)
{
    (void)state;
    assert_null(load("compressed.npz", NULL));
    expect_error(TSR_EFORMAT, "compressed.npz: neither a PNG nor a JPEG");
    assert_null(load("missing.png", NULL));
    expect_error(TSR_EIO, "missing.png");
    assert_null(tsr_image_decode(NULL, 0, NULL));
    expect_error(TSR_EFORMAT, "neither");
    assert_null(tsr_image_decode(NULL, 5, NULL));
    expect_error(TSR_EINVAL, "NULL");
}

static void a_picture_larger_than_allowed_is_refused_before_decoding(void **state)
{
    (void)state;
    assert_null(load("rgb.png", &(tsr_image_options){.max_pixels = 5}));
    expect_error(TSR_EFORMAT, "3 x 2 pixels; at most 5");
    tsr_release(load("rgb.png", &(tsr_image_options){.max_pixels = 6}));
    assert_false(tsr_error_pending());
    assert_null(load("rgb.jpg", &(tsr_image_options){.max_pixels = 29 * 19 - 1}));
    expect_error(TSR_EFORMAT, "29 x 19 pixels");
    /* A header that promises 2^31 - 1 by 2^31 - 1 pixels, with the right checksum, and the beginning of data. */
    static const unsigned char bomb[] = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\x7f\xff\xff\xff\x7f\xff\xff\xff\x08\x06\0\0\0"
                                        "\x14\xc9\x0b\x66\0\0\0\x08IDAT";
    assert_null(tsr_image_decode(bomb, sizeof bomb - 1, NULL));
    expect_error(TSR_EFORMAT, "2147483647 x 2147483647 pixels");
}

/* ---- writing ---- */

static void png_comes_back_as_it_was(void **state)
{
    (void)state;
    static const tsr_dtype dtypes[] = {TSR_U8, TSR_I32};
    for (int d = 0; d < 2; d++) {
        for (int channels = 0; channels <= 4; channels++) {
            int32_t wide[60];
            uint8_t bytes[60];
            for (int i = 0; i < 60; i++) wide[i] = i * 1110, bytes[i] = (uint8_t)(i * 4);
            tsr_shape shape = channels ? TSR_SHAPE(3, 5, channels) : TSR_SHAPE(3, 5);
            tsr_tensor *t = tsr_from_data(d ? (void *)wide : bytes, shape, dtypes[d]);
            assert_int_equal(tsr_image_save(temp_path("t.PNG"), t), TSR_OK);
            tsr_tensor *r = tsr_image_load(temp_path("t.PNG"), NULL);
            expect_shape(r, 3, 5, channels ? channels : 1, dtypes[d]);
            assert_memory_equal(tsr_const_data(r), tsr_const_data(t), (size_t)tsr_numel(t) * tsr_dtype_size(dtypes[d]));
            tsr_release(r);
            tsr_release(t);
        }
    }
    unlink(temp_path("t.PNG"));
    assert_int_equal(temp_count(), 0);
}

static void jpeg_comes_back_nearly_as_it_was(void **state)
{
    (void)state;
    uint8_t pixels[40 * 50 * 3];
    for (int i = 0; i < 40 * 50; i++)
        for (int c = 0; c < 3; c++) pixels[3 * i + c] = (uint8_t)(100 + i % 50 + c * 20);
    tsr_tensor *t = tsr_from_data(pixels, TSR_SHAPE(40, 50, 3), TSR_U8);
    assert_int_equal(tsr_image_save(temp_path("t.jpeg"), t), TSR_OK);
    tsr_tensor *r = tsr_image_load(temp_path("t.jpeg"), NULL);
    expect_shape(r, 40, 50, 3, TSR_U8);
    for (int i = 0; i < 40 * 50 * 3; i++)
        assert_in_range(((const uint8_t *)tsr_const_data(r))[i], pixels[i] - 4, pixels[i] + 4);
    tsr_release(r);
    tsr_release(t);
    unlink(temp_path("t.jpeg"));
}

static void quality_is_a_matter_of_size(void **state)
{
    (void)state;
    uint8_t pixels[64 * 64];
    for (int i = 0; i < 64 * 64; i++) pixels[i] = (uint8_t)formula(i / 64, i % 64, 0);
    tsr_tensor *t = tsr_from_data(pixels, TSR_SHAPE(64, 64), TSR_U8);
    tsr_bytes low, standard, best;
    assert_int_equal(tsr_image_encode_jpeg(t, 10, &low), TSR_OK);
    assert_int_equal(tsr_image_encode_jpeg(t, 0, &standard), TSR_OK);
    assert_int_equal(tsr_image_encode_jpeg(t, 100, &best), TSR_OK);
    assert_true(low.size < standard.size && standard.size < best.size);
    tsr_bytes_free(&low);
    tsr_bytes_free(&standard);
    tsr_bytes_free(&best);
    tsr_release(t);
}

static void what_cannot_be_written_is_refused_and_leaves_nothing(void **state)
{
    (void)state;
    static const int32_t values[] = {0, 65536, -1, 5};
    tsr_tensor *t = tsr_from_data(values, TSR_SHAPE(2, 2, 1), TSR_I32);
    assert_int_equal(tsr_image_save(temp_path("x.png"), t), TSR_EINVAL);
    expect_error(TSR_EINVAL, "65536 is not in 0..65535");
    assert_int_equal(tsr_image_save(temp_path("x.jpg"), t), TSR_EINVAL);
    expect_error(TSR_EINVAL, "wants a contiguous u8");
    assert_int_equal(tsr_image_save(temp_path("x.gif"), t), TSR_EINVAL);
    expect_error(TSR_EINVAL, "x.gif ends neither");
    assert_int_equal(tsr_image_save(temp_path("x.png"), NULL), TSR_EINVAL);
    expect_error(TSR_EINVAL, "NULL");
    tsr_bytes b;
    tsr_tensor *flat = tsr_from_data(values, TSR_SHAPE(4), TSR_U8);
    assert_int_equal(tsr_image_encode_png(flat, &b), TSR_EINVAL);
    expect_error(TSR_EINVAL, "got u8 of 1 dimensions");
    tsr_tensor *pixel = tsr_from_data(values, TSR_SHAPE(1, 1), TSR_U8);
    assert_int_equal(tsr_image_encode_jpeg(pixel, 101, &b), TSR_EINVAL);
    expect_error(TSR_EINVAL, "quality 101");
    assert_int_equal(temp_count(), 0);
    tsr_release(pixel);
    tsr_release(flat);
    tsr_release(t);
}

/* ---- floats ---- */

static void bytes_become_floats_with_channels_first_and_back(void **state)
{
    (void)state;
    static const uint8_t pixels[] = {0, 255, 51, 102, 204, 153}; /* one row, two pixels of three channels */
    tsr_tensor *image = tsr_from_data(pixels, TSR_SHAPE(1, 2, 3), TSR_U8), *t = tsr_image_to_float(image, -1, 1);
    tsr_shape s = tsr_shape_of(t);
    assert_int_equal(s.v[0], 3);
    assert_int_equal(s.v[2], 2);
    static const float expected[] = {-1, -0.2f, 1, 0.6f, -0.6f, 0.2f}; /* 2 v / 255 - 1 */
    for (int i = 0; i < 6; i++) assert_true(fabsf(((const float *)tsr_const_data(t))[i] - expected[i]) < 1e-6f);
    expect_bytes(tsr_image_from_float(t, -1, 1), 1, 2, 3, pixels);
    tsr_release(t);
    tsr_release(image);
}

static void floats_outside_the_range_are_clamped_and_nan_is_black(void **state)
{
    (void)state;
    const double values[] = {-5, 7, NAN, 0.5, INFINITY, 0.998, -INFINITY, 0.0019};
    tsr_tensor *t = tsr_from_data(values, TSR_SHAPE(2, 2, 2), TSR_F64);
    tsr_tensor *v = tensor_view(t, 3, (int64_t[]){1, 2, 4}, (int64_t[]){0, 4, 1},
                                0); /* strided: one channel, two rows */
    static const uint8_t expected[] = {0, 255, 0, 128, 255, 254, 0, 0};
    expect_bytes(tsr_image_from_float(v, 0, 1), 2, 4, 1, expected);
    assert_null(tsr_image_from_float(t, 1, 1));
    expect_error(TSR_EINVAL, "low != high");
    tsr_release(v);
    tsr_release(t);
}

static void a_sheet_has_rows_columns_and_padding(void **state)
{
    (void)state;
    float values[3 * 2 * 2]; /* three pictures of 1 x 2 x 2: all -1, all 0, all 1 */
    for (int i = 0; i < 12; i++) values[i] = (float)(i / 4 - 1);
    tsr_tensor *t = tsr_from_data(values, TSR_SHAPE(3, 1, 2, 2), TSR_F32);
    tsr_tensor *g = tsr_image_grid(t, .columns = 2, .padding = 1, .background = 9);
    static const uint8_t expected[] = {9, 9,   9,   9,   9, 9, 9, 9, 0, 0, 9, 128, 128, 9,   9, 0, 0,
                                       9, 128, 128, 9,   9, 9, 9, 9, 9, 9, 9, 9,   255, 255, 9, 9, 9,
                                       9, 9,   255, 255, 9, 9, 9, 9, 9, 9, 9, 9,   9,   9,   9};
    expect_bytes(g, 7, 7, 1, expected);
    tsr_tensor *plain = tsr_image_grid(t);
    expect_shape(plain, 2 + 2 + 2, 3 * 4 + 2, 1, TSR_U8);
    tsr_release(plain);
    tsr_tensor *tight = tsr_image_grid(t, .padding = -1);
    expect_shape(tight, 2, 6, 1, TSR_U8);
    tsr_release(tight);
    tsr_tensor *wrong = tsr_from_data(values, TSR_SHAPE(3, 2, 2, 1), TSR_F32);
    assert_null(tsr_image_grid(wrong));
    expect_error(TSR_EINVAL, "got f32 [3, 2, 2, 1]");
    tsr_release(wrong);
    tsr_release(t);
}

static void every_failed_allocation_is_reported_and_leaks_nothing(void **state)
{
    (void)state;
    int64_t before = tsr_memory_get_stats().blocks;
    static const char *const names[] = {"gray16.png", "cmyk.jpg"};
    for (int f = 0; f < 2; f++) {
        for (int64_t nth = 1;; nth++) {
            tsr_alloc_fail_at(nth);
            tsr_tensor *t = load(names[f], &(tsr_image_options){.channels = 4, .bits = 8});
            tsr_bytes png = {0};
            if (t) tsr_image_encode_png(t, &png);
            bool failed = tsr_alloc_failed();
            tsr_alloc_fail_at(0);
            assert_int_equal(tsr_error_status(), failed ? TSR_ENOMEM : TSR_OK);
            tsr_error_clear();
            tsr_bytes_free(&png);
            tsr_release(t);
            assert_int_equal(tsr_memory_get_stats().blocks, before);
            if (!failed) break;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(png_with_1_to_4_channels_is_read_as_it_is),
        cmocka_unit_test(png_of_one_bit_is_black_and_white),
        cmocka_unit_test(png_with_a_palette_is_rgb_and_with_transparency_rgba),
        cmocka_unit_test(png_of_16_bits_is_i32_or_reduced_to_the_nearest),
        cmocka_unit_test(channels_are_converted_when_asked_for),
        cmocka_unit_test(jpeg_is_read_to_the_pixels_of_pillow),
        cmocka_unit_test(exif_orientation_turns_the_picture_upright),
        cmocka_unit_test(orientation_is_left_alone_when_asked_or_absurd),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(every_changed_byte_is_survived),
        cmocka_unit_test(what_is_no_picture_is_refused_by_name),
        cmocka_unit_test(a_picture_larger_than_allowed_is_refused_before_decoding),
        cmocka_unit_test(png_comes_back_as_it_was),
        cmocka_unit_test(jpeg_comes_back_nearly_as_it_was),
        cmocka_unit_test(quality_is_a_matter_of_size),
        cmocka_unit_test(what_cannot_be_written_is_refused_and_leaves_nothing),
        cmocka_unit_test(bytes_become_floats_with_channels_first_and_back),
        cmocka_unit_test(floats_outside_the_range_are_clamped_and_nan_is_black),
        cmocka_unit_test(a_sheet_has_rows_columns_and_padding),
        cmocka_unit_test(every_failed_allocation_is_reported_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, temp_folder_make, temp_folder_remove);
}
