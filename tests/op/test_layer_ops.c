/* test_layer_ops.c: norms, pooling, resampling, padding and attention. Expected values are written out from the
   definitions. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "support/tensors.h"
#include "tessera/autograd.h"
#include "tessera/ops.h"

#define COUNT(...) ((int64_t)(sizeof((double[]){__VA_ARGS__}) / sizeof(double)))
#define F64(...) tsr_from_data((double[]){__VA_ARGS__}, TSR_SHAPE(COUNT(__VA_ARGS__)), TSR_F64)
#define EXPECT(t, ...) expect(t, COUNT(__VA_ARGS__), (double[]){__VA_ARGS__})

static void expect(tsr_tensor *t, int64_t n, const double *want)
{
    tensors_require(t != NULL, "the operator");
    assert_int_equal(tsr_numel(t), n);
    for (int64_t i = 0; i < n; i++) assert_float_equal(tensors_at(t, i), want[i], 1e-9);
}

static tsr_tensor *random(tsr_shape shape) { return tsr_randn(shape, .dtype = TSR_F64); }

/* ---- norms ------------------------------------------------------------------------------------------------------------ */

/* [0, 2] has mean 1 and variance 1, so it becomes [-1, 1] / sqrt(1 + eps). */
static void group_norm_standardises_each_group(void **state)
{
    (void)state;
    tsr_tensor *x = tsr_reshape(F64(0, 2, 10, 14), TSR_SHAPE(1, 4));
    double r = 1 / sqrt(1 + 3.0), s = 2 / sqrt(4 + 3.0); /* eps = 3 */
    EXPECT(tsr_group_norm(x, 2, .eps = 3), -r, r, -s, s);
}

static void groups_must_divide_the_channels(void **state)
{
    (void)state;
    assert_null(tsr_group_norm(random(TSR_SHAPE(2, 6, 3)), 4));
    tensors_expect_error(tsr_error_status(),
                         "group_norm: num_groups (4) must divide the 6 channels of input [2, 6, 3]");
}

static void the_fused_norm_is_norm_and_silu(void **state)
{
    (void)state;
    tsr_tensor *x = random(TSR_SHAPE(2, 4, 3, 3)), *w = random(TSR_SHAPE(4)), *b = random(TSR_SHAPE(4));
    tensors_expect_close("silu", tsr_group_norm_silu(x, 2, w, b), tsr_silu(tsr_group_norm(x, 2, w, b)), 1e-12);
}

static void group_norm_keeps_the_layout(void **state)
{
    (void)state;
    tsr_tensor *x = tsr_contiguous(random(TSR_SHAPE(2, 4, 3, 3)), "channels_last");
    assert_true(tsr_is_channels_last(tsr_group_norm(x, 2)));
}

/* A batch of 1 and 5: mean 3, unbiased variance 8. */
static void running_statistics_follow_the_batch(void **state)
{
    (void)state;
    tsr_tensor *x = tsr_reshape(F64(1, 5), TSR_SHAPE(2, 1)), *mean = F64(0), *var = F64(1);
    int64_t version = tsr_version(mean);
    EXPECT(tsr_batch_norm(x, mean, var, .training = true, .momentum = 0.25, .eps = 1e-30), -1, 1);
    EXPECT(mean, 0.75);
    EXPECT(var, 0.75 * 1 + 0.25 * 8);
    assert_true(tsr_version(mean) > version);
}

static void evaluation_uses_the_running_statistics(void **state)
{
    (void)state;
    tsr_tensor *x = tsr_reshape(F64(1, 5), TSR_SHAPE(2, 1));
    EXPECT(tsr_batch_norm(x, F64(1), F64(4), F64(3), F64(10), .eps = 1e-30), 10, 16);
}

static void one_value_for_each_channel_cannot_be_normalised(void **state)
{
    (void)state;
    assert_null(tsr_batch_norm(random(TSR_SHAPE(1, 3)), .training = true));
    tensors_expect_error(tsr_error_status(),
                         "expected more than 1 value per channel when training, got input size [1, 3]");
}

