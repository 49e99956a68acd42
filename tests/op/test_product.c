/* test_product.c: matrix products, einsum, convolutions and linear algebra. Expected values are sums written out, or follow
   from identities (adjoints, inverses). */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "support/tensors.h"
#include "tessera/autograd.h"
#include "tessera/ops.h"

static tsr_tensor *random(tsr_shape shape) { return tsr_randn(shape, .dtype = TSR_F64); }

static tsr_tensor *matrix(int64_t m, int64_t n, const double *v) { return tsr_from_data(v, TSR_SHAPE(m, n), TSR_F64); }

static double inner(tsr_tensor *a, tsr_tensor *b)
{
    tsr_tensor *sum = tsr_sum(tsr_mul(a, b));
    tensors_require(sum != NULL, "an inner product");
    return tsr_item(sum);
}

/* ---- products -------------------------------------------------------------------------------------------------------- */

static void factors_that_do_not_fit_are_named(void **state)
{
    (void)state;
    assert_null(tsr_mm(random(TSR_SHAPE(2, 3)), random(TSR_SHAPE(4, 2))));
    tensors_expect_error(tsr_error_status(), "shapes [2, 3] and [4, 2] cannot be multiplied");
}

static void factors_of_two_dtypes_are_refused(void **state)
{
    (void)state;
    assert_null(tsr_mm(random(TSR_SHAPE(2, 2)), tsr_randn(TSR_SHAPE(2, 2))));
    tensors_expect_error(tsr_error_status(), "same dtype");
}

static void a_beta_of_zero_does_not_read_the_input(void **state)
{
    (void)state;
    tsr_tensor *nan = tsr_full(TSR_SHAPE(2, 2), TSR_FLOAT(NAN), .dtype = TSR_F64), *a = random(TSR_SHAPE(2, 2));
    tensors_expect_close("addmm", tsr_addmm(nan, a, a, TSR_INT(0)), tsr_mm(a, a), 1e-14);
}

static void a_matrix_can_be_added_to_its_own_square(void **state)
{
    (void)state;
    tsr_tensor *m = random(TSR_SHAPE(3, 3)), *want = tsr_add(m, tsr_mm(m, m));
    tensors_expect_close("addmm_", tsr_addmm_(m, m, m), want, 1e-14);
}

static void integer_matrices_multiply(void **state)
{
    (void)state;
    tsr_tensor *a = tsr_from_data((int64_t[]){1, 2, 3, 4}, TSR_SHAPE(2, 2), TSR_I64), *p = tsr_mm(a, a);
    assert_int_equal(tsr_dtype_of(p), TSR_I64);
    assert_float_equal(tensors_at(p, 3), 3 * 2 + 4 * 4, 0);
}

static void matmul_broadcasts_batches(void **state)
{
    (void)state;
    tsr_shape s = tsr_shape_of(tsr_matmul(random(TSR_SHAPE(5, 1, 2, 3)), random(TSR_SHAPE(4, 3, 6))));
    assert_int_equal(s.n, 4);
    assert_int_equal(s.v[0], 5);
    assert_int_equal(s.v[1], 4);
    assert_int_equal(s.v[3], 6);
}

/* ---- einsum ----------------------------------------------------------------------------------------------------------- */

static void einsum_takes_the_trace(void **state)
{
    (void)state;
    tsr_tensor *t = tsr_einsum("ii", TSR_LIST(matrix(2, 2, (double[]){1, 2, 3, 5})));
    assert_float_equal(tsr_item(t), 6, 0);
}

static void einsum_takes_a_diagonal_of_three(void **state)
{
    (void)state;
    tsr_tensor *t = tsr_einsum("iii->i",
                               TSR_LIST(tsr_reshape(tsr_arange(TSR_INT(8), .dtype = TSR_F64), TSR_SHAPE(2, 2, 2))));
    assert_float_equal(tensors_at(t, 0), 0, 0);
    assert_float_equal(tensors_at(t, 1), 7, 0);
}

static void the_implicit_result_is_alphabetical(void **state)
{
    (void)state;
    tsr_tensor *a = random(TSR_SHAPE(2, 3));
    tensors_expect_close("einsum", tsr_einsum("ba", TSR_LIST(a)), tsr_transpose(a, 0, 1), 0);
}

static void einsum_chains_three_factors(void **state)
{
    (void)state;
    tsr_tensor *a = random(TSR_SHAPE(2, 3)), *b = random(TSR_SHAPE(3, 4)), *d = random(TSR_SHAPE(4, 5));
    tensors_expect_close("einsum", tsr_einsum("ij,jk,kl->il", TSR_LIST(a, b, d)), tsr_mm(tsr_mm(a, b), d), 1e-13);
}

