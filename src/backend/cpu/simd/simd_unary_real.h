/* simd_unary_real.h: the unary functions of simd_unary.c, for float or double; included twice. */
#include "backend/cpu/simd/simd_real.h"

#define UNARY(name, value)                                                                                             \
    static void F(name)(char *const *data, const int *step, int64_t n, const double *p)                                \
    {                                                                                                                  \
        (void)p;                                                                                                       \
        REAL *out = (REAL *)data[0];                                                                                   \
        const REAL *from_x = (const REAL *)data[1];                                                                    \
        const int step_x = step[1];                                                                                    \
        for (int64_t i = 0; i < n; i += LANES) {                                                                       \
            VEC x = F(fetch)(from_x, step_x, i, n);                                                                    \
            F(store_some)(out + i, value, n - i);                                                                      \
        }                                                                                                              \
    }

#define P(i) ((REAL)p[i])

VECTOR_INLINE VEC F(sign)(VEC x)
{
    MASK one = (MASK)F(splat)(1), minus = (MASK)F(splat)(-1);
    return (VEC)(((x > 0) & one) | ((x < 0) & minus));
}

VECTOR_INLINE VEC F(clamp)(VEC x, VEC low, VEC high)
{
    x = F(choose)(x < low, low, x);
    return F(choose)(x > high, high, x);
}

VECTOR_INLINE VEC F(relu6)(VEC x) { return F(clamp)(x, F(splat)(0), F(splat)(6)); }

VECTOR_INLINE VEC F(nan_to_num)(VEC x, const double *p)
{
    VEC y = F(choose)(x == (REAL)INFINITY, F(splat)(P(1)), F(choose)(x == (REAL)-INFINITY, F(splat)(P(2)), x));
    return F(choose)(x != x, F(splat)(P(0)), y);
}

VECTOR_INLINE VEC F(logsigmoid)(VEC x) { return F(choose)(x > 0, F(splat)(0), x) - F(log1p)(F(exp)(-F(abs)(x))); }

VECTOR_INLINE VEC F(gelu)(VEC x) { return x * F(normal_at)(x).below; }

VECTOR_INLINE VEC F(gelu_tanh)(VEC x)
{
    VEC inner = (x + (REAL)0.044715 * x * x * x) * (REAL)0.79788456080286535588;
    return (REAL)0.5 * x * (1 + F(tanh)(inner));
}

/* x tanh(log(1 + e^x)) = x w / (w + 2) with w = e^x (e^x + 2) */
VECTOR_INLINE VEC F(mish)(VEC x)
{
    VEC e = F(exp)(F(choose)(x > 20, F(splat)(20), x)), w = e * (e + 2);
    return x * (w / (w + 2));
}

VECTOR_INLINE VEC F(elu)(VEC x, const double *p)
{
    return F(choose)(x > 0, x * P(1), F(expm1)(x * P(2)) * (P(0) * P(1)));
}

VECTOR_INLINE VEC F(softplus)(VEC x, const double *p)
{
    VEC z = x * P(0);
    return F(choose)(z > P(1), x, F(log1p)(F(exp)(z)) / P(0));
}

/* SLEEF's log1p, asinh and acosh overflow long before their argument does. */
#define LARGE (REAL)1e15
#define LOG_2 (REAL)0.69314718055994530942

VECTOR_INLINE bool F(any)(MASK m)
{
    for (int i = 1; i < LANES; i++) m[0] |= m[i];
    return m[0];
}

VECTOR_INLINE VEC F(log1p_any)(VEC x)
{
    VEC y = F(log1p)(x);
    return F(any)(x > LARGE) ? F(choose)(x > LARGE, F(log)(x), y) : y;
}

VECTOR_INLINE VEC F(asinh_any)(VEC x)
{
    VEC magnitude = F(abs)(x);
    MASK sign = (MASK)x & (MASK)F(splat)((REAL)-0.0);
    VEC far = (VEC)((MASK)(F(log)(magnitude) + LOG_2) | sign);
    return F(choose)(magnitude > LARGE, far, F(asinh)(x));
}

VECTOR_INLINE VEC F(acosh_any)(VEC x) { return F(choose)(x > LARGE, F(log)(x) + LOG_2, F(acosh)(x)); }

