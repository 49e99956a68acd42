/* Data sets of files: IDX, CIFAR-10, tensors, folders of pictures, the text that describes scenes. Files are made here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/util.h"
#include "support/temp_folder.h"
#include "tessera/data.h"
#include "tessera/image.h"
#include "tessera/io.h"

static void expect_error(tsr_status status, const char *part)
{
    assert_int_equal(tsr_error_status(), status);
    assert_non_null(strstr(tsr_error_message(), part));
    tsr_error_clear();
}

static tsr_dataset *open_set(const char *source, tsr_dataset_options o)
{
    tsr_dataset *set = tsr_dataset_open(source, &o);
    if (!set) print_error("%s\n", tsr_error_message());
    assert_non_null(set);
    return set;
}

/* Element `at` of item i's picture, and its label. */
static float pixel_of(tsr_dataset *set, int64_t i, int64_t at, int64_t *label)
{
    tsr_data_item item;
    tsr_mark m = tsr_scope_open();
    assert_int_equal(tsr_dataset_get(set, i, &item), TSR_OK);
    const void *data = tsr_const_data(item.picture);
    bool wide = tsr_dtype_of(item.picture) == TSR_F64; /* of a tensor of doubles */
    float value = wide ? (float)((const double *)data)[at] : ((const float *)data)[at];
    if (label) *label = item.label;
    tsr_scope_close(m);
    return value;
}

static void expect_pixel(tsr_dataset *set, int64_t i, int64_t at, int byte)
{
    assert_true(pixel_of(set, i, at, NULL) == ((float)byte - 127.5f) / 127.5f);
}

/* ---- IDX ------------------------------------------------------------------------------------------------------------------------ */

enum { ROWS = 5, COLUMNS = 4, AREA = ROWS * COLUMNS };

/* `count` pictures, whose pixel k is first + i + k; returns the size. */
static int64_t idx_pictures(uint8_t *out, int count, int first)
{
    const uint8_t header[16] = {0, 0, 8, 3, 0, 0, 0, (uint8_t)count, 0, 0, 0, ROWS, 0, 0, 0, COLUMNS};
    memcpy(out, header, 16);
    for (int i = 0; i < count * AREA; i++) out[16 + i] = (uint8_t)(first + i / AREA + i % AREA);
    return 16 + count * AREA;
}

/* Labels 0, 1, 2, 0, ... */
static int64_t idx_labels(uint8_t *out, int count)
{
    const uint8_t header[8] = {0, 0, 8, 1, 0, 0, 0, (uint8_t)count};
    memcpy(out, header, 8);
    for (int i = 0; i < count; i++) out[8 + i] = (uint8_t)(i % 3);
    return 8 + count;
}

static void write_gz(const char *name, const void *data, int64_t size)
{
    gzFile f = gzopen(temp_path(name), "wb");
    assert_non_null(f);
    assert_int_equal(gzwrite(f, data, (unsigned)size), size);
    assert_int_equal(gzclose(f), Z_OK);
}

static void write_mnist(void)
{
    static uint8_t bytes[4096];
    assert_int_equal(tsr_make_folder(temp_path("mnist")), TSR_OK);
    temp_write("mnist/train-images-idx3-ubyte", bytes, idx_pictures(bytes, 20, 0));
    temp_write("mnist/train-labels-idx1-ubyte", bytes, idx_labels(bytes, 20));
    write_gz("mnist/t10k-images-idx3-ubyte.gz", bytes, idx_pictures(bytes, 6, 100));
    write_gz("mnist/t10k-labels-idx1-ubyte.gz", bytes, idx_labels(bytes, 6));
}

static void an_idx_file_gives_pictures_and_labels(void **state)
{
    (void)state;
    write_mnist();
    tsr_dataset *set = open_set(temp_path("mnist/train-images-idx3-ubyte"), (tsr_dataset_options){0});
    tsr_dataset_info f = tsr_dataset_get_info(set);
    assert_string_equal(f.kind, "idx");
    assert_true(f.length == 20 && f.channels == 1 && f.height == ROWS && f.width == COLUMNS && f.classes == 3);
    int64_t label;
    assert_true(pixel_of(set, 7, 3, &label) == (7 + 3 - 127.5f) / 127.5f);
    assert_int_equal(label, 7 % 3);
    assert_string_equal(tsr_dataset_class_name(set, 2), "2");
    assert_string_equal(tsr_dataset_class_name(set, 3), "");
    tsr_dataset_free(set);
}

