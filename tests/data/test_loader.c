/* The loader: what it gives depends on (data set, seed, epoch, position) alone, not on threads; it resumes exactly; bad
   pictures do not stop it; it stops cleanly at any moment, and without memory. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/util.h"
#include "data/dataset.h"
#include "support/temp_folder.h"
#include "tessera/image.h"
#include "tessera/io.h"
#include "tessera/ops.h"

static void expect_error(tsr_status status, const char *part)
{
    assert_int_equal(tsr_error_status(), status);
    assert_non_null(strstr(tsr_error_message(), part));
    tsr_error_clear();
}

/* A data set of n pictures 1 x 8 x 8; pixel k of item i is (i + k / 64) / n. */
static tsr_dataset *numbered_set(int64_t n)
{
    float *values = malloc((size_t)n * 64 * sizeof *values);
    int64_t *labels = malloc((size_t)n * sizeof *labels);
    for (int64_t i = 0; i < n * 64; i++) values[i] = ((float)(i / 64) + (float)(i % 64) / 64) / (float)n;
    for (int64_t i = 0; i < n; i++) labels[i] = i % 3;
    tsr_mark m = tsr_scope_open();
    tsr_dataset *set = tsr_dataset_from_tensor(tsr_from_data(values, TSR_SHAPE(n, 1, 8, 8), TSR_F32),
                                               tsr_from_data(labels, TSR_SHAPE(n), TSR_I64));
    tsr_scope_close(m);
    free(values);
    free(labels);
    assert_non_null(set);
    return set;
}

static tsr_loader *new_loader(tsr_dataset *set, tsr_loader_options o)
{
    tsr_loader *l = tsr_loader_new(set, &o);
    if (!l) print_error("%s\n", tsr_error_message());
    assert_non_null(l);
    return l;
}

/* The next batch's indices, up to 64; its count. Everything else is compared by a sum of the pictures' bytes. */
static int64_t next(tsr_loader *l, int64_t *indices, uint64_t *sum)
{
    tsr_batch b;
    tsr_mark m = tsr_scope_open();
    assert_int_equal(tsr_loader_next(l, &b), TSR_OK);
    if (b.count > 0) memcpy(indices, tsr_const_data(b.indices), (size_t)b.count * sizeof *indices);
    const uint8_t *bytes = b.count > 0 ? tsr_const_data(b.pictures) : NULL;
    size_t size = b.count > 0 ? (size_t)tsr_numel(b.pictures) * tsr_dtype_size(tsr_dtype_of(b.pictures)) : 0;
    for (size_t i = 0; i < size; i++) *sum = *sum * 1099511628211u + bytes[i];
    tsr_scope_close(m);
    return b.count;
}

static uint64_t run(tsr_loader *l, int batches)
{
    uint64_t sum = 0;
    int64_t indices[64];
    for (int i = 0; i < batches; i++) next(l, indices, &sum);
    return sum;
}

/* ---- order ------------------------------------------------------------------------------------------------------------------------ */

static void sequential_order_gives_every_item_once_and_ends(void **state)
{
    (void)state;
    tsr_dataset *set = numbered_set(10);
    tsr_loader *l = new_loader(set, (tsr_loader_options){.batch = 4});
    int64_t indices[64], at = 0, counts[4] = {4, 4, 2, 0};
    uint64_t sum = 0;
    assert_int_equal(tsr_loader_batches(l), 3);
    for (int b = 0; b < 4; b++) {
        int64_t n = next(l, indices, &sum);
        assert_int_equal(n, counts[b]);
        for (int64_t i = 0; i < n; i++) assert_int_equal(indices[i], at++);
    }
    assert_int_equal(next(l, indices, &sum), 0);
    tsr_loader_free(l);
    tsr_dataset_free(set);
}