static void einsum_broadcasts_what_the_dots_stand_for(void **state)
{
    (void)state;
    tsr_tensor *a = random(TSR_SHAPE(5, 2, 3)), *b = random(TSR_SHAPE(1, 3, 4));
    tensors_expect_close("einsum", tsr_einsum("...ij,...jk->...ik", TSR_LIST(a, b)), tsr_matmul(a, b), 1e-13);
}

static void einsum_refuses_a_letter_with_two_sizes(void **state)
{
    (void)state;
    assert_null(tsr_einsum("ij,jk", TSR_LIST(random(TSR_SHAPE(2, 3)), random(TSR_SHAPE(4, 2)))));
    tensors_expect_error(tsr_error_status(), "size 4 does not match 3");
}

/* A size of 1 broadcasts between operands, not along the diagonal of one. */
static void einsum_refuses_a_diagonal_of_two_sizes(void **state)
{
    (void)state;
    assert_null(tsr_einsum("ii->i", TSR_LIST(tsr_randn(TSR_SHAPE(1, 3)))));
    tensors_expect_error(tsr_error_status(), "a letter is repeated for dimensions 0 and 1, whose sizes 1 and 3 differ");
    assert_null(tsr_einsum("ii->i", TSR_LIST(tsr_randn(TSR_SHAPE(3, 1)))));
    tensors_expect_error(tsr_error_status(), "sizes 3 and 1 differ");
    assert_non_null(tsr_einsum("ij,ij->i", TSR_LIST(tsr_randn(TSR_SHAPE(1, 3)), tsr_randn(TSR_SHAPE(2, 3)))));
}

static void einsum_refuses_a_result_letter_without_operand(void **state)
{
    (void)state;
    assert_null(tsr_einsum("ij->ik", TSR_LIST(random(TSR_SHAPE(2, 3)))));
    tensors_expect_error(tsr_error_status(), "that no operand has");
}

/* ---- convolution ------------------------------------------------------------------------------------------------------ */

static void channels_that_disagree_are_named(void **state)
{
    (void)state;
    assert_null(tsr_conv2d(random(TSR_SHAPE(8, 16, 28, 28)), random(TSR_SHAPE(64, 32, 3, 3))));
    tensors_expect_error(tsr_error_status(),
                         "conv2d: weight [64, 32, 3, 3] takes 32 channels, input [8, 16, 28, 28] has 16 (groups = 1)");
}

static void a_kernel_larger_than_the_input_is_refused(void **state)
{
    (void)state;
    assert_null(tsr_conv2d(random(TSR_SHAPE(1, 1, 2, 2)), random(TSR_SHAPE(1, 1, 3, 3))));
    tensors_expect_error(tsr_error_status(), "does not fit input [1, 1, 2, 2]");
}

static void a_convolution_of_images_is_channels_last(void **state)
{
    (void)state;
    assert_true(tsr_is_channels_last(tsr_conv2d(random(TSR_SHAPE(2, 3, 5, 5)), random(TSR_SHAPE(4, 3, 3, 3)))));
}

/* An even kernel needs an odd number of zeros: one more at the end. */
static void same_padding_puts_the_odd_zero_at_the_end(void **state)
{
    (void)state;
    tsr_tensor *x = random(TSR_SHAPE(1, 1, 5)), *w = random(TSR_SHAPE(1, 1, 4));
    tsr_tensor *want = tsr_conv1d(tsr_pad(x, TSR_SHAPE(1, 2)), w);
    tensors_expect_close("same", tsr_conv1d_padding(x, w, .padding = "same"), want, 1e-14);
}

/* <conv(x), y> = <x, conv_transpose(y)> */
static void the_transposed_convolution_is_the_adjoint(void **state)
{
    (void)state;
    tsr_tensor *x = random(TSR_SHAPE(2, 3, 7, 6)), *w = random(TSR_SHAPE(4, 3, 3, 2));
    tsr_tensor *conv = tsr_conv2d(x, w, .stride = {2, 1}, .padding = {1, 0});
    tsr_tensor *y = tsr_randn_like(conv);
    tsr_tensor *back = tsr_conv_transpose2d(y, w, .stride = {2, 1}, .padding = {1, 0});
    assert_float_equal(inner(conv, y), inner(x, back), 1e-10);
}

