/* test_special_functions.c: the reference kernels against published values, identities and Python's rules for division. */
#include "backend/kernels.h"

static double unary(unary_code c, double x)
{
    double y = 0, p[3] = {0};
    array in = {.data = &x, .dtype = TSR_F64}, out = {.data = &y, .dtype = TSR_F64};
    assert_true(reference->unary(c, &out, &in, p));
    return y;
}

static double binary(binary_code c, double a, double b)
{
    double y = 0, p[3] = {1};
    array x1 = {.data = &a, .dtype = TSR_F64}, x2 = {.data = &b, .dtype = TSR_F64},
          out = {.data = &y, .dtype = TSR_F64};
    assert_true(reference->binary(c, &out, &x1, &x2, p));
    return y;
}

static int64_t integer(binary_code c, int64_t a, int64_t b)
{
    int64_t y = 0;
    double p[3] = {1};
    array x1 = {.data = &a, .dtype = TSR_I64}, x2 = {.data = &b, .dtype = TSR_I64},
          out = {.data = &y, .dtype = TSR_I64};
    assert_true(reference->binary(c, &out, &x1, &x2, p));
    return y;
}

static void assert_near(double got, double want, double relative)
{
    if (!close_enough(got, want, relative, 0)) fail_msg("%.17g is not %.17g", got, want);
}

static const double pi = 3.14159265358979323846, euler = 0.57721566490153286061;

/* Abramowitz and Stegun 6.3.2-3, 6.4.2-4: psi(1) = -gamma, psi(1/2) = -gamma - 2 log 2, psi'(1) = pi^2 / 6. */
static void digamma_and_trigamma_have_their_known_values(void **state)
{
    (void)state;
    assert_near(unary(U_DIGAMMA, 1), -euler, 1e-14);
    assert_near(unary(U_DIGAMMA, 0.5), -euler - 2 * log(2), 1e-14);
    assert_near(unary(U_DIGAMMA, 10), -euler + 7129.0 / 2520, 1e-15);
    assert_near(unary(U_DIGAMMA, -0.5), 2 - euler - 2 * log(2), 1e-12);
    assert_near(unary(U_TRIGAMMA, 1), pi * pi / 6, 1e-15);
    assert_near(unary(U_TRIGAMMA, 0.5), pi * pi / 2, 1e-15);
    assert_near(unary(U_TRIGAMMA, -0.5), pi * pi / 2 + 4, 1e-14);
    assert_true(unary(U_DIGAMMA, 0) == -INFINITY && isnan(unary(U_DIGAMMA, -2)));
}

/* psi(x + 1) = psi(x) + 1 / x and psi'(x + 1) = psi'(x) - 1 / x^2. */
static void the_gamma_family_obeys_its_recurrence(void **state)
{
    (void)state;
    for (double x = -7.3; x < 40; x += 0.37) {
        double size = fabs(unary(U_DIGAMMA, x)) + 1 / fabs(x) + 1;
        assert_true(fabs(unary(U_DIGAMMA, x + 1) - unary(U_DIGAMMA, x) - 1 / x) < 4e-15 * size);
        assert_near(unary(U_TRIGAMMA, x + 1) + 1 / (x * x), unary(U_TRIGAMMA, x), 1e-13);
    }
}

static void erfinv_inverts_erf(void **state)
{
    (void)state;
    for (double x = -0.999; x < 1; x += 0.0037) assert_near(erf(unary(U_ERFINV, x)), x, 1e-15);
    assert_near(erfc(unary(U_ERFINV, 1 - 0x1p-40)), 0x1p-40, 1e-13);
    assert_near(erfc(unary(U_ERFINV, 1 - 0x1p-53)), 0x1p-53, 1e-13);
    assert_near(unary(U_ERFINV, 0.5), 0.47693627620446987338, 1e-15);
    assert_true(unary(U_ERFINV, 1) == INFINITY && isnan(unary(U_ERFINV, 1.5)));
}