static void layer_norm_wants_the_shape_that_input_ends_in(void **state)
{
    (void)state;
    assert_null(tsr_layer_norm(random(TSR_SHAPE(2, 3)), TSR_SHAPE(2)));
    tensors_expect_error(tsr_error_status(), "normalized_shape [2] is not how the shape of input [2, 3] ends");
}

/* The root mean square of 3, 4 is sqrt(12.5). */
static void rms_norm_divides_by_the_root_mean_square(void **state)
{
    (void)state;
    EXPECT(tsr_rms_norm(F64(3, 4), TSR_SHAPE(2), F64(1, 2), TSR_FLOAT(0)), 3 / sqrt(12.5), 8 / sqrt(12.5));
}

/* ---- pooling ---------------------------------------------------------------------------------------------------------- */

static void the_largest_of_each_window_keeps_its_place(void **state)
{
    (void)state;
    tsr_tensor *x = tsr_reshape(F64(1, 9, 3, 4, -2, -5), TSR_SHAPE(1, 1, 6));
    tsr_max_pool1d_return_indices_result r = tsr_max_pool1d_return_indices(x, {2});
    EXPECT(r.output, 9, 4, -2);
    EXPECT(r.indices, 1, 3, 4);
}

static void padding_is_never_the_largest(void **state)
{
    (void)state;
    EXPECT(tsr_max_pool1d(tsr_reshape(F64(-3, -4), TSR_SHAPE(1, 1, 2)), {2}, .padding = {1}), -3, -4);
}

static void padding_counts_in_a_mean_unless_told_not_to(void **state)
{
    (void)state;
    tsr_tensor *x = tsr_reshape(F64(2, 4), TSR_SHAPE(1, 1, 2));
    EXPECT(tsr_avg_pool1d(x, {2}, .padding = {1}), 1, 2);
    EXPECT(tsr_avg_pool1d(x, {2}, .padding = {1}, .count_include_pad = TSR_NO), 2, 4);
}

static void adaptive_windows_overlap_where_they_must(void **state)
{
    (void)state;
    EXPECT(tsr_adaptive_avg_pool1d(tsr_reshape(F64(1, 2, 6), TSR_SHAPE(1, 1, 3)), {2}), 1.5, 4);
}

static void padding_above_half_of_the_kernel_is_refused(void **state)
{
    (void)state;
    assert_null(tsr_max_pool2d(random(TSR_SHAPE(1, 1, 4, 4)), {2, 2}, .padding = {2, 0}));
    tensors_expect_error(tsr_error_status(), "padding [2, 0] must lie between 0 and half of the kernel's size [2, 2]");
}

static void windows_much_wider_than_the_input_end_with_it(void **state)
{
    (void)state;
    enum { MOST = INT32_MAX };
    tsr_tensor *x = tsr_reshape(F64(2, 9, 3, 4), TSR_SHAPE(1, 1, 4)), *plane = tsr_reshape(x, TSR_SHAPE(1, 1, 1, 4));
    EXPECT(tsr_max_pool1d(x, {MOST}, .stride = {2}, .padding = {MOST / 2}), 9, 9);
    EXPECT(tsr_max_pool1d(x, {3}, .stride = {MOST}, .padding = {1}), 9);
    EXPECT(tsr_max_pool1d(x, {1}, .dilation = {MOST}), 2, 9, 3, 4);
    EXPECT(tsr_max_pool2d(plane, {MOST, MOST}, .stride = {MOST, 2}, .padding = {MOST / 2, MOST / 2}), 9, 9);
    EXPECT(tsr_avg_pool1d(x, {MOST}, .stride = {2}, .padding = {MOST / 2}, .count_include_pad = TSR_NO), 4.5, 4.5);
    assert_null(tsr_max_pool1d(x, {MOST + 1ll}, .padding = {1ll << 30}));
    tensors_expect_error(tsr_error_status(), "must be at least 1 and below 2^31");
    assert_null(tsr_avg_pool1d(x, {1}, .stride = {MOST + 1ll}));
    tensors_expect_error(tsr_error_status(), "stride [2147483648]");
    assert_null(tsr_im2col(plane, {1, 1}, .dilation = {INT64_MAX, 2}));
    tensors_expect_error(tsr_error_status(), "all below 2^31");
}

/* ---- resampling and padding --------------------------------------------------------------------------------------------- */