UNARY(row_neg, -x)
UNARY(row_abs, F(abs)(x))
UNARY(row_sign, F(sign)(x))
UNARY(row_square, x *x)
UNARY(row_exp, F(exp)(x))
UNARY(row_exp2, F(exp2)(x))
UNARY(row_expm1, F(expm1)(x))
UNARY(row_log, F(log)(x))
UNARY(row_log2, F(log2)(x))
UNARY(row_log10, F(log10)(x))
UNARY(row_log1p, F(log1p_any)(x))
UNARY(row_sqrt, F(sqrt)(x))
UNARY(row_rsqrt, 1 / F(sqrt)(x))
UNARY(row_reciprocal, 1 / x)
UNARY(row_sin, F(sin)(x))
UNARY(row_cos, F(cos)(x))
UNARY(row_tan, F(tan)(x))
UNARY(row_asin, F(asin)(x))
UNARY(row_acos, F(acos)(x))
UNARY(row_atan, F(atan)(x))
UNARY(row_sinh, F(sinh)(x))
UNARY(row_cosh, F(cosh)(x))
UNARY(row_tanh, F(tanh)(x))
UNARY(row_asinh, F(asinh_any)(x))
UNARY(row_acosh, F(acosh_any)(x))
UNARY(row_atanh, F(atanh)(x))
UNARY(row_erf, F(erf)(x))
UNARY(row_erfc, F(erfc)(x))
#if REAL_BITS == 32
UNARY(row_erfinv, F(erfinv)(x))
#endif
UNARY(row_floor, F(floor)(x))
UNARY(row_ceil, F(ceil)(x))
UNARY(row_round, F(round)(x))
UNARY(row_trunc, F(trunc)(x))
UNARY(row_sigmoid, F(sigmoid)(x))
UNARY(row_logsigmoid, F(logsigmoid)(x))
UNARY(row_silu, F(silu)(x))
UNARY(row_relu, F(choose)(x <= 0, F(splat)(0), x))
UNARY(row_gelu, F(gelu)(x))
UNARY(row_gelu_tanh, F(gelu_tanh)(x))
UNARY(row_mish, F(mish)(x))
UNARY(row_softsign, x / (1 + F(abs)(x)))
UNARY(row_hardsigmoid, F(relu6)(x + 3) / 6)
UNARY(row_hardswish, x *(F(relu6)(x + 3) / 6))
UNARY(row_leaky_relu, F(choose)(x > 0, x, x *P(0)))
UNARY(row_elu, F(elu)(x, p))
UNARY(row_softplus, F(softplus)(x, p))
UNARY(row_clamp, F(clamp)(x, F(splat)(P(0)), F(splat)(P(1))))
UNARY(row_nan_to_num, F(nan_to_num)(x, p))
UNARY(row_threshold, F(choose)(x <= P(0), F(splat)(P(1)), x))
UNARY(row_hardshrink, F(choose)(F(abs)(x) <= P(0), F(splat)(0), x))
UNARY(row_softshrink, x - F(clamp)(x, F(splat)(-P(0)), F(splat)(P(0))))

static const loop_row F(rows)[U_COUNT] = {
    [U_NEG] = F(row_neg),
    [U_ABS] = F(row_abs),
    [U_SIGN] = F(row_sign),
    [U_SQUARE] = F(row_square),
    [U_EXP] = F(row_exp),
    [U_EXP2] = F(row_exp2),
    [U_EXPM1] = F(row_expm1),
    [U_LOG] = F(row_log),
    [U_LOG2] = F(row_log2),
    [U_LOG10] = F(row_log10),
    [U_LOG1P] = F(row_log1p),
    [U_SQRT] = F(row_sqrt),
    [U_RSQRT] = F(row_rsqrt),
    [U_RECIPROCAL] = F(row_reciprocal),
    [U_SIN] = F(row_sin),
    [U_COS] = F(row_cos),
    [U_TAN] = F(row_tan),
    [U_ASIN] = F(row_asin),
    [U_ACOS] = F(row_acos),
    [U_ATAN] = F(row_atan),
    [U_SINH] = F(row_sinh),
    [U_COSH] = F(row_cosh),
    [U_TANH] = F(row_tanh),
    [U_ASINH] = F(row_asinh),
    [U_ACOSH] = F(row_acosh),
    [U_ATANH] = F(row_atanh),
    [U_ERF] = F(row_erf),
    [U_ERFC] = F(row_erfc),
#if REAL_BITS == 32
    [U_ERFINV] = F(row_erfinv),
#endif
    [U_FLOOR] = F(row_floor),
    [U_CEIL] = F(row_ceil),
    [U_ROUND] = F(row_round),
    [U_TRUNC] = F(row_trunc),
    [U_SIGMOID] = F(row_sigmoid),
    [U_LOGSIGMOID] = F(row_logsigmoid),
    [U_SILU] = F(row_silu),
    [U_RELU] = F(row_relu),
    [U_GELU] = F(row_gelu),
    [U_GELU_TANH] = F(row_gelu_tanh),
    [U_MISH] = F(row_mish),
    [U_SOFTSIGN] = F(row_softsign),
    [U_HARDSIGMOID] = F(row_hardsigmoid),
    [U_HARDSWISH] = F(row_hardswish),
    [U_LEAKY_RELU] = F(row_leaky_relu),
    [U_ELU] = F(row_elu),
    [U_SOFTPLUS] = F(row_softplus),
    [U_CLAMP] = F(row_clamp),
    [U_NAN_TO_NUM] = F(row_nan_to_num),
    [U_THRESHOLD] = F(row_threshold),
    [U_HARDSHRINK] = F(row_hardshrink),
    [U_SOFTSHRINK] = F(row_softshrink),
};

#undef UNARY
#undef LARGE
#undef LOG_2
#undef P
