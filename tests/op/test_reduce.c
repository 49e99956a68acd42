/* test_reduce.c: reductions and scans where they are easily wrong: ties, zeros, NaN, nothing to reduce, dtypes. Values
   follow from the formulas in the tests; how ties share gradients is PyTorch's. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "support/tensors.h"
#include "tessera/autograd.h"
#include "tessera/observe.h"
#include "tessera/ops.h"

#define VEC(...)                                                                                                       \
    tsr_from_data((double[]){__VA_ARGS__}, TSR_SHAPE((int64_t)(sizeof((double[]){__VA_ARGS__}) / 8)), TSR_F64)

static tsr_tensor *leaf(tsr_tensor *t)
{
    assert_int_equal(tsr_set_requires_grad(t, true), TSR_OK);
    return t;
}

static void expect(const char *what, tsr_tensor *got, tsr_tensor *want)
{
    tensors_expect_close(what, got, want, 1e-12);
}

static tsr_tensor *slope(tsr_tensor *y, tsr_tensor *x)
{
    tsr_tensor *g = NULL;
    tensors_require(tsr_grads(TSR_LIST(tsr_sum(y)), TSR_LIST(x), &g) == TSR_OK, "a gradient");
    return g;
}

/* ---- ties and zeros -------------------------------------------------------------------------------------------------- */

static void a_product_with_a_zero_has_a_gradient(void **state)
{
    (void)state;
    tsr_tensor *x = leaf(VEC(0, 2, 3));
    expect("prod", slope(tsr_prod(x), x), VEC(6, 0, 0));
    tsr_tensor *two = leaf(VEC(0, 2, 0));
    expect("two zeros", slope(tsr_prod(two), two), VEC(0, 0, 0));
}

static void cumulative_products_with_zeros_have_a_gradient(void **state)
{
    (void)state;
    /* d/dx of x0 + x0 x1 + x0 x1 x2 at (2, 0, 3): 1 + x1 + x1 x2, x0 + x0 x2, x0 x1 */
    tsr_tensor *x = leaf(VEC(2, 0, 3));
    expect("cumprod", slope(tsr_cumprod(x, 0), x), VEC(1, 8, 0));
}

static void equal_largest_elements_share_the_gradient_of_values_alone(void **state)
{
    (void)state;
    tsr_tensor *x = leaf(VEC(3, 1, 3));
    expect("max", slope(tsr_max(x), x), VEC(0.5, 0, 0.5));
    expect("amax", slope(tsr_amax(x), x), VEC(0.5, 0, 0.5));
    expect("median", slope(tsr_median(x), x), VEC(0.5, 0, 0.5));
}

static void the_first_largest_element_gets_the_gradient_of_values_with_positions(void **state)
{
    (void)state;
    tsr_tensor *x = leaf(VEC(3, 1, 3));
    tsr_max_dim_result top = tsr_max_dim(x, 0);
    assert_int_equal(tsr_item_int(top.indices), 0);
    expect("max.dim", slope(top.values, x), VEC(1, 0, 0));
}

static void norms_and_deviations_of_zero_have_slope_zero(void **state)
{
    (void)state;
    tsr_tensor *x = leaf(VEC(0, 0, 0));
    expect("norm", slope(tsr_norm(x), x), VEC(0, 0, 0));
    expect("norm 3", slope(tsr_norm(x, TSR_INT(3)), x), VEC(0, 0, 0));
    expect("std", slope(tsr_std(x), x), VEC(0, 0, 0));
}

/* ---- NaN and infinities ---------------------------------------------------------------------------------------------- */

static void nan_is_the_largest_smallest_and_middle(void **state)
{
    (void)state;
    tsr_tensor *x = VEC(1, NAN, 3, 0);
    assert_true(isnan(tsr_item(tsr_amax(x))) && isnan(tsr_item(tsr_min(x))) && isnan(tsr_item(tsr_median(x))));
    assert_int_equal(tsr_item_int(tsr_argmin(x)), 1);
    assert_int_equal(tsr_item_int(tsr_median_dim(x, 0).indices), 1);
    assert_float_equal(tsr_item(tsr_nansum(x)), 4, 0);
}

static void logsumexp_does_not_overflow(void **state)
{
    (void)state;
    assert_float_equal(tsr_item(tsr_logsumexp(VEC(1000, 1000), TSR_DIMS(0))), 1000 + log(2), 1e-12);
    assert_true(tsr_item(tsr_logsumexp(VEC(-INFINITY, -INFINITY), TSR_DIMS(0))) == -INFINITY);
}

/* ---- nothing to reduce ----------------------------------------------------------------------------------------------- */

static void sums_and_products_of_nothing_are_neutral(void **state)
{
    (void)state;
    tsr_tensor *none = tsr_zeros(TSR_SHAPE(0, 3));
    expect("sum", tsr_sum(none, TSR_DIMS(0)), tsr_zeros(TSR_SHAPE(3)));
    expect("prod", tsr_prod(none, TSR_INT(0)), tsr_ones(TSR_SHAPE(3)));
    assert_true(isnan(tsr_item(tsr_mean(none))));
    assert_true(tsr_item_int(tsr_all(none)) && !tsr_item_int(tsr_any(none)));
}