static void a_batch_holds_pictures_labels_and_its_place(void **state)
{
    (void)state;
    tsr_dataset *set = numbered_set(10);
    tsr_loader *l = new_loader(set, (tsr_loader_options){.batch = 5, .dtype = TSR_F64, .epochs = 2});
    for (int k = 0; k < 4; k++) {
        tsr_batch b;
        tsr_mark m = tsr_scope_open();
        assert_int_equal(tsr_loader_next(l, &b), TSR_OK);
        assert_true(b.epoch == k / 2 && b.last == (k % 2 == 1));
        assert_true(tsr_dtype_of(b.pictures) == TSR_F64 && tsr_size(b.pictures, 0) == 5 && tsr_ndim(b.pictures) == 4);
        int64_t item = k % 2 * 5 + 3;
        const double *p = tsr_const_data(b.pictures);
        assert_true(p[3 * 64 + 32] == (double)(((float)item + 0.5f) / 10));
        assert_int_equal(((const int64_t *)tsr_const_data(b.labels))[3], item % 3);
        assert_null(b.depth);
        tsr_scope_close(m);
    }
    tsr_loader_free(l);
    tsr_dataset_free(set);
}

/* A third has no end in binary: its f32 and its f64 differ. */
static void doubles_stay_doubles(void **state)
{
    (void)state;
    double third[64];
    for (int k = 0; k < 64; k++) third[k] = 1.0 / 3 / (k + 1);
    tsr_mark m = tsr_scope_open();
    tsr_dataset *set = tsr_dataset_from_tensor(tsr_from_data(third, TSR_SHAPE(1, 1, 8, 8), TSR_F64), NULL);
    tsr_loader *wide = new_loader(set, (tsr_loader_options){.batch = 1, .dtype = TSR_F64});
    tsr_loader *narrow = new_loader(set, (tsr_loader_options){.batch = 1});
    tsr_batch b;
    tsr_data_item item;
    assert_int_equal(tsr_loader_next(wide, &b), TSR_OK);
    assert_memory_equal(tsr_const_data(b.pictures), third, sizeof third);
    assert_int_equal(tsr_loader_next(narrow, &b), TSR_OK);
    for (int k = 0; k < 64; k++) assert_true(((const float *)tsr_const_data(b.pictures))[k] == (float)third[k]);
    assert_int_equal(tsr_dataset_get(set, 0, &item), TSR_OK);
    assert_memory_equal(tsr_const_data(item.picture), third, sizeof third);
    tsr_scope_close(m);
    tsr_loader_free(wide);
    tsr_loader_free(narrow);
    tsr_dataset_free(set);
}

static void shuffled_epochs_are_different_permutations(void **state)
{
    (void)state;
    enum { N = 50 };
    tsr_dataset *set = numbered_set(N);
    tsr_loader *l = new_loader(set, (tsr_loader_options){.batch = N, .order = TSR_ORDER_SHUFFLED, .seed = 3});
    int64_t first[64], second[64];
    uint64_t sum = 0;
    next(l, first, &sum);
    next(l, second, &sum);
    uint8_t seen[N] = {0};
    int same = 0, in_place = 0;
    for (int i = 0; i < N; i++) {
        seen[first[i]]++;
        seen[second[i]]++;
        same += first[i] == second[i];
        in_place += first[i] == i;
    }
    for (int i = 0; i < N; i++) assert_int_equal(seen[i], 2);
    assert_true(same < N / 4 && in_place < N / 4);
    tsr_loader_free(l);
    tsr_dataset_free(set);
}

static void drop_last_leaves_out_what_does_not_fill_a_batch(void **state)
{
    (void)state;
    tsr_dataset *set = numbered_set(10);
    for (int order = TSR_ORDER_SEQUENTIAL; order <= TSR_ORDER_SHUFFLED; order++) {
        tsr_loader *l = new_loader(
            set, (tsr_loader_options){.batch = 4, .order = (tsr_order)order, .drop_last = true, .epochs = 2});
        int64_t indices[64], counts[5] = {4, 4, 4, 4, 0};
        uint64_t sum = 0;
        assert_int_equal(tsr_loader_batches(l), 2);
        for (int b = 0; b < 5; b++) assert_int_equal(next(l, indices, &sum), counts[b]);
        tsr_loader_free(l);
    }
    tsr_dataset_free(set);
}