static void lgamma_is_the_logarithm_of_factorials(void **state)
{
    (void)state;
    assert_near(unary(U_LGAMMA, 11), log(3628800), 1e-15);
    assert_near(unary(U_LGAMMA, 0.5), log(sqrt(pi)), 1e-14);
}

static void rounding_goes_to_even(void **state)
{
    (void)state;
    assert_true(unary(U_ROUND, 0.5) == 0 && unary(U_ROUND, 1.5) == 2 && unary(U_ROUND, 2.5) == 2);
    assert_true(unary(U_ROUND, -0.5) == 0 && unary(U_ROUND, -1.5) == -2);
}

/* Python: -7 // 2 = -4, -7 % 2 = 1, 7 % -2 = -1; C: -7 / 2 = -3, fmod(-7, 2) = -1. */
static void division_and_remainder_are_pythons(void **state)
{
    (void)state;
    assert_int_equal(integer(B_DIV_FLOOR, -7, 2), -4);
    assert_int_equal(integer(B_DIV_TRUNC, -7, 2), -3);
    assert_int_equal(integer(B_REMAINDER, -7, 2), 1);
    assert_int_equal(integer(B_REMAINDER, 7, -2), -1);
    assert_int_equal(integer(B_FMOD, -7, 2), -1);
    assert_int_equal(integer(B_DIV_FLOOR, INT64_MIN, -1), INT64_MIN);
    assert_true(binary(B_DIV_FLOOR, -7, 2) == -4 && binary(B_REMAINDER, -7, 2) == 1);
    assert_true(binary(B_DIV_FLOOR, 1, 0.1) == 9); /* 0.1 is a little more than a tenth */
    assert_true(binary(B_REMAINDER, 5.5, -2) == -0.5 && binary(B_FMOD, -5.5, 2) == -1.5);
    assert_true(binary(B_DIV_FLOOR, 1, 0) == INFINITY && isnan(binary(B_REMAINDER, 1, 0)));
}

static void powers_of_integers_are_exact(void **state)
{
    (void)state;
    assert_int_equal(integer(B_POW, 3, 39), 4052555153018976267);
    assert_int_equal(integer(B_POW, -2, 63), INT64_MIN);
    assert_int_equal(integer(B_POW, 2, -1), 0);
    assert_int_equal(integer(B_POW, -1, -3), -1);
    assert_int_equal(integer(B_POW, 7, 0), 1);
}

static void nan_passes_through_extremes(void **state)
{
    (void)state;
    assert_true(isnan(binary(B_MAXIMUM, NAN, 1)) && isnan(binary(B_MINIMUM, 1, NAN)));
    double x = NAN, y = 0, p[2] = {0, 1};
    array in = {.data = &x, .dtype = TSR_F64}, out = {.data = &y, .dtype = TSR_F64};
    assert_true(reference->unary(U_CLAMP, &out, &in, p));
    assert_true(isnan(y));
}

static void unknown_dtypes_are_refused_with_a_sentence(void **state)
{
    (void)state;
    uint16_t x = 0, y = 0;
    array in = {.data = &x, .dtype = TSR_F16}, out = {.data = &y, .dtype = TSR_F16};
    assert_false(fast->unary(U_EXP, &out, &in, NULL));
    assert_non_null(strstr(tsr_error_message(), "f16"));
    tsr_error_clear();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digamma_and_trigamma_have_their_known_values),
        cmocka_unit_test(the_gamma_family_obeys_its_recurrence),
        cmocka_unit_test(erfinv_inverts_erf),
        cmocka_unit_test(lgamma_is_the_logarithm_of_factorials),
        cmocka_unit_test(rounding_goes_to_even),
        cmocka_unit_test(division_and_remainder_are_pythons),
        cmocka_unit_test(powers_of_integers_are_exact),
        cmocka_unit_test(nan_passes_through_extremes),
        cmocka_unit_test(unknown_dtypes_are_refused_with_a_sentence),
    };
    return run_in_every_tier(tests, TSR_COUNT(tests));
}
