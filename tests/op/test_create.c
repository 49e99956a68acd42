/* test_create.c: new tensors, constant, in sequence and random, and copies. Statistics are taken over so many numbers that
   the bounds in the tests are five standard deviations wide or more. */
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

enum { MANY = 40000 };

static void expect(const char *what, tsr_tensor *got, tsr_tensor *want)
{
    tensors_expect_close(what, got, want, 1e-12);
}

/* ---- sequences and constants ----------------------------------------------------------------------------------------- */

static void ranges_stop_before_their_end(void **state)
{
    (void)state;
    tensors_expect_same("integers", tsr_arange(TSR_INT(3)), INTS(0, 1, 2));
    expect("down", tsr_arange_start(TSR_INT(1), TSR_FLOAT(-0.2), TSR_FLOAT(-0.5), TSR_F64), VEC(1, 0.5, 0));
    assert_int_equal(tsr_dtype_of(tsr_arange(TSR_FLOAT(2))), TSR_F32);
    assert_null(tsr_arange_start(TSR_INT(0), TSR_INT(3), TSR_INT(-1)));
    tensors_expect_error(tsr_error_status(), "step -1 leads away from end 3");
}

static void linspace_includes_both_ends_exactly(void **state)
{
    (void)state;
    tsr_tensor *t = tsr_linspace(TSR_FLOAT(0.1), TSR_FLOAT(0.7), 4, TSR_F64);
    assert_true(tensors_at(t, 0) == 0.1 && tensors_at(t, 3) == 0.7);
}

static void the_dtype_of_full_is_that_of_its_value(void **state)
{
    (void)state;
    assert_int_equal(tsr_dtype_of(tsr_full(TSR_SHAPE(2), TSR_INT(7))), TSR_I64);
    assert_int_equal(tsr_dtype_of(tsr_full(TSR_SHAPE(2), TSR_FLOAT(7))), TSR_F32);
    int64_t large = ((int64_t)1 << 60) + 1; /* no double */
    assert_true(tsr_item_int(tsr_full(TSR_SCALAR_SHAPE, TSR_INT(large))) == large);
}

/* As in PyTorch; negative integers stand for the u8 of the same bits. */
static void numbers_that_an_integer_type_cannot_hold_are_refused(void **state)
{
    (void)state;
    tsr_tensor *whole = tsr_zeros(TSR_SHAPE(2), .dtype = TSR_I64);
    double beyond[] = {INFINITY, -INFINITY, NAN, 1e30, 0x1p63};
    for (int i = 0; i < 5; i++) {
        assert_null(tsr_full(TSR_SHAPE(2), TSR_FLOAT(beyond[i]), .dtype = TSR_I64));
        tensors_expect_error(tsr_error_status(), "does not fit dtype i64");
        assert_null(tsr_full_like(whole, TSR_FLOAT(beyond[i])));
        tensors_expect_error(tsr_error_status(), "full_like: value");
        assert_null(tsr_fill(whole, tsr_scalar(beyond[i])));
        tensors_expect_error(tsr_error_status(), "does not fit dtype i64");
        assert_null(tsr_pad(whole, TSR_SHAPE(1, 1), .value = TSR_FLOAT(beyond[i])));
        tensors_expect_error(tsr_error_status(), "does not fit dtype i64");
    }
    assert_null(tsr_full(TSR_SHAPE(2), TSR_FLOAT(3e9), .dtype = TSR_I32));
    tensors_expect_error(tsr_error_status(), "value 3e+09 does not fit dtype i32");
    assert_null(tsr_full(TSR_SHAPE(2), TSR_INT(300), .dtype = TSR_U8));
    tensors_expect_error(tsr_error_status(), "value 300 does not fit dtype u8");
    assert_float_equal(tensors_at(tsr_full(TSR_SHAPE(1), TSR_INT(-1), .dtype = TSR_U8), 0), 255, 0);
    assert_float_equal(tensors_at(tsr_full(TSR_SHAPE(1), TSR_FLOAT(-1.5), .dtype = TSR_I64), 0), -1, 0);
    assert_float_equal(tensors_at(tsr_full(TSR_SHAPE(1), TSR_FLOAT(NAN), .dtype = TSR_BOOL), 0), 1, 0);
}

static void classes_become_ones(void **state)
{
    (void)state;
    tsr_tensor *want = tsr_reshape(INTS(0, 1, 1, 0), TSR_SHAPE(2, 2));
    tensors_expect_same("one_hot", tsr_one_hot(INTS(1, 0)), want);
    assert_null(tsr_one_hot(INTS(1, 2), 2));
    tensors_expect_error(tsr_error_status(), "index 2 is outside the 2 classes");
}

