/* half.h: the two 16-bit float formats, which the library stores and converts but does not compute with. IEEE 754
   binary16 (F16) and the upper half of binary32 (BF16); both conversions from f32 round to nearest, ties to even. */
#ifndef BASE_HALF_H
#define BASE_HALF_H

#include <stdint.h>
#include <string.h>

static inline uint32_t tsr_bits_of_f32(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline float tsr_f32_of_bits(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static inline float tsr_f32_from_bf16(uint16_t h) { return tsr_f32_of_bits((uint32_t)h << 16); }

static inline uint16_t tsr_bf16_from_f32(float x)
{
    uint32_t bits = tsr_bits_of_f32(x);
    if ((bits & 0x7fffffffu) > 0x7f800000u) return (uint16_t)((bits >> 16) | 0x40u); /* a NaN stays one */
    return (uint16_t)((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

static inline float tsr_f32_from_f16(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000u) << 16, exponent = (h >> 10) & 0x1fu, fraction = h & 0x3ffu;
    uint32_t quiet = fraction ? 0x400000u : 0; /* of NaN, as processors convert it */
    if (exponent == 31) return tsr_f32_of_bits(sign | 0x7f800000u | quiet | (fraction << 13));
    if (exponent != 0) return tsr_f32_of_bits(sign | ((exponent + 112u) << 23) | (fraction << 13));
    float magnitude = (float)fraction * 0x1p-24f; /* subnormal, or zero */
    return tsr_f32_of_bits(sign | tsr_bits_of_f32(magnitude));
}

static inline uint16_t tsr_f16_from_f32(float x)
{
    uint32_t bits = tsr_bits_of_f32(x), magnitude = bits & 0x7fffffffu;
    uint16_t sign = (uint16_t)((bits >> 16) & 0x8000u);
    if (magnitude > 0x7f800000u) return (uint16_t)(sign | 0x7e00u | ((magnitude >> 13) & 0x3ffu));
    if (magnitude >= 0x477ff000u) return (uint16_t)(sign | 0x7c00u); /* 65520 and more round to infinity */
    if (magnitude < 0x38800000u) { /* below 2^-14: adding 0.5 leaves the rounded subnormal in the low bits */
        float sum = tsr_f32_of_bits(magnitude) + 0.5f;
        return (uint16_t)(sign | (tsr_bits_of_f32(sum) - 0x3f000000u));
    }
    uint32_t rounded = magnitude + 0xfffu + ((magnitude >> 13) & 1u);
    return (uint16_t)(sign | ((rounded - 0x38000000u) >> 13));
}

#endif
