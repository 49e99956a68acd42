/* test_edges.c: operators at the edges: infinite and missing numbers, singular matrices, tensors without elements or
   dimensions, mixed dtypes, writes in place that leave nothing of what was there. Values are those of PyTorch 1.13 unless
   a formula stands beside them. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "backend/backend.h"
#include "support/tensors.h"
#include "tessera/autograd.h"
#include "tessera/call.h"
#include "tessera/ops.h"

#define VEC(...)                                                                                                       \
    tsr_from_data((double[]){__VA_ARGS__}, TSR_SHAPE((int64_t)(sizeof((double[]){__VA_ARGS__}) / 8)), TSR_F64)
#define EXPECT(t, ...)                                                                                                 \
    expect_values(t, (double[]){__VA_ARGS__}, (int64_t)(sizeof((double[]){__VA_ARGS__}) / sizeof(double)))

static tsr_tensor *leaf(tsr_tensor *t)
{
    assert_int_equal(tsr_set_requires_grad(t, true), TSR_OK);
    return t;
}

/* Element by element to 1e-12; NaN is NaN and infinities have their sign. */
static void expect_values(tsr_tensor *t, const double *want, int64_t n)
{
    tensors_require(t != NULL, "an operator");
    assert_int_equal(tsr_numel(t), n);
    for (int64_t i = 0; i < n; i++) {
        double got = tensors_at(t, i);
        bool same = isnan(want[i])   ? isnan(got)
                    : isinf(want[i]) ? got == want[i]
                                     : fabs(got - want[i]) <= 1e-12 * (1 + fabs(want[i]));
        if (!same) fail_msg("element %lld is %.17g, not %.17g", (long long)i, got, want[i]);
    }
}

static tsr_tensor *backward(tsr_tensor *y, tsr_tensor *x)
{
    tensors_require(tsr_backward(tsr_sum(y)) == TSR_OK, "backward");
    return tsr_grad(x);
}

static void expect_dtype(tsr_tensor *t, tsr_dtype dtype)
{
    tensors_require(t != NULL, "an operator");
    assert_string_equal(tsr_dtype_name(tsr_dtype_of(t)), tsr_dtype_name(dtype));
}

static tsr_arg tensor_arg(tsr_tensor *t) { return (tsr_arg){.value = {.kind = TSR_VALUE_TENSOR, .tensor = t}}; }

static void expect_refused(tsr_tensor *t, const char *words)
{
    assert_null(t);
    tensors_expect_error(tsr_error_status(), words);
}

/* ---- dtypes ---------------------------------------------------------------------------------------------------------- */

static void three_operands_weigh_those_with_dimensions_first(void **state)
{
    (void)state;
    tsr_tensor *whole = tsr_ones(TSR_SHAPE(2, 3), TSR_I64), *weak = tsr_full(TSR_SCALAR_SHAPE, TSR_INT(2), TSR_F64);
    tsr_tensor *real = tsr_ones(TSR_SHAPE(1, 3));
    expect_dtype(tsr_addcmul(whole, weak, real), TSR_F32);
    expect_dtype(tsr_addcmul(weak, whole, real), TSR_F32);
    expect_dtype(tsr_addcdiv(real, weak, whole), TSR_F32);
    expect_dtype(tsr_clamp_tensor(whole, weak, real), TSR_F32);
    expect_dtype(tsr_addcmul(whole, weak, whole), TSR_F64);
}

static void bytes_choose_as_booleans_do(void **state)
{
    (void)state;
    tsr_tensor *condition = tsr_to(VEC(2, 0), TSR_U8), *x = leaf(VEC(5, 6));
    tsr_tensor *y = tsr_where(condition, x, tsr_scalar(-1));
    EXPECT(y, 5, -1);
    EXPECT(backward(y, x), 1, 0);
    expect_refused(tsr_where(tsr_to(condition, TSR_I64), x, x), "must be a bool tensor");
}

/* ---- in place -------------------------------------------------------------------------------------------------------- */

