/* simd_argument_real.h: the row of simd_argument.c, for float or double; included twice. */
#include "backend/cpu/simd/simd_real.h"

static REAL F(extreme)(const REAL *row, int64_t n, bool largest)
{
    VEC best = F(splat)(row[0]);
    for (int64_t i = 0; i + LANES <= n; i += LANES) {
        VEC x = F(load)(row + i);
        best = largest ? F(max)(x, best) : F(min)(x, best);
    }
    REAL result = best[0];
    for (int i = 1; i < LANES; i++)
        result = (largest ? best[i] > result : best[i] < result) || isnan(best[i]) ? best[i] : result;
    for (int64_t i = n / LANES * LANES; i < n; i++)
        result = (largest ? row[i] > result : row[i] < result) || isnan(row[i]) ? row[i] : result;
    return result;
}

static int64_t F(position)(const REAL *row, int64_t n, bool largest)
{
    REAL best = F(extreme)(row, n, largest);
    int64_t i = 0;
    if (isnan(best))
        while (!isnan(row[i])) i++;
    else
        while (row[i] != best) i++;
    return i;
}