static void nearest_doubles_pixels(void **state)
{
    (void)state;
    tsr_tensor *x = tsr_reshape(F64(1, 2), TSR_SHAPE(1, 1, 2));
    EXPECT(tsr_interpolate(x, .scale_factor = TSR_FLOATS(2)), 1, 1, 2, 2);
}

static void aligned_corners_stay(void **state)
{
    (void)state;
    tsr_tensor *x = tsr_reshape(F64(0, 6), TSR_SHAPE(1, 1, 2));
    EXPECT(tsr_interpolate(x, TSR_SHAPE(4), .mode = "linear", .align_corners = TSR_YES), 0, 2, 4, 6);
}

static void size_and_scale_exclude_each_other(void **state)
{
    (void)state;
    assert_null(tsr_interpolate(random(TSR_SHAPE(1, 1, 2)), TSR_SHAPE(4), .scale_factor = TSR_FLOATS(2)));
    tensors_expect_error(tsr_error_status(), "one of size and scale_factor must be given, and not both");
}

static void each_padding_mode_shows_its_own(void **state)
{
    (void)state;
    tsr_tensor *x = tsr_reshape(F64(1, 2, 3), TSR_SHAPE(1, 1, 3));
    tsr_shape two = TSR_SHAPE(2, 2);
    EXPECT(tsr_pad(x, two, "constant", TSR_FLOAT(7)), 7, 7, 1, 2, 3, 7, 7);
    EXPECT(tsr_pad(x, two, "reflect"), 3, 2, 1, 2, 3, 2, 1);
    EXPECT(tsr_pad(x, two, "replicate"), 1, 1, 1, 2, 3, 3, 3);
    EXPECT(tsr_pad(x, two, "circular"), 2, 3, 1, 2, 3, 1, 2);
    EXPECT(tsr_pad(x, TSR_SHAPE(-1, 1)), 2, 3, 0);
}

static void reflection_cannot_pass_the_other_edge(void **state)
{
    (void)state;
    assert_null(tsr_pad(random(TSR_SHAPE(1, 1, 3)), TSR_SHAPE(3, 0), "reflect"));
    tensors_expect_error(tsr_error_status(), "padding of 3 and 0 does not fit dimension 2");
}

/* Positions -1 and 1 are the outer borders of the image unless corners are aligned: the linear mode then reads half zeros. */
static void zeros_lie_outside_of_a_sampled_image(void **state)
{
    (void)state;
    tsr_tensor *x = tsr_full(TSR_SHAPE(1, 1, 2, 2), TSR_FLOAT(8), .dtype = TSR_F64);
    tsr_tensor *grid = tsr_reshape(F64(-1, 0, -1, -1), TSR_SHAPE(1, 1, 2, 2));
    EXPECT(tsr_grid_sample(x, grid, .align_corners = TSR_NO), 4, 2);
    EXPECT(tsr_grid_sample(x, grid, .align_corners = TSR_YES), 8, 8);
}

static void the_identity_map_samples_the_image_itself(void **state)
{
    (void)state;
    tsr_tensor *x = random(TSR_SHAPE(1, 2, 3, 4));
    tsr_tensor *theta = tsr_reshape(F64(1, 0, 0, 0, 1, 0), TSR_SHAPE(1, 2, 3));
    tsr_tensor *grid = tsr_affine_grid(theta, TSR_SHAPE(1, 2, 3, 4), TSR_NO);
    tensors_expect_close("image", tsr_grid_sample(x, grid, .align_corners = TSR_NO), x, 1e-12);
}

/* ---- attention ---------------------------------------------------------------------------------------------------------- */

static void the_first_causal_row_sees_the_first_value_alone(void **state)
{
    (void)state;
    tsr_tensor *q = random(TSR_SHAPE(2, 3, 4)), *v = random(TSR_SHAPE(2, 3, 4));
    tsr_tensor *y = tsr_scaled_dot_product_attention(q, q, v, .is_causal = true);
    tensors_expect_close("row 0", tsr_select(y, 1, 0), tsr_select(v, 1, 0), 1e-12);
}

