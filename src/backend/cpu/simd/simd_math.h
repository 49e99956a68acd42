/* simd_math.h: functions of vectors, for float (suffix 32) and double (suffix 64). exp, expm1, tanh, sigmoid and erf of floats
   are ours and inline; the others are SLEEF's or, without it, libm's lane by lane. The relative error of a polynomial is that of
   the fit; what a function loses in all is given in ulp. */
#ifndef SIMD_MATH_H
#define SIMD_MATH_H

#include <math.h>
#if defined(__SSE2__)
#include <immintrin.h>
#endif

#include "backend/cpu/simd/simd_vec.h"

#ifdef TSR_HAVE_SLEEF
#include <sleef.h>
#define SLEEF_PASTE_(name, kind, lanes, accuracy, isa) Sleef_##name##kind##lanes##_##accuracy##isa
#define SLEEF_PASTE(name, kind, lanes, accuracy, isa) SLEEF_PASTE_(name, kind, lanes, accuracy, isa)
#if defined(__AVX512F__)
#define SLEEF32(name, accuracy) SLEEF_PASTE(name, f, 16, accuracy, avx512f)
#define SLEEF64(name, accuracy) SLEEF_PASTE(name, d, 8, accuracy, avx512f)
typedef __m512 sleef32;
typedef __m512d sleef64;
#elif defined(__AVX2__)
#define SLEEF32(name, accuracy) SLEEF_PASTE(name, f, 8, accuracy, avx2)
#define SLEEF64(name, accuracy) SLEEF_PASTE(name, d, 4, accuracy, avx2)
typedef __m256 sleef32;
typedef __m256d sleef64;
#elif defined(__SSE2__)
#define SLEEF32(name, accuracy) SLEEF_PASTE(name, f, 4, accuracy, sse2)
#define SLEEF64(name, accuracy) SLEEF_PASTE(name, d, 2, accuracy, sse2)
typedef __m128 sleef32;
typedef __m128d sleef64;
#else /* 64-bit ARM: SLEEF's plain names; its vector types are the compiler's own */
#define SLEEF32(name, accuracy) SLEEF_PASTE(name, f, 4, accuracy, )
#define SLEEF64(name, accuracy) SLEEF_PASTE(name, d, 2, accuracy, )
typedef __typeof__(Sleef_expf4_u10((vec32){0})) sleef32;
typedef __typeof__(Sleef_expd2_u10((vec64){0})) sleef64;
#endif
#endif

/* ---- exp of floats -------------------------------------------------------------------------------------------- */

/* e^x = 2^n e^r with |r| <= log(2) / 2: scale is 2^n as two factors (so that results near the ends of the range, and
   subnormal ones, come out right), rest is e^r - 1. The polynomial is minimax, relative error 2e-8; in all 1.04 ulp. */
VECTOR_INLINE vec32 exp_rest(vec32 r)
{
    vec32 q = ((((r * 1.394649696421446e-3f + 8.366610602776478e-3f) * r + 4.166628139916925e-2f) * r +
                1.6666542793848982e-1f) *
                   r +
               5.000000062087188e-1f);
    return q * (r * r) + r;
}

typedef struct exp_parts {
    vec32 scale1, scale2, rest;
} exp_parts;

VECTOR_INLINE vec32 power_of_two32(mask32 n) { return (vec32)((n + 127) << 23); }

VECTOR_INLINE exp_parts exp_split(vec32 x)
{
    x = choose32(x > 90.0f, splat32(90.0f), x); /* NaN stays */
    x = choose32(x < -105.0f, splat32(-105.0f), x);
    vec32 shifted = x * 1.44269504089f + 12582912.0f; /* 1.5 2^23: rounds to an integer in the low bits */
    vec32 n = shifted - 12582912.0f;
    vec32 r = x - n * 0.693359375f; /* log(2) in two parts, the first exact times n */
    r = r + n * 2.12194440e-4f;
    mask32 whole = (mask32)shifted - 0x4b400000, half = whole >> 1;
    return (exp_parts){power_of_two32(half), power_of_two32(whole - half), exp_rest(r)};
}

VECTOR_INLINE vec32 exp32(vec32 x)
{
    exp_parts e = exp_split(x);
    return (e.rest * e.scale1 + e.scale1) * e.scale2;
}

/* x, but at least, at most a bound; NaN stays. */
#if defined(__AVX512F__)
#define BOUND32(x86, is_beyond, x, bound) (vec32) _mm512_##x86##_ps((__m512)splat32(bound), (__m512)(x))
#elif defined(__AVX2__)
#define BOUND32(x86, is_beyond, x, bound) (vec32) _mm256_##x86##_ps((__m256)splat32(bound), (__m256)(x))
#elif defined(__SSE2__)
#define BOUND32(x86, is_beyond, x, bound) (vec32) _mm_##x86##_ps((__m128)splat32(bound), (__m128)(x))
#else
#define BOUND32(x86, is_beyond, x, bound) choose32((x)is_beyond(bound), splat32(bound), x)
#endif