static void a_gzipped_idx_file_is_read_alike(void **state)
{
    (void)state;
    tsr_dataset *set = open_set(temp_path("mnist/t10k-images-idx3-ubyte.gz"), (tsr_dataset_options){.channels = 3});
    assert_int_equal(tsr_dataset_length(set), 6);
    for (int c = 0; c < 3; c++) expect_pixel(set, 5, c * AREA + 2, 100 + 5 + 2);
    tsr_dataset_free(set);
}

static void mnists_folder_has_its_own_two_parts(void **state)
{
    (void)state;
    tsr_dataset *all = open_set(temp_path("mnist"), (tsr_dataset_options){0});
    tsr_dataset *train = open_set(temp_path("mnist"), (tsr_dataset_options){.part = TSR_PART_TRAIN});
    tsr_dataset *held = open_set(temp_path("mnist"), (tsr_dataset_options){.part = TSR_PART_HELD_OUT});
    assert_int_equal(tsr_dataset_length(all), 26);
    assert_int_equal(tsr_dataset_length(train), 20);
    assert_int_equal(tsr_dataset_length(held), 6);
    expect_pixel(train, 0, 0, 0);
    expect_pixel(held, 0, 0, 100);
    tsr_dataset_free(all);
    tsr_dataset_free(train);
    tsr_dataset_free(held);
}

static void damaged_idx_files_are_refused_with_the_numbers(void **state)
{
    (void)state;
    static uint8_t bytes[4096];
    int64_t size = idx_pictures(bytes, 20, 0);
    temp_write("short", bytes, size - 1);
    assert_null(tsr_dataset_open(temp_path("short"), NULL));
    expect_error(TSR_EFORMAT, "20 pictures of 5 x 4, but 399 bytes");
    temp_write("header", bytes, 9);
    assert_null(tsr_dataset_open(temp_path("header"), NULL));
    expect_error(TSR_EFORMAT, "too short");
    temp_write("bad-images-idx3", bytes, size);
    temp_write("bad-labels-idx1", bytes, idx_labels(bytes, 19));
    assert_null(tsr_dataset_open(temp_path("bad-images-idx3"), NULL));
    expect_error(TSR_EFORMAT, "19 labels");
}

/* ---- CIFAR-10 ------------------------------------------------------------------------------------------------------------------- */

enum { RECORD = 3073 };

/* Label i % 10, red 10 + i, green 20 + i, blue 30 + i. */
static void write_cifar(const char *name, int count, int cut)
{
    uint8_t *bytes = malloc((size_t)count * RECORD);
    for (int i = 0; i < count; i++) {
        bytes[i * RECORD] = (uint8_t)(i % 10);
        for (int c = 0; c < 3; c++) memset(bytes + i * RECORD + 1 + c * 1024, 10 * (c + 1) + i, 1024);
    }
    temp_write(name, bytes, (int64_t)count * RECORD - cut);
    free(bytes);
}

static void cifar_batches_have_classes_and_parts(void **state)
{
    (void)state;
    assert_int_equal(tsr_make_folder(temp_path("cifar")), TSR_OK);
    write_cifar("cifar/data_batch_1.bin", 12, 0);
    write_cifar("cifar/data_batch_2.bin", 11, 0);
    write_cifar("cifar/test_batch.bin", 10, 0);
    tsr_dataset *set = open_set(temp_path("cifar"), (tsr_dataset_options){.part = TSR_PART_TRAIN});
    assert_int_equal(tsr_dataset_length(set), 23);
    assert_string_equal(tsr_dataset_class_name(set, 9), "truck");
    int64_t label;
    assert_true(pixel_of(set, 12 + 3, 1024, &label) == (23 - 127.5f) / 127.5f); /* green of the second file's item 3 */
    assert_int_equal(label, 3);
    char text[200];
    assert_non_null(strstr(tsr_dataset_describe(set, 15, text, sizeof text), "data_batch_2.bin, picture 3"));
    tsr_dataset_free(set);
    set = open_set(temp_path("cifar/test_batch.bin"), (tsr_dataset_options){0});
    assert_int_equal(tsr_dataset_length(set), 10);
    tsr_dataset_free(set);
}

