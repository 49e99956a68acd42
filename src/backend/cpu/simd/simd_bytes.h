/* simd_bytes.h: products of bytes and the arithmetic of 16-bit lanes that goes with them, where the tier has them.

   The compilers' vector extensions have no name for these instructions, so they are intrinsics, in this file alone.
   SIMD_HAS_BYTES is defined in the tiers that have them; others do without. */
#ifndef SIMD_BYTES_H
#define SIMD_BYTES_H

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#include "backend/cpu/simd/simd_vec.h"

#if defined(__AVX512BW__)
#define SIMD_HAS_BYTES
#define BYTES_INTRINSIC(name) _mm512_##name
typedef __m512i bytes_register;
#elif defined(__AVX2__)
#define SIMD_HAS_BYTES
#define BYTES_INTRINSIC(name) _mm256_##name
typedef __m256i bytes_register;
#endif

#ifdef SIMD_HAS_BYTES

enum { LANES16 = VECTOR_BYTES / 2 };

typedef int16_t vec16 __attribute__((vector_size(VECTOR_BYTES)));

VECTOR_INLINE vec16 load16(const int16_t *from)
{
    vec16 x;
    memcpy(&x, from, sizeof x);
    return x;
}

VECTOR_INLINE void store16(int16_t *to, vec16 x) { memcpy(to, &x, sizeof x); }

/* The two halves of `two` in turn. */
VECTOR_INLINE vec16 splat_two16(int32_t two) { return (vec16)((mask32){0} + two); }

/* Modulo 2^16: signed vectors must not overflow. */
typedef uint16_t words16 __attribute__((vector_size(VECTOR_BYTES)));
VECTOR_INLINE vec16 add_wrapping16(vec16 a, vec16 b) { return (vec16)((words16)a + (words16)b); }
VECTOR_INLINE vec16 negate_wrapping16(vec16 a) { return (vec16)(-(words16)a); }

/* In each lane the sum of the two products of a's bytes, taken without sign, and b's, with sign. The sum must fit. */
VECTOR_INLINE vec16 multiply_bytes(vec16 a, vec16 b)
{
    return (vec16)BYTES_INTRINSIC(maddubs_epi16)((bytes_register)a, (bytes_register)b);
}

/* a b / 2^15, rounded. */
VECTOR_INLINE vec16 multiply_fractions(vec16 a, vec16 b)
{
    return (vec16)BYTES_INTRINSIC(mulhrs_epi16)((bytes_register)a, (bytes_register)b);
}

/* a - b, or the end of the range beyond which it lies. */
VECTOR_INLINE vec16 subtract_clamped(vec16 a, vec16 b)
{
    return (vec16)BYTES_INTRINSIC(subs_epi16)((bytes_register)a, (bytes_register)b);
}

VECTOR_INLINE vec16 larger16(vec16 a, vec16 b)
{
    return (vec16)BYTES_INTRINSIC(max_epi16)((bytes_register)a, (bytes_register)b);
}

VECTOR_INLINE int32_t lane_largest16(vec16 v)
{
#if defined(__AVX512BW__)
    __m256i half = _mm256_max_epi16(_mm512_castsi512_si256((__m512i)v), _mm512_extracti64x4_epi64((__m512i)v, 1));
#else
    __m256i half = (__m256i)v;
#endif
    __m128i quarter = _mm_max_epi16(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
    /* The only such instruction finds the smallest of eight without sign. */
    __m128i turned = _mm_xor_si128(quarter, _mm_set1_epi16(INT16_MAX));
    return (int16_t)(_mm_extract_epi16(_mm_minpos_epu16(turned), 0) ^ INT16_MAX);
}

/* Bit i: whether lane i of a is above b's. */
VECTOR_INLINE uint32_t above16(vec16 a, vec16 b)
{
#if defined(__AVX512BW__)
    return _mm512_cmpgt_epi16_mask((__m512i)a, (__m512i)b);
#else
    __m256i m = _mm256_cmpgt_epi16((__m256i)a, (__m256i)b);
    __m128i bytes = _mm_packs_epi16(_mm256_castsi256_si128(m), _mm256_extracti128_si256(m, 1));
    return (uint32_t)_mm_movemask_epi8(bytes);
#endif
}

#endif
#endif
