/* ref_binary.c: functions of two elements: arithmetic, comparisons, bits, and the gradients of activations. Floats are
   computed in double; integers in int64_t with wrap-around, then cut to their dtype. */
#include "backend/cpu/ref/ref.h"

/* ---- floats ------------------------------------------------------------------------------------------------- */

/* The remainder with the divisor's sign, as Python's %. */
static double remainder_f64(double a, double b)
{
    double r = fmod(a, b);
    return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

/* floor(a / b) without the rounding error of a / b, as Python's //. */
static double floor_divide_f64(double a, double b)
{
    if (b == 0) return a / b;
    double r = fmod(a, b), quotient = (a - r) / b;
    if (r != 0 && (r < 0) != (b < 0)) quotient -= 1;
    if (quotient == 0) return copysign(0, a / b);
    double whole = floor(quotient);
    return quotient - whole > 0.5 ? whole + 1 : whole;
}

static double logaddexp(double a, double b)
{
    if (isinf(a) && a == b) return a;
    return ref_max(a, b) + log1p(exp(-fabs(a - b)));
}

static double xlogy(double a, double b)
{
    if (isnan(b)) return b;
    return a == 0 ? 0 : a * log(b);
}

static double huber(double a, double b, const double *p)
{
    double d = fabs(a - b);
    return d <= p[0] ? p[1] * d * d / 2 : p[2] * (d - p[0] / 2);
}

static double gelu_grad(double g, double x)
{
    double cdf = 0.5 * erfc(-x * 0.70710678118654752440), pdf = 0.39894228040143267794 * exp(-0.5 * x * x);
    return g * (cdf + x * pdf);
}

static double gelu_tanh_grad(double g, double x)
{
    double k = 0.79788456080286535588, t = tanh(k * (x + 0.044715 * x * x * x));
    return g * 0.5 * ((1 + t) + x * (1 - t * t) * k * (1 + 3 * 0.044715 * x * x));
}

static double silu_grad(double g, double x)
{
    double s = ref_sigmoid(x);
    return g * s * (1 + x * (1 - s));
}

static double mish_grad(double g, double x)
{
    double t = tanh(log1p(exp(x)));
    return g * (t + x * ref_sigmoid(x) * (1 - t * t));
}

static double elu_grad(double g, double x, const double *p)
{
    return x <= 0 ? g * p[2] * p[0] * p[1] * exp(x * p[2]) : g * p[1];
}

static double hardswish_grad(double g, double x)
{
    if (x < -3) return 0;
    return x <= 3 ? g * (x / 3 + 0.5) : g;
}

static double activation_grad(binary_code code, double g, double x, const double *p)
{
    switch (code) {
    case B_SIGMOID_GRAD:
        return g * (1 - x) * x;
    case B_TANH_GRAD:
        return g * (1 - x * x);
    case B_SILU_GRAD:
        return silu_grad(g, x);
    case B_GELU_GRAD:
        return gelu_grad(g, x);
    case B_GELU_TANH_GRAD:
        return gelu_tanh_grad(g, x);
    case B_RELU_GRAD:
        return x <= 0 ? 0 : g;
    case B_LEAKY_RELU_GRAD:
        return x > 0 ? g : g * p[0];
    case B_ELU_GRAD:
        return elu_grad(g, x, p);
    case B_SOFTPLUS_GRAD:
        return x * p[0] > p[1] ? g : g * ref_sigmoid(x * p[0]);
    case B_MISH_GRAD:
        return mish_grad(g, x);
    case B_HARDSIGMOID_GRAD:
        return x > -3 && x < 3 ? g / 6 : 0;
    case B_HARDSWISH_GRAD:
        return hardswish_grad(g, x);
    case B_CLAMP_GRAD:
        return x >= p[0] && x <= p[1] ? g : 0;
    case B_LOGSIGMOID_GRAD:
        return g * ref_sigmoid(-x);
    default:
        return NAN;
    }
}

double ref_binary_f64(binary_code code, double a, double b, const double *p)
{
    switch (code) {
    case B_ADD:
        return a + p[0] * b;
    case B_SUB:
        return a - p[0] * b;
    case B_MUL:
        return a * b;
    case B_DIV:
        return a / b;
    case B_DIV_FLOOR:
        return floor_divide_f64(a, b);
    case B_DIV_TRUNC:
        return trunc(a / b);
    case B_REMAINDER:
        return remainder_f64(a, b);
    case B_FMOD:
        return fmod(a, b);
    case B_POW:
        return pow(a, b);
    case B_ATAN2:
        return atan2(a, b);
    case B_MAXIMUM:
        return ref_max(a, b);
    case B_MINIMUM:
        return ref_min(a, b);
    case B_LOGADDEXP:
        return logaddexp(a, b);
    case B_XLOGY:
        return xlogy(a, b);
    case B_HYPOT:
        return hypot(a, b);
    case B_PRELU:
        return a > 0 ? a : a * b;
    case B_HUBER:
        return huber(a, b, p);
    default:
        return activation_grad(code, a, b, p);
    }
}

/* ---- integers ----------------------------------------------------------------------------------------------- */

static int64_t wrap_add(int64_t a, int64_t b) { return (int64_t)((uint64_t)a + (uint64_t)b); }

static int64_t wrap_mul(int64_t a, int64_t b) { return (int64_t)((uint64_t)a * (uint64_t)b); }

/* Zero divides to zero: the operator layer has refused it; -1 is apart because INT64_MIN / -1 traps. */
static int64_t divide_trunc(int64_t a, int64_t b)
{
    if (b == 0) return 0;
    return b == -1 ? wrap_mul(a, -1) : a / b;
}

static int64_t remainder_trunc(int64_t a, int64_t b) { return b == 0 || b == -1 ? 0 : a % b; }

static int64_t remainder_floor(int64_t a, int64_t b)
{
    int64_t r = remainder_trunc(a, b);
    return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

static int64_t divide_floor(int64_t a, int64_t b)
{
    int64_t r = remainder_trunc(a, b);
    return divide_trunc(a, b) - (r != 0 && (r < 0) != (b < 0));
}

/* Negative powers are 0 except of 1 and -1. */
static int64_t power(int64_t base, int64_t exponent)
{
    if (exponent < 0) return base == 1 ? 1 : base == -1 ? (exponent % 2 ? -1 : 1) : 0;
    int64_t result = 1;
    for (; exponent > 0; exponent >>= 1) {
        if (exponent & 1) result = wrap_mul(result, base);
        base = wrap_mul(base, base);
    }
    return result;
}

static bool binary_i64(binary_code code, int64_t a, int64_t b, const double *p, int64_t *y)
{
    switch (code) {
    case B_ADD:
        *y = wrap_add(a, wrap_mul(tsr_i64_of_f64(p[0]), b));
        return true;
    case B_SUB:
        *y = wrap_add(a, wrap_mul(-tsr_i64_of_f64(p[0]), b));
        return true;
    case B_MUL:
        *y = wrap_mul(a, b);
        return true;
    case B_DIV_FLOOR:
        *y = divide_floor(a, b);
        return true;
    case B_DIV_TRUNC:
        *y = divide_trunc(a, b);
        return true;
    case B_REMAINDER:
        *y = remainder_floor(a, b);
        return true;
    case B_FMOD:
        *y = remainder_trunc(a, b);
        return true;
    case B_POW:
        *y = power(a, b);
        return true;
    case B_MAXIMUM:
        *y = a > b ? a : b;
        return true;
    case B_MINIMUM:
        *y = a < b ? a : b;
        return true;
    case B_AND:
        *y = a & b;
        return true;
    case B_OR:
        *y = a | b;
        return true;
    case B_XOR:
        *y = a ^ b;
        return true;
    default:
        return false;
    }
}

/* ---- comparisons --------------------------------------------------------------------------------------------- */

#define COMPARE(code, a, b)                                                                                            \
    ((code) == B_EQ   ? (a) == (b)                                                                                     \
     : (code) == B_NE ? (a) != (b)                                                                                     \
     : (code) == B_LT ? (a) < (b)                                                                                      \
     : (code) == B_LE ? (a) <= (b)                                                                                     \
     : (code) == B_GT ? (a) > (b)                                                                                      \
                      : (a) >= (b))

static bool compare(binary_code code, const array *a, int64_t at_a, const array *b, int64_t at_b)
{
    if (ref_floating(a->dtype)) {
        double x = ref_get_f64(a, at_a), y = ref_get_f64(b, at_b);
        return COMPARE(code, x, y);
    }
    int64_t x = ref_get_i64(a, at_a), y = ref_get_i64(b, at_b);
    return COMPARE(code, x, y);
}

static bool logical(binary_code code, bool a, bool b)
{
    if (code == B_LOGICAL_AND) return a && b;
    return code == B_LOGICAL_OR ? a || b : a != b;
}

static bool to_bool(binary_code code, const array *a, int64_t at_a, const array *b, int64_t at_b)
{
    if (code <= B_GE) return compare(code, a, at_a, b, at_b);
    return logical(code, ref_truth(a, at_a), ref_truth(b, at_b));
}

static bool ref_binary(binary_code code, const array *out, const array *a, const array *b, const double *p)
{
    int64_t y = 0;
    bool predicate = code >= B_EQ && code <= B_LOGICAL_XOR, floating = ref_computes(a->dtype);
    if (!predicate && !floating && !(ref_integral(a->dtype) && binary_i64(code, 0, 1, p, &y)))
        return ref_refuse("binary", a->dtype);
    for (walk w = walk_begin(WALK_ALL, out, a, b, NULL); w.left > 0; walk_next(&w)) {
        if (predicate) {
            ref_set_i64(out, w.at[0], to_bool(code, a, w.at[1], b, w.at[2]));
        } else if (floating) {
            ref_set_f64(out, w.at[0], ref_binary_f64(code, ref_get_f64(a, w.at[1]), ref_get_f64(b, w.at[2]), p));
        } else {
            binary_i64(code, ref_get_i64(a, w.at[1]), ref_get_i64(b, w.at[2]), p, &y);
            ref_set_i64(out, w.at[0], y);
        }
    }
    return true;
}

void ref_binary_fill(backend *b) { b->binary = ref_binary; }
