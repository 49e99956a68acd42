/* Geometry of pictures: resizing gives the pixels that Pillow gives (goldens of tests/io/goldens/make.py), to the bit for
   bytes; crops and mirror images move pixels where they belong. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/util.h"
#include "tessera/image.h"
#include "tessera/memory.h"

#define GOLDENS TSR_SOURCE_DIR "/tests/io/goldens/"

static const char *const filter_names[] = {"box", "triangle", "bicubic", "lanczos"};

/* picture() of make.py */
static int formula(int64_t y, int64_t x, int64_t c)
{
    return (int)((x * (3 + c) + y * (7 - c) * (c + 1) + x * y) % 256);
}

static tsr_tensor *picture(int64_t h, int64_t w, int64_t channels)
{
    uint8_t pixels[13 * 17 * 3], *p = pixels;
    for (int64_t y = 0; y < h; y++)
        for (int64_t x = 0; x < w; x++)
            for (int64_t c = 0; c < channels; c++) *p++ = (uint8_t)formula(y, x, c);
    return tsr_from_data(pixels, TSR_SHAPE(h, w, channels), TSR_U8);
}

static void expect_error(tsr_tensor *result, const char *part)
{
    assert_null(result);
    assert_int_equal(tsr_error_status(), TSR_EINVAL);
    if (!strstr(tsr_error_message(), part)) fail_msg("\"%s\" does not say \"%s\"", tsr_error_message(), part);
    tsr_error_clear();
}

static void bytes_are_resized_to_the_pixels_of_pillow(void **state)
{
    (void)state;
    static const int sizes[][2] = {{5, 7}, {31, 40}, {13, 9}, {6, 20}, {1, 1}};
    tsr_archive *goldens = tsr_archive_open(GOLDENS "resize.npz");
    tsr_tensor *image = picture(13, 17, 3);
    for (int filter = 0; filter < 4; filter++) {
        for (int64_t i = 0; i < TSR_COUNT(sizes); i++) {
            char name[40];
            snprintf(name, sizeof name, "%s_%dx%d", filter_names[filter], sizes[i][0], sizes[i][1]);
            tsr_tensor *expected = tsr_archive_get_named(goldens, name);
            tsr_tensor *got = tsr_image_resize(image, sizes[i][0], sizes[i][1], (tsr_filter)filter);
            assert_non_null(expected);
            assert_int_equal(tsr_numel(got), tsr_numel(expected));
            if (memcmp(tsr_const_data(got), tsr_const_data(expected), (size_t)tsr_numel(got)) != 0)
                fail_msg("%s differs", name);
            tsr_release(got);
            tsr_release(expected);
        }
    }
    tsr_release(image);
    tsr_archive_close(goldens);
}

static void floats_are_resized_to_the_pixels_of_pillow(void **state)
{
    (void)state;
    float pixels[13 * 17];
    for (int i = 0; i < 13 * 17; i++) pixels[i] = (float)formula(i / 17, i % 17, 0) / 16;
    tsr_tensor *image = tsr_from_data(pixels, TSR_SHAPE(13, 17, 1), TSR_F32);
    tsr_archive *goldens = tsr_archive_open(GOLDENS "resize.npz");
    for (int filter = 0; filter < 4; filter++) {
        char name[40];
        snprintf(name, sizeof name, "%s_f32_5x30", filter_names[filter]);
        tsr_tensor *expected = tsr_archive_get_named(goldens, name);
        tsr_tensor *got = tsr_image_resize(image, 5, 30, (tsr_filter)filter);
        const float *a = tsr_const_data(got), *b = tsr_const_data(expected);
        for (int64_t i = 0; i < 150; i++) assert_true(fabsf(a[i] - b[i]) <= 2e-6f); /* values to 16: an ulp or two */
        tsr_release(got);
        tsr_release(expected);
    }
    tsr_archive_close(goldens);
    tsr_release(image);
}

static void a_wide_row_is_resized_like_a_narrow_one(void **state)
{
    (void)state;
    enum { W = 400 }; /* 1200 bytes a row: several blocks of the vertical pass */
    static uint8_t pixels[2 * W * 3];
    for (int i = 0; i < 2 * W * 3; i++) pixels[i] = i < W * 3 ? 10 : 30;
    tsr_tensor *image = tsr_from_data(pixels, TSR_SHAPE(2, W, 3), TSR_U8);
    tsr_tensor *mean = tsr_image_resize(image, 1, W, TSR_FILTER_BOX);
    for (int i = 0; i < W * 3; i++) assert_int_equal(((const uint8_t *)tsr_const_data(mean))[i], 20);
    tsr_release(mean);
    tsr_release(image);
}

static void the_same_size_is_a_copy(void **state)
{
    (void)state;
    tsr_tensor *image = picture(4, 5, 3), *same = tsr_image_resize(image, 4, 5, TSR_FILTER_BICUBIC);
    assert_false(tsr_shares_storage(image, same));
    assert_memory_equal(tsr_const_data(image), tsr_const_data(same), 60);
    tsr_release(same);
    tsr_release(image);
}