VECTOR_INLINE vec32 at_least32(vec32 x, float low) { return BOUND32(max, <, x, low); }

VECTOR_INLINE vec32 at_most32(vec32 x, float high) { return BOUND32(min, >, x, high); }

#undef BOUND32

/* e^x = scale * rest, both normal, for x from -86 to 89. Beyond 88.72 their product is infinite. From about -87 down to
   -126 log(2) it is 0; below that the exponent's bits wrap, so that x must be bounded. */
typedef struct exp_factors {
    vec32 scale, rest;
} exp_factors;

#if defined(__AVX2__)
/* The bits of 2^(j / 8 - 1) less j << 20, to which (8 n + j) << 20 is added; twice, for vectors of 16. */
static const int32_t exp_eighths[16] = {
    0x3f000000, 0x3efb95c2, 0x3ef837f0, 0x3ef5fed7, 0x3ef504f3, 0x3ef5672a, 0x3ef744fd, 0x3efac0c7,
    0x3f000000, 0x3efb95c2, 0x3ef837f0, 0x3ef5fed7, 0x3ef504f3, 0x3ef5672a, 0x3ef744fd, 0x3efac0c7,
};

VECTOR_INLINE vec32 power_of_eighths32(mask32 eighths)
{
    vec32 table = load32((const float *)exp_eighths);
#if defined(__AVX512F__)
    mask32 bits = (mask32)_mm512_permutexvar_ps((__m512i)eighths, (__m512)table);
#else
    mask32 bits = (mask32)_mm256_permutevar8x32_ps((__m256)table, (__m256i)eighths);
#endif
    return (vec32)(bits + (eighths << 20));
}

/* x = n log(2) / 8 + r with |r| <= log(2) / 16, for which 2 e^r is a cubic, minimax, relative error 2.5e-8. Where log(2)
   is rounded adds 2.8e-9 |x|: in all 2.2 ulp up to |x| = 8, 5.4 at 83. */
VECTOR_INLINE exp_factors exp_between32(vec32 x)
{
    vec32 shifted = x * 1.44269504089f + 1572864.0f; /* 1.5 2^20: rounds to eighths in the low bits */
    vec32 r = x - (shifted - 1572864.0f) * 0.69314718056f;
    vec32 rest = ((r * 0.3332858681678772f + 1.0001298189163208f) * r + 2.0f) * r + 2.0f;
    return (exp_factors){power_of_eighths32((mask32)shifted), rest};
}
#else
VECTOR_INLINE exp_factors exp_between32(vec32 x)
{
    vec32 shifted = x * 1.44269504089f + 12582912.0f; /* as in exp_split */
    vec32 n = shifted - 12582912.0f;
    vec32 r = x - n * 0.693359375f;
    r = r + n * 2.12194440e-4f;
    return (exp_factors){power_of_two32((mask32)shifted - 0x4b400001), exp_rest(r) * 2.0f + 2.0f};
}
#endif

/* e^x for x up to 0 (88, in fact), for softmax: 0 where that is below 1.7e-38, under x = -86.99 or, with eighths, -87.29. NaN
   stays. */
VECTOR_INLINE vec32 exp_falling32(vec32 x)
{
    exp_factors e = exp_between32(at_least32(x, -87.33655f)); /* -126 log(2) */
    return e.rest * e.scale;
}

/* 1 + e^-x for x from -88 to 86. */
VECTOR_INLINE vec32 logistic_divisor_within32(vec32 x)
{
    exp_factors e = exp_between32(-x);
    return e.rest * e.scale + 1.0f;
}

/* 1 + e^-x, infinite below -88.72: 1 / that is the logistic function, x / that SiLU (2.8 ulp up
   to |x| = 8, 6.2 at -86). NaN stays. */
VECTOR_INLINE vec32 logistic_divisor32(vec32 x)
{
    return logistic_divisor_within32(at_most32(at_least32(x, -89.0f), 60.0f));
}

/* SiLU of x from -88 to 86. */
VECTOR_INLINE vec32 silu_within32(vec32 x) { return x / logistic_divisor_within32(x); }

/* e^x - 1 for x below 88. */
VECTOR_INLINE vec32 expm1_below(vec32 x)
{
    exp_parts e = exp_split(x);
    vec32 y = e.rest * e.scale1 * e.scale2 + (e.scale1 * e.scale2 - 1.0f);
    return choose32(x == 0.0f, x, y); /* the sign of 0 stays */
}

