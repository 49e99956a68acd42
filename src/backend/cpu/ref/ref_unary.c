/* ref_unary.c: functions of one element. f32 is computed in double and rounded once. */
#include "backend/cpu/ref/ref.h"

static double gelu_tanh(double x)
{
    return 0.5 * x * (1 + tanh(0.79788456080286535588 * (x + 0.044715 * x * x * x))); /* sqrt(2 / pi) */
}

static double softplus(double x, double beta, double threshold)
{
    return x * beta > threshold ? x : log1p(exp(x * beta)) / beta;
}

static double clamp(double x, double low, double high)
{
    if (isnan(low) || isnan(high)) return NAN;
    x = x < low ? low : x;
    return x > high ? high : x;
}

static double nan_to_num(double x, const double *p)
{
    if (isnan(x)) return p[0];
    return isinf(x) ? (x > 0 ? p[1] : p[2]) : x;
}

static double relu6(double x) { return clamp(x, 0, 6); }

static double activation(unary_code code, double x, const double *p)
{
    switch (code) {
    case U_SIGMOID:
        return ref_sigmoid(x);
    case U_LOGSIGMOID:
        return (x > 0 ? 0 : x) - log1p(exp(-fabs(x)));
    case U_SILU:
        return x * ref_sigmoid(x);
    case U_RELU:
        return x <= 0 ? 0 : x;
    case U_GELU:
        return x * 0.5 * erfc(-x * 0.70710678118654752440);
    case U_GELU_TANH:
        return gelu_tanh(x);
    case U_MISH:
        return x * tanh(log1p(exp(x)));
    case U_SOFTSIGN:
        return x / (1 + fabs(x));
    case U_HARDSIGMOID:
        return relu6(x + 3) / 6;
    case U_HARDSWISH:
        return x * relu6(x + 3) / 6;
    case U_LEAKY_RELU:
        return x > 0 ? x : x * p[0];
    case U_ELU:
        return x > 0 ? x * p[1] : expm1(x * p[2]) * p[0] * p[1];
    case U_SOFTPLUS:
        return softplus(x, p[0], p[1]);
    case U_THRESHOLD:
        return x <= p[0] ? p[1] : x;
    case U_HARDSHRINK:
        return fabs(x) <= p[0] ? 0 : x;
    case U_SOFTSHRINK:
        return x - clamp(x, -p[0], p[0]);
    default:
        return NAN;
    }
}

double ref_unary_f64(unary_code code, double x, const double *p)
{
    switch (code) {
    case U_NEG:
        return -x;
    case U_ABS:
        return fabs(x);
    case U_SIGN:
        return (x > 0) - (x < 0);
    case U_SQUARE:
        return x * x;
    case U_EXP:
        return exp(x);
    case U_EXP2:
        return exp2(x);
    case U_EXPM1:
        return expm1(x);
    case U_LOG:
        return log(x);
    case U_LOG2:
        return log2(x);
    case U_LOG10:
        return log10(x);
    case U_LOG1P:
        return log1p(x);
    case U_SQRT:
        return sqrt(x);
    case U_RSQRT:
        return 1 / sqrt(x);
    case U_RECIPROCAL:
        return 1 / x;
    case U_SIN:
        return sin(x);
    case U_COS:
        return cos(x);
    case U_TAN:
        return tan(x);
    case U_ASIN:
        return asin(x);
    case U_ACOS:
        return acos(x);
    case U_ATAN:
        return atan(x);
    case U_SINH:
        return sinh(x);
    case U_COSH:
        return cosh(x);
    case U_TANH:
        return tanh(x);
    case U_ASINH:
        return asinh(x);
    case U_ACOSH:
        return acosh(x);
    case U_ATANH:
        return atanh(x);
    case U_ERF:
        return erf(x);
    case U_ERFC:
        return erfc(x);
    case U_ERFINV:
        return ref_erfinv(x);
    case U_LGAMMA:
        return ref_lgamma(x);
    case U_DIGAMMA:
        return ref_digamma(x);
    case U_TRIGAMMA:
        return ref_trigamma(x);
    case U_FLOOR:
        return floor(x);
    case U_CEIL:
        return ceil(x);
    case U_ROUND:
        return nearbyint(x);
    case U_TRUNC:
        return trunc(x);
    case U_CLAMP:
        return clamp(x, p[0], p[1]);
    case U_NAN_TO_NUM:
        return nan_to_num(x, p);
    default:
        return activation(code, x, p);
    }
}

static int64_t wrap_mul(int64_t a, int64_t b) { return (int64_t)((uint64_t)a * (uint64_t)b); }

/* A bound as an integer; the infinities, "no bound", become the ends of the range. */
static int64_t integer_bound(double x) { return x >= 0x1p63 ? INT64_MAX : tsr_i64_of_f64(x); }

static int64_t clamp_i64(int64_t x, int64_t low, int64_t high)
{
    x = x < low ? low : x;
    return x > high ? high : x;
}

static bool unary_i64(unary_code code, int64_t x, const double *p, int64_t *y)
{
    switch (code) {
    case U_NEG:
        *y = wrap_mul(x, -1);
        return true;
    case U_ABS:
        *y = x < 0 ? wrap_mul(x, -1) : x;
        return true;
    case U_SIGN:
        *y = (x > 0) - (x < 0);
        return true;
    case U_SQUARE:
        *y = wrap_mul(x, x);
        return true;
    case U_FLOOR:
    case U_CEIL:
    case U_ROUND:
    case U_TRUNC:
    case U_NAN_TO_NUM:
        *y = x;
        return true;
    case U_RELU:
        *y = x > 0 ? x : 0;
        return true;
    case U_CLAMP:
        *y = clamp_i64(x, integer_bound(p[0]), integer_bound(p[1]));
        return true;
    case U_THRESHOLD:
        *y = (double)x <= p[0] ? tsr_i64_of_f64(p[1]) : x;
        return true;
    default:
        return false;
    }
}

static bool predicate(unary_code code, const array *in, int64_t at)
{
    switch (code) {
    case U_LOGICAL_NOT:
        return !ref_truth(in, at);
    case U_ISNAN:
        return isnan(ref_get_f64(in, at));
    case U_ISINF:
        return isinf(ref_get_f64(in, at));
    default:
        return isfinite(ref_get_f64(in, at));
    }
}

static bool is_predicate(unary_code code)
{
    return code == U_LOGICAL_NOT || code == U_ISNAN || code == U_ISINF || code == U_ISFINITE;
}

static bool ref_unary(unary_code code, const array *out, const array *in, const double *p)
{
    int64_t y = 0;
    bool predicates = is_predicate(code), floating = ref_computes(in->dtype);
    if (!predicates && !floating && !(ref_integral(in->dtype) && unary_i64(code, 0, p, &y)))
        return ref_refuse("unary", in->dtype);
    for (walk w = walk_begin(WALK_ALL, out, in, NULL, NULL); w.left > 0; walk_next(&w)) {
        if (predicates) {
            ref_set_i64(out, w.at[0], predicate(code, in, w.at[1]));
        } else if (floating) {
            ref_set_f64(out, w.at[0], ref_unary_f64(code, ref_get_f64(in, w.at[1]), p));
        } else {
            unary_i64(code, ref_get_i64(in, w.at[1]), p, &y);
            ref_set_i64(out, w.at[0], y);
        }
    }
    return true;
}

void ref_unary_fill(backend *b) { b->unary = ref_unary; }