static void shards_share_an_epoch_between_them(void **state)
{
    (void)state;
    tsr_dataset *set = numbered_set(11);
    int seen[11] = {0};
    for (int shard = 0; shard < 3; shard++) {
        tsr_loader *l = new_loader(
            set, (tsr_loader_options){.batch = 8, .order = TSR_ORDER_SHUFFLED, .shard = shard, .shards = 3});
        int64_t indices[64];
        uint64_t sum = 0;
        assert_int_equal(next(l, indices, &sum), 4); /* 11 in 3 equal parts: one item is repeated */
        for (int i = 0; i < 4; i++) seen[indices[i]]++;
        tsr_loader_free(l);
    }
    int twice = 0;
    for (int i = 0; i < 11; i++) {
        assert_in_range(seen[i], 1, 2);
        twice += seen[i] == 2;
    }
    assert_int_equal(twice, 1);
    tsr_dataset_free(set);
}

/* ---- determinism ------------------------------------------------------------------------------------------------------------------ */

static const tsr_loader_options AUGMENTED = {
    .batch = 7, .order = TSR_ORDER_SHUFFLED, .augment = TSR_AUGMENT_FLIP | TSR_AUGMENT_CROP, .seed = 11};

static void batches_do_not_depend_on_threads_or_prefetch(void **state)
{
    (void)state;
    tsr_dataset *set = tsr_dataset_open("scenes:count=40,size=16", NULL);
    uint64_t expected = 0;
    for (int64_t threads = 1; threads <= 5; threads += 2) {
        tsr_loader_options o = AUGMENTED;
        o.threads = threads;
        o.prefetch = threads;
        tsr_loader *l = new_loader(set, o);
        uint64_t sum = run(l, 14);
        if (threads == 1) expected = sum;
        assert_true(sum == expected);
        tsr_loader_free(l);
    }
    tsr_dataset_free(set);
}

static void another_seed_gives_other_batches(void **state)
{
    (void)state;
    tsr_dataset *set = numbered_set(30);
    tsr_loader_options o = AUGMENTED;
    tsr_loader *a = new_loader(set, o);
    o.seed++;
    tsr_loader *b = new_loader(set, o);
    assert_true(run(a, 3) != run(b, 3));
    tsr_loader_free(a);
    tsr_loader_free(b);
    tsr_dataset_free(set);
}

/* Stop after each number of batches, also in the middle of an epoch and at its end, and go on in a new loader. */
static void a_restored_loader_goes_on_with_the_same_batches(void **state)
{
    (void)state;
    tsr_dataset *set = numbered_set(20); /* 3 batches an epoch, the last of 6 */
    for (int before = 0; before <= 7; before++) {
        tsr_loader *l = new_loader(set, AUGMENTED);
        run(l, before);
        tsr_loader_state place = tsr_loader_get_state(l);
        assert_true(place.epoch == before / 3 && place.position == before % 3 * 7);
        uint64_t rest = run(l, 5);
        tsr_loader_free(l);
        l = new_loader(set, AUGMENTED);
        assert_int_equal(tsr_loader_set_state(l, place), TSR_OK);
        assert_true(run(l, 5) == rest);
        assert_int_equal(tsr_loader_set_state(l, place), TSR_OK); /* and back again, with workers ahead */
        assert_true(run(l, 5) == rest);
        tsr_loader_free(l);
    }
    tsr_dataset_free(set);
}

static void a_state_of_other_data_is_refused(void **state)
{
    (void)state;
    tsr_dataset *set = numbered_set(20);
    tsr_loader *l = new_loader(set, AUGMENTED);
    tsr_loader_state s = tsr_loader_get_state(l);
    s.length = 21;
    assert_int_equal(tsr_loader_set_state(l, s), TSR_EINVAL);
    expect_error(TSR_EINVAL, "21 pictures");
    s.length = 20;
    s.position = 21;
    assert_int_equal(tsr_loader_set_state(l, s), TSR_EINVAL);
    expect_error(TSR_EINVAL, "position 21");
    s.position = 0;
    s.epoch = INT64_MAX;
    assert_int_equal(tsr_loader_set_state(l, s), TSR_EINVAL);
    expect_error(TSR_EINVAL, "epoch");
    tsr_loader_free(l);
    tsr_dataset_free(set);
}

/* ---- augmentation ----------------------------------------------------------------------------------------------------------------- */

