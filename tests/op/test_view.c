/* test_view.c: views: their geometry, what they share, and where their gradients go. Expected values follow from the
   positions of elements, which count up from 0 in every tensor here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "support/tensors.h"
#include "tessera/autograd.h"
#include "tessera/ops.h"

/* 0, 1, 2, ... in this shape */
static tsr_tensor *counting(tsr_shape shape)
{
    int64_t n = 1;
    for (int d = 0; d < shape.n; d++) n *= shape.v[d];
    return tsr_reshape(tsr_arange(TSR_INT(n), .dtype = TSR_F64), shape);
}

static void expect(tsr_tensor *t, tsr_shape shape, const double *want)
{
    tsr_shape own = tsr_shape_of(t);
    tensors_require(t != NULL, "a view");
    assert_int_equal(own.n, shape.n);
    for (int d = 0; d < shape.n; d++) assert_int_equal(own.v[d], shape.v[d]);
    for (int64_t i = 0; i < tsr_numel(t); i++) assert_float_equal(tensors_at(t, i), want[i], 1e-12);
}

#define EXPECT(t, shape, ...) expect(t, shape, (double[]){__VA_ARGS__})

static void slices_follow_python(void **state)
{
    (void)state;
    tsr_tensor *x = counting(TSR_SHAPE(6));
    EXPECT(tsr_slice(x, .start = TSR_INT(-2)), TSR_SHAPE(2), 4, 5);
    EXPECT(tsr_slice(x, .end = TSR_INT(-3)), TSR_SHAPE(3), 0, 1, 2);
    EXPECT(tsr_slice(x, .start = TSR_INT(1), .end = TSR_INT(100), .step = 2), TSR_SHAPE(3), 1, 3, 5);
    assert_int_equal(tsr_numel(tsr_slice(x, .start = TSR_INT(4), .end = TSR_INT(2))), 0);
}

static void a_step_below_one_is_refused(void **state)
{
    (void)state;
    assert_null(tsr_slice(counting(TSR_SHAPE(4)), .step = -1));
    tensors_expect_error(tsr_error_status(), "step must be positive, not -1");
}

static void a_view_writes_into_its_base(void **state)
{
    (void)state;
    tsr_tensor *x = counting(TSR_SHAPE(2, 3));
    tsr_fill_(tsr_select(x, 1, -1), tsr_scalar(9));
    EXPECT(x, TSR_SHAPE(2, 3), 0, 1, 9, 3, 4, 9);
}

static void a_transpose_has_no_flat_view_but_reshape_copies(void **state)
{
    (void)state;
    tsr_tensor *x = tsr_transpose(counting(TSR_SHAPE(2, 3)), 0, 1);
    assert_null(tsr_view(x, TSR_SHAPE(6)));
    tensors_expect_error(tsr_error_status(), "use reshape instead");
    tsr_tensor *flat = tsr_reshape(x, TSR_SHAPE(-1));
    EXPECT(flat, TSR_SHAPE(6), 0, 3, 1, 4, 2, 5);
    assert_false(tsr_shares_storage(flat, x));
}

static void channels_last_pixels_are_rows_without_a_copy(void **state)
{
    (void)state;
    tsr_tensor *x = tsr_contiguous(tsr_randn(TSR_SHAPE(2, 3, 4, 5)), "channels_last");
    tsr_tensor *rows = tsr_reshape(tsr_permute(x, TSR_DIMS(0, 2, 3, 1)), TSR_SHAPE(40, 3));
    assert_true(tsr_shares_storage(rows, x));
}

static void pieces_of_channels_last_images_join_to_channels_last(void **state)
{
    (void)state;
    tsr_tensor *x = tsr_contiguous(tsr_randn(TSR_SHAPE(2, 4, 3, 3)), "channels_last"), *parts[2];
    assert_int_equal(tsr_chunk(parts, 2, x, 2, .dim = 1), 2);
    assert_true(tsr_is_channels_last(tsr_cat(TSR_LIST(parts[1], parts[0]), .dim = 1)));
}

static void an_expanded_tensor_refuses_writes(void **state)
{
    (void)state;
    tsr_tensor *x = tsr_expand(counting(TSR_SHAPE(3, 1)), TSR_SHAPE(3, 2));
    EXPECT(x, TSR_SHAPE(3, 2), 0, 0, 1, 1, 2, 2);
    assert_null(tsr_add_(x, tsr_scalar(1)));
    tensors_expect_error(tsr_error_status(), "more than one element of the written-to tensor");
}

static void chunk_gives_fewer_pieces_when_they_do_not_fill(void **state)
{
    (void)state;
    tsr_tensor *parts[4];
    assert_int_equal(tsr_chunk(parts, 4, counting(TSR_SHAPE(6)), 4), 3);
    EXPECT(parts[2], TSR_SHAPE(2), 4, 5);
}

static void split_sizes_must_sum_to_the_dimension(void **state)
{
    (void)state;
    tsr_tensor *parts[2];
    assert_int_equal(tsr_split_sizes(parts, 2, counting(TSR_SHAPE(5)), TSR_SHAPE(2, 2)), -1);
    tensors_expect_error(tsr_error_status(), "[2, 2] must be non-negative and sum to 5");
}

static void as_strided_stays_inside_the_storage(void **state)
{
    (void)state;
    assert_null(tsr_as_strided(counting(TSR_SHAPE(4)), TSR_SHAPE(2, 2), TSR_SHAPE(3, 1)));
    tensors_expect_error(tsr_error_status(), "need more than the storage's 4 elements");
}

