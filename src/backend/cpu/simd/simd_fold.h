/* simd_fold.h: folding many elements into one, the inner loops of reductions. A fold maps each element (to itself, its
   square, e^(x - aux), ...) and combines the results by +, *, max or min, in double whatever the dtype, so that an f32
   sum of millions of terms is exact to its last bit or two. Two shapes of loop cover all layouts: one row of adjacent
   elements to one number, and rows of many columns to a number for each column. */
#ifndef SIMD_FOLD_H
#define SIMD_FOLD_H

#include "backend/cpu/simd/simd_private.h"

typedef enum fold_code {
    FOLD_SUM,
    FOLD_COUNT, /* of elements that are not zero */
    FOLD_PRODUCT,
    FOLD_MAX, /* NaN wins */
    FOLD_MIN,
    FOLD_SUM_NOT_NAN,
    FOLD_SUM_ABS,
    FOLD_SUM_SQUARES,
    FOLD_MAX_ABS,
    FOLD_MIN_ABS,
    FOLD_DEVIATIONS, /* sum of (x - aux)^2 */
    FOLD_EXP,        /* sum of e^(x - aux) */
    FOLD_CODES
} fold_code;

typedef struct fold {
    double start;
    double (*combine)(double a, double b);
    /* n adjacent elements */
    double (*row)(const void *row, int64_t n, double aux);
    /* into acc[0 .. n): `rows` rows of n columns, `step` bytes apart; aux is one for each column */
    void (*columns)(double *acc, const void *first, int64_t n, int64_t rows, int64_t step, const double *aux);
} fold;

/* row is NULL where there is none for the dtype: of integers there is FOLD_COUNT alone. */
fold TIER(simd_fold_of)(fold_code code, int32_t dtype);

#endif