static void the_shorter_side_is_given_and_the_longer_follows(void **state)
{
    (void)state;
    /* torchvision: int(size * longer / shorter): 6 * 17 / 13 = 7.8, 20 * 17 / 13 = 26.2 */
    static const int cases[][6] = {{13, 17, 6, 6, 7}, {17, 13, 6, 7, 6}, {13, 17, 20, 20, 26}, {5, 5, 3, 3, 3}};
    for (int64_t i = 0; i < TSR_COUNT(cases); i++) {
        tsr_tensor *image = picture(cases[i][0], cases[i][1], 1);
        tsr_tensor *out = tsr_image_resize_shorter(image, cases[i][2], TSR_FILTER_TRIANGLE);
        assert_int_equal(tsr_size(out, 0), cases[i][3]);
        assert_int_equal(tsr_size(out, 1), cases[i][4]);
        tsr_release(out);
        tsr_release(image);
    }
}

static void a_crop_is_the_rectangle(void **state)
{
    (void)state;
    tsr_tensor *image = picture(6, 7, 3), *part = tsr_image_crop(image, 2, 3, 4, 2);
    const uint8_t *p = tsr_const_data(part);
    for (int y = 0; y < 4; y++)
        for (int x = 0; x < 2; x++)
            for (int c = 0; c < 3; c++) assert_int_equal(*p++, formula(y + 2, x + 3, c));
    expect_error(tsr_image_crop(image, 3, 3, 4, 2), "do not lie in [6, 7, 3]");
    expect_error(tsr_image_crop(image, -1, 0, 1, 1), "do not lie in");
    expect_error(tsr_image_crop(image, INT64_MAX, 0, 2, 2), "do not lie in");
    tsr_release(part);
    tsr_release(image);
}

static void the_centre_is_where_torchvision_has_it(void **state)
{
    (void)state;
    /* round((size - part) / 2), halves to even: (6 - 3) / 2 = 1.5 -> 2, (7 - 2) / 2 = 2.5 -> 2 */
    tsr_tensor *image = picture(6, 7, 1), *part = tsr_image_center_crop(image, 3, 2);
    assert_int_equal(((const uint8_t *)tsr_const_data(part))[0], formula(2, 2, 0));
    expect_error(tsr_image_center_crop(image, 7, 2), "resize it first");
    tsr_release(part);
    tsr_release(image);
}

static void a_mirror_image_runs_from_right_to_left(void **state)
{
    (void)state;
    float pixels[6] = {1, 2, 3, 4, 5, 6};
    static const float mirrored[6] = {3, 2, 1, 6, 5, 4};
    tsr_tensor *image = tsr_from_data(pixels, TSR_SHAPE(2, 3, 1), TSR_F32), *flipped = tsr_image_flip(image);
    assert_memory_equal(tsr_const_data(flipped), mirrored, sizeof mirrored);
    tsr_release(flipped);
    tsr_release(image);
}

static void what_is_no_picture_is_refused(void **state)
{
    (void)state;
    static const uint8_t zeros[64];
    tsr_tensor *flat = tsr_from_data(zeros, TSR_SHAPE(4, 4), TSR_U8),
               *wrong = tsr_from_data(zeros, TSR_SHAPE(2, 2, 1), TSR_I64);
    tsr_tensor *image = picture(2, 2, 1);
    expect_error(tsr_image_resize(flat, 2, 2, TSR_FILTER_BOX), "image_resize: wants a contiguous u8 or f32");
    expect_error(tsr_image_flip(wrong), "got i64 [2, 2, 1]");
    expect_error(tsr_image_resize(image, 0, 2, TSR_FILTER_BOX), "to 0 x 2 pixels");
    expect_error(tsr_image_resize(image, 2, 2, (tsr_filter)9), "filter 9");
    expect_error(tsr_image_resize_shorter(image, INT64_MAX, TSR_FILTER_BOX), "to 9223372036854775807");
    assert_null(tsr_image_flip(NULL));
    assert_false(tsr_error_pending());
    tsr_release(image);
    tsr_release(wrong);
    tsr_release(flat);
}

static void every_failed_allocation_is_reported_and_leaks_nothing(void **state)
{
    (void)state;
    tsr_tensor *image = picture(13, 17, 3);
    int64_t before = tsr_memory_get_stats().blocks;
    for (int64_t nth = 1;; nth++) {
        tsr_alloc_fail_at(nth);
        tsr_tensor *out = tsr_image_resize(image, 5, 7, TSR_FILTER_LANCZOS);
        bool failed = tsr_alloc_failed();
        tsr_alloc_fail_at(0);
        assert_true(failed ? tsr_error_status() == TSR_ENOMEM && !out : out != NULL);
        tsr_error_clear();
        tsr_release(out);
        if (failed) assert_true(tsr_memory_get_stats().blocks <= before + 1); /* the scope stack itself */
        if (!failed) break;
    }
    tsr_release(image);
    assert_int_equal(tsr_live_tensors(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_are_resized_to_the_pixels_of_pillow),
        cmocka_unit_test(floats_are_resized_to_the_pixels_of_pillow),
        cmocka_unit_test(a_wide_row_is_resized_like_a_narrow_one),
        cmocka_unit_test(the_same_size_is_a_copy),
        cmocka_unit_test(the_shorter_side_is_given_and_the_longer_follows),
        cmocka_unit_test(a_crop_is_the_rectangle),
        cmocka_unit_test(the_centre_is_where_torchvision_has_it),
        cmocka_unit_test(a_mirror_image_runs_from_right_to_left),
        cmocka_unit_test(what_is_no_picture_is_refused),
        cmocka_unit_test(every_failed_allocation_is_reported_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
