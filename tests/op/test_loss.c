/* test_loss.c: losses against their formulas written out, and what they refuse. */
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
#define FLOATS(...)                                                                                                    \
    tsr_from_data((float[]){__VA_ARGS__}, TSR_SHAPE((int64_t)(sizeof((float[]){__VA_ARGS__}) / 4)), TSR_F32)
#define INTS(...)                                                                                                      \
    tsr_from_data((int64_t[]){__VA_ARGS__}, TSR_SHAPE((int64_t)(sizeof((int64_t[]){__VA_ARGS__}) / 8)), TSR_I64)

static tsr_tensor *leaf(tsr_tensor *t)
{
    assert_int_equal(tsr_set_requires_grad(t, true), TSR_OK);
    return t;
}

static tsr_tensor *slope(tsr_tensor *y, tsr_tensor *x)
{
    tsr_tensor *g = NULL;
    tensors_require(tsr_grads(TSR_LIST(tsr_sum(y)), TSR_LIST(x), &g) == TSR_OK, "a gradient");
    return g;
}

static void expect(const char *what, tsr_tensor *got, tsr_tensor *want)
{
    tensors_expect_close(what, got, want, 1e-12);
}

static void near_to(const char *what, tsr_tensor *got, tsr_tensor *want)
{
    tensors_expect_close(what, got, want, 1e-6);
}

static tsr_tensor *logits(void) { return tsr_reshape(VEC(1, 2, 0.5, -1, 0, 3), TSR_SHAPE(2, 3)); }

/* ---- classes --------------------------------------------------------------------------------------------------------- */

static void cross_entropy_is_the_mean_of_negative_log_probabilities(void **state)
{
    (void)state;
    double row0 = log(exp(1) + exp(2) + exp(0.5)) - 2, row1 = log(exp(-1) + exp(0) + exp(3)) + 1;
    assert_float_equal(tsr_item(tsr_cross_entropy(logits(), INTS(1, 0))), (row0 + row1) / 2, 1e-12);
}

static void a_one_hot_target_is_the_same_as_its_class(void **state)
{
    (void)state;
    tsr_tensor *target = tsr_to(tsr_one_hot(INTS(1, 0), 3), TSR_F64), *weight = VEC(1, 2, 3);
    tsr_tensor *by_class = tsr_cross_entropy(logits(), INTS(1, 0), weight, .reduction = "none");
    expect("one-hot", tsr_cross_entropy(logits(), target, weight, .reduction = "none"), by_class);
}

static void smoothing_mixes_in_the_uniform_distribution(void **state)
{
    (void)state;
    tsr_tensor *target = tsr_to(tsr_one_hot(INTS(1, 0), 3), TSR_F64);
    tsr_tensor *mixed = tsr_add(tsr_mul(target, tsr_scalar(0.7)), tsr_scalar(0.1)); /* 0.3 / 3 classes */
    expect("smoothing", tsr_cross_entropy(logits(), INTS(1, 0), .label_smoothing = 0.3),
           tsr_cross_entropy(logits(), mixed));
}

static void ignored_targets_count_neither_in_the_mean_nor_in_the_gradient(void **state)
{
    (void)state;
    tsr_tensor *x = leaf(logits()), *loss = tsr_cross_entropy(x, INTS(1, -100));
    assert_float_equal(tsr_item(loss), log(exp(1) + exp(2) + exp(0.5)) - 2, 1e-12);
    tsr_tensor *g = slope(loss, x);
    for (int i = 3; i < 6; i++) assert_float_equal(tensors_at(g, i), 0, 0);
    assert_true(isnan(tsr_item(tsr_cross_entropy(logits(), INTS(-100, -100)))));
}

/* Class 0, which an ignored row stands in with, has probability 0 there: its logarithm must not be multiplied by 0. */
static void an_ignored_row_may_hold_an_infinite_logit(void **state)
{
    (void)state;
    tsr_tensor *x = leaf(tsr_reshape(VEC(1, 1, 1, -INFINITY, 0, 0), TSR_SHAPE(2, 3)));
    tsr_tensor *loss = tsr_cross_entropy(x, INTS(0, -100)), *g = slope(loss, x);
    assert_float_equal(tsr_item(loss), log(3), 1e-12);
    assert_float_equal(tensors_at(g, 0), 1.0 / 3 - 1, 1e-12);
    for (int i = 3; i < 6; i++) assert_float_equal(tensors_at(g, i), 0, 0);
    tsr_tensor *weighted = tsr_nll_loss(x, INTS(1, -100), VEC(1, 2, 3), .reduction = "sum");
    assert_float_equal(tsr_item(weighted), -2, 1e-12);
}

static void a_target_that_is_no_class_is_named(void **state)
{
    (void)state;
    assert_null(tsr_cross_entropy(logits(), INTS(1, 3)));
    tensors_expect_error(tsr_error_status(), "cross_entropy: target 3 is outside the 3 classes");
    assert_null(tsr_nll_loss(logits(), INTS(1, 0, 0)));
    tensors_expect_error(tsr_error_status(), "nll_loss: target [3] must be input [2, 3] without its class dimension");
    assert_null(tsr_nll_loss(logits(), INTS(1, 0), VEC(1, 1)));
    tensors_expect_error(tsr_error_status(), "weight [2] must hold one number for each of 3 classes");
    assert_null(tsr_cross_entropy(logits(), INTS(1, 0), .reduction = "middle"));
    tensors_expect_error(tsr_error_status(), "argument 'reduction' must be");
}

/* ---- elements -------------------------------------------------------------------------------------------------------- */

