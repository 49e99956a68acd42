/* test_pointwise.c: dtypes of element-wise operators, their subgradients at kinks, in-place forms and refusals. Values
   follow from the formulas in the tests; dtypes and subgradients are PyTorch's. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "support/tensors.h"
#include "tessera/autograd.h"
#include "tessera/ops.h"

#define VEC(...)                                                                                                       \
    tsr_from_data((double[]){__VA_ARGS__}, TSR_SHAPE((int64_t)(sizeof((double[]){__VA_ARGS__}) / 8)), TSR_F64)
#define INTS(...)                                                                                                      \
    tsr_from_data((int64_t[]){__VA_ARGS__}, TSR_SHAPE((int64_t)(sizeof((int64_t[]){__VA_ARGS__}) / 8)), TSR_I64)

static tsr_tensor *leaf(tsr_tensor *t)
{
    assert_int_equal(tsr_set_requires_grad(t, true), TSR_OK);
    return t;
}

static void expect(const char *what, tsr_tensor *got, tsr_tensor *want)
{
    tensors_expect_close(what, got, want, 1e-12);
}

/* The gradient of sum(y) for x. */
static tsr_tensor *slope(tsr_tensor *y, tsr_tensor *x)
{
    tsr_tensor *g = NULL;
    tensors_require(tsr_grads(TSR_LIST(tsr_sum(y)), TSR_LIST(x), &g, .create_graph = true) == TSR_OK, "a gradient");
    return g;
}

static void expect_dtype(tsr_tensor *t, tsr_dtype dtype)
{
    tensors_require(t != NULL, "an operator");
    assert_string_equal(tsr_dtype_name(tsr_dtype_of(t)), tsr_dtype_name(dtype));
}

/* ---- dtypes ---------------------------------------------------------------------------------------------------------- */

static void a_plain_number_does_not_raise_the_dtype_within_its_kind(void **state)
{
    (void)state;
    tsr_tensor *f = tsr_ones(TSR_SHAPE(2)), *i = tsr_ones(TSR_SHAPE(2), TSR_I32);
    expect_dtype(tsr_mul(f, tsr_scalar(0.5)), TSR_F32);
    expect_dtype(tsr_add(i, tsr_scalar_int(3)), TSR_I32);
    expect_dtype(tsr_add(i, tsr_scalar(0.5)), TSR_F32);
}

static void a_tensor_without_dimensions_is_weaker_than_one_with(void **state)
{
    (void)state;
    tsr_tensor *f = tsr_ones(TSR_SHAPE(2)), *d = tsr_ones(TSR_SCALAR_SHAPE, TSR_F64);
    expect_dtype(tsr_add(f, d), TSR_F32);
    expect_dtype(tsr_add(tsr_ones(TSR_SHAPE(2), TSR_I64), d), TSR_F64);
    expect_dtype(tsr_addcmul(f, d, d), TSR_F32);
}

static void functions_of_real_numbers_compute_integers_in_f32(void **state)
{
    (void)state;
    expect_dtype(tsr_exp(INTS(1, 2)), TSR_F32);
    expect_dtype(tsr_div(INTS(1, 2), INTS(2, 2)), TSR_F32);
    expect_dtype(tsr_div(INTS(1, 2), INTS(2, 2), "floor"), TSR_I64);
    expect_dtype(tsr_square(INTS(1, 2)), TSR_I64);
}

static void comparisons_promote_and_give_bool(void **state)
{
    (void)state;
    tsr_tensor *less = tsr_lt(INTS(1, 3), VEC(1.5, 2.5));
    expect_dtype(less, TSR_BOOL);
    assert_true(tensors_at(less, 0) == 1 && tensors_at(less, 1) == 0);
}

static void channels_last_stays_through_element_wise_operators(void **state)
{
    (void)state;
    tsr_tensor *x = tsr_contiguous(tsr_randn(TSR_SHAPE(2, 3, 4, 5)), "channels_last");
    tsr_tensor *bias = tsr_randn(TSR_SHAPE(3, 1, 1));
    assert_true(tsr_is_channels_last(x));
    assert_true(tsr_is_channels_last(tsr_silu(tsr_add(tsr_relu(x), bias))));
    tsr_tensor *one = tsr_expand(tsr_ones(TSR_SHAPE(1, 1, 1, 1)), TSR_SHAPE(2, 3, 4, 5)); /* lends no layout */
    assert_true(tsr_is_channels_last(tsr_mul(one, x)));
}