/* The penalty |dy/dx|^2 of y = sum(conv(x)) for one 1 x 1 kernel w on n pixels is n w^2, so its derivative is 2 n w. */
static void a_gradient_penalty_reaches_the_weight(void **state)
{
    (void)state;
    tsr_tensor *x = random(TSR_SHAPE(1, 1, 2, 3)), *w = matrix(1, 1, (double[]){3}), *g;
    w = tsr_reshape(w, TSR_SHAPE(1, 1, 1, 1));
    tsr_set_requires_grad(x, true);
    tsr_set_requires_grad(w, true);
    tsr_tensor *y = tsr_sum(tsr_conv2d(x, w));
    assert_int_equal(tsr_grads(.outputs = TSR_LIST(y), .inputs = TSR_LIST(x), .grads = &g, .create_graph = true),
                     TSR_OK);
    assert_int_equal(tsr_backward(tsr_sum(tsr_mul(g, g))), TSR_OK);
    assert_float_equal(tsr_item(tsr_grad(w)), 2 * 6 * 3, 1e-12);
}

static void an_output_padding_as_large_as_the_stride_is_refused(void **state)
{
    (void)state;
    assert_null(tsr_conv_transpose1d(random(TSR_SHAPE(1, 1, 3)), random(TSR_SHAPE(1, 1, 2)), .output_padding = {1}));
    tensors_expect_error(tsr_error_status(),
                         "output_padding [1] must be smaller than either stride [1] or dilation [1]");
}

static void sizes_beyond_64_bits_are_refused(void **state)
{
    (void)state;
    int64_t huge = INT64_C(1) << 62;
    tsr_tensor *x = tsr_ones(TSR_SHAPE(1, 1, 5)), *w = tsr_ones(TSR_SHAPE(1, 1, 2));
    assert_null(tsr_conv_transpose1d(x, w, .stride = {huge}));
    tensors_expect_error(tsr_error_status(), "would give more than 2^63 elements");
    assert_null(tsr_conv1d(x, w, .padding = {huge}));
    tensors_expect_error(tsr_error_status(), "padding [4611686018427387904], dilation [1] or groups 1 is too large");
    assert_null(tsr_conv1d(x, tsr_ones(TSR_SHAPE(1, 1, 3)), .dilation = {huge}));
    tensors_expect_error(tsr_error_status(), "is too large");
    assert_null(tsr_conv1d(x, tsr_ones(TSR_SHAPE(1, 4, 1)), .groups = huge));
    tensors_expect_error(tsr_error_status(), "is too large");
}

static void folding_counts_how_often_a_pixel_was_taken(void **state)
{
    (void)state;
    tsr_tensor *ones = tsr_ones(TSR_SHAPE(1, 1, 3, 3), .dtype = TSR_F64);
    tsr_tensor *counts = tsr_fold(tsr_im2col(ones, {2, 2}), {3, 3}, {2, 2});
    assert_float_equal(tensors_at(counts, 0), 1, 0);
    assert_float_equal(tensors_at(counts, 4), 4, 0); /* the centre is in all four blocks */
}

/* ---- linear algebra ---------------------------------------------------------------------------------------------------- */

static void a_matrix_times_its_inverse_is_the_identity(void **state)
{
    (void)state;
    tsr_tensor *a = random(TSR_SHAPE(4, 4));
    tensors_expect_close("inverse", tsr_mm(a, tsr_linalg_inv(a)), tsr_eye(4, .dtype = TSR_F64), 1e-10);
}

static void a_singular_matrix_has_no_inverse(void **state)
{
    (void)state;
    assert_null(tsr_linalg_inv(matrix(2, 2, (double[]){1, 2, 2, 4})));
    tensors_expect_error(tsr_error_status(), "is singular");
}

/* d det / d a_ij is the cofactor: of [[1, 2], [2, 4]] they are [[4, -2], [-2, 1]], though its determinant is 0. */
static void the_determinant_of_a_singular_matrix_has_a_gradient(void **state)
{
    (void)state;
    tsr_tensor *a = matrix(2, 2, (double[]){1, 2, 2, 4});
    tsr_set_requires_grad(a, true);
    assert_int_equal(tsr_backward(tsr_linalg_det(a)), TSR_OK);
    tensors_expect_close("cofactors", tsr_grad(a), matrix(2, 2, (double[]){4, -2, -2, 1}), 1e-12);
}

static void the_factors_of_a_qr_multiply_to_the_matrix(void **state)
{
    (void)state;
    tsr_tensor *a = random(TSR_SHAPE(2, 3, 5));
    tsr_linalg_qr_result r = tsr_linalg_qr(a, "complete");
    tensors_expect_close("Q R", tsr_matmul(r.Q, r.R), a, 1e-12);
}

static void the_factors_of_an_svd_multiply_to_the_matrix(void **state)
{
    (void)state;
    tsr_tensor *a = random(TSR_SHAPE(5, 3));
    tsr_linalg_svd_result r = tsr_linalg_svd(a, TSR_NO);
    tensors_expect_close("U S Vh", tsr_mm(tsr_mul(r.U, r.S), r.Vh), a, 1e-12);
    tensors_expect_close("U^T U", tsr_mm(tsr_t(r.U), r.U), tsr_eye(3, .dtype = TSR_F64), 1e-12);
}