static void comparisons_and_logic_write_in_place(void **state)
{
    (void)state;
    EXPECT(tsr_eq_(VEC(1, 2), tsr_scalar(2)), 0, 1);
    EXPECT(tsr_ne_(VEC(1, 2), VEC(1, 1)), 0, 1);
    EXPECT(tsr_lt_(VEC(1, 2), tsr_scalar(2)), 1, 0);
    EXPECT(tsr_le_(VEC(1, 2), tsr_scalar(1)), 1, 0);
    EXPECT(tsr_gt_(VEC(1, 2), tsr_scalar(1)), 0, 1);
    EXPECT(tsr_ge_(VEC(1, 2), tsr_scalar(2)), 0, 1);
    EXPECT(tsr_logical_and_(VEC(3, 0), VEC(1, 1)), 1, 0);
    EXPECT(tsr_logical_or_(VEC(3, 0), VEC(0, 0)), 1, 0);
    EXPECT(tsr_logical_xor_(VEC(3, 0), VEC(1, 1)), 0, 1);
    EXPECT(tsr_logical_not_(VEC(3, 0)), 0, 1);
    tsr_tensor *six = tsr_to(VEC(6, 5), TSR_I32), *three = tsr_to(VEC(3, 3), TSR_I32);
    EXPECT(tsr_bitwise_and_(tsr_clone(six), three), 2, 1);
    EXPECT(tsr_bitwise_or_(tsr_clone(six), three), 7, 7);
    EXPECT(tsr_bitwise_xor_(tsr_clone(six), three), 5, 6);
    EXPECT(tsr_bitwise_not_(tsr_clone(six)), -7, -6);
    EXPECT(tsr_floor_divide_(VEC(7, -7), tsr_scalar(2)), 3, -4);
    EXPECT(tsr_clamp_min_(VEC(1, 2), VEC(1.5, 1.5)), 1.5, 2);
    EXPECT(tsr_clamp_max_(VEC(1, 2), VEC(1.5, 1.5)), 1, 1.5);
    tsr_tensor *x = VEC(1, 2);
    EXPECT(tsr_eq_(x, x), 1, 1);
}

static void the_aliases_of_comparisons_write_in_place_by_name(void **state)
{
    (void)state;
    static const char *const names[] = {"not_equal_", "less_", "less_equal_", "greater_", "greater_equal_"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        tsr_tensor *x = VEC(1, 2), *out[1];
        tsr_arg args[] = {tensor_arg(x), {.value = {.kind = TSR_VALUE_FLOAT, .f = 1.5}}};
        tensors_require(tsr_call(names[i], args, 2, out, 1) == 1, names[i]);
        assert_ptr_equal(out[0], x);
    }
}

/* y = x^2 is overwritten, so nothing of x is left in it. */
static void a_comparison_in_place_leaves_no_gradient(void **state)
{
    (void)state;
    tsr_tensor *x = leaf(VEC(1, 2)), *y = tsr_square(x);
    tsr_gt_(y, tsr_scalar(2));
    EXPECT(y, 0, 1);
    EXPECT(backward(y, x), 0, 0);
    tsr_tensor *z = leaf(VEC(1, 2)), *w = tsr_mul(z, tsr_scalar(3));
    tsr_tensor *first = tsr_narrow(w, 0, 0, 1);
    tsr_logical_not_(first);
    EXPECT(backward(w, z), 0, 3);
    expect_refused(tsr_eq_(leaf(VEC(1)), tsr_scalar(1)), "eq_: a leaf Variable that requires grad");
    tsr_tensor *mask = tsr_zeros(TSR_SHAPE(2), TSR_BOOL);
    assert_false(tsr_requires_grad(tsr_logical_or_(mask, x)));
}

static void cumulative_sums_in_place_keep_their_dtype(void **state)
{
    (void)state;
    expect_refused(tsr_cumsum_(tsr_ones(TSR_SHAPE(2)), 0, .dtype = TSR_F64), "dtype f64 must be that");
    expect_refused(tsr_cumprod_(tsr_ones(TSR_SHAPE(2), TSR_I64), 0, .dtype = TSR_I32), "dtype i32 must be that");
    EXPECT(tsr_cumsum_(tsr_ones(TSR_SHAPE(2), TSR_I32), 0), 1, 2);
}

/* ---- numbers ---------------------------------------------------------------------------------------------------------- */

