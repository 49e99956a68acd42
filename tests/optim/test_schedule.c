/* test_schedule.c: learning-rate factors against their formulas, and averaged weights. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "support/tensors.h"
#include "tessera/autograd.h"
#include "tessera/ops.h"
#include "tessera/optim.h"

static void expect_factor(const tsr_schedule *s, int64_t step, double want)
{
    double got = tsr_schedule_factor(s, step);
    if (!(fabs(got - want) < 1e-14)) fail_msg("step %lld: %.17g, expected %.17g", (long long)step, got, want);
}

static void no_schedule_is_constant(void **state)
{
    (void)state;
    tsr_schedule s = {0};
    expect_factor(&s, 0, 1);
    expect_factor(&s, 1000000, 1);
}

static void warm_up_rises_by_equal_steps(void **state)
{
    (void)state;
    tsr_schedule s = {.warmup = 4};
    const double want[] = {0.25, 0.5, 0.75, 1, 1, 1};
    for (int i = 0; i < 6; i++) expect_factor(&s, i, want[i]);
}

/* floor + (1 - floor) (1 + cos(pi t)) / 2 at t = 0, 1/4, 1/2, 1 of the steps after warm-up. */
static void cosine_falls_to_its_floor_and_stays(void **state)
{
    (void)state;
    tsr_schedule s = {.kind = TSR_SCHEDULE_COSINE, .warmup = 10, .total = 110, .floor = 0.1};
    expect_factor(&s, 0, 0.1);
    expect_factor(&s, 9, 1);
    expect_factor(&s, 10, 1);
    expect_factor(&s, 35, 0.1 + 0.9 * (1 + sqrt(0.5)) / 2);
    expect_factor(&s, 60, 0.55);
    expect_factor(&s, 110, 0.1);
    expect_factor(&s, 5000, 0.1);
}

static void linear_falls_along_a_line(void **state)
{
    (void)state;
    tsr_schedule s = {.kind = TSR_SCHEDULE_LINEAR, .total = 10, .floor = 0.5};
    expect_factor(&s, 0, 1);
    expect_factor(&s, 4, 0.8);
    expect_factor(&s, 10, 0.5);
    expect_factor(&s, 11, 0.5);
}

static void steps_multiply_by_gamma(void **state)
{
    (void)state;
    tsr_schedule s = {.kind = TSR_SCHEDULE_STEP, .warmup = 2, .period = 3, .gamma = 0.5};
    expect_factor(&s, 1, 1);
    expect_factor(&s, 4, 1);
    expect_factor(&s, 5, 0.5);
    expect_factor(&s, 8, 0.25);
}

static void a_warm_up_longer_than_the_schedule_ends_at_the_floor(void **state)
{
    (void)state;
    tsr_schedule s = {.kind = TSR_SCHEDULE_COSINE, .warmup = 10, .total = 5, .floor = 0.2};
    expect_factor(&s, 4, 0.5);
    expect_factor(&s, 10, 0.2);
}

/* ---- averaged weights ------------------------------------------------------------------------------------------------ */

static tsr_tensor *parameter(double value)
{
    tsr_tensor *t = tsr_full(TSR_SHAPE(2, 2), TSR_FLOAT(value), .dtype = TSR_F64);
    assert_int_equal(tsr_set_requires_grad(t, true), TSR_OK);
    return t;
}

static void set(tsr_tensor *t, double value)
{
    bool was = tsr_set_grad_enabled(false);
    assert_non_null(tsr_fill_(t, tsr_scalar(value)));
    tsr_set_grad_enabled(was);
}

/* 0.75 of the old average, 0.25 of the parameter: 1 -> 0.75 + 1.25 = 2 -> 1.5 + 2.25 = 3.75. */
static void averages_follow_the_formula_and_swap(void **state)
{
    (void)state;
    tsr_tensor *p = parameter(1);
    tsr_named named = {"p", p};
    tsr_ema *e = tsr_ema_new(&named, 1, 0.75);
    tensors_require(e != NULL, "ema");
    set(p, 5);
    assert_int_equal(tsr_ema_update(e), TSR_OK);
    set(p, 9);
    assert_int_equal(tsr_ema_update(e), TSR_OK);
    assert_int_equal(tsr_ema_swap(e), TSR_OK);
    assert_true(tensors_at(tsr_detach(p), 3) == 3.75);
    assert_true(tsr_is_leaf(p) && tsr_requires_grad(p));
    assert_int_equal(tsr_ema_swap(e), TSR_OK);
    assert_true(tensors_at(tsr_detach(p), 3) == 9);
    tsr_ema_free(e);
}