/* ---- at kinks -------------------------------------------------------------------------------------------------------- */

static void abs_and_relu_have_slope_zero_at_zero(void **state)
{
    (void)state;
    tsr_tensor *x = leaf(VEC(-1, 0, 1));
    expect("abs", slope(tsr_abs(x), x), VEC(-1, 0, 1));
    expect("relu", slope(tsr_relu(x), x), VEC(0, 0, 1));
}

static void clamp_has_slope_one_at_its_bounds_and_hardtanh_zero(void **state)
{
    (void)state;
    tsr_tensor *x = leaf(VEC(-2, -1, 0, 1, 2));
    expect("clamp", slope(tsr_clamp(x, TSR_INT(-1), TSR_INT(1)), x), VEC(0, 1, 1, 1, 0));
    expect("hardtanh", slope(tsr_hardtanh(x), x), VEC(0, 0, 1, 0, 0));
}

static void equal_operands_of_maximum_share_the_gradient(void **state)
{
    (void)state;
    tsr_tensor *x = leaf(VEC(1, 2, 3)), *y = leaf(VEC(2, 2, 2));
    tsr_tensor *m = tsr_maximum(x, y);
    expect("the first", slope(m, x), VEC(0, 0.5, 1));
    expect("the second", slope(tsr_maximum(x, y), y), VEC(1, 0.5, 0));
}

static void the_power_zero_has_slope_zero_even_at_zero(void **state)
{
    (void)state;
    tsr_tensor *x = leaf(VEC(0, 2)), *e = leaf(VEC(0, 3));
    expect("base", slope(tsr_pow(x, e), x), VEC(0, 12));             /* 3 x^2 */
    expect("exponent", slope(tsr_pow(x, e), e), VEC(0, 8 * log(2))); /* x^3 log(x) */
    expect("number", slope(tsr_pow(x, tsr_scalar(0)), x), VEC(0, 0));
}

static void logit_has_no_slope_outside_unless_clamped(void **state)
{
    (void)state;
    tsr_tensor *x = leaf(VEC(-1, 0.5)), *plain = slope(tsr_logit(x), x);
    assert_true(isnan(tensors_at(plain, 0)));
    assert_float_equal(tensors_at(plain, 1), 4, 1e-12); /* 1 / (x (1 - x)) */
    expect("clamped", slope(tsr_logit(x, TSR_FLOAT(0.1)), x), VEC(0, 4));
}

/* ---- derivatives of derivatives -------------------------------------------------------------------------------------- */

static void the_third_derivative_of_lgamma_is_known(void **state)
{
    (void)state;
    /* psi2(1) = -2 zeta(3); psi2(1/2) = -14 zeta(3); psi2(-1/2) = psi2(1/2) + 16 */
    const double zeta3 = 1.20205690315959428540;
    tsr_tensor *x = leaf(VEC(1, 0.5, -0.5));
    tsr_tensor *third = slope(slope(slope(tsr_lgamma(x), x), x), x);
    tensors_expect_close("psi2", third, VEC(-2 * zeta3, -14 * zeta3, -14 * zeta3 + 16), 1e-10);
}

static void acosh_has_the_slope_of_its_formula(void **state)
{
    (void)state;
    tsr_tensor *x = leaf(VEC(2, 3));
    expect("acosh", slope(tsr_acosh(x), x), VEC(1 / sqrt(3), 1 / sqrt(8))); /* 1 / sqrt(x^2 - 1) */
}

/* ---- in place -------------------------------------------------------------------------------------------------------- */

static void a_result_that_does_not_fit_is_not_written(void **state)
{
    (void)state;
    tsr_tensor *i = INTS(1, 2);
    assert_null(tsr_add_(i, tsr_scalar(0.5)));
    tensors_expect_error(tsr_error_status(), "result type f32 can't be cast to the desired output type i64");
    assert_null(tsr_mul_(i, tsr_ones(TSR_SHAPE(3, 2), TSR_I64)));
    tensors_expect_error(tsr_error_status(), "output with shape [2]");
    assert_float_equal(tensors_at(i, 1), 2, 0);
}