/* Luma of (10, 20, 30): 0.299 10 + 0.587 20 + 0.114 30 = 18.15. */
static void colour_becomes_gray_by_luma(void **state)
{
    (void)state;
    tsr_dataset *set = open_set(temp_path("cifar/test_batch.bin"), (tsr_dataset_options){.channels = 1});
    assert_int_equal(tsr_dataset_get_info(set).channels, 1);
    assert_float_equal(pixel_of(set, 0, 77, NULL), (18.15 - 127.5) / 127.5, 1e-6);
    tsr_dataset_free(set);
}

static void a_cifar_batch_that_is_cut_short_is_refused(void **state)
{
    (void)state;
    assert_int_equal(tsr_make_folder(temp_path("cut")), TSR_OK);
    write_cifar("cut/data_batch_1.bin", 3, 5);
    assert_null(tsr_dataset_open(temp_path("cut"), NULL));
    expect_error(TSR_EFORMAT, "9214 bytes");
}

/* ---- tensors -------------------------------------------------------------------------------------------------------------------- */

static tsr_tensor *ramp_tensor(int64_t n)
{
    float values[64];
    for (int i = 0; i < 64; i++) values[i] = (float)i / 64;
    return tsr_from_data(values, TSR_SHAPE(n, 1, 2, 2), TSR_F32);
}

static void tensor_files_are_data_sets(void **state)
{
    (void)state;
    tsr_mark m = tsr_scope_open();
    tsr_tensor *t = ramp_tensor(10);
    int64_t labels[10] = {0, 1, 2, 3, 4, 0, 1, 2, 3, 4};
    tsr_named named[2] = {{"pictures", t}, {"labels", tsr_from_data(labels, TSR_SHAPE(10), TSR_I64)}};
    assert_int_equal(tsr_save_safetensors(temp_path("t.safetensors"), named, 2, NULL, 0), TSR_OK);
    assert_int_equal(tsr_save_npy(temp_path("t.npy"), t), TSR_OK);
    tsr_scope_close(m);
    tsr_dataset *set = open_set(temp_path("t.safetensors"), (tsr_dataset_options){0});
    int64_t label;
    assert_true(pixel_of(set, 6, 1, &label) == 25.0f / 64 && label == 1);
    assert_int_equal(tsr_dataset_get_info(set).classes, 5);
    tsr_dataset_free(set);
    set = open_set(temp_path("t.npy"), (tsr_dataset_options){0});
    assert_true(pixel_of(set, 6, 1, &label) == 25.0f / 64 && label == -1);
    tsr_dataset_free(set);
}

static void u8_and_f64_tensors_are_converted(void **state)
{
    (void)state;
    tsr_mark m = tsr_scope_open();
    uint8_t bytes[4] = {0, 255, 51, 7};
    double doubles[4] = {-1, 1, 0.25, 0.5};
    tsr_dataset *a = tsr_dataset_from_tensor(tsr_from_data(bytes, TSR_SHAPE(1, 1, 2, 2), TSR_U8), NULL);
    tsr_dataset *b = tsr_dataset_from_tensor(tsr_from_data(doubles, TSR_SHAPE(1, 1, 2, 2), TSR_F64), NULL);
    tsr_scope_close(m);
    assert_non_null(a);
    assert_non_null(b);
    assert_true(pixel_of(a, 0, 0, NULL) == -1 && pixel_of(a, 0, 1, NULL) == 1);
    assert_float_equal(pixel_of(a, 0, 2, NULL), -0.6, 1e-6);
    assert_true(pixel_of(b, 0, 2, NULL) == 0.25f);
    tsr_dataset_free(a);
    tsr_dataset_free(b);
}