VECTOR_INLINE vec32 expm132(vec32 x) { return choose32(x > 88.0f, exp32(x), expm1_below(x)); }

/* With e = exp(2|x|) - 1: e / (e + 2). */
VECTOR_INLINE vec32 tanh32(vec32 x)
{
    mask32 sign = (mask32)x & INT32_MIN;
    vec32 magnitude = (vec32)((mask32)x & INT32_MAX);
    magnitude = choose32(magnitude > 10.0f, splat32(10.0f), magnitude);
    vec32 e = expm1_below(magnitude * 2.0f);
    return (vec32)((mask32)(e / (e + 2.0f)) | sign);
}

/* The standard normal distribution: probability below x, and the density. The probability beyond m = |x| is
   e^(-m^2 / 2) p(m) / q(m), a fraction of ours with relative error 6e-8 up to 6 and 4e-5 at 13, where it ends: scale is
   0 there. Rounding m^2 / 2 makes that 9 ulp at -4 and 18 at -6 in all. */
typedef struct normal32 {
    vec32 below, density;
} normal32;

VECTOR_INLINE normal32 normal_at32(vec32 x)
{
    vec32 m = at_most32((vec32)((mask32)x & INT32_MAX), 13.2164f); /* sqrt(2 126 log(2)) */
    exp_factors f = exp_between32(m * m * -0.5f);
    vec32 e = f.rest * f.scale;
    vec32 p = ((m * 1.3632673e-2f + 1.04481946e-1f) * m + 3.34601895e-1f) * m + 4.9999997e-1f;
    vec32 q = (((m * 3.4192626e-2f + 2.61344842e-1f) * m + 8.79562484e-1f) * m + 1.46708475f) * m + 1.0f;
    vec32 beyond = e * p / q;
    return (normal32){choose32(x > 0.0f, 1.0f - beyond, beyond), 0.39894228040143267794f * e};
}

/* x p(x^2) up to 1, relative error 1.3e-9; from there on 1 less what two normal distributions have beyond sqrt(2) |x|. */
VECTOR_INLINE vec32 erf32(vec32 x)
{
    vec32 m = (vec32)((mask32)x & INT32_MAX), t = x * x;
    vec32 p =
        (((((t * 7.85386154e-5f - 8.01019387e-4f) * t + 5.18832774e-3f) * t - 2.6853812e-2f) * t + 1.12835852e-1f) * t -
         3.76126258e-1f) *
            t +
        1.12837917f;
    vec32 far = 1.0f - 2.0f * normal_at32(m * -1.41421356f).below;
    return choose32(m < 1.0f, x * p, (vec32)((mask32)far | ((mask32)x & INT32_MIN)));
}

/* ---- the functions of both widths ------------------------------------------------------------------------------- */

#pragma push_macro("REAL_BITS") /* simd_real.h, which includes this file, is in the middle of setting it */
#undef REAL_BITS
#define REAL_BITS 32
#include "backend/cpu/simd/simd_math_real.h"
#undef REAL_BITS
#define REAL_BITS 64
#include "backend/cpu/simd/simd_math_real.h"
#pragma pop_macro("REAL_BITS")

/* With w = -log(1 - x^2), erfinv(x) / x is smooth in w where that is small, in its root where it is large (as Giles observed
   in 2012): two minimax polynomials, relative error 1e-7. */
VECTOR_INLINE vec32 erfinv32(vec32 x)
{
    static const float small[] = {2.85350695e-8f,  3.43727026e-7f,  -3.52886313e-6f, -4.39678153e-6f, 2.18602208e-4f,
                                  -1.25370751e-3f, -4.17770776e-3f, 2.46640726e-1f,  1.50140942f};
    static const float large[] = {-2.05618882e-4f, 1.05095511e-4f, 1.35640913e-3f, -3.6777411e-3f, 5.73636508e-3f,
                                  -7.62121671e-3f, 9.43936133e-3f, 1.00167401f,    2.83297691f};
    vec32 w = -log32((1.0f - x) * (1.0f + x)), near = w - 2.5f, far = sqrt32(w) - 3.0f;
    vec32 p = splat32(small[0]), q = splat32(large[0]);
    for (int i = 1; i < 9; i++) {
        p = p * near + small[i];
        q = q * far + large[i];
    }
    vec32 y = x * choose32(w < 5.0f, p, q);
    return choose32(w == INFINITY, x * INFINITY, y);
}

typedef struct normal64 {
    vec64 below, density;
} normal64;

VECTOR_INLINE normal64 normal_at64(vec64 x)
{
    return (normal64){0.5 * erfc64(x * -0.70710678118654752440), 0.39894228040143267794 * exp64(x * x * -0.5)};
}

#endif