/* Windows [0, 1] and [1, 2] share element 1, whose gradient is the sum of both. */
static void gradients_of_overlapping_windows_add_up(void **state)
{
    (void)state;
    tsr_tensor *x = counting(TSR_SHAPE(4));
    x = tsr_detach(x);
    tsr_set_requires_grad(x, true);
    tsr_tensor *windows = tsr_as_strided(x, TSR_SHAPE(2, 2), TSR_SHAPE(1, 1));
    assert_int_equal(tsr_backward(tsr_sum(windows)), TSR_OK);
    EXPECT(tsr_grad(x), TSR_SHAPE(4), 1, 2, 1, 0);
}

/* Both rows of the expanded tensor lie on one; reading them once each gives every element of x a gradient of 2. */
static void as_strided_of_an_expanded_tensor_counts_each_place_once(void **state)
{
    (void)state;
    tsr_tensor *x = tsr_detach(counting(TSR_SHAPE(3)));
    tsr_set_requires_grad(x, true);
    tsr_tensor *rows = tsr_as_strided(tsr_expand(x, TSR_SHAPE(2, 3)), TSR_SHAPE(2, 3), TSR_SHAPE(0, 1));
    assert_int_equal(tsr_backward(tsr_sum(rows)), TSR_OK);
    EXPECT(tsr_grad(x), TSR_SHAPE(3), 2, 2, 2);
}

static void the_gradient_of_a_part_is_zero_elsewhere(void **state)
{
    (void)state;
    tsr_tensor *x = tsr_detach(counting(TSR_SHAPE(2, 3)));
    tsr_set_requires_grad(x, true);
    assert_int_equal(tsr_backward(tsr_sum(tsr_diagonal(x, .offset = 1))), TSR_OK);
    EXPECT(tsr_grad(x), TSR_SHAPE(2, 3), 0, 1, 0, 0, 0, 1);
}

static void a_piece_without_a_gradient_counts_as_zero(void **state)
{
    (void)state;
    tsr_tensor *x = tsr_detach(counting(TSR_SHAPE(4))), *parts[2];
    tsr_set_requires_grad(x, true);
    tsr_split(parts, 2, x, 2);
    assert_int_equal(tsr_backward(tsr_sum(parts[1])), TSR_OK);
    EXPECT(tsr_grad(x), TSR_SHAPE(4), 0, 0, 1, 1);
}

static void movedim_keeps_the_order_of_the_others(void **state)
{
    (void)state;
    tsr_shape s = tsr_shape_of(tsr_movedim(counting(TSR_SHAPE(2, 3, 4, 5)), TSR_DIMS(3), TSR_DIMS(1)));
    assert_int_equal(s.v[1], 5);
    assert_int_equal(s.v[2], 3);
    assert_int_equal(s.v[3], 4);
}

/* The size of each dimension differs, so that one taken for another shows. */
static void flip_reverses_the_named_dimensions_alone(void **state)
{
    (void)state;
    tsr_tensor *x = counting(TSR_SHAPE(2, 3));
    EXPECT(tsr_flip(x, TSR_DIMS(0)), TSR_SHAPE(2, 3), 3, 4, 5, 0, 1, 2);
    EXPECT(tsr_flip(x, TSR_DIMS(-1)), TSR_SHAPE(2, 3), 2, 1, 0, 5, 4, 3);
    EXPECT(tsr_flip(x, TSR_DIMS(0, 1)), TSR_SHAPE(2, 3), 5, 4, 3, 2, 1, 0);
    EXPECT(tsr_flip(tsr_t(x), TSR_DIMS(1)), TSR_SHAPE(3, 2), 3, 0, 4, 1, 5, 2);
    EXPECT(tsr_flip(tsr_slice(x, .dim = 1, .start = TSR_INT(1)), TSR_DIMS(1)), TSR_SHAPE(2, 2), 2, 1, 5, 4);
    assert_int_equal(tsr_numel(tsr_flip(counting(TSR_SHAPE(0, 3)), TSR_DIMS(0))), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TENSOR_TEST(slices_follow_python),
        TENSOR_TEST(a_step_below_one_is_refused),
        TENSOR_TEST(a_view_writes_into_its_base),
        TENSOR_TEST(a_transpose_has_no_flat_view_but_reshape_copies),
        TENSOR_TEST(channels_last_pixels_are_rows_without_a_copy),
        TENSOR_TEST(pieces_of_channels_last_images_join_to_channels_last),
        TENSOR_TEST(an_expanded_tensor_refuses_writes),
        TENSOR_TEST(chunk_gives_fewer_pieces_when_they_do_not_fill),
        TENSOR_TEST(split_sizes_must_sum_to_the_dimension),
        TENSOR_TEST(as_strided_stays_inside_the_storage),
        TENSOR_TEST(gradients_of_overlapping_windows_add_up),
        TENSOR_TEST(as_strided_of_an_expanded_tensor_counts_each_place_once),
        TENSOR_TEST(the_gradient_of_a_part_is_zero_elsewhere),
        TENSOR_TEST(a_piece_without_a_gradient_counts_as_zero),
        TENSOR_TEST(movedim_keeps_the_order_of_the_others),
        TENSOR_TEST(flip_reverses_the_named_dimensions_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