static void there_is_no_largest_element_of_nothing(void **state)
{
    (void)state;
    assert_null(tsr_amax(tsr_zeros(TSR_SHAPE(0, 3)), TSR_DIMS(0)));
    tensors_expect_error(tsr_error_status(), "amax: [0, 3] has no elements");
    assert_null(tsr_argmax(tsr_zeros(TSR_SHAPE(0))));
    tensors_expect_error(tsr_error_status(), "argmax: [0] has no elements");
}

/* ---- dimensions and dtypes ------------------------------------------------------------------------------------------- */

static void a_dimension_given_twice_is_refused(void **state)
{
    (void)state;
    assert_null(tsr_sum(tsr_zeros(TSR_SHAPE(2, 3)), TSR_DIMS(0, -2)));
    tensors_expect_error(tsr_error_status(), "appears multiple times");
}

static void positions_of_all_dimensions_count_rows_first(void **state)
{
    (void)state;
    tsr_tensor *x = tsr_zeros(TSR_SHAPE(2, 3));
    tensors_require(tsr_fill_(tsr_select(tsr_select(x, 0, 1), 0, 2), tsr_scalar(1)) != NULL, "fill_");
    assert_int_equal(tsr_item_int(tsr_argmax(tsr_t(tsr_contiguous(tsr_t(x))))), 5);
}

static void integers_and_truth_are_summed_as_i64(void **state)
{
    (void)state;
    tsr_tensor *count = tsr_sum(tsr_gt(VEC(1, -1, 2), tsr_scalar(0)));
    assert_int_equal(tsr_dtype_of(count), TSR_I64);
    assert_int_equal(tsr_item_int(count), 2);
    assert_null(tsr_mean(tsr_ones(TSR_SHAPE(2), TSR_I64)));
    tensors_expect_error(tsr_error_status(), "mean: the mean of i64 numbers needs a floating dtype");
}

static void variance_divides_by_the_count_less_the_correction(void **state)
{
    (void)state;
    tsr_tensor *x = VEC(1, 2, 3, 6); /* mean 3, squares 4 + 1 + 0 + 9 */
    assert_float_equal(tsr_item(tsr_var(x)), 14.0 / 3, 1e-12);
    assert_float_equal(tsr_item(tsr_var(x, .unbiased = TSR_NO)), 14.0 / 4, 1e-12);
    assert_float_equal(tsr_item(tsr_var(x, .correction = TSR_INT(2))), 14.0 / 2, 1e-12);
    assert_true(isnan(tsr_item(tsr_var(VEC(1)))));
}

static void the_kth_value_must_exist(void **state)
{
    (void)state;
    tsr_kthvalue_result second = tsr_kthvalue(VEC(5, 1, 3), 2);
    assert_float_equal(tsr_item(second.values), 3, 0);
    assert_int_equal(tsr_item_int(second.indices), 2);
    assert_null(tsr_kthvalue(VEC(5, 1, 3), 4).values);
    tensors_expect_error(tsr_error_status(), "k = 4 must lie in [1, 3]");
}

static void count_sorts(const char *name, bool done, tsr_tensor *const *outputs, int64_t count, void *user)
{
    (void)outputs, (void)count;
    if (!done && !strcmp(name, "sort")) ++*(int *)user;
}

static void several_quantiles_sort_once(void **state)
{
    (void)state;
    int sorts = 0;
    tsr_tensor *x = VEC(4, 0, 3, 1, 2);
    tsr_set_op_observer(count_sorts, &sorts);
    tsr_tensor *q = tsr_quantile_tensor(x, VEC(0, 0.5, 0.875));
    tsr_set_op_observer(NULL, NULL);
    expect("quantiles", q, VEC(0, 2, 3.5));
    assert_int_equal(sorts, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TENSOR_TEST(a_product_with_a_zero_has_a_gradient),
        TENSOR_TEST(cumulative_products_with_zeros_have_a_gradient),
        TENSOR_TEST(equal_largest_elements_share_the_gradient_of_values_alone),
        TENSOR_TEST(the_first_largest_element_gets_the_gradient_of_values_with_positions),
        TENSOR_TEST(norms_and_deviations_of_zero_have_slope_zero),
        TENSOR_TEST(nan_is_the_largest_smallest_and_middle),
        TENSOR_TEST(logsumexp_does_not_overflow),
        TENSOR_TEST(sums_and_products_of_nothing_are_neutral),
        TENSOR_TEST(there_is_no_largest_element_of_nothing),
        TENSOR_TEST(a_dimension_given_twice_is_refused),
        TENSOR_TEST(positions_of_all_dimensions_count_rows_first),
        TENSOR_TEST(integers_and_truth_are_summed_as_i64),
        TENSOR_TEST(variance_divides_by_the_count_less_the_correction),
        TENSOR_TEST(the_kth_value_must_exist),
        TENSOR_TEST(several_quantiles_sort_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