/* psi(x) = -1/x - gamma + O(x); psi1(x) = 1/x^2 + pi^2/6 + O(x) */
static void digamma_and_its_derivative_are_exact_beside_their_poles(void **state)
{
    (void)state;
    EXPECT(tsr_digamma(VEC(-1e-30, -1e-15, -1e-12)), 1e30, 1e15 - 0.57721566490153286, 1e12 - 0.57721566490153286);
    EXPECT(tsr_digamma(VEC(-1.3, -7.5, -1000.3)), 2.8825405488661673, 2.0800908175794204, 9.191055669255658);
    tsr_tensor *x = leaf(VEC(-1e-30, -1e-5));
    EXPECT(backward(tsr_digamma(x), x), 1e60, 1e10 + 1.6449340668482264);
}

static void one_bound_limits_booleans(void **state)
{
    (void)state;
    tsr_tensor *truth = tsr_to(VEC(1, 1, 0), TSR_BOOL);
    tsr_tensor *limited = tsr_clamp_max(truth, tsr_to(VEC(1, 0, 1), TSR_BOOL));
    expect_dtype(limited, TSR_BOOL);
    EXPECT(limited, 1, 0, 0);
}

static void linspace_of_integers_has_integer_ends(void **state)
{
    (void)state;
    EXPECT(tsr_linspace(TSR_FLOAT(0.5), TSR_FLOAT(7.5), 6, .dtype = TSR_U8), 0, 1, 2, 4, 5, 7);
    EXPECT(tsr_linspace(TSR_FLOAT(-7.5), TSR_FLOAT(0.5), 6, .dtype = TSR_I64), -7, -5, -4, -2, -1, 0);
}

static void integers_are_filled_with_the_whole_part(void **state)
{
    (void)state;
    tsr_tensor *mask = tsr_to(VEC(1, 0), TSR_BOOL), *ones = tsr_ones(TSR_SHAPE(2), TSR_I64);
    EXPECT(tsr_masked_fill(ones, mask, TSR_FLOAT(-1.5)), -1, 1);
    expect_refused(tsr_masked_fill(ones, mask, TSR_FLOAT(NAN)), "does not fit");
    expect_refused(tsr_masked_fill(tsr_to(ones, TSR_U8), mask, TSR_FLOAT(-1.5)), "does not fit");
}

static void integers_have_no_fractional_factors(void **state)
{
    (void)state;
    tsr_tensor *v = tsr_ones(TSR_SHAPE(2), TSR_I64), *m = tsr_ones(TSR_SHAPE(2, 2), TSR_I64);
    tsr_tensor *b = tsr_unsqueeze(m, 0);
    expect_refused(tsr_addr(m, v, v, .alpha = TSR_FLOAT(0.5)), "addr: alpha = 0.5 must be an integer");
    expect_refused(tsr_addmm(m, m, m, .beta = TSR_FLOAT(0.5)), "addmm: beta = 0.5 must be an integer");
    expect_refused(tsr_addmv(v, m, v, .alpha = TSR_FLOAT(0.5)), "addmv: alpha");
    expect_refused(tsr_baddbmm(b, b, b, .alpha = TSR_FLOAT(0.5)), "baddbmm: alpha");
    EXPECT(tsr_addmv(v, m, v, .alpha = TSR_FLOAT(2)), 5, 5);
}

/* ---- gradients -------------------------------------------------------------------------------------------------------- */

static void xlogy_takes_booleans(void **state)
{
    (void)state;
    tsr_tensor *x = leaf(VEC(0, 2));
    EXPECT(backward(tsr_xlogy(x, tsr_to(VEC(1, 0), TSR_BOOL)), x), 0, -INFINITY);
}

static void prelu_of_infinity_has_a_finite_gradient(void **state)
{
    (void)state;
    tsr_tensor *x = leaf(VEC(INFINITY, -1)), *w = leaf(VEC(0.25));
    EXPECT(backward(tsr_prelu(x, w), x), 1, 0.25);
    EXPECT(tsr_grad(w), -1);
}

static void smooth_losses_of_infinity_have_a_finite_gradient(void **state)
{
    (void)state;
    tsr_tensor *x = leaf(VEC(INFINITY, -1)), *y = leaf(VEC(0, 0));
    EXPECT(backward(tsr_huber_loss(x, y), x), 0.5, -0.5);
    EXPECT(tsr_grad(y), -0.5, 0.5);
    tsr_tensor *z = leaf(VEC(INFINITY, -1));
    EXPECT(backward(tsr_smooth_l1_loss(z, VEC(0, 0)), z), 0.5, -0.5);
}

