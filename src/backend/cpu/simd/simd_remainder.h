/* simd_remainder.h: rows of what is left of a division of floats, fmod and Python's % and //, as the reference defines them.

   In double the quotient of two floats, cut to an integer, and its product with the divisor are exact while it is below
   2^28, so a - trunc(a / b) b is what is left but for a quotient that was rounded up to the next integer, which the sign of
   what is left tells. Vectors with larger quotients, and with NaN, infinities or zero divisors, take fmod(). */
#ifndef SIMD_REMAINDER_H
#define SIMD_REMAINDER_H

#include <math.h>

#include "backend/cpu/ref/ref.h"
#include "backend/cpu/simd/simd_math.h"

/* 0 with the sign of x. */
VECTOR_INLINE vec64 zero_like(vec64 x) { return (vec64)((mask64)x & (mask64)splat64(-0.0)); }

/* fmod(a, b); `easy` says where it is. */
VECTOR_INLINE vec64 easy_fmod(vec64 a, vec64 b, mask64 *easy)
{
    vec64 quotient = a / b, whole = trunc64(quotient), rest = a - whole * b;
    mask64 over = (rest != 0) & ((rest < 0) != (a < 0));
    rest = choose64(over, choose64((rest < 0) != (b < 0), rest + b, rest - b), rest);
    *easy = (abs64(quotient) < 0x1p28) & (abs64(b) < (double)INFINITY);
    return choose64(rest == 0, zero_like(a), rest);
}

VECTOR_INLINE vec64 easy_remainder(vec64 a, vec64 b, mask64 *easy)
{
    vec64 rest = easy_fmod(a, b, easy);
    return choose64((rest != 0) & ((rest < 0) != (b < 0)), rest + b, rest);
}

VECTOR_INLINE vec64 easy_floor_divide(vec64 a, vec64 b, mask64 *easy)
{
    vec64 rest = easy_fmod(a, b, easy), quotient = (a - rest) / b;
    quotient = choose64((rest != 0) & ((rest < 0) != (b < 0)), quotient - 1, quotient);
    vec64 whole = floor64(quotient);
    whole = choose64(quotient - whole > 0.5, whole + 1, whole);
    return choose64(quotient == 0, zero_like(a / b), whole);
}

VECTOR_INLINE bool all_lanes(mask64 m)
{
    int64_t both = -1;
    for (int i = 0; i < LANES64; i++) both &= m[i];
    return both != 0;
}

/* As many doubles as a vector has, from element i of a row of n on. */
VECTOR_INLINE vec64 fetch_double(const float *row, int step, int64_t i, int64_t n)
{
    float room[LANES64];
    for (int k = 0; k < LANES64; k++) room[k] = row[step ? tsr_min_i64(i + k, n - 1) : 0];
    half32 h;
    memcpy(&h, room, sizeof h);
    return __builtin_convertvector(h, vec64);
}

#define REMAINDER_ROW(name, easy_form, code)                                                                           \
    static void name(char *const *data, const int *step, int64_t n, const double *p)                                   \
    {                                                                                                                  \
        float *out = (float *)data[0];                                                                                 \
        for (int64_t i = 0; i < n; i += LANES64) {                                                                     \
            mask64 easy;                                                                                               \
            vec64 a = fetch_double((const float *)data[1], step[1], i, n);                                             \
            vec64 b = fetch_double((const float *)data[2], step[2], i, n), y = easy_form(a, b, &easy);                 \
            if (!all_lanes(easy))                                                                                      \
                for (int k = 0; k < LANES64; k++) y[k] = ref_binary_f64(code, a[k], b[k], p);                          \
            half32 h = __builtin_convertvector(y, half32);                                                             \
            copy_floats(out + i, &h, n - i);                                                                           \
        }                                                                                                              \
    }

VECTOR_INLINE void copy_floats(float *to, const half32 *from, int64_t n)
{
    if (n >= LANES64) memcpy(to, from, sizeof *from);
    else copy_bytes(to, from, (size_t)n * sizeof *to);
}

REMAINDER_ROW(row_fmod, easy_fmod, B_FMOD)
REMAINDER_ROW(row_remainder, easy_remainder, B_REMAINDER)
REMAINDER_ROW(row_floor_divide, easy_floor_divide, B_DIV_FLOOR)

#endif
