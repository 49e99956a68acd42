/* unary.c: functions of one number. A function is one line: its kernel, and its derivative written with operators, so
   that it can be differentiated again. x is the input, y the result, g the incoming gradient. */
#include "op/pointwise.h"
#include "op_gen.h"

#include <math.h>

#define FORWARD(name, call)                                                                                            \
    tsr_tensor *op_##name(op_ctx *c, const tsr_##name##_args *a) { return call; }

/* A function of real numbers: integers are computed in f32. */
#define REAL(name, code) FORWARD(name, pointwise_float(c, code, a->input, NULL))

#define DERIVATIVE(name, setup, expression)                                                                            \
    void op_##name##_grad(op_ctx *c, const tsr_##name##_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)        \
    {                                                                                                                  \
        tsr_tensor *g = grad[0];                                                                                       \
        setup;                                                                                                         \
        (void)c, (void)a;                                                                                              \
        grad_in[0] = expression;                                                                                       \
    }

#define FROM_INPUT(name, expression) DERIVATIVE(name, tsr_tensor *x = a->input, expression)
#define FROM_RESULT(name, expression) DERIVATIVE(name, tsr_tensor *y = op_result(c, 0), expression)
#define CONSTANT(name) DERIVATIVE(name, , tsr_zeros_like(g))

/* ---- any number -------------------------------------------------------------------------------------------------- */

static tsr_tensor *same_dtype(op_ctx *c, unary_code code, tsr_tensor *x)
{
    tsr_dtype dtype = (tsr_dtype)x->dtype;
    return pointwise_unary(c, code, x, dtype, dtype, NULL);
}

/* Rounding leaves integers alone. */
static tsr_tensor *whole(op_ctx *c, unary_code code, tsr_tensor *x)
{
    if (x->dtype == TSR_BOOL) return op_fail(c, "not defined for a bool tensor");
    return op_is_float(x) ? same_dtype(c, code, x) : op_output_copy(c, x);
}

static tsr_tensor *number_only(op_ctx *c, unary_code code, tsr_tensor *x)
{
    if (x->dtype == TSR_BOOL) return op_fail(c, "not defined for a bool tensor; logical_not inverts it");
    return same_dtype(c, code, x);
}

static tsr_tensor *squared(op_ctx *c, tsr_tensor *x)
{
    tsr_dtype dtype = x->dtype == TSR_BOOL ? TSR_I64 : (tsr_dtype)x->dtype;
    return pointwise_unary(c, U_SQUARE, x, dtype, dtype, NULL);
}

FORWARD(abs, number_only(c, U_ABS, a->input))
FROM_INPUT(abs, tsr_mul(g, tsr_sign(x)))
FORWARD(neg, number_only(c, U_NEG, a->input))
DERIVATIVE(neg, , tsr_neg(g))
FORWARD(sign, a->input->dtype == TSR_BOOL ? op_output_copy(c, a->input) : same_dtype(c, U_SIGN, a->input))
CONSTANT(sign)
FORWARD(square, squared(c, a->input))
FROM_INPUT(square, tsr_mul(g, op_scale(x, 2)))

/* ---- exponentials, logarithms, roots ------------------------------------------------------------------------------ */

REAL(exp, U_EXP)
FROM_RESULT(exp, tsr_mul(g, y))
REAL(exp2, U_EXP2)
FROM_RESULT(exp2, tsr_mul(g, op_scale(y, 0.69314718055994530942)))
REAL(expm1, U_EXPM1)
FROM_RESULT(expm1, tsr_mul(g, op_shift(y, 1)))
REAL(log, U_LOG)
FROM_INPUT(log, tsr_div(g, x))
REAL(log2, U_LOG2)
FROM_INPUT(log2, tsr_div(g, op_scale(x, 0.69314718055994530942)))
REAL(log10, U_LOG10)
FROM_INPUT(log10, tsr_div(g, op_scale(x, 2.30258509299404568402)))
REAL(log1p, U_LOG1P)
FROM_INPUT(log1p, tsr_div(g, op_shift(x, 1)))
REAL(sqrt, U_SQRT)
FROM_RESULT(sqrt, tsr_div(g, op_scale(y, 2)))
REAL(rsqrt, U_RSQRT)
FROM_RESULT(rsqrt, tsr_mul(op_scale(g, -0.5), tsr_mul(y, tsr_square(y))))
REAL(reciprocal, U_RECIPROCAL)
FROM_RESULT(reciprocal, tsr_neg(tsr_mul(g, tsr_square(y))))

