/* simd_total_real.h: sums of a vector's elements, of one and of four vectors at once, for float or double. Includers define
   REAL_BITS and have included simd_transpose.h. */
#include "backend/cpu/simd/simd_real.h"

VECTOR_INLINE REAL F(total)(VEC x)
{
    for (int half = LANES / 2; half > 0; half /= 2)
        for (int i = 0; i < half; i++) x[i] += x[i + half];
    return x[0];
}

#if VECTOR_BYTES * 8 / REAL_BITS >= 4

typedef REAL F(quad) __attribute__((vector_size(REAL_BITS / 2)));
#if REAL_BITS == 32
typedef int32_t F(quad_index) __attribute__((vector_size(16)));
#else
typedef int64_t F(quad_index) __attribute__((vector_size(32)));
#endif

/* The sums of every fourth element. */
VECTOR_INLINE F(quad) F(fold)(VEC x)
{
    F(quad) part[LANES / 4], sum;
    memcpy(part, &x, sizeof x);
    sum = part[0];
    for (int i = 1; i < LANES / 4; i++) sum += part[i];
    return sum;
}

/* sum[i] = the total of x_i: transposed on the way, which costs half as much as four totals. */
VECTOR_INLINE void F(four_totals)(REAL sum[4], VEC x0, VEC x1, VEC x2, VEC x3)
{
    F(quad) a = F(fold)(x0), b = F(fold)(x1), c = F(fold)(x2), d = F(fold)(x3);
    F(quad) ab = SHUFFLE(a, b, F(quad_index), 0, 4, 1, 5) + SHUFFLE(a, b, F(quad_index), 2, 6, 3, 7);
    F(quad) cd = SHUFFLE(c, d, F(quad_index), 0, 4, 1, 5) + SHUFFLE(c, d, F(quad_index), 2, 6, 3, 7);
    F(quad) all = SHUFFLE(ab, cd, F(quad_index), 0, 1, 4, 5) + SHUFFLE(ab, cd, F(quad_index), 2, 3, 6, 7);
    memcpy(sum, &all, sizeof all);
}

#else

VECTOR_INLINE void F(four_totals)(REAL sum[4], VEC x0, VEC x1, VEC x2, VEC x3)
{
    sum[0] = F(total)(x0), sum[1] = F(total)(x1), sum[2] = F(total)(x2), sum[3] = F(total)(x3);
}

#endif
