/* simd_nearest.h: the two ways to the nearest code of each row: the plain one, simd_nearest.c, which defines the result, and
   the filter before it, simd_nearest_filter.c, which is faster where few codes come into question. Rows are searched in
   blocks, and each block goes one way or the other. */
#ifndef SIMD_NEAREST_H
#define SIMD_NEAREST_H

#include <stdbool.h>
#if defined(__FMA__)
#include <immintrin.h>
#endif

#include "backend/cpu/simd/simd_vec.h"

enum {
    NEAREST_GROUP = 6,                /* rows whose products are in registers together */
    NEAREST_BLOCK = 4 * NEAREST_GROUP /* rows for which a panel of codes is used while it is in the first-level cache */
};

/* Row-major. */
typedef struct nearest_job {
    const float *x, *codes;
    int64_t *index;
    int64_t rows, d, count;
} nearest_job;

/* Finds the same codes as the plain search, for as many blocks as pays, and sets found[block] for these. False: no memory. */
bool TIER(nearest_filter)(const nearest_job *j, bool *found);

/* a b + c, rounded once where the tier can. Said explicitly, because the two ways must round alike, and compilers contract
   one expression and not another. */
VECTOR_INLINE vec32 multiply_add32(vec32 a, vec32 b, vec32 c)
{
#if defined(__AVX512F__)
    return (vec32)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif defined(__FMA__)
    return (vec32)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#else
    return a * b + c;
#endif
}

/* The lanes' sum in order, for |x|^2 and |e|^2: in one order for x and codes alike. */
VECTOR_INLINE float sum_in_order(vec32 v)
{
    float total = 0;
    for (int k = 0; k < LANES32; k++) total += v[k];
    return total;
}

VECTOR_INLINE float square_sum(const float *v, int64_t n)
{
    vec32 sum = {0};
    for (int64_t i = 0; i < n; i += LANES32) {
        vec32 a = load_some32(v + i, n - i);
        sum = multiply_add32(a, a, sum);
    }
    return sum_in_order(sum);
}

#endif