static void attention_is_softmax_of_the_scores_times_values(void **state)
{
    (void)state;
    tsr_tensor *q = random(TSR_SHAPE(2, 1, 3, 4)), *k = random(TSR_SHAPE(5, 6, 4)), *v = random(TSR_SHAPE(5, 6, 2));
    tsr_tensor *scores = tsr_matmul(tsr_mul(q, tsr_scalar(0.5)), tsr_transpose(k, 1, 2)); /* 1 / sqrt(4) */
    tsr_tensor *want = tsr_matmul(tsr_softmax(scores, -1), v);
    tensors_expect_close("attention", tsr_scaled_dot_product_attention(q, k, v), want, 1e-12);
}

static void a_row_that_sees_nothing_is_zero_and_has_no_gradient(void **state)
{
    (void)state;
    tsr_tensor *q = random(TSR_SHAPE(2, 3)), *v = random(TSR_SHAPE(2, 3));
    tsr_tensor *mask = tsr_gt(tsr_reshape(F64(0, 0, 1, 1), TSR_SHAPE(2, 2)), tsr_scalar(0.5));
    tsr_set_requires_grad(q, true);
    tsr_tensor *y = tsr_scaled_dot_product_attention(q, v, v, mask);
    EXPECT(tsr_select(y, 0, 0), 0, 0, 0);
    assert_int_equal(tsr_backward(tsr_sum(tsr_mul(y, v))), TSR_OK);
    EXPECT(tsr_select(tsr_grad(q), 0, 0), 0, 0, 0);
}

static void a_mask_and_is_causal_exclude_each_other(void **state)
{
    (void)state;
    tsr_tensor *q = random(TSR_SHAPE(2, 2));
    assert_null(tsr_scaled_dot_product_attention(q, q, q, q, .is_causal = true));
    tensors_expect_error(tsr_error_status(), "attn_mask must not be given when is_causal is true");
}

static void the_nearest_code_is_the_first_of_equals(void **state)
{
    (void)state;
    tsr_tensor *codes = tsr_reshape(F64(0, 0, 2, 0, 0, 0), TSR_SHAPE(3, 2));
    EXPECT(tsr_nearest_code(tsr_reshape(F64(0.2, 0, 1.8, 1), TSR_SHAPE(2, 2)), codes), 0, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TENSOR_TEST(group_norm_standardises_each_group),
        TENSOR_TEST(groups_must_divide_the_channels),
        TENSOR_TEST(the_fused_norm_is_norm_and_silu),
        TENSOR_TEST(group_norm_keeps_the_layout),
        TENSOR_TEST(running_statistics_follow_the_batch),
        TENSOR_TEST(evaluation_uses_the_running_statistics),
        TENSOR_TEST(one_value_for_each_channel_cannot_be_normalised),
        TENSOR_TEST(layer_norm_wants_the_shape_that_input_ends_in),
        TENSOR_TEST(rms_norm_divides_by_the_root_mean_square),
        TENSOR_TEST(the_largest_of_each_window_keeps_its_place),
        TENSOR_TEST(padding_is_never_the_largest),
        TENSOR_TEST(padding_counts_in_a_mean_unless_told_not_to),
        TENSOR_TEST(adaptive_windows_overlap_where_they_must),
        TENSOR_TEST(padding_above_half_of_the_kernel_is_refused),
        TENSOR_TEST(windows_much_wider_than_the_input_end_with_it),
        TENSOR_TEST(nearest_doubles_pixels),
        TENSOR_TEST(aligned_corners_stay),
        TENSOR_TEST(size_and_scale_exclude_each_other),
        TENSOR_TEST(each_padding_mode_shows_its_own),
        TENSOR_TEST(reflection_cannot_pass_the_other_edge),
        TENSOR_TEST(zeros_lie_outside_of_a_sampled_image),
        TENSOR_TEST(the_identity_map_samples_the_image_itself),
        TENSOR_TEST(the_first_causal_row_sees_the_first_value_alone),
        TENSOR_TEST(attention_is_softmax_of_the_scores_times_values),
        TENSOR_TEST(a_row_that_sees_nothing_is_zero_and_has_no_gradient),
        TENSOR_TEST(a_mask_and_is_causal_exclude_each_other),
        TENSOR_TEST(the_nearest_code_is_the_first_of_equals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