static void a_bound_that_is_no_number_takes_and_leaves_no_gradient(void **state)
{
    (void)state;
    tsr_tensor *x = leaf(VEC(1, 2)), *high = leaf(VEC(NAN, 1));
    EXPECT(backward(tsr_clamp_max(x, high), x), 0, 0);
    EXPECT(tsr_grad(high), 0, 1);
}

static void hardtanh_and_relu6_pass_the_gradient_of_nan(void **state)
{
    (void)state;
    tsr_tensor *x = leaf(VEC(NAN, 2)), *y = leaf(VEC(NAN, 2));
    EXPECT(backward(tsr_hardtanh(x), x), 1, 0);
    EXPECT(backward(tsr_relu6(y), y), 1, 1);
}

static tsr_tensor *matrix(double a, double b, double c, double d)
{
    return tsr_reshape(VEC(a, b, c, d), TSR_SHAPE(2, 2));
}

/* The derivative of log|det A| is A^-T; where det A is 0 its cofactors, here [[4, -2], [-2, 1]], times infinity. */
static void slogdet_of_a_singular_matrix_has_an_infinite_gradient(void **state)
{
    (void)state;
    tsr_tensor *both = leaf(tsr_stack(TSR_LIST(matrix(1, 2, 2, 4), matrix(2, 0, 0, 4))));
    tsr_tensor *g = backward(tsr_linalg_slogdet(both).logabsdet, both);
    EXPECT(g, INFINITY, -INFINITY, -INFINITY, INFINITY, 0.5, 0, 0, 0.25);
}

/* The cofactors of [[a, b], [c, d]] are [[d, -c], [-b, a]]; weighed by 1, 3, 5, 7 they have the derivative [[7, -5], [-3, 1]]. */
static void det_of_a_singular_matrix_is_twice_differentiable(void **state)
{
    (void)state;
    tsr_tensor *x = leaf(matrix(1, 2, 2, 4)), *g = NULL, *d = tsr_linalg_det(x);
    tensors_require(tsr_grads(TSR_LIST(d), TSR_LIST(x), &g, .create_graph = true) == TSR_OK, "a gradient");
    EXPECT(g, 4, -2, -2, 1);
    EXPECT(backward(tsr_mul(g, matrix(1, 3, 5, 7)), x), 7, -5, -3, 1);
}

static void running_statistics_that_require_a_gradient_are_refused(void **state)
{
    (void)state;
    tsr_tensor *x = tsr_ones(TSR_SHAPE(2, 1), TSR_F64);
    expect_refused(tsr_batch_norm(x, leaf(VEC(0)), VEC(1)), "must not require a gradient");
    expect_refused(tsr_batch_norm(x, VEC(0), leaf(VEC(1)), .training = true), "must not require a gradient");
}

/* ---- few elements, few dimensions -------------------------------------------------------------------------------------- */

static void distances_and_directions_without_features_are_zero(void **state)
{
    (void)state;
    tsr_tensor *e = tsr_zeros(TSR_SHAPE(2, 0), TSR_F64);
    EXPECT(tsr_cdist(e, e, .p = INFINITY), 0, 0, 0, 0);
    tsr_tensor *none = tsr_normalize(tsr_zeros(TSR_SHAPE(0)), .p = INFINITY, .dim = TSR_INT(0));
    tensors_require(none != NULL, "normalize");
    assert_int_equal(tsr_numel(none), 0);
}

static void a_count_of_differences_with_nan_is_nan(void **state)
{
    (void)state;
    tsr_tensor *x = tsr_reshape(VEC(NAN, 1, 2), TSR_SHAPE(1, 3)), *y = tsr_reshape(VEC(1, 1, 3), TSR_SHAPE(1, 3));
    EXPECT(tsr_cdist(x, y, .p = TSR_ZERO), NAN);
    EXPECT(tsr_cdist(tsr_add(y, tsr_scalar(0.5)), y, .p = TSR_ZERO), 3);
}

static void no_quantiles_are_an_empty_result(void **state)
{
    (void)state;
    tsr_tensor *q = tsr_quantile_tensor(tsr_ones(TSR_SHAPE(3, 2)), tsr_zeros(TSR_SHAPE(0)), .dim = TSR_INT(0));
    tensors_require(q != NULL, "quantile");
    assert_true(tsr_shape_equal(tsr_shape_of(q), TSR_SHAPE(0, 2)));
}

