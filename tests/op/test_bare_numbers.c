/* test_bare_numbers.c: optional arguments spelled as in Python, `.dim = 1`: C accepts that with a warning and puts the
   number into the first member of the argument's struct. Each is refused with a sentence that says the right
   spelling; only a bare 0 looks as if nothing was given. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/tensors.h"
#include "tessera/ops.h"

#pragma GCC diagnostic ignored "-Wmissing-braces"
#pragma GCC diagnostic ignored "-Wint-conversion"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

static void expect_refused(tsr_tensor *result, const char *words)
{
    assert_null(result);
    tensors_expect_error(tsr_error_status(), words);
}

static tsr_tensor *ones(void) { return tsr_ones(TSR_SHAPE(2, 3)); }

static void a_bare_dimension_is_refused(void **state)
{
    (void)state;
    tsr_tensor *x = ones();
    expect_refused(tsr_sum(x, 1), "sum: argument 'dim' has values but no count: write TSR_DIMS(1), not 1");
    expect_refused(tsr_sum(x, .dim = 1), "write TSR_DIMS(1), not 1");
    expect_refused(tsr_mean(x, -1), "write TSR_DIMS(-1), not -1");
    expect_refused(tsr_mean(x, 0, true), "write TSR_DIMS(0, 1), not 0, 1");
    expect_refused(tsr_sort(x, .dim = 1).values, "sort: argument 'dim' must be given as TSR_INT(1)");
}

static void a_bare_shape_is_refused(void **state)
{
    (void)state;
    expect_refused(tsr_zeros(2, 3), "zeros: argument 'size' has values but no count: write TSR_SHAPE(2, 3), not 2, 3");
    expect_refused(tsr_randn(2, 3), "write TSR_SHAPE(2, 3), not 2, 3");
    expect_refused(tsr_interpolate(tsr_ones(TSR_SHAPE(1, 1, 2, 2)), .scale_factor = 2),
                   "interpolate: argument 'scale_factor' has values but no count: write TSR_FLOATS(2), not 2");
}

static void a_bare_number_is_refused(void **state)
{
    (void)state;
    tsr_tensor *x = ones();
    expect_refused(tsr_arange(5), "arange: argument 'end' must be given as TSR_INT(5) or TSR_FLOAT(x)");
    expect_refused(tsr_linspace(-1, 1, 5), "must be given as TSR_INT(-1)");
    expect_refused(tsr_linspace(0, 1, 5), "linspace: argument 'start' has a value but no kind");
    expect_refused(tsr_add(x, x, .alpha = 2), "add: argument 'alpha' must be given as TSR_INT(2)");
    expect_refused(tsr_clamp(x, -1, 1), "clamp: argument 'min' must be given as TSR_INT(-1)");
    expect_refused(tsr_clamp(x, 0, 1), "clamp: argument 'min' has a value but no kind");
}

static void a_required_number_left_out_is_refused(void **state)
{
    (void)state;
    expect_refused(tsr_full(TSR_SHAPE(2)), "full: argument 'fill_value' is required");
    expect_refused(tsr_masked_fill(ones(), tsr_ones(TSR_SHAPE(2, 3), .dtype = TSR_BOOL), (tsr_number){0}),
                   "argument 'value' is required");
}

/* {2, 0} would mean a stride of 2 and the default. */
static void one_of_two_steps_is_refused(void **state)
{
    (void)state;
    tsr_tensor *x = tsr_ones(TSR_SHAPE(1, 1, 5, 5)), *w = tsr_ones(TSR_SHAPE(1, 1, 1, 1));
    expect_refused(tsr_conv2d(x, w, .stride = 2), "conv2d: argument 'stride' is 2, then 0: write all 2 entries");
    tensors_require(tsr_conv2d(x, w, .stride = {2, 2}) != NULL, "two entries");
}

static void the_right_spellings_are_taken(void **state)
{
    (void)state;
    tsr_tensor *x = ones();
    assert_int_equal(tsr_numel(tsr_sum(x, TSR_DIMS(1))), 2);
    assert_int_equal(tsr_numel(tsr_sum(x, .dim = TSR_DIMS(0))), 3);
    assert_int_equal(tsr_numel(tsr_zeros(TSR_SCALAR_SHAPE)), 1);
    assert_int_equal(tsr_numel(tsr_arange(TSR_INT(5))), 5);
    assert_true(tsr_item(tsr_sum(tsr_full(TSR_SHAPE(2), TSR_FLOAT(1.5)))) == 3);
    assert_int_equal(tsr_size(tsr_interpolate(tsr_ones(TSR_SHAPE(1, 1, 2, 2)), .scale_factor = TSR_FLOATS(2, 3)), 3),
                     6);
}

static void an_equation_that_is_missing_is_refused(void **state)
{
    (void)state;
    expect_refused(tsr_einsum(NULL, TSR_LIST(ones())), "einsum: argument 'equation' is NULL");
    expect_refused(tsr_cat((tsr_tensors){NULL, 3}), "has 3 entries at NULL");
}

static void a_dtype_without_a_kernel_is_refused_in_the_operators_name(void **state)
{
    (void)state;
    expect_refused(tsr_exp(tsr_to(ones(), TSR_BF16)), "exp: there is no CPU kernel for bf16");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TENSOR_TEST(a_bare_dimension_is_refused),
        TENSOR_TEST(a_bare_shape_is_refused),
        TENSOR_TEST(a_bare_number_is_refused),
        TENSOR_TEST(a_required_number_left_out_is_refused),
        TENSOR_TEST(one_of_two_steps_is_refused),
        TENSOR_TEST(the_right_spellings_are_taken),
        TENSOR_TEST(an_equation_that_is_missing_is_refused),
        TENSOR_TEST(a_dtype_without_a_kernel_is_refused_in_the_operators_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