/* Pixel k of item i is (i + k / 64) / n with 8 columns, so a flipped picture's first pixel has k = 7. */
static void about_half_of_the_pictures_are_flipped_and_never_otherwise_changed(void **state)
{
    (void)state;
    enum { N = 64 };
    tsr_dataset *set = numbered_set(N);
    tsr_loader *l = new_loader(set, (tsr_loader_options){.batch = N, .augment = TSR_AUGMENT_FLIP, .epochs = 8});
    int flipped = 0;
    for (int e = 0; e < 8; e++) {
        tsr_batch b;
        tsr_mark m = tsr_scope_open();
        assert_int_equal(tsr_loader_next(l, &b), TSR_OK);
        const float *p = tsr_const_data(b.pictures);
        for (int i = 0; i < N; i++) {
            bool flip = p[64 * i] != (float)i / N;
            for (int k = 0; k < 64; k++) {
                int from = flip ? k / 8 * 8 + 7 - k % 8 : k;
                assert_true(p[64 * i + k] == ((float)i + (float)from / 64) / N);
            }
            flipped += flip;
        }
        tsr_scope_close(m);
    }
    assert_in_range(flipped, 256 - 57, 256 + 57); /* five deviations of 512 fair coins */
    tsr_loader_free(l);
    tsr_dataset_free(set);
}

/* An 8 x 8 picture is continued by one mirrored pixel at each side, and the window is at one of nine places. */
static void crops_move_by_an_eighth_and_mirror_the_border(void **state)
{
    (void)state;
    enum { N = 64 };
    tsr_dataset *set = numbered_set(N);
    tsr_loader *l = new_loader(set, (tsr_loader_options){.batch = N, .augment = TSR_AUGMENT_CROP, .epochs = 4});
    int places[9] = {0};
    for (int e = 0; e < 4; e++) {
        tsr_batch b;
        tsr_mark m = tsr_scope_open();
        assert_int_equal(tsr_loader_next(l, &b), TSR_OK);
        for (int i = 0; i < N; i++) {
            const float *p = (const float *)tsr_const_data(b.pictures) + 64 * i;
            int k = (int)((p[9] * N - (float)i) * 64 + 0.5f); /* the source of pixel (1, 1): 9 when nothing moved */
            int down = k / 8 - 1, right = k % 8 - 1;
            assert_true(abs(down) <= 1 && abs(right) <= 1);
            int corner = abs(down) * 8 + abs(right); /* row or column -1 is row or column 1 */
            assert_true(p[0] == ((float)i + (float)corner / 64) / N);
            places[(down + 1) * 3 + right + 1]++;
        }
        tsr_scope_close(m);
    }
    for (int k = 0; k < 9; k++) assert_true(places[k] > 8);
    tsr_loader_free(l);
    tsr_dataset_free(set);
}

static void depth_and_labels_are_flipped_with_the_picture(void **state)
{
    (void)state;
    enum { N = 12, S = 16 };
    tsr_dataset *set = tsr_dataset_open("scenes:count=12,size=16",
                                        &(tsr_dataset_options){.extras = TSR_WITH_DEPTH | TSR_WITH_LABEL_MAP});
    tsr_loader *l = new_loader(set, (tsr_loader_options){.batch = N, .augment = TSR_AUGMENT_FLIP});
    tsr_batch b;
    tsr_mark m = tsr_scope_open();
    assert_int_equal(tsr_loader_next(l, &b), TSR_OK);
    assert_true(tsr_ndim(b.depth) == 4 && tsr_ndim(b.label_map) == 3);
    int flips = 0;
    for (int i = 0; i < N; i++) {
        float left[3 * S * S], depth[S * S];
        uint8_t label[S * S];
        tsr_scene_draw(0, i, (tsr_scene_style){0}, S, S, (tsr_scene_views){left, NULL, depth, label}, NULL);
        const float *p = (const float *)tsr_const_data(b.pictures) + 3 * S * S * i;
        bool flip = p[0] != left[0];
        for (int k = 0; k < S * S; k++) {
            int from = flip ? k / S * S + S - 1 - k % S : k;
            assert_true(p[k] == left[from]);
            assert_true(((const float *)tsr_const_data(b.depth))[S * S * i + k] == depth[from]);
            assert_true(((const uint8_t *)tsr_const_data(b.label_map))[S * S * i + k] == label[from]);
        }
        flips += flip;
    }
    assert_in_range(flips, 1, N - 1);
    tsr_scope_close(m);
    tsr_loader_free(l);
    tsr_dataset_free(set);
}