/* (1 + n) / (10 + n) is 0.1, 2 / 11, ..., 991 / 1000 for n = 990 and passes 0.999 between 8989 and 8990. */
static void a_warm_average_forgets_the_first_weights(void **state)
{
    (void)state;
    assert_true(tsr_ema_warm_decay(0.999, 0) == 1.0 / 10 && tsr_ema_warm_decay(0.999, 1) == 2.0 / 11);
    assert_true(tsr_ema_warm_decay(0.999, 990) == 991.0 / 1000 && tsr_ema_warm_decay(0.999, 9000) == 0.999);
    assert_true(tsr_ema_warm_decay(0.05, 0) == 0.05);
    tsr_tensor *p = parameter(1);
    tsr_named named = {"p", p};
    tsr_ema *e = tsr_ema_new(&named, 1, 0.75);
    tsr_ema_set_decay(e, 0.5);
    set(p, 5);
    assert_int_equal(tsr_ema_update(e), TSR_OK);
    assert_true(tensors_at(tsr_ema_average(e, "p"), 3) == 3); /* half of 1 and 5 */
    assert_null(tsr_ema_average(e, "q"));
    assert_null(tsr_ema_average(NULL, "p"));
    assert_false(tsr_error_status());
    tsr_ema_free(e);
}

static void averages_are_saved_and_restored(void **state)
{
    (void)state;
    tsr_tensor *p = parameter(2), *q = parameter(0);
    tsr_named a = {"w", p}, b = {"w", q};
    tsr_ema *from = tsr_ema_new(&a, 1, 0.5), *to = tsr_ema_new(&b, 1, 0.5);
    tsr_named_list list = {0};
    assert_int_equal(tsr_ema_state_dict(from, "train.ema.", &list), TSR_OK);
    assert_int_equal(list.n, 1);
    assert_string_equal(list.v[0].name, "train.ema.w");
    assert_int_equal(tsr_ema_load_state_dict(to, "train.ema.", list.v, list.n), TSR_OK);
    assert_int_equal(tsr_ema_swap(to), TSR_OK);
    assert_true(tensors_at(tsr_detach(q), 0) == 2);
    assert_int_equal(tsr_ema_load_state_dict(to, "other.", list.v, list.n), TSR_EINVAL);
    tensors_expect_error(TSR_EINVAL, "other.w");
    tsr_named wrong = {"train.ema.w", tsr_zeros(TSR_SHAPE(2), .dtype = TSR_F64)}; /* would broadcast */
    assert_int_equal(tsr_ema_load_state_dict(to, "train.ema.", &wrong, 1), TSR_EINVAL);
    tensors_expect_error(TSR_EINVAL, "train.ema.w");
    tsr_named_list_free(&list);
    tsr_ema_free(from);
    tsr_ema_free(to);
}

static void a_decay_out_of_range_is_refused(void **state)
{
    (void)state;
    tsr_named p = {"p", parameter(1)};
    assert_null(tsr_ema_new(&p, 1, 1.5));
    tensors_expect_error(TSR_EINVAL, "1.5");
    assert_null(tsr_ema_new(&p, 1, NAN));
    tensors_expect_error(TSR_EINVAL, "nan");
    tsr_ema_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TENSOR_TEST(no_schedule_is_constant),
        TENSOR_TEST(warm_up_rises_by_equal_steps),
        TENSOR_TEST(cosine_falls_to_its_floor_and_stays),
        TENSOR_TEST(linear_falls_along_a_line),
        TENSOR_TEST(steps_multiply_by_gamma),
        TENSOR_TEST(a_warm_up_longer_than_the_schedule_ends_at_the_floor),
        TENSOR_TEST(averages_follow_the_formula_and_swap),
        TENSOR_TEST(a_warm_average_forgets_the_first_weights),
        TENSOR_TEST(averages_are_saved_and_restored),
        TENSOR_TEST(a_decay_out_of_range_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