static void tensors_of_other_shapes_are_refused(void **state)
{
    (void)state;
    tsr_mark m = tsr_scope_open();
    float v[8] = {0};
    assert_null(tsr_dataset_from_tensor(tsr_from_data(v, TSR_SHAPE(2, 4), TSR_F32), NULL));
    expect_error(TSR_EINVAL, "[2, 4]");
    tsr_tensor *t = tsr_from_data(v, TSR_SHAPE(2, 1, 2, 2), TSR_F32);
    assert_null(tsr_dataset_from_tensor(t, tsr_from_data((int64_t[]){1}, TSR_SHAPE(1), TSR_I64)));
    expect_error(TSR_EINVAL, "1 labels");
    tsr_scope_close(m);
}

/* ---- folders -------------------------------------------------------------------------------------------------------------------- */

/* A PNG whose columns are 0, 10, 20, ... in red and whose green is `green`. */
static void write_png(const char *name, int64_t height, int64_t width, int green)
{
    uint8_t *pixels = calloc((size_t)(height * width), 3);
    for (int64_t i = 0; i < height * width; i++) {
        pixels[3 * i] = (uint8_t)(10 * (i % width));
        pixels[3 * i + 1] = (uint8_t)green;
    }
    tsr_mark m = tsr_scope_open();
    assert_int_equal(tsr_image_save(temp_path(name), tsr_from_data(pixels, TSR_SHAPE(height, width, 3), TSR_U8)),
                     TSR_OK);
    tsr_scope_close(m);
    free(pixels);
}

static void write_folder(void)
{
    const char *folders[] = {"pets", "pets/zebra", "pets/ant", "pets/ant/deep", "pets/empty", "pets/.hidden"};
    for (int64_t i = 0; i < TSR_COUNT(folders); i++) assert_int_equal(tsr_make_folder(temp_path(folders[i])), TSR_OK);
    write_png("pets/zebra/b.png", 8, 8, 1);
    write_png("pets/ant/a.PNG.png", 8, 12, 2);
    write_png("pets/ant/deep/c.png", 12, 8, 3);
    write_png("pets/.hidden/d.png", 8, 8, 4);
    temp_write("pets/ant/notes.txt", "no picture", 10);
}

static void sub_folders_are_classes_in_order_of_name(void **state)
{
    (void)state;
    write_folder();
    tsr_dataset *set = open_set(temp_path("pets"), (tsr_dataset_options){.size = 8});
    tsr_dataset_info f = tsr_dataset_get_info(set);
    assert_true(f.length == 3 && f.classes == 2 && f.channels == 3);
    assert_string_equal(f.class_names[0], "ant");
    assert_string_equal(f.class_names[1], "zebra");
    int64_t label[3];
    for (int i = 0; i < 3; i++) pixel_of(set, i, 0, &label[i]);
    assert_true(label[0] == 0 && label[1] == 0 && label[2] == 1);
    expect_pixel(set, 1, 64, 3);
    tsr_dataset_free(set);
}

/* 12 columns, of which the middle 8 begin at 2. */
static void the_middle_of_a_wide_picture_is_taken(void **state)
{
    (void)state;
    tsr_dataset *set = open_set(temp_path("pets/ant/a.PNG.png"), (tsr_dataset_options){.size = 8});
    assert_int_equal(tsr_dataset_length(set), 1);
    for (int x = 0; x < 8; x++) expect_pixel(set, 0, x, 10 * (x + 2));
    tsr_dataset_free(set);
}

static void a_picture_of_another_size_is_resized(void **state)
{
    (void)state;
    tsr_dataset *set = open_set(temp_path("pets/zebra/b.png"), (tsr_dataset_options){.height = 16, .width = 4});
    tsr_data_item item;
    assert_int_equal(tsr_dataset_get(set, 0, &item), TSR_OK);
    assert_true(tsr_size(item.picture, 1) == 16 && tsr_size(item.picture, 2) == 4);
    assert_true(((float *)tsr_data(item.picture))[64] == (1 - 127.5f) / 127.5f); /* constant green stays */
    tsr_release(item.picture);
    tsr_dataset_free(set);
}