/* ---- bad pictures ----------------------------------------------------------------------------------------------------------------- */

static _Atomic int warnings;

static void count_warning(const char *message, void *user)
{
    (void)user;
    (void)message;
    warnings++;
}

/* A folder of `n` PNGs, of which those in `torn` (a bit set) are cut in half. */
static tsr_dataset *torn_folder(const char *name, int n, unsigned torn)
{
    char file[64];
    uint8_t pixels[16 * 16 * 3];
    assert_int_equal(tsr_make_folder(temp_path(name)), TSR_OK);
    for (int i = 0; i < n; i++) {
        for (int k = 0; k < (int)sizeof pixels; k++) pixels[k] = (uint8_t)((k * 2654435761u) >> 13);
        pixels[0] = (uint8_t)i;
        snprintf(file, sizeof file, "%s/%02d.png", name, i);
        tsr_bytes png;
        tsr_mark m = tsr_scope_open();
        assert_int_equal(tsr_image_encode_png(tsr_from_data(pixels, TSR_SHAPE(16, 16, 3), TSR_U8), &png), TSR_OK);
        tsr_scope_close(m);
        temp_write(file, png.data, torn >> i & 1 ? png.size / 2 : png.size);
        tsr_bytes_free(&png);
    }
    warnings = 0;
    tsr_set_warning_handler(count_warning, NULL);
    tsr_dataset *set = tsr_dataset_open(temp_path(name), &(tsr_dataset_options){.size = 16});
    assert_non_null(set);
    return set;
}

static void in_sequential_order_bad_pictures_are_left_out(void **state)
{
    (void)state;
    tsr_dataset *set = torn_folder("sequential", 10, 1u << 1 | 1u << 2 | 1u << 9);
    tsr_loader *l = new_loader(set, (tsr_loader_options){.batch = 4, .epochs = 2});
    static const int64_t expected[2][4] = {{0, 3, 4, 5}, {6, 7, 8, -1}};
    for (int b = 0; b < 4; b++) {
        int64_t indices[64] = {-1, -1, -1, -1};
        uint64_t sum = 0;
        next(l, indices, &sum);
        assert_memory_equal(indices, expected[b % 2], sizeof expected[0]);
    }
    assert_int_equal(tsr_dataset_skipped(set), 3);
    assert_int_equal(warnings, 3);
    tsr_loader_free(l);
    tsr_dataset_free(set);
}

/* One picture promises 2^31 - 1 rows and columns, one is so long that covering 64 x 64 would take 287 million pixels. */
static void pictures_too_large_to_use_are_left_out_too(void **state)
{
    (void)state;
    enum { LENGTH = 70000 };
    static const unsigned char vast[] = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\x7f\xff\xff\xff\x7f\xff\xff\xff\x08\x06\0\0\0"
                                        "\x14\xc9\x0b\x66\0\0\0\x08IDAT";
    tsr_dataset_free(torn_folder("vast", 2, 0));
    temp_write("vast/10.png", vast, sizeof vast - 1);
    tsr_bytes png;
    tsr_mark m = tsr_scope_open();
    assert_int_equal(tsr_image_encode_png(tsr_zeros(TSR_SHAPE(1, LENGTH, 3), .dtype = TSR_U8), &png), TSR_OK);
    tsr_scope_close(m);
    temp_write("vast/11.png", png.data, png.size);
    tsr_bytes_free(&png);
    tsr_dataset *set = tsr_dataset_open(temp_path("vast"), &(tsr_dataset_options){.size = 64});
    tsr_loader *l = new_loader(set, (tsr_loader_options){.batch = 2});
    int64_t indices[64] = {-1, -1};
    uint64_t sum = 0;
    assert_int_equal(next(l, indices, &sum), 2);
    assert_true(indices[0] == 0 && indices[1] == 1);
    assert_int_equal(next(l, indices, &sum), 0);
    assert_int_equal(tsr_dataset_skipped(set), 2);
    assert_int_equal(warnings, 2);
    tsr_loader_free(l);
    tsr_dataset_free(set);
}