static void triangles_keep_no_nan_outside(void **state)
{
    (void)state;
    tsr_tensor *nan = tsr_full(TSR_SHAPE(2, 2), TSR_FLOAT(NAN), TSR_F64);
    assert_float_equal(tensors_at(tsr_tril(nan), 1), 0, 0);
    assert_true(isnan(tensors_at(tsr_tril(nan), 0)));
}

/* ---- copies ---------------------------------------------------------------------------------------------------------- */

static void to_and_contiguous_give_the_tensor_itself_where_nothing_changes(void **state)
{
    (void)state;
    tsr_tensor *x = tsr_ones(TSR_SHAPE(2, 3));
    assert_true(tsr_shares_storage(tsr_to(x, TSR_F32), x));
    assert_true(tsr_shares_storage(tsr_contiguous(x), x));
    assert_false(tsr_shares_storage(tsr_to(x, TSR_F32, true), x));
    assert_false(tsr_shares_storage(tsr_contiguous(tsr_t(x)), x));
}

static void casts_carry_the_gradient_back(void **state)
{
    (void)state;
    tsr_tensor *x = tsr_ones(TSR_SHAPE(2)), *g = NULL;
    assert_int_equal(tsr_set_requires_grad(x, true), TSR_OK);
    tsr_tensor *y = tsr_mul(tsr_to(x, TSR_F64), VEC(3, 4));
    tensors_require(tsr_grads(TSR_LIST(tsr_sum(y)), TSR_LIST(x), &g) == TSR_OK, "a gradient");
    assert_int_equal(tsr_dtype_of(g), TSR_F32);
    assert_float_equal(tensors_at(g, 1), 4, 0);
}

static void copy_casts_and_broadcasts(void **state)
{
    (void)state;
    tsr_tensor *x = tsr_zeros(TSR_SHAPE(2, 2), TSR_I64);
    tensors_require(tsr_copy_(x, VEC(1.7, -2.7)) == x, "copy_");
    tensors_expect_same("copy_", x, tsr_reshape(INTS(1, -2, 1, -2), TSR_SHAPE(2, 2)));
    assert_null(tsr_copy_(x, tsr_zeros(TSR_SHAPE(3, 2, 2))));
    tensors_expect_error(tsr_error_status(), "src [3, 2, 2] does not broadcast to [2, 2]");
}

/* ---- random numbers -------------------------------------------------------------------------------------------------- */

static double mean_of(tsr_tensor *t) { return tsr_item(tsr_mean(tsr_to(t, TSR_F64))); }

static void the_same_seed_gives_the_same_numbers(void **state)
{
    (void)state;
    tsr_manual_seed(5);
    tsr_tensor *first = tsr_randn(TSR_SHAPE(7)), *second = tsr_randn(TSR_SHAPE(7));
    tsr_manual_seed(5);
    tensors_expect_same("again", tsr_randn(TSR_SHAPE(7)), first);
    assert_false(tsr_item_int(tsr_equal(first, second)));
}

static void uniform_and_normal_numbers_have_their_moments(void **state)
{
    (void)state;
    tsr_manual_seed(1);
    tsr_tensor *u = tsr_rand(TSR_SHAPE(MANY), TSR_F64), *n = tsr_normal(2, 3, TSR_SHAPE(MANY));
    assert_true(tsr_item(tsr_min(u)) >= 0 && tsr_item(tsr_max(u)) < 1);
    assert_float_equal(mean_of(u), 0.5, 0.01);
    assert_float_equal(mean_of(n), 2, 0.1);
    assert_float_equal(tsr_item(tsr_std(n)), 3, 0.1);
}

static void whole_numbers_reach_both_ends(void **state)
{
    (void)state;
    tsr_manual_seed(1);
    tsr_tensor *k = tsr_randint_low(-2, 3, TSR_SHAPE(MANY));
    assert_true(tsr_item_int(tsr_min(k)) == -2 && tsr_item_int(tsr_max(k)) == 2);
    assert_float_equal(mean_of(k), 0, 0.05);
    assert_null(tsr_randint(0, TSR_SHAPE(2)));
    tensors_expect_error(tsr_error_status(), "high 0 must be above low 0");
}

static void a_permutation_has_every_number_once(void **state)
{
    (void)state;
    tsr_tensor *p = tsr_randperm(1000), *seen = tsr_zeros(TSR_SHAPE(1000));
    seen = tsr_index_add(seen, 0, p, tsr_ones(TSR_SHAPE(1000)));
    tensors_expect_same("counts", seen, tsr_ones(TSR_SHAPE(1000)));
}