static void train_and_test_folders_are_parts_with_common_classes(void **state)
{
    (void)state;
    const char *folders[] = {"two/train/a", "two/train/b", "two/test/b", "two/test/c"};
    for (int64_t i = 0; i < TSR_COUNT(folders); i++) assert_int_equal(tsr_make_folder(temp_path(folders[i])), TSR_OK);
    write_png("two/train/a/1.png", 8, 8, 11);
    write_png("two/train/b/2.png", 8, 8, 12);
    write_png("two/test/b/3.png", 8, 8, 13);
    write_png("two/test/c/4.png", 8, 8, 14);
    tsr_dataset *train = open_set(temp_path("two"), (tsr_dataset_options){.size = 8, .part = TSR_PART_TRAIN});
    tsr_dataset *held = open_set(temp_path("two/"), (tsr_dataset_options){.size = 8, .part = TSR_PART_HELD_OUT});
    assert_true(tsr_dataset_length(train) == 2 && tsr_dataset_length(held) == 2);
    assert_int_equal(tsr_dataset_get_info(train).classes, 3);
    int64_t label;
    pixel_of(held, 0, 0, &label);
    assert_string_equal(tsr_dataset_class_name(held, label), "b");
    expect_pixel(held, 1, 64, 14);
    tsr_dataset_free(train);
    tsr_dataset_free(held);
}

static void a_truncated_picture_is_an_error_that_is_counted_once(void **state)
{
    (void)state;
    tsr_bytes file;
    assert_int_equal(tsr_make_folder(temp_path("torn")), TSR_OK);
    write_png("torn/a.png", 40, 40, 1);
    assert_int_equal(tsr_read_file(temp_path("torn/a.png"), &file), TSR_OK);
    temp_write("torn/b.png", file.data, file.size / 2);
    tsr_bytes_free(&file);
    tsr_set_warning_handler(NULL, NULL);
    tsr_dataset *set = open_set(temp_path("torn"), (tsr_dataset_options){.size = 8});
    tsr_data_item item;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(tsr_dataset_get(set, 1, &item), TSR_EFORMAT);
        assert_null(item.picture);
        tsr_error_clear();
    }
    assert_int_equal(tsr_dataset_skipped(set), 1);
    assert_int_equal(tsr_dataset_get(set, 0, &item), TSR_OK);
    tsr_release(item.picture);
    tsr_dataset_free(set);
}

static void what_is_no_source_is_an_error_that_says_so(void **state)
{
    (void)state;
    assert_null(tsr_dataset_open(temp_path("nowhere"), NULL));
    expect_error(TSR_EIO, "no file or folder");
    assert_int_equal(tsr_make_folder(temp_path("void")), TSR_OK);
    assert_null(tsr_dataset_open(temp_path("void"), NULL));
    expect_error(TSR_EFORMAT, "holds no pictures");
    temp_write("text", "hello", 5);
    assert_null(tsr_dataset_open(temp_path("text"), NULL));
    expect_error(TSR_EFORMAT, "is not a picture");
    temp_write("nothing", "", 0);
    assert_null(tsr_dataset_open(temp_path("nothing"), NULL));
    expect_error(TSR_EFORMAT, "is not a picture");
}

/* ---- parts, limits, options ------------------------------------------------------------------------------------------------------ */

static void a_fraction_is_held_out_and_the_parts_are_disjoint(void **state)
{
    (void)state;
    const char *path = temp_path("mnist/train-images-idx3-ubyte");
    tsr_dataset *train = open_set(path, (tsr_dataset_options){.part = TSR_PART_TRAIN, .held_out = 0.25});
    tsr_dataset *held = open_set(path, (tsr_dataset_options){.part = TSR_PART_HELD_OUT, .held_out = 0.25});
    bool seen[20] = {false};
    assert_true(tsr_dataset_length(train) == 15 && tsr_dataset_length(held) == 5);
    for (int i = 0; i < 20; i++) {
        /* Item k's first pixel is k. */
        float v = i < 15 ? pixel_of(train, i, 0, NULL) : pixel_of(held, i - 15, 0, NULL);
        int k = (int)(v * 127.5f + 127.5f + 0.5f);
        assert_false(seen[k]);
        seen[k] = true;
    }
    tsr_dataset_free(train);
    tsr_dataset_free(held);
}