static void certain_probabilities_have_finite_losses_and_gradients(void **state)
{
    (void)state;
    tsr_tensor *p = leaf(VEC(0, 1, 0)), *loss = tsr_binary_cross_entropy(p, VEC(0, 1, 1), .reduction = "none");
    expect("loss", loss, VEC(0, 0, 100));
    expect("gradient", slope(loss, p), VEC(0, 0, -1e12)); /* (p - t) / max(p (1 - p), 1e-12) */
}

static void logits_give_the_loss_of_their_probabilities(void **state)
{
    (void)state;
    tsr_tensor *x = VEC(-2, 0, 3), *t = VEC(0, 0.25, 1);
    expect("logits", tsr_binary_cross_entropy_with_logits(x, t), tsr_binary_cross_entropy(tsr_sigmoid(x), t));
    tsr_tensor *far = tsr_binary_cross_entropy_with_logits(VEC(-1000, 1000), VEC(1, 0), .reduction = "none");
    expect("far", far, VEC(1000, 1000));
}

static void what_is_no_probability_is_refused(void **state)
{
    (void)state;
    assert_null(tsr_binary_cross_entropy(VEC(0.5, 1.5), VEC(0, 1)));
    tensors_expect_error(tsr_error_status(), "[0, 1]");
    assert_null(tsr_binary_cross_entropy(VEC(0.5, 0.5), VEC(0, 1, 1)));
    tensors_expect_error(tsr_error_status(), "target [3] must have input's shape [2]");
}

static void huber_and_smooth_l1_join_a_parabola_to_a_line(void **state)
{
    (void)state;
    tsr_tensor *x = VEC(0.5, 3), *zero = VEC(0, 0);
    expect("huber", tsr_huber_loss(x, zero, "none", 2), VEC(0.125, 2 * (3 - 1)));
    expect("smooth", tsr_smooth_l1_loss(x, zero, "none", 2), VEC(0.0625, 3 - 1));
    expect("beta 0", tsr_smooth_l1_loss(x, zero, "none", TSR_ZERO), VEC(0.5, 3));
    assert_null(tsr_huber_loss(x, zero, .delta = -1));
    tensors_expect_error(tsr_error_status(), "delta must be positive");
}

/* In f32 neither products of large differences nor 1 / beta need be finite. */
static void smooth_l1_is_finite_where_its_value_is(void **state)
{
    (void)state;
    tsr_tensor *far = FLOATS(4e37f, -4e37f, 0), *near = FLOATS(1e-6f, -1e-6f, 0), *zero = FLOATS(0, 0, 0);
    near_to("far", tsr_mul(tsr_smooth_l1_loss(far, zero, "none", 10), tsr_scalar(0.25e-37)), FLOATS(1, 1, 0));
    const double beta[] = {1e-38, 1e-40, 1e-46}; /* the last is 0 in f32 */
    for (int i = 0; i < 3; i++) {
        tsr_tensor *loss = tsr_smooth_l1_loss(leaf(near), zero, "none", beta[i]);
        near_to("small beta", tsr_mul(loss, tsr_scalar(1e6)), FLOATS(1, 1, 0));
        near_to("its slope", slope(loss, near), FLOATS(1, -1, 0));
    }
}

static void the_limit_of_a_variance_passes_its_gradient(void **state)
{
    (void)state;
    /* loss = (log v + d^2 / v) / 2 with v = max(var, 0.5) and d = 1: its slope in v at 0.5 is (2 - 4) / 2 */
    tsr_tensor *var = leaf(VEC(0.1, 1));
    tsr_tensor *loss = tsr_gaussian_nll_loss(VEC(1, 1), VEC(0, 0), var, .eps = 0.5, .reduction = "sum");
    expect("gradient", slope(loss, var), VEC(-1, 0));
    assert_null(tsr_gaussian_nll_loss(VEC(1, 1), VEC(0, 0), VEC(-1, 1)));
    tensors_expect_error(tsr_error_status(), "negative entry");
}

static void divergence_from_zero_probability_is_zero(void **state)
{
    (void)state;
    tsr_tensor *logp = VEC(log(0.5), log(0.5)), *t = VEC(0, 1);
    assert_float_equal(tsr_item(tsr_kl_div(logp, t, "batchmean")), log(2) / 2, 1e-12);
}

static void directions_of_zero_vectors_are_zero(void **state)
{
    (void)state;
    expect("normalize", tsr_normalize(VEC(0, 0), .dim = TSR_INT(0)), VEC(0, 0));
    expect("unit", tsr_normalize(VEC(3, 4), .dim = TSR_INT(0)), VEC(0.6, 0.8));
    assert_float_equal(tsr_item(tsr_cosine_similarity(VEC(1, 0), VEC(1, 1), TSR_INT(0))), sqrt(0.5), 1e-12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TENSOR_TEST(cross_entropy_is_the_mean_of_negative_log_probabilities),
        TENSOR_TEST(a_one_hot_target_is_the_same_as_its_class),
        TENSOR_TEST(smoothing_mixes_in_the_uniform_distribution),
        TENSOR_TEST(ignored_targets_count_neither_in_the_mean_nor_in_the_gradient),
        TENSOR_TEST(an_ignored_row_may_hold_an_infinite_logit),
        TENSOR_TEST(a_target_that_is_no_class_is_named),
        TENSOR_TEST(certain_probabilities_have_finite_losses_and_gradients),
        TENSOR_TEST(logits_give_the_loss_of_their_probabilities),
        TENSOR_TEST(what_is_no_probability_is_refused),
        TENSOR_TEST(huber_and_smooth_l1_join_a_parabola_to_a_line),
        TENSOR_TEST(smooth_l1_is_finite_where_its_value_is),
        TENSOR_TEST(the_limit_of_a_variance_passes_its_gradient),
        TENSOR_TEST(divergence_from_zero_probability_is_zero),
        TENSOR_TEST(directions_of_zero_vectors_are_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