static void in_shuffled_order_the_next_good_picture_stands_in(void **state)
{
    (void)state;
    tsr_dataset *set = torn_folder("shuffled", 10, 1u << 1 | 1u << 2 | 1u << 9);
    int expected[10] = {2, 0, 0, 3, 1, 1, 1, 1, 1, 0}; /* 9 goes on to 0; 1 and 2 to 3 */
    uint64_t sums[2] = {0, 0};
    for (int pass = 0; pass < 2; pass++) {
        tsr_loader *l = new_loader(
            set, (tsr_loader_options){.batch = 5, .order = TSR_ORDER_SHUFFLED, .threads = 1 + 2 * pass});
        int seen[10] = {0};
        for (int b = 0; b < 2; b++) {
            int64_t indices[64];
            assert_int_equal(next(l, indices, &sums[pass]), 5);
            for (int i = 0; i < 5; i++) seen[indices[i]]++;
        }
        assert_memory_equal(seen, expected, sizeof seen);
        tsr_loader_free(l);
    }
    assert_true(sums[0] == sums[1]);
    tsr_dataset_free(set);
}

static void when_no_picture_can_be_read_the_consumer_gets_the_error(void **state)
{
    (void)state;
    for (int order = TSR_ORDER_SEQUENTIAL; order <= TSR_ORDER_SHUFFLED; order++) {
        tsr_dataset *set = torn_folder("all", 3, 7);
        tsr_loader *l = new_loader(set, (tsr_loader_options){.batch = 2, .order = (tsr_order)order});
        tsr_batch b;
        for (int again = 0; again < 2; again++) {
            assert_int_equal(tsr_loader_next(l, &b), TSR_EFORMAT);
            assert_true(b.count == 0 && !b.pictures);
            expect_error(TSR_EFORMAT, "can");
        }
        tsr_loader_free(l);
        tsr_dataset_free(set);
    }
}

/* ---- errors, shutdown, memory ------------------------------------------------------------------------------------------------------ */

static void options_out_of_range_are_errors(void **state)
{
    (void)state;
    tsr_dataset *set = numbered_set(10);
    const tsr_loader_options bad[] = {{.batch = -1},
                                      {.threads = 1000},
                                      {.prefetch = -2},
                                      {.epochs = -1},
                                      {.shard = 2, .shards = 2},
                                      {.shards = 11},
                                      {.dtype = TSR_U8},
                                      {.batch = 11, .drop_last = true, .order = TSR_ORDER_SHUFFLED}};
    for (int64_t i = 0; i < TSR_COUNT(bad); i++) {
        assert_null(tsr_loader_new(set, &bad[i]));
        expect_error(TSR_EINVAL, "loader: ");
    }
    tsr_dataset_free(set);
    set = tsr_dataset_open("scenes:count=4,size=8", &(tsr_dataset_options){.extras = TSR_WITH_RIGHT});
    assert_null(tsr_loader_new(set, &AUGMENTED));
    expect_error(TSR_EINVAL, "eyes");
    tsr_dataset_free(set);
}

static void a_pending_error_is_not_overrun(void **state)
{
    (void)state;
    tsr_dataset *set = numbered_set(4);
    tsr_loader *l = new_loader(set, (tsr_loader_options){0});
    tsr_batch b;
    tsr_fail(TSR_ENUMERIC, "earlier");
    assert_int_equal(tsr_loader_next(l, &b), TSR_ENUMERIC);
    expect_error(TSR_ENUMERIC, "earlier");
    assert_int_equal(tsr_loader_next(l, &b), TSR_OK);
    assert_int_equal(b.count, 4);
    tsr_release(b.pictures);
    tsr_release(b.labels);
    tsr_release(b.indices);
    tsr_loader_free(l);
    tsr_dataset_free(set);
}