static void a_limit_takes_as_many_of_each_class(void **state)
{
    (void)state;
    tsr_dataset *set = open_set(temp_path("mnist/train-images-idx3-ubyte"), (tsr_dataset_options){.limit = 7});
    int64_t count[3] = {0}, label;
    assert_int_equal(tsr_dataset_length(set), 7);
    for (int i = 0; i < 7; i++) {
        pixel_of(set, i, 0, &label);
        count[label]++;
    }
    assert_true(count[0] == 3 && count[1] == 2 && count[2] == 2);
    tsr_dataset_free(set);
}

static void scenes_take_settings_from_their_text(void **state)
{
    (void)state;
    tsr_dataset *set = open_set("scenes:count=12,seed=7,offset=100,size=24x32", (tsr_dataset_options){.extras = 7});
    tsr_dataset_info f = tsr_dataset_get_info(set);
    assert_true(f.length == 12 && f.height == 24 && f.width == 32 && f.classes == 4 && f.extras == 7);
    float left[3 * 24 * 32], depth[24 * 32];
    tsr_data_item item;
    assert_int_equal(
        tsr_scene_draw(7, 105, (tsr_scene_style){0}, 24, 32, (tsr_scene_views){.left = left, .depth = depth}, NULL),
        TSR_OK);
    assert_int_equal(tsr_dataset_get(set, 5, &item), TSR_OK);
    assert_memory_equal(tsr_data(item.picture), left, sizeof left);
    assert_memory_equal(tsr_data(item.depth), depth, sizeof depth);
    assert_true(tsr_ndim(item.label_map) == 2 && tsr_size(item.right, 2) == 32);
    tsr_tensor *all[4] = {item.picture, item.depth, item.right, item.label_map};
    for (int i = 0; i < 4; i++) tsr_release(all[i]);
    char text[64];
    assert_string_equal(tsr_dataset_describe(set, 5, text, sizeof text), "scenes:seed=7,105");
    tsr_dataset_free(set);
    set = open_set("scenes:plain=1,seed=7,size=24x32", (tsr_dataset_options){0});
    assert_int_equal(
        tsr_scene_draw(7, 3, (tsr_scene_style){.plain = true}, 24, 32, (tsr_scene_views){.left = left}, NULL), TSR_OK);
    assert_int_equal(tsr_dataset_get(set, 3, &item), TSR_OK);
    assert_memory_equal(tsr_data(item.picture), left, sizeof left);
    tsr_release(item.picture);
    tsr_dataset_free(set);
}

static void held_out_scenes_are_others(void **state)
{
    (void)state;
    tsr_dataset *train = open_set("scenes:count=50,size=8", (tsr_dataset_options){.part = TSR_PART_TRAIN});
    tsr_dataset *held = open_set("scenes:count=50,size=8", (tsr_dataset_options){.part = TSR_PART_HELD_OUT});
    assert_true(tsr_dataset_length(train) == 50 && tsr_dataset_length(held) == 5);
    char text[64];
    assert_string_equal(tsr_dataset_describe(held, 0, text, sizeof text), "scenes:seed=0,1099511627776");
    tsr_dataset_free(train);
    tsr_dataset_free(held);
}

static void bad_settings_and_options_are_errors(void **state)
{
    (void)state;
    const char *bad[] = {"scenes:plain=yes",
                         "scenes:count=",
                         "scenes:colour=red",
                         "scenes:size=64x",
                         "scenes:seed=-1",
                         "scenes:count=5;",
                         "scenes:count=99999999999999999999"};
    for (int64_t i = 0; i < TSR_COUNT(bad); i++) {
        assert_null(tsr_dataset_open(bad[i], NULL));
        expect_error(TSR_EINVAL, "not a setting");
    }
    assert_null(tsr_dataset_open("scenes:size=9000", NULL));
    expect_error(TSR_EINVAL, "9000");
    assert_null(tsr_dataset_open("scenes", &(tsr_dataset_options){.held_out = 1}));
    expect_error(TSR_EINVAL, "held out");
    assert_null(tsr_dataset_open("scenes", &(tsr_dataset_options){.channels = 4}));
    expect_error(TSR_EINVAL, "3 channels");
    assert_null(tsr_dataset_open(temp_path("mnist"), &(tsr_dataset_options){.extras = TSR_WITH_DEPTH}));
    expect_error(TSR_EINVAL, "depth");
    assert_null(tsr_dataset_open(NULL, NULL));
    expect_error(TSR_EINVAL, "no source");
}