static void the_full_svd_completes_the_basis(void **state)
{
    (void)state;
    tsr_tensor *u = tsr_linalg_svd(tsr_ones(TSR_SHAPE(4, 2), .dtype = TSR_F64)).U; /* of rank 1 */
    tensors_expect_close("U^T U", tsr_mm(tsr_t(u), u), tsr_eye(4, .dtype = TSR_F64), 1e-12);
}

/* A = [[2, 1], [1, 2]]: L = [[sqrt 2, 0], [1 / sqrt 2, sqrt(3 / 2)]]. */
static void cholesky_gives_a_lower_triangle(void **state)
{
    (void)state;
    tsr_tensor *l = tsr_linalg_cholesky(matrix(2, 2, (double[]){2, 1, 1, 2}));
    tensors_expect_close("L", l, matrix(2, 2, (double[]){sqrt(2), 0, 1 / sqrt(2), sqrt(1.5)}), 1e-14);
    assert_null(tsr_linalg_cholesky(matrix(2, 2, (double[]){1, 2, 2, 1})));
    tensors_expect_error(tsr_error_status(), "is not positive definite");
}

static tsr_tensor *square_plus_identity(tsr_tensor *a)
{
    return tsr_add(tsr_mm(a, tsr_t(a)), tsr_eye(3, .dtype = TSR_F64));
}

static bool cholesky_of_square(tsr_tensor *const *in, int64_t n_in, tsr_tensor **out, int64_t n_out, void *user)
{
    (void)n_in, (void)n_out, (void)user;
    return (out[0] = tsr_linalg_cholesky(square_plus_identity(in[0]))) != NULL;
}

static void cholesky_is_twice_differentiable(void **state)
{
    (void)state;
    tsr_tensor *a = random(TSR_SHAPE(3, 3));
    tsr_set_requires_grad(a, true);
    tensors_require(!tsr_gradcheck(cholesky_of_square, NULL, TSR_LIST(a), 1, NULL), "the derivative");
    tensors_require(!tsr_gradgradcheck(cholesky_of_square, NULL, TSR_LIST(a), 1, NULL), "the second derivative");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TENSOR_TEST(factors_that_do_not_fit_are_named),
        TENSOR_TEST(factors_of_two_dtypes_are_refused),
        TENSOR_TEST(a_beta_of_zero_does_not_read_the_input),
        TENSOR_TEST(a_matrix_can_be_added_to_its_own_square),
        TENSOR_TEST(integer_matrices_multiply),
        TENSOR_TEST(matmul_broadcasts_batches),
        TENSOR_TEST(einsum_takes_the_trace),
        TENSOR_TEST(einsum_takes_a_diagonal_of_three),
        TENSOR_TEST(the_implicit_result_is_alphabetical),
        TENSOR_TEST(einsum_chains_three_factors),
        TENSOR_TEST(einsum_broadcasts_what_the_dots_stand_for),
        TENSOR_TEST(einsum_refuses_a_letter_with_two_sizes),
        TENSOR_TEST(einsum_refuses_a_diagonal_of_two_sizes),
        TENSOR_TEST(einsum_refuses_a_result_letter_without_operand),
        TENSOR_TEST(channels_that_disagree_are_named),
        TENSOR_TEST(a_kernel_larger_than_the_input_is_refused),
        TENSOR_TEST(a_convolution_of_images_is_channels_last),
        TENSOR_TEST(same_padding_puts_the_odd_zero_at_the_end),
        TENSOR_TEST(the_transposed_convolution_is_the_adjoint),
        TENSOR_TEST(a_gradient_penalty_reaches_the_weight),
        TENSOR_TEST(an_output_padding_as_large_as_the_stride_is_refused),
        TENSOR_TEST(sizes_beyond_64_bits_are_refused),
        TENSOR_TEST(folding_counts_how_often_a_pixel_was_taken),
        TENSOR_TEST(a_matrix_times_its_inverse_is_the_identity),
        TENSOR_TEST(a_singular_matrix_has_no_inverse),
        TENSOR_TEST(the_determinant_of_a_singular_matrix_has_a_gradient),
        TENSOR_TEST(the_factors_of_a_qr_multiply_to_the_matrix),
        TENSOR_TEST(the_factors_of_an_svd_multiply_to_the_matrix),
        TENSOR_TEST(the_full_svd_completes_the_basis),
        TENSOR_TEST(cholesky_gives_a_lower_triangle),
        TENSOR_TEST(cholesky_is_twice_differentiable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