static void one_count_of_repetitions_is_for_all(void **state)
{
    (void)state;
    tsr_tensor *two = tsr_to(VEC(2), TSR_I32);
    EXPECT(tsr_repeat_interleave_tensor(VEC(1, 2), two), 1, 1, 2, 2);
    EXPECT(tsr_repeat_interleave_tensor(VEC(1, 2), tsr_full(TSR_SCALAR_SHAPE, TSR_INT(1)), .dim = TSR_INT(0)), 1, 2);
}

static void a_tensor_without_dimensions_has_none_to_name(void **state)
{
    (void)state;
    tsr_tensor *x = tsr_ones(TSR_SCALAR_SHAPE);
    expect_refused(tsr_flatten(x, 1, TSR_ZERO_INT), "Dimension out of range");
    expect_refused(tsr_roll(x, TSR_SHAPE(1), TSR_DIMS(-1)), "0-d");
    expect_refused(tsr_repeat_interleave(x, 2, .dim = TSR_INT(-1)), "0-d");
    EXPECT(tsr_flatten(x), 1);
}

static void tensordot_takes_both_lists_of_dims_as_one_value(void **state)
{
    (void)state;
    tsr_tensor *m = matrix(1, 2, 2, 4), *out[1];
    tsr_value zero = {.kind = TSR_VALUE_INT, .i = 0}, one = {.kind = TSR_VALUE_INT, .i = 1};
    tsr_value lists[2] = {{.kind = TSR_VALUE_LIST, .list = {&zero, 1}}, {.kind = TSR_VALUE_LIST, .list = {&one, 1}}};
    tsr_arg args[] = {tensor_arg(m), tensor_arg(m), {.value = {.kind = TSR_VALUE_LIST, .list = {lists, 2}}}};
    tensors_require(tsr_call("tensordot", args, 3, out, 1) == 1, "tensordot");
    EXPECT(out[0], 5, 10, 10, 20);
}

/* ---- messages ---------------------------------------------------------------------------------------------------------- */

static void messages_begin_with_the_operator_that_was_called(void **state)
{
    (void)state;
    expect_refused(tsr_randn(TSR_SHAPE(2, -3)), "randn: ");
    expect_refused(tsr_median(tsr_zeros(TSR_SHAPE(0), TSR_U8)), "median: input [0] is empty");
    expect_refused(tsr_add_(leaf(VEC(1)), VEC(1)), "add_: a leaf Variable");
    expect_refused(tsr_add_(tsr_expand(VEC(1), TSR_SHAPE(2)), VEC(1)), "add_: unsupported operation");
    tsr_tensor *failed = tsr_add(VEC(1, 2), VEC(1, 2, 3));
    expect_refused(tsr_exp(failed), "add: ");
}

static void another_word_is_refused_with_those_that_an_argument_takes(void **state)
{
    (void)state;
    tsr_tensor *x = VEC(1, 2), *y = VEC(3, 4);
    expect_refused(tsr_gelu(x, .approximate = "tan"),
                   "gelu: argument 'approximate' must be \"none\" or \"tanh\", not \"tan\"");
    expect_refused(tsr_div(x, y, .rounding_mode = "up"), "must be None, \"floor\" or \"trunc\", not \"up\"");
    expect_refused(tsr_mse_loss(x, y, "batchmean"), "must be \"mean\", \"sum\" or \"none\", not \"batchmean\"");
    EXPECT(tsr_kl_div(VEC(0, 0), VEC(1, 1), "batchmean"), 0);
}

static void every_word_but_equations_has_its_values_in_the_tables(void **state)
{
    (void)state;
    tsr_op_param_description p;
    int words = 0;
    for (int64_t i = 0; i < tsr_op_count(); i++)
        for (int64_t k = 0; tsr_op_describe_param(i, k, &p); k++) {
            if (strncmp(p.type, "str", 3) != 0) continue;
            assert_int_equal(p.values != NULL, strcmp(p.name, "equation") != 0);
            words++;
        }
    assert_true(words > 25);
}

/* 0.1 is below the float next to it. */
static void shrinks_compare_with_lambd_as_the_input_holds_it(void **state)
{
    (void)state;
    static const char *const tiers[] = {"reference", NULL};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(backend_select(tiers[i]), TSR_OK);
        tsr_tensor *x = tsr_full(TSR_SHAPE(1), TSR_FLOAT(0.1), TSR_F32);
        EXPECT(tsr_hardshrink(x, 0.1), 0);
        EXPECT(tsr_softshrink(x, 0.1), 0);
    }
    expect_refused(tsr_softshrink(VEC(1), NAN), "lambd must be a number of at least 0, got nan");
    expect_refused(tsr_softshrink(VEC(1), INFINITY), "got inf");
}