static void an_index_out_of_range_is_an_error(void **state)
{
    (void)state;
    tsr_dataset *set = open_set("scenes:count=3,size=8", (tsr_dataset_options){0});
    tsr_data_item item;
    assert_int_equal(tsr_dataset_get(set, 3, &item), TSR_EINVAL);
    expect_error(TSR_EINVAL, "item 3 of a data set of 3");
    tsr_dataset_free(set);
}

/* ---- memory ----------------------------------------------------------------------------------------------------------------------- */

static void open_and_read_while_allocations_fail(const char *source)
{
    for (int64_t nth = 1;; nth++) {
        tsr_data_item item = {0};
        tsr_alloc_fail_at(nth);
        tsr_dataset *set = tsr_dataset_open(source, &(tsr_dataset_options){.size = 8, .limit = 2});
        tsr_status status = set ? tsr_dataset_get(set, 0, &item) : tsr_error_status();
        bool failed = tsr_alloc_failed();
        tsr_alloc_fail_at(0);
        assert_true(status == (failed ? TSR_ENOMEM : TSR_OK));
        tsr_error_clear();
        tsr_release(item.picture);
        tsr_dataset_free(set);
        if (!failed) return;
    }
}

static void every_failed_allocation_is_an_error(void **state)
{
    (void)state;
    int64_t blocks = tsr_memory_get_stats().blocks, tensors = tsr_live_tensors();
    const char *names[] = {"mnist", "cifar", "pets", "t.safetensors", "t.npy"};
    for (int64_t i = 0; i < TSR_COUNT(names); i++) open_and_read_while_allocations_fail(temp_path(names[i]));
    open_and_read_while_allocations_fail("scenes");
    assert_int_equal(tsr_live_tensors(), tensors);
    assert_true(tsr_memory_get_stats().blocks <= blocks + 2); /* a thread's own, such as its stack of scopes */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_idx_file_gives_pictures_and_labels),
        cmocka_unit_test(a_gzipped_idx_file_is_read_alike),
        cmocka_unit_test(mnists_folder_has_its_own_two_parts),
        cmocka_unit_test(damaged_idx_files_are_refused_with_the_numbers),
        cmocka_unit_test(cifar_batches_have_classes_and_parts),
        cmocka_unit_test(colour_becomes_gray_by_luma),
        cmocka_unit_test(a_cifar_batch_that_is_cut_short_is_refused),
        cmocka_unit_test(tensor_files_are_data_sets),
        cmocka_unit_test(u8_and_f64_tensors_are_converted),
        cmocka_unit_test(tensors_of_other_shapes_are_refused),
        cmocka_unit_test(sub_folders_are_classes_in_order_of_name),
        cmocka_unit_test(the_middle_of_a_wide_picture_is_taken),
        cmocka_unit_test(a_picture_of_another_size_is_resized),
        cmocka_unit_test(train_and_test_folders_are_parts_with_common_classes),
        cmocka_unit_test(a_truncated_picture_is_an_error_that_is_counted_once),
        cmocka_unit_test(what_is_no_source_is_an_error_that_says_so),
        cmocka_unit_test(a_fraction_is_held_out_and_the_parts_are_disjoint),
        cmocka_unit_test(a_limit_takes_as_many_of_each_class),
        cmocka_unit_test(scenes_take_settings_from_their_text),
        cmocka_unit_test(held_out_scenes_are_others),
        cmocka_unit_test(bad_settings_and_options_are_errors),
        cmocka_unit_test(an_index_out_of_range_is_an_error),
        cmocka_unit_test(every_failed_allocation_is_an_error),
    };
    return cmocka_run_group_tests(tests, temp_folder_make, temp_folder_remove);
}