/* ---- circular and hyperbolic functions ----------------------------------------------------------------------------- */

/* 1 - x^2 and the like, under a root or a divisor */
static tsr_tensor *square_plus(tsr_tensor *x, double sign, double offset)
{
    return op_shift(op_scale(tsr_square(x), sign), offset);
}

REAL(sin, U_SIN)
FROM_INPUT(sin, tsr_mul(g, tsr_cos(x)))
REAL(cos, U_COS)
FROM_INPUT(cos, tsr_neg(tsr_mul(g, tsr_sin(x))))
REAL(tan, U_TAN)
FROM_RESULT(tan, tsr_mul(g, square_plus(y, 1, 1)))
REAL(asin, U_ASIN)
FROM_INPUT(asin, tsr_mul(g, tsr_rsqrt(square_plus(x, -1, 1))))
REAL(acos, U_ACOS)
FROM_INPUT(acos, tsr_neg(tsr_mul(g, tsr_rsqrt(square_plus(x, -1, 1)))))
REAL(atan, U_ATAN)
FROM_INPUT(atan, tsr_div(g, square_plus(x, 1, 1)))
REAL(sinh, U_SINH)
FROM_INPUT(sinh, tsr_mul(g, tsr_cosh(x)))
REAL(cosh, U_COSH)
FROM_INPUT(cosh, tsr_mul(g, tsr_sinh(x)))
REAL(asinh, U_ASINH)
FROM_INPUT(asinh, tsr_mul(g, tsr_rsqrt(square_plus(x, 1, 1))))
REAL(acosh, U_ACOSH)
FROM_INPUT(acosh, tsr_mul(g, tsr_rsqrt(square_plus(x, 1, -1))))
REAL(atanh, U_ATANH)
FROM_INPUT(atanh, tsr_div(g, square_plus(x, -1, 1)))

/* ---- special functions ---------------------------------------------------------------------------------------------- */

#define TWO_OVER_SQRT_PI 1.12837916709551257390

/* exp(-x^2), the shape of erf's derivative */
static tsr_tensor *bell(tsr_tensor *x) { return tsr_exp(tsr_neg(tsr_square(x))); }

REAL(erf, U_ERF)
FROM_INPUT(erf, tsr_mul(g, op_scale(bell(x), TWO_OVER_SQRT_PI)))
REAL(erfc, U_ERFC)
FROM_INPUT(erfc, tsr_mul(g, op_scale(bell(x), -TWO_OVER_SQRT_PI)))
REAL(erfinv, U_ERFINV)
FROM_RESULT(erfinv, tsr_mul(g, op_scale(tsr_exp(tsr_square(y)), 1 / TWO_OVER_SQRT_PI)))
REAL(lgamma, U_LGAMMA)
FROM_INPUT(lgamma, tsr_mul(g, tsr_digamma(x)))
REAL(digamma, U_DIGAMMA)
FROM_INPUT(digamma, tsr_mul(g, tsr_trigamma(x)))
REAL(trigamma, U_TRIGAMMA)

/* The second derivative of digamma for x >= 1/2: the recurrence psi2(x) = psi2(x + 1) - 2 / x^3 up to x + 8, then the
   asymptotic series (Abramowitz and Stegun 6.4.13), in Horner's form of 1 / x^2. */