static void categories_without_weight_are_never_drawn(void **state)
{
    (void)state;
    tsr_manual_seed(1);
    tsr_tensor *drawn = tsr_multinomial(VEC(1, 0, 3), MANY, true);
    assert_float_equal(mean_of(tsr_eq(drawn, tsr_scalar_int(2))), 0.75, 0.02);
    assert_false(tsr_item_int(tsr_any(tsr_eq(drawn, tsr_scalar_int(1)))));
    tsr_tensor *both = tsr_sum(tsr_multinomial(VEC(1, 0, 3), 2));
    assert_int_equal(tsr_item_int(both), 2); /* 0 and 2, in some order */
    assert_null(tsr_multinomial(VEC(1, 0, 3), 3));
    tensors_expect_error(tsr_error_status(), "too few to draw 3 without replacement");
}

static void bernoulli_follows_its_probabilities(void **state)
{
    (void)state;
    tsr_manual_seed(1);
    tsr_tensor *p = tsr_full(TSR_SHAPE(MANY), TSR_FLOAT(0.2));
    assert_float_equal(mean_of(tsr_bernoulli(p)), 0.2, 0.02);
    assert_float_equal(mean_of(tsr_bernoulli_(p, .p = 0.9)), 0.9, 0.02);
    assert_null(tsr_bernoulli(VEC(0.5, 1.5)));
    tensors_expect_error(tsr_error_status(), "probabilities must lie in [0, 1]");
}

static void dropout_keeps_the_mean_and_its_mask(void **state)
{
    (void)state;
    tsr_manual_seed(1);
    tsr_tensor *x = tsr_ones(TSR_SHAPE(MANY)), *g = NULL;
    assert_int_equal(tsr_set_requires_grad(x, true), TSR_OK);
    tsr_tensor *y = tsr_dropout(x, 0.75);
    assert_float_equal(mean_of(y), 1, 0.05);
    tensors_require(tsr_grads(TSR_LIST(tsr_sum(y)), TSR_LIST(x), &g) == TSR_OK, "a gradient");
    tensors_expect_same("mask", g, y); /* x is 1, so y is the mask */
    assert_true(tsr_shares_storage(tsr_dropout(x, .training = TSR_NO), x));
    assert_float_equal(tsr_item(tsr_sum(tsr_dropout(x, 1))), 0, 0);
}

static void dropout2d_drops_whole_channels(void **state)
{
    (void)state;
    tsr_tensor *y = tsr_dropout2d(tsr_ones(TSR_SHAPE(8, 8, 3, 3)));
    tensors_expect_same("channels", tsr_amax(y, TSR_DIMS(2, 3)), tsr_amin(y, TSR_DIMS(2, 3)));
}

static void hard_gumbel_samples_are_one_hot_and_differentiable(void **state)
{
    (void)state;
    tsr_tensor *x = tsr_randn(TSR_SHAPE(5, 4), TSR_F64), *g = NULL;
    assert_int_equal(tsr_set_requires_grad(x, true), TSR_OK);
    tsr_tensor *y = tsr_gumbel_softmax(x, .hard = true);
    expect("rows", tsr_sum(y, TSR_DIMS(1)), tsr_ones(TSR_SHAPE(5), TSR_F64));
    expect("ones", tsr_amax(y, TSR_DIMS(1)), tsr_ones(TSR_SHAPE(5), TSR_F64));
    tensors_require(tsr_grads(TSR_LIST(tsr_sum(tsr_square(y))), TSR_LIST(x), &g) == TSR_OK, "a gradient");
    assert_true(tsr_item(tsr_sum(tsr_abs(g))) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TENSOR_TEST(ranges_stop_before_their_end),
        TENSOR_TEST(linspace_includes_both_ends_exactly),
        TENSOR_TEST(the_dtype_of_full_is_that_of_its_value),
        TENSOR_TEST(numbers_that_an_integer_type_cannot_hold_are_refused),
        TENSOR_TEST(classes_become_ones),
        TENSOR_TEST(triangles_keep_no_nan_outside),
        TENSOR_TEST(to_and_contiguous_give_the_tensor_itself_where_nothing_changes),
        TENSOR_TEST(casts_carry_the_gradient_back),
        TENSOR_TEST(copy_casts_and_broadcasts),
        TENSOR_TEST(the_same_seed_gives_the_same_numbers),
        TENSOR_TEST(uniform_and_normal_numbers_have_their_moments),
        TENSOR_TEST(whole_numbers_reach_both_ends),
        TENSOR_TEST(a_permutation_has_every_number_once),
        TENSOR_TEST(categories_without_weight_are_never_drawn),
        TENSOR_TEST(bernoulli_follows_its_probabilities),
        TENSOR_TEST(dropout_keeps_the_mean_and_its_mask),
        TENSOR_TEST(dropout2d_drops_whole_channels),
        TENSOR_TEST(hard_gumbel_samples_are_one_hot_and_differentiable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
