/* random_core.h: from Philox words to numbers. The reference and the vector kernels share these functions, and every file
   that includes this one is compiled without fused multiply-add, so that all tiers give the same bits.

   Normal numbers: Box and Muller's transform. In f32 the logarithm and the circle functions are short series made of
   additions and multiplications alone, which compilers vectorise and which give the same bits on every machine:
   log(m) = 2 artanh((m - 1) / (m + 1)) for m in [sqrt(1/2), sqrt(2)), and Taylor's series of sine and cosine within an
   eighth of a turn. Relative errors are below 2e-7. In f64 they are libm's. */
#ifndef RANDOM_CORE_H
#define RANDOM_CORE_H

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/half.h"
#include "base/philox.h"

static inline uint64_t random_u64(const tsr_philox_block *b, int half)
{
    return (uint64_t)b->v[2 * half] << 32 | b->v[2 * half + 1];
}

__extension__ typedef unsigned __int128 random_wide;

/* [0, n), n > 0, from 64 random bits. */
static inline uint64_t random_below(uint64_t bits, uint64_t n) { return (uint64_t)(((random_wide)bits * n) >> 64); }

/* [low, high); a result that rounds up to `high` becomes `low`. */
static inline float random_scale_f32(uint32_t word, float low, float high)
{
    float x = tsr_unit_f32(word) * (high - low) + low;
    return x < high ? x : low;
}

static inline double random_scale_f64(uint32_t hi, uint32_t lo, double low, double high)
{
    double x = tsr_unit_f64(hi, lo) * (high - low) + low;
    return x < high ? x : low;
}

/* -2 log(u), u in [2^-24, 1]. */
static inline float random_minus_two_log(float u)
{
    uint32_t bits = tsr_bits_of_f32(u);
    int32_t exponent = (int32_t)(bits - 0x3f3504f3u) >> 23; /* so that m >= sqrt(1/2) */
    float m = tsr_f32_of_bits(bits - ((uint32_t)exponent << 23));
    float s = (m - 1.0f) / (m + 1.0f), q = s * s;
    float series = (((q * (1.0f / 9) + 1.0f / 7) * q + 1.0f / 5) * q + 1.0f / 3) * q + 1.0f;
    return -1.38629436112f * (float)exponent - 4.0f * s * series;
}

/* Cosine and sine of u turns, u in [0, 1). */
static inline void random_circle(float u, float *cosine, float *sine)
{
    int32_t quarter = (int32_t)(u * 4.0f + 0.5f);
    float x = (u * 4.0f - (float)quarter) * 1.57079632679f, q = x * x;
    float s = ((((q * (1.0f / 362880) - 1.0f / 5040) * q + 1.0f / 120) * q - 1.0f / 6) * q + 1.0f) * x;
    float c = ((((-q * (1.0f / 3628800) + 1.0f / 40320) * q - 1.0f / 720) * q + 1.0f / 24) * q - 0.5f) * q + 1.0f;
    bool odd = quarter & 1;
    float across = odd ? s : c, along = odd ? c : s;
    *cosine = (quarter + 1) & 2 ? -across : across;
    *sine = quarter & 2 ? -along : along;
}

/* Two independent standard normal numbers from two words. */
static inline void random_normal_f32(uint32_t a, uint32_t b, float *x, float *y)
{
    float radius = sqrtf(random_minus_two_log(1.0f - tsr_unit_f32(a))), c, s;
    random_circle(tsr_unit_f32(b), &c, &s);
    *x = radius * c;
    *y = radius * s;
}

static inline void random_normal_f64(const tsr_philox_block *b, double *x, double *y)
{
    double radius = sqrt(-2 * log(1 - tsr_unit_f64(b->v[0], b->v[1])));
    double angle = 6.28318530717958647693 * tsr_unit_f64(b->v[2], b->v[3]);
    *x = radius * cos(angle);
    *y = radius * sin(angle);
}

#endif