static tsr_tensor *tetragamma_right(tsr_tensor *x)
{
    static const double series[] = {691.0 / 210, -5.0 / 6, 3.0 / 10, -1.0 / 6, 1.0 / 6, -1.0 / 2};
    tsr_tensor *sum = NULL;
    for (int k = 0; k < 8; k++) {
        tsr_tensor *term = op_scale(tsr_pow(op_shift(x, k), tsr_scalar(-3)), -2);
        sum = sum ? tsr_add(sum, term) : term;
    }
    tsr_tensor *r = tsr_reciprocal(op_shift(x, 8)), *r2 = tsr_square(r), *s = op_scale(r2, series[0]);
    for (int k = 1; k < TSR_COUNT(series); k++) s = tsr_mul(op_shift(s, series[k]), r2);
    /* -1/x^2 - 1/x^3 - 1/(2 x^4) + 1/(6 x^6) - 1/(6 x^8) + 3/(10 x^10) - 5/(6 x^12) + 691/(210 x^14) */
    return tsr_add(sum, tsr_sub(tsr_mul(s, r2), tsr_add(r2, tsr_mul(r, r2))));
}

/* Elsewhere by reflection: psi2(x) = psi2(1 - x) - 2 pi^3 cos(pi x) / sin(pi x)^3. */
static tsr_tensor *tetragamma(tsr_tensor *x)
{
    const double pi = 3.14159265358979323846;
    tsr_tensor *left = tsr_lt(x, tsr_scalar(0.5)), *mirrored = tsr_rsub(x, tsr_scalar(1));
    tsr_tensor *right = tetragamma_right(tsr_where(left, mirrored, x)), *angle = op_scale(x, pi);
    tsr_tensor *correction = tsr_mul(tsr_cos(angle), tsr_pow(tsr_sin(angle), tsr_scalar(-3)));
    return tsr_sub(right, op_masked(left, op_scale(correction, 2 * pi * pi * pi)));
}

FROM_INPUT(trigamma, tsr_mul(g, tetragamma(x)))

/* ---- rounding -------------------------------------------------------------------------------------------------------- */

FORWARD(floor, whole(c, U_FLOOR, a->input))
CONSTANT(floor)
FORWARD(ceil, whole(c, U_CEIL, a->input))
CONSTANT(ceil)
FORWARD(trunc, whole(c, U_TRUNC, a->input))
CONSTANT(trunc)
CONSTANT(round)
DERIVATIVE(frac, , g)

tsr_tensor *op_round(op_ctx *c, const tsr_round_args *a)
{
    if (a->decimals == 0) return whole(c, U_ROUND, a->input);
    if (!op_is_float(a->input)) return op_fail(c, "decimals = %lld needs a floating input", (long long)a->decimals);
    tsr_tensor *ten = tsr_scalar(pow(10, fabs((double)a->decimals)));
    bool up = a->decimals > 0;
    tsr_tensor *scaled = tsr_round(up ? tsr_mul(a->input, ten) : tsr_div(a->input, ten));
    return pointwise_deliver(c, up ? tsr_div(scaled, ten) : tsr_mul(scaled, ten));
}

tsr_tensor *op_frac(op_ctx *c, const tsr_frac_args *a)
{
    if (!op_is_float(a->input)) return op_fail(c, "needs a floating input, got %s", tsr_dtype_name(a->input->dtype));
    return pointwise_deliver(c, tsr_sub(a->input, tsr_trunc(a->input)));
}

/* ---- logit ------------------------------------------------------------------------------------------------------------ */

tsr_tensor *op_logit(op_ctx *c, const tsr_logit_args *a)
{
    tsr_tensor *x = op_cast(a->input, op_float_type((tsr_dtype)a->input->dtype));
    if (op_has(a->eps)) x = tsr_clamp(x, TSR_FLOAT(op_f64(a->eps)), TSR_FLOAT(1 - op_f64(a->eps)));
    return pointwise_deliver(c, tsr_log(tsr_div(x, tsr_rsub(x, tsr_scalar(1)))));
}

void op_logit_grad(op_ctx *c, const tsr_logit_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    tsr_tensor *x = a->input, *slope = tsr_div(grad[0], tsr_mul(x, tsr_rsub(x, tsr_scalar(1))));
    double low = op_has(a->eps) ? op_f64(a->eps) : 0;
    tsr_tensor *inside = tsr_logical_and(tsr_ge(x, tsr_scalar(low)), tsr_le(x, tsr_scalar(1 - low)));
    (void)c;
    grad_in[0] = tsr_where(inside, slope, tsr_scalar(op_has(a->eps) ? 0 : NAN));
}
