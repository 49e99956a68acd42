/* simd_ternary_real.h: the rows of simd_ternary.c, for float or double; included twice. */
#include "backend/cpu/simd/simd_real.h"

#define TERNARY(name, value)                                                                                           \
    static void F(name)(char *const *data, const int *step, int64_t n, const double *p)                                \
    {                                                                                                                  \
        const REAL factor = p ? (REAL)p[0] : 0;                                                                        \
        REAL *out = (REAL *)data[0];                                                                                   \
        const REAL *from_a = (const REAL *)data[1];                                                                    \
        const int step_a = step[1];                                                                                    \
        const REAL *from_b = (const REAL *)data[2];                                                                    \
        const int step_b = step[2];                                                                                    \
        const REAL *from_c = (const REAL *)data[3];                                                                    \
        const int step_c = step[3];                                                                                    \
        (void)factor;                                                                                                  \
        for (int64_t i = 0; i < n; i += LANES) {                                                                       \
            VEC a = F(fetch)(from_a, step_a, i, n), b = F(fetch)(from_b, step_b, i, n);                                \
            VEC c = F(fetch)(from_c, step_c, i, n);                                                                    \
            F(store_some)(out + i, value, n - i);                                                                      \
        }                                                                                                              \
    }

/* From the nearer end, so that weights 0 and 1 give exactly a and b. */
VECTOR_INLINE VEC F(lerp)(VEC a, VEC b, VEC weight)
{
    VEC difference = b - a;
    return F(choose)(F(abs)(weight) < (REAL)0.5, a + weight * difference, b - difference * (1 - weight));
}

TERNARY(row_addcmul, a + factor * b * c)
TERNARY(row_addcdiv, a + factor * b / c)
TERNARY(row_lerp, F(lerp)(a, b, c))
TERNARY(row_clamp, F(min)(F(max)(a, b), c))

static const loop_row F(rows)[T_COUNT] = {
    [T_ADDCMUL] = F(row_addcmul),
    [T_ADDCDIV] = F(row_addcdiv),
    [T_LERP] = F(row_lerp),
    [T_CLAMP] = F(row_clamp),
};

#undef TERNARY
