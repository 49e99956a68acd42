/* simd_math_real.h: the part of simd_math.h that is the same for float and double; included twice. */
#include "backend/cpu/simd/simd_real.h"

/* Lane by lane, which the compiler makes one instruction of where there is one. */
#define LANEWISE(name, scalar)                                                                                         \
    VECTOR_INLINE VEC F(name)(VEC x)                                                                                   \
    {                                                                                                                  \
        VEC y;                                                                                                         \
        for (int i = 0; i < LANES; i++) y[i] = scalar(x[i]);                                                           \
        return y;                                                                                                      \
    }

#ifdef TSR_HAVE_SLEEF
#define LIBRARY(name, accuracy)                                                                                        \
    VECTOR_INLINE VEC F(name)(VEC x) { return (VEC)SLEEF(name, accuracy)((SLEEF_TYPE)x); }
#define LIBRARY2(name, accuracy)                                                                                       \
    VECTOR_INLINE VEC F(name)(VEC x, VEC y) { return (VEC)SLEEF(name, accuracy)((SLEEF_TYPE)x, (SLEEF_TYPE)y); }
#else
#define LIBRARY(name, accuracy) LANEWISE(name, LIBM(name))
#define LIBRARY2(name, accuracy)                                                                                       \
    VECTOR_INLINE VEC F(name)(VEC x, VEC y)                                                                            \
    {                                                                                                                  \
        VEC z;                                                                                                         \
        for (int i = 0; i < LANES; i++) z[i] = LIBM(name)(x[i], y[i]);                                                 \
        return z;                                                                                                      \
    }
#endif

LANEWISE(sqrt, LIBM(sqrt))
LANEWISE(floor, LIBM(floor))
LANEWISE(ceil, LIBM(ceil))
LANEWISE(trunc, LIBM(trunc))
LANEWISE(round, LIBM(nearbyint))
#if REAL_BITS == 64
LIBRARY(exp, u10)
LIBRARY(expm1, u10)
LIBRARY(tanh, u10)
LIBRARY(erf, u10)
#endif
LIBRARY(exp2, u10)
LIBRARY(log, u10)
LIBRARY(log2, u10)
LIBRARY(log10, u10)
LIBRARY(log1p, u10)
LIBRARY(sin, u10)
LIBRARY(cos, u10)
LIBRARY(tan, u10)
LIBRARY(asin, u10)
LIBRARY(acos, u10)
LIBRARY(atan, u10)
LIBRARY(sinh, u10)
LIBRARY(cosh, u10)
LIBRARY(asinh, u10)
LIBRARY(acosh, u10)
LIBRARY(atanh, u10)
LIBRARY(erfc, u15)
LIBRARY2(pow, u10)
LIBRARY2(atan2, u10)
LIBRARY2(hypot, u05)

VECTOR_INLINE VEC F(abs)(VEC x)
{
    MASK sign = (MASK)(F(splat)((REAL)-0.0));
    return (VEC)((MASK)x & ~sign);
}

/* The larger and the smaller, where NaN wins. */
VECTOR_INLINE VEC F(max)(VEC a, VEC b) { return F(choose)((a > b) | (a != a), a, b); }

VECTOR_INLINE VEC F(min)(VEC a, VEC b) { return F(choose)((a < b) | (a != a), a, b); }

#if REAL_BITS == 64
VECTOR_INLINE VEC F(exp_falling)(VEC x) { return F(exp)(x); }

VECTOR_INLINE VEC F(logistic_divisor)(VEC x) { return 1 + F(exp)(-x); }
#endif

VECTOR_INLINE VEC F(sigmoid)(VEC x) { return 1 / F(logistic_divisor)(x); }

VECTOR_INLINE VEC F(silu)(VEC x) { return x / F(logistic_divisor)(x); }

#if REAL_BITS == 64
VECTOR_INLINE VEC F(silu_within)(VEC x) { return F(silu)(x); }
#endif

/* A gradient passed back through SiLU at x. */
VECTOR_INLINE VEC F(silu_grad)(VEC g, VEC x)
{
    VEC s = F(sigmoid)(x);
    return g * (s * (1 + x * (1 - s)));
}

#undef LANEWISE
#undef LIBRARY
#undef LIBRARY2