static void in_place_forms_give_the_same_gradient(void **state)
{
    (void)state;
    tsr_tensor *x = leaf(VEC(0.3, -0.7)), *y = tsr_clone(x);
    tensors_require(tsr_sin_(tsr_mul_(y, tsr_scalar(2))) == y, "in place");
    expect("value", y, tsr_sin(tsr_mul(x, tsr_scalar(2))));
    expect("gradient", slope(y, x), slope(tsr_sin(tsr_mul(x, tsr_scalar(2))), x));
}

static void a_narrower_tensor_takes_a_wider_result(void **state)
{
    (void)state;
    tsr_tensor *f = tsr_ones(TSR_SHAPE(2));
    tensors_require(tsr_add_(f, VEC(1, 2)) == f, "add_");
    expect_dtype(f, TSR_F32);
    assert_float_equal(tensors_at(f, 1), 3, 0);
}

/* ---- refusals -------------------------------------------------------------------------------------------------------- */

static void numbers_are_refused_where_pytorch_refuses_them(void **state)
{
    (void)state;
    assert_null(tsr_maximum(VEC(1, 2), tsr_scalar(0)));
    tensors_expect_error(tsr_error_status(), "maximum: argument 2 must be a tensor, not a number");
    assert_null(tsr_eq(tsr_scalar(0), VEC(1, 2)));
    tensors_expect_error(tsr_error_status(), "eq: argument 1 must be a tensor");
}

static void integers_are_not_divided_by_zero(void **state)
{
    (void)state;
    assert_null(tsr_floor_divide(INTS(1, 2), INTS(1, 0)));
    tensors_expect_error(tsr_error_status(), "division by zero");
    assert_null(tsr_remainder(INTS(1, 2), tsr_scalar_int(0)));
    tensors_expect_error(tsr_error_status(), "division by zero");
    assert_true(isinf(tensors_at(tsr_div(INTS(1, 2), INTS(1, 0)), 1)));
}

static void shapes_that_do_not_broadcast_are_named(void **state)
{
    (void)state;
    assert_null(tsr_add(VEC(1, 2), VEC(1, 2, 3)));
    tensors_expect_error(tsr_error_status(), "[2]");
    assert_null(tsr_where(VEC(1, 2), VEC(1, 2), VEC(1, 2)));
    tensors_expect_error(tsr_error_status(), "where: the condition must be a bool tensor, got f64");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TENSOR_TEST(a_plain_number_does_not_raise_the_dtype_within_its_kind),
        TENSOR_TEST(a_tensor_without_dimensions_is_weaker_than_one_with),
        TENSOR_TEST(functions_of_real_numbers_compute_integers_in_f32),
        TENSOR_TEST(comparisons_promote_and_give_bool),
        TENSOR_TEST(channels_last_stays_through_element_wise_operators),
        TENSOR_TEST(abs_and_relu_have_slope_zero_at_zero),
        TENSOR_TEST(clamp_has_slope_one_at_its_bounds_and_hardtanh_zero),
        TENSOR_TEST(equal_operands_of_maximum_share_the_gradient),
        TENSOR_TEST(the_power_zero_has_slope_zero_even_at_zero),
        TENSOR_TEST(logit_has_no_slope_outside_unless_clamped),
        TENSOR_TEST(the_third_derivative_of_lgamma_is_known),
        TENSOR_TEST(acosh_has_the_slope_of_its_formula),
        TENSOR_TEST(a_result_that_does_not_fit_is_not_written),
        TENSOR_TEST(in_place_forms_give_the_same_gradient),
        TENSOR_TEST(a_narrower_tensor_takes_a_wider_result),
        TENSOR_TEST(numbers_are_refused_where_pytorch_refuses_them),
        TENSOR_TEST(integers_are_not_divided_by_zero),
        TENSOR_TEST(shapes_that_do_not_broadcast_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