/* Where the sigmoid is 0 or 1: values from PyTorch (silu, and gelu's derivative). */
static void fused_activations_know_huge_values(void **state)
{
    static const double at[] = {-3e38, -1e38, -100, -87.5, 87.5, 100, 1e38};
    (void)state;
    tsr_tensor *x = tsr_randn(TSR_SHAPE(1, 8, 3)), *w = tsr_zeros(TSR_SHAPE(8));
    for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
        tsr_tensor *b = leaf(tsr_full(TSR_SHAPE(8), TSR_FLOAT(at[i])));
        tsr_tensor *y = tsr_group_norm_silu(x, 2, w, b), *g = leaf(tsr_full(TSR_SHAPE(9), TSR_FLOAT(at[i])));
        assert_true(fabs(tensors_at(y, 0) - (at[i] > 0 ? at[i] : 0)) <= 1e-6 * fabs(at[i] > 0 ? at[i] : 1e-30));
        assert_int_equal(tsr_backward(tsr_sum(y)), TSR_OK);
        assert_true(fabs(tensors_at(tsr_grad(b), 0) - (at[i] > 0 ? 3 : 0)) < 1e-6);
        assert_int_equal(tsr_backward(tsr_sum(tsr_gelu(g))), TSR_OK);
        assert_true(fabs(tensors_at(tsr_grad(g), 0) - (at[i] > 0)) < 1e-6);
    }
    tsr_tensor *low = tsr_full(TSR_SHAPE(8), TSR_FLOAT(-INFINITY));
    assert_true(isnan(tensors_at(tsr_group_norm_silu(x, 2, w, low), 0)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TENSOR_TEST(three_operands_weigh_those_with_dimensions_first),
        TENSOR_TEST(bytes_choose_as_booleans_do),
        TENSOR_TEST(comparisons_and_logic_write_in_place),
        TENSOR_TEST(the_aliases_of_comparisons_write_in_place_by_name),
        TENSOR_TEST(a_comparison_in_place_leaves_no_gradient),
        TENSOR_TEST(cumulative_sums_in_place_keep_their_dtype),
        TENSOR_TEST(digamma_and_its_derivative_are_exact_beside_their_poles),
        TENSOR_TEST(one_bound_limits_booleans),
        TENSOR_TEST(linspace_of_integers_has_integer_ends),
        TENSOR_TEST(integers_are_filled_with_the_whole_part),
        TENSOR_TEST(integers_have_no_fractional_factors),
        TENSOR_TEST(xlogy_takes_booleans),
        TENSOR_TEST(prelu_of_infinity_has_a_finite_gradient),
        TENSOR_TEST(smooth_losses_of_infinity_have_a_finite_gradient),
        TENSOR_TEST(a_bound_that_is_no_number_takes_and_leaves_no_gradient),
        TENSOR_TEST(hardtanh_and_relu6_pass_the_gradient_of_nan),
        TENSOR_TEST(slogdet_of_a_singular_matrix_has_an_infinite_gradient),
        TENSOR_TEST(det_of_a_singular_matrix_is_twice_differentiable),
        TENSOR_TEST(running_statistics_that_require_a_gradient_are_refused),
        TENSOR_TEST(distances_and_directions_without_features_are_zero),
        TENSOR_TEST(a_count_of_differences_with_nan_is_nan),
        TENSOR_TEST(no_quantiles_are_an_empty_result),
        TENSOR_TEST(one_count_of_repetitions_is_for_all),
        TENSOR_TEST(a_tensor_without_dimensions_has_none_to_name),
        TENSOR_TEST(tensordot_takes_both_lists_of_dims_as_one_value),
        TENSOR_TEST(messages_begin_with_the_operator_that_was_called),
        TENSOR_TEST(another_word_is_refused_with_those_that_an_argument_takes),
        TENSOR_TEST(every_word_but_equations_has_its_values_in_the_tables),
        TENSOR_TEST(shrinks_compare_with_lambd_as_the_input_holds_it),
        TENSOR_TEST(fused_activations_know_huge_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
