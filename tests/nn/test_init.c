/* test_init.c: initial values: bounds, mean and standard deviation over many values, and the formulas for fans. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "support/tensors.h"
#include "tessera/autograd.h"
#include "tessera/nn.h"

typedef struct moments {
    double mean, std, low, high;
} moments;

static moments measure(tsr_tensor *t)
{
    double *v = tensors_values(t), sum = 0, squares = 0;
    int64_t n = tsr_numel(t);
    moments m = {.low = INFINITY, .high = -INFINITY};
    for (int64_t i = 0; i < n; i++) {
        sum += v[i];
        squares += v[i] * v[i];
        m.low = fmin(m.low, v[i]);
        m.high = fmax(m.high, v[i]);
    }
    free(v);
    m.mean = sum / (double)n;
    m.std = sqrt(squares / (double)n - m.mean * m.mean);
    return m;
}

/* Within five standard errors: mean's is std / sqrt(n); std's is below std / sqrt(n) for the distributions here. */
static void expect_moments(tsr_tensor *t, double mean, double std)
{
    moments m = measure(t);
    double error = 5 * std / sqrt((double)tsr_numel(t));
    if (fabs(m.mean - mean) > error) fail_msg("mean %g, expected %g", m.mean, mean);
    if (fabs(m.std - std) > error) fail_msg("standard deviation %g, expected %g", m.std, std);
}

/* U(-b, b) has the standard deviation b / sqrt(3); 10000 values come within a thousandth of both ends. */
static void expect_uniform(tsr_tensor *t, double bound)
{
    moments m = measure(t);
    expect_moments(t, 0, bound / sqrt(3));
    assert_true(m.low >= -bound * (1 + 1e-6) && m.low < -0.99 * bound);
    assert_true(m.high <= bound * (1 + 1e-6) && m.high > 0.99 * bound);
}

static tsr_tensor *weights(tsr_shape shape) { return tsr_zeros(shape); }

static void uniform_and_normal_have_their_moments(void **state)
{
    (void)state;
    tsr_tensor *t = weights(TSR_SHAPE(100, 300));
    assert_int_equal(tsr_init_uniform(t, -1, 0, NULL), TSR_OK); /* an upper bound of zero is zero, not a default */
    expect_moments(t, -0.5, 1 / sqrt(12));
    assert_true(measure(t).high <= 0);
    assert_int_equal(tsr_init_normal(t, 2, 0.3, NULL), TSR_OK);
    expect_moments(t, 2, 0.3);
    assert_int_equal(tsr_init_normal(t, 2, 0, NULL), TSR_OK);
    assert_true(measure(t).low == 2 && measure(t).high == 2);
    assert_int_equal(tsr_init_constant(t, -7), TSR_OK);
    assert_true(measure(t).low == -7 && measure(t).high == -7);
}

/* [80, 40, 3, 3]: fan in 40 * 9 = 360, fan out 80 * 9 = 720. */
static void fans_follow_the_receptive_field(void **state)
{
    (void)state;
    tsr_tensor *t = weights(TSR_SHAPE(80, 40, 3, 3));
    assert_int_equal(tsr_init_kaiming_uniform(t, sqrt(5), NULL), TSR_OK);
    expect_uniform(t, sqrt(2.0 / 6) * sqrt(3.0 / 360));
    assert_int_equal(tsr_init_kaiming_normal(t, 0, NULL), TSR_OK);
    expect_moments(t, 0, sqrt(2.0 / 360));
    assert_int_equal(tsr_init_xavier_uniform(t, 1.5, NULL), TSR_OK);
    expect_uniform(t, 1.5 * sqrt(6.0 / 1080));
    assert_int_equal(tsr_init_xavier_normal(t, 1, NULL), TSR_OK);
    expect_moments(t, 0, sqrt(2.0 / 1080));
}

static void vectors_have_no_fans(void **state)
{
    (void)state;
    assert_int_equal(tsr_init_xavier_normal(weights(TSR_SHAPE(5)), 1, NULL), TSR_EINVAL);
    tensors_expect_error(TSR_EINVAL, "fewer than 2 dimensions");
}

static void layers_start_as_pytorchs(void **state)
{
    (void)state;
    tsr_module *m = tsr_nn_linear(64, 400, true);
    expect_uniform(tsr_module_tensor(m, "weight"), 1.0 / 8);
    assert_true(measure(tsr_module_tensor(m, "bias")).high <= 1.0 / 8);
    tsr_module_free(m);
    m = tsr_nn_conv2d(.in_channels = 16, .out_channels = 200, .kernel_size = {3}, .groups = 2); /* fan in 8 * 9 */
    expect_uniform(tsr_module_tensor(m, "weight"), 1 / sqrt(72));
    tsr_module_free(m);
    m = tsr_nn_conv_transpose2d(.in_channels = 40, .out_channels = 60, .kernel_size = {3}); /* fan in 60 * 9 */
    expect_uniform(tsr_module_tensor(m, "weight"), 1 / sqrt(540));
    tsr_module_free(m);
    m = tsr_nn_embedding(300, 50);
    expect_moments(tsr_module_tensor(m, "weight"), 0, 1);
    tsr_module_free(m);
    m = tsr_nn_multihead_attention(64, 4, false); /* xavier of [192, 64] */
    expect_uniform(tsr_module_tensor(m, "in_proj_weight"), sqrt(6.0 / 256));
    assert_true(measure(tsr_module_tensor(m, "out_proj.bias")).high == 0);
    tsr_module_free(m);
    m = tsr_nn_group_norm(2, 8, 0);
    assert_true(measure(tsr_module_tensor(m, "weight")).low == 1 && measure(tsr_module_tensor(m, "bias")).high == 0);
    tsr_module_free(m);
}

static void a_seed_fixes_the_values(void **state)
{
    (void)state;
    tsr_manual_seed(3);
    tsr_module *a = tsr_nn_linear(7, 5, true);
    tsr_manual_seed(3);
    tsr_module *b = tsr_nn_linear(7, 5, true);
    tensors_expect_same("weight", tsr_module_tensor(a, "weight"), tsr_module_tensor(b, "weight"));
    tensors_expect_same("bias", tsr_module_tensor(a, "bias"), tsr_module_tensor(b, "bias"));
    tsr_module_free(a);
    tsr_module_free(b);
}

static void initialising_is_not_recorded_and_null_is_an_error(void **state)
{
    (void)state;
    tsr_tensor *t = weights(TSR_SHAPE(3, 3));
    tsr_set_requires_grad(t, true);
    assert_int_equal(tsr_init_kaiming_uniform(t, 0, NULL), TSR_OK);
    assert_true(tsr_is_leaf(t));
    assert_true(tsr_is_grad_enabled());
    assert_int_equal(tsr_init_normal(NULL, 0, 1, NULL), TSR_EINVAL);
    tensors_expect_error(TSR_EINVAL, "NULL");
    assert_int_equal(tsr_init_kaiming_normal(NULL, 0, NULL), TSR_EINVAL);
    tsr_error_clear();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TENSOR_TEST(uniform_and_normal_have_their_moments),
        TENSOR_TEST(fans_follow_the_receptive_field),
        TENSOR_TEST(vectors_have_no_fans),
        TENSOR_TEST(layers_start_as_pytorchs),
        TENSOR_TEST(a_seed_fixes_the_values),
        TENSOR_TEST(initialising_is_not_recorded_and_null_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
