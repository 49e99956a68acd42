/* simd_binary_real.h: the arithmetic and gradient rows of simd_binary.c, for float or double; included twice. */
#include "backend/cpu/simd/simd_real.h"

#define BINARY(name, value)                                                                                            \
    static void F(name)(char *const *data, const int *step, int64_t n, const double *p)                                \
    {                                                                                                                  \
        (void)p;                                                                                                       \
        REAL *out = (REAL *)data[0];                                                                                   \
        const REAL *from_a = (const REAL *)data[1];                                                                    \
        const int step_a = step[1];                                                                                    \
        const REAL *from_b = (const REAL *)data[2];                                                                    \
        const int step_b = step[2];                                                                                    \
        for (int64_t i = 0; i < n; i += LANES) {                                                                       \
            VEC a = F(fetch)(from_a, step_a, i, n), b = F(fetch)(from_b, step_b, i, n);                                \
            F(store_some)(out + i, value, n - i);                                                                      \
        }                                                                                                              \
    }

#define P(i) ((REAL)p[i])
#define ZERO F(splat)(0)

VECTOR_INLINE VEC F(logaddexp)(VEC a, VEC b)
{
    VEC larger = F(max)(a, b), sum = larger + F(log1p)(F(exp)(-F(abs)(a - b)));
    return F(choose)((a == b) & (F(abs)(a) == (REAL)INFINITY), a, sum);
}

VECTOR_INLINE VEC F(xlogy)(VEC a, VEC b)
{
    VEC y = F(choose)(a == 0, ZERO, a * F(log)(b));
    return F(choose)(b != b, b, y);
}

VECTOR_INLINE VEC F(huber)(VEC a, VEC b, const double *p)
{
    VEC d = F(abs)(a - b);
    return F(choose)(d <= P(0), P(1) * d * (d * (REAL)0.5), P(2) * (d - P(0) * (REAL)0.5));
}

VECTOR_INLINE VEC F(gelu_grad)(VEC g, VEC x)
{
    F(normal) n = F(normal_at)(x);
    return g * (n.below + x * n.density);
}

VECTOR_INLINE VEC F(gelu_tanh_grad)(VEC g, VEC x)
{
    const REAL k = (REAL)0.79788456080286535588, c = (REAL)0.044715;
    VEC t = F(tanh)((x + c * x * x * x) * k);
    return g * (REAL)0.5 * ((1 + t) + x * (1 - t * t) * (k * (1 + 3 * c * x * x)));
}

/* With w = e^x (e^x + 2), tanh(softplus(x)) = w / (w + 2). */
VECTOR_INLINE VEC F(mish_grad)(VEC g, VEC x)
{
    VEC e = F(exp)(F(choose)(x > 20, F(splat)(20), x)), w = e * (e + 2), t = w / (w + 2);
    return g * (t + x * F(sigmoid)(x) * (1 - t * t));
}

VECTOR_INLINE VEC F(elu_grad)(VEC g, VEC x, const double *p)
{
    VEC below_zero = g * (P(2) * P(0) * P(1)) * F(exp)(x * P(2));
    return F(choose)(x <= 0, below_zero, g * P(1));
}

VECTOR_INLINE VEC F(softplus_grad)(VEC g, VEC x, const double *p)
{
    VEC z = x * P(0);
    return F(choose)(z > P(1), g, g * F(sigmoid)(z));
}

VECTOR_INLINE VEC F(hardswish_grad)(VEC g, VEC x)
{
    VEC middle = F(choose)(x <= 3, g * (x / 3 + (REAL)0.5), g);
    return F(choose)(x < -3, ZERO, middle);
}

BINARY(row_plain_add, a + b)
BINARY(row_plain_sub, a - b)
BINARY(row_add, a + P(0) * b)
BINARY(row_sub, a - P(0) * b)
BINARY(row_mul, a *b)
BINARY(row_div, a / b)
BINARY(row_div_trunc, F(trunc)(a / b))
BINARY(row_pow, F(pow)(a, b))
BINARY(row_atan2, F(atan2)(a, b))
BINARY(row_maximum, F(max)(a, b))
BINARY(row_minimum, F(min)(a, b))
BINARY(row_logaddexp, F(logaddexp)(a, b))
BINARY(row_xlogy, F(xlogy)(a, b))
BINARY(row_hypot, F(hypot)(a, b))
BINARY(row_prelu, F(choose)(a > 0, a, a *b))
BINARY(row_huber, F(huber)(a, b, p))
BINARY(row_sigmoid_grad, a *(1 - b) * b)
BINARY(row_tanh_grad, a *(1 - b * b))
BINARY(row_silu_grad, F(silu_grad)(a, b))
BINARY(row_gelu_grad, F(gelu_grad)(a, b))
BINARY(row_gelu_tanh_grad, F(gelu_tanh_grad)(a, b))
BINARY(row_relu_grad, F(choose)(b <= 0, ZERO, a))
BINARY(row_leaky_relu_grad, F(choose)(b > 0, a, a *P(0)))
BINARY(row_elu_grad, F(elu_grad)(a, b, p))
BINARY(row_softplus_grad, F(softplus_grad)(a, b, p))
BINARY(row_mish_grad, F(mish_grad)(a, b))
BINARY(row_hardsigmoid_grad, F(choose)((b > -3) & (b < 3), a / 6, ZERO))
BINARY(row_hardswish_grad, F(hardswish_grad)(a, b))
BINARY(row_clamp_grad, F(choose)((b >= P(0)) & (b <= P(1)), a, ZERO))
BINARY(row_logsigmoid_grad, a *F(sigmoid)(-b))

static const loop_row F(rows)[B_COUNT] = {
    [B_ADD] = F(row_add),
    [B_SUB] = F(row_sub),
    [B_MUL] = F(row_mul),
    [B_DIV] = F(row_div),
    [B_DIV_TRUNC] = F(row_div_trunc),
    [B_POW] = F(row_pow),
    [B_ATAN2] = F(row_atan2),
    [B_MAXIMUM] = F(row_maximum),
    [B_MINIMUM] = F(row_minimum),
    [B_LOGADDEXP] = F(row_logaddexp),
    [B_XLOGY] = F(row_xlogy),
    [B_HYPOT] = F(row_hypot),
    [B_PRELU] = F(row_prelu),
    [B_HUBER] = F(row_huber),
    [B_SIGMOID_GRAD] = F(row_sigmoid_grad),
    [B_TANH_GRAD] = F(row_tanh_grad),
    [B_SILU_GRAD] = F(row_silu_grad),
    [B_GELU_GRAD] = F(row_gelu_grad),
    [B_GELU_TANH_GRAD] = F(row_gelu_tanh_grad),
    [B_RELU_GRAD] = F(row_relu_grad),
    [B_LEAKY_RELU_GRAD] = F(row_leaky_relu_grad),
    [B_ELU_GRAD] = F(row_elu_grad),
    [B_SOFTPLUS_GRAD] = F(row_softplus_grad),
    [B_MISH_GRAD] = F(row_mish_grad),
    [B_HARDSIGMOID_GRAD] = F(row_hardsigmoid_grad),
    [B_HARDSWISH_GRAD] = F(row_hardswish_grad),
    [B_CLAMP_GRAD] = F(row_clamp_grad),
    [B_LOGSIGMOID_GRAD] = F(row_logsigmoid_grad),
};

#undef BINARY
#undef P
#undef ZERO