static void it_can_be_freed_at_any_moment(void **state)
{
    (void)state;
    tsr_dataset *set = tsr_dataset_open("scenes:count=500,size=24", NULL);
    for (int batches = 0; batches < 6; batches++) {
        tsr_loader *l = new_loader(set, (tsr_loader_options){.batch = 3, .threads = 3, .order = TSR_ORDER_SHUFFLED});
        run(l, batches);
        tsr_loader_free(l);
    }
    tsr_loader_free(NULL);
    tsr_dataset_free(set);
}

/* One epoch of a loader while the nth allocation fails, in whichever thread. True: none failed. */
static bool epoch_while_allocation_fails(tsr_dataset *set, int64_t nth, uint64_t expected)
{
    uint64_t sum = 0;
    tsr_alloc_fail_at(nth);
    tsr_loader *l = tsr_loader_new(set, &AUGMENTED);
    for (int b = 0; l && b < 3; b++) {
        tsr_batch batch;
        tsr_mark m = tsr_scope_open();
        tsr_status status = tsr_loader_next(l, &batch);
        if (status != TSR_OK) {
            assert_int_equal(status, TSR_ENOMEM);
            tsr_error_clear();
            status = tsr_loader_next(l, &batch); /* goes on from where it was */
        }
        assert_int_equal(status, TSR_OK);
        const uint8_t *bytes = tsr_const_data(batch.pictures);
        for (int64_t i = 0; i < tsr_numel(batch.pictures) * 4; i++) sum = sum * 1099511628211u + bytes[i];
        tsr_scope_close(m);
    }
    bool failed = tsr_alloc_failed();
    tsr_alloc_fail_at(0);
    if (!l) expect_error(TSR_ENOMEM, "");
    else assert_true(sum == expected);
    tsr_loader_free(l);
    return !failed;
}

static void a_failed_allocation_is_an_error_and_the_next_try_goes_on(void **state)
{
    (void)state;
    tsr_dataset *set = numbered_set(20);
    tsr_loader *l = new_loader(set, AUGMENTED);
    uint64_t expected = run(l, 3);
    tsr_loader_free(l);
    int64_t tensors = tsr_live_tensors(), nth = 1;
    while (nth < 2000 && !epoch_while_allocation_fails(set, nth, expected)) nth++;
    assert_in_range(nth, 20, 1999);
    assert_int_equal(tsr_live_tensors(), tensors);
    tsr_dataset_free(set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sequential_order_gives_every_item_once_and_ends),
        cmocka_unit_test(a_batch_holds_pictures_labels_and_its_place),
        cmocka_unit_test(doubles_stay_doubles),
        cmocka_unit_test(shuffled_epochs_are_different_permutations),
        cmocka_unit_test(drop_last_leaves_out_what_does_not_fill_a_batch),
        cmocka_unit_test(shards_share_an_epoch_between_them),
        cmocka_unit_test(batches_do_not_depend_on_threads_or_prefetch),
        cmocka_unit_test(another_seed_gives_other_batches),
        cmocka_unit_test(a_restored_loader_goes_on_with_the_same_batches),
        cmocka_unit_test(a_state_of_other_data_is_refused),
        cmocka_unit_test(about_half_of_the_pictures_are_flipped_and_never_otherwise_changed),
        cmocka_unit_test(crops_move_by_an_eighth_and_mirror_the_border),
        cmocka_unit_test(depth_and_labels_are_flipped_with_the_picture),
        cmocka_unit_test(in_sequential_order_bad_pictures_are_left_out),
        cmocka_unit_test(pictures_too_large_to_use_are_left_out_too),
        cmocka_unit_test(in_shuffled_order_the_next_good_picture_stands_in),
        cmocka_unit_test(when_no_picture_can_be_read_the_consumer_gets_the_error),
        cmocka_unit_test(options_out_of_range_are_errors),
        cmocka_unit_test(a_pending_error_is_not_overrun),
        cmocka_unit_test(it_can_be_freed_at_any_moment),
        cmocka_unit_test(a_failed_allocation_is_an_error_and_the_next_try_goes_on),
    };
    return cmocka_run_group_tests(tests, temp_folder_make, temp_folder_remove);
}
